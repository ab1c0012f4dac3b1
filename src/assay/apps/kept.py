"""Answers kept for a while: made once, by one thread, while the others wait for it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar, cast

T = TypeVar("T")


class Kept:
    """The ``most`` last used answers, by key.

    A key must name everything that the answer depends on. An answer that fails is not kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._answers: OrderedDict[Hashable, object] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._guard = threading.Lock()

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """The answer of ``key``, made by ``make`` when it is not there."""
        with self._guard:
            if key in self._answers:
                self._answers.move_to_end(key)
                return cast("T", self._answers[key])
            turn = self._making.setdefault(key, threading.Lock())
        with turn:
            with self._guard:
                if key in self._answers:
                    return cast("T", self._answers[key])
            try:
                made = make()
                with self._guard:
                    self._answers[key] = made
                    while len(self._answers) > self._most:
                        self._answers.popitem(last=False)
            finally:
                with self._guard:
                    self._making.pop(key, None)
        return made
