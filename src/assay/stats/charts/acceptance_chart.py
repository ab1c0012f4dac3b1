"""The acceptance control chart and the chart with modified limits: is the process still good enough?

Sources: Hill 1956, *Applied Statistics* 5, 133-139 (modified limits); Freund 1957, *Industrial Quality
Control* 14(4), 13-19; ISO 7870-3:2020; Montgomery, *Introduction to Statistical Quality Control*, 8th ed.
2020, section 10.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, Unpack

import numpy as np
from numpy.typing import ArrayLike

from assay.stats.arrays import one_of, ordered, positive
from assay.stats.charts.acceptance_design import limits_inward, quantile
from assay.stats.charts.assemble import Lines, Number, assemble, joined
from assay.stats.charts.chart import ControlChart, Limits
from assay.stats.charts.errors import CATALOGUE, TooWide
from assay.stats.charts.extended import extended
from assay.stats.charts.kind import kind
from assay.stats.charts.live import Form, OneSubgroup
from assay.stats.charts.models import needed, root
from assay.stats.charts.options import Common
from assay.stats.charts.picture import picture
from assay.stats.charts.variables import (
    PLURAL,
    dispersion_chart,
    grouped,
    named,
    settled,
    sigma_of,
    sizes_of,
    statistic,
    weighted,
)
from assay.stats.errors import LimitsReversed, NoLimits, OutOfRange
from assay.stats.plot.spec import Layer, Level, Plot

Within = Literal["r", "s"]


@dataclass(frozen=True, kw_only=True)
class AcceptanceChart(ControlChart):
    """An acceptance control chart; ``limits`` are the acceptance control limits (ACL) for the subgroup mean.

    A point beyond them says that the process may make more nonconforming product than agreed, not that it has
    changed. The companion watches the spread within subgroups, which the limits rest on.
    """

    lsl: float | None
    usl: float | None
    p1: float | None
    """Share outside the nearer specification limit at the acceptable process level."""
    alpha: float | None
    """Chance that a process at the APL is rejected; None where only the RPL was given."""
    p2: float | None
    """Share outside the nearer specification limit at the rejectable process level."""
    beta: float | None
    """Chance that a process at the RPL is accepted; None where only the APL was given."""
    apl: Limits | None
    """Acceptable process levels, lower and upper; infinite on a side without specification limit."""
    rpl: Limits | None
    """Rejectable process levels, lower and upper."""

    def plot(self) -> Plot:
        """The chart with the specification limits and the process levels."""
        drawn = picture(self)
        layers: list[Layer] = []
        for name, value in (("lsl", self.lsl), ("usl", self.usl)):
            if value is not None:
                text = CATALOGUE.text(f"acceptance.{name}")
                layers.append(Level(text, value, "specification", f"{name.upper()} = {value:.6g}"))
        for name, levels in (("apl", self.apl), ("rpl", self.rpl)):
            for level in levels or ():
                if isinstance(level, float) and math.isfinite(level):
                    text = CATALOGUE.text(f"plan.{name}")
                    layers.append(Level(text, level, "reference", f"{name.upper()} = {level:.6g}"))
        first, *others = drawn.panels
        return replace(drawn, panels=(replace(first, layers=(*layers, *first.layers)), *others))


@dataclass(frozen=True)
class Levels:
    """Acceptance control limits of one stage as a function of subgroup size."""

    lsl: float | None
    usl: float | None
    z_accept: float | None
    z_alpha: float
    z_reject: float | None
    z_beta: float
    center: float
    sigma: float

    def lines(self, size: Number | None) -> Lines:
        """At subgroup size ``size``.

        Raises
        ------
        TooWide
            The limits cross.
        """
        n = root(needed(size))
        inward = limits_inward(self.z_accept, self.z_reject, self.z_alpha, self.z_beta, n) * self.sigma  # type: ignore[type-var]
        lower = -math.inf if self.lsl is None else self.lsl + inward
        upper = math.inf if self.usl is None else self.usl - inward
        if np.any(lower >= upper):
            low, high = float(np.max(lower)), float(np.min(upper))
            raise TooWide(what="ACL", lower=low, upper=high, sigma=self.sigma)
        return Lines(self.center, lower, upper, None)

    def spread(self, size: Number | None) -> Number:
        """Of one value."""
        return self.sigma

    def level(self, quantile: float | None) -> tuple[float, float] | None:
        """The process levels with this normal quantile outside the specification limits."""
        if quantile is None:
            return None
        return (
            -math.inf if self.lsl is None else self.lsl + quantile * self.sigma,
            math.inf if self.usl is None else self.usl - quantile * self.sigma,
        )


def acceptance(
    values: ArrayLike,
    subgroup: ArrayLike | int | None = None,
    *,
    lsl: float | None = None,
    usl: float | None = None,
    p1: float | None = None,
    alpha: float = 0.05,
    p2: float | None = None,
    beta: float = 0.05,
    within: Within = "r",
    **options: Unpack[Common],
) -> AcceptanceChart:
    """Acceptance control chart of subgroup means.

    Parameters
    ----------
    values
        ``(N,)`` measured values, subgroup after subgroup, or ``(m, n)`` with a subgroup in each row.
    subgroup
        For ``(N,)`` values: the size of consecutive subgroups, or a label per value.
    lsl, usl
        Specification limits; one of them is enough.
    p1, alpha
        A process with this share outside the nearer limit (at the APL; Montgomery's δ) is rejected with
        chance ``alpha``.
    p2, beta
        A process with this share outside the nearer limit (at the RPL; Montgomery's γ) is accepted with
        chance ``beta``. With both levels the limits lie between them in the ratio of the two normal
        quantiles; see :func:`assay.stats.charts.acceptance_plan` for the subgroup size that both risks
        need.
    within
        ``"r"`` estimates sigma from ranges and watches them, ``"s"`` standard deviations.
    options
        See :class:`~assay.stats.charts.options.Common`; ``center`` is where the centre line is drawn, by
        default half way between the specification limits, or the mean where there is one. ``rules`` is
        ``"nelson1"`` by default: drift between the limits is allowed.

    Raises
    ------
    NoLimits, LimitsReversed, TooWide, OutOfRange, NotPositive, UnknownOption, and those of
    :func:`assay.stats.charts.variables.xbar_r`

    Notes
    -----
    From the APL: UCL = usl − (z(p1) − z(alpha)/√n)·σ. From the RPL: UCL = usl − (z(p2) +
    z(beta)/√n)·σ. Likewise below. Montgomery 2020, sec. 10.2.2 and 10.2.3.
    """
    if p1 is None and p2 is None:
        raise OutOfRange(name="p1, p2", value=0, low=1, high=2)
    z_accept = None if p1 is None else quantile(p1, "p1")
    z_reject = None if p2 is None else quantile(p2, "p2")
    if z_accept is not None and z_reject is not None and z_accept <= z_reject:
        raise LimitsReversed(low_name="p1", low=p1, high_name="p2", high=p2)
    z_alpha, z_beta = quantile(alpha, "alpha"), quantile(beta, "beta")
    asked = Levels(lsl, usl, z_accept, z_alpha, z_reject, z_beta, 0.0, 0.0)
    chart = _chart("acceptance", values, subgroup, asked, within=within, given=options)
    return replace(
        chart,
        p1=p1,
        alpha=None if p1 is None else alpha,
        p2=p2,
        beta=None if p2 is None else beta,
    )


def modified(
    values: ArrayLike,
    subgroup: ArrayLike | int | None = None,
    *,
    lsl: float | None = None,
    usl: float | None = None,
    p1: float,
    within: Within = "r",
    **options: Unpack[Common],
) -> AcceptanceChart:
    """X̄ chart with modified limits, for a process much narrower than its specification.

    Parameters
    ----------
    values, subgroup, lsl, usl, within
        As in :func:`acceptance`.
    p1
        Largest share outside the nearer specification limit that is acceptable (Montgomery's δ).
    options
        As in :func:`acceptance`; the limits lie ``width`` (3 by default) standard errors beyond the
        acceptable process level.

    Raises
    ------
    As :func:`acceptance`.

    Notes
    -----
    UCL = usl − (z(p1) − width/√n)·σ. Montgomery 2020, sec. 10.2.1; Hill 1956.
    """
    asked = Levels(lsl, usl, quantile(p1, "p1"), math.nan, None, 0.0, 0.0, 0.0)
    chart = _chart("modified", values, subgroup, asked, within=within, given=options)
    return replace(chart, p1=p1)


def _chart(
    name: str,
    values: ArrayLike,
    subgroup: ArrayLike | int | None,
    asked: Levels,
    *,
    within: Within,
    given: Common,
) -> AcceptanceChart:
    ordered(asked.lsl, asked.usl)
    if asked.lsl is None and asked.usl is None:
        raise NoLimits(what=name)
    spread = "range" if one_of(within, ("r", "s"), "within") == "r" else "deviation"
    settings = settled(given, "rbar" if spread == "range" else "sbar")
    options = settings.common
    if math.isnan(asked.z_alpha):
        asked = replace(asked, z_alpha=positive(options.width, "width"))
    groups = grouped(values, subgroup, name)
    rules = options.chosen("nelson1")
    middle = options.center
    if middle is None and asked.lsl is not None and asked.usl is not None:
        middle = (asked.lsl + asked.usl) / 2
    known = middle is not None and options.sigma is not None
    phases = options.plan(groups.count, estimates=not known)
    spreads = sigma_of(groups, phases, settings)
    means = statistic(groups, "means")
    estimates = [
        replace(
            asked,
            center=weighted(means, groups, stretch.estimating) if middle is None else middle,
            sigma=sigma,
        )
        for stretch, sigma in zip(phases.stretches, spreads, strict=True)
    ]
    companion, last = dispersion_chart(
        groups, spread, spreads, phases, settings, rules=options.resolve("nelson1")
    )
    chart = assemble(
        name,
        means,
        estimates,
        phases,
        options,
        rules=rules,
        sizes=sizes_of(groups),
        labels=options.names(groups.count, named(groups)),
        estimator=companion.estimator,
        formula=_formula(asked),
        companions=(companion,),
        live=Form(
            OneSubgroup(("means", PLURAL[spread])),
            (estimates[-1], last),
            (rules, options.resolve("nelson1")),
        ),
    )

    def levels(quantile: float | None) -> Limits | None:
        found = [pair for estimate in estimates if (pair := estimate.level(quantile)) is not None]
        if not found:
            return None
        lower, upper = zip(*found, strict=True)
        return Limits(joined(lower, phases), joined(upper, phases))

    return extended(
        AcceptanceChart,
        chart,
        lsl=asked.lsl,
        usl=asked.usl,
        p1=None,
        alpha=None,
        p2=None,
        beta=None,
        apl=levels(asked.z_accept),
        rpl=levels(asked.z_reject),
    )


def _formula(asked: Levels) -> str:
    if asked.z_accept is not None and asked.z_reject is not None:
        inward = limits_inward(asked.z_accept, asked.z_reject, asked.z_alpha, asked.z_beta, 1.0)
        shown = f"{inward:.6g}·σ"
    elif asked.z_accept is not None:
        shown = f"({asked.z_accept:.6g} − {asked.z_alpha:.6g}/√n)·σ"
    else:
        shown = f"({asked.z_reject:.6g} + {asked.z_beta:.6g}/√n)·σ"
    sides = [f"LSL + {shown}"] if asked.lsl is not None else []
    return ", ".join([*sides, *([f"USL − {shown}"] if asked.usl is not None else [])])


KINDS = (
    kind(
        "acceptance",
        acceptance,
        "subgroups",
        *("lsl", "usl", "p1", "alpha", "p2", "beta", "within"),
        without=("width", "confidence"),
    ),
    kind("modified", modified, "subgroups", "lsl", "usl", "p1", "within"),
)
"""The kinds of chart in this module."""
