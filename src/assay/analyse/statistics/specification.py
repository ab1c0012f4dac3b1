"""The specification of a characteristic: what was asked for, else what the plant's master data says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from assay.analyse.statistics.series import Series
from assay.store.workspace import Workspace


@dataclass(frozen=True)
class Specification:
    """Limits and target in the characteristic's unit, and where they come from."""

    lsl: float | None
    usl: float | None
    target: float | None
    origin: Literal["given", "master data", "none"]
    id: str | None = None
    """The master data's id of the specification."""


def specification(
    workspace: Workspace,
    found: Series,
    *,
    lsl: float | None = None,
    usl: float | None = None,
    target: float | None = None,
) -> Specification:
    """Limits for the values of ``found``.

    What is given holds alone. Otherwise the specification in force now is taken from the master data, where
    there is exactly one for the segments of these results (one that names no segment is for all).
    """
    if any(limit is not None for limit in (lsl, usl, target)):
        return Specification(lsl, usl, target, "given")
    in_force = workspace.registry.entities("specification", datetime.now(UTC))
    fitting = [entity for entity in in_force if _fits(entity, found)]
    if len(fitting) != 1:
        return Specification(None, None, None, "none")
    entity = fitting[0]
    return Specification(
        entity.get("lower_specification_limit"),
        entity.get("upper_specification_limit"),
        entity.get("target"),
        "master data",
        entity.get("id"),
    )


def _fits(entity: dict[str, Any], found: Series) -> bool:
    names = found.frame.target.names
    if found.frame.target.is_condition or names != (entity.get("characteristic"),):
        return False
    segments = {name for name in found.frame.segments[1] if name}
    return entity.get("segment") is None or segments == {entity["segment"]}
