"""The mounted tables of a plant, as the kinds of a question see them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

from assay.model.kinds import RecordKind
from assay.model.sources import MountedTable
from assay.query.federation import Federation


@dataclass(frozen=True)
class Mount:
    """A mounted table and its source."""

    source: str
    table: MountedTable


class Mounts:
    """Which table of which source completes a kind or brings records; sources are asked when they must be."""

    def __init__(self, federation: Federation) -> None:
        self._federation = federation

    @cached_property
    def _all(self) -> tuple[Mount, ...]:
        return tuple(
            Mount(source.name, table) for source in self._federation.sources() for table in source.tables
        )

    def kinds(self) -> tuple[str, ...]:
        """The entity kinds that a table brings or completes."""
        return tuple(dict.fromkeys(one.table.kind for one in self._all if one.table.record is None))

    def of_kind(self, kind: str) -> tuple[Mount, ...]:
        """The tables of an entity kind."""
        return tuple(one for one in self._all if one.table.kind == kind and one.table.record is None)

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
        column = "characteristic" if kind is RecordKind.MEASUREMENT else "event"
        found: dict[str, list[Mount]] = {}
        for mount in self.records(kind):
            for name in self._federation.names(mount.source, mount.table.name, column):
                found.setdefault(name, []).append(mount)
        return found
