"""A witness: cosigns what continues what it cosigned before, and nothing else (C2SP tlog-witness).

The latest checkpoint of each log is compared and kept in one transaction, durably, before the cosignature
leaves; two processes may share the memory. Every refusal of a signed checkpoint that contradicts what is kept
is kept too: two notes of one key that can't both be true are evidence.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Self

from assay.ledger.checkpoint import Checkpoint
from assay.ledger.errors import LedgerError, LogError, VerificationError
from assay.ledger.keys import KeyKind, SigningKey, VerifierKey
from assay.ledger.merkle import HASH_SIZE, verify_consistency
from assay.ledger.notes import Note
from assay.ledger.place import state_home
from assay.ledger.text import as_base64, of_base64, of_decimal, of_utf8

PATH = "/add-checkpoint"
SIZE_TYPE = "text/x.tlog.size"
TEXT_TYPE = "text/plain; charset=utf-8"
LARGEST_REQUEST = 256 * 1024
"""Bytes of a request: 63 hashes and 64 signatures of ML-DSA-44 are fewer."""

_MEMORY = "seen.db"
_LOGS = "logs"
_MOST_EVIDENCE = 100
"""Contradictions kept of a log, of each reason."""

_LONGEST_PROOF = 63
_BACK = 60
"""Seconds the clock may have gone back since the last cosignature."""

_TABLES = """
create table if not exists seen (
    origin text primary key, size integer not null, root blob not null, note blob not null,
    time integer not null
) without rowid;
create table if not exists evidence (
    origin text, reason text, held blob, note blob, time integer, primary key (origin, reason, note)
) without rowid;
"""


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A request to a witness.

    Parameters
    ----------
    old
        Size the proof leads from.
    proof
        Consistency proof (RFC 6962 section 2.1.2), 32 bytes each; empty from size 0.
    note
        The signed checkpoint.
    """

    old: int
    proof: tuple[bytes, ...]
    note: Note

    def __bytes__(self) -> bytes:
        lines = [f"old {self.old}", *map(as_base64, self.proof), "", ""]
        return "\n".join(lines).encode() + bytes(self.note)

    @classmethod
    def parse(cls, data: bytes) -> AddCheckpoint:
        """The request in ``data``; nothing is verified yet.

        Raises
        ------
        VerificationError
            ``data`` is not a request as the specification has it.
        """
        head, found, rest = of_utf8(data, "request").partition("\n\n")
        first, *lines = head.split("\n")
        if not found or not first.startswith("old "):
            raise VerificationError.of("bad_request", why="it does not begin with 'old' and a size")
        if len(lines) > _LONGEST_PROOF:
            raise VerificationError.of("proof_length", length=len(lines))
        proof = tuple(map(of_base64, lines))
        for one in proof:
            if len(one) != HASH_SIZE:
                raise VerificationError.of("hash_size", length=len(one))
        return cls(of_decimal(first.removeprefix("old ")), proof, Note.parse(rest.encode()))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a witness answers: HTTP status, content type, body, and one word for its operator."""

    status: int
    content_type: str
    body: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Seen:
    """The latest checkpoint of a log that was cosigned: size, root, signed note, POSIX second."""

    origin: str
    size: int
    root: bytes
    note: bytes
    time: int


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A signed checkpoint that contradicts the one held, both as they were signed."""

    origin: str
    reason: str
    held: bytes
    note: bytes
    time: int


class Witness:
    """Cosigns checkpoints of the logs it knows.

    Parameters
    ----------
    folder
        Its memory, its keys (``*.key``, mode 0600) and the logs it knows (``logs``: one vkey a line).
    clock
        POSIX seconds.
    pause
        Called with the name of each step, for tests that end the process there.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clock: Callable[[], float] = time.time,
        pause: Callable[[str], None] = lambda step: None,
    ) -> None:
        self.folder = folder
        self._clock = clock
        self._pause = pause
        self._keys = [SigningKey.read(path) for path in sorted(folder.glob("*.key"))]
        if not self._keys:
            raise LogError.of("no_witness", path=folder)
        self._lock = Lock()
        self._memory = sqlite3.connect(folder / _MEMORY, isolation_level=None, check_same_thread=False)
        self._memory.execute("pragma synchronous = full")
        self._memory.executescript(_TABLES)

    @property
    def keys(self) -> list[VerifierKey]:
        """The public keys it cosigns with."""
        return [key.verifier for key in self._keys]

    def logs(self) -> list[VerifierKey]:
        """The logs it knows; read anew each time, so that one can be added while it runs."""
        return read_logs(self.folder)

    def add_checkpoint(self, data: bytes) -> Answer:
        """Answer a request; nothing is raised that a request can cause."""
        try:
            request = AddCheckpoint.parse(data)
            seen = Checkpoint.parse(request.note.text)
        except LedgerError as problem:
            return _refused(400, problem.reason, problem.message)
        try:
            known = [key for key in self.logs() if key.name == seen.origin]
        except (LedgerError, OSError, UnicodeDecodeError) as problem:
            return _refused(503, "bad_logs", f"the list of known logs can't be read: {problem}")
        if not known:
            return _refused(404, "unknown_log", f"the log {seen.origin} is not known here")
        try:
            signed = request.note.signers(known)
        except VerificationError as problem:
            return _refused(403, problem.reason, problem.message)
        if not signed:
            return _refused(403, "no_signature", f"no known key of {seen.origin} has signed")
        if request.old > seen.size:
            return _refused(400, "sizes", f"old size {request.old} is above {seen.size}")
        try:
            return self._compared(request, seen)
        except sqlite3.Error as problem:  # a full disk, a damaged memory: nothing was cosigned
            return _refused(503, "memory", f"nothing can be kept: {problem}")

    def seen(self) -> list[Seen]:
        """The latest checkpoint of each log."""
        with self._lock:
            rows = self._memory.execute("select origin, size, root, note, time from seen order by origin")
            return [Seen(*row) for row in rows]

    def contradictions(self) -> list[Contradiction]:
        """What was signed and can't be true, the oldest first."""
        with self._lock:
            rows = self._memory.execute(
                "select origin, reason, held, note, time from evidence order by time, origin"
            )
            return [Contradiction(*row) for row in rows]

    def close(self) -> None:
        """Let go of the memory."""
        with self._lock:
            self._memory.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _compared(self, request: AddCheckpoint, seen: Checkpoint) -> Answer:
        with self._turn():
            row = self._memory.execute(
                "select origin, size, root, note, time from seen where origin = ?", (seen.origin,)
            ).fetchone()
            held = Seen(*row) if row else Seen(seen.origin, 0, b"", b"", 0)
            now = int(self._clock())
            if request.old != held.size:
                return _conflict(held.size, "old_size")
            if request.old == seen.size and row and held.root != seen.root:
                self._keep("forked", held, request.note, now)
                return _conflict(held.size, "forked")
            try:
                _continues(request, held, seen)
            except VerificationError as problem:
                self._keep("not_consistent", held, request.note, now)
                return _refused(422, problem.reason, problem.message)
            if now < max(held.time - _BACK, 1):
                return _refused(503, "clock_back", f"the clock says {now}; {held.time} was cosigned before")
            now = max(now, held.time)
            try:
                lines = [key.sign(request.note.text, timestamp=now) for key in self._keys]
            except VerificationError as problem:  # names too long for ML-DSA-44
                return _refused(400, problem.reason, problem.message)
            self._memory.execute(
                "insert or replace into seen values (?, ?, ?, ?, ?)",
                (seen.origin, seen.size, seen.root, bytes(request.note.signed(*lines)), now),
            )
        self._pause("kept")
        return Answer(200, TEXT_TYPE, "".join(map(str, lines)).encode(), "cosigned")

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One transaction: what is read in it is still so when it is written, also for other processes."""
        with self._lock:
            self._memory.execute("begin immediate")
            try:
                yield
                self._memory.execute("commit")
            finally:
                if self._memory.in_transaction:
                    self._memory.execute("rollback")

    def _keep(self, reason: str, held: Seen, note: Note, now: int) -> None:
        """Keep a contradiction of two signed notes, up to a number that nobody can fill a disk with."""
        count = self._memory.execute(
            "select count(*) from evidence where origin = ? and reason = ?", (held.origin, reason)
        ).fetchone()
        if count[0] < _MOST_EVIDENCE:
            self._memory.execute(
                "insert or ignore into evidence values (?, ?, ?, ?, ?)",
                (held.origin, reason, held.note, bytes(note), now),
            )


def witness_home() -> Path:
    """The folder of this user's witness."""
    return state_home() / "witness"


def make_witness(folder: Path, name: str, kinds: Sequence[KeyKind]) -> list[VerifierKey]:
    """A new witness: a key of each kind under ``name``, and no log known.

    Raises
    ------
    LogError
        There is one already.
    """
    if any(folder.glob("*.key")):
        raise LogError.of("witness_exists", path=folder)
    made = [SigningKey.generate(name, kind) for kind in kinds]
    for key in made:
        key.write(folder / f"{key.verifier.kind.name.lower().replace('_', '-')}.key")
    return [key.verifier for key in made]


def read_logs(folder: Path) -> list[VerifierKey]:
    """The logs a witness knows.

    Raises
    ------
    VerificationError
        A line is not a vkey.
    """
    path = folder / _LOGS
    if not path.exists():
        return []
    lines = (line.strip() for line in path.read_text("utf-8").splitlines())
    return [VerifierKey.parse(line) for line in lines if line and not line.startswith("#")]


def know_log(folder: Path, key: VerifierKey) -> None:
    """Let the witness in ``folder`` know one more log, or one more key of a log it knows.

    Raises
    ------
    LogError
        The witness cosigns with the same key.
    """
    with Witness(folder) as witness:
        if key.public in {one.public for one in witness.keys}:
            raise LogError.of("same_key", name=key.name)
        if key in witness.logs():
            return
    with (folder / _LOGS).open("a", encoding="utf-8") as out:
        out.write(f"{key}\n")


def _continues(request: AddCheckpoint, held: Seen, seen: Checkpoint) -> None:
    """Check that ``seen`` continues what is held; from size 0 anything does, with an empty proof."""
    if held.size in {0, seen.size}:
        if request.proof:
            raise VerificationError.of("proof_length", length=len(request.proof))
        return
    verify_consistency(held.size, seen.size, held.root, seen.root, request.proof)


def _refused(status: int, reason: str, why: str) -> Answer:
    return Answer(status, TEXT_TYPE, f"{why}\n".encode(), reason)


def _conflict(size: int, reason: str) -> Answer:
    return Answer(409, SIZE_TYPE, f"{size}\n".encode(), reason)
