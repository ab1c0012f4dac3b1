"""The protocol as a source of rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from assay.model.errors import SourceError
from assay.plugins.contracts import Block, Fault, RawRow, Reading, Recognition, RecordSource
from assay_torque_txt import TorqueTextConfig

MAGIC = b"%TORQUE 1"
COLUMNS = ("time", "serial", "result", "torque", "angle", "station", "operator")
_ROWS = 50_000
_ROW = re.compile(r"(\S+) (\S+) (\S+) (\S+) Nm (\S+) deg")
_SETTING = re.compile(r"(\w+)=([^;]*)")


class TorqueTextConnector:
    """Opens torque protocols, told by their first line."""

    def recognise(self, path: Path) -> Recognition | None:
        """A protocol says so in its first line."""
        with path.open("rb") as file:
            found = file.readline(64).rstrip() == MAGIC
        return Recognition("torque-txt", certain=True) if found else None

    def open(self, path: Path, config: TorqueTextConfig) -> RecordSource:
        """Open a protocol; ``SourceError`` when it is none."""
        if self.recognise(path) is None:
            raise SourceError(
                f"{path.name} does not begin with {MAGIC.decode()}",
                hint="Choose a file of the torque station.",
            )
        return TorqueTextSource(path, config.encoding)

    def decode(self, raw: bytes, layout: Mapping[str, Any], config: TorqueTextConfig) -> list[str | None]:
        """Cells of one row; the station and operator above it travel in front of it."""
        settings, _, line = raw.partition(b"\n")
        return _cells(line.decode(config.encoding), dict(_SETTING.findall(settings.decode(config.encoding))))


class TorqueTextSource:
    """One open protocol."""

    format = "torque-txt"
    columns = COLUMNS

    def __init__(self, path: Path, encoding: str) -> None:
        self._encoding = encoding
        self._path = path
        self.size = path.stat().st_size
        self.layout: Mapping[str, Any] = {"format": self.format, "columns": list(COLUMNS)}

    def blocks(self, reading: Reading) -> Iterator[Block]:
        """Rows in blocks; a line that is none becomes a fault."""
        row = 0
        with self._path.open("rb") as file:
            lines = _with_settings(enumerate(file, 1))
            while piece := list(islice(lines, _ROWS)):
                kept: list[tuple[int, RawRow, list[str | None]]] = []
                faults: list[Fault] = []
                for number, settings, line in piece:
                    raw = RawRow(number, settings + b"\n" + line)
                    try:
                        values = dict(_SETTING.findall(settings.decode(self._encoding)))
                        kept.append((row, raw, _cells(line.decode(self._encoding), values)))
                    except (SourceError, UnicodeDecodeError) as error:
                        faults.append(Fault(row, number, None, None, "not-a-row", str(error), raw.raw))
                    row += 1
                yield _block(kept, faults, reading, file.tell())

    def close(self) -> None:
        """Nothing is held open between blocks."""


def _with_settings(lines: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, bytes, bytes]]:
    settings = b""
    for number, line in lines:
        text = line.rstrip(b"\r\n")
        if text.startswith(b"@"):
            settings = text
        elif text and not text.startswith(b"%"):
            yield number, settings, text


def _cells(line: str, settings: Mapping[str, str]) -> list[str | None]:
    found = _ROW.fullmatch(line)
    if found is None:
        raise SourceError(
            f"{line!r} is not `time serial result torque Nm angle deg`",
            hint="Correct the line in the protocol.",
        )
    station, operator = settings.get("station"), settings.get("operator")
    return [*found.groups(), station.strip() if station else None, operator.strip() if operator else None]


def _block(
    kept: list[tuple[int, RawRow, list[str | None]]], faults: list[Fault], reading: Reading, position: int
) -> Block:
    nulls = set(reading.null_values)
    columns = {}
    for name in reading.columns:
        place = COLUMNS.index(name)
        values = [None if cells[place] in nulls else cells[place] for _, _, cells in kept]
        columns[name] = pa.array(values, pa.string())
    rows = np.array([row for row, _, _ in kept], np.int64)
    return Block(
        pa.table(columns), rows, tuple(faults), position, lambda at: [kept[int(one)][1] for one in at]
    )
