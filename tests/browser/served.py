"""A plant behind ``assay serve``, the way a person starts it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assay.analyse.welding import log_passes
from assay.api import ensure_administrator, reset_administrator
from assay.sim.welding import Shop, WeldingPlan, welding_shop
from assay.sim.welding_records import load_shop
from assay.store.plant_gate import PlantGate
from assay.store.workspace import Workspace

PATIENCE_S = 120


@dataclass(frozen=True)
class Served:
    """Where a plant is served, and the administrator's password."""

    url: str
    password: str
    directory: Path


def demo_plant(directory: Path) -> Path:
    """The demo plant in ``directory``: the three screw-driving files that ship with Assay."""
    from assay.demo.build import load_screwdriving, open_or_create

    workspace, _ = open_or_create(directory)
    with workspace:
        load_screwdriving(workspace, lambda _name, _report: None)
    return directory


def welded_plant(directory: Path) -> Shop:
    """What really happened in a simulated welding shop; ``directory`` holds it, its passes logged."""
    shop = welding_shop(WeldingPlan(joints=30), seed=5)
    with Workspace.create(directory, name="Yard", log=True) as workspace:
        load_shop(shop, workspace, directory.parent)
        PlantGate(workspace.evidence).set_policy("welding")
        log_passes(workspace)
    return shop


def empty_plant(directory: Path) -> Path:
    """A plant without a record."""
    Workspace.create(directory, name="Line 4", time_zone="Europe/Berlin").close()
    return directory


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_up(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"{url} did not come up within {PATIENCE_S} s (exit code {process.poll()})")


@contextmanager
def serve(directory: Path) -> Iterator[Served]:
    """Serve ``directory`` on a free port until the block ends."""
    with Workspace.open(directory) as workspace:
        password = ensure_administrator(workspace) or reset_administrator(workspace)
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        sys.executable,
        "-c",
        "from assay.cli import main; main()",
        "serve",
        str(directory),
        "--port",
        str(port),
    ]
    with subprocess.Popen(command) as process:
        try:
            _wait_until_up(url, process)
            yield Served(url, password, directory)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
