"""Intervals as the kernel takes them: per equipment, sorted by their start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.query.bind import kernel

FOREVER = 2**61
"""The end of an interval that nobody knows the end of, in microseconds since 1970: 75,000 years from now."""


@dataclass(frozen=True, eq=False)
class Spans:
    """Half-open intervals ``[begun, over)`` in microseconds, sorted by equipment and start.

    Attributes
    ----------
    equipment
        The equipment of each slot.
    bounds
        (S + 1,): the intervals of slot s are ``[bounds[s], bounds[s + 1])``.
    begun, over, reach, doubt
        (I,): start, end, the highest end so far within the slot, and clock uncertainty in seconds (NaN:
        unknown). The end of an instant is one microsecond after its start.
    row
        (I,): the row each one had where it came from.
    """

    equipment: tuple[str, ...]
    bounds: NDArray[np.int64]
    begun: NDArray[np.int64]
    over: NDArray[np.int64]
    reach: NDArray[np.int64]
    doubt: NDArray[np.float64]
    row: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        equipment: pa.Array | pa.ChunkedArray | Sequence[str],
        started: NDArray[np.int64],
        ended: NDArray[np.int64],
        doubt: NDArray[np.float64] | None = None,
    ) -> Spans:
        """Sort intervals; ``ended`` equal to ``started`` is an instant."""
        codes, names = _encoded(equipment)
        same = codes[1:] == codes[:-1]
        sorted_already = np.all((codes[1:] > codes[:-1]) | (same & (started[1:] >= started[:-1])))
        order = np.arange(len(codes)) if sorted_already else np.lexsort((started, codes))
        codes, begun = codes[order], started[order]
        over = np.maximum(ended[order], begun + 1)
        bounds = np.searchsorted(codes, np.arange(len(names) + 1)).astype(np.int64)
        reach = over.copy()
        for low, high in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            np.maximum.accumulate(reach[low:high], out=reach[low:high])
        own = np.full(len(order), np.nan) if doubt is None else doubt[order]
        return cls(names, bounds, begun, over, reach, own, order.astype(np.int64))

    def __len__(self) -> int:
        return len(self.row)

    def only(self, places: NDArray[np.int64]) -> Spans:
        """The intervals at these places; the row of each is its number among the places."""
        slots = np.repeat(np.arange(len(self.equipment)), np.diff(self.bounds))[places]
        names = pa.array(self.equipment, pa.string()).take(pa.array(slots))
        return Spans.of(names, self.begun[places], self.over[places], self.doubt[places])

    def cover(self) -> Cover:
        """The times that any interval covers."""
        return Cover(self.bounds, self.begun, self.reach)


@dataclass(frozen=True, eq=False)
class Cover:
    """The times that any interval covers: what has to be read at all.

    ``bounds``, ``begun`` and ``reach`` are those of the :class:`Spans`.
    """

    bounds: NDArray[np.int64]
    begun: NDArray[np.int64]
    reach: NDArray[np.int64]

    def meets(self, low: int, high: int) -> bool:
        """Whether some interval has a time between ``low`` and ``high``, both included."""
        return bool(kernel.meets(self.bounds, self.begun, self.reach, low, high))


def _encoded(words: pa.Array | pa.ChunkedArray | Sequence[str]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Codes in the order of the names, and the names."""
    column = words if isinstance(words, (pa.Array, pa.ChunkedArray)) else pa.array(words, pa.string())
    if isinstance(column, pa.ChunkedArray):
        column = column.cast(pa.string()).combine_chunks()
    encoded = column.cast(pa.string()).dictionary_encode()
    ranks = pc.rank(encoded.dictionary, sort_keys="ascending").to_numpy().astype(np.int64) - 1
    names = sorted(encoded.dictionary.to_pylist(), key=lambda name: name.encode())
    return ranks[encoded.indices.to_numpy()] if len(encoded) else np.empty(0, np.int64), tuple(names)
