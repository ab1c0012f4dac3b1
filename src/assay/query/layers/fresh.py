"""What the derived tables don't know yet: readings beside them, and a follower that keeps them up to date."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import pyarrow as pa

from assay.query.layers.definition import Making
from assay.query.layers.derive import DeriveReport, derive, ground_of
from assay.query.layers.dwd import READING
from assay.query.layers.masters import CONVERSIONS, SIGNALS, conversions
from assay.query.layers.work import new_files
from assay.store.snapshot import Snapshot
from assay.store.workspace import Workspace


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
            connection.register(name, ground.masters[name])
        pairs = connection.execute(
            f"SELECT DISTINCT r.unit, s.unit FROM reading AS r JOIN {SIGNALS} AS s ON s.id = r.signal\n"
            "WHERE r.unit <> s.unit"
        ).fetchall()
        connection.register(CONVERSIONS, conversions(pairs))
        names = ", ".join(READING.schema(ground).names)
        tail = connection.execute(
            f"SELECT {names} FROM ({READING.rows(Making(ground))}) AS t"
        ).to_arrow_table()
    if not derived:
        return Readings(received, False, tail)
    return Readings(snapshot.files[READING.name], True, tail)


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
