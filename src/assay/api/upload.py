"""Taking a dropped file in: streamed to the spool, never larger than the limit, never half kept."""

from __future__ import annotations

import re
import shutil
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from assay.api.errors import UploadBroken, UploadTooLarge

_MULTIPART_OVERHEAD = 64 << 10  # boundaries and part headers, which don't count as the file
_FIELD_LIMIT = 64 << 10
_DRAINED = 32 << 20
_NAME_BYTES = 200  # file systems take 255 bytes for a name


@dataclass(frozen=True)
class Dropped:
    """A file in the spool; ``path.name`` is its name as it was dropped, made safe."""

    folder: Path
    path: Path
    size: int


async def receive_upload(request: Request, folder: Path, limit: int) -> Dropped:
    """Stream the multipart field ``file`` of ``request`` into ``folder``.

    Parameters
    ----------
    request
        The request, its body not yet read.
    folder
        An empty directory of the upload's own; deleted again when the upload fails.
    limit
        Largest file in bytes.

    Raises
    ------
    UploadTooLarge
        The file is larger than ``limit``.
    UploadBroken
        Not multipart, no file in it, more than one, malformed, or cut off.
    """
    receiver = None
    try:
        receiver = _Receiver(request, folder, limit)
        async for chunk in request.stream():
            await run_in_threadpool(receiver.feed, chunk)
        return await run_in_threadpool(receiver.finish)
    except BaseException as error:
        if receiver is not None:
            receiver.close()
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, UploadTooLarge):
            await _drain(request)
        if isinstance(error, FormParserError):
            raise UploadBroken("malformed") from error
        if isinstance(error, ClientDisconnect):
            raise UploadBroken("cut-off") from error
        raise


async def _drain(request: Request) -> None:
    """Take some more of a refused body: a browser that is cut off while sending never reads the answer."""
    with suppress(ClientDisconnect, RuntimeError):
        drained = 0
        async for chunk in request.stream():
            drained += len(chunk)
            if drained > _DRAINED:
                return


class _Receiver:
    """Callbacks of the multipart parser; keeps one file part and throws other fields away."""

    def __init__(self, request: Request, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._file: BinaryIO | None = None
        self._path: Path | None = None
        self._size = 0
        self._field_size = 0
        self._ended = False
        self._header_name = b""
        self._header_value = b""
        self._disposition = b""
        declared = request.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > limit + _MULTIPART_OVERHEAD:
            raise UploadTooLarge(limit)
        content_type, options = parse_options_header(request.headers.get("content-type"))
        boundary = options.get(b"boundary")
        if content_type != b"multipart/form-data" or not boundary:
            raise UploadBroken("not-multipart")
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_part_begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
        )

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the body."""
        if chunk:
            self._parser.write(chunk)

    def finish(self) -> Dropped:
        """The file, when the body came to its proper end."""
        self.close()
        if not self._ended:
            raise UploadBroken("cut-off")
        if self._path is None:
            raise UploadBroken("no-file")
        return Dropped(self._folder, self._path, self._size)

    def close(self) -> None:
        """Close the file, if one is open."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _on_part_begin(self) -> None:
        self._disposition = b""

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = self._header_value
        self._header_name = self._header_value = b""

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        if options.get(b"name") != b"file" or b"filename" not in options:
            return
        if self._path is not None:
            raise UploadBroken("two-files")
        name = safe_name(options[b"filename"].decode("utf-8", "replace"))
        if not name:
            raise UploadBroken("no-file")
        self._path = self._folder / name
        self._file = self._path.open("xb")

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is None:
            self._field_size += end - start
            if self._field_size > _FIELD_LIMIT:
                raise UploadBroken("field-too-large")
            return
        self._size += end - start
        if self._size > self._limit:
            raise UploadTooLarge(self._limit)
        self._file.write(data[start:end])

    def _on_part_end(self) -> None:
        self.close()

    def _on_end(self) -> None:
        self._ended = True


def safe_name(given: str) -> str:
    """The last part of a file name without control characters, at most 200 bytes, its suffix kept.

    Letters of any script stay: mappings take values from the file's name. Empty when nothing is left.
    """
    last = re.split(r"[/\\]", given)[-1]
    printable = "".join(c for c in last if unicodedata.category(c)[0] != "C" and c not in ':*?"<>|').strip(
        " ."
    )
    if len(printable.encode()) <= _NAME_BYTES:
        return printable
    stem, suffix = Path(printable).stem, Path(printable).suffix[:16]
    kept = stem.encode()[: _NAME_BYTES - len(suffix.encode())].decode("utf-8", "ignore")
    return kept + suffix
