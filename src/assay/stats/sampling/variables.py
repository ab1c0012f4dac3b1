"""Variables plans for a normal characteristic: the k-method and the p*-method, sigma known and unknown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special, stats

from assay.stats.arrays import Floats, between, numbers, one_of, ordered, positive
from assay.stats.errors import NoConvergence, NoLimits, OutOfRange, TooFewPoints
from assay.stats.plot import Axis, Line, Panel, Plot, Upright
from assay.stats.result import Result
from assay.stats.sampling.attributes import risk
from assay.stats.sampling.curves import grid
from assay.stats.sampling.errors import CATALOGUE

Method = Literal["exact", "approximate"]
Sided = Literal["one", "two"]
LARGEST = 10_000_000


@dataclass(frozen=True, kw_only=True)
class Verdict(Result):
    """Whether a lot is accepted, with the numbers that decide."""

    accepted: bool
    mean: float
    standard_deviation: float
    """Of the sample, or the known sigma."""
    q_lower: float | None
    """(mean − lower limit) / standard deviation."""
    q_upper: float | None
    """(upper limit − mean) / standard deviation."""
    estimated_lower: float
    """Estimated fraction below the lower limit (minimum-variance unbiased)."""
    estimated_upper: float
    """Estimated fraction above the upper limit."""
    estimated: float
    """Both together; compared with ``p_star`` where there are two limits."""
    lsl: float | None
    usl: float | None

    def plot(self) -> Plot:
        """The normal distribution that the sample speaks for, with the specification limits."""
        reach = 4.5 * self.standard_deviation
        x = np.linspace(self.mean - reach, self.mean + reach, 181)
        density = stats.norm.pdf(x, self.mean, self.standard_deviation)
        limits = [
            Upright(name=CATALOGUE.text(f"layer.{key}"), x=value, role="specification", label=f"{value:g}")
            for key, value in (("lsl", self.lsl), ("usl", self.usl))
            if value is not None
        ]
        panel = Panel(
            title=CATALOGUE.text("panel.distribution"),
            x=Axis(title=CATALOGUE.text("axis.value")),
            y=Axis(title=CATALOGUE.text("axis.density"), low=0.0),
            layers=(Line(name=CATALOGUE.text("panel.distribution"), x=x, y=density), *limits),
        )
        return Plot(
            title=CATALOGUE.text(f"title.{'accepted' if self.accepted else 'rejected'}"),
            panels=(panel,),
            note=CATALOGUE.text("note.verdict", estimated=f"{self.estimated:.4g}"),
        )


@dataclass(frozen=True, kw_only=True)
class VariablesPlan(Result):
    """Measure ``n`` items; accept when the limit is at least ``k`` standard deviations from the mean."""

    n: int
    k: float
    """Acceptability constant (form k)."""
    p_star: float
    """The same criterion as the largest estimated fraction nonconforming (form p*, M of MIL-STD-414)."""
    known_sigma: bool
    """Whether the process standard deviation is known (σ-method) or that of the sample is used (s-method)."""
    sided: Sided
    """``two``: both limits together, judged by ``p_star``."""
    method: Method = "exact"
    """``exact`` by the non-central t distribution; ``approximate`` by Wallis's normal approximation."""
    k_range: tuple[float, float] | None = None
    """Every k in this range keeps both risks with this n; ``k`` is its middle."""
    p1: float | None = None
    alpha: float | None = None
    p2: float | None = None
    beta: float | None = None
    producer_risk: float | None = None
    """The chance of rejection at ``p1`` that the plan has."""
    consumer_risk: float | None = None
    """The chance of acceptance at ``p2`` that the plan has."""
    basis: str = ""
    """Where the plan comes from: ``oc-points``, ``given``, or the attributes plan whose curve it matches."""

    def oc(self, p: ArrayLike) -> Floats:
        """Probability of acceptance when a fraction ``p`` lies beyond one limit; same shape as ``p``.

        Sigma unknown: ``P(T ≥ k√n)`` with T non-central t, n − 1 degrees of freedom, non-centrality ``√n
        z_p`` (Schilling & Neubauer, 3rd ed., §10). With two limits it holds where the other tail is
        negligible.

        Raises
        ------
        NotFinite, OutOfRange
        """
        found = numbers(p, "p")
        if found.size and (found.min() < 0 or found.max() > 1):
            wrong = float(found.min() if found.min() < 0 else found.max())
            raise OutOfRange(name="p", value=wrong, low=0, high=1)
        inside = np.clip(found, 1e-300, 1 - 1e-16)
        chance = acceptance(self.n, self.k, inside, self.known_sigma)
        return np.where(found <= 0, 1.0, np.where(found >= 1, 0.0, chance))

    def quality(self, chance: float) -> float:
        """The fraction nonconforming that is accepted with this ``chance``.

        Raises
        ------
        NotFinite, OutOfRange
        """
        asked = risk(chance, "chance")

        def gap(z: float) -> float:
            at = np.array(special.ndtr(-z))
            return float(acceptance(self.n, self.k, at, self.known_sigma)) - asked

        reach = 1.0
        while gap(self.k - reach) > 0 or gap(self.k + reach) < 0:
            reach *= 1.5
        return float(special.ndtr(-optimize.brentq(gap, self.k - reach, self.k + reach, xtol=1e-13)))

    def judge(
        self,
        mean: float,
        standard_deviation: float,
        *,
        lsl: float | None = None,
        usl: float | None = None,
    ) -> Verdict:
        """Accept or reject a lot from its sample's mean and standard deviation (or the known sigma).

        One limit: ``Q ≥ k``. Two limits: estimated fraction nonconforming ``≤ p*``, both tails together (ISO
        3951-1 and MIL-STD-414, double specification limit with combined control).

        Raises
        ------
        NoLimits, LimitsReversed, NotFinite, NotPositive
        """
        if lsl is None and usl is None:
            raise NoLimits(what="judge")
        ordered(lsl, usl)
        numbers(mean, "mean")
        spread = positive(standard_deviation, "standard_deviation")
        lower = None if lsl is None else (mean - lsl) / spread
        upper = None if usl is None else (usl - mean) / spread
        tails = [
            0.0 if q is None else estimated_fraction(q, self.n, self.known_sigma) for q in (lower, upper)
        ]
        given = [q for q in (lower, upper) if q is not None]
        good = given[0] >= self.k if len(given) == 1 else sum(tails) <= self.p_star
        return Verdict(
            accepted=bool(good),
            mean=float(mean),
            standard_deviation=spread,
            q_lower=lower,
            q_upper=upper,
            estimated_lower=tails[0],
            estimated_upper=tails[1],
            estimated=sum(tails),
            lsl=lsl,
            usl=usl,
        )

    def plot(self) -> Plot:
        """The OC curve, with the two qualities it was asked for."""
        far = self.quality(1e-3)
        points = grid(0.0, far)
        marks = [
            Upright(name=CATALOGUE.text(f"layer.{key}"), x=value, role="reference", label=key)
            for key, value in (("p1", self.p1), ("p2", self.p2))
            if value is not None
        ]
        panel = Panel(
            title=CATALOGUE.text("panel.oc"),
            x=Axis(title=CATALOGUE.text("axis.p"), low=0.0),
            y=Axis(title=CATALOGUE.text("axis.oc"), low=0.0, high=1.0),
            layers=(Line(name=CATALOGUE.text("panel.oc"), x=points, y=self.oc(points)), *marks),
        )
        return Plot(
            title=CATALOGUE.text("title.variables", n=self.n, k=f"{self.k:.4f}"),
            panels=(panel,),
            note=CATALOGUE.text("note.variables"),
        )


def acceptance(n: int, k: float, p: Floats, known_sigma: bool) -> Floats:
    """Probability of acceptance of the plan (n, k) at fractions ``p`` in (0, 1) beyond one limit."""
    root = math.sqrt(n)
    z = -special.ndtri(p)
    if known_sigma:
        return np.asarray(special.ndtr(root * (z - k)))
    chance = np.asarray(stats.nct.sf(k * root, n - 1, root * z))
    # Far out in a tail the routine gives up with NaN; there the chance is 0 or 1 to all digits.
    return np.where(np.isnan(chance), (z > k).astype(float), chance)


def p_star(n: int, k: float, *, known_sigma: bool = False) -> float:
    """Form p* of the criterion (n, k): the estimated fraction nonconforming at exactly ``Q = k``.

    Raises
    ------
    TooFewPoints, NotFinite
    """
    return estimated_fraction(k, n, known_sigma)


def estimated_fraction(q: float, n: int, known_sigma: bool = False) -> float:
    """Unbiased estimate of the fraction beyond a limit ``q`` standard deviations from the mean.

    The minimum-variance one. Sigma unknown: a symmetrical beta distribution at ``½ − q √n / (2 (n − 1))``
    with both parameters ``n/2 − 1``; sigma known: ``Φ(−q √(n / (n − 1)))`` (Lieberman & Resnikoff 1955, JASA
    50, 457-516; MIL-STD-414 tables B-5, D-5).

    Raises
    ------
    TooFewPoints
        Fewer than 3 items, or 2 where sigma is known.
    NotFinite
    """
    numbers(q, "q")
    least = 2 if known_sigma else 3
    if n < least:
        raise TooFewPoints(what="estimated_fraction", count=n, least=least)
    if known_sigma:
        return float(special.ndtr(-q * math.sqrt(n / (n - 1))))
    at = min(1.0, max(0.0, 0.5 - q * math.sqrt(n) / (2 * (n - 1))))
    return float(special.betainc(n / 2 - 1, n / 2 - 1, at))


def variables(
    p1: float,
    alpha: float,
    p2: float,
    beta: float,
    *,
    known_sigma: bool = False,
    sided: Sided = "one",
    method: Method = "exact",
) -> VariablesPlan:
    """The smallest variables plan through two points of the OC curve, for a normal characteristic.

    Parameters
    ----------
    p1, alpha
        A lot with the fraction ``p1`` beyond the limit is rejected with at most the chance ``alpha``.
    p2, beta
        A lot with ``p2`` beyond the limit is accepted with at most the chance ``beta``.
    known_sigma
        Whether the process standard deviation is known.
    sided
        ``one`` limit, or ``two`` judged together by the estimated fraction nonconforming.
    method
        ``exact``: non-central t, both risks are kept. ``approximate``: Wallis's formulas for sigma unknown,
        ``k = (z1 zβ + z2 zα)/(zα + zβ)``, ``n = (1 + k²/2) ((zα + zβ)/(z1 − z2))²`` rounded up, whose risks
        are only near (Montgomery, 8th ed., §16.2; Duncan, 5th ed., ch. 11). With sigma known both are the
        same.

    Raises
    ------
    NotFinite, OutOfRange, LimitsReversed, UnknownOption, NoConvergence
    """
    one_of(method, ("exact", "approximate"), "method")
    one_of(sided, ("one", "two"), "sided")
    for value, name in ((p1, "p1"), (alpha, "alpha"), (p2, "p2"), (beta, "beta")):
        risk(value, name)
    ordered(p1, p2, "p1", "p2")
    ordered(beta, 1 - alpha, "beta", "1 - alpha")
    n, k, room = _plan(_Points(p1, alpha, p2, beta), known_sigma, method)
    passed = acceptance(n, k, np.array([p1, p2]), known_sigma)
    return VariablesPlan(
        n=n,
        k=k,
        p_star=estimated_fraction(k, n, known_sigma),
        known_sigma=known_sigma,
        sided=sided,
        method=method,
        k_range=room,
        p1=p1,
        alpha=alpha,
        p2=p2,
        beta=beta,
        producer_risk=1 - float(passed[0]),
        consumer_risk=float(passed[1]),
        basis="oc-points",
    )


def variables_plan(n: int, k: float, *, known_sigma: bool = False, sided: Sided = "one") -> VariablesPlan:
    """A variables plan that is given, for its curve and its verdicts.

    Raises
    ------
    OutOfRange, NotFinite, UnknownOption
    """
    one_of(sided, ("one", "two"), "sided")
    size = int(between(n, "n", 2 if known_sigma else 3, LARGEST))
    constant = float(numbers(k, "k"))
    return VariablesPlan(
        n=size,
        k=constant,
        p_star=estimated_fraction(constant, size, known_sigma),
        known_sigma=known_sigma,
        sided=sided,
        basis="given",
    )


@dataclass(frozen=True)
class _Points:
    p1: float
    alpha: float
    p2: float
    beta: float


def _plan(
    points: _Points, known_sigma: bool, method: Method
) -> tuple[int, float, tuple[float, float] | None]:
    alpha, beta = points.alpha, points.beta
    z1, z2, za, zb = (-float(special.ndtri(p)) for p in (points.p1, points.p2, alpha, beta))
    k = (z1 * zb + z2 * za) / (za + zb)
    size = ((za + zb) / (z1 - z2)) ** 2
    if known_sigma:
        n = max(2, math.ceil(size - 1e-9))
        return n, k, (z2 + zb / math.sqrt(n), z1 - za / math.sqrt(n))
    size *= 1 + k * k / 2
    if method == "approximate":
        return max(3, math.ceil(size - 1e-9)), k, None
    low, high = 2, max(3, math.ceil(size))
    while not _fits(room := _room(high, z1, alpha, z2, beta)):
        low, high = high, high * 2
        if high > LARGEST:
            raise NoConvergence(what="variables", rounds=LARGEST)
    while high - low > 1:
        middle = (low + high) // 2
        tried = _room(middle, z1, alpha, z2, beta)
        if _fits(tried):
            high, room = middle, tried
        else:
            low = middle
    return high, sum(room) / 2, room


def _room(n: int, z1: float, alpha: float, z2: float, beta: float) -> tuple[float, float]:
    """The smallest k that keeps the consumer's risk, and the largest that keeps the producer's."""
    root = math.sqrt(n)
    least = float(stats.nct.ppf(1 - beta, n - 1, root * z2)) / root
    most = float(stats.nct.ppf(alpha, n - 1, root * z1)) / root
    return least, most


def _fits(room: tuple[float, float]) -> bool:
    return room[0] <= room[1]
