"""``assay gate``: which records may become evidence, and why not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.options import AsJson, Plant
from assay.cli.output import show, table
from assay.cli.speech import said, say

if TYPE_CHECKING:
    from rich.console import Console

    from assay.ledger.gate.refused import RefusedEntry
    from assay.ledger.gate.state import Refusal
    from assay.ledger.gate.verdict import Verdict

Begins = Annotated[
    str | None, typer.Option("--from", metavar="TIME", help="option.input_from", show_default=False)
]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="option.gate_why", show_default=False)]
Index = Annotated[int, typer.Argument(metavar="INDEX", help="argument.refused_entry", show_default=False)]


def check(
    directory: Plant,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="argument.gate_records", show_default=False)
    ] = None,
    *,
    refused: Annotated[bool, typer.Option("--refused", help="option.gate_refused")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what the gate would say of records, logging nothing; or list what it refused."""
    from assay.ledger.gate.errors import GateError
    from assay.plant import open_plant
    from assay.store.plant_gate import read_records

    if (file is None) != refused:
        raise GateError.of("nothing_to_check")
    with open_plant(directory) as plant:
        if file is None:
            known = plant.gate.standing()
            rows = [_refusal(one, known.get(one.index)) for one in plant.gate.refused()]
        else:
            verdicts = plant.gate.check(read_records(file))
            rows = [{"index": at} | _document(one) for at, one in enumerate(verdicts)]
    show({"verdicts": rows}, lambda to: _told(to, rows), as_json=as_json)
    if file is not None and any(row["outcome"] == "refused" for row in rows):
        raise typer.Exit(1)


def policy(
    directory: Plant,
    chosen: Annotated[
        str | None, typer.Argument(metavar="POLICY", help="argument.gate_policy", show_default=False)
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show the policies in force; with one, have it in force from the next entry on."""
    from assay.ledger.gate.policy import ready_policies
    from assay.plant import open_plant

    with open_plant(directory) as plant:
        index = None
        if chosen:
            index = plant.gate.set_policy(chosen if chosen in ready_policies() else Path(chosen))
        found = plant.gate.policies()
    rows = [
        {
            "name": one.policy.name,
            "version": one.policy.version,
            "index": one.index,
            "digest": one.digest.hex(),
            "policy": one.policy.model_dump(mode="json", exclude_defaults=True),
        }
        for one in found
    ]

    def human(to: Console) -> None:
        if index is not None:
            to.print(say("gate.set", index=index))
        heads = ("name", "version", "index", "digest")
        shown = [[row[head] if head != "digest" else str(row[head])[:16] for head in heads] for row in rows]
        table(to, [say(f"gate.{head}") for head in heads], shown)

    show({"set": index, "policies": rows}, human, as_json=as_json)


def told(
    directory: Plant,
    sort: Annotated[str, typer.Argument(metavar="TYPE", help="argument.input_type", show_default=False)],
    subject: Annotated[
        str, typer.Argument(metavar="SUBJECT", help="argument.input_subject", show_default=False)
    ],
    *,
    start: Begins = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="option.input_until", show_default=False)
    ] = None,
    value: Annotated[
        list[str] | None,
        typer.Option("--value", metavar="NAME=VALUE", help="option.input_value", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Log what a policy asks for: a qualification, calibration, release, approval, reading."""
    from assay.ledger.gate.errors import GateError
    from assay.plant import open_plant

    values: dict[str, Any] = {}
    for one in value or []:
        name, found, text = one.partition("=")
        if not found or not name:
            raise GateError.of("no_value", value=one)
        if name in values:  # given more than once: a list
            before = values[name]
            values[name] = [*before, text] if isinstance(before, list) else [before, text]
        else:
            values[name] = text
    with open_plant(directory) as plant:
        index = plant.gate.tell(sort, subject, values, start=_moment(start), until=_moment(until))
    document = {"index": index, "type": sort, "subject": subject}
    show(document, lambda to: to.print(say("gate.told", **document)), as_json=as_json)


def revoke(
    directory: Plant,
    index: Annotated[int, typer.Argument(metavar="INDEX", help="argument.input_entry", show_default=False)],
    *,
    why: Why,
    start: Begins = None,
    as_json: AsJson = False,
) -> None:
    """Log that an input holds no more; verdicts that rest on it stay as they are."""
    from assay.plant import open_plant

    with open_plant(directory) as plant:
        entry = plant.gate.revoke(index, why, start=_moment(start))
    document = {"index": entry, "revoked": index}
    show(document, lambda to: to.print(say("gate.revoked", **document)), as_json=as_json)


def override(
    directory: Plant,
    index: Index,
    *,
    by: Annotated[list[Path], typer.Option("--by", metavar="KEY", help="option.gate_by", show_default=False)],
    why: Why,
    as_json: AsJson = False,
) -> None:
    """Have a refused record count after all; two people whom the policy names sign it."""
    from assay.plant import open_plant

    with open_plant(directory) as plant:
        entry = plant.gate.override(index, by, why)
    document = {"index": entry, "refused": index}
    show(document, lambda to: to.print(say("gate.overridden", **document)), as_json=as_json)


def again(directory: Plant, index: Index, *, as_json: AsJson = False) -> None:
    """Judge a refused record again by what is known now; the refusal stays, the new verdict is an entry."""
    from assay.plant import open_plant

    with open_plant(directory) as plant:
        verdict = plant.gate.again(index)
    row = {"index": index} | _document(verdict)
    show(row, lambda to: _told(to, [row]), as_json=as_json)


VERBS: dict[str, Callable[..., None]] = {
    "check": check,
    "policy": policy,
    "input": told,
    "revoke": revoke,
    "override": override,
    "again": again,
}


def _refusal(one: Refusal, known: RefusedEntry | None) -> dict[str, Any]:
    """A refused entry: of a batch with the reasons of all its keys, and what was decided of it since."""
    verdict = one.verdict
    if known is not None and known.keys:
        verdict = verdict._replace(
            reasons=tuple(dict.fromkeys(why for key in known.keys for why in key.reasons))
        )
    about = getattr(one.body, "subject", one.body.origin.source)
    now, entry = known.decision if known is not None else (verdict.outcome, None)
    return {"index": one.index, "about": about, **_document(verdict), "now": now, "decided": entry}


def _document(verdict: Verdict) -> dict[str, Any]:
    return {
        "outcome": verdict.outcome,
        "cited": list(verdict.cited),
        "policies": [one.hex() for one in verdict.policies],
        "reasons": [
            {
                **one._asdict(),
                "said": said(one.said),
                "advice": said(one.advice),
            }
            for one in verdict.reasons
        ],
    }


def _told(to: Console, rows: list[dict[str, Any]]) -> None:
    about = ["about"] if any("about" in row for row in rows) else []
    heads = ("index", *about, "outcome", "why", "advice")
    shown = []
    for row in rows:
        first = [row["index"], *(row[head] for head in about)]
        decided = row.get("decided")
        outcome = f"since_{row['now']}" if decided is not None else row["outcome"]
        shown.append([*first, say(f"gate.{outcome}", entry=decided), "", ""])
        shown += [[*("" for _ in first), "", one["said"], one["advice"]] for one in row["reasons"]]
    table(to, [say(f"gate.{head}") for head in heads], shown)


def _moment(text: str | None) -> datetime | None:
    from assay.ledger.gate.errors import GateError

    if text is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise GateError.of("bad_time", value=text) from None
