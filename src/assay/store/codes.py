"""Codes handed out: each once, whoever asks, and after any crash.

How far a series is stands in the registry and is raised in one durable transaction before a code is given. A
process that is killed in between, or that does not use what it got, leaves a gap; no code comes twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from assay.model.codes.refusal import refusal
from assay.model.codes.rules import CodeRule, meet
from assay.model.errors import CodeError
from assay.store.registry import Registry
from assay.store.registry import now as utc_now
from assay.store.tables import CODE_RULE, CODE_SERIES, from_microseconds, to_microseconds

MOST = 100_000
"""How many codes are given at once at most."""


@dataclass(frozen=True, slots=True)
class IssuedCodes:
    """Codes that nobody else gets."""

    rule: str
    """The name of the rule."""
    series: str
    """The series they are of, as JSON text; empty where the rule has only one."""
    first: int
    """The running number of the first."""
    codes: tuple[str, ...]
    """The codes, in order."""
    left: int
    """How many numbers the series still has."""


@dataclass(frozen=True, slots=True)
class SeriesState:
    """How far a series is."""

    series: str
    """Which, as JSON text; empty where the rule has only one."""
    last: int
    """The running number given last."""
    given: int
    """How many were given."""


def issue_codes(
    registry: Registry,
    rule: CodeRule,
    fields: Mapping[str, str],
    *,
    zone: str,
    count: int = 1,
    moment: date | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> IssuedCodes:
    """Give the next codes of a rule.

    Parameters
    ----------
    registry
        Where the series are kept.
    rule
        The rule.
    fields
        What is said for each field, by its name.
    zone
        The plant's time zone, for the date in the code.
    count
        How many.
    moment
        The day or plant time the codes shall say; None: the clock's.
    clock
        The present time, with its zone.

    Raises
    ------
    CodeError
        ``count``, ``exhausted``, ``clock`` (the clock is behind codes given before), ``repeats`` (the rule
        could repeat codes of an earlier one), or what :meth:`CodeRule.write` refuses. Nothing is used up
        then.
    StoreError
        The registry can't be used.
    """
    if not 1 <= count <= MOST:
        raise refusal("count", count=count, most=MOST)
    present = clock()
    said = _plant_time(moment, present, zone)
    series = rule.series(fields, said)
    rule.write(rule.serial.start, fields, said)
    with registry.engine.begin() as connection:
        _introduce(connection, rule)
        if moment is None and rule.date_format is not None:
            _check_clock(connection, rule, present, zone)
        here = (CODE_SERIES.c.fingerprint == rule.fingerprint) & (CODE_SERIES.c.series == series)
        row = connection.execute(sa.select(CODE_SERIES).where(here)).first()
        first = rule.serial.start if row is None else row.last + 1
        last, given = first + count - 1, (0 if row is None else row.given)
        if last > rule.serial.last:
            capacity = rule.serial.last - rule.serial.start + 1
            raise refusal(
                "exhausted",
                code_rule=rule.name,
                series=series or "–",
                given=given,
                capacity=capacity,
                wanted=count,
            )
        values = {"last": last, "given": given + count}
        connection.execute(
            CODE_SERIES.insert().values(fingerprint=rule.fingerprint, series=series, **values)
            if row is None
            else CODE_SERIES.update().where(here).values(**values)
        )
    codes = tuple(rule.write(number, fields, said) for number in range(first, last + 1))
    return IssuedCodes(rule.name, series, first, codes, rule.serial.last - last)


def series_of(registry: Registry, rule: CodeRule) -> list[SeriesState]:
    """How far every series of a rule is, in their order."""
    query = (
        sa.select(CODE_SERIES)
        .where(CODE_SERIES.c.fingerprint == rule.fingerprint)
        .order_by(CODE_SERIES.c.series)
    )
    with registry.engine.connect() as connection:
        return [SeriesState(row.series, row.last, row.given) for row in connection.execute(query)]


def was_issued(registry: Registry, rule: CodeRule, code: str, *, today: date) -> bool:
    """Whether a code is one of those that a rule has given; a number that was a gap counts as given.

    ``today`` decides the century or decade of a year that is not written in full.
    """
    try:
        parsed = rule.parse(code, today)
    except CodeError:
        return False
    said = parsed.date or datetime(today.year, today.month, today.day)  # noqa: DTZ001 - plant time
    here = (CODE_SERIES.c.fingerprint == rule.fingerprint) & (
        CODE_SERIES.c.series == rule.series(parsed.fields, said)
    )
    with registry.engine.execution_options(assay_read_only=True).connect() as connection:
        last = connection.scalar(sa.select(CODE_SERIES.c.last).where(here))
    return last is not None and parsed.serial <= last


def _plant_time(moment: date | None, present: datetime, zone: str) -> datetime:
    """The time the code says, without its zone."""
    if moment is None:
        return present.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    if not isinstance(moment, datetime):
        return datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001 - a code says no zone
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) if moment.tzinfo else moment


def _introduce(connection: sa.Connection, rule: CodeRule) -> None:
    """Lock the rule until the transaction ends; what is new of it must not repeat codes of another."""
    known = sa.select(CODE_RULE).where(CODE_RULE.c.fingerprint == rule.fingerprint)
    row = connection.execute(known).first()
    covered = row is not None and _united(rule, row.shape) == _sorted(json.loads(row.shape))
    if connection.dialect.name == "postgresql":
        # The table before the row, for all: who holds the row never waits for who waits for the row.
        mode = "ROW EXCLUSIVE" if covered else "SHARE ROW EXCLUSIVE"
        connection.execute(sa.text(f"LOCK TABLE code_rule IN {mode} MODE"))
    row = connection.execute(known.with_for_update()).first()
    if covered:
        return
    shape = list(rule.shape) if row is None else _united(rule, row.shape)
    others = sa.select(CODE_RULE).where(
        CODE_RULE.c.kind == rule.of, CODE_RULE.c.fingerprint != rule.fingerprint
    )
    for other in connection.execute(others):
        if meet(shape, json.loads(other.shape)):
            raise refusal("repeats", code_rule=rule.name, before=other.name)
    values = {"name": rule.name, "shape": json.dumps(shape, ensure_ascii=False)}
    connection.execute(
        CODE_RULE.insert().values(fingerprint=rule.fingerprint, kind=rule.of, **values)
        if row is None
        else CODE_RULE.update().where(CODE_RULE.c.fingerprint == rule.fingerprint).values(**values)
    )


def _sorted(shape: list[str]) -> list[str]:
    return ["".join(sorted(place)) for place in shape]


def _united(rule: CodeRule, before: str) -> list[str]:
    """The characters that may stand at each place by the rule as it is or was."""
    was = json.loads(before)
    return ["".join(sorted({*old, *new})) for old, new in zip(was, rule.shape, strict=True)]


def _check_clock(connection: sa.Connection, rule: CodeRule, present: datetime, zone: str) -> None:
    here = CODE_RULE.c.fingerprint == rule.fingerprint
    stamp = connection.execute(sa.select(CODE_RULE.c.latest).where(here)).scalar_one()
    if stamp is not None and present < (latest := from_microseconds(stamp)) and rule.date_format is not None:
        told, before = (rule.date_format.truncated(_plant_time(None, one, zone)) for one in (present, latest))
        if told < before:
            raise refusal(
                "clock", code_rule=rule.name, now=present.astimezone(UTC).isoformat(timespec="seconds"),
                latest=latest.isoformat(timespec="seconds"),
            )  # fmt: skip
        return
    connection.execute(CODE_RULE.update().where(here).values(latest=to_microseconds(present)))
