"""Picture of a sixpack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from assay.stats.capability.picture import capability_panel, quantile_panel, said, shown
from assay.stats.distributions.panels import probability_panel
from assay.stats.plot import Axis, Layer, Level, Line, Panel, Plot, Points, Upright

if TYPE_CHECKING:
    from assay.stats.capability.sixpack import Sixpack


def sixpack_plot(found: Sixpack) -> Plot:
    """Charts of location and dispersion, last subgroups, histogram, probability plot, capability plot."""
    study, other = found.capability, found.nonnormal
    charts = found.chart.plot().panels
    if other is not None and other.fit is not None:
        fitted = probability_panel(study.values, other.distribution, other.fit.frozen, said("probability"))
    else:
        frozen = stats.norm(study.values.mean(), study.sigma_overall)
        fitted = probability_panel(study.values, "normal", frozen, said("probability"))
    panels = (
        charts[0],
        capability_panel(study) if other is None else quantile_panel(other),
        charts[1],
        fitted,
        _last(found),
        _spans(found),
    )
    test = study.normality
    note = said(
        "sixpack-note",
        cp=shown(study.cp),
        cpk=shown(study.cpk),
        pp=shown(study.pp if other is None else other.pp),
        ppk=shown(study.ppk if other is None else other.ppk),
        distribution="normal" if other is None else other.distribution,
        p="–" if test is None else f"{test.p_value:.3g}",
        n=study.n,
    )
    return Plot(said("sixpack-title"), panels, columns=2, note=note)


def _last(found: Sixpack) -> Panel:
    study = found.capability
    groups = study.groups
    if groups is None:
        y = study.values[-found.last :]
        x = np.arange(study.n - y.size + 1, study.n + 1, dtype=np.float64)
    else:
        kept = np.repeat(np.arange(groups.count), groups.sizes) >= groups.count - found.last
        x = np.repeat(np.arange(1.0, groups.count + 1), groups.sizes)[kept]
        y = groups.values[kept]
    layers: tuple[Layer, ...] = (
        Points(said("values"), x, y),
        Level(said("mean"), study.mean, "centre", f"{study.mean:.5g}"),
    )
    return Panel(said("last", count=found.last), Axis(said("sample")), Axis(said("value")), layers)


def _spans(found: Sixpack) -> Panel:
    """Reference intervals within and overall above the specification, as bars on one scale."""
    study, half = found.capability, found.capability.tolerance / 2
    rows = [
        (2.0, "within", study.mean - half * study.sigma_within, study.mean + half * study.sigma_within),
        (1.0, "overall", study.mean - half * study.sigma_overall, study.mean + half * study.sigma_overall),
    ]
    layers: list[Layer] = [
        Line(said(name), np.array([low, high]), np.array([place, place])) for place, name, low, high in rows
    ]
    ends = [limit for limit in (study.lsl, study.usl) if limit is not None]
    if len(ends) == 2:
        layers.append(Line(said("specification"), np.array(ends), np.array([0.0, 0.0]), role="specification"))
    elif ends:
        layers.append(Upright(said("specification"), ends[0], "specification", f"{ends[0]:g}"))
    kinds = (said("specification"), said("overall"), said("within"))
    return Panel(
        said("spans"),
        Axis(said("value")),
        Axis(said("interval-kind"), categories=kinds, low=-0.5, high=2.5),
        tuple(layers),
    )
