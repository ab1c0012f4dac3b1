"""Recalls and traces over ten million movements, beside the recursive CTEs of PostgreSQL and SQLite.

The same movements go into a plant's lake and into a table of edges in each database, with the ids as numbers
there, both covering indexes, and a table of names. Every contestant is given the id of a thing and answers
with the ids of all units reached, the quantity of each and its confidence, following only movements that are
sure enough. The answers are the same, or the benchmark fails.
"""

from __future__ import annotations

import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.analyse.recall import Recall, recall
from assay.analyse.through import Through
from assay.model.errors import StoreError
from assay.model.kinds import RecordKind
from assay.query.genealogy import index_of
from assay.store.keys import LoadKey
from assay.store.workspace import Workspace
from benchmarks.figures import Figure

EDGES = 10_000_000
MANY = 100_000_000
CAMPAIGN = 100_000
"""Executions of one campaign: nothing goes from one into another, so that a recall ends."""
APPENDED = 10_000
RECALLED = 100_000
"""A recall has to reach at least so many units."""
LEAST = 0.5
"""Movements that are less sure are not followed."""
_PIECE = 250_000
_SEGMENTS, _MACHINES = 20, 60
_START = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1e6)
_SECOND = 1_000_000

Asked = Callable[[str, bool], list[tuple[str, float, float]]]


@dataclass(frozen=True)
class Piece:
    """Movements of some executions: the numbers of executions and subjects, and whether they go in."""

    execution: NDArray[np.int64]
    subject: NDArray[np.int64]
    is_input: NDArray[np.bool_]
    quantity: NDArray[np.float64]
    confidence: NDArray[np.float64]


def pieces(edges: int, *, seed: int = 3) -> Iterator[Piece]:
    """Executions that consume two earlier units of their campaign and produce two: four movements each.

    One movement in fifty is inferred, and half of those are less sure than :data:`LEAST`. Numbers are places
    in time; :func:`names` shuffles them.
    """
    rng = np.random.default_rng(seed)
    executions = edges // 4
    for first in range(0, executions, _PIECE):
        step = np.arange(first, min(first + _PIECE, executions))
        begun = step // CAMPAIGN * CAMPAIGN
        earlier = 2 * step[:, None] - 1 - rng.integers(0, 60, (len(step), 2))
        subject = np.concatenate(
            [np.maximum(2 * begun[:, None], earlier), 2 * step[:, None], 2 * step[:, None] + 1], axis=1
        )
        count = 4 * len(step)
        sure = np.ones(count)
        doubtful = rng.random(count) < 0.02
        sure[doubtful] = np.where(rng.random(int(doubtful.sum())) < 0.5, 0.3, 0.8)
        sure.reshape(-1, 4)[:, 2:] = 1.0
        yield Piece(
            np.repeat(step, 4),
            subject.ravel(),
            np.tile([True, True, False, False], len(step)),
            np.round(rng.random(count), 3),
            sure,
        )


def names(numbers: NDArray[np.int64], of: int, letter: str) -> pa.Array:
    """Ids that say nothing of the order: numbers shuffled by a multiplication modulo a prime."""
    prime = next(p for p in _PRIMES if p > of)
    shuffled = pc.utf8_lpad(pa.array((numbers + 1) * 7_368_787 % prime).cast(pa.string()), 9, "0")
    return pc.binary_join_element_wise(letter, shuffled, "-")


_PRIMES = (100_003, 1_000_003, 10_000_019, 100_000_007)


def run(
    *, repeats: int = 5, scale: float = 1.0, progress: Callable[[float, str], None] | None = None
) -> list[Figure]:
    """All figures of the genealogy; at full scale the load of a hundred million movements too.

    Raises
    ------
    StoreError
        There is no PostgreSQL to ask.
    """
    told = progress or (lambda done, what: None)
    edges = max(round(EDGES * scale) // 4 * 4, 8 * CAMPAIGN)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        path = Path(folder) / "plant"
        told(0.0, f"writing {edges:,} movements")
        fill(path, edges)
        told(0.1, "loading them in a new process")
        figures += _loads(path, edges, repeats)
        with (
            Workspace.open(path) as workspace,
            _sqlite(Path(folder) / "edges.db", edges, told) as small,
            _postgresql(edges, told) as large,
        ):
            figures += _walks(workspace, {"PostgreSQL": large, "SQLite": small}, edges, repeats, told)
            figures.append(_appended(workspace, edges, repeats))
        if scale == 1.0:
            told(0.9, f"loading {MANY:,} movements")
            fill(Path(folder) / "many", MANY)
            figures += _loads(Path(folder) / "many", MANY, 1)
    return figures


# -- the plant ------------------------------------------------------------------------------------


def fill(path: Path, edges: int) -> None:
    """A plant with these movements in its lake."""
    load = LoadKey("bench", "1")
    with Workspace.create(path) as workspace:
        writer = workspace.lake.stage(RecordKind.MOVEMENT, load=load, recorded=datetime.now(UTC))
        with writer:
            done = 0
            for piece in pieces(edges):
                writer.write(movements(piece, edges, done))
                done += len(piece.subject)
            files = writer.finish()
        workspace.lake.commit(RecordKind.MOVEMENT, files, load=load)


def movements(piece: Piece, edges: int, first: int) -> pa.Table:
    """The rows of a piece as the lake takes them, numbered from ``first``."""
    count = len(piece.subject)
    moment = _START + piece.execution * 2 * _SECOND
    segment = (piece.execution % _SEGMENTS).astype(np.int32)
    machine = (piece.execution % _MACHINES).astype(np.int32)
    stamp = pa.timestamp("us", tz="UTC")
    hashes = np.arange(first, first + count)

    def words(codes: Any, spoken: list[str]) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), spoken)

    inferred = piece.confidence < 1
    return pa.table(
        {
            "seq": hashes,
            "time": pa.array(moment).cast(stamp),
            "execution": names(piece.execution, edges, "E"),
            "role": words(~piece.is_input, ["consumed", "produced"]),
            "subject": names(piece.subject, edges, "U"),
            "subject_kind": words(np.zeros(count), ["unit"]),
            "quantity": piece.quantity,
            "unit": words(np.zeros(count), ["kg"]),
            "segment": words(segment, [f"OP{n:02}" for n in range(_SEGMENTS)]),
            "equipment": words(machine, [f"M{n:02}" for n in range(_MACHINES)]),
            "started": pa.array(moment).cast(stamp),
            "ended": pa.array(moment + 60 * _SECOND).cast(stamp),
            "confidence": pa.array(piece.confidence, mask=~inferred),
            "key_hash": hashes,
            "content_hash": hashes,
        }
    )


_LOADING = """
import sys, time
from benchmarks.figures import peak_gib
from assay.store.workspace import Workspace
from assay.query.genealogy import index_of
import pyarrow as pa
from assay.genealogy import Index
# Compiled functions come from their cache, as in any process but the first.
Index.build(pa.table({name: ["a"] for name in ("execution", "subject", "segment")}
                     | {"role": ["consumed"], "subject_kind": ["unit"]}))
with Workspace.open(sys.argv[1]) as workspace:
    workspace.lake.snapshot()
    before, began = peak_gib(), time.perf_counter()
    index_of(workspace)
    print(time.perf_counter() - began, peak_gib() - before, peak_gib())
"""


def _loads(path: Path, edges: int, repeats: int) -> list[Figure]:
    runs = []
    for _ in range(repeats):
        answer = subprocess.run(
            [sys.executable, "-c", _LOADING, str(path)],
            cwd=Path(__file__).resolve().parents[1],
            capture_output=True,
            text=True,
            check=True,
        )
        runs.append(tuple(float(one) for one in answer.stdout.split()))
    seconds, grown, whole = (sorted(column) for column in zip(*runs, strict=True))
    has_target = edges <= EDGES
    return [
        Figure(
            name=f"genealogy: load of {edges:,} movements from the lake",
            value=statistics.median(seconds),
            unit="s",
            peer=None,
            ratio=None,
            spread=f"{seconds[0]:.2f} to {seconds[-1]:.2f}, {repeats} new processes",
            target="at most 5 s" if has_target else None,
            met=statistics.median(seconds) <= 5 if has_target else None,
        ),
        Figure(
            name=f"genealogy: memory of {edges:,} movements, peak of the load",
            value=max(grown),
            unit="GiB",
            peer=None,
            ratio=None,
            spread=f"{grown[0]:.2f} to {grown[-1]:.2f}; the whole process {max(whole):.2f}",
            target="at most 1 GiB" if has_target else None,
            met=max(grown) <= 1 if has_target else None,
        ),
    ]


# -- walks ----------------------------------------------------------------------------------------


def _walks(
    workspace: Workspace,
    peers: dict[str, Asked],
    edges: int,
    repeats: int,
    told: Callable[[float, str], None],
) -> list[Figure]:
    index_of(workspace)
    mine = ours(workspace)
    executions = edges // 4
    begun = (executions // CAMPAIGN - 1) // 2 * CAMPAIGN
    forth = _name(2 * (begun + 300), edges)
    back, young = (_name(2 * (begun + step), edges) for step in (CAMPAIGN // 2, 400))
    figures = []
    for title, name, forward, least in (
        ("recall", forth, True, {"PostgreSQL": 15.0, "SQLite": 10.0}),
        ("backward of one unit", back, False, {"PostgreSQL": 10.0, "SQLite": 10.0}),
        ("backward of one unit made of little", young, False, {}),
    ):
        expected = mine(name, forward)
        if forward and edges >= EDGES:
            assert len(expected) >= RECALLED, f"a recall of {len(expected):,} units is too small"
        for peer, ask in peers.items():
            assert _alike(ask(name, forward), expected, name), f"{peer} gives another {title}"
        times: dict[str, list[float]] = {"": [], **{peer: [] for peer in peers}}
        for turn in range(repeats):
            told(0.5 + 0.3 * turn / repeats, f"{title}, {turn + 1} of {repeats}")
            for peer, ask in (("", mine), *peers.items()):
                began = time.perf_counter()
                ask(name, forward)
                times[peer].append(time.perf_counter() - began)
        for peer in peers:
            ratios = sorted(a / b for a, b in zip(times[peer], times[""], strict=True))
            ratio = statistics.median(ratios)
            figures.append(
                Figure(
                    name=f"genealogy: {title}, {len(expected):,} units of {edges:,} movements, {peer}",
                    value=statistics.median(times[""]) * 1000,
                    unit="ms",
                    peer=f"{peer}: {statistics.median(times[peer]) * 1000:,.1f} ms",
                    ratio=ratio,
                    spread=f"ratio {ratios[0]:.1f} to {ratios[-1]:.1f}, {repeats} rounds",
                    target=f"at least {least[peer]:g} x faster" if peer in least else None,
                    met=ratio >= least[peer] if peer in least else None,
                )
            )
    return figures


def _name(number: int, edges: int) -> str:
    return str(names(np.array([number]), edges, "U")[0].as_py())


def _alike(one: list[tuple[str, float, float]], other: list[tuple[str, float, float]], root: str) -> bool:
    """The same units with the same quantities; what came to the root itself is no part of a recall."""
    mine, theirs = (sorted((i, i != root and round(q, 6)) for i, q, _ in rows) for rows in (one, other))
    return mine == theirs


def ours(workspace: Workspace) -> Asked:
    """Asks Assay for all units that one thing went into, or was made from."""

    def ask(name: str, forward: bool) -> list[tuple[str, float, float]]:
        return rows_of(
            recall(
                workspace,
                f"unit:{name}",
                "forward" if forward else "back",
                kinds=("unit",),
                through=Through(least_confidence=LEAST),
            )
        )

    return ask


def rows_of(found: Recall) -> list[tuple[str, float, float]]:
    """Id, quantity and confidence of each node, as the databases' drivers give them too."""
    columns = [found.nodes.column(name).fill_null(0.0) for name in ("quantity", "confidence")]
    ids = found.nodes.column("id").to_pylist()
    return list(zip(ids, *(column.to_numpy().tolist() for column in columns), strict=True))


def _appended(workspace: Workspace, edges: int, repeats: int) -> Figure:
    """From the acknowledgement of new movements to a trace that shows the last of them."""
    times = []
    for turn in range(repeats + 1):
        step = np.arange(edges // 4, edges // 4 + APPENDED // 4) + turn * APPENDED
        piece = Piece(
            np.repeat(step, 4),
            (2 * np.repeat(step, 4) + np.tile([-2, -1, 0, 1], len(step))),
            np.tile([True, True, False, False], len(step)),
            np.ones(4 * len(step)),
            np.ones(4 * len(step)),
        )
        rows = movements(piece, edges, 0)
        workspace.lake.hot.append(RecordKind.MOVEMENT, rows, LoadKey("bench", f"hot-{turn}"))
        last = _name(int(piece.subject[-1]), edges)
        began = time.perf_counter()
        found = recall(workspace, f"unit:{last}", "back")
        times.append(time.perf_counter() - began)
        assert found.nodes.num_rows > APPENDED // 4, "what was appended is in the trace"
    times = sorted(times[1:])
    median = statistics.median(times)
    return Figure(
        name=f"genealogy: {APPENDED:,} appended movements visible in a trace back through all of them",
        value=median * 1000,
        unit="ms",
        peer=None,
        ratio=None,
        spread=f"{times[0] * 1000:.0f} to {times[-1] * 1000:.0f} ms, {repeats} rounds",
        target="at most 100 ms",
        met=median <= 0.1,
    )


# -- the databases --------------------------------------------------------------------------------

_COLUMNS = "tail, head, quantity, confidence"


def _edges(piece: Piece) -> Iterator[NDArray[Any]]:
    """Tail and head: a subject by twice its number, an execution by twice its number and one."""
    subject, execution = 2 * piece.subject, 2 * piece.execution + 1
    yield np.where(piece.is_input, subject, execution)
    yield np.where(piece.is_input, execution, subject)


def _shuffled(numbers: NDArray[np.int64], edges: int) -> NDArray[np.int64]:
    """The numbers by which the databases know nodes: as little in order as the names."""
    prime = next(p for p in (*_PRIMES, 1_000_000_007) if p > 2 * edges + 2)
    return (numbers + 1) * 7_368_787 % prime


def _question(mark: str, *, forward: bool) -> str:
    """Everything reached from a name: id, quantity of what came to each unit, and how sure that is."""
    near, far = ("tail", "head") if forward else ("head", "tail")
    return (
        "WITH RECURSIVE reached(node) AS (\n"
        f"SELECT node FROM name WHERE id = {mark}\n"
        f"UNION SELECT e.{far} FROM reached r JOIN edge e ON e.{near} = r.node\n"
        f"WHERE e.confidence >= {LEAST})\n"
        "SELECT n.id, coalesce(sum(e.quantity), 0), coalesce(max(e.confidence), 1)\n"
        "FROM reached r JOIN name n ON n.node = r.node AND n.unit = 1\n"
        f"LEFT JOIN edge e ON e.head = r.node AND e.confidence >= {LEAST}\n"
        "GROUP BY n.node, n.id"
    )


def _rows(edges: int) -> Iterator[tuple[list[NDArray[Any]], list[tuple[Any, ...]]]]:
    """Columns of the edges of each piece, and the names that come with it."""
    for piece in pieces(edges):
        tail, head = _edges(piece)
        columns = [_shuffled(tail, edges), _shuffled(head, edges), piece.quantity, piece.confidence]
        units = np.unique(piece.subject[~piece.is_input])
        steps = np.unique(piece.execution)
        named = [
            *zip(
                _shuffled(2 * units, edges).tolist(),
                names(units, edges, "U").to_pylist(),
                [1] * len(units),
                strict=True,
            ),
            *zip(
                _shuffled(2 * steps + 1, edges).tolist(),
                names(steps, edges, "E").to_pylist(),
                [0] * len(steps),
                strict=True,
            ),
        ]
        yield columns, named


@contextmanager
def _sqlite(path: Path, edges: int, told: Callable[[float, str], None]) -> Iterator[Asked]:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        database.execute("PRAGMA cache_size = -2000000")
        database.execute("CREATE TABLE edge (tail INTEGER, head INTEGER, quantity REAL, confidence REAL)")
        database.execute("CREATE TABLE name (node INTEGER PRIMARY KEY, id TEXT, unit INTEGER)")
        told(0.2, "filling SQLite")
        database.execute("BEGIN")
        for columns, named in _rows(edges):
            rows = zip(*(column.tolist() for column in columns), strict=True)
            database.executemany("INSERT INTO edge VALUES (?, ?, ?, ?)", rows)
            database.executemany("INSERT INTO name VALUES (?, ?, ?)", named)
        database.execute("COMMIT")
        database.execute("CREATE INDEX ahead ON edge (tail, head, quantity, confidence)")
        database.execute("CREATE INDEX behind ON edge (head, tail, quantity, confidence)")
        database.execute("CREATE UNIQUE INDEX named ON name (id)")
        database.execute("ANALYZE")

        def ask(name: str, forward: bool) -> list[tuple[str, float, float]]:
            return database.execute(_question("?", forward=forward), (name,)).fetchall()

        yield ask


@contextmanager
def _postgresql(edges: int, told: Callable[[float, str], None]) -> Iterator[Asked]:
    schema = f"assay_bench_{uuid.uuid4().hex[:12]}"
    host = os.environ.get("PGHOST", "127.0.0.1")
    user = os.environ.get("PGUSER", "root")
    try:
        connection = psycopg.connect(host=host, user=user, dbname="test", autocommit=True)
    except psycopg.OperationalError as error:
        raise StoreError(f"no PostgreSQL answers at {host}", hint="Start one, or set PGHOST.") from error
    with connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {schema}")
        try:
            told(0.35, "filling PostgreSQL")
            cursor.execute(f"SET search_path TO {schema}")
            cursor.execute("SET work_mem = '512MB'")
            cursor.execute("SET maintenance_work_mem = '1GB'")
            cursor.execute(
                "CREATE UNLOGGED TABLE edge "
                "(tail bigint, head bigint, quantity double precision, confidence double precision)"
            )
            cursor.execute("CREATE UNLOGGED TABLE name (node bigint, id text, unit smallint)")
            for columns, named in _rows(edges):
                with cursor.copy(f"COPY edge ({_COLUMNS}) FROM STDIN") as copy:
                    rows = zip(*(column.tolist() for column in columns), strict=True)
                    copy.write("".join(f"{a}\t{b}\t{c}\t{d}\n" for a, b, c, d in rows))
                with cursor.copy("COPY name FROM STDIN") as copy:
                    copy.write("".join(f"{a}\t{b}\t{c}\n" for a, b, c in named))
            cursor.execute("CREATE INDEX ON edge (tail) INCLUDE (head, quantity, confidence)")
            cursor.execute("CREATE INDEX ON edge (head) INCLUDE (tail, quantity, confidence)")
            cursor.execute("CREATE UNIQUE INDEX ON name (node) INCLUDE (id, unit)")
            cursor.execute("CREATE UNIQUE INDEX ON name (id) INCLUDE (node)")
            cursor.execute("VACUUM ANALYZE edge")
            cursor.execute("VACUUM ANALYZE name")

            def ask(name: str, forward: bool) -> list[tuple[str, float, float]]:
                return cursor.execute(_question("%s", forward=forward), (name,)).fetchall()

            yield ask
        finally:
            cursor.execute(f"DROP SCHEMA {schema} CASCADE")
