"""The plant's own settings, kept in ``assay.toml``."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from assay.model.errors import ModelError
from assay.model.text import Language
from assay.store.layout import TABLES
from assay.store.policies import LakePolicies, read_policies

FILE_NAME = "assay.toml"

_HOSTS = r"[\w.-]+:\d{1,5}"
_ENGINE = re.compile(
    rf"duckdb|local|local\[(\d+|\*)\]|spark://{_HOSTS}(,{_HOSTS})*|sc://[\w.-]+(:\d{{1,5}})?(/;?.*)?"
)
ENGINE_FORMS = "duckdb, local[2], spark://host:7077 or sc://host:15002"
"""How the setting ``engine`` is written: DuckDB, Spark in this process, a Spark cluster, Spark Connect."""


def is_engine(url: str) -> bool:
    """Whether a text has one of the forms of the setting ``engine``."""
    return _ENGINE.fullmatch(url) is not None


LOG_SWITCH = "ASSAY_LEDGER"
"""The environment variable that, set to ``off``, has new plants made without an evidence log."""


def log_by_default() -> bool:
    """Whether a new plant gets an evidence log when nobody says otherwise."""
    return os.environ.get(LOG_SWITCH, "").strip().lower() not in {"off", "0", "false", "no"}


class LedgerSettings(BaseModel):
    """The ``[ledger]`` part of ``assay.toml``.

    Attributes
    ----------
    log
        Whether everything the plant records is logged; it is where the plant has a log.
    disclosable
        By table, the columns of which a single field can be shown while the rest of its row stays hidden.
    gate
        By table, the columns of the plant's own that the gate is told (:mod:`assay.store.evidence_gate`).
    pseudonyms
        Whether people stand by random ids only in the log (``"log"``), or in everything that is recorded
        (:mod:`assay.store.people`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    log: bool = True
    pseudonyms: bool | Literal["log"] = False
    disclosable: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    gate: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)

    @field_validator("pseudonyms", mode="before")
    @classmethod
    def _is_way(cls, said: object) -> object:
        if not isinstance(said, bool) and said != "log":
            raise ValueError(f'{said!r} is not known; write true, false or "log"')
        return said

    @field_validator("disclosable", "gate")
    @classmethod
    def _are_tables(cls, named: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
        for table in named:
            if table not in TABLES:
                raise ValueError(f"the lake has no table {table!r}; tables: {', '.join(TABLES)}")
        return named

    def to_toml(self) -> str:
        """The text of the part; empty when every setting has its default."""
        said = "" if self.log else "log = false\n"
        said += f"pseudonyms = {json.dumps(self.pseudonyms)}\n" if self.pseudonyms else ""
        text = f"\n[ledger]\n{said}" if said else ""
        for part, tables in (("disclosable", self.disclosable), ("gate", self.gate)):
            if tables:
                lines = "".join(f"{name} = {json.dumps(list(one))}\n" for name, one in tables.items())
                text += f"\n[ledger.{part}]\n{lines}"
        return text


class PlantConfig(BaseModel):
    """Name, time zone, language and the places of registry and lake.

    ``registry`` is a SQLAlchemy URL, or empty for ``registry.db`` in the plant's directory; ``lake`` and
    ``objects`` are directories or ``s3://bucket/prefix``, or empty for those names in the plant's directory.
    ``engine`` is what answers questions: empty or ``duckdb`` for DuckDB; ``spark://host:port``,
    ``sc://host:port`` (Spark Connect) or ``local[n]`` for Apache Spark. ``policies`` is the file's ``[lake]``
    part, ``ledger`` its ``[ledger]`` part.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=200)
    time_zone: str = "UTC"
    language: Language = "en"
    registry: str = ""
    lake: str = ""
    objects: str = ""
    engine: str = ""
    policies: LakePolicies = LakePolicies()
    ledger: LedgerSettings = LedgerSettings()

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"time zone {zone!r} is not known; write it like 'Europe/Berlin'") from error
        return zone

    @field_validator("engine")
    @classmethod
    def _is_engine(cls, url: str) -> str:
        if url and not is_engine(url):
            raise ValueError(f"engine {url!r} is not known; write {ENGINE_FORMS}, or leave it empty")
        return url

    def to_toml(self) -> str:
        """The text of ``assay.toml``."""
        lines = ["# An Assay plant. https://github.com/toml-lang/toml", "[plant]"]
        # A JSON string is a valid TOML basic string.
        lines += [
            f"{key} = {json.dumps(value, ensure_ascii=False)}"
            for key, value in self.model_dump(exclude={"policies", "ledger"}).items()
        ]
        return "\n".join(lines) + "\n" + self.policies.to_toml() + self.ledger.to_toml()


def read_config(path: Path) -> PlantConfig:
    """Read ``assay.toml``.

    Raises
    ------
    ModelError
        The file is not TOML, or a setting is missing, unknown or not valid.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} is not TOML: {error}", hint="Correct the file in a text editor.") from error
    config = checked_config(document.get("plant", {}), f"{path}: plant")
    policies = read_policies(document.get("lake", {}), f"{path}: lake")
    ledger = _checked(LedgerSettings, document.get("ledger", {}), f"{path}: ledger")
    return config.model_copy(update={"policies": policies, "ledger": ledger})


def checked_config(values: Mapping[str, Any], where: str) -> PlantConfig:
    """Settings as a config; ``where`` begins the message of an error.

    Raises
    ------
    ModelError
        A setting is missing, unknown or not valid.
    """
    return _checked(PlantConfig, values, where)


_Part = TypeVar("_Part", bound=BaseModel)


def _checked(part: type[_Part], values: object, where: str) -> _Part:
    try:
        return part.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join([where, *map(str, first["loc"])])
        said = first["msg"].removeprefix("Value error, ")
        raise ModelError(f"{path}: {said}", hint="Correct the setting.") from error
