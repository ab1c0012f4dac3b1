"""Scans of products' codes by the public: who may ask how often, what is kept, and what comes back."""

from __future__ import annotations

import ipaddress
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from starlette.datastructures import Headers
from starlette.requests import Request

from assay.api.buckets import TokenBuckets
from assay.api.settings import ApiSettings
from assay.exchange.consumer import (
    ConsumerAnswer,
    Found,
    ScannedCode,
    consumer_answer,
    find_code,
    hints_of,
)
from assay.exchange.consumer.events import bring_in
from assay.exchange.consumer.grades import Grades
from assay.model.codes.gs1.code_lists import COUNTRIES_ALPHA
from assay.model.consumer import ConsumerPage, Shown
from assay.model.errors import AssayError
from assay.store.registry import now
from assay.store.scans import Scan, ScanLog, Whereabouts
from assay.store.workspace import Workspace

_LOG = logging.getLogger("assay.api")
_PAUSE: Final = 1.0
"""Seconds between two times that scans become records of the plant."""
_PAUSE_FAILED: Final = 30.0
"""The same after a failure."""
_PRUNED_EVERY: Final = 3600.0
"""Seconds after which old scans are looked for, also where nobody scans."""
_PATIENCE: Final = 1.0
"""Seconds that a request waits for its turn."""
_AGENT: Final = 300
_NETWORK: Final = 64
"""Bits of an IPv6 address that one customer has."""


class ScanDesk:
    """The consumer pages of the served plant.

    Parameters
    ----------
    workspace
        The plant.
    page
        What its pages may show.
    settings
        How often may be asked, and which headers of a proxy are believed.
    clock
        The present time, with its zone.
    """

    def __init__(
        self,
        workspace: Workspace,
        page: ConsumerPage,
        settings: ApiSettings,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self.page, self._workspace, self._settings = page, workspace, settings
        self.log = ScanLog(workspace.registry, page.scans, clock)
        self._each = TokenBuckets(settings.scan_burst, settings.scans_per_minute)
        self._all = TokenBuckets(settings.scan_burst_total, settings.scans_per_minute_total)
        self._grades = Grades(workspace)
        self._turns = threading.BoundedSemaphore(settings.scans_at_once)
        self._news, self._ended = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def wait(self, request: Request) -> int:
        """0 when the request may be answered, else after how many seconds it may come again."""
        # A client that asks too often takes nothing from the others.
        return self._each.take(network_of(self.address(request))) or self._all.take()

    def address(self, request: Request) -> str:
        """The address of the client: as the proxy says it where one is set up, else the peer's."""
        peer = request.client.host if request.client else ""
        said = _last(request.headers, self._settings.client_header)
        try:
            return str(ipaddress.ip_address(said))
        except ValueError:
            return peer

    def country(self, request: Request) -> str | None:
        """The country as the proxy says it, where one is set up."""
        said = _last(request.headers, self._settings.country_header).upper()
        return said if said in COUNTRIES_ALPHA else None

    def withdrawn(self, product: Shown) -> bool:
        """Whether the product's pages are gone, by the day at the plant."""
        today = self.log.clock().astimezone(ZoneInfo(self._workspace.config.time_zone)).date()
        return product.withdrawn is not None and today >= product.withdrawn

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """Few pages are made at a time; False when the request had to wait too long for its turn."""
        mine = self._turns.acquire(timeout=_PATIENCE)
        try:
            yield mine
        finally:
            if mine:
                self._turns.release()

    def answer(
        self, code: ScannedCode, product: Shown, request: Request, where: Whereabouts | None = None
    ) -> ConsumerAnswer:
        """What everybody may know of a code; the scan is kept where it is one.

        Parameters
        ----------
        code, product
            What was scanned, of which product.
        request
            Who asks. A ``HEAD`` request and what a browser fetches in advance are no scans.
        where
            The place that the person told.

        Raises
        ------
        AssayError
            The plant can't be asked at present.
        """
        if code.kind is None:
            return self._shown(code, product, Found("recorded", None))
        found = find_code(self._workspace, code, product)
        scan = Scan(
            code=code.canonical,
            moment=self.log.clock(),
            standing=found.standing,
            kind=code.kind,
            subject=found.subject,
            device=self.log.device(self.address(request), request.headers.get("user-agent", "")[:_AGENT]),
            where=self._where(request, where),
        )
        limits = self.page.hints
        if request.method == "HEAD" or "prefetch" in request.headers.get("sec-purpose", ""):
            return self._shown(code, product, found)
        coarse = replace(scan, where=scan.where.coarse)
        kept = self.log.add(
            scan,
            lambda earlier: hints_of(coarse, earlier, product, limits),
            since=scan.moment - timedelta(days=limits.days),
        )
        self._news.set()
        return self._shown(code, product, found, kept.hints)

    def _shown(
        self, code: ScannedCode, product: Shown, found: Found, hints: Sequence[str] = ()
    ) -> ConsumerAnswer:
        return consumer_answer(
            self._workspace, self.page, product, code=code, found=found, hints=hints, grades=self._grades
        )

    def _where(self, request: Request, told: Whereabouts | None) -> Whereabouts:
        country = self.country(request)
        if told is None:
            return Whereabouts(country)
        return replace(told, country=told.country or country)

    def start(self) -> None:
        """Begin to make scans records of the plant."""
        self._thread = threading.Thread(target=self._run, name="assay-scans", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop, after the scans that were kept have become records."""
        self._ended.set()
        self._news.set()
        if self._thread is not None:
            self._thread.join(30)

    def _run(self) -> None:
        ending = False
        while not ending:
            self._news.wait(_PRUNED_EVERY)
            self._news.clear()
            ending = self._ended.is_set()  # scans kept while the last round ran still need one
            pause = _PAUSE
            try:
                bring_in(self._workspace, self.log)
            except AssayError as error:
                _LOG.warning("scans wait to become records: %s", error)
                self._news.set()
                pause = _PAUSE_FAILED
            self._ended.wait(pause)


def network_of(address: str) -> str:
    """What counts as one client: an IPv4 address, or the part of an IPv6 address that a customer has."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    mapped = parsed.ipv4_mapped
    if mapped is not None:
        return str(mapped)
    return str(ipaddress.ip_network((parsed, _NETWORK), strict=False).network_address)


def _last(headers: Headers, name: str) -> str:
    """The last value of a header: the one that the nearest proxy wrote."""
    said = headers.getlist(name) if name else []
    return said[-1].rpartition(",")[2].strip() if said else ""
