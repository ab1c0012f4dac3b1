"""Derive the layers: what is new in the records becomes rows of DWD, DWS and ADS; the rest stays as it is."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa

from assay.model.errors import StoreError, did_you_mean
from assay.plugins.operator import Progress
from assay.query.engines.duckdb_dialect import DuckDialect
from assay.query.layers import ads, dwd, dws
from assay.query.layers.definition import Definition, Ground
from assay.query.layers.work import Derived, Work
from assay.query.masters import masters
from assay.store.derived import ERASED, KEPT, LOCK, changes
from assay.store.layout import TABLES
from assay.store.locks import locked
from assay.store.snapshot import Snapshot
from assay.store.workspace import Workspace

DEFINITIONS: tuple[Definition, ...] = (*dwd.DEFINITIONS, *dws.DEFINITIONS, *ads.DEFINITIONS)
"""Every derived table, each after those that it is made from."""


@dataclass(frozen=True)
class DeriveReport:
    """What a derivation did, table by table."""

    tables: tuple[Derived, ...]
    seconds: float

    @property
    def changed(self) -> bool:
        """Whether any table has a new version."""
        return any(one.changed for one in self.tables)


def derive(
    workspace: Workspace,
    tables: Iterable[str] | None = None,
    *,
    again: bool = False,
    since: date | None = None,
    progress: Progress | None = None,
    definitions: Sequence[Definition] = DEFINITIONS,
) -> DeriveReport:
    """Bring derived tables up to date with the records.

    Only keys that new rows touch are made again, and only their dates are written. A table whose definition
    or master data changed is made again from the beginning; so are all there are when something was erased
    since, and what they were before is deleted. One process derives at a time; others wait.

    Parameters
    ----------
    tables
        Names; those that they are made from are brought up to date too. All without it.
    again
        Make the tables named (all without names) again from the beginning.
    since
        Take all rows of this date and later for new: what they touch is made again.
    progress
        Called with the number of tables done, of tables in all, and the name of the next.

    Raises
    ------
    StoreError
        There is no such table, a file is damaged, or a table can't be written.
    """
    began = time.monotonic()
    by_name = {one.name: one for one in definitions}
    named = list(by_name) if tables is None else _known(tables, by_name)
    note = workspace.spool / ERASED
    done: list[Derived] = []
    with locked(workspace.spool / LOCK):
        stale = set(workspace.lake.derived.names()) & by_name.keys() if note.exists() else set()
        needed = _with_inputs([*named, *stale], by_name)
        ordered = [one for one in definitions if one.name in needed]
        snapshot = _committed(workspace)
        ground = _ground(workspace, snapshot)
        for place, definition in enumerate(ordered):
            if progress is not None:
                progress(place, len(ordered), definition.name)
            work = Work(workspace.lake, snapshot, definition, ground)
            chosen = definition.name in named
            anew = (again and chosen) or definition.name in stale
            found = work.run(again=anew, since=since if chosen else None)
            done.append(found)
            snapshot = _with_table(workspace, snapshot, definition.name)
        if progress is not None:
            progress(len(ordered), len(ordered), "")
        if note.exists():
            for name in workspace.lake.derived.names():
                workspace.lake.derived[name].sweep(kept=timedelta(0))
            note.unlink()
        _sweep(workspace, definitions)
    return DeriveReport(tuple(done), time.monotonic() - began)


@dataclass(frozen=True, slots=True)
class TableStatus:
    """How fresh a derived table is.

    Attributes
    ----------
    version
        −1 for a table that was never derived.
    waiting
        Files of each input with rows that the table doesn't know yet.
    stale
        Whether the definition or its master data changed since.
    damaged
        Files that can't be read; looked for only when asked.
    """

    table: str
    version: int
    files: int
    rows: int
    size: int
    derived: datetime | None
    waiting: Mapping[str, int]
    stale: bool
    damaged: tuple[str, ...] = ()

    @property
    def fresh(self) -> bool:
        """Whether it knows all records."""
        return self.version >= 0 and not self.stale and not any(self.waiting.values())

    def document(self) -> dict[str, Any]:
        """By name, as programs read it."""
        return {
            "table": self.table,
            "version": self.version,
            "files": self.files,
            "rows": self.rows,
            "bytes": self.size,
            "derived": self.derived,
            "waiting": dict(self.waiting),
            "stale": self.stale,
            "fresh": self.fresh,
            "damaged": list(self.damaged),
        }


def status(
    workspace: Workspace, *, verify: bool = False, definitions: Sequence[Definition] = DEFINITIONS
) -> list[TableStatus]:
    """Every derived table and how fresh it is; ``verify`` also reads every file."""
    snapshot = _committed(workspace)
    ground = _ground(workspace, snapshot)
    behind: set[str] = set()
    found = []
    for definition in definitions:
        table = workspace.lake.derived[definition.name]
        lineage = table.lineage()
        if lineage is None:
            behind.add(definition.name)
            found.append(TableStatus(definition.name, -1, 0, 0, 0, None, {}, False))
            continue
        version, entries = table.entries()
        waiting = {}
        for name in definition.inputs:
            place = workspace.lake.place / name if name in TABLES else workspace.lake.derived[name].place
            known = lineage.inputs[name].version
            new = len(changes(place, known, snapshot.versions.get(name, -1)).added)
            waiting[name] = max(new, 1) if name in behind else new
        # Its own columns may have changed too, which only deriving can tell.
        stale = definition.choose is None and lineage.fingerprint != definition.fingerprint(ground)
        one = TableStatus(
            definition.name,
            version,
            len(entries),
            sum(entry.rows for entry in entries),
            sum(entry.size for entry in entries),
            lineage.derived,
            waiting,
            stale,
            tuple(table.damaged()) if verify else (),
        )
        if not one.fresh:
            behind.add(definition.name)
        found.append(one)
    return found


def ground_of(workspace: Workspace, snapshot: Snapshot) -> Ground:
    """What definitions depend on besides records, at a snapshot."""
    return _ground(workspace, snapshot)


def _known(tables: Iterable[str], by_name: Mapping[str, Definition]) -> list[str]:
    wanted = list(tables)
    for name in wanted:
        if name not in by_name:
            raise StoreError(
                f"there is no derived table {name!r}",
                hint=did_you_mean(name, list(by_name)) or f"There are: {', '.join(by_name)}.",
            )
    return wanted


def _with_inputs(names: Iterable[str], by_name: Mapping[str, Definition]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in by_name and name not in found:
            found.add(name)
            waiting += by_name[name].inputs
    return found


def _committed(workspace: Workspace) -> Snapshot:
    """The plant without rows that no version holds yet."""
    return replace(workspace.lake.snapshot(), hot={})


def _ground(workspace: Workspace, snapshot: Snapshot) -> Ground:
    attributes: dict[str, list[pa.Field]] = {}
    for attribute in workspace.registry.attributes():
        attributes.setdefault(attribute.kind.value, []).append(attribute.field)
    zone = workspace.config.time_zone
    return Ground(DuckDialect(), zone, attributes, masters(snapshot, zone))


def _with_table(workspace: Workspace, snapshot: Snapshot, name: str) -> Snapshot:
    """The snapshot with a derived table as it is now."""
    table = workspace.lake.derived[name]
    version, files = table.files()
    return replace(
        snapshot,
        versions={**snapshot.versions, name: version},
        files={**snapshot.files, name: tuple(files)},
        schemas={**snapshot.schemas, name: table.schema()},
    )


def _sweep(workspace: Workspace, definitions: Sequence[Definition]) -> None:
    """Remove replaced files that nobody needs any more."""
    needed: dict[str, int] = {}
    for definition in definitions:
        lineage = workspace.lake.derived[definition.name].lineage()
        for name, one in (lineage.inputs if lineage else {}).items():
            needed[name] = min(needed.get(name, one.version), one.version)
    for definition in definitions:
        table = workspace.lake.derived[definition.name]
        if table.version() >= 0:
            own = workspace.lake.policies.tables.get(definition.name)
            kept = KEPT if own is None else max(KEPT, timedelta(days=own.old_versions_days))
            table.sweep(needed=needed.get(definition.name), kept=kept)
