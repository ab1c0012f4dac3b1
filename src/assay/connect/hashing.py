"""64-bit hashes of whole columns, the same on every machine and version.

A row's hash is the mixed sum of one hash per field, salted with the field's name, so that neither the
order of fields nor a field that is null matters. Strings are folded eight bytes at a time with the
finaliser of MurmurHash3 (Appleby, fmix64); the hashes only ever raise a suspicion, which is then
settled by comparing the values themselves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Hashes = npt.NDArray[np.uint64]

_M1 = np.uint64(0xFF51AFD7ED558CCD)
_M2 = np.uint64(0xC4CEB9FE1A85EC53)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(33)
_NOTHING = np.uint64(0)
_TAIL = np.array([(1 << (8 * length)) - 1 for length in range(8)] + [2**64 - 1], np.uint64)
_LONG = 128
"""Strings longer than this are hashed one by one."""
_PIECE = 32_768
"""Rows mixed at a time, so that the work stays in the processor's cache."""


def mix(words: Hashes) -> Hashes:
    """MurmurHash3's 64-bit finaliser, in place."""
    for start in range(0, len(words), _PIECE):
        part = words[start : start + _PIECE]
        part ^= part >> _SHIFT
        part *= _M1
        part ^= part >> _SHIFT
        part *= _M2
        part ^= part >> _SHIFT
    return words


@lru_cache(maxsize=4096)
def salt(name: str) -> np.uint64:
    """A fixed 64-bit number for a name."""
    return np.uint64(int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little"))


def column_hashes(column: pa.Array) -> Hashes:
    """One hash per value: text, dictionary of text, number, boolean or timestamp; meaningless for nulls.

    Equal values have equal hashes whichever way they are stored. ``TypeError`` for other types.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        words = column_hashes(column.dictionary)
        codes = column.indices.fill_null(0) if column.indices.null_count else column.indices
        at = codes.to_numpy(zero_copy_only=False)
        return words[at] if len(words) else np.zeros(len(column), np.uint64)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _text_hashes(column if pa.types.is_string(kind) else column.cast(pa.string()))
    if pa.types.is_floating(kind):
        numbers = np.asarray(column.fill_null(0.0).to_numpy(zero_copy_only=False), np.float64) + 0.0
        return mix(numbers.view(np.uint64).copy())
    if pa.types.is_timestamp(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        whole = column.cast(pa.int64())
        filled = whole.fill_null(0) if whole.null_count else whole
        return mix(filled.to_numpy(zero_copy_only=False).view(np.uint64) + _GOLDEN)
    raise TypeError(f"no hash for {kind}")


def field_hashes(name: str, column: pa.Array) -> Hashes | np.uint64:
    """One hash per value of a named field, 0 for null; a single number when all values are the same word."""
    if column.null_count == len(column):
        return np.uint64(0)
    if pa.types.is_dictionary(column.type):
        words = mix(column_hashes(column.dictionary) ^ salt(name))
        if len(words) == 1 and not column.null_count:
            return np.uint64(words[0])
        words = np.append(words, np.uint64(0))
        codes = column.indices.fill_null(len(words) - 1) if column.indices.null_count else column.indices
        found: Hashes = words.take(codes.to_numpy(zero_copy_only=False))
        return found
    hashes = mix(column_hashes(column) ^ salt(name))
    if column.null_count:
        hashes[column.is_null().to_numpy(zero_copy_only=False)] = 0
    return hashes


def joined(fields: Iterable[Hashes | np.uint64], rows: int, start: np.uint64 = _NOTHING) -> Hashes:
    """One hash per row over the hashes of its fields."""
    total = np.full(rows, start, np.uint64)
    for hashes in fields:
        total += hashes
    return mix(total)


def _text_hashes(column: pa.Array) -> Hashes:
    rows = len(column)
    if not rows:
        return np.zeros(0, np.uint64)
    _, offset_buffer, data_buffer = column.buffers()
    edges = np.frombuffer(offset_buffer, np.int32, count=rows + 1, offset=4 * column.offset)
    first, last = int(edges[0]), int(edges[-1])
    padded = np.zeros(last - first + 8, np.uint8)
    if last > first:
        padded[:-8] = np.frombuffer(data_buffer, np.uint8, count=last - first, offset=first)
    # every byte position read as the start of a little-endian word
    windows = np.lib.stride_tricks.as_strided(padded[:8].view("<u8"), shape=(len(padded) - 7,), strides=(1,))
    starts = edges[:-1].astype(np.int64) - first
    lengths = np.diff(edges).astype(np.int64)
    hashes = np.empty(rows, np.uint64)
    for begin in range(0, rows, _PIECE):
        part = slice(begin, min(begin + _PIECE, rows))
        hashes[part] = _fold(windows, starts[part], lengths[part])
    for at in np.flatnonzero(lengths > _LONG):
        text = padded[starts[at] : starts[at] + lengths[at]].tobytes()
        hashes[at] = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")
    return hashes


def _fold(windows: Hashes, starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> Hashes:
    hashes = lengths.astype(np.uint64) * _GOLDEN
    longest = min(int(lengths.max()), _LONG)
    shortest = int(lengths.min())
    for position in range(0, longest, 8):
        if position + 8 <= shortest:
            words = windows[starts + position]
        else:
            rest = np.clip(lengths - position, 0, 8)
            words = windows[np.minimum(starts + position, len(windows) - 1)] & _TAIL[rest]
        if position < shortest:
            hashes = _stir(hashes, words)
        else:
            hashes = np.where(lengths > position, _stir(hashes, words), hashes)
    return hashes


def _stir(hashes: Hashes, words: Hashes) -> Hashes:
    hashes = hashes ^ words
    hashes *= _M1
    hashes ^= hashes >> _SHIFT
    return hashes


def signed(hashes: Hashes) -> pa.Array:
    """Hashes as the lake keeps them: the same bits as signed integers."""
    return pa.array(hashes.view(np.int64))
