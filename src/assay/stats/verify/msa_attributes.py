"""Checks of attribute agreement, kappa, Kendall's coefficients and signal detection."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial

import numpy as np
import scipy
from scipy import stats

from assay.stats import msa
from assay.stats.verify.check import Check
from assay.stats.verify.msa_studies import (
    ATTRIBUTES,
    JASP,
    attribute,
    decisions,
    held,
    line,
    of,
    ordinal,
    values,
)


def attribute_checks() -> Iterator[Check]:
    """Everything about ratings."""
    yield from _agreement()
    yield from _effectiveness()
    yield from _cohen()
    yield from _fleiss()
    yield from _kendall()
    yield from _signal()


def _agreement() -> Iterator[Check]:
    for name, study, path, value, digits in (
        ("within.low", attribute, "within.0.percent_interval.low", 68.052, 3),
        ("within.high", attribute, "within.0.percent_interval.high", 99.831, 3),
        ("each_vs_standard", attribute, "each_vs_standard.0.percent", 73.33, 2),
        ("between", attribute, "between.percent", 60.0, 2),
        ("all_vs_standard", attribute, "all_vs_standard.percent", 46.67, 2),
        ("correlation", attribute, "pairs.0.correlation", 0.87, 2),
        ("cohen_standard", ordinal, "overall.cohen_standard.estimate", 0.515512112197195, 9),
        ("fleiss_standard", ordinal, "overall.fleiss_standard.overall.estimate", 0.505827206883079, 9),
        ("fleiss_between", ordinal, "fleiss_between.overall.estimate", 0.405850091407678, 9),
    ):
        yield line(
            f"attribute_agreement.{name}",
            f"Attribute agreement, {name.replace('_', ' ').replace('.', ', ')}",
            value,
            of(study, path),
            source=JASP,
            digits=digits,
            origin="software",
            note="JASP prints this φ as Cohen's kappa between appraisers" if name == "correlation" else "",
        )


def _effectiveness() -> Iterator[Check]:
    study = f"{ATTRIBUTES}, 50 parts, 3 appraisers, 3 trials"
    for matched, low, high in ((42, 71, 93), (45, 78, 97), (40, 66, 90), (39, 64, 88)):
        for end, percent in (("low", low), ("high", high)):
            yield line(
                f"exact_interval.{matched}.{end}",
                f"Effectiveness {matched} of 50, 95 % interval, {end}, as a fraction",
                percent / 100,
                of(partial(msa.exact_interval, matched, 50), end),
                source=study,
                digits=2,
            )
    for name, misses, alarms, miss, alarm in (
        ("A", 3, 5, 6.3, 4.9),
        ("B", 3, 2, 6.3, 2.0),
        ("C", 6, 9, 12.5, 8.8),
    ):
        for kind, value in (("miss", miss), ("false_alarm", alarm)):
            yield line(
                f"effectiveness.{kind}.{name}",
                f"{kind.replace('_', ' ').capitalize()} rate of appraiser {name}, percent",
                value,
                of(partial(decisions, misses, alarms), f"effectiveness.0.percent_{kind}"),
                source=study,
                digits=1,
            )


def _cohen() -> Iterator[Check]:
    for name, table, value in (
        ("A with B", [[44, 6], [3, 97]], 0.86),
        ("B with C", [[42, 5], [9, 94]], 0.79),
        ("A with C", [[43, 7], [8, 92]], 0.78),
        ("A with reference", [[45, 5], [3, 97]], 0.88),
        ("B with reference", [[45, 2], [3, 100]], 0.92),
        ("C with reference", [[42, 9], [6, 93]], 0.77),
    ):
        yield line(
            f"cohen_kappa.aiag.{name.replace(' with ', '.')}",
            f"Cohen's kappa, {name}",
            value,
            of(partial(msa.cohen_kappa_table, table), "estimate"),
            source=f"{ATTRIBUTES}, cross tables",
            digits=2,
        )
    patients = partial(msa.cohen_kappa_table, [[75, 1, 4], [5, 4, 1], [0, 0, 10]])
    for path, value, digits in (("estimate", 0.68, 2), ("null_standard_error", 0.076, 3)):
        yield line(
            f"cohen_kappa.rates.{path}",
            f"Cohen's kappa, two raters of 100 patients, {path.replace('_', ' ')}",
            value,
            of(patients, path),
            source="Fleiss, Levin & Paik 2003, Statistical Methods for Rates and Proportions, 3rd ed., 18.1",
            digits=digits,
        )


def _fleiss() -> Iterator[Check]:
    study = partial(msa.fleiss_kappa, values("fleiss_1971"))
    yield line(
        "fleiss_kappa.overall",
        "Fleiss' kappa, six raters of 30 patients",
        0.430,
        of(study, "overall.estimate"),
        source="Fleiss 1971, Psychol. Bull. 76, 378-382",
        digits=3,
    )
    for place, kappa, z in ((0, 0.245, 5.192), (2, 0.520, 11.031), (3, 0.471, 9.994), (4, 0.566, 12.009)):
        for path, value in (("estimate", kappa), ("z", z)):
            yield line(
                f"fleiss_kappa.{path}.{place}",
                f"Fleiss' kappa, category {place + 1}, {path}",
                value,
                of(study, f"by_category.{place}.{path}"),
                source="R package irr, kappam.fleiss(diagnoses, detail = TRUE)",
                digits=3,
                origin="software",
            )


def _kendall() -> Iterator[Check]:
    study = held()["jasp_ordinal"]
    ratings = np.array(study["values"], dtype=float).reshape(4, 30)
    yield line(
        "kendall_w",
        "Kendall's W between appraisers",
        float(stats.friedmanchisquare(*ratings.T).statistic) / (4 * 29),
        of(ordinal, "kendall_between.w"),
        source=f"scipy {scipy.__version__}, friedmanchisquare: χ² = m(n − 1)W",
        relative=1e-9,
        origin="software",
    )
    tau = stats.kendalltau(ratings[0], study["standard"], method="asymptotic")
    for path, value in (("tau", tau.statistic), ("p", tau.pvalue)):
        yield line(
            f"kendall_tau.{path}",
            f"Kendall's τ-b of an appraiser with the standard, {path}",
            float(value),
            of(ordinal, f"kappas.0.kendall_standard.{path}"),
            source=f"scipy {scipy.__version__}, kendalltau",
            relative=1e-9,
            origin="software",
        )


@cache
def _zones() -> msa.SignalDetection:
    size = np.repeat([0.446697, 0.460, 0.470832, 0.542704, 0.550, 0.566152], 2)
    rating = np.array(["no", "no", "no", "yes", "yes", "yes", "yes", "yes", "yes", "no", "no", "no"])
    frame = {"part": np.repeat(np.arange(6), 2), "size": size, "rating": rating}
    return msa.signal_detection(
        frame, part="part", rating="rating", accept="yes", reference="size", lsl=0.45, usl=0.55
    )


def _signal() -> Iterator[Check]:
    for path, value, digits in (("d_lower", 0.024135, 6), ("d_upper", 0.023448, 6), ("d", 0.0237915, 7)):
        yield line(
            f"signal_detection.{path}",
            f"Signal detection, {path}",
            value,
            of(_zones, path),
            source=f"{ATTRIBUTES}, signal detection",
            digits=digits,
        )
