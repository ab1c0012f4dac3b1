"""Where the rows of a derived table came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Input:
    """What a commit read of one table: the versions after ``since`` up to ``version``.

    ``since`` is −1 where everything was read; ``files`` and ``rows`` count what was new.
    """

    since: int
    version: int
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Where a version of a derived table came from.

    Attributes
    ----------
    definition, fingerprint
        The definition's name, and a hash of everything it says.
    inputs
        What was read, by table.
    code
        Version of the program.
    whole
        Whether everything was derived again.
    rows_in
        New rows of the inputs that made this derivation necessary.
    rows_out
        Rows in the dates that were written.
    dates
        How many dates were replaced.
    derived
        When, in UTC.
    """

    definition: str
    fingerprint: str
    inputs: Mapping[str, Input]
    code: str
    whole: bool
    rows_in: int = 0
    rows_out: int = 0
    dates: int = 0
    derived: datetime

    def document(self) -> dict[str, Any]:
        """As it's written into a commit."""
        return asdict(self) | {"derived": self.derived.isoformat()}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """From what a commit holds."""
        inputs = {name: Input(**one) for name, one in document["inputs"].items()}
        derived = datetime.fromisoformat(document["derived"])
        return cls(**{**document, "inputs": inputs, "derived": derived})


LINEAGE_SCHEMA = pa.schema(
    [
        ("table", pa.string()),
        ("version", pa.int64()),
        ("input", pa.string()),
        ("since", pa.int64()),
        ("input_version", pa.int64()),
        ("files", pa.int64()),
        ("definition", pa.string()),
        ("fingerprint", pa.string()),
        ("whole", pa.bool_()),
        ("rows_in", pa.int64()),
        ("rows_out", pa.int64()),
        ("dates", pa.int64()),
        ("code", pa.string()),
        ("derived", pa.timestamp("us", tz="UTC")),
    ]
)
"""The columns of the relation ``lineage``."""
