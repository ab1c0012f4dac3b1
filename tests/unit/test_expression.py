"""Expressions people write."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.model.errors import QueryError
from assay.query.expression import literal, parse, quoted, resolve, written_name


def sql(text: str) -> str:
    expression = parse(text)
    return expression.sql({name: quoted(name) for name in expression.names})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("result = 'NOK'", "\"result\" = 'NOK'"),
        ("thickness > 1.2", '"thickness" > 1.2'),
        ("-thickness", '-"thickness"'),
        ("line in ('L1', 'L2') and not shift = 'A'", "\"line\" IN ('L1', 'L2') AND NOT \"shift\" = 'A'"),
        ('"Torque final" between 1 and 2', '"Torque final" BETWEEN 1 AND 2'),
        ("结果 ＝ ‘不合格’", "\"结果\" = '不合格'"),
        ("外观 = 'A（1）＝' and （x ＞ 1）", '"外观" = \'A（1）＝\' AND ("x" > 1)'),
        ("a = 'it''s'", "\"a\" = 'it''s'"),
    ],
)
def test_read(text: str, expected: str) -> None:
    assert sql(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("1 = 1", "names no column"),
        ("a; b", "more than one"),
        ("f(x) > 1", "not allowed"),
        ("a = (select 1)", "can't be read"),
        ("a in (select 1)", "can't be read"),
        ("a in unnest(b)", "not allowed"),
        ("drop table x", "can't be read"),
        ("read_csv('/etc/passwd') = 1", "not allowed"),
        ("t.a = 1", "not a column name"),
        ("result = 'NOK", "can't be read"),
        ("a = " + "1 + " * 1000 + "1", "characters"),
    ],
)
def test_refused(text: str, said: str) -> None:
    with pytest.raises(QueryError, match=said):
        parse(text)


def test_a_condition_is_told_from_a_value() -> None:
    assert parse("(thickness > 1.2)").is_condition
    assert not parse("thickness * 2").is_condition


def test_an_unknown_name_is_answered_with_the_close_ones() -> None:
    with pytest.raises(QueryError, match="Did you mean 'result'") as error:
        resolve(["resutl"], ["result", "torque"], what="characteristic")
    assert "There are: result, torque." in str(error.value)


@given(st.text(max_size=40))
def test_any_text_value_comes_through_verbatim(value: str) -> None:
    expression = parse(f"x = {literal(value)}") if "\x00" not in value else parse("x = ''")
    rendered = expression.sql({"x": "x"})
    assert rendered == f"x = {literal(value)}" or "\x00" in value


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(QueryError):
        parse(text)


@pytest.mark.parametrize(
    "text", ["(" * 990 + "a = 1" + ")" * 990, "not " * 480 + "a = 1", "- " * 900 + "a", "- " * 340 + "a"]
)
def test_what_is_nested_too_deeply_is_refused(text: str) -> None:
    with pytest.raises(QueryError, match="nested too deeply"):
        sql(text)


@pytest.mark.parametrize(
    "name",
    ["force", "load", "set", "end", "date", "all", "abs", "order", "Ra 1", "not", "日期", "t.a", 'x"y'],
)
@pytest.mark.parametrize(
    "form", ["{}", "-{}", "{} > 1.5e3", "{} in (1, 2)", "not ({} = 'select' or {} is null)"]
)
def test_any_name_can_be_asked_for(name: str, form: str) -> None:
    assert parse(form.replace("{}", written_name(name))).names == (name,)
    assert sql(form.replace("{}", written_name(name))) == sql(form.replace("{}", quoted(name)))


@pytest.mark.parametrize("name", ["force", "end", "日期"])
def test_a_plain_name_needs_no_quotes(name: str) -> None:
    assert written_name(name) == name
