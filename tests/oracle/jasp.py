"""Reader of JASP's quality-control test tables.

A table is a flat list of cells: row after row, in each row the fields in the order of their names, capitals
first. A row that lacks a field leaves its cell out. Options hold only what differs from JASP's defaults.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from tests.shared import data_set

Row = Mapping[str, Any]
RELATIVE = 1e-3


@dataclass(frozen=True)
class Table:
    """One expected table: which analysis with which options of which data."""

    test: str
    name: str
    dataset: Path
    options: dict[str, str]
    cells: tuple[Any, ...]

    @property
    def id(self) -> str:
        """The test's number and the table's name."""
        return f"{self.test.split(' ')[0]} {self.name.split('_')[-1]}"

    def flag(self, option: str) -> bool:
        """Whether a yes/no option is on."""
        return self.options.get(option, "FALSE").startswith("TRUE")

    def number(self, option: str) -> float | None:
        """A numeric option, also as exp(x); None where it isn't there."""
        text = self.options.get(option)
        if text is None:
            return None
        inner = re.fullmatch(r"exp\((.+)\)", text)
        return math.exp(float(inner[1])) if inner else float(text)

    def text(self, option: str, otherwise: str = "") -> str:
        """A text option without its quotes."""
        return self.options.get(option, f'"{otherwise}"').strip('"')

    def texts(self, option: str) -> list[str]:
        """An option that lists texts: c("a", "b")."""
        return re.findall(r'"([^"]*)"', self.options.get(option, ""))

    def column(self, name: str) -> list[str]:
        """A column of the data as text; an empty text is a missing value."""
        return _columns(self.dataset)[name]

    def numbers(self, name: str) -> np.ndarray[Any, Any]:
        """A column of the data as numbers, NaN where missing."""
        return np.array(
            [float(cell) if cell not in {"", "NA", "NaN"} else math.nan for cell in self.column(name)]
        )


@dataclass(frozen=True)
class Comparison:
    """Numeric cells of a table that were compared, and those that differ."""

    table: Table
    compared: int
    misses: tuple[tuple[int, str, Any, Any], ...] = field(default=())
    """Row, field, JASP's cell, ours."""


def tables(file: str) -> list[Table]:
    """The tables of one of JASP's test files that name their data and options."""
    root = data_set("jasp_qc")
    found = []
    for entry in json.loads((root / "expected_jasp.json").read_text("utf-8"))[file]:
        context = entry.get("context") or {}
        if "dataset" not in context:
            continue
        found.append(
            Table(
                test=entry["test"],
                name=entry["table"][-2],
                dataset=root / "datasets" / context["dataset"],
                options=dict(context["options"]),
                cells=tuple(entry["values"]),
            )
        )
    return found


def compare(table: Table, rows: Sequence[Row]) -> Comparison:
    """JASP's numeric cells against ours, in the order of the table.

    A cell agrees when it is equal after rounding to JASP's printed decimals or within 1e-3 relative. A row's
    field that is absent here must be absent there.
    """
    laid = [(number, name, row[name]) for number, row in enumerate(rows) for name in sorted(row)]
    if len(laid) != len(table.cells):
        raise AssertionError(f"{table.id}: {len(table.cells)} cells, {len(laid)} computed")
    compared, misses = 0, []
    for (number, name, ours), cell in zip(laid, table.cells, strict=True):
        if isinstance(cell, bool) or not isinstance(cell, (int, float)):
            continue
        compared += 1
        if not agrees(float(cell), ours):
            misses.append((number, name, cell, ours))
    return Comparison(table, compared, tuple(misses))


def agrees(printed: float, ours: Any) -> bool:
    """Whether our number is the printed one."""
    if ours is None or isinstance(ours, str) or not math.isfinite(ours):
        return False
    if abs(printed - ours) <= RELATIVE * abs(printed):
        return True
    if "e" in repr(printed):
        return False
    decimals = len(repr(printed).partition(".")[2])
    return abs(round(float(ours), decimals) - printed) <= 1e-3 * 10.0**-decimals


@cache
def _columns(path: Path) -> dict[str, list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    head, body = rows[0], rows[1:]
    return {name: [row[place].strip() for row in body] for place, name in enumerate(head)}
