"""Dynamic plants with known faults: slow states seen by sensors that lag and scatter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from assay.stats.arrays import Floats

FAULTS = ("sensor", "state", "ramp", "variance")


@dataclass(frozen=True)
class Plant:
    """``sensors`` variables driven by ``states`` first-order states of autocorrelation up to ``memory``."""

    sensors: int
    states: int
    memory: float

    def rows(self, seed: int, count: int, *, fault: str = "", onset: int = 0) -> Floats:
        """``count`` rows ``(count, sensors)``, with a fault from row ``onset`` on."""
        build, run = np.random.default_rng(seed), np.random.default_rng(seed + 1000)
        mixing = build.standard_normal((self.states, self.sensors))
        slowness = build.uniform(0.0, 0.7, self.sensors)
        scatter = build.uniform(0.2, 1.0, self.sensors)
        unit = 10.0 ** build.uniform(-2.0, 2.0, self.sensors)
        level = build.uniform(-5.0, 50.0, self.sensors)
        memories = build.uniform(max(self.memory - 0.3, 0.0), self.memory, self.states)
        at, which = build.integers(self.sensors), build.integers(self.states)
        states = np.column_stack(
            [lfilter([(1 - m * m) ** 0.5], [1.0, -m], run.standard_normal(count + 200)) for m in memories]
        )[200:]
        size = float(np.hypot(np.linalg.norm(mixing[:, at]), scatter[at]))
        if fault == "state":
            states[onset:, which] += 4.0
        if fault == "variance":
            states[onset:, which] *= 4.0
        seen = states @ mixing
        outputs = np.column_stack(
            [lfilter([1.0 - slow], [1.0, -slow], seen[:, column]) for column, slow in enumerate(slowness)]
        )
        outputs += scatter * run.standard_normal(outputs.shape)
        if fault == "sensor":
            outputs[onset:, at] += 3.0 * size
        if fault == "ramp":
            outputs[onset:, at] += np.linspace(0.0, 6.0, count - onset) * size
        return outputs * unit + level
