"""Attributes plans from two points of the OC curve: single and double sampling."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from assay.stats.arrays import between, one_of, ordered, positive
from assay.stats.errors import LimitsReversed, NotACount, OutOfRange
from assay.stats.sampling.curves import OperatingCurves
from assay.stats.sampling.errors import LotTooLarge, NoPlan
from assay.stats.sampling.plan import AttributesPlan
from assay.stats.sampling.probability import DISTRIBUTIONS, Distribution, Stages, at_most, ends

MOST = 5000
"""Largest acceptance number that is looked at."""
SLACK = 1e-12
"""Risks are compared with this much room for rounding."""


@dataclass(frozen=True)
class _Asked:
    """Two points of the OC curve; qualities as the arithmetic takes them (p, or a number in the lot)."""

    p1: float
    alpha: float
    p2: float
    beta: float
    distribution: Distribution
    lot: int | None
    good: float
    bad: float


def attributes(
    p1: float,
    alpha: float,
    p2: float,
    beta: float,
    *,
    distribution: Distribution = "binomial",
    lot: int | None = None,
) -> AttributesPlan:
    """The smallest single plan that keeps both risks.

    Parameters
    ----------
    p1, alpha
        Lots at or below the quality ``p1`` (AQL) are rejected with at most the chance ``alpha``.
    p2, beta
        Lots at or above the quality ``p2`` (LTPD, LQ) are accepted with at most the chance ``beta``.
    distribution
        ``binomial`` (fraction nonconforming, lots from a process), ``poisson`` (nonconformities per item) or
        ``hypergeometric`` (this lot of ``lot`` items; ``p1`` is then rounded down and ``p2`` up to whole
        items).
    lot
        Lot size; needed for ``hypergeometric``, otherwise used for AOQ and ATI only.

    Returns
    -------
    AttributesPlan
        ``n`` and ``ac`` as small as can be, with the risks they really have in ``producer_risk`` and
        ``consumer_risk``; curves by ``.curves()``.

    Raises
    ------
    NotFinite, OutOfRange, NotPositive, NotACount
        A risk or a fraction outside (0, 1), a lot that is no whole number.
    LimitsReversed
        ``p1`` isn't below ``p2``, or the risks leave nothing to tell apart (``beta ≥ 1 − alpha``).
    NoPlan
        The two qualities are too close.

    Notes
    -----
    Guenther's search (Guenther 1969, *J. Quality Technology* 1, 105-109; Schilling & Neubauer, 3rd ed., §5):
    for each acceptance number, the smallest n that keeps ``beta``, until it also keeps ``alpha``.
    """
    asked = _asked(p1, alpha, p2, beta, distribution=distribution, lot=lot)
    for ac in range(MOST + 1 if asked.lot is None else min(MOST + 1, asked.lot)):
        n = _smallest(partial(_consumer, asked, ac), ac + 1, asked.lot)
        if n is not None and _single(asked, n, ac, asked.good) >= 1 - alpha - SLACK:
            return _finish(asked, (n,), (ac,), (ac + 1,))
    raise NoPlan(p1=p1, p2=p2, most=MOST)


def double(
    p1: float,
    alpha: float,
    p2: float,
    beta: float,
    *,
    ratio: float = 1.0,
    distribution: Distribution = "binomial",
    lot: int | None = None,
) -> AttributesPlan:
    """The double plan with the smallest average sample number at ``p1`` that keeps both risks.

    Parameters
    ----------
    ratio
        Size of the second sample over the first (the standards use 1, Dodge and Romig 2).

    Other parameters, returns and errors are those of :func:`attributes`. Both samples reject at the second's
    acceptance number + 1. Acceptance numbers are searched up to three above the single plan's.
    """
    asked = _asked(p1, alpha, p2, beta, distribution=distribution, lot=lot)
    positive(ratio, "ratio")
    single = attributes(p1, alpha, p2, beta, distribution=distribution, lot=lot)
    best: tuple[float, AttributesPlan] | None = None
    for c2 in range(1, single.ac + 4):
        for c1 in range(c2):
            found = _double(asked, c1, c2, ratio)
            if found is not None:
                effort = float(found.asn(p1))
                if best is None or effort < best[0] - SLACK:
                    best = (effort, found)
    if best is None:
        raise NoPlan(p1=p1, p2=p2, most=single.ac + 3)
    return best[1]


def plan(
    n: int | Sequence[int],
    ac: int | Sequence[int],
    re: int | Sequence[int] | None = None,
    *,
    distribution: Distribution = "binomial",
    lot: int | None = None,
) -> AttributesPlan:
    """A plan that is given: one sample, or several with their numbers in sequences of the same length.

    Parameters
    ----------
    n, ac, re
        Sample sizes, acceptance numbers (−1: can't accept yet) and rejection numbers, counted over all
        samples so far; without ``re`` each stage rejects at the last acceptance number + 1.

    Raises
    ------
    NotACount, NotPositive, OutOfRange, LimitsReversed, LotTooLarge
        Sizes below 1, numbers that fall from stage to stage, an acceptance number not below its rejection
        number, more items than the lot holds.
    """
    one_of(distribution, DISTRIBUTIONS, "distribution")
    sizes, acceptance = _whole(n, "n"), _whole(ac, "ac")
    rejection = (acceptance[-1] + 1,) * len(sizes) if re is None else _whole(re, "re")
    between(len(acceptance), "len(ac)", len(sizes), len(sizes))
    between(len(rejection), "len(re)", len(sizes), len(sizes))
    for size, a, r in zip(sizes, acceptance, rejection, strict=True):
        positive(size, "n")
        ordered(a, r, "ac", "re")
    between(min(acceptance), "ac", 0 if len(sizes) == 1 else -1, np.inf)
    between(acceptance[-1], "ac", 0, np.inf)
    for name, values in (("ac", acceptance), ("re", rejection)):
        for earlier, later in itertools.pairwise(values):
            if later < earlier:
                raise LimitsReversed(low_name=f"{name}[i]", low=earlier, high_name=f"{name}[i+1]", high=later)
    if lot is not None:
        lot = _whole(lot, "lot")[0]
    elif distribution == "hypergeometric":
        raise NotACount(name="lot", index=0, value=lot)
    if lot is not None and sum(sizes) > lot:
        raise LotTooLarge(name="n", value=sum(sizes), size=lot)
    return AttributesPlan(
        n=sizes[0],
        ac=acceptance[-1],
        re=rejection[-1],
        sampling={1: "single", 2: "double"}.get(len(sizes), "multiple"),
        sizes=sizes,
        acceptance=acceptance,
        rejection=rejection,
        distribution=distribution,
        lot=lot,
    )


def curves(
    n: int | Sequence[int],
    ac: int | Sequence[int],
    re: int | Sequence[int] | None = None,
    *,
    distribution: Distribution = "binomial",
    lot: int | None = None,
    p: ArrayLike | None = None,
) -> OperatingCurves:
    """OC, ASN, AOQ and ATI curves of a given plan; parameters and errors as in :func:`plan`.

    Parameters
    ----------
    p
        Qualities to look at, shape ``(P,)``; without them from 0 to where acceptance falls below 0.1 %.
    """
    return plan(n, ac, re, distribution=distribution, lot=lot).curves(p)


def risk(value: float, name: str) -> float:
    """A probability inside (0, 1).

    Raises
    ------
    NotFinite, OutOfRange
    """
    found = between(value, name, 0, 1)
    if found in {0.0, 1.0}:
        raise OutOfRange(name=name, value=found, low=0, high=1)
    return found


def _asked(
    p1: float, alpha: float, p2: float, beta: float, *, distribution: Distribution, lot: int | None
) -> _Asked:
    one_of(distribution, DISTRIBUTIONS, "distribution")
    for value, name in ((alpha, "alpha"), (beta, "beta")):
        risk(value, name)
    for value, name in ((p1, "p1"), (p2, "p2")):
        positive(value, name)
        if distribution != "poisson":
            between(value, name, 0, 1)
    ordered(p1, p2, "p1", "p2")
    ordered(beta, 1 - alpha, "beta", "1 - alpha")
    if lot is not None:
        lot = int(positive(_whole(lot, "lot")[0], "lot"))
    good, bad = p1, p2
    if distribution == "hypergeometric":
        if lot is None:
            raise NotACount(name="lot", index=0, value=lot)
        good, bad = math.floor(p1 * lot + 1e-9), math.ceil(p2 * lot - 1e-9)
    return _Asked(p1, alpha, p2, beta, distribution, lot, good, bad)


def _whole(value: int | Sequence[int], name: str) -> tuple[int, ...]:
    found = np.atleast_1d(np.asarray(value, dtype=float))
    for index, item in enumerate(found):
        if not np.isfinite(item) or item != np.floor(item):
            raise NotACount(name=name, index=index, value=float(item))
    return tuple(int(item) for item in found)


def _single(asked: _Asked, n: int, ac: int, quality: float) -> float:
    return at_most(ac, n, quality, asked.distribution, asked.lot)


def _consumer(asked: _Asked, ac: int, n: int) -> bool:
    """Whether the single plan (n, ac) keeps the consumer's risk."""
    return _single(asked, n, ac, asked.bad) <= asked.beta + SLACK


def _smallest(keeps: Callable[[int], bool], low: int, most: int | None) -> int | None:
    """The smallest n ≥ ``low`` for which ``keeps`` holds (it holds for all larger ones), or None."""
    high = low
    while not keeps(high):
        if most is not None and high >= most:
            return None
        high = high * 2 if most is None else min(high * 2, most)
        if high > 2**40:
            return None
    low -= 1
    while high - low > 1:
        middle = (low + high) // 2
        if keeps(middle):
            high = middle
        else:
            low = middle
    return high


def _double(asked: _Asked, c1: int, c2: int, ratio: float) -> AttributesPlan | None:
    def sizes(n1: int) -> tuple[int, int]:
        return n1, max(1, round(ratio * n1))

    def accept(n1: int, quality: float) -> float:
        stages = Stages(sizes(n1), (c1, c2), (c2 + 1, c2 + 1), asked.distribution, asked.lot)
        return float(ends(stages, np.array([float(quality)])).accept[0])

    most = None if asked.lot is None else int(asked.lot / (1 + ratio))
    while most and asked.lot is not None and sum(sizes(most)) > asked.lot:
        most -= 1
    least = c1 + 1
    if most is not None and most < least:
        return None
    n1 = _smallest(lambda n: accept(n, asked.bad) <= asked.beta + SLACK, least, most)
    if n1 is None or accept(n1, asked.good) < 1 - asked.alpha - SLACK:
        return None
    return _finish(asked, sizes(n1), (c1, c2), (c2 + 1, c2 + 1))


def _finish(
    asked: _Asked, sizes: tuple[int, ...], acceptance: tuple[int, ...], rejection: tuple[int, ...]
) -> AttributesPlan:
    at = np.array([float(asked.good), float(asked.bad)])
    stages = Stages(sizes, acceptance, rejection, asked.distribution, asked.lot)
    pass_good, pass_bad = ends(stages, at).accept
    return AttributesPlan(
        n=sizes[0],
        ac=acceptance[-1],
        re=rejection[-1],
        sampling="single" if len(sizes) == 1 else "double",
        sizes=sizes,
        acceptance=acceptance,
        rejection=rejection,
        distribution=asked.distribution,
        lot=asked.lot,
        p1=asked.p1,
        alpha=asked.alpha,
        p2=asked.p2,
        beta=asked.beta,
        producer_risk=max(0.0, 1.0 - float(pass_good)),
        consumer_risk=float(pass_bad),
    )
