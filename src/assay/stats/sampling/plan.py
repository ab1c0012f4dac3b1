"""An attributes plan with its arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from assay.stats.arrays import Floats, numbers
from assay.stats.errors import OutOfRange, TooFewPoints
from assay.stats.plot import Plot
from assay.stats.result import Result
from assay.stats.sampling.curves import OperatingCurves, grid
from assay.stats.sampling.errors import LotTooLarge
from assay.stats.sampling.probability import Distribution, Ends, Stages, ends


@dataclass(frozen=True, kw_only=True)
class AttributesPlan(Result):
    """How many to inspect, and how many nonconforming ones decide; one stage or several.

    ``c`` is the same as ``ac``. A quality ``p`` below is a fraction nonconforming (binomial and
    hypergeometric) or a number of nonconformities per item (Poisson).
    """

    n: int
    """Sample size; of a plan in several stages, the first sample's."""
    ac: int
    """Acceptance number; of a plan in several stages, the last one's."""
    re: int
    """Rejection number; of a plan in several stages, the last one's."""
    sampling: str
    """``single``, ``double`` or ``multiple``."""
    sizes: tuple[int, ...]
    """Sample size of each stage."""
    acceptance: tuple[int, ...]
    """Acceptance number of each stage, counted over the stages so far; −1 where it can't accept yet."""
    rejection: tuple[int, ...]
    """Rejection number of each stage, counted over the stages so far."""
    distribution: Distribution
    """``binomial`` and ``poisson``: lots from a process (type B); ``hypergeometric``: this lot (type A)."""
    lot: int | None = None
    """Lot size."""
    p1: float | None = None
    """Producer's risk quality asked for."""
    alpha: float | None = None
    """Producer's risk asked for: the largest chance of rejection at ``p1``."""
    p2: float | None = None
    """Consumer's risk quality asked for."""
    beta: float | None = None
    """Consumer's risk asked for: the largest chance of acceptance at ``p2``."""
    producer_risk: float | None = None
    """The chance of rejection at ``p1`` that the plan has."""
    consumer_risk: float | None = None
    """The chance of acceptance at ``p2`` that the plan has."""

    @property
    def c(self) -> int:
        """The acceptance number under its older name."""
        return self.ac

    def oc(self, p: ArrayLike) -> Floats:
        """Probability of acceptance at each quality ``p``; same shape as ``p``.

        In a lot (hypergeometric) ``p`` stands for ``round(p · lot)`` nonconforming items.

        Raises
        ------
        NotFinite, OutOfRange
        """
        quality, shape = self._qualities(p)
        return self._ends(quality).accept.reshape(shape)

    def asn(self, p: ArrayLike) -> Floats:
        """Average sample number at each ``p``, every sample inspected to its end (no curtailment).

        Raises
        ------
        NotFinite, OutOfRange
        """
        quality, shape = self._qualities(p)
        found = self._ends(quality)
        reached = np.cumsum(self.sizes)[:, None]
        return np.asarray(((found.accepted + found.rejected) * reached).sum(axis=0).reshape(shape))

    def aoq(self, p: ArrayLike) -> Floats:
        """Average outgoing quality: rejected lots are screened, nonconforming items found are replaced.

        With a lot size ``p Σ Pa_i (N − n_i) / N``, without one ``p · Pa`` (Montgomery, 8th ed., eq. 15.3);
        within a lot (hypergeometric) what is left of its nonconforming items after acceptance, exactly.

        Raises
        ------
        NotFinite, OutOfRange
        """
        quality, shape = self._qualities(p)
        met = self._ends(quality)
        if self.lot is None:
            return (quality * met.accept).reshape(shape)
        if self.distribution == "hypergeometric":
            inside = np.rint(quality * self.lot)
            return np.asarray(((inside * met.accepted - met.found).sum(axis=0) / self.lot).reshape(shape))
        left = ((self.lot - np.cumsum(self.sizes)) / self.lot)[:, None]
        return np.asarray((quality * (met.accepted * left).sum(axis=0)).reshape(shape))

    def ati(self, p: ArrayLike) -> Floats:
        """Average total inspection per lot, with rejected lots screened (Montgomery, 8th ed., eq. 15.6).

        Raises
        ------
        NotFinite, OutOfRange, TooFewPoints
            The last when the plan has no lot size.
        """
        if self.lot is None:
            raise TooFewPoints(what="ati (lot)", count=0, least=1)
        quality, shape = self._qualities(p)
        found = self._ends(quality)
        reached = np.cumsum(self.sizes)[:, None]
        inspected = (found.accepted * reached).sum(axis=0) + self.lot * (1 - found.accept)
        return np.asarray(inspected.reshape(shape))

    def quality(self, acceptance: float) -> float:
        """The quality ``p`` at which the probability of acceptance is ``acceptance``.

        With ``acceptance = 0.10`` this is the consumer's risk (limiting) quality, with 0.95 the producer's.
        In a lot (hypergeometric) it is the first whole item at which acceptance is no more than that.

        Raises
        ------
        NotFinite, OutOfRange
        """
        asked = float(numbers(acceptance, "acceptance"))
        if not 0 < asked < 1:
            raise OutOfRange(name="acceptance", value=asked, low=0, high=1)
        most = self._most()
        if self.distribution == "hypergeometric":
            assert self.lot is not None  # noqa: S101 - a hypergeometric plan has a lot
            every = np.arange(self.lot + 1) / self.lot
            return float(every[np.argmax(self.oc(every) <= asked)])
        return float(optimize.brentq(lambda p: float(self.oc(p)) - asked, 0.0, most, xtol=1e-14, rtol=1e-13))

    def aoql(self) -> tuple[float, float]:
        """The largest average outgoing quality and the incoming quality where it occurs."""
        coarse = grid(0.0, self._most(), 401)
        best = int(np.argmax(self.aoq(coarse)))
        low, high = coarse[max(best - 1, 0)], coarse[min(best + 1, coarse.size - 1)]
        if self.distribution == "hypergeometric":
            assert self.lot is not None  # noqa: S101 - a hypergeometric plan has a lot
            every = np.arange(self.lot + 1) / self.lot
            values = self.aoq(every)
            return float(values.max()), float(every[np.argmax(values)])
        found = optimize.minimize_scalar(
            lambda p: -float(self.aoq(p)), bounds=(low, high), method="bounded", options={"xatol": 1e-12}
        )
        return float(-found.fun), float(found.x)

    def curves(self, p: ArrayLike | None = None) -> OperatingCurves:
        """OC, ASN, AOQ and ATI over ``p``; without it, from 0 to where acceptance falls below 0.1 %.

        Raises
        ------
        NotFinite, OutOfRange
        """
        if p is None:
            far = self._most()
            if self.distribution == "hypergeometric":
                assert self.lot is not None  # noqa: S101 - a hypergeometric plan has a lot
                points = np.arange(self.lot + 1) / self.lot
                points = points[: int((self.oc(points) > 1e-3).sum()) + 1][:2001]
            else:
                points = grid(0.0, min(far, self.quality(1e-3)))
        else:
            points = np.atleast_1d(numbers(p, "p"))
        largest, where = self.aoql()
        return OperatingCurves(
            p=points,
            acceptance=self.oc(points),
            asn=self.asn(points),
            aoq=self.aoq(points),
            ati=None if self.lot is None else self.ati(points),
            aoql=largest,
            aoql_at=where,
            p1=self.p1,
            p2=self.p2,
            plan=self.summary,
        )

    def plot(self) -> Plot:
        """The plan's curves, as :meth:`curves` draws them."""
        return self.curves().plot()

    @property
    def summary(self) -> str:
        """The plan in one line: ``n = 80, 80; Ac = 1, 4; Re = 4, 5``."""
        parts = (("n", self.sizes), ("Ac", self.acceptance), ("Re", self.rejection))
        return "; ".join(f"{name} = {', '.join(map(_number, values))}" for name, values in parts)

    def accepts(self, nonconforming: Sequence[int] | int) -> bool | None:
        """Whether these counts, one per stage drawn, accept the lot; None when another stage is needed.

        At the last stage a total below the rejection number accepts, also where it is above the acceptance
        number (reduced inspection of ANSI/ASQ Z1.4, which then goes back to normal).

        Raises
        ------
        OutOfRange, LotTooLarge
            A count below 0; more nonconforming items than inspected (not for nonconformities).
        """
        drawn = [nonconforming] if isinstance(nonconforming, int) else list(nonconforming)
        total = 0
        stages = zip(drawn, self.sizes, (*self.acceptance[:-1], self.re - 1), self.rejection, strict=False)
        for count, size, ac, re in stages:
            if count < 0:
                raise OutOfRange(name="nonconforming", value=count, low=0, high=size)
            if count > size and self.distribution != "poisson":
                raise LotTooLarge(name="nonconforming", value=count, size=size)
            total += count
            if total <= ac:
                return True
            if total >= re:
                return False
        return None

    def _most(self) -> float:
        """A quality at which acceptance is as good as impossible."""
        if self.distribution != "poisson":
            return 1.0
        reach = max(self.rejection)
        return float(special.pdtri(reach, 1e-12)) / self.sizes[0]

    def _qualities(self, p: ArrayLike) -> tuple[Floats, tuple[int, ...]]:
        found = numbers(p, "p")
        high = np.inf if self.distribution == "poisson" else 1.0
        if found.size and (found.min() < 0 or found.max() > high):
            wrong = float(found.min() if found.min() < 0 else found.max())
            raise OutOfRange(name="p", value=wrong, low=0, high=high)
        return found.ravel(), found.shape

    def _ends(self, quality: Floats) -> Ends:
        if self.distribution == "hypergeometric":
            assert self.lot is not None  # noqa: S101 - a hypergeometric plan has a lot
            quality = np.rint(quality * self.lot)
        stages = Stages(self.sizes, self.acceptance, self.rejection, self.distribution, self.lot)
        return ends(stages, quality)


def _number(value: int) -> str:
    return "#" if value < 0 else str(value)
