"""Submits entries to a log and says what is acknowledged; with a step named, writes it, and dies there."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay.ledger.entries import Individual, Origin, Signed, sign
from assay.ledger.errors import LedgerError
from assay.ledger.merkle import leaf_hash
from assay.ledger.place import Place
from assay.ledger.submitter import Submitter
from assay.ledger.writer import Ack, Writer

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))


def entry(source: str, seq: int) -> Signed:
    issuer = KEY.public_key().public_bytes_raw()
    origin = Origin(source, 1, seq)
    return sign(Individual("record", f"U-{seq % 9}", origin, seq, seq, leaf_hash(b"x"), 1, None, issuer), KEY)


def tell(first: int, answers: list[Ack | LedgerError]) -> None:
    for seq, answer in enumerate(answers, first):
        if isinstance(answer, LedgerError):
            raise answer
        sys.stdout.write(json.dumps([seq, answer.index, answer.leaf.hex()]) + "\n")
    sys.stdout.flush()


def dying(at: str) -> object:
    step, times = at.split(":")
    left = [int(times)]

    def pause(name: str) -> None:
        if name == step:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return pause


def main(place: Place, source: str, count: int, group: int, at: str | None) -> None:
    if at is None and source != "killed":
        with Submitter(place, idle=1.0) as submitter:
            for first in range(0, count, group):
                tell(
                    first,
                    submitter.append([entry(source, seq) for seq in range(first, min(first + group, count))]),
                )
        return
    with Writer(place, pause=dying(at) if at else lambda step: None) as writer:  # type: ignore[arg-type]
        for first in range(0, count, group):
            tell(
                first, writer.append([entry(source, seq) for seq in range(first, min(first + group, count))])
            )
            writer.checkpoint()
    if at:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    folder, outside, source, count, group, *step = sys.argv[1:]
    main(Place(Path(folder), Path(outside)), source, int(count), int(group), step[0] if step else None)
