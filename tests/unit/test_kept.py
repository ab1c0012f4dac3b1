"""Answers are made once, and only good ones are kept."""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from assay.apps.kept import Kept


def test_many_threads_make_one_answer() -> None:
    kept, made = Kept(4), []

    def make() -> int:
        time.sleep(0.05)
        made.append(threading.get_ident())
        return 7

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: kept.once("key", make), range(16)))
    assert answers == [7] * 16
    assert len(made) == 1


def test_an_answer_is_not_made_again_by_one_who_comes_just_as_it_is_ready() -> None:
    kept, made = Kept(5000), []

    def ask(_: int) -> None:
        for number in range(5000):
            kept.once(number, lambda number=number: made.append(number))

    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(ask, range(4)))
    finally:
        sys.setswitchinterval(usual)
    assert len(made) == 5000


def test_different_questions_do_not_wait_for_each_other() -> None:
    kept, both = Kept(4), threading.Barrier(2, timeout=5)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda key: kept.once(key, both.wait), "ab"))


def test_an_answer_that_fails_is_tried_again() -> None:
    kept = Kept(4)
    with pytest.raises(ZeroDivisionError):
        kept.once("key", lambda: 1 // 0)
    assert kept.once("key", lambda: 5) == 5


def test_the_last_used_ones_stay() -> None:
    kept, made = Kept(2), []

    def ask(key: str) -> None:
        kept.once(key, lambda: made.append(key))

    for key in "abacab":
        ask(key)
    assert made == ["a", "b", "c", "b"]
