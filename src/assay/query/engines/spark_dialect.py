"""Apache Spark's form of every operator."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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

_ESCAPED = str.maketrans({"\\": "\\\\", "'": "\\'", "$": "\\u0024", "\0": "\\u0000"})
"""What a text literal can't hold as it is; ``${…}`` would be replaced by a setting of the session."""

_CAPITALS = {"ß": "ẞ"} | {
    small: small.title()
    for small in map(chr, range(0x1F80, 0x1FFD))
    if len(small.upper()) > 1 and len(small.title()) == 1 and small.title() != small
}
"""Letters of which Spark makes two capitals although they have a single one: ß, and those of old Greek."""

_FEW_DIGITS, _MANY_DIGITS = "1e-4", "1e16"
"""Numbers from the first up to the second are written without an exponent, as Python and DuckDB do."""


class SparkDialect(SharedForms):
    """SQL for Spark 4 in ANSI mode, in a session whose time zone is UTC."""

    name = "spark"

    def quoted(self, name: str) -> str:
        """A name as an identifier."""
        return "`" + name.replace("`", "``") + "`"

    def literal(self, value: Scalar | date) -> str:
        """A Python value as a literal; a datetime as a UTC timestamp, a timedelta as its seconds."""
        match value:
            case None:
                return "NULL"
            case bool():
                return "true" if value else "false"
            case int():
                return _integer(value) if -(2**63) <= value < 2**63 else double(value)
            case timedelta():
                return double(value.total_seconds())
            case float():
                return double(value) if math.isfinite(value) else f"CAST('{value}' AS DOUBLE)"
            case datetime():
                return f"TIMESTAMP '{utc(value)}Z'"
            case date():
                return f"DATE '{value.isoformat()}'"
            case str():
                return f"'{value.translate(_ESCAPED)}'"

    # -- scalars ------------------------------------------------------------------------------------

    def text(self, value: str) -> str:
        """As text."""
        written = f"CAST({value} AS STRING)"
        return (
            f"(CASE WHEN typeof({value}) NOT IN ('double', 'float') THEN {written} "
            f"WHEN {written} = 'NaN' THEN 'nan' "
            f"WHEN {written} IN ('Infinity', '-Infinity') THEN replace({written}, 'Infinity', 'inf') "
            f"WHEN NOT contains({written}, 'E') THEN {written} "
            f"WHEN abs(try_cast({written} AS DOUBLE)) >= {_FEW_DIGITS} "
            f"AND abs(try_cast({written} AS DOUBLE)) < {_MANY_DIGITS} THEN {_without_exponent(written)} "
            f"ELSE {_with_exponent(written)} END)"
        )

    def number(self, text: str) -> str:
        """Text as a number (double); missing where it isn't one."""
        found = f"regexp_extract(CAST({text} AS STRING), '{NUMBER}', 1)"
        return f"nullif(nullif(try_cast({found} AS DOUBLE), CAST('inf' AS DOUBLE)), CAST('-inf' AS DOUBLE))"

    def seconds(self, start: str, end: str) -> str:
        """Seconds from one time to another, a double with microseconds."""
        return f"(CAST({self.microseconds(end)} - {self.microseconds(start)} AS DOUBLE) / 1e6)"

    def moved(self, time: str, seconds: str) -> str:
        """A time moved by seconds (a double), exact to the microsecond."""
        by = f"CAST({seconds} AS DOUBLE)"
        micros = f"try_cast(round({by} * 1e6) AS BIGINT)"
        later = f"timestamp_micros({self.microseconds(time)} + {micros})"
        return f"(CASE WHEN abs({by}) <= {FARTHEST_MOVE} THEN {later} END)"

    def microseconds(self, time: str) -> str:
        """Whole microseconds since 1970-01-01 UTC (bigint)."""
        return f"unix_micros(CAST({time} AS TIMESTAMP))"

    def date(self, time: str) -> str:
        """The UTC date."""
        return f"CAST({time} AS DATE)"

    def year(self, time: str) -> str:
        """The UTC year."""
        return f"CAST(year({time}) AS BIGINT)"

    def month(self, time: str) -> str:
        """1 to 12."""
        return f"CAST(month({time}) AS BIGINT)"

    def day(self, time: str) -> str:
        """Day of the month, 1 to 31."""
        return f"CAST(dayofmonth({time}) AS BIGINT)"

    def hour(self, time: str) -> str:
        """0 to 23."""
        return f"CAST(hour({time}) AS BIGINT)"

    def minute(self, time: str) -> str:
        """0 to 59."""
        return f"CAST(minute({time}) AS BIGINT)"

    def weekday(self, time: str) -> str:
        """ISO 8601: Monday 1 to Sunday 7."""
        # Spark counts from Monday as 0 here, and from Sunday as 1 in dayofweek.
        return f"CAST(weekday({time}) + 1 AS BIGINT)"

    def months_between(self, start: str, end: str) -> str:
        """Whole months from start to end, rounded toward zero: 31 January to 28 February is 0."""
        return whole_months(self._month_and_rest(start), self._month_and_rest(end))

    def _month_and_rest(self, time: str) -> tuple[str, str]:
        month = f"date_trunc('MONTH', CAST({time} AS TIMESTAMP))"
        return (
            f"CAST(year({time}) * 12 + month({time}) AS BIGINT)",
            f"({self.microseconds(time)} - unix_micros({month}))",
        )

    def rounded(self, value: str, digits: str) -> str:
        """Rounded half away from zero, as a double."""
        # round(x, digits) rounds the decimal writing of x and no other engine does; digits must be constant.
        number, places = f"CAST({value} AS DOUBLE)", f"CAST({digits} AS INTEGER)"
        scale = f"power(10e0, abs({places}))"
        return (
            f"(CASE WHEN {places} IS NULL THEN NULL "
            f"WHEN {places} >= 0 AND abs({number} * {scale}) < 1e300 "
            f"THEN round({number} * {scale}) / {scale} + 0e0 "
            f"WHEN {places} >= 0 OR NOT abs({number}) < CAST('inf' AS DOUBLE) THEN {number} "
            f"WHEN {places} < -308 THEN 0e0 + 0 * {number} "
            f"ELSE round({number} / {scale}) * {scale} + 0e0 END)"
        )

    def lowercase(self, text: str) -> str:
        """Each letter as its one small letter; one that has none, or several, stays as it is."""
        return _letter_by_letter("lower", text, {"İ": "i"})

    def uppercase(self, text: str) -> str:
        """Each letter as its one capital; one that has none, or several, stays as it is."""
        return _letter_by_letter("upper", text, _CAPITALS)

    def trimmed(self, text: str) -> str:
        """Without the white space at both ends, that of Unicode and line ends included."""
        return f"trim(BOTH {self.literal(WHITE_SPACE)} FROM CAST({text} AS STRING))"

    def length(self, text: str) -> str:
        """Number of code points (bigint)."""
        return f"CAST(char_length(CAST({text} AS STRING)) AS BIGINT)"

    def contains(self, text: str, part: str) -> str:
        """Whether a text holds a part."""
        return f"contains(CAST({text} AS STRING), CAST({part} AS STRING))"

    def starts_with(self, text: str, part: str) -> str:
        """Whether a text begins with a part."""
        return f"startswith(CAST({text} AS STRING), CAST({part} AS STRING))"

    def like(self, text: str, pattern: str) -> str:
        """SQL ``like`` with ``%`` and ``_``, without an escape character, telling cases apart."""
        # The backslash is the escape character unless it is doubled.
        plain = rf"replace(CAST({pattern} AS STRING), '\\', '\\\\')"
        return f"(CAST({text} AS STRING) LIKE {plain})"

    def hashed(self, columns: Sequence[str]) -> str:
        """A text that is equal exactly when all columns are, a missing value equal to a missing one."""
        return joined([_marked(column) for column in columns])

    # -- aggregates ---------------------------------------------------------------------------------

    def median(self, value: str) -> str:
        """Median, between the two middle values of an even number."""
        return f"median(CAST({value} AS DOUBLE))"

    def quantile(self, value: str, share: float) -> str:
        """Linear interpolation between closest ranks (Hyndman and Fan, type 7)."""
        return f"percentile(CAST({value} AS DOUBLE), {checked_share(share)})"

    def first(self, value: str, order: Sequence[str]) -> str:
        """The value of the row that comes first; rows whose first order key is missing don't count."""
        return f"min_by({value}, {_key(order)}) FILTER (WHERE {order[0]} IS NOT NULL)"

    def last(self, value: str, order: Sequence[str]) -> str:
        """The value of the row that comes last."""
        return f"max_by({value}, {_key(order)}) FILTER (WHERE {order[0]} IS NOT NULL)"

    def listed(self, value: str, order: Sequence[str]) -> str:
        """All values that aren't missing as a list in this order; an empty list over nothing."""
        # The order of collect_list is that of arrival; it is sorted afterwards, keys beside the values.
        fields = ", ".join([*_keys(order), f"'value', {value}"])
        rows = f"sort_array(collect_list(named_struct({fields})) FILTER (WHERE {value} IS NOT NULL))"
        return f"transform({rows}, one -> one.value)"


def _letter_by_letter(function: str, text: str, single: Mapping[str, str]) -> str:
    """``lower`` or ``upper`` of each letter by itself: of a whole text they look at the neighbours too.

    A text of ASCII alone, which has as many bytes as letters, is done at once.
    """
    written = f"CAST({text} AS STRING)"
    ready = f"translate({written}, '{''.join(single)}', '{''.join(single.values())}')"
    one = f"if(char_length({function}(c)) = 1, {function}(c), c)"
    each = f"array_join(transform(split({ready}, ''), c -> {one}), '')"
    return f"if(octet_length({written}) = char_length({written}), {function}({written}), {each})"


def _integer(value: int) -> str:
    return f"({value}L)" if value < 0 else f"{value}L"


def _without_exponent(written: str) -> str:
    decimal = f"CAST(try_cast({written} AS DECIMAL(38, 21)) AS STRING)"
    return f"regexp_replace(regexp_replace({decimal}, '0+$', ''), '[.]$', '.0')"


def _with_exponent(written: str) -> str:
    """``1.0E22`` as ``1e+22``, ``1.5E-7`` as ``1.5e-07``."""
    signed = f"regexp_replace(regexp_replace({written}, '[.]0E', 'E'), 'E([0-9])', 'e+$1')"
    return f"regexp_replace(replace({signed}, 'E', 'e'), '(e[+-])([0-9])$', '$10$2')"


def _keys(order: Sequence[str]) -> list[str]:
    """Fields of a struct that sorts as the order does: Spark would put a missing key first."""
    return [f"'n{i}', {key} IS NULL, 'k{i}', {key}" for i, key in enumerate(order)]


def _key(order: Sequence[str]) -> str:
    return order[0] if len(order) == 1 else f"named_struct({', '.join(_keys(order))})"


def _marked(column: str) -> str:
    """A column as text that says where it ends; zero below zero is zero."""
    written = f"CAST({column} AS STRING)"
    below = f"typeof({column}) IN ('double', 'float') AND {written} = '-0.0'"
    plain = f"(CASE WHEN {below} THEN '0.0' ELSE {written} END)"
    return f"coalesce(CAST(length({plain}) AS STRING) || ':' || {plain}, '-')"
