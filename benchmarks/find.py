"""A question over a million signals, and questions over PostgreSQL and the lake.

The first is the association of a defect with signals: of 1,000,000 signals with 50 readings each, three over
the step windows of the units with one defect, in the language of the plant, from text to rows. The plant is a
real one: its readings were received and derived, and the question reads what a person's question reads. The
time is that of a process that asked before and has forgotten what it sensed; the first time, with everything
cold, stands beside it.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.model.attributes import Attribute
from assay.model.kinds import TIME, RecordKind
from assay.query.bind.memory import memory_of
from assay.query.find import find
from assay.query.layers import derive
from assay.store.keys import LoadKey
from assay.store.workspace import Workspace
from benchmarks.federated import federated
from benchmarks.figures import Figure

SIGNALS, READINGS = 1_000_000, 50
PER_MACHINE = 1_000
UNITS_PER_MACHINE = 10
MOST_SECONDS = 1.0
_START = datetime(2026, 3, 2, 6, tzinfo=UTC)
_MINUTE = 60_000_000
_PIECE = 40_000


def run(
    *, repeats: int = 5, scale: float = 1.0, progress: Callable[[float, str], None] | None = None
) -> list[Figure]:
    """The question over the signals, then both questions over two places."""
    told = progress or (lambda done, what: None)
    figures = _association(repeats, scale, lambda done, what: told(done / 2, what))
    return [
        *figures,
        *federated(repeats=repeats, scale=scale, progress=lambda done, what: told(0.5 + done / 2, what)),
    ]


def _association(repeats: int, scale: float, told: Callable[[float, str], None]) -> list[Figure]:
    machines = max(4, round(SIGNALS * scale / PER_MACHINE))
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        place = Path(folder) / "plant"
        told(0.0, "making the plant")
        make_plant(place, machines)
        question = asked(machines // 2)
        with Workspace.open(place) as workspace:
            began = time.perf_counter()
            first = find(workspace, question)
            cold = time.perf_counter() - began
            _check(first.to_arrow(), machines // 2)
            seconds = []
            for turn in range(repeats):
                told(0.9 + turn / repeats / 10, f"question {turn + 1} of {repeats}")
                memory_of(workspace).clear()
                began = time.perf_counter()
                answer = find(workspace, question)
                seconds.append(time.perf_counter() - began)
                assert answer.rows == first.rows, "the answer is the same each time"
    value = statistics.median(seconds)
    rows = machines * PER_MACHINE * READINGS
    return [
        Figure(
            name=f"find: 3 of {machines * PER_MACHINE:,} signals, {rows:,} readings, units of a defect",
            value=value,
            unit="s",
            peer=f"the first time, everything cold: {cold:.2f} s",
            ratio=None,
            spread=f"{min(seconds):.3f} to {max(seconds):.3f} s, {repeats} rounds",
            target=f"at most {MOST_SECONDS:g} s",
            met=value <= MOST_SECONDS,
        )
    ]


def asked(machine: int) -> str:
    """The question about the units with the defect, which one machine made."""
    names = [f'press."{signal(machine, number)}".mean as s{number}' for number in range(3)]
    return f"unit[defect.code = 'HC-3'] | compare {', '.join(names)}"


def signal(machine: int, number: int) -> str:
    """The name of a machine's signal."""
    return f"M{machine:04d}.S{number:03d}"


def _check(found: pa.Table, machine: int) -> None:
    """Readings are the minute plus the signal's number plus the machine's: the means are known."""
    assert found.num_rows == UNITS_PER_MACHINE, found.num_rows
    for number in range(3):
        expected = [machine + number + 5 * place + 2 for place in range(UNITS_PER_MACHINE)]
        got = found.column(f"s{number}").to_pylist()
        assert got == expected, (got, expected)


def make_plant(place: Path, machines: int) -> None:
    """Machines with a thousand signals each; ten units on each, five minutes apiece."""
    with Workspace.create(place) as workspace:
        workspace.registry.declare_attributes([Attribute(name="code", kind=RecordKind.EVENT)])
        _store(workspace, RecordKind.MOVEMENT, [_movements(machines)])
        _store(workspace, RecordKind.EVENT, [_events(machines // 2)])
        _store(workspace, RecordKind.READING, _readings(machines))
        derive(workspace, ["dwd_reading"])


def _store(workspace: Workspace, kind: RecordKind, tables: Iterator[pa.Table] | list[pa.Table]) -> None:
    load = LoadKey("bench", kind.value)
    rows = 0
    with workspace.lake.stage(kind, load=load, recorded=_START) as writer:
        for table in tables:
            seq = pa.array(np.arange(rows, rows + table.num_rows))
            rows += table.num_rows
            identity = pa.table(dict.fromkeys(("seq", "key_hash", "content_hash"), seq))
            writer.write(
                pa.table([*table.columns, *identity.columns], [*table.column_names, *identity.column_names])
            )
    workspace.lake.commit(kind, writer.finish(), load=load)


def _movements(machines: int) -> pa.Table:
    place = np.arange(machines * UNITS_PER_MACHINE)
    start = place % UNITS_PER_MACHINE * 5 * _MINUTE + _micros(_START)
    names = pa.array(place).cast(pa.string())
    started = pa.array(start).cast(TIME)
    return pa.table(
        {
            "execution": pc.binary_join_element_wise("E", names, ""),
            "role": _same("produced", len(place)),
            "subject": pc.binary_join_element_wise("U", names, ""),
            "subject_kind": _same("unit", len(place)),
            "segment": _same("press", len(place)),
            "equipment": _machine(place // UNITS_PER_MACHINE),
            "started": started,
            "ended": pa.array(start + 5 * _MINUTE).cast(TIME),
            "time": started,
        }
    )


def _events(machine: int) -> pa.Table:
    place = np.arange(machine * UNITS_PER_MACHINE, (machine + 1) * UNITS_PER_MACHINE)
    return pa.table(
        {
            "event": _same("defect", len(place)),
            "subject": pc.binary_join_element_wise("U", pa.array(place).cast(pa.string()), ""),
            "subject_kind": _same("unit", len(place)),
            "code": _same("HC-3", len(place)),
            "time": pa.array(np.full(len(place), _micros(_START + timedelta(hours=2)))).cast(TIME),
        }
    )


def _readings(machines: int) -> Iterator[pa.Table]:
    """As a historian sends them: minute by minute, all signals."""
    total = machines * PER_MACHINE
    every = np.arange(total)
    names = pc.binary_join_element_wise(
        _machine(every // PER_MACHINE),
        pc.binary_join_element_wise(
            "S", pc.utf8_lpad(pa.array(every % PER_MACHINE).cast(pa.string()), 3, "0"), ""
        ),
        ".",
    )
    equipment = _machine(every // PER_MACHINE)
    for minute in range(READINGS):
        for first in range(0, total, _PIECE):
            part = every[first : first + _PIECE]
            yield pa.table(
                {
                    "signal": names.slice(first, len(part)),
                    "equipment": equipment.slice(first, len(part)),
                    "value": pa.array((part // PER_MACHINE + part % PER_MACHINE + minute).astype(np.float64)),
                    "time": pa.array(np.full(len(part), _micros(_START) + minute * _MINUTE)).cast(TIME),
                }
            )


def _machine(numbers: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pa.Array:
    return pc.binary_join_element_wise("M", pc.utf8_lpad(pa.array(numbers).cast(pa.string()), 4, "0"), "")


def _same(word: str, rows: int) -> pa.Array:
    return pa.repeat(word, rows)


def _micros(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)
