"""Group commit: many wait, one sync acknowledges them all; checkpoints are signed beside it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Self

from assay.ledger.disk import write_whole
from assay.ledger.entries import Signed
from assay.ledger.errors import LedgerError, LogError
from assay.ledger.place import Place
from assay.ledger.writer import Ack, Writer

INTERVAL = 0.5
"""Seconds between checkpoints while entries come."""

_MOST = 4_096
"""Entries of one group: what a submitter behind them waits for at most."""


class GroupCommit:
    """Submissions to a writer from one event loop.

    Parameters
    ----------
    writer
        Whose log it is; closed with this.
    interval
        Seconds between checkpoints, 0.1 to 1.

    Attributes
    ----------
    ending
        Whether it takes nothing any more.
    """

    def __init__(self, writer: Writer, interval: float = INTERVAL) -> None:
        self.writer = writer
        self._interval = min(max(interval, 0.1), 1.0)
        self.ending = False
        self._trouble: str | None = ""
        self._waiting: asyncio.Queue[tuple[Sequence[Signed], asyncio.Future[list[Ack | LedgerError]]]]
        self._waiting = asyncio.Queue()
        self._appending = ThreadPoolExecutor(1, "ledger-append")
        self._signing = ThreadPoolExecutor(1, "ledger-sign")

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._commit()), asyncio.create_task(self._publish())]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.ending = True
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        self._appending.shutdown()
        self._signing.shutdown()
        self.writer.close()

    async def submit(self, entries: Sequence[Signed]) -> list[Ack | LedgerError]:
        """Log ``entries``; returns when they are on the disk.

        Raises
        ------
        LogError
            None of them was logged (:meth:`assay.ledger.writer.Writer.append`).
        """
        answer: asyncio.Future[list[Ack | LedgerError]] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((entries, answer))
        return await answer

    async def state_refused(self, statements: Sequence[Signed]) -> list[Ack | LedgerError]:
        """Log statements in the log of what is refused, between two groups.

        Raises
        ------
        LedgerError
            None of them was logged (:meth:`assay.ledger.writer.Writer.state_refused`).
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._appending, self.writer.state_refused, statements)

    async def checkpoint(self) -> None:
        """Sign a checkpoint now.

        Raises
        ------
        LedgerError
            It can't be signed or written; other processes can read why (:func:`trouble_of`).
        """
        try:
            await asyncio.get_running_loop().run_in_executor(self._signing, self.writer.checkpoint)
        except OSError as problem:
            self._tell(told := LogError.disk(problem, self.writer.place.folder))
            raise told from problem
        except LedgerError as problem:
            self._tell(problem)
            raise
        self._tell(None)

    def _tell(self, problem: LedgerError | None) -> None:
        """Keep what keeps checkpoints from being signed where other processes can read it."""
        said = None if problem is None else str(problem)
        if said == self._trouble:
            return
        path = self.writer.place.trouble
        with suppress(OSError):
            if problem is None:
                path.unlink(missing_ok=True)
                self._trouble = None
                return
            advice = problem.advice
            en = f"{problem.said.en} {advice.en}" if advice else problem.said.en
            zh = f"{problem.said.zh}{advice.zh}" if advice else problem.said.zh
            about = {"reason": problem.reason, "en": en, "zh": zh, "since": int(time.time())}
            write_whole(path, json.dumps(about, ensure_ascii=False).encode(), mode=0o600)
            self._trouble = said

    async def _commit(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            group = [await self._waiting.get()]
            count = len(group[0][0])
            while count < _MOST and not self._waiting.empty():
                group.append(self._waiting.get_nowait())
                count += len(group[-1][0])
            every = [one for entries, _ in group for one in entries]
            try:
                answers = await loop.run_in_executor(self._appending, self.writer.append, every)
            except Exception as problem:  # noqa: BLE001 - whatever it is, those who wait are told
                for _, answer in group:
                    if not answer.done():
                        answer.set_exception(problem)
                continue
            at = 0
            for entries, answer in group:
                if not answer.done():
                    answer.set_result(answers[at : at + len(entries)])
                at += len(entries)

    async def _publish(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            if self.writer.behind:
                with suppress(LedgerError):
                    await self.checkpoint()


def trouble_of(place: Place) -> dict[str, str] | None:
    """What keeps checkpoints from being signed (``reason``, ``en``, ``zh``, ``since``); None for nothing."""
    try:
        found: dict[str, str] = json.loads(place.trouble.read_bytes())
    except (OSError, ValueError):
        return None
    return found
