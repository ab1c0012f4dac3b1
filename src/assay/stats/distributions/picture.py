"""Pictures of fits, tests and transformations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from assay.model.text import Text
from assay.stats.distributions.errors import CATALOGUE
from assay.stats.distributions.panels import density, family_name, histogram, probability_panel, said
from assay.stats.plot import Axis, Band, Flag, Flags, Layer, Level, Line, Panel, Plot, Points

if TYPE_CHECKING:
    from assay.stats.distributions.censored import CensoredFit, KaplanMeier
    from assay.stats.distributions.fit import Fit, Identification
    from assay.stats.distributions.normality import NormalityTest
    from assay.stats.distributions.outliers import OutlierTest
    from assay.stats.distributions.transform import Transformation


def fit_plot(found: Fit) -> Plot:
    """Histogram with density, beside the probability plot."""
    x = found.values
    bars, width = histogram(x)
    name = family_name(found.distribution)
    line = density(name, found.frozen, float(x.min() - width), float(x.max() + width))
    panels = (
        Panel(said("histogram"), Axis(said("value")), Axis(said("density"), low=0.0), (bars, line)),
        probability_panel(x, found.distribution, found.frozen, said("probability")),
    )
    numbers = ", ".join(f"{key} = {value:.6g}" for key, value in found.parameters.items())
    return Plot(
        _title(name),
        panels,
        columns=2,
        note=said("fit-note", parameters=numbers, n=found.n, ad=f"{found.anderson_darling.statistic:.4g}"),
    )


def _title(name: Text) -> Text:
    return Text(
        zh=CATALOGUE.say("plot.fit-title", "zh", distribution=name.zh),
        en=CATALOGUE.say("plot.fit-title", "en", distribution=name.en),
    )


def identification_plot(found: Identification) -> Plot:
    """Probability plots of the four best fits."""
    panels = tuple(
        probability_panel(fit.values, fit.distribution, fit.frozen, family_name(fit.distribution))
        for fit in found.fits[:4]
    )
    return Plot(said("identification-title"), panels, columns=2, note=said("identification-note", n=found.n))


def normality_plot(found: NormalityTest) -> Plot:
    """The normal probability plot with the result of the test."""
    frozen = stats.norm(found.mean, found.sd)
    panel = probability_panel(found.values, "normal", frozen, said("probability"))
    sign = {"above": ">", "below": "<"}.get(found.bound, "=")
    note = said(
        "normality-note",
        test=found.test,
        statistic=f"{found.statistic:.4g}",
        p=f"{sign} {found.p_value:.3g}",
        n=found.n,
    )
    return Plot(said("normality-title"), (panel,), note=note)


def outlier_plot(found: OutlierTest) -> Plot:
    """The values in their order with the outliers flagged."""
    at = np.arange(1, found.values.size + 1, dtype=np.float64)
    layers: list[Layer] = [Points(said("values"), at, found.values)]
    fences = [fence for fence in (found.low, found.high) if fence is not None]
    layers.extend(Level(said("fence"), fence, "limit", f"{fence:.6g}") for fence in fences)
    flags = tuple(Flag(float(at[i]), float(found.values[i]), (found.test,)) for i in found.outliers)
    layers.append(Flags(said("outlier"), flags))
    panel = Panel(said("in-order"), Axis(said("order")), Axis(said("value")), tuple(layers))
    return Plot(said("outlier-title", test=found.test), (panel,), note=said("outlier-note", count=len(flags)))


def transformation_plot(found: Transformation) -> Plot:
    """Normal probability plots before and after."""
    panels = []
    for x, title in ((found.values, said("before")), (found.transformed, said("after"))):
        frozen = stats.norm(x.mean(), x.std(ddof=1))
        panels.append(probability_panel(x, "normal", frozen, title))
    numbers = ", ".join(f"{key} = {value:.6g}" for key, value in found.parameters.items())
    note = said("transformation-note", kind=found.kind, parameters=numbers, p=f"{found.p_value:.3g}")
    return Plot(said("transformation-title"), tuple(panels), columns=2, note=note)


def censored_plot(found: CensoredFit) -> Plot:
    """The fitted cumulative distribution between the ends of the data; observed values as steps."""
    low, high = found.bounds
    ends = np.concatenate([low[np.isfinite(low)], high[np.isfinite(high)]])
    x = np.linspace(float(ends.min()), float(ends.max()), 201)
    name = family_name(found.distribution)
    layers: list[Layer] = [Line(name, x, np.asarray(found.frozen.cdf(x)))]
    if found.left == 0 and found.interval == 0:
        from assay.stats.distributions.censored import kaplan_meier

        curve = kaplan_meier(low, low == high)
        layers.append(Points(said("kaplan-meier"), curve.times, 1 - curve.survival))
    panel = Panel(
        said("cumulative"),
        Axis(said("value")),
        Axis(said("probability-axis"), low=0.0, high=1.0),
        tuple(layers),
    )
    note = said(
        "censored-note", observed=found.observed, left=found.left, right=found.right, interval=found.interval
    )
    return Plot(_title(name), (panel,), note=note)


def survival_plot(found: KaplanMeier) -> Plot:
    """The survival steps with their confidence band."""
    kept = np.isfinite(found.lower)
    x, y = np.repeat(found.times, 2)[1:], np.repeat(found.survival, 2)[:-1]
    layers: list[Layer] = [
        Band(said("band"), found.times[kept], found.lower[kept], found.upper[kept]),
        Line(said("kaplan-meier"), x, y),
    ]
    panel = Panel(
        said("survival"),
        Axis(said("value")),
        Axis(said("probability-axis"), low=0.0, high=1.0),
        tuple(layers),
    )
    return Plot(
        said("survival"), (panel,), note=said("survival-note", confidence=f"{100 * found.confidence:g}")
    )
