"""Captures events, or delivers them to subscribers, in forked processes that are killed: see ``forking``.

The words of a line: ``capture PLANT`` or ``deliver PLANT``. Both go on until they are killed.
"""

from __future__ import annotations

import time
from pathlib import Path

from forking import serve

from assay.exchange.epcis import validate
from assay.exchange.epcis.courier import Courier
from assay.exchange.epcis.repository import Repository
from assay.exchange.epcis.standing import StandingQueries
from assay.store.workspace import Workspace

CONTEXT = [
    "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
    {"ex": "https://ns.example.com/epcis/"},
]


def work(what: str, plant: str) -> None:
    """Do one of the two until killed."""
    with Workspace.open(Path(plant)) as workspace:
        repository = Repository(workspace)
        courier = Courier(workspace, StandingQueries(workspace, repository), interval=0.01)
        while True:
            if what == "deliver":
                courier.round()
                time.sleep(0.005)
            else:
                number = repository.last_position()
                repository.capture(validate(document(number, number + 1)))


def document(*numbers: int) -> dict[str, object]:
    """A document of events with numbers."""
    events = [
        {
            "type": "ObjectEvent",
            "eventTime": "2026-03-02T08:15:30Z",
            "eventTimeZoneOffset": "+01:00",
            "action": "OBSERVE",
            "bizStep": "packing",
            "epcList": [f"https://plant.example.com/units/U-{one}"],
            "ex:number": one,
        }
        for one in numbers
    ]
    return {
        "@context": CONTEXT,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-03-02T08:15:30Z",
        "epcisBody": {"eventList": events},
    }


if __name__ == "__main__":
    validate(document(0))
    serve(work)
