"""What an engine sets aside on disk belongs to one connection, and is taken away after it."""

from __future__ import annotations

import multiprocessing
import os
import threading
from pathlib import Path

import duckdb

from assay.store.scratch import scratch

ROWS = 1_500_000


def sort(spool: Path, seed: int, found: list[object]) -> None:
    """Sort 24 MB in 30 MB of memory, with other engines beside it, and look at every row."""
    config = {"temp_directory": str(scratch(spool)), "memory_limit": "30MB", "threads": "1"}
    sql = (
        "SELECT count(*), sum(i), bool_and(h >= before) FROM (SELECT i, h, lag(h, 1, 0) OVER () AS before\n"
        f"FROM (SELECT i, hash(i + {seed}) AS h FROM range({ROWS}) AS r(i) ORDER BY h))"
    )
    with duckdb.connect(":memory:", config=config) as connection:
        found.extend(connection.execute(sql).fetchall())


def test_engines_side_by_side_do_not_read_each_other_s_pages(tmp_path: Path) -> None:
    found: list[object] = []
    threads = [threading.Thread(target=sort, args=(tmp_path, seed, found)) for seed in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [(ROWS, ROWS * (ROWS - 1) // 2, True)] * 2
    assert not list((tmp_path / "scratch").iterdir())


def leave(spool: Path) -> None:
    place = scratch(spool)
    place.mkdir()
    (place / "duckdb_temp_storage_DEFAULT-0.tmp").write_bytes(b"left")


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    leave(tmp_path)  # of a process that still runs
    gone = multiprocessing.get_context("fork").Process(target=leave, args=(tmp_path,))
    gone.start()
    gone.join()
    elsewhere = tmp_path / "scratch" / f"another.host.{gone.pid}.abc"
    elsewhere.mkdir()
    assert len(list((tmp_path / "scratch").iterdir())) == 3
    scratch(tmp_path)
    left = sorted(path.name.split(".")[-2] for path in (tmp_path / "scratch").iterdir())
    assert left == sorted([str(os.getpid()), str(gone.pid)])
    assert elsewhere.exists()


def test_a_place_that_cant_be_written_is_no_matter_until_it_is_needed(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file where a directory should be")
    with duckdb.connect(
        ":memory:", config={"temp_directory": str(scratch(tmp_path / "spool"))}
    ) as connection:
        assert connection.execute("SELECT 1").fetchall() == [(1,)]
