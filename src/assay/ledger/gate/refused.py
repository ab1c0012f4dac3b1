"""What the gate refused, key by key, and what was decided of it since; read beside the writer of the logs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from assay.ledger.commitment import Disclosure
from assay.ledger.entries import Batch, Entry
from assay.ledger.errors import LedgerError
from assay.ledger.gate import overrides
from assay.ledger.gate.batches import Key, judge_keys, parse_keys
from assay.ledger.gate.facts import OVERRIDE, REEVALUATION, Claims, Fact, parsed
from assay.ledger.gate.gate import Core
from assay.ledger.gate.openings import FILE, FOLDER, MAIN_LOG, Opened, read_openings
from assay.ledger.gate.state import Refusal, refusals, unread
from assay.ledger.gate.verdict import REFUSED, Reason, Verdict
from assay.ledger.segment import Record, read_segments, segments


class Decision(NamedTuple):
    """The newest that was said of a refusal; the refusal stands as it was.

    Parameters
    ----------
    outcome
        ``overridden``, ``accepted`` or ``no_policy`` where the main log says so since, else ``refused``.
    entry
        Index of the entry of the main log that says so, None while it is refused.
    """

    outcome: str = REFUSED
    entry: int | None = None


class RefusedKey(NamedTuple):
    """Rows of a batch that were refused at once.

    Parameters
    ----------
    key
        Which rows: their claims, the times of the first and the last, and how many.
    reasons
        Why.
    """

    key: Key
    reasons: tuple[Reason, ...]


class RefusedEntry(NamedTuple):
    """A refused entry with what is known of it.

    Parameters
    ----------
    refusal
        The entry.
    keys
        Of a batch that was handed in with its keys, those that were refused; empty otherwise.
    claims
        What an entry of its own claims; None where it claims nothing.
    decision
        What was decided of it since.
    """

    refusal: Refusal
    keys: tuple[RefusedKey, ...]
    claims: Claims | None
    decision: Decision


def stamp(ledger: Path) -> tuple[int, int]:
    """Something that changes when more is refused or decided; (0, 0) where nothing was ever refused.

    Parameters
    ----------
    ledger
        Folder with ``main``, ``refused`` and ``gate``, such as ``plant/ledger``.
    """
    refused = sum(path.stat().st_size for path in segments(ledger / "refused" / "segment"))
    inputs = ledger / FOLDER / FILE
    return (refused, inputs.stat().st_size if inputs.exists() else 0) if refused else (0, 0)


def refused_entries(ledger: Path) -> list[RefusedEntry]:
    """Every refused entry by its index, without those that only judged an earlier one again.

    A batch is judged again key by key, by what the log knew then: its verdict says how many, not which.

    Raises
    ------
    GateError
        ``inputs_damaged`` or ``bad_opening``: what was handed to the gate is damaged.
    """
    told: list[Opened] = []
    openings: dict[int, bytes] = {}
    for one in _openings(ledger):
        if one.log != MAIN_LOG:
            openings[one.entry] = one.opening
        elif one.subject:
            told.append(one)
    told.sort(key=lambda one: one.entry)
    decided = _decided(ledger, told)
    core, known = Core(unread, unread), 0
    found = []
    for refusal in refusals(ledger):
        while known < len(told) and told[known].entry < refusal.verdict.size:
            core.know(told[known])
            known += 1
        if refusal.verdict.about is None:
            keys, claims = _parts(core, refusal, openings.get(refusal.index, b""))
            decision = decided.get((refusal.index, refusal.leaf), Decision())
            found.append(RefusedEntry(refusal, keys, claims, decision))
    return found


def _openings(ledger: Path) -> Iterator[Opened]:
    for _, _, one in read_openings(ledger / FOLDER / FILE):
        if one is None:
            return  # a group that is being written; damage before the end is found by the audit
        yield one


def _parts(core: Core, refusal: Refusal, opening: bytes) -> tuple[tuple[RefusedKey, ...], Claims | None]:
    if not opening:
        return (), None
    if not isinstance(refusal.body, Batch):
        said = _said(opening)
        return (), said if isinstance(said, Claims) else None
    keys = parse_keys(opening)
    judged = judge_keys(core.judge, refusal.body.kind, keys, refusal.verdict.at)
    pairs = zip(keys, judged, strict=True)
    return tuple(RefusedKey(key, one.reasons) for key, one in pairs if one.outcome == REFUSED), None


def _decided(ledger: Path, told: list[Opened]) -> dict[tuple[int, bytes], Decision]:
    """What the main log says of refusals, the newest of each."""
    found: dict[tuple[int, bytes], Decision] = {}
    for one in told:
        fact = _said(one.opening)
        if isinstance(fact, Fact) and fact.type in {OVERRIDE, REEVALUATION}:
            record = next(read_segments(ledger / "main" / "segment", one.entry), None)
            if isinstance(record, Record) and record.index == one.entry:
                verdict = Verdict.parse(Entry.parse(record.entry).gate or b"")
                found[overrides.which(fact)] = Decision(verdict.outcome, one.entry)
    return found


def _said(opening: bytes) -> Fact | Claims | None:
    try:
        value = Disclosure.parse(opening).value
        return parsed(value) if isinstance(value, bytes) else None
    except LedgerError:
        return None
