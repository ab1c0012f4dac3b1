"""Text encodings of files: byte-order marks, transcoding to UTF-8 without losing a byte, and hints."""

from __future__ import annotations

import codecs
from typing import BinaryIO

from assay.model.errors import SourceError

_MARKS: tuple[tuple[bytes, str], ...] = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)

_CANDIDATES = ("utf-8", "gb18030", "windows-1252")
_WIDE = frozenset({"utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-16", "utf-32"})


def by_mark(head: bytes) -> tuple[str | None, int]:
    """Encoding told by a byte-order mark, and the mark's length."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding, len(mark)
    return None, 0


def fitting(raw: bytes) -> list[str]:
    """Encodings in which ``raw`` reads as printable text."""
    found = [one for one in _CANDIDATES if _reads(raw, one)]
    sparse = raw.count(b"\0") * 3 >= len(raw)
    if sparse and len(raw) >= 4:
        found = ["utf-16-le" if raw[1:2] == b"\0" else "utf-16-be"]
    return found


def _reads(raw: bytes, encoding: str) -> bool:
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter in "\t\r\n" for letter in text)


def hint(raw: bytes, encoding: str) -> str:
    """What to write in the mapping so that ``raw`` reads."""
    others = [one for one in fitting(raw) if one != encoding]
    if not others:
        return "No common encoding fits these bytes; ask for the file to be exported again as UTF-8."
    return f"These bytes read as text in {' or '.join(others)}: set `file: {{encoding: {others[0]}}}`."


def normal(encoding: str) -> str:
    """The encoding's canonical name; the mark-less form for utf-8 and utf-16."""
    name = codecs.lookup(encoding).name
    return {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le", "ascii": "utf-8"}.get(
        name, name
    )


class Feed:
    """A binary stream as UTF-8 bytes. Bytes that don't decode come through so that they can be found again.

    UTF-8 passes unchanged. Other encodings are decoded with escapes that make invalid UTF-8 on purpose;
    :meth:`original` turns any piece of the output back into the exact bytes of the file.
    """

    def __init__(self, stream: BinaryIO, encoding: str, name: str) -> None:
        self._stream = stream
        self._name = name
        self.encoding = encoding
        self.done = False
        self._errors = "surrogatepass" if encoding in _WIDE else "surrogateescape"
        self._decoder = None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)(self._errors)

    def read(self, size: int) -> bytes:
        """Up to about ``size`` bytes; empty only at the end, when ``done`` turns true."""
        while not self.done:
            raw = self._stream.read(size)
            if not raw:
                self.done = True
            if self._decoder is None:
                return raw
            try:
                text = self._decoder.decode(raw, final=self.done)
            except UnicodeDecodeError as error:
                raise SourceError(
                    f"{self._name}: not {self.encoding}: {error.reason}",
                    hint="The file is cut short or has another encoding; export it again as UTF-8.",
                ) from error
            if text:
                return text.encode("utf-8", self._errors)
        return b""

    def original(self, piece: bytes) -> bytes:
        """The file's own bytes of a piece of the output."""
        if self._decoder is None:
            return piece
        return piece.decode("utf-8", self._errors).encode(self.encoding, self._errors)
