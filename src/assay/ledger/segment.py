"""Segments: the append-only files that are the log; what is synced there is acknowledged.

A segment begins with 36 bytes (``assay-segment/1`` and a line feed, index of its first entry, fencing epoch
of its writer, CRC-32 of these), and goes on with records: length, CRC-32 over (index, length, entry), entry;
numbers are big-endian. A writer begins a segment of its own, and another after 65,536 entries or 64 MiB. The
CRC finds torn writes and rot; that nothing was altered follows from the tree alone.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from assay.ledger.disk import sync_folder, write_all
from assay.ledger.errors import EntryError, LogError
from assay.ledger.tiles import LARGEST_ENTRY

ROLL = 65_536
"""Entries of a full segment."""

ROLL_BYTES = 64 * 1024 * 1024
"""Bytes after which a segment is full whatever it holds: who reads it has it in memory."""

MAGIC = b"assay-segment/1\n"
_HEADER = struct.Struct(">16sQQI")
_RECORD = struct.Struct(">II")
_PLACE = struct.Struct(">QI")
_SUFFIX = ".seg"


@dataclass(frozen=True, slots=True)
class Record:
    """An entry, its index, and where in its segment the record begins."""

    index: int
    offset: int
    entry: bytes


@dataclass(frozen=True, slots=True)
class Run:
    """Entries of one segment from ``first`` on, and where in it the record of each begins."""

    path: Path
    first: int
    entries: list[bytes]
    offsets: list[int]

    @property
    def end(self) -> int:
        """Index of the entry that would come next."""
        return self.first + len(self.entries)


@dataclass(frozen=True, slots=True)
class Break:
    """Where a segment can't be read on, at which entry, and why; a segment of the wrong name breaks at 0."""

    path: Path
    offset: int
    index: int
    why: str


def segment_path(folder: Path, first: int) -> Path:
    """The segment of ``folder`` that begins with entry ``first``."""
    return folder / f"{first:020d}{_SUFFIX}"


def segments(folder: Path) -> list[Path]:
    """The segments of ``folder`` in order."""
    return sorted(folder.glob(f"*{_SUFFIX}")) if folder.is_dir() else []


def read_segments(folder: Path, start: int = 0) -> Iterator[Record | Break]:
    """Every entry from ``start`` on; the first thing that can't be read ends it, as a :class:`Break`.

    Earlier segments than that of ``start`` are not looked at.
    """
    for run in read_runs(folder, start):
        if isinstance(run, Break):
            yield run
        else:
            yield from map(Record, range(run.first, run.end), run.offsets, run.entries)


def read_runs(folder: Path, start: int = 0) -> Iterator[Run | Break]:
    """The same as :func:`read_segments`, a segment at a time."""
    paths = segments(folder)
    firsts = [int(path.stem) if path.stem.isdigit() else -1 for path in paths]
    begin = max((at for at, first in enumerate(firsts) if first <= start), default=0)
    expected = firsts[begin] if firsts and begin else 0
    for path in paths[begin:]:
        run, broken = read_run(path, expected)
        expected = run.end
        skipped = max(start - run.first, 0)
        if len(run.entries) > skipped:
            yield Run(path, run.first + skipped, run.entries[skipped:], run.offsets[skipped:])
        if broken:
            yield broken
            return
    if expected < start:
        last = paths[-1] if paths else segment_path(folder, 0)
        yield Break(last, last.stat().st_size if paths else 0, expected, "entries are missing")


def read_segment(path: Path, first: int) -> Iterator[Record | Break]:
    """The entries of one segment, whose first entry must be ``first``; what can't be read comes last."""
    run, broken = read_run(path, first)
    yield from map(Record, range(run.first, run.end), run.offsets, run.entries)
    if broken:
        yield broken


def read_run(path: Path, first: int) -> tuple[Run, Break | None]:
    """All that can be read of one segment, whose first entry must be ``first``, and where it ends early."""
    data = path.read_bytes()
    header = header_bytes(first, epoch_of(data))
    run = Run(path, first, [], [])
    if data[: len(header)] != header or path != segment_path(path.parent, first):
        return run, Break(path, 0, first, "not the header of this segment")
    head, place, size = _RECORD.unpack_from, _PLACE.pack, len(data)
    at, index, why = _HEADER.size, first, None
    while at < size:
        if at + _RECORD.size > size:
            why = "the record's head is cut"
            break
        length, check = head(data, at)
        begin = at + _RECORD.size
        end = begin + length
        if end > size or length > LARGEST_ENTRY:
            why = "the entry is cut"
            break
        entry = data[begin:end]
        if check != crc32(entry, crc32(place(index, length))):
            why = "the CRC is wrong"
            break
        run.entries.append(entry)
        run.offsets.append(at)
        at, index = end, index + 1
    return run, Break(path, at, index, why) if why else None


def goes_on(broken: Break) -> bool:
    """Whether something that can be read follows what can't: then it is no torn end."""
    paths = segments(broken.path.parent)
    if broken.path != paths[-1]:
        return True
    data = broken.path.read_bytes()[broken.offset :]
    if broken.offset == 0 or len(data) < _RECORD.size:
        return False
    at = _RECORD.size + _RECORD.unpack_from(data)[0]
    if at + _RECORD.size > len(data):
        return False
    length, check = _RECORD.unpack_from(data, at)
    entry = data[at + _RECORD.size : at + _RECORD.size + length]
    whole: bool = len(entry) == length and check == _check(broken.index + 1, entry)
    return whole


def epoch_of(data: bytes) -> int:
    """The fencing epoch in a segment's header; 0 where the header is cut."""
    return int.from_bytes(data[24:32], "big") if len(data) >= _HEADER.size else 0


def header_bytes(first: int, epoch: int) -> bytes:
    """The header of a segment."""
    front = MAGIC + struct.pack(">QQ", first, epoch)
    return front + crc32(front).to_bytes(4, "big")


def record_bytes(index: int, entry: bytes) -> bytes:
    """The record of an entry."""
    return _RECORD.pack(len(entry), _check(index, entry)) + entry


def _check(index: int, entry: bytes) -> int:
    return crc32(entry, crc32(_PLACE.pack(index, len(entry))))


class SegmentWriter:
    """Appends entries; when :meth:`append` returns they are on the disk.

    Parameters
    ----------
    folder
        Where the segments are.
    size
        How many entries are there already.
    epoch
        Fencing epoch of this writer.
    """

    def __init__(self, folder: Path, size: int, epoch: int) -> None:
        self.folder = folder
        self.size = size
        self.epoch = epoch
        self._handle: int | None = None
        self._offset = 0
        self._left = 0
        self._broken = False

    def append(self, entries: Sequence[bytes]) -> None:
        """Write ``entries`` and sync; all of them are durable, or none is acknowledged.

        Raises
        ------
        EntryError
            One of them is too large; nothing is written.
        LogError
            The disk is full (nothing is kept, try again later), or a sync failed (start the writer anew).
        """
        for entry in entries:
            if len(entry) > LARGEST_ENTRY:
                raise EntryError.of("too_large", length=len(entry), most=LARGEST_ENTRY)
        done = 0
        while done < len(entries):
            handle = self._open()
            part = entries[done : done + self._left]
            data = b"".join([record_bytes(index, entry) for index, entry in enumerate(part, self.size)])
            self._write(handle, data)
            self._offset += len(data)
            self._left -= len(part)
            self.size += len(part)
            done += len(part)

    def close(self) -> None:
        """Let go of the file."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _open(self) -> int:
        if self._broken:
            raise LogError.of("writer_broken", path=self.folder)
        if self._handle is not None and self._left and self._offset < ROLL_BYTES:
            return self._handle
        self.close()
        path = segment_path(self.folder, self.size)
        self.folder.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > _HEADER.size:
            raise LogError.of("writer_broken", path=path)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        self._handle, self._offset, self._left = handle, 0, ROLL
        header = header_bytes(self.size, self.epoch)
        self._write(handle, header)
        self._offset = len(header)
        sync_folder(self.folder)
        return handle

    def _write(self, handle: int, data: bytes) -> None:
        try:
            write_all(handle, data)
        except OSError as problem:
            self._take_back(handle)
            raise LogError.of("not_written", path=self.folder, why=problem.strerror or problem) from problem
        try:
            os.fsync(handle)
        except OSError as problem:
            self._broken = True
            raise LogError.of("writer_broken", path=self.folder) from problem

    def _take_back(self, handle: int) -> None:
        """Cut off what was written of a failed append; a writer that can't goes no further."""
        try:
            os.ftruncate(handle, self._offset)
            os.lseek(handle, self._offset, os.SEEK_SET)
            if self._offset == 0:
                self.close()
                segment_path(self.folder, self.size).unlink()
        except OSError:
            self._broken = True
