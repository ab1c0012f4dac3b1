"""How deep a tree is, found without recursion, and how deep it may be."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from assay.query.language.errors import at, told
from assay.query.language.tree import NOWHERE, Place

DEEPEST_TREE = 100
"""Nodes from the root of a tree to its furthest leaf."""


def bounded(root: Any, text: str = "") -> None:
    """Refuse a tree so deep that its readers could run out of stack.

    Raises
    ------
    QuestionError
        It is deeper than :data:`DEEPEST_TREE`; ``text`` is what it was read from.
    """
    depth, place = deepest(root)
    if depth > DEEPEST_TREE:
        raise at(text, place if text else NOWHERE, told("error.too-deep"), told("hint.too-deep"))


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
