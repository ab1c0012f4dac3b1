"""Variables plans of ISO 3951-1 by the arithmetic the standard is built on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from assay.stats.arrays import one_of
from assay.stats.errors import OutOfRange
from assay.stats.sampling.iso2859 import PERCENT_UP_TO, StandardPlan, iso2859
from assay.stats.sampling.tables import Inspection, Level
from assay.stats.sampling.variables import Sided, VariablesPlan, variables

PRODUCER, CONSUMER = 0.05, 0.10


@dataclass(frozen=True, kw_only=True)
class MatchedPlan(VariablesPlan):
    """A variables plan whose OC curve matches an attributes plan of ISO 2859-1."""

    aql: float
    """AQL in percent nonconforming."""
    level: Level | None
    """Inspection level; None where the code letter was given."""
    inspection: Inspection
    """``normal``, ``tightened`` or ``reduced``."""
    letter: str
    """Sample size code letter of the lot size and level."""
    matched: StandardPlan
    """The attributes plan with (nearly) the same OC curve."""
    hundred_percent: bool
    """Whether ``n`` reaches the lot size, so that the whole lot is measured."""


def iso3951(
    lot: int | None,
    aql: float,
    level: Level = "II",
    inspection: Inspection = "normal",
    method: Literal["s", "sigma"] = "s",
    *,
    sided: Sided = "one",
    letter: str | None = None,
) -> MatchedPlan:
    """A variables plan for a lot by code letter and AQL, for a normal characteristic: form k and form p*.

    *Derived, not tabled*: ISO 3951-1 chooses ``n`` and ``k`` so that the OC curve agrees with the single
    plan of ISO 2859-1 for the same letter and AQL. This does so exactly, with the smallest ``n`` that
    accepts at least 95 % where the attributes plan accepts 95 %, and at most 10 % where it accepts 10 %. The
    printed tables round and smooth; where a contract names ISO 3951-1, its printed ``n`` and ``k`` rule, and
    :func:`~assay.stats.sampling.variables_plan` takes them.

    Parameters
    ----------
    method
        ``s``: standard deviation of the sample; ``sigma``: known process standard deviation.
    sided
        ``one`` limit (form k), or ``two`` judged together (form p*).

    Other parameters as in :func:`~assay.stats.sampling.iso2859`; AQL at most 10 (percent nonconforming).

    Raises
    ------
    UnknownOption, NotACount, OutOfRange
    """
    one_of(method, ("s", "sigma"), "method")
    matched = iso2859(lot, aql, level, inspection, letter=letter)
    if matched.aql > PERCENT_UP_TO:
        raise OutOfRange(name="aql", value=aql, low=0.01, high=PERCENT_UP_TO)
    tabled = iso2859(None, aql, inspection=inspection, letter=matched.letter)
    p1, p2 = tabled.quality(1 - PRODUCER), tabled.quality(CONSUMER)
    found = variables(p1, PRODUCER, p2, CONSUMER, known_sigma=method == "sigma", sided=sided)
    return MatchedPlan(
        n=found.n,
        k=found.k,
        p_star=found.p_star,
        known_sigma=found.known_sigma,
        sided=sided,
        k_range=found.k_range,
        p1=p1,
        alpha=PRODUCER,
        p2=p2,
        beta=CONSUMER,
        producer_risk=found.producer_risk,
        consumer_risk=found.consumer_risk,
        basis="matched to ISO 2859-1",
        aql=matched.aql,
        level=matched.level,
        inspection=inspection,
        letter=matched.letter,
        matched=matched,
        hundred_percent=matched.lot is not None and found.n >= matched.lot,
    )
