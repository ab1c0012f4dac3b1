"""What is odd about the counts of a queue: reported, never repaired."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from assay.genealogy.queue_errors import CATALOGUE
from assay.genealogy.queue_fit import Fit
from assay.genealogy.queue_problem import Problem
from assay.genealogy.queue_result import ALONE, Doubt, Matching

_LEAST_EXPLAINED = 0.5
"""Share of the shorter side below which a match is no match."""


def doubts(problem: Problem, found: Fit, matching: Matching) -> tuple[Doubt, ...]:
    """Everything about these counts that a person should know."""
    return (
        *_of_sides(problem),
        *_of_carriers(problem, matching),
        *_of_times(problem, found, matching),
    )


def _doubt(kind: str, side: str | None, rows: NDArray[np.int64] | None = None, **values: object) -> Doubt:
    named = () if rows is None else tuple(rows.tolist())
    said = CATALOGUE.text(f"doubt.{kind}", side=side, count=len(named), **values)
    return Doubt(kind, side, named, said)


def _of_sides(problem: Problem) -> Iterator[Doubt]:
    for side, times in (("in", problem.sides.entered), ("out", problem.sides.left)):
        if not len(times):
            yield _doubt("empty", side)
        if not problem.timed:
            continue
        missing = np.flatnonzero(np.isnan(times))
        if len(missing):
            yield _doubt("missing-time", side, missing)
        known = np.flatnonzero(np.isfinite(times))
        steps = np.diff(times[known])
        if (steps == 0).any():
            yield _doubt("duplicate-time", side, known[1:][steps == 0])
        if (steps < 0).any():
            yield _doubt("backwards", side, known[1:][steps < 0], value=float(-steps.min()))


def _of_carriers(problem: Problem, matching: Matching) -> Iterator[Doubt]:
    sides = problem.sides
    if not len(sides.rarity):
        return
    if (sides.label_in >= 0).all() and len(sides.label_in):
        strange = np.flatnonzero((sides.label_out >= 0) & ~np.isin(sides.label_out, sides.label_in))
        if len(strange):
            yield _doubt("carrier-unknown", "out", strange)
    best = matching.best
    paired = np.flatnonzero(best != ALONE)
    ours, theirs = sides.label_in[paired], sides.label_out[best[paired]]
    conflict = paired[(ours >= 0) & (theirs >= 0) & (ours != theirs)]
    if len(conflict):
        yield _doubt("carrier-conflict", "in", conflict)


def _of_times(problem: Problem, found: Fit, matching: Matching) -> Iterator[Doubt]:
    if matching.residence is None:
        return
    sides, residence, tolerance = problem.sides, problem.residence, problem.tolerance
    seen = matching.residence.value
    off = abs(seen - residence) - tolerance
    if off > 0:
        yield _doubt("skew", None, value=seen, off=off, residence=residence, tolerance=tolerance)
    entered = sides.entered[np.isfinite(sides.entered)]
    if len(entered):
        spread = matching.spread.high if matching.spread else 0.0
        first = entered.min() + min(seen, residence - tolerance) - 5 * spread
        early = np.flatnonzero(sides.left < first)
        if len(early):
            yield _doubt("out-before-in", "out", early)
    if not found.ordered and matching.spread:
        yield _doubt("order-free", None, value=matching.spread.value, takt=sides.takt)
    explained = float(found.probability.sum()) / max(1, min(matching.before, matching.after))
    if explained < _LEAST_EXPLAINED:
        yield _doubt("poor-fit", None, share=max(explained, 0.0), residence=residence, tolerance=tolerance)
