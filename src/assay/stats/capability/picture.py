"""Pictures of capability studies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from assay.model.text import Text
from assay.stats.arrays import Floats
from assay.stats.capability.errors import CATALOGUE
from assay.stats.capability.indices import Interval
from assay.stats.distributions.panels import density, family_name, histogram
from assay.stats.plot import Axis, Layer, Level, Line, Panel, Plot, Points, Upright

if TYPE_CHECKING:
    from assay.stats.capability.frozen import FrozenCapability
    from assay.stats.capability.machine import MachineCapability
    from assay.stats.capability.nonnormal import QuantilePerformance
    from assay.stats.capability.process import NormalCapability


def said(key: str, **values: object) -> Text:
    """A text of the plots in both languages."""
    return CATALOGUE.text(f"plot.{key}", **values)


def shown(value: float | None, digits: int = 4) -> str:
    """A number as the plots print it; a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}g}"


def limit_lines(lsl: float | None, usl: float | None, target: float | None) -> list[Layer]:
    """Upright lines at the limits and the target."""
    lines: list[Layer] = []
    for name, x in (("lsl", lsl), ("usl", usl)):
        if x is not None:
            lines.append(Upright(said(name), x, "specification", f"{name.upper()} {x:g}"))
    if target is not None:
        lines.append(Upright(said("target"), target, "target", f"T {target:g}"))
    return lines


def reach(x: Floats, *limits: float | None) -> tuple[float, float]:
    """From where to where a histogram with its limits is drawn."""
    ends = [float(x.min()), float(x.max()), *(limit for limit in limits if limit is not None)]
    margin = 0.05 * (max(ends) - min(ends))
    return min(ends) - margin, max(ends) + margin


def capability_panel(found: NormalCapability) -> Panel:
    """Histogram with limits and the densities within and overall."""
    x = found.values
    low, high = reach(x, found.lsl, found.usl)
    bars, _ = histogram(x)
    layers: list[Layer] = [
        bars,
        density(said("within"), stats.norm(found.mean, found.sigma_within), low, high),
        density(said("overall"), stats.norm(found.mean, found.sigma_overall), low, high, dashed=True),
        *limit_lines(found.lsl, found.usl, found.target),
    ]
    return Panel(
        said("histogram"),
        Axis(said("value"), low=low, high=high),
        Axis(said("density"), low=0.0),
        tuple(layers),
    )


def capability_plot(found: NormalCapability) -> Plot:
    """The histogram with limits and both densities."""
    ends = found.intervals.get("cpk")
    note = said(
        "capability-note",
        cp=shown(found.cp),
        cpk=shown(found.cpk),
        pp=shown(found.pp),
        ppk=shown(found.ppk),
        interval="–" if ends is None else f"{ends.lower:.4g} … {ends.upper:.4g}",
        confidence=f"{100 * found.confidence:g}",
        estimator=found.estimator,
        n=found.n,
        k=f"{found.tolerance:g}",
    )
    return Plot(said("capability-title"), (capability_panel(found),), note=note)


def frozen_plot(found: FrozenCapability) -> Plot:
    """The density between the limits."""
    ends = np.array([found.mean - 4 * found.sigma, found.mean + 4 * found.sigma])
    low, high = reach(ends, found.lsl, found.usl)
    layers: list[Layer] = [
        density(said("within"), stats.norm(found.mean, found.sigma), low, high),
        *limit_lines(found.lsl, found.usl, found.target),
    ]
    panel = Panel(said("density"), Axis(said("value")), Axis(said("density"), low=0.0), tuple(layers))
    note = said("frozen-note", cp=shown(found.cp), cpk=shown(found.cpk), k=f"{found.tolerance:g}")
    return Plot(said("frozen-title"), (panel,), note=note)


def quantile_plot(found: QuantilePerformance) -> Plot:
    """Histogram with limits, density and the quantiles of the reference interval."""
    return Plot(said("quantile-title"), (quantile_panel(found),), note=quantile_note(found))


def quantile_panel(found: Any) -> Panel:
    """The histogram of a study by quantiles."""
    x = found.values
    low, high = reach(x, found.lsl, found.usl)
    bars, _ = histogram(x)
    layers: list[Layer] = [bars]
    if found.fit is not None:
        layers.append(density(family_name(found.distribution), found.fit.frozen, low, high))
    for name, at in (("x00135", found.x00135), ("x50", found.x50), ("x99865", found.x99865)):
        layers.append(Upright(said(name), at, "reference", f"{at:.4g}"))
    layers += limit_lines(found.lsl, found.usl, found.target)
    return Panel(said("histogram"), Axis(said("value")), Axis(said("density"), low=0.0), tuple(layers))


def quantile_note(found: Any) -> Text:
    """Indices, method and distribution of a study by quantiles."""
    return said(
        "quantile-note",
        pp=shown(found.pp),
        ppk=shown(found.ppk),
        by=found.by,
        distribution=found.distribution,
        n=found.n,
    )


def counts_plot(rate: float, ends: Interval, cumulative: Floats, rates: Floats, confidence: float) -> Plot:
    """The cumulative rate, which should settle, beside the rates of the samples."""
    at = np.arange(1, rates.size + 1, dtype=np.float64)
    settled: tuple[Layer, ...] = (
        Line(said("cumulative"), at, cumulative),
        Level(said("mean"), rate, "centre", f"{rate:.4g}"),
        Level(said("interval"), ends.lower, "limit", f"{ends.lower:.4g}"),
        Level(said("interval"), ends.upper, "limit", f"{ends.upper:.4g}"),
    )
    each: tuple[Layer, ...] = (
        Points(said("samples"), at, rates, joined=True),
        Level(said("mean"), rate, "centre", f"{rate:.4g}"),
    )
    order, y = Axis(said("sample")), Axis(said("rate"), low=0.0)
    panels = (Panel(said("cumulative"), order, y, settled), Panel(said("samples"), order, y, each))
    note = said("counts-note", rate=f"{rate:.4g}", confidence=f"{100 * confidence:g}")
    return Plot(said("counts-title"), panels, columns=2, note=note)


def machine_plot(found: MachineCapability) -> Plot:
    """The values in the order they were made, and their histogram with the limits."""
    x = found.values
    low, high = reach(x, found.lsl, found.usl)
    bars, _ = histogram(x)
    run: list[Layer] = [
        Points(said("values"), np.arange(1.0, x.size + 1), x, joined=True),
        Level(said("mean"), found.mean, "centre", f"{found.mean:.5g}"),
    ]
    for name, limit in (("lsl", found.lsl), ("usl", found.usl)):
        if limit is not None:
            run.append(Level(said(name), limit, "specification", f"{limit:g}"))
    shape: tuple[Layer, ...] = (
        bars,
        density(family_name(found.distribution), found.fit.frozen, low, high),
        *limit_lines(found.lsl, found.usl, found.target),
    )
    panels = (
        Panel(said("run"), Axis(said("sample")), Axis(said("value")), tuple(run)),
        Panel(said("histogram"), Axis(said("value")), Axis(said("density"), low=0.0), shape),
    )
    note = said("machine-note", cm=shown(found.cm), cmk=shown(found.cmk), k=f"{found.tolerance:g}", n=found.n)
    return Plot(said("machine-title"), panels, columns=2, note=note)
