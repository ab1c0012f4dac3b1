"""Every public statistic is behind at least one line of the verification report."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from typing import Any

import pytest

from assay.stats import arl, capability, charts, constants, distributions, monitor, msa, sampling, sigma
from assay.stats.charts.kinds import CHARTS

PACKAGES = (
    arl,
    capability,
    charts,
    constants,
    distributions,
    monitor,
    msa,
    sampling,
    sampling.sample_size,
    sigma,
)
CONVENIENCE = {
    "watch": "fits and scores by functions that are behind lines of their own",
    "monitor.pca": "makes settings; the statistics are those of the fitted model",
    "monitor.dpca": "makes settings; the statistics are those of the fitted model",
    "monitor.cva": "makes settings; the statistics are those of the fitted model",
}
"""Public functions that compute nothing themselves."""


def public() -> dict[str, Any]:
    found = {}
    for package in PACKAGES:
        short = package.__name__.rpartition(".")[2]
        for name in getattr(package, "__all__", ()):
            function = getattr(package, name)
            if inspect.isfunction(function):
                found[f"{short}.{name}"] = function
    return found


RECORD = """
import json, sys
seen = set()
def note(frame, event, argument):
    if event == "call":
        seen.add((frame.f_code.co_filename, frame.f_code.co_firstlineno))
from assay.stats.verify import checks
sys.setprofile(note)
for check in checks():
    check.compute()
sys.setprofile(None)
print(json.dumps(sorted(seen)))
"""
"""Run on its own: what other tests have computed before is kept, and would not be computed again."""


@pytest.fixture(scope="module")
def called() -> set[tuple[str, int]]:
    """File and first line of every function that runs while the report is computed."""
    done = subprocess.run([sys.executable, "-c", RECORD], capture_output=True, text=True, check=True)
    return {(str(file), int(line)) for file, line in json.loads(done.stdout)}


def place(function: Any) -> tuple[str, int]:
    code = inspect.unwrap(function).__code__
    return code.co_filename, code.co_firstlineno


def test_every_public_statistic_is_behind_a_line_of_the_report(called: set[tuple[str, int]]) -> None:
    functions = public()
    assert len(functions) > 80
    silent = sorted(name for name, function in functions.items() if place(function) not in called)
    assert not [
        name for name in silent if name not in CONVENIENCE and name.rpartition(".")[2] not in CONVENIENCE
    ]


def test_every_kind_of_chart_is_behind_a_line_of_the_report(called: set[tuple[str, int]]) -> None:
    assert not [kind.id for kind in CHARTS.values() if place(kind.make) not in called]
