"""The file of what was handed to the gate: beside the log, in its order, each behind its length and CRC-32.

``(log, index, opening, subject, issuer)`` each, in canonical bytes; log 0 is ``main``, 1 is ``refused``.
Everything in it can be checked against the entries of the logs; without it nobody can judge again.
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from assay.ledger.canonical import decode, encode
from assay.ledger.disk import sync_folder, write_all, write_whole
from assay.ledger.errors import LedgerError
from assay.ledger.gate.errors import GateError

FOLDER = "gate"
FILE = "inputs"
MAIN_LOG, REFUSED_LOG = 0, 1
_HEAD = struct.Struct(">II")


class Opened(NamedTuple):
    """What was handed in with an entry.

    Parameters
    ----------
    log, entry
        Which entry: of log ``MAIN_LOG`` or ``REFUSED_LOG``.
    opening
        What was handed in.
    subject, issuer
        Of the entry; empty for batches.
    """

    log: int
    entry: int
    opening: bytes
    subject: str
    issuer: bytes

    def framed(self) -> bytes:
        """As it stands in the file."""
        data = encode(list(self))
        return _HEAD.pack(len(data), zlib.crc32(data)) + data


def read_openings(path: Path) -> Iterator[tuple[int, int, Opened | None]]:
    """Where each begins and ends, and its content; None for the last where the file is damaged there."""
    if not path.exists() or not path.stat().st_size:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = 0
        while at < len(data):
            found = _one(data, at)
            end = len(data) if found is None else at + _HEAD.size + _HEAD.unpack_from(data, at)[0]
            yield at, end, found
            at = end


def _one(data: bytes | mmap.mmap, at: int) -> Opened | None:
    if at + _HEAD.size > len(data):
        return None
    length, crc = _HEAD.unpack(data[at : at + _HEAD.size])
    body = data[at + _HEAD.size : at + _HEAD.size + length]
    if len(body) != length or zlib.crc32(body) != crc:
        return None
    try:
        value = decode(body)
    except LedgerError:
        return None
    match value:
        case [int() as log, int() as index, bytes() as opening, str() as subject, bytes() as issuer]:
            return Opened(log, index, opening, subject, issuer)
    return None


class Openings:
    """The file, being written.

    Parameters
    ----------
    folder
        Such as ``plant/ledger/gate``; made when there is something to keep.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._handle: int | None = None
        self._size = self._ahead = 0
        self._waiting: list[bytes] = []
        self._refused: dict[int, int] = {}

    def load(self, sizes: tuple[int, int]) -> Iterator[Opened]:
        """What is kept of entries below ``sizes`` of both logs; what an ended writer left beyond goes away.

        Raises
        ------
        GateError
            ``inputs_damaged``: the file is damaged before what may be left of an interrupted write.
        """
        kept: list[tuple[int, int]] = []
        whole = 0
        for start, end, one in read_openings(self.path):
            if one is None:
                if _more(self.path, start):
                    raise GateError.of("inputs_damaged", path=self.path, offset=start)
                continue
            if one.entry >= sizes[one.log]:
                continue
            if one.log == REFUSED_LOG:
                self._refused[one.entry] = self._size
            self._size += end - start
            if start == whole:
                whole = end
            else:
                kept.append((start, end))
            yield one
        if self.path.exists() and self.path.stat().st_size != self._size:
            data = self.path.read_bytes()
            write_whole(self.path, data[:whole] + b"".join(data[start:end] for start, end in kept))

    def trim(self, sizes: tuple[int, int]) -> None:
        """Keep nothing of entries beyond ``sizes`` of both logs."""
        self.close()
        self._size, self._refused = 0, {}
        for _ in self.load(sizes):
            pass

    def add(self, one: Opened) -> None:
        """Keep one with the next :meth:`write`."""
        if one.log == REFUSED_LOG:
            self._refused[one.entry] = self._size + self._ahead
        framed = one.framed()
        self._waiting.append(framed)
        self._ahead += len(framed)

    def write(self) -> None:
        """Have everything added on the disk.

        Raises
        ------
        OSError
            It can't be written; :meth:`trim` takes back what is there of it.
        """
        if not self._waiting:
            return
        data = b"".join(self._waiting)
        if self._handle is None:
            new = not self.path.exists()
            self.path.parent.mkdir(exist_ok=True)
            self._handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
            if new:
                sync_folder(self.path.parent)
                sync_folder(self.path.parent.parent)
        os.lseek(self._handle, self._size, os.SEEK_SET)
        write_all(self._handle, data)
        os.fdatasync(self._handle)
        self._size += len(data)
        self._waiting.clear()
        self._ahead = 0

    def forget(self) -> None:
        """Keep nothing of what was added and is not written."""
        self._waiting.clear()
        self._ahead = 0

    def of_refused(self, index: int) -> bytes:
        """What was handed in with an entry of the refused log.

        Raises
        ------
        GateError
            It is not kept.
        """
        offset = self._refused.get(index)
        if offset is not None and self.path.exists():
            with self.path.open("rb") as file:
                file.seek(offset)
                head = file.read(_HEAD.size)
                data = head + file.read(_HEAD.unpack(head)[0]) if len(head) == _HEAD.size else b""
            found = _one(data, 0)
            if found is not None and (found.log, found.entry) == (REFUSED_LOG, index):
                return found.opening
        raise GateError.of("no_claims_kept", index=index)

    def close(self) -> None:
        """Let go of the file."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _more(path: Path, offset: int) -> bool:
    """Whether whole openings follow a damaged place: then it is no torn end."""
    data = path.read_bytes()
    if offset + _HEAD.size > len(data):
        return False
    after = offset + _HEAD.size + _HEAD.unpack_from(data, offset)[0]
    return after < len(data) and _one(data, after) is not None
