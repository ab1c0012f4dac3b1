"""What the derived tables say, and that they can be trusted: lineage, pinned readers, damage, compaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from layer_rows import DERIVED, at, everything, load, table

from assay.cli.app import run
from assay.demo.build import load_screwdriving
from assay.model.errors import StoreError
from assay.query import layers
from assay.query.layers import derive
from assay.query.layers.dws import Sums, merged
from assay.store import LoadKey, Workspace
from assay.store.compaction import compact


def stay(run: str, unit: str, started: float, ended: float, **more: Any) -> dict[str, Any]:
    """A unit in an execution in the oven."""
    return {
        "key": (run, unit),
        "execution": run,
        "role": "produced",
        "subject": unit,
        "subject_kind": "unit",
        "segment": "sinter",
        "equipment": "oven",
        "started": at(started),
        "ended": at(ended),
        "time": at(started),
    } | more


def reading(hour: float, value: float, **more: Any) -> dict[str, Any]:
    """A reading of the oven."""
    base = {"key": hour, "signal": "temp", "equipment": "oven", "time": at(hour), "value": value}
    return base | more


def result(subject: str, value: float | None, hour: float, **more: Any) -> dict[str, Any]:
    """A size of a unit."""
    base = {"key": (subject, hour), "subject": subject, "subject_kind": "unit", "characteristic": "size"}
    return base | {"value": value, "time": at(hour)} | more


def asked(plant: Workspace, sql: str) -> list[tuple[Any, ...]]:
    """The rows of an answer."""
    return [tuple(row.values()) for row in plant.lake.query(sql).to_pylist()]


# -- what the tables say ----------------------------------------------------------------------------


def test_a_reading_is_there_once_as_it_was_recorded_last(plant: Workspace) -> None:
    load(plant, 0, {"reading": [reading(1, 5.0), reading(0, 4.0), reading(2, 1.0, time=None)]})
    load(plant, 1, {"reading": [reading(1, 6.0)]})
    derive(plant)
    assert asked(plant, "SELECT time, value FROM dwd_reading ORDER BY time") == [(at(0), 4.0), (at(1), 6.0)]
    load(plant, 2, {"reading": [reading(0, 7.0)]})
    derive(plant)
    assert asked(plant, "SELECT value FROM dwd_reading ORDER BY time") == [(7.0,), (6.0,)]


def test_readings_are_in_the_unit_and_at_the_equipment_that_the_signal_has(plant: Workspace) -> None:
    plant.registry.upsert_entities("signal", [{"id": "temp", "equipment": "oven", "unit": "K"}])
    rows = [
        reading(0, 20.0, unit="Cel", equipment=None),
        reading(1, 300.0, unit="K"),
        reading(2, 310.0),
        reading(3, 1.0, unit="mm"),
    ]
    load(plant, 0, {"reading": rows})
    derive(plant)
    found = asked(plant, "SELECT equipment, value, unit FROM dwd_reading ORDER BY time")
    assert found == [("oven", 293.15, "K"), ("oven", 300.0, "K"), ("oven", 310.0, "K"), ("oven", 1.0, "mm")]


def test_readings_lie_sorted_and_small(plant: Workspace) -> None:
    rows = [
        reading(n / 3600, n % 50 / 2, signal=f"s{n % 20}", key=n, equipment=["oven", "press"][n % 2])
        for n in range(40_000)
    ]
    load(plant, 0, {"reading": rows})
    derive(plant)
    snapshot = plant.lake.snapshot()
    for path in snapshot.files["dwd_reading"]:
        lain = pq.read_table(path, columns=["signal", "equipment", "time"]).to_pylist()
        assert lain == sorted(lain, key=lambda row: (row["signal"], row["equipment"], row["time"]))
    size = sum(Path(path).stat().st_size for path in snapshot.files["dwd_reading"])
    assert size / len(rows) < 8


def test_a_result_finds_its_unit_its_lot_and_the_limits_in_force_then(plant: Workspace) -> None:
    plant.registry.upsert_entities("characteristic", [{"id": "size", "unit": "mm"}])
    plant.registry.upsert_entities(
        "specification",
        [
            {"id": "S", "characteristic": "size", "upper_specification_limit": 9, "valid_to": at(5)},
            {"id": "S", "characteristic": "size", "upper_specification_limit": 0.005, "unit": "m"}
            | {"valid_from": at(5)},
            {"id": "of M2", "characteristic": "size", "material": "M2", "upper_specification_limit": 99},
        ],
    )
    in_lot = {"subject": "L1", "subject_kind": "lot", "role": "consumed", "key": "lot"}
    moves = [
        stay("E1", "U1", 0, 1, material="M1"),
        stay("E1", "U2", 0, 1, material="M2"),
        stay("E1", "L1", 0, 1) | in_lot,
    ]
    run = {"subject_kind": "execution", "segment": "sinter"}
    load(plant, 0, {"movement": moves, "measurement": [result("E1", 0.8, 2, unit="cm", **run)]})
    load(plant, 1, {"measurement": [result("U1", 8.0, 6)]})
    derive(plant)
    found = asked(
        plant,
        "SELECT unit_id, lot_id, execution, value, unit, upper_specification_limit, conforming\n"
        "FROM dwd_result ORDER BY time, unit_id",
    )
    assert found == [
        ("U1", "L1", "E1", 8.0, "mm", 9.0, True),
        ("U2", "L1", "E1", 8.0, "mm", 99.0, True),
        ("U1", "L1", None, 8.0, "mm", 5.0, False),
    ]


def test_a_stay_was_recorded_and_not_taken_back(plant: Workspace) -> None:
    maybe = {"confidence": 0.6, "choice": "E1", "basis": "queue"}
    why = {"correction": "wrong label", "corrected_by": "P-12"}
    first = [stay("E1", "U1", 0, 1), stay("E1", "U2", 0, 1), stay("E1", "U3", 0, 1, **maybe)]
    load(plant, 0, {"movement": first})
    derive(plant)
    found = "SELECT subject, equipment FROM dwd_occupancy ORDER BY subject"
    assert asked(plant, found) == [("U1", "oven"), ("U2", "oven")]
    gone = stay("E1", "U1", 0, 1, quantity=0.0, **why) | {"key": "gone"}
    moved = stay("E1", "U2", 0, 1, **why) | {"key": "moved", "equipment": "oven 2"}
    load(plant, 1, {"movement": [gone, moved]})
    derive(plant)
    assert asked(plant, found) == [("U2", "oven 2")]


def test_an_event_at_a_machine_concerns_every_unit_that_was_in_it(plant: Workspace) -> None:
    moves = [stay("E1", "U1", 0, 2), stay("E1", "U2", 1, 3), stay("E2", "U3", 2, 4)]
    alarm = {"event": "alarm", "equipment": "oven"}
    load(plant, 0, {"event": [alarm | {"key": hour, "time": at(hour)} for hour in (1.5, 2, 9)]})
    derive(plant)
    assert asked(plant, "SELECT unit_id FROM dwd_event") == [(None,)] * 3
    load(plant, 1, {"movement": moves})
    derive(plant)
    found = asked(plant, "SELECT time, unit_id, execution FROM dwd_event ORDER BY time, unit_id")
    assert found == [
        (at(1.5), "U1", "E1"),
        (at(1.5), "U2", "E1"),
        (at(2), "U2", "E1"),  # a stay ends before its end
        (at(2), "U3", "E2"),
        (at(9), None, None),
    ]


def test_features_of_a_step_are_those_of_its_stay(plant: Workspace) -> None:
    load(
        plant, 0, {"movement": [stay("E1", "U1", 0, 2)], "reading": [reading(n, n * 10.0) for n in range(4)]}
    )
    derive(plant)
    features = "SELECT signal, n, mean, min, max, first, last FROM dws_step_feature"
    assert asked(plant, features) == [("temp", 2, 5.0, 0.0, 10.0, 0.0, 10.0)]
    assert asked(plant, 'SELECT "sinter.temp.mean" FROM ads_unit') == [(5.0,)]
    # A late reading of the same stay, and one outside it.
    load(plant, 1, {"reading": [reading(0.5, 100.0), reading(2.5, 7.0)]})
    derive(plant)
    assert asked(plant, features) == [("temp", 3, 110 / 3, 0.0, 100.0, 0.0, 10.0)]
    assert asked(plant, 'SELECT "sinter.temp.mean" FROM ads_unit') == [(110 / 3,)]


def test_a_unit_has_its_last_results_as_columns(plant: Workspace) -> None:
    colour = {"characteristic": "Size", "text": "red"}
    load(plant, 0, {"measurement": [result("U1", 1.0, 0), result("U1", 2.0, 5)]})
    load(plant, 1, {"measurement": [result("U1", None, 6, **colour), result("U2", None, 7, text="NOK")]})
    derive(plant)
    found = plant.lake.query("SELECT * FROM ads_unit ORDER BY unit_id").to_pylist()
    names = ["unit_id", "Size", "size_2", "size_text", "conforming"]
    assert [[row[name] for name in names] for row in found] == [
        ["U1", "red", 2.0, None, None],
        ["U2", None, None, "NOK", False],
    ]


def test_a_night_belongs_to_the_day_it_began(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "plant", time_zone="Asia/Shanghai") as plant:
        hours = (2, 10, 16, 19, 22)  # 22:00, 06:00 on the next day, 12:00, 15:00, 18:00 local
        load(plant, 0, {"measurement": [result("U1", 1.0, hour) for hour in hours]})
        derive(plant)
        found = asked(plant, "SELECT date, shift, n FROM dws_result ORDER BY date, shift")
        first, second = date(2026, 1, 1), date(2026, 1, 2)
        assert found == [(first, 3, 1), (second, 1, 2), (second, 2, 2)]


def test_sums_of_two_groups_are_those_of_all_values(plant: Workspace) -> None:
    values = [1.0, 2.0, 4.0, 8.0, 16.0]
    rows = [result("U1", value, 0, key=n, equipment="ab"[n > 1]) for n, value in enumerate(values)]
    load(plant, 0, {"measurement": rows})
    derive(plant)
    groups = [Sums(*row) for row in asked(plant, "SELECT n, mean, std FROM dws_result ORDER BY n")]
    both = merged(*groups)
    alone = asked(plant, "SELECT count(value), avg(value), stddev_samp(value) FROM dwd_result")[0]
    assert [both.n, both.mean, both.std] == pytest.approx(list(alone))


@pytest.fixture(scope="module")
def screws(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    plant = Workspace.create(tmp_path_factory.mktemp("screws") / "plant", time_zone="Europe/Berlin")
    load_screwdriving(plant, lambda name, report: None)
    derive(plant)
    return plant


def test_real_screw_runs_give_the_published_rates(screws: Workspace) -> None:
    yields = asked(
        screws,
        "SELECT segment, sum(units)::INT, sum(nonconforming)::INT FROM ads_yield GROUP BY 1 ORDER BY 1",
    )
    assert yields == [("s01", 5000, 911), ("s02", 12_500, 2988), ("s04", 5000, 693)]
    rates = dict(
        asked(
            screws,
            "SELECT o.class_value, 100 * avg(CASE WHEN r.conforming THEN 0 ELSE 1 END)\n"
            "FROM dwd_result r JOIN dwd_occupancy o USING (execution, segment)\n"
            "WHERE segment = 's02' GROUP BY 1",
        )
    )
    published = {"202_lubricant-oil-based": 60.96, "302_sanding-fine": 46.24, "301_sanding-coarse": 38.40}
    for condition, rate in (published | {"001_control-group": 16.24}).items():
        assert rates[condition] == pytest.approx(rate)


# -- that they can be trusted -----------------------------------------------------------------------


def test_every_version_says_what_it_was_made_from(plant: Workspace) -> None:
    load(plant, 0, {"reading": [reading(0, 1.0)], "movement": [stay("E1", "U1", 0, 1)]})
    derive(plant)
    load(plant, 1, {"reading": [reading(1, 1.0), reading(30, 1.0)]})
    report = derive(plant)
    assert [one.table for one in report.tables if one.rows_out] == ["dwd_reading", "dws_step_feature"]
    rows = plant.lake.query(
        "SELECT version, input, since, input_version, files, whole, rows_in, rows_out, dates, fingerprint\n"
        "FROM lineage WHERE \"table\" = 'dwd_reading' ORDER BY version DESC"
    ).to_pylist()
    prints = {row.pop("fingerprint") for row in rows}
    assert len(prints) == 1
    assert [tuple(row.values()) for row in rows] == [
        (2, "reading", 1, 2, 2, False, 2, 3, 2),
        (1, "reading", -1, 1, 1, True, 1, 1, 1),
    ]


def test_a_reader_keeps_what_it_has_pinned_until_it_is_swept(plant: Workspace) -> None:
    load(plant, 0, {"reading": [reading(0, 1.0)]})
    derive(plant)
    pinned = plant.lake.snapshot()
    load(plant, 1, {"reading": [reading(0, 2.0)]})
    derive(plant)
    with plant.lake.connect(pinned) as connection:
        assert connection.execute("SELECT value FROM dwd_reading").fetchall() == [(1.0,)]
    table_ = plant.lake.derived["dwd_reading"]
    assert table_.sweep(now=at(10_000_000)) == 1
    assert asked(plant, "SELECT value FROM dwd_reading") == [(2.0,)]
    assert not any(Path(path).exists() for path in pinned.files["dwd_reading"])


def test_compacted_records_are_not_new(plant: Workspace) -> None:
    for number in range(12):
        load(
            plant,
            number,
            {"reading": [reading(number / 100, 1.0)], "measurement": [result("U1", 1.0, number)]},
        )
    derive(plant)
    load(plant, 12, {"reading": [reading(1, 9.0)]})
    done = compact(plant.lake)
    assert any(one.files_after < one.files_before for one in done)
    # The file of the last load was merged before it was looked at.
    report = derive(plant)
    assert [one.table for one in report.tables if one.rows_out] == ["dwd_reading"]
    assert [one.rows_in for one in report.tables if one.table == "dwd_result"] == [0]
    assert len(asked(plant, "SELECT 1 FROM dwd_reading")) == 13
    assert not derive(plant).changed


def test_a_changed_definition_derives_everything_again(plant: Workspace) -> None:
    load(plant, 0, {"reading": [reading(0, 20.0, unit="Cel")], "measurement": [result("U1", 1.0, 0)]})
    derive(plant)
    plant.registry.upsert_entities("signal", [{"id": "temp", "unit": "K"}])
    stale = {one.table for one in layers.status(plant) if one.stale}
    assert stale == {"dwd_reading"}
    report = derive(plant)
    assert [one.table for one in report.tables if one.whole] == ["dwd_reading"]
    changed = [replace(one, revision=2) if one.name == "dws_result" else one for one in layers.DEFINITIONS]
    report = derive(plant, definitions=changed)
    assert [one.table for one in report.tables if one.whole] == ["dws_result"]


@pytest.mark.parametrize("name", ["dwd_result", "ads_yield"])
def test_a_damaged_file_is_named_and_made_good_from_the_records(
    plant: Workspace, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = {"text": "OK", "characteristic": "result"}
    load(plant, 0, {"measurement": [result(f"U{n}", None, n / 10, **text) for n in range(50)]})
    derive(plant)
    whole = everything(plant)
    path = Path(plant.lake.snapshot().files[name][0])
    content = bytearray(path.read_bytes())
    for place in range(4, len(content) - 8):
        content[place] ^= 0x5A
    path.write_bytes(content)
    assert [one.damaged for one in layers.status(plant, verify=True) if one.table == name] == [(str(path),)]
    load(plant, 1, {"measurement": [result("U1", None, 1, text="NOK", characteristic="result")]})
    with pytest.raises(StoreError) as error:
        derive(plant)
    assert str(path) in str(error.value)
    assert f"lake derive DIR --again --table {name}" in (error.value.hint or "")
    assert run(["lake", "derive", str(plant.path), "--again", "--table", name, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {one["table"]: one["whole"] for one in told["tables"]}[name]
    derive(plant)
    grown = everything(plant)
    assert len(grown["dwd_result"]) == len(whole["dwd_result"]) + 1
    derive(plant, again=True)
    assert everything(plant) == grown


def test_a_disk_that_is_full_while_rows_are_encoded_leaves_nothing_behind(
    plant: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(plant, 0, {"measurement": [result(f"U{n}", 1.0, 24 * n) for n in range(5)]})
    write, calls = pq.ParquetWriter.write_table, iter(range(2))

    def full(*arguments: Any, **options: Any) -> None:
        if next(calls, None) is None:
            raise OSError(28, "No space left on device")
        write(*arguments, **options)

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(StoreError, match="No space left on device"):
        derive(plant, ["dwd_result"])
    monkeypatch.undo()
    directory = plant.lake.derived["dwd_result"].place.directory
    assert directory is not None
    assert not list(directory.rglob("*.parquet"))
    assert plant.lake.derived["dwd_result"].lineage() is None
    derive(plant, ["dwd_result"])
    assert asked(plant, "SELECT count(*) FROM dwd_result") == [(5,)]


def test_a_table_that_does_not_exist_is_refused_with_what_was_meant(plant: Workspace) -> None:
    with pytest.raises(StoreError, match="dwd_readings") as error:
        derive(plant, ["dwd_readings"])
    assert (error.value.hint or "").startswith("Did you mean 'dwd_reading'")


def test_only_what_a_table_is_made_from_is_derived_with_it(plant: Workspace) -> None:
    load(plant, 0, {"measurement": [result("U1", 1.0, 0)]})
    report = derive(plant, ["dwd_result"])
    assert [one.table for one in report.tables] == ["dwd_occupancy", "dwd_result"]
    assert [one.table for one in layers.status(plant) if one.version >= 0] == ["dwd_occupancy", "dwd_result"]


def test_a_definition_of_ones_own_is_derived_like_any_other(plant: Workspace) -> None:
    """As docs/explanation/layers.md shows it."""
    page = Path(__file__).parents[2] / "docs" / "explanation" / "layers.md"
    code = page.read_text("utf-8").split("```python\n")[1].split("```")[0]
    bad = {"characteristic": "result", "text": "NOK"}
    load(plant, 0, {"measurement": [result("U1", None, 0, **bad), result("U2", None, 0, **bad)]})
    exec(code, {"pa": pa, "workspace": plant})
    load(plant, 1, {"measurement": [result("U1", None, 40, **bad), result("U3", 1.0, 0)]})
    exec(code, {"pa": pa, "workspace": plant})
    assert asked(plant, "SELECT unit_id, bad FROM ads_scrap ORDER BY unit_id") == [("U1", 2), ("U2", 1)]


# -- while records arrive ---------------------------------------------------------------------------


def appended(plant: Workspace, number: int, kind: str, rows: Sequence[dict[str, Any]]) -> None:
    plant.lake.hot.append(kind, table(kind, rows), load=LoadKey("line", f"hot-{number}"))


def test_readings_beside_the_derived_ones_are_there_at_once(plant: Workspace) -> None:
    plant.registry.upsert_entities("signal", [{"id": "temp", "unit": "K"}])
    load(plant, 0, {"reading": [reading(0, 1.0, unit="K"), reading(1, 2.0, unit="K")]})
    before = layers.readings(plant, plant.lake.snapshot())
    assert (before.ordered, len(before.files), before.tail.num_rows) == (False, 1, 0)
    derive(plant)
    load(plant, 1, {"reading": [reading(1, 20.0, unit="Cel")]})
    appended(plant, 2, "reading", [reading(2, 30.0, unit="Cel")])
    found = layers.readings(plant, plant.lake.snapshot())
    assert found.ordered
    assert pa.concat_tables([pq.read_table(path) for path in found.files]).num_rows == 2
    assert sorted(zip(found.tail["time"].to_pylist(), found.tail["value"].to_pylist(), strict=True)) == [
        (at(1), 293.15),
        (at(2), 303.15),
    ]


def test_a_follower_derives_what_arrives_and_nothing_else(plant: Workspace) -> None:
    follower = layers.Follower(plant)
    load(plant, 0, {"movement": [stay("E1", "U1", 0, 2)]})
    assert follower.poll() is not None
    assert follower.poll() is None
    appended(plant, 1, "reading", [reading(1, 5.0)])
    report = follower.poll()
    assert report is not None
    assert [one.table for one in report.tables if one.changed] == [
        "dwd_reading",
        "dws_step_feature",
        "ads_unit",
    ]
    assert asked(plant, "SELECT mean FROM dws_step_feature") == [(5.0,)]
    grown = everything(plant)
    derive(plant, again=True)
    assert everything(plant) == grown


def test_the_command_line_derives_and_says_how_fresh_tables_are(
    plant: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    load(plant, 0, {"reading": [reading(0, 1.0)]})
    assert run(["lake", "derive", str(plant.path)]) == 0
    load(plant, 1, {"reading": [reading(1, 1.0)]})
    capsys.readouterr()
    assert run(["lake", "status", str(plant.path), "--json"]) == 0
    derived = json.loads(capsys.readouterr().out)["derived"]
    assert list(derived) == list(DERIVED)
    assert derived["dwd_reading"]["waiting"] == {"reading": 1}
    assert not derived["dwd_reading"]["fresh"]
    assert not derived["dws_step_feature"]["fresh"]
    assert derived["dwd_event"]["fresh"]
