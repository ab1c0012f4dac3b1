"""What a gate knows now, read beside its writer: nothing is written, and nobody is kept waiting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from assay.ledger.entries import Body, Entry, parse_body
from assay.ledger.errors import EntryError, LedgerError
from assay.ledger.gate.errors import GateError
from assay.ledger.gate.gate import Core
from assay.ledger.gate.inputs import Input
from assay.ledger.gate.openings import FILE, FOLDER, MAIN_LOG, read_openings
from assay.ledger.gate.verdict import Verdict
from assay.ledger.merkle import leaf_hash
from assay.ledger.segment import Record, read_segments

_REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused record.

    Parameters
    ----------
    index, leaf
        Its index in the refused log, and its leaf hash.
    body
        What was handed in.
    verdict
        Why it was refused.
    """

    index: int
    leaf: bytes
    body: Body
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Since:
    """What became later of an input that a verdict rests on.

    Parameters
    ----------
    input
        The input.
    revoked
        Entry that revoked it after the verdict, None where none did; the verdict stays.
    expired
        Whether it has ended by now.
    """

    input: Input
    revoked: int | None
    expired: bool


def known(ledger: Path) -> Core:
    """The gate of a plant as it is now; ``ledger`` is a folder such as ``plant/ledger``.

    Raises
    ------
    GateError
        ``inputs_damaged``: the file of what it was told is damaged.
    """
    core = Core(lambda index: refusal(ledger, index)[0], unread)
    path = ledger / FOLDER / FILE
    for start, _, one in read_openings(path):
        if one is None:
            raise GateError.of("inputs_damaged", path=path, offset=start)
        if one.log == MAIN_LOG and one.subject:
            core.know(one)
    core.inputs.mark()
    return core


def refusal(ledger: Path, index: int) -> tuple[bytes, Refusal]:
    """An entry of the refused log.

    Raises
    ------
    GateError
        ``no_refusal``: there is none.
    """
    found = next(read_segments(ledger / _REFUSED / "segment", index), None) if index >= 0 else None
    if not isinstance(found, Record) or found.index != index:
        raise GateError.of("no_refusal", index=index)
    return found.entry, _refusal(found)


def refusals(ledger: Path) -> Iterator[Refusal]:
    """Every entry of the refused log."""
    for found in read_segments(ledger / _REFUSED / "segment"):
        if not isinstance(found, Record):
            return
        yield _refusal(found)


def since(core: Core, verdict: Verdict, now: int) -> list[Since]:
    """What became later of the inputs a verdict cites: valid when recorded, revoked or expired since.

    Parameters
    ----------
    now
        Microseconds since 1970.
    """
    found = []
    for index in verdict.cited:
        one = core.inputs.at(index)
        if one is None:
            continue
        later = [entry for _, entry, _ in one.revoked if entry >= verdict.size]
        if later or one.until <= now:
            found.append(Since(one, min(later) if later else None, one.until <= now))
    return found


def _refusal(found: Record) -> Refusal:
    try:
        entry = Entry.parse(found.entry)
        verdict = Verdict.parse(entry.gate or b"")
        return Refusal(found.index, leaf_hash(found.entry), parse_body(entry.signed.body), verdict)
    except LedgerError:
        raise GateError.of("no_refusal", index=found.index) from None


def unread(index: int) -> bytes:
    """Says of every entry that it is not there: for a core that judges nothing by it."""
    raise EntryError.of("index_outside", index=index, size=0)
