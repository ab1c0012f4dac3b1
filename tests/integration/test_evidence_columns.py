"""Batches that were logged before a kind of record had all of its columns are derived again all the same."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from evidence_plant import batches, load, logging_plant, readings, soon, state

from assay.ledger.chunks import schema_digest
from assay.model.attributes import Attribute
from assay.store.evidence_audit import audit_records
from assay.store.evidence_rows import UNSEEN, columns_logged
from assay.store.keys import LoadKey
from assay.store.layout import CORE_SCHEMAS
from assay.store.notary import Notary
from assay.store.plant_evidence import bring_up_to_date
from assay.store.workspace import Workspace

__all__ = ["state"]

NEW = pa.field("gauge", pa.string())


def declared(plant: Workspace, *names: str) -> None:
    plant.registry.declare_attributes([Attribute(name=name, kind="reading") for name in names])


def with_values(first: int, **values: str) -> pa.Table:
    rows = readings(20, first=first)
    for name, value in values.items():
        rows = rows.append_column(name, pa.array([f"{value}-{n}" for n in range(len(rows))]))
    return rows


def test_old_batches_of_a_plant_with_own_columns_are_as_logged_once_the_core_has_more(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with logging_plant(tmp_path / "plant") as plant:
        load(plant, "reading", [with_values(0)], LoadKey("press", "bare"))
        declared(plant, "shift")
        load(plant, "reading", [with_values(20, shift="A")], LoadKey("press", "one"))
        declared(plant, "tool")
        load(plant, "reading", [with_values(40, shift="B", tool="T")], LoadKey("press", "two"))
        plant.evidence.submitter.checkpoint()
    core = CORE_SCHEMAS["reading"]
    at = core.get_field_index("time")
    wider = pa.schema([*list(core)[:at], NEW, *list(core)[at:]], metadata=core.metadata)
    monkeypatch.setitem(CORE_SCHEMAS, "reading", wider)
    with Workspace.open(tmp_path / "plant") as plant:
        soon(plant.evidence)
        schema = plant.lake.schema("reading")
        assert schema.names[at] == "gauge"
        assert schema.names[-2:] == ["shift", "tool"]
        load(plant, "reading", [with_values(60, gauge="G", shift="C", tool="U")], LoadKey("press", "new"))
        declared(plant, "later")
        load(plant, "reading", [with_values(80, gauge="H", later="L")], LoadKey("press", "last"))
        assert plant.evidence.state.why is None
        seen = audit_records(plant.path)
        assert seen.valid, seen.findings
        assert (seen.batches, seen.rows) == (5, 100)
        assert len({one.schema for one in batches(plant.path)}) == 5
        bring_up_to_date(plant)
        assert plant.evidence.index.lag().batches == 0, "trees of old batches too are of their columns"
        assert Notary(plant.evidence, plant.lake).run() == 0


def test_columns_that_never_were_together_are_none() -> None:
    core, own = [pa.field(name, pa.string()) for name in "abc"], [pa.field(n, pa.int64()) for n in "xyz"]
    now = pa.schema([*core, *own])
    for kept in ("abcxyz", "abcx", "abc", "abxy", "ax", "a"):
        assert columns_logged(now, schema_digest(pa.schema([now.field(one) for one in kept]))) == [*kept]
    for kept in ("bcxyz", "acxz", "xabc"):
        assert columns_logged(now, schema_digest(pa.schema([now.field(one) for one in kept]))) is None
    retyped = pa.schema([pa.field("a", pa.int64()), *core[1:]])
    assert columns_logged(now, schema_digest(retyped)) is None


FIRST = {
    "reading": "852a699649cd972befa3c1127932a767faf9df65ed6190e945305f78f9fb68df",
    "measurement": "ef30b6874d25a68baecfae877998e20dd1874e09c496011cb1ad0703713ceb5d",
    "event": "d0630d69b6be5acae463c27a86cf4d5306bb0e5d36622876f773d81b0adf8420",
    "movement": "fecf43c2722af7824afe7bbcc3ab70ba47e79a02da4043212ac065e223aae8c8",
    "artifact": "adb9bb4546f0124277bb738d45d82b4d6f8e578b7e4f9c3f4993bf36d9c643d4",
    "entity": "1653d9ee7daddb7595173d995da6bf7c6061f4c129f9b004a94274c7b30cfef7",
    "quarantine": "34b3470f9f02876d69cebee25c8a2b8b3ec44eb34eed7e5b5eac4f10af1957dc",
    "quarantine_replay": "3f0d289753b3436a165c1b34c5379c3f347d96fb0c9c69062c7351e5a9012381",
}
"""What the log called the columns of each table first; never changed, only added to for a new table."""


@pytest.mark.parametrize("name", list(CORE_SCHEMAS))
def test_a_core_column_is_added_where_old_batches_can_still_be_derived(name: str) -> None:
    """Columns added in one place, such as before the times, or at the end, are left out again; others not."""
    logged = pa.schema([field for field in CORE_SCHEMAS[name] if field.name not in UNSEEN])
    own = pa.schema([*logged, pa.field("shift", pa.string())])
    assert columns_logged(own, bytes.fromhex(FIRST[name])) is not None
