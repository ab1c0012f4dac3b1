"""``assay ledger``, ``assay audit`` and ``assay verify``: the evidence log, and what it proves."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.options import AsJson, OfRefused, Plant
from assay.cli.output import show, table
from assay.cli.speech import said, say, spoken
from assay.cli.verbs import ledger_keys, ledger_records, ledger_watch, ledger_witness
from assay.cli.verbs.ledger_keys import log_of
from assay.cli.verbs.ledger_words import print_proved, print_state, yes_or_no

if TYPE_CHECKING:
    from rich.console import Console

    from assay.ledger.notes import Note
    from assay.ledger.place import Place
    from assay.ledger.policy import Policy
    from assay.ledger.vouching import Vouched
    from assay.store.evidence_registry import RegistryAudit

PolicyFile = Annotated[
    Path | None, typer.Option("--policy", metavar="FILE", help="option.policy", show_default=False)
]
Pinned = Annotated[
    Path | None, typer.Option("--pinned", metavar="FILE", help="option.pinned_note", show_default=False)
]


def init(
    directory: Plant,
    *,
    origin: Annotated[
        str | None, typer.Option("--origin", metavar="NAME", help="option.log_origin", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Begin the evidence log of a plant."""
    from assay.store.plant_evidence import begin

    place = begin(directory, origin)
    origin = place.public_key().name
    document = {"origin": origin, "key": str(place.public_key()), "outside": str(place.outside)}
    show(
        document,
        lambda to: to.print(say("ledger.begun", origin=origin, vkey=document["key"], outside=place.outside)),
        as_json=as_json,
    )


def status(directory: Plant, *, as_json: AsJson = False) -> None:
    """Say how far the log is, and what nobody outside vouches for."""
    from assay.ledger.clocks import read_late
    from assay.ledger.commit import trouble_of
    from assay.ledger.place import REFUSED
    from assay.ledger.place import Place as LogPlace
    from assay.ledger.vouching import vouched

    place = log_of(directory)
    has_refused = (place.folder.parent / REFUSED).is_dir()
    refused = LogPlace.of(directory, REFUSED) if has_refused else None
    trouble, late = trouble_of(place), read_late(place.late)
    logs = [(by := vouched(log), _far(log, by)) for log in (place, refused) if log]
    document = {
        **logs[0][1],
        "trouble": trouble,
        "issuer": (issuer := ledger_keys.issuer_state(place)),
        "late": [asdict(one) for one in late],
        "notariser": (lag := ledger_records.lag(place)) and asdict(lag),
        "refused": logs[1][1] if refused else None,
    }

    def human(to: Console) -> None:
        for by, far in logs:
            print_state(to, far)
            if not by.known:
                to.print(say("ledger.unwitnessed"))
            elif not by.quorum:
                to.print(say("ledger.no_quorum"))
            for one in by.states:
                if one.state != "ok":
                    to.print(f"{one.name}: {say(f'ledger.state_{one.state}')}")
        if lag is not None and lag.batches:
            to.print(say("ledger.lag", batches=lag.batches, rows=lag.rows))
        if lag is not None and lag.differing:
            to.print(say("ledger.lag_differs", count=lag.differing))
        if issuer["state"] != "none" and (issuer["state"] != "ok" or issuer["until"]):
            to.print(say(f"ledger.issuer_{issuer['state']}", public=issuer["key"], until=issuer["until"]))
        for each in late:
            to.print(say("ledger.late", source=each.source, index=each.index, days=each.seconds // 86_400))
        if trouble:
            to.print(say("ledger.trouble", why=trouble[spoken()]))

    show(document, human, as_json=as_json)


def _far(place: Place, by: Vouched) -> dict[str, Any]:
    """How far a log is, and who vouches for it."""
    from assay.ledger.derived import Derived

    published = Derived(place.folder).published()
    return {
        "origin": place.public_key().name,
        "key": str(place.public_key()),
        "size": published[1].size if published else 0,
        "root": published[1].root.hex() if published else None,
        "head": place.head.exists(),
        "witnesses": by.known,
        "cosigners": by.cosigners,
        "quorum": by.quorum,
        "contradicted": [one.name for one in by.states if one.contradicts],
        "torn": sorted(str(path) for path in place.torn.glob("*")),
    }


def checkpoint(directory: Plant, *, as_json: AsJson = False) -> None:
    """Sign a checkpoint of everything logged up to now."""
    state = ledger_records.checkpoint(log_of(directory), directory)
    document = {"size": state.size, "signed": state.signed}
    show(document, lambda to: to.print(say("ledger.signed", **document)), as_json=as_json)


def rebuild(directory: Plant, *, refused: OfRefused = False, as_json: AsJson = False) -> None:
    """Make everything derived anew from the segments."""
    from assay.ledger.rebuild import rebuild as made_anew

    document = asdict(made_anew(log_of(directory, refused=refused)))
    show(document, lambda to: to.print(say("ledger.rebuilt", **document)), as_json=as_json)


def resume(
    directory: Plant,
    *,
    accept: Annotated[bool, typer.Option("--accept-unwitnessed", help="option.accept_unwitnessed")] = False,
    refused: OfRefused = False,
    as_json: AsJson = False,
) -> None:
    """Go on with a log whose head is lost; that somebody answered for it is logged."""
    from assay.ledger.commitment import commit
    from assay.ledger.entries import Individual, Origin, sign
    from assay.ledger.errors import LogError
    from assay.ledger.rotation import issuer_of
    from assay.ledger.writer import Writer

    place = log_of(directory, refused=refused)
    if not accept:
        raise LogError.of("not_accepted", path=place.folder)
    key, now = issuer_of(place), time.time_ns() // 1_000
    said = commit({"statement": "resumed without head or witness", "user": os.environ.get("USER", "")})
    body = Individual(
        kind="log",
        subject=place.public_key().name,
        origin=Origin(f"resume-{key.public_key().public_bytes_raw().hex()[:16]}", now, 0),
        event_time=now,
        record_time=now,
        root=said.root,
        fields=len(said.fields),
        payload=None,
        issuer=key.public_key().public_bytes_raw(),
    )
    with Writer(place, sign(body, key)) as writer:
        document = {"size": writer.size}
    show(document, lambda to: to.print(say("ledger.resumed", **document)), as_json=as_json)


VERBS: dict[str, Callable[..., None] | Mapping[str, Callable[..., None]]] = {
    "init": init,
    "status": status,
    "checkpoint": checkpoint,
    "rebuild": rebuild,
    "resume": resume,
    "prove": ledger_records.prove,
    "bundle": ledger_records.bundle,
    "attest": ledger_records.attest,
    "erase": ledger_records.erase,
    "people": ledger_records.people,
    "witness": ledger_witness.VERBS,
    "monitor": ledger_watch.monitor,
    "consistency": ledger_watch.consistency,
    "rotate": ledger_keys.rotate,
    "distrust": ledger_keys.distrust,
    "expire": ledger_keys.expire,
    "cosigner": ledger_keys.cosigner,
    "signer": ledger_keys.signer,
}


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="argument.proof", show_default=False)],
    *,
    policy: PolicyFile = None,
    pinned: Pinned = None,
    as_json: AsJson = False,
) -> None:
    """Say what a proof or bundle proves under a policy; the exit code is 1 when it proves nothing."""
    from assay.ledger.checkpoint import Checkpoint
    from assay.ledger.errors import VerificationError
    from assay.ledger.proving import Verdict, read_proofs, verify_file

    data = file.read_bytes()
    try:
        kept = _note(pinned)
        verdict = verify_file(data, _policy(policy), Checkpoint.parse(kept.text) if kept else None)
    except VerificationError as problem:  # of the policy or the pinned checkpoint: nothing is believed then
        verdict = Verdict(False, problem.reason, None, None, (), problem=problem)
    document = {
        "valid": verdict.valid,
        "reason": verdict.reason,
        "index": verdict.index,
        "size": verdict.size,
        "cosigners": list(verdict.cosigners),
    }

    def human(to: Console) -> None:
        if not verdict.valid:
            to.print(say("ledger.invalid", reason=verdict.reason))
            for words in (verdict.problem.said, verdict.problem.advice) if verdict.problem else ():
                if words is not None:
                    to.print(said(words), markup=False)
            return
        to.print(say("ledger.valid", entries=len(verdict.entries), size=verdict.size))
        if verdict.entries:
            print_proved(to, read_proofs(data)[1])
        to.print(say("ledger.cosigned", names=", ".join(verdict.cosigners)) if verdict.cosigners else "")
        if not verdict.cosigners:
            to.print(say("ledger.unwitnessed"))

    show(document, human, as_json=as_json)
    if not verdict.valid:
        raise typer.Exit(1)


def audit(
    directory: Plant,
    *,
    quick: Annotated[bool, typer.Option("--quick", help="option.quick_audit")] = False,
    records: Annotated[bool, typer.Option("--records", help="option.audit_records")] = False,
    pinned: Pinned = None,
    as_json: AsJson = False,
) -> None:
    """Read every file of the plant's logs and name each difference; the exit code is 1 when there is one."""
    from assay.store.plant_evidence import audit_plant

    seen = audit_plant(directory, quick=quick, records=records, pinned=_note(pinned))
    document: dict[str, Any] = {
        "valid": seen.valid,
        "size": seen.size,
        "root": seen.root.hex(),
        "findings": [asdict(one) for one in seen.findings],
    }
    if seen.erased:
        document["erased"] = seen.erased
    if seen.records is not None:
        document["records"] = asdict(seen.records)
    if seen.registry is not None:
        document["registry"] = asdict(seen.registry)

    def human(to: Console) -> None:
        to.print(
            say(
                "ledger.audited" if seen.valid else "ledger.differs", size=seen.size, count=len(seen.findings)
            )
        )
        if seen.findings:
            heads = ("file", "index", "offset", "kind", "rebuildable")
            rows = [
                [one.file, one.index, one.offset, one.kind, yes_or_no(one.rebuildable)]
                for one in seen.findings
            ]
            table(to, [say(f"ledger.{head}") for head in heads], rows)
        elif pinned is None:
            to.print(say("ledger.no_pin"))
        if seen.erased:
            to.print(say("ledger.erased_by_entry", count=seen.erased))
        if (compared := seen.records) is not None:
            counts = {"rows": compared.rows, "batches": compared.batches, "count": len(compared.findings)}
            to.print(say("ledger.records_same" if compared.valid else "ledger.records_differ", **counts))
            if compared.findings:
                columns = ("table", "source", "index", "first", "last", "kind")
                rows = [[getattr(one, name) for name in columns] for one in compared.findings]
                table(to, [say(f"ledger.{name}") for name in columns], rows)
        if seen.registry is not None:
            _print_registry(to, seen.registry)

    show(document, human, as_json=as_json)
    if not seen.valid:
        raise typer.Exit(1)


def _print_registry(to: Console, seen: RegistryAudit) -> None:
    if seen.why is not None:
        to.print(say(f"ledger.registry_{seen.why}"))
        return
    counts = {"compared": seen.compared, "waiting": seen.waiting, "count": len(seen.findings)}
    to.print(say("ledger.registry_same" if seen.valid else "ledger.registry_differ", **counts))
    if seen.captures:
        of_events = {name: getattr(seen, name) for name in ("captures", "erased", "unproved")}
        to.print(say("ledger.registry_captures", **of_events))
    if seen.unreadable:
        to.print(say("ledger.registry_unreadable", unreadable=seen.unreadable))
    if seen.findings:
        columns = ("subject", "field", "index", "kind")
        rows = [[getattr(one, name) for name in columns] for one in seen.findings]
        table(to, [say(f"ledger.{name}") for name in columns], rows)


def _policy(path: Path | None) -> Policy | None:
    """The policy given, or the one configured as ``policy`` in the user's state folder."""
    from assay.ledger.policy import Policy
    from assay.ledger.vouching import configured_policy

    return Policy.parse(path.read_bytes()) if path else configured_policy()


def _note(path: Path | None) -> Note | None:
    from assay.ledger.notes import Note

    return Note.parse(path.read_bytes()) if path else None
