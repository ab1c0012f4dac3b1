"""The EPCIS repository of the served plant: documents are checked and kept, subscribers served."""

from __future__ import annotations

from functools import partial
from typing import Final

from assay.exchange.epcis import ExchangeError, Verdict
from assay.exchange.epcis.courier import Courier
from assay.exchange.epcis.faults import fault
from assay.exchange.epcis.reading import read_json
from assay.exchange.epcis.records import bring_in
from assay.exchange.epcis.repository import Behaviour, CaptureJob, Repository
from assay.exchange.epcis.standing import StandingQueries
from assay.exchange.epcis.validate import events_of, validate, validate_each
from assay.store.workspace import Workspace

CAPTURE_EVENTS: Final = 10_000
"""Most events of one captured document."""
CAPTURE_BYTES: Final = 32 << 20
"""Largest captured document, in bytes."""
CAPTURE_PATHS: Final = frozenset({"/epcis/capture", "/epcis/events"})
"""Paths that bound their own body."""


class EpcisDesk:
    """The EPCIS repository of the served plant."""

    def __init__(self, workspace: Workspace, *, interval: float) -> None:
        self.repository = Repository(workspace)
        self.standing = StandingQueries(workspace, self.repository)
        bring = partial(bring_in, workspace, self.repository)
        self.courier = Courier(workspace, self.standing, interval=interval, also=bring)

    def capture(self, data: bytes, behaviour: Behaviour) -> tuple[Verdict, CaptureJob | None]:
        """Check and keep a document; no job when its form or, with ``rollback``, any event is refused."""
        document, problem = read_json(data)
        if problem is not None:
            return Verdict(faults=(problem,)), None
        if isinstance(document, dict) and document.get("type") not in {"EPCISDocument", "EPCISQueryDocument"}:
            return Verdict(faults=(fault(("type",), "document-type"),)), None
        events, _ = events_of(document)
        if len(events) > CAPTURE_EVENTS:
            raise ExchangeError(
                "CaptureLimitExceededException", "too-many", count=len(events), limit=CAPTURE_EVENTS
            )
        verdict = validate(document)
        if not verdict.valid and behaviour == "proceed":
            verdict = validate_each(document)
        if not verdict.valid and (behaviour == "rollback" or not verdict.contexts):
            return verdict, None
        job = self.repository.capture(verdict, behaviour)
        self.courier.wake()
        return verdict, job

    def capture_event(self, data: bytes) -> tuple[Verdict, CaptureJob | None]:
        """Check and keep one bare event."""
        document, problem = read_json(data)
        if problem is not None:
            return Verdict(faults=(problem,)), None
        kind = document.get("type") if isinstance(document, dict) else None
        if kind in {"EPCISDocument", "EPCISQueryDocument"}:
            raise ExchangeError("ValidationException", "not-an-event", type=kind)
        verdict = validate(document)
        if not verdict.valid:
            return verdict, None
        job = self.repository.capture(verdict)
        self.courier.wake()
        return verdict, job

    def close(self) -> None:
        """Stop delivering."""
        self.courier.close()
