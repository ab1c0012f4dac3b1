"""Which engine answers: the plant's setting, or the one asked for."""

from __future__ import annotations

from assay.model.errors import QueryError
from assay.query.engines.duckdb import DuckEngine
from assay.query.program import Engine
from assay.store.config import ENGINE_FORMS, is_engine
from assay.store.workspace import Workspace


def engine_of(workspace: Workspace, url: str | None = None) -> Engine:
    """The engine that ``url`` names; without one, that of the plant's setting ``engine``.

    Parameters
    ----------
    url
        Empty or ``duckdb``, ``local[n]``, ``spark://host:port`` or ``sc://host:port`` (Spark Connect).

    Raises
    ------
    QueryError
        The URL has none of these forms.
    """
    wanted = workspace.config.engine if url is None else url
    if wanted in {"", DuckEngine.name}:
        return DuckEngine(workspace)
    if not is_engine(wanted):
        raise QueryError(f"engine {wanted!r} is not known", hint=f"Write {ENGINE_FORMS}.")
    from assay.query.engines.spark import SparkEngine

    return SparkEngine(workspace, wanted)
