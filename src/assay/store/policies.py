"""How the lake is kept: when small files are merged, what is deleted when, how long rows may stay hot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from assay.model.errors import ModelError, did_you_mean
from assay.store.layout import TABLES, is_derived

_MEGABYTE = 1_000_000


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_Known = TypeVar("_Known", bound=_Settings)


class TablePolicy(_Settings):
    """How one table is kept.

    Attributes
    ----------
    keep_days
        Date partitions older than this many days leave the table; None keeps every row. Derived tables don't
        take it over from the policy for all tables.
    small_file_mb
        A file below this size is small.
    small_files
        A date with at least this many small files is compacted.
    target_file_mb
        About how large compaction makes a file.
    old_versions_days
        How long a file that no newer version needs stays, for readers and for looking at the past by version.
        Of derived tables it holds where they have a policy of their own; without one it's an hour.
    checkpoint_every
        After how many commits the log is summed up, so that opening the table stays quick.
    """

    keep_days: int | None = Field(default=None, ge=1)
    small_file_mb: float = Field(default=32, gt=0)
    small_files: int = Field(default=8, ge=2)
    target_file_mb: float = Field(default=256, gt=0)
    old_versions_days: float = Field(default=7, ge=0)
    checkpoint_every: int = Field(default=50, ge=1)

    @model_validator(mode="after")
    def _target_is_not_small(self) -> TablePolicy:
        if self.target_file_mb < self.small_file_mb:
            raise ValueError(
                f"target_file_mb ({self.target_file_mb:g}) is below small_file_mb ({self.small_file_mb:g}), "
                "so files would be compacted for ever"
            )
        return self

    @property
    def small_bytes(self) -> int:
        """``small_file_mb`` in bytes."""
        return round(self.small_file_mb * _MEGABYTE)

    @property
    def target_bytes(self) -> int:
        """``target_file_mb`` in bytes."""
        return round(self.target_file_mb * _MEGABYTE)


class HotPolicy(_Settings):
    """When the rows of the hot buffer become part of the tables, and how many it may hold.

    Attributes
    ----------
    seconds, rows, megabytes
        The buffer is flushed when its oldest rows reach this age, or when it holds this much.
    limit_megabytes
        Rows beyond this are refused until the buffer was flushed; none is dropped.
    """

    seconds: float = Field(default=5, gt=0, le=3600)
    rows: int = Field(default=500_000, ge=1)
    megabytes: float = Field(default=64, gt=0)
    limit_megabytes: float = Field(default=1024, gt=0)

    @property
    def bytes(self) -> int:
        """``megabytes`` in bytes."""
        return round(self.megabytes * _MEGABYTE)

    @property
    def limit_bytes(self) -> int:
        """``limit_megabytes`` in bytes."""
        return round(self.limit_megabytes * _MEGABYTE)


class LakePolicies(_Settings):
    """The ``[lake]`` part of ``assay.toml``: for all tables, the hot buffer, and single tables."""

    every: TablePolicy = TablePolicy()
    hot: HotPolicy = HotPolicy()
    tables: Mapping[str, TablePolicy] = Field(default_factory=dict)

    def of(self, table: str) -> TablePolicy:
        """The policy of one table. Derived ones keep every row where their own policy says nothing else."""
        return self.tables.get(table, self._general(table))

    def _general(self, table: str) -> TablePolicy:
        return self.every.model_copy(update={"keep_days": None}) if is_derived(table) else self.every

    def to_toml(self) -> str:
        """The text of the part; empty when every setting has its default."""
        parts = [("lake", _said(self.every, TablePolicy())), ("lake.hot", _said(self.hot, HotPolicy()))]
        parts += [(f"lake.{name}", _said(one, self._general(name))) for name, one in self.tables.items()]
        return "".join(
            f"\n[{head}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in said.items())
            for head, said in parts
            if said
        )


DEFAULT_POLICIES = LakePolicies()
"""What holds where ``assay.toml`` says nothing: every row is kept."""


def _said(policy: _Settings, beside: _Settings) -> dict[str, Any]:
    defaults = beside.model_dump()
    # A table can't be told to keep everything by TOML, which has no null; then the general setting holds.
    return {
        key: value
        for key, value in policy.model_dump().items()
        if value != defaults[key] and value is not None
    }


def read_policies(part: object, where: str) -> LakePolicies:
    """The policies of the ``[lake]`` part of ``assay.toml``; ``where`` begins the message of an error.

    Raises
    ------
    ModelError
        A setting or a table is unknown, or a value is not valid.
    """
    if not isinstance(part, dict):
        raise ModelError(f"{where}: it is {part!r}, not a table", hint="Write it as [lake].")
    named = {key: value for key, value in part.items() if isinstance(value, dict)}
    general = {key: value for key, value in part.items() if key not in named}
    every = _checked(TablePolicy, general, where)
    hot = _checked(HotPolicy, named.pop("hot", {}), f"{where}.hot")
    for name in named:
        if name not in TABLES and not is_derived(name):
            raise ModelError(
                f"{where}.{name}: the lake has no table {name!r}",
                hint=did_you_mean(name, [*TABLES, "hot"])
                or f"Tables: {', '.join(TABLES)}, and derived ones, such as dwd_reading.",
            )
    shared = {key: value for key, value in general.items() if key != "keep_days"}
    tables = {
        name: _checked(TablePolicy, {**(shared if is_derived(name) else general), **own}, f"{where}.{name}")
        for name, own in named.items()
    }
    return LakePolicies(every=every, hot=hot, tables=tables)


def _checked(kind: type[_Known], values: Mapping[str, Any], where: str) -> _Known:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join([where, *map(str, first["loc"])])
        if first["type"] == "extra_forbidden":
            known = list(kind.model_fields)
            raise ModelError(
                f"{path}: there is no such setting",
                hint=did_you_mean(str(first["loc"][0]), known) or f"Settings: {', '.join(known)}.",
            ) from error
        said = first["msg"].removeprefix("Value error, ")
        raise ModelError(f"{path}: {said}", hint="Correct the setting.") from error
