"""Witnesses behind real servers in this process, and plants whose logs ask them."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay.api.app import SERVER
from assay.api.settings import ApiSettings
from assay.api.witness_app import witness_app
from assay.ledger.entries import Signed
from assay.ledger.keys import KeyKind, SigningKey, VerifierKey
from assay.ledger.place import Place
from assay.ledger.standing import stated
from assay.ledger.witness import Witness, know_log, make_witness
from assay.ledger.writer import Writer

ISSUER = Ed25519PrivateKey.from_private_bytes(bytes([3] * 32))
BOTH = [KeyKind.COSIGNATURE_ED25519, KeyKind.COSIGNATURE_MLDSA44]


class Partner:
    """A partner's witness: its folder, and a server that can be stopped and started at the same address."""

    def __init__(self, folder: Path, name: str, kinds: list[KeyKind] = BOTH) -> None:
        self.folder, self.name = folder, name
        self.keys = make_witness(folder, name, kinds)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.port = listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.clock: Callable[[], float] = time.time

    @property
    def key(self) -> VerifierKey:
        return self.keys[0]

    def knows(self, *logs: VerifierKey) -> None:
        for log in logs:
            know_log(self.folder, log)

    def line(self, name: str, url: str | None = None) -> str:
        return f"witness {name} {self.key} {self.url if url is None else url}".rstrip()

    def size(self) -> int:
        with Witness(self.folder) as witness:
            return sum(one.size for one in witness.seen())

    @contextmanager
    def at_work(self) -> Iterator[None]:
        with Witness(self.folder, clock=self.clock) as witness:
            app = witness_app(witness, ApiSettings())
            server = uvicorn.Server(uvicorn.Config(app, **SERVER))
            listening = socket.create_server(("127.0.0.1", self.port))
            thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
            thread.start()
            try:
                while not server.started:
                    time.sleep(0.01)
                yield
            finally:
                server.should_exit = True
                thread.join()
                listening.close()


def said_by(place: Place, kind: str, content: bytes, issuer: Ed25519PrivateKey = ISSUER) -> Signed:
    """A statement of the log, countersigned by its newest key."""
    key = SigningKey.read(place.key_of(place.public_key()))
    return stated(kind, content, issuer, key.verifier.public, key.countersign)


def policy_of(partners: list[Partner], quorum: str, **urls: str) -> bytes:
    lines = [one.line(f"w{n}", urls.get(f"w{n}")) for n, one in enumerate(partners)]
    members = " ".join(f"w{n}" for n in range(len(partners)))
    return "\n".join([*lines, f"group k {quorum} {members}", "quorum k", ""]).encode()


def witnessed(place: Place, policy: bytes) -> None:
    """Let the log ask the witnesses of ``policy``."""
    with Writer(place) as writer:
        (answer,) = writer.append([said_by(place, "policy", policy)])
        assert hasattr(answer, "index"), answer
