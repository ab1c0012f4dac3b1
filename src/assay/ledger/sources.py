"""Where a log is read from: its folder, or the address it is served at (C2SP tlog-tiles)."""

from __future__ import annotations

import gzip
import http.client
import io
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Protocol

from assay.ledger.derived import CHECKPOINT, Derived, narrowed
from assay.ledger.errors import LogError, VerificationError
from assay.ledger.tiles import ENTRIES, LARGEST_ENTRY, WIDTH, Tile

PATIENCE = 20.0
"""Seconds without a byte of a resource."""

_LONGEST = 120.0
"""Seconds for one resource that comes byte by byte."""

_LARGEST_CHECKPOINT = 256 * 1024


class Source(Protocol):
    """A log that can be read."""

    where: str

    def checkpoint(self) -> bytes:
        """The published checkpoint."""

    def read(self, tile: Tile) -> bytes:
        """A tile or bundle."""


class FolderSource:
    """A log's folder, or a copy of it.

    Parameters
    ----------
    folder
        Such as ``plant/ledger/main``.
    """

    def __init__(self, folder: Path) -> None:
        self.where = str(folder)
        self._derived = Derived(folder)

    def checkpoint(self) -> bytes:
        """The published checkpoint.

        Raises
        ------
        LogError
            There is none.
        """
        try:
            return (self._derived.folder / CHECKPOINT).read_bytes()
        except OSError as problem:
            raise LogError.of("unreachable", where=self.where, why=problem.strerror or problem) from problem

    def read(self, tile: Tile) -> bytes:
        """A tile or bundle (:meth:`assay.ledger.derived.Derived.read`)."""
        return self._derived.read(tile)


class UrlSource:
    """A log that is served over HTTP.

    Parameters
    ----------
    prefix
        Such as ``https://partner.example/log/main``.
    cookie
        Sent with each request where the log is not public.
    """

    def __init__(self, prefix: str, cookie: str = "") -> None:
        self.where = prefix.rstrip("/")
        self._cookie = cookie

    def checkpoint(self) -> bytes:
        """The published checkpoint.

        Raises
        ------
        LogError
            It can't be had.
        """
        return self._get(CHECKPOINT, _LARGEST_CHECKPOINT)

    def read(self, tile: Tile) -> bytes:
        """A tile or bundle; where a partial one is gone, it is cut from the full one.

        Raises
        ------
        LogError
            Neither can be had.
        """
        most = WIDTH * (LARGEST_ENTRY + 2) if tile.level == ENTRIES else WIDTH * 32
        try:
            return self._get(tile.path, most)
        except LogError:
            if tile.width == WIDTH:
                raise
            full = Tile(tile.level, tile.index)
            return narrowed(self._get(full.path, most), full, tile)

    def _get(self, path: str, most: int) -> bytes:
        where = f"{self.where}/{path}"
        headers = {"User-Agent": "assay", "Accept-Encoding": "gzip, identity"}
        if self._cookie:
            headers["Cookie"] = self._cookie
        try:
            if not where.startswith(("http://", "https://")):
                raise ValueError("not an http(s) address")
            request = urllib.request.Request(where, headers=headers)  # noqa: S310 - http(s) only, see above
            with _OPENER.open(request, timeout=PATIENCE) as answer:
                data = _whole(answer, most)
                if answer.headers.get("Content-Encoding") == "gzip":
                    with gzip.open(io.BytesIO(data)) as plain:
                        data = plain.read(most + 1)
        except (OSError, EOFError, ValueError, urllib.error.URLError) as problem:
            raise LogError.of("unreachable", where=where, why=problem) from problem
        if len(data) > most:
            raise VerificationError.of("bad_tile", path=path, length=len(data), expected=most)
        return bytes(data)


def _whole(answer: http.client.HTTPResponse, most: int) -> bytes:
    """Up to one byte more than ``most``, however slowly they come, but not for ever."""
    parts, length, until = [], 0, time.monotonic() + _LONGEST
    while length <= most and (part := answer.read1(min(65_536, most + 1 - length))):
        parts.append(part)
        length += len(part)
        if time.monotonic() > until:
            raise TimeoutError(f"it takes longer than {_LONGEST:.0f} s")
    return b"".join(parts)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Nobody else answers for a log."""


_OPENER = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler({}))


def source_of(where: str, name: str) -> Source:
    """The log at an address, in its own folder, or the log ``name`` in a plant's folder."""
    if where.startswith(("http://", "https://")):
        return UrlSource(where)
    folder = Path(where)
    inside = folder / "ledger" / name
    return FolderSource(inside if inside.is_dir() else folder)
