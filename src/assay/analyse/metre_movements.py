"""Cuts and joins of a segment, read off the movements that stand."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from assay.analyse.errors import MetreRefusal
from assay.genealogy.metre_map import MetreMap
from assay.genealogy.metre_recorded import Execution, Part, recorded
from assay.model.kinds import RecordKind, Role
from assay.model.lines import RecordedSteps
from assay.model.units import comparable, convert
from assay.query.standing import standing
from assay.store.workspace import Workspace

_METRE = "m"
_FACT = ("segment", "execution", "role", "subject_kind", "subject")
_MOVED = f"""
WITH moved AS (
  SELECT * FROM movement WHERE segment = $segment AND coalesce(confidence, 1.0) >= 1.0
), {standing("moved", _FACT)}, timed AS (
  SELECT *, coalesce(time, started, ended) AS moment,
    min(coalesce(time, started, ended)) OVER (PARTITION BY execution) AS began
  FROM standing WHERE $equipment IS NULL OR equipment = $equipment
)
SELECT execution, role, subject, quantity, unit{{columns}} FROM timed
WHERE ($begin IS NULL OR began >= $begin) AND ($end IS NULL OR began < $end)
ORDER BY began, execution, moment, epoch, seq
"""


def recorded_steps(workspace: Workspace, steps: RecordedSteps) -> MetreMap:
    """The items of a segment traced to the stage before it, as its movements say.

    A quantity in a unit of length is how long the item is; stretches are attributes in m, or in the unit
    that they are declared with. What was inferred is left out, what was corrected counts as corrected;
    tools, and by-products and samples that nobody measured, are of no stretch.

    Raises
    ------
    MetreRefusal
        Nothing is recorded of the segment.
    MetreError
        Stretches and lengths don't say what was cut of what; see :meth:`Execution.made`.
    """
    units = {one.name: one.unit or _METRE for one in workspace.registry.attributes(RecordKind.MOVEMENT)}
    named = {"start": steps.start_metre, "end": steps.end_metre, "left": steps.left}
    known = {field: name for field, name in named.items() if name in units}
    columns = "".join(f', "{name}" AS "{field}"' for field, name in known.items())
    rows = workspace.lake.query(
        _MOVED.format(columns=columns),
        {
            "segment": steps.segment,
            "equipment": steps.equipment,
            "begin": steps.begin,
            "end": steps.end,
        },
    ).to_pylist()
    if not rows:
        raise MetreRefusal.of("no-steps", segment=steps.segment)
    scales = {field: float(convert(1.0, units[name], _METRE)) for field, name in known.items()}
    executions = []
    for name, group in groupby(rows, lambda row: row["execution"]):
        parts = [(Role(row["role"]), _part(row, scales)) for row in group]
        consumed = tuple(part for role, part in parts if role is Role.CONSUMED)
        made = tuple(part for role, part in parts if role in _MADE or (role in _BESIDE and part.measured))
        if consumed and made:
            executions.append(Execution(name, consumed, made))
    return recorded(executions)


_MADE = frozenset({Role.PRODUCED, Role.RETURNED})
_BESIDE = frozenset({Role.BY_PRODUCT, Role.SAMPLE})


def _part(row: Mapping[str, Any], scales: Mapping[str, float]) -> Part:
    stretch = {field: row[field] * scale for field, scale in scales.items() if row[field] is not None}
    return Part(row["subject"], length=_length(row["quantity"], row["unit"]), **stretch)


def _length(quantity: float | None, unit: str | None) -> float | None:
    if quantity is None or unit is None or not comparable(unit, _METRE):
        return None
    return float(convert(quantity, unit, _METRE))
