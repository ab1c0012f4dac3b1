"""Design of acceptance control charts: sample size, acceptance control limits and the chance to accept."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy import special

from assay.model.text import Text
from assay.stats.arrays import Floats, between, numbers, ordered, positive
from assay.stats.charts.errors import CATALOGUE, TooWide
from assay.stats.errors import LimitsReversed, NoLimits, OutOfRange
from assay.stats.plot.spec import Axis, Line, Panel, Plot, Role, Upright
from assay.stats.result import Result

Size = TypeVar("Size", float, Floats)
MOST = 1_000_000
"""Largest sample size a design answers with; beyond it the two process levels are as good as one."""


@dataclass(frozen=True, kw_only=True)
class AcceptancePlan(Result):
    """An acceptance control chart before the first sample: levels, risks, sample size and limits.

    Sources: Freund 1957, *Industrial Quality Control* 14(4), 13-19; ISO 7870-3:2020, clauses 8 and 9;
    Montgomery, *Introduction to Statistical Quality Control*, 7th ed., sec. 10.2.3.
    """

    lsl: float | None
    usl: float | None
    sigma: float
    """Standard deviation of one value about the process level."""
    n: int
    """Values in a sample."""
    n_exact: float
    """What the two levels and risks ask for before rounding up; NaN where ``n`` was given."""
    alpha: float
    """Chance to reject a process at the APL; as it is with ``n`` and the limits here."""
    beta: float
    """Chance to accept a process at the RPL; as it is with ``n`` and the limits here."""
    p1: float
    """Share outside the specification at the APL."""
    p2: float
    """Share outside the specification at the RPL."""
    apl: tuple[float | None, float | None]
    """Acceptable process levels, lower and upper; None on a side without specification limit."""
    rpl: tuple[float | None, float | None]
    """Rejectable process levels, lower and upper."""
    acl: tuple[float | None, float | None]
    """Acceptance control limits for the sample mean, lower and upper."""

    def accepts(self, level: float | Floats) -> Floats:
        """Chance that a sample mean lies within the limits when the process is at ``level``, any shape."""
        error = self.sigma / math.sqrt(self.n)
        found = np.asarray(level, dtype=np.float64)
        lower, upper = self.acl
        above = special.ndtr((found - upper) / error) if upper is not None else 0.0
        below = special.ndtr((lower - found) / error) if lower is not None else 0.0
        return np.asarray(1.0 - above - below)

    def plot(self) -> Plot:
        """The chance to accept over the process level, with APL and RPL."""
        marks = [level for level in (*self.apl, *self.rpl, *self.acl) if level is not None]
        reach = 3 * self.sigma / math.sqrt(self.n)
        levels = np.linspace(min(marks) - reach, max(marks) + reach, 241)
        name = CATALOGUE.text("plan.accept")
        drawn: tuple[tuple[str, tuple[float | None, float | None], Role], ...] = (
            ("apl", self.apl, "target"),
            ("rpl", self.rpl, "specification"),
            ("acl", self.acl, "limit"),
        )
        uprights = [
            Upright(name=CATALOGUE.text(f"plan.{key}"), x=level, role=role, label=key.upper())
            for key, pair, role in drawn
            for level in pair
            if level is not None
        ]
        title = CATALOGUE.text("plan.title", n=self.n)
        panel = Panel(
            title=title,
            x=Axis(title=CATALOGUE.text("plan.level")),
            y=Axis(title=name, low=0.0, high=1.0),
            layers=(Line(name=name, x=levels, y=self.accepts(levels)), *uprights),
        )
        return Plot(title=title, panels=(panel,), note=self._note())

    def _note(self) -> Text:
        return CATALOGUE.text(
            "plan.note",
            n=self.n,
            alpha=f"{self.alpha:.4g}",
            beta=f"{self.beta:.4g}",
            p1=f"{self.p1:.4g}",
            p2=f"{self.p2:.4g}",
        )


def acceptance_plan(
    *,
    sigma: float,
    lsl: float | None = None,
    usl: float | None = None,
    p1: float | None = None,
    alpha: float = 0.05,
    p2: float | None = None,
    beta: float = 0.05,
    n: int | None = None,
) -> AcceptancePlan:
    """Design an acceptance control chart from any two of (APL, α), (RPL, β) and n, as ISO 7870-3 clause 8.

    Parameters
    ----------
    sigma
        Standard deviation of one value about the process level, in the values' unit.
    lsl, usl
        Specification limits; one of them is enough.
    p1, alpha
        A process with this share outside the nearer limit (Montgomery's δ; it is at the APL) is rejected
        with chance ``alpha``.
    p2, beta
        A process with this share outside the nearer limit (Montgomery's γ; it is at the RPL) is accepted
        with chance ``beta``.
    n
        Values in a sample; None to have it computed from both levels, rounded up. With both levels *and*
        ``n`` given, the limits lie between the levels in the ratio of the two normal quantiles.

    Raises
    ------
    NoLimits, LimitsReversed, TooWide, NotPositive, OutOfRange, NotFinite

    Notes
    -----
    APL = usl − z(p1)·σ, RPL = usl − z(p2)·σ, n = ((z(α) + z(β))·σ / (RPL − APL))²,
    ACL = APL + (RPL − APL)·z(α)/(z(α) + z(β)), which keeps both risks at most at what was asked for after n
    is rounded up; likewise below. The two sides are treated apart, so both specification limits have to be
    further apart than the process is wide.
    """
    deviation = positive(sigma, "sigma")
    ordered(lsl, usl)
    if lsl is None and usl is None:
        raise NoLimits(what="acceptance control chart")
    z_alpha, z_beta = quantile(alpha, "alpha"), quantile(beta, "beta")
    known = [share for share in (p1, p2) if share is not None]
    if len(known) + (n is not None) < 2:
        raise OutOfRange(name="p1, p2, n", value=len(known), low=2, high=3)
    exact = math.nan
    z_accept = None if p1 is None else quantile(p1, "p1")
    z_reject = None if p2 is None else quantile(p2, "p2")
    if z_accept is not None and z_reject is not None:
        if z_accept <= z_reject:
            raise LimitsReversed(low_name="p1", low=p1, high_name="p2", high=p2)
        exact = ((z_alpha + z_beta) / (z_accept - z_reject)) ** 2
        if n is None:
            n = math.ceil(round(between(exact, "n", 0, MOST), 9))
        else:
            exact = math.nan
    assert n is not None  # noqa: S101 - two of the three are known
    root = math.sqrt(between(n, "n", 1, MOST))
    inward = limits_inward(z_accept, z_reject, z_alpha, z_beta, root)
    z_accept = inward + z_alpha / root if z_accept is None else z_accept
    z_reject = inward - z_beta / root if z_reject is None else z_reject
    apl = both_sides(lsl, usl, z_accept, deviation, "APL")
    return AcceptancePlan(
        lsl=lsl,
        usl=usl,
        sigma=deviation,
        n=int(n),
        n_exact=exact,
        alpha=float(special.ndtr(-(z_accept - inward) * root)),
        beta=float(special.ndtr(-(inward - z_reject) * root)),
        p1=float(special.ndtr(-z_accept)),
        p2=float(special.ndtr(-z_reject)),
        apl=apl,
        rpl=both_sides(lsl, usl, z_reject, deviation, "RPL"),
        acl=both_sides(lsl, usl, inward, deviation, "ACL"),
    )


def limits_inward(
    z_accept: float | None, z_reject: float | None, z_alpha: float, z_beta: float, root: Size
) -> Size:
    """How far the limits lie inside the specification, in sigma; ``root`` is the root of the sample size."""
    if z_accept is not None and z_reject is not None:
        return z_accept - (z_accept - z_reject) * z_alpha / (z_alpha + z_beta) + 0.0 * root
    if z_accept is not None:
        return z_accept - z_alpha / root
    assert z_reject is not None  # noqa: S101 - one of them is known
    return z_reject + z_beta / root


def quantile(share: float, name: str) -> float:
    """Normal quantile with ``share`` above it, for shares up to 1/2.

    Raises
    ------
    NotFinite, OutOfRange
    """
    return -float(special.ndtri(between(float(numbers(share, name)), name, 1e-12, 0.5)))


def both_sides(
    lsl: float | None, usl: float | None, z: float, sigma: float, name: str
) -> tuple[float | None, float | None]:
    """The levels ``z`` sigma inside each specification limit.

    Raises
    ------
    TooWide
        They cross.
    """
    inward = z * sigma
    lower = None if lsl is None else lsl + inward
    upper = None if usl is None else usl - inward
    if lower is not None and upper is not None and lower >= upper:
        raise TooWide(what=name, lower=lower, upper=upper, sigma=sigma)
    return lower, upper
