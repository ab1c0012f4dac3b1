"""Genealogy: what a unit or lot was made from, and what it went into.

Pure: codes or a table of ids in, frozen results out; no files, no plant. The graph has two sorts of
node, *subjects* (units and lots) and *executions* (one run of one step), and every actual of an
execution is one edge:

* ``consumed`` and ``used`` actuals lead from the subject into the execution;
* ``produced``, ``by-product``, ``sample`` and ``returned`` actuals lead from the execution to the subject.

So an edge always points from the earlier thing to the later one. A step that works on a part in place
records a single ``produced`` actual: its execution has no input edge, and nothing is invented for it.
See :data:`assay.genealogy.adjacency.INPUT_ROLES` for why a sample counts as an output.
"""

from assay.genealogy.adjacency import INPUT_ROLES, OUTPUT_ROLES, Adjacency, input_mask
from assay.genealogy.closure import Closure, Direction, belief, closure
from assay.genealogy.columns import CERTAIN, EdgeColumns
from assay.genealogy.index import EXECUTION, KINDS, Index, Key, Outdated, segment_and_id

__all__ = [
    "CERTAIN",
    "EXECUTION",
    "INPUT_ROLES",
    "KINDS",
    "OUTPUT_ROLES",
    "Adjacency",
    "Closure",
    "Direction",
    "EdgeColumns",
    "Index",
    "Key",
    "Outdated",
    "belief",
    "closure",
    "input_mask",
    "segment_and_id",
]
