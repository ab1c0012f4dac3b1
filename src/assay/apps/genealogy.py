"""Where a thing came from and what became of it, as one graph."""

from __future__ import annotations

from typing import Literal

from assay.analyse.through import WalkArguments
from assay.analyse.trace import trace
from assay.apps.payloads import TracePayload
from assay.store.workspace import Workspace

Way = Literal["back", "forward", "both"]

MOST_NODES = 400
"""A graph of more nodes than this can't be read; the rest is cut off and ``truncated`` says so."""
_EVERY = WalkArguments()


def genealogy(
    workspace: Workspace,
    wanted: str,
    way: Way,
    walk: WalkArguments = _EVERY,
    *,
    max_nodes: int = MOST_NODES,
) -> TracePayload:
    """The genealogy around ``wanted``; ``both`` joins its past and its future.

    Raises
    ------
    TraceError
        The id is not known.
    """
    found = trace(
        workspace,
        wanted,
        way,
        through=walk.through(),
        max_depth=walk.max_depth,
        max_nodes=max_nodes,
        as_of=walk.as_of,
    )
    return TracePayload.model_validate(found.to_dict())
