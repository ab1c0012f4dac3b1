"""SQL that people write: reading only, bounded in rows and in time."""

from __future__ import annotations

import threading
from contextlib import closing

import duckdb
import pyarrow as pa

from assay.apps.errors import PageError
from assay.model.errors import QueryError
from assay.store.guard import check_read_only
from assay.store.lake import Lake

SECONDS = 60.0
"""How long a statement may run."""

_BATCH = 2048


def first_rows(lake: Lake, statement: str, limit: int, *, seconds: float = SECONDS) -> tuple[pa.Table, bool]:
    """The first ``limit`` rows of a statement, and whether there are more; the engine stops there.

    Raises
    ------
    QueryError
        The statement is not a single reading one, or it fails.
    StoreError
        A file of a table that it reads is damaged.
    PageError
        It ran longer than ``seconds``.
    """
    snapshot = lake.snapshot()
    with closing(lake.connect(snapshot)) as connection:
        check_read_only(statement, connection)
        alarm = threading.Timer(seconds, connection.interrupt)
        alarm.daemon = True
        alarm.start()
        try:
            batches, rows = [], 0
            with lake.explaining(snapshot):
                reader = connection.execute(statement).to_arrow_reader(_BATCH)
                for batch in reader:
                    batches.append(batch)
                    rows += batch.num_rows
                    if rows > limit:
                        break
            table = pa.Table.from_batches(batches, reader.schema)
        except duckdb.InterruptException as error:
            raise PageError("sql-too-long", seconds=round(seconds)) from error
        except duckdb.Error as error:
            raise QueryError(
                f"the SQL can't be run: {str(error).strip()}",
                hint="SHOW TABLES and DESCRIBE name tables and columns.",
            ) from error
        finally:
            alarm.cancel()
    return table.slice(0, limit), rows > limit
