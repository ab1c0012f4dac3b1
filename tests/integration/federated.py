"""A laboratory's database for the tests of federation, on each kind of source, and a bad line to it."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import yaml

RESULTS = 400
UNITS = 100
ZONE = "Europe/Berlin"

TABLES = {
    "lab": {
        "table": "results",
        "kind": "measurement",
        "fields": {"subject": "serial", "characteristic": "test", "value": "figure", "time": "taken"},
        "constants": {"subject_kind": "unit"},
    },
    "orders": {
        "table": "orders",
        "kind": "work_order",
        "key": "number",
        "fields": {
            "customer": "customer",
            "quantity": "pieces",
            "due": "due",
            "note": "note",
            "rush": "rush",
        },
        "links": {"customer": "customer"},
    },
    "customers": {
        "table": "customers",
        "kind": "customer",
        "key": "code",
        "fields": {"name": "name", "rating": "rating"},
    },
}


def model(url: str, **settings: Any) -> str:
    """The text of a model.yaml with one source of the three tables."""
    tables = [{"name": name, **table} for name, table in TABLES.items()]
    return yaml.safe_dump({"sources": [{"name": "mes", "url": url, "tables": tables, **settings}]})


def taken(number: int) -> dt.datetime:
    """When a result was taken: wall time in Berlin, over the night in which clocks are put back."""
    return dt.datetime.fromisoformat("2026-10-24T20:00:00.250000") + dt.timedelta(minutes=7 * number)


def fill(url: str) -> None:
    """Make the tables and their rows."""
    engine = sa.create_engine(url)
    dialect = engine.dialect.name
    meta = sa.MetaData()
    precise = sa.dialects.mysql.DATETIME(fsp=6) if dialect in {"mysql", "mariadb"} else sa.DateTime()
    aware = (
        sa.dialects.mysql.TIMESTAMP(fsp=6) if dialect in {"mysql", "mariadb"} else sa.DateTime(timezone=True)
    )
    results = sa.Table(
        "results",
        meta,
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("serial", sa.String(40), index=True),
        sa.Column("test", sa.String(40)),
        sa.Column("figure", sa.Numeric(12, 4) if dialect != "sqlite" else sa.Float),
        sa.Column("taken", precise),
    )
    orders = sa.Table(
        "orders",
        meta,
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("customer", sa.CHAR(6)),
        sa.Column("pieces", sa.Float(24) if dialect != "sqlite" else sa.Float),
        sa.Column("due", aware),
        sa.Column("note", sa.Text),
        sa.Column("rush", sa.Boolean),
    )
    customers = sa.Table(
        "customers",
        meta,
        sa.Column("code", sa.CHAR(6), primary_key=True),
        sa.Column("name", sa.String(80)),
        sa.Column("rating", sa.Integer),
    )
    meta.create_all(engine)
    with engine.begin() as connection:
        connection.execute(
            results.insert(),
            [
                {
                    "position": number,
                    "serial": f"U{number % UNITS:03}",
                    "test": ("hardness", "Hardness", "width")[number % 3],
                    "figure": number / 8,
                    "taken": taken(number),
                }
                for number in range(RESULTS)
            ],
        )
        connection.execute(orders.insert(), [order(number, dialect) for number in range(1, 61)])
        connection.execute(
            customers.insert(),
            [
                {"code": "C1", "name": "Ärger & Söhne", "rating": 1},
                {"code": "c1", "name": "aerger", "rating": None},
                {"code": "C2", "name": "50%_off\\", "rating": 3},
                {"code": "C3", "name": "客户", "rating": 2},
            ][:: 1 if dialect != "mariadb" else 2],
        )
    engine.dispose()


def order(number: int, dialect: str) -> dict[str, Any]:
    """One row of orders; every seventh knows nothing but its number."""
    if number % 7 == 0:
        return {"number": number} | dict.fromkeys(["customer", "pieces", "due", "note", "rush"])
    due = dt.datetime(2026, 3, number % 28 + 1, 12, tzinfo=dt.UTC)
    return {
        "number": number,
        "customer": f"C{number % 3 + 1}",
        "pieces": number + 0.1,
        # SQLite has no times with a zone: it's the plant's wall time there.
        "due": due.astimezone(ZoneInfo(ZONE)).replace(tzinfo=None) if dialect == "sqlite" else due,
        "note": json.dumps({"n": number}) if number % 2 else "",
        "rush": number % 5 == 0,
    }


class Line:
    """A TCP line to a server that can stall, at once or after so many bytes of answers, or be cut then."""

    def __init__(self, host: str, port: int) -> None:
        self._there = (host, port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.flowing = threading.Event()
        self.flowing.set()
        self.left: int | None = None
        self.stalls = False
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection that there is; one made meanwhile stays."""
        ends, self._open = self._open, []
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Take no more connections, and break those there are."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.flowing.set()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(self._there)
                self._open += [near, far]
                threading.Thread(target=self._carry, args=(near, far, False), daemon=True).start()
                threading.Thread(target=self._carry, args=(far, near, True), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(4096):
                self.flowing.wait()
                if answers and self.left is not None:
                    self.left -= len(data)
                    if self.left < 0 and self.stalls:
                        self.flowing.clear()
                        self.flowing.wait()
                    elif self.left < 0:
                        self.cut()
                        return
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def refusing(answer: bytes) -> Iterator[int]:
    """The port of a server that takes connections and says one thing to everybody, or nothing at all."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    near, _ = listening.accept()
                    kept.append(near)
                    if answer and near.recv(8)[4:] == b"\x04\xd2\x16\x2f":
                        near.sendall(b"N")  # no encryption
                        near.recv(4096)
                    near.sendall(answer)

        kept: list[socket.socket] = []
        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]
        for one in kept:
            one.close()


@contextlib.contextmanager
def line(url: str) -> Iterator[tuple[Line, str]]:
    """A line to the server of a URL, and the URL through it."""
    there = sa.make_url(url)
    default = 5432 if there.get_backend_name() == "postgresql" else 3306
    between = Line(there.host or "127.0.0.1", there.port or default)
    try:
        yield between, there.set(host="127.0.0.1", port=between.port).render_as_string(hide_password=False)
    finally:
        between.close()


def write_model(folder: Path, url: str, **settings: Any) -> None:
    """Put the model into a plant's directory."""
    (folder / "model.yaml").write_text(model(url, **settings), "utf-8")
