"""A mapping written anew from what a person says the columns are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from assay.api.models import ColumnChoice
from assay.api.proposals import checked, recomposed, rewritten
from assay.connect.infer import Inference, infer
from assay.connect.mapping import Mapping, parse_mapping, read_mapping
from assay.model.attributes import AttributeType, ColumnRole

SCREWS = Path(__file__).parents[2] / "examples/screwdriving/mapping.yaml"


def choices(mapping: Mapping) -> list[ColumnChoice]:
    return [
        ColumnChoice(name=name, role=column.role, type=column.value_type, **{"is": column.is_})
        for name, column in mapping.columns.items()
    ]


def changed(given: list[ColumnChoice], name: str, **values: object) -> list[ColumnChoice]:
    return [
        ColumnChoice.model_validate({**one.model_dump(by_alias=True), **values}) if one.name == name else one
        for one in given
    ]


def test_nothing_changed_writes_the_same_mapping() -> None:
    base = read_mapping(SCREWS).mapping
    written = checked(recomposed(base, choices(base)), choices(base))
    assert written.problems == []
    again = parse_mapping(written.mapping, "again").mapping
    assert again.columns == base.columns
    assert again.file == base.file
    assert again.time == base.time
    for mine, theirs in zip(again.expanded().records, base.expanded().records, strict=True):
        assert mine.fields() == theirs.fields()
        assert sorted(mine.attributes) == sorted(theirs.attributes)


def test_a_role_changed_moves_the_column() -> None:
    base = read_mapping(SCREWS).mapping
    given = changed(choices(base), "scenario_condition", role=ColumnRole.FACTOR)
    given = changed(given, "workpiece_usage", role=ColumnRole.OUTCOME, type=AttributeType.INTEGER)
    written = checked(recomposed(base, given), given)
    assert written.problems == []
    document = yaml.safe_load(written.mapping)
    movement, *measurements = document["records"]
    assert "workpiece_usage" not in movement["attributes"]
    assert document["columns"]["scenario_condition"]["role"] == "factor"
    assert {one["characteristic"]: one.get("value") for one in measurements} == {
        "result": None,
        "workpiece_usage": "$workpiece_usage",
    }


def test_a_lot_beside_a_unit_is_consumed() -> None:
    base = read_mapping(SCREWS).mapping
    given = changed(choices(base), "class_value", role=ColumnRole.SUBJECT, **{"is": "lot"})
    document = recomposed(base, given)
    assert [(one["role"], one["subject"]) for one in document["records"] if one["kind"] == "movement"] == [
        ("produced", "$workpiece_id"),
        ("consumed", "$class_value"),
    ]
    assert checked(document, given).problems == []


def proposal(tmp_path: Path, text: str) -> Inference:
    path = tmp_path / "rows.csv"
    path.write_text(text, "utf-8")
    return infer(path)


def said(inference: Inference, **roles: ColumnRole) -> list[ColumnChoice]:
    """The proposed columns, some with another role."""
    return [
        ColumnChoice.model_validate(
            {"name": one.name, "role": roles.get(one.name, one.role), "type": one.type, "is": one.is_}
        )
        for one in inference.columns
    ]


def records(inference: Inference, **roles: ColumnRole) -> list[dict[str, Any]]:
    written = rewritten(inference, said(inference, **roles))
    assert written.problems == []
    found: list[dict[str, Any]] = yaml.safe_load(written.mapping)["records"]
    return found


LONG = "unit,characteristic,value,time,gauge\n" + "".join(
    f"U{n // 2},{'wh'[n % 2]},{n / 10},2026-03-01 06:{n:02}:00,G{n % 3}\n" for n in range(40)
)
WIDE = "serial,width,machine,result,time\n" + "".join(
    f"S{n},{n / 10},M{n % 2},{'NOK' if n % 5 == 0 else 'OK'},2026-03-01 06:{n:02}:00\n" for n in range(40)
)


def test_the_proposal_confirmed_is_the_proposal(tmp_path: Path) -> None:
    inference = proposal(tmp_path, WIDE)
    assert rewritten(inference, said(inference)).mapping == inference.to_yaml()


def test_a_machine_that_is_no_factor_is_not_ranked_as_equipment(tmp_path: Path) -> None:
    inference = proposal(tmp_path, WIDE)
    before = inference.mapping.records[0].model_dump()
    assert before["equipment"] == "$machine"
    movement, measurement = records(inference, machine=ColumnRole.DESIGN_LABEL)
    assert "equipment" not in {**movement, **measurement}
    assert "machine" in movement["attributes"]


def test_a_number_made_an_outcome_is_measured(tmp_path: Path) -> None:
    _, *measured = records(proposal(tmp_path, WIDE), width=ColumnRole.OUTCOME)
    assert [(one["characteristic"], one.get("value"), one.get("text")) for one in measured] == [
        ("width", "$width", None),
        ("result", None, "$result"),
    ]


def test_a_table_of_one_measurement_per_row_stays_one(tmp_path: Path) -> None:
    (record,) = records(proposal(tmp_path, LONG), gauge=ColumnRole.ANNOTATION)
    assert record["characteristic"] == "$characteristic"
    assert record["value"] == "$value"
    assert "gauge" not in record
    assert record["attributes"] == ["gauge"]


def test_two_columns_for_one_subject_are_refused() -> None:
    base = read_mapping(SCREWS).mapping
    given = changed(choices(base), "run_id", **{"is": "unit"})
    (problem,) = checked(recomposed(base, given), given).problems
    assert "Several columns are subjects" in problem.en
    assert "（单元）" in problem.zh
