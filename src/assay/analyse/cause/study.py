"""The analysis from records to report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.analyse.cause.arrangement import Arrangement
from assay.analyse.cause.blast import Mark
from assay.analyse.cause.clock import time_factors
from assay.analyse.cause.columns import encode
from assay.analyse.cause.describe import Describer
from assay.analyse.cause.factors import RANKED, factors
from assay.analyse.cause.frame import Frame, build
from assay.analyse.cause.problem import Factor, Problem
from assay.analyse.cause.refused import refused_of
from assay.analyse.cause.report import CauseReport, RefusedSubjects
from assay.analyse.cause.search import Found, search
from assay.analyse.cause.words import said
from assay.model.text import Text
from assay.plugins.contracts import Progress
from assay.store.workspace import Workspace

ERROR_RATE = 0.01
"""Family-wise error at which a cause is claimed."""

_TIME_SHARE = 0.2
"""Part of the error rate kept for time, which is tried on what the recorded factors leave."""

_FEW_LEVELS = 64
"""Time must also stand within the levels of every recorded factor with at most so many."""

_SHOWN_VALUES = 8


@dataclass(frozen=True, eq=False)
class Study:
    """A finished analysis with what is needed to look at its evidence.

    ``refused`` are the reasons for which records of each subject are refused, None where none are.
    """

    frame: Frame
    report: CauseReport
    marks: dict[tuple[str, str | None], Mark]
    groups: dict[tuple[str, str | None], NDArray[np.bool_]]
    refused: pa.Array | None = None


def run(
    workspace: Workspace,
    target: str,
    where: str | None = None,
    scope: str | None = None,
    progress: Progress | None = None,
) -> Study:
    """Analyse; see :func:`assay.analyse.cause.cause`."""
    told = progress if progress is not None else _silent
    zone = workspace.config.time_zone
    told(0, 1, "records")
    frame = build(workspace, target, where, scope)
    ranked = sum(column.role in RANKED for column in frame.columns.values())
    recorded = factors(frame, lambda done: told(0.05 + 0.45 * done / max(ranked, 1), 1, "factors"))
    problem = problem_of(frame, recorded)
    verdict = _nothing_to_find(frame, problem)
    if verdict is not None:
        study = _study(frame, where, problem, found=[], tests=0, note=verdict, zone=zone)
        return _with_refused(study, refused_of(workspace, frame))
    tested = 0

    def tick() -> None:
        nonlocal tested
        tested += 1
        told(0.5 + 0.45 * (1 - 1 / (1 + tested / max(len(recorded), 1))), 1, "tests")

    causes, total, clusters = rank(problem, zone, tick)
    key = "found" if causes else "no factor" if total == 0 else "nothing"
    note = said(key, tests=total, rate=ERROR_RATE, subjects=frame.size)
    study = _study(frame, where, problem, found=causes, tests=total, note=note, zone=zone, clusters=clusters)
    told(1, 1, "done")
    return _with_refused(study, refused_of(workspace, frame))


def _with_refused(study: Study, codes: pa.Array | None) -> Study:
    """The study with what the gate refused of its subjects."""
    if codes is None:
        return study
    refused = codes.is_valid().to_numpy(zero_copy_only=False)
    bad = None if study.report.bad is None else int(study.frame.outcome[refused].sum())
    count, more = int(refused.sum()), "" if bad is None else said("refused bad", bad=bad)
    told = said("refused", subjects=count, bad=more)
    report = replace(study.report, refused=RefusedSubjects(count, bad, told))
    return replace(study, report=report, refused=codes)


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
    distinct = np.count_nonzero(np.bincount(clusters))
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
    return "–" if ends["min"] is None else f"{ends['min']:.6g} … {ends['max']:.6g}"


def _study(
    frame: Frame,
    where: str | None,
    problem: Problem,
    *,
    found: list[Found],
    tests: int,
    note: Text,
    zone: str,
    clusters: NDArray[np.int64] | None = None,
) -> Study:
    describe = Describer(frame, problem, clusters, zone)
    causes, marks, groups = [], {}, {}
    for rank, one in enumerate(found, 1):
        cause, mark = describe.cause(rank, one)
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
