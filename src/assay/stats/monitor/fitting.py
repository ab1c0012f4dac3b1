"""A core and its training rows become a model with limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from assay.stats.arrays import Floats
from assay.stats.monitor.alarm import FalseAlarms, Limits, Smoothing
from assay.stats.monitor.calibrate import calibrated, fixed, out_of_sample, smoothing_of
from assay.stats.monitor.core import Core
from assay.stats.monitor.model import Monitor
from assay.stats.monitor.training import Training
from assay.stats.monitor.windows import Moments, moments

LEAST_ROWS = 50
"""Training rows below which no block can be left out."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Plan:
    """What is fitted and how its limits are made."""

    kind: str
    build: Callable[[Moments], Core]
    """The core from the moments of ``window`` stacked rows."""
    window: int
    watched: tuple[str, ...]
    alpha: float
    confidence: float
    blocks: int
    smoothing: float
    memory: float
    tops: Floats | None
    """Textbook limits of the watched statistics; None for calibrated ones."""


def fitted(training: Training, plan: Plan) -> Monitor:
    """The model of the training rows."""
    rows = training.rows
    core = plan.build(moments(rows, plan.window, 0, len(rows) - plan.window + 1))
    smoothing, limits, false_alarms = _limited(rows, core.offset, plan)
    return Monitor(
        kind=plan.kind,
        names=training.names,
        rows=len(rows),
        lags=core.offset,
        components=core.loadings.shape[1],
        center=training.center,
        scale=training.scale,
        loadings=core.loadings,
        variances=core.variances,
        watched=plan.watched,
        limits=dict(zip(plan.watched, map(float, limits.roots**3), strict=True)),
        false_alarms=false_alarms,
        smoothing=smoothing.weight,
        memory=plan.memory,
        method="calibrated" if plan.tops is None else "textbook",
        _core=core,
        _smoothing=smoothing,
        _limits=limits,
    )


def _limited(rows: Floats, offset: int, plan: Plan) -> tuple[Smoothing, Limits, FalseAlarms]:
    if plan.tops is None:
        raw = out_of_sample(rows, plan.window, offset, plan.blocks, plan.build)
        smoothing = smoothing_of(raw, plan.watched, plan.smoothing, plan.memory)
        return smoothing, *calibrated(smoothing.watched(raw), plan.alpha, plan.confidence, plan.blocks)
    smoothing = Smoothing(plan.watched, 1.0, plan.memory, (0.0,) * len(plan.watched))
    if len(rows) < LEAST_ROWS + plan.window:
        return smoothing, *fixed(None, plan.tops, plan.alpha)
    raw = out_of_sample(rows, plan.window, offset, plan.blocks, plan.build)
    return smoothing, *fixed(smoothing.watched(raw), plan.tops, plan.alpha)
