"""DuckDB's form of every operator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from assay.query.engines.shared_forms import (
    FARTHEST_MOVE,
    NUMBER,
    WHITE_SPACE,
    SharedForms,
    checked_share,
    double,
    joined,
    utc,
    whole_months,
)
from assay.query.language.tree import Scalar


class DuckDialect(SharedForms):
    """SQL for DuckDB 1.5.

    Parts of a time are read off a timestamp without a zone made from its microseconds: that is UTC whatever
    the session's zone, and faster than the calendar of time zones.
    """

    name = "duckdb"

    def quoted(self, name: str) -> str:
        """A name as an identifier."""
        return '"' + name.replace('"', '""') + '"'

    def literal(self, value: Scalar | date) -> str:
        """A Python value as a literal; a datetime as a UTC timestamp, a timedelta as its seconds."""
        match value:
            case None:
                return "NULL"
            case bool():
                return "true" if value else "false"
            case int():
                return f"CAST({value} AS BIGINT)" if -(2**63) <= value < 2**63 else double(value)
            case timedelta():
                return double(value.total_seconds())
            case float():
                return double(value) if math.isfinite(value) else f"CAST('{value}' AS DOUBLE)"
            case datetime():
                return f"CAST('{utc(value)}+00' AS TIMESTAMPTZ)"
            case date():
                return f"CAST('{value.isoformat()}' AS DATE)"
            case str():
                return _text_literal(value)

    # -- scalars ------------------------------------------------------------------------------------

    def text(self, value: str) -> str:
        """As text."""
        written = f"CAST({value} AS VARCHAR)"
        return (
            f"(CASE WHEN typeof({value}) = 'TIMESTAMP WITH TIME ZONE' "
            f"THEN regexp_replace({written}, '[+]00$', '') ELSE {written} END)"
        )

    def number(self, text: str) -> str:
        """Text as a number (double); missing where it isn't one."""
        found = f"regexp_extract(CAST({text} AS VARCHAR), '{NUMBER}', 1)"
        return f"nullif(nullif(TRY_CAST({found} AS DOUBLE), CAST('inf' AS DOUBLE)), CAST('-inf' AS DOUBLE))"

    def seconds(self, start: str, end: str) -> str:
        """Seconds from one time to another, a double with microseconds."""
        return f"((epoch_us({end}) - epoch_us({start})) / 1e6)"

    def moved(self, time: str, seconds: str) -> str:
        """A time moved by seconds (a double), exact to the microsecond."""
        by = f"CAST({seconds} AS DOUBLE)"
        micros = f"TRY_CAST(round({by} * 1e6) AS BIGINT)"
        return f"(CASE WHEN abs({by}) <= {FARTHEST_MOVE} THEN {time} + to_microseconds({micros}) END)"

    def microseconds(self, time: str) -> str:
        """Whole microseconds since 1970-01-01 UTC (bigint)."""
        return f"epoch_us({time})"

    def date(self, time: str) -> str:
        """The UTC date."""
        return f"CAST({_utc(time)} AS DATE)"

    def year(self, time: str) -> str:
        """The UTC year."""
        return f"year({_utc(time)})"

    def month(self, time: str) -> str:
        """1 to 12."""
        return f"month({_utc(time)})"

    def day(self, time: str) -> str:
        """Day of the month, 1 to 31."""
        return f"day({_utc(time)})"

    def hour(self, time: str) -> str:
        """0 to 23."""
        return f"hour({_utc(time)})"

    def minute(self, time: str) -> str:
        """0 to 59."""
        return f"minute({_utc(time)})"

    def weekday(self, time: str) -> str:
        """ISO 8601: Monday 1 to Sunday 7."""
        return f"isodow({_utc(time)})"

    def months_between(self, start: str, end: str) -> str:
        """Whole months from start to end, rounded toward zero: 31 January to 28 February is 0."""
        return whole_months(_month_and_rest(start), _month_and_rest(end))

    def rounded(self, value: str, digits: str) -> str:
        """Rounded half away from zero, as a double."""
        # Below zero digits DuckDB makes 0 of what isn't a number; adding zero turns -0.0 into 0.0.
        number = f"CAST({value} AS DOUBLE)"
        return (
            f"(CASE WHEN isfinite({number}) THEN round({number}, CAST({digits} AS INTEGER)) + 0e0 "
            f"WHEN {digits} IS NOT NULL THEN {number} END)"
        )

    def lowercase(self, text: str) -> str:
        """Each letter as its one small letter; one that has none, or several, stays as it is."""
        return f"lower(CAST({text} AS VARCHAR))"

    def uppercase(self, text: str) -> str:
        """Each letter as its one capital; one that has none, or several, stays as it is."""
        return f"upper(CAST({text} AS VARCHAR))"

    def trimmed(self, text: str) -> str:
        """Without the white space at both ends, that of Unicode and line ends included."""
        return f"trim(CAST({text} AS VARCHAR), {_text_literal(WHITE_SPACE)})"

    def length(self, text: str) -> str:
        """Number of code points (bigint)."""
        return f"length(CAST({text} AS VARCHAR))"

    def contains(self, text: str, part: str) -> str:
        """Whether a text holds a part."""
        return f"contains(CAST({text} AS VARCHAR), CAST({part} AS VARCHAR))"

    def starts_with(self, text: str, part: str) -> str:
        """Whether a text begins with a part."""
        return f"starts_with(CAST({text} AS VARCHAR), CAST({part} AS VARCHAR))"

    def like(self, text: str, pattern: str) -> str:
        """SQL ``like`` with ``%`` and ``_``, without an escape character, telling cases apart."""
        return f"(CAST({text} AS VARCHAR) LIKE CAST({pattern} AS VARCHAR))"

    def hashed(self, columns: Sequence[str]) -> str:
        """A text that is equal exactly when all columns are, a missing value equal to a missing one."""
        return joined([_marked(column) for column in columns])

    # -- aggregates ---------------------------------------------------------------------------------

    def median(self, value: str) -> str:
        """Median, between the two middle values of an even number."""
        return f"median(CAST({value} AS DOUBLE))"

    def quantile(self, value: str, share: float) -> str:
        """Linear interpolation between closest ranks (Hyndman and Fan, type 7)."""
        return f"quantile_cont(CAST({value} AS DOUBLE), {checked_share(share)})"

    def first(self, value: str, order: Sequence[str]) -> str:
        """The value of the row that comes first; rows whose first order key is missing don't count."""
        return f"arg_min_null({value}, {_key(order)}) FILTER (WHERE {order[0]} IS NOT NULL)"

    def last(self, value: str, order: Sequence[str]) -> str:
        """The value of the row that comes last."""
        return f"arg_max_null({value}, {_key(order)}) FILTER (WHERE {order[0]} IS NOT NULL)"

    def listed(self, value: str, order: Sequence[str]) -> str:
        """All values that aren't missing as a list in this order; an empty list over nothing."""
        keys = ", ".join(f"{key} ASC NULLS LAST" for key in [*order, value])
        return f"coalesce(list({value} ORDER BY {keys}) FILTER (WHERE {value} IS NOT NULL), [])"


def _text_literal(text: str) -> str:
    # A statement ends at the first zero character.
    pieces = ["'" + piece.replace("'", "''") + "'" for piece in text.split("\0")]
    return pieces[0] if len(pieces) == 1 else "(" + " || chr(0) || ".join(pieces) + ")"


def _utc(time: str) -> str:
    return f"make_timestamp(epoch_us({time}))"


def _month_and_rest(time: str) -> tuple[str, str]:
    moment = _utc(time)
    return (
        f"(year({moment}) * 12 + month({moment}))",
        f"(epoch_us({time}) - epoch_us(date_trunc('month', {moment})))",
    )


def _key(order: Sequence[str]) -> str:
    """The order keys as one; a missing one among the later keys comes last, as in a comparison of structs."""
    if len(order) == 1:
        return order[0]
    return "struct_pack(" + ", ".join(f"k{i} := {key}" for i, key in enumerate(order)) + ")"


def _marked(column: str) -> str:
    """A column as text that says where it ends; zero below zero is zero."""
    written = f"CAST({column} AS VARCHAR)"
    below = f"typeof({column}) IN ('DOUBLE', 'FLOAT') AND {written} = '-0.0'"
    plain = f"(CASE WHEN {below} THEN '0.0' ELSE {written} END)"
    return f"coalesce(CAST(length({plain}) AS VARCHAR) || ':' || {plain}, '-')"
