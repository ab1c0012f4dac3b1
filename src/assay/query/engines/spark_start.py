"""How a connection to Spark begins: what has to be there, and the settings that answers depend on."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from assay.model.errors import QueryError, StoreError

_ANSWER_SECONDS = 5.0
"""How long a host may take to answer; Spark by itself would try for a minute."""

_REMEMBERED = "20"
"""Jobs, stages, tasks and statements of which the driver keeps the story."""

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_CONNECT_PORT = 15002

# What answers depend on, set for each session.
SESSION_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.variable.substitute": "false",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.execution.arrow.useLargeVarTypes": "false",
    "spark.sql.timestampType": "TIMESTAMP_LTZ",
}

_starting = threading.Lock()


def new_session(url: str) -> Any:
    """A Spark session of its own (views, settings) on the Spark that ``url`` names.

    One process has one Spark driver: sessions of one URL share it, and a second URL is refused.

    Raises
    ------
    StoreError
        PySpark or Java is missing, nothing answers at the URL, or the process is bound to another Spark.
    """
    with _starting:
        _reach(url)
        session = _connected(url) if url.startswith("sc://") else _driver(url).newSession()
    for key, value in SESSION_SETTINGS.items():
        session.conf.set(key, value)
    return session


def _reach(url: str) -> None:
    """Find out at once whether somebody listens."""
    if "://" not in url:
        return
    waiting = url.partition("://")[2].partition("/")[0].split(",")
    failed = []
    for place in waiting:
        host, _, port = place.partition(":")
        try:
            socket.create_connection((host, int(port or _CONNECT_PORT)), timeout=_ANSWER_SECONDS).close()
        except OSError as error:
            failed.append(f"{place}: {error.strerror or error}")
        else:
            return
    raise StoreError(
        f"no Spark answers at {url.partition('/;')[0]} ({'; '.join(failed)})",
        hint="Start the cluster, or correct the setting engine in assay.toml; leave it empty for DuckDB.",
    )


def _pyspark() -> Any:
    try:
        import pyspark.sql
    except ImportError as error:
        raise StoreError(
            f"questions on Spark need PySpark, which is not installed ({error.name})",
            hint="Install it with: pip install 'assay-quality[spark]'",
        ) from error
    # It writes each refused statement to the console, with the whole stack.
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    return pyspark.sql.SparkSession


def _connected(url: str) -> Any:
    builder = _pyspark().builder
    try:
        return builder.remote(url).create()
    except ImportError as error:
        raise StoreError(
            f"Spark Connect needs a library that is not installed: {error}",
            hint="Install it with: pip install 'pyspark[connect]'",
        ) from error
    except Exception as error:
        raise _not_started(url, error) from error


def _driver(url: str) -> Any:
    """The driver of this process, started at the first question."""
    sessions = _pyspark()
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        raise StoreError("Spark needs Java, which is not installed", hint="Install Java 17 or newer.")
    # The driver outlives the plant that was asked first: nothing of it may lie there.
    builder = (
        sessions.builder.appName("assay")
        .master(url)
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.log.level", "FATAL")
        # The driver remembers what it has done, plans and all, whether anybody looks at it or not.
        .config("spark.ui.retainedJobs", _REMEMBERED)
        .config("spark.ui.retainedStages", _REMEMBERED)
        .config("spark.ui.retainedTasks", _REMEMBERED)
        .config("spark.sql.ui.retainedExecutions", _REMEMBERED)
        # A loop inside a task doesn't hear that its job was stopped: its executor is replaced.
        .config("spark.task.reaper.enabled", "true")
        .config("spark.task.reaper.killTimeout", "5s")
        .config("spark.sql.warehouse.dir", str(Path(tempfile.gettempdir()) / "assay-spark-warehouse"))
    )
    if _is_here(url):
        # Workers on this machine work with this Python, and what is installed for it.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        builder = builder.config("spark.driver.host", "127.0.0.1").config(
            "spark.driver.bindAddress", "127.0.0.1"
        )
    try:
        session = builder.getOrCreate()
    except Exception as error:
        raise _not_started(url, error) from error
    if (bound := session.sparkContext.master) != url:
        raise StoreError(
            f"this process is bound to the Spark at {bound} and can't use {url} too",
            hint="Ask it from another process.",
        )
    return session


def _is_here(url: str) -> bool:
    return "://" not in url or urlsplit(url.partition(",")[0]).hostname in _LOOPBACK


def _not_started(url: str, error: Exception) -> StoreError:
    return StoreError(
        f"no session could be opened on the Spark at {url.partition('/;')[0]}: {first_line(error)}",
        hint="The cluster has to run the same versions of Spark and Python as this process.",
    )


def first_line(error: BaseException) -> str:
    """The first line of what went wrong, without Spark's numbers of SQL states."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].partition(" SQLSTATE:")[0]


def refused_table(name: str, kind: object) -> QueryError:
    """What is said of a column type that Spark doesn't have."""
    return QueryError(f"column {name!r} has the type {kind}, which Spark doesn't know")
