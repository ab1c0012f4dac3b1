"""The mounted tables of a plant, as the kinds of a question see them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

from assay.model.kinds import RecordKind
from assay.model.sources import MountedTable
from assay.query.federation import Federation
from assay.query.program import Told

_SPOKEN = {"execution": "step"}
"""What questions call the kinds of master data that they have another word for."""


@dataclass(frozen=True)
class Mount:
    """A mounted table and its source."""

    source: str
    table: MountedTable

    @property
    def kind(self) -> str:
        """The kind of its rows, as questions call it."""
        return _SPOKEN.get(self.table.kind, self.table.kind)

    @property
    def links(self) -> dict[str, str]:
        """Fields that hold the id of another thing, with its kind as questions call it."""
        return {field: _SPOKEN.get(target, target) for field, target in self.table.links.items()}


class Mounts:
    """Which table of which source completes a kind or brings records; sources are asked when they must be.

    For one question: names that were asked for are not asked for again. ``told`` has the statements.
    """

    def __init__(self, federation: Federation) -> None:
        self._federation = federation
        self._names: dict[RecordKind, dict[str, list[Mount]]] = {}
        self.told = Told()

    @cached_property
    def _all(self) -> tuple[Mount, ...]:
        return tuple(
            Mount(source.name, table) for source in self._federation.sources() for table in source.tables
        )

    def kinds(self) -> tuple[str, ...]:
        """The entity kinds that a table brings or completes."""
        return tuple(dict.fromkeys(one.kind for one in self._all if one.table.record is None))

    def of_kind(self, kind: str) -> tuple[Mount, ...]:
        """The tables of an entity kind."""
        return tuple(one for one in self._all if one.kind == kind and one.table.record is None)

    def field(self, kind: str, name: str) -> Mount | None:
        """The table that has a field of an entity kind."""
        return next((one for one in self.of_kind(kind) if name in one.table.given() and name != "id"), None)

    def records(self, kind: RecordKind) -> tuple[Mount, ...]:
        """The tables that bring records of a kind."""
        return tuple(one for one in self._all if one.table.record is kind)

    def type(self, mount: Mount, name: str) -> pa.DataType:
        """The Arrow type of a field; the source is looked at when its table wasn't yet."""
        return self._federation.schema(mount.source, mount.table.name).field(name).type

    def names(self, kind: RecordKind) -> dict[str, list[Mount]]:
        """The characteristics, or kinds of event, that mounted tables have, each with its tables."""
        if kind not in self._names:
            column = "characteristic" if kind is RecordKind.MEASUREMENT else "event"
            found: dict[str, list[Mount]] = {}
            for mount in self.records(kind):
                for name in self._federation.names(mount.source, mount.table.name, column, self.told):
                    found.setdefault(name, []).append(mount)
            self._names[kind] = found
        return self._names[kind]
