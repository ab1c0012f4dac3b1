"""Checks of the genealogy: what the recorded movements say that can't be, each named and none repaired."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np

from assay.genealogy.actuals import Actuals, Integers
from assay.genealogy.check_amounts import negative, overdrawn, unbalanced
from assay.genealogy.check_carriers import carried_twice
from assay.genealogy.check_claims import made_twice, open_ends, placed_twice, used_twice
from assay.genealogy.check_cycles import cycles
from assay.genealogy.check_times import clocks, too_early
from assay.genealogy.finding import Finding, Found


@dataclass(frozen=True)
class Tolerances:
    """What is no contradiction yet.

    Attributes
    ----------
    share
        Part by which amounts may be off that were weighed or measured; pieces are exact.
    uncertainty
        Seconds by which two clocks may differ.
    """

    share: float = 0.01
    uncertainty: float = 0.0


@dataclass(frozen=True)
class Checked:
    """What was found: the first of each kind, and how many there are of each."""

    findings: tuple[Finding, ...]
    counts: Mapping[str, int]


Check = Callable[[Actuals, Tolerances, Integers], Found]

CHECKS: dict[str, Check] = {
    "cycle": lambda actuals, _, __: cycles(actuals),
    "open-end": lambda actuals, _, declared: open_ends(actuals, declared),
    "consumed-before-made": lambda actuals, within, _: too_early(actuals, within.uncertainty),
    "clock-skew": lambda actuals, within, _: clocks(actuals, within.uncertainty),
    "negative-quantity": lambda actuals, _, __: negative(actuals),
    "overdrawn": lambda actuals, within, _: overdrawn(actuals, within.share),
    "unbalanced": lambda actuals, within, _: unbalanced(actuals, within.share),
    "made-twice": lambda actuals, _, __: made_twice(actuals),
    "used-twice": lambda actuals, _, __: used_twice(actuals),
    "position-twice": lambda actuals, _, __: placed_twice(actuals),
    "carrier-twice": lambda actuals, within, _: carried_twice(actuals, within.uncertainty),
}

KINDS = tuple(CHECKS)
"""Every kind of finding."""


def checked(
    actuals: Actuals,
    *,
    declared: Integers | None = None,
    tolerances: Tolerances | None = None,
    most: int | None = None,
) -> Checked:
    """Look at movements in every way there is.

    Parameters
    ----------
    declared
        Codes of things that master data know; they need no movement that brought them.
    most
        Keep so many findings of each kind; all of them are counted.
    """
    known = np.empty(0, np.int64) if declared is None else declared
    within = tolerances or Tolerances()
    findings: list[Finding] = []
    counts: dict[str, int] = {}
    for kind, check in CHECKS.items():
        found = check(actuals, within, known)
        findings += islice(found.findings, most)
        counts[kind] = found.count
    return Checked(tuple(findings), counts)
