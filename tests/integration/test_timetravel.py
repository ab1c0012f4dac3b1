"""The plant as known on a moment: by the version's files, or by the loads committed since; the same rows."""

from __future__ import annotations

import unittest.mock
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from store_rows import RECORDED, STREAM, append, content, key, load, measurements

from assay.model.errors import QueryError
from assay.query import layers
from assay.store import Workspace, derived
from assay.store.compaction import compact
from assay.store.lake import Lake
from assay.store.policies import LakePolicies, TablePolicy
from assay.store.signals import window
from assay.store.snapshot import Snapshot
from assay.store.timetravel import PastGone, pinned_as_of

FEW = LakePolicies(every=TablePolicy(small_files=2))
LATER = timedelta(days=8)


def rows(lake: Lake, snapshot: Snapshot, kind: str = "movement") -> list[tuple[str, int]]:
    with lake.connect(snapshot) as connection:
        found: list[tuple[str, int]] = connection.execute(
            f"SELECT epoch, seq FROM {kind} ORDER BY ALL"
        ).fetchall()
    return found


def known(numbers: set[int], count: int) -> list[tuple[str, int]]:
    return sorted((f"load-{number}", seq) for number in numbers for seq in range(count))


@given(
    steps=st.lists(
        st.sampled_from(["load", "append", "more", "flush", "compact", "delete"]), min_size=1, max_size=9
    )
)
@example(steps=["append", "flush"])
@example(steps=["more", "more", "flush", "more", "flush", "compact", "delete"])
@settings(deadline=None, max_examples=15)
def test_both_ways_give_what_was_known_at_every_moment(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    """Whatever was loaded, appended, flushed, compacted and deleted between then and now."""
    with Workspace.create(tmp_path_factory.mktemp("any") / "plant") as plant:
        plant.lake.policies = FEW
        moments: list[tuple[datetime, set[tuple[str, int]]]] = [(datetime.now(UTC), set())]
        deleted = False
        for number, step in enumerate(steps):
            there = set(moments[-1][1])
            if step == "load":
                load(plant, number, rows=3)
                there |= set(known({number}, 3))
            elif step == "append":
                append(plant, number, 3)
                there |= set(known({number}, 3))
            elif step == "more":
                append(plant, number, 3, load=STREAM)
                there |= {(STREAM.epoch, 3 * number + seq) for seq in range(3)}
            elif step == "flush":
                plant.lake.hot.flush()
            else:
                deleted |= step == "delete"
                compact(plant.lake, now=datetime.now(UTC) + (LATER if step == "delete" else timedelta()))
            moments.append((datetime.now(UTC), there))
        for moment, there in moments:
            for by_version in (None, False) if deleted else (None, True, False):
                snapshot = pinned_as_of(plant.lake, moment, by_version=by_version)
                assert rows(plant.lake, snapshot) == sorted(there), (moment, by_version)


def test_a_load_is_known_in_all_its_kinds_or_in_none(plant: Workspace) -> None:
    for number in range(3):
        load(plant, number, rows=4)
    moments = set()
    for kind in ("movement", "measurement"):
        table = plant.lake.table(kind)
        moments |= {table.commit_at(version).moment for version in range(1, table.version() + 1)}
    assert len(moments) == 3, "the commits of a load have one moment"
    for number, moment in enumerate(sorted(moments)):
        before = plant.lake.snapshot(as_of=moment - timedelta(microseconds=1))
        at = plant.lake.snapshot(as_of=moment)
        for kind in ("movement", "measurement"):
            assert rows(plant.lake, before, kind) == known(set(range(number)), 4)
            assert rows(plant.lake, at, kind) == known(set(range(number + 1)), 4)


def test_sql_as_of_and_master_data_in_force_then(plant: Workspace) -> None:
    load(plant, 1, rows=4)
    then = datetime.now(UTC)
    load(plant, 2, rows=4)
    plant.registry.upsert_entities("equipment", [{"id": "P-9", "valid_from": then + timedelta(seconds=1)}])
    ask = "SELECT count(*) AS n FROM movement"
    assert plant.lake.query(ask, as_of=then)["n"].to_pylist() == [4]
    assert plant.lake.query(ask)["n"].to_pylist() == [8]
    ask = "SELECT is_current FROM equipment WHERE id = 'P-9'"
    assert plant.lake.query(ask, as_of=then)["is_current"].to_pylist() == [False]


@pytest.mark.parametrize(
    ("moment", "why"),
    [
        (datetime(2026, 1, 1), "has no time zone"),  # noqa: DTZ001 - that is the point
        (datetime(2999, 1, 1, tzinfo=UTC), "lies in the future"),
    ],
)
def test_moments_that_make_no_sense_are_refused(plant: Workspace, moment: datetime, why: str) -> None:
    with pytest.raises(QueryError, match=why):
        plant.lake.snapshot(as_of=moment)


def test_before_the_first_load_the_plant_is_empty(plant: Workspace) -> None:
    load(plant, 1)
    assert plant.lake.query("SELECT * FROM movement", as_of=datetime(2020, 1, 1, tzinfo=UTC)).num_rows == 0


def test_rows_that_retention_took_are_not_passed_off_as_the_past(plant: Workspace) -> None:
    load(plant, 1)
    then = datetime.now(UTC)
    plant.lake.policies = LakePolicies(every=TablePolicy(keep_days=10))
    compact(plant.lake)
    assert content(plant, "movement") == []
    assert plant.lake.query("SELECT count(*) AS n FROM movement", as_of=then)["n"].to_pylist() == [50]
    compact(plant.lake, now=datetime.now(UTC) + LATER)
    with pytest.raises(PastGone, match="left the plant by its retention"):
        plant.lake.snapshot(as_of=then)


def test_versions_pin_an_earlier_snapshot_until_its_files_are_deleted(plant: Workspace) -> None:
    plant.lake.policies = FEW
    load(plant, 1, rows=4)
    versions = plant.lake.snapshot().versions
    load(plant, 2, rows=4)
    again = plant.lake.snapshot(versions=versions)
    assert rows(plant.lake, again) == known({1}, 4)
    compact(plant.lake, now=datetime.now(UTC))
    compact(plant.lake, now=datetime.now(UTC) + LATER)
    with pytest.raises(PastGone, match="is deleted"):
        plant.lake.snapshot(versions=versions)


def test_a_restored_plant_shows_the_past_by_loads(plant: Workspace, tmp_path: Path) -> None:
    from assay.store.backup import backup, restore

    plant.lake.policies = FEW
    load(plant, 1, rows=4)
    then = datetime.now(UTC)
    load(plant, 2, rows=4)
    compact(plant.lake)
    backup(plant, tmp_path / "plant.tar")
    restore(tmp_path / "plant.tar", tmp_path / "again")
    with Workspace.open(tmp_path / "again") as again:
        assert rows(again.lake, again.lake.snapshot(as_of=then)) == known({1}, 4)


def test_columns_keep_their_types_in_the_past(plant: Workspace) -> None:
    plant.lake.policies = FEW
    load(plant, 1, rows=4)
    then = datetime.now(UTC)
    load(plant, 2, rows=4)
    compact(plant.lake)
    compact(plant.lake, now=datetime.now(UTC) + LATER)
    answer: pa.Table = plant.lake.query("SELECT * FROM movement", as_of=then)
    assert answer.schema == plant.lake.query("SELECT * FROM movement").schema


def test_derived_tables_are_those_of_the_moment_or_say_why_not(plant: Workspace) -> None:
    moments = [datetime.now(UTC)]
    for number in range(3):
        load(plant, number, rows=4)
        layers.derive(plant, ["dws_result"])
        moments.append(datetime.now(UTC))
    ask = "SELECT sum(n) AS n FROM dws_result"
    with pytest.raises(PastGone, match=r"'dws_result' did not exist on .*: it was first derived on"):
        plant.lake.query(ask, as_of=moments[0])
    assert plant.lake.query("SELECT count(*) AS n FROM movement", as_of=moments[0])["n"].to_pylist() == [0]
    for number, moment in enumerate(moments[1:], 1):
        assert plant.lake.query(ask, as_of=moment)["n"].to_pylist() == [4 * number]
    plant.lake.derived["dws_result"].sweep(now=datetime.now(UTC) + LATER)
    assert plant.lake.query(ask, as_of=moments[3])["n"].to_pylist() == [12]
    with pytest.raises(PastGone, match="it was derived anew since") as error:
        plant.lake.query(ask, as_of=moments[1])
    assert "old_versions_days under [lake.dws_result]" in str(error.value.hint)
    with pytest.raises(PastGone, match="it was derived anew since"):
        plant.lake.query("SELECT count(*) FROM dws_result WHERE n > 2", as_of=moments[1])
    assert plant.lake.query("SELECT count(*) AS n FROM movement", as_of=moments[1])["n"].to_pylist() == [4]
    with pytest.raises(PastGone, match="'dws_result' did not exist"):
        window(
            plant.lake,
            ["a"],
            moments[0],
            moments[1],
            table="dws_result",
            snapshot=plant.lake.snapshot(as_of=moments[0]),
        )


def test_replaced_files_of_a_derived_table_stay_as_long_as_its_policy_says(plant: Workspace) -> None:
    load(plant, 0, rows=4)
    layers.derive(plant, ["dws_result"])
    then, table = datetime.now(UTC), plant.lake.derived["dws_result"]
    for days, kept in ((30, True), (0, False)):
        plant.lake.policies = LakePolicies(tables={"dws_result": TablePolicy(old_versions_days=days)})
        load(plant, 30 + days, rows=4)
        with unittest.mock.patch.object(derived, "datetime", wraps=datetime) as clock:
            clock.now.return_value = datetime.now(UTC) + LATER
            layers.derive(plant, ["dws_result"])
        assert ("dws_result" in plant.lake.snapshot(as_of=then).files) == kept
    assert table.version() == 3


def test_retention_of_a_derived_table_leaves_those_made_from_it_alone(plant: Workspace) -> None:
    load(plant, 0, rows=6)
    layers.derive(plant, ["dws_result"])
    then = datetime.now(UTC)
    ask = "SELECT (SELECT count(*) FROM dwd_result) AS dwd, (SELECT sum(n) FROM dws_result) AS dws"
    plant.lake.policies = LakePolicies(
        every=TablePolicy(checkpoint_every=1), tables={"dwd_result": TablePolicy(keep_days=30)}
    )
    second_day = datetime(2026, 2, 1, tzinfo=UTC)
    (planned,) = compact(plant.lake, "dwd_result", now=second_day, dry_run=True)
    (done,) = compact(plant.lake, "dwd_result", now=second_day)
    assert planned.retired_rows == done.retired_rows == 2
    assert compact(plant.lake, "dwd_result", now=second_day)[0].retired_rows == 0
    assert tuple(plant.lake.query(ask).to_pylist()[0].values()) == (4, 6)
    assert tuple(plant.lake.query(ask, as_of=then).to_pylist()[0].values()) == (6, 6)
    assert not layers.derive(plant, ["dws_result"]).changed
    plant.lake.hot.append("measurement", measurements(1, 6).slice(4), key(1), recorded=RECORDED)
    plant.lake.hot.flush()
    layers.derive(plant, ["dws_result"])
    assert tuple(plant.lake.query(ask).to_pylist()[0].values()) == (6, 8)
    assert compact(plant.lake)[-1].table == "dws_result"
    assert list((plant.path / "lake" / "dws" / "dws_result" / "_delta_log").glob("*.checkpoint.parquet"))
