"""The gate of a log: what the writer asks at each index, before it writes.

Everything it is told in a group of entries holds for the entries behind them in the same group, and is
forgotten again when the group can't be written.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from assay.ledger.commitment import Disclosure
from assay.ledger.entries import Batch, Body, Entry, Individual, Signed, parse_body
from assay.ledger.errors import LedgerError
from assay.ledger.gate import overrides
from assay.ledger.gate.batches import judged_batch
from assay.ledger.gate.errors import GateError
from assay.ledger.gate.facts import OVERRIDE, POLICY, REEVALUATION, Claims, Fact, opened, parsed
from assay.ledger.gate.inputs import Inputs
from assay.ledger.gate.judge import Judge
from assay.ledger.gate.openings import MAIN_LOG, REFUSED_LOG, Opened, Openings
from assay.ledger.gate.verdict import (
    INPUT,
    NO_POLICY,
    OVERRIDDEN,
    PARTIAL,
    REFUSED,
    Verdict,
)
from assay.ledger.merkle import leaf_hash
from assay.ledger.tiles import LARGEST_ENTRY

_KINDS = {POLICY: "configuration", OVERRIDE: "override", REEVALUATION: "decision"}
"""Of which kind an entry must be that holds one of these inputs."""

_ROOM = 256
"""Bytes of an entry beside body and verdict, at most."""


class Judged(NamedTuple):
    """What becomes of an entry.

    Parameters
    ----------
    main, refused
        Its verdict in the main log and in the refused log; None where it does not go there.
    """

    main: Verdict | None
    refused: Verdict | None = None


class Core:
    """Judging without files: what the gate and a replay share.

    Parameters
    ----------
    refused_entry
        Gives the bytes of an entry of the refused log; raises ``LedgerError`` where there is none.
    refused_opening
        Gives what was handed in with it.
    """

    def __init__(
        self, refused_entry: Callable[[int], bytes], refused_opening: Callable[[int], bytes]
    ) -> None:
        self.inputs = Inputs()
        self.judge = Judge(self.inputs)
        self._refused_entry = refused_entry
        self._refused_opening = refused_opening

    @property
    def idle(self) -> bool:
        """Whether no policy was ever set: nothing has a verdict then."""
        return not self.inputs.policies

    def know(self, one: Opened) -> None:
        """Know an input of the main log that was judged before."""
        value = Disclosure.parse(one.opening).value
        said = parsed(value) if isinstance(value, bytes) else None
        if isinstance(said, Fact) and said.type not in {OVERRIDE, REEVALUATION}:
            self.inputs.add(one.entry, one.subject, said, one.issuer)

    def judged(self, body: Body, opening: bytes, index: int, at: int) -> Judged | None:
        """What becomes of ``body`` as entry ``index`` at the time ``at``; None where nothing is judged.

        Inputs are known from then on.

        Raises
        ------
        GateError
            What was handed in is not valid, or does not belong to the entry.
        """
        if isinstance(body, Batch):
            return self._batch(body, opening, index, at)
        if not isinstance(body, Individual):
            return None
        said = opened(opening, body) if opening else None
        if isinstance(said, Fact) and not self.judge.judges(body.kind):
            return self._fact(body, said, index, at)
        if self.idle:
            return None
        claims = said if isinstance(said, Claims) else None
        return self._record(body.kind, claims, body.event_time, index, at)

    def _record(self, kind: str, claims: Claims | None, when: int, index: int, at: int) -> Judged:
        found = self.judge.judge(kind, claims, when, when, at)
        verdict = Verdict(found.outcome, index, at, found.policies, found.cited, found.reasons)
        return Judged(None, verdict) if found.outcome == REFUSED else Judged(verdict)

    def _batch(self, body: Batch, opening: bytes, index: int, at: int) -> Judged | None:
        if self.idle:
            return None
        if not self.judge.judges(body.kind):
            return Judged(Verdict(NO_POLICY, index, at))
        if not opening:
            return self._record(body.kind, None, body.record_time, index, at)
        verdict = judged_batch(self.judge, body, opening, index, at)
        if verdict.outcome == REFUSED:
            return Judged(None, verdict)
        return Judged(verdict, verdict._replace(outcome=REFUSED) if verdict.outcome == PARTIAL else None)

    def _fact(self, body: Individual, fact: Fact, index: int, at: int) -> Judged:
        kind = _KINDS.get(fact.type)
        if kind is not None and body.kind != kind:
            raise GateError.of("wrong_kind", type=fact.type, expected=kind, kind=body.kind)
        if fact.type == OVERRIDE:
            return self._override(fact, index, at)
        if fact.type == REEVALUATION:
            return self._again(fact, index, at)
        self.inputs.add(index, body.subject, fact, body.issuer)
        return Judged(Verdict(INPUT, index, at))

    def _override(self, fact: Fact, index: int, at: int) -> Judged:
        about, _, before = self._refusal(fact)
        names = {reason.policy for reason in before.reasons}
        policies = [self.inputs.policies[name][1] for name in sorted(names) if name in self.inputs.policies]
        overrides.check(fact, policies)
        digests = tuple(policy.digest for policy in policies)
        return Judged(Verdict(OVERRIDDEN, index, at, digests, about=about))

    def _again(self, fact: Fact, index: int, at: int) -> Judged:
        """A refused record by what is known now; its clock is the one of then."""
        about, body, before = self._refusal(fact)
        opening = self._refused_opening(about[0]) if before.reasons[0].code != "missing_claims" else b""
        if isinstance(body, Batch):
            found = self._batch(body, opening, index, before.at)
        else:
            claims = opened(opening, body) if opening else None
            claims = claims if isinstance(claims, Claims) else None
            found = self._record(body.kind, claims, body.event_time, index, before.at)
        main, refused = found or Judged(Verdict(NO_POLICY, index, at))
        if main is not None and refused is not None:
            main = None  # a batch of which some rows are still refused stays refused as a whole
        return Judged(
            main._replace(at=at, about=about) if main else None,
            refused._replace(at=at, about=about) if refused else None,
        )

    def _refusal(self, fact: Fact) -> tuple[tuple[int, bytes], Individual | Batch, Verdict]:
        index, leaf = overrides.which(fact)
        try:
            entry = self._refused_entry(index)
            parsed = Entry.parse(entry)
            body = parse_body(parsed.signed.body)
            verdict = Verdict.parse(parsed.gate or b"")
        except LedgerError:
            raise GateError.of("no_refusal", index=index) from None
        if leaf_hash(entry) != leaf:
            raise GateError.of("other_refusal", index=index)
        if not isinstance(body, Individual | Batch) or verdict.about is not None or not verdict.reasons:
            raise GateError.of("no_refusal", index=index)
        return (index, leaf), body, verdict


class Gate:
    """The gate of a main log, with its file.

    Parameters
    ----------
    folder
        Such as ``plant/ledger/gate``.
    refused_entry
        Gives the bytes of an entry of the refused log; raises ``LedgerError`` where there is none.
    """

    def __init__(self, folder: Path, refused_entry: Callable[[int], bytes]) -> None:
        self._openings = Openings(folder)
        self.core = Core(refused_entry, self._openings.of_refused)
        self._at = 0
        self._next_refused = 0
        self._written = False

    def load(self, sizes: tuple[int, int]) -> None:
        """Know what was handed in with the entries below ``sizes`` of the main and the refused log.

        Raises
        ------
        GateError
            What is kept is damaged.
        """
        for one in self._openings.load(sizes):
            if one.log == MAIN_LOG and one.subject:
                self.core.know(one)
        self.core.inputs.mark()

    def begin(self, at: int, refused: int) -> None:
        """A group of entries begins, at a time of the log's clock; the refused log has ``refused``."""
        self._at = at
        self._next_refused = refused

    def judged(self, body: Body, signed: Signed, index: int) -> Judged | None:
        """What becomes of ``body`` as entry ``index``; raises like :meth:`Core.judged`."""
        opening = signed.opening
        if not opening and self.core.idle:
            return None
        found = self.core.judged(body, opening, index, self._at)
        if found is None:
            return None
        length = len(signed.body) + _ROOM + max(len(bytes(one)) for one in found if one is not None)
        if length > LARGEST_ENTRY:
            raise GateError.of("no_room", length=length, most=LARGEST_ENTRY)
        if opening:
            subject, issuer = (body.subject, body.issuer) if isinstance(body, Individual) else ("", b"")
            if found.main is not None:
                self._openings.add(Opened(MAIN_LOG, index, opening, subject, issuer))
            if found.refused is not None:
                self._openings.add(Opened(REFUSED_LOG, self._next_refused, opening, subject, issuer))
        self._next_refused += found.refused is not None
        return found

    @property
    def path(self) -> Path:
        """The file of what was handed in."""
        return self._openings.path

    def trim(self, sizes: tuple[int, int]) -> None:
        """Keep nothing of entries beyond ``sizes`` of both logs."""
        self._openings.trim(sizes)

    def write(self) -> None:
        """Have what was handed in with the group on the disk."""
        self._written = True
        self._openings.write()

    def keep(self) -> None:
        """The group is logged."""
        self.core.inputs.mark()
        self._written = False

    def drop(self, sizes: tuple[int, int]) -> None:
        """Forget what a group said that could not be logged; the logs have ``sizes`` entries."""
        self.core.inputs.back()
        self._openings.forget()
        if self._written:
            self._openings.trim(sizes)
            self._written = False

    def close(self) -> None:
        """Let go of the file."""
        self._openings.close()
