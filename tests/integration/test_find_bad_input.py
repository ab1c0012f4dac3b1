"""Questions that can't be answered as they are written, or cost too much: said where, and what was meant."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sinter_plant import sinter_plant

import assay
from assay.model.errors import QueryError
from assay.plant import Plant
from assay.query.engines.registry import engine_of
from assay.query.find import find, questions
from assay.query.language.errors import QuestionError
from assay.query.program import Limits

MODEL = """
terms:
  - {name: scratch, of: event, where: "unit.scratch.severity = 'low'"}
  - {name: dent, of: measurement, where: "unit.crack.code = 'x'"}
  - {name: crack, of: event, where: "unit.dent.value > 1"}
  - {name: 瑕疵, of: event, where: "event = 'defect'"}
  - {name: slip, of: event, where: "severty = 'low'"}
measures:
  - {name: wrong, of: unit, formula: "mean(thicknes) + 1"}
sources:
  - name: erp
    url: sqlite:///erp.db
    tables:
      - {name: firms, table: firms, kind: firm, key: code, fields: {city: city}}
      - name: jobs
        table: jobs
        kind: job
        key: code
        fields: {customer: customer, payer: payer}
        links: {customer: firm, payer: firm}
"""


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    folder = tmp_path_factory.mktemp("bad") / "plant"
    sinter_plant(folder)
    (folder / "model.yaml").write_text(MODEL, "utf-8")
    with assay.open(folder) as opened:
        yield opened


def refused(plant: Plant, question: str) -> QuestionError:
    with pytest.raises(QuestionError) as caught:
        plant.find(question)
    return caught.value


@pytest.mark.parametrize(
    ("question", "way"),
    [("unit[scratch]", "scratch → scratch"), ("unit.dent", "dent → crack → dent")],
)
def test_terms_that_are_defined_by_themselves_are_refused(plant: Plant, question: str, way: str) -> None:
    error = refused(plant, question)
    assert f"is defined by itself: {way}" in str(error)
    assert "由它自己定义" in error.said.zh


def test_a_mistake_in_the_model_is_shown_where_it_stands(plant: Plant) -> None:
    """The underlined text is the formula, not the question that used its name."""
    error = refused(plant, "lot | compare wrong")
    assert (error.text, error.column) == ("mean(thicknes) + 1", 6)
    assert "thickness" in str(error.hint)
    error = refused(plant, "unit[id = 'U-300'].slip")
    assert (error.text, error.column) == ("severty = 'low'", 1)


def test_a_link_that_could_be_two_is_refused_with_a_way_to_say_each(plant: Plant) -> None:
    """A firm is the customer of some jobs and the payer of others."""
    error = refused(plant, "firm.job")
    assert "'job' can mean several things here" in str(error)
    assert "job_by_customer" in str(error.hint)
    assert "job_by_payer" in str(error.hint)
    assert "有多种含义" in error.said.zh or "几种" in error.said.zh


UNKNOWN = [
    ("单元[瑕此.code = 'HC-3']", 4, "瑕疵"),
    ("单元.批此", 4, "批次"),
    ("单元 | 比较 合格律", 9, "合格率"),
    ("单元 | 列处 id", 6, "列出"),
    ("単元", 1, "单元"),
]


@pytest.mark.parametrize(("question", "column", "meant"), UNKNOWN)
def test_unknown_words_in_chinese_are_said_in_chinese(
    plant: Plant, question: str, column: int, meant: str
) -> None:
    error = refused(plant, question)
    assert error.column == column
    assert f"第 1 行第 {column} 列" in error.said.zh
    assert meant in str(error.hint)


@pytest.mark.parametrize(
    "question", ["unit[id = '\ud800']", 'unit."\udfff"', "unit[defect.code like '%\ud83d']"]
)
def test_half_a_character_is_no_text(plant: Plant, question: str) -> None:
    assert "half of a character" in str(refused(plant, question))
    unit = questions(plant.workspace).unit
    with pytest.raises(QuestionError, match="half of a character"):
        plant.find(unit[unit.id == "\ud800"])


def test_a_tree_from_python_is_not_deeper_than_a_text_may_be(plant: Plant) -> None:
    unit = questions(plant.workspace).unit
    condition = unit.thickness > 1
    for _ in range(5_000):
        condition = ~condition
    with pytest.raises(QuestionError, match="inside each other"):
        plant.find(unit[condition])


def test_names_of_the_compiler_are_no_names_of_the_plant(plant: Plant) -> None:
    for name in ("d_unit", "q1", "x_part", "the_specifications"):
        assert f"'{name}' is not a kind of thing" in str(refused(plant, name))
    found = plant.find("unit[id = 'U-100'] | select id as key, thickness as anchor, material as v | sort v")
    assert found.rows == [{"key": "U-100", "anchor": 10.0, "v": "GEAR-7"}]


# -- what costs too much ----------------------------------------------------------------------------------

PAIRS = "FROM range(100_000_000) AS a(i), range(100_000_000) AS b(j) WHERE a.i + b.j = -1"
ENDLESS = f"SELECT count(*) AS n {PAIRS}"
SORTED = "SELECT i, hash(i) AS h FROM range(4_000_000) AS r(i) ORDER BY h"


def scratch(plant: Plant) -> list[Path]:
    """The files that an engine set aside and left."""
    return [path for path in (plant.workspace.spool / "scratch").rglob("*") if path.is_file()]


def test_a_statement_is_stopped_when_the_time_is_over(plant: Plant) -> None:
    limits = Limits(seconds=0.3)
    with engine_of(plant.workspace, "duckdb").open(plant.workspace.lake.snapshot(), limits) as session:
        for ask in (session.arrow, lambda sql: session.define("q", sql, stored=True)):
            began = time.monotonic()
            with pytest.raises(QueryError, match=r"took longer than 0.3 seconds"):
                ask(ENDLESS)
            assert time.monotonic() - began < 60
    assert not scratch(plant)


def test_a_stream_is_stopped_between_its_batches(plant: Plant) -> None:
    limits = Limits(seconds=0.5)
    snapshot = plant.workspace.lake.snapshot()
    with (
        engine_of(plant.workspace, "duckdb").open(snapshot, limits) as session,
        pytest.raises(QueryError, match=r"took longer than 0.5 seconds"),
    ):
        for _ in session.stream("SELECT i FROM range(100_000_000_000) AS r(i)", 1_000):
            pass
    assert not scratch(plant)


def test_what_does_not_fit_memory_is_set_aside_and_taken_away(plant: Plant) -> None:
    """Sorting 64 MB in 40 MB goes by way of the disk, and nothing is left there, finished or not."""
    limits = Limits(memory="40MB")
    snapshot = plant.workspace.lake.snapshot()
    with engine_of(plant.workspace, "duckdb").open(snapshot, limits) as session:
        batch = next(iter(session.stream(SORTED, 1_000)))
        assert batch.num_rows
        assert scratch(plant), "it was set aside"
    assert not scratch(plant)


def test_a_question_that_needs_more_memory_than_it_may_is_refused(plant: Plant) -> None:
    limits = Limits(memory="60MB", seconds=60)
    snapshot = plant.workspace.lake.snapshot()
    with (
        engine_of(plant.workspace, "duckdb").open(snapshot, limits) as session,
        pytest.raises(QueryError, match="needs more than 60MB of memory"),
    ):
        session.arrow("SELECT list(i) AS l FROM range(20_000_000) AS r(i)")
    assert not scratch(plant)


def test_rows_in_between_are_limited_too(plant: Plant) -> None:
    asked = "unit | select cross measurement.text, sinter.unit.id"
    with pytest.raises(QueryError, match=r"The answer has more than 1,000 rows"):
        find(plant.workspace, asked, limits=Limits(rows=1_000))
    with pytest.raises(QueryError, match=r"a step of the question has|A step of the question has"):
        find(plant.workspace, f"{asked} | limit 5000", limits=Limits(rows=10_000, intermediate=900))
