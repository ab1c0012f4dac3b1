"""Salted rows: the canonical bytes of one row, the tree over many of them, and the proof of one.

A row is the CBOR array (``assay/row@1``, value of each column), in the one encoding of the log
(:mod:`assay.ledger.canonical`): text, whole numbers, booleans, bytes, null; a time is whole microseconds
since 1970; a floating-point number is the text of the fewest digits that read back as the same number,
without exponent. Its leaf is over (salt, digest of the columns, row), so that a row can't be read as one of
another table. Where fields are disclosable the leaf is over (SHA-256 of that, root of the fields'
commitments), and a field can be shown while the row stays hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from itertools import pairwise
from typing import Any, cast

import cbor2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.ledger.canonical import Plain, decode, encode
from assay.ledger.chunks import digest_of_columns, schema_columns
from assay.ledger.commitment import SALT_SIZE, Commitment, Disclosure
from assay.ledger.entries import Rows
from assay.ledger.errors import EntryError, VerificationError
from assay.ledger.merkle import (
    fold,
    inclusion_spans,
    leaf_hash,
    proof_hashes,
    root_of,
    verify_inclusion,
)
from assay.ledger.salts import Salts, field_salt, row_salt

ROW = "assay/row@1"
TREE_ROWS = 2_048
"""Rows of one tree at most: eleven hashes lead from a row to its root."""

_EMPTY = pa.scalar(b"", pa.large_binary())
_NULL = b"\xf6"
_LARGEST = 2**63 - 1


def encoded(table: pa.Table) -> list[bytes]:
    """The canonical bytes of each row.

    Raises
    ------
    EntryError
        A column's type has no canonical form.
    """
    front = encode([ROW, *[None] * table.num_columns])[: -table.num_columns or None]
    whole = table.unify_dictionaries().combine_chunks()
    pieces = [
        _cells(name, _one(column)) for name, column in zip(whole.column_names, whole.columns, strict=True)
    ]
    joined = pc.binary_join_element_wise(pa.scalar(front, pa.large_binary()), *pieces, _EMPTY)
    _, offsets, content = _one(pa.chunked_array([joined])).buffers()
    ends = np.frombuffer(offsets, "<i8")[: len(table) + 1].tolist()
    data = memoryview(content).tobytes() if content is not None else b""
    return [data[start:end] for start, end in pairwise(ends)]


@dataclass(frozen=True, slots=True)
class RowTree:
    """The tree over salted rows.

    Parameters
    ----------
    leaves
        The hash of each row's leaf.
    """

    leaves: tuple[bytes, ...]

    @property
    def root(self) -> bytes:
        """What the entry carries."""
        return fold(self.leaves) if len(self.leaves).bit_count() == 1 else root_of(self.leaves)

    def path(self, index: int) -> tuple[bytes, ...]:
        """What leads from one row to the root."""
        spans = inclusion_spans(index, len(self.leaves))
        return tuple(proof_hashes(spans, lambda start, end: root_of(self.leaves[start:end])))


def tree_of(
    rows: Sequence[bytes],
    above: Sequence[bytes | None],
    columns: bytes,
    fields: Sequence[Commitment] = (),
    *,
    known: dict[int, bytes] | None = None,
) -> RowTree:
    """The tree over rows.

    Parameters
    ----------
    rows
        The canonical bytes of each.
    above
        What their salts come from (:meth:`assay.ledger.salts.Salts.every`).
    columns
        Digest of the columns, 32 bytes.
    fields
        The commitments of each row's disclosable fields, where the schema marks some.
    known
        Leaf hashes of rows whose salt was destroyed, by place.
    """
    hashed, leaves = sha256, []
    if known is None and not fields:
        front = [b"\0" + one[:SALT_SIZE] + columns for one in above if one is not None]
        if len(front) != len(rows):
            raise EntryError.of("salts", rows=len(rows), length=len(front) * SALT_SIZE)
        return RowTree(tuple(hashed(one + row).digest() for one, row in zip(front, rows, strict=True)))
    for place, (one, row) in enumerate(zip(above, rows, strict=True)):
        if one is None:
            leaves.append((known or {})[place])
        else:
            leaves.append(_leaf(row_salt(one) + columns + row, fields[place].root if fields else None))
    return RowTree(tuple(leaves))


def committed_fields(
    table: pa.Table, names: Sequence[str], above: Sequence[bytes | None]
) -> list[Commitment]:
    """The commitments of the disclosable fields of each row, which are some of its columns."""
    kept = sorted(names)
    values = [decoded_row(row) for row in encoded(table.select(kept))]
    found = []
    for one, row in zip(above, values, strict=True):
        salted = tuple(
            (b"" if one is None else field_salt(one, name), name, value)
            for name, value in zip(kept, row, strict=True)
        )
        found.append(Commitment(salted, tuple(leaf_hash(encode(each)) for each in salted)))
    return found


def decoded_row(data: bytes) -> list[Plain]:
    """The values of a row.

    Raises
    ------
    EntryError
        ``data`` is not the canonical form of a row.
    """
    value = decode(data)
    if not isinstance(value, list) or not value or value[0] != ROW:
        raise EntryError.of("not_canonical", why="not a row")
    return value[1:]


@dataclass(frozen=True, slots=True)
class RowProof:
    """One row, or some of its fields, and how it follows from the root of its tree.

    Parameters
    ----------
    index
        Which row of the tree.
    path
        The hashes from its leaf to the root.
    columns
        Name and type of each column; none where only fields are shown.
    row
        Its canonical bytes; None where only fields are shown.
    salt
        Its salt, or where only fields are shown the SHA-256 the leaf has instead of salt, columns and row.
    root
        Root over the disclosable fields, None where the schema marks none.
    shown
        Fields shown by themselves.
    """

    index: int
    path: tuple[bytes, ...]
    columns: tuple[tuple[str, str], ...]
    row: bytes | None
    salt: bytes
    root: bytes | None = None
    shown: tuple[Disclosure, ...] = ()

    @property
    def leaf(self) -> bytes:
        """The hash of the row's leaf.

        Raises
        ------
        VerificationError
            It is the proof of neither a row nor fields.
        """
        if self.row is not None:
            if len(self.salt) != SALT_SIZE:
                raise VerificationError.of("bad_proof", why="not the salt of a row")
            columns = digest_of_columns([list(column) for column in self.columns])
            return _leaf(self.salt + columns + self.row, self.root)
        if self.root is not None and len(self.salt) == 32 and not self.columns:
            return leaf_hash(self.salt + self.root)
        raise VerificationError.of("bad_proof", why="neither a row nor fields")

    def parts(self) -> list[Plain]:
        """The proof as it is written: an array without arrays of arrays."""
        flat: list[Plain] = [text for column in self.columns for text in column]
        return [
            self.index,
            b"".join(self.path),
            flat,
            self.row,
            self.salt,
            self.root,
            [*map(bytes, self.shown)],
        ]

    @classmethod
    def of_parts(cls, parts: Plain) -> RowProof:
        """The proof out of its parts.

        Raises
        ------
        VerificationError
            They are others.
        """
        match parts:
            case [
                int() as index,
                bytes() as path,
                list() as flat,
                (bytes() | None) as row,
                bytes() as salt,
                (bytes() | None) as root,
                list() as shown,
            ] if len(path) % 32 == 0 and len(flat) % 2 == 0 and all(isinstance(one, str) for one in flat):
                if all(isinstance(one, bytes) for one in shown):
                    names = cast("list[str]", flat)
                    return cls(
                        index,
                        tuple(path[at : at + 32] for at in range(0, len(path), 32)),
                        tuple(zip(names[::2], names[1::2], strict=True)),
                        row,
                        salt,
                        root,
                        tuple(Disclosure.parse(one) for one in cast("list[bytes]", shown)),
                    )
        raise VerificationError.of("bad_proof", why="not the proof of a row")

    def verify(self, of: Rows) -> dict[str, Plain]:
        """Check that the row is one of those ``of`` commits to; the fields shown, by name.

        Raises
        ------
        LedgerError
            It is not.
        """
        if bool(of.fields) != (self.root is not None):
            raise VerificationError.of("bad_proof", why="disclosable fields where there are none, or none")
        verify_inclusion(self.index, of.rows, self.leaf, self.path, of.root)
        values: dict[str, Plain] = {}
        if self.row is not None:
            row = decoded_row(self.row)
            if len(row) != len(self.columns):
                raise VerificationError.of("bad_proof", why="a row of other columns")
            values = {name: value for (name, _), value in zip(self.columns, row, strict=True)}
        for one in self.shown:
            if self.root is None or one.name not in of.fields:
                raise VerificationError.of("bad_proof", why="a field that is not disclosable")
            one.verify(self.root, len(of.fields))
            if values.setdefault(one.name, one.value) != one.value:
                raise VerificationError.of("bad_proof", why=f"two values of {one.name}")
        return values


def row_proof(
    table: pa.Table,
    salts: Salts,
    index: int,
    fields: Sequence[str],
    show: Sequence[str] | None = None,
    *,
    known: dict[int, bytes] | None = None,
    places: Sequence[int] | None = None,
) -> RowProof:
    """The proof of one row of a tree.

    Parameters
    ----------
    table
        All rows of the tree, or those that are left of them.
    salts
        Their salts.
    index
        Which row.
    fields
        The disclosable fields, as the entry names them.
    show
        Fields to show while the row stays hidden; None for the whole row.
    known
        Leaf hashes of rows whose salt was destroyed, by place.
    places
        Where in the tree each row of ``table`` stands, where some are gone.

    Raises
    ------
    EntryError
        The row's salt was destroyed, or a field is not disclosable.
    """
    above = salts.every()
    mine = above[index]
    if mine is None:
        raise EntryError.of("salt_destroyed", row=index)
    columns = schema_columns(table.schema)
    digest = digest_of_columns(columns)
    tree, rows, committed = _rebuilt(table, above, digest, fields, known=known, places=places)
    named = tuple((name, kind) for name, kind in columns)
    root = committed[index].root if fields else None
    if show is None:
        return RowProof(index, tree.path(index), named, rows[index], row_salt(mine), root)
    for name in show:
        if name not in fields:
            raise EntryError.of("no_field", name=name, known=", ".join(fields) or "-")
    hidden = sha256(row_salt(mine) + digest + rows[index]).digest()
    shown = tuple(committed[index].disclose(name) for name in show)
    return RowProof(index, tree.path(index), (), None, hidden, root, shown)


def tree_root(
    table: pa.Table,
    salts: Salts,
    fields: Sequence[str],
    known: dict[int, bytes],
    places: Sequence[int] | None = None,
) -> bytes:
    """The root of a tree out of its rows; parameters as of :func:`row_proof`.

    Raises
    ------
    EntryError
        ``known`` lacks the leaf of a row that has no salt any more.
    """
    above = salts.every()
    if any(one is None and place not in known for place, one in enumerate(above)):
        raise EntryError.of("salts", rows=len(above), length=sum(one is not None for one in above))
    digest = digest_of_columns(schema_columns(table.schema))
    return _rebuilt(table, above, digest, fields, known=known, places=places)[0].root


def _rebuilt(
    table: pa.Table,
    above: Sequence[bytes | None],
    digest: bytes,
    fields: Sequence[str],
    *,
    known: dict[int, bytes] | None,
    places: Sequence[int] | None,
) -> tuple[RowTree, list[bytes], list[Commitment]]:
    """The tree, and the bytes and commitments of its rows by place; empty ones where a row is gone."""
    rows = encoded(table)
    there = range(len(rows)) if places is None else places
    committed = committed_fields(table, fields, [above[place] for place in there]) if fields else []
    if places is not None:
        every, nothing = [b""] * len(above), Commitment((), ())
        fields_of = [nothing] * len(above) if fields else []
        for at, place in enumerate(places):
            every[place] = rows[at]
            if fields:
                fields_of[place] = committed[at]
        rows, committed = every, fields_of
    return tree_of(rows, above, digest, committed, known=known if known else None), rows, committed


def _leaf(salted: bytes, fields: bytes | None) -> bytes:
    return leaf_hash(salted) if fields is None else leaf_hash(sha256(salted).digest() + fields)


# -- cells -----------------------------------------------------------------------------------------


def _one(column: pa.ChunkedArray) -> pa.Array:
    found = column.combine_chunks()
    if isinstance(found, pa.ChunkedArray):
        return found.chunk(0) if found.num_chunks else pa.array([], found.type)
    return found


def _cells(name: str, array: pa.Array) -> pa.Array:
    """The encoding of each value, as bytes."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _filled(_cells(name, array.dictionary).take(array.indices))
    if pa.types.is_boolean(kind):
        words = pa.array([b"\xf4", b"\xf5", _NULL], pa.large_binary())
        return words.take(pc.fill_null(array.cast(pa.int8()), 2))
    if pa.types.is_floating(kind):
        return _filled(_strings(_float_texts(array), b"\x60"))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _filled(_strings(array, b"\x60"))
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return _filled(_strings(array, b"\x40"))
    if pa.types.is_timestamp(kind) or pa.types.is_time64(kind) or pa.types.is_date64(kind):
        array = array.cast(pa.int64())
    elif pa.types.is_date32(kind):
        array = array.cast(pa.int32())
    elif not pa.types.is_integer(kind):
        raise EntryError.of("no_form", value=name, type=kind)
    return _whole_numbers(array)


def _filled(cells: pa.Array) -> pa.Array:
    return pc.fill_null(cells, _NULL) if cells.null_count else cells


def _strings(array: pa.Array, major: bytes) -> pa.Array:
    """Heads and contents; null where there is no value."""
    data = array.cast(pa.large_binary())
    lengths = pc.binary_length(data)
    longest = pc.max(lengths).as_py() or 0
    if longest >= 1 << 16:
        found = [None if one is None else cbor2.dumps(one) for one in array.to_pylist()]
        return pa.array(found, pa.large_binary())
    return pc.binary_join_element_wise(_heads(major, 1 << longest.bit_length()).take(lengths), data, _EMPTY)


@lru_cache(maxsize=32)
def _heads(major: bytes, count: int) -> pa.Array:
    """The head of a string of each length below ``count``."""
    return pa.array([_head(major[0], length) for length in range(count)], pa.large_binary())


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major | number])
    width = 0 if number < 1 << 8 else 1 if number < 1 << 16 else 2 if number < 1 << 32 else 3
    return bytes([major | 24 + width]) + number.to_bytes(1 << width, "big")


def _whole_numbers(array: pa.Array) -> pa.Array:
    """Whole numbers in their shortest form."""
    if pa.types.is_uint64(array.type) or array.type == pa.int64():
        bounds = pc.min_max(array).as_py()
        if (bounds["max"] or 0) > _LARGEST or (bounds["min"] or 0) < -_LARGEST:
            found = [_NULL if one is None else _whole_number(one) for one in array.to_pylist()]
            return pa.array(found, pa.large_binary())
    values = np.asarray(pc.fill_null(array.cast(pa.int64()), 0))
    count = len(values)
    negative = values < 0
    sizes = np.where(negative, -1 - values, values).astype(">u8")
    major = np.where(negative, 0x20, 0).astype(np.uint8)
    width = np.searchsorted(np.array([24, 1 << 8, 1 << 16, 1 << 32], np.uint64), sizes.astype("u8"), "right")
    extra = np.array([0, 1, 2, 4, 8])[width]
    missing = np.asarray(pc.is_null(array)) if array.null_count else None
    lengths = extra + 1
    ends = np.zeros(count + 1, np.int64)
    np.cumsum(lengths, out=ends[1:])
    out = np.empty(ends[-1], np.uint8)
    digits = sizes.view(np.uint8).reshape(count, 8)
    small = np.where(width == 0, sizes.astype(np.uint8), (23 + width).astype(np.uint8))
    heads = major | small
    if missing is not None:
        heads[missing] = _NULL[0]
    out[ends[:-1]] = heads
    for bytes_more in (1, 2, 4, 8):
        rows = np.flatnonzero(extra == bytes_more)
        if len(rows):
            places = ends[rows][:, None] + 1 + np.arange(bytes_more)
            out[places] = digits[rows, 8 - bytes_more :]
    return pa.Array.from_buffers(pa.large_binary(), count, [None, pa.py_buffer(ends), pa.py_buffer(out)])


def _whole_number(value: int) -> bytes:
    """One whole number; what the encoding of the log does not have is the text of its digits."""
    return encode(value if -_LARGEST <= value <= _LARGEST else str(value))


def _float_texts(array: pa.Array) -> pa.Array:
    """The fewest digits that read back as the same number, without exponent."""
    texts = array.cast(pa.string())
    odd = pc.match_substring_regex(texts, "[a-z]|^-0$")
    if not pc.any(odd).as_py():
        return texts
    found: list[Any] = texts.to_pylist()
    numbers = array.to_pylist()
    for place in np.flatnonzero(np.asarray(pc.fill_null(odd, False))):
        found[place] = float_text(numbers[place])
    return pa.array(found, pa.string())


def float_text(value: float) -> str:
    """One floating-point number as a row has it."""
    if value != value:  # noqa: PLR0124 - not a number
        return "NaN"
    if value in {float("inf"), float("-inf")}:
        return "Infinity" if value > 0 else "-Infinity"
    text = format(Decimal(repr(value)), "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
