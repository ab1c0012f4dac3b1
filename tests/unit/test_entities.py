"""Master data: levels, intervals, the plant's own attributes."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from assay.model.entities import (
    ENTITIES,
    EquipmentLevel,
    MaterialActual,
    OperationExecution,
    in_force,
    may_contain,
)
from assay.model.entity_attributes import EntityAttribute, check_entity, entity_schema
from assay.model.errors import ModelError
from assay.model.kinds import TIME, Role

JANUARY = datetime(2026, 1, 1, tzinfo=UTC)
JUNE = datetime(2026, 6, 1, tzinfo=UTC)


def test_every_kind_is_titled_in_both_languages() -> None:
    for kind, model in ENTITIES.items():
        assert kind == model.KIND
        assert model.TITLE.zh
        assert model.TITLE.en
        assert model.__doc__


def test_an_interval_holds_its_start_and_not_its_end() -> None:
    assert in_force(JANUARY, JUNE, JANUARY)
    assert not in_force(JANUARY, JUNE, JUNE)
    assert in_force(None, None, JUNE)


def test_an_interval_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ModelError, match="not after valid_from"):
        check_entity("person", {"id": "P-1", "valid_from": JUNE, "valid_to": JANUARY})


@pytest.mark.parametrize(
    ("kind", "row", "message", "hint"),
    [
        ("person", {"id": "P-1", "tean": "A"}, "person 'P-1', tean", "'team'"),
        ("person", {"id": ""}, "at least 1", "Correct"),
        ("person", {}, "person None, id", "Correct"),
        ("gauge", {"id": "G", "resolution": -1}, "greater than 0", "Correct"),
        ("person", {"id": "P\0"}, "can't hold a NUL", "Correct"),
        ("gauge", {"id": "G", "unit": "µm"}, "gauge 'G', unit: 'µm' is not a UCUM unit", "'um'"),
        ("machine", {"id": "M"}, "not an entity kind", "Known kinds"),
        (
            "specification",
            {"id": "S", "lower_specification_limit": 2.0, "upper_specification_limit": 1.0},
            "lower limit 2.0 is not below",
            "Correct",
        ),
        (
            "execution",
            {"id": "E", "started": JUNE, "ended": JANUARY},
            "is before started",
            "Correct",
        ),
    ],
)
def test_a_wrong_row_says_where_and_what(kind: str, row: dict[str, object], message: str, hint: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        check_entity(kind, row)
    assert hint in str(caught.value.hint)


def test_numbers_are_taken_as_ids() -> None:
    assert check_entity("person", {"id": 1029}).id == "1029"


def test_own_attributes_are_typed() -> None:
    tonnage = EntityAttribute(name="tonnage", kind="equipment", type="number")
    entity = check_entity("equipment", {"id": "P1", "tonnage": 80}, [tonnage])
    assert entity.model_dump()["tonnage"] == 80.0
    with pytest.raises(ModelError, match="equipment 'P1', tonnage"):
        check_entity("equipment", {"id": "P1", "tonnage": "heavy"}, [tonnage])
    schema = entity_schema("equipment", [tonnage])
    assert schema.field("tonnage").type == pa.float64()
    assert schema.field("valid_from").type == TIME
    assert schema.names[-1] == "is_current"


def test_equipment_stands_under_what_is_above_it() -> None:
    assert may_contain(EquipmentLevel.SITE, EquipmentLevel.LINE)
    assert not may_contain(EquipmentLevel.LINE, EquipmentLevel.SITE)
    assert may_contain(EquipmentLevel.EQUIPMENT_MODULE, EquipmentLevel.EQUIPMENT_MODULE)
    assert not may_contain(EquipmentLevel.LINE, EquipmentLevel.LINE)


def test_an_execution_knows_its_actuals_by_role() -> None:
    run = OperationExecution(
        id="E1",
        actuals=[
            MaterialActual(role=Role.CONSUMED, subject="L1", subject_kind="lot"),
            MaterialActual(role=Role.PRODUCED, subject="U1"),
        ],
    )
    assert [actual.subject for actual in run.of_role(Role.PRODUCED)] == ["U1"]
    assert run.of_role(Role.USED) == ()
