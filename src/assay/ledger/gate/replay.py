"""Replay: judge every entry of a log again, from what was handed to the gate, and compare with what it said.

It needs the logs ``main`` and ``refused`` and the file ``gate/inputs``, or copies of them, and nothing else;
whoever has them gets the same verdicts, or a finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from assay.ledger.audit import Finding
from assay.ledger.entries import Body, Entry, Individual, Origin, bears_verdict, parse_body
from assay.ledger.errors import EntryError, LedgerError
from assay.ledger.gate.errors import GateError
from assay.ledger.gate.facts import opened
from assay.ledger.gate.gate import Core, Judged
from assay.ledger.gate.openings import FILE, FOLDER, MAIN_LOG, REFUSED_LOG, Opened, read_openings
from assay.ledger.gate.verdict import NO_POLICY, PARTIAL, Verdict
from assay.ledger.segment import Break, Record, read_runs, read_segments, segments

_NAMES = ("main", "refused")
_INPUTS = f"../{FOLDER}/{FILE}"
_BEYOND = 2**63


class Replayed(NamedTuple):
    """What a replay saw.

    Parameters
    ----------
    judged
        How many entries bear a verdict.
    findings
        Every one that differs, and every damage of what was handed in.
    """

    judged: int
    findings: tuple[Finding, ...]


def replay(ledger: Path, *, quick: bool = False) -> Replayed:
    """Judge again what was judged; nothing is written.

    Parameters
    ----------
    ledger
        Folder with ``main``, ``refused`` and ``gate``, such as ``plant/ledger``.
    quick
        Judge nothing: only look whether what was handed in is all there and belongs to the entries.
    """
    return _Replay(ledger, quick=quick).run()


class _Openings:
    """The openings of one log, in order, taken one by one."""

    def __init__(self, path: Path, log: int) -> None:
        self._left = ((start, one) for start, _, one in read_openings(path) if one and one.log == log)
        self._next = next(self._left, None)

    @property
    def at(self) -> int:
        """The entry of the next, beyond every entry where none is left."""
        return self._next[1].entry if self._next else _BEYOND

    def take(self, index: int) -> tuple[int, Opened] | None:
        """That of entry ``index``, None where there is none."""
        found = self._next
        if found is None or found[1].entry != index:
            return None
        self._next = next(self._left, None)
        return found

    def behind(self, index: int) -> tuple[int, Opened] | None:
        """One of an entry before ``index`` that nobody took."""
        found = self._next
        if found is None or found[1].entry >= index:
            return None
        self._next = next(self._left, None)
        return found


class _Replay:
    def __init__(self, ledger: Path, *, quick: bool) -> None:
        self._ledger = ledger
        self._quick = quick
        self._path = ledger / FOLDER / FILE
        self._findings: list[Finding] = []
        self._openings = [_Openings(self._path, log) for log in (MAIN_LOG, REFUSED_LOG)]
        self._segments = [segments(ledger / name / "segment") for name in _NAMES]
        self._refused = self._records(REFUSED_LOG)
        self._next = next(self._refused, None)
        self._shown: dict[int, bytes] = {}
        self._batches: set[Origin] = set()
        self._judged = 0
        self._core = Core(self._entry, self._opening)

    def run(self) -> Replayed:
        for start, _, one in read_openings(self._path):
            if one is None:
                self._find(_INPUTS, "inputs_damaged", None, start)
        if self._quick:
            for log in (MAIN_LOG, REFUSED_LOG):
                self._look(log)
        else:
            count = 0
            for record in self._records(MAIN_LOG):
                self._before(record.index)
                self._same(MAIN_LOG, record)
                count = record.index + 1
            self._before(count)
            if self._next is not None:
                self._at(REFUSED_LOG, self._next, "verdict_out_of_order")
        for log in (MAIN_LOG, REFUSED_LOG):
            self._unknown(log, _BEYOND)
        self._files()
        return Replayed(self._judged, tuple(self._findings))

    def _unknown(self, log: int, index: int) -> None:
        """Name what was handed in with no entry below ``index``."""
        while (left := self._openings[log].behind(index)) is not None:
            self._find(_INPUTS, "opening_unknown", left[1].entry, left[0])

    def _look(self, log: int) -> None:
        """Whether what was handed in with the entries of a log is there and theirs."""
        openings = self._openings[log]
        for run in read_runs(self._ledger / _NAMES[log] / "segment"):
            if isinstance(run, Break):
                return
            for at, data in enumerate(run.entries):
                index = run.first + at
                if not bears_verdict(data) and openings.at > index:
                    continue
                self._unknown(log, index)
                self._there(log, Record(index, run.offsets[at], data), openings.take(index))

    def _there(self, log: int, record: Record, taken: tuple[int, Opened] | None) -> None:
        try:
            entry = Entry.parse(record.entry)
            body = parse_body(entry.signed.body)
            said = Verdict.parse(entry.gate) if entry.gate is not None else None
        except LedgerError:
            return  # the whole audit says so
        if taken is None:
            if said is None or said.outcome == NO_POLICY:
                return
            if all(reason.code != "missing_claims" for reason in said.reasons):
                self._at(log, record, "opening_missing")
            return
        try:
            if isinstance(body, Individual):
                opened(taken[1].opening, body)
            theirs = _belongs(taken[1], body)
        except LedgerError:
            theirs = False
        if not theirs:
            self._find(_INPUTS, "opening_differs", record.index, taken[0])

    def _records(self, log: int) -> Iterator[Record]:
        for found in read_segments(self._ledger / _NAMES[log] / "segment"):
            if not isinstance(found, Record):
                return
            yield found

    def _before(self, size: int) -> None:
        """Judge what was refused before the main log had more than ``size`` entries."""
        while self._next is not None:
            try:
                when = Verdict.parse(Entry.parse(self._next.entry).gate or b"").size
            except LedgerError:
                when = 0
            if when > size:
                return
            self._same(REFUSED_LOG, self._next)
            self._next = next(self._refused, None)

    def _same(self, log: int, record: Record) -> None:
        """Compare what an entry bears with what it must bear."""
        self._unknown(log, record.index)
        taken = self._openings[log].take(record.index)
        try:
            entry = Entry.parse(record.entry)
            body = parse_body(entry.signed.body)
        except LedgerError:
            return  # the audit of the log says so
        try:
            said = Verdict.parse(entry.gate) if entry.gate is not None else None
        except GateError:
            self._at(log, record, "verdict_not_canonical")
            return
        if taken is not None and not _belongs(taken[1], body):
            self._find(_INPUTS, "opening_differs", record.index, taken[0])
        opening = taken[1].opening if taken else b""
        if log == REFUSED_LOG:
            self._shown[record.index] = opening
            if said is not None and said.batch is not None:
                self._batches.add(body.origin)
        index = said.size if said else record.index
        try:
            made = self._core.judged(body, opening, index, said.at if said else 0)
        except LedgerError:
            self._at(log, record, "opening_differs")
            return
        self._compare(log, record, said, made, shown=taken is not None)
        if (
            log == MAIN_LOG
            and said is not None
            and said.outcome == PARTIAL
            and body.origin not in self._batches
        ):
            self._at(log, record, "refusal_missing")

    def _compare(
        self, log: int, record: Record, said: Verdict | None, made: Judged | None, *, shown: bool
    ) -> None:
        expected = (made.main, made.refused)[log] if made else None
        self._judged += said is not None
        if said == expected and (said is None or log == REFUSED_LOG or said.size == record.index):
            return
        needs = said is not None and said.outcome != NO_POLICY
        self._at(log, record, "opening_missing" if needs and not shown else "verdict_differs")

    def _entry(self, index: int) -> bytes:
        found = next(read_segments(self._ledger / _NAMES[REFUSED_LOG] / "segment", index), None)
        if not isinstance(found, Record) or found.index != index or index not in self._shown:
            raise EntryError.of("index_outside", index=index, size=len(self._shown))
        return found.entry

    def _opening(self, index: int) -> bytes:
        if not (shown := self._shown.get(index)):
            raise GateError.of("no_claims_kept", index=index)
        return shown

    def _files(self) -> None:
        """Nothing else lies beside the logs."""
        for path in sorted(self._ledger.iterdir()) if self._ledger.is_dir() else []:
            known = path.is_dir() and path.name in {*_NAMES, FOLDER} and not path.is_symlink()
            inside = (
                [one for one in path.iterdir() if one != self._path] if known and path.name == FOLDER else []
            )
            for one in inside if known else [path]:
                self._find(f"../{one.relative_to(self._ledger).as_posix()}", "unknown_file", None, None)

    def _at(self, log: int, record: Record, kind: str) -> None:
        paths = [one for one in self._segments[log] if int(one.stem) <= record.index]
        name = f"segment/{paths[-1].name}" if paths else "segment"
        file = name if log == MAIN_LOG else f"../{_NAMES[log]}/{name}"
        self._find(file, kind, record.index, record.offset)

    def _find(self, file: str, kind: str, index: int | None, offset: int | None) -> None:
        self._findings.append(Finding(file, index, offset, kind, rebuildable=False))


def _belongs(one: Opened, body: Body) -> bool:
    if isinstance(body, Individual):
        return (one.subject, one.issuer) == (body.subject, body.issuer)
    return (one.subject, one.issuer) == ("", b"")
