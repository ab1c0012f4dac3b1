"""The SQL forms that are the same in every dialect."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from assay.model.errors import QueryError

NUMBER = "^[ \t\r\n]*([+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?)[ \t\r\n]*$"
"""What text is a number: engines would also take ``1_000``, ``1.5d`` or ``inf``, each its own."""

FARTHEST_MOVE = "1e11"
"""Most seconds that a time is moved by, 3,170 years: what is farther has no time that readers can show."""

LARGEST_SQUARE = "1e150"
"""Largest value whose square fits a double: beyond it there is no deviation."""


WHITE_SPACE = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008"
    "\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
"""What Python's ``str.strip`` takes away; engines take spaces only, and not the same ones."""


class SharedForms:
    """Forms of ANSI SQL whose meaning the contract suite found equal on every engine."""

    def divided(self, a: str, b: str) -> str:
        """a / b as a double; missing where b is 0."""
        return f"(CAST({a} AS DOUBLE) / nullif(CAST({b} AS DOUBLE), 0))"

    def logarithm(self, value: str) -> str:
        """Natural logarithm; missing for zero and below."""
        return f"ln(nullif(greatest(CAST({value} AS DOUBLE), 0), 0))"

    def absolute(self, value: str) -> str:
        """Absolute value, of the type of the value."""
        return f"abs({value})"

    def root(self, value: str) -> str:
        """Square root; missing below zero."""
        return f"(CASE WHEN CAST({value} AS DOUBLE) >= 0 THEN sqrt(CAST({value} AS DOUBLE)) END)"

    def mean(self, value: str) -> str:
        """Arithmetic mean, a double."""
        return f"avg(CAST({value} AS DOUBLE))"

    def std(self, value: str) -> str:
        """Sample standard deviation (n − 1); missing for one value, not a number among values that aren't."""
        number = f"CAST({value} AS DOUBLE)"
        fit = f"FILTER (WHERE abs({number}) < {LARGEST_SQUARE})"
        return (
            f"(CASE WHEN count({number}) > 1 AND count({number}) > count({number}) {fit} "
            f"THEN CAST('nan' AS DOUBLE) ELSE stddev_samp({number}) {fit} END)"
        )

    def total(self, value: str) -> str:
        """Sum as a double; missing over nothing."""
        return f"sum(CAST({value} AS DOUBLE))"

    def least(self, value: str) -> str:
        """Minimum."""
        return f"min({value})"

    def greatest(self, value: str) -> str:
        """Maximum."""
        return f"max({value})"

    def distinct(self, value: str) -> str:
        """Number of different values."""
        return f"count(DISTINCT {value})"

    def number_of(self, value: str | None) -> str:
        """Number of rows, or of values that aren't missing."""
        return f"count({'*' if value is None else value})"

    def share(self, condition: str) -> str:
        """Share of rows that meet a condition among those where it's known, 0 to 1."""
        return f"avg(CAST(({condition}) AS INTEGER))"

    def any_of(self, condition: str) -> str:
        """Whether the condition holds for some row; false over nothing."""
        return f"coalesce(bool_or({condition}), false)"

    def all_of(self, condition: str) -> str:
        """Whether the condition holds for every row where it's known; true over nothing."""
        return f"coalesce(bool_and({condition}), true)"


def checked_share(share: float) -> str:
    """The share of a quantile as a literal.

    Raises
    ------
    QueryError
        It isn't between 0 and 1.
    """
    if not 0 <= share <= 1:
        raise QueryError(f"a quantile of {share} doesn't exist", hint="Give a share between 0 and 1.")
    return double(share)


def double(value: float) -> str:
    """A finite number as a double literal; the exponent keeps engines from reading a decimal."""
    written = repr(float(value))
    written = written if "e" in written else f"{written}e0"
    return f"({written})" if written.startswith("-") else written


def joined(pieces: Sequence[str]) -> str:
    """Texts, one after another."""
    return "(" + " || ".join(pieces) + ")"


def utc(moment: datetime) -> str:
    """A time as text in UTC with microseconds; one without a zone is in UTC."""
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return aware.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


def whole_months(start: tuple[str, str], end: tuple[str, str]) -> str:
    """Whole months between two times, rounded toward zero.

    Each time is given by the number of its month (years times 12 plus month) and by how far into the month
    it is, in any unit.
    """
    (start_month, start_at), (end_month, end_at) = start, end
    between = f"({end_month} - {start_month})"
    return (
        f"(CASE WHEN {between} > 0 AND {end_at} < {start_at} THEN {between} - 1 "
        f"WHEN {between} < 0 AND {end_at} > {start_at} THEN {between} + 1 ELSE {between} END)"
    )
