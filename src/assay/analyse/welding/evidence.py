"""Weld passes as evidence: what their gate asks for is logged, then each pass as a step of its own.

Inputs come from what the plant already holds: qualifications (their ``level`` is a designation by ISO
9606-1), calibrations of the meters of a power source (gauges whose ``equipment`` it is), services (events
``service`` with the attribute ``due_hours``), releases of lots (results ``release`` and ``certificate``),
revisions of procedures, and the air at the minutes in which passes began. Everything is logged once; what
the plant says differently later revokes what was said before.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from assay.analyse.welding.decisions import releases, services
from assay.analyse.welding.passes import SEGMENT, Pass, passes
from assay.analyse.welding.procedure import approved
from assay.analyse.welding.qualification import qualified
from assay.analyse.welding.words import CATALOGUE, WeldingError
from assay.ledger.entries import Entry, Origin
from assay.ledger.errors import LogError
from assay.ledger.gate.facts import REVOCATION, claims_of, fact_of
from assay.ledger.gate.state import known, refusals, since
from assay.ledger.gate.verdict import Verdict
from assay.model.text import Text
from assay.store.evidence import Evidence
from assay.store.evidence_statements import Statement
from assay.store.people import named_in
from assay.store.snapshot import Snapshot
from assay.store.workspace import Workspace

KIND = "step"
"""The kind of entry of a pass."""

_PASS, _INPUT = "weld-pass:", "weld-input:"
_AIR = {"air_temperature": "air_temperature_c", "humidity": "humidity_pct", "wind": "wind_m_s"}


@dataclass(frozen=True, slots=True)
class Logged:
    """What logging did: entries written, by what they are, and what could not be used, as sentences."""

    inputs: int
    revoked: int
    accepted: int
    refused: int
    notes: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """What the gate said of a pass.

    Attributes
    ----------
    log, index
        ``main`` or ``refused``, and its entry there.
    verdict
        The verdict, as it was recorded.
    later
        (outcome, entry of the main log) where it was overridden or judged again.
    lapsed
        Entries among those it cites that were revoked since.
    """

    log: str
    index: int
    verdict: Verdict
    later: tuple[str, int] | None = None
    lapsed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Input:
    type: str
    subject: str
    key: str
    start: datetime | None
    until: datetime | None
    values: Mapping[str, Any] = field(default_factory=dict)


def log_passes(workspace: Workspace) -> Logged:
    """Log the inputs of the welding gate and every pass that isn't logged yet, in the order of time.

    Raises
    ------
    LedgerError
        The plant has no evidence log, or it can't be written.
    """
    evidence = workspace.evidence
    if not evidence.on:
        raise LogError.of("no_log", path=evidence.path / "ledger")
    snapshot = workspace.lake.snapshot()
    found = passes(workspace, snapshot=snapshot)
    notes: dict[str, Text] = {}
    if not known(evidence.path / "ledger").inputs.policies:
        notes["policy"] = CATALOGUE.text("note.no_policy")
    statements: list[Statement] = []
    for one in _inputs(workspace, snapshot, found, notes):
        statements += _told(evidence, one)
    evidence.say_all(statements)
    revoked = sum("why" in one.fields for one in statements)
    refused_before = {one.body.origin for one in refusals(evidence.path / "ledger")}
    steps: list[tuple[Origin, Statement]] = []
    for welded in found:
        if welded.started is None:
            notes.setdefault(welded.execution, CATALOGUE.text("note.no_start", execution=welded.execution))
            continue
        fields = _fields(welded)
        origin = _origin(_PASS + welded.execution, fields)
        if origin not in refused_before and not evidence.index.records(
            origin=(origin.source, origin.epoch, origin.seq)
        ):
            said = Statement(KIND, welded.joint, fields, welded.started, origin, claims(welded))
            steps.append((origin, said))
    evidence.say_all([said for _, said in steps])
    accepted = sum(
        bool(evidence.index.records(origin=(origin.source, origin.epoch, origin.seq))) for origin, _ in steps
    )
    return Logged(len(statements) - revoked, revoked, accepted, len(steps) - accepted, tuple(notes.values()))


def claims(welded: Pass) -> Any:
    """What a pass says of itself to the gate."""
    took: dict[str, tuple[str, ...]] = {
        "person": (welded.person,) if welded.person else (),
        "machine": (welded.machine,) if welded.machine else (),
        "material": tuple(one.subject for one in welded.lots),
        "recipe": (welded.recipe,) if welded.recipe else (),
        "environment": (welded.air.zone,) if welded.air else (),
    }
    return claims_of(SEGMENT, {role: ids for role, ids in took.items() if ids}, welded.values())


def verdicts(workspace: Workspace, joint: str) -> dict[str, Said]:
    """What the gate said of each pass of a joint, by execution; of a pass that was corrected the last."""
    evidence = workspace.evidence
    if not evidence.on:
        return {}
    ledger = evidence.path / "ledger"
    core, now = known(ledger), time.time_ns() // 1_000
    names = evidence.names()
    found: dict[str, Said] = {}
    later: dict[int, tuple[str, int]] = {}
    for record in evidence.index.records(subject=joint):
        entry: Entry = evidence.entry(record.entry)
        if entry.gate is None:
            continue
        verdict = Verdict.parse(entry.gate)
        if verdict.about is not None:
            later[verdict.about[0]] = verdict.outcome, record.entry
        elif record.source.startswith(_PASS):
            lapsed = tuple(one.input.index for one in since(core, verdict, now) if one.revoked is not None)
            found[record.source.removeprefix(_PASS)] = Said(
                "main", record.entry, named_in(verdict, names), None, lapsed
            )
    for refusal in refusals(ledger):
        source = refusal.body.origin.source
        own = getattr(refusal.body, "subject", None) == joint and source.startswith(_PASS)
        if own and refusal.verdict.about is None:
            execution = source.removeprefix(_PASS)
            before = found.get(execution)
            if before is None or before.verdict.at < refusal.verdict.at:
                said = named_in(refusal.verdict, names)
                found[execution] = Said("refused", refusal.index, said, later.get(refusal.index))
    return found


def _inputs(
    workspace: Workspace, snapshot: Snapshot, found: Iterable[Pass], notes: dict[str, Text]
) -> Iterator[_Input]:
    yield from _of_people(workspace, snapshot, notes)
    yield from _of_machines(snapshot)
    yield from _of_procedures(snapshot)
    for service in services(workspace, snapshot):
        yield _Input(
            "maintenance",
            service.machine,
            service.moment.isoformat(),
            service.moment,
            None,
            {"due_hours": service.due_hours},
        )
    for lot in releases(workspace):
        said = {"status": lot.status, "certificate": lot.certificate}
        yield _Input("release", lot.lot, lot.moment.isoformat(), lot.moment, None, said)
    airs = {(one.air.zone, one.air.minute): one.air for one in found if one.air is not None}
    for (zone, minute), air in sorted(airs.items()):
        values = {_AIR[name]: value for name, value in air.values.items() if value is not None}
        rounded = {name: round(value, 2 if name == "wind_m_s" else 1) for name, value in values.items()}
        yield _Input("environment", zone, minute.isoformat(), minute, None, rounded)


def _of_people(workspace: Workspace, snapshot: Snapshot, notes: dict[str, Text]) -> Iterator[_Input]:
    """The qualifications; of welders by their random ids, where the log has people by that."""
    people = workspace.evidence.people
    for row in _rows(snapshot, "qualification"):
        if not row.get("person") or row.get("segment") not in {None, SEGMENT} or not row.get("level"):
            continue
        try:
            range_ = qualified(row["level"])
        except WeldingError:
            asked = {"id": row["id"], "person": row["person"], "level": row["level"]}
            notes.setdefault(row["id"], CATALOGUE.text("note.no_designation", **asked))
            continue
        values = {
            "id": row["id"],
            "designation": row["level"],
            "processes": range_.processes,
            "joint_types": range_.joint_types,
            "products": range_.products,
            "positions": range_.positions,
            "filler_groups": range_.filler_groups,
            "thickness_min_mm": range_.thickness_min,
            "thickness_max_mm": range_.thickness_max,
        }
        person = row["person"] if people is None else people.id_of(row["person"])
        yield _versioned("qualification", person, row, values)


def _of_machines(snapshot: Snapshot) -> Iterator[_Input]:
    machines = {row["id"]: row.get("equipment") for row in _rows(snapshot, "gauge")}
    for row in _rows(snapshot, "calibration"):
        machine = machines.get(row.get("gauge"))
        if machine and row.get("result"):
            values = {"id": row["id"], "result": row["result"], "certificate": row.get("certificate")}
            yield _versioned("calibration", machine, row, values)


def _of_procedures(snapshot: Snapshot) -> Iterator[_Input]:
    for row in _rows(snapshot, "recipe"):
        if row.get("segment") in {None, SEGMENT}:
            parameters = json.loads(row.get("parameters") or "{}")
            yield _versioned(
                "approval", row["id"], row, {"revision": row.get("revision"), **approved(parameters)}
            )


def _versioned(type_: str, subject: str, row: Mapping[str, Any], values: Mapping[str, Any]) -> _Input:
    start, until = row["valid_from"], row["valid_to"]
    key = f"{row['id']}@{'' if start is None else start.isoformat()}"
    return _Input(type_, subject, key, start, until, values)


def _told(evidence: Evidence, one: _Input) -> list[Statement]:
    """What is to be said of an input that isn't logged: itself, after the end of what stood in its place."""
    said = fact_of(one.type, start=_micro(one.start), until=_micro(one.until), values=one.values)
    origin = _origin(f"{_INPUT}{one.type}:{one.subject}:{one.key}", {"fact": bytes(said).hex()})
    before = evidence.index.last_record_of(origin.source)
    if before is not None and before.epoch == origin.epoch:
        return []
    found = []
    if before is not None:
        ends = fact_of(REVOCATION, values={"revokes": before.entry})
        found.append(Statement("attestation", one.subject, {"why": "replaced"}, gate=ends))
        origin = origin._replace(seq=before.seq + 1)
    return [*found, Statement("attestation", one.subject, {"input": one.type}, None, origin, said)]


def _fields(welded: Pass) -> dict[str, Any]:
    """What the entry of a pass commits to, field by field; times and people by their ids only."""
    said: dict[str, Any] = {
        "execution": welded.execution,
        "started": welded.started,
        "ended": welded.ended,
        "person": welded.person,
        "machine": welded.machine,
        "recipe": welded.recipe,
        "lots": ", ".join(one.subject for one in welded.lots) or None,
        "pass_number": welded.sheet.get("pass_number"),
        "repair": welded.sheet.get("repair"),
        **welded.values(),
    }
    return {name: value for name, value in said.items() if value is not None}


def _origin(source: str, fields: Mapping[str, Any]) -> Origin:
    """The same statement has the same origin: its epoch is a digest of what it says."""
    text = json.dumps({name: str(value) for name, value in fields.items()}, sort_keys=True)
    return Origin(source, int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big"), 0)


def _rows(snapshot: Snapshot, kind: str) -> list[dict[str, Any]]:
    table = snapshot.master.get(kind)
    return [] if table is None else table.to_pylist()


def _micro(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1_000_000)
