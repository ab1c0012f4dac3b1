"""What a characteristic has to meet: specification limits, target, and bounds that nature sets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.stats.arrays import Floats, numbers, ordered
from assay.stats.capability.errors import BeyondNaturalLimit, TargetOutsideLimits
from assay.stats.errors import LimitsReversed, NoLimits


@dataclass(frozen=True)
class Specification:
    """Limits of one characteristic, in its unit.

    A natural limit is a bound no value can pass, such as 0 for roundness. It is not a specification: no
    index is computed for its side, and a specification limit at or beyond it is read as that bound.
    """

    lsl: float | None = None
    usl: float | None = None
    target: float | None = None
    target_given: bool = False
    """False where the target is the middle of the limits because none was given."""
    natural_low: float | None = None
    natural_high: float | None = None

    def observed(self, x: Floats) -> tuple[int | None, int | None]:
        """How many values are below and above the limit or bound of the side; None where there is none."""
        low = self.natural_low if self.lsl is None else self.lsl
        high = self.natural_high if self.usl is None else self.usl
        below = None if low is None else int((x < low).sum())
        return below, None if high is None else int((x > high).sum())


def specification(
    lsl: float | None,
    usl: float | None,
    target: float | None = None,
    natural_low: float | None = None,
    natural_high: float | None = None,
    *,
    what: str = "capability",
    bounds_alone: bool = False,
) -> Specification:
    """Limits checked and put in order.

    Without a target, two limits have their middle as target (qcc). ``bounds_alone`` lets natural limits stand
    without a specification limit.

    Raises
    ------
    NotFinite, NotNumeric, LimitsReversed, NoLimits, TargetOutsideLimits
    """
    ordered(lsl, usl)
    ordered(natural_low, natural_high, "natural_low", "natural_high")
    for low, high, names in (
        (natural_low, usl, ("natural_low", "usl")),
        (lsl, natural_high, ("lsl", "natural_high")),
    ):
        if low is not None and high is not None and low >= high:
            raise LimitsReversed(low_name=names[0], low=low, high_name=names[1], high=high)
    if lsl is not None and natural_low is not None and lsl <= natural_low:
        lsl = None
    if usl is not None and natural_high is not None and usl >= natural_high:
        usl = None
    bounded = natural_low is not None or natural_high is not None
    if lsl is None and usl is None and not (bounds_alone and bounded):
        raise NoLimits(what=what)
    given = target is not None
    if target is not None:
        target = float(numbers(target, "target"))
        if (lsl is not None and target < lsl) or (usl is not None and target > usl):
            raise TargetOutsideLimits(target=target, lsl=lsl, usl=usl)
    elif lsl is not None and usl is not None:
        target = (lsl + usl) / 2
    return Specification(
        None if lsl is None else float(lsl),
        None if usl is None else float(usl),
        target,
        given,
        None if natural_low is None else float(natural_low),
        None if natural_high is None else float(natural_high),
    )


def check_natural(x: Floats, spec: Specification) -> None:
    """Refuse values beyond a natural limit.

    Raises
    ------
    BeyondNaturalLimit
    """
    for beyond, bound in (
        (np.zeros(x.size, bool) if spec.natural_low is None else x < spec.natural_low, spec.natural_low),
        (np.zeros(x.size, bool) if spec.natural_high is None else x > spec.natural_high, spec.natural_high),
    ):
        if beyond.any():
            index = int(np.flatnonzero(beyond)[0])
            raise BeyondNaturalLimit(count=int(beyond.sum()), index=index, value=float(x[index]), bound=bound)
