"""Databases that stay where they are (MES, LIMS, ERP): what ``model.yaml`` says about them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Self
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from assay.model.attributes import Attribute
from assay.model.entities import ENTITIES
from assay.model.errors import ModelError, did_you_mean
from assay.model.kinds import SCHEMAS, STAMPS, RecordKind, own_fields

_NAME = r"^[^\W\d]\w{0,62}$"

SCHEMES: dict[str, str] = {
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
    "mariadb": "mariadb+pymysql",
    "mariadb+pymysql": "mariadb+pymysql",
    "mysql": "mariadb+pymysql",
    "mysql+pymysql": "mariadb+pymysql",
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
}
"""What a URL may begin with, and the driver that is used."""

ENVIRONMENT = "env:"
"""A URL that begins so names the environment variable that holds it."""

RECORDS: dict[str, tuple[tuple[str, ...], ...]] = {
    RecordKind.MEASUREMENT.value: (("subject",), ("subject_kind",), ("characteristic",), ("value", "text")),
    RecordKind.EVENT.value: (("event",),),
}
"""Record kinds a table can be mounted as, and the fields of which one each must be given."""

_UNFIT = {
    RecordKind.READING.value: "readings are too many to be asked for in place: load them",
    RecordKind.MOVEMENT.value: "the genealogy is built from loaded records: load them",
    RecordKind.ARTIFACT.value: "the content of an artifact has to be in the plant: load them",
    RecordKind.ENTITY.value: "an entity is mounted as its kind, such as work_order",
}
_ALIKE = 0.8  # a new kind whose name is this close to a known one is taken for a slip


class MountedTable(BaseModel):
    """A table (or view) of a source, mounted as an entity kind or as a record kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=_NAME, description="Its name in the plant.")
    table: str = Field(
        min_length=1, description="Its name at the source, with its schema where needed: lims.results."
    )
    kind: str = Field(
        pattern=_NAME,
        description="What a row is: measurement, event, an entity kind such as work_order, or a new kind.",
    )
    key: str | None = Field(default=None, min_length=1, description="Column of the id, for entities.")
    fields: dict[str, str] = Field(
        default_factory=dict, description="Name in the plant: column at the source."
    )
    links: dict[str, str] = Field(
        default_factory=dict, description="Field that holds an id: the entity kind it is an id of."
    )
    constants: dict[str, str] = Field(
        default_factory=dict, description="Fields that are the same in every row, such as subject_kind: unit."
    )
    changed: str | None = Field(
        default=None,
        min_length=1,
        description="Column that every change of a row sets anew, such as the time of the last change; "
        "xmin for tables of PostgreSQL. Rows older than fresh_for are used again while nothing changed.",
    )

    @property
    def record(self) -> RecordKind | None:
        """The record kind it is mounted as; None for entities."""
        return RecordKind(self.kind) if self.kind in RECORDS else None

    def given(self) -> tuple[str, ...]:
        """The names in the plant that its rows have a value for, ``id`` of entities among them."""
        return (*(["id"] if self.key else []), *self.fields, *self.constants)


class Source(BaseModel):
    """One database: where it is, and which of its tables are mounted.

    ``url`` is a SQLAlchemy URL for PostgreSQL, MariaDB or SQLite, or ``env:NAME`` for the environment
    variable that holds it, so that no password stands in the file. The path of a SQLite file is relative to
    the plant's directory.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str = Field(pattern=_NAME, description="Its name in the plant.")
    url: str = Field(min_length=1, description="Where it is: a URL without a password, or env:NAME.")
    tables: list[MountedTable] = Field(min_length=1, description="The tables that are mounted.")
    timeout: float = Field(default=10.0, gt=0, le=3600, description="Seconds a statement may take.")
    fresh_for: float = Field(
        default=60.0, ge=0, description="Seconds that fetched rows are used again without asking."
    )
    time_zone: str | None = Field(
        default=None, description="Zone of its times without one; the plant's where it isn't given."
    )

    @field_validator("url")
    @classmethod
    def _can_be_opened(cls, url: str) -> str:
        if url.startswith(ENVIRONMENT):
            name = url.removeprefix(ENVIRONMENT)
            if not name.isidentifier():
                raise ValueError(f"{name!r} is not the name of an environment variable")
            return url
        checked_scheme(url)
        if _holds_password(url):
            raise ValueError(
                "a password stands in the file: put the URL into an environment variable and write env:NAME"
            )
        return url

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, zone: str | None) -> str | None:
        if zone is not None:
            try:
                ZoneInfo(zone)
            except (ZoneInfoNotFoundError, ValueError, OSError) as error:
                raise ValueError(f"time zone {zone!r} is not known; write it like 'Europe/Berlin'") from error
        return zone

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [table.name for table in self.tables]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"source {self.name!r} mounts two tables as {twice[0]!r}")
        return self

    def table(self, name: str) -> MountedTable:
        """A mounted table by its name in the plant.

        Raises
        ------
        ModelError
            None is called so.
        """
        for table in self.tables:
            if table.name == name:
                return table
        known = [table.name for table in self.tables]
        raise ModelError(
            f"source {self.name!r} has no table {name!r}",
            hint=did_you_mean(name, known) or f"Known: {', '.join(known)}.",
        )


def checked_scheme(url: str) -> str:
    """The driver for a URL, such as ``postgresql+psycopg``.

    Raises
    ------
    ValueError
        The URL is of another kind of database; the message never holds more of it than how it begins.
    """
    scheme, found, _ = url.partition("://")
    if not found:
        raise ValueError(
            "this is not the URL of a database; write it like postgresql://user@host/database, or env:NAME"
        )
    if scheme not in SCHEMES:
        meant = did_you_mean(scheme, list(SCHEMES))
        raise ValueError(
            f"databases of the kind {scheme!r} can't be asked. "
            + (meant or "Known: postgresql, mariadb, sqlite.")
        )
    return SCHEMES[scheme]


def _holds_password(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.password) or any(
            name.casefold() in {"password", "passwd", "sslpassword"} for name, _ in parse_qsl(parts.query)
        )
    except ValueError:
        return True


def mounted_kinds(sources: Iterable[Source]) -> tuple[str, ...]:
    """The new entity kinds that mounted tables bring, in order."""
    kinds = [table.kind for source in sources for table in source.tables if not table.record]
    return tuple(dict.fromkeys(kind for kind in kinds if kind not in ENTITIES))


def record_fields(kind: RecordKind, attributes: Sequence[Attribute] = ()) -> dict[str, pa.DataType]:
    """The fields a table mounted as ``kind`` can map, with their Arrow types: all but what loading stamps."""
    fields = [*own_fields(kind), *(field for field in STAMPS if field.name != "recorded")]
    own = [one.field for one in attributes if one.kind is kind]
    return {field.name: _plain(field.type) for field in [*fields, *own]}


def record_columns(kind: RecordKind, attributes: Sequence[Attribute] = ()) -> dict[str, pa.DataType]:
    """Every column of a record kind as a question sees it, the plant's attributes among them."""
    hidden = {"key_hash", "content_hash"}
    fields = [field for field in SCHEMAS[kind] if field.name not in hidden]
    own = [one.field for one in attributes if one.kind is kind]
    return {field.name: _plain(field.type) for field in [*fields, *own]}


def _plain(type_: pa.DataType) -> pa.DataType:
    return type_.value_type if pa.types.is_dictionary(type_) else type_


def check_sources(sources: Sequence[Source], attributes: Sequence[Attribute], where: str) -> None:
    """Check declarations against the model and against each other.

    Parameters
    ----------
    sources
        The section ``sources``.
    attributes
        The plant's extra columns of record kinds.
    where
        The name of the file, for messages.

    Raises
    ------
    ModelError
        The message has the path of what is wrong, such as ``model.yaml: sources[0].tables[1].links.order``.
    """
    kinds = [*ENTITIES, *mounted_kinds(sources)]
    seen_sources: dict[str, str] = {}
    seen_tables: dict[str, str] = {}
    for path, source in ((f"{where}: sources[{index}]", source) for index, source in enumerate(sources)):
        _only_once(f"{path}.name", source.name, seen_sources, "a source")
    for path, table in _tables(sources, where):
        _only_once(f"{path}.name", table.name, seen_tables, "a mounted table")
        _check_kind(path, table)
        _check_both(path, table)
        if table.record:
            _check_record(path, table, record_fields(table.record, attributes))
        else:
            _check_entity(path, table)
        _check_links(path, table, kinds)
    _check_fields_of_kinds(sources, where)
    _check_cycles(sources, where)


def _tables(sources: Sequence[Source], where: str) -> Iterator[tuple[str, MountedTable]]:
    for place, source in enumerate(sources):
        for index, table in enumerate(source.tables):
            yield f"{where}: sources[{place}].tables[{index}]", table


def _only_once(path: str, name: str, seen: dict[str, str], what: str) -> None:
    if name in seen:
        first = seen[name].split(": ", 1)[1].removesuffix(".name")
        raise ModelError(
            f"{path}: {what} is called {name!r} already, in {first}", hint="Give one of them another name."
        )
    seen[name] = path


def _check_kind(path: str, table: MountedTable) -> None:
    kind = table.kind
    if kind in _UNFIT:
        raise ModelError(
            f"{path}.kind: a table can't be mounted as {kind!r}: {_UNFIT[kind]}",
            hint=f"Records can be mounted as {' or '.join(RECORDS)}.",
        )
    if kind in RECORDS or kind in ENTITIES:
        return
    known = [*RECORDS, *ENTITIES]
    close = [one for one in known if SequenceMatcher(None, kind.casefold(), one).ratio() >= _ALIKE]
    if close:
        raise ModelError(
            f"{path}.kind: there is no kind {kind!r}, and it's too close to {close[0]!r} for a new one",
            hint=did_you_mean(kind, close),
        )


def _check_both(path: str, table: MountedTable) -> None:
    for name in table.constants:
        if name in table.fields:
            raise ModelError(
                f"{path}.constants.{name}: the field {name!r} is given twice, as a column and as a constant",
                hint="Keep one of them.",
            )


def _check_record(path: str, table: MountedTable, known: Mapping[str, pa.DataType]) -> None:
    if table.key is not None:
        raise ModelError(
            f"{path}.key: records have no key, only entities have",
            hint="Leave it out, or name an entity kind.",
        )
    for section, names in (("fields", table.fields), ("constants", table.constants)):
        for name in names:
            if name not in known:
                raise ModelError(
                    f"{path}.{section}.{name}: {table.kind} has no field {name!r}",
                    hint=did_you_mean(name, list(known))
                    or f"Known: {', '.join(known)}. Declare others under attributes.",
                )
    for name in table.constants:
        if not pa.types.is_string(known[name]):
            raise ModelError(
                f"{path}.constants.{name}: only text can be the same in every row", hint="Map it to a column."
            )
    for options in RECORDS[table.kind]:
        if not set(options) & {*table.fields, *table.constants}:
            raise ModelError(
                f"{path}.fields: a {table.kind} needs {' or '.join(options)}",
                hint="Map it to a column under fields, or give it under constants.",
            )


def _check_entity(path: str, table: MountedTable) -> None:
    if table.key is None:
        raise ModelError(
            f"{path}.key: is missing; it names the column that holds the id of a {table.kind}", hint="Add it."
        )
    for section, names in (("fields", table.fields), ("constants", table.constants)):
        for name in names:
            taken = "the id is given by key" if name == "id" else ""
            taken = "Assay finds it itself" if name == "is_current" else taken
            if taken:
                raise ModelError(
                    f"{path}.{section}.{name}: {name!r} can't be mapped: {taken}", hint="Leave it out."
                )
            if not name.isidentifier():
                raise ModelError(
                    f"{path}.{section}.{name}: {name!r} is not a name that a question can hold",
                    hint="Begin with a letter and use letters, digits and _ only.",
                )


def _check_links(path: str, table: MountedTable, kinds: Sequence[str]) -> None:
    for name, target in table.links.items():
        where = f"{path}.links.{name}"
        if name not in table.given():
            raise ModelError(
                f"{where}: there is no field {name!r} that could hold an id",
                hint=did_you_mean(name, list(table.given())) or "Map it to a column under fields.",
            )
        if target not in kinds:
            raise ModelError(
                f"{where}: {target!r} is not an entity kind",
                hint=did_you_mean(target, list(kinds)) or f"Known: {', '.join(kinds)}.",
            )


def _check_fields_of_kinds(sources: Sequence[Source], where: str) -> None:
    """Two tables may complete one kind, each with fields of its own."""
    seen: dict[tuple[str, str], str] = {}
    for path, table in _tables(sources, where):
        if table.record:
            continue
        for name in (*table.fields, *table.constants):
            place = (table.kind, name)
            if place in seen:
                raise ModelError(
                    f"{path}.fields.{name}: {table.kind} has {name!r} already, from {seen[place]!r}",
                    hint="Give one of them another name in the plant.",
                )
            seen[place] = table.name


def _check_cycles(sources: Sequence[Source], where: str) -> None:
    """An id that is the id of another kind extends that kind; a kind can't extend itself."""
    above: dict[str, set[str]] = {}
    places: dict[str, str] = {}
    for path, table in _tables(sources, where):
        if not table.record and "id" in table.links:
            above.setdefault(table.kind, set()).add(table.links["id"])
            places.setdefault(table.kind, f"{path}.links.id")
    for start, path in places.items():
        way = _way_back(start, above)
        if way:
            raise ModelError(
                f"{path}: {' → '.join(way)}: the kinds extend each other in a circle",
                hint="Take one of these links away: the id of the first kind belongs to nobody else.",
            )


def _way_back(start: str, above: Mapping[str, set[str]]) -> list[str]:
    """The kinds from ``start`` along ``above`` back to it; empty when there is no way."""
    ways, seen = [[start]], set[str]()
    while ways:
        way = ways.pop()
        for target in sorted(above.get(way[-1], ())):
            if target == start:
                return [*way, start]
            if target not in seen:
                seen.add(target)
                ways.append([*way, target])
    return []
