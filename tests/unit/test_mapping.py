"""Mapping files: what they say, and what each mistake says back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.connect.mapping import Mapping, mapping_schema, name_values, parse_mapping, read_mapping
from assay.connect.mapping_checks import attribute_name, attributes_of
from assay.model.attributes import ColumnRole
from assay.model.errors import MappingError
from assay.model.kinds import RecordKind

SCREW = Path(__file__).resolve().parents[2] / "examples" / "screwdriving" / "mapping.yaml"

BASE = """\
version: 1
source: line
columns:
  run: {role: subject, is: execution}
  part: {role: subject}
  at: {role: time}
  use: {role: ordered factor, type: integer, unit: '1'}
  tool: {role: factor}
records:
  - kind: movement
    execution: $run
    subject: $part
    started: $at
    attributes: [use, tool]
"""


def test_the_screwdriving_mapping_says_what_every_column_is() -> None:
    file = read_mapping(SCREW)
    roles = {name: column.role for name, column in file.mapping.columns.items()}
    assert roles["class_value"] is ColumnRole.FACTOR
    assert roles["workpiece_usage"] is ColumnRole.ORDERED_FACTOR
    assert roles["scenario_condition"] is ColumnRole.DESIGN_LABEL
    assert roles["scenario_exception"] is ColumnRole.ANNOTATION
    assert roles["workpiece_result"] is ColumnRole.OUTCOME
    kinds = {attribute.kind for attribute in attributes_of(file.expanded, file)}
    assert kinds == {RecordKind.MOVEMENT}


@pytest.mark.parametrize(
    ("name", "scenario"),
    [
        ("s02_variations-in-surface-friction.csv", "s02"),
        ("s07.csv", "s07"),
        ("labels_s11_new.csv.gz", "s11"),
        ("s03-new (1).csv", "s03"),
        ("螺丝 标签s05.xlsx", "s05"),
        ("pass1 labels.csv", "pass1 labels"),
        ("hidden labels.csv", "hidden labels"),
    ],
)
def test_the_scenario_comes_from_the_file_name(name: str, scenario: str) -> None:
    assert name_values(read_mapping(SCREW).mapping, name) == {"scenario": scenario}


def test_a_value_from_the_file_name_becomes_an_annotation() -> None:
    file = parse_mapping(
        BASE.replace("[use, tool]", "[use, tool, press]") + "file: {name_values: {press: '^press.'}}\n", "m"
    )
    roles = {attribute.name: attribute.role for attribute in attributes_of(file.expanded, file)}
    assert roles["press"] is ColumnRole.ANNOTATION


MISTAKES: dict[str, tuple[str, str, str]] = {
    "a column named twice": (
        BASE.replace("  tool: {role: factor}", "  tool: {role: factor}\n  run: {role: factor}"),
        "m.yaml:9: columns names 'run' twice, first on line 4",
        "Keep one",
    ),
    "an attribute named twice": (
        BASE.replace("[use, tool]", "[use, tool, use]"),
        "'use' is named twice",
        "Keep one",
    ),
    "unknown reference": (
        BASE.replace("$part", "$prat"),
        "m.yaml:12: records[0].subject: '$prat' refers to 'prat'",
        "'part'",
    ),
    "unknown kind": (
        BASE.replace("kind: movement", "kind: movment"),
        "kind 'movment' is not one of",
        "'movement'",
    ),
    "no source": (BASE.replace("source: ", "sorce: "), "source: is needed", "'source'"),
    "unknown key": (BASE.replace("started", "startd"), "m.yaml:13: records[0].startd", "'started'"),
    "unknown role": (BASE.replace("role: factor", "role: factr"), "columns.tool.role", "factr"),
    "bad unit": (
        BASE.replace("unit: '1'", "unit: newtons"),
        "columns.use.unit: 'newtons' is not a UCUM unit",
        "ucum.org",
    ),
    "text that is ordered": (
        BASE.replace("type: integer", "type: text"),
        "needs type integer, number or time",
        "use",
    ),
    "unused column": (BASE.replace("[use, tool]", "[use]"), "m.yaml:8: columns.tool", "no record uses it"),
    "core name": (
        BASE.replace("  tool: {role: factor}", "  tool: {role: factor, name: equipment}"),
        "name of a core column",
        "equipment: $tool",
    ),
    "two columns, one attribute": (
        BASE.replace("  tool: {role: factor}", "  tool: {role: factor, name: use}"),
        "both become attribute 'use'",
        "another",
    ),
    "the same record twice": (
        BASE + "  - {kind: movement, execution: $run, subject: $part}\n",
        "m.yaml:15: records[1]: this movement has the same key as records[0]",
        "differ",
    ),
    "no records": ("version: 1\nsource: line\n", "makes no records", "long"),
    "measurement without value": (
        BASE + "  - {kind: measurement, subject: $part, characteristic: d}\n",
        "needs `value`",
        "text",
    ),
    "fixed time": (BASE.replace("$at", "2026-01-01"), "a time is read from a column", "$column"),
    "unknown role of movement": (
        BASE.replace("execution: $run", "execution: $run\n    role: makes"),
        "makes",
        "produced",
    ),
    "bad zone": (BASE + "time: {zone: Europe/Berln}\n", "Europe/Berln", "Europe/Berlin"),
    "bad format": (BASE + "time: {formats: ['%d.%m.%Q']}\n", "%Q", "time.formats"),
    "bad pattern": (BASE + "file: {name_values: {s: '('}}\n", "not a regular expression", "file.name_values"),
    "value and column": (
        BASE + "file: {name_values: {run: '.*'}}\n",
        "both a column and a value",
        "another name",
    ),
    "not YAML": ("version: 1\n  source: [", "m.yaml:2: not YAML", "indentation"),
    "a list": ("- 1\n", "not", "m.yaml"),
    "bad key": (BASE + "    key: [execution, colour]\n", "'colour' is not a field", "records[0].key[1]"),
    "subject that is nothing": (
        BASE.replace("tool: {role: factor}", "tool: {role: factor, is: lot}"),
        "role subject",
        "lot",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_names_line_and_place_and_what_to_do(mistake: str) -> None:
    text, *said = MISTAKES[mistake]
    with pytest.raises(MappingError) as caught:
        parse_mapping(text, "m.yaml")
    for words in said:
        assert words in str(caught.value)


def test_the_shorthands_are_written_out() -> None:
    long = parse_mapping(
        "source: a\nlong: {subject: u, characteristic: c, value: v, time: t}\n", "m"
    ).expanded
    assert long.columns["u"].role is ColumnRole.SUBJECT
    assert long.columns["v"].role is ColumnRole.OUTCOME
    wide = parse_mapping(
        "source: a\n"
        "wide: {subject: u, values: {d: D1, ok: {column: OK, text: true}, l: {column: L, unit: mm}}}\n",
        "m",
    ).expanded
    said = [(one.characteristic, one.value, one.text, one.unit) for one in wide.records]  # type: ignore[union-attr]
    assert said == [("d", "$D1", None, None), ("ok", None, "$OK", None), ("l", "$L", None, "mm")]
    with pytest.raises(MappingError, match="'D1' is named twice"):
        parse_mapping("source: a\nwide: {subject: u, values: {d: D1, e: D1}}\n", "m")


def test_keys_are_taken_as_written() -> None:
    wide = parse_mapping("source: a\nwide: {subject: no, values: {yes: 2024, 7: yes}}\n", "m").expanded
    assert set(wide.columns) == {"no", "2024", "yes"}
    assert [record.characteristic for record in wide.records] == ["yes", "7"]  # type: ignore[union-attr]


def test_the_schema_covers_the_shipped_mapping() -> None:
    schema = mapping_schema()
    json.dumps(schema)
    assert {"version", "source", "file", "time", "columns", "records", "long", "wide"} == set(
        schema["properties"]
    )
    assert schema["additionalProperties"] is False


@given(st.text(min_size=1, max_size=80))
def test_an_attribute_name_is_a_name_or_empty(column: str) -> None:
    from assay.connect.mapping import ColumnSpec

    name = attribute_name(column, ColumnSpec(role=ColumnRole.FACTOR))
    assert name == "" or len(name) <= 63
    assert all(letter.isalnum() or letter == "_" for letter in name)


def test_a_mapping_survives_being_written_and_read() -> None:
    mapping = read_mapping(SCREW).mapping
    again = read_mapping(mapping)
    assert isinstance(again.mapping, Mapping)
    assert again.mapping == mapping
