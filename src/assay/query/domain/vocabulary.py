"""The names a plant has at the moment: its segments, characteristics, event kinds, signals and attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import pyarrow as pa

from assay.model.kinds import RecordKind
from assay.model.plant_model import PlantModel
from assay.query.domain.signals import Signals, signals_of
from assay.query.program import Session
from assay.store.snapshot import Snapshot
from assay.store.workspace import Workspace


@dataclass(frozen=True)
class Characteristic:
    """How a characteristic is measured: as numbers, as text, or both."""

    number: bool
    text: bool
    unit: str | None


@dataclass(frozen=True)
class Vocabulary:
    """The names of one snapshot, and what the compiler has to know about its records.

    ``shared_runs``: one execution id is used in several segments, so that an execution is known by both.
    ``incomplete``: some actuals name no segment. ``execution_results``, ``execution_events``: some
    measurements, or events, are of executions and not of units or lots.
    """

    model: PlantModel
    segments: tuple[str, ...]
    characteristics: Mapping[str, Characteristic]
    events: tuple[str, ...]
    attributes: Mapping[RecordKind, Mapping[str, pa.DataType]]
    units: Mapping[str, str]
    master: Mapping[str, pa.Schema]
    signals: Signals
    shared_runs: bool = False
    incomplete: bool = False
    execution_results: bool = False
    execution_events: bool = False


_known: WeakKeyDictionary[Workspace, tuple[object, Vocabulary]] = WeakKeyDictionary()

_FLAGS = """
SELECT (SELECT count(*) FROM (SELECT execution FROM movement WHERE segment IS NOT NULL
                              GROUP BY execution HAVING min(segment) <> max(segment)) AS s) AS shared,
       (SELECT count(*) FROM movement WHERE segment IS NULL) AS bare,
       (SELECT count(*) FROM measurement WHERE subject_kind = 'execution') AS results,
       (SELECT count(*) FROM event WHERE subject_kind = 'execution') AS events
"""


def vocabulary(workspace: Workspace, session: Session) -> Vocabulary:
    """The names of the session's snapshot; remembered as long as nothing was loaded."""
    snapshot = session.snapshot
    mark = _mark(snapshot)
    kept = _known.get(workspace)
    if kept is not None and kept[0] == mark and kept[1].model is workspace.model:
        return kept[1]
    flags = session.arrow(_FLAGS).to_pylist()[0]
    found = Vocabulary(
        model=workspace.model,
        segments=_column(
            session, "SELECT DISTINCT segment AS n FROM movement UNION SELECT segment FROM measurement"
        ),
        characteristics=_characteristics(session),
        events=_column(session, "SELECT DISTINCT event AS n FROM event"),
        attributes=_attributes(workspace),
        units={
            attribute.name: attribute.unit
            for attribute in workspace.registry.attributes()
            if attribute.unit is not None
        },
        master={kind: table.schema for kind, table in snapshot.master.items()},
        signals=signals_of(workspace, snapshot),
        shared_runs=flags["shared"] > 0,
        incomplete=flags["bare"] > 0,
        execution_results=flags["results"] > 0,
        execution_events=flags["events"] > 0,
    )
    _known[workspace] = (mark, found)
    return found


def _mark(snapshot: Snapshot) -> object:
    hot = tuple(sorted((name, table.num_rows) for name, table in snapshot.hot.items()))
    return (tuple(sorted(snapshot.versions.items())), hot)


def _column(session: Session, sql: str) -> tuple[str, ...]:
    return tuple(sorted(str(name) for name in session.arrow(sql).column(0).to_pylist() if name is not None))


def _characteristics(session: Session) -> dict[str, Characteristic]:
    rows = session.arrow(
        "SELECT characteristic, count(value) AS numbers, count(text) AS texts, "
        "min(unit) AS low, max(unit) AS high FROM measurement GROUP BY characteristic"
    ).to_pylist()
    return {
        row["characteristic"]: Characteristic(
            row["numbers"] > 0, row["texts"] > 0, row["low"] if row["low"] == row["high"] else None
        )
        for row in rows
    }


def _attributes(workspace: Workspace) -> dict[RecordKind, dict[str, pa.DataType]]:
    kinds: dict[RecordKind, dict[str, pa.DataType]] = {}
    for attribute in workspace.registry.attributes():
        kinds.setdefault(attribute.kind, {})[attribute.name] = attribute.type.arrow
    return kinds
