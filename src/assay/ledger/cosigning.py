"""Asking the witnesses of a log for cosignatures, and what each of them said last.

All are asked at once and with a time limit, beside acknowledging, never in front of it. A witness that does
not answer is left alone for a while, longer each time; what it missed it is asked for again.
"""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from assay.ledger.disk import write_whole
from assay.ledger.errors import LedgerError, LogError, VerificationError
from assay.ledger.keys import Signature, VerifierKey
from assay.ledger.notes import Note
from assay.ledger.policy import Policy
from assay.ledger.text import of_decimal
from assay.ledger.tiles import TileTree
from assay.ledger.witness import PATH, SIZE_TYPE, AddCheckpoint

PATIENCE = 3.0
"""Seconds a witness has for one answer."""

AHEAD_OF_TIME = 600
"""Seconds a cosignature may be in the future."""

BEHIND_TIME = 86_400
"""Seconds a cosignature may be in the past: longer than a clock is wrong by mistake."""

REFRESH = 6 * 3600
"""Seconds after which a checkpoint that still stands is cosigned again: a log that rests is not silent."""

_LONGEST_ANSWER = 64 * 1024
_BACKOFF = (1.0, 300.0)
"""Seconds until a witness that failed is asked again: the first time, and at most."""

CONTRADICTS = frozenset({"ahead", "forked", "not_consistent"})
"""States that say that the witness has seen another log than this one."""


@dataclass(slots=True)
class WitnessState:
    """What is known of a witness.

    Parameters
    ----------
    name
        Its name in the policy.
    url
        Where it is asked; empty where the policy does not say.
    state
        ``new``, ``ok``, ``no_url``, ``down``, ``refused`` (400, 403, 404), ``ahead`` (it cosigned a larger
        log), ``forked`` (another log of this size), ``not_consistent`` (422), ``clock``, ``bad_answer``.
    size
        The largest size it is known to have cosigned.
    at
        POSIX second of its last cosignature; 0 for none.
    since
        POSIX second since which it is in this state.
    detail
        What it said, or why not.
    failures
        How often in a row it failed.
    due
        POSIX second from which it may be asked again.
    """

    name: str
    url: str
    state: str = "new"
    size: int = 0
    at: int = 0
    since: int = 0
    detail: str = ""
    failures: int = 0
    due: float = 0.0

    @property
    def contradicts(self) -> bool:
        """Whether it has seen another log than this one."""
        return self.state in CONTRADICTS


class _Failed(Exception):
    """The witness gave no cosignature; ``state`` says in which way."""

    def __init__(self, state: str, detail: str) -> None:
        super().__init__(detail)
        self.state, self.detail = state, detail


@dataclass(slots=True)
class _Asked:
    """A witness, its key, and the connection to it."""

    key: VerifierKey
    state: WitnessState
    connection: http.client.HTTPConnection | None = None
    asking: Future[Signature | None] | None = None


class Cosigners:
    """The witnesses of a log's policy.

    Parameters
    ----------
    policy
        Names, keys and addresses of the witnesses, and the quorum.
    kept
        File for what each said last, so that other processes can show it.
    clock
        POSIX seconds.
    patience
        Seconds a witness has for one answer.
    """

    def __init__(
        self,
        policy: Policy,
        kept: Path,
        *,
        clock: Callable[[], float] = time.time,
        patience: float = PATIENCE,
    ) -> None:
        self.policy = policy
        self._kept = kept
        self._clock = clock
        self._patience = patience
        known = {one.name: one for one in read_states(kept)}
        self._witnesses: dict[str, _Asked] = {}
        for name, key in policy.witnesses.items():
            url = policy.urls.get(name, "")
            state = known.get(name)
            if state is None or state.url != url:
                state = WitnessState(name, url, "new" if url else "no_url", since=int(clock()))
            state.due = 0.0
            self._witnesses[name] = _Asked(key, state)
        self._pool = ThreadPoolExecutor(max(1, len(self._witnesses)), "ledger-witness")

    @property
    def states(self) -> list[WitnessState]:
        """What is known of each."""
        return [one.state for one in self._witnesses.values()]

    def missing(self, note: Note) -> bool:
        """Whether somebody who may be asked now has not cosigned ``note``."""
        return bool(self._due(note))

    def cosign(self, note: Note, tree: TileTree) -> Note:
        """``note`` with the cosignatures of those who could be asked and have not cosigned it yet.

        Parameters
        ----------
        note
            The checkpoint as the log signed it.
        tree
            The tree of the checkpoint, for proofs from what each has cosigned before.
        """
        due = self._due(note)
        for one in due:
            one.asking = self._pool.submit(self._one, one, note, tree)
        asked = [one.asking for one in due if one.asking]
        finished, _ = wait(asked, timeout=2 * self._patience)
        for one in due:
            if one.asking not in finished:
                self._give_up(one)
        lines = [line for each in asked if each in finished and (line := each.result())]
        if due:
            self._keep()
        again = {(line.name, line.key_id) for line in lines}
        kept = [line for line in note.signatures if (line.name, line.key_id) not in again]
        return Note(note.text, (*kept, *lines))

    def compare(self, note: Note, tree: TileTree) -> list[str]:
        """Ask all of them about a checkpoint that was signed before; the names of those who confirm it.

        Raises
        ------
        LogError
            ``witness_contradicts``: one of them has seen a larger or another log.
        """
        keys = self.policy.witnesses.values()
        lines = [line for line in note.signatures if not any(key.matches(line) for key in keys)]
        self.cosign(Note(note.text, tuple(lines)), tree)  # also those who cosigned it then
        for one in self.states:
            if one.contradicts:
                raise LogError.of(
                    "witness_contradicts", name=one.name, state=one.state, size=one.size, mine=tree.size
                )
        return [one.name for one in self.states if one.state == "ok"]

    def close(self) -> None:
        """Let go of the connections."""
        self._pool.shutdown()
        for one in self._witnesses.values():
            if one.connection is not None:
                one.connection.close()

    def _due(self, note: Note) -> list[_Asked]:
        now = self._clock()
        return [
            one
            for one in self._witnesses.values()
            if one.state.url
            and one.state.due <= now
            and (one.asking is None or one.asking.done())
            and not any(one.key.matches(line) and line.timestamp > now - REFRESH for line in note.signatures)
        ]

    def _give_up(self, one: _Asked) -> None:
        """Let go of a witness that answers byte by byte: it must keep nothing from being published."""
        now = self._clock()
        if one.state.state != "down":
            one.state.state, one.state.since = "down", int(now)
        one.state.detail, one.state.due = "it answers too slowly", now + _BACKOFF[0]
        connection = one.connection
        with suppress(OSError, AttributeError):
            connection.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]

    def _one(self, one: _Asked, note: Note, tree: TileTree) -> Signature | None:
        state = one.state
        before = state.state
        try:
            line = self._cosigned(one, note, tree)
            state.state, state.detail, state.failures, state.due = "ok", "", 0, 0.0
            state.size, state.at = tree.size, line.timestamp
        except _Failed as problem:
            line = None
            state.state, state.detail = problem.state, problem.detail[:200]
            first, most = _BACKOFF
            state.due = self._clock() + min(first * 2**state.failures, most)
            state.failures = min(state.failures + 1, 30)
        if state.state != before:
            state.since = int(self._clock())
        return line

    def _cosigned(self, one: _Asked, note: Note, tree: TileTree) -> Signature:
        """Ask once, and a second time when the witness says that it is at another size than thought."""
        old = min(one.state.size, tree.size)
        for _ in range(2):
            proof = tuple(tree.consistency(old)) if 0 < old < tree.size else ()
            status, kind, body = self._post(one, bytes(AddCheckpoint(old, proof, note)))
            if status == 200:
                return self._checked(one, note, body)
            if status != 409 or kind != SIZE_TYPE:
                break
            size = _size(body)
            one.state.size = size
            if size > tree.size:
                raise _Failed("ahead", f"it has cosigned {size} entries; there are {tree.size}")
            if size == old:
                raise _Failed("forked", f"it has cosigned another log of {size} entries")
            old = size
        said = body[:160].decode("utf-8", "replace").strip()
        if status == 422:
            raise _Failed("not_consistent", said or "422")
        if status == 409:
            raise _Failed("forked", said or "409")
        state = "refused" if status in {400, 403, 404} else "down" if status >= 500 else "bad_answer"
        raise _Failed(state, f"{status} {said}")

    def _checked(self, one: _Asked, note: Note, body: bytes) -> Signature:
        """The cosignature of the witness's own key in its answer; other lines are ignored."""
        try:
            lines = Note.parse(f"{note.text}\n".encode() + body).signatures
            mine = [line for line in lines if one.key.matches(line)]
            if len(mine) != 1:
                raise _Failed("bad_answer", f"{len(mine)} cosignatures of {one.key.name}")
            one.key.verify(mine[0], note.text)
        except VerificationError as problem:
            raise _Failed("bad_answer", problem.message) from None
        off = mine[0].timestamp - int(self._clock())
        if not -BEHIND_TIME <= off <= AHEAD_OF_TIME:
            raise _Failed("clock", f"its clock and ours differ by {off} s")
        return mine[0]

    def _post(self, one: _Asked, data: bytes) -> tuple[int, str, bytes]:
        """Send a request over the kept connection, or over a new one when that has gone."""
        at = urlsplit(one.state.url)
        if one.connection is not None:
            with suppress(ConnectionError, http.client.CannotSendRequest):
                return self._sent(one, one.connection, at.path, data)
        one.connection = self._connection(at)
        try:
            return self._sent(one, one.connection, at.path, data)
        except (ConnectionError, http.client.CannotSendRequest) as problem:
            raise _Failed("down", str(problem) or type(problem).__name__) from problem

    def _sent(
        self, one: _Asked, connection: http.client.HTTPConnection, path: str, data: bytes
    ) -> tuple[int, str, bytes]:
        headers = {"Content-Type": "text/plain; charset=utf-8", "User-Agent": "assay"}
        try:
            connection.request("POST", f"{path.rstrip('/')}{PATH}", data, headers)
            answer = connection.getresponse()
            body = answer.read(_LONGEST_ANSWER + 1)
            if len(body) > _LONGEST_ANSWER:
                raise ValueError("the answer is too long")
            if answer.length:
                raise http.client.IncompleteRead(body, answer.length)
            return answer.status, answer.headers.get("Content-Type", ""), body
        except (OSError, http.client.HTTPException, ValueError) as problem:
            connection.close()
            one.connection = None
            if isinstance(problem, ConnectionError | http.client.CannotSendRequest):
                raise
            raise _Failed("down", str(problem) or type(problem).__name__) from problem

    def _connection(self, at: SplitResult) -> http.client.HTTPConnection:
        try:
            if at.scheme not in {"http", "https"} or not at.hostname:
                raise ValueError("not an http(s) address")
            kind = http.client.HTTPSConnection if at.scheme == "https" else http.client.HTTPConnection
            return kind(at.hostname, at.port, timeout=self._patience)
        except ValueError as problem:
            raise _Failed("no_url", f"{at.geturl()}: {problem}") from problem

    def _keep(self) -> None:
        data = json.dumps([asdict(one) for one in self.states], indent=1).encode()
        with suppress(OSError):
            write_whole(self._kept, data, mode=0o600)


def read_states(kept: Path) -> list[WitnessState]:
    """What the witnesses said last; nothing when nobody was asked yet."""
    try:
        return [WitnessState(**one) for one in json.loads(kept.read_bytes())]
    except (OSError, ValueError, TypeError):
        return []


def vouching(note: Note, policy: Policy | None) -> list[str]:
    """Names of the policy's witnesses that have cosigned ``note``; whose signature is wrong has not."""
    found = []
    for name, key in policy.witnesses.items() if policy else ():
        with suppress(LedgerError):
            if note.signers([key]):
                found.append(name)
    return found


def _size(body: bytes) -> int:
    try:
        text = body.decode("ascii")
        if not text.endswith("\n"):
            raise VerificationError.of("bad_number", value=text[:80])
        return of_decimal(text[:-1])
    except (UnicodeDecodeError, VerificationError) as problem:
        raise _Failed("bad_answer", "409 without the size") from problem
