"""Checks of gauge R&R studies and of the intervals of their variances."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from scipy import stats

from assay.stats import msa
from assay.stats.msa.intervals import Interval, Square, share_interval, signal_interval, variance_interval
from assay.stats.verify.check import Check
from assay.stats.verify.msa_studies import AIAG, JASP, gauge, line, nested, of, one_way

MINITAB = "AIAG's gauge study as Minitab prints it (gageaiag)"
FORM = "AIAG's form: four-digit factors; R̄ and operator means rounded to 4 decimals, part means to 3"


def gauge_checks() -> Iterator[Check]:
    """Range method, analysis of variance, other designs, intervals."""
    yield from _range_method()
    yield from _analysis_of_variance()
    yield from _software()
    yield from _intervals()


def _range_method() -> Iterator[Check]:
    form = partial(gauge, method="range", constants="tabled", form_decimals=4)
    whole = partial(gauge, method="range", constants="tabled")
    for name, printed, digits, unrounded in (
        ("ev", 0.20188, 5, 0.2018566666666667),
        ("av", 0.22963, 5, 0.22966702910320375),
        ("grr", 0.30575, 5, 0.3057663456544386),
        ("pv", 1.10456, 5, 1.1045955555555556),
        ("tv", 1.1461, 4, 1.1461345468521382),
    ):
        statistic = f"Gauge R&R, average and range, {name.upper()}"
        yield line(
            f"gauge_rr.range.{name}",
            statistic,
            printed,
            of(form, name),
            source=AIAG,
            digits=digits,
            note=FORM,
        )
        yield line(
            f"gauge_rr.range.unrounded.{name}",
            f"{statistic}, nothing rounded on the way",
            unrounded,
            of(whole, name),
            source="the same data and four-digit factors, recomputed by hand",
            relative=1e-9,
            origin="recomputed",
            note="R̄ is .341667, not .3417",
        )
    for source, percent in (("repeatability", 17.62), ("operator", 20.04), ("grr", 26.68), ("part", 96.38)):
        yield line(
            f"gauge_rr.range.percent.{source}",
            f"Gauge R&R, average and range, % of total variation, {source}",
            percent,
            of(form, f"components.{source}.percent_study_variation"),
            source=AIAG,
            digits=2,
            relative=5e-4,
            note=".20188/1.1461 is 17.615 %, printed as 17.62" if source == "repeatability" else FORM,
        )
    yield line(
        "gauge_rr.range.ndc",
        "Gauge R&R, average and range, number of distinct categories",
        5,
        of(form, "ndc"),
        source=AIAG,
        absolute=0,
    )
    for size, groups, value, digits in (
        (2, 1, 1.41421, 5),
        (3, 1, 1.91155, 4),
        (10, 1, 3.17905, 5),
        (5, 20, 2.334, 3),
    ):
        yield line(
            f"d2_star.{size}.{groups}",
            f"d2*, {groups} range(s) of {size}",
            value,
            partial(msa.d2_star, size, groups),
            source=f"{AIAG}, appendix C",
            digits=digits,
            note="1.91155 in print, 1.91154 exactly" if size == 3 else "",
        )


def _analysis_of_variance() -> Iterator[Check]:
    for path, statistic, value, digits in (
        ("anova.part.ms", "mean square of parts", 9.81799, 5),
        ("anova.operator.ms", "mean square of operators", 1.58363, 5),
        ("anova.part_by_operator.ms", "mean square of the interaction", 0.01994, 5),
        ("anova.repeatability.ms", "mean square of the repeatability", 0.04598, 5),
        ("anova.part.f", "F of parts", 492.291, 3),
        ("anova.operator.f", "F of operators", 79.406, 3),
        ("anova.part_by_operator.f", "F of the interaction", 0.434, 3),
        ("anova.part_by_operator.p", "p of the interaction", 0.974, 3),
        ("anova_reduced.part.f", "F of parts without interaction", 245.614, 3),
        ("anova_reduced.operator.f", "F of operators without interaction", 39.617, 3),
        ("anova_reduced.repeatability.ms", "mean square of the pooled repeatability", 0.03997, 5),
        ("components.grr.variance", "variance of GRR", 0.09143, 5),
        ("components.repeatability.variance", "variance of the repeatability", 0.03997, 5),
        ("components.reproducibility.variance", "variance of the reproducibility", 0.05146, 5),
        ("components.part.variance", "variance of parts", 1.08645, 5),
        ("grr", "standard deviation of GRR", 0.30237, 5),
        ("pv", "standard deviation of parts", 1.04233, 5),
        ("tv", "total standard deviation", 1.08530, 5),
        ("components.grr.percent_study_variation", "% study variation of GRR", 27.86, 2),
        (
            "components.repeatability.percent_study_variation",
            "% study variation of the repeatability",
            18.42,
            2,
        ),
        (
            "components.reproducibility.percent_study_variation",
            "% study variation, reproducibility",
            20.90,
            2,
        ),
        ("components.part.percent_study_variation", "% study variation of parts", 96.04, 2),
        ("percent_tolerance", "% tolerance of GRR, tolerance 8", 22.68, 2),
        ("ndc", "number of distinct categories", 4, 0),
    ):
        yield line(
            f"gauge_rr.{path}",
            f"Gauge R&R, ANOVA, {statistic}",
            value,
            of(partial(gauge, tolerance=8), path),
            source=MINITAB,
            digits=digits,
            note={
                "ndc": "4.86 truncated, not rounded",
                "anova_reduced.repeatability.ms": "the interaction's p of .974 is above pooling_alpha",
            }.get(path, ""),
        )


def _software() -> Iterator[Check]:
    crossed = partial(gauge, "jasp_crossed")
    historical = partial(gauge, "jasp_crossed", historical_sd=3)
    fixed = partial(gauge, "jasp_crossed", effects="fixed")
    for name, study, path, value in (
        ("crossed.grr", crossed, "components.grr.variance", 0.157929724596391),
        ("crossed.operator", crossed, "components.operator.variance", 0.0233855650522318),
        ("crossed.p", crossed, "anova.operator.p", 0.0152789978971193),
        ("crossed.fixed.f", fixed, "anova.operator.f", 6.54347826086958),
        ("crossed.historical", historical, "components.part.variance", 8.84207027540361),
        ("one_way.repeatability", one_way, "components.repeatability.variance", 0.152083333333333),
        ("one_way.part", one_way, "components.part.variance", 10.8541580932785),
        ("nested.f", nested, "anova.operator.f", 0.696059139499015),
        ("nested.p", nested, "anova.part_in_operator.p", 4.46224072581384e-09),
        ("nested.grr", nested, "grr", 0.284018778721877),
        ("nested.part", nested, "pv", 1.23554981013852),
        (
            "nested.percent_study_variation",
            nested,
            "components.grr.percent_study_variation",
            22.4029566447861,
        ),
        ("nested.percent_tolerance", nested, "percent_tolerance", 11.3607511488751),
    ):
        design, what = name.split(".", 1)
        yield line(
            f"gauge_rr_nested.{what}" if design == "nested" else f"gauge_rr.jasp.{name}",
            f"Gauge R&R, {design.replace('_', ' ')}, {path.replace('.', ' ').replace('_', ' ')}",
            value,
            of(study, path),
            source=JASP,
            relative=1e-3,
            origin="software",
            note="the historical standard deviation of 3 takes the total's place" if "hist" in name else "",
        )


def _intervals() -> Iterator[Check]:
    part, both = Square(1 / 9, 437.3284, 9), Square(-1 / 9, 2.695, 18)
    parts, noise = Square(1 / 3, 20.0, 9), Square(-1 / 3, 2.0, 20)
    for end, printed, q in (("low", 22.69, 0.975), ("high", 161.64, 0.025)):
        yield line(
            f"gauge_rr.interval.part.{end}",
            f"Gauge R&R, 95 % interval of the part variance, {end}",
            printed,
            of(partial(variance_interval, [part, both], 0.95), end),
            source="Burdick, Borror & Montgomery 2003, J. Quality Technology 35, 342-354",
            digits=2,
            note="modified large sample method, from Houf & Berman's mean squares 437.3284, 2.695",
        )
        yield line(
            f"gauge_rr.interval.repeatability.{end}",
            f"Gauge R&R, 95 % interval of the repeatability variance, {end}",
            float(78 * 0.039973276353276355 / stats.chi2.ppf(q, 78)),
            of(gauge, f"components.repeatability.variance_interval.{end}"),
            source="exact χ² interval of a mean square, from its quantile",
            relative=1e-9,
            origin="recomputed",
        )
        yield line(
            f"gauge_rr.interval.signal.{end}",
            f"Gauge R&R without operators, 95 % interval of part over gauge variance, {end}",
            float((10 / stats.f.ppf(q, 9, 20) - 1) / 3),
            of(
                partial(
                    signal_interval, parts, noise, Square(1, 2.0, 20), None, shape=(10, 1, 3), confidence=0.95
                ),
                end,
            ),
            source="exact F interval of the ratio, from its quantile",
            relative=1e-9,
            origin="recomputed",
        )
    theta, weight = 0.5 * 4.0 + 0.25 * 8.0, (0.5 * 4.0) ** 2 / 6 + (0.25 * 8.0) ** 2 / 12
    yield line(
        "gauge_rr.interval.satterthwaite",
        "Satterthwaite's interval of a sum of mean squares, high",
        float(theta**3 / weight / stats.chi2.ppf(0.025, theta**2 / weight)),
        of(
            partial(variance_interval, [Square(0.5, 4.0, 6), Square(0.25, 8.0, 12)], 0.95, "satterthwaite"),
            "high",
        ),
        source="df = θ²/Σ(c²MS²/df) and the χ² quantile, recomputed",
        relative=1e-9,
        origin="recomputed",
    )
    yield line(
        "gauge_rr.interval.share",
        "Share of a component, low: there the bound of (component − share·total) is zero",
        0.0,
        _bound_at_share,
        source="the modified large sample interval, evaluated at the inverted share",
        absolute=1e-9,
        origin="recomputed",
    )


def _bound_at_share() -> float:
    """The lower bound of component minus share of total, as minus the upper bound of its opposite."""
    low = share_interval(
        [Square(0.5, 30.0, 9), Square(-0.5, 2.0, 20)], [Square(0.5, 30.0, 9), Square(0.5, 2.0, 20)], 0.95
    ).low
    # Cut off at zero from below, both bounds of a value that is zero are zero only if the share is right.
    nudged = [_left_over(low - 1e-6), _left_over(low + 1e-6)]
    return 0.0 if nudged[0].low > 0.0 >= nudged[1].low else 1.0


def _left_over(share: float) -> Interval:
    return variance_interval([Square(0.5 * (1 - share), 30.0, 9), Square(-0.5 * (1 + share), 2.0, 20)], 0.95)
