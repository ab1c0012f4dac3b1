"""The signer: a small process that holds the log's keys, so that the process that writes the log does not.

It listens on a Unix socket of its owner's and signs checkpoints and statements of its log, nothing else; it
remembers the largest checkpoint it signed, and never signs a smaller one or another one of that size. A
request is the CBOR array (verb, key id, bytes) behind its length, an answer the array (signature) or (reason,
what is wrong).
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path

from assay.ledger.canonical import Plain, decode, encode
from assay.ledger.checkpoint import Checkpoint
from assay.ledger.disk import write_whole
from assay.ledger.errors import LedgerError, LogError, VerificationError
from assay.ledger.keys import KeyKind, Signature, SigningKey, VerifierKey

_LENGTH = struct.Struct(">I")
_LARGEST = 128 * 1024
_PATIENCE = 10.0


class SocketSigner:
    """A key of the log that another process holds.

    Parameters
    ----------
    path
        The signer's socket.
    key
        The public key it must sign with.
    """

    def __init__(self, path: Path, key: VerifierKey) -> None:
        self._path = path
        self.verifier = key

    def sign(self, text: str, *, timestamp: int = 0) -> Signature:
        """The signature of the checkpoint ``text``; it is verified before it is used.

        Raises
        ------
        LogError
            Nobody answers, or the signer refuses.
        """
        line = Signature(self.verifier.name, self.verifier.key_id, self._ask("checkpoint", text.encode()))
        self.verifier.verify(line, text)
        return line

    def countersign(self, message: bytes) -> bytes:
        """The bare signature of a statement (:meth:`assay.ledger.keys.SigningKey.countersign`)."""
        return self._ask("statement", message)

    def _ask(self, verb: str, data: bytes) -> bytes:
        if self._path.parent.stat().st_uid != os.getuid() or self._path.parent.stat().st_mode & 0o077:
            raise LogError.of("socket_open", path=self._path.parent)
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(_PATIENCE)
                connection.connect(str(self._path))
                _send(connection, [verb, self.verifier.key_id, data])
                answer = _receive(connection)
        except OSError as problem:
            raise LogError.of("no_signer", path=self._path, why=problem.strerror or problem) from problem
        match answer:
            case [bytes() as signature] if len(signature) == 64:
                return signature
            case [str() as reason, str() as said]:
                raise LogError.of("signer_refused", path=self._path, why=f"{reason}: {said}")
        raise LogError.of("bad_answer", value=str(answer)[:80])


class Signer:
    """Holds keys of one log and serves their signatures.

    Parameters
    ----------
    keys
        Files of Ed25519 keys, mode 0600, all of the same origin.
    memory
        File for the largest checkpoint that was signed.
    """

    def __init__(self, keys: list[Path], memory: Path) -> None:
        found = [SigningKey.read(path) for path in keys]
        if len({key.verifier.name for key in found}) != 1:
            raise LogError.of("other_key", path=keys[-1] if keys else memory, name="-")
        self._keys = {key.verifier.key_id: key for key in found if key.verifier.kind is KeyKind.ED25519}
        self._origin = found[0].verifier.name
        self._memory = memory

    def answer(self, request: Plain) -> list[Plain]:
        """What is answered to a request."""
        try:
            match request:
                case ["checkpoint", bytes() as key_id, bytes() as data] if key_id in self._keys:
                    return [self._checkpoint(self._keys[key_id], data.decode("utf-8"))]
                case ["statement", bytes() as key_id, bytes() as data] if key_id in self._keys:
                    return [self._keys[key_id].countersign(data)]
        except (LedgerError, UnicodeDecodeError) as problem:
            return [getattr(problem, "reason", "bad_text"), str(problem)[:200]]
        return ["bad_request", "neither a checkpoint nor a statement of a key that is held here"]

    def serve(self, path: Path, ready: Callable[[], None] = lambda: None) -> None:
        """Answer on the socket ``path`` until the process ends; its folder must be its owner's alone.

        Raises
        ------
        LogError
            Others may use the folder.
        """
        path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        if path.parent.stat().st_uid != os.getuid() or path.parent.stat().st_mode & 0o077:
            raise LogError.of("socket_open", path=path.parent)
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
            listening.bind(str(path))
            listening.listen()
            ready()
            try:
                while True:
                    connection, _ = listening.accept()
                    with connection:
                        self._serve(connection)
            finally:
                path.unlink(missing_ok=True)

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(_PATIENCE)
        try:
            _send(connection, self.answer(_receive(connection)))
        except (OSError, LedgerError):
            return

    def _checkpoint(self, key: SigningKey, text: str) -> bytes:
        """Sign a checkpoint that comes after every one signed before; what is signed is kept first."""
        seen = Checkpoint.parse(text)
        if seen.origin != self._origin:
            raise VerificationError.of("wrong_log", origin=seen.origin, expected=self._origin)
        if self._memory.exists():
            last = Checkpoint.parse(self._memory.read_text("utf-8"))
            if seen.size < last.size:
                raise LogError.of("lost_signed", size=seen.size, signed=last.size)
            if seen.size == last.size and seen.root != last.root:
                raise LogError.of("forked", size=seen.size)
        write_whole(self._memory, text.encode(), mode=0o600)
        return key.sign(text).signature


def _send(connection: socket.socket, value: Plain) -> None:
    data = encode(value)
    connection.sendall(_LENGTH.pack(len(data)) + data)


def _receive(connection: socket.socket) -> Plain:
    length = _LENGTH.unpack(_exactly(connection, _LENGTH.size))[0]
    if length > _LARGEST:
        raise LogError.of("bad_answer", value=f"{length} bytes")
    return decode(_exactly(connection, length))


def _exactly(connection: socket.socket, count: int) -> bytes:
    parts = b""
    while len(parts) < count:
        part = connection.recv(count - len(parts))
        if not part:
            raise ConnectionError("the other side has gone")
        parts += part
    return parts
