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


def expire(
    directory: Plant,
    key: Annotated[
        str | None,
        typer.Argument(metavar="KEY", help="argument.expiring", show_default=False),
    ] = None,
    *,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="option.key_until", show_default=False)
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="option.key_from", show_default=False)
    ] = None,
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="option.expire_why", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Say from when and until when a key may sign entries; the last word counts, also to prolong it."""
    from assay.ledger.errors import VerificationError
    from assay.ledger.keys import is_public_hex
    from assay.ledger.rotation import issuer_of
    from assay.ledger.text import of_moment
    from assay.ledger.validity import Validity, limited

    place = log_of(directory)
    if key and not is_public_hex(key):
        raise VerificationError.of("bad_key", value=key, why="64 × 0-9a-f")
    public = bytes.fromhex(key) if key else issuer_of(place).public_key().public_bytes_raw()
    validity = Validity(*(of_moment(one) if one else None for one in (start, until)))
    index = stated_by(place, "validity", limited(public, validity, why), countersigner(place))
    document = {"key": public.hex(), "from": start, "until": until, "index": index}
    values = {"start": start or "–", "until": until or "–", "public": public.hex(), "index": index}
    show(document, lambda to: to.print(say("ledger.expiring", **values)), as_json=as_json)


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


def issuer_state(place: Place) -> dict[str, str | None]:
    """The key the plant signs entries with (``key``, ``until``), and whether it may (``state``): ``ok``,
    ``expired``, ``not_yet``, ``retired``, ``distrusted``, ``unreadable``, or ``none``.
    """
    import time

    from assay.ledger.errors import LedgerError
    from assay.ledger.issuer import ISSUER_KEY, read_issuer
    from assay.ledger.standing import published_standing
    from assay.ledger.text import as_moment

    path, found = place.outside / ISSUER_KEY, published_standing(place)
    if not path.exists():
        return {"key": None, "until": None, "state": "none"}
    try:
        public = read_issuer(path).public_key().public_bytes_raw()
    except LedgerError:
        return {"key": None, "until": None, "state": "unreadable"}
    validity = found.valid.get(public)
    until = as_moment(validity.until) if validity and validity.until is not None else None
    state = "ok"
    try:
        found.admit(public, 2**63)
        if validity:
            validity.check(public, time.time_ns() // 1_000)
    except LedgerError as problem:
        state = {"retired_key": "retired", "distrusted_key": "distrusted", "key_expired": "expired"}.get(
            problem.reason, "not_yet"
        )
    return {"key": public.hex(), "until": until, "state": state}


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
