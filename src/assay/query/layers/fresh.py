"""What the derived tables don't know yet: readings beside them, and a follower that keeps them up to date."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import pyarrow as pa

from assay.query.layers.definition import Making
from assay.query.layers.derive import DeriveReport, derive, ground_of
from assay.query.layers.dwd import READING
from assay.query.layers.work import new_files
from assay.query.masters import CONVERSIONS, SIGNALS, conversions
from assay.query.program import Session
from assay.store.snapshot import Snapshot
from assay.store.views import copy_table
from assay.store.workspace import Workspace

BOUND = ("signal", "equipment", "time", "value", "clock_uncertainty", "recorded")
"""The columns of readings that binding looks at."""

_UNITS = (
    "SELECT DISTINCT r.unit AS given, s.unit AS wanted FROM reading AS r\n"
    f"JOIN {SIGNALS} AS s ON s.id = r.signal WHERE r.unit <> s.unit"
)


@dataclass(frozen=True, eq=False)
class Readings:
    """Where all readings of a snapshot are.

    Attributes
    ----------
    files
        Parquet files; those of one date, in the order of their names, are sorted by signal, equipment and
        time where ``ordered`` says so.
    ordered
        Whether the files are those of ``dwd_reading``. Otherwise they are as received, because nothing was
        derived yet.
    tail
        Readings that no file has, in the signal's unit, each signal, equipment and time once. One of them
        takes the place of a reading of the same signal, equipment and time that was recorded earlier.
    """

    files: tuple[str, ...]
    ordered: bool
    tail: pa.Table


def readings(workspace: Workspace, snapshot: Snapshot) -> Readings:
    """The readings of a snapshot: derived ones, and those that came after, hot ones among them."""
    ground = ground_of(workspace, snapshot)
    lineage = workspace.lake.derived[READING.name].lineage_at(snapshot.versions.get(READING.name, -1))
    derived = lineage is not None and lineage.fingerprint == READING.fingerprint(ground)
    received = snapshot.files["reading"]
    since = lineage.inputs["reading"].version if lineage is not None and derived else -1
    late = new_files(workspace.lake, snapshot, "reading", since) if derived else ()
    hot = snapshot.hot.get("reading")
    narrow = replace(
        snapshot,
        files={name: late if name == "reading" else () for name in snapshot.files},
        hot={} if hot is None else {"reading": hot},
        master={},
    )
    with workspace.lake.connect(narrow) as connection:
        for name in READING.masters:
            copy_table(connection, name, ground.masters[name])
        pairs = connection.execute(_UNITS).fetchall()
        copy_table(connection, CONVERSIONS, conversions(pairs))
        names = ", ".join(READING.schema(ground).names)
        tail = connection.execute(
            f"SELECT {names} FROM ({READING.rows(Making(ground))}) AS t"
        ).to_arrow_table()
    if not derived:
        return Readings(received, False, tail)
    return Readings(snapshot.files[READING.name], True, tail)


def define_readings(workspace: Workspace, session: Session, name: str) -> None:
    """Make all readings of a session's snapshot known on its engine, under ``name``.

    Derived ones where there are, and those that came after, hot ones among them; otherwise those as received,
    typed as they would be derived. Of several readings of one signal, equipment and time the one recorded
    last counts.
    """
    columns = ", ".join(BOUND)
    found = readings(workspace, session.snapshot)
    if found.ordered:
        late = f"{name}_late"
        session.register(late, found.tail.select(BOUND))
        session.define(name, f"SELECT {columns} FROM {READING.name} UNION ALL SELECT {columns} FROM {late}")
        return
    ground = replace(ground_of(workspace, session.snapshot), dialect=session.dialect)
    # A question judges results by relations of these names: its own are left alone.
    own = {SIGNALS: f"{name}_signals", CONVERSIONS: f"{name}_units"}
    units, rows = _UNITS, READING.rows(Making(ground))
    for shared, mine in own.items():
        units, rows = units.replace(shared, mine), rows.replace(shared, mine)
    session.register(own[SIGNALS], ground.masters[SIGNALS])
    pairs = session.arrow(units).to_pylist()
    session.register(own[CONVERSIONS], conversions((pair["given"], pair["wanted"]) for pair in pairs))
    session.define(name, f"SELECT {columns} FROM ({rows}) AS t")


class Follower:
    """Keeps derived tables up to date while records arrive: the same definitions as for history.

    Parameters
    ----------
    tables
        Names; all without them.
    """

    def __init__(self, workspace: Workspace, tables: Iterable[str] | None = None) -> None:
        self._workspace = workspace
        self._tables = None if tables is None else tuple(tables)
        self._mark: object = None

    def poll(self) -> DeriveReport | None:
        """Derive what arrived since the last time, rows that are still hot too; None when nothing did."""
        lake = self._workspace.lake
        if lake.mark() == self._mark:
            return None
        lake.hot.flush()
        # Taken before deriving: what arrives meanwhile is for the next time.
        mark = lake.mark()
        report = derive(self._workspace, self._tables)
        self._mark = mark
        return report

    def reports(self) -> Iterator[DeriveReport]:
        """One report after another, as long as something arrives; ends when nothing does."""
        while (report := self.poll()) is not None:
            yield report
