"""What the values of a sampled column look like."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.connect import values
from assay.connect.times import TimeReader

_DATES = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日")
_CLOCKS = ("", " %H:%M:%S", " %H:%M", " %H:%M:%S.%f", " %I:%M:%S %p", " %I:%M %p")
_OTHER = (
    "%Y%m%d%H%M%S",
    "%Y%m%d %H%M%S",
    "%d-%b-%Y %H:%M:%S",
    "%d-%b-%Y",
    "%b %d %Y %H:%M:%S",
    "%d.%m.%y %H:%M",
)
TIME_FORMATS = (*(date + clock for date in _DATES for clock in _CLOCKS), *_OTHER)
"""Formats tried when values are not ISO 8601."""

_FEW_WORDS = 3

_SWAPPED = {"%d/%m/%Y": "%m/%d/%Y", "%m/%d/%Y": "%d/%m/%Y", "%d-%m-%Y": "%m-%d-%Y", "%m-%d-%Y": "%d-%m-%Y"}

GOOD = frozenset(
    [
        *("ok", "pass", "passed", "good", "accept", "accepted", "conform", "conforming", "i.o.", "io"),
        *("合格", "良品", "良", "通过", "正常", "好"),
    ]
)
"""Words for a unit that is as it should be."""

BAD = frozenset(
    [
        *("nok", "ng", "fail", "failed", "bad", "reject", "rejected", "defect", "defective"),
        *("nonconforming", "n.i.o.", "nio", "scrap", "rework"),
        *("不合格", "不良", "不良品", "未通过", "次品", "废品", "缺陷", "坏"),
    ]
)
"""Words for one that is not."""


FEW_MISFITS = 0.05
"""Share of a column's values that may not fit its kind; rows with such values are set aside at loading."""


@dataclass(frozen=True)
class TimeGuess:
    """How a column's times are written."""

    format: str | None
    """None for ISO 8601."""
    also: str | None = None
    """Another format that fits as many values: day and month can't be told apart."""


@dataclass(frozen=True)
class Look:
    """A sampled column."""

    name: str
    cells: pa.Array
    """Text, null where empty."""
    decimal: str

    @cached_property
    def filled(self) -> pa.Array:
        """The cells that hold something."""
        return self.cells.drop_null()

    @cached_property
    def levels(self) -> int:
        """Distinct values."""
        return int(pc.count_distinct(self.filled).as_py())

    @cached_property
    def samples(self) -> list[str]:
        """The first distinct values."""
        return [str(one) for one in pc.unique(self.filled)[:5].to_pylist()]

    @property
    def empty(self) -> bool:
        """True when no cell holds anything."""
        return len(self.filled) == 0

    @property
    def unique(self) -> bool:
        """True when every row has a value of its own."""
        return len(self.filled) == len(self.cells) > 1 and self.levels == len(self.cells)

    @cached_property
    def numeric(self) -> bool:
        """True when the values are numbers, but for a few words among measured values."""
        if self.empty:
            return False
        read = values.number(self.filled, self.decimal)
        if not read.problems:
            return True
        odd = self._odd(read.problems)
        if odd is None or pc.count_distinct(self.filled.filter(odd)).as_py() > _FEW_WORDS:
            return False
        return bool(pc.any(pc.not_equal(pc.floor(read.array), read.array)).as_py())

    @property
    def misfits(self) -> pa.Array:
        """The values that are no numbers in a column of numbers."""
        odd = self._odd(values.number(self.filled, self.decimal).problems)
        return self.filled[:0] if odd is None else self.filled.filter(odd)

    def _odd(self, problems: dict[str, NDArray[np.bool_]]) -> pa.Array | None:
        """Which of the filled cells are at fault; None when they are too many."""
        mask = np.zeros(len(self.filled), bool)
        for one in problems.values():
            mask |= one
        return pa.array(mask) if mask.sum() <= FEW_MISFITS * mask.size else None

    @cached_property
    def integral(self) -> bool:
        """True when every value is a whole number."""
        return not self.empty and not values.integer(self.filled).problems

    @cached_property
    def leading_zeros(self) -> bool:
        """True when a value is written with leading zeros: a code, not a quantity."""
        return bool(pc.any(pc.match_substring_regex(self.filled, r"^0[0-9]")).as_py())

    @cached_property
    def verdicts(self) -> bool:
        """True when the values are words such as OK and NOK."""
        if not 1 <= self.levels <= 6:
            return False
        words = {one.strip().lower() for one in pc.unique(self.filled).to_pylist()}
        return words <= GOOD | BAD

    @cached_property
    def time(self) -> TimeGuess | None:
        """How the values read as times, when all or nearly all do."""
        if self.empty or pc.any(pc.match_substring_regex(self.filled, "[0-9]")).as_py() is not True:
            return None
        if self.reads(None):
            return TimeGuess(None)
        some = self.filled[:200]
        for form in TIME_FORMATS:
            if self.reads(form, some) and self.reads(form):
                return self._settled(form)
        return None

    def reads(self, form: str | None, cells: pa.Array | None = None) -> bool:
        """Whether (nearly) every value fits a time format."""
        cells = self.filled if cells is None else cells
        return bool(self.not_times(form, cells).sum() <= FEW_MISFITS * len(cells))

    def not_times(self, form: str | None, cells: pa.Array | None = None) -> NDArray[np.bool_]:
        """Which values don't fit a time format."""
        cells = self.filled if cells is None else cells
        read = TimeReader((form,) if form else (), ZoneInfo("UTC")).read(cells)
        mask = np.zeros(len(cells), bool)
        for one in read.problems.values():
            mask |= one
        return mask

    def _settled(self, form: str) -> TimeGuess:
        for date, swapped in _SWAPPED.items():
            other = form.replace(date, swapped)
            if form.startswith(date) and self.not_times(other).sum() < self.not_times(form).sum():
                return TimeGuess(other)
            if form.startswith(date) and self.not_times(other).sum() == self.not_times(form).sum():
                return TimeGuess(*sorted((form, other), key=lambda one: (self._backward(one), one != form)))
        return TimeGuess(form)

    def _backward(self, form: str) -> int:
        """How often time runs backward from row to row: a log seldom does."""
        times = TimeReader((form,), ZoneInfo("UTC")).read(self.filled).utc
        return int(np.count_nonzero(np.diff(times) < 0))
