"""What ``trace``, ``recall`` and ``common`` share: which movements are followed, and files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.output import console
from assay.cli.speech import say
from assay.cli.verbs.lake import moment_of

if TYPE_CHECKING:
    import pyarrow as pa

    from assay.analyse.through import Through

Words = list[str] | None
_WORDS = ("equipment", "person", "recipe", "carrier", "segment")
Depth = Annotated[int | None, typer.Option("--depth", min=0, help="option.depth", show_default=False)]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="option.limit", show_default=False)]
Against = Annotated[Words, typer.Option("--against", metavar="ID", help="option.against", show_default=False)]
Kinds = Annotated[Words, typer.Option("--kind", metavar="KIND", help="option.kind", show_default=False)]
Equipment = Annotated[
    Words, typer.Option("--equipment", metavar="ID", help="option.by_equipment", show_default=False)
]
Person = Annotated[Words, typer.Option("--person", metavar="ID", help="option.by_person", show_default=False)]
Recipe = Annotated[Words, typer.Option("--recipe", metavar="ID", help="option.by_recipe", show_default=False)]
Carrier = Annotated[
    Words, typer.Option("--carrier", metavar="ID", help="option.by_carrier_id", show_default=False)
]
Segment = Annotated[
    Words, typer.Option("--segment", metavar="ID", help="option.by_segment", show_default=False)
]
Since = Annotated[
    str | None, typer.Option("--since", metavar="WHEN", help="option.steps_since", show_default=False)
]
Until = Annotated[
    str | None, typer.Option("--until", metavar="WHEN", help="option.steps_until", show_default=False)
]
Confidence = Annotated[
    float, typer.Option("--confidence", min=0.0, max=1.0, help="option.confidence", show_default=False)
]
AsOf = Annotated[str | None, typer.Option("--as-of", metavar="WHEN", help="option.as_of", show_default=False)]
Csv = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="option.csv", show_default=False)]
Parquet = Annotated[
    Path | None, typer.Option("--parquet", metavar="FILE", help="option.parquet", show_default=False)
]


@dataclass(frozen=True)
class Followed:
    """Which movements a person wants followed, times as they were typed."""

    equipment: Words = None
    person: Words = None
    recipe: Words = None
    carrier: Words = None
    segment: Words = None
    since: str | None = None
    until: str | None = None
    confidence: float = 0.0

    def through(self, zone: str) -> Through | None:
        """The movements; a time without an offset is that of ``zone``."""
        from assay.analyse.through import Through

        words = {name: given for name in _WORDS if (given := getattr(self, name))}
        since, until = moment(self.since, zone), moment(self.until, zone)
        if not words and since is None and until is None and not self.confidence:
            return None
        return Through(words, since, until, self.confidence)


def moment(text: str | None, zone: str) -> datetime | None:
    """A moment as a person writes it; None for none."""
    return None if text is None else moment_of(text, zone)


def write_files(nodes: pa.Table, csv: Path | None, parquet: Path | None) -> None:
    """Write all rows of a table; what was written is said on stderr."""
    if csv is not None:
        from assay.api.download import csv_text

        csv.write_text("".join(csv_text([nodes])), encoding="utf-8", newline="")
    if parquet is not None:
        from pyarrow import parquet as pq

        pq.write_table(nodes, parquet)
    for file in (csv, parquet):
        if file is not None:
            said = say("extract.done", rows=nodes.num_rows, file=file)
            console(stderr=True).print(said, soft_wrap=True)
