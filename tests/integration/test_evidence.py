"""Everything a plant records is logged: once, in order, whoever dies, whatever is done to the files."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from evidence_plant import (
    RECORDED,
    START,
    batches,
    bodies,
    individuals,
    load,
    logging_plant,
    measurements,
    policy_of,
    readings,
    soon,
    state,
    trees,
)
from forking import Server

from assay.ledger.audit import audit
from assay.ledger.chunks import chunk_digests, in_order, schema_digest
from assay.ledger.entries import Individual, Rows
from assay.ledger.errors import LedgerError, LogError
from assay.ledger.place import Place
from assay.ledger.proving import verify_file
from assay.store.backup import backup, restore
from assay.store.compaction import compact
from assay.store.config import read_config
from assay.store.evidence_audit import audit_records
from assay.store.evidence_index import INDEX
from assay.store.evidence_proofs import Prover
from assay.store.evidence_rows import UNSEEN, logged_schema, source_of
from assay.store.keys import LoadKey
from assay.store.notary import Notary
from assay.store.plant_evidence import bring_up_to_date
from assay.store.workspace import Workspace

__all__ = ["state"]

FILE = LoadKey("press/3", "nov.csv")
WIDE = LoadKey("gauge", "nov.csv")
HOT = LoadKey("opc", "1")


@pytest.fixture(scope="module")
def plant(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Readings by file and by buffer, two measurements of each of 3,000 parts, all notarised."""
    with logging_plant(tmp_path_factory.mktemp("evidence") / "plant") as workspace:
        load(workspace, "reading", [readings(3_000)], FILE)
        for first in (0, 700, 900):
            workspace.lake.hot.append("reading", readings(200, first=first), HOT)
        workspace.lake.hot.flush()
        load(workspace, "measurement", list(measurements(3_000)), WIDE)
        workspace.evidence.say(
            "disposition", "U-7", {"verdict": "accepted", "by": "p-31", "limit": 12.5, "at": START}
        )
        workspace.evidence.submitter.checkpoint()
        assert Notary(workspace.evidence, workspace.lake).run() == 9_600
        workspace.evidence.submitter.checkpoint()
        yield workspace


def test_a_new_plant_has_two_logs_and_keys_outside(plant: Workspace, state: Path) -> None:
    for name in ("main", "refused"):
        place = Place.of(plant.path, name)
        assert place.outside.parent == state
        assert place.key.stat().st_mode & 0o777 == 0o600
    outside = plant.evidence.place.outside
    for name in ("issuer.key", "salts.db"):
        assert (outside / name).stat().st_mode & 0o777 == 0o600
    assert plant.evidence.place.public_key().name.startswith("werk-s-d.")
    assert len(plant.evidence.place.public_key().name) <= 40
    assert not [path for path in plant.path.rglob("*") if path.name in {"issuer.key", "salts.db", "log.key"}]
    assert all(body.issuer == plant.evidence.public for body in bodies(plant.path))


def test_each_commit_is_logged_once_with_its_chunks(plant: Workspace) -> None:
    found = {(one.kind, one.origin.source, one.origin.seq): one for one in batches(plant.path)}
    assert len(found) == len(batches(plant.path)) == 3
    file = found["reading", "reading:press%2F3/nov.csv", 0]
    assert (file.rows, file.last) == (3_000, 2_999)
    hot = found["reading", "reading:opc/1", 0]
    assert (hot.rows, hot.last) == (600, 1_099)
    wide = found["measurement", "measurement:gauge/nov.csv", 0]
    assert (wide.rows, wide.last) == (6_000, 2_999)
    for name, one, rows in (
        ("reading", file, readings(3_000)),
        ("measurement", wide, pa.concat_tables(measurements(3_000))),
    ):
        assert one.schema == schema_digest(logged_schema(plant.lake, name))
        assert one.chunks == tuple(
            chunk_digests(by_hand(plant, name, FILE if name == "reading" else WIDE, rows))
        )
    assert plant.evidence.catch_up() == 0


def by_hand(plant: Workspace, name: str, key: LoadKey, rows: pa.Table) -> pa.Table:
    """Rows as the log has them, made without the lake."""
    schema = plant.lake.schema(name)
    constant = {"source": key.source, "epoch": key.epoch, "recorded": RECORDED}
    columns = []
    for field in schema:
        if field.name in rows.column_names:
            values = rows.column(field.name).to_pylist()
        else:
            values = [constant.get(field.name)] * len(rows)
        columns.append(pa.array(values, field.type))
    return in_order(pa.table(columns, schema=schema), UNSEEN).drop_columns(list(UNSEEN))


def test_settings_and_model_are_logged_when_they_change(plant: Workspace) -> None:
    first = individuals(plant.path, "configuration")
    assert [one.subject for one in first] == ["assay.toml"]
    assert said_by(plant, first[0])["plant.name"] == "Werk Süd"
    file = plant.path / "model.yaml"
    for text in ("version: 1\n", "version: 1\n# again\n", "version: 1\n"):
        file.write_text(text)
        assert plant.evidence.catch_up() == 1
        assert plant.evidence.catch_up() == 0
    models = individuals(plant.path, "model")
    assert [one.origin.seq for one in models] == [0, 1, 2]
    texts = [said_by(plant, one)["text"] for one in models]
    assert texts == ["version: 1\n", "version: 1\n# again\n", "version: 1\n"]


def said_by(plant: Workspace, entry: Individual) -> dict[str, object]:
    return {name: value for _, name, value in plant.evidence.payloads.open(entry).fields}


def test_rows_are_proved_by_name_and_by_time(plant: Workspace) -> None:
    prover, policy = Prover(plant.evidence, plant.lake), policy_of(plant)
    when = (START + timedelta(seconds=41)).isoformat()
    for record, expected in (
        ("reading:press%2F3/nov.csv/2048", {"seq": 2048, "value": "256", "source": "press/3"}),
        ("press%2F3/nov.csv/0", {"seq": 0, "value": "0", "equipment": "press-0"}),
        ("reading:press/3/nov.csv/1", {"seq": 1, "source": "press/3"}),
        ("reading:opc/1/1099", {"seq": 1099}),
        ("measurement:gauge/nov.csv/41.0", {"subject": "U-41", "value": "10.25"}),
        ("measurement:gauge/nov.csv/41.1", {"subject": "U-41", "value": "10.25"}),
    ):
        data = bytes(prover.prove(record))
        verdict = verify_file(data, policy)
        assert verdict.valid, verdict.reason
        assert expected.items() <= verdict.shown[0].items()
        assert len(data) < 3_072
        changed = bytearray(data)
        changed[len(data) // 3] ^= 1
        assert not verify_file(bytes(changed), policy).valid
    both = {
        verify_file(bytes(prover.prove(f"gauge/nov.csv/41.{n}")), policy).shown[0]["characteristic"]
        for n in (0, 1)
    }
    assert both == {"height", "mass"}
    for record, reason in (
        ("measurement:gauge/nov.csv/41", "many_records"),
        ("measurement:gauge/nov.csv/41.2", "no_record"),
        (f"U-41@{when}", "several_then"),
        (f"U-9999@{when}", "no_record"),
        ("reading:press%2F3/nov.csv/3000", "no_record"),
        ("reading:press-3/nov.csv/1", "no_record"),
        ("nonsense", "no_record"),
        ("reading:/1", "no_record"),
        ("reading:/x/1", "no_record"),
        ("reading:x//1", "no_record"),
        ("U-1@nonsense", "no_record"),
        ("9999999", "no_record"),
    ):
        with pytest.raises(LedgerError) as refused:
            prover.prove(record)
        assert refused.value.reason == reason, record
    with pytest.raises(LedgerError) as refused:
        prover.prove("reading:opc/1/3", ["value"])
    assert refused.value.reason == "no_field"


def test_a_unit_goes_into_one_file(plant: Workspace) -> None:
    verdict = verify_file(Prover(plant.evidence, plant.lake).bundle("U-7"), policy_of(plant))
    assert verdict.valid, verdict.reason
    said, *rows = verdict.shown
    at = int(START.timestamp() * 1_000_000)
    assert said == {"at": at, "by": "p-31", "limit": "12.5", "verdict": "accepted"}
    assert {(row["subject"], row["characteristic"]) for row in rows} == {("U-7", "height"), ("U-7", "mass")}
    with pytest.raises(LogError) as refused:
        Prover(plant.evidence, plant.lake).bundle("U-none")
    assert refused.value.reason == "no_subject"


@pytest.fixture(scope="module")
def independent() -> ModuleType:
    """The verifier that shares no code with Assay."""
    file = Path(__file__).parents[2] / "examples/verify-evidence/verify_evidence.py"
    spec = spec_from_file_location("verify_evidence", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_others_verify_rows_and_bundles_too(
    plant: Workspace, independent: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "policy"
    policy.write_bytes(bytes(policy_of(plant)))
    prover = Prover(plant.evidence, plant.lake)
    for record in ("reading:press%2F3/nov.csv/2048", "measurement:gauge/nov.csv/41.1"):
        file = tmp_path / "row.tlog-proof"
        data = bytes(prover.prove(record))
        file.write_bytes(data)
        capsys.readouterr()
        assert independent.main(str(file), str(policy)) == 0
        (entry,) = json.loads(capsys.readouterr().out)["entries"]
        assert entry["rows"] == list(verify_file(data, policy_of(plant)).shown)
        extra = data.split(b"\n")[1].removeprefix(b"extra ")
        for at in range(0, len(extra) - 4, 37):
            wrong = bytearray(extra)
            wrong[at] = ord("A") if wrong[at] != ord("A") else ord("B")
            file.write_bytes(data.replace(extra, bytes(wrong)))
            assert independent.main(str(file), str(policy)) == 1, at
            assert not verify_file(file.read_bytes(), policy_of(plant)).valid
    file.write_bytes(prover.bundle("U-7"))
    capsys.readouterr()
    assert independent.main(str(file), str(policy)) == 0
    said = json.loads(capsys.readouterr().out)["entries"]
    rows = [row for one in said for row in one.get("rows", [])]
    assert sorted(row["characteristic"] for row in rows) == ["height", "mass"]
    assert [one["fields"]["verdict"] for one in said if one.get("fields")] == ["accepted"]


def test_a_field_of_a_statement_is_shown_alone(plant: Workspace) -> None:
    index = next(n for n, one in enumerate(bodies(plant.path)) if getattr(one, "kind", "") == "disposition")
    prover = Prover(plant.evidence, plant.lake)
    shown = verify_file(bytes(prover.prove(str(index), ["verdict"])), policy_of(plant)).shown
    assert shown == ({"verdict": "accepted"},)
    assert verify_file(bytes(prover.prove(str(index))), policy_of(plant)).shown == ()
    body = bodies(plant.path)[index]
    assert isinstance(body, Individual)
    name = f"{body.origin.source}/{body.origin.epoch}/{body.origin.seq}"
    assert len(verify_file(bytes(prover.prove(name)), policy_of(plant)).shown[0]) == 4
    with pytest.raises(LedgerError):
        prover.prove(str(index), ["verdikt"])


def test_what_was_said_is_kept_encrypted_and_erased_with_its_key(plant: Workspace) -> None:
    evidence = plant.evidence
    index = evidence.say("attestation", "U-erased", {"note": "a secret of the trade"})
    body = evidence.entry(index).signed.body_of(check=False)
    assert isinstance(body, Individual)
    kept = evidence.payloads.path(body.payload or b"").read_bytes()
    assert b"secret" not in kept
    assert evidence.payloads.open(body).fields[0][2] == "a secret of the trade"
    evidence.secrets.erase_subject("U-erased", 1)
    assert evidence.secrets.key_of("U-erased") is None
    with pytest.raises(LogError) as refused:
        evidence.payloads.open(body)
    assert refused.value.reason == "erased"
    again = evidence.entry(evidence.say("attestation", "U-erased", {"note": "another"})).signed.body_of(
        check=False
    )
    assert isinstance(again, Individual)
    assert evidence.payloads.open(again).fields[0][2] == "another"
    with pytest.raises(LogError) as refused:
        evidence.payloads.open(body)
    assert refused.value.reason == "payload_differs"


def test_the_index_is_made_again_from_the_log(plant: Workspace) -> None:
    before = plant.evidence.index.batches()
    trees_before = [plant.evidence.index.trees(one.entry) for one in before]
    plant.evidence.close()
    (plant.evidence.place.outside / INDEX).unlink()
    soon(plant.evidence)
    after = plant.evidence.index.batches()
    assert [(one.entry, one.source, one.first, one.last) for one in after] == [
        (one.entry, one.source, one.first, one.last) for one in before
    ]
    assert [plant.evidence.index.trees(one.entry) for one in after] == trees_before
    size = len(bodies(plant.path))
    assert plant.evidence.catch_up() == 0
    assert len(bodies(plant.path)) == size
    assert plant.evidence.index.lag().batches == 0


def test_a_backup_holds_the_log_and_no_key(
    plant: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup(plant, tmp_path / "plant.tar")
    restore(tmp_path / "plant.tar", tmp_path / "again")
    for name in ("main", "refused"):
        seen = audit(tmp_path / "again/ledger" / name)
        assert seen.valid, seen.findings
    assert audit_records(tmp_path / "again").valid
    outside = {path.name for path in plant.evidence.place.outside.iterdir()}
    assert not outside & {path.name for path in (tmp_path / "again").rglob("*")}
    kept = [path.relative_to(plant.path) for path in (plant.path / "evidence").rglob("*") if path.is_file()]
    assert kept
    assert all((tmp_path / "again" / path).read_bytes() == (plant.path / path).read_bytes() for path in kept)
    monkeypatch.setenv("ASSAY_STATE", str(tmp_path / "elsewhere"))
    with Workspace.open(tmp_path / "again") as workspace:
        assert workspace.evidence.state.why is not None


# -- what is done to the files afterwards --------------------------------------------------------------


def test_proofs_and_digests_do_not_depend_on_files(
    state: Path, tmp_path: Path, independent: ModuleType
) -> None:
    with logging_plant(tmp_path / "plant") as workspace, (workspace.path / "assay.toml").open("a") as file:
        file.write("[lake]\nsmall_files = 2\n[ledger.disclosable]\nreading = ['value']\n")
    with Workspace.open(tmp_path / "plant") as workspace:
        soon(workspace.evidence)
        for n in range(3):
            load(workspace, "reading", [readings(2_500, first=n * 2_500)], LoadKey("press", f"file-{n}"))
        workspace.evidence.submitter.checkpoint()
        before = audit_records(workspace.path)
        assert before.valid
        assert (before.batches, before.rows) == (3, 7_500)
        files = workspace.lake.files("reading")
        assert compact(workspace.lake, "reading")[0].dates > 0
        assert set(workspace.lake.files("reading")) != set(files)
        assert workspace.evidence.catch_up() == 0
        assert audit_records(workspace.path) == before
        assert Notary(workspace.evidence, workspace.lake).run() == 7_500
        workspace.evidence.submitter.checkpoint()
        prover = Prover(workspace.evidence, workspace.lake)
        proof = prover.prove("reading:press/file-1/4000", ["value"])
        assert verify_file(bytes(proof), policy_of(workspace)).shown == ({"value": "500"},)
        (tmp_path / "field").write_bytes(bytes(proof))
        (tmp_path / "policy").write_bytes(bytes(policy_of(workspace)))
        assert independent.main(str(tmp_path / "field"), str(tmp_path / "policy")) == 0
        whole = verify_file(bytes(prover.prove("reading:press/file-1/4000")), policy_of(workspace))
        assert whole.shown[0]["seq"] == 4_000
        kept = {(tree.batch, tree.first): tree.fields for tree in trees(workspace.path)}
        assert set(kept.values()) == {("value",)}


@pytest.fixture
def small(state: Path, tmp_path: Path) -> Iterator[Workspace]:
    with logging_plant(tmp_path / "plant") as workspace:
        load(workspace, "reading", [readings(2_600)], LoadKey("press", "1"))
        workspace.evidence.submitter.checkpoint()
        yield workspace


def rewritten(path: str, change: object) -> None:
    table = pq.ParquetFile(path).read()
    pq.write_table(change(table), path)  # type: ignore[operator]


def test_a_changed_lake_is_named_by_batch_and_chunk(small: Workspace) -> None:
    (first, *_) = small.lake.files("reading")
    source = source_of("reading", LoadKey("press", "1"))
    original = Path(first).read_bytes()
    dated = pq.ParquetFile(first).read().column("seq").to_pylist()
    place = len(dated) // 2
    chunk = dated[place] // 1_024

    def changed(column: str, value: object) -> pa.Table:
        table = pq.ParquetFile(first).read()
        cells = table.column(column).to_pylist()
        cells[place] = value
        at = table.schema.get_field_index(column)
        return table.set_column(at, table.schema.field(at), pa.array(cells, table.schema.field(at).type))

    for column, value in (("value", -1.0), ("unit", "lb"), ("time", None), ("equipment", "press-9")):
        pq.write_table(changed(column, value), first)
        seen = audit_records(small.path)
        assert not seen.valid
        (found,) = seen.findings
        assert (found.table, found.source, found.kind) == ("reading", source, "rows_differ")
        assert (found.first, found.last) == (chunk * 1_024, min(chunk * 1_024 + 1_023, 2_599))
        Path(first).write_bytes(original)
    rewritten(first, lambda table: table.slice(1))
    assert [one.kind for one in audit_records(small.path).findings] == ["rows_missing"]
    notary = Notary(small.evidence, small.lake)
    assert notary.run() == 0
    assert small.evidence.index.lag().differing == 1
    assert trees(small.path) == []
    with pytest.raises(LogError) as refused:
        Prover(small.evidence, small.lake).prove("reading:press/1/7")
    assert refused.value.reason == "rows_differ"
    Path(first).write_bytes(original)
    rewritten(first, lambda table: pa.concat_tables([table, table.slice(place, 1)]))
    assert [one.kind for one in audit_records(small.path).findings] == ["rows_added"]
    Path(first).write_bytes(original)
    assert audit_records(small.path).valid
    bring_up_to_date(small)
    assert small.evidence.index.lag().differing == 0
    assert sum(tree.rows for tree in trees(small.path)) == 2_600


def test_a_row_is_not_proved_among_changed_neighbours(small: Workspace) -> None:
    assert Notary(small.evidence, small.lake).run() == 2_600
    small.evidence.submitter.checkpoint()
    prover = Prover(small.evidence, small.lake)
    assert verify_file(bytes(prover.prove("reading:press/1/7")), policy_of(small)).valid
    (first, *_) = small.lake.files("reading")
    rewritten(first, lambda table: table.set_column(
        table.schema.get_field_index("value"), "value", pa.array([0.5] * len(table))
    ))  # fmt: skip
    with pytest.raises(LogError) as refused:
        prover.prove("reading:press/1/7")
    assert refused.value.reason == "rows_differ"


def test_a_record_is_not_proved_by_itself_before_the_notariser_was_there(small: Workspace) -> None:
    with pytest.raises(LogError) as refused:
        Prover(small.evidence, small.lake).prove("reading:press/1/7")
    assert refused.value.reason == "not_notarised"


def test_a_copied_plant_goes_on_and_says_that_it_is_not_logged(
    small: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, home = tmp_path / "copy", os.environ["ASSAY_STATE"]
    shutil.copytree(small.path, copy)
    size = len(bodies(copy))
    monkeypatch.setenv("ASSAY_STATE", str(tmp_path / "elsewhere"))
    with Workspace.open(copy) as workspace:
        load(workspace, "reading", [readings(100, first=5_000)], LoadKey("press", "2"))
        assert workspace.lake.query("SELECT count(*) AS n FROM reading").to_pylist() == [{"n": 2_700}]
        state = workspace.evidence.state
        assert state.on
        assert state.why is not None
        assert state.why.reason == "not_here"
        assert len(bodies(copy)) == size
        assert audit_records(copy).valid
    monkeypatch.setenv("ASSAY_STATE", home)
    with Workspace.open(copy) as workspace:
        soon(workspace.evidence)
        assert workspace.evidence.catch_up() == 1
        assert workspace.evidence.state.why is None
        assert [one.origin.source for one in batches(copy)][-1] == "reading:press/2"


def test_rows_that_are_kept_no_longer_are_no_finding(state: Path, tmp_path: Path) -> None:
    with logging_plant(tmp_path / "plant") as workspace, (workspace.path / "assay.toml").open("a") as file:
        file.write("[lake]\nkeep_days = 2\n")
    with Workspace.open(tmp_path / "plant") as workspace:
        soon(workspace.evidence)
        load(workspace, "reading", [readings(4_000, minutes=2)], LoadKey("press", "1"))
        compact(workspace.lake, "reading", now=START + timedelta(days=5))
        (said,) = individuals(workspace.path, "decision")
        assert said.subject == "table:reading"
        seen = audit_records(workspace.path)
        assert (seen.valid, seen.retired) == (True, 1)


def test_a_plant_without_a_log_is_as_before(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Workspace.create(tmp_path / "off", log=False) as workspace:
        load(workspace, "reading", [readings(10)], LoadKey("press", "1"))
        assert not (workspace.path / "ledger").exists()
        assert workspace.evidence.state.on is False
    assert not read_config(tmp_path / "off" / "assay.toml").ledger.log
    monkeypatch.setenv("ASSAY_LEDGER", "off")
    with Workspace.create(tmp_path / "quiet") as workspace:
        assert not workspace.evidence.on
    monkeypatch.delenv("ASSAY_LEDGER")
    with Workspace.create(tmp_path / "default") as workspace:
        assert workspace.evidence.on


def test_what_a_killed_process_recorded_is_logged_by_the_next(state: Path, tmp_path: Path) -> None:
    server = Server(Path(__file__).with_name("killed_recorder.py"))
    try:
        with logging_plant(tmp_path / "plant"):
            pass
        steps = ("committed", "acknowledged", "noted", "moved", "sealed")
        for step in steps:
            assert server.do(tmp_path / "plant", step) == 9, step
        assert server.do(tmp_path / "plant", "none") == 0
    finally:
        server.close()
    with Workspace.open(tmp_path / "plant") as workspace:
        soon(workspace.evidence)
        assert workspace.evidence.catch_up() == 0
        rows = workspace.lake.query(
            "SELECT source, epoch, count(*) AS n FROM reading GROUP BY ALL"
        ).to_pylist()
        logged = {one.origin.source: one.rows for one in batches(workspace.path)}
        assert len(logged) == len(batches(workspace.path))
        assert logged == {f"reading:{one['source']}/{one['epoch']}": one["n"] for one in rows}
        assert {f"reading:press/{step}" for step in (*steps, "none")} <= set(logged)
        assert audit_records(workspace.path).valid
        workspace.evidence.submitter.checkpoint()
        Notary(workspace.evidence, workspace.lake).run()
        found = [one for one in bodies(workspace.path) if isinstance(one, Rows)]
        assert sum(one.rows for one in found) == sum(logged.values())
