"""The null test: with results shuffled there is no cause, so a claim is a false one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from assay.analyse.cause.factors import factors
from assay.analyse.cause.frame import build
from assay.analyse.cause.problem import Problem
from assay.analyse.cause.study import problem_of, rank
from assay.demo.build import load_screwdriving
from assay.store.workspace import Workspace
from benchmarks.figures import Figure

SHUFFLES, MOST_CLAIMS = 200, 10


def run(*, progress: Callable[[float, str], None] | None = None) -> list[Figure]:
    """Shuffle the screw-driving results 200 times and count how often a cause is claimed."""
    told = progress or (lambda done, what: None)
    with (
        tempfile.TemporaryDirectory(prefix="assay-null-") as folder,
        Workspace.create(Path(folder) / "plant", time_zone="Europe/Berlin") as workspace,
    ):
        load_screwdriving(workspace, lambda name, report: None)
        claims = claimed(workspace, lambda done: told(done, "null test"))
    figure = Figure(
        name=f"cause: claims in {SHUFFLES} shuffles of screwdriving (whole workpieces within files)",
        value=claims,
        unit="claims",
        peer=None,
        ratio=None,
        spread=None,
        target=f"at most {MOST_CLAIMS}",
        met=claims <= MOST_CLAIMS,
    )
    return [figure]


def claimed(workspace: Workspace, progress: Callable[[float], None] = lambda done: None) -> int:
    """Number of shuffles of ``result = 'NOK'`` in which a cause is claimed."""
    frame = build(workspace, "result = 'NOK'", None, None)
    problem = problem_of(frame, factors(frame))
    rng = np.random.default_rng(1)
    claims = 0
    for turn in range(SHUFFLES):
        progress(turn / SHUFFLES)
        claims += bool(rank(shuffled(problem, rng), workspace.config.time_zone)[0])
    return claims


def shuffled(problem: Problem, rng: np.random.Generator) -> Problem:
    """Results of whole workpieces exchanged within each file, and the order of the runs on them.

    Without the second step what changes from run to run on a workpiece (its uses, left or right) would
    still go along with the results: that is a cause the shuffle leaves in.
    """
    outcome = problem.outcome.copy()
    if problem.clusters is None:
        raise ValueError("the subjects are their own units; there is nothing to keep together")
    for stratum in np.unique(problem.strata):
        rows = np.flatnonzero(problem.strata == stratum)
        rows = rows[np.argsort(problem.clusters[rows], kind="stable")]
        runs = np.unique(problem.clusters[rows], return_counts=True)[1]
        if np.unique(runs).size > 1:
            raise ValueError("workpieces with different numbers of runs can't exchange their results")
        results = rng.permutation(outcome[rows].reshape(-1, runs[0]))
        outcome[rows] = rng.permuted(results, axis=1).ravel()
    return replace(problem, outcome=outcome)
