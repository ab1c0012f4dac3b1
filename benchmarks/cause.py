"""Ranking causes over 1,000,000 units × 200 factors, beside one DuckDB ``GROUP BY`` per factor.

The peer reads the same lake files with the same number of threads and counts the units per level, factor by
factor: the least that any tool has to do that looks at every factor once. Both run in a
child process of their own, in turn, so that neither inherits the other's memory.
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
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from assay.analyse.cause import cause
from assay.model.attributes import Attribute, AttributeType, ColumnRole
from assay.model.kinds import RecordKind
from assay.store.keys import LoadKey
from assay.store.workspace import Workspace
from benchmarks import null
from benchmarks.figures import Figure, memory, peak_gib

UNITS = 1_000_000
LOTS, TOOLS, COUNTERS = 30, 120, 50
THREADS = 2
MOST_TIMES, MOST_GIB = 10.0, 4.0
TARGET = "result = 'NOK'"


def run(
    *, repeats: int = 5, scale: float = 1.0, progress: Callable[[float, str], None] | None = None
) -> list[Figure]:
    """Build the plant, run both sides ``repeats`` times in turn, return the ratio and the peak memory."""
    told = progress or (lambda done, what: None)
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        plant = Path(folder) / "plant"
        told(0.0, "building the plant")
        build(plant, round(UNITS * scale))
        ours, peers, peaks = [], [], []
        for turn in range(repeats):
            told(0.8 * (1 + turn) / (1 + repeats), f"round {turn + 1} of {repeats}")
            peers.append(_measured("peer", plant)["seconds"])
            result = _measured("assay", plant)
            ours.append(result["seconds"])
            peaks.append(result["gib"])
    ratios = sorted(a / b for a, b in zip(ours, peers, strict=True))
    ratio = statistics.median(ratios)
    return [
        Figure(
            name="cause: 1,000,000 units x 200 factors"
            if scale == 1
            else f"cause: {round(UNITS * scale)} units",
            value=statistics.median(ours),
            unit="s",
            peer=f"DuckDB, one GROUP BY per factor: {statistics.median(peers):.2f} s",
            ratio=ratio,
            spread=f"ratio {ratios[0]:.2f} to {ratios[-1]:.2f}, {repeats} rounds",
            target=f"at most {MOST_TIMES:g} x the peer",
            met=ratio <= MOST_TIMES,
        ),
        memory("cause: peak memory", peaks, MOST_GIB),
        *null.run(progress=lambda done, what: told(0.8 + 0.2 * done, what)),
    ]


def build(plant: Path, units: int, *, seed: int = 7) -> None:
    """A plant of ``units`` units with 200 factors, 30 of them of more than 1,000 levels; three are causes.

    One tool triples the 2 % base risk, one lot multiplies it by eight, one counter doubles it from its low to
    its high end; the other 197 factors have nothing to do with it.
    """
    rng = np.random.default_rng(seed)
    attributes, columns = [], {}
    risk = np.full(units, 0.02)
    for place in range(LOTS + TOOLS + COUNTERS):
        name, levels = _factor(place, rng)
        codes = rng.integers(0, levels, units).astype(np.int32)
        counted = place >= LOTS + TOOLS
        attributes.append(
            Attribute(
                name=name,
                kind=RecordKind.MOVEMENT,
                type=AttributeType.INTEGER if counted else AttributeType.TEXT,
                role=ColumnRole.ORDERED_FACTOR if counted else ColumnRole.FACTOR,
            )
        )
        columns[name] = (
            codes if counted else _words(codes, [f"{name}-{level:04d}" for level in range(levels)])
        )
        if place == LOTS + 10:
            risk[codes == 1] *= 3
        elif place == 3:
            risk[codes == 17] *= 8
        elif place == LOTS + TOOLS + 10:
            risk *= 1 + codes / levels
    bad = rng.random(units) < risk
    _store(plant, attributes, columns, np.where(bad, 1, 0).astype(np.int32), rng)


def _factor(place: int, rng: np.random.Generator) -> tuple[str, int]:
    if place < LOTS:
        return f"lot_{place:02d}", int(rng.integers(1_001, 5_001))
    if place < LOTS + TOOLS:
        return f"tool_{place - LOTS:03d}", int(rng.integers(2, 41))
    return f"counter_{place - LOTS - TOOLS:02d}", int(rng.integers(10, 1_001))


def _store(
    plant: Path,
    attributes: list[Attribute],
    columns: dict[str, object],
    bad: np.ndarray,
    rng: np.random.Generator,
) -> None:
    units = bad.size
    start = 1_700_000_000_000_000
    moments = pa.array(
        start + np.sort(rng.integers(0, 30 * 86_400_000_000, units)), pa.timestamp("us", "UTC")
    )
    ids = pa.array([f"U{unit:07d}" for unit in range(units)])
    zeros = np.zeros(units, np.int32)
    common = {"seq": np.arange(units), "time": moments}
    hashes = {"key_hash": np.arange(units), "content_hash": np.arange(units)}
    tables = {
        RecordKind.MOVEMENT: {
            "execution": ids,
            "role": _words(zeros, ["produced"]),
            "subject": ids,
            "subject_kind": _words(zeros, ["unit"]),
            "segment": _words(zeros, ["line"]),
            "started": moments,
            **columns,
        },
        RecordKind.MEASUREMENT: {
            "subject": ids,
            "subject_kind": _words(zeros, ["unit"]),
            "characteristic": _words(zeros, ["result"]),
            "text": _words(bad, ["OK", "NOK"]),
            "segment": _words(zeros, ["line"]),
        },
    }
    load = LoadKey("bench", "1")
    with Workspace.create(plant) as workspace:
        workspace.registry.declare_attributes(attributes)
        for kind, own in tables.items():
            writer = workspace.lake.stage(kind, load=load, recorded=datetime.now(UTC))
            writer.write(pa.table({**common, **own, **hashes}))
            workspace.lake.commit(kind, writer.finish(), load=load)


def _words(codes: np.ndarray, words: list[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(words))


def _measured(side: str, plant: Path) -> dict[str, float]:
    """One side in a child process: seconds of the work itself, and peak memory of the process."""
    command = [sys.executable, "-m", "benchmarks.cause", side, str(plant)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(THREADS)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def _peer(workspace: Workspace) -> None:
    connection = duckdb.connect(config={"threads": THREADS})
    files = workspace.lake.files(RecordKind.MOVEMENT)
    connection.execute(f"create view lake as select * from read_parquet({files!r})")
    for attribute in workspace.registry.attributes():
        connection.execute(f"select {attribute.name}, count(*) from lake group by 1").to_arrow_table()


def _child(side: str, plant: str) -> None:
    with Workspace.open(plant) as workspace:
        start = time.perf_counter()
        if side == "peer":
            _peer(workspace)
        else:
            cause(workspace, TARGET)
        seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "gib": peak_gib()}))


if __name__ == "__main__":
    _child(sys.argv[1], sys.argv[2])
