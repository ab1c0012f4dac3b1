"""The gate: microseconds for one record, rows a second for a batch.

A shop of 200 welders, 100 machines, 500 lots, 20 procedures and 4 bays with a reading a minute for a
week, under a policy that asks for all five with nine comparisons. One in twelve records is refused. A
record is judged once a round and the least of its times counts, so that the figures are those of the gate
and not of what else the machine does. Beside judging stands all that the sequencer does for it: opening the
commitment too, and encoding the verdict. For a batch, the submitter's share (distinct keys of the rows)
counts as well.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Sequence
from statistics import median, quantiles

import numpy as np
import pyarrow as pa

from assay.ledger.commitment import commit
from assay.ledger.entries import Batch, Individual, Origin
from assay.ledger.gate.batches import Columns, keys_of, parse_keys
from assay.ledger.gate.errors import GateError
from assay.ledger.gate.facts import FIELD, Claims, Fact, claims_of, fact_of, opened, opening_of
from assay.ledger.gate.gate import Core
from assay.ledger.gate.policy import parse_policy
from benchmarks.figures import Figure

ROUNDS = 5
MOST_MEDIAN, MOST_SLOW = 20.0, 100.0
LEAST_RATE = 1_000_000
START = 1_790_000_040_000_000
MINUTE = 60_000_000
WEEK = 7 * 24 * 60
POLICY = """
format: assay/gate-policy@1
name: welding
version: "1"
clock: {ahead_s: 3000000000}
requirements:
  welder:
    about: person
    fact: qualification
    must:
      - {fact: processes, contains: {record: process}}
      - {fact: thickness_min_mm, at_most: {record: thickness_mm}}
      - {fact: thickness_max_mm, at_least: {record: thickness_mm}}
  power source: {about: machine, fact: calibration}
  steel:
    about: material
    fact: release
    take: last
    must: [{fact: carbon_pct, at_most: "0.22"}]
  procedure:
    about: recipe
    fact: approval
    must: [{record: current_a, at_least: {fact: current_min_a}, at_most: {fact: current_max_a}}]
  air:
    about: environment
    fact: environment
    take: last
    max_age_s: 120
    must: [{fact: humidity_pct, at_most: 80}, {fact: wind_m_s, below: 2}]
applies:
  - {kinds: [record, event], steps: [weld], requires: [welder, power source, steel, procedure, air]}
"""


def run(
    *,
    repeats: int = ROUNDS,
    scale: float = 1.0,
    progress: Callable[[float, str], None] = lambda done, what: None,
) -> list[Figure]:
    """Judge 20,000 records and a batch of a million rows (both times ``scale``), ``repeats`` times each."""
    core, size = shop()
    records = _records(max(round(20_000 * scale), 200))
    whole, judged, refused = [float("inf")] * len(records), [float("inf")] * len(records), 0
    for number in range(repeats):
        progress(number / repeats / 2, "records one by one")
        spent, refused = _judged(core, records, size)
        whole = list(map(min, whole, spent))
        judged = list(map(min, judged, _claims_judged(core, records)))
    table, columns = _rows(max(round(1_000_000 * scale), 10_000))
    rates, keys = [], 0
    for number in range(repeats):
        progress(0.5 + number / repeats / 2, "a batch")
        rate, keys = _batch(core, table, columns, size)
        rates.append(rate)
    share = 100 * refused / len(records)
    how = f"{share:.0f} % refused"
    return [
        _figure(f"gate: one record judged by five requirements ({how})", judged, "µs", most=MOST_MEDIAN),
        _figure("gate: 99 % of them", [_slow(judged)], "µs", most=MOST_SLOW),
        _figure("gate: the same with its commitment opened and its verdict encoded", whole, "µs"),
        _figure("gate: 99 % of those", [_slow(whole)], "µs", most=MOST_SLOW),
        _figure(f"gate: rows of a batch with {keys:,} distinct keys", rates, "rows/s", least=LEAST_RATE),
    ]


def shop() -> tuple[Core, int]:
    """A gate that knows the shop, and the size of its main log."""
    core = Core(_no_refusal, _no_refusal)
    known: list[tuple[str, Fact]] = [
        ("gate", fact_of("policy", values={"policy": parse_policy(POLICY).canonical()}))
    ]
    year = 365 * WEEK // 7 * MINUTE
    for number in range(200):
        values = {"processes": ["135", "141"], "thickness_min_mm": 3, "thickness_max_mm": 12 + number % 8}
        for old in (2, 1):  # an expired one behind the one that holds
            start = START - old * year + year // 2
            known.append(
                (f"W{number}", fact_of("qualification", start=start, until=start + year, values=values))
            )
    known += [(f"M{number}", fact_of("calibration", until=START + year)) for number in range(100)]
    known += [(f"L{number}", fact_of("release", values={"carbon_pct": "0.18"})) for number in range(500)]
    window = {"current_min_a": 90, "current_max_a": 240}
    known += [(f"P{number}", fact_of("approval", values=window)) for number in range(20)]
    for bay in range(4):
        for minute in range(WEEK):
            damp = 85 if minute % 25 == 0 else 55
            values = {"humidity_pct": damp, "wind_m_s": "0.4"}
            known.append((f"B{bay}", fact_of("environment", start=START + minute * MINUTE, values=values)))
    for index, (subject, fact) in enumerate(known):
        core.inputs.add(index, subject, fact, bytes(32))
    core.inputs.mark()
    return core, len(known)


def _claims(draw: random.Random) -> Claims:
    took = {
        "person": f"W{draw.randrange(206)}",  # some nobody knows
        "machine": f"M{draw.randrange(100)}",
        "material": f"L{draw.randrange(500)}",
        "recipe": f"P{draw.randrange(20)}",
        "environment": f"B{draw.randrange(4)}",
    }
    values = {"process": "135", "thickness_mm": "8.5", "current_a": str(draw.randrange(88, 240))}
    return claims_of("weld", took, values)


def _records(count: int) -> list[tuple[Individual, bytes]]:
    draw, found = random.Random(1), []
    for number in range(count):
        fields = {f"f{at:02d}": at for at in range(15)} | {FIELD: bytes(_claims(draw))}
        made = commit(fields)
        when = START + draw.randrange(WEEK * MINUTE)
        body = Individual(
            "record", f"J{number}", Origin("mes", 1, number), when, when, made.root, 16, None, bytes(32)
        )
        found.append((body, opening_of(made)))
    return found


def _judged(core: Core, records: Sequence[tuple[Individual, bytes]], size: int) -> tuple[list[float], int]:
    """Microseconds of each, and how many were refused."""
    spent, refused = [], 0
    gc.collect()
    for body, opening in records:
        start = time.perf_counter_ns()
        found = core.judged(body, opening, size, START)
        main, other = found or (None, None)
        _ = bytes(main or other)  # type: ignore[arg-type]
        spent.append((time.perf_counter_ns() - start) / 1_000)
        refused += other is not None
    return spent, refused


def _claims_judged(core: Core, records: Sequence[tuple[Individual, bytes]]) -> list[float]:
    """Microseconds that judging alone takes of each."""
    spent = []
    for body, opening in records:
        claims = opened(opening, body)
        start = time.perf_counter_ns()
        core.judge.judge(body.kind, claims, body.event_time, body.event_time, START)  # type: ignore[arg-type]
        spent.append((time.perf_counter_ns() - start) / 1_000)
    return spent


def _slow(spent: Sequence[float]) -> float:
    return quantiles(spent, n=100)[98]


def _rows(count: int) -> tuple[pa.Table, Columns]:
    """Rows of 100 welders over 100 minutes: 10,000 keys."""
    draw = np.random.default_rng(2)
    minute, who = draw.integers(0, 100, count), draw.integers(0, 100, count)
    times = START + minute * MINUTE + draw.integers(0, MINUTE, count)
    several = {
        "person": ("W", 100),
        "machine": ("M", 50),
        "lot": ("L", 20),
        "recipe": ("P", 5),
        "bay": ("B", 2),
    }
    coded = {
        role: pa.DictionaryArray.from_arrays(
            pa.array(who % size, pa.int32()), [f"{front}{at}" for at in range(size)]
        )
        for role, (front, size) in several.items()
    }
    fixed = {
        name: pa.array(np.full(count, value)) for name, value in (("process", "135"), ("thickness", "8.5"))
    }
    table = pa.table({
        **coded, **fixed, "current": pa.array(np.full(count, 120)),
        "time": pa.array(times).cast(pa.timestamp("us", tz="UTC")),
    })  # fmt: skip
    took = {
        "person": "person",
        "machine": "machine",
        "material": "lot",
        "recipe": "recipe",
        "environment": "bay",
    }
    values = {"process": "process", "thickness_mm": "thickness", "current_a": "current"}
    return table, Columns("=weld", "time", took, values)


def _batch(core: Core, table: pa.Table, columns: Columns, size: int) -> tuple[float, int]:
    """Rows a second from the rows to the verdict, and how many distinct keys they have."""
    gc.collect()
    start = time.perf_counter()
    opening = keys_of(table, columns)
    chunks = -(-len(table) // 1_024)
    origin, rows = Origin("mes", 1, 0), len(table)
    body = Batch("event", bytes(32), origin, rows, rows, START, (bytes(32),) * chunks, bytes(32))
    found = core.judged(body, opening, size, START)
    _ = bytes(found.main) if found and found.main else b""
    spent = time.perf_counter() - start
    return len(table) / spent, len(parse_keys(opening))


def _no_refusal(index: int) -> bytes:
    raise GateError.of("no_refusal", index=index)


def _figure(
    name: str, values: Sequence[float], unit: str, *, most: float | None = None, least: float | None = None
) -> Figure:
    value = median(values)
    target, met = None, None
    if most is not None:
        target, met = f"at most {most:g} {unit}", value <= most
    if least is not None:
        target, met = f"at least {least:,.0f} {unit}", value >= least
    return Figure(
        name=name,
        value=value,
        unit=unit,
        peer=None,
        ratio=None,
        spread=f"{min(values):,.4g} to {max(values):,.4g}",
        target=target,
        met=met,
    )
