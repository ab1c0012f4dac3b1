"""A question over 1 million rows in PostgreSQL and 10 million in the lake, beside fetching both sides.

The laboratory's results stay in PostgreSQL; the plant's records are Parquet files laid out like the lake's.
Two questions, one each way: the results of the units with one defect (keys of the lake go to the source),
and the stations of the units whose result is out of limits (the condition goes to the source). The peer
fetches the whole table with the same reader, reads the whole lake into Arrow and joins the two in the same
DuckDB. Both sides give the same answer, or the benchmark fails.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from assay.model.errors import StoreError
from assay.query.federation import Federation, federation
from assay.query.program import Condition, Fetch, Told
from assay.store.workspace import Workspace
from benchmarks.figures import Figure

SOURCE_ROWS = 1_000_000
LAKE_ROWS = 10_000_000
LEAST_FASTER, MOST_MOVED = 10.0, 1.1
POSTGRES = "postgresql+psycopg://127.0.0.1:5432/test"
_PIECE = 1_000_000
_DEFECTIVE = 0.0005
_LIMIT = 3.2  # standard deviations: about 0.07 % of the results are above

_MODEL = """\
sources:
  - name: lims
    url: env:ASSAY_BENCH_SOURCE
    timeout: 120
    tables:
      - name: lab
        table: {schema}.results
        kind: measurement
        fields: {{subject: serial, characteristic: test, value: figure, time: taken}}
        constants: {{subject_kind: unit}}
"""


@dataclass(frozen=True)
class Scene:
    """The plant's directory with its lake, and the laboratory beside it."""

    mes: Federation
    lake: Path
    source_rows: int
    lake_rows: int

    def sql(self, name: str = "lake") -> str:
        """The lake as a relation of DuckDB."""
        return f"read_parquet('{self.lake}/*.parquet') AS {name}"


@dataclass(frozen=True)
class Answer:
    """Rows of an answer, seconds, and what was moved from the source."""

    rows: list[tuple[Any, ...]]
    seconds: float
    moved: int
    statements: int


def federated(
    *, repeats: int = 5, scale: float = 1.0, progress: Callable[[float, str], None] | None = None
) -> list[Figure]:
    """Both questions, ``repeats`` times each in turn with their peer; speed and rows moved of each.

    Raises
    ------
    StoreError
        There is no PostgreSQL to ask.
    """
    told = progress or (lambda done, what: None)
    figures: list[Figure] = []
    told(0.0, "filling the database and the lake")
    with scene(round(SOURCE_ROWS * scale), round(LAKE_ROWS * scale)) as at:
        for place, (title, ours, peer) in enumerate(QUESTIONS):
            pairs = []
            for turn in range(repeats):
                told((1 + place * repeats + turn) / (1 + 2 * repeats), f"{title}, {turn + 1} of {repeats}")
                at.mes.invalidate()
                at.mes.schema("lims", "lab")
                pairs.append((peer(at), ours(at)))
                assert pairs[-1][0].rows == pairs[-1][1].rows, "both sides answer the same"
                assert pairs[-1][1].rows, "there is an answer"
            figures += _figures(title, at, pairs)
    return figures


def _figures(title: str, at: Scene, pairs: list[tuple[Answer, Answer]]) -> list[Figure]:
    ratios = sorted(peer.seconds / mine.seconds for peer, mine in pairs)
    ratio = statistics.median(ratios)
    peer, mine = pairs[0]
    needed = mine.rows[0][-1]
    moved = max(one.moved for _, one in pairs) / needed
    size = f"{at.source_rows:,} rows in PostgreSQL × {at.lake_rows:,} in the lake"
    return [
        Figure(
            name=f"federated: {title}, {size}",
            value=statistics.median(one.seconds for _, one in pairs) * 1000,
            unit="ms",
            peer=f"fetching both sides: {statistics.median(one.seconds for one, _ in pairs) * 1000:,.0f} ms",
            ratio=ratio,
            spread=f"ratio {ratios[0]:.1f} to {ratios[-1]:.1f}, {len(pairs)} rounds",
            target=f"at least {LEAST_FASTER:g} x faster",
            met=ratio >= LEAST_FASTER,
        ),
        Figure(
            name=f"federated: {title}: rows moved by {mine.statements} statements",
            value=float(mine.moved),
            unit="rows",
            peer=f"fetching both sides: {peer.moved:,} rows",
            ratio=moved,
            spread=None,
            target=f"at most {MOST_MOVED:g} x the {needed:,} rows needed",
            met=moved <= MOST_MOVED,
        ),
    ]


def _answered(began: float, rows: list[tuple[Any, ...]], told: Told) -> Answer:
    seconds = time.perf_counter() - began
    return Answer(rows, seconds, told.moved["lims"], told.statements["lims"])


_SUMMED = "count(DISTINCT lab.subject), round(sum(lab.value), 6)"


def defect_ours(at: Scene) -> Answer:
    """The lake finds the units; their keys go to the laboratory."""
    began, told = time.perf_counter(), Told()
    with duckdb.connect() as con:
        units = con.sql(f"SELECT DISTINCT subject FROM {at.sql()} WHERE code = 'HC-3'").to_arrow_table()
        step = Fetch("lab", "lims", "lab", ("subject", "value"), (), "subject", ("units", "subject"))
        lab = at.mes.fetch(step, units["subject"], told)
        con.register("lab", lab)
        rows = con.sql(f"SELECT {_SUMMED}, count(*) FROM lab").fetchall()
    return _answered(began, rows, told)


def defect_peer(at: Scene) -> Answer:
    """Everything from both sides, joined here."""
    began, told = time.perf_counter(), Told()
    with duckdb.connect() as con:
        lab = at.mes.fetch(Fetch("lab", "lims", "lab", ("subject", "value")), None, told)
        lake = con.sql(f"SELECT subject, code FROM {at.sql()}").to_arrow_table()
        con.register("lab", lab)
        con.register("lake", lake)
        rows = con.sql(
            f"SELECT {_SUMMED}, count(*) FROM lab "
            "WHERE subject IN (SELECT subject FROM lake WHERE code = 'HC-3')"
        ).fetchall()
    return _answered(began, rows, told)


_STATIONS = """
SELECT list(station ORDER BY station), list(n ORDER BY station),
       (SELECT count(*) FROM lab WHERE value > {limit})
FROM (SELECT station, count(*) AS n FROM {lake}
      SEMI JOIN (SELECT subject FROM lab WHERE value > {limit}) AS far ON lake.subject = far.subject
      GROUP BY station)
"""


def limit_ours(at: Scene) -> Answer:
    """The laboratory finds the units; the lake is joined with them where it lies."""
    began, told = time.perf_counter(), Told()
    with duckdb.connect() as con:
        out = (Condition("characteristic", "=", "hardness"), Condition("value", ">", _LIMIT))
        con.register("lab", at.mes.fetch(Fetch("lab", "lims", "lab", ("subject", "value"), out), None, told))
        rows = con.sql(_STATIONS.format(lake=at.sql(), limit=_LIMIT)).fetchall()
    return _answered(began, rows, told)


def limit_peer(at: Scene) -> Answer:
    """Everything from both sides, joined here."""
    began, told = time.perf_counter(), Told()
    with duckdb.connect() as con:
        lab = at.mes.fetch(Fetch("lab", "lims", "lab", ("subject", "value", "characteristic")), None, told)
        lake = con.sql(f"SELECT subject, station FROM {at.sql()}").to_arrow_table()
        con.register("lab", lab.filter(pc.equal(lab["characteristic"], "hardness")))
        con.register("lake", lake)
        rows = con.sql(_STATIONS.format(lake="lake", limit=_LIMIT)).fetchall()
    return _answered(began, rows, told)


QUESTIONS: tuple[tuple[str, Callable[[Scene], Answer], Callable[[Scene], Answer]], ...] = (
    ("results of the units with a defect", defect_ours, defect_peer),
    ("stations of the units out of limits", limit_ours, limit_peer),
)


@contextmanager
def scene(source_rows: int, lake_rows: int) -> Iterator[Scene]:
    """Fill a schema of its own in PostgreSQL and a lake in a temporary directory; take both away again."""
    schema = f"assay_bench_{uuid.uuid4().hex[:12]}"
    url = sa.make_url(os.environ.get("ASSAY_TEST_POSTGRES", POSTGRES))
    url = url if url.username else url.set(username=os.environ.get("PGUSER", "root"))
    engine = sa.create_engine(url)
    before = os.environ.get("ASSAY_BENCH_SOURCE")
    os.environ["ASSAY_BENCH_SOURCE"] = url.render_as_string(hide_password=False)
    try:
        with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
            _fill(engine, schema, source_rows)
            lake = Path(folder) / "measurement"
            lake.mkdir()
            write_lake(lake, lake_rows, source_rows)
            with Workspace.create(Path(folder) / "plant") as workspace:
                (workspace.path / "model.yaml").write_text(_MODEL.format(schema=schema), "utf-8")
                workspace.apply_model()
                mes = federation(workspace)
                yield Scene(mes, lake, source_rows, lake_rows)
                mes.close()
    except sa.exc.OperationalError as error:
        raise StoreError(
            f"no PostgreSQL answers at {url.render_as_string()}",
            hint="Start one, or set ASSAY_TEST_POSTGRES.",
        ) from error
    finally:
        _drop(engine, schema)
        os.environ.pop("ASSAY_BENCH_SOURCE")
        if before is not None:
            os.environ["ASSAY_BENCH_SOURCE"] = before


def _fill(engine: sa.Engine, schema: str, rows: int) -> None:
    """The laboratory's table: one result per unit, indexed as a laboratory's would be."""
    meta = sa.MetaData(schema=schema)
    table = sa.Table(
        "results",
        meta,
        sa.Column("serial", sa.String(40), nullable=False, index=True),
        sa.Column("test", sa.String(40), nullable=False),
        sa.Column("figure", sa.Double, index=True),
        sa.Column("taken", sa.DateTime(timezone=True)),
    )
    figures = np.random.default_rng(11).normal(0, 1, rows)
    with engine.begin() as connection:
        connection.execute(sa.schema.CreateSchema(schema))
        meta.create_all(connection, tables=[table])
        raw: Any = connection.connection.driver_connection
        with raw.cursor() as cursor, cursor.copy(f"COPY {schema}.results FROM STDIN") as copy:
            for number, figure in enumerate(figures.tolist()):
                copy.write_row((f"U{number:08}", "hardness", figure, "2026-03-01T00:00:00Z"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(f"VACUUM ANALYZE {schema}.results"))


def _drop(engine: sa.Engine, schema: str) -> None:
    try:
        with engine.begin() as connection:
            connection.execute(sa.schema.DropSchema(schema, cascade=True, if_exists=True))
    except sa.exc.OperationalError:
        pass  # it never answered: said already
    engine.dispose()


def write_lake(folder: Path, rows: int, units: int, *, seed: int = 7) -> None:
    """Ten measurements per unit at ten stations, one unit in two thousand with the defect ``HC-3``."""
    rng = np.random.default_rng(seed)
    stations = pa.array([f"station {number:02}" for number in range(10)])
    start = np.datetime64("2026-03-01T00:00:00.000000")
    for part, first in enumerate(range(0, rows, _PIECE)):
        place = np.arange(first, min(first + _PIECE, rows))
        number = pc.utf8_lpad(pa.array(place // 10 % units).cast(pa.string()), 8, "0")
        defect = (rng.random(len(place)) < _DEFECTIVE / 10).tolist()
        table = pa.table(
            {
                "subject": pc.binary_join_element_wise("U", number, ""),
                "station": stations.take(pa.array(place % 10)),
                "code": pa.array(["HC-3" if one else None for one in defect], pa.string()),
                "value": rng.normal(12, 0.05, len(place)),
                "time": pa.array(start + (place * 173_000).astype("timedelta64[us]")),
            }
        )
        pq.write_table(
            table,
            folder / f"{part:05}.parquet",
            row_group_size=131_072,
            compression="zstd",
            compression_level=1,
        )
