"""The hot buffer: rows are durable and visible at once in every process, and join the tables once."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_rows import RECORDED, STREAM, append, content, key, load, measurements, movements

from assay.model.attributes import Attribute
from assay.model.errors import StoreError
from assay.query.engines.registry import engine_of
from assay.query.program import Limits
from assay.store import Workspace, hot
from assay.store.compaction import compact
from assay.store.delta import LakeTable
from assay.store.hot import Flusher, HotBuffer, HotBufferFull
from assay.store.lake import Lake
from assay.store.policies import HotPolicy, LakePolicies, TablePolicy
from assay.store.remains import Remains


def test_an_append_is_visible_at_once_in_every_process_and_only_once(plant: Workspace) -> None:
    load(plant, 1, rows=10)
    assert append(plant, 2)
    assert not append(plant, 2)
    assert not append(plant, 1), "the load is in the table already"
    program = (
        "import sys; from assay.store import Workspace\n"
        "with Workspace.open(sys.argv[1]) as w:\n"
        "    print(w.lake.query('SELECT count(*) AS n, min(date) AS d FROM movement').to_pylist())"
    )
    other = subprocess.run(
        [sys.executable, "-c", program, str(plant.path)], capture_output=True, text=True, check=True
    )
    assert "'n': 18, 'd': datetime.date(2026, 1, 1)" in other.stdout
    unit = plant.lake.query("SELECT count(*) AS n FROM unit WHERE id LIKE 'U-2-%'")
    assert unit["n"].to_pylist() == [8], "derived views see hot rows too"


def test_no_join_reads_rows_through_a_scan_of_arrow(plant: Workspace) -> None:
    """DuckDB 1.5 may push a join's Bloom filter into such a scan, which refuses it: the question fails."""
    load(plant, 1, rows=10)
    append(plant, 2)
    with closing(engine_of(plant, "").open(plant.lake.snapshot(), Limits())) as session:
        session.register("wanted", pa.table({"subject": ["U-2-1", "U-1-1"]}))
        session.register("wanted", pa.table({"subject": ["U-2-1", "U-1-2"]}))
        for joined in ("movement AS m", "unit AS u"):
            key = "m.subject" if joined[0] == "m" else "u.id"
            [plan] = (
                session.arrow(f"EXPLAIN SELECT * FROM {joined}, wanted AS w WHERE w.subject = {key}")
                .column("explain_value")
                .to_pylist()
            )
            assert "ARROW_SCAN" not in plan
            assert "SEQ_SCAN" in plan or "TABLE_SCAN" in plan.replace(" ", "_")
        assert session.count("wanted") == 2


def test_hot_rows_are_the_same_before_and_after_the_flush(plant: Workspace) -> None:
    for number in range(5):
        append(plant, number)
    before, mark = content(plant, "movement"), plant.lake.mark()
    version = plant.lake.version("movement")
    assert plant.lake.hot.flush() == 40
    assert content(plant, "movement") == before
    assert plant.lake.mark() != mark
    assert plant.lake.version("movement") == version + 2, "one commit for five appends, after the table's own"
    assert plant.lake.hot.flush() == 0
    assert all(plant.lake.committed("movement", key(number)) for number in range(5))
    assert not append(plant, 3)
    assert not load_again(plant, 3)
    assert content(plant, "movement") == before


def test_hot_rows_have_the_columns_that_were_declared_since(plant: Workspace) -> None:
    append(plant, 1)
    assert "tray" not in plant.lake.query("SELECT * FROM movement").column_names
    plant.registry.declare_attributes([Attribute(kind="movement", name="tray", type="text", role="factor")])
    append(plant, 2)
    assert plant.lake.query("SELECT count(*) AS n, count(tray) AS t FROM movement").to_pylist() == [
        {"n": 16, "t": 0}
    ]


def test_a_load_of_many_appends_is_one_entry_of_the_log(plant: Workspace) -> None:
    for number in range(12):
        assert append(plant, number, load=STREAM)
        if number % 5 == 4:
            plant.lake.hot.flush()
    plant.lake.hot.flush()
    table = plant.lake.table("movement")
    commits = [table.commit_at(version) for version in range(table.version() + 1)]
    assert {name for commit in commits for name in commit.transactions} == {STREAM.transaction}
    assert [row["seq"] for row in content(plant, "movement")] == list(range(12 * 8))
    assert not append(plant, 11, load=STREAM)
    assert append(plant, 12, load=STREAM)


@given(
    sent=st.lists(st.tuples(st.integers(0, 30), st.integers(1, 12), st.booleans()), min_size=1, max_size=6)
)
@settings(deadline=None, max_examples=12)
def test_rows_sent_again_in_other_pieces_count_once(
    tmp_path_factory: pytest.TempPathFactory, sent: list[tuple[int, int, bool]]
) -> None:
    """A sender that died goes on at any place it had reached, with pieces of any length."""
    every = movements(1, 80)
    with Workspace.create(tmp_path_factory.mktemp("again") / "plant") as plant:
        reached = 0
        for back, rows, flush in sent:
            start = max(0, reached - back)
            new = plant.lake.hot.append("movement", every.slice(start, rows), STREAM, recorded=RECORDED)
            assert new == (start + rows > reached)
            reached = max(reached, start + rows)
            if flush:
                plant.lake.hot.flush()
            assert [row["seq"] for row in content(plant, "movement")] == list(range(reached))


def test_two_senders_of_the_same_rows_add_them_once(plant: Workspace) -> None:
    def send(number: int) -> bool:
        return append(plant, number // 4, load=STREAM)

    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(send, range(24)))
    seqs = [row["seq"] for row in content(plant, "movement")]
    assert len(seqs) == len(set(seqs))
    assert sum(taken) == len(plant.lake.hot.waiting("movement"))
    assert seqs[-1] == 6 * 8 - 1


def test_appends_are_flushed_in_their_order_also_when_the_clock_was_put_back(
    plant: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    present = hot.now
    append(plant, 0, load=STREAM)
    monkeypatch.setattr(hot, "now", lambda: present() - timedelta(hours=1))
    append(plant, 1, load=STREAM)
    monkeypatch.undo()
    assert [one.first for one in plant.lake.hot.waiting("movement")] == [0, 8]
    plant.lake.hot.flush()
    assert [row["seq"] for row in content(plant, "movement")] == list(range(16))


def test_rows_are_numbered_from_nought(plant: Workspace) -> None:
    rows = movements(1, 4)
    rows = rows.set_column(0, "seq", pa.array([-1, 0, 1, 2]))
    with pytest.raises(StoreError, match="with the seq -1"):
        plant.lake.hot.append("movement", rows, STREAM, recorded=RECORDED)


def load_again(plant: Workspace, number: int) -> bool:
    with plant.lake.stage("movement", load=key(number), recorded=RECORDED) as writer:
        writer.write(movements(number, 8))
    return plant.lake.commit("movement", writer.finish(), load=key(number))


def test_a_flush_that_died_before_it_removed_its_appends_counts_once(
    plant: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(plant, 1)
    monkeypatch.setattr(HotBuffer, "forget", lambda *_: None)
    plant.lake.commit_hot("movement", plant.lake.hot_rows("movement"), until=datetime.now(UTC))
    monkeypatch.undo()
    assert len(plant.lake.hot.waiting("movement")) == 1
    assert len(content(plant, "movement")) == 8
    assert plant.lake.hot_rows("movement") == []
    plant.lake.hot.flush()
    assert plant.lake.hot.waiting("movement") == []
    assert len(content(plant, "movement")) == 8


def test_the_files_of_a_killed_flush_stay_when_they_were_merged_before_the_next_one(
    plant: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant.lake.policies = LakePolicies(every=TablePolicy(small_files=2))
    load(plant, 1, rows=10)
    append(plant, 2)
    monkeypatch.setattr(Remains, "_remove", lambda *_: None)  # killed just before
    plant.lake.hot.flush()
    monkeypatch.undo()
    snapshot = plant.lake.snapshot()
    flushed = {path for path in snapshot.files["movement"] if "/many-" in path}
    assert flushed
    compact(plant.lake, "movement")
    assert not flushed & set(plant.lake.files("movement"))
    append(plant, 3)
    plant.lake.hot.flush()
    assert all(Path(path).exists() for path in flushed), "a reader's snapshot and the past name them"
    with closing(plant.lake.connect(snapshot)) as connection:
        assert connection.execute("SELECT count(*) FROM movement").fetchall() == [(18,)]
    assert len(content(plant, "movement")) == 26


def test_the_files_of_a_flush_that_never_was_committed_are_removed_by_the_next(
    plant: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(plant, 1)

    def killed(*_: object, **__: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(LakeTable, "commit", killed)
    with pytest.raises(KeyboardInterrupt):
        plant.lake.commit_hot("movement", plant.lake.hot_rows("movement"), until=datetime.now(UTC))
    monkeypatch.undo()
    left = set((plant.path / "lake" / "movement").glob("date=*/*.parquet"))
    assert left
    append(plant, 2)
    plant.lake.hot.flush()
    there = set((plant.path / "lake" / "movement").glob("date=*/*.parquet"))
    assert there == {Path(path) for path in plant.lake.files("movement")}
    assert not there & left


def test_a_load_that_commits_an_appends_rows_during_its_flush_wins(
    plant: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(plant, 1)
    append(plant, 2)
    send = Lake._send

    def overtaken(self: Lake, *args: object) -> None:
        monkeypatch.setattr(Lake, "_send", send)
        assert load_again(plant, 1)
        send(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Lake, "_send", overtaken)
    plant.lake.hot.flush()
    plant.lake.hot.flush()
    rows = [(row["epoch"], row["seq"]) for row in content(plant, "movement")]
    assert rows == [(f"load-{n}", seq) for n in (1, 2) for seq in range(8)]
    assert plant.lake.hot.waiting("movement") == []


def test_a_full_buffer_refuses_and_drops_nothing(plant: Workspace) -> None:
    append(plant, 0)
    (first,) = plant.lake.hot.waiting("movement")
    plant.lake.hot.policy = HotPolicy(limit_megabytes=2.5 * first.size / 1e6)
    append(plant, 1)
    with pytest.raises(HotBufferFull, match="refused"):
        append(plant, 2)
    assert len(content(plant, "movement")) == 16
    plant.lake.hot.flush()
    assert append(plant, 2)


def test_rows_of_another_load_and_unknown_columns_are_refused(plant: Workspace) -> None:
    rows = movements(1, 4)
    with pytest.raises(StoreError, match="of the epoch 'other' and appended as 'load-1'"):
        plant.lake.hot.append("movement", rows.append_column("epoch", pa.array(["other"] * 4)), key(1))
    with pytest.raises(StoreError, match="has no column 'valeu'"):
        plant.lake.hot.append("movement", rows.append_column("valeu", pa.array([1.0] * 4)), key(1))
    assert content(plant, "movement") == []
    assert not list((plant.spool / "hot").rglob("*unfinished*"))


def test_a_damaged_append_is_named(plant: Workspace) -> None:
    append(plant, 1)
    (file,) = plant.lake.hot.waiting("movement")
    file.path.write_bytes(file.path.read_bytes()[:200])
    with Workspace.open(plant.path) as again, pytest.raises(StoreError, match="hot buffer is damaged"):
        content(again, "movement")


def test_rows_without_a_time_keep_their_date_through_a_flush(plant: Workspace) -> None:
    rows = movements(1, 4).drop_columns(["time", "started"])
    for number, day in ((1, 0), (2, 0), (3, 1)):
        recorded = RECORDED + timedelta(days=day)
        plant.lake.hot.append("movement", rows, key(number), recorded=recorded)
    ask = "SELECT epoch, date FROM movement ORDER BY epoch, seq"
    before = plant.lake.query(ask).to_pylist()
    assert {str(row["date"]) for row in before} == {"2026-03-01", "2026-03-02"}
    plant.lake.hot.flush()
    assert plant.lake.query(ask).to_pylist() == before


def test_a_file_load_compares_with_hot_rows(plant: Workspace, tmp_path: Path) -> None:
    from assay.connect.load import load_file

    file = tmp_path / "a.csv"
    file.write_text("unit,length\nU-1,1.5\n")
    mapping = tmp_path / "m.yaml"
    mapping.write_text("version: 1\nsource: gauge\nwide: {subject: unit, values: {length: length}}\n")
    append(plant, 1)
    load_file(plant, file, mapping)
    assert plant.lake.hot.waiting("movement") == []


def test_the_flusher_follows_the_policy_and_says_what_went_wrong(plant: Workspace) -> None:
    plant.lake.hot.policy = HotPolicy(seconds=3600, rows=20)
    append(plant, 1)
    assert not plant.lake.hot.due()
    append(plant, 2)
    append(plant, 3)
    assert plant.lake.hot.due()
    plant.lake.hot.policy = HotPolicy(seconds=0.05)
    with Flusher(plant.lake.hot) as flusher:
        plant.lake.hot.append("measurement", measurements(4, 6), key(4))
    assert flusher.error is None
    assert plant.lake.hot.waiting("movement") == plant.lake.hot.waiting("measurement") == []
    assert len(content(plant, "movement")) == 24
    assert len(content(plant, "measurement")) == 6


@given(steps=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["append", "load", "flush"])), max_size=7))
@settings(deadline=None, max_examples=12)
def test_any_order_of_appends_loads_and_flushes_gives_each_row_once(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, str]]
) -> None:
    with Workspace.create(tmp_path_factory.mktemp("any") / "plant") as plant:
        expected = set()
        for number, step in steps:
            if step == "flush":
                plant.lake.hot.flush()
                continue
            if step == "append":
                append(plant, number, rows=3)
            elif not any(one.load == key(number) for one in plant.lake.hot_rows("movement")):
                load(plant, number, rows=3)
            expected.add(number)
            rows = [(row["epoch"], row["seq"]) for row in content(plant, "movement")]
            assert rows == [(f"load-{n}", seq) for n in sorted(expected) for seq in range(3)]


def test_a_backup_has_hot_rows_too(plant: Workspace, tmp_path: Path) -> None:
    from assay.store.backup import backup, restore

    append(plant, 1)
    backup(plant, tmp_path / "plant.tar")
    restore(tmp_path / "plant.tar", tmp_path / "again")
    with Workspace.open(tmp_path / "again") as again:
        assert len(content(again, "movement")) == 8
