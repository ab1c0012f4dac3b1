"""The demo plant: the screw-driving labels that ship with Assay, and the liveline readings where they are."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

from assay.connect.load import LoadReport, load_file
from assay.model.errors import SourceError, StoreError
from assay.plugins.operator import Progress
from assay.store.workspace import Workspace

LIVELINE = "continuous_line.csv"
_PREPARED = "liveline.csv"
_TIME = "time_stamp"
_DATA = files("assay.demo") / "data"

Told = Callable[[str, LoadReport], None]
"""Called with a file's name and its load report, once for each file."""


def open_or_create(directory: Path) -> tuple[Workspace, bool]:
    """The demo plant, and whether it was there before.

    Raises
    ------
    StoreError
        The directory holds something else, or a plant with records that are not the demo's.
    """
    if (directory / "assay.toml").is_file():
        workspace = Workspace.open(directory)
        known = _finished(workspace)
        if known and not known & _label_files():
            workspace.close()
            raise StoreError(
                f"{directory} is a plant with records of its own", hint="Let the demo have its own: --dir DIR"
            )
        return workspace, True
    name = "Screw driving and continuous line"
    return Workspace.create(directory, name=name, time_zone="Europe/Berlin"), False


def load_screwdriving(workspace: Workspace, told: Told, progress: Progress | None = None) -> None:
    """Load the three label files; loading them again changes nothing."""
    with as_file(_DATA) as data:
        for file in sorted(data.glob("s0*.csv")):
            told(file.name, load_file(workspace, file, data / "screwdriving.yaml", progress=progress))


def find_liveline(named: Path | None) -> Path | None:
    """The liveline file: the one named, else looked for under ``ASSAY_DATA``; None where it is not.

    Raises
    ------
    SourceError
        A file was named and is not there.
    """
    if named is not None:
        if not named.is_file():
            raise SourceError(f"{named}: there is no such file", hint=f"Name the liveline file ({LIVELINE}).")
        return named
    if folder := os.environ.get("ASSAY_DATA"):
        for place in (Path(folder), Path(folder) / "liveline"):
            if (place / LIVELINE).is_file():
                return place / LIVELINE
    return None


def load_liveline(workspace: Workspace, file: Path, told: Told, progress: Progress | None = None) -> None:
    """Load the readings of the continuous line."""
    prepared = workspace.spool / _PREPARED
    number_within_minutes(file, prepared)
    try:
        with as_file(_DATA) as data:
            told(file.name, load_file(workspace, prepared, data / "liveline.yaml", progress=progress))
    finally:
        prepared.unlink()


def number_within_minutes(file: Path, out: Path) -> None:
    """Give the rows of one minute consecutive seconds, in the order of the file.

    The file tells times to the minute only, about twenty rows each; without a second, rows of one minute
    could not be told apart. The mapping states a clock uncertainty of 60 s, so nobody takes the second
    for measured.

    Raises
    ------
    SourceError
        There is no ``time_stamp`` column, or a minute has more than sixty rows.
    """
    with (
        file.open(newline="", encoding="utf-8-sig") as source,
        out.open("w", newline="", encoding="utf-8") as sink,
    ):
        rows = csv.reader(source)
        head = next(rows, [])
        if _TIME not in head:
            raise SourceError(
                f"{file}: no column {_TIME!r}", hint="Give the liveline file as it was published."
            )
        at = head.index(_TIME)
        writer = csv.writer(sink, lineterminator="\n")
        writer.writerow(head)
        seen: Counter[str] = Counter()
        for line, row in enumerate(rows, start=2):
            if len(row) <= at:
                continue
            minute = row[at]
            if seen[minute] == 60:
                raise SourceError(f"{file}:{line}: more than sixty rows in the minute {minute}")
            row[at] = f"{minute}:{seen[minute]:02d}"
            seen[minute] += 1
            writer.writerow(row)


def is_complete(workspace: Workspace) -> bool:
    """Whether the three label files have been loaded to the end."""
    return _label_files() <= _finished(workspace)


def has_liveline(workspace: Workspace) -> bool:
    """Whether the liveline readings have been loaded to the end."""
    return _PREPARED in _finished(workspace)


def _label_files() -> set[str]:
    return {file.name for file in _DATA.iterdir() if file.name.startswith("s0")}


def _finished(workspace: Workspace) -> set[str]:
    return {load.file_name for load in workspace.registry.loads() if load.finished is not None}
