"""Token buckets, clients behind proxies and networks, and what a request wants."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.api.buckets import TokenBuckets
from assay.api.negotiation import wanted
from assay.api.scan_desk import network_of


class Clock:
    """Seconds that are set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_let_through_and_then_the_rate() -> None:
    clock = Clock()
    buckets = TokenBuckets(3, 6, clock=clock)
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 10]
    assert buckets.take("b") == 0, "everybody has a bucket"
    clock.now = 9.0
    assert buckets.take("a") == 1
    clock.now = 10.0
    assert [buckets.take("a"), buckets.take("a")] == [0, 10]
    clock.now = 1e6
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 10], "a full bucket holds no more"


def test_only_so_many_buckets_are_kept() -> None:
    buckets = TokenBuckets(1, 1, most=2, clock=Clock())
    assert [buckets.take(key) for key in "aabab"] == [0, 60, 0, 60, 60]
    assert [buckets.take(key) for key in "cba"] == [0, 60, 0], "a was used least lately when c came"


@given(st.lists(st.floats(0, 100), max_size=40), st.integers(1, 5), st.floats(1, 600))
def test_no_more_than_the_burst_and_the_rate_allow(pauses: list[float], burst: int, rate: float) -> None:
    clock = Clock()
    buckets = TokenBuckets(burst, rate, clock=clock)
    taken = 0
    for pause in pauses:
        clock.now += pause
        taken += buckets.take() == 0
        assert taken <= burst + clock.now * rate / 60 + 1e-6


def test_the_seconds_that_are_told_are_enough() -> None:
    clock = Clock()
    buckets = TokenBuckets(1, 7, clock=clock)
    buckets.take()
    clock.now += buckets.take()
    assert buckets.take() == 0


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::9", "2001:db8:1:2::"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_what_counts_as_one_client(address: str, network: str) -> None:
    assert network_of(address) == network


FORMS = ("text/html", "application/json", "application/linkset+json")


@pytest.mark.parametrize(
    ("header", "form"),
    [
        ("", None),
        ("*/*", "text/html"),
        ("application/json", "application/json"),
        ("text/html;q=0.5, application/json", "application/json"),
        ("application/*", "application/json"),
        ("application/linkset+json, application/json;q=0.9", "application/linkset+json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("text/html;q=0, */*", "application/json"),
        ("image/png", None),
        ("application/json;q=nan", None),
        ("application/json;q=x, text/*;q=0.1", "text/html"),
        ("application/json;q=0.0", None),
    ],
)
def test_the_preferred_form(header: str, form: str | None) -> None:
    assert wanted(header, FORMS) == form


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB", "en"),
        ("de-DE,de;q=0.9,en;q=0.4", "en"),
        ("zh-Hant-TW", "zh"),
        ("de", "en"),
        ("*", "en"),
        ("en;q=0.1, zh;q=0.2", "zh"),
        ("", "en"),
    ],
)
def test_the_preferred_language(header: str, language: str) -> None:
    assert wanted(header, ("en", "zh"), "en") == language


@given(st.text(max_size=300))
def test_no_header_breaks_it(header: str) -> None:
    choose: Callable[..., str | None] = wanted
    assert choose(header, FORMS, "text/html") in FORMS
