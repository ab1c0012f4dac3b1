"""Codes handed out: once each, from several processes, killed ones among them, on SQLite and PostgreSQL."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from forking import Server
from issuing import RULE

from assay.model.codes.rules import CodeRule
from assay.model.errors import CodeError
from assay.store import codes
from assay.store.codes import issue_codes, series_of
from assay.store.registry import Registry

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


@pytest.fixture
def registry(registry_url: str) -> Iterator[Registry]:
    with Registry.open(registry_url) as opened:
        yield opened


def give(
    registry: Registry, rule: CodeRule = RULE, *, now: datetime = NOON, line: str = "1", **more: object
) -> list[str]:
    options: dict[str, object] = {"zone": "Asia/Shanghai", **more}
    return list(issue_codes(registry, rule, {"line": line}, clock=lambda: now, **options).codes)  # type: ignore[arg-type]


def changed(**settings: object) -> CodeRule:
    return CodeRule.model_validate(RULE.model_dump() | settings)


def rule_broken(caught: pytest.ExceptionInfo[CodeError]) -> str:
    return caught.value.rule


def test_codes_count_on_and_series_begin_anew(registry: Registry) -> None:
    assert [one[:-1] for one in give(registry, count=3)] == ["K12603140001", "K12603140002", "K12603140003"]
    assert give(registry, line="2")[0][:-1] == "K22603140001"
    assert give(registry)[0][:-1] == "K12603140004"
    assert give(registry, now=datetime(2026, 3, 14, 17, tzinfo=UTC))[0][:-1] == "K12603150001"  # plant time
    states = series_of(registry, RULE)
    assert [(one.last, one.given) for one in states] == [(4, 4), (1, 1), (1, 1)]


def test_a_clock_that_goes_back_is_refused_and_a_day_can_be_said(registry: Registry) -> None:
    give(registry)
    give(registry, now=datetime(2026, 3, 14, 11, tzinfo=UTC))  # the code shows the day only
    yesterday = datetime(2026, 3, 13, 12, tzinfo=UTC)
    with pytest.raises(CodeError) as caught:
        give(registry, now=yesterday)
    assert rule_broken(caught) == "clock"
    assert give(registry, moment=date(2026, 3, 13))[0][:-1] == "K12603130001"
    assert give(registry, now=yesterday, moment=date(2026, 3, 13))[0][:-1] == "K12603130002"
    assert give(registry)[0][:-1] == "K12603140003"


def test_an_exhausted_series_is_refused_and_nothing_is_used_up(registry: Registry) -> None:
    small = changed(serial={"width": 1, "end": 5})
    give(registry, small, count=4)
    with pytest.raises(CodeError) as caught:
        give(registry, small, count=2)
    assert rule_broken(caught) == "exhausted"
    assert "4 of the 5" in str(caught.value)
    assert len(give(registry, small)) == 1
    with pytest.raises(CodeError):
        give(registry, small)


@pytest.mark.parametrize("count", [0, -1, codes.MOST + 1])
def test_a_count_out_of_bounds_is_refused(registry: Registry, count: int) -> None:
    with pytest.raises(CodeError) as caught:
        give(registry, count=count)
    assert rule_broken(caught) == "count"


def test_a_changed_rule_must_not_repeat_codes(registry: Registry) -> None:
    give(registry)
    for same in (changed(name="other"), changed(serial={"width": 4, "alphabet": "base36"})):
        if same.fingerprint != RULE.fingerprint:
            with pytest.raises(CodeError) as caught:
                give(registry, same)
            assert rule_broken(caught) == "repeats"
    assert give(registry, changed(name="renamed"))[0][:-1] == "K12603140002"
    assert give(registry, changed(serial={"width": 5, "alphabet": "base36"}))[0][:-1] == "K126031400001"
    assert (
        give(registry, changed(of="lot", serial={"width": 4, "alphabet": "base36"}))[0][:-1] == "K12603140001"
    )


def test_a_value_may_be_added_to_a_rule_unless_another_has_it(registry: Registry) -> None:
    def lines(pattern: str, width: int, **written: str) -> CodeRule:
        fields = {"line": {"values": written}}
        return changed(pattern=pattern, date=None, check=None, serial={"width": width}, fields=fields)

    assert give(registry, lines("L{line}{serial}", 3, a="A"), line="a") == ["LA001"]
    assert give(registry, lines("LB{line}{serial}", 2, a="0"), line="a") == ["LB001"]
    assert give(registry, lines("L{line}{serial}", 3, a="A", c="C"), line="c") == ["LC002"]
    with pytest.raises(CodeError) as caught:
        give(registry, lines("L{line}{serial}", 3, a="A", b="B"), line="b")
    assert rule_broken(caught) == "repeats"
    assert give(registry, lines("L{line}{serial}", 3, a="A"), line="a") == ["LA003"]


@pytest.fixture(scope="module")
def issuers() -> Iterator[Server]:
    server = Server(Path(__file__).with_name("issuing.py"))
    yield server
    server.close()


def test_several_processes_get_different_codes(registry_url: str, tmp_path: Path, issuers: Server) -> None:
    with Registry.open(registry_url):
        pass
    assert issuers.do(registry_url, tmp_path / "notes", 6, 3, 0) == 0
    given = Counter(code for file in tmp_path.glob("notes*") for code in file.read_text().split())
    assert sum(given.values()) == 3 * sum(1 + call % 3 for call in range(6))
    assert set(given.values()) == {1}


def test_a_killed_process_leaves_gaps_and_no_code_twice(
    registry_url: str, tmp_path: Path, issuers: Server
) -> None:
    with Registry.open(registry_url) as registry:
        for turn in range(6):
            assert (
                issuers.do(registry_url, tmp_path / "notes", 10_000, 1, 0.003 + 0.011 * turn)
                == signal.SIGKILL
            )
        assert issuers.do(registry_url, tmp_path / "notes", 4, 1, 0) == 0
        given = Counter(
            one for one in (tmp_path / "notes").read_text().split() if len(one) == len(RULE.shape)
        )
        states = series_of(registry, RULE)
    assert set(given.values()) == {1}
    noted = Counter(code[1] for code in given)
    assert all(state.last == state.given >= noted[line] for state, line in zip(states, "12", strict=True))
    assert all(noted[line] > 6 for line in "12")
