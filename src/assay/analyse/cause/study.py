"""The analysis from records to report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.analyse.cause.arrangement import Arrangement
from assay.analyse.cause.blast import Mark, affected_units, not_inspected
from assay.analyse.cause.clock import DRIFT, WINDOW, time_factors, windows_filled_by
from assay.analyse.cause.columns import encode
from assay.analyse.cause.factors import RANKED, factors
from assay.analyse.cause.frame import Frame, build
from assay.analyse.cause.problem import Factor, Problem
from assay.analyse.cause.report import Cause, CauseReport, Confounded, Dose, Effect
from assay.analyse.cause.search import Found, search
from assay.analyse.cause.words import said
from assay.model.text import Text
from assay.plugins.contracts import Progress
from assay.stats.risk import mean_effect, mean_interval, proportion_interval, risk_effect
from assay.store.workspace import Workspace

ERROR_RATE = 0.01
"""Family-wise error at which a cause is claimed."""

_TIME_SHARE = 0.2
"""Part of the error rate kept for time, which is tried on what the recorded factors leave."""

_FEW_LEVELS = 64
"""Time must also stand within the levels of every recorded factor with at most so many."""

_SAME_ROWS = 0.95
_MOST_EXPLAINED = 20
_SHOWN_VALUES = 8


@dataclass(frozen=True, eq=False)
class Study:
    """A finished analysis with what is needed to look at its evidence."""

    frame: Frame
    report: CauseReport
    marks: dict[tuple[str, str | None], Mark]
    groups: dict[tuple[str, str | None], NDArray[np.bool_]]


def run(
    workspace: Workspace,
    target: str,
    where: str | None = None,
    scope: str | None = None,
    progress: Progress | None = None,
) -> Study:
    """Analyse; see :func:`assay.analyse.cause.cause`."""
    told = progress if progress is not None else _silent
    told(0, 1, "records")
    frame = build(workspace, target, where, scope)
    ranked = sum(column.role in RANKED for column in frame.columns.values())
    recorded = factors(frame, lambda done: told(0.05 + 0.45 * done / max(ranked, 1), 1, "factors"))
    problem = problem_of(frame, recorded)
    verdict = _nothing_to_find(frame, problem)
    if verdict is not None:
        return _study(frame, where, problem, found=[], tests=0, note=verdict)
    tested = 0

    def tick() -> None:
        nonlocal tested
        tested += 1
        told(0.5 + 0.45 * (1 - 1 / (1 + tested / max(len(recorded), 1))), 1, "tests")

    causes, total, clusters = rank(problem, workspace.config.time_zone, tick)
    key = "found" if causes else "no factor" if total == 0 else "nothing"
    note = said(key, tests=total, rate=ERROR_RATE, subjects=frame.size)
    study = _study(frame, where, problem, found=causes, tests=total, note=note, clusters=clusters)
    told(1, 1, "done")
    return study


def rank(
    problem: Problem, zone: str, tick: Callable[[], None] = lambda: None
) -> tuple[list[Found], int, NDArray[np.int64] | None]:
    """Causes in order, the number of hypotheses tested, and the unit of each subject (None: its own).

    Recorded factors first, with most of the error rate; then time, on what they leave.
    """
    clock = time_factors(problem, zone)
    arrangement = Arrangement(problem, (*problem.factors, *clock))
    found, tests = search(
        arrangement, problem, problem.factors, error_rate=ERROR_RATE * (1 - _TIME_SHARE), tick=tick
    )
    late, late_tests = search(
        arrangement,
        problem,
        clock,
        error_rate=ERROR_RATE * _TIME_SHARE,
        rivals=tuple(factor for factor in problem.factors if factor.levels <= _FEW_LEVELS),
        tick=tick,
    )
    return _raising(found + late), tests + late_tests, arrangement.clusters


def _silent(done: float, total: float, what: str) -> None:
    return None


def _raising(found: list[Found]) -> list[Found]:
    """Only causes whose carriers exist and can be compared with others."""
    return [one for one in found if one.group.any() and not one.group.all()]


def problem_of(frame: Frame, recorded: tuple[Factor, ...]) -> Problem:
    """The arrays of a frame and its encoded factors."""
    clusters, _ = encode(frame.units)
    strata, _ = frame.segments
    distinct = np.unique(clusters).size
    return Problem(
        outcome=frame.outcome,
        is_binary=frame.target.is_condition,
        strata=strata.astype(np.int64),
        clusters=None if distinct == frame.size else clusters,
        time=frame.time,
        factors=recorded,
    )


def _nothing_to_find(frame: Frame, problem: Problem) -> Text | None:
    if problem.outcome.min() != problem.outcome.max():
        return None
    key = "constant" if not problem.is_binary else "all bad" if problem.outcome[0] else "no bad"
    return said(key, subjects=frame.size, values=_recorded(frame) if key == "no bad" else "")


def _recorded(frame: Frame) -> str:
    """What was measured instead: the most frequent words, or the range."""
    words = [one for one in frame.measurements.column("text").value_counts().to_pylist() if one["values"]]
    if words:
        words.sort(key=lambda one: -one["counts"])
        more = ", …" if len(words) > _SHOWN_VALUES else ""
        return ", ".join(repr(one["values"]) for one in words[:_SHOWN_VALUES]) + more
    ends = pc.min_max(frame.measurements.column("value")).as_py()
    return f"{_number(ends['min'])} … {_number(ends['max'])}"


def _study(
    frame: Frame,
    where: str | None,
    problem: Problem,
    *,
    found: list[Found],
    tests: int,
    note: Text,
    clusters: NDArray[np.int64] | None = None,
) -> Study:
    causes, marks, groups = [], {}, {}
    for rank, one in enumerate(found, 1):
        mark = _mark(one)
        cause = _cause(rank, one, mark, frame=frame, problem=problem, clusters=clusters)
        causes.append(cause)
        marks[cause.factor, cause.value] = mark
        groups[cause.factor, cause.value] = one.group
    report = CauseReport(
        target=frame.target.text,
        where=where,
        scope=None if frame.scope is None else frame.scope[0],
        subjects=frame.size,
        bad=int(problem.outcome.sum()) if problem.is_binary else None,
        mean=None if problem.is_binary else float(problem.outcome.mean()),
        units=len(pc.unique(frame.units)),
        tests=tests,
        error_rate=ERROR_RATE,
        factors=tuple(factor.name for factor in problem.factors),
        verdict="causes found" if causes else "insufficient evidence",
        causes=tuple(causes),
        note=note,
    )
    return Study(frame, report, marks, groups)


def _mark(one: Found) -> Mark:
    factor = one.factor
    if factor.windows and one.level is not None:
        first, last = factor.windows[one.level]
        span = (float(factor.low[first]) / 1e6, float(factor.high[last]) / 1e6)
        return Mark(WINDOW, f"{_moment(span[0])}/{_moment(span[1])}", (span,))
    if one.level is not None:
        return Mark(factor.name, factor.labels[one.level])
    scale = 1e6 if factor.name == DRIFT else 1.0
    return Mark(factor.name, None, tuple((low / scale, high / scale) for low, high in _ranges(one)))


def _ranges(one: Found) -> list[tuple[float, float]]:
    """Elevated bins, neighbours joined."""
    edges = np.flatnonzero(np.diff(one.elevated) > 1)
    firsts = np.concatenate([[0], edges + 1])
    lasts = np.concatenate([edges, [one.elevated.size - 1]])
    return [
        (float(one.factor.low[one.elevated[a]]), float(one.factor.high[one.elevated[b]]))
        for a, b in zip(firsts, lasts, strict=True)
    ]


def _cause(
    rank: int,
    one: Found,
    mark: Mark,
    *,
    frame: Frame,
    problem: Problem,
    clusters: NDArray[np.int64] | None,
) -> Cause:
    units = affected_units(frame, mark, one.group)
    effect = _effect(one, problem, clusters)
    ordered = one.factor.is_ordered
    return Cause(
        rank=rank,
        factor=mark.factor,
        value=mark.value,
        effect=effect,
        p_value=one.p_value,
        q_value=one.q_value,
        support=int(one.group.sum()),
        bad=int(problem.outcome[one.group].sum()) if problem.is_binary else None,
        units=len(pc.unique(frame.units.filter(pa.array(one.group)))),
        blast_radius=len(units),
        not_inspected=not_inspected(frame, units),
        confounded_with=(
            *(_same_time(one, problem) if one.level is not None and not one.factor.windows else ()),
            *_same_rows(one, problem),
            *_explained(one),
        ),
        dose_response=_doses(one.factor, problem, clusters) if ordered else (),
        statement=_statement(mark, one, effect),
        shape=None if one.shape is None else one.shape.value,
        elevated=mark.ranges,
        unit=frame.columns[mark.factor].unit if mark.factor in frame.columns else None,
    )


def _effect(one: Found, problem: Problem, clusters: NDArray[np.int64] | None) -> Effect:
    if problem.is_binary:
        risk = risk_effect(problem.outcome, one.group, one.strata, clusters)
        return Effect(
            rate=risk.risk,
            rate_rest=risk.risk_rest,
            risk_ratio=risk.ratio,
            risk_ratio_ci=risk.ratio_interval,
            risk_difference=risk.difference,
            risk_difference_ci=risk.difference_interval,
        )
    mean = mean_effect(problem.outcome, one.group, one.strata, clusters)
    return Effect(
        mean=mean.mean,
        mean_rest=mean.mean_rest,
        mean_shift=mean.shift,
        mean_shift_ci=mean.interval,
        standardised=mean.standardised,
    )


def _doses(factor: Factor, problem: Problem, clusters: NDArray[np.int64] | None) -> tuple[Dose, ...]:
    doses = []
    for place in range(factor.levels):
        inside = factor.codes == place
        outcome = problem.outcome[inside]
        if not outcome.size:
            continue
        if problem.is_binary:
            effective = outcome.size / _design_effect(outcome, None if clusters is None else clusters[inside])
            rate = float(outcome.mean())
            interval = proportion_interval(rate * effective, effective)
        else:
            rate, interval = float(outcome.mean()), mean_interval(outcome)
        doses.append(
            Dose(
                float(factor.low[place]),
                float(factor.high[place]),
                int(outcome.size),
                int(outcome.sum()) if problem.is_binary else None,
                rate,
                interval,
            )
        )
    return tuple(doses)


def _design_effect(outcome: NDArray[np.float64], clusters: NDArray[np.int64] | None) -> float:
    """How much less runs on shared units tell than as many independent ones (Kish 1965), at least 1."""
    rate = float(outcome.mean())
    if clusters is None or rate in (0.0, 1.0):
        return 1.0
    per_unit = np.bincount(clusters, weights=outcome - rate)
    return max(1.0, float((per_unit**2).sum()) / (outcome.size * rate * (1 - rate)))


def _same_time(one: Found, problem: Problem) -> list[Confounded]:
    return [
        Confounded(
            factor="time",
            value=(window := f"{_moment(span.start / 1e6)}/{_moment(span.end / 1e6)}"),
            relation="same rows",
            overlap=span.share,
            note=said("same time", value=window),
        )
        for span in windows_filled_by(problem, one.group, one.strata)
    ]


def _same_rows(one: Found, problem: Problem) -> list[Confounded]:
    """Levels (or value ranges) of other factors that cover the same subjects."""
    comparable = np.isin(problem.strata, np.unique(problem.strata[one.group]))
    mine = np.flatnonzero(one.group)
    found = []
    for factor in problem.factors:
        if factor.name == one.factor.name:
            continue
        inside = factor.codes[mine]
        known = inside[inside >= 0].astype(np.int64)
        if known.size < _SAME_ROWS * mine.size:
            continue
        if factor.is_ordered:
            low, high = int(known.min()), int(known.max())
            theirs = (factor.codes >= low) & (factor.codes <= high)
            value = (
                _number(factor.low[low])
                if low == high
                else f"{_number(factor.low[low])} … {_number(factor.high[high])}"
            )
            shared = known.size
        else:
            counts = np.bincount(known)
            level = int(counts.argmax())
            theirs, value, shared = factor.codes == level, factor.labels[level], int(counts[level])
        union = mine.size + int((theirs & comparable).sum()) - shared
        if shared >= _SAME_ROWS * union:
            found.append(
                Confounded(
                    factor.name,
                    value,
                    "same rows",
                    shared / union,
                    said("same rows", factor=factor.name, value=value),
                )
            )
    return found


def _explained(one: Found) -> list[Confounded]:
    explained = []
    for other in one.explained[:_MOST_EXPLAINED]:
        value = None if other.level is None else _level_text(other.factor, other.level)
        what = other.factor.name if value is None else f"{other.factor.name} = {value}"
        explained.append(
            Confounded(
                other.factor.name,
                value,
                "explained",
                None,
                said("explained", what=what, before=other.p_before, after=other.p_after),
                other.p_before,
                other.p_after,
            )
        )
    return explained


def _level_text(factor: Factor, level: int) -> str:
    if not factor.windows:
        return factor.labels[level]
    first, last = factor.windows[level]
    return f"{_moment(factor.low[first] / 1e6)}/{_moment(factor.high[last] / 1e6)}"


def _statement(mark: Mark, one: Found, effect: Effect) -> Text:
    if mark.value is not None:
        what = said("level", factor=mark.factor, value=mark.value)
    else:
        ends = (
            (_moment(a), _moment(b)) if one.factor.name == DRIFT else (_number(a), _number(b))
            for a, b in mark.ranges
        )
        spans = ", ".join(low if low == high else f"{low} … {high}" for low, high in ends)
        what = said(one.shape or "level", factor=mark.factor, range=spans)
    if effect.mean_shift is not None and effect.mean_shift_ci is not None:
        low, high = effect.mean_shift_ci
        return said(
            "mean", what=what, shift=effect.mean_shift, low=low, high=high, standardised=effect.standardised
        )
    ratio: Text = Text(zh="", en="")
    if effect.risk_ratio is not None and np.isfinite(effect.risk_ratio) and effect.risk_ratio_ci is not None:
        low, high = effect.risk_ratio_ci
        ratio = said("ratio", ratio=effect.risk_ratio, low=low, high=high)
    return said("risk", what=what, rate=effect.rate, rest=effect.rate_rest, ratio=ratio)


def _number(value: float) -> str:
    return f"{value:.6g}"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
