"""The average and range method: the form of AIAG's gauge study, and the factors d2* it rests on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from assay.stats.arrays import Floats, one_of
from assay.stats.constants import d2, d3
from assay.stats.errors import OutOfRange

Kind = Literal["exact", "tabled"]


def d2_star(size: int, groups: int) -> float:
    """The divisor that turns the mean range of ``groups`` samples of ``size`` into a standard deviation.

    ``d2* = √(d2² + d3²/g)``: then R̄/d2* has the right mean *square* (Duncan, *Quality Control and Industrial
    Statistics*, 5th ed., table D3; AIAG, *MSA*, 4th ed., appendix C).
    """
    return math.sqrt(d2(size) ** 2 + d3(size) ** 2 / groups)


@dataclass(frozen=True)
class AverageRange:
    """The sheet of the range method."""

    mean_range: float
    """R̄, the mean of the ranges over the trials."""
    operator_means: tuple[float, ...]
    operator_difference: float | None
    """X̄DIFF: largest minus smallest operator mean; None without operators."""
    part_range: float
    """Rp: largest minus smallest part mean."""
    k1: float
    k2: float | None
    k3: float
    ev: float
    av: float
    """0 without operators."""
    av_negative: bool
    """Whether what is left of the operators after the repeatability was below zero."""
    pv: float


def average_range(
    values: Floats, *, constants: Kind = "exact", form_decimals: int | None = None
) -> AverageRange:
    """EV, AV and PV of ``values`` of shape ``(P, O, R)`` by AIAG's form (*MSA*, 4th ed., III.B, p. 118-121).

    EV = R̄·K1, AV = √((X̄DIFF·K2)² − EV²/(PR)), PV = Rp·K3 with K1 = 1/d2 (1/d2* up to 15 ranges, as appendix
    C has it), K2 = 1/d2* and K3 = 1/d2* of a single range.

    Parameters
    ----------
    constants
        ``exact`` factors, or ``tabled``: rounded to the four decimals printed on the form.
    form_decimals
        None carries everything on as computed. A number rounds as somebody filling in the form does: R̄ and
        the operators' means to so many decimals, the parts' means to one less. AIAG's example has 4.

    Raises
    ------
    OutOfRange, UnknownOption
    """
    one_of(constants, ("exact", "tabled"), "constants")
    p, o, r = values.shape
    for name, count in (("trials", r), ("operators", max(o, 2)), ("parts", p)):
        if count > 1_000:
            raise OutOfRange(name=name, value=count, low=2, high=1_000)
    groups = p * o
    k1, k3 = 1 / (d2(r) if groups > 15 else d2_star(r, groups)), 1 / d2_star(p, 1)
    k2 = 1 / d2_star(o, 1) if o > 1 else None
    if constants == "tabled":
        k1, k3, k2 = round(k1, 4), round(k3, 4), None if k2 is None else round(k2, 4)
    ranges = np.ptp(values, axis=2)
    means, parts = values.mean(axis=(0, 2)), values.mean(axis=(1, 2))
    mean_range = float(ranges.mean())
    if form_decimals is not None:
        by_operator = np.round(ranges.mean(axis=0), form_decimals)
        mean_range = round(float(by_operator.mean()), form_decimals)
        means, parts = np.round(means, form_decimals), np.round(parts, form_decimals - 1)
    part_range = float(np.ptp(parts))
    ev = mean_range * k1
    difference = float(np.ptp(means)) if o > 1 else None
    left = 0.0 if difference is None or k2 is None else (difference * k2) ** 2 - ev**2 / (p * r)
    return AverageRange(
        mean_range=mean_range,
        operator_means=tuple(means.tolist()),
        operator_difference=difference,
        part_range=part_range,
        k1=k1,
        k2=k2,
        k3=k3,
        ev=ev,
        av=math.sqrt(max(left, 0.0)),
        av_negative=left < 0,
        pv=part_range * k3,
    )
