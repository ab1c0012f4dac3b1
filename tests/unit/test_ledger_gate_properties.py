"""The gate's parsers take anything and say no in one way; batches let in nothing that a row would not."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import cbor2
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.ledger.canonical import encode
from assay.ledger.commitment import commit
from assay.ledger.entries import Individual, Origin
from assay.ledger.gate.batches import Columns, distinct, judge_keys, keys_of, parse_keys
from assay.ledger.gate.errors import GateError
from assay.ledger.gate.facts import (
    CLAIMS,
    FACT,
    FIELD,
    Claims,
    claims_of,
    fact_of,
    opened,
    opening_of,
    parsed,
)
from assay.ledger.gate.gate import Core
from assay.ledger.gate.policy import ROLES, parse_policy
from assay.ledger.gate.verdict import VERDICT, Reason, Verdict

START = 1_790_000_040_000_000
MINUTE = 60_000_000

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.binary(max_size=5) | st.floats(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=12,
)
near = st.one_of(
    st.binary(max_size=80),
    plain.map(cbor2.dumps),
    st.tuples(st.sampled_from([CLAIMS, FACT, VERDICT]), plain, plain, plain).map(list).map(cbor2.dumps),
)
values = st.dictionaries(
    st.text(min_size=1, max_size=8),
    st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.text(max_size=8)
    | st.lists(st.text(max_size=4)),
    max_size=5,
)


@given(near)
@settings(max_examples=300, deadline=None)
def test_whatever_is_handed_in_is_read_or_refused(data: bytes) -> None:
    body = Individual("record", "U-1", Origin("s", 1, 1), START, START, bytes(32), 1, None, bytes(32))
    for read in (parsed, Verdict.parse):
        with suppress(GateError):
            assert bytes(read(data)) == data
    for refusing in (parse_keys, lambda one: opened(one, body)):
        with suppress(GateError):
            refusing(data)


@given(st.text(min_size=1, max_size=9), st.dictionaries(st.sampled_from(ROLES), st.lists(
    st.text(min_size=1, max_size=5), min_size=1, max_size=3)), values)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_claims_are_read_as_they_were_made(
    step: str, took: dict[str, list[str]], said: dict[str, Any]
) -> None:
    made = claims_of(step, took, said)
    assert parsed(bytes(made)) == made
    sealed = commit({FIELD: bytes(made), "more": 1, "other": "x"})
    body = Individual("record", "U-1", Origin("s", 1, 1), START, START, sealed.root, 3, None, bytes(32))
    opening = opening_of(sealed)
    assert opened(opening, body) == made
    for at in range(0, len(opening), 5):
        with pytest.raises(GateError):
            opened(opening[:at] + bytes([opening[at] ^ 1]) + opening[at + 1 :], body)


def none(index: int) -> bytes:
    raise GateError.of("no_refusal", index=index)


def core_of(inputs: list[tuple[str, int | None, int | None]], take: str) -> Core:
    core = Core(none, none)
    policy = parse_policy(
        f"""
format: assay/gate-policy@1
name: rows
version: "1"
clock: {{ahead_s: 3000000000}}
requirements:
  machine: {{about: machine, fact: calibration, take: {take}}}
applies:
  - {{kinds: [event], steps: [cut], requires: [machine]}}
"""
    ).canonical()
    core.inputs.add(0, "gate", fact_of("policy", values={"policy": policy}), bytes(32))
    for index, (machine, start, until) in enumerate(inputs, 1):
        if start is None or until is None or start < until:
            core.inputs.add(index, machine, fact_of("calibration", start=start, until=until), bytes(32))
    return core


rows = st.lists(st.tuples(st.sampled_from(["M1", "M2"]), st.integers(0, 3 * MINUTE)), min_size=1, max_size=40)
takes = st.sampled_from(["any", "last", "every"])


def spans(step: int) -> st.SearchStrategy[list[tuple[str, int | None, int | None]]]:
    edge = st.none() | st.integers(-1, 3 * MINUTE // step + 1).map(lambda at: START + at * step)
    return st.lists(st.tuples(st.sampled_from(["M1", "M2"]), edge, edge), max_size=6)


def judged(inputs: list[tuple[str, int | None, int | None]], seen: list[tuple[str, int]], take: str) -> Any:
    """Of each key: whether it is refused, and whether each of its rows would be by itself."""
    core = core_of(inputs, take)
    table = pa.table(
        {
            "machine": [machine for machine, _ in seen],
            "time": pa.array([START + at for _, at in seen]).cast(pa.timestamp("us", tz="UTC")),
        }
    )
    columns = Columns("=cut", "time", {"machine": "machine"})
    keys = distinct(table, columns)
    assert parse_keys(keys_of(table, columns)) == keys
    assert sum(key.rows for key in keys) == len(seen)
    for key, found in zip(keys, judge_keys(core.judge, "event", keys, START), strict=True):
        claims = parsed(key.claims)
        assert isinstance(claims, Claims)
        mine = [
            START + at
            for machine, at in seen
            if (machine,) == claims.took["machine"] and (START + at) // MINUTE == key.first // MINUTE
        ]
        assert (min(mine), max(mine), len(mine)) == (key.first, key.last, key.rows)
        alone = [core.judge.judge("event", claims, at, at, START).outcome == "refused" for at in mine]
        yield found.outcome == "refused", alone


@given(spans(MINUTE // 8), rows, takes)
@settings(max_examples=150, deadline=None)
def test_no_row_of_an_accepted_key_would_be_refused(inputs: Any, seen: Any, take: str) -> None:
    for refused, alone in judged(inputs, seen, take):
        assert refused or not any(alone)


@given(spans(MINUTE), rows, takes)
@settings(max_examples=150, deadline=None)
def test_where_validity_ends_with_the_minute_both_agree(inputs: Any, seen: Any, take: str) -> None:
    for refused, alone in judged(inputs, seen, take):
        assert set(alone) == {refused}


def test_a_verdict_with_unknown_reasons_is_none() -> None:
    good = Verdict("refused", 1, START, (), (), (Reason("expired", "p"),))
    assert Verdict.parse(bytes(good)) == good
    with pytest.raises(GateError):
        Verdict.parse(bytes(good._replace(reasons=(Reason("bored", "p"),))))
    with pytest.raises(GateError):
        Verdict.parse(encode([VERDICT, "refused", 1, START, [], [], [[]], None, None]))
