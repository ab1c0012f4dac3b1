"""Which subjects of an analysis the gate refused records of: they count like all others."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.analyse.cause.frame import Frame
from assay.ledger.gate.verdict import REFUSED
from assay.store.workspace import Workspace


def refused_of(workspace: Workspace, frame: Frame) -> pa.Array | None:
    """For each subject the reasons, parted by commas, for which a record of it stands refused as evidence.

    A record is of a subject where it names it, its unit or its execution, or is of a step that made or worked
    on it. What was overridden or accepted since does not count.

    Returns
    -------
    Text, shape (N,), null where nothing is refused; None where that is so of every subject.
    """
    table = workspace.refused.table()
    if not len(table):
        return None
    table = table.filter(pc.equal(table["outcome"], REFUSED))
    found: dict[str, set[str]] = {}
    for name in ("subject", "execution"):
        for thing, reasons in zip(table[name].to_pylist(), table["reasons"].to_pylist(), strict=True):
            if thing is not None:
                found.setdefault(thing, set()).update(reasons.split(", "))
    _of_steps(frame, table.filter(table["execution"].is_valid()), found)
    ids = pa.array(found, pa.string())
    said = pa.array([", ".join(sorted(reasons)) for reasons in found.values()], pa.string())
    asked = (frame.measurements.column("subject").combine_chunks(), frame.units)
    own, unit = (said.take(pc.index_in(one.cast(pa.string()), ids)) for one in asked)
    codes = pc.coalesce(own, unit)
    return None if codes.null_count == len(codes) else codes


def _of_steps(frame: Frame, rows: pa.Table, found: dict[str, set[str]]) -> None:
    """Lay what was refused of steps to the things that these made or worked on."""
    if not len(rows) or not len(frame.movements.table):
        return
    names = [rows[name].combine_chunks() for name in ("execution", "segment")]
    steps = frame.movements.executions_named(*names)
    why: dict[int, set[str]] = {}
    for step, reasons in zip(steps.tolist(), rows["reasons"].to_pylist(), strict=True):
        why.setdefault(step, set()).update(reasons.split(", "))
    number = frame.movements.executions
    made = np.flatnonzero(frame.movements.made & np.isin(number, steps))
    things = frame.movements.table.column("subject").take(pa.array(made)).to_pylist()
    for thing, step in zip(things, number[made].tolist(), strict=True):
        found.setdefault(thing, set()).update(why[step])
