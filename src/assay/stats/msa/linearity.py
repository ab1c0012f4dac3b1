"""Linearity of a gauge: how its bias changes over its range."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

from assay.stats.arrays import Floats, between, column, positive, vector
from assay.stats.errors import ConstantData, TooFewPoints
from assay.stats.msa.errors import SeveralReferences, ToleranceTwice, TooFewReferences
from assay.stats.msa.intervals import Interval
from assay.stats.msa.study import Factor, factor, said, together
from assay.stats.plot import Plot
from assay.stats.result import Result


@dataclass(frozen=True)
class Coefficient:
    """A coefficient of the line, tested against 0."""

    estimate: float
    standard_error: float
    t: float
    p: float
    interval: Interval


@dataclass(frozen=True)
class PartBias:
    """The bias at one reference value, with the standard deviation of its own measurements."""

    part: str
    reference: float
    n: int
    mean: float
    bias: float
    percent: float | None
    """|bias| over the process variation or tolerance; None without either."""
    t: float | None
    """None where there is one measurement, or where they are all alike."""
    p: float | None
    interval: Interval | None


@dataclass(frozen=True, kw_only=True)
class Linearity(Result):
    """The line of bias over reference value, and the bias part by part."""

    n: int
    slope: Coefficient
    intercept: Coefficient
    s: float
    """Residual standard deviation of the line."""
    r_squared: float
    linearity: float | None
    """|slope| times the process variation (or tolerance); None without either."""
    percent_linearity: float
    """100·|slope|: linearity in percent of the process variation."""
    parts: tuple[PartBias, ...]
    bias: float
    """Average bias of all measurements."""
    percent_bias: float | None
    bias_t: float
    """Average bias over s/√n, with n − 2 degrees of freedom."""
    bias_p: float
    acceptable: bool
    """Neither slope nor intercept differs from 0 at the level: bias = 0 is within the band (AIAG)."""
    compared_with: float | None
    """The process variation or tolerance that percentages are of."""
    confidence: float
    _reference: Floats = field(repr=False, compare=False)
    _bias: Floats = field(repr=False, compare=False)

    def band(self, reference: Floats) -> tuple[Floats, Floats]:
        """The confidence band of the mean bias at reference values, lower and upper, in their shape."""
        x = self._reference
        centre, spread = x.mean(), ((x - x.mean()) ** 2).sum()
        half = float(stats.t.ppf(0.5 + self.confidence / 2, self.n - 2)) * self.s
        half = half * np.sqrt(1 / self.n + (reference - centre) ** 2 / spread)
        fit = self.intercept.estimate + self.slope.estimate * reference
        return fit - half, fit + half

    def plot(self) -> Plot:
        """Biases over reference values with the line, its band, and the line bias = 0."""
        from assay.stats.msa.pictures import linearity_picture

        return linearity_picture(self, self._reference, self._bias)


def linearity(
    frame: Any,
    *,
    part: str | None = None,
    reference: str,
    value: str,
    process_variation: float | None = None,
    tolerance: float | None = None,
    confidence: float = 0.95,
) -> Linearity:
    """Least squares of single biases on reference values, with tests of slope and intercept.

    Source: AIAG, *MSA*, 4th ed., III.B, determining linearity. Each part's bias is tested with its own
    standard deviation; the average bias with the line's s (as JASP does).

    Parameters
    ----------
    frame
        A mapping of arrays, an Arrow table or a pandas frame, one row per measurement.
    part
        Column of the part; without it, parts are told apart by their reference value.
    reference, value
        Columns of the part's known value and of the measurement.
    process_variation, tolerance
        What biases are compared with: six standard deviations of the process, or the tolerance's width.

    Raises
    ------
    UnknownColumn, MissingLabel, NotFinite, NotNumeric, WrongShape, TooFewPoints, TooFewReferences,
    SeveralReferences, ConstantData, NotPositive, ToleranceTwice
    """
    measured = vector(column(frame, value), value)
    known = vector(column(frame, reference), reference)
    together(reference, measured.size, known.size)
    between(confidence, "confidence", 0.5, 0.9999)
    labels = _by_reference(known) if part is None else factor(frame, part)
    together(part or reference, measured.size, labels.codes.size)
    if measured.size < 3:
        raise TooFewPoints(what="linearity", count=measured.size, least=3)
    if np.unique(known).size < 2:
        raise TooFewReferences(count=1, least=2)
    if process_variation is not None and tolerance is not None:
        raise ToleranceTwice(tolerance=tolerance, other=f"process_variation = {process_variation}")
    given = [(process_variation, "process_variation"), (tolerance, "tolerance")]
    scale = next((positive(size, name) for size, name in given if size is not None), None)
    biases = measured - known
    if np.ptp(biases) <= 1e-12 * max(1.0, float(np.abs(measured).max())):
        raise ConstantData(name="bias", count=biases.size, value=float(biases[0]))
    slope, intercept, s, r_squared = _line(known, biases, confidence)
    average = float(biases.mean())
    t = average / (s / math.sqrt(biases.size)) if s > 0 else math.copysign(math.inf, average)
    return Linearity(
        n=biases.size,
        slope=slope,
        intercept=intercept,
        s=s,
        r_squared=r_squared,
        linearity=None if scale is None else abs(slope.estimate) * scale,
        percent_linearity=100 * abs(slope.estimate),
        parts=tuple(_parts(labels, known, measured, scale, confidence)),
        bias=average,
        percent_bias=None if scale is None else 100 * abs(average) / scale,
        bias_t=t,
        bias_p=float(2 * stats.t.sf(abs(t), biases.size - 2)),
        acceptable=min(slope.p, intercept.p) > 1 - confidence,
        compared_with=scale,
        confidence=confidence,
        _reference=known,
        _bias=biases,
    )


def _by_reference(known: Floats) -> Factor:
    distinct, codes = np.unique(known, return_inverse=True)
    return Factor(tuple(said(item) for item in distinct.tolist()), codes.astype(np.int64))


def _line(x: Floats, y: Floats, confidence: float) -> tuple[Coefficient, Coefficient, float, float]:
    """Slope, intercept, residual standard deviation and R² of y on x."""
    n, away = x.size, x - x.mean()
    sxx = float((away * away).sum())
    slope = float(away @ (y - y.mean())) / sxx
    intercept = float(y.mean() - slope * x.mean())
    rest = y - intercept - slope * x
    s = math.sqrt(float(rest @ rest) / (n - 2))
    quantile = float(stats.t.ppf(0.5 + confidence / 2, n - 2))

    def coefficient(estimate: float, error: float) -> Coefficient:
        t = estimate / error if error > 0 else math.copysign(math.inf, estimate)
        half = quantile * error
        p = float(2 * stats.t.sf(abs(t), n - 2))
        return Coefficient(estimate, error, t, p, Interval(estimate - half, estimate + half))

    whole = float(((y - y.mean()) ** 2).sum())
    return (
        coefficient(slope, s / math.sqrt(sxx)),
        coefficient(intercept, s * math.sqrt(1 / n + float(x.mean()) ** 2 / sxx)),
        s,
        1 - float(rest @ rest) / whole,
    )


def _parts(
    labels: Factor, known: Floats, measured: Floats, scale: float | None, confidence: float
) -> list[PartBias]:
    found = []
    for code, label in enumerate(labels.labels):
        rows = labels.codes == code
        reference, values = known[rows], measured[rows]
        if np.unique(reference).size > 1:
            distinct = ", ".join(f"{item:g}" for item in np.unique(reference))
            raise SeveralReferences(part=label, references=distinct)
        bias, n = float((values - reference).mean()), values.size
        t = p = interval = None
        if n > 1 and values.min() < values.max():
            error = float(values.std(ddof=1)) / math.sqrt(n)
            t, half = bias / error, float(stats.t.ppf(0.5 + confidence / 2, n - 1)) * error
            p, interval = float(2 * stats.t.sf(abs(t), n - 1)), Interval(bias - half, bias + half)
        percent = None if scale is None else 100 * abs(bias) / scale
        found.append(
            PartBias(label, float(reference[0]), n, float(values.mean()), bias, percent, t, p, interval)
        )
    return found
