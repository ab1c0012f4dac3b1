"""The sequencer: the one process that writes a log, for every process of this user that submits to it.

``python -m assay.ledger.sequencer FOLDER OUTSIDE``: the first submitter starts it, and another one when it is
gone. It says ``ready`` (or why not) on stdout, serves a Unix socket, and ends when nobody came for a while.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from assay.ledger.canonical import Plain
from assay.ledger.commit import INTERVAL, GroupCommit
from assay.ledger.errors import LedgerError, LogError
from assay.ledger.place import Place
from assay.ledger.wire import LARGEST_FRAME, LENGTH, READY, frame, of_answer, received, to_entries
from assay.ledger.writer import Writer

IDLE = 60.0
"""Seconds without a connection before it ends."""


class Sequencer:
    """Serves one log on its socket.

    Parameters
    ----------
    commit
        What the submissions go into.
    idle
        Seconds without a connection before :meth:`serve` returns.
    """

    def __init__(self, commit: GroupCommit, idle: float = IDLE) -> None:
        self._commit = commit
        self._idle = idle
        self._served: set[asyncio.Task[None]] = set()
        self._last = 0.0

    async def serve(self, path: Path) -> None:
        """Listen on ``path`` until nobody has been there for a while, or the task is cancelled."""
        loop = asyncio.get_running_loop()
        self._last = loop.time()
        server = await asyncio.start_unix_server(self._connected, path, limit=LARGEST_FRAME)
        sys.stdout.write(f"{READY}\n")
        sys.stdout.flush()
        async with server:
            while (left := self._last + self._idle - loop.time()) > 0:
                await asyncio.sleep(left)
                if self._served:
                    self._last = loop.time()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._served.add(task)
        answering: set[asyncio.Task[None]] = set()
        try:
            while True:
                length = LENGTH.unpack(await reader.readexactly(LENGTH.size))[0]
                if length > LARGEST_FRAME:
                    break
                number, verb, *arguments = received(await reader.readexactly(length))
                one = asyncio.create_task(self._answer(writer, number, verb, arguments))
                answering.add(one)
                one.add_done_callback(answering.discard)
        except (asyncio.IncompleteReadError, ConnectionError, LedgerError, ValueError):
            pass
        finally:
            self._last = asyncio.get_running_loop().time()
            if task is not None:
                self._served.discard(task)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(
        self, writer: asyncio.StreamWriter, number: Plain, verb: Plain, arguments: list[Plain]
    ) -> None:
        try:
            result = await self._done(verb, arguments)
        except LedgerError as problem:
            result = of_answer(problem)
        except OSError as problem:
            result = of_answer(LogError.disk(problem, self._commit.writer.place.folder))
        except Exception as problem:  # noqa: BLE001 - whatever it is, who waits is told
            if self._commit.ending:  # without an answer it is sent again, to the next sequencer
                writer.close()
                return
            result = of_answer(LogError.of("writer_failed", why=f"{type(problem).__name__}: {problem}"))
        if not writer.is_closing():
            writer.write(frame([number, result]))
            with suppress(ConnectionError):
                await writer.drain()

    async def _done(self, verb: Plain, arguments: list[Plain]) -> Plain:
        log = self._commit.writer
        if verb == "append":
            answers = await self._commit.submit(to_entries(arguments[0] if arguments else None))
            return [of_answer(one) for one in answers]
        if verb == "state_refused":
            answers = await self._commit.state_refused(to_entries(arguments[0] if arguments else None))
            return [of_answer(one) for one in answers]
        if verb == "checkpoint":
            await self._commit.checkpoint()
        return [log.size, log.signed_size, log.epoch, os.getpid(), str(log.torn) if log.torn else None]


async def run(place: Place, *, idle: float = IDLE, interval: float = INTERVAL) -> None:
    """Write the log of ``place`` until nobody needs it or a signal ends it.

    Raises
    ------
    LogError
        Another process writes it, or it can't go on as it is.
    """
    path = place.socket
    path.parent.mkdir(mode=0o700, exist_ok=True)
    if path.parent.stat().st_uid != os.getuid() or path.parent.stat().st_mode & 0o077:
        raise LogError.of("socket_open", path=path.parent)
    writer = Writer(place)
    path.unlink(missing_ok=True)  # whoever listened there is gone: the lock is ours
    task = asyncio.current_task()
    if task is not None:
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, task.cancel)
    async with GroupCommit(writer, interval) as commit:
        with suppress(asyncio.CancelledError):
            await Sequencer(commit, idle).serve(path)
        path.unlink(missing_ok=True)


def main(arguments: list[str]) -> int:
    """Run the sequencer of FOLDER and OUTSIDE; IDLE seconds may follow."""
    folder, outside, *idle = arguments
    place = Place(Path(folder), Path(outside))
    try:
        asyncio.run(run(place, idle=float(idle[0]) if idle else IDLE))
    except LedgerError as problem:
        return _not_started(problem)
    except OSError as problem:
        return _not_started(LogError.disk(problem, place.outside))
    return 0


def _not_started(problem: LedgerError) -> int:
    sys.stdout.write(f"{frame(of_answer(problem)).hex()}\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
