"""The file connector: CSV (also gzipped), Excel and Parquet. The first plugin, through the public door."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay.connect.files.config import FilesConfig
from assay.connect.files.detect import check_name, detect
from assay.connect.files.encoding import hint as fits
from assay.connect.files.split import cells
from assay.model.errors import SourceError
from assay.plugins.contracts import Connector, ConnectorManifest, Recognition, RecordSource, Text


class FilesConnector:
    """Opens CSV, Excel and Parquet files, told by content."""

    def recognise(self, path: Path) -> Recognition | None:
        """What the content is; None when it is none of the three, or empty."""
        try:
            found = detect(path)
        except SourceError:
            return None
        return Recognition(found.format, certain=found.format != "csv") if found.readable else None

    def open(self, path: Path, config: FilesConfig) -> RecordSource:
        """Open the file; ``SourceError`` when it is empty, not what its name says, or broken."""
        found = detect(path)
        check_name(path, found, config.format)
        if found.format == "excel":
            from assay.connect.files.excel_source import ExcelSource

            return ExcelSource(path, config)
        if found.format == "parquet":
            from assay.connect.files.parquet_source import ParquetSource

            return ParquetSource(path, config)
        from assay.connect.files.csv_source import CsvSource

        return CsvSource(path, config, gzipped=found.gzipped)

    def decode(self, raw: bytes, layout: Mapping[str, Any], config: FilesConfig) -> list[str | None]:
        """Cells of one quarantined row; an encoding or delimiter of ``config`` takes precedence."""
        if layout["format"] != "csv":
            texts: list[str | None] = json.loads(raw)
            width = len(layout["columns"])
            return (texts + [None] * width)[: max(width, len(texts))]
        encoding = config.encoding or layout["encoding"]
        delimiter = config.delimiter or layout["delimiter"]
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError as error:
            raise SourceError(
                f"the row is not {encoding}: {error.reason} at byte {error.start}", hint=fits(raw, encoding)
            ) from error
        if "\0" in text:
            raise SourceError("the row holds a zero byte", hint="Export the row again.")
        return [cell.decode() for cell in cells(text.encode(), delimiter.encode())]


def _make() -> Connector:
    return FilesConnector()


MANIFEST = ConnectorManifest(
    id="files",
    version="0.1.0",
    title=Text(zh="文件（CSV、Excel、Parquet）", en="Files (CSV, Excel, Parquet)"),
    description=Text(
        zh="按内容识别文件，逐行读取；无法读取的行保留原始字节。",
        en="Tells files by their content and reads them row by row; bad rows keep their bytes.",
    ),
    config=FilesConfig,
    capabilities=frozenset({"file"}),
    formats=("csv", "excel", "parquet"),
    make=_make,
)
