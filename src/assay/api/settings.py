"""What an administrator may set about the server."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

GIB = 1 << 30
_EVERY_INTERFACE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - recognised, not listened on


@dataclass(frozen=True)
class ApiSettings:
    """Limits and addresses of the server.

    Parameters
    ----------
    allowed_hosts
        Names (without port) by which the server may be called, besides 127.0.0.1, ::1 and localhost.
        A request with any other ``Host`` is refused: a foreign page whose name is rebound to this
        address can't read the plant.
    allow_addresses
        Whether any numeric address is answered to as well; set when listening on every interface. A
        rebound name is never numeric, so this opens nothing to it.
    upload_limit
        Largest file that may be dropped, in bytes.
    body_limit
        Largest body of any other request, in bytes.
    session_hours
        How long a login lasts.
    imports_kept
        How many dropped files wait at a time; the oldest one that is not loading makes room.
    login_attempts
        Failed logins allowed per client within ``login_window`` seconds.
    login_attempts_total
        Failed logins allowed from all clients together within the same window.
    login_window
        Seconds after which a failed login is forgotten.
    answers_at_once, extractions_at_once
        How many questions are answered, and how many extractions run, at the same time; one more is refused.
    answer_rows, answer_seconds
        Most rows of an answer, and the longest it may take.
    sockets, subscriptions
        How many WebSockets are open, and how many questions each may watch.
    watched_rows
        Most rows of a watched question.
    watch_interval
        Seconds between two looks at the plant for news.
    alarm_interval
        Seconds between two looks for alarms, where something arrived.
    scan_burst, scans_per_minute
        How many consumer pages one client may open at once, and how many a minute in the long run.
    scan_burst_total, scans_per_minute_total
        The same for all clients together.
    scans_at_once
        How many consumer pages are made at the same time.
    client_header, country_header
        Headers in which a reverse proxy says the address and the country (ISO 3166-1 alpha-2) of a client;
        empty: none is believed. Anybody who reaches the server past the proxy can write them.
    publish_log
        Whether ``/log/`` is served to everybody; without it, to who is logged in.
    """

    allowed_hosts: tuple[str, ...] = ()
    allow_addresses: bool = False
    upload_limit: int = 4 * GIB
    body_limit: int = 1 << 20
    session_hours: int = 12
    imports_kept: int = 8
    login_attempts: int = 5
    login_attempts_total: int = 50
    login_window: float = 300.0
    answers_at_once: int = 4
    extractions_at_once: int = 4
    answer_rows: int = 50_000
    answer_seconds: float = 60.0
    sockets: int = 256
    subscriptions: int = 32
    watched_rows: int = 20_000
    watch_interval: float = 1.0
    alarm_interval: float = 60.0
    scan_burst: int = 30
    scans_per_minute: float = 30.0
    scan_burst_total: int = 300
    scans_per_minute_total: float = 1200.0
    scans_at_once: int = 4
    client_header: str = ""
    country_header: str = ""
    publish_log: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """The defaults, or what the environment says.

        ``ASSAY_ALLOWED_HOSTS`` (comma separated), ``ASSAY_UPLOAD_LIMIT`` (bytes), ``ASSAY_CLIENT_HEADER``,
        ``ASSAY_COUNTRY_HEADER`` and ``ASSAY_PUBLISH_LOG`` (1 or 0).

        Raises
        ------
        ValueError
            The limit is not a whole number, or the last is neither 1 nor 0.
        """
        hosts = tuple(
            name.strip() for name in environment.get("ASSAY_ALLOWED_HOSTS", "").split(",") if name.strip()
        )
        limit = environment.get("ASSAY_UPLOAD_LIMIT", "").strip()
        if limit and not limit.isdigit():
            raise ValueError(f"ASSAY_UPLOAD_LIMIT is {limit!r}; give a number of bytes, such as 4294967296")
        published = environment.get("ASSAY_PUBLISH_LOG", "").strip()
        if published not in {"", "0", "1"}:
            raise ValueError(
                f"ASSAY_PUBLISH_LOG is {published!r}; give 1 to serve the log to everybody, or 0"
            )
        return cls(
            allowed_hosts=hosts,
            upload_limit=int(limit) if limit else cls.upload_limit,
            client_header=environment.get("ASSAY_CLIENT_HEADER", "").strip(),
            country_header=environment.get("ASSAY_COUNTRY_HEADER", "").strip(),
            publish_log=published == "1",
        )

    def bound_to(self, host: str) -> Self:
        """The same settings for a server that listens on ``host``."""
        if host in _EVERY_INTERFACE:
            return replace(self, allow_addresses=True)
        return replace(self, allowed_hosts=(*self.allowed_hosts, host))
