"""What is erased goes out of messages and of attributes, which are JSON; the rows stay and are compared."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
from evidence_plant import START, hashes, load, logging_plant, state

from assay.store.keys import LoadKey
from assay.store.people import is_random
from assay.store.plant_evidence import audit_plant, bring_up_to_date, erase_subject

__all__ = ["state"]

SAID = ["tool changed by p-17 before U-3", "U-30 waits", "p-17: p-17-b is away", None]
KNOWN = [{"operator": "p-17", "age": 17}, {"operator": "p-18"}, {"notes": ["not p-170", "ask p-17."]}]


def messages() -> pa.Table:
    key = hashes(list(enumerate(SAID)))
    return pa.table({
        "seq": range(len(SAID)),
        "event": ["tool change"] * len(SAID),
        "message": pa.array(SAID, pa.string()),
        "equipment": ["press-1"] * len(SAID),
        "time": pa.array([START] * len(SAID), pa.timestamp("us", "UTC")),
        "key_hash": key,
        "content_hash": key,
    })  # fmt: skip


def entities() -> pa.Table:
    key = hashes(list(enumerate(map(str, KNOWN))))
    return pa.table({
        "seq": range(len(KNOWN)),
        "entity": ["equipment"] * len(KNOWN),
        "id": [f"press-{n}" for n in range(len(KNOWN))],
        "attributes": [json.dumps(one) for one in KNOWN],
        "time": pa.array([START] * len(KNOWN), pa.timestamp("us", "UTC")),
        "key_hash": key,
        "content_hash": key,
    })  # fmt: skip


def test_an_id_goes_out_of_messages_and_attributes(state: Path, tmp_path: Path) -> None:
    with logging_plant(tmp_path / "plant") as plant:
        load(plant, "event", [messages()], LoadKey("mes", "events"))
        load(plant, "entity", [entities()], LoadKey("mes", "presses"))
        bring_up_to_date(plant)
        done = erase_subject(plant, "p-17", "left")
        assert (done.removed, done.altered, done.rows) == (0, 4, 4)
        said = plant.lake.query("SELECT message FROM event ORDER BY seq").column("message").to_pylist()
        mark = said[0].split()[3]
        assert is_random(mark), "by which the log calls whoever it was"
        assert said == [f"tool changed by {mark} before U-3", SAID[1], f"{mark}: p-17-b is away", None]
        known = (
            plant.lake.query("SELECT attributes FROM entity ORDER BY seq").column("attributes").to_pylist()
        )
        first, second, third = map(json.loads, known)
        assert second == KNOWN[1]
        assert is_random(first["operator"])
        assert first["age"] == 17
        assert third == {"notes": ["not p-170", f"ask {first['operator']}."]}
        seen = audit_plant(plant.path, records=True)
        assert seen.valid, seen.records
        assert seen.records is not None
        assert (seen.records.erased, seen.records.unproved) == (4, 0)
        for table in ("event", "entity"):
            for file in (plant.path / "lake" / table).rglob("*.parquet"):
                texts = str(pa.parquet.read_table(file, partitioning=None).to_pylist())
                assert "p-17 " not in texts
                assert "p-17'" not in texts


def test_a_random_id_stays_in_texts(state: Path, tmp_path: Path) -> None:
    """It says nothing any more once nobody knows who is behind it."""
    who = "p-0123456789abcdef"
    with logging_plant(tmp_path / "plant") as plant:
        table = messages()
        at = table.schema.get_field_index("message")
        load(
            plant,
            "event",
            [table.set_column(at, "message", pa.array([f"by {who}"] * 4))],
            LoadKey("mes", "1"),
        )
        plant.registry.upsert_entities("person", [{"id": who}])
        bring_up_to_date(plant)
        assert erase_subject(plant, who, "left").altered == 0
        assert plant.lake.query("SELECT DISTINCT message FROM event").to_pylist() == [
            {"message": f"by {who}"}
        ]
        assert audit_plant(plant.path, records=True).valid
