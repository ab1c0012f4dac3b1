"""model.yaml: what it may declare, and how it says what is wrong."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.model.errors import ModelError
from assay.model.plant_model import parse_plant_model, plant_model_schema

GOOD = """
attributes:
  - {name: nozzle, kind: movement, type: text, role: factor, title: {zh: 喷嘴, en: Nozzle}}
  - {name: humidity, kind: movement, type: number, role: ordered factor, unit: '%'}
entities:
  - {name: commissioned, kind: equipment, type: time}
master_data:
  equipment:
    - {id: L1, level: line, name: Line 1, commissioned: 2020-01-01T00:00:00Z}
"""


def test_declarations_are_read() -> None:
    model = parse_plant_model(GOOD)
    assert [one.name for one in model.attributes] == ["nozzle", "humidity"]
    assert model.attributes[0].title["zh"] == "喷嘴"
    assert model.entities[0].kind == "equipment"
    assert model.master_data["equipment"][0]["id"] == "L1"


def test_an_empty_file_declares_nothing() -> None:
    assert parse_plant_model("") == parse_plant_model("# only a comment\n")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("a: [", "model.yaml:1: ", "indentation"),
        ("- a", "must be a mapping", "attributes"),
        ("attributes: []\nattributes: []", "model.yaml:2: 'attributes' occurs twice, first on line 1", ""),
        ("attributez: []", "attributez: there is no such setting", "'attributes'"),
        ("attributes: 3", "attributes: Input should be a valid list (got 3)", ""),
        ("attributes: [{name: x}]", "attributes[0].kind: is missing", "Add it"),
        ("attributes: [{name: x, kind: movment}]", "attributes[0].kind: Input should be", ""),
        ("attributes: [{name: x, kind: movement, tpye: text}]", "attributes[0].tpye", "'type'"),
        ("attributes: [{name: 1x, kind: movement}]", "attributes[0].name: attribute name '1x'", ""),
        ("attributes: [{name: x, kind: movement, unit: mmm}]", "attributes[0].unit: 'mmm'", "'mm'"),
        (
            "attributes: [{name: subject, kind: movement}]",
            "attributes[0].name: attribute 'subject'",
            "another",
        ),
        (
            "attributes: [{name: x, kind: event}, {name: x, kind: event}]",
            "attributes[1]: 'x' of event is declared twice, first in attributes[0]",
            "one",
        ),
        ("entities: [{name: level, kind: equipment}]", "entities[0].name: attribute 'level'", "another"),
        ("entities: [{name: x, kind: unit}]", "entities[0].kind: 'unit' is not", ""),
        ("master_data: {equipmen: []}", "master_data.equipmen", "'equipment'"),
        (
            "master_data: {equipment: [{id: a, level: lin}]}",
            "master_data.equipment[0]: equipment 'a', level",
            "",
        ),
    ],
)
def test_an_error_has_the_path_of_what_is_wrong(text: str, message: str, hint: str) -> None:
    with pytest.raises(ModelError) as caught:
        parse_plant_model(text)
    assert message in caught.value.message
    assert hint in str(caught.value.hint)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_with_a_model_error(text: str) -> None:
    with suppress(ModelError):
        parse_plant_model(text)


def test_the_schema_is_json_and_names_the_kinds() -> None:
    schema = json.loads(json.dumps(plant_model_schema()))
    assert "equipment" in schema["properties"]["master_data"]["propertyNames"]["enum"]
