"""A small plant with two measured characteristics and a specification for one of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tests.measured_plant import measured_plant

COUNT = 200
_MAPPING = """
source: turning
columns:
  shaft: {role: subject, is: unit}
  lot: {role: factor}
  at: {role: time}
  diameter: {role: outcome, type: number}
  length: {role: outcome, type: number}
records:
  - {kind: measurement, subject: $shaft, subject_kind: unit, characteristic: diameter, value: $diameter,
     time: $at, segment: turning, unit: mm, attributes: [lot]}
  - {kind: measurement, subject: $shaft, subject_kind: unit, characteristic: length, value: $length,
     time: $at, segment: turning, unit: mm, attributes: [lot]}
"""


def shafts() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Diameter and length; from shaft 150 on they are 0.05 mm thicker, and shaft 190 is too long."""
    draw = np.random.default_rng(7)
    diameter = np.round(draw.normal(10.0, 0.02, COUNT), 4)
    diameter[150:] += 0.05
    length = np.round(50 + 2.0 * (diameter - 10) + draw.normal(0, 0.005, COUNT), 4)
    length[190] += 0.4
    return np.round(diameter, 4), np.round(length, 4)


def turning_plant(directory: Path) -> Path:
    """200 shafts in lots of five."""
    diameter, length = shafts()
    lines = ["shaft,lot,at,diameter,length"]
    for at in range(COUNT):
        time = datetime(2026, 3, 2, 6) + timedelta(minutes=3 * at)  # noqa: DTZ001 - a wall clock of the plant
        lines.append(f"S{at:03},L{at // 5:02},{time},{diameter[at]:.4f},{length[at]:.4f}")
    table = "\n".join([*lines, ""])
    return measured_plant(directory, table, _MAPPING, "D-1,diameter,9.9,10.1,", name="Turning")
