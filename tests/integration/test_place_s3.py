"""A lake in a bucket: loads, SQL, commits that race, kills, backup, and failures without keys."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bucket import BUCKET, KEY, SECRET, Store, opened_by_environment
from store_rows import DAY, RECORDED, ROWS, START, content, key, load, stage

from assay.analyse.cause.columns import LakeColumns
from assay.cli.app import run
from assay.connect.load import load_file
from assay.model.attributes import Attribute
from assay.model.errors import QueryError, StoreError
from assay.model.kinds import TIME, RecordKind
from assay.store import Workspace
from assay.store.backup import backup, restore
from assay.store.compaction import compact
from assay.store.delta import LakeTable
from assay.store.layout import ROW_GROUP_ROWS
from assay.store.place import Place
from assay.store.reading import parquet_file

LOADER = Path(__file__).with_name("crashing_loader.py")
MAPPING = """\
version: 1
source: lab
long: {subject: unit, characteristic: characteristic, value: value, time: time, gauge: gauge}
"""
HEADER = "unit,characteristic,value,time,gauge\n"


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with opened_by_environment() as running:
        yield running


@pytest.fixture
def url(store: Store) -> str:
    """A prefix of its own."""
    return f"s3://{BUCKET}/{uuid.uuid4().hex[:12]}"


@pytest.fixture
def cloud(url: str, tmp_path: Path) -> Iterator[Workspace]:
    """A plant whose lake and objects lie in the bucket."""
    places = {"lake": f"{url}/lake", "objects": f"{url}/objects"}
    with Workspace.create(tmp_path / "cloud", name="A plant", **places) as workspace:
        yield workspace


def csv(*rows: tuple[str, float, int]) -> str:
    return HEADER + "".join(f"{unit},bore,{value},2026-01-0{day} 08:00:00,G1\n" for unit, value, day in rows)


def load_text(workspace: Workspace, text: str, name: str) -> tuple[int, int, dict[str, int]]:
    file = workspace.path.parent / name
    file.write_text(text)
    report = load_file(workspace, file, MAPPING)
    return report.accepted, report.duplicates, report.reasons


# -- loading and reading ------------------------------------------------------------------------------


def test_files_are_loaded_into_the_bucket_and_read_by_sql(cloud: Workspace, url: str) -> None:
    first = csv(("U1", 1.0, 1), ("U2", 2.0, 1), ("U3", 3.0, 2))
    assert load_text(cloud, first, "a.csv") == (3, 0, {})
    assert load_text(cloud, first, "a.csv") == (0, 3, {}), "the same file again changes nothing"
    # One row is known, one is new, one contradicts a row in the bucket.
    second = csv(("U3", 3.0, 2), ("U4", 4.0, 2), ("U1", 9.0, 1))
    assert load_text(cloud, second, "b.csv") == (1, 1, {"duplicate-key": 1})
    with Workspace.open(cloud.path) as again:
        rows = again.lake.query(
            "SELECT subject, value, date::VARCHAR AS day FROM measurement ORDER BY subject"
        )
        assert rows["subject"].to_pylist() == ["U1", "U2", "U3", "U4"]
        assert rows["value"].to_pylist() == [1.0, 2.0, 3.0, 4.0]
        assert rows["day"].to_pylist() == ["2026-01-01", "2026-01-01", "2026-01-02", "2026-01-02"]
        assert again.quarantine.counts() == {"duplicate-key": 1}
        assert again.lake.query("SELECT id FROM unit ORDER BY id")["id"].to_pylist() == [
            "U1",
            "U2",
            "U3",
            "U4",
        ]
        assert all(
            file.startswith(f"{url}/lake/measurement/date=") for file in again.lake.files("measurement")
        )
    assert not (cloud.path / "lake").exists()
    assert not [path for path in cloud.spool.rglob("*.parquet") if path.is_file()], "uploads leave no copies"


def test_a_bucket_holds_what_a_directory_holds(cloud: Workspace, plant: Workspace) -> None:
    for workspace in (cloud, plant):
        load(workspace, 1)
        workspace.registry.declare_attributes([Attribute(kind="movement", name="force", type="number")])
        load(workspace, 2)
    for kind in ROWS:
        assert content(cloud, kind) == content(plant, kind)
        assert content(cloud, kind)
        assert cloud.lake.hashes(kind).sort_by("key_hash").equals(plant.lake.hashes(kind).sort_by("key_hash"))
    assert cloud.lake.query("SHOW TABLES").equals(plant.lake.query("SHOW TABLES"))
    described = "DESCRIBE movement"
    assert cloud.lake.query(described).equals(plant.lake.query(described))
    reads = [
        LakeColumns(one.lake, RecordKind.MEASUREMENT).read(["subject", "value"], words=["subject_kind"])
        for one in (cloud, plant)
    ]
    assert reads[0].sort_by("subject").equals(reads[1].sort_by("subject"))


def test_files_are_pinned_by_a_snapshot(cloud: Workspace) -> None:
    load(cloud, 1)
    snapshot = cloud.lake.snapshot()
    load(cloud, 2)
    with cloud.lake.connect(snapshot) as connection:
        assert connection.sql("SELECT count(*) FROM measurement").fetchone() == (50,)
        with connection.cursor() as other:
            assert other.sql("SELECT count(*) FROM movement").fetchone() == (50,)
    with parquet_file(snapshot.files["measurement"][0]) as file:
        assert file.metadata.num_rows > 0


def test_sql_still_reads_the_plant_and_nothing_else(cloud: Workspace, tmp_path: Path) -> None:
    load(cloud, 1)
    outside = tmp_path / "outside.parquet"
    pq.write_table(pa.table({"a": [1]}), outside)
    for statement in (f"SELECT * FROM '{outside}'", f"SELECT * FROM read_parquet('{outside}')"):
        with pytest.raises(QueryError):
            cloud.lake.query(statement, read_only=False)
    with pytest.raises(QueryError):
        cloud.lake.query("INSERT INTO measurement (seq) VALUES (1)", read_only=False)


def test_row_groups_that_can_not_match_are_not_read(cloud: Workspace, store: Store) -> None:
    """The second row group's bytes are spoiled: only a reader that leaves it out gets an answer."""
    rows = 2 * ROW_GROUP_ROWS
    seq = np.arange(rows)
    table = pa.table(
        {
            "seq": seq,
            "subject": pa.array(["U"] * rows).dictionary_encode(),
            "subject_kind": ["unit"] * rows,
            "characteristic": ["length"] * rows,
            "value": np.random.default_rng(1).random(rows),
            "time": pa.array(START + seq * (DAY // rows)).cast(TIME),
            "key_hash": seq,
            "content_hash": seq,
        }
    )
    with cloud.lake.stage("measurement", load=key(1), recorded=RECORDED) as writer:
        writer.write(table)
    cloud.lake.commit("measurement", writer.finish(), load=key(1))
    (file,) = cloud.lake.files("measurement")
    _spoil_second_row_group(store, file)
    early = "SELECT sum(value) AS s FROM measurement WHERE time < TIMESTAMPTZ '2026-01-01 06:00:00+00'"
    assert cloud.lake.query(early)["s"][0].as_py() == pytest.approx(
        table["value"].to_numpy()[seq * (DAY // rows) < DAY // 4].sum()
    )
    assert "Filters" in str(cloud.lake.query(f"EXPLAIN {early}").to_pylist())
    with pytest.raises(StoreError, match="is damaged"):
        cloud.lake.query("SELECT sum(value) AS s FROM measurement")
    other_day = "SELECT sum(value) AS s FROM measurement WHERE date = DATE '2026-02-01'"
    assert cloud.lake.query(other_day)["s"].to_pylist() == [None]


def _spoil_second_row_group(store: Store, file: str) -> None:
    filesystem, name = store.filesystem(), file.removeprefix("s3://")
    with filesystem.open_input_file(name) as source:
        whole = bytearray(source.read())
        second = pq.read_metadata(pa.BufferReader(whole)).row_group(1)
    value = next(
        column for column in map(second.column, range(second.num_columns)) if column.path_in_schema == "value"
    )
    start = value.dictionary_page_offset or value.data_page_offset
    whole[start : start + value.total_compressed_size] = bytes(value.total_compressed_size)
    with filesystem.open_output_stream(name) as out:
        out.write(whole)


# -- exactly once -------------------------------------------------------------------------------------


def test_commits_that_race_lose_nothing(cloud: Workspace) -> None:
    """Straight at the Delta log, without the plant's locks: the bucket's conditional puts keep it right."""
    staged = {number: stage(cloud, number, "measurement", rows=3) for number in range(20)}
    schema, place = cloud.lake.schema("measurement"), cloud.lake.place / "measurement"
    for files in staged.values():
        place.take({file.path: cloud.lake.staged_path("measurement", file) for file in files})
    outcomes: list[bool] = []
    failures: list[StoreError] = []
    start = threading.Barrier(4)

    def race(numbers: range) -> None:
        table = LakeTable(place)
        start.wait()
        try:
            outcomes.extend(table.commit(staged[number], schema, key(number)) for number in numbers)
        except StoreError as error:
            failures.append(error)

    writers = [threading.Thread(target=race, args=(range(n, 20, 4),)) for n in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failures
    assert outcomes == [True] * 20
    rows = content(cloud, "measurement")
    assert sorted((row["epoch"], row["seq"]) for row in rows) == sorted(
        (f"load-{number}", seq) for number in range(20) for seq in range(3)
    )
    assert not LakeTable(place).commit(staged[0], schema, key(0))


@pytest.mark.parametrize("point", ["between two kinds' files", "between two kinds' commits"])
def test_a_killed_load_is_healed_by_running_it_again(cloud: Workspace, point: str) -> None:
    command = [sys.executable, str(LOADER), str(cloud.path), "1", point]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    seen = {len(content(cloud, kind)) for kind in ROWS}
    assert seen in ({0}, {50}), "a reader saw half a load"
    assert {cloud.lake.committed(kind, key(1)) for kind in ROWS} == {seen == {50}}
    assert load(cloud, 1) == (seen == {0})
    assert [len(content(cloud, kind)) for kind in ROWS] == [50, 50]
    assert not list(cloud.spool.glob("commits/*"))


def test_a_staged_file_that_is_gone_is_not_committed(cloud: Workspace) -> None:
    files = stage(cloud, 1, "measurement")
    with pytest.raises(StoreError, match="of the load 'line-1/load-1' is gone"):
        LakeTable(cloud.lake.place / "measurement").commit(files, cloud.lake.schema("measurement"), key(1))
    assert load(cloud, 1)


# -- backup -------------------------------------------------------------------------------------------


def test_a_backup_holds_the_bucket_and_restores_to_a_directory(cloud: Workspace, tmp_path: Path) -> None:
    load(cloud, 1)
    kept = cloud.objects.put(b"a picture")
    backup(cloud, tmp_path / "plant.tar")
    load(cloud, 2)
    restore(tmp_path / "plant.tar", tmp_path / "copy")
    with Workspace.open(tmp_path / "copy") as copy:
        assert (copy.config.lake, copy.config.objects) == ("", "")
        assert copy.lake.directory == tmp_path / "copy" / "lake"
        assert len(content(copy, "movement")) == 50
        assert content(copy, "measurement") == [
            row for row in content(cloud, "measurement") if row["epoch"] == "load-1"
        ]
        assert copy.objects.verify_all().checked == 1
        assert copy.objects.exists(kept.content)


def test_hot_rows_and_small_files_of_a_bucket(cloud: Workspace) -> None:
    for number in (1, 2):
        assert cloud.lake.hot.append("movement", ROWS["movement"](number, 6), key(number), recorded=RECORDED)
    assert cloud.lake.query("SELECT count(*) AS n FROM movement")["n"][0].as_py() == 12
    assert cloud.lake.hot.flush() == 12
    for number in range(3, 11):
        assert cloud.lake.commit("movement", stage(cloud, number, "movement", rows=1), load=key(number))
    before, files = content(cloud, "movement"), len(cloud.lake.files("movement"))
    assert compact(cloud.lake, "movement")
    assert len(cloud.lake.files("movement")) < files
    assert content(cloud, "movement") == before
    assert not cloud.lake.commit("movement", stage(cloud, 3, "movement", rows=1), load=key(3))


def test_a_plant_moves_into_a_bucket_by_copying_its_files(plant: Workspace, url: str) -> None:
    load(plant, 1)
    kept = plant.objects.put(b"a picture")
    for name, place in (("lake", plant.lake.place), ("objects", plant.objects.place)):
        Place.of(f"{url}/{name}").take({one.path: plant.path / name / one.path for one in place.files()})
    before = content(plant, "movement")
    settings = plant.config.model_copy(update={"lake": f"{url}/lake", "objects": f"{url}/objects"})
    (plant.path / "assay.toml").write_text(settings.to_toml(), encoding="utf-8")
    with Workspace.open(plant.path) as moved:
        assert moved.lake.place.url == f"{url}/lake"
        assert content(moved, "movement") == before
        assert not load(moved, 1)
        assert load(moved, 2)
        moved.objects.verify(kept.content)


# -- the place itself ---------------------------------------------------------------------------------


@pytest.mark.parametrize("remote", [False, True], ids=["directory", "bucket"])
def test_files_of_a_place(remote: bool, url: str, tmp_path: Path) -> None:
    place = Place.of(url if remote else tmp_path / "place")
    assert (place / "a" / "b").address("c") == f"{place}/a/b/c"
    assert list(place.files()) == []
    for path in ("a/one", "a/b/two", "three"):
        with place.writing(path) as out:
            out.write(path.encode())
        place.durable(path)
    assert [(found.path, found.size) for found in place.files()] == [
        ("a/b/two", 7),
        ("a/one", 5),
        ("three", 5),
    ]
    assert [found.path for found in place.files("a")] == ["a/b/two", "a/one"]
    assert place.exists("three")
    assert not place.exists("a")
    assert place.sizes(["three", "four"]) == {"three": 5}
    with place.reading("a/one") as source:
        assert source.read() == b"a/one"
    assert place.relative(place.address("a/one")) == "a/one"
    place.delete("three")
    place.delete("three")
    assert not place.exists("three")
    with pytest.raises(StoreError, match="three does not exist"):
        place.reading("three")
    local = tmp_path / "local"
    local.write_bytes(b"x" * 100_000)
    place.take({"taken": local})
    assert place.sizes(["taken"]) == {"taken": 100_000}
    assert (place.storage_options() is None) == (not remote)


def test_a_lake_in_a_bucket_is_no_directory(cloud: Workspace) -> None:
    with pytest.raises(StoreError, match="is not a directory"):
        _ = cloud.lake.directory


@pytest.mark.parametrize(
    "where",
    [
        "s3://",
        "s3://plants",
        "s3://Plants/lake",
        "s3://plants/../lake",
        "s3://plants/a b",
        "s3://key:plant-secret-of-the-tests@plants/lake",
        "gs://plants/lake",
        "https://plants/lake",
    ],
)
def test_what_is_no_place(store: Store, where: str) -> None:
    with pytest.raises(StoreError, match="place") as refused:
        Place.of(where)
    assert SECRET not in str(refused.value)


def test_what_opens_a_bucket_comes_from_the_environment(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(StoreError, match="AWS_SECRET_ACCESS_KEY is not set"):
        Place.of("s3://plants/lake")
    with pytest.raises(StoreError, match="AWS_SECRET_ACCESS_KEY is not set"):
        Workspace.create(tmp_path / "none", lake="s3://plants/lake")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("AWS_ALLOW_HTTP", "", "begins with http"),
        ("AWS_ENDPOINT_URL", "store.plant.example:9000", "not the address of a store"),
        ("AWS_ENDPOINT_URL", f"http://{KEY}:{SECRET}@127.0.0.1", "not the address of a store"),
    ],
)
def test_a_wrong_endpoint_is_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(StoreError, match=said) as refused:
        Place.of("s3://plants/lake")
    assert SECRET not in str(refused.value)


def _every_door(workspace: Workspace, number: int, *, slow: bool = False) -> dict[str, BaseException]:
    """What each way into the bucket raises."""
    doors = {
        "version": lambda: workspace.lake.version("measurement"),
        "load": lambda: load(workspace, number),
        "query": lambda: workspace.lake.query("SELECT count(*) FROM measurement"),
        "put": lambda: workspace.objects.put(b"bytes"),
        "exists": lambda: workspace.objects.exists("sha256:" + "0" * 64),
        "verify_all": workspace.objects.verify_all,
        "backup": lambda: backup(workspace, workspace.path.parent / "failed.tar"),
    }
    if slow:  # each waits for its tries
        doors = {name: doors[name] for name in ("version", "query", "put")}
    raised = {}
    for name, door in doors.items():
        with pytest.raises(StoreError) as refused:
            door()
        raised[name] = refused.value
    return raised


def _hidden(error: BaseException | None) -> bool:
    """Whether no key shows in an error or in what is shown with it."""
    while error is not None:
        if KEY in str(error) or SECRET in str(error):
            return False
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return True


def test_a_bucket_that_is_not_there(store: Store, tmp_path: Path) -> None:
    places = {"lake": "s3://no-such-bucket/lake", "objects": "s3://no-such-bucket/objects"}
    with Workspace.create(tmp_path / "plant", **places) as workspace:
        for name, error in _every_door(workspace, 1).items():
            assert "there is no bucket 'no-such-bucket'" in str(error), name
            assert _hidden(error), name


def test_wrong_keys(cloud: Workspace, store: Store) -> None:
    load(cloud, 1)
    store.refuse_keys(True)
    try:
        raised = _every_door(cloud, 2)
    finally:
        store.refuse_keys(False)
    for name, error in raised.items():
        assert "refuses the keys" in str(error), name
        assert _hidden(error), name
    assert load(cloud, 2), "the load goes through when the keys are right again"


def test_a_store_that_does_not_answer(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    places = {"lake": "s3://plants/lake", "objects": "s3://plants/objects"}
    with Workspace.create(tmp_path / "plant", **places) as workspace:
        for name, error in _every_door(workspace, 1, slow=True).items():
            assert "http://127.0.0.1:9 does not answer" in str(error), name
            assert _hidden(error), name


def test_the_command_line_makes_a_plant_with_places(store: Store, url: str, tmp_path: Path) -> None:
    directory = tmp_path / "plant"
    places = ["--lake", f"{url}/lake", "--objects", str(tmp_path / "kept")]
    assert run(["init", str(directory), *places]) == 0
    with Workspace.open(directory) as workspace:
        assert load(workspace, 1)
        assert workspace.lake.files("movement")[0].startswith(f"{url}/lake/")
        assert workspace.objects.put(b"kept").size == 4
    assert not (directory / "lake").exists()
    assert len([path for path in (tmp_path / "kept").rglob("*") if path.is_file()]) == 1


def test_settings_hold_no_keys(cloud: Workspace) -> None:
    load(cloud, 1)
    text = (cloud.path / "assay.toml").read_text() + repr(cloud.lake.place) + repr(vars(cloud.lake.place))
    assert os.environ["AWS_ACCESS_KEY_ID"] not in text
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in text
