"""What a verb puts on stdout: one JSON document, or text and tables for a person."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_FILE_WIDTH = 160
"""Columns where nobody says how wide the page is."""


def show(document: object, human: Callable[[Console], None], *, as_json: bool) -> None:
    """Write ``document`` as the one JSON document on stdout, or let ``human`` write for a person."""
    if as_json:
        sys.stdout.write(as_text(document))
        sys.stdout.flush()
    else:
        human(console())


def as_text(document: object) -> str:
    """``document`` as JSON text with a final line break; times in ISO 8601 UTC, no NaN."""
    return json.dumps(plain(document), ensure_ascii=False, allow_nan=False, indent=2) + "\n"


def console(*, stderr: bool = False) -> Console:
    """A console that prints what it is given, without markup: values come from files."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _FILE_WIDTH
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, width=width)


def plain(value: object) -> object:
    """``value`` in the types JSON knows."""
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return _other(value)


def _other(value: object) -> object:
    if isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value
        return moment.isoformat().replace("+00:00", "Z")
    if isinstance(value, (date, Path)):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    item = getattr(value, "item", None)
    return plain(item()) if callable(item) else str(value)


def table(
    to: Console, heads: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[int] = ()
) -> None:
    """Print a plain table; the columns numbered in ``right`` are set flush right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=SIMPLE_HEAD, pad_edge=False)
    for number, head in enumerate(heads):
        grid.add_column(Text(head), justify="right" if number in right else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(Text("" if cell is None else str(plain(cell))) for cell in row))
    to.print(grid)
