"""What every operator of the dialects has to give: cases written from the docstrings, not from an engine."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from assay.model.kinds import TIME
from assay.query.dialect import Dialect

NAN, INF = float("nan"), float("inf")
LONG = "长" * 100_000


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass(frozen=True)
class Case:
    """Rows in, one SQL over them, and what has to come out, row by row or group by group."""

    method: str
    columns: Mapping[str, pa.Array]
    sql: Callable[[Dialect], str]
    expected: Sequence[Any]
    type: pa.DataType
    over_nothing: Any = None
    note: str = ""
    grouped: bool = field(default=False)

    def __str__(self) -> str:
        return f"{self.method} {self.note}".strip()


def doubles(*values: float | None) -> pa.Array:
    return pa.array(values, pa.float64())


def texts(*values: str | None) -> pa.Array:
    return pa.array(values, pa.string())


def times(*values: str | None) -> pa.Array:
    return pa.array([value and at(value) for value in values], TIME)


def integers(*values: int | None) -> pa.Array:
    return pa.array(values, pa.int64())


def truths(*values: bool | None) -> pa.Array:
    return pa.array(values, pa.bool_())


MOMENTS = (
    "2026-01-05T00:00:00",  # a Monday
    "2026-01-06T23:59:59.999999",
    "2026-01-07T12:30:00",
    "2026-01-08T01:02:03.000004",
    "2026-01-09T05:00:00",
    "2026-01-10T06:00:00",
    "2026-01-11T07:08:09",  # a Sunday
    "2024-02-29T23:00:00",
    "1969-12-31T23:59:59.999999",
    None,
)

NUMBERS = {
    "1": 1.0,
    " 1.5 ": 1.5,
    "\t2\r\n": 2.0,
    "-.5": -0.5,
    "5.": 5.0,
    "+3e2": 300.0,
    "1E-3": 0.001,
    "1,5": None,
    "": None,
    " ": None,
    "abc": None,
    "1.5d": None,
    "1.5f": None,
    "1_000": None,
    "0x10": None,
    "nan": None,
    "inf": None,
    "Infinity": None,
    "1e999": None,
    "-1e999": None,
    "１": None,
    "1e": None,
    "--1": None,
    "1 2": None,
    LONG: None,
}

WRITTEN = {
    0.1: "0.1",
    1.0: "1.0",
    -2.5: "-2.5",
    -0.0: "-0.0",
    1e7: "10000000.0",
    123456789.25: "123456789.25",
    1e15: "1000000000000000.0",
    1.5e16: "1.5e+16",
    1e22: "1e+22",
    0.001: "0.001",
    0.00025: "0.00025",
    1e-5: "1e-05",
    -1.5e-7: "-1.5e-07",
    1.7976931348623157e308: "1.7976931348623157e+308",
    INF: "inf",
    -INF: "-inf",
}

MONTHS = (
    ("2026-01-31T00:00:00", "2026-02-28T00:00:00", 0),
    ("2026-01-31T00:00:00", "2026-03-01T00:00:00", 1),
    ("2026-01-15T12:00:00", "2026-02-15T12:00:00", 1),
    ("2026-01-15T12:00:00", "2026-02-15T11:59:59.999999", 0),
    ("2026-02-28T00:00:00", "2026-01-31T00:00:00", 0),
    ("2026-03-01T00:00:00", "2026-01-31T00:00:00", -1),
    ("2026-03-01T00:00:00", "2026-01-01T00:00:00.000001", -1),
    ("2024-02-29T00:00:00", "2025-02-28T00:00:00", 11),
    ("2024-02-29T00:00:00", "2025-03-01T00:00:00", 12),
    ("2026-01-01T00:00:00", "2026-01-31T23:59:59", 0),
    ("1969-12-31T00:00:00", "1970-01-31T00:00:00", 1),
    (None, "2026-01-01T00:00:00", None),
)

LIKE = (
    ("abc", "a%", True),
    ("abc", "A%", False),
    ("abc", "a_c", True),
    ("abc", "a.c", False),
    ("a.c", "a.c", True),
    ("a%c", r"a\%c", False),
    (r"a\bc", r"a\%c", True),
    (r"a\b", r"a\b", True),
    ("\\", "\\", True),
    ("a\nb", "a%b", True),
    ("😀", "_", True),
    ("e\u0301", "__", True),  # e and a combining accent
    ("[ab]", "[ab]", True),
    ("a", "[ab]", False),
    ("(", "(", True),
    ("", "%", True),
    ("", "_", False),
    (LONG, "长%长", True),
    (None, "%", None),
    ("a", None, None),
)

PARTS = (
    ("screw HC-3", "HC-3", True, False),
    ("HC-3 screw", "HC-3", True, True),
    ("HC-3", "hc-3", False, False),
    ("100%", "%", True, False),
    ("a_b", "_", True, False),
    ("烧结炉", "炉", True, False),
    ("烧结炉", "烧结", True, True),
    ("", "", True, True),
    ("a", "", True, True),
    (LONG, "长长", True, True),
    (None, "a", None, None),
    ("a", None, None, None),
)

SMALL = {
    "NOK-3": "nok-3",
    "ÄÖ Straße": "äö straße",
    "ОТКАЗ": "отказ",
    "ΟΔΟΣ": "οδοσ",  # no letter looks at its neighbours
    "İ": "i",
    "ＯＫ": "ｏｋ",
    "合格 OK": "合格 ok",
    "ᾈ": "ᾀ",
    "😀": "😀",
    "": "",
}

CAPITAL = {
    "nok-3": "NOK-3",
    "äö straße": "ÄÖ STRAẞE",
    "отказ": "ОТКАЗ",
    "οδος": "ΟΔΟΣ",
    "ŉﬁ": "ŉﬁ",  # two letters each as capitals
    "ｏｋ": "ＯＫ",
    "合格 ok": "合格 OK",
    "ᾀᾲ": "ᾈᾲ",
    "ı": "I",
    "": "",
}

TRIMMED = {
    "  NOK ": "NOK",
    "\tNOK\r\n": "NOK",
    "\u3000不 合格\u3000": "不 合格",
    "\xa0a\u2009": "a",
    " a\tb ": "a\tb",
    "   ": "",
    "": "",
    "\u200ba": "\u200ba",  # a zero-width space is none
}

LENGTHS = {"abc": 3, "烧结炉": 3, "😀": 1, "e\u0301": 2, "a b ": 4, "": 0, LONG: len(LONG)}

ROUNDED = (
    (2.5, 0, 3.0),
    (-2.5, 0, -3.0),
    (0.125, 2, 0.13),
    (-0.125, 2, -0.13),
    (-0.4, 0, 0.0),
    (1250.0, -2, 1300.0),
    (-1250.0, -2, -1300.0),
    (3.14159, 3, 3.142),
    (1e300, 2, 1e300),
    (12.3, -400, 0.0),
    (12.3, 400, 12.3),
    (NAN, 2, NAN),
    (NAN, -2, NAN),
    (INF, -2, INF),
    (None, 2, None),
    (1.5, None, None),
)


def scalar(
    method: str, columns: Mapping[str, pa.Array], sql: Callable[[Dialect], str], *expected: Any, **more: Any
) -> Case:
    return Case(method, columns, sql, expected, **{"type": pa.float64(), **more})


def of_time(method: str, *expected: Any, **more: Any) -> Case:
    """A part of each of the ten moments."""
    more = {"type": pa.int64(), **more}
    return scalar(method, {"x": times(*MOMENTS)}, lambda d: getattr(d, method)("x"), *expected, **more)


SCALARS = [
    scalar("text", {"x": doubles(*WRITTEN, NAN, None)}, lambda d: d.text("x"),
           *WRITTEN.values(), "nan", None, type=pa.string(), note="of numbers"),
    scalar("text", {"x": integers(5, -3, 2**63 - 1, None)}, lambda d: d.text("x"),
           "5", "-3", "9223372036854775807", None, type=pa.string(), note="of integers"),
    scalar("text", {"x": truths(True, False, None)}, lambda d: d.text("x"),
           "true", "false", None, type=pa.string(), note="of truths"),
    scalar("text", {"x": texts("a", "", "-0.0", "1.0E7", "NaN", LONG, None)}, lambda d: d.text("x"),
           "a", "", "-0.0", "1.0E7", "NaN", LONG, None, type=pa.string(), note="of texts"),
    scalar("text", {"x": times("2026-01-02T03:04:05", "2026-01-02T03:04:05.000600", None)},
           lambda d: d.text("x"), "2026-01-02 03:04:05", "2026-01-02 03:04:05.0006", None,
           type=pa.string(), note="of times"),
    scalar("text", {"x": pa.array([date(2026, 1, 2), None])}, lambda d: d.text("x"), "2026-01-02", None,
           type=pa.string(), note="of dates"),
    scalar("number", {"x": texts(*NUMBERS, None)}, lambda d: d.number("x"), *NUMBERS.values(), None),
    scalar("divided",
           {"a": doubles(1, 1, 0, 1, None, 1, NAN, 1e308), "b": doubles(2, 0, 0, -0.0, 1, None, 1, 1e-10)},
           lambda d: d.divided("a", "b"), 0.5, None, None, None, None, None, NAN, INF),
    scalar("divided", {"a": integers(7, 7, None), "b": integers(2, 0, 1)}, lambda d: d.divided("a", "b"),
           3.5, None, None, note="of integers"),
    scalar("seconds",
           {"a": times("2026-01-01T00:00:00", "2026-01-01T00:00:01.5", "2024-01-01T00:00:00", None),
            "b": times("2026-01-01T00:00:01.000001", "2026-01-01T00:00:00", "2025-01-01T00:00:00.25", None)},
           lambda d: d.seconds("a", "b"), 1.000001, -1.5, 31_622_400.25, None),
    scalar("moved",
           {"t": times(*["2026-01-01T00:00:00.000001"] * 9, None),
            "s": doubles(0.000001, -1.5, 86_400, 4e-7, 6e-7, 1e12, NAN, INF, None, 1)},
           lambda d: d.moved("t", "s"),
           at("2026-01-01T00:00:00.000002"), at("2025-12-31T23:59:58.500001"),
           at("2026-01-02T00:00:00.000001"), at("2026-01-01T00:00:00.000001"),
           at("2026-01-01T00:00:00.000002"), None, None, None, None, None,
           type=TIME),
    scalar("moved", {"t": times("2026-03-29T00:30:00", "2026-10-25T00:30:00")},
           lambda d: d.moved("t", d.literal(timedelta(hours=1))),
           at("2026-03-29T01:30:00"), at("2026-10-25T01:30:00"), type=TIME, note="where clocks change"),
    scalar("microseconds",
           {"t": times("2026-01-01T00:00:00.123456", "1970-01-01T00:00:00", "1969-12-31T23:59:59.999999",
                       None)},
           lambda d: d.microseconds("t"), 1_767_225_600_123_456, 0, -1, None, type=pa.int64()),
    of_time("date", *(moment and at(moment).date() for moment in MOMENTS), type=pa.date32()),
    of_time("year", 2026, 2026, 2026, 2026, 2026, 2026, 2026, 2024, 1969, None),
    of_time("month", 1, 1, 1, 1, 1, 1, 1, 2, 12, None),
    of_time("day", 5, 6, 7, 8, 9, 10, 11, 29, 31, None),
    of_time("hour", 0, 23, 12, 1, 5, 6, 7, 23, 23, None),
    of_time("minute", 0, 59, 30, 2, 0, 0, 8, 0, 59, None),
    of_time("weekday", 1, 2, 3, 4, 5, 6, 7, 4, 3, None),
    scalar("months_between", {"a": times(*(m[0] for m in MONTHS)), "b": times(*(m[1] for m in MONTHS))},
           lambda d: d.months_between("a", "b"), *(m[2] for m in MONTHS), type=pa.int64()),
    scalar("rounded", {"x": doubles(*(r[0] for r in ROUNDED)), "n": integers(*(r[1] for r in ROUNDED))},
           lambda d: d.rounded("x", "n"), *(r[2] for r in ROUNDED)),
    scalar("rounded", {"x": doubles(-0.4)}, lambda d: d.text(d.rounded("x", "0")), "0.0", type=pa.string(),
           note="has no zero below zero"),
    scalar("logarithm", {"x": doubles(1, math.e, 0, -0.0, -1, NAN, INF, None)}, lambda d: d.logarithm("x"),
           0.0, 1.0, None, None, None, NAN, INF, None),
    scalar("root", {"x": doubles(4, 0, -1, -0.5, NAN, INF, None)}, lambda d: d.root("x"),
           2.0, 0.0, None, None, NAN, INF, None),
    scalar("absolute", {"x": doubles(-1.5, 2, -0.0, NAN, -INF, None)}, lambda d: d.absolute("x"),
           1.5, 2.0, 0.0, NAN, INF, None),
    scalar("absolute", {"x": integers(-3, 4, 0, -(2**63) + 1, None)}, lambda d: d.absolute("x"),
           3, 4, 0, 2**63 - 1, None, type=pa.int64(), note="of integers"),
    scalar("lowercase", {"x": texts(*SMALL, None)}, lambda d: d.lowercase("x"), *SMALL.values(), None,
           type=pa.string()),
    scalar("uppercase", {"x": texts(*CAPITAL, None)}, lambda d: d.uppercase("x"), *CAPITAL.values(), None,
           type=pa.string()),
    scalar("trimmed", {"x": texts(*TRIMMED, None)}, lambda d: d.trimmed("x"), *TRIMMED.values(), None,
           type=pa.string()),
    scalar("length", {"x": texts(*LENGTHS, None)}, lambda d: d.length("x"), *LENGTHS.values(), None,
           type=pa.int64()),
    scalar("contains", {"x": texts(*(p[0] for p in PARTS)), "p": texts(*(p[1] for p in PARTS))},
           lambda d: d.contains("x", "p"), *(p[2] for p in PARTS), type=pa.bool_()),
    scalar("starts_with", {"x": texts(*(p[0] for p in PARTS)), "p": texts(*(p[1] for p in PARTS))},
           lambda d: d.starts_with("x", "p"), *(p[3] for p in PARTS), type=pa.bool_()),
    scalar("like", {"x": texts(*(m[0] for m in LIKE)), "p": texts(*(m[1] for m in LIKE))},
           lambda d: d.like("x", "p"), *(m[2] for m in LIKE), type=pa.bool_()),
]  # fmt: skip


def aggregate(
    method: str, columns: Mapping[str, pa.Array], sql: Callable[[Dialect], str], *expected: Any, **more: Any
) -> Case:
    """``g`` names the group; groups come in the order of their names."""
    return Case(method, columns, sql, expected, **{"type": pa.float64(), "grouped": True, **more})


VALUES = {
    "g": texts("a", "a", "a", "a", "b", "c", "d", "d"),
    "x": doubles(1, 2, None, 6, 5, None, NAN, 1),
}
"""Four values with one missing; one value; only a missing one; one that isn't a number."""

OFFSET = {"g": texts("a", "a", "a"), "x": doubles(1e9 + 1, 1e9 + 2, 1e9 + 3)}
QUANTILES = {"g": texts(*"aaaabcc"), "x": doubles(10, 1, 2, 3, 5, None, None)}
ORDERED = {
    "g": texts("a", "a", "a", "a", "b", "b", "b", "c", "d"),
    "k": integers(2, 1, 1, None, 1, 1, 1, None, 7),
    "t": times(
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00.000002",
        "2026-01-01T00:00:00.000001",
        "2026-01-01T00:00:00",
        None,
        "2026-01-01T00:00:00",
        "2026-01-02T00:00:00",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00",
    ),
    "x": texts("late", "second", "erste", "no key", "no time", "first", "middle", "alone", None),
}
TRUTHS = {
    "g": texts("a", "a", "a", "b", "b", "c", "d"),
    "c": truths(True, False, None, True, None, None, False),
}
WORDS = {"g": texts("a", "a", "a", "a", "b"), "x": texts("😀", "ﬀ", "Z", "a", None)}

AGGREGATES = [
    aggregate("mean", VALUES, lambda d: d.mean("x"), 3.0, 5.0, None, NAN),
    aggregate("std", VALUES, lambda d: d.std("x"), math.sqrt(7), None, None, NAN),
    aggregate("std", OFFSET, lambda d: d.std("x"), 1.0, note="far from zero"),
    aggregate("std", {"g": texts("a", "a", "b", "b", "c"), "x": doubles(1, INF, 1e200, 0, NAN)},
              lambda d: d.std("x"), NAN, NAN, None, note="beyond what a square can hold"),
    aggregate("total", VALUES, lambda d: d.total("x"), 9.0, 5.0, None, NAN),
    aggregate("total", {"g": texts("a", "a"), "x": integers(2**62, 2**62)}, lambda d: d.total("x"), 2.0**63,
              note="beyond an integer"),
    aggregate("least", VALUES, lambda d: d.least("x"), 1.0, 5.0, None, 1.0),
    aggregate("least", WORDS, lambda d: d.least("x"), "Z", None, type=pa.string(), note="of texts"),
    aggregate("greatest", VALUES, lambda d: d.greatest("x"), 6.0, 5.0, None, NAN),
    aggregate("greatest", WORDS, lambda d: d.greatest("x"), "😀", None, type=pa.string(), note="of texts"),
    aggregate("median", QUANTILES, lambda d: d.median("x"), 2.5, 5.0, None),
    aggregate("quantile", QUANTILES, lambda d: d.quantile("x", 0.25), 1.75, 5.0, None),
    aggregate("quantile", QUANTILES, lambda d: d.quantile("x", 0), 1.0, 5.0, None, note="of nothing below"),
    aggregate("quantile", QUANTILES, lambda d: d.quantile("x", 1), 10.0, 5.0, None, note="of all below"),
    aggregate("first", ORDERED, lambda d: d.first("x", ["k", "t"]), "erste", "first", None, None,
              type=pa.string()),
    aggregate("last", ORDERED, lambda d: d.last("x", ["k", "t"]), "late", "no time", None, None,
              type=pa.string()),
    aggregate("first", OFFSET, lambda d: d.first("x", ["x"]), 1e9 + 1, note="by one key"),
    aggregate("last", OFFSET, lambda d: d.last("x", ["x"]), 1e9 + 3, note="by one key"),
    aggregate("listed", ORDERED, lambda d: d.listed("x", ["k", "t"]), ["erste", "second", "late", "no key"],
              ["first", "middle", "no time"], ["alone"], [], type=pa.list_(pa.string()), over_nothing=[]),
    aggregate("listed", {"g": texts("a", "a", "a"), "x": doubles(3, 1, 2), "k": integers(1, 1, 0)},
              lambda d: d.listed("x", ["k"]), [2.0, 1.0, 3.0], type=pa.list_(pa.float64()), over_nothing=[],
              note="equal keys by value"),
    aggregate("distinct", {"g": texts(*"aaaab"), "x": doubles(0, -0.0, NAN, NAN, None)},
              lambda d: d.distinct("x"), 2, 0, type=pa.int64(), over_nothing=0),
    aggregate("number_of", VALUES, lambda d: d.number_of(None), 4, 1, 1, 2, type=pa.int64(), over_nothing=0,
              note="rows"),
    aggregate("number_of", VALUES, lambda d: d.number_of("x"), 3, 1, 0, 2, type=pa.int64(), over_nothing=0),
    aggregate("share", TRUTHS, lambda d: d.share("c"), 0.5, 1.0, None, 0.0),
    aggregate("any_of", TRUTHS, lambda d: d.any_of("c"), True, True, False, False, type=pa.bool_(),
              over_nothing=False),
    aggregate("all_of", TRUTHS, lambda d: d.all_of("c"), False, True, True, False, type=pa.bool_(),
              over_nothing=True),
]  # fmt: skip
