"""How a lake table lies on disk: partition, file names, encodings, schemas."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from assay.model.kinds import SCHEMAS, TIME, WORD, RecordKind
from assay.store.keys import LoadKey

ROW_GROUP_ROWS = 131_072
FILE_ROWS = 32 * ROW_GROUP_ROWS
"""A file is closed when it holds this many rows."""

UNFINISHED = ".unfinished-"
"""How the name of an object begins that is still being written."""

QUARANTINE = "quarantine"
REPLAY = "quarantine_replay"

STORE_SCHEMAS: dict[str, pa.Schema] = {
    QUARANTINE: pa.schema(
        [
            pa.field("source", WORD, nullable=False),
            pa.field("epoch", WORD, nullable=False),
            pa.field("seq", pa.int64(), nullable=False),
            pa.field("file", WORD, nullable=False),
            pa.field("line", pa.int64()),
            pa.field("column", WORD),
            pa.field("value", pa.string()),
            pa.field("reason", WORD, nullable=False),
            pa.field("message", pa.string(), nullable=False),
            pa.field("raw", pa.string()),
            pa.field("raw_bytes", pa.binary()),
            pa.field("mapping_id", WORD),
            pa.field("recorded", TIME, nullable=False),
        ],
        metadata={"assay.kind": QUARANTINE},
    ),
    REPLAY: pa.schema(
        [
            pa.field("source", WORD, nullable=False),
            pa.field("epoch", WORD, nullable=False),
            pa.field("seq", pa.int64(), nullable=False),
            pa.field("recorded", TIME, nullable=False),
        ],
        metadata={"assay.kind": REPLAY},
    ),
}
"""Tables the store keeps for itself beside the six kinds."""

CORE_SCHEMAS: dict[str, pa.Schema] = {
    **{kind.value: schema for kind, schema in SCHEMAS.items()},
    **STORE_SCHEMAS,
}

TABLES: tuple[str, ...] = tuple(CORE_SCHEMAS)

LAYERS = ("dwd", "dws", "ads")
"""The layers of derived tables, in the order in which they are derived."""

DATE = pa.field("date", pa.date32())
"""The partition column: the UTC date of ``time``, of ``recorded`` where there is no time."""

# Hashes are noise to a compressor.
_UNCOMPRESSED = frozenset({"key_hash", "content_hash"})
# Least and greatest words of these leave out no row group, and finding them takes as long as writing them.
_UNRANGED = frozenset({"source", "epoch", "text", "unit", "quality", "method"})


def is_derived(name: str) -> bool:
    """Whether a table's name is that of a derived one: it begins with its layer."""
    return name.startswith(tuple(f"{layer}_" for layer in LAYERS))


def is_word(field: pa.Field) -> bool:
    """Whether the column is kept as a dictionary."""
    return bool(pa.types.is_dictionary(field.type))


def plain(schema: pa.Schema) -> pa.Schema:
    """The same schema with dictionary columns as plain text, as SQL sees them."""
    return pa.schema([pa.field(f.name, pa.string(), f.nullable) if is_word(f) else f for f in schema])


def writer_options(schema: pa.Schema) -> dict[str, Any]:
    """Encodings, compression and statistics of each column for :class:`pyarrow.parquet.ParquetWriter`."""
    delta = [f.name for f in schema if f.name == "seq" or pa.types.is_timestamp(f.type)]
    dictionary = [
        f.name
        for f in schema
        if is_word(f)
        or pa.types.is_floating(f.type)
        or (pa.types.is_integer(f.type) and f.name not in {"seq", *_UNCOMPRESSED})
    ]
    compressed = [f.name for f in schema if f.name not in _UNCOMPRESSED]
    return {
        "use_dictionary": dictionary,
        "column_encoding": dict.fromkeys(delta, "DELTA_BINARY_PACKED"),
        "compression": {name: "none" for name in schema.names if name in _UNCOMPRESSED}
        | dict.fromkeys(compressed, "zstd"),
        "compression_level": dict.fromkeys(compressed, 1),
        "write_statistics": [name for name in schema.names if name not in _UNRANGED],
        "write_page_checksum": True,
    }


def signature(schema: pa.Schema) -> str:
    """8 hex digits that stand for names and types of the columns."""
    text = ";".join(f"{f.name}:{f.type}" for f in schema)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


PART, MANY = "part", "many"
"""How names of files begin: with the rows of one load, or of many."""


def file_name(load: LoadKey, part: int, schema: pa.Schema, *, begins: str = PART) -> str:
    """The name a load gives its ``part``-th file: the same every time the load is run."""
    return f"{begins}-{load.digest}-{part:05d}-{signature(schema)}.parquet"


def load_prefix(load: LoadKey, *, begins: str = PART) -> str:
    """How the names of a load's files begin."""
    return f"{begins}-{load.digest}-"


def holds_many_loads(path: str) -> bool:
    """Whether a file may hold rows of many loads: it was flushed from the hot buffer, or compacted."""
    return path.rsplit("/", 1)[-1].startswith(f"{MANY}-")


def spill_directory(directory: Path, load: LoadKey) -> Path:
    """Where a load's rows are set aside while they are sorted; Delta ignores names that begin with ``_``."""
    return directory / "_spill" / load.digest


def signature_of(path: str) -> str | None:
    """The signature in a file's name, or None for a name of another form."""
    pieces = Path(path).stem.split("-")
    return pieces[3] if len(pieces) == 4 and pieces[0] in {PART, MANY} else None


def table_of(kind: RecordKind | str) -> str:
    """The lake table's name."""
    return kind.value if isinstance(kind, RecordKind) else kind


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A finished parquet file that no commit names yet. ``path`` is relative to the table's directory."""

    path: str
    date: date
    rows: int
    size: int
    time_min: datetime | None
    time_max: datetime | None
    time_nulls: int
