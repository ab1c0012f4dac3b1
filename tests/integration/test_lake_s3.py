"""A lake in a bucket is kept like one in a directory: hot rows, compaction, derivation, the past, damage."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bucket import BUCKET, Store, opened_by_environment
from store_rows import STREAM, append, content, load

from assay.query import layers
from assay.store import Workspace
from assay.store.compaction import compact
from assay.store.health import DamagedFile, check, status
from assay.store.policies import LakePolicies, TablePolicy
from assay.store.timetravel import PastGone, pinned_as_of

FEW = LakePolicies(every=TablePolicy(small_files=2))
LATER = timedelta(days=8)
ROWS = 6


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with opened_by_environment() as running:
        yield running


@pytest.fixture
def plant(store: Store, tmp_path: Path) -> Iterator[Workspace]:
    """A plant whose lake lies in the bucket."""
    with Workspace.create(
        tmp_path / "cloud", lake=f"s3://{BUCKET}/{uuid.uuid4().hex[:12]}/lake"
    ) as workspace:
        workspace.lake.policies = FEW
        yield workspace


def epochs(plant: Workspace, moment: datetime, *, by_version: bool | None = None) -> list[tuple[str, int]]:
    """The movements known at a moment, by load."""
    with plant.lake.connect(pinned_as_of(plant.lake, moment, by_version=by_version)) as connection:
        sql = "SELECT epoch, count(*) FROM movement GROUP BY 1 ORDER BY 1"
        found: list[tuple[str, int]] = connection.execute(sql).fetchall()
    return found


def stored(plant: Workspace, name: str) -> int:
    """Data files of a table in the bucket."""
    return sum(
        found.path.endswith(".parquet") for found in plant.lake.table(name).place.files("date=2026-01-01")
    )


def test_hot_rows_compaction_and_the_past(plant: Workspace) -> None:
    moments = [datetime.now(UTC)]
    known: list[list[tuple[str, int]]] = [[]]
    load(plant, 1, rows=ROWS)
    moments.append(datetime.now(UTC))
    known.append([("load-1", ROWS)])
    for number in range(2):
        assert append(plant, number, ROWS, load=STREAM)
        moments.append(datetime.now(UTC))
        known.append([("load-1", ROWS), ("stream", (number + 1) * ROWS)])
    with Workspace.open(plant.path) as other:
        before = content(other, "movement")
        assert len(before) == 3 * ROWS
    assert plant.lake.hot.flush() == 2 * ROWS
    assert not append(plant, 1, ROWS, load=STREAM), "it is in the table"
    assert plant.lake.hot.waiting("movement") == []
    assert content(plant, "movement") == before
    (done,) = compact(plant.lake, "movement")
    assert (done.dates, done.rows, done.files_after) == (3, 3 * ROWS, 3)
    assert content(plant, "movement") == before
    assert status(plant.lake)["movement"].files == 3
    assert [epochs(plant, moment, by_version=True) for moment in moments] == known
    assert stored(plant, "movement") == 3
    (done,) = compact(plant.lake, "movement", now=datetime.now(UTC) + LATER)
    assert done.deleted_files == 6
    assert stored(plant, "movement") == 1
    assert [epochs(plant, moment) for moment in moments] == known, "by the loads, as the files are deleted"
    assert check(plant.lake, deep=True) == []
    assert not [path for path in plant.spool.rglob("*.parquet") if path.is_file()], "uploads leave no copies"


def test_derivation_and_its_past(plant: Workspace) -> None:
    ask = "SELECT sum(n) AS n FROM dws_result"
    load(plant, 1, rows=ROWS)
    before = datetime.now(UTC)
    layers.derive(plant, ["dws_result"])
    then = datetime.now(UTC)
    load(plant, 2, rows=ROWS)
    report = layers.derive(plant, ["dws_result"])
    assert [(one.table, one.whole) for one in report.tables if one.changed] == [
        ("dwd_occupancy", False),
        ("dwd_result", False),
        ("dws_result", False),
    ]
    assert plant.lake.query(ask)["n"].to_pylist() == [2 * ROWS]
    assert plant.lake.query(ask, as_of=then)["n"].to_pylist() == [ROWS]
    with pytest.raises(PastGone, match="did not exist"):
        plant.lake.query(ask, as_of=before)
    plant.lake.policies = LakePolicies(tables={"dwd_result": TablePolicy(keep_days=30, checkpoint_every=1)})
    (done,) = compact(plant.lake, "dwd_result", now=datetime(2026, 2, 1, tzinfo=UTC))
    assert done.retired_rows == 4
    assert not layers.derive(plant, ["dws_result"]).changed
    assert plant.lake.query(ask)["n"].to_pylist() == [2 * ROWS]
    plant.lake.derived["dws_result"].sweep(now=datetime.now(UTC) + LATER)
    with pytest.raises(PastGone, match="derived anew since"):
        plant.lake.query(ask, as_of=then)


def test_a_missing_object_fails_only_what_needs_it(plant: Workspace, store: Store) -> None:
    load(plant, 1, rows=ROWS)
    gone = plant.lake.files("movement")[1]
    store.filesystem().delete_file(gone.removeprefix("s3://"))
    assert plant.lake.query("SELECT count(*) AS n FROM measurement")["n"].to_pylist() == [ROWS]
    with pytest.raises(DamagedFile, match="is missing") as error:
        plant.lake.query("SELECT count(subject) FROM movement")
    assert gone in str(error.value)
    assert [one.path for one in check(plant.lake)] == [gone]
