"""``assay ledger witness``: being a witness, and having witnesses."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.options import AsJson, OfRefused, Plant
from assay.cli.output import as_text, show, table
from assay.cli.speech import say
from assay.cli.verbs.ledger_keys import countersigner, log_of, stated_by

if TYPE_CHECKING:
    from rich.console import Console

Vkey = Annotated[str, typer.Argument(metavar="VKEY", help="argument.vkey", show_default=False)]


def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="argument.witness_name", show_default=False)],
    *,
    as_json: AsJson = False,
) -> None:
    """Make the witness of this machine: an Ed25519 and an ML-DSA-44 key under one name."""
    from assay.ledger.keys import KeyKind
    from assay.ledger.witness import make_witness, witness_home

    kinds = [KeyKind.COSIGNATURE_ED25519, KeyKind.COSIGNATURE_MLDSA44]
    keys = [str(key) for key in make_witness(witness_home(), name, kinds)]
    document = {"name": name, "keys": keys, "folder": str(witness_home())}

    def human(to: Console) -> None:
        to.print(say("ledger.witness_made", name=name, folder=witness_home()))
        for key in keys:
            to.print(key, soft_wrap=True)

    show(document, human, as_json=as_json)


def know(vkey: Vkey, *, as_json: AsJson = False) -> None:
    """Let the witness of this machine cosign a partner's log."""
    from assay.ledger.keys import VerifierKey
    from assay.ledger.witness import know_log, witness_home

    key = VerifierKey.parse(vkey)
    know_log(witness_home(), key)
    document = {"origin": key.name, "key": vkey}
    show(document, lambda to: to.print(say("ledger.known", origin=key.name)), as_json=as_json)


def seen(*, as_json: AsJson = False) -> None:
    """What the witness of this machine has cosigned, and what contradicts it; exit code 1 for a fork."""
    from assay.ledger.witness import Witness, witness_home

    with Witness(witness_home()) as witness:
        held, against = witness.seen(), witness.contradictions()
    document = {
        "logs": [
            {"origin": one.origin, "size": one.size, "root": one.root.hex(), "time": one.time} for one in held
        ],
        "contradictions": [
            {
                "origin": one.origin,
                "reason": one.reason,
                "held": one.held.decode(),
                "shown": one.note.decode(),
                "time": one.time,
            }
            for one in against
        ],
    }
    forked = any(one.reason == "forked" for one in against)

    def human(to: Console) -> None:
        heads = [say("ledger.log"), say("ledger.entries"), say("ledger.when")]
        table(to, heads, [[one.origin, one.size, _moment(one.time)] for one in held])
        for one in against:
            to.print(say(f"ledger.against_{one.reason}", origin=one.origin, when=_moment(one.time)))

    show(document, human, as_json=as_json)
    if forked:
        raise typer.Exit(1)


def serve(
    *,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="option.port")] = 8081,
    host: Annotated[str, typer.Option("--host", help="option.host")] = "127.0.0.1",
    as_json: AsJson = False,
) -> None:
    """Answer partners' logs until stopped; without a plant."""
    import uvicorn

    from assay.api.app import SERVER
    from assay.api.settings import ApiSettings
    from assay.api.witness_app import witness_app
    from assay.ledger.witness import Witness, witness_home
    from assay.model.errors import AssayError

    try:
        settings = ApiSettings.from_environment().bound_to(host)
    except ValueError as problem:
        raise AssayError(str(problem)) from None
    with Witness(witness_home()) as witness:
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        document = {"url": url, "keys": [str(key) for key in witness.keys]}
        if as_json:
            sys.stdout.write(as_text(document))
            sys.stdout.flush()
        else:
            sys.stderr.write(say("ledger.witnessing", url=url) + "\n")
        uvicorn.run(witness_app(witness, settings), host=host, port=port, **SERVER)


def policy(
    directory: Plant,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="argument.log_policy", show_default=False)
    ] = None,
    *,
    refused: OfRefused = False,
    as_json: AsJson = False,
) -> None:
    """Show whom the log asks for cosignatures, or settle it by a policy file; that is logged."""
    from assay.ledger.policy import Policy
    from assay.ledger.standing import published_standing

    place = log_of(directory, refused=refused)
    if file is not None:
        said = bytes(Policy.parse(file.read_bytes()))
        stated_by(place, "policy", said, countersigner(place))
    found = published_standing(place).policy
    text = bytes(found).decode() if found else ""
    document = {"origin": place.public_key().name, "policy": text or None}
    show(document, lambda to: to.print(text or say("ledger.unwitnessed"), soft_wrap=True), as_json=as_json)


def states(directory: Plant, *, refused: OfRefused = False, as_json: AsJson = False) -> None:
    """What each witness of the log said last; exit code 1 when fewer than the quorum have cosigned."""
    from assay.ledger.vouching import vouched

    place = log_of(directory, refused=refused)
    seen = vouched(place)
    names = ("name", "url", "state", "size", "at", "since", "detail")
    document = {
        "origin": place.public_key().name,
        "quorum": seen.quorum,
        "cosigners": seen.cosigners,
        "witnesses": [{name: getattr(one, name) for name in names} for one in seen.states],
    }

    def human(to: Console) -> None:
        heads = [say(f"ledger.{one}") for one in ("witness_name", "state", "entries", "when", "detail")]
        rows = [
            [one.name, say(f"ledger.state_{one.state}"), one.size, _moment(one.at), one.detail]
            for one in seen.states
        ]
        table(to, heads, rows)
        said = "quorum" if seen.quorum else "no_quorum" if seen.known else "unwitnessed"
        to.print(say(f"ledger.{said}"))

    show(document, human, as_json=as_json)
    if not seen.quorum:
        raise typer.Exit(1)


VERBS: dict[str, Callable[..., None]] = {
    "init": init,
    "know": know,
    "serve": serve,
    "seen": seen,
    "policy": policy,
    "status": states,
}


def _moment(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second)) if second else "-"
