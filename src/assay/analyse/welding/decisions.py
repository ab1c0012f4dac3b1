"""What was decided about lots and machines: releases with certificates, services with hours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from assay.store.snapshot import Snapshot
from assay.store.workspace import Workspace

_SERVICES = (
    "SELECT equipment, due_hours, coalesce(time, recorded) AS moment FROM event "
    "WHERE event = 'service' AND equipment IS NOT NULL AND due_hours IS NOT NULL "
    "ORDER BY moment, equipment, due_hours"
)
_RESULTS = (
    "SELECT subject, characteristic, text, coalesce(time, recorded) AS moment "
    "FROM measurement WHERE characteristic IN ('release', 'certificate') "
    "ORDER BY moment, characteristic, recorded, source, epoch, seq"
)

CERTIFICATES = ("2.2", "3.1", "3.2")
"""Types of inspection documents by EN 10204 that a lot may be welded with."""


@dataclass(frozen=True, slots=True)
class Release:
    """A decision about a lot, and the type of certificate (EN 10204) that was on file then, or ``none``."""

    lot: str
    status: str | None
    certificate: str
    moment: datetime


@dataclass(frozen=True, slots=True)
class Serviced:
    """A service of a machine, and the hours at which the next one is due."""

    machine: str
    due_hours: float
    moment: datetime


def releases(workspace: Workspace) -> Iterator[Release]:
    """Decisions about lots, by time."""
    papers: dict[str, str] = {}
    for row in workspace.lake.query(_RESULTS).to_pylist():
        lot = row["subject"]
        if row["characteristic"] == "certificate":
            papers[lot] = row["text"] or "none"
        else:
            yield Release(lot, row["text"], papers.get(lot, "none"), row["moment"])


def services(workspace: Workspace, snapshot: Snapshot) -> Iterator[Serviced]:
    """Services of machines, by time."""
    if "due_hours" in snapshot.schemas["event"].names:
        for row in workspace.lake.query(_SERVICES).to_pylist():
            yield Serviced(row["equipment"], row["due_hours"], row["moment"])


class Decisions:
    """The last decision about a lot or a machine before a moment."""

    def __init__(self, workspace: Workspace, snapshot: Snapshot) -> None:
        self._releases: dict[str, list[Release]] = defaultdict(list)
        for one in releases(workspace):
            self._releases[one.lot].append(one)
        self._services: dict[str, list[Serviced]] = defaultdict(list)
        for service in services(workspace, snapshot):
            self._services[service.machine].append(service)

    def release(self, lot: str, moment: datetime | None) -> Release | None:
        """The release of a lot that counted at a moment."""
        return next((one for one in reversed(self._releases[lot]) if moment and one.moment <= moment), None)

    def service(self, machine: str | None, moment: datetime | None) -> Serviced | None:
        """The last service of a machine before a moment."""
        found = self._services[machine or ""]
        return next((one for one in reversed(found) if moment and one.moment <= moment), None)
