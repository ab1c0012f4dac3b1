"""Trees of questions at random: every kind of node, as the parser could have made it."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from assay.query.language.tree import (
    Among,
    Between,
    Binary,
    By,
    Call,
    Compare,
    Count,
    Expression,
    Item,
    Limit,
    Measured,
    Missing,
    Name,
    Path,
    Question,
    Select,
    Sort,
    SortKey,
    Unary,
    Value,
    Walk,
    Where,
    Window,
)

NAMES = st.one_of(
    st.sampled_from(
        [
            "unit",
            "defect",
            "yield",
            "烧结温度",
            "zone 1.temp",
            'a "b"',
            "by",
            "IN",
            "且",
            "window",
            "count",
            "2D",
        ]
    ),
    st.text(min_size=1, max_size=8),
)
DURATIONS = st.timedeltas(timedelta(0), timedelta(days=9999))
OFFSETS = st.timedeltas(timedelta(days=-99), timedelta(days=99))
NUMBERS = st.one_of(st.integers(-(2**63) + 1, 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False))
TIMES = st.datetimes(
    datetime(1, 1, 2, tzinfo=UTC).replace(tzinfo=None),
    datetime(9999, 12, 30, tzinfo=UTC).replace(tzinfo=None),
    timezones=st.just(UTC),
)
SCALARS = st.one_of(
    st.none(), st.booleans(), NUMBERS, st.text(max_size=8), TIMES, DURATIONS, DURATIONS.map(lambda one: -one)
)
BINARY = st.sampled_from(
    ["and", "or", "=", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "like", "not like"]
)


def paths(conditions: st.SearchStrategy[Expression | None], *, of_kind: bool) -> st.SearchStrategy[Path]:
    """Paths, which at the top of a question begin with a kind."""
    names = st.builds(Name, NAMES, conditions)
    walks = st.builds(
        Walk,
        st.sampled_from(["ancestors", "descendants"]),
        st.none() | NAMES,
        st.none() | st.integers(1, 99),
        conditions,
    )
    edges = st.sampled_from(["start", "end"])
    windows = st.builds(Window, edges, OFFSETS, edges, OFFSETS)
    measured = st.builds(Measured, NAMES, st.lists(SCALARS, max_size=3).map(tuple))
    first = names if of_kind else names | walks | windows
    rest = st.lists(st.one_of(names, walks, windows, measured), max_size=3)
    return st.builds(lambda one, more: Path((one, *more)), first, rest)


def _around(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        paths(st.none() | inner, of_kind=False),
        st.builds(Call, NAMES, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Unary, st.sampled_from(["not", "-"]), inner),
        st.builds(Binary, BINARY, inner, inner),
        st.builds(Among, inner, several, st.booleans()),
        st.builds(Between, inner, inner, inner, st.booleans()),
        st.builds(Missing, inner, st.booleans()),
    )


EXPRESSIONS = st.recursive(
    st.builds(Value, SCALARS) | paths(st.none(), of_kind=False), _around, max_leaves=12
)
ITEMS = st.lists(st.builds(Item, EXPRESSIONS, st.none() | NAMES), min_size=1, max_size=3).map(tuple)
STAGES = st.one_of(
    st.builds(Where, EXPRESSIONS),
    st.builds(Select, ITEMS, st.booleans()),
    st.builds(By, ITEMS, st.just(()) | ITEMS),
    st.builds(By, st.just(()), ITEMS),
    st.builds(Compare, ITEMS, st.just(()) | ITEMS),
    st.builds(
        Sort, st.lists(st.builds(SortKey, EXPRESSIONS, st.booleans()), min_size=1, max_size=3).map(tuple)
    ),
    st.builds(Limit, st.integers(0, 10**9), st.integers(0, 10**9)),
    st.builds(Count),
)
QUESTIONS = st.builds(
    Question, paths(st.none() | EXPRESSIONS, of_kind=True), st.lists(STAGES, max_size=3).map(tuple)
)
