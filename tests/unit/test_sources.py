"""``sources`` in model.yaml: what may be declared, and how it says what is wrong."""

from __future__ import annotations

import traceback
from typing import Any

import pytest
import yaml

from assay.model.errors import ModelError
from assay.model.kinds import RecordKind
from assay.model.plant_model import parse_plant_model, plant_model_schema
from assay.model.sources import mounted_kinds

GOOD = """
sources:
  - name: lims
    url: env:LIMS_URL
    tables:
      - name: lab
        table: lims.results
        kind: measurement
        fields: {subject: serial, characteristic: test, value: figure, time: taken}
        constants: {subject_kind: unit}
  - name: erp
    url: mariadb://reader@erp.example.com/erp
    time_zone: Europe/Berlin
    tables:
      - {name: orders, table: orders, kind: work_order, key: number, fields: {customer: cust, due: due},
         links: {customer: customer}}
      - {name: customers, table: customers, kind: customer, key: id, fields: {name: title}}
"""


def changed(path: str, value: Any) -> str:
    """The good file with one thing changed; None takes it away."""
    document = yaml.safe_load(GOOD)
    at, *rest = path.split("/")
    inside, key = document, at
    for part in rest:
        inside, key = inside[int(key) if key.isdigit() else key], part
    if value is None:
        del inside[key]
    else:
        inside[int(key) if key.isdigit() else key] = value
    return yaml.safe_dump(document)


def test_sources_are_read() -> None:
    lims, erp = parse_plant_model(GOOD).sources
    assert lims.table("lab").record is RecordKind.MEASUREMENT
    assert erp.table("orders").record is None
    assert erp.table("orders").given() == ("id", "customer", "due")
    assert mounted_kinds([lims, erp]) == ("customer",)
    with pytest.raises(ModelError, match="Did you mean 'orders'"):
        erp.table("order")


TABLE = "sources/1/tables/0"


@pytest.mark.parametrize(
    ("path", "value", "message", "hint"),
    [
        (
            "sources/0/tables/0/kind",
            "work_ordr",
            "tables[0].kind: there is no kind 'work_ordr'",
            "'work_order'",
        ),
        ("sources/0/tables/0/kind", "reading", "can't be mounted as 'reading'", "measurement or event"),
        ("sources/0/tables/0/key", "serial", "tables[0].key: records have no key", "Leave"),
        (f"{TABLE}/key", None, "sources[1].tables[0].key: is missing", "Add it"),
        ("sources/0/tables/0/fields/subjct", "x", "measurement has no field 'subjct'", "'subject'"),
        (
            "sources/0/tables/0/constants/value",
            "3",
            "constants.value: the field 'value' is given twice",
            "Keep",
        ),
        ("sources/0/tables/0/constants/clock_uncertainty", "3", "only text can be the same", "column"),
        ("sources/0/tables/0/fields/characteristic", None, "a measurement needs characteristic", "constants"),
        (f"{TABLE}/links/customer", "custmer", "links.customer: 'custmer' is not an entity", "'customer'"),
        (f"{TABLE}/links/custom", "customer", "there is no field 'custom'", "'customer'"),
        (f"{TABLE}/fields/id", "number", "fields.id: 'id' can't be mapped: the id is given by key", "Leave"),
        (f"{TABLE}/fields/a b", "x", "'a b' is not a name", "letter"),
        ("sources/1/name", "lims", "a source is called 'lims' already, in sources[0]", "another name"),
        (f"{TABLE}/name", "lab", "called 'lab' already, in sources[0].tables[0]", "another name"),
        (
            "sources/0/tables/0",
            {"name": "dates", "table": "t", "kind": "work_order", "key": "k", "fields": {"due": "d"}},
            "sources[1].tables[0].fields.due: work_order has 'due' already, from 'dates'",
            "another name",
        ),
        (f"{TABLE}/tabel", "x", "there is no such setting", "'table'"),
        ("sources/1/url", "oracle://host/x", "kind 'oracle' can't be asked. Known: postgresql", ""),
        ("sources/1/url", "postgres://host/x", "Did you mean 'postgresql'", ""),
        ("sources/1/url", "env:NOT A NAME", "not the name of an environment variable", ""),
        ("sources/1/url", "somewhere", "not the URL of a database", ""),
        ("sources/1/time_zone", "Berlin", "time zone 'Berlin' is not known", ""),
        ("sources/1/timeout", 0, "sources[1].timeout", ""),
    ],
)
def test_an_error_has_the_path_of_what_is_wrong(path: str, value: Any, message: str, hint: str) -> None:
    with pytest.raises(ModelError) as caught:
        parse_plant_model(changed(path, value))
    assert message in caught.value.message
    assert caught.value.message.startswith("model.yaml: sources[")
    assert hint in str(caught.value.hint)


@pytest.mark.parametrize(
    "url",
    ["mariadb://u:hunter2@host/x", "postgresql://host/x?password=hunter2", "oracle://u:hunter2@host/x"],
)
def test_a_password_is_refused_and_never_said(url: str) -> None:
    with pytest.raises(ModelError) as caught:
        parse_plant_model(changed("sources/1/url", url))
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    assert "environment variable" in caught.value.message or "oracle" in caught.value.message


def test_kinds_cant_extend_each_other_in_a_circle() -> None:
    text = changed(f"{TABLE}/links/id", "customer")
    parse_plant_model(text)
    document = yaml.safe_load(text)
    document["sources"][1]["tables"][1]["links"] = {"id": "work_order"}
    with pytest.raises(ModelError, match="work_order → customer → work_order: the kinds extend each other"):
        parse_plant_model(yaml.safe_dump(document))


def test_the_schema_describes_sources() -> None:
    schema = plant_model_schema()
    assert schema["$defs"]["MountedTable"]["properties"]["kind"]["description"]
    assert schema["$defs"]["Source"]["additionalProperties"] is False
