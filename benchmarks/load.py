"""Loading a 10-million-row measurement CSV, beside bare ``pyarrow.csv`` to Parquet of the same file.

The peer reads the whole file with Arrow's threads and writes it with pyarrow's default settings, nothing
checked. Ours types, checks units and times, hashes every row, compares keys within the file and with the
plant, and commits. Both run in a child process of their own on two cores, in turn, after the file was read
once, so that neither pays for the disk or inherits the other's memory.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from benchmarks.figures import Figure, memory, peak_gib

ROWS = 10_000_000
CORES = 2
LEAST_RATE, MOST_GIB = 0.5, 1.5
MAPPING = """\
version: 1
source: benchmark
long: {subject: unit, characteristic: characteristic, value: value, time: time, gauge: gauge, person: person}
"""
_PIECE = 500_000


def run(
    *, repeats: int = 5, scale: float = 1.0, progress: Callable[[float, str], None] | None = None
) -> list[Figure]:
    """Write the file, run both sides ``repeats`` times in turn; return rates, their ratio and peak memory."""
    told = progress or (lambda done, what: None)
    rows = round(ROWS * scale)
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        file = Path(folder) / "measurements.csv"
        told(0.0, "writing the file")
        write_measurements(file, rows)
        ours, peers, peaks = [], [], []
        for turn in range(repeats):
            told((1 + turn) / (1 + repeats), f"round {turn + 1} of {repeats}")
            peers.append(_measured("peer", file)["seconds"])
            result = _measured("assay", file)
            ours.append(result["seconds"])
            peaks.append(result["gib"])
        size = file.stat().st_size / 1e6
    ratios = sorted(peer / mine for peer, mine in zip(peers, ours, strict=True))
    ratio = statistics.median(ratios)
    return [
        Figure(
            name=f"load: {rows:,} measurements, {size:.0f} MB",
            value=rows / statistics.median(ours) / 1e6,
            unit="million rows/s",
            peer=f"pyarrow.csv to Parquet: {rows / statistics.median(peers) / 1e6:.2f} million rows/s",
            ratio=ratio,
            spread=f"ratio {ratios[0]:.2f} to {ratios[-1]:.2f}, {repeats} rounds",
            target=f"at least {LEAST_RATE:g} x the peer's rate",
            met=ratio >= LEAST_RATE,
        ),
        memory("load: peak memory", peaks, MOST_GIB),
    ]


def write_measurements(file: Path, rows: int, *, seed: int = 7) -> None:
    """Five characteristics per unit, one measurement about every 170 ms, 20 gauges, 40 persons."""
    rng = np.random.default_rng(seed)
    names = pa.array(["bore_diameter", "roughness", "torque", "flatness", "runout"])
    gauges = pa.array([f"G-{number:03d}" for number in range(20)])
    persons = pa.array([f"P-{number:03d}" for number in range(40)])
    start = np.datetime64("2026-03-01T00:00:00.000")
    schema = pa.schema(
        [
            ("unit", pa.string()),
            ("characteristic", pa.string()),
            ("value", pa.float64()),
            ("time", pa.timestamp("ms")),
            ("gauge", pa.string()),
            ("person", pa.string()),
        ]
    )
    options = pacsv.WriteOptions(quoting_style="none", include_header=False)
    with file.open("wb") as out:
        out.write((",".join(schema.names) + "\n").encode())
        with pacsv.CSVWriter(out, schema, write_options=options) as writer:
            for first in range(0, rows, _PIECE):
                place = np.arange(first, min(first + _PIECE, rows))
                number = pc.utf8_lpad(pa.array(place // 5).cast(pa.string()), 7, "0")
                moments = start + (place * 173 + rng.integers(0, 100, len(place))).astype("timedelta64[ms]")
                columns = [
                    pc.binary_join_element_wise("U", number, ""),
                    names.take(pa.array(place % 5)),
                    pa.array(np.round(rng.normal(12, 0.05, len(place)), 4)),
                    pa.array(moments),
                    gauges.take(pa.array(rng.integers(0, len(gauges), len(place)))),
                    persons.take(pa.array(place // 3000 % len(persons))),
                ]
                writer.write(pa.table(columns, schema=schema))


def _measured(side: str, file: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.load", side, str(file)]
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def _peer(file: Path, target: Path) -> None:
    pq.write_table(pacsv.read_csv(file), target / "measurements.parquet")


def _assay(file: Path, target: Path) -> None:
    from assay.connect.load import load_file
    from assay.store.workspace import Workspace

    with Workspace.create(target / "plant") as workspace:
        report = load_file(workspace, file, MAPPING, progress=lambda done, total, what: None)
    assert report.accepted == report.rows, report


def main(side: str, file: Path) -> None:
    """Do one side's work in this process and print its seconds and peak memory."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    pa.set_cpu_count(CORES)
    work = {"peer": _peer, "assay": _assay}[side]
    target = Path(tempfile.mkdtemp(dir=file.parent))
    try:
        with file.open("rb") as warm:
            while warm.read(1 << 24):
                pass
        began = time.perf_counter()
        work(file, target)
        seconds = time.perf_counter() - began
    finally:
        shutil.rmtree(target)
    print(json.dumps({"seconds": seconds, "gib": peak_gib()}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
