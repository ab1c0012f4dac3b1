"""The arithmetic of acceptance: how often a plan ends at each stage, and how.

A plan draws ``sizes[i]`` items at stage ``i``, counts the nonconforming ones of all stages so far, accepts
at or below ``acceptance[i]`` (−1 where it can't accept yet), rejects at or above ``rejection[i]``, and goes
on otherwise (Schilling & Neubauer, *Acceptance Sampling in Quality Control*, 3rd ed., ch. 5-6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special, stats

from assay.stats.arrays import Floats, Ints

Distribution = Literal["binomial", "poisson", "hypergeometric"]
DISTRIBUTIONS: tuple[Distribution, ...] = ("binomial", "poisson", "hypergeometric")


@dataclass(frozen=True)
class Ends:
    """Probabilities of ending at each stage by acceptance and by rejection, each of shape ``(stages, P)``."""

    accepted: Floats
    rejected: Floats
    found: Floats
    """Nonconforming items found in samples that end by acceptance, times its probability."""

    @property
    def accept(self) -> Floats:
        """Probability of acceptance, ``(P,)``."""
        return np.asarray(np.minimum(self.accepted.sum(axis=0), 1.0))


@dataclass(frozen=True)
class Stages:
    """What the arithmetic needs of a plan."""

    sizes: tuple[int, ...]
    acceptance: tuple[int, ...]
    rejection: tuple[int, ...]
    distribution: Distribution
    lot: int | None


def at_most(count: int, size: int, quality: float, distribution: Distribution, lot: int | None) -> float:
    """``P(X ≤ count)`` among ``size`` items; ``quality`` is p, or the number nonconforming in a ``lot``."""
    if count < 0:
        return 0.0
    if distribution == "poisson":
        return float(special.pdtr(count, size * quality))
    if count >= size:
        return 1.0
    if distribution == "binomial":
        return float(special.bdtr(count, size, quality))
    return float(stats.hypergeom.cdf(count, lot, int(quality), size))


def ends(plan: Stages, quality: Floats) -> Ends:
    """Where a plan ends at each ``quality``: p, or the number nonconforming in the ``lot`` (hypergeometric).

    The last stage always decides: a total between its acceptance and rejection number (reduced inspection of
    ANSI/ASQ Z1.4) accepts this lot.
    """
    sizes, distribution, lot = plan.sizes, plan.distribution, plan.lot
    accepted = np.zeros((len(sizes), quality.size))
    rejected = np.zeros_like(accepted)
    found = np.zeros_like(accepted)
    alive = np.ones((1, quality.size))
    drawn = 0
    for stage, size in enumerate(sizes):
        re = plan.rejection[stage]
        ac = re - 1 if stage == len(sizes) - 1 else plan.acceptance[stage]
        below = np.zeros((re, quality.size))
        law = _law(np.arange(re)[:, None], size, quality, distribution)
        for already, chance in enumerate(alive[:re]):
            if law is None:
                assert lot is not None  # noqa: S101 - a hypergeometric plan has a lot
                more = np.arange(re - already)[:, None]
                below[already:] += chance * _in_lot(more, lot - drawn, quality - already, size)
            else:
                below[already:] += chance * law[: re - already]
        rejected[stage] = np.maximum(0.0, alive.sum(axis=0) - below.sum(axis=0))
        accepted[stage] = below[: ac + 1].sum(axis=0)
        found[stage] = np.arange(ac + 1) @ below[: ac + 1]
        alive = below
        alive[: ac + 1] = 0.0
        drawn += size
    return Ends(accepted, rejected, found)


def _law(count: Ints, size: int, quality: Floats, distribution: Distribution) -> Floats | None:
    """``P(count)`` among ``size`` items; None within a lot, where it depends on what was drawn before."""
    if distribution == "binomial":
        return np.asarray(stats.binom.pmf(count, size, quality))
    if distribution == "poisson":
        return np.asarray(stats.poisson.pmf(count, size * quality))
    return None


def _in_lot(count: Ints, items: int, marked: Floats, drawn: int) -> Floats:
    """``P(count)`` marked items among ``drawn`` without replacement; 0 where that can't be."""
    rest = items - marked
    possible = (count <= marked) & (count <= drawn) & (drawn - count <= rest)
    k, good, bad = np.broadcast_arrays(count, marked, rest)
    k, good, bad = k[possible], good[possible], bad[possible]
    log = (
        special.betaln(items - drawn + 1, drawn + 1)
        - special.betaln(k + 1, good - k + 1)
        - special.betaln(drawn - k + 1, bad - drawn + k + 1)
        + np.log(items + 1)
        - np.log(good + 1)
        - np.log(bad + 1)
    )
    chances = np.zeros(possible.shape)
    chances[possible] = np.exp(log)
    return chances
