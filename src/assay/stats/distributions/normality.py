"""Tests of normality."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from assay.stats.arrays import Floats, between, one_of, vector
from assay.stats.distributions.errors import TooManyPoints
from assay.stats.distributions.goodness import Bound, a_squared, normal_p
from assay.stats.distributions.positions import plotting_positions
from assay.stats.errors import ConstantData
from assay.stats.result import Result

if TYPE_CHECKING:
    from assay.stats.plot.spec import Plot

Test = Literal[
    "anderson_darling", "shapiro_wilk", "ryan_joiner", "lilliefors", "jarque_bera", "dagostino_pearson"
]


@dataclass(frozen=True, kw_only=True)
class NormalityTest(Result):
    """A test of the hypothesis that the values come from a normal distribution.

    ``normal`` is False when the p-value is below ``alpha``; True says no more than that these values don't
    contradict a normal distribution.
    """

    test: str
    statistic: float
    adjusted: float | None = None
    """The statistic adjusted for the sample size, where the p-value is read from that (A*)."""
    p_value: float
    bound: Bound = "equal"
    """``above``/``below``: the table of the test ends at ``p_value``."""
    alpha: float
    normal: bool
    n: int
    mean: float
    sd: float
    _values: Floats = field(repr=False, compare=False)

    @property
    def values(self) -> Floats:
        """The values behind the result, ``(N,)``."""
        return self._values

    def plot(self) -> Plot:
        """The normal probability plot."""
        from assay.stats.distributions.picture import normality_plot

        return normality_plot(self)


def normality(values: ArrayLike, test: Test = "anderson_darling", *, alpha: float = 0.05) -> NormalityTest:
    """Test whether ``values``, shape ``(N,)``, contradict a normal distribution of unknown mean and sd.

    ``anderson_darling`` (N ≥ 3; D'Agostino & Stephens 1986, table 4.9), ``shapiro_wilk`` (3 ≤ N ≤ 5000;
    Royston 1995, Applied Statistics 44, R94), ``ryan_joiner`` (N ≥ 4; Ryan & Joiner 1976, correlation with
    Blom scores, p-value between .01 and .10), ``lilliefors`` (N ≥ 5; Dallal & Wilkinson 1986, The American
    Statistician 40, 294-296; above .10 Stephens 1974), ``jarque_bera`` (N ≥ 8; χ² with 2 degrees of freedom),
    ``dagostino_pearson`` (N ≥ 20; D'Agostino & Pearson 1973, K²).

    Raises
    ------
    NotFinite, WrongShape, TooFewPoints, TooManyPoints, ConstantData, UnknownOption, OutOfRange
    """
    name = one_of(test, tuple(_TESTS), "test")
    least, compute = _TESTS[name]
    between(alpha, "alpha", 0.0, 1.0)
    x = vector(values, least=least, what=name)
    if x.min() == x.max():
        raise ConstantData(name="values", count=x.size, value=float(x[0]))
    mean, sd = float(x.mean()), float(x.std(ddof=1))
    statistic, adjusted, p, bound = compute((x - mean) / sd)
    return NormalityTest(
        test=name,
        statistic=statistic,
        adjusted=adjusted,
        p_value=p,
        bound=bound,
        alpha=alpha,
        normal=p >= alpha,
        n=x.size,
        mean=mean,
        sd=sd,
        _values=x,
    )


Found = tuple[float, float | None, float, Bound]


def _anderson_darling(z: Floats) -> Found:
    n = z.size
    statistic = a_squared(z, stats.norm)
    adjusted = statistic * (1 + 0.75 / n + 2.25 / n**2)
    return statistic, adjusted, normal_p(adjusted), "equal"


def _shapiro_wilk(z: Floats) -> Found:
    if z.size > 5000:
        raise TooManyPoints(what="shapiro_wilk", count=z.size, most=5000)
    found = stats.shapiro(z)
    return float(found.statistic), None, float(found.pvalue), "equal"


def _ryan_joiner(z: Floats) -> Found:
    scores = stats.norm.ppf(plotting_positions(z.size, "blom"))
    r = float(np.corrcoef(np.sort(z), scores)[0, 1])
    return (r, None, *ryan_joiner_p(r, z.size))


def ryan_joiner_p(r: float, n: int) -> tuple[float, Bound]:
    """p-value of a correlation with the normal scores.

    Critical correlations at 10, 5 and 1 % by Ryan & Joiner's formulas; in between, linear in ln p.
    """
    root = 1 / np.sqrt(n)
    at10 = 1.0071 - 0.1371 * root - 0.3682 / n + 0.7780 / n**2
    at5 = 1.0063 - 0.1288 * root - 0.6118 / n + 1.3505 / n**2
    at1 = 0.9963 - 0.0211 * root - 1.4106 / n + 3.1791 / n**2
    if r > at10:
        return 0.10, "above"
    if r < at1:
        return 0.01, "below"
    return float(np.exp(np.interp(r, [at1, at5, at10], np.log([0.01, 0.05, 0.10])))), "equal"


def _lilliefors(z: Floats) -> Found:
    n = z.size
    fitted = stats.norm.cdf(np.sort(z))
    rank = np.arange(1, n + 1)
    d = float(max((rank / n - fitted).max(), (fitted - (rank - 1) / n).max()))
    return d, None, lilliefors_p(d, n), "equal"


def lilliefors_p(distance: float, n: int) -> float:
    """p-value of the largest distance between the empirical and the fitted normal distribution function."""
    at, size = (distance, n) if n <= 100 else (distance * (n / 100) ** 0.49, 100)
    wide = size + 2.78019
    p = float(
        np.exp(
            -7.01256 * at**2 * wide
            + 2.99587 * at * np.sqrt(wide)
            - 0.122119
            + 0.974598 / np.sqrt(size)
            + 1.67997 / size
        )
    )
    if p <= 0.1:
        return p
    return _stephens(float((np.sqrt(n) - 0.01 + 0.85 / np.sqrt(n)) * distance))


def _stephens(k: float) -> float:
    if k <= 0.302:
        return 1.0
    if k <= 0.5:
        weights: tuple[float, ...] = (2.76773, -19.828315, 80.709644, -138.55152, 81.218052)
    elif k <= 0.9:
        weights = (-4.901232, 40.662806, -97.490286, 94.029866, -32.355711)
    elif k <= 1.31:
        weights = (6.198765, -19.558097, 23.186922, -12.234627, 2.423045)
    else:
        return 0.0
    return float(np.polynomial.polynomial.polyval(k, weights))


def _jarque_bera(z: Floats) -> Found:
    found = stats.jarque_bera(z)
    return float(found.statistic), None, float(found.pvalue), "equal"


def _dagostino_pearson(z: Floats) -> Found:
    found = stats.normaltest(z)
    return float(found.statistic), None, float(found.pvalue), "equal"


_TESTS: dict[str, tuple[int, Callable[[Floats], Found]]] = {
    "anderson_darling": (3, _anderson_darling),
    "shapiro_wilk": (3, _shapiro_wilk),
    "ryan_joiner": (4, _ryan_joiner),
    "lilliefors": (5, _lilliefors),
    "jarque_bera": (8, _jarque_bera),
    "dagostino_pearson": (20, _dagostino_pearson),
}
