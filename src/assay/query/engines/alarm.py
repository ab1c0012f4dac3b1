"""The clock beside a statement: when the time is over, the engine is told to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable

from assay.model.errors import QueryError
from assay.query.program import Limits


class Alarm:
    """Calls ``interrupt`` from another thread when the seconds are over, and never after :meth:`stop`."""

    def __init__(self, seconds: float, interrupt: Callable[[], object]) -> None:
        self.rang = False
        self._interrupt = interrupt
        self._over = False
        self._lock = threading.Lock()
        self._timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), self._ring)
        self._timer.daemon = True
        self._timer.start()

    def _ring(self) -> None:
        with self._lock:
            if not self._over:
                self.rang = True
                self._interrupt()

    def stop(self) -> None:
        """The work is done: an interruption would meet the next one."""
        with self._lock:
            self._over = True
        self._timer.cancel()


def too_long(limits: Limits) -> QueryError:
    """What is said when a question's time is over."""
    return QueryError(
        f"the question took longer than {limits.seconds:g} seconds",
        hint="Narrow it down (a shorter time, fewer things, a condition), or allow more seconds.",
    )
