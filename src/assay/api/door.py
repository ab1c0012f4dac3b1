"""What every route is handed: the rooms of the served plant, and a checked session."""

from __future__ import annotations

from threading import Lock
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from assay.api.alarm_desk import AlarmDesk
from assay.api.auth import COOKIE, CSRF_HEADER, Gate, Session, same
from assay.api.epcis_desk import EpcisDesk
from assay.api.errors import ForgedRequest
from assay.api.hub import Hub
from assay.api.imports import ImportDesk
from assay.api.models import ReplayCard
from assay.api.question_desk import QuestionDesk
from assay.api.scan_desk import ScanDesk
from assay.api.settings import ApiSettings
from assay.apps.questions import Questions
from assay.apps.runtime import Runtime
from assay.connect.mapping import parse_mapping
from assay.connect.replay import replay
from assay.ledger.witness import Witness, witness_home
from assay.store.notary import BackgroundNotary, Notary
from assay.store.workspace import Workspace

_SAFE = frozenset({"GET", "HEAD"})
_OWN_SITE = frozenset({"same-origin", "none"})


class Services:
    """The plant and everything that serves it; one per application."""

    def __init__(self, workspace: Workspace, settings: ApiSettings) -> None:
        self.workspace = workspace
        self.settings = settings
        self.gate = Gate(workspace.registry, settings)
        self.questions = Questions(workspace)
        self.runtime = Runtime(self.questions)
        self.imports = ImportDesk(workspace, self.questions, settings)
        self.desk = QuestionDesk(workspace, settings)
        self.hub = Hub(workspace, self.gate, settings)
        self.epcis = EpcisDesk(workspace, interval=settings.watch_interval)
        page = workspace.model.consumer_page
        self.scans = None if page is None else ScanDesk(workspace, page, settings)
        self.alarms = AlarmDesk(workspace, settings.alarm_interval) if workspace.model.alarms else None
        evidence = workspace.evidence
        self.notary = BackgroundNotary(Notary(evidence, workspace.lake)) if evidence.on else None
        self._witness: Witness | None = None
        self.recording = Lock()
        """Held while what was worked out is recorded: what is new depends on what was recorded before."""
        self._turn = Lock()

    def replay(self, mapping: str | None) -> ReplayCard:
        """Try quarantined rows again, by a corrected mapping or by the one each was loaded with."""
        report = replay(self.workspace, parse_mapping(mapping, "mapping.yaml") if mapping else None)
        return ReplayCard(
            tried=report.rows,
            accepted=report.accepted,
            duplicates=report.duplicates,
            quarantined=report.quarantined,
            reasons=report.reasons,
        )

    def witness(self) -> Witness | None:
        """The witness of this machine; None where it has none.

        Raises
        ------
        LogError
            Others may read one of its keys.
        """
        with self._turn:
            if self._witness is None and any(witness_home().glob("*.key")):
                self._witness = Witness(witness_home())
            return self._witness

    def start(self) -> None:
        """Begin what goes on while the plant is served."""
        self.epcis.courier.start()
        if self.scans is not None:
            self.scans.start()
        if self.alarms is not None:
            self.alarms.start()
        if self.notary is not None:
            self.notary.start()

    def close(self) -> None:
        """Delete dropped files that were never loaded, and close the plant."""
        self.epcis.close()
        if self.scans is not None:
            self.scans.close()
        if self.alarms is not None:
            self.alarms.close()
        if self.notary is not None:
            self.notary.close()
        self.imports.close()
        if self._witness is not None:
            self._witness.close()
        self.workspace.close()


def services(request: Request) -> Services:
    """The rooms of the application that took the request."""
    rooms: Services = request.app.state.services
    return rooms


def session(request: Request, rooms: Annotated[Services, Depends(services)]) -> Session:
    """The session of the request.

    Raises
    ------
    NotLoggedIn
        There is none.
    ForgedRequest
        The request changes something and lacks the session's token or comes from another site.
    """
    found = rooms.gate.session(request.cookies.get(COOKIE))
    if request.method not in _SAFE:
        refuse_other_sites(request)
        if not same(request.headers.get(CSRF_HEADER, ""), found.csrf):
            raise ForgedRequest
    return found


def refuse_other_sites(request: HTTPConnection) -> None:
    """Raise :class:`ForgedRequest` when the browser says that another site sent the request."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in _OWN_SITE:
        raise ForgedRequest
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower():
        raise ForgedRequest


Guarded = Annotated[Session, Depends(session)]
"""A parameter of this type makes a route answer 401 without a session."""
