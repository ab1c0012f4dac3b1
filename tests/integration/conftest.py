"""A registry of each engine, and plants on it."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from assay.store import Workspace

# The rows that several tests load are a module beside them.
sys.path.insert(0, str(Path(__file__).parent))


@dataclass(frozen=True)
class Server:
    """A database server that tests may make databases on.

    Attributes
    ----------
    variable
        The environment variable with the URL of another one.
    user
        Who connects when the URL says nobody.
    create, drop
        The statements that make and take away a database ``{name}``.
    """

    title: str
    variable: str
    url: str
    user: str
    create: str
    drop: str

    @contextmanager
    def connected(self) -> Iterator[sa.Engine]:
        """An engine; where the server doesn't answer the test is skipped, and fails in CI."""
        url = sa.engine.make_url(os.environ.get(self.variable, self.url))
        engine = sa.create_engine(
            url if url.username else url.set(username=self.user),
            isolation_level="AUTOCOMMIT",
            connect_args={"connect_timeout": 5},
        )
        try:
            engine.connect().close()
        except sa.exc.OperationalError as error:
            _absent(f"no {self.title} answers at {url} (set {self.variable}): {error.orig}")
        try:
            yield engine
        finally:
            engine.dispose()

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of an empty database of its own."""
        name = f"assay_{uuid.uuid4().hex[:12]}"
        with self.connected() as engine, engine.connect() as connection:
            connection.execute(sa.text(self.create.format(name=name)))
            try:
                yield engine.url.set(database=name).render_as_string(hide_password=False)
            finally:
                connection.execute(sa.text(self.drop.format(name=name)))


POSTGRES = Server(
    "PostgreSQL",
    "ASSAY_TEST_POSTGRES",
    "postgresql+psycopg://127.0.0.1:5432/test",
    os.environ.get("PGUSER", "root"),
    "CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0",
    "DROP DATABASE {name} WITH (FORCE)",
)
MARIADB = Server(
    "MariaDB",
    "ASSAY_TEST_MARIADB",
    "mariadb+pymysql://127.0.0.1:3306/test",
    "root",
    "CREATE DATABASE {name} CHARACTER SET utf8mb4",
    "DROP DATABASE {name}",
)


def _absent(message: str) -> None:
    if os.environ.get("CI") == "true" or os.environ.get("ASSAY_REQUIRE_SERVICES"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    with POSTGRES.database() as url:
        yield url


@pytest.fixture
def mariadb_url() -> Iterator[str]:
    """The URL of an empty MariaDB database."""
    with MARIADB.database() as url:
        yield url


SERVERS = [
    pytest.param("postgres", marks=pytest.mark.postgres),
    pytest.param("mariadb", marks=pytest.mark.mariadb),
]


@pytest.fixture(params=SERVERS)
def server_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database, once per kind of server."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=["sqlite", *SERVERS])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, once per kind of source."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'source.db'}"
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=["sqlite", SERVERS[0]])
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
