"""``assay chain``: contracts on an EVM chain, and heads of the evidence log anchored there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.options import AsJson, Plant
from assay.cli.output import show, table
from assay.cli.speech import say

if TYPE_CHECKING:
    from rich.console import Console

    from assay.exchange.chain.heads import Head, HeadRequest
    from assay.exchange.chain.link import Link
    from assay.exchange.chain.queue import Queued
    from assay.exchange.chain.settings import ChainFolder, Deployment, LogAnchor


def deploy(
    directory: Plant,
    *,
    template: Annotated[
        list[str] | None,
        typer.Option("--template", metavar="ID", help="option.chain_template", show_default=False),
    ] = None,
    token: Annotated[
        list[str] | None,
        typer.Option("--token", metavar="ADDRESS", help="option.chain_token", show_default=False),
    ] = None,
    origin: Annotated[
        str | None, typer.Option("--origin", metavar="NAME", help="option.chain_origin", show_default=False)
    ] = None,
    signer: Annotated[
        list[str] | None,
        typer.Option("--signer", metavar="ADDRESS", help="option.chain_signer", show_default=False),
    ] = None,
    quorum: Annotated[int, typer.Option("--quorum", metavar="K", help="option.chain_quorum")] = 1,
    as_json: AsJson = False,
) -> None:
    """Put the contracts on the chain, publish the templates, register a log; what is done already is left."""
    from assay.exchange.chain import deploying
    from assay.exchange.chain import templates as known

    if origin and not signer:
        raise typer.BadParameter(say("chain.signers"))
    chosen = [known.template(one) for one in template] if template else list(known.installed().values())
    with opened(directory, sending=True) as (folder, link, deployment):
        folder.path.mkdir(exist_ok=True)
        deploying.deploy_anchor(link, deployment, folder.keep)
        files = {one.name: (one.artifact, one.manifest_hash) for one in chosen}
        deploying.publish(link, deployment, folder.keep, files)
        for one in token or ():
            deploying.allow_token(link, deployment, one)
        if origin:
            deploying.register_log(link, deployment, folder.keep, origin, signer or (), quorum=quorum)

    def human(to: Console) -> None:
        to.print(say("chain.deployed", chain_id=deployment.chain_id))
        rows = [("EvidenceAnchor", deployment.anchor), ("TemplateRegistry", deployment.registry)]
        table(to, (say("chain.what"), say("chain.address")), [*rows, *deployment.templates.items()])
        for log in deployment.logs:
            to.print(say("chain.log", origin=log.origin, log_id=log.log_id))

    show(deployment.model_dump(), human, as_json=as_json)


def anchor(
    directory: Plant,
    *,
    checkpoint: Annotated[
        Path | None,
        typer.Option("--checkpoint", metavar="FILE", help="option.checkpoint", show_default=False),
    ] = None,
    proof: Annotated[
        Path | None, typer.Option("--proof", metavar="FILE", help="option.consistency", show_default=False)
    ] = None,
    request: Annotated[
        Path | None, typer.Option("--request", metavar="FILE", help="option.head_request", show_default=False)
    ] = None,
    sign: Annotated[
        Path | None, typer.Option("--sign", metavar="KEY", help="option.head_sign", show_default=False)
    ] = None,
    policy: Annotated[
        Path | None, typer.Option("--policy", metavar="FILE", help="option.head_policy", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="option.head_out", show_default=False)
    ] = None,
    signature: Annotated[
        list[Path] | None,
        typer.Option("--signature", metavar="FILE", help="option.head_signature", show_default=False),
    ] = None,
    wait: Annotated[float, typer.Option("--wait", metavar="SECONDS", help="option.chain_wait")] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Ask for signatures of a head, give one, or queue a signed head and move the queue on.

    Without a checkpoint it is about the plant's own log.
    """
    if checkpoint:
        _ask(directory, checkpoint, proof, _needed(request, "--request"), as_json=as_json)
    elif request and not sign:
        _ask_own(directory, request, as_json=as_json)
    elif sign:
        _give(
            directory, _needed(request, "--request"), sign, _needed(policy, "--policy"), out, as_json=as_json
        )
    else:
        _bring(directory, signature or [], wait, policy, as_json=as_json)


def _needed(value: Path | None, option: str) -> Path:
    if value is None:
        raise typer.BadParameter(say("chain.needed", option=option))
    return value


def _ask(plant: Path, checkpoint: Path, proof: Path | None, request: Path, *, as_json: bool) -> None:
    from assay.exchange.chain.anchoring import on_chain
    from assay.exchange.chain.heads import HeadRequest, read_proof
    from assay.ledger.checkpoint import Checkpoint
    from assay.ledger.notes import Note

    note = checkpoint.read_bytes()
    head = Checkpoint.parse(Note.parse(note).text)
    with opened(plant) as (_, link, deployment):
        log = _log(deployment, head.origin)
        contract = _anchor_of(deployment)
        there = on_chain(link, contract, bytes.fromhex(log.log_id[2:]))
    asked = HeadRequest(
        deployment.chain_id, contract, log.registrant, note, there.size, read_proof(proof) if proof else ()
    )
    _asked(asked, head.size, request, as_json=as_json)


def _ask_own(plant: Path, request: Path, *, as_json: bool) -> None:
    from assay.exchange.chain.anchoring import on_chain
    from assay.exchange.chain.own_log import own_request
    from assay.ledger.checkpoint import Checkpoint
    from assay.ledger.notes import Note
    from assay.ledger.place import Place

    place = Place.of(plant)
    with opened(plant) as (_, link, deployment):
        log = _log(deployment, place.public_key().name)
        there = on_chain(link, _anchor_of(deployment), bytes.fromhex(log.log_id[2:]))
        asked = own_request(place, deployment, log, there)
    if asked is None:
        document = {"file": None, "size": there.size, "previous": there.size}
        show(document, lambda to: to.print(say("chain.nothing_new", size=there.size)), as_json=as_json)
        return
    _asked(asked, Checkpoint.parse(Note.parse(asked.note).text).size, request, as_json=as_json)


def _asked(asked: HeadRequest, size: int, request: Path, *, as_json: bool) -> None:
    request.write_text(asked.to_json(), "utf-8")

    def human(to: Console) -> None:
        to.print(say("chain.asked", size=size, previous=asked.previous, file=request.name))

    show({"file": str(request), "size": size, "previous": asked.previous}, human, as_json=as_json)


def _give(plant: Path, request: Path, key: Path, policy: Path, out: Path | None, *, as_json: bool) -> None:
    from assay.exchange.chain.anchoring import on_chain
    from assay.exchange.chain.heads import AnchorSigner, HeadRequest, write_signature
    from assay.exchange.chain.keys import log_id_of, read_key
    from assay.ledger.checkpoint import Checkpoint
    from assay.ledger.notes import Note
    from assay.ledger.policy import Policy

    target = _needed(out, "--out")
    asked = HeadRequest.read(request)
    origin = Checkpoint.parse(Note.parse(asked.note).text).origin
    with opened(plant) as (folder, link, deployment):
        _same_place(asked, deployment)
        there = on_chain(link, asked.contract, log_id_of(asked.registrant, origin))
        signer = AnchorSigner(read_key(key), Policy.parse(policy.read_bytes()), folder.path / "signed.db")
        with closing(signer):
            head = signer.sign(asked, (there.size, there.root))
    target.write_text(write_signature(head), "utf-8")

    def human(to: Console) -> None:
        to.print(say("chain.signed", size=head.size, file=target.name))

    show({"file": str(target), "size": head.size, "root": "0x" + head.root.hex()}, human, as_json=as_json)


def _bring(plant: Path, signatures: list[Path], wait: float, policy: Path | None, *, as_json: bool) -> None:
    from assay.exchange.chain.anchoring import Anchorer, on_chain, signers_of
    from assay.exchange.chain.queue import AnchorQueue, AnchorState

    with opened(plant, sending=True) as (folder, link, deployment):
        contract = _anchor_of(deployment)
        with closing(AnchorQueue(folder.queue)) as queue:
            given = _together(signatures)
            if not given and link.settings.signer_keys:
                given = _signed_here(plant, folder, link, deployment, policy)
            for head in given:
                there = on_chain(link, contract, head.log_id)
                signers = signers_of(link, contract, head.log_id, there.generation)
                queue.put(head, head.ordered(deployment.chain_id, contract, signers, there.quorum))
            heads = Anchorer(queue, link, contract).run(wait)
    show({"heads": [one.to_dict() for one in heads]}, lambda to: _heads(to, heads), as_json=as_json)
    if any(one.state in {AnchorState.CONFLICT, AnchorState.REFUSED} for one in heads):
        raise typer.Exit(1)


def _signed_here(
    plant: Path, folder: ChainFolder, link: Link, deployment: Deployment, policy: Path | None
) -> list[Head]:
    """The published head of the plant's own log with the signatures of this machine's signers."""
    from assay.exchange.chain.anchoring import on_chain
    from assay.exchange.chain.heads import AnchorSigner, Head
    from assay.exchange.chain.keys import read_key
    from assay.exchange.chain.own_log import own_request
    from assay.ledger.errors import VerificationError
    from assay.ledger.place import Place
    from assay.ledger.policy import Policy
    from assay.ledger.vouching import configured_policy

    place = Place.of(plant)
    log = _log(deployment, place.public_key().name)
    there = on_chain(link, _anchor_of(deployment), bytes.fromhex(log.log_id[2:]))
    asked = own_request(place, deployment, log, there)
    if asked is None:
        return []
    believed = Policy.parse(policy.read_bytes()) if policy else configured_policy()
    if believed is None:
        raise VerificationError.of("no_policy")
    signed: list[Head] = []
    for number, key in enumerate(link.settings.signer_keys):
        signer = AnchorSigner(read_key(key), believed, folder.path / f"signed-{number}.db")
        with closing(signer):
            signed.append(signer.sign(asked, (there.size, there.root)))
    one = signed[0]
    return [Head(one.log_id, one.size, one.root, tuple(each for head in signed for each in head.signatures))]


def inclusion(
    directory: Plant,
    index: Annotated[int, typer.Argument(metavar="INDEX", help="argument.entry_index", show_default=False)],
    *,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="option.inclusion_out", show_default=False)
    ],
    as_json: AsJson = False,
) -> None:
    """Write where an entry of the plant's own log lies in its anchored head, as a contract takes it."""
    import json

    from assay.exchange.chain.anchoring import on_chain
    from assay.exchange.chain.own_log import inclusion as included
    from assay.ledger.place import Place

    place = Place.of(directory)
    with opened(directory) as (_, link, deployment):
        log = _log(deployment, place.public_key().name)
        there = on_chain(link, _anchor_of(deployment), bytes.fromhex(log.log_id[2:]))
    document = included(place, index, there).to_dict()
    out.write_text(json.dumps(document, indent=2), "utf-8")

    def human(to: Console) -> None:
        to.print(say("chain.included", index=index, size=there.size, file=out.name))

    show({"file": str(out)} | document, human, as_json=as_json)


def rotate(
    directory: Plant,
    *,
    signer: Annotated[
        list[str], typer.Option("--signer", metavar="ADDRESS", help="option.new_signer", show_default=False)
    ],
    quorum: Annotated[int, typer.Option("--quorum", metavar="K", help="option.chain_quorum")] = 1,
    origin: Annotated[
        str | None, typer.Option("--origin", metavar="NAME", help="option.rotated_origin", show_default=False)
    ] = None,
    sign: Annotated[
        Path | None, typer.Option("--sign", metavar="KEY", help="option.rotate_sign", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="option.head_out", show_default=False)
    ] = None,
    signature: Annotated[
        list[Path] | None,
        typer.Option("--signature", metavar="FILE", help="option.rotate_signature", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Replace the signers of a log's heads: each present one signs, then the quorum's signatures are sent."""
    from assay.exchange.chain.keys import read_key
    from assay.exchange.chain.rotating import Rotation

    with opened(directory, sending=sign is None) as (_, link, deployment):
        contract, log = _anchor_of(deployment), _chosen(deployment, origin)
        wanted = Rotation.next(link, contract, bytes.fromhex(log.log_id[2:]), signer, quorum)
        if sign is not None:
            target = _needed(out, "--out")
            target.write_text(wanted.signed(read_key(sign), deployment.chain_id, contract), "utf-8")
            done = {"file": str(target)} | wanted.to_dict()
            text = say("chain.rotation_signed", generation=wanted.generation, file=target.name)
        else:
            sent = wanted.bring(link, contract, signature or [])
            done = wanted.to_dict() | {"transaction": sent}
            text = say("chain.rotated", origin=log.origin, generation=wanted.generation)
    show(done, lambda to: to.print(text), as_json=as_json)


def _chosen(deployment: Deployment, origin: str | None) -> LogAnchor:
    """The registered log of that origin, or the only one."""
    from assay.exchange.chain.errors import ChainError

    if origin is not None or not deployment.logs:
        return _log(deployment, origin or "-")
    if len(deployment.logs) > 1:
        known = ", ".join(one.origin for one in deployment.logs)
        raise ChainError.of(
            "several_logs", count=len(deployment.logs), chain_id=deployment.chain_id, known=known
        )
    return deployment.logs[0]


def status(directory: Plant, *, as_json: AsJson = False) -> None:
    """What is anchored and what waits; the exit code is 1 for a conflict, or a chain that can't be asked."""
    from assay.exchange.chain.anchoring import on_chain
    from assay.exchange.chain.artifacts import artifact
    from assay.exchange.chain.deploying import check_code
    from assay.exchange.chain.errors import ChainError
    from assay.exchange.chain.queue import AnchorQueue, AnchorState
    from assay.exchange.chain.settings import ChainFolder

    folder = ChainFolder(directory)
    settings = folder.settings()
    deployment = folder.deployment(settings.chain_id)
    problem: str | None = None
    logs: list[dict[str, Any]] = []
    try:
        with opened(directory) as (_, link, _deployed):
            contract = _anchor_of(deployment)
            check_code(link, artifact("EvidenceAnchor"), contract)
            for log in deployment.logs:
                there = on_chain(link, contract, bytes.fromhex(log.log_id[2:]))
                logs.append(log.model_dump() | {"size": there.size, "root": "0x" + there.root.hex()})
    except ChainError as error:
        problem = error.message
    heads = []
    if folder.queue.is_file():
        with closing(AnchorQueue(folder.queue)) as queue:
            heads = queue.heads()

    own = _own(directory)
    lost = _lost(heads, {one["log_id"]: one["size"] for one in logs})

    def human(to: Console) -> None:
        to.print(problem or say("chain.reached", chain_id=settings.chain_id, finality=settings.finality.kind))
        for one in logs:
            to.print(say("chain.anchored", origin=one["origin"], size=one["size"]))
        if own is not None:
            known, names = own["witnesses"], ", ".join(own["cosigners"])
            covered = max((one["size"] for one in logs if one["origin"] == own["origin"]), default=0)
            alone = "only_anchored" if 0 < own["size"] <= covered else "unwitnessed"
            said = "cosigned" if names else "not_cosigned" if known else alone
            to.print(say(f"chain.{said}", size=own["size"], names=names, known=known))
            for one in own["states"]:
                if one["state"] != "ok":
                    to.print(f"{one['name']}: {say('ledger.state_' + one['state'])}")
        _heads(to, heads)
        if lost:
            to.print(say("chain.lost", size=max(lost)))

    document = {
        "chain_id": settings.chain_id,
        "development": settings.development,
        "finality": settings.finality.model_dump(),
        "problem": problem,
        "logs": logs,
        "own_log": own,
        "heads": [one.to_dict() for one in heads],
        "lost": lost,
    }
    show(document, human, as_json=as_json)
    if problem or lost or any(one.state is AnchorState.CONFLICT for one in heads):
        raise typer.Exit(1)


def _lost(heads: list[Queued], anchored: dict[str, int]) -> list[int]:
    """Sizes of heads that were final and that the chain has no more."""
    from assay.exchange.chain.queue import AnchorState

    return [
        one.head.size
        for one in heads
        if one.state is AnchorState.FINAL
        and one.head.size > anchored.get("0x" + one.head.log_id.hex(), one.head.size)
    ]


def _own(plant: Path) -> dict[str, Any] | None:
    """How far the plant's own log is and who cosigned it; None where it has none."""
    from assay.ledger.derived import Derived
    from assay.ledger.place import MAIN, Place
    from assay.ledger.vouching import vouched

    if not (plant / "ledger" / MAIN).is_dir():
        return None
    place = Place.of(plant)
    published, seen = Derived(place.folder).published(), vouched(place)
    return {
        "origin": place.public_key().name,
        "size": published[1].size if published else 0,
        "witnesses": seen.known,
        "cosigners": seen.cosigners,
        "quorum": seen.quorum,
        "states": [{"name": one.name, "state": one.state, "size": one.size} for one in seen.states],
    }


@contextmanager
def opened(plant: Path, *, sending: bool = False) -> Iterator[tuple[ChainFolder, Link, Deployment]]:
    """The chain of a plant; with the sender's key where something is to be sent."""
    from assay.exchange.chain.keys import read_key
    from assay.exchange.chain.link import Link
    from assay.exchange.chain.settings import ChainFolder

    folder = ChainFolder(plant)
    settings = folder.settings()
    link = Link(settings, read_key(settings.sender_key) if sending else None)
    yield folder, link, folder.deployment(settings.chain_id)


def _heads(to: Console, heads: list[Queued]) -> None:
    if not heads:
        to.print(say("chain.no_heads"))
        return
    rows = [
        (one.head.size, "0x" + one.head.root.hex(), say(f"chain.state_{one.state}"), one.note)
        for one in heads
    ]
    table(to, [say(f"chain.{head}") for head in ("size", "root", "state", "note")], rows, right=(0,))


def _together(files: list[Path]) -> list[Head]:
    """Signed heads, the signatures of one head together."""
    from assay.exchange.chain.heads import Head, read_signature

    found: dict[tuple[bytes, int, bytes], tuple[bytes, ...]] = {}
    for file in files:
        head = read_signature(file)
        key = (head.log_id, head.size, head.root)
        found[key] = (*found.get(key, ()), *head.signatures)
    return [Head(*key, signatures) for key, signatures in found.items()]


def _anchor_of(deployment: Deployment) -> str:
    from assay.exchange.chain.errors import ChainError

    if deployment.anchor is None:
        raise ChainError.of("not_deployed", what="EvidenceAnchor", chain_id=deployment.chain_id)
    return deployment.anchor


def _log(deployment: Deployment, origin: str) -> LogAnchor:
    from assay.exchange.chain.errors import ChainError

    for one in deployment.logs:
        if one.origin == origin:
            return one
    raise ChainError.of("not_deployed", what=origin, chain_id=deployment.chain_id)


def _same_place(asked: HeadRequest, deployment: Deployment) -> None:
    from assay.exchange.chain.errors import ChainError

    contract = _anchor_of(deployment)
    if (asked.chain_id, asked.contract.lower()) != (deployment.chain_id, contract.lower()):
        raise ChainError.of(
            "wrong_contract",
            given=f"{asked.contract} ({asked.chain_id})",
            wanted=f"{contract} ({deployment.chain_id})",
        )


VERBS: dict[str, Callable[..., None]] = {
    "deploy": deploy,
    "anchor": anchor,
    "inclusion": inclusion,
    "rotate": rotate,
    "status": status,
}
