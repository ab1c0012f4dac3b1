"""A mapping written anew from what a person says the columns are."""

from __future__ import annotations

from pathlib import Path

import yaml

from assay.api.models import ColumnChoice
from assay.api.proposals import checked, recomposed
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


def test_what_is_missing_is_said_in_both_languages() -> None:
    base = read_mapping(SCREWS).mapping
    given = [
        ColumnChoice(name=one.name, role=ColumnRole.ANNOTATION, type=AttributeType.TEXT)
        for one in choices(base)
    ]
    problems = checked(recomposed(base, given), given).problems
    assert [problem.en.split(":")[0] for problem in problems] == [
        "No column is a subject",
        "No column is an outcome",
        "No column is a time",
    ]
    assert all(problem.zh != problem.en for problem in problems)


def test_two_columns_for_one_subject_are_refused() -> None:
    base = read_mapping(SCREWS).mapping
    given = changed(choices(base), "run_id", **{"is": "unit"})
    problems = checked(recomposed(base, given), given).problems
    assert ["Several columns are subjects" in problem.en for problem in problems] == [True]
