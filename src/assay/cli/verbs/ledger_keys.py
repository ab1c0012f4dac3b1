"""``assay ledger rotate|distrust|cosigner|signer``: the keys of a log and of those who write in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.options import AsJson, OfRefused, Plant
from assay.cli.output import show
from assay.cli.speech import say

if TYPE_CHECKING:
    from assay.ledger.keys import SigningKey
    from assay.ledger.place import Place
    from assay.ledger.signer import SocketSigner


def rotate(
    directory: Plant,
    *,
    of_log: Annotated[bool, typer.Option("--log", help="option.rotate_log")] = False,
    refused: OfRefused = False,
    as_json: AsJson = False,
) -> None:
    """Take a new key, for the entries of the plant or (``--log``) for its log; old and new key sign that."""
    from assay.ledger.rotation import rotate_issuer, rotate_log

    of_log = of_log or refused  # nobody but the plant signs what is refused
    done = (rotate_log if of_log else rotate_issuer)(log_of(directory, refused=refused))
    document = {"what": "log" if of_log else "issuer", "old": done.old, "new": done.new, "index": done.index}
    key = "ledger.rotated_log" if of_log else "ledger.rotated_issuer"
    show(document, lambda to: to.print(say(key, path=done.old_file, **document)), as_json=as_json)


def distrust(
    directory: Plant,
    key: Annotated[str, typer.Argument(metavar="KEY", help="argument.distrusted", show_default=False)],
    *,
    after: Annotated[
        int, typer.Option("--after", metavar="N", min=0, help="option.distrust_after", show_default=False)
    ],
    why: Annotated[
        str, typer.Option("--why", metavar="TEXT", help="option.distrust_why", show_default=False)
    ],
    refused: OfRefused = False,
    as_json: AsJson = False,
) -> None:
    """Say that a key is not to be trusted beyond an entry: it was stolen, or its owner was deceived."""
    from assay.ledger.keys import VerifierKey, is_public_hex
    from assay.ledger.standing import distrust as content_of

    place = log_of(directory, refused=refused)
    public = bytes.fromhex(key) if is_public_hex(key) else VerifierKey.parse(key).public
    index = stated_by(place, "distrust", content_of(public, after, why), countersigner(place, public))
    document = {"key": public.hex(), "after": after, "index": index}
    show(document, lambda to: to.print(say("ledger.distrusted", **document)), as_json=as_json)


def cosigner(directory: Plant, *, refused: OfRefused = False, as_json: AsJson = False) -> None:
    """Let the log sign its checkpoints with an ML-DSA-44 key of its own too."""
    from assay.ledger.rotation import add_cosigner

    done = add_cosigner(log_of(directory, refused=refused))
    document = {"key": done.new, "index": done.index}
    show(document, lambda to: to.print(say("ledger.cosigner_made", **document)), as_json=as_json)


def signer(directory: Plant, keys: Annotated[
        list[Path] | None, typer.Argument(metavar="KEYFILE...", help="argument.key_files", show_default=False)
    ] = None, *, refused: OfRefused = False, as_json: AsJson = False) -> None:  # fmt: skip
    """Hold the log's keys in a process of its own until stopped, so that its writer needs no key file."""
    from assay.ledger.signer import Signer

    place = log_of(directory, refused=refused)
    known = place.keys()
    paths = keys or sorted(path for path in map(place.key_of, known) if path.exists())
    document = {"socket": str(place.signer), "keys": [str(path) for path in paths]}

    def ready() -> None:
        show(document, lambda to: to.print(say("ledger.signing", **document)), as_json=as_json)

    Signer(paths, place.outside / "signer.head").serve(place.signer, ready)


def countersigner(place: Place, against: bytes = b"") -> SigningKey | SocketSigner:
    """The newest key of the log that is here and believed, other than ``against``."""
    from assay.ledger.rotation import log_key

    return log_key(place, against)


def stated_by(
    place: Place,
    kind: str,
    content: bytes,
    second: SigningKey | SocketSigner,
) -> int:
    """Have the log say something about itself; the index of the entry."""
    from assay.ledger.rotation import state

    return state(place, kind, content, (second.verifier.public, second.countersign))


def log_of(directory: Path, *, refused: bool = False) -> Place:
    """The main log of a plant, or that of what the gate refused."""
    from assay.ledger.place import MAIN, REFUSED, Place

    return Place.of(directory, REFUSED if refused else MAIN)
