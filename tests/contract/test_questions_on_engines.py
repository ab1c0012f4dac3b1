"""Questions give the same rows on every engine: each operator of the language, from text to answer.

A question stands here with the rows it must give where they are known from the plant (see
``tests/sinter_plant.py``), and without them where only the engines are held against each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from tests.sinter_plant import HOT, UNITS, sinter_plant, unit

from assay.query.find import find
from assay.store import Workspace

ENGINES = ["duckdb", pytest.param("spark", marks=pytest.mark.spark)]

KNOWN: list[tuple[str, list[Any]]] = [
    ("unit[defect.code = 'HC-3']", [unit(HOT, n) for n in range(3)]),
    ("unit[count(defect) > 0 and not (defect.code = 'HC-3')]", [unit("L5", 0)]),
    ("unit[thickness between 12.08 and 13.005]", ["U-308", "U-309", "U-400"]),
    ("unit[tray_row = 4 and lot.product = 'POWDER-B']", ["U-204", "U-404", "U-604"]),
    ("lot[id = 'L3'].descendants(unit)[defect]", [unit(HOT, n) for n in range(3)]),
    ("unit[id = 'U-604'].ancestors(lot)", ["L6"]),
    ("unit[inspect.started > '2026-03-02T20:58:30']", ["U-609"]),
    ("unit[thickness is null]", []),
    ("product[id = 'POWDER-B'].lots", ["L2", "L4", "L6"]),
    ("unit[id = 'U-300'].machines", ["CMM", "F1", "PR1"]),
    ("lot[moisture > 0.45]", ["L5", "L6"]),
    ("unit | where thickness > 14 | count", [19]),
]
"""The first column of the answer, row by row."""

ALIKE: list[str] = [
    "unit[defect.code = 'HC-3'].lot.product.lots | compare yield, thickness.mean",
    "unit | by sinter.equipment: count(), yield, mean(thickness), std(thickness), count(defect)",
    "unit | by lot: min(thickness), max(thickness), median(thickness), quantile(thickness, 0.9)",
    "unit[lot = 'L3'] | select id, sinter.temp.mean, sinter.temp.max",
    "measurement[characteristic = 'thickness'] | by gauge, person: count(), max(value)",
    "unit | by weekday(inspect.started), hour(inspect.started): count()",
    "unit[lot = 'L1'] | select id, round(thickness, 1) as r",
    "unit[lot = 'L1'] | select id, thickness / 0 as nothing",
    "unit | sort thickness desc | limit 5 offset 2",
]
"""Questions on which the engines are held against each other."""


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("questions") / "plant"
    sinter_plant(folder)
    with Workspace.open(folder) as workspace:
        yield workspace


@pytest.fixture(params=ENGINES, scope="module")
def engine(request: pytest.FixtureRequest) -> str:
    return "" if request.param == "duckdb" else str(request.getfixturevalue("spark_url"))


@pytest.mark.parametrize(
    ("question", "expected"), KNOWN, ids=lambda value: value if type(value) is str else ""
)
def test_a_question_gives_the_rows_that_the_plant_was_made_with(
    plant: Workspace, engine: str, question: str, expected: list[Any]
) -> None:
    answer = find(plant, question, engine=engine)
    assert [next(iter(row.values())) for row in answer.rows] == expected


@pytest.mark.spark
@pytest.mark.parametrize("question", ALIKE)
def test_a_question_gives_the_same_rows_on_spark(plant: Workspace, spark_url: str, question: str) -> None:
    ours, theirs = find(plant, question, engine=""), find(plant, question, engine=spark_url)
    assert [column.name for column in ours.columns] == [column.name for column in theirs.columns]
    assert len(ours.rows) == len(theirs.rows)
    for mine, other in zip(ours.rows, theirs.rows, strict=True):
        assert [name for name in mine if not alike(mine[name], other[name])] == []


def alike(one: Any, other: Any) -> bool:
    """Equal; numbers within the rounding of a different order of summation."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9) or (math.isnan(one) and math.isnan(other))
    return bool(one == other)


def test_the_plant_is_as_large_as_the_questions_suppose(plant: Workspace) -> None:
    assert find(plant, "unit[lot = 'L3'] | count").rows == [{"count": UNITS}]
