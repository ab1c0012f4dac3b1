"""Files and long texts of a plant, kept once under the SHA-256 of their bytes.

An object never changes: its id is its content. Records refer to it by that id, as ``artifact.content`` does.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, TYPE_CHECKING, BinaryIO

from assay.model.errors import StoreError
from assay.store.layout import UNFINISHED
from assay.store.place import Found, Place, sync

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

ALGORITHM = "sha256"
LARGEST = 16 * 1024**3
"""Bytes an object may have, unless a store is given another limit."""

_CONTENT = re.compile(rf"{ALGORITHM}:([0-9a-f]{{64}})")
_PATH = re.compile(r"([0-9a-f]{2})/([0-9a-f]{2})/([0-9a-f]{64})")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """A kept object: ``content`` is ``sha256:`` and 64 hex digits, ``size`` its bytes."""

    content: str
    size: int
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """What a check of every object found.

    Attributes
    ----------
    checked
        How many objects were read.
    corrupt
        Ids of objects whose bytes are no longer those they were kept with.
    strangers
        Paths of files that lie among the objects and are none.
    """

    checked: int
    corrupt: tuple[str, ...]
    strangers: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether every object is what its id says."""
        return not self.corrupt


class ObjectStore:
    """Objects in a directory or a bucket.

    Parameters
    ----------
    place
        Where objects lie; made with the first one.
    spool
        A local directory in which objects for a bucket wait until their id is known.
    largest
        Bytes an object may have.
    """

    def __init__(self, place: Place | Path | str, spool: Path, *, largest: int = LARGEST) -> None:
        self.place = Place.of(place)
        self.largest = largest
        self._waiting = self.place.directory or spool / "objects"

    # -- keeping ----------------------------------------------------------------------------------

    def put(
        self, source: bytes | Path | IO[bytes] | Iterable[bytes], *, media_type: str | None = None
    ) -> ObjectRef:
        """Keep bytes, a file, what a stream has left, or joined pieces; the same bytes are kept once.

        Nothing is held in memory beyond a piece. A reader sees the whole object or none.

        Raises
        ------
        StoreError
            The source is larger than the limit, or can't be read; or the place can't be written to. Nothing
            is kept then.
        """
        self._waiting.mkdir(parents=True, exist_ok=True)
        digest, size = hashlib.sha256(), 0
        with NamedTemporaryFile(dir=self._waiting, prefix=UNFINISHED, delete=False) as file:
            unfinished = Path(file.name)
            try:
                for piece in _pieces(source):
                    size += len(piece)
                    if size > self.largest:
                        raise StoreError(
                            f"an object has more than {self.largest:,} bytes, the most that is kept",
                            hint="Keep it elsewhere and record its address.",
                        )
                    digest.update(piece)
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            except BaseException:
                unfinished.unlink(missing_ok=True)
                raise
        content = f"{ALGORITHM}:{digest.hexdigest()}"
        try:
            self._settle(unfinished, content, size, media_type)
        finally:
            unfinished.unlink(missing_ok=True)
        return ObjectRef(content, size, media_type)

    def _settle(self, unfinished: Path, content: str, size: int, media_type: str | None) -> None:
        """Give finished bytes their name, unless it is taken."""
        path = object_path(content)
        before = self.place.sizes([path]).get(path)
        if before is not None:
            if before != size:
                raise StoreError(
                    f"the object {content} is damaged: it has {before} bytes instead of {size}",
                    hint=f"Move {self.place.address(path)} away, then keep the object again.",
                )
            return
        directory = self.place.directory
        if directory is None:
            self.place.take({path: unfinished}, media_type=media_type)
            return
        with self.place.reporting("can't be written to"):
            target = directory / path
            target.parent.mkdir(parents=True, exist_ok=True)
            unfinished.replace(target)
            for folder in (target.parent, target.parent.parent, directory):
                sync(folder)

    def delete(self, content: str) -> bool:
        """Delete an object; whether there was one. No record may refer to it any more."""
        path = object_path(content)
        there = self.place.exists(path)
        if there:
            self.place.delete(path)
        return there

    # -- reading ----------------------------------------------------------------------------------

    @contextmanager
    def open(self, content: str, *, check: bool = False) -> Iterator[BinaryIO]:
        """An object's bytes as a stream.

        With ``check`` the bytes are hashed as they are read, from begin to end, and the read that reaches the
        end fails when they are not what was kept; the stream can't be sought in then.

        Raises
        ------
        StoreError
            The id is none, there is no such object, or it can't be read.
        """
        path = object_path(content)
        if not self.place.exists(path):
            raise StoreError(
                f"there is no object {content} in {self.place}",
                hint="It was never kept, or its file was deleted; a backup may hold it.",
            )
        with self.place.reading(path) as source:
            stream: BinaryIO = io.BufferedReader(_Reading(source, self.place, content if check else None))
            with stream:
                yield stream

    def exists(self, content: str) -> bool:
        """Whether there is an object of this id; :class:`StoreError` when the id is none."""
        return self.place.exists(object_path(content))

    def all(self) -> Iterator[ObjectRef]:
        """Every object, ordered by id."""
        for found in self._files():
            content = _content_of(found.path)
            if content is not None:
                yield ObjectRef(content, found.size)

    # -- checking ---------------------------------------------------------------------------------

    def verify(self, content: str) -> None:
        """Read an object and hash it again.

        Raises
        ------
        StoreError
            There is no such object, it can't be read, or its bytes are not what was kept.
        """
        with self.open(content, check=True) as stream:
            while stream.read(_CHUNK):
                continue

    def verify_all(self) -> Verification:
        """Read and hash every object.

        Raises
        ------
        StoreError
            The place can't be read.
        """
        checked, corrupt, strangers = 0, [], []
        for found in self._files():
            content = _content_of(found.path)
            if content is None:
                strangers.append(found.path)
                continue
            checked += 1
            try:
                self.verify(content)
            except DigestMismatch:
                corrupt.append(content)
        return Verification(checked, tuple(corrupt), tuple(strangers))

    def _files(self) -> Iterator[Found]:
        for found in self.place.files():
            if not found.path.startswith(UNFINISHED):  # it may be taken away at any time
                yield found


class DigestMismatch(StoreError):
    """An object's bytes are not those it was kept with."""


def object_path(content: str) -> str:
    """Where an object lies below the store: ``ab/cd/abcd…``.

    Raises
    ------
    StoreError
        The text is no id of an object.
    """
    found = _CONTENT.fullmatch(str(content))
    if found is None:
        raise StoreError(
            f"{str(content)[:100]!r} is not the id of an object",
            hint=f"An id is {ALGORITHM}: and 64 digits or letters a to f.",
        )
    digest = found[1]
    return f"{digest[:2]}/{digest[2:4]}/{digest}"


def _content_of(path: str) -> str | None:
    found = _PATH.fullmatch(path)
    if found is None or not found[3].startswith(found[1] + found[2]):
        return None
    return f"{ALGORITHM}:{found[3]}"


def _pieces(source: bytes | Path | IO[bytes] | Iterable[bytes]) -> Iterator[bytes]:
    if isinstance(source, bytes | bytearray | memoryview):
        yield bytes(source)
    elif isinstance(source, Path):
        try:
            with source.open("rb") as file:
                yield from iter(lambda: file.read(_CHUNK), b"")
        except OSError as error:
            raise StoreError(f"{source} can't be kept: {error.strerror or error}") from error
    elif isinstance(source, str):
        raise StoreError(
            "an object is made of bytes, not of text", hint="Encode the text, or give a Path for a file."
        )
    elif hasattr(source, "read"):
        yield from iter(lambda: source.read(_CHUNK), b"")
    else:
        yield from source


class _Reading(io.RawIOBase):
    """Reads through; with ``content`` it hashes what goes by and compares at the end."""

    def __init__(self, source: BinaryIO, place: Place, content: str | None) -> None:
        self._source = source
        self._place = place
        self._content = content
        self._digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._content is None

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if self._content is not None:
            raise io.UnsupportedOperation("a checked object is read from begin to end")
        return self._source.seek(offset, whence)

    def tell(self) -> int:
        return self._source.tell()

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        with self._place.reporting("can't be read"):
            data = self._source.read(len(view))
        view[: len(data)] = data
        if self._content is not None:
            self._digest.update(data)
            if not data and f"{ALGORITHM}:{self._digest.hexdigest()}" != self._content:
                raise DigestMismatch(
                    f"the object {self._content} in {self._place} is damaged: its bytes have another digest",
                    hint="Restore it from a backup, or keep the original again after moving the file away.",
                )
        return len(data)
