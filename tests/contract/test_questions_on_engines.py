"""Questions give the same rows on every engine: each operator of the language, from text to answer.

Most stand in ``question_cases`` with the rows they must give. Fields and links are read off the model, so
that there are too many to write down: there the engines are held against each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.contract.engine_plant import engine_plant
from tests.contract.question_cases import KNOWN, REFUSED, Asked
from tests.contract.question_census import used, whole_language
from tests.refused_plant import join_two

from assay.query.domain.kinds import Domain, Kind
from assay.query.domain.mounts import Mounts
from assay.query.domain.vocabulary import vocabulary
from assay.query.engines.registry import engine_of
from assay.query.federation import federation
from assay.query.find import find
from assay.query.program import Limits
from assay.store import Workspace

ENGINES = ["duckdb", pytest.param("spark", marks=pytest.mark.spark)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, datetime]:
    """The plant, and a moment before its hot rows came."""
    folder = tmp_path_factory.mktemp("questions") / "plant"
    return folder, engine_plant(folder)


@pytest.fixture(scope="module")
def plant(made: tuple[Path, datetime]) -> Iterator[Workspace]:
    with Workspace.open(made[0]) as workspace:
        yield workspace


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A plant whose gate refused every record of one of two parts."""
    with Workspace.create(tmp_path_factory.mktemp("gated") / "plant", log=True) as workspace:
        join_two(workspace)
        yield workspace


@pytest.fixture(params=ENGINES, scope="module")
def engine(request: pytest.FixtureRequest) -> str:
    return "" if request.param == "duckdb" else str(request.getfixturevalue("spark_url"))


@pytest.fixture(scope="module")
def domain(plant: Workspace) -> Domain:
    with closing(engine_of(plant, "").open(plant.lake.snapshot(), Limits())) as session:
        return Domain(vocabulary(plant, session), Mounts(federation(plant)))


def test_every_part_of_the_language_is_in_some_question(domain: Domain) -> None:
    """Operators, functions, aggregates, features, stages, hops and kinds of meaning, from their tables."""
    missing = whole_language() - used(domain, [asked.question for asked in KNOWN])
    assert sorted(missing) == []


@pytest.mark.parametrize("asked", KNOWN, ids=str)
def test_a_question_gives_the_rows_that_the_plant_was_made_with(
    plant: Workspace, made: tuple[Path, datetime], engine: str, asked: Asked
) -> None:
    as_of = made[1] if asked.before else None
    answered(plant, engine, asked, as_of)


@pytest.mark.parametrize("asked", REFUSED, ids=str)
def test_what_the_gate_refused_can_be_asked_for_and_left_out(
    gated: Workspace, engine: str, asked: Asked
) -> None:
    answered(gated, engine, asked)


def answered(plant: Workspace, engine: str, asked: Asked, as_of: datetime | None = None) -> None:
    """The question gives the rows that it has to."""
    answer = find(plant, asked.question, engine=engine, as_of=as_of, limits=Limits(seconds=300))
    found = [tuple(row.values()) for row in answer.rows]
    assert len(found) == len(asked.rows), found
    wrong = [(row, meant) for row, meant in zip(found, asked.rows, strict=True) if not alike(row, meant)]
    assert wrong == []


def of_kind(kind: Kind) -> list[str]:
    """Questions for every field of a kind, and every thing that a link leads to."""
    if kind.record is not None:
        shown = "".join(f", list({link}.id) as to_{link}" for link in kind.links)
        return [f"{kind.name} | select {', '.join(kind.fields)}", f"{kind.name} | by subject: count(){shown}"]
    own = [name for name in kind.fields if name not in kind.links]
    shown = ", ".join([*own, *(f"list({link}) as to_{link}" for link in kind.links)])
    return [f"{kind.name} | select {shown}"]


@pytest.mark.spark
def test_every_field_and_every_link_is_the_same_on_spark(
    plant: Workspace, domain: Domain, spark_url: str
) -> None:
    wrong = []
    for question in (one for kind in domain.kinds.values() for one in of_kind(kind)):
        ours = find(plant, question, engine="")
        if not ours.rows:
            continue
        theirs = find(plant, question, engine=spark_url, limits=Limits(seconds=300))
        assert [(one.name, one.type) for one in ours.columns] == [
            (one.name, one.type) for one in theirs.columns
        ]
        if not alike(ours.rows, theirs.rows):
            wrong.append(question)
    assert wrong == []


def alike(one: Any, other: Any) -> bool:
    """Equal; numbers within the rounding of a different order of summation."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12) or (
            math.isnan(one) and math.isnan(other)
        )
    return bool(one == other)
