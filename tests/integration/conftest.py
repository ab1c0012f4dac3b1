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
MARIADB = os.environ.get("ASSAY_TEST_MARIADB", "mariadb+pymysql://127.0.0.1:3306/test")


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
        _absent(f"no PostgreSQL answers at {POSTGRES} (set ASSAY_TEST_POSTGRES): {error.orig}")
    return engine


def _mariadb() -> sa.Engine:
    """The MariaDB server; where there is none the test is skipped, and fails in CI."""
    url = sa.engine.make_url(MARIADB)
    engine = sa.create_engine(
        url if url.username else url.set(username="root"),
        isolation_level="AUTOCOMMIT",
        connect_args={"connect_timeout": 5},
    )
    try:
        engine.connect().close()
    except sa.exc.OperationalError as error:
        engine.dispose()
        _absent(f"no MariaDB answers at {MARIADB} (set ASSAY_TEST_MARIADB): {error.orig}")
    return engine


def _absent(message: str) -> None:
    if os.environ.get("CI") == "true" or os.environ.get("ASSAY_REQUIRE_SERVICES"):
        pytest.fail(message)
    pytest.skip(message)


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


@pytest.fixture
def mariadb_url() -> Iterator[str]:
    """The URL of an empty database of its own."""
    server = _mariadb()
    name = f"assay_{uuid.uuid4().hex[:12]}"
    with server.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name} CHARACTER SET utf8mb4"))
    try:
        yield server.url.set(database=name).render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name}"))
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
