"""Two results of one question compared: rows added, removed and changed."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import pyarrow as pa

from assay.query.json_value import json_value
from assay.query.program import Column

Row = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Result:
    """The rows of an answer, each under what identifies it.

    Attributes
    ----------
    columns
        The columns of the answer.
    rows
        Each row under its identity: its key, or the whole row and its number among equal ones.
    keyed
        Whether the key identifies rows. Where it doesn't, a changed row is one removed and one added.
    moment
        The time of the snapshot.
    token
        What to resume from.
    """

    columns: tuple[Column, ...]
    rows: Mapping[str, Row]
    keyed: bool
    moment: datetime
    token: str = ""
    written: Mapping[str, str] = field(default_factory=dict)
    """Each row as text: rows are equal when these are."""

    @classmethod
    def of(cls, table: pa.Table, columns: tuple[Column, ...], key: Sequence[str], moment: datetime) -> Result:
        """The result that a table is."""
        rows: list[Row] = table.to_pylist()
        written = [_written(row.values()) for row in rows]
        identities = [_written(row[name] for name in key) for row in rows] if key else []
        keyed = bool(key) and len(set(identities)) == len(rows)
        if not keyed:
            identities = list(_numbered(written))
        return cls(
            columns,
            dict(zip(identities, rows, strict=True)),
            keyed,
            moment,
            written=dict(zip(identities, written, strict=True)),
        )

    def digest(self) -> str:
        """A digest of columns and rows, whatever their order."""
        hashed = hashlib.sha256("\0".join(column.name for column in self.columns).encode())
        for row in sorted(self.written.values()):
            hashed.update(f"\0{row}".encode())
        return hashed.hexdigest()[:16]


@dataclass(frozen=True)
class Change:
    """What became of a watched question's result.

    Attributes
    ----------
    kind
        ``reset``: ``added`` is the whole result, what was known before is void. ``change``: the difference.
    added, removed
        Rows that are in the result now, or no longer.
    changed
        Rows of the same key, as they were and as they are.
    rows
        How many rows the result has now.
    columns
        The columns of the result.
    token
        What to resume from.
    moment
        The time of the result.
    """

    kind: Literal["reset", "change"]
    added: tuple[Row, ...]
    removed: tuple[Row, ...]
    changed: tuple[tuple[Row, Row], ...]
    rows: int
    columns: tuple[Column, ...]
    token: str
    moment: datetime

    def to_dict(self) -> dict[str, Any]:
        """The change in the types JSON knows."""
        return {
            "kind": self.kind,
            "added": json_value(self.added),
            "removed": json_value(self.removed),
            "changed": [{"before": json_value(old), "after": json_value(new)} for old, new in self.changed],
            "rows": self.rows,
            "columns": [
                {"name": one.name, "type": one.type, "unit": one.unit, "title": one.title}
                for one in self.columns
            ],
            "moment": json_value(self.moment),
        }


def whole(result: Result) -> Change:
    """The result as a reset."""
    return Change(
        "reset",
        tuple(result.rows.values()),
        (),
        (),
        len(result.rows),
        result.columns,
        result.token,
        result.moment,
    )


def difference(before: Result, after: Result) -> Change | None:
    """What leads from one result to the other; None when they are equal.

    A reset where rows can't be compared: the columns are others, or the key identifies rows in one only.
    """
    if before.columns != after.columns or (before.keyed != after.keyed and before.rows and after.rows):
        return whole(after)
    old, new = before.written, after.written
    added = tuple(after.rows[key] for key in new if key not in old)
    removed = tuple(before.rows[key] for key in old if key not in new)
    changed = tuple((before.rows[key], after.rows[key]) for key in new if key in old and old[key] != new[key])
    if not (added or removed or changed):
        return None
    return Change(
        "change", added, removed, changed, len(after.rows), after.columns, after.token, after.moment
    )


def _written(values: Iterable[Any]) -> str:
    return json.dumps(list(values), ensure_ascii=False, default=str, separators=(",", ":"))


def _numbered(texts: Iterable[str]) -> Iterable[str]:
    """Each text with its number among equal ones."""
    seen: Counter[str] = Counter()
    for text in texts:
        seen[text] += 1
        yield f"{text}#{seen[text]}"
