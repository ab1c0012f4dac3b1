"""A registry of each engine, and plants on it."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from assay.store import Workspace

# The rows that several tests load are a module beside them.
sys.path.insert(0, str(Path(__file__).parent))

POSTGRES = os.environ.get("ASSAY_TEST_POSTGRES", "postgresql+psycopg://127.0.0.1:5432/test")


def _server() -> sa.Engine:
    """The PostgreSQL server; where there is none the test is skipped, and fails in CI."""
    url = sa.engine.make_url(POSTGRES)
    engine = sa.create_engine(
        url if url.username else url.set(username=os.environ.get("PGUSER", "root")),
        isolation_level="AUTOCOMMIT",
        connect_args={"connect_timeout": 5},
    )
    try:
        engine.connect().close()
    except sa.exc.OperationalError as error:
        engine.dispose()
        message = f"no PostgreSQL answers at {POSTGRES} (set ASSAY_TEST_POSTGRES): {error.orig}"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return engine


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """The URL of an empty database of its own."""
    server = _server()
    name = f"assay_{uuid.uuid4().hex[:12]}"
    with server.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0"))
    try:
        yield server.url.set(database=name).render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def registry_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty registry, once per engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'registry.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Workspace]:
    """A new, empty plant on SQLite."""
    with Workspace.create(tmp_path / "plant", name="A plant") as workspace:
        yield workspace
