"""The studies that the checks of measurement systems run on, and how a line is written down."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import cache, partial
from importlib.resources import files
from typing import Any

import numpy as np

from assay.stats import msa
from assay.stats.msa.anova import Anova
from assay.stats.verify.check import Check, Origin, Tolerance

AIAG = "AIAG, Measurement Systems Analysis, 4th ed., III.B"
ATTRIBUTES = "AIAG, Measurement Systems Analysis, 4th ed., III.C"
JASP = "JASP, jaspQualityControl test tables"


@cache
def held() -> dict[str, Any]:
    """The numbers of ``data/msa.json`` by study; each names its source."""
    text = files("assay.stats.verify").joinpath("data", "msa.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def values(study: str) -> np.ndarray[Any, Any]:
    """The measurements or counts of a study."""
    return np.array(held()[study]["values"])


def picked(study: Callable[[], object], path: str) -> float:
    """A number within a result: ``components.grr.variance``; NaN where the result has None."""
    found: Any = study()
    for step in path.split("."):
        if isinstance(found, (dict, Anova)):
            found = found[step]
        else:
            found = found[int(step)] if step.isdigit() else getattr(found, step)
    return math.nan if found is None else float(found)


def line(
    name: str,
    statistic: str,
    reference: float,
    compute: Callable[[], float],
    *,
    source: str,
    digits: int | None = None,
    relative: float | None = None,
    absolute: float | None = None,
    origin: Origin = "published",
    note: str = "",
) -> Check:
    """A check of this family."""
    return Check(
        id=f"msa.{name}",
        family="msa",
        statistic=statistic,
        source=source,
        origin=origin,
        reference=reference,
        compute=compute,
        tolerance=Tolerance(digits=digits, relative=relative, absolute=absolute),
        note=note,
    )


def rows(measured: np.ndarray[Any, Any], operators: str, parts: int, trials: int) -> dict[str, Any]:
    """A frame of measurements that are ordered by operator, part, trial."""
    return {
        "operator": np.repeat(list(operators), parts * trials),
        "part": np.tile(np.repeat(np.arange(1, parts + 1), trials), len(operators)),
        "value": measured,
    }


@cache
def gauge(study: str = "aiag_gauge", **options: Any) -> msa.GaugeRR:
    """A crossed study of three operators, ten parts, three trials."""
    return msa.gauge_rr(
        rows(values(study), "ABC", 10, 3), part="part", operator="operator", value="value", **options
    )


@cache
def one_way() -> msa.GaugeRR:
    """The same design without its operators."""
    return msa.gauge_rr(rows(values("jasp_crossed"), "ABC", 10, 3), part="part", value="value")


@cache
def nested() -> msa.GaugeRR:
    """Three operators with five batches each, two specimens."""
    frame = rows(values("jasp_nested"), "ABC", 5, 2)
    return msa.gauge_rr_nested(frame, part="part", operator="operator", value="value", tolerance=15)


@cache
def linearity() -> msa.Linearity:
    """Five parts of known size, twelve trials each."""
    frame = {
        "part": np.repeat(np.arange(1, 6), 12),
        "reference": np.repeat(np.arange(2.0, 11.0, 2.0), 12),
        "value": values("aiag_linearity"),
    }
    return msa.linearity(frame, part="part", reference="reference", value="value", process_variation=1)


@cache
def retest() -> msa.TestRetest:
    """Fifteen parts, two trials."""
    frame = rows(values("jasp_retest"), "A", 15, 2)
    return msa.test_retest(frame, part="part", value="value", process_sd=2, tolerance=0.5)


@cache
def short_study() -> msa.TestRetest:
    """AIAG's short study: five parts, two appraisers."""
    measured = np.array([0.85, 0.80, 0.75, 0.70, 1.00, 0.95, 0.45, 0.55, 0.50, 0.60])
    return msa.test_retest(rows(measured, "A", 5, 2), part="part", value="value", process_sd=0.0777)


@cache
def type1(**options: float) -> msa.Type1:
    """Fifty measurements of one part."""
    return msa.type1(values("jasp_type1"), reference=-4, tolerance=15, **options)


@cache
def attribute() -> msa.AttributeAgreement:
    """Three appraisers, fifteen parts, three trials, two categories."""
    study = held()["jasp_attribute"]
    frame = {
        "appraiser": np.repeat(("BL", "EG", "MH"), 45),
        "part": np.tile(np.repeat(np.arange(15), 3), 3),
        "rating": np.array(study["values"]),
        "standard": np.tile(np.repeat(study["standard"], 3), 3),
    }
    return msa.attribute_agreement(
        frame, part="part", appraiser="appraiser", rating="rating", standard="standard", accept=1
    )


@cache
def ordinal() -> msa.AttributeAgreement:
    """Four appraisers, thirty parts, one trial, six ordered categories."""
    study = held()["jasp_ordinal"]
    frame = {
        "appraiser": np.repeat(list("ABCD"), 30),
        "part": np.tile(np.arange(30), 4),
        "rating": np.array(study["values"]),
        "standard": np.tile(study["standard"], 4),
    }
    return msa.attribute_agreement(
        frame, part="part", appraiser="appraiser", rating="rating", standard="standard", ordinal=True
    )


@cache
def decisions(misses: int, alarms: int) -> msa.AttributeAgreement:
    """AIAG's fifty parts, 16 of them bad, rated three times, with so many wrong decisions of each kind."""
    standard = np.repeat(np.r_[np.zeros(16, int), np.ones(34, int)], 3)
    rating = standard.copy()
    rating[:misses] = 1
    rating[48 : 48 + alarms] = 0
    frame = {
        "part": np.repeat(np.arange(50), 3),
        "appraiser": np.full(150, "A"),
        "rating": rating,
        "standard": standard,
    }
    return msa.attribute_agreement(
        frame, part="part", appraiser="appraiser", rating="rating", standard="standard", accept=1
    )


def of(study: Callable[[], object], path: str) -> Callable[[], float]:
    """The computation of a line: a number within a study's result."""
    return partial(picked, study, path)
