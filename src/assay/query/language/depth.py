"""How deep a tree is, found without recursion."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from assay.query.language.tree import NOWHERE, Place


def deepest(root: Any) -> tuple[int, Place]:
    """The number of nodes from ``root`` down to its furthest leaf, and where that leaf is."""
    most, place = 0, NOWHERE
    waiting = [(root, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > most:
            most, place = depth, getattr(node, "place", NOWHERE)
        waiting += ((part, depth + 1) for part in _parts(node))
    return most, place


def _parts(node: Any) -> list[Any]:
    """The nodes directly below a node."""
    values = (getattr(node, field.name) for field in fields(node))
    parts = (part for value in values for part in (value if isinstance(value, tuple) else (value,)))
    return [part for part in parts if is_dataclass(part) and not isinstance(part, Place)]
