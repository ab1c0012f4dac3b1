"""The lake beside bare Parquet: writing, a window, last values, and commits every second.

Readings of 1,000 signals at 1 Hz over as many days as there are rows for, sorted by signal and time within a
date, in the layout of ``dwd_reading``. Every side works in this process, in turn, on warm files; what
a query gives is compared first. ``assay bench lake --scale 0.01`` takes a hundredth of the rows.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assay.model.kinds import TIME, WORD
from assay.store.compaction import compact
from assay.store.keys import LoadKey
from assay.store.layout import FILE_ROWS, ROW_GROUP_ROWS, writer_options
from assay.store.lineage import Lineage
from assay.store.place import sync
from assay.store.policies import LakePolicies, TablePolicy
from assay.store.signals import last_values, window
from assay.store.workspace import Workspace
from benchmarks.figures import Figure
from benchmarks.peers import HOW, peer

ROWS = 100_000_000
SIGNALS = 1_000
COMMITS, COMMIT_ROWS = 600, 1_000
LEAST_WRITE, MOST_BYTES, MOST_WINDOW, MOST_LAST, MOST_GROWTH = 0.9, 0.5, 2.0, 0.1, 2.0
_START = datetime(2026, 1, 1, tzinfo=UTC)
_DAYS = 28
SCHEMA = pa.schema(
    [
        pa.field("signal", WORD, nullable=False),
        pa.field("equipment", WORD),
        pa.field("time", TIME),
        pa.field("value", pa.float64()),
        pa.field("text", WORD),
        pa.field("unit", WORD),
        pa.field("quality", WORD),
    ]
)
_NAMES = pa.array([f"signal-{number:05d}" for number in range(SIGNALS)])
_EQUIPMENT = pa.array([f"equipment-{number:03d}" for number in range(50)])


def run(
    *, repeats: int = 5, scale: float = 1.0, progress: Callable[[float, str], None] | None = None
) -> list[Figure]:
    """Write, query and commit ``repeats`` times, each side in turn; return ratios and bytes per row."""
    told = progress or (lambda done, what: None)
    rows = max(round(ROWS * scale), 2 * SIGNALS)
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        with Workspace.create(Path(folder) / "plant") as plant:
            told(0.0, "writing")
            figures = _writing(plant, Path(folder), rows // _DAYS, repeats)
            told(0.3, "writing the whole table")
            each = max(rows // _DAYS, SIGNALS)
            _derive(plant, "dwd_reading", ((number, day_of(number, each)) for number in range(_DAYS)))
            told(0.5, "windows")
            figures.append(_window(plant, rows, repeats))
            told(0.7, "last values")
            figures.append(_last(plant, rows, repeats))
        told(0.8, "commits")
        figures.append(_commits(Path(folder) / "commits", max(round(COMMITS * min(1, scale * 10)), 100)))
    return figures


def day_of(number: int, rows: int) -> pa.Table:
    """One date's rows, sorted by signal and time."""
    each = rows // SIGNALS
    rng = np.random.default_rng(number)
    signal = np.repeat(np.arange(SIGNALS, dtype=np.int32), each)
    step = 86_400_000 // each
    place = np.tile(np.arange(each, dtype=np.int64), SIGNALS)
    moment = round((_START + timedelta(days=number)).timestamp() * 1_000)
    # Each signal has a phase of its own, and each reading comes up to 20 ms late.
    phase = np.repeat(rng.integers(0, max(step - 20, 1), SIGNALS), each)
    times = 1_000 * (moment + place * step + phase + rng.integers(0, 20, len(place)))
    walk = np.cumsum(rng.normal(0, 0.01, len(signal)))
    value = np.round(20 + signal % 80 + np.abs((walk % 6) - 3), 2)
    one = pa.array(np.zeros(len(signal), np.int32))
    columns = [
        pa.DictionaryArray.from_arrays(signal, _NAMES),
        pa.DictionaryArray.from_arrays((signal % 50).astype(np.int32), _EQUIPMENT),
        pa.array(times).cast(TIME),
        pa.array(value),
        pa.nulls(len(signal), WORD),
        pa.DictionaryArray.from_arrays(one, pa.array(["degC"])),
        pa.nulls(len(signal), WORD),
    ]
    return pa.table(columns, schema=SCHEMA)


# -- writing ---------------------------------------------------------------------------------------


def _writing(plant: Workspace, folder: Path, rows: int, repeats: int) -> list[Figure]:
    table = day_of(0, max(rows, SIGNALS))
    ours, peers, bare, ods = [], [], [], []
    for turn in range(repeats):
        peers.append(_timed(partial(_pyarrow, table, folder / f"peer-{turn}", durable=True)))
        ours.append(_timed(partial(_derive, plant, f"dwd_write_{turn}", [(0, table)])))
        bare.append(_timed(partial(_pyarrow, table, folder / f"bare-{turn}", durable=False)))
        ods.append(_timed(partial(_receive, plant, table, turn)))
    ratios = sorted(theirs / mine for theirs, mine in zip(peers, ours, strict=True))
    loose = statistics.median(theirs / mine for theirs, mine in zip(bare, ours, strict=True))
    written = plant.lake.derived["dwd_write_0"].entries()[1]
    size = sum(one.size for one in written) / len(table)
    default = _delta_default(table, folder / "default")
    entries = plant.lake.table("reading").entries()[1]
    own = sum(one.size for one in entries) / sum(one.rows for one in entries)
    return [
        Figure(
            name=f"lake: write {len(table):,} rows, durable and committed",
            value=len(table) / statistics.median(ours) / 1e6,
            unit="million rows/s",
            peer="pyarrow.write_table, same encodings, with fsync: "
            f"{len(table) / statistics.median(peers) / 1e6:.2f}; without fsync our rate is {loose:.2f} x its",
            ratio=statistics.median(ratios),
            spread=_spread(ratios),
            target=f"at least {LEAST_WRITE:g} x the peer's rate",
            met=statistics.median(ratios) >= LEAST_WRITE,
        ),
        Figure(
            name="lake: bytes per row",
            value=size,
            unit="B",
            peer=f"write_deltalake: {default:.2f} B",
            ratio=size / default,
            spread=None,
            target=f"at most {MOST_BYTES:g} x the peer's",
            met=size / default <= MOST_BYTES,
        ),
        Figure(
            name="lake: the same rows as received, with identity and hashes",
            value=len(table) / statistics.median(ods) / 1e6,
            unit="million rows/s",
            peer=f"{own:.2f} B per row, {own / size:.1f} x the sorted table's",
            ratio=statistics.median(ods) / statistics.median(ours),
            spread=None,
            target=None,
            met=None,
        ),
    ]


def _pyarrow(table: pa.Table, folder: Path, *, durable: bool) -> None:
    folder.mkdir()
    for part, start in enumerate(range(0, len(table), FILE_ROWS)):
        file = folder / f"{part}.parquet"
        pq.write_table(
            table.slice(start, FILE_ROWS), file, row_group_size=ROW_GROUP_ROWS, **writer_options(SCHEMA)
        )
        if durable:
            sync(file)
    if durable:
        sync(folder)


def _derive(plant: Workspace, name: str, days: Iterable[tuple[int, pa.Table]]) -> None:
    """Rows as a derived table, date by date, in one commit."""
    table = plant.lake.derived[name]
    writer = table.writer(SCHEMA, timed="time")
    for number, rows in days:
        day = pa.repeat(pa.scalar(_date(number), pa.date32()), len(rows))
        for batch in rows.append_column("date", day).to_batches(max_chunksize=ROW_GROUP_ROWS):
            writer.write(batch)
    made = datetime.now(UTC)
    lineage = Lineage(definition=name, fingerprint="", inputs={}, code="", whole=True, derived=made)
    table.replace(writer.finish(), None, schema=SCHEMA, lineage=lineage)


def _receive(plant: Workspace, table: pa.Table, turn: int) -> None:
    load = LoadKey("bench", f"write-{turn}")
    numbers = np.arange(len(table))
    hashes = np.random.default_rng(turn).integers(-(2**63), 2**63 - 1, (2, len(table)))
    rows = table.append_column("seq", pa.array(numbers))
    rows = rows.append_column("key_hash", pa.array(hashes[0])).append_column(
        "content_hash", pa.array(hashes[1])
    )
    with plant.lake.stage("reading", load=load, recorded=_START) as writer:
        for batch in rows.to_batches(max_chunksize=ROW_GROUP_ROWS):
            writer.write(pa.Table.from_batches([batch]))
        plant.lake.commit("reading", writer.finish(), load=load)


def _delta_default(table: pa.Table, folder: Path) -> float:
    from deltalake import DeltaTable, write_deltalake

    day = pa.repeat(pa.scalar(_date(0), pa.date32()), len(table))
    words = {field.name for field in SCHEMA if pa.types.is_dictionary(field.type)}
    plain = pa.table(
        {name: column.cast(pa.string()) if name in words else column for name, column in _columns(table)}
    )
    write_deltalake(folder, plain.append_column("date", day), partition_by=["date"])
    return int(sum(pa.table(DeltaTable(folder).get_add_actions())["size_bytes"].to_pylist())) / len(table)


def _columns(table: pa.Table) -> Iterator[tuple[str, pa.ChunkedArray]]:
    return zip(table.column_names, table.columns, strict=True)


# -- queries ---------------------------------------------------------------------------------------


def _window(plant: Workspace, rows: int, repeats: int) -> Figure:
    wanted = [f"signal-{number:05d}" for number in (17, 230, 411, 650, 912)]
    start = _START + timedelta(days=13, hours=9)
    end = start + timedelta(hours=1)
    columns = ("signal", "time", "value")
    pinned = plant.lake.snapshot()
    named = f"lake: 5 signals x 1 h out of {rows:,} rows"

    def ours() -> pa.Table:
        return window(plant.lake, wanted, start, end, table="dwd_reading", columns=columns, snapshot=pinned)

    polars = peer("polars")
    if polars is None:
        return Figure(
            name=named, value=_timed(ours) * 1e3, unit="ms", peer=f"Polars is not installed; {HOW}",
            ratio=None, spread=None, target=f"at most {MOST_WINDOW:g} x Polars", met=None,
        )  # fmt: skip
    pruned = [file for file in pinned.files["dwd_reading"] if f"date={start.date()}" in file]

    def theirs() -> pa.Table:
        time_ = polars.col("time")
        found = polars.scan_parquet(pruned).filter(
            polars.col("signal").cast(polars.String).is_in(wanted) & (time_ >= start) & (time_ < end)
        )
        return found.select(*columns).collect().to_arrow()

    mine, other = ours(), theirs()
    assert len(mine) == len(other) > 0, (len(mine), len(other))
    assert abs(pc.sum(mine["value"]).as_py() - pc.sum(other["value"]).as_py()) < 1e-6
    pairs = [(_timed(theirs), _timed(ours)) for _ in range(max(repeats, 5))]
    ratios = sorted(mine_ / theirs_ for theirs_, mine_ in pairs)
    return Figure(
        name=named,
        value=statistics.median(one for _, one in pairs) * 1e3,
        unit="ms",
        peer=f"Polars on the pruned file list: {statistics.median(one for one, _ in pairs) * 1e3:.1f} ms",
        ratio=statistics.median(ratios),
        spread=_spread(ratios),
        target=f"at most {MOST_WINDOW:g} x Polars",
        met=statistics.median(ratios) <= MOST_WINDOW,
    )


def _last(plant: Workspace, rows: int, repeats: int) -> Figure:
    pinned = plant.lake.snapshot()
    names = _NAMES.to_pylist()
    with plant.lake.connect(pinned) as connection:
        scan = "SELECT signal, max(time) AS time, arg_max(value, time) AS value FROM dwd_reading GROUP BY 1"

        def theirs() -> pa.Table:
            return connection.execute(scan).to_arrow_table().sort_by("signal")

        def ours() -> pa.Table:
            return last_values(plant.lake, names, table="dwd_reading", snapshot=pinned)

        mine, other = ours(), theirs()
        assert mine["signal"].to_pylist() == other["signal"].to_pylist()
        assert mine["value"].to_pylist() == other["value"].to_pylist()
        pairs = [(_timed(theirs), _timed(ours)) for _ in range(max(repeats, 5))]
    ratios = sorted(mine_ / theirs_ for theirs_, mine_ in pairs)
    return Figure(
        name=f"lake: last value of {SIGNALS:,} signals out of {rows:,} rows",
        value=statistics.median(one for _, one in pairs) * 1e3,
        unit="ms",
        peer=f"a full scan: {statistics.median(one for one, _ in pairs) * 1e3:.0f} ms",
        ratio=statistics.median(ratios),
        spread=_spread(ratios),
        target=f"at most {MOST_LAST:g} x a full scan",
        met=statistics.median(ratios) <= MOST_LAST,
    )


# -- commits ---------------------------------------------------------------------------------------


def _commits(folder: Path, commits: int) -> Figure:
    """One commit per second of the plant's time, as fast as they go, with upkeep every minute of it."""
    policy = TablePolicy(small_files=8, checkpoint_every=50)
    with Workspace.create(folder) as plant:
        plant.lake.policies = replace_policies(plant.lake.policies, policy)
        seconds = []
        for number in range(commits):
            rows = day_of(0, COMMIT_ROWS)
            shift = pa.scalar(timedelta(seconds=number), pa.duration("us"))
            rows = rows.set_column(2, "time", pc.add(rows["time"], shift))
            began = time.perf_counter()
            _receive(plant, rows, number)
            seconds.append(time.perf_counter() - began)
            if number % 60 == 59:
                compact(plant.lake)
    first, last = statistics.median(seconds[:50]), statistics.median(seconds[-50:])
    return Figure(
        name=f"lake: commit after {commits} commits of {COMMIT_ROWS:,} rows",
        value=last * 1e3,
        unit="ms",
        peer=f"the first 50: {first * 1e3:.1f} ms",
        ratio=last / first,
        spread=f"slowest {max(seconds) * 1e3:.0f} ms; compaction every 60 commits beside",
        target=f"at most {MOST_GROWTH:g} x the first 50",
        met=last / first <= MOST_GROWTH,
    )


def replace_policies(policies: LakePolicies, every: TablePolicy) -> LakePolicies:
    """The same policies with another one for every table."""
    return policies.model_copy(update={"every": every})


def _date(number: int) -> date:
    return (_START + timedelta(days=number)).date()


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _spread(ratios: list[float]) -> str:
    return f"ratio {ratios[0]:.2f} to {ratios[-1]:.2f}, {len(ratios)} rounds"
