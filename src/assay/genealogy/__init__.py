"""Genealogy: what a unit or lot was made from, and what it went into.

Pure: integer codes in, frozen results out; no records, files or names. The graph has two sorts of
node, *subjects* (units and lots) and *executions* (one run of one step), and every actual of an
execution is one edge:

* ``consumed`` and ``used`` actuals lead from the subject into the execution;
* ``produced``, ``by-product``, ``sample`` and ``returned`` actuals lead from the execution to the subject.

So an edge always points from the earlier thing to the later one. A step that works on a part in place
records a single ``produced`` actual: its execution has no input edge, and nothing is invented for it.
See :data:`assay.genealogy.adjacency.INPUT_ROLES` for why a sample counts as an output.
"""

from assay.genealogy.adjacency import INPUT_ROLES, OUTPUT_ROLES, Adjacency, input_mask
from assay.genealogy.closure import Closure, Direction, closure

__all__ = [
    "INPUT_ROLES",
    "OUTPUT_ROLES",
    "Adjacency",
    "Closure",
    "Direction",
    "closure",
    "input_mask",
]
