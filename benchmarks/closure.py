"""A recall over a hundred million movements that are not held in memory: cut out of the lake, block by block.

The plant is the one of :mod:`benchmarks.genealogy`. The workers of a Spark cluster on this machine (one
master, two workers) and, beside it, this process alone cut out what the recall needs. Both answers are those
of all movements in memory, or the benchmark fails.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
from tests.spark_cluster import lacking, spark_cluster

from assay.query import genealogy
from assay.store.workspace import Workspace
from benchmarks.figures import Figure
from benchmarks.genealogy import CAMPAIGN, MANY, fill, names, ours

_WHOLE = """
import sys
from assay.store.workspace import Workspace
from benchmarks.closure import checksum
from benchmarks.genealogy import RECALLED, ours
with Workspace.open(sys.argv[1]) as workspace:
    ask = ours(workspace)
    for name in sys.argv[2:]:
        if len(answer := ask(name, True)) >= RECALLED:
            print(name, checksum(answer))
            break
"""
_TRIED = 40
"""Units of which the first that went into enough is recalled."""


def run(scale: float = 1.0, progress: Callable[[float, str], None] = lambda done, what: None) -> list[Figure]:
    """Recall once by each; at full scale over a hundred million movements.

    Raises
    ------
    RuntimeError
        An answer is another one, or there is no Spark.
    """
    if (reason := lacking()) is not None:
        raise RuntimeError(reason)
    edges = max(round(MANY * scale) // 4 * 4, 8 * CAMPAIGN)
    begun = (edges // 4 // CAMPAIGN - 1) // 2 * CAMPAIGN
    asked = names(2 * (begun + 300 + np.arange(_TRIED)), edges, "U").to_pylist()
    figures = []
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        path = Path(folder) / "plant"
        progress(0.0, f"writing {edges:,} movements")
        fill(path, edges)
        progress(0.3, "recalling from all movements in memory")
        command = [sys.executable, "-c", _WHOLE, str(path), *asked]
        here = Path(__file__).resolve().parents[1]
        said = subprocess.run(command, cwd=here, capture_output=True, text=True, check=True).stdout
        name, expected = said.split()
        genealogy.most_in_memory.update(duckdb=0, spark=0)
        with spark_cluster(Path(folder) / "spark") as url:
            for part, (title, engine) in enumerate((("Spark, two workers", url), ("one process", ""))):
                progress(0.5 + 0.25 * part, title)
                _set_engine(path, engine)
                answer, first, again = _recalled(path, name)
                if checksum(answer) != expected:
                    raise RuntimeError(f"{title} gives another answer than all movements in memory")
                what = f"closure: recall, {len(answer):,} units of {edges:,} movements, cut out by {title}"
                figures += [_figure(what, first), _figure(f"{what}, asked again", again)]
    return figures


def checksum(rows: list[tuple[str, float, float]]) -> str:
    """The SHA-256 of an answer: ids, quantities to six digits, confidences to nine, by id."""
    told = sha256()
    for name, quantity, confidence in sorted(rows):
        told.update(f"{name} {quantity:.6f} {confidence:.9f}\n".encode())
    return told.hexdigest()


def _set_engine(path: Path, url: str) -> None:
    settings = path / "assay.toml"
    lines = settings.read_text("utf-8").splitlines()
    said = [f'engine = "{url}"' if line.startswith("engine = ") else line for line in lines]
    settings.write_text("\n".join(said), "utf-8")


def _recalled(path: Path, asked: str) -> tuple[list[tuple[str, float, float]], float, float]:
    with Workspace.open(path) as workspace:
        times = [time.perf_counter()]
        for _ in range(2):
            answer = ours(workspace)(asked, True)
            times.append(time.perf_counter())
    return answer, times[1] - times[0], times[2] - times[1]


def _figure(name: str, value: float) -> Figure:
    return Figure(
        name=name, value=value, unit="s", peer=None, ratio=None, spread="one run", target=None, met=None
    )
