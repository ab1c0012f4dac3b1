"""Scans in the registry: each once, without saying who, and gone when their time is over; on both engines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from assay.model.consumer import ScanPolicy
from assay.store.registry import Registry
from assay.store.scans import SAME, Scan, ScanLog, Whereabouts

BEGAN = datetime(2026, 3, 2, 6, tzinfo=UTC)
CODE = "https://id.gs1.org/01/09506000134352/21/U1"
PARIS = Whereabouts("FR", 48.8566, 2.3522)


@dataclass
class Clock:
    """A clock that is set by hand."""

    moment: datetime = BEGAN

    def __call__(self) -> datetime:
        return self.moment


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(registry_url: str, clock: Clock) -> Iterator[ScanLog]:
    with Registry.open(registry_url) as registry:
        yield ScanLog(registry, ScanPolicy(keep_days=30, most=50), clock)


def scan(minute: float = 0, device: str = "d1", where: Whereabouts = PARIS) -> Scan:
    return Scan(CODE, BEGAN + timedelta(minutes=minute), "recorded", "unit", "U1", device, where)


def kept(log: ScanLog, *scans: Scan) -> list[Scan]:
    return [log.add(one, lambda _: (), since=one.moment - timedelta(days=30)) for one in scans]


def test_a_scan_is_kept_with_a_coarse_place_and_its_hints(log: ScanLog) -> None:
    seen: list[int] = []

    def judge(earlier: Sequence[Scan]) -> tuple[str, ...]:
        seen.append(len(earlier))
        return ("often", "outside")

    first = log.add(scan(), judge, since=BEGAN - timedelta(days=1))
    second = log.add(scan(1, "d2", Whereabouts()), judge, since=BEGAN - timedelta(days=1))
    assert seen == [0, 1]
    assert first.where == Whereabouts("FR", 48.9, 2.4)
    assert log.latest() == [second, first]
    assert log.latest(hinted=True, limit=1) == [second]
    assert log.latest(subject="U2") == []
    assert log.latest(code=CODE, since=BEGAN + timedelta(seconds=1)) == [second]
    assert log.after(first.position, 10) == [second]


def test_a_device_that_looks_again_has_not_scanned_again(log: ScanLog) -> None:
    first, again, other, later, moved = kept(
        log,
        scan(),
        scan(5, where=Whereabouts("FR")),
        scan(5, "d2"),
        scan(SAME / timedelta(minutes=1)),
        scan(6, where=Whereabouts("FR", 43.3, 5.4)),
    )
    assert again.position == first.position
    assert len({first.position, other.position, later.position, moved.position}) == 4
    assert log.count() == 4


def test_what_is_too_old_or_too_much_is_deleted_and_no_number_comes_twice(log: ScanLog, clock: Clock) -> None:
    kept(log, scan(0, "d1"), scan(1, "d2"))
    clock.moment = BEGAN + timedelta(days=31)
    assert log.prune(delivered=0) == 0, "what is no record of the plant yet stays"
    assert log.prune(delivered=2) == 1
    (last,) = log.latest()
    assert (last.position, last.device, last.where) == (2, None, Whereabouts())
    (fresh,) = kept(log, scan(31 * 24 * 60, "d3"))
    assert fresh.position == 3
    kept(log, *(scan(31 * 24 * 60, f"e{n}") for n in range(60)))
    log.prune(delivered=1_000)
    assert log.count() == 50
    assert min(one.position for one in log.after(0, 100)) == 14


def test_devices_are_told_apart_by_a_key_that_is_thrown_away(log: ScanLog, clock: Clock) -> None:
    first = log.device("192.0.2.7", "Phone")
    assert first == log.device("192.0.2.7", "Phone")
    assert len({first, log.device("192.0.2.8", "Phone"), log.device("192.0.2.7", "Tablet")}) == 3
    assert "192" not in first
    clock.moment += timedelta(days=31)
    assert log.device("192.0.2.7", "Phone") != first


def test_two_plants_have_two_keys(log: ScanLog, tmp_path_factory: pytest.TempPathFactory) -> None:
    with Registry.open(f"sqlite:///{tmp_path_factory.mktemp('other') / 'registry.db'}") as registry:
        other = ScanLog(registry, ScanPolicy())
        assert other.device("192.0.2.7", "Phone") != log.device("192.0.2.7", "Phone")


def test_only_the_latest_earlier_scans_count(log: ScanLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.store.scans.LOOKED_AT", 3)
    kept(log, *(scan(n, f"d{n}") for n in range(6)))
    seen: list[str | None] = []

    def judge(earlier: Sequence[Scan]) -> tuple[str, ...]:
        seen.extend(one.device for one in earlier)
        return ()

    log.add(scan(60, "e"), judge, since=BEGAN)
    log.add(scan(61, "f"), judge, since=BEGAN + timedelta(minutes=5))
    assert seen == ["d5", "d4", "d3", "e", "d5"]
