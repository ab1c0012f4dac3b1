"""Transformations towards a normal distribution: Box-Cox, Yeo-Johnson, Johnson."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

from assay.stats.arrays import Floats, between, numbers, one_of, vector
from assay.stats.distributions.errors import NoTransformation, OutsideSupport
from assay.stats.distributions.goodness import a_squared, normal_p
from assay.stats.errors import ConstantData
from assay.stats.result import Result

if TYPE_CHECKING:
    from assay.stats.plot.spec import Plot

Kind = Literal["box_cox", "yeo_johnson", "johnson_sb", "johnson_sl", "johnson_su"]


@dataclass(frozen=True, kw_only=True)
class Transformation(Result):
    """A monotone transformation fitted to values; ``forward`` and ``backward`` apply it."""

    kind: Kind
    parameters: dict[str, float]
    n: int
    anderson_darling: float
    """A² of the transformed values against a normal distribution with their mean and sd."""
    p_value: float
    """p-value of A² (D'Agostino & Stephens 1986, table 4.9)."""
    transformed: Floats
    """The transformed values, ``(N,)``."""
    _values: Floats = field(repr=False, compare=False)

    @property
    def values(self) -> Floats:
        """The values behind the result, ``(N,)``."""
        return self._values

    @property
    def low(self) -> float:
        """Values have to be above this bound; -inf where there is none."""
        if self.kind == "box_cox":
            return -self.parameters["shift"]
        return self.parameters["epsilon"] if self.kind in {"johnson_sb", "johnson_sl"} else -np.inf

    @property
    def high(self) -> float:
        """Values have to be below this bound; inf where there is none."""
        if self.kind == "johnson_sb":
            return self.parameters["epsilon"] + self.parameters["lambda"]
        return np.inf

    def forward(self, x: float) -> float:
        """The transformed value; -inf or inf at or beyond its bound, or past all numbers."""
        if x <= self.low:
            return -np.inf
        if x >= self.high:
            return np.inf
        with np.errstate(over="ignore"):
            return float(_forward(self.kind, self.parameters, np.array([x]))[0])

    def backward(self, z: float) -> float:
        """The value whose transform is ``z``."""
        return _backward(self.kind, self.parameters, z)

    def plot(self) -> Plot:
        """Normal probability plots before and after."""
        from assay.stats.distributions.picture import transformation_plot

        return transformation_plot(self)


def box_cox(
    values: ArrayLike, lam: float | None = None, *, shift: float = 0.0, rounded: bool = False
) -> Transformation:
    """Box and Cox's power transformation: (x + shift)^λ, and ln(x + shift) at λ = 0.

    Parameters
    ----------
    values
        Shape ``(N,)``; above ``-shift``.
    lam
        λ; None for the one that maximises the likelihood, searched from −5 to 5.
    rounded
        Round λ to the nearest half, as Minitab proposes.

    Raises
    ------
    NotFinite, WrongShape, TooFewPoints, ConstantData, OutsideSupport, OutOfRange

    Source: Box & Cox (1964), JRSS B 26, 211-252. For λ < 0 the sign is turned so that order is kept.
    """
    x = _sample(values, 3, "box_cox")
    moved = x + float(numbers(shift, "shift"))
    if moved.min() <= 0:
        index = int(np.argmin(moved))
        raise OutsideSupport(
            distribution="box_cox",
            count=int((moved <= 0).sum()),
            index=index,
            value=float(x[index]),
            bound=-shift,
        )
    found = lam
    if found is None:
        best = optimize.minimize_scalar(
            lambda power: -stats.boxcox_llf(power, moved),
            bounds=(-5, 5),
            method="bounded",
            options={"xatol": 1e-9},
        )
        found = float(best.x)
    found = between(round(2 * found) / 2 if rounded else found, "lam", -5, 5)
    return _described("box_cox", {"lambda": found, "shift": float(shift)}, x)


def yeo_johnson(values: ArrayLike, lam: float | None = None) -> Transformation:
    """Yeo and Johnson's power transformation, defined for values of either sign.

    Raises
    ------
    NotFinite, WrongShape, TooFewPoints, ConstantData, OutOfRange

    Source: Yeo & Johnson (2000), Biometrika 87, 954-959.
    """
    x = _sample(values, 3, "yeo_johnson")
    found = float(stats.yeojohnson_normmax(x)) if lam is None else between(lam, "lam", -5, 5)
    return _described("yeo_johnson", {"lambda": found}, x)


def johnson(
    values: ArrayLike,
    *,
    system: Literal["search", "sb", "sl", "su"] = "search",
    z: float | None = None,
    least_p: float = 0.10,
) -> Transformation:
    """Johnson's transformation with percentiles at ±z and ±3z.

    For each z (0.25 to 1.25 in steps of 0.01, or the one given) the ratio of the outer to the inner
    percentile distances says which system fits (SB below 1, SU above 1, SL at 1), Slifker & Shapiro's
    formulas give its parameters, and the transformation with the smallest Anderson-Darling statistic
    of the transformed values is kept.

    Parameters
    ----------
    values
        Shape ``(N,)``, N ≥ 8.
    system
        ``search``, or one system only.
    least_p
        Refuse the best transformation if its p-value is below this.

    Raises
    ------
    NotFinite, WrongShape, TooFewPoints, ConstantData, NoTransformation, OutOfRange, UnknownOption

    Source: Chou, Polansky & Mason (1998), Journal of Quality Technology 30, 133-141; Slifker & Shapiro
    (1980), Technometrics 22, 239-246.
    """
    x = _sample(values, 8, "johnson")
    one_of(system, ("search", "sb", "sl", "su"), "system")
    between(least_p, "least_p", 0.0, 1.0)
    steps = np.arange(0.25, 1.2501, 0.01) if z is None else [between(z, "z", 0.05, 3.0)]
    best: Transformation | None = None
    for step in steps:
        for kind, parameters in _johnson_at(x, float(step)):
            if system != "search" and kind != f"johnson_{system}":
                continue
            candidate = _described(kind, parameters, x)
            if best is None or candidate.anderson_darling < best.anderson_darling:
                best = candidate
    if best is None or best.p_value < least_p:
        raise NoTransformation(what="johnson", best=best.p_value if best else None)
    return best


def _johnson_at(x: Floats, z: float) -> list[tuple[Kind, dict[str, float]]]:
    """The systems whose parameters exist for these percentiles and that hold all values."""
    places = stats.norm.cdf(np.array([-3 * z, -z, z, 3 * z]))
    far_low, low, high, far_high = (float(q) for q in np.quantile(x, places, method="hazen"))
    m, n, p = far_high - high, low - far_low, high - low
    if min(m, n, p) <= 0:
        return []
    ratio = m * n / p**2
    middle = (low + high) / 2
    found: list[tuple[Kind, dict[str, float]]] = []
    if ratio > 1.0001:
        eta = 2 * z / np.arccosh((m / p + n / p) / 2)
        gamma = eta * np.arcsinh((n / p - m / p) / (2 * np.sqrt(ratio - 1)))
        width = 2 * p * np.sqrt(ratio - 1) / ((m / p + n / p - 2) * np.sqrt(m / p + n / p + 2))
        epsilon = middle + p * (n / p - m / p) / (2 * (m / p + n / p - 2))
        found.append(("johnson_su", _named(gamma, eta, epsilon, width)))
    elif ratio < 0.9999:
        product = (1 + p / m) * (1 + p / n)
        eta = z / np.arccosh(np.sqrt(product) / 2)
        gamma = eta * np.arcsinh((p / n - p / m) * np.sqrt(product - 4) / (2 * (1 / ratio - 1)))
        width = p * np.sqrt((product - 2) ** 2 - 4) / (1 / ratio - 1)
        epsilon = middle - width / 2 + p * (p / n - p / m) / (2 * (1 / ratio - 1))
        if epsilon < x.min() and x.max() < epsilon + width:
            found.append(("johnson_sb", _named(gamma, eta, epsilon, width)))
    if m > p:
        eta = 2 * z / np.log(m / p)
        gamma = eta * np.log((m / p - 1) / (p * np.sqrt(m / p)))
        epsilon = middle - p / 2 * (m / p + 1) / (m / p - 1)
        if epsilon < x.min():
            found.append(("johnson_sl", _named(gamma, eta, epsilon, 1.0)))
    return found


def _named(gamma: float, eta: float, epsilon: float, width: float) -> dict[str, float]:
    return {"gamma": float(gamma), "eta": float(eta), "epsilon": float(epsilon), "lambda": float(width)}


def _described(kind: Kind, parameters: dict[str, float], x: Floats) -> Transformation:
    moved = _forward(kind, parameters, x)
    n = x.size
    spread = float(moved.std(ddof=1))
    statistic = a_squared((moved - moved.mean()) / spread, stats.norm) if spread > 0 else np.inf
    return Transformation(
        kind=kind,
        parameters=parameters,
        n=n,
        anderson_darling=statistic,
        p_value=normal_p(statistic * (1 + 0.75 / n + 2.25 / n**2)),
        transformed=moved,
        _values=x,
    )


def _forward(kind: Kind, parameters: dict[str, float], x: Floats) -> Floats:
    if kind == "box_cox":
        lam, moved = parameters["lambda"], x + parameters["shift"]
        if lam == 0:
            return np.asarray(np.log(moved))
        return np.asarray(np.sign(lam) * moved**lam)
    if kind == "yeo_johnson":
        return np.asarray(stats.yeojohnson(x, lmbda=parameters["lambda"]))
    gamma, eta = parameters["gamma"], parameters["eta"]
    u = (x - parameters["epsilon"]) / parameters["lambda"]
    if kind == "johnson_su":
        return np.asarray(gamma + eta * np.arcsinh(u))
    return np.asarray(gamma + eta * np.log(u if kind == "johnson_sl" else u / (1 - u)))


def _backward(kind: Kind, parameters: dict[str, float], z: float) -> float:
    if kind == "box_cox":
        lam = parameters["lambda"]
        if lam == 0:
            return float(np.exp(z)) - parameters["shift"]
        inner = np.sign(lam) * z
        return (
            float(inner ** (1 / lam)) - parameters["shift"]
            if inner > 0
            else float(np.where(lam > 0, 0.0, np.inf)) - parameters["shift"]
        )
    if kind == "yeo_johnson":
        return _yeo_johnson_back(parameters["lambda"], z)
    u = (z - parameters["gamma"]) / parameters["eta"]
    if kind == "johnson_su":
        inner = np.sinh(u)
    else:
        inner = np.exp(u) if kind == "johnson_sl" else 1 / (1 + np.exp(-u))
    return float(parameters["epsilon"] + parameters["lambda"] * inner)


def _yeo_johnson_back(lam: float, z: float) -> float:
    if z >= 0:
        return float(np.expm1(z)) if lam == 0 else float(max(lam * z + 1, 0.0) ** (1 / lam)) - 1
    return -float(np.expm1(-z)) if lam == 2 else 1 - float(max(1 - (2 - lam) * z, 0.0) ** (1 / (2 - lam)))


def _sample(values: ArrayLike, least: int, what: str) -> Floats:
    x = vector(values, least=least, what=what)
    if x.min() == x.max():
        raise ConstantData(name="values", count=x.size, value=float(x[0]))
    return x
