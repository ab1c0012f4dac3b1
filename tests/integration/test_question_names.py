"""What is offered while a question is written: every name of a right question, where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sinter_plant import sinter_plant

from assay.apps.questions import Questions
from assay.query.compile.suggest import suggest
from assay.query.domain.kinds import Domain
from assay.query.find import domain_of, find
from assay.query.language.errors import QuestionError
from assay.query.language.lexer import tokens
from assay.store.workspace import Workspace

RIGHT = (
    "unit[defect.code = 'HC-3'].lot.product.lots | compare yield, sinter.temp.mean",
    "unit[not defect.severity = 'high' and (thickness > 12 or result in ('NOK', 'OK'))] | count",
    "unit | by equipment as machine: mean(thickness), count(unit) as n | where n > 1 | sort machine desc, n",
    "unit.sinter[equipment = 'F1'].window(start - 10min, end).temp.max",
    "unit.sinter.before(30min).temp.mean",
    "lot[material = 'POWDER-A'].ancestors(lot, 2) | sort lot",
    "unit | select id, tray_row, lot.id as batch | where batch is not null and id not like 'U-1%' | limit 3",
    "event | where severity = 'low' | select event, subject",
    "unit[thickness.max between 1 and 2] | compare yield by equipment",
    "单元[缺陷 = 1] | 比较 良率 按 设备 | 排序 设备 降序",
    "lot | compare yield | sort yield desc",
)
"""Names after *as* are the writer's own, and constants too: they are not offered."""


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The powder plant."""
    with Workspace.open(sinter_plant(tmp_path_factory.mktemp("names") / "plant")) as workspace:
        yield workspace


@pytest.fixture(scope="module")
def domain(plant: Workspace) -> Domain:
    """Its names."""
    return domain_of(plant)


def offered(domain: Domain, text: str, **options: str) -> list[str]:
    """What is offered at the end of a text."""
    return [one.text for one in suggest(domain, text, len(text), **options).found]  # type: ignore[arg-type]


@pytest.mark.parametrize("question", RIGHT)
def test_every_name_of_a_right_question_is_offered_where_it_stands(domain: Domain, question: str) -> None:
    own = {"machine", "n", "batch", "缺陷"} if " as " in question or "缺陷" in question else set()
    before = ""
    for token in tokens(question)[:-1]:
        named = token.kind == "word" and before != "as" and not (token.text in own and before in {"as", "["})
        if named:
            place = token.place
            found = suggest(domain, question, place.start + 1, language="en")
            assert (found.place.start, found.place.end) == (place.start, place.end)
            texts = [one.text.removeprefix("| ").removesuffix("(") for one in found.found]
            parts = {part for text in texts for part in text.split()}
            assert token.text in parts, (token.text, texts)
        before = token.text


@pytest.mark.parametrize(
    ("written", "first"),
    [
        ("", ["unit", "lot", "step"]),
        ("unit | ", ["where", "select", "by"]),
        ("unit.sinter.temp.", ["n", "mean", "std"]),
        ("unit.thickness.", ["mean", "std", "sum"]),
        ("unit.sinter.window(", ["start", "end"]),
        ("unit | by equipment: ", ["yield"]),
        ("unit | sort id ", ["desc", "asc", "| where"]),
        ("unit | where id is ", ["null", "not"]),
        ("unit | limit 20 ", ["offset"]),
        ("unit ", ["| where", "| select"]),
    ],
)  # fmt: skip
def test_what_is_likely_comes_first(domain: Domain, written: str, first: list[str]) -> None:
    assert offered(domain, written)[: len(first)] == first


@pytest.mark.parametrize(
    "written",
    [
        "unit[defect.code = 'HC",
        "unit[thickness > 1",
        "unit[thickness > ",
        "unit | limit ",
        "unit | select id as ",
        "unit[§",
        "unit.nothing.",
        "unit.sinter.before(",
    ],
)
def test_nothing_is_offered_where_a_value_stands_or_nothing_is_known(domain: Domain, written: str) -> None:
    assert offered(domain, written) == []


def test_words_come_in_the_language_of_the_reader(domain: Domain) -> None:
    assert offered(domain, "单元 | ", language="zh")[:2] == ["其中", "列出"]
    assert offered(domain, "", language="zh")[0] == "单元"
    assert "合格率" in offered(domain, "lot | compare ", language="zh")
    assert "合格率" not in offered(domain, "lot | compare ", language="en")
    assert "合格率" in offered(domain, "lot | compare 合", language="en")


def test_a_stage_behind_a_table_is_about_its_columns(domain: Domain) -> None:
    written = "unit | by equipment as m: count() as n, mean(thickness) | sort "
    assert offered(domain, written)[:3] == ["m", "n", "mean(thickness)"]
    assert offered(domain, "lot | compare yield | where ")[:4] == ["lot", "origin", "units", "yield"]
    assert offered(domain, "unit | count | where ")[0] == "count"


def test_a_name_with_other_characters_is_completed_inside_its_quotes(domain: Domain) -> None:
    found = suggest(domain, 'unit["thick"]', 11)
    assert [one.text for one in found.found] == ["thickness"]
    assert (found.place.start, found.place.end) == (5, 12)


@given(data=st.data())
def test_no_text_and_no_place_is_too_strange(domain: Domain, data: st.DataObject) -> None:
    pieces = st.sampled_from(
        [*" .|[](),:='\"@£é", "unit", "thickness", "by", "as", "not", "单元", "12", "in", "count"]
    )
    text = "".join(data.draw(st.lists(pieces, max_size=30)))
    position = data.draw(st.integers(0, len(text) + 2))
    found = suggest(domain, text, position)
    assert 0 <= found.place.start <= found.place.end <= max(len(text), position)
    assert len(found.found) <= 40


@pytest.mark.parametrize(
    ("question", "instead"),
    [
        ("unit | by equipment: mena(thickness)", "mean"),
        ("unit[thicknes > 1]", "thickness"),
        ("unit | select id, thickness.maen", "mean"),
        ("unit | select id, sinter.tmp.mean", "temp"),
        ("untis | count", "units"),
        ("unit | limt 3", "limit"),
        ("unit | filter thickness > 1", "where"),
        ("unit[thickness > 12 && result = 'NOK']", "and"),
        ("单元[thickness > 1 且result = 'NOK']", "且 result"),
        ('unit[result = "NOK"]', "'NOK'"),
        ("lot | compare yield, mean(thickness) | sort mean(thicknes)", "mean(thickness)"),
        ('unit | by equipment as "my machine": count() | sort my_machine', '"my machine"'),
    ],
)
def test_what_is_written_instead_mends_the_question(plant: Workspace, question: str, instead: str) -> None:
    with pytest.raises(QuestionError) as caught:
        find(plant, question)
    error = caught.value
    assert error.instead[0] == instead
    mended = question[: error.place.start] + error.instead[0] + question[error.place.end :]
    assert find(plant, mended).columns


def test_any_column_can_be_sorted_by_and_narrowed(plant: Workspace) -> None:
    grouped = 'unit | by equipment as "my b. machine": mean(thickness), count() as n'
    by_mean = find(plant, f"{grouped} | sort mean(thickness) desc").rows
    assert [row["mean(thickness)"] for row in by_mean] == sorted(
        (row["mean(thickness)"] for row in by_mean), reverse=True
    )
    by_name = find(plant, f'{grouped} | sort "my b. machine" desc | limit 1').rows
    assert by_name[0]["my b. machine"] == "PR1"
    found = find(plant, f"{grouped} | where mean(thickness) > 13").rows
    assert {row["my b. machine"] for row in found} == {"F2"}
    with pytest.raises(QuestionError, match=r"no column 'mean\(id\)'"):
        find(plant, f"{grouped} | where mean(id) > 13")


def test_columns_know_what_they_name(plant: Workspace) -> None:
    things = {
        "unit": ["unit", "material"],
        "lot | compare yield by product": ["material", None],
        "unit | select id, lot, lot.id as l, thickness, sinter.equipment": [
            "unit",
            "lot",
            "lot",
            None,
            "equipment",
        ],
        "event | select subject, event": ["subject", None],
        "unit.lot.ancestors(lot) | compare yield": ["lot", None, None, None],
        "unit | select sinter, id": ["step", "unit"],
    }
    for question, expected in things.items():
        crossed = question.replace("select", "select cross")
        assert [one.thing for one in find(plant, f"{crossed} | limit 1").columns] == expected, question


def test_examples_are_questions_that_the_plant_answers(plant: Workspace) -> None:
    found = Questions(plant).examples().examples
    assert 5 <= len(found) <= 7
    for example in found:
        assert find(plant, example.question).total > 0, example.question
        assert example.title.zh != example.title.en
    assert found[0].question == "unit[result = 'NOK']"


def test_an_empty_plant_has_no_examples(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "plant") as workspace:
        assert Questions(workspace).examples().examples == []
