"""The pictures of the smaller studies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assay.model.text import Text
from assay.stats import constants
from assay.stats.arrays import Floats
from assay.stats.msa.errors import CATALOGUE
from assay.stats.plot import Axis, Band, Bars, Layer, Level, Line, Panel, Plot, Points, Upright

if TYPE_CHECKING:
    from assay.stats.msa.agreement import Agreement, AttributeAgreement
    from assay.stats.msa.bias import Bias
    from assay.stats.msa.linearity import Linearity
    from assay.stats.msa.retest import TestRetest
    from assay.stats.msa.signal import SignalDetection
    from assay.stats.msa.study import Study
    from assay.stats.msa.type1 import Type1
    from assay.stats.msa.vda5 import Uncertainty

text = CATALOGUE.text


def _run(values: Floats, levels: tuple[Level, ...], title: Text) -> Panel:
    """Values in their order, numbered from 1, with levels."""
    place = np.arange(1, values.size + 1, dtype=np.float64)
    points = Points(text("plot.measurements"), place, values, "data", joined=True)
    return Panel(title, Axis(text("plot.order")), Axis(text("plot.value")), (points, *levels))


def type1_picture(found: Type1, values: Floats) -> Plot:
    """Run chart with the reference and the limits reference ± percent/2 of the tolerance."""
    levels = (
        Level(text("plot.reference"), found.reference, "reference", f"{found.reference:.6g}"),
        Level(text("plot.upper-share", percent=f"{found.percent / 2:g}"), found.upper_limit, "limit"),
        Level(text("plot.lower-share", percent=f"{found.percent / 2:g}"), found.lower_limit, "limit"),
        Level(text("plot.mean"), found.mean, "centre", f"{found.mean:.6g}"),
    )
    note = text(
        "plot.type1-note", cg=f"{found.cg:.2f}", cgk=f"{found.cgk:.2f}", n=found.n, p=f"{found.p:.3f}"
    )
    return Plot(text("title.type1"), (_run(values, levels, text("plot.run-chart")),), note=note)


def bias_picture(found: Bias, values: Floats) -> Plot:
    """Run chart with the reference and the interval of the mean."""
    low, high = found.bias_interval
    levels = (
        Level(text("plot.reference"), found.reference, "reference", f"{found.reference:.6g}"),
        Level(text("plot.mean"), found.mean, "centre", f"{found.mean:.6g}"),
        Level(text("plot.interval-of-mean"), found.reference + low, "warning"),
        Level(text("plot.interval-of-mean"), found.reference + high, "warning"),
    )
    note = text("plot.bias-note", bias=f"{found.bias:.4g}", low=f"{low:.4g}", high=f"{high:.4g}")
    return Plot(text("title.bias"), (_run(values, levels, text("plot.run-chart")),), note=note)


def linearity_picture(found: Linearity, reference: Floats, biases: Floats) -> Plot:
    """Biases over reference values with line and band."""
    grid = np.linspace(float(reference.min()), float(reference.max()), 101)
    low, high = found.band(grid)
    layers: tuple[Layer, ...] = (
        Band(text("plot.band"), grid, low, high, "fit"),
        Line(text("plot.line"), grid, found.intercept.estimate + found.slope.estimate * grid, "fit"),
        Points(text("plot.single-bias"), reference, biases, "muted"),
        Points(
            text("plot.mean-bias"),
            np.array([part.reference for part in found.parts]),
            np.array([part.bias for part in found.parts]),
            "data",
            labels=tuple(part.part for part in found.parts),
        ),
        Level(text("plot.no-bias"), 0.0, "reference", "0"),
    )
    note = text(
        "plot.linearity-note",
        intercept=f"{found.intercept.estimate:.5g}",
        slope=f"{found.slope.estimate:+.5g}",
        s=f"{found.s:.4g}",
        r_squared=f"{100 * found.r_squared:.1f}",
    )
    panel = Panel(text("title.linearity"), Axis(text("plot.reference")), Axis(text("plot.bias")), layers)
    return Plot(text("title.linearity"), (panel,), note=note)


def retest_picture(found: TestRetest, study: Study) -> Plot:
    """Trials by part, first against second, ranges by part."""
    values = study.values[:, 0, :]
    place = np.arange(values.shape[0], dtype=np.float64)
    trials = Panel(
        text("plot.by-part"),
        Axis(text("plot.part"), categories=study.parts),
        Axis(text("plot.value")),
        tuple(
            Points(text("plot.trial", number=turn + 1), place, column, "data" if turn == 0 else "other")
            for turn, column in enumerate(values.T)
        ),
    )
    ends = np.array([values[:, :2].min(), values[:, :2].max()])
    pairs = Panel(
        text("plot.first-second"),
        Axis(text("plot.trial", number=1)),
        Axis(text("plot.trial", number=2)),
        (
            Line(text("plot.equal"), ends, ends, "reference", dashed=True),
            Points(text("plot.part"), values[:, 0], values[:, 1], "data", labels=study.parts),
        ),
    )
    upper = constants.of(found.trials).D4 * found.mean_range
    ranges = Panel(
        text("plot.range-chart"),
        Axis(text("plot.part"), categories=study.parts),
        Axis(text("plot.range")),
        (
            Points(text("plot.range"), place, np.ptp(values, axis=1), "data", joined=True),
            Level(text("plot.ucl"), upper, "limit", f"{upper:.4g}"),
            Level(text("plot.centre"), found.mean_range, "centre", f"{found.mean_range:.4g}"),
        ),
    )
    note = text("plot.retest-note", grr=f"{found.grr:.4g}", divisor=f"{found.d2_star:.5f}")
    return Plot(text("title.retest"), (trials, pairs, ranges), columns=3, note=note)


def agreement_picture(found: AttributeAgreement) -> Plot:
    """Percent agreement with its interval, appraiser by appraiser."""
    panels = [
        _agreement(text(title), rows)
        for title, rows in (("plot.within", found.within), ("plot.versus-standard", found.each_vs_standard))
        if rows
    ]
    together = [
        (text("plot.between"), found.between),
        (text("plot.all-versus-standard"), found.all_vs_standard),
    ]
    rows = [(name, row) for name, row in together if row is not None]
    if rows:
        panels.append(
            _agreement(text("plot.together"), tuple(row for _, row in rows), tuple(name for name, _ in rows))
        )
    return Plot(text("title.agreement"), tuple(panels), columns=len(panels), note=text("plot.agreement-note"))


def _agreement(title: Text, rows: tuple[Agreement, ...], names: tuple[Text, ...] | None = None) -> Panel:
    layers: list[Layer] = []
    for place, row in enumerate(rows):
        here = np.array([place, place], dtype=np.float64)
        layers.append(Line(text("plot.interval"), here, np.array(row.percent_interval), "limit"))
    layers.append(
        Points(
            text("plot.percent-agreement"),
            np.arange(len(rows), dtype=np.float64),
            np.array([row.percent for row in rows]),
            "data",
        )
    )
    labels: tuple[str | Text, ...] = names or tuple(row.appraiser or "" for row in rows)
    return Panel(
        title,
        Axis(text("plot.appraiser"), categories=labels),
        Axis(text("plot.percent-agreement"), unit="%", low=0.0, high=100.0),
        tuple(layers),
    )


def signal_picture(found: SignalDetection, size: Floats, share: Floats) -> Plot:
    """Share of acceptance over size."""
    layers: list[Layer] = [Points(text("plot.accepted"), size, 100 * share, "data")]
    for limit, name in ((found.lsl, "plot.lsl"), (found.usl, "plot.usl")):
        if limit is not None:
            layers.append(Upright(text(name), limit, "specification", f"{limit:.6g}"))
    panel = Panel(
        text("title.signal"),
        Axis(text("plot.reference")),
        Axis(text("plot.accepted"), unit="%", low=0.0, high=100.0),
        tuple(layers),
    )
    note = text("plot.signal-note", d=f"{found.d:.5g}", percent=f"{found.percent_tolerance:.1f}")
    return Plot(text("title.signal"), (panel,), note=note)


def uncertainty_picture(found: Uncertainty) -> Plot:
    """The budget, and the capability ratios with their limits."""
    lines = found.contributions
    place = np.arange(len(lines), dtype=np.float64)
    budget = Panel(
        text("plot.budget"),
        Axis(text("plot.contribution"), categories=tuple(f"u_{line.symbol}" for line in lines)),
        Axis(text("plot.standard-uncertainty"), low=0.0),
        (
            Bars(
                text("plot.counted"),
                place,
                np.array([line.uncertainty if line.process or line.system else 0.0 for line in lines]),
                0.8,
            ),
            Bars(
                text("plot.not-counted"),
                place,
                np.array([0.0 if line.process or line.system else line.uncertainty for line in lines]),
                0.8,
                "muted",
            ),
        ),
    )
    ratios = Panel(
        text("plot.capability"),
        Axis(text("plot.ratio"), categories=("Q_MS", "Q_MP")),
        Axis(text("plot.percent-tolerance"), unit="%", low=0.0),
        (
            Bars(text("plot.ratio"), np.array([0.0, 1.0]), np.array([found.q_ms, found.q_mp]), 0.8),
            Line(text("plot.limit"), np.array([-0.5, 0.5]), np.full(2, found.q_ms_limit), "limit"),
            Line(text("plot.limit"), np.array([0.5, 1.5]), np.full(2, found.q_mp_limit), "limit"),
        ),
    )
    note = text(
        "plot.uncertainty-note",
        k=f"{found.coverage_factor:g}",
        ms=f"{found.expanded_ms:.4g}",
        mp=f"{found.expanded_mp:.4g}",
    )
    return Plot(text("title.uncertainty"), (budget, ratios), columns=2, note=note)
