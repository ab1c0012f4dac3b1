"""The gate of a plant: set policies, tell it inputs, ask what it would say, override what it refused."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.ledger.entries import Entry
from assay.ledger.errors import LogError
from assay.ledger.gate import overrides
from assay.ledger.gate.errors import GateError
from assay.ledger.gate.facts import POLICY, REVOCATION, Claims, claims_of, fact_of
from assay.ledger.gate.policy import (
    ROLES,
    GatePolicy,
    parse_policy,
    read_policy,
    ready_policies,
    ready_policy,
)
from assay.ledger.gate.refused import RefusedEntry, refused_entries
from assay.ledger.gate.state import Refusal, Since, known, refusal, refusals, since
from assay.ledger.gate.verdict import OVERRIDDEN, Verdict
from assay.ledger.issuer import read_issuer
from assay.ledger.place import MAIN
from assay.store.people import PERSON, named_in, reasons_named

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from assay.store.evidence import Evidence

ABOUT_GATE = "gate"
"""What a policy's entry is about."""

QUALIFICATION = "qualification"
"""The type of input that says what a person may do."""

_RECORD = {"kind", "step", "time", "values", *ROLES}


@dataclass(frozen=True, slots=True)
class PolicyInForce:
    """A policy as it is in force.

    Attributes
    ----------
    index
        The entry that set it.
    policy
        What it says, with the names of those who may override it where the log has their ids.
    digest
        SHA-256 of the policy as it is logged, by which verdicts cite it.
    """

    index: int
    policy: GatePolicy
    digest: bytes


class PlantGate:
    """The gate of one plant.

    Parameters
    ----------
    evidence
        The plant's log.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._people = evidence.people
        self._ledger = evidence.path / "ledger"

    def policies(self) -> list[PolicyInForce]:
        """The policies in force, by name."""
        found = sorted(known(self._ledger).inputs.policies.items())
        shown = self._people.named_in_policy if self._people is not None else lambda policy: policy
        return [PolicyInForce(index, shown(policy), policy.digest) for _, (index, policy) in found]

    def set_policy(self, policy: GatePolicy | Path | str) -> int:
        """Have a policy in force from the next entry on; the index of its entry.

        Parameters
        ----------
        policy
            The policy, its text, its file, or the name of one that comes with Assay, such as ``welding``.

        Raises
        ------
        LedgerError
            It is not valid, may not be set by this plant, or can't be logged.
        """
        if isinstance(policy, Path):
            read = read_policy(policy).policy
        elif isinstance(policy, str):
            read = ready_policy(policy).policy if policy in ready_policies() else parse_policy(policy)
        else:
            read = policy
        if self._people is not None:
            read = self._people.in_policy(read)
        said = fact_of(POLICY, values={"policy": read.canonical()})
        return self._logged("configuration", ABOUT_GATE, {"policy": read.name, "version": read.version}, said)

    def tell(
        self,
        type_: str,
        subject: str,
        values: Mapping[str, Any] | None = None,
        *,
        start: datetime | None = None,
        until: datetime | None = None,
    ) -> int:
        """Log an input, such as a qualification or a calibration; its index, by which verdicts cite it.

        Parameters
        ----------
        type_
            What it is, as policies name it.
        subject
            Whom it is about: a person, machine, lot, recipe or place. Where the log has people by random ids,
            their names are replaced by these.
        values
            What it says, by name.
        start, until
            From when on and until when (not included) it holds; None: always.

        Raises
        ------
        LedgerError
            It is not valid, or can't be logged.
        """
        said = fact_of(type_, start=_micro(start), until=_micro(until), values=values)
        if self._people is not None:
            of_people = self._of_people(type_)
            subject = self._people.id_of(subject) if of_people else self._people.known(subject)
        return self._logged("attestation", subject, {"input": type_}, said)

    def _of_people(self, type_: str) -> bool:
        """Whether policies in force ask people, and nothing else, for inputs of a type.

        A qualification nobody asks for yet is of a person, as in master data.
        """
        about = {
            one.about
            for held in self.policies()
            for one in held.policy.requirements.values()
            if (one.fact or "") == type_
        }
        return about == {PERSON} or (not about and type_ == QUALIFICATION)

    def revoke(self, index: int, why: str, *, start: datetime | None = None) -> int:
        """Log that an input holds no more from ``start`` on (now where nothing is said); the entry's index.

        Raises
        ------
        LedgerError
            Entry ``index`` is no input, or nothing can be logged.
        """
        one = known(self._ledger).inputs.at(index)
        if one is None:
            raise GateError.of("no_such_input", index=index)
        moment = _micro(start) if start else time.time_ns() // 1_000
        said = fact_of(REVOCATION, start=moment, values={"revokes": index})
        return self._logged("attestation", one.subject, {"why": why}, said)

    def check(self, records: Sequence[Mapping[str, Any]]) -> list[Verdict]:
        """What the gate would say of records now; nothing is logged.

        Parameters
        ----------
        records
            Each with ``kind``, ``step``, ``time`` (a datetime or ISO text with zone), the ids by role
            (``person``, ``machine``, ``material``, ``recipe``, ``environment``: one or a list), ``values``.

        Raises
        ------
        GateError
            ``bad_record``: one can't be read as such.
        """
        core, now = known(self._ledger), time.time_ns() // 1_000
        ids = self._people.everybody() if self._people is not None else {}
        names = self._evidence.names()
        found = []
        for number, record in enumerate(records):
            kind, claims, moment = read_record(_by_id(record, ids), number)
            judged = core.judge.judge(kind, claims, moment, moment, now)
            verdict = Verdict(judged.outcome, 0, now, judged.policies, judged.cited, judged.reasons)
            found.append(named_in(verdict, names))
        return found

    def refused(self) -> list[Refusal]:
        """Every refused record with its reasons."""
        names = self._evidence.names()
        return [replace(one, verdict=named_in(one.verdict, names)) for one in refusals(self._ledger)]

    def standing(self) -> dict[int, RefusedEntry]:
        """What is known of each refused entry, by its index there: keys of a batch, what was decided since.

        Judging one again makes no further one.

        Raises
        ------
        GateError
            What was handed to the gate is damaged.
        """
        names = self._evidence.names()
        return {
            one.refusal.index: one._replace(
                keys=tuple(key._replace(reasons=reasons_named(key.reasons, names)) for key in one.keys)
            )
            for one in refused_entries(self._ledger)
        }

    def override(self, index: int, keys: Sequence[Path], why: str) -> int:
        """Log that a refused record counts after all; two people of the policy sign it. The entry's index.

        Parameters
        ----------
        index
            Its index in the refused log.
        keys
            The people's private keys (PEM files only they may read).
        why
            What they base it on.

        Raises
        ------
        LedgerError
            There is no such record, it was overridden before, nobody says why, they are not two of the people
            whom the policy names, or nothing can be logged.
        """
        if not why.strip():
            raise GateError.of("no_why")
        _, found = refusal(self._ledger, index)
        known_of = self.standing().get(index)
        if known_of is not None and known_of.decision.outcome == OVERRIDDEN:
            raise GateError.of("overridden_before", index=index, entry=known_of.decision.entry)
        said = overrides.override(index, found.leaf, why, [_key_of(key) for key in keys])
        return self._logged("override", _subject(found), {"why": why}, said)

    def again(self, index: int) -> Verdict:
        """Judge a refused record again by what is known now, as a new entry; its verdict.

        Raises
        ------
        LedgerError
            There is no such record, or nothing can be logged.
        """
        _, found = refusal(self._ledger, index)
        before = len(list(refusals(self._ledger)))
        entry = self._logged(
            "decision", _subject(found), {"again": index}, overrides.reevaluation(index, found.leaf)
        )
        later = list(refusals(self._ledger))[before:]
        for one in later:
            if one.verdict.about == (index, found.leaf) and one.index == entry:
                return named_in(one.verdict, self._evidence.names())
        return named_in(Verdict.parse(self._evidence.entry(entry).gate or b""), self._evidence.names())

    def since(self, index: int) -> list[Since]:
        """What became later of the inputs on which the verdict of entry ``index`` rests; it stands as it was.

        Raises
        ------
        LedgerError
            There is no such entry, or it bears no verdict.
        """
        entry: Entry = self._evidence.entry(index)
        names = self._evidence.names()
        found = since(known(self._ledger), Verdict.parse(entry.gate or b""), time.time_ns() // 1_000)
        return [
            replace(one, input=replace(one.input, subject=names.get(one.input.subject, one.input.subject)))
            for one in found
        ]

    def _logged(self, kind: str, subject: str, fields: Mapping[str, Any], said: Any) -> int:
        if not self._evidence.on:
            raise LogError.of("no_log", path=self._ledger / MAIN)
        return self._evidence.say(kind, subject, fields, gate=said)


def _key_of(path: Path) -> Ed25519PrivateKey:
    if not path.is_file():
        raise GateError.of("no_key", path=path)
    return read_issuer(path)


def read_record(record: Mapping[str, Any], number: int = 0) -> tuple[str, Claims, int]:
    """(kind, claims, time in microseconds since 1970) of a record as people write it.

    Raises
    ------
    GateError
        ``bad_record``: a part is missing, unknown or not valid; ``number`` stands in the message.
    """
    if not isinstance(record, Mapping):
        raise GateError.of("bad_record", number=number, why="not an object with names and values")
    unknown = sorted(set(record) - _RECORD)
    missing = sorted({"kind", "step", "time"} - set(record))
    if unknown or missing:
        why = f"unknown: {', '.join(unknown)}" if unknown else f"missing: {', '.join(missing)}"
        raise GateError.of("bad_record", number=number, why=why)
    moment = record["time"]
    try:
        moment = moment if isinstance(moment, datetime) else datetime.fromisoformat(str(moment))
    except ValueError as problem:
        raise GateError.of("bad_record", number=number, why=f"time: {problem}") from None
    took = {role: record[role] for role in ROLES if record.get(role)}
    when = _micro(moment)
    return str(record["kind"]), claims_of(str(record["step"]), took, record.get("values")), when or 0


def read_records(path: Path) -> list[Mapping[str, Any]]:
    """The records of a JSON file: one, a list of them, or one a line.

    Raises
    ------
    GateError
        It can't be read as JSON.
    """
    try:
        text = path.read_text("utf-8")
        try:
            found = json.loads(text)
        except ValueError:
            found = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (OSError, ValueError) as problem:
        raise GateError.of("unreadable", path=path, why=problem) from problem
    return found if isinstance(found, list) else [found]


def _subject(found: Refusal) -> str:
    body = found.body
    return getattr(body, "subject", None) or f"{body.origin.source}/{body.origin.seq}"


def _micro(moment: datetime | None) -> int | None:
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise GateError.of("no_zone", value=moment.isoformat())
    return round(moment.timestamp() * 1_000_000)


def _by_id(record: Any, ids: Mapping[str, str]) -> Any:
    """A record with ids in the place of people who have one."""
    who = record.get(PERSON) if isinstance(record, Mapping) else None
    if not ids or not isinstance(who, str | list | tuple):
        return record
    names = [who] if isinstance(who, str) else who
    return {**record, PERSON: [ids.get(str(name), str(name)) for name in names]}
