"""Questions people write."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assay.model.errors import QueryError
from assay.model.text import Text
from assay.query.language.errors import QuestionError, at, likely
from assay.query.language.lexer import LONGEST
from assay.query.language.parser import parse, parse_expression
from assay.query.language.printer import write
from assay.query.language.tree import (
    NOWHERE,
    Among,
    Between,
    Binary,
    By,
    Call,
    Compare,
    Count,
    Item,
    Limit,
    Measured,
    Missing,
    Name,
    Path,
    Place,
    Scalar,
    Select,
    Sort,
    SortKey,
    Unary,
    Value,
    Walk,
    Where,
    Window,
)
from assay.query.language.words import FOREIGN, STAGES, meaning


def named(*names: str) -> Path:
    return Path(tuple(map(Name, names)))


def test_the_question_of_the_plant() -> None:
    question = parse("unit[defect.code = 'HC-3'].lot.product.lots | compare yield, sinter.temp.mean")
    code = Binary("=", named("defect", "code"), Value("HC-3"))
    assert question.path == Path((Name("unit", code), Name("lot"), Name("product"), Name("lots")))
    measures = (Item(named("yield")), Item(named("sinter", "temp", "mean")))
    assert question.stages == (Compare(measures),)


def test_every_stage() -> None:
    question = parse(
        "unit | where a | select b, c as d | select cross e | by f: mean(g) as h | compare i by j as k"
        " | sort l desc, m | limit 20 offset 40 | count"
    )
    assert question.stages == (
        Where(named("a")),
        Select((Item(named("b")), Item(named("c"), "d"))),
        Select((Item(named("e")),), crossed=True),
        By((Item(named("f")),), (Item(Call("mean", (named("g"),)), "h"),)),
        Compare((Item(named("i")),), (Item(named("j"), "k"),)),
        Sort((SortKey(named("l"), True), SortKey(named("m")))),
        Limit(20, 40),
        Count(),
    )


@pytest.mark.parametrize(
    ("text", "hop"),
    [
        ("ancestors()", Walk("ancestors")),
        ("ancestors(lot)", Walk("ancestors", "lot")),
        ("descendants(unit, 3)", Walk("descendants", "unit", 3)),
        ("descendants(3)", Walk("descendants", None, 3)),
        ("ancestors(lot)[a]", Walk("ancestors", "lot", None, named("a"))),
        (
            "window(start - 10min, end + 1h30min)",
            Window("start", timedelta(minutes=-10), "end", timedelta(minutes=90)),
        ),
        ("before(30min)", Window("start", timedelta(minutes=-30), "start", timedelta())),
        ("after(30分钟)", Window("end", timedelta(), "end", timedelta(minutes=30))),
        ("time_in_band(180, -2.5)", Measured("time_in_band", (180, -2.5))),
        ("f('a', 2s, -2s, @2026-03-01, null, true)", None),
    ],
)
def test_hops(text: str, hop: Walk | Window | Measured | None) -> None:
    constants = (
        "a",
        timedelta(seconds=2),
        timedelta(seconds=-2),
        datetime(2026, 3, 1, tzinfo=UTC),
        None,
        True,
    )
    assert parse(f"unit.{text}").path.hops[1] == (hop or Measured("f", constants))


A, B, C = named("a"), named("b"), named("c")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a or b and c", Binary("or", A, Binary("and", B, C))),
        ("not a and b", Binary("and", Unary("not", A), B)),
        ("not a = b", Unary("not", Binary("=", A, B))),
        ("a - b - c", Binary("-", Binary("-", A, B), C)),
        ("a + b * c", Binary("+", A, Binary("*", B, C))),
        ("-a * b", Binary("*", Unary("-", A), B)),
        ("a < b + 1", Binary("<", A, Binary("+", B, Value(1)))),
        ("a >= 1 and b <> 2", Binary("and", Binary(">=", A, Value(1)), Binary("!=", B, Value(2)))),
        ("a between 1 and 2 and b", Binary("and", Between(A, Value(1), Value(2)), B)),
        ("a not between b and c", Between(A, B, C, negated=True)),
        ("a in (1, b)", Among(A, (Value(1), B))),
        ("a not in ('x')", Among(A, (Value("x"),), negated=True)),
        ("a is null or b is not null", Binary("or", Missing(A), Missing(B, negated=True))),
        (
            "a like 'x%' and b not like c",
            Binary("and", Binary("like", A, Value("x%")), Binary("not like", B, C)),
        ),
        ("round(a, 2) ＞＝ 1", Binary(">=", Call("round", (A, Value(2))), Value(1))),
        ("a ≥ b", Binary(">=", A, B)),
        ("count()", Call("count", ())),
        ("share(a = b)", Call("share", (Binary("=", A, B),))),
        ("a.count.and", named("a", "count", "and")),
        ("window.before.count", named("window", "before", "count")),
        ("a[b][c]", Path((Name("a", Binary("and", B, C)),))),
        ("结果 ＝ ‘不合格（1）’", Binary("=", named("结果"), Value("不合格（1）"))),
        ("“区 1．温度” ＝ １２", Binary("=", named("区 1．温度"), Value(12))),
    ],
)
def test_expressions(text: str, tree: object) -> None:
    assert parse_expression(text) == tree


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'it''s'", "it's"),
        ("'‘a’'", "‘a’"),
        ("''", ""),
        ("12", 12),
        ("1.50", 1.5),
        ("2e-3", 0.002),
        ("true", True),
        ("FALSE", False),
        ("空", None),
        ("500ms", timedelta(milliseconds=500)),
        ("1.5h", timedelta(minutes=90)),
        ("2 周", timedelta(weeks=2)),
        ("3µs", timedelta(microseconds=3)),
        ("@2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("@2026-03-01T08:00", datetime(2026, 3, 1, 8, tzinfo=UTC)),
        ("@2026-03-01 08:00:00.25+08:00", datetime(2026, 3, 1, 0, 0, 0, 250_000, UTC)),
    ],
)
def test_values(text: str, value: Scalar) -> None:
    tree = parse_expression(text)
    assert isinstance(tree, Value)
    assert tree.value == value
    assert type(tree.value) is type(value)


def test_places_are_those_of_the_text() -> None:
    text = "  unit[班次 = 'A'].lot\n | compare yield"
    question = parse(text)
    assert question.text == text

    def shown(place: Place) -> str:
        return text[place.start : place.end]

    first, lot = question.path.hops
    assert [shown(hop.place) for hop in (first, lot)] == ["unit", "lot"]
    assert isinstance(first, Name)
    assert isinstance(first.condition, Binary)
    assert shown(first.condition.place) == "班次 = 'A'"
    assert shown(first.condition.right.place) == "'A'"
    assert shown(question.stages[0].place) == "compare yield"


@pytest.mark.parametrize(
    ("text", "under", "said", "advice"),
    [
        ("unit | limt 5", "limt", "a stage was expected", "Did you mean limit?"),
        ("unit | filter a", "filter", "a stage was expected", "Did you mean where?"),
        ("unit | 分组 a", "分组", "a stage was expected", "Did you mean by?"),
        ("unit |", "", "The end stands where a stage", "There are: where"),
        ("unit where a", "where", "a stage ('| …') or the end", None),
        ("unit[a = 1 adn b = 2]", "adn", "']' was expected", "Did you mean and?"),
        ("unit[a = 1 且b = 2]", "且b", "']' was expected", "且 b"),
        ("unit[a = 1", "", "The end stands where ']'", None),
        ("unit[a < b < c]", "<", "can't be compared again", "between"),
        ("unit[a is 3]", "3", "'null' or 'not null'", "="),
        ("unit[a = not b]", "not", "a name or a value", "in brackets"),
        ("unit[a && b]", "&&", "no meaning", "Write and."),
        ("unit[a in ()]", ")", "list is empty", "at least one"),
        ("unit[a between 1 or 2]", "or", "the 'and' of", None),
        ("unit[a # b]", "#", "no meaning", "double quotes"),
        ("unit[a = 10m]", "10m", "neither a number nor a duration", "10min"),
        ("unit[a = 'b]", "'", "never closed", "twice"),
        ("unit[t > @2026-13-01]", "@2026-13-01", "is not a time", "@2026-03-01"),
        ("unit[a = " + "9" * 30 + "]", "9" * 30, "too large", None),
        ("unit[a = 1e999]", "1e999", "too large", None),
        ("unit[a = 99999999999w]", "99999999999w", "too large", None),
        ("unit | select by x", "by", "a name or a value", 'write "by"'),
        ("unit.", "", "The end stands where a name", None),
        ("unit.window(begin, end)", "begin", "'start' or 'end'", "window(start - 10min"),
        ("unit.window(start - 10, end)", "10", "a duration", "10min"),
        ("unit.ancestors(lot, 0)", "0", "a number of movements", None),
        ("unit.temp.quantile(a)", "a", "a constant", None),
        ("unit | limit 2.5", "2.5", "a whole number", None),
        ("count(unit)", "count", "can't begin a question", None),
        ("'unit'", "'unit'", "the kind of thing to find", None),
        ('unit[""]', '""', "no name between the quotes", None),
        ("unit" + " | count" * 51, "count", "at most 50 stages", None),
    ],
)
def test_errors_say_where_and_what_was_meant(text: str, under: str, said: str, advice: str | None) -> None:
    with pytest.raises(QuestionError) as caught:
        parse(text)
    error = caught.value
    assert text[error.place.start : error.place.end] == under
    assert said in error.reason.en
    assert advice is None or advice in (error.hint or "")
    assert f"Line 1, column {error.place.start + 1}: {error.reason.en}" in str(error)
    assert error.reason.zh in error.said.zh
    assert error.reason.zh != error.reason.en


def test_the_place_is_underlined() -> None:
    with pytest.raises(QuestionError) as caught:
        parse("unit\n  | 比较 良率 | limt 5")
    error = caught.value
    assert (error.line, error.column) == (2, 13)
    first, line, mark, advice = str(error).splitlines()
    assert first == "Line 2, column 13: 'limt' stands where a stage was expected."
    assert line == "    | 比较 良率 | limt 5"
    assert mark == "      　　 　　   ^^^^"
    assert advice == "Did you mean limit?"


def test_a_long_line_is_cut_around_the_place() -> None:
    with pytest.raises(QuestionError) as caught:
        parse(f"unit[{'a = 1 and ' * 50} ]{' ' * 200}")
    _, line, mark = caught.value.said.en.splitlines()
    assert len(line) < 80
    assert line[mark.index("^")] == "]"


def test_the_domain_points_at_places_in_the_same_way() -> None:
    said, advice = Text(zh="没有 colour。", en="There is no colour."), likely("colour", ["color", "shift"])
    error = at("unit.colour", Place(5, 11), said, advice)
    assert isinstance(error, QueryError)
    assert str(error).splitlines() == [
        "Line 1, column 6: There is no colour.",
        "  unit.colour",
        "       ^^^^^^",
        "Did you mean color?",
    ]
    assert str(at("unit", NOWHERE, said)) == said.en
    assert likely("colour", ["shift"]) is None


@pytest.mark.parametrize("text", ["", "  \n", "　"])
def test_nothing(text: str) -> None:
    with pytest.raises(QuestionError, match="nothing to read"):
        parse(text)
    with pytest.raises(QuestionError, match="nothing to read"):
        parse_expression(text)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "a",
        "[" * 5000,
        "a[" * 4000,
        "f(" * 4000,
        "not " * 2400 + "a",
        "-" * 9000 + "a",
        "a" + " + a" * 2400,
        "a" + " or a" * 1900,
        "a" + "[a]" * 3000,
        "a in (" * 1500,
        "a between " * 900,
    ],
)
def test_deep_and_long_ones_are_refused_in_order(text: str) -> None:
    with pytest.raises(QuestionError):
        parse_expression(text)
    with pytest.raises(QuestionError):
        parse(f"unit[{text}]")


def test_what_is_allowed_is_enough() -> None:
    assert parse_expression(" or ".join(f"a = {n}" for n in range(90)))
    assert parse_expression("a in (" + ", ".join(map(str, range(1500))) + ")")
    assert parse_expression("(" * 60 + "a" + ")" * 60) == A
    assert len(parse("unit" + ".a" * 1000).path.hops) == 1001
    with pytest.raises(QuestionError, match=f"{LONGEST + 1} characters; at most {LONGEST}"):
        parse(" " * (LONGEST + 1))


PIECES = (
    "unit lot . [ ] ( ) | , : = != < and or not in between is null like where select by compare sort limit"
    " count as desc cross offset window start end before after ancestors 3 2.5 10min 'x' \"y\" @2026-03-01"
    " 且 属于 其中 + - * / ＝ 【 】 ’ “ @ 10m ' \""
)
PIECE = st.sampled_from(str.split(PIECES))
WRITTEN = st.one_of(
    st.text(), st.lists(PIECE, max_size=25).map(" ".join), st.lists(PIECE, max_size=12).map("".join)
)


@given(WRITTEN)
@example("@2026-03-01T00:00+99:99")
@example("@0001-01-01T00:00+08:00")
@example("1" * 5000)
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (parse, parse_expression):
        tree, error = None, None
        try:
            tree = read(text)
        except QuestionError as caught:
            error = caught
        if tree is not None:
            assert read(write(tree)) == tree
        if error is not None:
            assert error.said.zh
            assert 0 <= error.place.start <= error.place.end <= len(text)


def test_what_other_languages_say_leads_to_our_stages() -> None:
    assert set(FOREIGN.values()) <= set(STAGES)
    assert not [word for word in FOREIGN if meaning(word)]
