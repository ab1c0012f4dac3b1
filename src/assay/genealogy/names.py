# ruff: noqa: PLR0917 - compiled functions: arrays by position
"""Ids become numbers: a hash table over the very bytes of the ids, which grows while records arrive.

A name is an id at a *place*: as one kind of subject, or as the execution of one segment. Numbers are given in
the order of arrival, so that things which were recorded together lie together in every array over them,
however the ids themselves are shuffled.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

_PRIME = np.uint64(0x100000001B3)
_BASIS = np.uint64(0xCBF29CE484222325)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_TAG = np.uint64(0xFFFFFFFF00000000)
_CODE = np.uint64(0x00000000FFFFFFFF)
_SMALLEST = 1 << 10
_LARGEST = np.iinfo(np.int32).max
_FULL = 0.7
"""Share of the slots that may be taken before the table is doubled."""


@njit(nogil=True, cache=True, inline="always")
def _hashed(data: NDArray[np.uint8], begin: int, end: int, place: int) -> Any:
    """64-bit FNV-1a over place and bytes, mixed once more so that the upper bits depend on all of them."""
    value = (_BASIS ^ np.uint64(place + 1)) * _PRIME
    for k in range(begin, end):
        value = (value ^ np.uint64(data[k])) * _PRIME
    value ^= value >> np.uint64(32)
    value *= _GOLDEN
    return value ^ (value >> np.uint64(29))


@njit(nogil=True, cache=True, inline="always")
def _same(
    one: NDArray[np.uint8], begin: int, end: int, other: NDArray[np.uint8], first: int, last: int
) -> bool:
    if end - begin != last - first:
        return False
    for k in range(end - begin):  # noqa: SIM110 - compiled: a generator would be none
        if one[begin + k] != other[first + k]:
            return False
    return True


@njit(nogil=True, cache=True)
def _numbered(
    data: NDArray[np.uint8],
    offsets: NDArray[np.integer],
    places: NDArray[np.int16],
    kept: NDArray[np.uint8],
    bounds: NDArray[np.int64],
    kept_places: NDArray[np.int16],
    slots: NDArray[np.uint64],
    bits: int,
    count: int,
    add: bool,
    out: NDArray[np.int32],
) -> int:
    """Fill ``out`` with the number of each name, −1 where it is unknown and none is to be added."""
    mask = len(slots) - 1
    shift = np.uint64(64 - bits)
    for row in range(len(places)):
        begin, end, place = offsets[row], offsets[row + 1], places[row]
        if (
            row
            and place == places[row - 1]
            and out[row - 1] >= 0
            and _same(data, begin, end, data, offsets[row - 1], begin)
        ):
            out[row] = out[row - 1]
            continue
        hashed = _hashed(data, begin, end, place)
        tag = hashed & _TAG
        at = np.int64(hashed >> shift)
        found = -1
        while slots[at] != 0:
            if slots[at] & _TAG == tag:
                code = int(slots[at] & _CODE) - 1
                if kept_places[code] == place and _same(
                    kept, bounds[code], bounds[code + 1], data, begin, end
                ):
                    found = code
                    break
            at = (at + 1) & mask
        if found < 0 and add:
            found = count
            count += 1
            length = end - begin
            start = bounds[found]
            for k in range(length):
                kept[start + k] = data[begin + k]
            bounds[found + 1] = start + length
            kept_places[found] = place
            slots[at] = tag | np.uint64(found + 1)
        out[row] = found
    return count


@njit(nogil=True, cache=True)
def _rehashed(old: NDArray[np.uint64], slots: NDArray[np.uint64], bits: int) -> None:
    """Put every entry where it belongs in a larger table; the upper half of its hash is at hand."""
    mask = len(slots) - 1
    shift = np.uint64(64 - bits)
    for k in range(len(old)):
        if old[k] != 0:
            at = np.int64((old[k] & _TAG) >> shift)
            while slots[at] != 0:
                at = (at + 1) & mask
            slots[at] = old[k]


@njit(nogil=True, cache=True)
def _gathered(
    kept: NDArray[np.uint8], bounds: NDArray[np.int64], codes: NDArray[np.integer], out: NDArray[np.int32]
) -> Any:
    """The bytes of some ids, one after another; ``out`` gets where each begins."""
    total = 0
    for k in range(len(codes)):
        out[k] = total
        total += bounds[codes[k] + 1] - bounds[codes[k]]
    out[len(codes)] = total
    data = np.empty(total, np.uint8)
    for k in range(len(codes)):
        start = bounds[codes[k]]
        for i in range(bounds[codes[k] + 1] - start):
            data[out[k] + i] = kept[start + i]
    return data


class Names:
    """Names numbered from 0 in the order of their arrival. Not safe against writing in two threads."""

    def __init__(self) -> None:
        self._count = 0
        self._bits = _SMALLEST.bit_length() - 1
        self._slots = np.zeros(_SMALLEST, np.uint64)
        self._kept = np.empty(_SMALLEST * 8, np.uint8)
        self._bounds = np.zeros(_SMALLEST + 1, np.int64)
        self._places = np.empty(_SMALLEST, np.int16)

    def __len__(self) -> int:
        return self._count

    @property
    def places(self) -> NDArray[np.int16]:
        """Place of each name, shape (n,)."""
        return self._places[: self._count]

    def reserve(self, names: int, data: int) -> None:
        """Make room for so many more names with so many bytes altogether, so that nothing has to be moved."""
        wanted = self._count + names
        if wanted > _LARGEST:
            raise OverflowError(f"a genealogy holds at most {_LARGEST:,} things, not {wanted:,}")
        if wanted > len(self._places):
            room = max(wanted, len(self._places) * 3 // 2)
            self._places = _moved(self._places, self._count, room)
            self._bounds = _moved(self._bounds, self._count + 1, room + 1)
        used = int(self._bounds[self._count])
        if used + data > len(self._kept):
            self._kept = _moved(self._kept, used, max(used + data, len(self._kept) * 3 // 2))
        bits = self._bits
        while wanted > _FULL * (1 << bits):
            bits += 1
        if bits > self._bits:
            slots = np.zeros(1 << bits, np.uint64)
            _rehashed(self._slots, slots, bits)
            self._slots, self._bits = slots, bits

    def number(self, ids: pa.Array, places: NDArray[np.int16]) -> NDArray[np.int32]:
        """The numbers of names, given to those that are new; shape (n,).

        Parameters
        ----------
        ids
            Strings without nulls, shape (n,).
        places
            Shape (n,), 0 or more.
        """
        data, offsets = _buffers(ids)
        self.reserve(len(ids), int(offsets[-1] - offsets[0]))
        out = np.empty(len(ids), np.int32)
        self._count = self._scan(data, offsets, places, out, add=True)
        return out

    def locate(self, ids: pa.Array, places: NDArray[np.int16]) -> NDArray[np.int32]:
        """The numbers of names, −1 for those that are unknown; shape (n,)."""
        data, offsets = _buffers(ids)
        out = np.empty(len(ids), np.int32)
        self._scan(data, offsets, places, out, add=False)
        return out

    def _scan(
        self,
        data: NDArray[np.uint8],
        offsets: NDArray[np.int64],
        places: NDArray[np.int16],
        out: NDArray[np.int32],
        *,
        add: bool,
    ) -> int:
        places = np.ascontiguousarray(places, np.int16)
        kept = (self._kept, self._bounds, self._places, self._slots, self._bits, self._count)
        return int(_numbered(data, offsets, places, *kept, add, out))

    def ids(self, codes: NDArray[np.integer]) -> pa.Array:
        """The ids of some names, as strings, shape (n,)."""
        bounds = np.empty(len(codes) + 1, np.int32)
        data = _gathered(self._kept, self._bounds, codes, bounds)
        return pa.StringArray.from_buffers(len(codes), pa.py_buffer(bounds), pa.py_buffer(data))

    def all_ids(self) -> pa.Array:
        """The ids of all names, in order, without a copy; true until the next name is added."""
        buffers = pa.py_buffer(self._bounds), pa.py_buffer(self._kept)
        return pa.LargeStringArray.from_buffers(self._count, *buffers)


def _buffers(ids: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The bytes of a string array, and the n + 1 offsets of its strings."""
    ids = ids.cast(pa.large_string())
    _, offsets, data = ids.buffers()
    if offsets is None or not len(ids):
        return np.empty(0, np.uint8), np.zeros(1, np.int64)
    bounds = np.frombuffer(offsets, np.int64, len(ids) + 1, ids.offset * 8)
    return np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8), bounds


def _moved(array: NDArray[Any], used: int, room: int) -> NDArray[Any]:
    larger = np.empty(room, array.dtype)
    larger[:used] = array[:used]
    return larger
