"""Trees written as text and read back."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from tests.question_trees import EXPRESSIONS, QUESTIONS

from assay.query.language.parser import parse, parse_expression, parse_item, parse_sort_key
from assay.query.language.printer import write, write_value
from assay.query.language.tree import Binary, Expression, Item, Question, SortKey, Unary, Value


@given(QUESTIONS)
def test_a_question_written_and_read_is_the_same(question: Question) -> None:
    text = write(question)
    read = parse(text)
    assert read == question
    assert write(read) == text


@given(EXPRESSIONS)
def test_an_expression_written_and_read_is_the_same(tree: Expression) -> None:
    text = write(tree)
    assert parse_expression(text) == tree
    assert write(parse_item(write(Item(tree, "x")))) == f"{text} as x"
    assert parse_sort_key(write(SortKey(tree, True))) == SortKey(tree, True)


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("((a))", "a"),
        ("A AND b Or c", "A and b or c"),
        ("a and (b or c)", "a and (b or c)"),
        ("(a and b) and c", "a and b and c"),
        ("a and (b and c)", "a and (b and c)"),
        ("a - (b - c) - d", "a - (b - c) - d"),
        ("(a + b) * c", "(a + b) * c"),
        ("not (a and b)", "not (a and b)"),
        ("not (a = 1)", "not a = 1"),
        ("(not a) = b", "(not a) = b"),
        ("(a = b) = c", "(a = b) = c"),
        ("- - 5", "--5"),
        ("-(5)", "-(5)"),
        ("a == 'b' and c <> 2", "a = 'b' and c != 2"),
        ("a in ['x']", "a in ('x')"),
        ("x[a or b][c]", "x[(a or b) and c]"),
        ("count(*)", "count()"),
        ("1h30min", "90min"),
        ("1.5 h", "90min"),
        ("14天", "2w"),
        ("0min", "0s"),
        ("1e3", "1000.0"),
        ("@2026-03-01T09:00+08:00", "@2026-03-01T01:00:00Z"),
        ("@2026-03-01 00:00", "@2026-03-01"),
        ('"plain"."zone 1"', 'plain."zone 1"'),
        ('"by"."非"', '"by"."非"'),
        ('"window"(a)', '"window"(a)'),
        ("window(start - 30min, start).x", "before(30min).x"),
        ("window(end, end + 30s).x", "after(30s).x"),
        ("window(START-10min,End).x", "window(start - 10min, end).x"),
        ("ancestors(3)", "ancestors(3)"),
        ("上游(lot, 3)[x = 1].y", "ancestors(lot, 3)[x = 1].y"),
        ("结果 不属于 （‘好’， ‘返工’） 且 班次 不为空", "结果 not in ('好', '返工') and 班次 is not null"),
    ],
)
def test_canonical_text(written: str, canonical: str) -> None:
    tree = parse_expression(written)
    assert write(tree) == canonical
    assert parse_expression(canonical) == tree


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("unit|count", "unit | count"),
        ("单元 ｜ 比较 良率 按 班次 ｜ 排序 良率 降序 ｜ 前 5 跳过 5", None),
        ("unit | sort by a asc, b desc", "unit | sort a, b desc"),
        ("unit | by shift: count()", "unit | by shift: count()"),
        ("unit | by: count()", "unit | by: count()"),
        ("unit | by shift", "unit | by shift"),
        ("unit | by @2026-03-01: -1s", "unit | by @2026-03-01: -1s"),
        ("unit | limit 5 offset 0", "unit | limit 5"),
        ("unit\n| select cross a,\n  b as c", "unit | select cross a, b as c"),
    ],
)
def test_canonical_stages(written: str, canonical: str | None) -> None:
    expected = canonical or "单元 | compare 良率 by 班次 | sort 良率 desc | limit 5 offset 5"
    assert write(parse(written)) == expected


def test_a_negative_number_is_told_from_a_minus() -> None:
    assert parse_expression("-5") == Value(-5)
    assert parse_expression("-(5)") == Unary("-", Value(5))
    assert parse_expression("a -5") == Binary("-", parse_expression("a"), Value(5))


def test_a_time_without_a_zone_is_utc() -> None:
    assert (
        write_value(datetime(2026, 3, 1, 8, 0, 0, 5, UTC).replace(tzinfo=None))
        == "@2026-03-01T08:00:00.000005Z"
    )
    assert write_value(datetime(2026, 3, 1, tzinfo=UTC)) == "@2026-03-01"
    assert write_value(timedelta(minutes=-10)) == "-10min"
