"""Submitting to a log from any process: to its sequencer, which is started where there is none."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Self

from assay.ledger.canonical import Plain
from assay.ledger.entries import Signed
from assay.ledger.errors import EntryError, LedgerError, LogError
from assay.ledger.place import Place
from assay.ledger.sequencer import IDLE
from assay.ledger.wire import LARGEST_FRAME, LENGTH, READY, frame, of_entries, received, to_answer
from assay.ledger.writer import Ack

PATIENCE = 30.0
"""Seconds a submission is tried again while sequencers come and go."""


@dataclass(frozen=True, slots=True)
class State:
    """How far a log is: entries, entries signed, fencing epoch, process, what recovery cut off."""

    size: int
    signed: int
    epoch: int
    process: int
    torn: str | None


class Submitter:
    """A connection to the sequencer of a log; may be shared by threads.

    Parameters
    ----------
    place
        The log; that of what is refused takes statements alone, through the sequencer of ``main``.
    idle
        Seconds a sequencer started from here lives without connections.
    patience
        Seconds to try again while there is no sequencer.
    """

    def __init__(self, place: Place, *, idle: float = IDLE, patience: float = PATIENCE) -> None:
        self.place = place.written_with
        self._verb = "append" if self.place == place else "state_refused"
        self._idle = idle
        self._patience = patience
        self._lock = Lock()
        self._socket: socket.socket | None = None
        self._number = 0

    def append(self, entries: Sequence[Signed]) -> list[Ack | LedgerError]:
        """Log ``entries``; returns when they are on the disk, whatever dies meanwhile.

        Raises
        ------
        LogError
            The log can't go on, or no sequencer answered in time; what was sent may be sent again.
        """
        result = self._ask(self._verb, of_entries(list(entries)))
        return [to_answer(one) for one in result]

    def checkpoint(self) -> State:
        """Have a checkpoint signed of everything logged up to now."""
        return _state(self._ask("checkpoint"))

    def state(self) -> State:
        """How far the log is."""
        return _state(self._ask("state"))

    def close(self) -> None:
        """Let go of the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, verb: str, *arguments: Plain) -> list[Plain]:
        until = time.monotonic() + self._patience
        with self._lock:
            while True:
                try:
                    return self._asked(verb, arguments)
                except (OSError, EOFError) as problem:
                    self.close()
                    if time.monotonic() > until:
                        raise LogError.of("no_sequencer", path=self.place.folder, why=problem) from problem
                    time.sleep(0.02)

    def _asked(self, verb: str, arguments: Sequence[Plain]) -> list[Plain]:
        self._number += 1
        data = frame([self._number, verb, *arguments])
        if len(data) - LENGTH.size > LARGEST_FRAME:
            raise EntryError.of("too_many", length=len(data), most=LARGEST_FRAME)
        connection = self._connected()
        connection.sendall(data)
        number, result = received(_exactly(connection, LENGTH.unpack(_exactly(connection, 4))[0]))
        if number != self._number or not isinstance(result, list):
            raise LogError.of("bad_answer", value=str(result)[:80])
        if result and isinstance(result[0], str):
            refusal = to_answer(result)
            if isinstance(refusal, LedgerError):
                raise refusal
        return result

    def _connected(self) -> socket.socket:
        if self._socket is None:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connection.connect(str(self.place.socket))
            except (FileNotFoundError, ConnectionRefusedError):
                self._start()
                connection.connect(str(self.place.socket))
            self._socket = connection
        return self._socket

    def _start(self) -> None:
        """Start a sequencer; that another one is just starting is no error."""
        command = [
            sys.executable,
            "-m",
            "assay.ledger.sequencer",
            self.place.folder,
            self.place.outside,
            self._idle,
        ]
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )
        threading.Thread(target=process.wait, daemon=True).start()  # when it ends, it leaves no zombie
        said = process.stdout.readline().strip() if process.stdout else ""
        if said == READY:
            return
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)
        if not said:
            raise ConnectionRefusedError("the sequencer ended while it started")
        refusal = to_answer(received(bytes.fromhex(said)[LENGTH.size :]))
        if isinstance(refusal, LedgerError):
            if refusal.reason == "log_busy":
                raise ConnectionRefusedError(str(refusal))
            raise refusal


def _exactly(connection: socket.socket, count: int) -> bytes:
    parts = []
    while count:
        part = connection.recv(min(count, 1 << 20))
        if not part:
            raise EOFError("the sequencer has gone")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _state(value: list[Plain]) -> State:
    match value:
        case [int() as size, int() as signed, int() as epoch, int() as process, (str() | None) as torn]:
            return State(size, signed, epoch, process, torn)
    raise LogError.of("bad_answer", value=str(value)[:80])
