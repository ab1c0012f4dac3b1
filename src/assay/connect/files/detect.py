"""What a file is, told by its content and compared with what its name says."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from assay.model.errors import SourceError

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"PAR1", "parquet"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel or Word file (.xls, .doc)"),
    (b"\x1f\x8b", "gzip"),
    (b"%PDF-", "a PDF document"),
    (b"\x89PNG\r\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"ARROW1", "an Arrow file"),
    (b"\x89HDF\r\n", "an HDF5 file"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a Windows program"),
)

_TAR_AT = 257
"""Where a tar archive's first header names its format (POSIX.1-1988, ustar)."""

_BY_SUFFIX = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".tab": "csv",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".parquet": "parquet",
    ".pq": "parquet",
}

_SAID = {"csv": "text such as CSV", "excel": "an Excel workbook", "parquet": "a Parquet file"}


@dataclass(frozen=True)
class Detected:
    """What the content says."""

    format: str
    """'csv', 'excel' or 'parquet'; else a description of what it is."""
    gzipped: bool
    """True when the content lies in a gzip envelope."""

    @property
    def readable(self) -> bool:
        """True when the file connector reads this format."""
        return self.format in _SAID and not (self.gzipped and self.format != "csv")

    @property
    def said(self) -> str:
        """For messages."""
        name = _SAID.get(self.format, self.format)
        return f"gzip of {name}" if self.gzipped else name


def detect(path: Path) -> Detected:
    """Look at the first bytes of ``path``; ``SourceError`` when it is empty or can't be opened."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise SourceError(
            f"{path}: can't be opened: {error.strerror or error}", hint="Check the path."
        ) from error
    if not head:
        raise SourceError(f"{path.name} is empty (0 bytes)", hint="Export the file again.")
    found = _of(head, path)
    if found != "gzip":
        return Detected(found, gzipped=False)
    try:
        with gzip.open(path) as inner:
            return Detected(_of(inner.read(4096), path), gzipped=True)
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(
            f"{path.name}: a gzip file that can't be unpacked: {error}", hint="Copy or export the file again."
        ) from error


def _of(head: bytes, path: Path) -> str:
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return _of_zip(path) if name == "zip" else name
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:64].lower()
    if head[_TAR_AT : _TAR_AT + 5] == b"ustar":
        return "a tar archive"
    if start.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    if start.startswith(b"<?xml"):
        return "an XML document"
    return "csv"


def _of_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, EOFError):
        return "a broken zip archive or Excel workbook"
    if "xl/workbook.xml" in names:
        return "excel"
    if any(name.startswith("word/") for name in names):
        return "a Word document"
    if any(name.startswith("xl/") for name in names):
        return "a binary Excel workbook (.xlsb)"
    return "a zip archive"


def check_name(path: Path, found: Detected, wanted: str) -> None:
    """Raise ``SourceError`` when content and name (or the format asked for) say different things."""
    if not found.readable:
        raise SourceError(
            f"{path.name}: this is {found.said}, not a table that can be read",
            hint=_advice(found),
        )
    if wanted not in {"auto", found.format}:
        raise SourceError(
            f"{path.name}: the mapping says format {wanted}, but the content is {found.said}",
            hint=f"Set `format: {found.format}` or choose the right file.",
        )
    suffix = path.suffix.lower()
    if suffix == ".gz":
        if not found.gzipped:
            raise SourceError(
                f"{path.name} is named .gz, but the content is {found.said}",
                hint="Rename the file after what it is.",
            )
        suffix = Path(path.stem).suffix.lower()
    elif found.gzipped and suffix in _BY_SUFFIX:
        raise SourceError(
            f"{path.name}: the content is {found.said}, not what {suffix} says",
            hint=f"Rename it to {path.name}.gz.",
        )
    named = _BY_SUFFIX.get(suffix)
    if named is not None and named != found.format and wanted == "auto":
        raise SourceError(
            f"{path.name} is named {suffix}, but the content is {found.said}",
            hint="Rename the file after what it is, or export it again.",
        )


def _advice(found: Detected) -> str:
    if "broken" in found.format:
        return "Copy or export the file again."
    if found.gzipped and found.format in _SAID:
        return "Unpack it first; only CSV is read from gzip."
    if ".xls" in found.format:
        return "Save it as .xlsx or .csv, then load that."
    if "archive" in found.format:
        return "Unpack it and load the table inside."
    return "Export the table as CSV, .xlsx or Parquet."
