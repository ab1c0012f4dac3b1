"""What is erased leaves lake, hot buffer, past, derived tables, objects, master data; the rest is proved."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from evidence_plant import RECORDED, START, hashes, load, logging_plant, measurements, soon, state

from assay.analyse.alarms import Alarm, record_alarms
from assay.cli.app import run
from assay.ledger.standing import Erasure
from assay.plant import Plant
from assay.store.backup import backup, restore
from assay.store.compaction import compact
from assay.store.evidence_about import logged_about
from assay.store.evidence_audit import audit_records
from assay.store.keys import LoadKey
from assay.store.people import is_random
from assay.store.plant_evidence import audit_plant, bring_up_to_date, erase_subject
from assay.store.striking import naming
from assay.store.workspace import Workspace

__all__ = ["state"]

WHO = "p-17"
PARTS = 60


def steps() -> pa.Table:
    """One step a part: every third by the one who will be erased."""
    rows = [(n, f"U-{n}") for n in range(PARTS)]
    key = hashes(rows)
    return pa.table({
        "seq": [n for n, _ in rows],
        "execution": [f"X-{n}" for n, _ in rows],
        "role": ["produced"] * PARTS,
        "subject": [unit for _, unit in rows],
        "subject_kind": ["unit"] * PARTS,
        "segment": ["press"] * PARTS,
        "person": [WHO if n % 3 == 0 else "p-18" for n, _ in rows],
        "time": pa.array([START + timedelta(minutes=n) for n, _ in rows], pa.timestamp("us", "UTC")),
        "key_hash": key,
        "content_hash": key,
    })  # fmt: skip


def pictures(content: list[str]) -> pa.Table:
    subjects = ["U-3", "U-4", "U-3"]
    key = hashes(list(enumerate(subjects)))
    return pa.table({
        "seq": range(3),
        "content": content,
        "media_type": ["image/png"] * 3,
        "subject": subjects,
        "subject_kind": ["unit"] * 3,
        "time": pa.array([START] * 3, pa.timestamp("us", "UTC")),
        "key_hash": key,
        "content_hash": key,
    })  # fmt: skip


@pytest.fixture
def plant(state: Path, tmp_path: Path) -> Iterator[Workspace]:
    with logging_plant(tmp_path / "plant") as workspace:
        load(workspace, "measurement", list(measurements(PARTS)), LoadKey("gauge", "nov.csv"))
        load(workspace, "movement", [steps()], LoadKey("mes", "nov.csv"))
        kept = [workspace.objects.put(f"picture {n}".encode()).content for n in range(2)]
        load(workspace, "artifact", [pictures([kept[0], kept[1], kept[1]])], LoadKey("camera", "nov"))
        workspace.registry.upsert_entities("person", [{"id": WHO, "name": "Li Wei"}, {"id": "p-18"}])
        bring_up_to_date(workspace)
        yield workspace


def everywhere(workspace: Workspace, word: str) -> list[str]:
    """Files below the plant in which the bytes of a word stand, and tables of the lake that have it."""
    found = []
    for name in workspace.lake.tables():
        columns = naming(workspace.lake, name)
        if not columns:
            continue
        where = " OR ".join(f'"{one}" = ?' for one in columns)
        count = workspace.lake.query(f"SELECT count(*) AS n FROM {name} WHERE {where}", [word] * len(columns))
        found += [name] if count.column("n")[0].as_py() else []
    lake = workspace.path / "lake"
    found += [path.relative_to(lake).as_posix() for path in lake.rglob("*.parquet")
              if word.encode() in path.read_bytes()]  # fmt: skip
    return found


def test_rows_about_it_go_and_its_id_goes_out_of_all_others(plant: Workspace) -> None:
    assert everywhere(plant, WHO)
    done = erase_subject(plant, WHO, "left the company, art. 17")
    assert (done.removed, done.altered, done.entities) == (0, PARTS // 3, 1)
    assert everywhere(plant, WHO) == []
    people = plant.lake.query(
        "SELECT person, count(*) AS n FROM movement GROUP BY person ORDER BY n"
    ).to_pylist()
    assert [one["n"] for one in people] == [PARTS // 3, PARTS - PARTS // 3]
    assert is_random(people[0]["person"]), "by which the log calls whoever it was"
    assert [row["id"] for row in plant.registry.entities("person")] == ["p-18"]

    unit = erase_subject(plant, "U-3", "the customer's secret")
    assert (unit.removed, unit.altered, unit.objects) == (2 + 1 + 2, 0, 1), "the other object has a reference"
    assert everywhere(plant, "U-3") == []
    assert plant.lake.query("SELECT count(*) AS n FROM movement").column("n")[0].as_py() == PARTS - 1
    assert plant.lake.query("SELECT count(*) AS n FROM measurement").column("n")[0].as_py() == 2 * (PARTS - 1)
    seen = audit_plant(plant.path, records=True)
    assert seen.valid, (seen.findings, seen.records)
    assert seen.records is not None
    assert (seen.records.erased, seen.records.unproved) == (PARTS // 3 + 4, 0), (
        "U-3 was a step of that person"
    )


def test_what_is_left_of_a_batch_is_proved_and_compared(plant: Workspace, tmp_path: Path) -> None:
    with Plant(plant) as opened:
        before = bytes(opened.prove("measurement:gauge/nov.csv/40.1"))
        step = bytes(opened.prove("movement:mes/nov.csv/4"))
        done = opened.erase("U-39", "asked for")
        opened.erase(WHO, "asked for")
        after = bytes(opened.prove("measurement:gauge/nov.csv/40.1"))
        assert bytes(opened.prove("movement:mes/nov.csv/4")) != b""
        assert after.splitlines()[:3] == before.splitlines()[:3], "the same row at the same place of its tree"
        assert step
        with pytest.raises(Exception, match="salt of row 3 was destroyed"):
            opened.prove("movement:mes/nov.csv/3")
        assert opened.bundle("U-40")
    said = Erasure.parse(plant.evidence.entry(done.indexes[0]).signed.body_of(check=False).content)  # type: ignore[union-attr]
    assert said.altered == ()
    copy = tmp_path / "copy"
    shutil.copytree(plant.path, copy)
    # somebody changes another row of the chunk from which rows were erased
    file = next(path for path in (copy / "lake" / "measurement").rglob("many-*.parquet"))
    table = pa.parquet.read_table(file)
    at = table.column("subject").to_pylist().index("U-12")
    values = table.column("value").to_pylist()
    values[at] += 1
    changed = table.set_column(table.schema.get_field_index("value"), "value", pa.array(values))
    pa.parquet.write_table(changed, file)
    assert [(one.kind, one.table) for one in audit_records(copy).findings] == [("rows_differ", "measurement")]


def test_an_audit_without_the_salts_says_what_it_can_not_compare(
    plant: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    erase_subject(plant, "U-5", "asked for")
    monkeypatch.setattr("assay.store.evidence_audit.secrets_of", lambda plant: None)
    seen = audit_records(plant.path)
    assert (seen.valid, seen.erased) == (True, 3)
    assert seen.unproved == (2 * PARTS - 2) + (PARTS - 1)


def test_neither_the_past_nor_the_hot_buffer_has_it_any_more(plant: Workspace) -> None:
    lake = plant.lake
    more = next(measurements(PARTS, ("width",))).slice(0, 8)
    lake.hot.append("measurement", more, LoadKey("live", "1"), recorded=RECORDED)
    then = lake.snapshot().moment
    load(plant, "measurement", list(measurements(8, ("depth",))), LoadKey("gauge", "dec.csv"))
    compact(lake)
    done = erase_subject(plant, "U-7", "asked for")
    assert done.removed == 2 + 1 + 1 + 1
    assert everywhere(plant, "U-7") == []
    past = lake.query("SELECT count(*) AS n, count_if(subject = 'U-7') AS own FROM measurement", as_of=then)
    assert past.to_pylist() == [{"n": 2 * (PARTS - 1) + 7, "own": 0}]
    assert audit_plant(plant.path, records=True).valid
    load(plant, "measurement", list(measurements(8, ("again",))), LoadKey("gauge", "later.csv"))
    bring_up_to_date(plant)
    assert everywhere(plant, "U-7"), "what comes later is not erased by what was said before"


def test_tables_derived_from_it_are_derived_again(plant: Workspace) -> None:
    with Plant(plant) as opened:
        from assay.query.layers import derive

        derive(plant)
        before = [path for path in (plant.path / "lake").rglob("*.parquet") if b"U-9" in path.read_bytes()]
        assert any("dw" in path.as_posix() for path in before)
        opened.erase("U-9", "asked for")
        assert not [path for path in (plant.path / "lake").rglob("*.parquet") if b"U-9" in path.read_bytes()]
        assert not (plant.spool / "derive-again").exists()
        assert not derive(plant).changed


@pytest.mark.parametrize("dies", ["_erase_rows", "strike", "done"])
def test_whoever_dies_on_the_way_is_made_up_for(
    plant: Workspace, monkeypatch: pytest.MonkeyPatch, dies: str
) -> None:
    where = (
        "assay.store.evidence_erasure.strike"
        if dies == "strike"
        else f"assay.store.evidence_secrets.Secrets.{dies}"
    )

    def died(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(where, died)
        with pytest.raises(KeyboardInterrupt):
            erase_subject(plant, "U-11", "asked for")
    if dies == "_erase_rows":
        assert erase_subject(plant, "U-11", "asked for").removed == 3
    else:
        bring_up_to_date(plant)
    assert everywhere(plant, "U-11") == []
    seen = audit_plant(plant.path, records=True)
    assert seen.valid, (seen.findings, seen.records)


def test_rows_that_the_log_says_are_erased_and_are_still_there_are_a_finding(
    plant: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.store.evidence_erasure.strike", lambda *_, **__: pytest.fail("stopped"))
    with pytest.raises(pytest.fail.Exception):
        erase_subject(plant, "U-13", "asked for")
    kinds = {(one.table, one.kind) for one in audit_records(plant.path).findings}
    assert kinds == {("measurement", "not_erased"), ("movement", "not_erased")}


def test_an_old_backup_that_is_restored_is_without_it(plant: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "plant.tar"
    backup(plant, file)
    erase_subject(plant, WHO, "left the company")
    erase_subject(plant, "U-3", "asked for")
    restore(file, tmp_path / "again")
    with Workspace.open(tmp_path / "again") as again:
        soon(again.evidence)
        assert everywhere(again, WHO) == []
        assert everywhere(again, "U-3") == []
        assert [row["id"] for row in again.registry.entities("person")] == ["p-18"]
        assert again.lake.query("SELECT count(*) AS n FROM movement").column("n")[0].as_py() == PARTS - 1


def test_what_was_said_one_by_one_goes_too(plant: Workspace) -> None:
    with Plant(plant) as opened:
        for unit in ("U-21", "U-22"):
            opened.correct(
                f"X-{unit[2:]}", "produced", unit, changes={"person": "p-19"}, why="read off wrongly", by=WHO
            )
        record_alarms(
            plant, [Alarm("scan", "never-issued", "U-21", "unit", START, "warning", "seen", "U-21/1")]
        )
        assert {"movement", "event"} <= set(everywhere(plant, "U-21"))
        opened.erase("U-21", "asked for")
        assert everywhere(plant, "U-21") == []
        opened.erase(WHO, "left")
        assert everywhere(plant, WHO) == []
        said = plant.lake.query("SELECT subject, corrected_by FROM movement WHERE correction IS NOT NULL")
        assert {one["subject"] for one in said.to_pylist()} == {"U-22"}
        assert all(is_random(one["corrected_by"]) for one in said.to_pylist())
        assert audit_plant(plant.path, records=True).valid


def test_a_row_that_was_set_aside_for_its_id_goes_and_is_no_record_of_it_before(plant: Workspace) -> None:
    aside = {"seq": [1, 2], "file": ["nov.csv"] * 2, "value": ["U-23", "U-24"]}
    aside |= {"reason": ["unknown"] * 2, "message": ["not a unit"] * 2}
    load(plant, "quarantine", [pa.table(aside)], LoadKey("gauge", "aside.csv"))
    bring_up_to_date(plant)
    listed, _ = logged_about(plant.evidence, plant.lake, "U-23")
    assert {one.kind for one in listed} == {"measurement", "movement"}
    assert erase_subject(plant, "U-23", "asked for").removed == 2 + 1 + 1
    assert everywhere(plant, "U-23") == []
    assert plant.lake.query("SELECT value FROM quarantine").to_pylist() == [{"value": "U-24"}]
    assert audit_plant(plant.path, records=True).valid


def test_the_command_says_what_it_took_out(plant: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ledger", "erase", str(plant.path), WHO, "--why", "left", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == {"indexes": document["indexes"], "payloads": document["payloads"], "rows": PARTS // 3,
                        "removed": 0, "altered": PARTS // 3, "objects": 0, "entities": 1,
                        "events": 0}  # fmt: skip


def test_chunks_before_and_behind_what_was_erased_are_compared_each_in_its_way(
    state: Path, tmp_path: Path
) -> None:
    """A chunk's digest hangs on the batch from its first row on: behind a hole it can't be derived."""
    with logging_plant(tmp_path / "large") as workspace:
        load(workspace, "measurement", list(measurements(4_000, ("height",))), LoadKey("gauge", "all.csv"))
        bring_up_to_date(workspace)
        assert audit_records(workspace.path).valid
        erase_subject(workspace, "U-1500", "asked for")
        seen = audit_records(workspace.path)
        assert (seen.valid, seen.erased, seen.unproved) == (True, 1, 0), seen.findings
        for subject in ("U-12", "U-3900"):
            copy = tmp_path / subject
            shutil.copytree(workspace.path, copy)
            alter(copy, subject)
            (found,) = audit_records(copy).findings
            assert found.kind == "rows_differ"
            assert found.first <= int(subject[2:]) <= found.last


def alter(plant: Path, subject: str) -> None:
    """Change one value in the files of the lake, past all rules."""
    for file in (plant / "lake" / "measurement").rglob("*.parquet"):
        table = pa.parquet.read_table(file, partitioning=None)
        subjects = table.column("subject").to_pylist()
        if subject in subjects:
            values = table.column("value").to_pylist()
            values[subjects.index(subject)] += 1
            at = table.schema.get_field_index("value")
            pa.parquet.write_table(table.set_column(at, "value", pa.array(values)), file)
