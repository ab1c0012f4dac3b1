"""Binding readings to the steps of units, beside three ways of doing it in SQL and data frames.

The data are signals at 1 Hz with milliseconds of jitter, six on each of a hundred pieces of equipment, and
units that follow one another there for four to six seconds each: about five readings per group. Every side
reads the same Parquet files (one per date, sorted by signal, equipment and time, as ``dwd_reading`` is) and
the same intervals, and materialises interval, signal and eight features of each group as an Arrow table.

The peers are DuckDB's ASOF join, Polars' ``join_asof`` on its streaming engine, and our own bucket SQL on
DuckDB. Each side is a process of its own that stays; a first run in it doesn't count (its time is the cold
figure), then the rounds go from side to side. Checksums of all groups have to agree.
``assay bench bind --scale 0.05`` takes a twentieth of the readings.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assay.store.layout import ROW_GROUP_ROWS, writer_options
from benchmarks.figures import Figure, memory, peak_gib
from benchmarks.peers import FOLDER, HOW, peer, version

READINGS, STREAMED = 20_000_000, 100_000_000
EQUIPMENT, SIGNALS, CORES = 100, 6, 2
FEATURES = ("n", "mean", "std", "min", "max", "first", "last", "slope")
ASOF_LEAST, POLARS_LEAST, BUCKET_LEAST, MOST_GIB = 5.0, 3.0, 3.0, 1.5
START = 1_772_409_600_000_000  # 2026-03-02T00:00:00Z in microseconds
DAY = 86_400_000_000

Told = Callable[[float, str], None]


def run(*, repeats: int = 5, scale: float = 1.0, progress: Told | None = None) -> list[Figure]:
    """Write the files, run every side in turn ``repeats`` times, then stream five times the readings."""
    told = progress or (lambda done, what: None)
    readings, streamed = round(READINGS * scale), round(STREAMED * scale)
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        told(0.0, "writing the files")
        write_plant(Path(folder) / "plant", readings)
        names = ["kernel", "bucket", "asof", *(["polars"] if peer("polars") is not None else [])]
        sides = {name: _Side(name, Path(folder) / "plant") for name in names}
        cold = {name: side.run() for name, side in sides.items()}
        rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
        for turn in range(repeats):
            told((1 + turn) / (2 + repeats), f"round {turn + 1} of {repeats}")
            for name, side in sides.items():
                rounds[name].append(side.run())
        for side in sides.values():
            side.close()
        _check([one for side in rounds.values() for one in side])
        told((1 + repeats) / (2 + repeats), "streaming")
        write_plant(Path(folder) / "large", streamed)
        stream = _Side("stream", Path(folder) / "large")
        large = stream.run()
        stream.close()
    seconds = {name: [one["seconds"] for one in side] for name, side in rounds.items()}
    ours = seconds["kernel"]
    groups = rounds["kernel"][0]["groups"]
    begun = cold["kernel"]["seconds"]
    figures = [
        _beside(
            f"bind: {readings:,} readings to {groups:,} groups, DuckDB ASOF",
            ours,
            seconds["asof"],
            ASOF_LEAST,
        ),
        _beside("bind: the same, our bucket SQL on DuckDB", ours, seconds["bucket"], BUCKET_LEAST),
        _polars(ours, seconds.get("polars")),
    ]
    figures += [
        Figure(
            name=f"bind: first run in a new process, {_TITLES[name]}",
            value=begun,
            unit="s",
            peer=f"{_TITLES[name]}: {cold[name]['seconds']:.3g} s",
            ratio=cold[name]["seconds"] / begun,
            spread="one run",
            target=None,
            met=None,
        )
        for name in names
        if name != "kernel"
    ]
    rate = Figure(
        name=f"bind: {streamed:,} readings streamed to Parquet",
        value=large["seconds"],
        unit="s",
        peer=None,
        ratio=None,
        spread=f"one run, {large['groups']:,} groups",
        target=None,
        met=None,
    )
    return [*figures, rate, memory("bind: streaming, peak memory", [large["gib"]], MOST_GIB)]


_TITLES = {"asof": "DuckDB ASOF", "bucket": "bucket SQL", "polars": "Polars join_asof"}


def _beside(name: str, ours: list[float], theirs: list[float], least: float) -> Figure:
    ratios = sorted(b / a for a, b in zip(ours, theirs, strict=True))
    return Figure(
        name=name,
        value=statistics.median(ours),
        unit="s",
        peer=f"{statistics.median(theirs):.3g} s",
        ratio=statistics.median(ratios),
        spread=f"ratio {ratios[0]:.2f} to {ratios[-1]:.2f}, {len(ratios)} rounds",
        target=f"at least {least:g} x faster",
        met=statistics.median(ratios) >= least,
    )


def _polars(ours: list[float], theirs: list[float] | None) -> Figure:
    name = f"bind: the same, Polars {version('polars')} join_asof".replace("  ", " ")
    if theirs is not None:
        return _beside(name, ours, theirs, POLARS_LEAST)
    value = statistics.median(ours)
    absent = f"polars is not installed; {HOW}"
    return Figure(
        name=name, value=value, unit="s", peer=absent, ratio=None, spread=None, target=None, met=None
    )


def _check(results: list[dict[str, Any]]) -> None:
    """Every side has the same groups and features."""
    first = results[0]
    for one in results[1:]:
        assert one["groups"] == first["groups"], (one, first)
        for name, total in one["sums"].items():
            assert abs(total - first["sums"][name]) <= 1e-9 * abs(first["scales"][name]), (name, one, first)


def write_plant(folder: Path, readings: int, *, seed: int = 7) -> None:
    """The readings as one file per date, and the intervals as ``intervals.parquet``."""
    rng = np.random.default_rng(seed)
    series = EQUIPMENT * SIGNALS
    each = max(20, readings // series)
    machines = [f"EQ-{number:03d}" for number in range(EQUIPMENT)]
    words = pa.array([f"signal_{number}" for number in range(SIGNALS)]), pa.array(machines)
    schema = pa.schema(
        [
            ("signal", pa.dictionary(pa.int32(), pa.string())),
            ("equipment", pa.dictionary(pa.int32(), pa.string())),
            ("time", pa.timestamp("us", "UTC")),
            ("value", pa.float64()),
            ("clock_uncertainty", pa.float64()),
            ("recorded", pa.timestamp("us", "UTC")),
        ]
    )
    per_day = 86_400
    for day in range(-(-each // per_day)):
        count = min(per_day, each - day * per_day)
        date = str(np.datetime64(START // DAY + day, "D"))
        path = folder / f"date={date}" / "part-00000.parquet"
        path.parent.mkdir(parents=True)
        waiting: list[pa.RecordBatch] = []
        with pq.ParquetWriter(path, schema, **writer_options(schema)) as writer:
            for number in range(series):
                signal, equipment = divmod(number, EQUIPMENT)
                times = START + day * DAY + np.arange(count) * 1_000_000 + rng.integers(0, 900_000, count)
                wave = np.cumsum(rng.normal(0, 0.01, count))
                values = np.round(1000.0 * (signal + 1) + wave + rng.normal(0, 0.05, count), 2)
                waiting.append(
                    pa.record_batch(
                        [
                            _constant(signal, words[0], count),
                            _constant(equipment, words[1], count),
                            pa.array(times).cast(schema.field("time").type),
                            pa.array(values),
                            pa.nulls(count, pa.float64()),
                            pa.array(times).cast(schema.field("time").type),
                        ],
                        schema=schema,
                    )
                )
                if sum(batch.num_rows for batch in waiting) >= 1 << 19 or number == series - 1:
                    table = pa.Table.from_batches(waiting).combine_chunks()
                    writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
                    waiting = []
    columns: list[list[Any]] = [[], [], []]
    for machine in range(EQUIPMENT):
        lengths = rng.integers(4_000_000, 6_000_000, each // 5)
        ends = START + np.cumsum(lengths + rng.integers(0, 200_000, len(lengths)))
        columns[0].append(np.full(len(lengths), machine))
        columns[1].append(ends - lengths)
        columns[2].append(ends)
    codes = pa.array(np.concatenate(columns[0]).astype(np.int32))
    started, ended = (np.concatenate(columns[place]) for place in (1, 2))
    table = pa.table(
        {
            "span": pa.array(np.arange(len(started))),
            "equipment": words[1].take(codes),
            "started": pa.array(started).cast(pa.timestamp("us", "UTC")),
            "ended": pa.array(ended).cast(pa.timestamp("us", "UTC")),
        }
    )
    pq.write_table(table, folder / "intervals.parquet")


def _constant(code: int, words: pa.Array, count: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.full(count, code, np.int32)), words)


class _Side:
    """One contestant in a process of its own."""

    def __init__(self, name: str, folder: Path) -> None:
        root = Path(__file__).resolve().parent.parent
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.bind", name, str(folder)],
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self) -> dict[str, Any]:
        """Run it once and return what it measured."""
        _pipe(self._process.stdin).write("run\n")
        _pipe(self._process.stdin).flush()
        line = _pipe(self._process.stdout).readline()
        assert line, "the side has died; its error is above"
        result: dict[str, Any] = json.loads(line)
        return result

    def close(self) -> None:
        """Let it end."""
        _pipe(self._process.stdin).close()
        self._process.wait()


def _pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


# -- the sides ------------------------------------------------------------------------------------------


def _files(folder: Path) -> list[str]:
    return sorted(map(str, folder.glob("date=*/*.parquet")))


def _kernel(folder: Path) -> pa.Table:
    from assay.query.bind.scanning import as_table

    scan = _scan(folder)
    return as_table(list(scan.bunches()), scan.asked, scan.names)


def _scan(folder: Path) -> Any:
    from assay.query.bind.features import feature_set
    from assay.query.bind.files import FileReadings
    from assay.query.bind.scanning import Scan
    from assay.query.bind.spans import Spans

    return Scan(FileReadings(_files(folder), ordered=True), _spans(folder, Spans), feature_set(FEATURES))


def _spans(folder: Path, kind: Any) -> Any:
    intervals = pq.read_table(folder / "intervals.parquet")
    started, ended = (intervals.column(name).cast(pa.int64()).to_numpy() for name in ("started", "ended"))
    return kind.of(intervals.column("equipment"), started, ended)


def _stream(folder: Path) -> pa.Table:
    """Groups go to a Parquet file while they are made; only what the file says of itself comes back."""
    from assay.query.bind.scanning import as_table

    scan = _scan(folder)
    target = folder / "bound.parquet"
    writer: pq.ParquetWriter | None = None
    for bunch in scan.bunches():
        table = as_table([bunch], scan.asked, scan.names)
        writer = writer or pq.ParquetWriter(target, table.schema, compression="zstd", compression_level=1)
        writer.write_table(table)
    if writer is not None:
        writer.close()
    return pa.table({"n": pa.array([pq.read_metadata(target).num_rows])})


def _bucket(folder: Path) -> pa.Table:
    from assay.query.bind.bucket import INTERVALS, bucket_sql, columns_of, interval_table, widths
    from assay.query.bind.features import feature_set
    from assay.query.bind.spans import Spans
    from assay.query.engines.duckdb_dialect import DuckDialect

    spans, asked = _spans(folder, Spans), feature_set(FEATURES)
    # The data have no reading twice, so the SQL need not look for any: in its favour.
    statement = bucket_sql(
        DuckDialect(), asked, widths(spans), readings=f"read_parquet({_files(folder)!r})", distinct=False
    )
    with _duckdb() as connection:
        connection.register(INTERVALS, interval_table(spans))
        return columns_of(connection.execute(statement).to_arrow_table(), asked)


def _duckdb() -> Any:
    import duckdb

    connection = duckdb.connect(config={"threads": str(CORES)})
    connection.execute("SET TimeZone = 'UTC'")
    return connection


_ASOF = """
SELECT span AS interval, signal, count(*) AS n, avg(value) AS mean, stddev_samp(value) AS std,
       min(value) AS min, max(value) AS max, arg_min(value, time) AS first, arg_max(value, time) AS last,
       CASE WHEN count(*) > 1 THEN regr_slope(value, (epoch_us(time) - epoch_us(started)) / 1e6) END AS slope
FROM (SELECT r.signal, r.time, r.value, i.span, i.started, i.ended
      FROM read_parquet({files!r}) r ASOF JOIN read_parquet({intervals!r}) i
      ON r.equipment = i.equipment AND r.time >= i.started)
WHERE time < ended GROUP BY span, signal
"""


def _asof(folder: Path) -> pa.Table:
    statement = _ASOF.format(files=_files(folder), intervals=str(folder / "intervals.parquet"))
    with _duckdb() as connection:
        return connection.execute(statement).to_arrow_table()


def _join_asof(folder: Path) -> pa.Table:
    polars = peer("polars")
    assert polars is not None
    col = polars.col
    readings = polars.scan_parquet(_files(folder)).select(
        col("signal"), col("equipment").cast(polars.String), col("time"), col("value")
    )
    intervals = polars.scan_parquet(folder / "intervals.parquet")
    joined = (
        readings.sort("time")
        .join_asof(
            intervals.sort("started"),
            left_on="time",
            right_on="started",
            by="equipment",
            strategy="backward",
            check_sortedness=False,
        )
        .filter(col("time") < col("ended"))
        .with_columns(since=(col("time") - col("started")).dt.total_microseconds() / 1e6)
    )
    grouped = joined.group_by("span", "signal").agg(
        n=polars.len().cast(polars.Int64),
        mean=col("value").mean(),
        std=col("value").std(),
        min=col("value").min(),
        max=col("value").max(),
        first=col("value").min_by("time"),
        last=col("value").max_by("time"),
        slope=(polars.cov("since", "value") / col("since").var()).fill_nan(None),
    )
    return grouped.collect(engine="streaming").to_arrow()


SIDES: dict[str, Callable[[Path], pa.Table]] = {
    "kernel": _kernel,
    "bucket": _bucket,
    "asof": _asof,
    "polars": _join_asof,
    "stream": _stream,
}


def main(name: str, folder: Path) -> None:
    """Do one side's work each time a line comes in; print its seconds, memory and checksums."""
    os.environ.setdefault("POLARS_MAX_THREADS", str(CORES))
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    pa.set_cpu_count(CORES)
    if FOLDER.is_dir():
        sys.path.append(str(FOLDER))
    for _ in sys.stdin:
        began = time.perf_counter()
        table = SIDES[name](folder)
        seconds = time.perf_counter() - began
        if name == "stream":
            result: dict[str, Any] = {"groups": table.column("n")[0].as_py()}
        else:
            finite = {key: pc.fill_null(table.column(key), 0) for key in FEATURES}
            result = {
                "groups": len(table),
                "sums": {key: float(pc.sum(column).as_py()) for key, column in finite.items()},
                "scales": {key: float(pc.sum(pc.abs(column)).as_py()) for key, column in finite.items()},
            }
        print(json.dumps({"seconds": seconds, "gib": peak_gib(), **result}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
