"""Proposing a mapping for an unknown file, and saying what is doubtful about it.

The proposal can be loaded as it is. What a column is follows from its values first (times, verdicts,
numbers, uniqueness) and from its name second; every guess that another reading would also fit is a doubt.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import yaml

from assay.connect import values
from assay.connect.files.likely import other_encoding
from assay.connect.infer_columns import Look
from assay.connect.infer_records import records_of
from assay.connect.infer_roles import Guess, Guesser, Layout
from assay.connect.mapping import FileSpec, Mapping, file_stem, parse_mapping
from assay.connect.plan import ROW_NUMBER
from assay.connect.reasons import CATALOGUE
from assay.connect.sources import open_source
from assay.model.attributes import Attribute, AttributeType, ColumnRole
from assay.model.errors import SourceError
from assay.model.text import Text
from assay.plugins.contracts import Reading, RecordSource

_SAMPLE_ROWS = 20_000


@dataclass(frozen=True)
class Doubt:
    """Something the proposal is unsure of; ``column`` is None when it concerns the whole file."""

    column: str | None
    message: Text


@dataclass(frozen=True)
class ColumnGuess:
    """What a column is taken for."""

    name: str
    role: ColumnRole
    type: AttributeType
    is_: Literal["unit", "lot", "execution"] | None
    samples: tuple[str, ...]
    """The first distinct values."""
    doubt: Text | None
    """The first doubt about the column."""


@dataclass(frozen=True)
class Inference:
    """A proposed mapping."""

    mapping: Mapping
    columns: tuple[ColumnGuess, ...]
    doubts: tuple[Doubt, ...]
    rows_sampled: int
    format: str
    file_name: str
    text: str = field(repr=False)
    """The mapping file, doubts as comments above what they concern."""

    def to_yaml(self) -> str:
        """The mapping file."""
        return self.text


def infer(file: str | Path, *, known: Iterable[Attribute] = (), spec: FileSpec | None = None) -> Inference:
    """Propose a mapping for ``file``.

    Parameters
    ----------
    known
        Attributes the plant has declared; columns of these names keep role and type.
    spec
        How the file is read, when that has to be said (sheet, header row). An encoding is found.

    Raises
    ------
    SourceError
        The file can't be read, or holds no rows to learn from.
    """
    path = Path(file)
    given = spec or FileSpec()
    encoding = other_encoding(path) if given.encoding is None and path.is_file() else None
    if encoding is not None:
        given = FileSpec.model_validate({**given.model_dump(exclude_unset=True), "encoding": encoding})
    source = open_source(path, given)
    try:
        table = _sampled(source)
        if not len(table):
            raise SourceError(
                f"{path.name} has column names but no rows", hint="A mapping is proposed from rows; add some."
            )
        given = _file_spec(source, table, given)
        return _Proposal(path.name, source, table, given, known).inference(encoding)
    finally:
        source.close()


def _sampled(source: RecordSource) -> pa.Table:
    reading = Reading(columns=source.columns)
    pieces: list[pa.Table] = []
    for block in source.blocks(reading):
        texts = [values.text(values.whole(column)).array for column in block.table.columns]
        pieces.append(pa.table(dict(zip(block.table.column_names, texts, strict=True))))
        if sum(map(len, pieces)) >= _SAMPLE_ROWS:
            break
    if not pieces:
        return pa.table({name: pa.array([], pa.string()) for name in source.columns})
    return pa.concat_tables(pieces).slice(0, _SAMPLE_ROWS).combine_chunks()


def _file_spec(source: RecordSource, table: pa.Table, given: FileSpec) -> FileSpec:
    """The file settings to write down: the format, and a decimal comma when the numbers have one."""
    found: dict[str, Any] = {"format": source.format} if given.format == "auto" else {}
    if source.format == "csv":
        delimiter = getattr(source, "delimiter", ",")
        if delimiter != ",":
            found["delimiter"] = delimiter
        if given.decimal == "." and delimiter != "," and _decimal_comma(table):
            found["decimal"] = ","
    return FileSpec.model_validate(given.model_dump(exclude_unset=True) | found)


def _decimal_comma(table: pa.Table) -> bool:
    for column in table.columns:
        cells = values.whole(column).drop_null()
        comma = len(cells) and not values.number(cells, ",").problems
        if comma and values.number(cells).problems:
            return True
    return False


class _Proposal:
    """Puts guesses together."""

    def __init__(
        self,
        file_name: str,
        source: RecordSource,
        table: pa.Table,
        spec: FileSpec,
        known: Iterable[Attribute],
    ) -> None:
        self._file_name = file_name
        self._source = source
        self._spec = spec
        self._rows = len(table)
        looks = [Look(name, values.whole(table.column(name)), spec.decimal) for name in source.columns]
        self._guesser = Guesser(looks, list(known))

    def inference(self, encoding: str | None) -> Inference:
        """``encoding`` is the one that was found for a text that is not UTF-8."""
        layout = self._guesser.layout()
        doubts = tuple(
            Doubt(column, CATALOGUE.text(f"doubt.{key}", **about)) for column, key, about in layout.doubts
        )
        if encoding is not None:
            doubts = (Doubt(None, CATALOGUE.text("doubt.encoding", encoding=encoding)), *doubts)
        document = self._written(layout)
        text = _yaml(self._file_name, document, doubts)
        return Inference(
            parse_mapping(text, "proposal").mapping,
            tuple(self._column(guess, doubts) for guess in layout.guesses),
            doubts,
            self._rows,
            self._source.format,
            self._file_name,
            text,
        )

    def _column(self, guess: Guess, doubts: Sequence[Doubt]) -> ColumnGuess:
        about = [doubt.message for doubt in doubts if doubt.column == guess.name]
        return ColumnGuess(
            guess.name, guess.role, guess.type, guess.is_, tuple(guess.samples), about[0] if about else None
        )

    def _written(self, layout: Layout) -> dict[str, Any]:
        stem = file_stem(self._file_name)
        file: dict[str, Any] = self._spec.model_dump(exclude_unset=True)
        records = records_of(layout)
        if "$file" in {record.get("segment") for record in records}:
            file["name_values"] = {"file": "^.*$"}
        document: dict[str, Any] = {"version": 1, "source": _slug(stem), "file": file}
        if layout.formats:
            document["time"] = {"formats": layout.formats}
        used = _used(records)
        document["columns"] = {guess.name: guess.written() for guess in layout.guesses if guess.name in used}
        document["records"] = records
        return document


def _used(records: Sequence[dict[str, Any]]) -> set[str]:
    found: set[str] = set()
    for record in records:
        found.update(record.get("attributes", ()))
        found.update(
            value[1:]
            for value in record.values()
            if isinstance(value, str) and value.startswith("$") and value != f"${ROW_NUMBER}"
        )
    return found


def _slug(stem: str) -> str:
    words = "".join(one if one.isalnum() else " " for one in stem).split()
    return "-".join(words)[:80] or "file"


def _yaml(file_name: str, document: dict[str, Any], doubts: Sequence[Doubt]) -> str:
    """The document as YAML with a comment for each doubt."""
    lines = [f"# Proposed from {file_name}. Lines with ?? tell what to check."]
    lines += [f"# ?? {doubt.message.en}" for doubt in doubts if doubt.column is None]
    by_column: dict[str, list[str]] = {}
    for doubt in doubts:
        if doubt.column is not None:
            by_column.setdefault(doubt.column, []).append(doubt.message.en)
    for key, value in document.items():
        if key != "columns":
            lines.append(_dumped({key: value}))
            continue
        lines.append("columns:")
        for column, spec in value.items():
            lines += [f"  # ?? {one}" for one in by_column.pop(column, ())]
            lines.append(f"  {_key(column)}: {_flow(spec)}")
        for column, said in by_column.items():
            lines += [f"  # ?? {column} (left out): {one}" for one in said]
    return "\n".join(lines) + "\n"


def _dumped(value: dict[str, Any]) -> str:
    return yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=100).rstrip()


def _key(column: str) -> str:
    """The column as a key on one line, in quotes where it needs them."""
    plain = _dumped({column: 0})
    return (
        plain[:-3]
        if "\n" not in plain and not plain.startswith("?")
        else json.dumps(column, ensure_ascii=False)
    )


def _flow(value: dict[str, Any]) -> str:
    return yaml.safe_dump(
        value, allow_unicode=True, sort_keys=False, width=10_000, default_flow_style=True
    ).rstrip()
