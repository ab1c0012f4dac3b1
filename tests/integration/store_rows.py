"""Loads made of numbers: rows of two kinds that belong together, the same every time."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from assay.model.kinds import TIME
from assay.store import LoadKey, StagedFile, Workspace

RECORDED = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = 86_400_000_000
START = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z in microseconds


def key(number: int) -> LoadKey:
    """The key of the numbered load."""
    return LoadKey("line-1", f"load-{number}")


def measurements(number: int, rows: int = 50) -> pa.Table:
    """One measurement per row over three days; each subject is produced by one movement."""
    seq = np.arange(rows)
    return pa.table(
        {
            "seq": seq,
            "subject": [f"U-{number}-{n}" for n in seq],
            "subject_kind": ["unit"] * rows,
            "characteristic": ["length"] * rows,
            "value": seq * 0.5,
            "unit": ["mm"] * rows,
            "time": pa.array(START + seq * (3 * DAY // rows)).cast(TIME),
            "key_hash": seq + number * 1_000_000,
            "content_hash": seq * 7 + number,
        }
    )


def movements(number: int, rows: int = 50) -> pa.Table:
    """One produced unit per row."""
    seq = np.arange(rows)
    return pa.table(
        {
            "seq": seq,
            "execution": [f"E-{number}-{n}" for n in seq],
            "role": ["produced"] * rows,
            "subject": [f"U-{number}-{n}" for n in seq],
            "subject_kind": ["unit"] * rows,
            "segment": ["press"] * rows,
            "equipment": [f"P-{n % 3}" for n in seq],
            "started": pa.array(START + seq * (3 * DAY // rows)).cast(TIME),
            "time": pa.array(START + seq * (3 * DAY // rows)).cast(TIME),
            "key_hash": seq + number * 1_000_000,
            "content_hash": seq * 11 + number,
        }
    )


ROWS = {"movement": movements, "measurement": measurements}


def stage(workspace: Workspace, number: int, kind: str, rows: int = 50) -> list[StagedFile]:
    """Write the rows of one kind, in two pieces."""
    table = ROWS[kind](number, rows)
    with workspace.lake.stage(kind, load=key(number), recorded=RECORDED) as writer:
        writer.write(table.slice(0, rows // 2))
        writer.write(table.slice(rows // 2))
        return writer.finish()


def load(workspace: Workspace, number: int, rows: int = 50) -> bool:
    """A whole load, as the file loader does it."""
    workspace.registry.begin_load(key(number), f"{number}.csv", str(number), "version: 1", recorded=RECORDED)
    workspace.registry.upsert_entities("equipment", [{"id": f"P-{n}"} for n in range(3)])
    staged = {kind: stage(workspace, number, kind, rows) for kind in ROWS}
    new = workspace.lake.commit_load(staged, load=key(number))
    workspace.registry.finish_load(key(number), {"rows": rows})
    return new


STREAM = LoadKey("line-1", "stream")
"""A load that comes in many appends."""


def append(workspace: Workspace, number: int, rows: int = 8, *, load: LoadKey | None = None) -> bool:
    """The numbered movements into the hot buffer: as a load of their own, or as the next rows of ``load``."""
    table = movements(number, rows)
    if load is not None:
        seq = pa.array(np.arange(number * rows, (number + 1) * rows))
        table = table.set_column(table.column_names.index("seq"), "seq", seq)
    return workspace.lake.hot.append("movement", table, load or key(number), recorded=RECORDED)


def content(workspace: Workspace, kind: str) -> list[dict[str, object]]:
    """Every row of a kind, in the order of the idempotency key."""
    rows: list[dict[str, object]] = workspace.lake.query(
        f"SELECT * FROM {kind} ORDER BY source, epoch, seq"
    ).to_pylist()
    return rows
