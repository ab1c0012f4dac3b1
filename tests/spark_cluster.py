"""A real Spark cluster on this machine: one master, two workers, on loopback, for one run of the tests."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

WORKERS = 2
WORKER_MEMORY = "1g"
EXECUTOR_MEMORY = "640m"
READY_SECONDS = 120.0

# Where the tests are killed, so is the cluster.
_ENDS_WITH_US = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []


def lacking() -> str | None:
    """What this machine lacks to run Spark, in words; None when nothing."""
    if importlib.util.find_spec("pyspark") is None:
        return "PySpark is not installed (make spark installs it)"
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        return "Java is not installed (openjdk-17-jre-headless)"
    return None


_SHORT_LIVED = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""Java that ends after minutes gains nothing from being compiled twice: half the processor time."""


@contextmanager
def spark_cluster(directory: Path) -> Iterator[str]:
    """The URL of a cluster that lives as long as this is held; its logs are shown when it doesn't start."""
    found = importlib.util.find_spec("pyspark")
    places = found.submodule_search_locations if found else None
    assert places, "PySpark is a package"
    home = Path(str(places[0]))
    settings = directory / "conf"
    settings.mkdir(parents=True)
    (settings / "spark-defaults.conf").write_text(
        f"spark.executor.memory {EXECUTOR_MEMORY}\n"
        "spark.driver.memory 1g\n"
        f"spark.driver.extraJavaOptions {_SHORT_LIVED}\n"
        f"spark.executor.extraJavaOptions {_SHORT_LIVED}\n"
        "spark.sql.shuffle.partitions 2\n"
        "spark.default.parallelism 2\n"
        # Plans for a few hundred rows gain nothing from being made again between their stages.
        "spark.sql.adaptive.enabled false\n",
        encoding="utf-8",
    )
    own = {
        "SPARK_HOME": str(home),
        "SPARK_CONF_DIR": str(settings),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_DAEMON_JAVA_OPTS": _SHORT_LIVED,
        "SPARK_NO_DAEMONIZE": "1",
        # A server in the neighbourhood must not be asked for names or proxies.
        "no_proxy": "127.0.0.1,localhost",
    }
    before = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    daemons: list[subprocess.Popen[bytes]] = []
    try:
        port, web = _free_port(), _free_port()
        url = f"spark://127.0.0.1:{port}"
        at = ["--host", "127.0.0.1", "--port"]
        master = ["org.apache.spark.deploy.master.Master", *at, str(port), "--webui-port", str(web)]
        daemons.append(_started(home, directory, "master", *master))
        _wait_for_port(port, daemons, directory)
        worker = ["org.apache.spark.deploy.worker.Worker", *at, "0", "--webui-port", "0", "--cores", "1"]
        for number in range(WORKERS):
            own_place = ["--memory", WORKER_MEMORY, "--work-dir", str(directory / f"work-{number}")]
            daemons.append(_started(home, directory, f"worker-{number}", *worker, *own_place, url))
        _wait_for_workers(web, daemons, directory)
        yield url
    finally:
        _stop_driver()
        for daemon in daemons:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(daemon.pid, signal.SIGKILL)
            daemon.wait()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _started(home: Path, logs: Path, name: str, *command: str) -> subprocess.Popen[bytes]:
    # A session of its own: executors are children of the worker and end with its group.
    with (logs / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            [*_ENDS_WITH_US, str(home / "bin" / "spark-class"), *command],
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=logs,
        )


def _stop_driver() -> None:
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession() or SparkSession._instantiatedSession
    if session is not None:
        session.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_port(port: int, daemons: list[subprocess.Popen[bytes]], logs: Path) -> None:
    def listens() -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        return False

    _wait(listens, "the master", daemons, logs)


def _wait_for_workers(web: int, daemons: list[subprocess.Popen[bytes]], logs: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def registered() -> bool:
        with contextlib.suppress(OSError, ValueError):
            state = json.load(opener.open(f"http://127.0.0.1:{web}/json/", timeout=5))
            return bool(state["aliveworkers"] == WORKERS)
        return False

    _wait(registered, "the workers", daemons, logs)


def _wait(ready: Callable[[], bool], what: str, daemons: list[subprocess.Popen[bytes]], logs: Path) -> None:
    until = time.monotonic() + READY_SECONDS
    while not ready():
        if time.monotonic() > until or any(daemon.poll() is not None for daemon in daemons):
            raise RuntimeError(f"{what} of the Spark cluster didn't start:\n{said(logs)}")
        time.sleep(0.25)


def said(logs: Path) -> str:
    """The last lines of what each daemon and executor wrote."""
    files = [*sorted(logs.glob("*.log")), *sorted(logs.glob("work-*/*/*/stderr"))]
    return "\n".join(
        f"== {path.relative_to(logs)}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-30:])
        for path in files
    )
