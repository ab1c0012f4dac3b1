"""What was recorded of each movement, in few bytes: words as codes, nothing for what nobody records."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.model.errors import ModelError
from assay.model.kinds import TIME

WORDS = (
    "role",
    "segment",
    "unit",
    "position",
    "equipment",
    "carrier",
    "person",
    "recipe",
    "work_order",
    "material",
    "basis",
    "correction",
    "corrected_by",
)
"""Columns of words, by which a trace can be filtered."""
TIMES = ("started", "ended")
CERTAIN = 1.0
_NO_TIME = np.iinfo(np.int64).min
_WIDTHS: tuple[Any, ...] = (np.uint8, np.uint16, np.int32)


class _Column:
    """One value per edge, allocated when the first one that isn't missing arrives."""

    def __init__(self, kind: Any, missing: Any) -> None:
        self.kind, self.missing = np.dtype(kind), missing
        self.values: NDArray[Any] | None = None

    def put(self, new: slice, values: NDArray[Any], room: int) -> None:
        if self.values is None:
            if not len(values) or bool((values == self.missing).all()):
                return
            self.values = np.full(room, self.missing, self.kind)
        self.cover(new.stop, room)
        self.values[new] = values

    def cover(self, edges: int, room: int) -> None:
        """Have a value for so many edges, missing for those that nobody recorded one of."""
        if self.values is not None and edges > len(self.values):
            larger = np.full(max(room, len(self.values) * 3 // 2), self.missing, self.kind)
            larger[: len(self.values)] = self.values
            self.values = larger

    def take(self, edges: NDArray[np.integer]) -> NDArray[Any]:
        if self.values is None:
            return np.full(len(edges), self.missing, self.kind)
        taken: NDArray[Any] = self.values[edges]
        return taken


class _Words(_Column):
    """Words by their codes, 0 for none; as narrow as the number of different words allows."""

    def __init__(self) -> None:
        super().__init__(_WIDTHS[0], 0)
        self.words: list[str] = []
        self._codes: dict[str | None, int] = {None: 0}

    def add(self, new: slice, words: pa.Array, room: int) -> None:
        if words.null_count == len(words):
            return
        if not pa.types.is_dictionary(words.type):
            words = words.cast(pa.string()).dictionary_encode()
        known = np.array([self._code(word) for word in words.dictionary.to_pylist()], np.int64)
        if len(self.words) > np.iinfo(self.kind).max:
            self.kind = np.dtype(next(w for w in _WIDTHS if len(self.words) <= np.iinfo(w).max))
            if self.values is not None:
                self.values = self.values.astype(self.kind)
        at = pc.fill_null(words.indices.cast(pa.int64()), len(known)).to_numpy(zero_copy_only=False)
        self.put(new, np.append(known, 0)[at].astype(self.kind), room)

    def _code(self, word: str | None) -> int:
        code = self._codes.get(word)
        if code is None:
            self.words.append(str(word))
            code = self._codes[word] = len(self.words)
        return code

    def codes(self, words: Iterable[str]) -> list[int]:
        """The codes of those words that occur."""
        return [self._codes[word] for word in words if word in self._codes]

    def arrow(self, edges: NDArray[np.integer]) -> pa.Array:
        return self.spoken(self.take(edges))

    def spoken(self, codes: NDArray[np.integer]) -> pa.Array:
        codes, words = codes.astype(np.int32), self.words
        if len(codes) < len(words):
            # A few edges need a few of the words; boxes and orders have as many as there are.
            used, at = np.unique(codes, return_inverse=True)
            words = [words[code - 1] for code in used.tolist() if code]
            codes = (at + (used[:1] > 0)).astype(np.int32)
        return pa.DictionaryArray.from_arrays(
            pa.array(codes - 1, mask=codes == 0), pa.array(words, pa.string())
        )


class _Numbers(_Column):
    """Numbers by codes as long as few of them differ, as amounts and chances mostly do; else as they are."""

    def __init__(self, missing: float) -> None:
        super().__init__(_WIDTHS[0], 0)
        self.absent = missing
        self.numbers: NDArray[np.float64] | None = np.array([missing])
        self._codes: dict[float, int] = {missing: 0}

    def add(self, new: slice, numbers: pa.Array, room: int) -> None:
        """Numbers without null; those that are ``missing`` need no room."""
        if self.numbers is None:
            self.put(new, numbers.to_numpy(zero_copy_only=False), room)
            return
        found = numbers.dictionary_encode()
        values = found.dictionary.to_numpy(zero_copy_only=False)
        known = np.array([self._code(value) for value in values.tolist()], np.int64)
        widest = next((w for w in _WIDTHS[:2] if len(self._codes) - 1 <= np.iinfo(w).max), None)
        self.numbers = np.array(list(self._codes))
        if widest is None:
            self._spread()
            self.put(new, numbers.to_numpy(zero_copy_only=False), room)
            return
        if np.dtype(widest) != self.kind:
            self.kind = np.dtype(widest)
            self.values = None if self.values is None else self.values.astype(widest)
        self.put(new, known[found.indices.to_numpy(zero_copy_only=False)].astype(self.kind), room)

    def _code(self, number: float) -> int:
        # NaN equals nothing; as one and the same object it is found again.
        return self._codes.setdefault(np.nan if np.isnan(number) else number, len(self._codes))

    def at_least(self, least: float, count: int) -> NDArray[np.bool_]:
        """Which of the first ``count`` edges have that much or more."""
        if self.values is None:
            return np.full(count, self.absent >= least)
        values = self.values[:count]
        return np.asarray(values >= least if self.numbers is None else (self.numbers >= least)[values])

    def _spread(self) -> None:
        """From here on every edge has its number."""
        values = None if self.values is None or self.numbers is None else self.numbers[self.values]
        self.kind, self.missing = np.dtype(np.float64), self.absent
        self.values, self.numbers = values, None
        self._codes.clear()

    def take(self, edges: NDArray[np.integer]) -> NDArray[np.float64]:
        taken = super().take(edges)
        if self.numbers is None:
            return taken
        numbers: NDArray[np.float64] = self.numbers[taken]
        return numbers


class EdgeColumns:
    """The columns of the edges of one graph, in the order of the edges."""

    def __init__(self) -> None:
        self.count = 0
        self._room = 0
        self._words = {name: _Words() for name in WORDS}
        self._times = {name: _Column(np.int64, _NO_TIME) for name in TIMES}
        self._quantity = _Numbers(np.nan)
        self._confidence = _Numbers(CERTAIN)
        self._share = _Numbers(np.nan)
        self._clock_uncertainty = _Numbers(0.0)
        self._choice = _Words()
        self._all: tuple[_Column, ...] = (
            *self._words.values(),
            *self._times.values(),
            self._quantity,
            self._confidence,
            self._share,
            self._clock_uncertainty,
            self._choice,
        )

    def reserve(self, edges: int) -> None:
        """Allocate for so many more edges at once."""
        self._room = self.count + edges

    def add(self, rows: pa.Table | pa.RecordBatch) -> None:
        """The columns that ``rows`` has, for its edges; and numbers."""
        new = slice(self.count, self.count + rows.num_rows)
        room = max(self._room, new.stop)
        have = set(rows.schema.names)
        for name in have.intersection(self._words):
            self._words[name].add(new, _whole(rows.column(name)), room)
        if "choice" in have:
            self._choice.add(new, _whole(rows.column("choice")), room)
        for name in have.intersection(self._times):
            moments = _whole(rows.column(name)).cast(TIME).cast(pa.int64())
            filled = pc.fill_null(moments, _NO_TIME).to_numpy(zero_copy_only=False)
            self._times[name].put(new, filled, room)
        for name, numbers in (
            ("quantity", self._quantity),
            ("confidence", self._confidence),
            ("share", self._share),
            ("clock_uncertainty", self._clock_uncertainty),
        ):
            if name in have and rows.column(name).null_count < rows.num_rows:
                values = pc.fill_null(_whole(rows.column(name)).cast(pa.float64()), numbers.absent)
                numbers.add(new, values, room)
        for column in self._all:
            column.cover(new.stop, room)
        self.count = new.stop

    @property
    def certain(self) -> bool:
        """Whether every edge was recorded, and none inferred."""
        return self._confidence.values is None

    def quantity(self, edges: NDArray[np.integer]) -> NDArray[np.float64]:
        """Quantity of some edges, NaN where none was recorded."""
        return self._quantity.take(edges)

    def confidence(self, edges: NDArray[np.integer]) -> NDArray[np.float64]:
        """How sure some edges are, 0 to 1."""
        return self._confidence.take(edges)

    def choice(self, edges: NDArray[np.integer]) -> NDArray[np.int64]:
        """Edges of one number of 0 or more exclude each other."""
        return self._choice.take(edges).astype(np.int64) - 1

    def share(self, edges: NDArray[np.integer]) -> NDArray[np.float64]:
        """The part of a mixture that some edges stand for, 0 to 1, NaN where none was given."""
        return self._share.take(edges)

    def clock_uncertainty(self, edges: NDArray[np.integer]) -> NDArray[np.float64]:
        """By how much the clock of some edges may be off, s; 0 where nothing was said."""
        return self._clock_uncertainty.take(edges)

    def codes(self, name: str, edges: NDArray[np.integer]) -> NDArray[np.int64]:
        """A column of words as codes that are equal where the words are, 0 for none."""
        return self._words[name].take(edges).astype(np.int64)

    def codes_of(self, name: str, words: Iterable[str]) -> list[int]:
        """The codes of those words that occur in a column."""
        return self._words[name].codes(words)

    def vocabulary(self, name: str) -> list[str]:
        """The different words of a column; the code of each is one more than its place."""
        return list(self._words[name].words)

    def moments(self, name: str, edges: NDArray[np.integer]) -> NDArray[np.int64]:
        """One of :data:`TIMES` of some edges, µs since 1970, the least int64 where none was recorded."""
        return self._times[name].take(edges)

    def words_of(self, name: str, codes: NDArray[np.integer]) -> pa.Array:
        """The words of some codes, dictionary-encoded."""
        return self._words[name].spoken(codes)

    def take(self, edges: NDArray[np.integer]) -> pa.Table:
        """What was recorded of some edges: :data:`WORDS`, times (UTC) and numbers, one row each."""
        quantity = self.quantity(edges)
        columns: dict[str, pa.Array] = {name: words.arrow(edges) for name, words in self._words.items()}
        for name, column in self._times.items():
            values = column.take(edges)
            columns[name] = pa.array(values, mask=values == _NO_TIME).cast(TIME)
        columns["quantity"] = pa.array(quantity, mask=np.isnan(quantity))
        share = self.share(edges)
        columns["share"] = pa.array(share, mask=np.isnan(share))
        columns["confidence"] = pa.array(self.confidence(edges))
        return pa.table(columns)

    def among(self, name: str, words: Collection[str]) -> NDArray[np.bool_]:
        """Which edges have one of ``words`` in a column, shape (count,).

        Raises
        ------
        ModelError
            There is no such column.
        """
        if name not in self._words:
            raise ModelError(
                f"movements can't be filtered by {name!r}", hint=f"Filter by one of {', '.join(WORDS)}."
            )
        column = self._words[name]
        codes = column.codes(words)
        if column.values is None or not codes:
            return np.zeros(self.count, np.bool_)
        values = column.values[: self.count]
        if len(codes) == 1:
            return np.asarray(values == codes[0])
        wanted = np.zeros(len(column.words) + 1, np.bool_)
        wanted[codes] = True
        return np.asarray(wanted[values])

    def sure(self, least: float) -> NDArray[np.bool_]:
        """Which edges are at least so sure, shape (count,)."""
        return self._confidence.at_least(least, self.count)

    def within(self, since: int | None, until: int | None) -> NDArray[np.bool_]:
        """Which edges began in [since, until), in microseconds since 1970; those without a time did not."""
        values = self._times["started"].values
        if values is None:
            return np.zeros(self.count, np.bool_)
        values = values[: self.count]
        inside = values > _NO_TIME if since is None else values >= since
        return np.asarray(inside if until is None else inside & (values < until))


def _whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        if pa.types.is_dictionary(column.type):
            column = column.unify_dictionaries()
        return column.combine_chunks()
    return column
