"""Maximum likelihood: closed forms and one-dimensional roots where there are any, a search elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy import optimize, special

from assay.stats.arrays import Floats
from assay.stats.distributions.errors import ThresholdAtInfinity, UnboundedLikelihood
from assay.stats.distributions.families import FAMILIES, POSITIVE, Family, log_likelihood
from assay.stats.errors import NoConvergence

Parameters = dict[str, float]


def estimate(values: Floats, family: Family, fixed: Mapping[str, float]) -> Parameters:
    """The parameters that maximise the likelihood of ``values``, shape ``(N,)``; ``fixed`` ones stay.

    Raises
    ------
    NoConvergence, UnboundedLikelihood
    """
    free = [name for name in family.parameters if name not in fixed]
    if not free:
        return dict(fixed)
    if family.base is not None and "threshold" in free:
        return _over_thresholds(values, family, fixed)
    if family.base is not None:
        inner = {name: value for name, value in fixed.items() if name != "threshold"}
        found = estimate(values - fixed["threshold"], FAMILIES[family.base], inner)
        return {**found, "threshold": fixed["threshold"]}
    if not fixed and family.name in _DIRECT:
        return _DIRECT[family.name](values)
    begin = start(values, family, fixed)
    return search(lambda distribution: log_likelihood(distribution, values), family, begin, fixed)


def start(values: Floats, family: Family, fixed: Mapping[str, float] | None = None) -> Parameters:
    """Rough parameters to begin a search at: by moments, on the family's own scale."""
    mean, sd = float(values.mean()), float(values.std())
    if family.name == "beta" and fixed is not None:
        width = fixed["upper"] - fixed["lower"]
        place, spread = (mean - fixed["lower"]) / width, (sd / width) ** 2
        total = max(place * (1 - place) / spread - 1, 1e-3)
        return {"alpha": place * total, "beta": (1 - place) * total}
    logs = np.log(values) if family.low == 0.0 and values.min() > 0 else None
    if family.name in {"logistic", "smallest_extreme_value", "largest_extreme_value"}:
        return {"location": mean, "scale": 0.6 * sd}
    if family.name == "loglogistic" and logs is not None:
        return {"location": float(logs.mean()), "scale": 0.6 * float(logs.std())}
    if family.name == "weibull" and logs is not None:
        shape = 1.2 / max(float(logs.std()), 1e-9)
        return {"shape": shape, "scale": float(np.mean(values**shape) ** (1 / shape))}
    if family.name == "lognormal" and logs is not None:
        return {"log_mean": float(logs.mean()), "log_sd": max(float(logs.std()), 1e-9)}
    if family.name == "gamma":
        return {"shape": (mean / sd) ** 2, "scale": sd**2 / mean}
    if family.name in {"exponential", "rayleigh"}:
        return {"scale": mean}
    return {"mean": mean, "sd": sd}


def search(
    gain: Callable[[object], float], family: Family, begin: Mapping[str, float], fixed: Mapping[str, float]
) -> Parameters:
    """Maximise ``gain`` of the frozen distribution over the parameters that aren't ``fixed``.

    Raises
    ------
    NoConvergence
    """
    free = [name for name in family.parameters if name not in fixed]
    origin = np.array([np.log(begin[name]) if name in POSITIVE else begin[name] for name in free])
    spread = next((begin[name] for name in ("sd", "scale", "log_sd") if name in begin), 1.0)
    unit = np.array([1.0 if name in POSITIVE else max(spread, 1e-12) for name in free])

    def parameters(point: Floats) -> Parameters:
        moved = origin + point * unit
        found = {
            name: float(np.exp(np.clip(value, -700, 700))) if name in POSITIVE else float(value)
            for name, value in zip(free, moved, strict=True)
        }
        return {**found, **fixed}

    def loss(point: Floats) -> float:
        found = -gain(family.frozen(parameters(point)))
        return found if np.isfinite(found) else 1e300

    point = np.zeros(len(free))
    for _ in range(8):
        found = optimize.minimize(
            loss,
            point,
            method="Nelder-Mead",
            options={"xatol": 1e-10, "fatol": 1e-12, "maxiter": 4000, "maxfev": 4000},
        )
        settled = np.max(np.abs(found.x - point)) < 1e-7
        point = found.x
        if settled:
            break
    if loss(point) >= 1e300 or np.max(np.abs(point)) > 1e3:
        raise NoConvergence(what=f"maximum likelihood ({family.name})", rounds=8)
    return {name: parameters(point)[name] for name in family.parameters}


def _normal(values: Floats) -> Parameters:
    return {"mean": float(values.mean()), "sd": float(values.std())}


def _lognormal(values: Floats) -> Parameters:
    logs = np.log(values)
    return {"log_mean": float(logs.mean()), "log_sd": float(logs.std())}


def _exponential(values: Floats) -> Parameters:
    return {"scale": float(values.mean())}


def _rayleigh(values: Floats) -> Parameters:
    return {"scale": float(np.sqrt(np.mean(values**2) / 2))}


def _smallest(values: Floats) -> Parameters:
    """Root of the profile equation of the scale: x̄ + b = Σ x e^{x/b} / Σ e^{x/b}."""
    top, sd = float(values.max()), float(values.std())
    below = values - top

    def slope(scale: float) -> float:
        weight = np.exp(below / scale)
        return float(np.sum(below * weight) / np.sum(weight) - scale - below.mean())

    low, high = 0.05 * sd, 5 * sd
    while slope(low) < 0:
        low /= 2
    while slope(high) > 0:
        high *= 2
    scale = float(optimize.brentq(slope, low, high, xtol=1e-15 * sd, rtol=1e-13))
    return {"location": top + scale * float(np.log(np.mean(np.exp(below / scale)))), "scale": scale}


def _largest(values: Floats) -> Parameters:
    found = _smallest(-values)
    return {"location": -found["location"], "scale": found["scale"]}


def _weibull(values: Floats) -> Parameters:
    """The logarithm of a Weibull variable has the smallest extreme value distribution."""
    found = _smallest(np.log(values))
    return {"shape": 1 / found["scale"], "scale": float(np.exp(found["location"]))}


def _gamma(values: Floats) -> Parameters:
    """Root of ln k − ψ(k) = ln x̄ − mean ln x."""
    gap = float(np.log(values.mean()) - np.log(values).mean())
    if gap < 1e-13:
        raise NoConvergence(what="maximum likelihood (gamma): the values hardly differ", rounds=0)
    rough = (3 - gap + np.sqrt((gap - 3) ** 2 + 24 * gap)) / (12 * gap)
    shape = float(
        optimize.brentq(
            lambda k: np.log(k) - special.digamma(k) - gap,
            rough / 4,
            rough * 4,
            xtol=1e-14 * rough,
            rtol=1e-13,
        )
    )
    return {"shape": shape, "scale": float(values.mean()) / shape}


def _logistic(values: Floats) -> Parameters:
    """Root of the score equations Σ tanh(z/2) = 0 and Σ z tanh(z/2) = N with z = (x − m)/s."""
    mean, sd = float(values.mean()), float(values.std())

    def score(point: Floats) -> list[float]:
        z = ((values - mean) / sd - point[0]) * np.exp(-point[1])
        bent = np.tanh(z / 2)
        return [float(bent.mean()), float((z * bent).mean()) - 1]

    found = optimize.root(score, [0.0, float(np.log(np.sqrt(3) / np.pi))], tol=1e-13)
    if max(map(abs, score(found.x))) > 1e-8:
        raise NoConvergence(what="maximum likelihood (logistic)", rounds=int(found.nfev))
    return {"location": mean + sd * float(found.x[0]), "scale": sd * float(np.exp(found.x[1]))}


def _loglogistic(values: Floats) -> Parameters:
    return _logistic(np.log(values))


_DIRECT: dict[str, Callable[[Floats], Parameters]] = {
    "normal": _normal,
    "lognormal": _lognormal,
    "exponential": _exponential,
    "rayleigh": _rayleigh,
    "smallest_extreme_value": _smallest,
    "largest_extreme_value": _largest,
    "weibull": _weibull,
    "gamma": _gamma,
    "logistic": _logistic,
    "loglogistic": _loglogistic,
}


def _over_thresholds(values: Floats, family: Family, fixed: Mapping[str, float]) -> Parameters:
    """The inner maximum of the likelihood profiled over the threshold.

    At the smallest value the likelihood of these families grows without bound, so the highest *local*
    maximum is taken (Cohen & Whitten 1988, *Parameter Estimation in Reliability and Life Span Models*).
    """
    if family.name == "exponential2":
        least = float(values.min())
        return {"scale": fixed.get("scale", float(values.mean()) - least), "threshold": least}
    base = FAMILIES[family.base or "normal"]
    least, sd = float(values.min()), float(values.std())
    # Measured from the smallest value, a gap far below the values' own rounding isn't lost.
    above = values - least

    def profile(log_gap: float) -> float:
        moved = above + sd * float(np.exp(log_gap))
        return log_likelihood(base.frozen(estimate(moved, base, fixed)), moved)

    grid = np.linspace(np.log(1e-4), np.log(1e3), 61)
    heights = np.array([profile(gap) for gap in grid])
    inner = np.flatnonzero((heights[1:-1] > heights[:-2]) & (heights[1:-1] >= heights[2:])) + 1
    if inner.size == 0:
        far = int(np.argmax(heights)) == heights.size - 1
        raise (ThresholdAtInfinity if far else UnboundedLikelihood)(distribution=family.name)
    top = int(inner[np.argmax(heights[inner])])
    found = optimize.minimize_scalar(
        lambda gap: -profile(gap),
        bounds=(grid[top - 1], grid[top + 1]),
        method="bounded",
        options={"xatol": 1e-9},
    )
    gap = sd * float(np.exp(found.x))
    return {**estimate(above + gap, base, fixed), "threshold": least - gap}
