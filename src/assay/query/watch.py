"""Subscription: a watched question gives its result, then what changes in it, resumable from any point."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from assay.query.changes import Change, Result, difference, whole
from assay.query.program import Limits
from assay.query.services import Pin, Prepare, Prepared, ServiceRefusal, SnapshotGone, prepare
from assay.store.workspace import Workspace

LIMITS = Limits(rows=100_000)
"""What a watched question may cost each time it is asked; its rows are held to be compared."""

INTERVAL = 1.0
"""Seconds between two looks at the plant, where nobody says how many."""

REFRESH = 60.0
"""Seconds after which a question is asked again although the lake is as it was: master data and mounted
sources change too, and so does what a time relative to now means."""

_SHORTEST = 0.01

_IDLE_SHARE = 4
"""A question that takes long is asked so seldom that it is idle this many times as long as it is at work."""


class Watched:
    """One question and its last known result; several watchers may share it, also in several threads.

    Parameters
    ----------
    workspace
        The open plant.
    question
        A question as text, tree or builder.
    limits
        What the question may cost.
    ask
        How the question is prepared.
    """

    def __init__(
        self,
        workspace: Workspace,
        question: Any,
        *,
        limits: Limits | None = None,
        ask: Prepare = prepare,
    ) -> None:
        self._workspace = workspace
        self._question = question
        self._limits = limits or LIMITS
        self._ask = ask
        self._lock = threading.Lock()
        self._mark: object = None
        self._asked = 0.0
        self._took = 0.0
        self._result: Result | None = None
        self.behind = False
        """Whether the plant has news that the result doesn't have yet."""

    def result(self, mark: object = None) -> Result:
        """The present result: the last known one as long as nothing happened to the plant since.

        ``mark`` is what the lake's mark was, where it was asked already.
        """
        with self._lock:
            mark = mark or self._workspace.lake.mark()
            known = self._result
            if known is None or self.is_due(mark):
                known = self._take(mark)
            self.behind = mark != self._mark
            return known

    def is_due(self, mark: object) -> bool:
        """Whether the question is to be asked again, the plant being at ``mark``."""
        since = time.monotonic() - self._asked
        if mark == self._mark:
            return since >= max(REFRESH, _IDLE_SHARE * self._took)
        return since >= _IDLE_SHARE * self._took

    def _take(self, mark: object) -> Result:
        began = time.monotonic()
        with closing(
            self._ask(self._workspace, self._question, limits=self._limits, snapshot=None)
        ) as prepared:
            found = self._answer(prepared)
            pin = replace(
                Pin.of("watch", self._workspace, prepared), rows=len(found.rows), answer=found.digest()
            )
        self._asked = time.monotonic()
        self._took = self._asked - began
        self._mark = mark
        known = self._result
        if known is None or difference(known, found) is not None:
            known = self._result = replace(found, token=pin.token())
        return known

    def resumed(self, token: str) -> Result | None:
        """The result that a token stands for; None when it can't be had again, row for row.

        Raises
        ------
        TokenRefused
            The token is damaged, or of another question or plant.
        """
        pin = Pin.read(token, "watch")
        pin.check(self._workspace, None)
        try:
            snapshot = pin.snapshot(self._workspace)
        except SnapshotGone:
            self._check_question(pin)
            return None
        with closing(
            self._ask(self._workspace, self._question, limits=self._limits, snapshot=snapshot)
        ) as prepared:
            pin.check(self._workspace, prepared.text)
            found = replace(self._answer(prepared), token=token)
        # It had rows that were not committed yet, or something outside the lake has changed since.
        return found if found.digest() == pin.answer else None

    def _check_question(self, pin: Pin) -> None:
        with closing(
            self._ask(self._workspace, self._question, limits=self._limits, snapshot=None)
        ) as prepared:
            pin.check(self._workspace, prepared.text)

    def _answer(self, prepared: Prepared) -> Result:
        reader = prepared.stream()
        batches, rows = [], 0
        for batch in reader:
            batches.append(batch)
            rows += batch.num_rows
            if rows > self._limits.rows:
                raise ServiceRefusal("watch.rows", most=f"{self._limits.rows:,}")
        table = pa.Table.from_batches(batches, reader.schema)
        return Result.of(table, prepared.columns, prepared.key, prepared.snapshot.moment)


class Watch:
    """An iterator over the changes of a question's result; a context manager.

    First comes the whole result as a ``reset``, or with ``resume`` what has changed since the token. Then it
    waits: when the plant has new rows the question is asked again, and where the result is another one the
    difference follows. Changes are measured against what was delivered last: a slow reader gets fewer and
    larger ones, and misses none. Iteration ends when nothing has changed for ``timeout`` seconds, or with
    :meth:`close`, which another thread may call.
    """

    def __init__(
        self,
        watched: Watched,
        *,
        resume: str | None = None,
        interval: float = INTERVAL,
        timeout: float | None = None,
    ) -> None:
        self._watched = watched
        self._interval = interval
        self._timeout = timeout
        self._resume = resume
        self._known: Result | None = None
        self._closed = threading.Event()

    @property
    def token(self) -> str | None:
        """What to resume from: the token of the last change, or the one given."""
        return self._known.token if self._known is not None else self._resume

    def __iter__(self) -> Iterator[Change]:
        return self

    def __next__(self) -> Change:
        end = None if self._timeout is None else time.monotonic() + self._timeout
        while not self._closed.is_set():
            change = self.poll()
            if change is not None:
                return change
            left = self._interval if end is None else end - time.monotonic()
            if left <= 0 and not self._watched.behind:
                break
            self._closed.wait(min(self._interval, max(left, _SHORTEST)))
        raise StopIteration

    def poll(self) -> Change | None:
        """The change since the last one, without waiting for one; None when there is none."""
        before = self._known
        if before is None and self._resume is not None:
            before = self._watched.resumed(self._resume)
        after = self._watched.result()
        change = whole(after) if before is None else difference(before, after)
        # A resumed result keeps its token until there is another one.
        self._known = before if change is None else after
        return change

    def close(self) -> None:
        """End the iteration."""
        self._closed.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def watch(
    workspace: Workspace,
    question: Any,
    *,
    resume: str | None = None,
    interval: float = INTERVAL,
    timeout: float | None = None,
    limits: Limits | None = None,
    ask: Prepare = prepare,
) -> Watch:
    """Watch a question; see :class:`Watch`.

    Raises
    ------
    TokenRefused
        On the first step: the token is damaged, or of another question or plant.
    QueryError
        On the first step: the question can't be answered.
    """
    return Watch(
        Watched(workspace, question, limits=limits, ask=ask),
        resume=resume,
        interval=interval,
        timeout=timeout,
    )
