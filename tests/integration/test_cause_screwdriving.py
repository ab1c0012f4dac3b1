"""The main job on the screw-driving data, whose causes are known: loaded, traced, ranked."""

import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from benchmarks.null import MOST_CLAIMS, claimed

import assay
from assay.analyse.cause import affected, evidence
from assay.model.errors import AnalysisError, QueryError
from assay.plant import Plant
from assay.store.workspace import Workspace

MAPPING = Path(__file__).parents[2] / "examples" / "screwdriving" / "mapping.yaml"
DATA = Path(str(files("assay.demo") / "data"))
NOK = "result = 'NOK'"


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    path = tmp_path_factory.mktemp("screws") / "plant"
    Workspace.create(path, time_zone="Europe/Berlin").close()
    with assay.open(path) as opened:
        for file in sorted(DATA.glob("s*.csv")):
            opened.load(file, MAPPING)
        yield opened


def classes(plant: Plant, scope: str, where: str | None = None) -> list[str | None]:
    report = plant.cause(NOK, scope=scope, where=where)
    return [cause.value for cause in report.causes if cause.factor == "class_value"]


def test_previous_uses_lead_in_scenario_1_with_a_rising_curve(plant: Plant) -> None:
    report = plant.cause(NOK, scope="s01")
    first = report.causes[0]
    assert (report.subjects, report.bad, report.units) == (5000, 911, 100)
    assert (first.factor, first.value, first.shape) == ("workpiece_usage", None, "rising")
    curve = {dose.low: dose.rate for dose in first.dose_response}
    assert curve[0] == 0
    assert curve[24] == pytest.approx(0.41)
    assert len(curve) == 25
    assert first.effect.risk_ratio is not None
    assert first.effect.risk_ratio > 3


def test_oil_fine_and_coarse_sanding_lead_in_scenario_2(plant: Plant) -> None:
    report = plant.cause(NOK, scope="s02")
    found = {cause.value: cause for cause in report.causes if cause.factor == "class_value"}
    assert list(found)[:3] == ["202_lubricant-oil-based", "302_sanding-fine", "301_sanding-coarse"]
    oil = found["202_lubricant-oil-based"]
    assert oil.bad is not None
    assert oil.bad / oil.support == pytest.approx(0.6096)
    assert (oil.units, oil.blast_radius, oil.not_inspected) == (25, 25, 0)
    assert [(one.factor, one.relation) for one in oil.confounded_with] == [("time", "same rows")]
    assert "workpiece_usage" in {cause.factor for cause in report.causes}


def test_the_four_worst_conditions_lead_in_scenario_4(plant: Plant) -> None:
    assert classes(plant, "s04")[:4] == [
        "401_surface-lubricant",
        "302_enlarged-screw-hole",
        "204_rubber-ring-upper-part",
        "203_metal-ring-upper-part",
    ]


def test_among_the_faulty_runs_the_enlarged_hole_leads(plant: Plant) -> None:
    assert classes(plant, "s04", "scenario_condition = 'faulty'")[0] == "302_enlarged-screw-hole"


def test_the_scenario_from_the_file_name_is_a_condition_too(plant: Plant) -> None:
    assert classes(plant, "s04") == [
        cause.value
        for cause in plant.cause(NOK, where="scenario = 's04'").causes
        if cause.factor == "class_value"
    ]


def test_a_run_without_a_result_counts_as_not_inspected(tmp_path: Path) -> None:
    rows = (DATA / "s02_variations-in-surface-friction.csv").read_text(encoding="utf-8").splitlines()
    oil = sorted({row.split(",")[3] for row in rows if ",202_lubricant-oil-based," in row})[:5]
    file = tmp_path / "s02_open.csv"
    open_rows = (
        row.replace(",NOK,", ",,").replace(",OK,", ",,") if row.split(",")[3] in oil else row for row in rows
    )
    file.write_text("\n".join(open_rows) + "\n", encoding="utf-8")
    Workspace.create(tmp_path / "plant", time_zone="Europe/Berlin").close()
    with assay.open(tmp_path / "plant") as opened:
        assert opened.load(file, MAPPING).accepted == 12_500
        found = opened.cause(NOK).causes
    cause = next(one for one in found if one.value == "202_lubricant-oil-based")
    assert (cause.units, cause.blast_radius, cause.not_inspected) == (20, 25, 5)


def test_labels_and_annotations_are_never_ranked(plant: Plant) -> None:
    report = plant.cause(NOK)
    assert set(report.factors) == {"class_value", "workpiece_usage", "workpiece_location"}
    assert {cause.factor for cause in report.causes} <= {*report.factors, "time window", "drift"}


def test_a_nearly_clean_slice_has_insufficient_evidence(plant: Plant) -> None:
    clean = "class_value in ('304_glued-screw-hole', '305_gap-between-parts', '504_decreased-torque')"
    report = plant.cause(NOK, scope="s04", where=clean)
    assert (report.verdict, report.causes) == ("insufficient evidence", ())
    assert report.bad == 5


def test_a_target_that_never_occurs_is_insufficient_evidence(plant: Plant) -> None:
    report = plant.cause("result = 'SCRAP'")
    assert (report.verdict, report.bad) == ("insufficient evidence", 0)
    assert "recorded are 'OK', 'NOK'" in report.note.en


def test_evidence_rows_are_the_bad_ones_first(plant: Plant) -> None:
    rows, total = evidence(
        plant.workspace, NOK, factor="class_value", value="202_lubricant-oil-based", scope="s02", limit=800
    )
    assert total == 1250
    values = rows.column("value").to_pylist()
    assert values == ["NOK"] * 762 + ["OK"] * 38
    assert set(rows.column("class_value").to_pylist()) == {"202_lubricant-oil-based"}
    assert {"subject", "unit_id", "time", "workpiece_usage", "file_name"} <= set(rows.column_names)


def test_blast_radius_of_previous_uses_is_every_workpiece_used_that_often(plant: Plant) -> None:
    units = affected(plant.workspace, NOK, factor="workpiece_usage", scope="s02")
    assert units.num_rows == 250
    assert all(units.column("inspected").to_pylist())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"target": "resutl = 'NOK'"}, "Did you mean 'result'"),
        ({"target": NOK, "where": "class_valu = 'x'"}, "Did you mean 'class_value'"),
        ({"target": NOK, "where": "workpiece_usage"}, "not a condition"),
        ({"target": NOK, "scope": "s03"}, "There are: s01, s02, s04"),
        ({"target": "result > 1.2"}, "can't be computed"),
    ],
)
def test_a_wrong_question_says_what_was_meant(plant: Plant, arguments: dict[str, str], said: str) -> None:
    with pytest.raises(QueryError) as error:
        plant.cause(**arguments)
    assert said in str(error.value)


def test_a_plant_made_anew_in_the_same_place_is_analysed_anew(tmp_path: Path) -> None:
    rows = (DATA / "s04_variations-in-assembly-conditions-2.csv").read_text().splitlines(keepends=True)
    found = []
    for place in ("first", "second"):
        shutil.rmtree(tmp_path / "plant", ignore_errors=True)
        file = tmp_path / f"{place}.csv"
        file.write_text("".join(rows[: 2001 if place == "first" else 3001]))
        Workspace.create(tmp_path / "plant").close()
        with assay.open(tmp_path / "plant") as fresh:
            fresh.load(file, MAPPING)
            found.append(fresh.cause(NOK).subjects)
    assert found == [2000, 3000]


def test_a_condition_that_nothing_fulfils_says_so(plant: Plant) -> None:
    with pytest.raises(AnalysisError, match="No subject has a value"):
        plant.cause(NOK, where="workpiece_usage > 99")


def test_shuffled_results_have_no_cause(plant: Plant) -> None:
    assert claimed(plant.workspace) <= MOST_CLAIMS
