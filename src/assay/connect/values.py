"""Reading the values of a column as text, numbers, integers or truth values, each bad value told apart.

Every reader takes an Arrow array as a source delivered it and returns an array of the type asked for with
nulls where the cell was empty or bad, and a mask of the bad ones. Whether a source delivers text or has
parsed already makes no difference to the result.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assay.model.attributes import AttributeType
from assay.model.kinds import WORD

Mask = npt.NDArray[np.bool_]

_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?$"
_INTEGER = r"^[+-]?[0-9]{1,18}(\.0*)?$"
_TRUE = ("true", "yes", "y", "t", "1", "是", "真")
_FALSE = ("false", "no", "n", "f", "0", "否", "假")


@dataclass(frozen=True)
class Values:
    """A column read as one type."""

    array: pa.Array
    """Null where the cell was empty or bad."""
    problems: dict[str, Mask]
    """Bad rows by reason code; only reasons that occur."""


def mask_of(array: pa.Array) -> Mask:
    """A boolean Arrow array without nulls as NumPy."""
    result: Mask = array.to_numpy(zero_copy_only=False)
    return result


def whole(column: pa.ChunkedArray) -> pa.Array:
    """One array of a column."""
    if column.num_chunks == 1:
        return column.chunk(0)
    if column.num_chunks and pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    combined = column.combine_chunks()
    return combined if isinstance(combined, pa.Array) else pa.concat_arrays(combined.chunks)


def text(column: pa.Array) -> Values:
    """Plain text, as it is."""
    return Values(_plain(column), {})


def words(column: pa.Array) -> Values:
    """Text as a dictionary."""
    if pa.types.is_dictionary(column.type):
        return Values(column if column.type == WORD else column.cast(WORD), {})
    return Values(_plain(column).dictionary_encode(), {})


def _plain(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_floating(column.type):
        # whole numbers without a point, as people write an id
        rounded = pc.equal(pc.floor(column), column)
        small = pc.less(pc.abs(column), 2.0**53)
        integral = pc.and_(rounded, small).fill_null(False)
        as_integer = pc.if_else(integral, column, None).cast(pa.int64(), safe=False).cast(pa.string())
        return pc.if_else(integral, as_integer, column.cast(pa.string()))
    return column.cast(pa.string())


def number(column: pa.Array, decimal: str = ".") -> Values:
    """Finite 64-bit numbers."""
    if _is_text(column):
        cells = pc.utf8_trim_whitespace(_plain(column))
        if decimal != ".":
            # a point in a file with decimal commas groups thousands at best, so it is not a number here
            pointed = pc.fill_null(pc.match_substring(cells, "."), False)
            swapped = pc.replace_substring(cells, decimal, ".")
            cells = pc.if_else(pointed, "?", swapped)
            cells = pc.if_else(column.is_null(), None, cells)
        array, bad = _parsed(cells, _NUMBER, pa.float64())
    else:
        array, bad = column.cast(pa.float64(), safe=False), np.zeros(len(column), bool)
    finite = pc.is_finite(array)
    if pc.all(finite, skip_nulls=True).as_py() is False:
        odd = mask_of(pc.invert(finite).fill_null(False))
        bad = bad | odd
        array = pc.if_else(pa.array(odd), None, array)
    return Values(array, {"unparsable-number": bad} if bad.any() else {})


def integer(column: pa.Array) -> Values:
    """64-bit integers; ``5.0`` is one."""
    if _is_text(column):
        cells = pc.utf8_trim_whitespace(_plain(column))
        fits = pc.match_substring_regex(cells, _INTEGER)
        cells = pc.replace_substring_regex(cells, r"^\+|\.0*$", "")
        bad = mask_of(pc.invert(fits).fill_null(False))
        array = pc.if_else(fits, cells, None).cast(pa.int64())
    elif pa.types.is_floating(column.type):
        fits = pc.and_(pc.equal(pc.floor(column), column), pc.less(pc.abs(column), 2.0**53))
        bad = mask_of(pc.invert(fits).fill_null(False))
        array = pc.if_else(fits, column, None).cast(pa.int64(), safe=False)
    else:
        array, bad = column.cast(pa.int64()), np.zeros(len(column), bool)
    return Values(array, {"unparsable-integer": bad} if bad.any() else {})


def boolean(column: pa.Array) -> Values:
    """Truth values: true/false, yes/no, 1/0, 是/否."""
    if pa.types.is_boolean(column.type):
        return Values(column, {})
    cells = pc.utf8_lower(pc.utf8_trim_whitespace(_plain(column)))
    true = pc.is_in(cells, value_set=pa.array(_TRUE))
    false = pc.is_in(cells, value_set=pa.array(_FALSE))
    known = pc.or_(true, false)
    bad = mask_of(pc.invert(known)) & ~mask_of(column.is_null())
    array = pc.if_else(known, true, pa.scalar(None, pa.bool_()))
    return Values(array, {"unparsable-truth-value": bad} if bad.any() else {})


READERS = {
    AttributeType.TEXT: words,
    AttributeType.INTEGER: integer,
    AttributeType.BOOLEAN: boolean,
}
"""Readers of attribute types that need nothing but the column."""


def _is_text(column: pa.Array) -> bool:
    kind = column.type
    return bool(pa.types.is_string(kind) or pa.types.is_dictionary(kind))


def _parsed(cells: pa.Array, pattern: str, kind: pa.DataType) -> tuple[pa.Array, Mask]:
    fits = pc.match_substring_regex(cells, pattern)
    bad = mask_of(pc.invert(fits).fill_null(False))
    return pc.if_else(fits, cells, None).cast(kind), bad
