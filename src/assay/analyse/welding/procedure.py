"""What a welding procedure (WPS) asks of a pass, and how the pass kept to it.

A procedure is a recipe of the segment ``weld``; each of its versions is one revision. Its parameters are the
ends of windows and, as words with commas between, lists: :data:`WINDOWS` and :data:`LISTS` name them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

WINDOWS: tuple[tuple[str, str | None, str | None, str], ...] = (
    ("thickness_mm", "thickness_min_mm", "thickness_max_mm", "mm"),
    ("current_a", "current_min_a", "current_max_a", "A"),
    ("voltage_v", "voltage_min_v", "voltage_max_v", "V"),
    ("travel_speed_mm_min", "travel_speed_min_mm_min", "travel_speed_max_mm_min", "mm/min"),
    ("heat_input_kj_mm", "heat_input_min_kj_mm", "heat_input_max_kj_mm", "kJ/mm"),
    ("preheat_c", "preheat_min_c", None, "Cel"),
    ("interpass_c", None, "interpass_max_c", "Cel"),
    ("exposure_h", None, "exposure_max_h", "h"),
    ("air_temperature_c", "air_temperature_min_c", None, "Cel"),
    ("humidity_pct", None, "humidity_max_pct", "%"),
    ("wind_m_s", None, "wind_max_m_s", "m/s"),
)
"""A value of a pass, the parameters that bound it, its unit."""

LISTS = (
    ("process", "processes"),
    ("joint_type", "joint_types"),
    ("position", "positions"),
    ("material_group", "material_groups"),
    ("filler_group", "filler_groups"),
)
"""A value of a pass, and the parameter that lists what it may be."""


class Kept(BaseModel):
    """One thing that the procedure asks, what the pass had, and whether it kept to it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    value: float | str | None = None
    low: float | None = None
    high: float | None = None
    allowed: list[str] = Field(default_factory=list, description="What it may be, where that is a list.")
    unit: str | None = None
    kept: bool | None = Field(default=None, description="None: not recorded, or the procedure has no limit.")


def approved(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a revision as values of an approval: lists as lists."""
    lists = {name for _, name in LISTS}
    return {
        name: [word.strip() for word in str(value).split(",")] if name in lists else value
        for name, value in parameters.items()
    }


def kept_to(values: Mapping[str, Any], parameters: Mapping[str, Any]) -> list[Kept]:
    """How a pass kept to its procedure, in the order of :data:`LISTS` and :data:`WINDOWS`."""
    asked = approved(parameters)
    found = []
    for name, listed in LISTS:
        value, allowed = values.get(name), asked.get(listed, [])
        good = None if value is None or not allowed else str(value) in allowed
        found.append(Kept(name=name, value=value, allowed=allowed, kept=good))
    for name, least, most, unit in WINDOWS:
        value = values.get(name)
        low = _number(asked.get(least)) if least else None
        high = _number(asked.get(most)) if most else None
        good = None
        if value is not None and (low is not None or high is not None):
            good = (low is None or value >= low) and (high is None or value <= high)
        found.append(Kept(name=name, value=value, low=low, high=high, unit=unit, kept=good))
    return found


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
