"""What a log is and what a file proves, in words for a person."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from assay.cli.output import plain, table
from assay.cli.speech import say

if TYPE_CHECKING:
    from rich.console import Console

    from assay.ledger.proving import Proved

_SHOWN = 20
"""Records of a file that are printed."""
_MOMENTS = frozenset({"time", "recorded", "started", "ended", "valid_from", "valid_to"})
"""Columns whose values are microseconds since 1970, UTC."""


def print_state(to: Console, far: dict[str, Any]) -> None:
    """How far a log is, and who vouches for it."""
    table(
        to,
        (say("ledger.what"), say("ledger.is")),
        [(say(f"ledger.log_{key}"), _word(far[key])) for key in far],
    )


def yes_or_no(value: bool) -> str:
    """A truth value as a word."""
    return say("ledger.yes" if value else "ledger.no")


def print_proved(to: Console, proved: list[Proved]) -> None:
    """Each entry that a file proves, with the fields or rows of it that are shown; check it first."""
    from assay.ledger.entries import Entry, Individual

    left = _SHOWN
    for one in proved:
        body = Entry.parse(one.entry).signed.body_of(check=False)
        sort, about = (body.kind, body.subject) if isinstance(body, Individual) else ("rows", "")
        moment = body.event_time if isinstance(body, Individual) else body.record_time
        words = {"index": one.index, "sort": sort, "about": about, "when": plain(_moment(moment))}
        shown = one.values()
        if left > 0:
            to.print(
                say("ledger.proved" if about else "ledger.proved_rows", **words, issuer=body.issuer.hex())
            )
        for values in shown[: max(left, 0)]:
            rows = [
                (name, _moment(value) if name in _MOMENTS and isinstance(value, int) else value)
                for name, value in values.items()
                if value is not None
            ]
            table(to, (say("ledger.what"), say("ledger.is")), rows)
        left -= max(len(shown), 1)
    if left < 0:
        to.print(say("ledger.more", count=-left))


def _moment(microseconds: int) -> datetime | int:
    try:
        return datetime.fromtimestamp(microseconds / 1_000_000, UTC)
    except (OverflowError, ValueError):
        return microseconds


def _word(value: Any) -> Any:
    if isinstance(value, bool):
        return yes_or_no(value)
    return ", ".join(map(str, value)) or "–" if isinstance(value, list) else value
