"""Batches before the gate: rows that agree in all that is judged, and in the minute, are judged once.

The submitter hands in the distinct keys, ``(assay/keys@1, ((claims, first, last, rows), …))`` in ascending
order: claims as :mod:`assay.ledger.gate.facts` encodes them, the times of the first and last of the rows in
that minute, and how many rows there are. Whoever has the rows makes the same keys of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from assay.ledger.canonical import decode, encode
from assay.ledger.entries import Batch
from assay.ledger.errors import LedgerError
from assay.ledger.gate.errors import GateError
from assay.ledger.gate.facts import Claims, FactValue, claims_of, parse_claims
from assay.ledger.gate.judge import Judge, Judgement
from assay.ledger.gate.policy import ROLES
from assay.ledger.gate.verdict import ACCEPTED, NO_POLICY, PARTIAL, REFUSED, Reason, Summary, Verdict
from assay.ledger.merkle import leaf_hash, root_of

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

KEYS = "assay/keys@1"
MOST_KEYS = 100_000
_MINUTE = 60_000_000
_REASONS = 2
"""Reasons of a batch that stand in its verdict: a batch may fill its entry nearly by itself."""


class Key(NamedTuple):
    """Rows that are judged at once.

    Parameters
    ----------
    claims
        What they claim, encoded.
    first, last
        Times of the first and last of them, microseconds since 1970, UTC; within one minute.
    rows
        How many.
    """

    claims: bytes
    first: int
    last: int
    rows: int


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column of a table says what.

    Parameters
    ----------
    step
        The column with the name of the step, or a step itself after ``=``, such as ``=weld``.
    time
        The column with the time of the event.
    took
        By role (``ROLES``): the column with the id; rows without one claim none.
    values
        By name: the column with a value.
    """

    step: str
    time: str = "time"
    took: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)


def keys_of(table: pa.Table, columns: Columns) -> bytes:
    """The distinct keys of a table's rows, as they are handed in.

    Raises
    ------
    GateError
        A column is missing or holds what can't be claimed, or a row has no time or step.
    """
    return encode([KEYS, [list(key) for key in distinct(table, columns)]])


def distinct(table: pa.Table, columns: Columns) -> list[Key]:
    """The distinct keys of a table's rows, ascending; raises like :func:`keys_of`."""
    import pyarrow as pa

    asked = _asked(table, columns)
    plain = asked.plain
    whole = pa.table({**plain, "minute": asked.minutes, "time": asked.times})
    grouped = whole.group_by([*plain, "minute"], use_threads=False).aggregate(
        [("time", "min"), ("time", "max"), ("time", "count")]
    )
    if len(grouped) > MOST_KEYS:
        raise GateError.of("bad_opening", why=f"{len(grouped):,} distinct keys; at most {MOST_KEYS:,}")
    parts = [grouped[name].to_pylist() for name in plain]
    spans = [grouped[name].to_pylist() for name in ("time_min", "time_max", "time_count")]
    found: list[Key] = []
    known: dict[tuple[object, ...], bytes] = {}
    for said, first, last, rows in zip(
        zip(*parts, strict=True) if parts else [()] * len(grouped), *spans, strict=True
    ):
        claims = known.get(said)
        if claims is None:
            claims = known[said] = asked.claims(said)
        found.append(Key(claims, first, last, rows))
    return sorted(found)


def places_of(table: pa.Table, columns: Columns) -> tuple[list[tuple[bytes, int]], NDArray[np.int64]]:
    """By which (claims, minute since 1970) each row is judged: the distinct ones, and the place there of each
    row, shape (n,); raises like :func:`keys_of`."""
    import numpy as np
    import pyarrow as pa

    asked = _asked(table, columns)
    place = np.zeros(len(table), np.int64)
    for column in (*asked.plain.values(), asked.minutes):
        codes = column.combine_chunks().dictionary_encode(null_encoding="encode").indices.to_numpy()
        _, place = np.unique(place * (codes.max(initial=0) + 1) + codes, return_inverse=True)
    first = pa.array(np.unique(place, return_index=True)[1])
    said = zip(*(column.take(first).to_pylist() for column in asked.plain.values()), strict=True)
    minutes = asked.minutes.take(first).to_pylist()
    rows = said if asked.plain else iter([()] * len(first))
    return [(asked.claims(one), minute) for one, minute in zip(rows, minutes, strict=True)], place


def minute_of(moment: int) -> int:
    """The minute since 1970 of a time in microseconds, as keys are told apart by it."""
    return moment // _MINUTE


def parse_keys(data: bytes) -> list[Key]:
    """The keys in ``data``.

    Raises
    ------
    GateError
        They are not in their canonical form: out of order, across a minute, without rows.
    """
    try:
        value = decode(data)
    except LedgerError as problem:
        raise GateError.of("bad_opening", why=problem.message) from None
    match value:
        case [str() as schema, list() as keys] if schema == KEYS and 0 < len(keys) <= MOST_KEYS:
            found: list[Key] = []
            for one in keys:
                match one:
                    case [bytes() as claims, int() as first, int() as last, int() as rows]:
                        key = Key(claims, first, last, rows)
                        within = first <= last and first // _MINUTE == last // _MINUTE and rows > 0
                        if within and (not found or found[-1] < key):
                            found.append(key)
                            continue
                raise GateError.of("bad_opening", why=f"key {len(found)} is not valid, or out of order")
            return found
    raise GateError.of("bad_opening", why=f"not {KEYS} with 1 to {MOST_KEYS:,} keys")


def judge_keys(judge: Judge, kind: str, keys: list[Key], at: int) -> list[Judgement]:
    """The judgement of each key.

    Raises
    ------
    GateError
        Claims are not valid.
    """
    read: dict[bytes, Claims] = {}
    found = []
    for key in keys:
        claims = read.get(key.claims)
        if claims is None:
            claims = read[key.claims] = parse_claims(key.claims)
        found.append(judge.judge(kind, claims, key.first, key.last, at))
    return found


def judged_batch(judge: Judge, batch: Batch, opening: bytes, index: int, at: int) -> Verdict:
    """The verdict of a batch whose keys are ``opening``.

    Raises
    ------
    GateError
        The keys are not valid, or stand for another number of rows.
    """
    keys = parse_keys(opening)
    rows, count = batch.rows, sum(key.rows for key in keys)
    if count != rows:
        raise GateError.of("bad_opening", why=f"keys of {count:,} rows for a batch of {rows:,}")
    judged = judge_keys(judge, batch.kind, keys, at)
    refused = [at for at, one in enumerate(judged) if one.outcome == REFUSED]
    reasons: dict[tuple[str, str | None], Reason] = {}
    for number in refused:
        for reason in judged[number].reasons:
            short = reason._replace(subject=reason.subject and reason.subject[:40])
            reasons.setdefault((reason.code, reason.requirement), short)
    policies = sorted({digest for one in judged for digest in one.policies})
    outcome = (
        REFUSED if len(refused) == len(keys)
        else PARTIAL if refused
        else ACCEPTED if any(one.outcome == ACCEPTED for one in judged)
        else NO_POLICY
    )  # fmt: skip
    summary = Summary(
        len(keys),
        rows,
        len(refused),
        sum(keys[number].rows for number in refused),
        root_of(leaf_of(key, one) for key, one in zip(keys, judged, strict=True)),
        sha256(opening).digest(),
    )
    return Verdict(outcome, index, at, tuple(policies), (), tuple(reasons.values())[:_REASONS], None, summary)


def leaf_of(key: Key, judged: Judgement) -> bytes:
    """The leaf hash of a key with its judgement, in the tree of a batch's verdict."""
    said = encode([*key, judged.outcome, list(judged.cited), encode([list(one) for one in judged.reasons])])
    return leaf_hash(said)


class _Asked(NamedTuple):
    """The columns that rows are judged by, and how to make claims of their values."""

    constant: str | None
    roles: list[tuple[str, str]]
    values: list[tuple[str, str]]
    plain: dict[str, pa.ChunkedArray]
    minutes: pa.ChunkedArray
    times: pa.ChunkedArray

    def claims(self, said: tuple[object, ...]) -> bytes:
        return _claims(self.constant, said, self.roles, self.values)


def _asked(table: pa.Table, columns: Columns) -> _Asked:
    import pyarrow as pa
    import pyarrow.compute as pc

    constant = columns.step.removeprefix("=") if columns.step.startswith("=") else None
    roles = [(role, columns.took[role]) for role in ROLES if role in columns.took]
    values = sorted(columns.values.items())
    names = [
        *([] if constant else [columns.step]),
        *(name for _, name in roles),
        *(name for _, name in values),
    ]
    missing = [name for name in (*names, columns.time) if name not in table.column_names]
    if missing:
        raise GateError.of("bad_opening", why=f"no column {', '.join(map(repr, missing))}")
    times = pc.cast(table[columns.time], pa.timestamp("us", tz="UTC")).cast(pa.int64())
    if times.null_count:
        raise GateError.of("bad_opening", why=f"{times.null_count} rows have no time")
    minutes = pc.divide(pc.subtract(times, pc.if_else(pc.less(times, 0), _MINUTE - 1, 0)), _MINUTE)
    # several columns may be asked for twice, and a group's key must be plain: each gets a name of its own
    plain = {f"k{at}": _plain(table[name]) for at, name in enumerate(names)}
    return _Asked(constant, roles, values, plain, minutes, times)


def _claims(
    constant: str | None,
    said: tuple[object, ...],
    roles: list[tuple[str, str]],
    values: list[tuple[str, str]],
) -> bytes:
    left = list(said)
    step = constant or left.pop(0)
    if not isinstance(step, str) or not step:
        raise GateError.of("bad_opening", why="a row without its step")
    took: dict[str, str] = {}
    for role, _ in roles:
        one = left.pop(0)
        if one is not None and one != "":
            took[role] = str(one)
    named: dict[str, FactValue] = {name: value for (name, _), value in zip(values, left, strict=True)}  # type: ignore[misc]
    return bytes(claims_of(step, took, named))


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        return column.cast(column.type.value_type)
    return column
