"""A small plant with an evidence log, and rows for it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from assay.ledger.entries import Batch, Body, Entry, Individual, Rows
from assay.ledger.policy import Policy
from assay.ledger.segment import Record, read_segments
from assay.ledger.submitter import Submitter
from assay.store.evidence import Evidence
from assay.store.keys import LoadKey
from assay.store.workspace import Workspace

START = datetime(2026, 11, 2, 6, tzinfo=UTC)
RECORDED = datetime(2026, 11, 20, tzinfo=UTC)


@contextmanager
def logging_plant(path: Path, **settings: Any) -> Iterator[Workspace]:
    """A new plant whose sequencer ends soon after the test."""
    with Workspace.create(path, name="Werk Süd", log=True, **settings) as workspace:
        soon(workspace.evidence)
        yield workspace


def soon(evidence: Evidence) -> None:
    """Have a sequencer that is started from here end soon after the last connection."""
    evidence.submitter = Submitter(evidence.place, idle=1, patience=90)


def hashes(rows: list[tuple[Any, ...]]) -> pa.Array:
    """Some hash of each row, as a loader makes them."""
    digests = [hashlib.blake2b(repr(row).encode(), digest_size=8).digest() for row in rows]
    return pa.array([int.from_bytes(one, "big", signed=True) for one in digests], pa.int64())


def readings(count: int, *, first: int = 0, minutes: int = 1) -> pa.Table:
    """One signal, a value a minute."""
    times = [START + timedelta(minutes=minutes * n) for n in range(first, first + count)]
    key = hashes([("force", one) for one in times])
    return pa.table({
        "seq": np.arange(first, first + count),
        "signal": ["force"] * count,
        "equipment": [f"press-{n % 3}" for n in range(first, first + count)],
        "value": [n / 8 for n in range(first, first + count)],
        "unit": ["kN"] * count,
        "time": pa.array(times, pa.timestamp("us", "UTC")),
        "key_hash": key,
        "content_hash": key,
    })  # fmt: skip


def measurements(count: int, characteristics: tuple[str, ...] = ("height", "mass")) -> Iterator[pa.Table]:
    """Several characteristics of each part, each by itself, as a loader hands them in: one ``seq`` a part."""
    for characteristic in characteristics:
        key = hashes([(n, characteristic) for n in range(count)])
        yield pa.table({
            "seq": np.arange(count),
            "subject": [f"U-{n}" for n in range(count)],
            "subject_kind": ["unit"] * count,
            "characteristic": [characteristic] * count,
            "value": [n / 4 for n in range(count)],
            "time": pa.array([START + timedelta(seconds=n) for n in range(count)], pa.timestamp("us", "UTC")),
            "key_hash": key,
            "content_hash": key,
        })  # fmt: skip


def load(workspace: Workspace, name: str, tables: list[pa.Table], key: LoadKey) -> None:
    """Stage and commit rows as one load."""
    with workspace.lake.stage(name, load=key, recorded=RECORDED) as writer:
        for table in tables:
            writer.write(table)
    assert workspace.lake.commit(name, writer.finish(), load=key)


def bodies(path: Path, log: str = "main") -> list[Body]:
    """What the log holds."""
    found = []
    for one in read_segments(path / "ledger" / log / "segment"):
        assert isinstance(one, Record)
        found.append(Entry.parse(one.entry).signed.verify())
    return found


def batches(path: Path) -> list[Batch]:
    """The batches of the log."""
    return [one for one in bodies(path) if isinstance(one, Batch)]


def trees(path: Path) -> list[Rows]:
    """The trees of salted rows of the log."""
    return [one for one in bodies(path) if isinstance(one, Rows)]


def individuals(path: Path, kind: str) -> list[Individual]:
    """The entries of one kind that stand for themselves."""
    return [one for one in bodies(path) if isinstance(one, Individual) and one.kind == kind]


def policy_of(workspace: Workspace) -> Policy:
    """A policy that believes the plant's log."""
    return Policy.parse(f"log {workspace.evidence.place.public_key()}\nquorum none\n".encode())


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keys and heads of the module's plants."""
    folder = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASSAY_STATE", str(folder))
        yield folder
