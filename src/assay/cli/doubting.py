"""How doubts about movements, and records that are refused as evidence, are shown to a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from assay.cli.speech import said, say

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN = 5
"""Doubts shown below an answer; ``--json`` gives more."""


def print_doubts(to: Console, document: dict[str, Any]) -> None:
    """What is doubtful about an answer, in a few lines; nothing where nothing is."""
    if not document["doubtful"]:
        return
    counts = ", ".join(f"{kind} {count}" for kind, count in document["doubtful"].items())
    to.print(say("doubts.answer", counts=counts), soft_wrap=True)
    shown = _of_each_kind(document["doubts"])
    print_sentences(to, shown)
    if len(document["doubts"]) > len(shown):
        to.print(say("doubts.more", more=len(document["doubts"]) - len(shown)))


def print_refused(to: Console, records: int) -> None:
    """How many records of an answer stand refused as evidence; nothing where none do."""
    if records:
        to.print(say("trace.refused-records", count=records), soft_wrap=True)


def print_sentences(to: Console, doubts: Sequence[dict[str, Any]]) -> None:
    """A line for what each doubt is, and one for what to do."""
    for doubt in doubts:
        to.print(f"- {said(doubt['said'])}", soft_wrap=True)
        to.print(f"  {said(doubt['advice'])}", soft_wrap=True)


def _of_each_kind(doubts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A few doubts, of as many kinds as there are."""
    place: dict[str, int] = {}
    ranked = []
    for doubt in doubts:
        place[doubt["kind"]] = place.get(doubt["kind"], 0) + 1
        ranked.append((place[doubt["kind"]], doubt))
    return [doubt for _, doubt in sorted(ranked, key=lambda one: one[0])][:_SHOWN]
