"""Carries documents to subscribers: in a thread of its own, by one process at a time per plant."""

from __future__ import annotations

import json
import logging
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from assay.exchange.epcis.faults import ExchangeError
from assay.exchange.epcis.standing import StandingQueries, Subscription, signature
from assay.model.errors import AssayError
from assay.store.locks import PlantBusy, locked
from assay.store.registry import now

if TYPE_CHECKING:
    from assay.store.workspace import Workspace

Send = Callable[[str, bytes, Mapping[str, str]], bool]
"""Takes address, body and headers to the receiver; True when it confirmed."""

_LOG = logging.getLogger("assay.exchange")
_PATIENCE: Final = 10.0
_LONGEST_PAUSE: Final = 300.0
_ALSO_EVERY: Final = 3.0


class Courier:
    """Delivers what is due; :meth:`start` begins, :meth:`close` ends.

    Parameters
    ----------
    workspace
        The open plant.
    standing
        Its subscriptions.
    send
        How a document travels; by HTTP ``POST`` by default.
    interval
        Seconds between two looks for news; captures wake the courier at once.
    also
        What else is done with news, at most every few seconds.
    """

    def __init__(
        self,
        workspace: Workspace,
        standing: StandingQueries,
        *,
        send: Send | None = None,
        interval: float = 1.0,
        also: Callable[[], object] | None = None,
    ) -> None:
        self._lock_file = workspace.spool / "epcis-delivery.lock"
        self._standing = standing
        self._send = send or post
        self._interval = interval
        self._also = also
        self._also_done = 0.0
        self._news = threading.Event()
        self._ended = threading.Event()
        self._failures: dict[str, tuple[int, float]] = {}
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to deliver."""
        self._thread = threading.Thread(target=self._run, name="epcis-courier", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There is news."""
        self._news.set()

    def close(self) -> None:
        """Stop after the document that is on its way."""
        self._ended.set()
        self._news.set()
        if self._thread is not None:
            self._thread.join(_PATIENCE + 5)

    def _run(self) -> None:
        while not self._ended.is_set():
            self._news.wait(self._interval)
            self._news.clear()
            if not self._ended.is_set():
                try:
                    self.round()
                    self._do_also()
                except AssayError as error:
                    _LOG.warning("EPCIS subscriptions and records wait: %s", error)

    def _do_also(self) -> None:
        if self._also is not None and time.monotonic() - self._also_done >= _ALSO_EVERY:
            self._also()
            self._also_done = time.monotonic()

    def round(self) -> int:
        """Deliver once what is due to everyone; returns how many documents arrived."""
        subscriptions = self._standing.subscriptions()
        if not subscriptions:
            return 0
        try:
            with locked(self._lock_file, wait=False):
                moment = now()
                return sum(self._serve(one, moment) for one in self._standing.subscriptions())
        except PlantBusy:
            return 0

    def _serve(self, subscription: Subscription, moment: datetime) -> int:
        scheduled = "schedule" in subscription.settings
        if scheduled and (subscription.due is None or subscription.due > moment):
            return 0
        failures, not_before = self._failures.get(subscription.id, (0, 0.0))
        if time.monotonic() < not_before:
            return 0
        try:
            arrived = self._deliver(subscription)
        except ExchangeError as error:  # the query was removed or can't be followed any more
            _LOG.warning("EPCIS subscription %s is not served: %s", subscription.id, error)
            return 0
        if arrived is None:
            pause = min(2.0**failures, _LONGEST_PAUSE)
            self._failures[subscription.id] = (failures + 1, time.monotonic() + pause)
            return 0
        self._failures.pop(subscription.id, None)
        if scheduled:
            self._standing.reschedule(subscription, moment)
        return arrived

    def _deliver(self, subscription: Subscription) -> int | None:
        """Deliver everything that is new; None when the receiver did not confirm."""
        arrived = 0
        while not self._ended.is_set():
            delivery = self._standing.next_delivery(subscription)
            if delivery is None:
                return arrived
            if delivery.document is not None:
                if not self._hand_over(subscription, delivery.document):
                    return None
                arrived += 1
            self._standing.confirm(subscription, delivery)
            if not delivery.more:
                return arrived
            subscription = self._standing.subscription(subscription.query, subscription.id)
        return arrived

    def _hand_over(self, subscription: Subscription, document: Mapping[str, Any]) -> bool:
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {
            "Content-Type": "application/json",
            "GS1-EPCIS-Version": "2.0.0",
            "GS1-CBV-Version": "2.0.0",
        }
        token = subscription.settings.get("signatureToken")
        if token:
            headers["GS1-Signature"] = signature(body, token)
        return self._send(subscription.destination, body, headers)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A receiver is where it says it is: nothing is sent on to elsewhere."""

    def redirect_request(self, *_: Any) -> None:
        """Follow none."""


_OPENER = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler({}))


def post(address: str, body: bytes, headers: Mapping[str, str]) -> bool:
    """``POST`` a document; True when the receiver answers with a status from 200 to 299."""
    request = urllib.request.Request(address, body, dict(headers), method="POST")  # noqa: S310 - http(s) only
    try:
        with _OPENER.open(request, timeout=_PATIENCE) as answer:
            return 200 <= int(answer.status) < 300
    except (urllib.error.URLError, OSError, ValueError) as error:
        _LOG.info("EPCIS subscriber %s did not confirm: %s", address, error)
        return False
