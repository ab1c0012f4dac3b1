"""EPCIS over HTTP: events captured per second, and traces over a million captured events.

The server is a process of its own, as ``assay serve`` runs it. One client sends batches of 100 over one
connection, each confirmed before the next; the server checks everything and answers when they are durable.
Events have ids of their own and two new objects each, as a line that packs would report. For the traces the
plant of :mod:`benchmarks.chains` is captured by the same code in this process, and each request walks the ten
steps of one pallet: from the pallet back to its ores, or from an ore to its pallet.
``assay bench epcis --scale 0.1`` captures a tenth of the events.
"""

from __future__ import annotations

import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from assay.api import ensure_administrator
from assay.api.auth import COOKIE, CSRF_HEADER
from assay.exchange.epcis.event_hash import event_hash
from assay.exchange.epcis.reading import read_json
from assay.exchange.epcis.records import bring_in
from assay.exchange.epcis.repository import Repository
from assay.exchange.epcis.schema import validator
from assay.exchange.epcis.validate import validate
from assay.model.codes.canonical import canonical_identifier
from assay.store.workspace import Workspace
from benchmarks import chains
from benchmarks.figures import Figure

EVENTS, BATCH = 20_000, 100
LEAST = 2_000.0
"""Events captured per second."""
TRACED = 1_000_000
"""Events of the plant that is traced."""
TRACES = 200
"""Requests of one round."""
LONGEST = 100.0
"""Milliseconds that 99 of 100 traces take at most."""
_KINDS = ("ObjectEvent", "AggregationEvent", "TransformationEvent")

Told = Callable[[float, str], None]


def run(*, repeats: int = 3, scale: float = 1.0, progress: Told | None = None) -> list[Figure]:
    """Capture ``repeats`` times, each into a new plant; trace in as many rounds; time the stages here."""
    told = progress or (lambda done, what: None)
    batches = max(round(EVENTS * scale) // BATCH, 5)
    bodies = [json.dumps(batch(number)).encode() for number in range(batches)]
    rounds = []
    for number in range(repeats):
        told(0.3 * number / repeats, "capture")
        rounds.append(_capture(bodies))
    told(0.3, "stages")
    stages = _stages(bodies[: max(len(bodies) // 4, 5)])
    rates = [one.rate for one in rounds]
    rate = statistics.median(rates)
    return [
        Figure(
            name="EPCIS events captured over HTTP, batches of 100",
            value=rate,
            unit="events/s",
            peer=None,
            ratio=None,
            spread=f"{min(rates):,.0f} to {max(rates):,.0f}",
            target=f"at least {LEAST:,.0f}",
            met=rate >= LEAST,
        ),
        _stage("processor time of the server, records included", [one.processor for one in rounds]),
        *stages,
        *_traces(max(round(TRACED * scale / chains.EVENTS), 5), repeats, told),
    ]


def batch(number: int) -> dict[str, Any]:
    """A document of a hundred events of three types, none of which came before."""
    return {
        "@context": [
            "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
            {"ex": "https://ns.example.com/epcis/"},
        ],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-03-02T08:15:30Z",
        "epcisBody": {"eventList": [_event(number * BATCH + one) for one in range(BATCH)]},
    }


def _event(number: int) -> dict[str, Any]:
    kind = _KINDS[number % 3]
    units = [f"urn:epc:id:sgtin:4012345.011111.{2 * number + one}" for one in range(2)]
    clock = f"{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}"
    made: dict[str, Any] = {
        "type": kind,
        "eventID": f"urn:uuid:00000000-0000-4000-8000-{number:012d}",
        "eventTime": f"2026-03-02T{clock}.250+01:00",
        "eventTimeZoneOffset": "+01:00",
        "bizStep": "packing",
        "disposition": "in_progress",
        "readPoint": {"id": "urn:epc:id:sgln:4012345.00005.0"},
        "bizTransactionList": [
            {"type": "po", "bizTransaction": f"https://erp.example.com/po/{number // 50}"}
        ],
        "ex:line": "L1",
    }
    if kind == "TransformationEvent":
        made |= {"inputEPCList": units[:1], "outputEPCList": units[1:], "ilmd": {"ex:heat": "H-7"}}
    elif kind == "AggregationEvent":
        parent = f"https://plant.example.com/boxes/{number // 10}"
        made |= {"action": "ADD", "parentID": parent, "childEPCs": units}
    else:
        made |= {
            "action": "OBSERVE",
            "epcList": units,
            "quantityList": [
                {
                    "epcClass": f"urn:epc:class:lgtin:4012345.022222.L{number // 500}",
                    "quantity": 1.5,
                    "uom": "KGM",
                }
            ],
        }
    return made


# -- capture --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Round:
    """Events per second, and the server's processor time per event in microseconds."""

    rate: float
    processor: float


def _capture(bodies: list[bytes]) -> _Round:
    """From the first batch sent to the last one confirmed; processor time until all are records too."""
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        plant = Path(folder) / "plant"
        with Workspace.create(plant) as workspace:
            password = ensure_administrator(workspace)
        with _served(plant, str(password)) as partner:
            partner.send(json.dumps(batch(10**7)).encode())
            before, started = partner.processor(), time.perf_counter()
            for body in bodies:
                partner.send(body)
            taken = time.perf_counter() - started
            partner.wait_for_records(len(bodies) * BATCH + BATCH, plant)
            events = len(bodies) * BATCH
            return _Round(events / taken, (partner.processor() - before) / events * 1e6)


# -- traces ---------------------------------------------------------------------------------------


def _traces(pallets: int, repeats: int, told: Told) -> list[Figure]:
    """How long traces take, and how long the first one, which reads the genealogy."""
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        plant = Path(folder) / "plant"
        events = pallets * chains.EVENTS
        with Workspace.create(plant) as workspace:
            password = ensure_administrator(workspace)
            repository = Repository(workspace)
            for number, document in enumerate(chains.documents(pallets)):
                told(0.4 + 0.4 * number * 25 / pallets, f"capturing {events:,} events to be traced")
                captured = repository.capture(validate(document))
                assert captured.success, captured.faults
            bring_in(workspace, repository)
            workspace.lake.hot.flush()
        with _served(plant, str(password)) as partner:
            first = partner.traced(0, "back")
            rounds = []
            for number in range(repeats):
                told(0.8 + 0.2 * number / repeats, "traces")
                dice = random.Random(number)
                asked = [(dice.randrange(pallets), ("back", "forward")[one % 2]) for one in range(TRACES)]
                rounds.append(np.array([partner.traced(*one) for one in asked]))
    slow = [float(np.percentile(one, 99)) for one in rounds]
    every = np.concatenate(rounds)
    name = f"{chains.LEVELS}-level trace over {events:,} events, HTTP"
    return [
        Figure(
            name=f"{name}, p99",
            value=float(np.percentile(every, 99)),
            unit="ms",
            peer=None,
            ratio=None,
            spread=f"{min(slow):.0f} to {max(slow):.0f}",
            target=f"at most {LONGEST:.0f}",
            met=float(np.percentile(every, 99)) <= LONGEST,
        ),
        _figure(f"{name}, median", float(np.median(every)), "ms"),
        _figure(f"{name}, first one", first, "ms"),
    ]


# -- the server -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Partner:
    """Somebody with a session, over one connection."""

    client: HTTPConnection
    headers: dict[str, str]
    process: int

    def send(self, body: bytes) -> None:
        """Have a batch captured."""
        self.client.request("POST", "/epcis/capture", body, self.headers)
        answer = self.client.getresponse()
        told = json.loads(answer.read())
        if answer.status != 202 or told["captured"] != BATCH:
            raise RuntimeError(f"a batch was not captured: {answer.status} {told}")

    def traced(self, pallet: int, direction: str) -> float:
        """Milliseconds of one trace, whose answer has to have every step of the pallet."""
        start = chains.pallet_id(pallet) if direction == "back" else chains.ore_id(pallet)
        address = f"/api/trace/{quote(canonical_identifier(start), safe='')}?direction={direction}"
        started = time.perf_counter()
        self.client.request("GET", address, headers=self.headers)
        answer = self.client.getresponse()
        body = answer.read()
        taken = time.perf_counter() - started
        nodes = json.loads(body)["nodes"] if answer.status == 200 else []
        steps = sum(node["kind"] == "execution" for node in nodes)
        whole = chains.EVENTS - (0 if direction == "back" else 2)
        if steps != whole or max(node["depth"] for node in nodes) != 2 * chains.LEVELS:
            raise RuntimeError(f"a trace has {steps} of {whole} steps: {answer.status} {body[:300]!r}")
        return taken * 1e3

    def processor(self) -> float:
        """Seconds of processor time that the server has used."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def wait_for_records(self, events: int, plant: Path) -> None:
        """Return when so many captured events are records of the plant."""
        end = time.monotonic() + 120
        with Workspace.open(plant) as workspace:
            while int(workspace.registry.setting("epcis.records") or 0) < events:
                if time.monotonic() > end:
                    raise RuntimeError("captured events do not become records")
                time.sleep(0.2)


@contextmanager
def _served(plant: Path, password: str) -> Iterator[_Partner]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "assay.cli", "serve", str(plant), "--port", str(port)]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            host = f"127.0.0.1:{port}"
            _wait(host)
            client = HTTPConnection(host, timeout=60)
            order, kind = json.dumps({"password": password}), {"Content-Type": "application/json"}
            client.request("POST", "/api/login", order, kind)
            answer = client.getresponse()
            cookie = (answer.getheader("set-cookie") or "").partition(";")[0]
            token = json.loads(answer.read())["csrf"]
            assert cookie.startswith(COOKIE)
            yield _Partner(client, {**kind, "Cookie": cookie, CSRF_HEADER: token}, process.pid)
        finally:
            process.terminate()


def _wait(host: str) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            client = HTTPConnection(host, timeout=5)
            client.request("GET", "/api/session")
            client.getresponse().read()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the server at {host} does not answer")


# -- stages ---------------------------------------------------------------------------------------


def _stages(bodies: list[bytes]) -> list[Figure]:
    """Microseconds of processor time per event of each stage of a capture, in this process."""
    events = len(bodies) * BATCH
    seconds: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        started = time.process_time()
        result = work()
        seconds[name] = time.process_time() - started
        return result

    documents = timed("reading JSON", lambda: [read_json(body)[0] for body in bodies])
    compiled = validator()
    timed("schema", lambda: [compiled.is_valid(one) for one in documents])
    verdicts = timed("schema and rules", lambda: [validate(one) for one in documents])
    timed(
        "event hash",
        lambda: [
            event_hash(*pair) for one in verdicts for pair in zip(one.events, one.contexts, strict=True)
        ],
    )
    with (
        tempfile.TemporaryDirectory(prefix="assay-bench-") as folder,
        Workspace.create(Path(folder) / "p") as plant,
    ):
        repository = Repository(plant)
        timed("keeping", lambda: [repository.capture(one) for one in verdicts])
        timed("records", lambda: bring_in(plant, repository))
    return [_stage(name, [taken / events * 1e6]) for name, taken in seconds.items()]


def _stage(name: str, each: list[float]) -> Figure:
    spread = f"{min(each):,.0f} to {max(each):,.0f}" if len(each) > 1 else None
    return _figure(f"EPCIS {name}", statistics.median(each), "µs/event", spread)


def _figure(name: str, value: float, unit: str, spread: str | None = None) -> Figure:
    return Figure(
        name=name, value=value, unit=unit, peer=None, ratio=None, spread=spread, target=None, met=None
    )
