"""Questions built in Python."""

import copy
import operator
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.query.language.builder import Askable, Questions, Steps, fn, it
from assay.query.language.built import Functions, Term
from assay.query.language.errors import QuestionError
from assay.query.language.parser import parse, parse_expression
from assay.query.language.tree import Place


class Plant:
    """A plant's names, small enough to read."""

    KINDS: Mapping[str, Mapping[str, str | None]] = {
        "": {"unit": "unit", "lot": "lot"},
        "unit": {"lot": "lot", "defect": "defect", "thickness": None, "sinter": "step", "count": None},
        "lot": {"product": "material", "yield": None, "units": "unit", "sinter": "step"},
        "material": {"lots": "lot", "name": None},
        "defect": {"code": None, "severity": None},
        "step": {"temp": "signal", "zone 1.temp": "signal", "line": None},
        "signal": {"mean": None, "quantile": None},
    }

    def names(self, kind: str) -> Mapping[str, str | None]:
        return self.KINDS[kind]


q = Questions()
unit = q.unit


def built(askable: Askable) -> str:
    """The text of what was built; its tree is the one of the text."""
    text = str(askable)
    assert askable.question() == parse(text)
    assert askable.question().text == text
    return text


@pytest.mark.parametrize("names", [None, Plant()])
def test_the_question_of_the_plant(names: Plant | None) -> None:
    unit = Questions(names).unit
    lots = unit[unit.defect.code == "HC-3"].lot.product.lots
    found = lots.compare(lots.yield_, temperature=lots.sinter.temp.mean)
    assert built(found) == (
        "unit[defect.code = 'HC-3'].lot.product.lots | compare yield, sinter.temp.mean as temperature"
    )


def test_every_stage() -> None:
    asked = (
        unit.where(unit.thickness > 1.2)
        .select(unit.id, unit.line.named("where"), cross=True, t=unit.thickness)
        .by(unit.line, "shift as s", measures=["count()"], t=fn.mean(unit.thickness))
        .compare(unit.yield_, by=unit.line)
        .compare("yield", by=["line", unit.shift])
        .sort(it.t.descending(), "s desc", it.line)
        .limit(20, offset=40)
        .count()
    )
    assert built(asked) == (
        'unit | where thickness > 1.2 | select cross id, line as "where", thickness as t'
        " | by line, shift as s: count(), mean(thickness) as t | compare yield by line"
        " | compare yield by line, shift | sort t desc, s desc, line | limit 20 offset 40 | count"
    ).replace('"where"', "where")


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        (unit.ancestors(), "unit.ancestors()"),
        (unit.ancestors("lot", depth=3).id, "unit.ancestors(lot, 3).id"),
        (unit.descendants(depth=3)[it.x], "unit.descendants(3)[x]"),
        (
            unit.sinter.window("start - 10min", "end").temp.max,
            "unit.sinter.window(start - 10min, end).temp.max",
        ),
        (unit.sinter.before("30min").temp, "unit.sinter.before(30min).temp"),
        (unit.sinter.after(timedelta(hours=1.5)).temp, "unit.sinter.after(90min).temp"),
        (unit.sinter.temp.time_in_band(180, -2.5), "unit.sinter.temp.time_in_band(180, -2.5)"),
        (unit.follow("zone 1.temp").count_.limit_.in_.x_, 'unit."zone 1.temp".count.limit."in".x_'),
        (unit["a = 1"]["b or c"], "unit[a = 1 and (b or c)]"),
    ],
)
def test_paths(steps: Steps, text: str) -> None:
    assert built(steps) == text


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ((unit.a == "x") & ~(unit.b != 2) | (unit.c > 1), "a = 'x' and not b != 2 or c > 1"),
        (unit.a.is_in("x", 2), "a in ('x', 2)"),
        (~unit.a.is_in("x"), "a not in ('x')"),
        (~~unit.a.is_in("x"), "a in ('x')"),
        (unit.a.between(1, unit.b), "a between 1 and b"),
        (unit.a.is_null() | ~unit.b.is_null(), "a is null or b is not null"),
        (unit.a.like("x%") & ~unit.a.like("y_"), "a like 'x%' and a not like 'y_'"),
        (-(1 - unit.a) * 2 / (unit.b + 3), "-(1 - a) * 2 / (b + 3)"),
        (unit.a == None, "a = null"),  # noqa: E711 - an expression is made, nothing is compared
        (unit.a >= date(2026, 3, 1), "a >= @2026-03-01"),
        (unit.a >= datetime(2026, 3, 1, 8, tzinfo=timezone(timedelta(hours=8))), "a >= @2026-03-01"),
        (unit.a <= np.int64(3), "a <= 3"),
        (unit.a <= np.float64(2.5), "a <= 2.5"),
        (unit.a < timedelta(seconds=90), "a < 90s"),
        (fn.share(unit.a == "x") > fn.round(unit.b, 2), "share(a = 'x') > round(b, 2)"),
        (fn.count() > 0, "count() > 0"),
        (unit.defect[it.code == "A"].severity == 3, "defect[code = 'A'].severity = 3"),
        (unit.defect[unit.defect.code == "A"].severity == 3, "defect[code = 'A'].severity = 3"),
    ],
)
def test_conditions(term: Term, text: str) -> None:
    assert built(unit[term]) == f"unit[{text}]"
    assert unit[term].question() == unit[text].question() == parse(f"unit[{text}]")


def test_paths_are_written_from_what_is_asked_about() -> None:
    unit = Questions(Plant()).unit
    bad = unit[unit.thickness > 1]
    for condition in (bad.lot.yield_ > 1, unit.lot.yield_ > 1, it.lot.yield_ > 1, lambda u: u.lot.yield_ > 1):
        assert built(bad[condition]) == "unit[thickness > 1 and lot.yield > 1]"
    lots, q = bad.lot.product.lots, Questions(Plant())
    for measure in (lots.yield_, q.lot.yield_, unit.lot.product.lots.yield_, it.yield_, "yield"):
        assert built(lots.compare(measure)) == "unit[thickness > 1].lot.product.lots | compare yield"
    siblings = unit.lot.units
    assert built(siblings.select(q.unit.lot.units.thickness)) == "unit.lot.units | select thickness"
    assert built(siblings.select(q.unit.lot.yield_)) == "unit.lot.units | select lot.yield"


def test_a_path_that_begins_elsewhere_is_refused() -> None:
    other = Questions(Plant())
    for base, path in (
        (unit, q.lot.yield_),
        (other.unit, other.lot.yield_),
        (unit.lot, unit.thickness),
        (unit, unit),
    ):
        with pytest.raises(QuestionError, match="does not begin at what is asked about"):
            base.where(path > 1)
    with pytest.raises(QuestionError, match="does not begin"):
        unit[unit.a > 1].select(unit[unit.a > 2].b)


def test_completion_offers_what_follows() -> None:
    root = Questions(Plant())
    assert dir(root) == ["lot", "unit"]
    offered = dir(root.unit)
    assert {"lot", "defect", "thickness", "count_", "compare", "where", "ancestors"} <= set(offered)
    assert "zone 1.temp" not in dir(root.unit.sinter)
    assert all(getattr(root.unit, name) is not None for name in offered)
    assert "yield_" in dir(root.unit.lot)
    assert "units" in dir(root.unit.ancestors("lot")[it.yield_ > 1])
    assert dir(Functions(["mean", "count"])) == ["count", "mean"]
    given_here = []
    root.unit[lambda here: given_here.append(dir(here)) or here.thickness > 1]
    assert "defect" in given_here[0]


def test_names_that_do_not_follow_are_refused_with_what_was_meant() -> None:
    root = Questions(Plant())
    for wrong, said in (
        (lambda: root.units, "'units' does not follow a question. Did you mean 'unit'"),
        (lambda: root.unit.defct, "'defct' does not follow unit. Did you mean 'defect'"),
        (lambda: root.unit.thickness.mean, "'mean' does not follow unit.thickness."),
        (lambda: root.unit.sinter.follow("zone 2.temp"), "Did you mean 'zone 1.temp'"),
        (lambda: root.unit.ancestors("lot").defect, "does not follow unit.ancestors"),
        (lambda: Functions(["mean"]).men, "no function 'men'"),
    ):
        with pytest.raises(AttributeError, match=said.replace("(", r"\(")):
            wrong()
    assert root.unit.sinter.follow("zone 1.temp").quantile(0.9).question()
    assert root.unit.ancestors().anything.question()


def test_what_python_would_do_with_a_condition_is_refused() -> None:
    uses: list[Callable[[], object]] = [
        lambda: 1 < unit.a < 2,
        lambda: unit.a == 1 and unit.b == 2,
        lambda: not unit.a,
        lambda: list(unit),
        lambda: 3 in unit,
        lambda: unit[0],
        lambda: unit.a == [1],
        lambda: unit.a + float("nan"),
        lambda: unit("x"),
        lambda: unit.temp.f(1)[it.x],
        lambda: unit[it],
        lambda: unit.window("start", "end) and (x"),
    ]
    for use in uses:
        with pytest.raises((TypeError, QuestionError)):
            use()


def test_a_path_is_left_alone_by_what_looks_at_it() -> None:
    assert not hasattr(unit, "_repr_html_")
    assert not hasattr(unit, "__array__")
    assert str(copy.copy(unit.lot)) == "unit.lot"
    assert repr(unit.lot.count()) == "unit.lot | count"
    assert len({unit.a, unit.b}) == 2


def test_the_tree_has_the_places_of_its_text() -> None:
    question = unit[unit.a > 1].limit(3).question()
    assert question.path.hops[0].place == Place(0, 4)
    assert question.stages[0].place == Place(14, 21)


OPERATIONS = st.sampled_from(
    [
        operator.eq,
        operator.ne,
        operator.lt,
        operator.add,
        operator.mul,
        operator.sub,
        operator.and_,
        operator.or_,
    ]
)
OPERANDS = st.one_of(
    st.sampled_from([unit.a, unit.defect.code, it.b, fn.mean(unit.c), fn.share((unit.c * 2 > 1) & ~it.d)]),
    st.integers(-100, 100),
    st.text(max_size=5),
    st.datetimes(timezones=st.just(UTC)),
)


@given(st.sampled_from([unit.a, it.b]), st.lists(st.tuples(OPERATIONS, OPERANDS, st.booleans()), max_size=8))
def test_any_chain_of_operators_is_what_its_text_says(
    term: Term, chain: list[tuple[Callable, object, bool]]
) -> None:
    for operation, operand, inverted in chain:
        term = operation(term, operand)
        term = ~term if inverted else term
    asked = unit[term]
    assert asked.question() == parse(str(asked))
    inside = str(asked).removeprefix("unit[").removesuffix("]")
    assert parse_expression(inside) == asked.question().path.hops[0].condition
    measured = unit.by(unit.line, measures=[fn.mean(term)])
    assert measured.question() == parse(str(measured))
