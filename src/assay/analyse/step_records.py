"""What was recorded of the executions of a walk, read off the genealogy in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.genealogy import EXECUTION, Direction, Index, Key, closure
from assay.genealogy.adjacency import input_mask

STEP_COLUMNS = ("segment", "equipment", "person", "position", "recipe", "work_order", "started", "ended")


@dataclass(frozen=True)
class StepRecords:
    """What the movements of some executions say.

    Attributes
    ----------
    steps
        Of each execution the first value of each of :data:`STEP_COLUMNS` that a movement has.
    materials
        The material of things that were moved, where one was recorded.
    """

    steps: dict[Key, dict[str, Any]]
    materials: dict[Key, str]


def step_records(index: Index, nodes: NDArray[np.int32]) -> StepRecords:
    """What was recorded of the executions among ``nodes``; call it while ``index.lock`` is held.

    All movements of an execution are read, also those that a walk did not take; what a correction replaces is
    not there any more.
    """
    executions = nodes[index.is_kind(nodes, EXECUTION)]
    if not len(executions):
        return StepRecords({}, {})
    around = [closure(index.graph, executions, way, max_depth=1) for way in Direction]
    edges = np.unique(np.concatenate([one.edges for one in around]))
    edges = edges[np.argsort(index.columns.moments("started", edges), kind="stable")]
    tails, heads = index.graph.tails[edges], index.graph.heads[edges]
    rows = index.columns.take(edges).to_pylist()
    goes_in = input_mask([row["role"] for row in rows])
    of, thing = np.where(goes_in, heads, tails), np.where(goes_in, tails, heads)
    ends = np.unique(np.concatenate([of, thing]))
    keys = dict(zip(ends.tolist(), index.keys(ends), strict=True))
    steps: dict[Key, dict[str, Any]] = {}
    materials: dict[Key, str] = {}
    for row, execution, moved in zip(rows, of.tolist(), thing.tolist(), strict=True):
        step = steps.setdefault(keys[execution], {})
        for column in STEP_COLUMNS:
            if step.get(column) is None:
                step[column] = row[column]
        if row["material"] is not None:
            materials.setdefault(keys[moved], row["material"])
    return StepRecords(steps, materials)
