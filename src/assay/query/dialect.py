"""What differs between engines in SQL, one method per operator of the language.

Every scalar function and aggregate of the language has exactly one form here per dialect; one contract
suite runs each of them on every engine and compares. SQL of a dialect is written nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from assay.query.language.tree import Scalar


class Dialect(Protocol):
    """Arguments and results are SQL texts unless said otherwise.

    A missing value stays missing through every function; an aggregate over nothing is missing, counts are 0.
    Times are UTC. Division by zero is missing. Text comparison is by code point.
    """

    name: str

    def quoted(self, name: str) -> str:
        """A name as an identifier."""

    def literal(self, value: Scalar | date) -> str:
        """A Python value as a literal; a datetime as a UTC timestamp, a timedelta as its seconds."""

    # -- scalars ------------------------------------------------------------------------------------

    def text(self, value: str) -> str:
        """As text."""

    def number(self, text: str) -> str:
        """Text as a number (double); missing where it isn't one."""

    def divided(self, a: str, b: str) -> str:
        """a / b as a double; missing where b is 0."""

    def seconds(self, start: str, end: str) -> str:
        """Seconds from one time to another, a double with microseconds."""

    def moved(self, time: str, seconds: str) -> str:
        """A time moved by seconds (a double), exact to the microsecond."""

    def microseconds(self, time: str) -> str:
        """Whole microseconds since 1970-01-01 UTC (bigint)."""

    def date(self, time: str) -> str:
        """The UTC date."""

    def year(self, time: str) -> str:
        """The UTC year."""

    def month(self, time: str) -> str:
        """1 to 12."""

    def day(self, time: str) -> str:
        """Day of the month, 1 to 31."""

    def hour(self, time: str) -> str:
        """0 to 23."""

    def minute(self, time: str) -> str:
        """0 to 59."""

    def weekday(self, time: str) -> str:
        """ISO 8601: Monday 1 to Sunday 7."""

    def months_between(self, start: str, end: str) -> str:
        """Whole months from start to end, rounded toward zero: 31 January to 28 February is 0."""

    def rounded(self, value: str, digits: str) -> str:
        """Rounded half away from zero, as a double."""

    def logarithm(self, value: str) -> str:
        """Natural logarithm; missing for zero and below."""

    def root(self, value: str) -> str:
        """Square root; missing below zero."""

    def absolute(self, value: str) -> str:
        """Absolute value, of the type of the value."""

    def lowercase(self, text: str) -> str:
        """Each letter as its one small letter; one that has none, or several, stays as it is."""

    def uppercase(self, text: str) -> str:
        """Each letter as its one capital; one that has none, or several, stays as it is."""

    def trimmed(self, text: str) -> str:
        """Without the white space at both ends, that of Unicode and line ends included."""

    def length(self, text: str) -> str:
        """Number of code points (bigint)."""

    def contains(self, text: str, part: str) -> str:
        """Whether a text holds a part."""

    def starts_with(self, text: str, part: str) -> str:
        """Whether a text begins with a part."""

    def like(self, text: str, pattern: str) -> str:
        """SQL ``like`` with ``%`` and ``_``, without an escape character, telling cases apart."""

    def hashed(self, columns: Sequence[str]) -> str:
        """A text that is equal exactly when all columns are."""

    # -- aggregates ---------------------------------------------------------------------------------

    def mean(self, value: str) -> str:
        """Arithmetic mean, a double."""

    def std(self, value: str) -> str:
        """Sample standard deviation (n − 1); missing for one value."""

    def total(self, value: str) -> str:
        """Sum as a double; missing over nothing."""

    def least(self, value: str) -> str:
        """Minimum."""

    def greatest(self, value: str) -> str:
        """Maximum."""

    def median(self, value: str) -> str:
        """Median, between the two middle values of an even number."""

    def quantile(self, value: str, share: float) -> str:
        """Linear interpolation between closest ranks (Hyndman and Fan, type 7)."""

    def first(self, value: str, order: Sequence[str]) -> str:
        """The value of the row that comes first; rows whose first order key is missing don't count."""

    def last(self, value: str, order: Sequence[str]) -> str:
        """The value of the row that comes last."""

    def listed(self, value: str, order: Sequence[str]) -> str:
        """All values that aren't missing as a list in this order; an empty list over nothing."""

    def distinct(self, value: str) -> str:
        """Number of different values."""

    def number_of(self, value: str | None) -> str:
        """Number of rows, or of values that aren't missing."""

    def share(self, condition: str) -> str:
        """Share of rows that meet a condition among those where it's known, 0 to 1."""

    def any_of(self, condition: str) -> str:
        """Whether the condition holds for some row; false over nothing."""

    def all_of(self, condition: str) -> str:
        """Whether the condition holds for every row where it's known; true over nothing."""
