"""One line of the verification report: a statistic against its reference."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Origin = Literal["published", "software", "recomputed"]
"""Printed in a book, standard or paper; printed by another package; recomputed by an independent method."""


@dataclass(frozen=True)
class Tolerance:
    """How close is right: within any of the ways that are set."""

    digits: int | None = None
    """Equal after rounding to this many decimals, as the source printed it."""
    relative: float | None = None
    absolute: float | None = None

    def allows(self, reference: float, computed: float) -> bool:
        """Whether ``computed`` is as good as ``reference``."""
        if math.isnan(reference) or math.isnan(computed):
            return math.isnan(reference) and math.isnan(computed)
        if reference == computed:
            return True
        gap = abs(reference - computed)
        slack = 1e-9 * 10.0 ** -(self.digits or 0)
        return (
            (self.digits is not None and gap <= 0.5 * 10.0**-self.digits + slack)
            or (self.relative is not None and gap <= self.relative * abs(reference))
            or (self.absolute is not None and gap <= self.absolute)
        )


@dataclass(frozen=True, kw_only=True)
class Check:
    """A statistic with its reference; ``compute`` runs the library."""

    id: str
    """Dotted and stable: ``charts.xbar_r.pistonrings.ucl``."""
    family: str
    """``charts``, ``capability``, ``msa``, ``sampling``, ``arl``, ``multivariate`` or ``monitor``."""
    statistic: str
    """What it is, in the field's own term: ``X̄-R chart, upper control limit``."""
    source: str
    """Where the reference stands: book and page, standard and clause, package and version."""
    origin: Origin
    reference: float
    compute: Callable[[], float | None]
    """None is a figure that the statistic doesn't give; it equals no reference."""
    tolerance: Tolerance
    note: str = ""
    """The convention under which the two agree, where there is more than one."""

    def run(self) -> Outcome:
        """Compute and compare; an exception is a failure, told in ``problem``."""
        try:
            found = self.compute()
            computed = math.nan if found is None else float(found)
        except Exception as error:  # noqa: BLE001 - a failing statistic is a line of the report
            return Outcome(self, math.nan, math.nan, False, f"{type(error).__name__}: {error}")
        return Outcome(
            self,
            computed,
            computed - self.reference,
            self.tolerance.allows(self.reference, computed),
        )


@dataclass(frozen=True)
class Outcome:
    """A check that has run."""

    check: Check
    computed: float
    difference: float
    passed: bool
    problem: str = ""


@dataclass(frozen=True)
class Section:
    """What the lines of one part of the report have in common."""

    prefix: str
    """Begins the ids: ``charts`` makes ``charts.xbar_r.pistonrings.ucl``."""
    family: str
    origin: Origin = "recomputed"
    tolerance: Tolerance = Tolerance()

    def check(
        self,
        name: str,
        statistic: str,
        reference: float,
        compute: Callable[[], float | None],
        *,
        source: str,
        origin: Origin | None = None,
        tolerance: Tolerance | None = None,
        note: str = "",
    ) -> Check:
        """A line of this part; origin and tolerance are the part's own where they aren't given."""
        return Check(
            id=f"{self.prefix}.{name}",
            family=self.family,
            statistic=statistic,
            source=source,
            origin=origin or self.origin,
            reference=reference,
            compute=compute,
            tolerance=tolerance or self.tolerance,
            note=note,
        )
