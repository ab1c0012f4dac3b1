"""The main job on the demo plant: from the command to the report on disk.

Each round is a process of its own, as a person starts it: Python, imports, opening the plant, trace, causes,
evidence, blast radius, report. The plant is built before the clock starts.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.figures import Figure

MOST_SECONDS = 5.0
SCOPES: tuple[str | None, ...] = (None, "s02")


def run(*, repeats: int = 5, progress: Callable[[float, str], None] | None = None) -> list[Figure]:
    """Build the demo plant once, then time the whole command ``repeats`` times for each scope."""
    told = progress or (lambda done, what: None)
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        plant = Path(folder) / "plant"
        told(0.0, "building the plant")
        _demo(plant, None)
        figures = []
        for number, scope in enumerate(SCOPES):
            seconds = []
            for turn in range(repeats):
                told((number * repeats + turn) / (len(SCOPES) * repeats), f"round {turn + 1} of {repeats}")
                seconds.append(_demo(plant, scope))
            figures.append(_figure(scope, seconds))
    return figures


def _figure(scope: str | None, seconds: list[float]) -> Figure:
    median = statistics.median(seconds)
    what = "22,500 runs, three scenarios" if scope is None else f"12,500 runs, {scope}"
    return Figure(
        name=f"main job, command to report: {what}",
        value=median,
        unit="s",
        peer=None,
        ratio=None,
        spread=f"{min(seconds):.2f} to {max(seconds):.2f} s, {len(seconds)} rounds",
        target=f"at most {MOST_SECONDS:g} s",
        met=median <= MOST_SECONDS,
    )


def _demo(plant: Path, scope: str | None) -> float:
    """Seconds that the whole command took."""
    command = [sys.executable, "-m", "assay.cli", "demo", "--no-serve", "--json", "--dir", str(plant)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    subprocess.run(
        [*command, *(["--scope", scope] if scope else [])],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
        env=environment,
    )
    return time.perf_counter() - began
