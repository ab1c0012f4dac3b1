"""The distributions that can be fitted: their parameters, their support and their probability-plot axis.

Parameters carry the names and meanings of the capability literature (Minitab, JASP, ISO 22514-4): lognormal
``log_mean``/``log_sd``, Weibull and gamma ``shape``/``scale``, loglogistic ``location``/``scale`` of the
logarithm, three-parameter forms with a ``threshold``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import stats

from assay.stats.arrays import Floats, one_of

Name = Literal[
    "normal",
    "lognormal",
    "lognormal3",
    "weibull",
    "weibull3",
    "gamma",
    "gamma3",
    "exponential",
    "exponential2",
    "logistic",
    "loglogistic",
    "loglogistic3",
    "smallest_extreme_value",
    "largest_extreme_value",
    "folded_normal",
    "rayleigh",
    "beta",
]
"""Distributions by name; a trailing digit counts the parameters where that is more than usual."""

POSITIVE = frozenset({"sd", "log_sd", "shape", "scale", "alpha", "beta"})
"""Parameters that are above 0."""


@dataclass(frozen=True)
class Family:
    """A family of distributions."""

    name: Name
    parameters: tuple[str, ...]
    frozen: Callable[[Mapping[str, float]], Any]
    """Parameters to a frozen scipy distribution."""
    low: float | None = None
    """Values have to be above this bound (None: none, or the threshold)."""
    closed: bool = False
    """Whether the bound itself can be a value."""
    base: Name | None = None
    """The family without the threshold, for a family with one."""
    axis: Literal["linear", "log"] | None = None
    """Scale on which quantiles are linear in those of ``standard``; None where a shape is in the way."""
    standard: Any = None
    """The standard distribution of a location-scale family on its axis."""


def _with_threshold(base: Family, name: Name) -> Family:
    def frozen(values: Mapping[str, float]) -> Any:
        inner = base.frozen(values)
        return inner.dist(*inner.args, **{**inner.kwds, "loc": values["threshold"]})

    return Family(name, (*base.parameters, "threshold"), frozen, base=base.name)


_NORMAL = Family(
    "normal", ("mean", "sd"), lambda p: stats.norm(p["mean"], p["sd"]), axis="linear", standard=stats.norm
)
_LOGNORMAL = Family(
    "lognormal",
    ("log_mean", "log_sd"),
    lambda p: stats.lognorm(p["log_sd"], scale=np.exp(p["log_mean"])),
    low=0.0,
    axis="log",
    standard=stats.norm,
)
_WEIBULL = Family(
    "weibull",
    ("shape", "scale"),
    lambda p: stats.weibull_min(p["shape"], scale=p["scale"]),
    low=0.0,
    axis="log",
    standard=stats.gumbel_l,
)
_GAMMA = Family("gamma", ("shape", "scale"), lambda p: stats.gamma(p["shape"], scale=p["scale"]), low=0.0)
_EXPONENTIAL = Family(
    "exponential", ("scale",), lambda p: stats.expon(scale=p["scale"]), low=0.0, closed=True
)
_LOGISTIC = Family(
    "logistic",
    ("location", "scale"),
    lambda p: stats.logistic(p["location"], p["scale"]),
    axis="linear",
    standard=stats.logistic,
)
_LOGLOGISTIC = Family(
    "loglogistic",
    ("location", "scale"),
    lambda p: stats.fisk(1 / p["scale"], scale=np.exp(p["location"])),
    low=0.0,
    axis="log",
    standard=stats.logistic,
)
_SMALLEST = Family(
    "smallest_extreme_value",
    ("location", "scale"),
    lambda p: stats.gumbel_l(p["location"], p["scale"]),
    axis="linear",
    standard=stats.gumbel_l,
)
_LARGEST = Family(
    "largest_extreme_value",
    ("location", "scale"),
    lambda p: stats.gumbel_r(p["location"], p["scale"]),
    axis="linear",
    standard=stats.gumbel_r,
)
_FOLDED = Family(
    "folded_normal",
    ("mean", "sd"),
    lambda p: stats.foldnorm(abs(p["mean"]) / p["sd"], scale=p["sd"]),
    low=0.0,
    closed=True,
)
_RAYLEIGH = Family("rayleigh", ("scale",), lambda p: stats.rayleigh(scale=p["scale"]), low=0.0, closed=True)
_BETA = Family(
    "beta",
    ("alpha", "beta", "lower", "upper"),
    lambda p: stats.beta(p["alpha"], p["beta"], loc=p["lower"], scale=p["upper"] - p["lower"]),
)

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        _NORMAL,
        _LOGNORMAL,
        _with_threshold(_LOGNORMAL, "lognormal3"),
        _WEIBULL,
        _with_threshold(_WEIBULL, "weibull3"),
        _GAMMA,
        _with_threshold(_GAMMA, "gamma3"),
        _EXPONENTIAL,
        _with_threshold(_EXPONENTIAL, "exponential2"),
        _LOGISTIC,
        _LOGLOGISTIC,
        _with_threshold(_LOGLOGISTIC, "loglogistic3"),
        _SMALLEST,
        _LARGEST,
        _FOLDED,
        _RAYLEIGH,
        _BETA,
    )
}
"""Every family by name."""


def family_of(name: str) -> Family:
    """The family ``name``.

    Raises
    ------
    UnknownOption
    """
    return FAMILIES[one_of(name, tuple(FAMILIES), "distribution")]


def log_likelihood(distribution: Any, values: Floats) -> float:
    """Sum of log densities of ``values``, shape ``(N,)``, under a frozen distribution."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found = float(np.sum(distribution.logpdf(values)))
    return found if np.isfinite(found) else -np.inf
