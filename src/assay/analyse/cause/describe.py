"""What a found cause is told as: its effect, its curve, who shares it, what it cannot be told from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.analyse.cause.blast import Mark, affected_units, not_inspected
from assay.analyse.cause.clock import DRIFT, WINDOW, windows_filled_by
from assay.analyse.cause.frame import Frame
from assay.analyse.cause.problem import Factor, Problem
from assay.analyse.cause.report import Cause, Confounded, Dose, Effect
from assay.analyse.cause.search import Found
from assay.analyse.cause.words import said, title_of
from assay.model.text import Text
from assay.stats.risk import mean_effect, mean_interval, rate_interval, risk_effect

_SAME_ROWS = 0.95
_MOST_EXPLAINED = 20


@dataclass(frozen=True, eq=False)
class Describer:
    """Tells the causes of one analysis; times in sentences are in ``zone``."""

    frame: Frame
    problem: Problem
    clusters: NDArray[np.int64] | None
    zone: str

    def cause(self, rank: int, one: Found) -> tuple[Cause, Mark]:
        """The cause as it is reported, and what marks its records."""
        mark = _mark(one)
        problem = self.problem
        units = affected_units(self.frame, mark, one.group)
        effect = _effect(one, problem, self.clusters)
        level = one.level is not None and not one.factor.windows
        title = self._title(mark.factor)
        cause = Cause(
            rank=rank,
            factor=mark.factor,
            value=mark.value,
            title=title,
            effect=effect,
            p_value=one.p_value,
            q_value=one.q_value,
            support=int(one.group.sum()),
            bad=int(problem.outcome[one.group].sum()) if problem.is_binary else None,
            units=len(pc.unique(self.frame.units.filter(pa.array(one.group)))),
            blast_radius=len(units),
            not_inspected=not_inspected(self.frame, units),
            confounded_with=(
                *(self._same_time(one) if level else ()),
                *self._same_rows(one),
                *self._explained(one),
            ),
            dose_response=_doses(one.factor, problem, self.clusters) if one.factor.is_ordered else (),
            statement=self._statement(mark, one, effect, title),
            shape=None if one.shape is None else one.shape.value,
            elevated=mark.ranges,
            unit=self.frame.columns[mark.factor].unit if mark.factor in self.frame.columns else None,
        )
        return cause, mark

    def _title(self, factor: str) -> Text:
        column = self.frame.columns.get(factor)
        if column is None:
            return title_of(factor)
        known = title_of(column.field) if column.material is None else Text(zh=factor, en=factor)
        plain = Text(zh=column.title.get("zh", known.zh), en=column.title.get("en", known.en))
        if column.name == column.field or column.link is None:
            return plain
        return Text(zh=f"{column.link} {plain.zh}", en=f"{column.link} {plain.en}")

    def _same_time(self, one: Found) -> list[Confounded]:
        return [
            Confounded(
                factor="time",
                value=_window(span.start / 1e6, span.end / 1e6),
                relation="same rows",
                overlap=span.share,
                note=said("same time", value=self._span(span.start / 1e6, span.end / 1e6)),
            )
            for span in windows_filled_by(self.problem, one.group, one.strata)
        ]

    def _same_rows(self, one: Found) -> list[Confounded]:
        """Levels (or value ranges) of other factors that cover the same of the subjects compared."""
        compared = np.isin(one.strata, np.unique(one.strata[one.group]))
        mine = np.flatnonzero(one.group)
        found = []
        for factor in self.problem.factors:
            if factor.name == one.factor.name:
                continue
            twin = _twin(factor, mine, compared)
            if twin is not None:
                value, overlap = twin
                note = said("same rows", factor=self._title(factor.name), value=value)
                found.append(Confounded(factor.name, value, "same rows", overlap, note))
        return found

    def _explained(self, one: Found) -> list[Confounded]:
        explained = []
        for other in one.explained[:_MOST_EXPLAINED]:
            factor = other.factor
            value = None if other.level is None else factor.labels[other.level]
            title = self._title(factor.name)
            what = title if value is None else said("level", factor=title, value=value)
            note = said("explained", what=what, before=other.p_before, after=other.p_after)
            explained.append(
                Confounded(factor.name, value, "explained", None, note, other.p_before, other.p_after)
            )
        return explained

    def _statement(self, mark: Mark, one: Found, effect: Effect, title: Text) -> Text:
        if mark.factor == WINDOW:
            what = said("level", factor=title, value=self._span(*mark.ranges[0]))
        elif mark.value is not None:
            what = said("level", factor=title, value=mark.value)
        else:
            spans = ", ".join(
                self._span(low, high) if one.factor.name == DRIFT else _range(low, high)
                for low, high in mark.ranges
            )
            what = said(one.shape or "level", factor=title, range=spans)
        if effect.mean_shift is not None and effect.mean_shift_ci is not None:
            low, high = effect.mean_shift_ci
            return said(
                "mean",
                what=what,
                shift=effect.mean_shift,
                low=low,
                high=high,
                standardised=effect.standardised,
            )
        ratio = Text(zh="", en="")
        finite = effect.risk_ratio is not None and np.isfinite(effect.risk_ratio)
        if finite and effect.risk_ratio_ci is not None:
            low, high = effect.risk_ratio_ci
            ratio = said("ratio", ratio=effect.risk_ratio, low=low, high=high)
        return said("risk", what=what, rate=effect.rate, rest=effect.rate_rest, ratio=ratio)

    def _span(self, start: float, end: float) -> str:
        """A stretch of time as people in the plant say it."""
        zone = ZoneInfo(self.zone)
        first, last = (datetime.fromtimestamp(moment, zone) for moment in (start, end))
        until = f"{last:%H:%M:%S}" if first.date() == last.date() else f"{last:%Y-%m-%d %H:%M:%S}"
        return f"{first:%Y-%m-%d %H:%M:%S} – {until} ({self.zone})"


def _twin(factor: Factor, mine: NDArray[np.int64], compared: NDArray[np.bool_]) -> tuple[str, float] | None:
    """The level or range of ``factor`` that covers (nearly) the subjects ``mine`` and no others compared."""
    known = factor.codes[mine]
    known = known[known >= 0].astype(np.int64)
    if known.size < _SAME_ROWS * mine.size:
        return None
    if factor.is_ordered:
        low, high = int(known.min()), int(known.max())
        theirs = (factor.codes >= low) & (factor.codes <= high)
        value, shared = _range(float(factor.low[low]), float(factor.high[high])), known.size
    else:
        counts = np.bincount(known)
        level = int(counts.argmax())
        theirs, value, shared = factor.codes == level, factor.labels[level], int(counts[level])
    union = mine.size + int((theirs & compared).sum()) - shared
    return (value, shared / union) if shared >= _SAME_ROWS * union else None


def _mark(one: Found) -> Mark:
    factor = one.factor
    if factor.windows and one.level is not None:
        first, last = factor.windows[one.level]
        span = (float(factor.low[first]) / 1e6, float(factor.high[last]) / 1e6)
        return Mark(WINDOW, _window(*span), (span,))
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
        units = None if clusters is None else clusters[inside]
        interval = rate_interval(outcome, units) if problem.is_binary else mean_interval(outcome, units)
        doses.append(
            Dose(
                float(factor.low[place]),
                float(factor.high[place]),
                int(outcome.size),
                int(outcome.sum()) if problem.is_binary else None,
                float(outcome.mean()),
                interval,
            )
        )
    return tuple(doses)


def _range(low: float, high: float) -> str:
    return f"{low:.6g}" if low == high else f"{low:.6g} … {high:.6g}"


def _window(start: float, end: float) -> str:
    """ISO 8601 interval in UTC."""
    first, last = (datetime.fromtimestamp(moment, UTC) for moment in (start, end))
    return f"{first:%Y-%m-%dT%H:%M:%SZ}/{last:%Y-%m-%dT%H:%M:%SZ}"
