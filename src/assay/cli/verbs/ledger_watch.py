"""``assay ledger monitor|consistency``: looking at logs from outside."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.options import AsJson, OfRefused, Plant
from assay.cli.output import show, table
from assay.cli.speech import say
from assay.cli.verbs.ledger_keys import log_of

if TYPE_CHECKING:
    from rich.console import Console

    from assay.ledger.keys import VerifierKey
    from assay.ledger.monitor import Watched
    from assay.ledger.notes import Note
    from assay.ledger.policy import Policy
    from assay.ledger.sources import Source


def monitor(
    places: Annotated[
        list[str] | None, typer.Argument(metavar="DIR|URL...", help="argument.watched", show_default=False)
    ] = None,
    *,
    policy: Annotated[
        Path | None, typer.Option("--policy", metavar="FILE", help="option.watch_policy", show_default=False)
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", metavar="VKEY", help="option.watch_key", show_default=False)
    ] = None,
    log: Annotated[
        str | None, typer.Option("--log", metavar="NAME", help="option.log_name", show_default=False)
    ] = None,
    pins: Annotated[
        Path | None, typer.Option("--pins", metavar="DIR", help="option.pins", show_default=False)
    ] = None,
    hours: Annotated[float, typer.Option("--hours", min=0.01, help="option.stale_hours")] = 24.0,
    alarms: Annotated[
        Path | None, typer.Option("--alarms", metavar="DIR", help="option.log_alarms", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look at logs and compare them with what was pinned; exit code 1 when something is wrong with one."""
    from assay.ledger.monitor import Monitor, as_document, monitor_home
    from assay.ledger.policy import Policy

    believed = Policy.parse(policy.read_bytes()) if policy else None
    watching = Monitor(pins or monitor_home(), longest=hours * 3600)
    found: list[Watched] = []
    for one, sources in _logs(places or [], believed, key, log):
        held = _held(one)
        found.append(watching.watch(one, sources, policy=believed, held=held))
    if alarms is not None:
        _record(alarms, found)

    def human(to: Console) -> None:
        for one in found:
            first = "ledger.watched_first" if one.before is None else "ledger.watched"
            to.print(say(first, origin=one.origin, size=one.size, before=one.before))
            names = ", ".join(one.cosigners)
            to.print(say("ledger.cosigned", names=names) if names else say("ledger.unvouched"))
            rows = [[say(f"ledger.seen_{seen.kind}"), seen.where, seen.said] for seen in one.observations]
            if rows:
                table(to, [say("ledger.kind"), say("ledger.place"), say("ledger.detail")], rows)
            for seen in one.observations:
                if seen.evidence:
                    to.print(say("ledger.evidence", path=seen.evidence), soft_wrap=True)

    show(as_document(found), human, as_json=as_json)
    if any(one.observations for one in found):
        raise typer.Exit(1)


def _record(plant: Path, found: list[Watched]) -> None:
    """What is wrong with logs, as alarms of a plant."""
    from datetime import UTC, datetime

    from assay.analyse.alarms import record_alarms
    from assay.analyse.watching import of_logs
    from assay.store.workspace import Workspace

    with Workspace.open(plant) as workspace:
        record_alarms(workspace, of_logs(found, datetime.now(UTC)))


def consistency(
    directory: Plant,
    earlier: Annotated[str, typer.Argument(metavar="OLD", help="argument.earlier", show_default=False)],
    *,
    new: Annotated[
        Path | None, typer.Option("--new", metavar="FILE", help="option.later", show_default=False)
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="option.proof_out", show_default=False)],
    refused: OfRefused = False,
    as_json: AsJson = False,
) -> None:
    """Write the proof that a checkpoint of the log continues an earlier one."""
    from assay.ledger.consistency import consistency as consistency_of
    from assay.ledger.notes import Note
    from assay.ledger.text import of_decimal

    path = Path(earlier)
    old = Note.parse(path.read_bytes()) if path.exists() else of_decimal(earlier)
    proof = consistency_of(
        log_of(directory, refused=refused), old, Note.parse(new.read_bytes()) if new else None
    )
    data = bytes(proof)
    out.write_bytes(data)
    document = {"file": str(out), "bytes": len(data)}
    show(document, lambda to: to.print(say("ledger.written", **document)), as_json=as_json)


def _logs(
    places: list[str], policy: Policy | None, key: str | None, log: str | None
) -> list[tuple[VerifierKey, list[Source]]]:
    """The logs to look at, each with every place it is shown at."""
    from assay.ledger.errors import LogError
    from assay.ledger.keys import VerifierKey
    from assay.ledger.place import MAIN, REFUSED, read_keys
    from assay.ledger.sources import FolderSource, UrlSource, source_of

    if not places and policy:
        urls = [(one, policy.urls.get(str(one), "")) for one in policy.logs]
        return [(one, [UrlSource(url)]) for one, url in urls if url]
    found: dict[VerifierKey, list[Source]] = {}
    for place in places:
        source = source_of(place, log or MAIN)
        if key is not None:
            mine = VerifierKey.parse(key)
        elif policy and len(policy.logs) == 1:
            mine = policy.logs[0]
        elif isinstance(source, FolderSource):
            mine = read_keys(Path(source.where), 1)[0]
        else:
            raise LogError.of("no_watched_key", where=place)
        found.setdefault(mine, []).append(source)
        beside = Path(place) / "ledger" / REFUSED
        if log is None and key is None and beside.is_dir():
            other = read_keys(beside, 1)[0]
            named = [one for one in policy.logs if one.name == other.name] if policy else [other]
            found.update({one: [*found.get(one, []), FolderSource(beside)] for one in named})
    if not found:
        raise LogError.of("no_watched_key", where="-")
    return list(found.items())


def _held(key: VerifierKey) -> list[Note]:
    """What the witness of this machine has cosigned of a log."""
    from assay.ledger.notes import Note
    from assay.ledger.witness import Witness, witness_home

    if not any(witness_home().glob("*.key")):
        return []
    with Witness(witness_home()) as witness:
        return [Note.parse(one.note) for one in witness.seen() if one.origin == key.name]
