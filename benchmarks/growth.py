"""How the cost of five kinds of question grows with the rows of the lake: 1, 10 and 100 million readings.

Each size is a plant of its own: a hundred signals of ten machines, one reading a second and signal, so that
more rows are more days and the work of a window stays the same. The statements go through the engines as a
question's do; where PySpark and Java are there, Spark runs them too, in this process, up to 10 million rows.
Nothing here has a target: the figures are what the page on scale is written from.
"""

from __future__ import annotations

import gc
import importlib.util
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.model.kinds import TIME, RecordKind
from assay.query.bind.bucket import INTERVALS, bucket_sql, interval_table, widths
from assay.query.bind.features import feature_set
from assay.query.bind.spans import Spans
from assay.query.engines.registry import engine_of
from assay.query.program import Engine, Limits, Session
from assay.store.keys import LoadKey
from assay.store.workspace import Workspace
from benchmarks.figures import Figure

SIZES = (1_000_000, 10_000_000, 100_000_000)
SPARK_MOST = 10_000_000
MACHINES, PER_MACHINE = 10, 10
UNITS = 1_000
UNIT_SECONDS = 8
_START = datetime(2026, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000
_PIECE = 20_000
_LIMITS = Limits(seconds=3600.0, memory="8GB")

Asked = Callable[[Session, int], str]


def run(
    *, repeats: int = 5, scale: float = 1.0, progress: Callable[[float, str], None] | None = None
) -> list[Figure]:
    """Every statement at every size, on every engine that is there."""
    told = progress or (lambda done, what: None)
    figures = []
    sizes = [round(size * scale) for size in SIZES]
    for number, rows in enumerate(sizes):
        told(number / len(sizes), f"{rows:,} rows")
        with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
            figures += _of_size(Path(folder) / "plant", rows, repeats)
    return _with_growth(figures, sizes)


def _of_size(place: Path, rows: int, repeats: int) -> list[Figure]:
    figures = []
    with Workspace.create(place) as workspace:
        seconds = _filled(workspace, rows)
        answers: dict[str, int] = {}
        for url in _engines(rows):
            figures += _of_engine(engine_of(workspace, url), workspace, rows, repeats, answers)
        files = len(workspace.lake.files(RecordKind.READING))
    stored = sum(file.stat().st_size for file in place.rglob("*.parquet"))
    rate = [rows / seconds / 1e6]
    return [
        *figures,
        _figure("write", "store", rows, rate, unit="million rows/s", note=f"{files} files"),
        _figure("bytes per row", "store", rows, [stored / rows], unit="B"),
    ]


def _engines(rows: int) -> list[str]:
    able = importlib.util.find_spec("pyspark") is not None and shutil.which("java") is not None
    return ["duckdb", "local[2]"] if able and rows <= SPARK_MOST else ["duckdb"]


def _of_engine(
    engine: Engine, workspace: Workspace, rows: int, repeats: int, answers: dict[str, int]
) -> list[Figure]:
    """Open a snapshot and ask everything, in turn, ``repeats`` times after one round that isn't counted."""
    taken: dict[str, list[float]] = {}
    for turn in range(repeats + 1):
        began = time.perf_counter()
        session = engine.open(workspace.lake.snapshot(), _LIMITS)
        spent = {"open a snapshot": time.perf_counter() - began}
        for name, asked in ASKED.items():
            sql = asked(session, rows)
            began = time.perf_counter()
            found = session.arrow(sql).num_rows
            spent[name] = time.perf_counter() - began
            assert answers.setdefault(name, found) == found, f"{name}: engines agree on the number of rows"
        session.close()
        gc.collect()
        if turn:
            for name, value in spent.items():
                taken.setdefault(name, []).append(value)
    return [_figure(name, engine.name, rows, values) for name, values in taken.items()]


def _figure(
    what: str, who: str, rows: int, values: list[float], *, unit: str = "s", note: str | None = None
) -> Figure:
    return Figure(
        name=f"growth: {what}, {who}, {rows:,} rows",
        value=statistics.median(values),
        unit=unit,
        peer=note,
        ratio=None,
        spread=f"{min(values):.3g} to {max(values):.3g}" if len(values) > 1 else None,
        target=None,
        met=None,
    )


def _with_growth(figures: list[Figure], sizes: list[int]) -> list[Figure]:
    """Beside each figure that of the size before, and by how much it grew."""
    known = {figure.name: figure for figure in figures}
    grown = []
    for figure in figures:
        what, _, rows = figure.name.rpartition(", ")
        place = [f"{size:,} rows" for size in sizes].index(rows)
        before = known.get(f"{what}, {sizes[place - 1]:,} rows") if place else None
        if before is not None and figure.unit == "s":
            said = f"{sizes[place - 1]:,} rows: {before.value:.3g} s"
            grown.append(replace(figure, peer=said, ratio=figure.value / before.value))
        else:
            grown.append(figure)
    return grown


# -- what is asked --------------------------------------------------------------------------------------


def _hour(session: Session, rows: int) -> str:
    """Five signals over the hour in the middle (or as much of it as there is)."""
    moment = _START + timedelta(seconds=_seconds(rows) // 2)
    first, last = session.dialect.literal(moment), session.dialect.literal(moment + timedelta(hours=1))
    names = ", ".join(session.dialect.literal(_signal(machine, 0)) for machine in range(5))
    days = {moment.date(), (moment + timedelta(hours=1)).date()}
    dates = ", ".join(map(session.dialect.literal, sorted(days)))
    return (
        f"SELECT signal, time, value FROM reading WHERE date IN ({dates}) AND signal IN ({names}) "
        f"AND time >= {first} AND time < {last}"
    )


def _per_unit(session: Session, _: int) -> str:
    """A figure per unit over one segment, of all measurements there are: a tenth of the rows."""
    d = session.dialect
    figures = f"{d.mean('value')} AS mean, {d.std('value')} AS std, {d.last('value', ['time'])} AS last"
    return f"SELECT subject, {figures} FROM measurement WHERE segment = 'press' GROUP BY subject"


def _bound(session: Session, _: int) -> str:
    """Readings of the first hours bound to a thousand intervals of eight seconds."""
    slots = np.arange(UNITS)
    begun = (slots // MACHINES) * UNIT_SECONDS * _SECOND + int(_START.timestamp()) * _SECOND
    spans = Spans.of(
        [_machine(slot % MACHINES) for slot in range(UNITS)], begun, begun + UNIT_SECONDS * _SECOND
    )
    session.register(INTERVALS, interval_table(spans))
    end = _START + timedelta(seconds=UNITS // MACHINES * UNIT_SECONDS)
    between = (session.dialect.literal(_START), session.dialect.literal(end))
    features = feature_set(["n", "mean", "std", "min", "max", "slope"])
    return bucket_sql(session.dialect, features, widths(spans), distinct=False, between=between)


def _scan(session: Session, _: int) -> str:
    d = session.dialect
    return f"SELECT count(*) AS n, {d.mean('value')} AS mean, {d.greatest('value')} AS greatest FROM reading"


ASKED: dict[str, Asked] = {
    "5 signals, 1 h": _hour,
    "per unit over a segment": _per_unit,
    "bind 1,000 intervals": _bound,
    "full scan": _scan,
}


# -- what is in the plant -------------------------------------------------------------------------------


def _seconds(rows: int) -> int:
    return max(1, rows // (MACHINES * PER_MACHINE))


def _machine(number: int) -> str:
    return f"M-{number:02d}"


def _signal(machine: int, number: int) -> str:
    return f"{_machine(machine)}.S{number}"


def _filled(workspace: Workspace, rows: int) -> float:
    began = time.perf_counter()
    _stored(workspace, RecordKind.READING, _readings(rows))
    seconds = time.perf_counter() - began
    _stored(workspace, RecordKind.MEASUREMENT, _measurements(max(10, rows // 10)))
    return seconds


def _stored(workspace: Workspace, kind: RecordKind, tables: Iterator[pa.Table]) -> None:
    load = LoadKey("bench", kind.value)
    rows = 0
    with workspace.lake.stage(kind, load=load, recorded=_START + timedelta(days=400)) as writer:
        for table in tables:
            seq = pa.array(np.arange(rows, rows + table.num_rows))
            rows += table.num_rows
            identity = pa.table(dict.fromkeys(("seq", "key_hash", "content_hash"), seq))
            writer.write(
                pa.table([*table.columns, *identity.columns], [*table.column_names, *identity.column_names])
            )
    workspace.lake.commit(kind, writer.finish(), load=load)


def _words(codes: NDArray[np.int64], names: list[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(names))


def _readings(rows: int) -> Iterator[pa.Table]:
    rng = np.random.default_rng(3)
    signals = [_signal(m, n) for m in range(MACHINES) for n in range(PER_MACHINE)]
    machines = [_machine(m) for m in range(MACHINES)]
    total = _seconds(rows)
    for first in range(0, total, _PIECE):
        length = min(_PIECE, total - first)
        seconds = np.repeat(np.arange(first, first + length), len(signals))
        which = np.tile(np.arange(len(signals)), length)
        noise = rng.normal(size=len(which))
        yield pa.table(
            {
                "signal": _words(which, signals),
                "equipment": _words(which // PER_MACHINE, machines),
                "value": np.round(100 + which + noise, 2),
                "time": pa.array(seconds * _SECOND + int(_START.timestamp()) * _SECOND).cast(TIME),
            }
        )


def _measurements(rows: int) -> Iterator[pa.Table]:
    rng = np.random.default_rng(5)
    for first in range(0, rows, 1_000_000):
        number = np.arange(first, min(first + 1_000_000, rows))
        yield pa.table(
            {
                "subject": pa.array(number // 10).cast(pa.string()),
                "subject_kind": _words(number * 0, ["unit"]),
                "characteristic": _words(number % 10, [f"c{i}" for i in range(10)]),
                "segment": _words(number % 2, ["press", "sinter"]),
                "value": np.round(rng.normal(size=len(number)), 3),
                "time": pa.array(number * 10 * _SECOND + int(_START.timestamp()) * _SECOND).cast(TIME),
            }
        )
