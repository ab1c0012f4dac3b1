"""Walking the genealogy for a question: on the graph in memory, built once per state of the plant."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.genealogy import EXECUTION, Closure, Direction, Index, closure
from assay.genealogy.packing import followed
from assay.genealogy.stays import stays
from assay.query.domain.vocabulary import vocabulary
from assay.query.genealogy import index_of
from assay.query.program import Session, Trail
from assay.store.workspace import Workspace

_MOST_WALKS = 200
"""From how many anchors on one walk for all of them together is quicker than one for each."""

_EMPTY = pa.schema(
    [("anchor", pa.string()), ("kind", pa.string()), ("id", pa.string()), ("depth", pa.int64())]
).empty_table()


def follow_trail(workspace: Workspace, session: Session, step: Trail) -> pa.Table:
    """Every subject reached from those of ``step.origin``, with the fewest movements to it.

    Containers are followed with what was inside then, as traces follow them: each anchor by itself, on the
    graph in memory, however many there are.

    Returns
    -------
    Columns ``anchor``, ``kind``, ``id`` (of an execution: its key as questions know it) and ``depth``.
    """
    origins = session.arrow(f"SELECT DISTINCT anchor, kind, id FROM {step.origin}")
    by_anchor = origins.group_by("anchor", use_threads=False).aggregate([("kind", "list"), ("id", "list")])
    shared = vocabulary(workspace, session).shared_runs
    if by_anchor.num_rows > _MOST_WALKS and not _packs(workspace, session):
        from assay.query.walk import walk

        return walk(session, step, shared=shared)
    index = index_of(workspace, session.snapshot)
    direction = Direction.BACK if step.direction == "ancestors" else Direction.FORWARD
    # Movements of a subject to the next one are two edges: into an execution and out of it.
    edges = None if step.depth is None else 2 * step.depth
    found = [_EMPTY]
    with index.lock:
        for row in by_anchor.to_pylist():
            begun = _begun(index, row["kind_list"], row["id_list"], shared)
            if not len(begun):
                continue
            through = followed(index, begun, direction, None)
            reached = closure(index.graph, begun, direction, max_depth=edges, through=through)
            found.append(_table(index, reached, begun, row["anchor"], kind=step.kind, shared=shared))
    return pa.concat_tables(found)


def _packs(workspace: Workspace, session: Session) -> bool:
    """Whether anything was packed into a container, or taken out of one."""
    if not session.arrow("SELECT 1 AS one FROM movement WHERE carrier IS NOT NULL LIMIT 1").num_rows:
        return False
    index = index_of(workspace, session.snapshot)
    with index.lock:
        known = stays(index)
    return bool(len(known.packing) or len(known.opening))


def _begun(index: Index, kinds: list[str], ids: list[str], shared: bool) -> NDArray[np.int64]:
    nodes: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    for kind in sorted(set(kinds)):
        mine = [bare for one, bare in zip(kinds, ids, strict=True) if one == kind]
        if kind == EXECUTION and shared:
            nodes += [np.array(index.find(f"{EXECUTION}:{name}"), np.int64) for name in mine]
        else:
            nodes.append(index.locate(kind, pa.array(mine, pa.string())))
    return np.unique(np.concatenate(nodes))


def _table(
    index: Index, reached: Closure, begun: NDArray[np.int64], anchor: str, *, kind: str | None, shared: bool
) -> pa.Table:
    new = ~np.isin(reached.nodes, begun)
    keys = index.keys(reached.nodes[new])
    depths = (reached.depth[new].astype(np.int64) + 1) // 2
    kept = [at for at, key in enumerate(keys) if kind is None or key.kind == kind]
    ids = [
        _key(keys[at].segment, keys[at].id) if keys[at].kind == EXECUTION and shared else keys[at].id
        for at in kept
    ]
    return pa.table(
        [[anchor] * len(kept), [keys[at].kind for at in kept], ids, depths[kept]], schema=_EMPTY.schema
    )


def _key(segment: str | None, bare: str) -> str:
    return (segment or "").replace("%", "%25").replace("/", "%2F") + "/" + bare
