"""Random plants with many ways between things; every figure is held against plain Python over their rows."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from tests.sinter_plant import DAY, store

import assay
from assay.model.kinds import RecordKind
from assay.plant import Plant
from assay.query.language.errors import QuestionError
from assay.store import Workspace


class World:
    """What happened, as sets; and the rows that say so."""

    def __init__(self, seed: int) -> None:
        dice = random.Random(seed)
        self.units = [f"u{n}" for n in range(12)]
        self.lots = [f"l{n}" for n in range(5)]
        self.machines = ["m1", "m2", "m3"]
        self.part: dict[str, set[str]] = defaultdict(set)  # execution -> subjects
        self.made_on: dict[str, str] = {}
        self.segment: dict[str, str] = {}
        self.product = {lot: dice.choice(["A", "B"]) for lot in self.lots}
        self.results: list[tuple[str, str, float]] = []
        self.movements: list[dict[str, Any]] = []
        for number in range(15):
            # One id is used in two segments: an execution is known by both.
            name, segment = f"e{number % 11}", dice.choice(["press", "sinter"])
            key = f"{segment}/{name}"
            machine = self.made_on.setdefault(key, dice.choice(self.machines))
            self.segment[key] = segment
            step = {"execution": name, "segment": segment, "equipment": machine, "time": DAY, "started": DAY}
            for subject in dice.sample(self.units, dice.randint(1, 4)):
                self.part[key].add(subject)
                self.movements.append(step | {"subject": subject, "subject_kind": "unit", "role": "produced"})
            for lot in dice.sample(self.lots, dice.randint(0, 2)):
                self.part[key].add(lot)
                consumed = {"subject": lot, "subject_kind": "lot", "role": "consumed"}
                self.movements.append(step | consumed | {"material": self.product[lot]})
        for _ in range(30):
            subject = dice.choice(self.units)
            self.results.append((subject, dice.choice(["x", "y"]), float(dice.randint(0, 9))))
        self.seen = sorted({name for subjects in self.part.values() for name in subjects})

    def measurements(self) -> list[dict[str, Any]]:
        """The rows of the results."""
        return [
            {"subject": subject, "subject_kind": "unit", "characteristic": name, "value": value}
            | {"time": DAY + timedelta(seconds=number)}
            for number, (subject, name, value) in enumerate(self.results)
        ]

    def beside(self, subject: str, others: list[str]) -> set[str]:
        """The things that share an execution with a subject."""
        return {
            one for subjects in self.part.values() if subject in subjects for one in subjects if one in others
        }

    def values(self, units: set[str], name: str) -> list[float]:
        """The results of some units."""
        return [value for subject, one, value in self.results if subject in units and one == name]


@pytest.fixture(scope="module", params=[1, 2, 3])
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[World, Plant]]:
    world = World(request.param)
    folder: Path = tmp_path_factory.mktemp("oracle") / "plant"
    with Workspace.create(folder) as workspace:
        store(workspace, RecordKind.MOVEMENT, world.movements, "1")
        store(workspace, RecordKind.MEASUREMENT, world.measurements(), "1")
    with assay.open(folder) as plant:
        yield world, plant


def test_things_beside_things(both: tuple[World, Plant]) -> None:
    world, plant = both
    found = {row["lot"]: row["count(unit)"] for row in plant.find("lot | compare count(unit)").rows}
    expected = {lot: len(world.beside(lot, world.units)) for lot in world.lots if lot in world.seen}
    assert found == expected


def test_means_over_units_reached_by_many_ways(both: tuple[World, Plant]) -> None:
    world, plant = both
    for row in plant.find("lot | compare x.mean, unit.y.max, count(x)").rows:
        units = world.beside(row["lot"], world.units)
        xs, ys = world.values(units, "x"), world.values(units, "y")
        assert row["x.mean"] == (pytest.approx(mean(xs)) if xs else None)
        assert row["unit.y.max"] == (max(ys) if ys else None)
        assert row["count(x)"] == len(xs)


def test_groups_by_a_path_to_many(both: tuple[World, Plant]) -> None:
    """A unit that was on two machines is in both groups, once in each."""
    world, plant = both
    rows = plant.find("unit | by step.equipment: count(), sum(x), count(lot)").rows
    seen = {row["step.equipment"] for row in rows if row["step.equipment"] is not None}
    assert seen == {world.made_on[key] for key in world.part}
    for row in rows:
        machine = row["step.equipment"]
        if machine is None:
            continue
        units = {
            one
            for key, subjects in world.part.items()
            if world.made_on[key] == machine
            for one in subjects
            if one in world.units
        }
        lots = {lot for one in units for lot in world.beside(one, world.lots)}
        xs = world.values(units, "x")
        assert row["count()"] == len(units)
        assert row["sum(x)"] == (sum(xs) if xs else None)
        assert row["count(lot)"] == len(lots)


def test_aggregates_of_expressions_take_each_value_once(both: tuple[World, Plant]) -> None:
    world, plant = both
    rows = plant.find(
        "lot | select id, mean(x * 2 + 1) as twice, sum(unit.x * unit.x) as squares, "
        "share(y > 4 or y = 0) as some, mean(unit.x.mean - unit.y.mean) as apart, "
        "count(unit[y > 3].x - 1) as few"
    ).rows
    assert {row["id"] for row in rows} == {lot for lot in world.lots if lot in world.seen}
    for row in rows:
        units = world.beside(row["id"], world.units)
        xs, ys = world.values(units, "x"), world.values(units, "y")
        each = [(world.values({one}, "x"), world.values({one}, "y")) for one in units]
        differences = [mean(x) - mean(y) for x, y in each if x and y]
        high = {one for one in units if any(value > 3 for value in world.values({one}, "y"))}
        assert row["twice"] == (pytest.approx(2 * mean(xs) + 1) if xs else None)
        assert row["squares"] == (sum(x * x for x in xs) if xs else None)
        assert row["some"] == (pytest.approx(sum(y > 4 or y == 0 for y in ys) / len(ys)) if ys else None)
        assert row["apart"] == (pytest.approx(mean(differences)) if differences else None)
        assert row["few"] == len(world.values(high, "x"))


def test_an_expression_over_a_group_counts_a_unit_of_two_ways_once(both: tuple[World, Plant]) -> None:
    world, plant = both
    for row in plant.find("unit | by step.equipment as m: sum(x * 10) as tens, mean(x.max / 2) as half").rows:
        units = {
            one
            for key, subjects in world.part.items()
            if world.made_on[key] == row["m"]
            for one in subjects
            if one in world.units
        }
        if row["m"] is None:
            continue
        xs = world.values(units, "x")
        highest = [max(some) / 2 for one in units if (some := world.values({one}, "x"))]
        assert row["tens"] == (10 * sum(xs) if xs else None)
        assert row["half"] == (pytest.approx(mean(highest)) if highest else None)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("mean(x * y)", "'x' leads to many values"),
        ("mean(x * count(lot))", "nothing to take count of"),
        ("mean(x - mean(x))", "nothing to take mean of"),
        ("mean(id * 2)", "needs numbers, not a text"),
        ("share(x * 2)", "a condition is needed"),
        ("mean(x[valu > 3] * 2)", "Did you mean value"),
    ],
)
def test_what_has_no_one_row_is_refused(both: tuple[World, Plant], asked: str, said: str) -> None:
    with pytest.raises(QuestionError, match=said):
        both[1].find(f"unit | by: {asked}")


def test_paths_and_conditions(both: tuple[World, Plant]) -> None:
    world, plant = both
    found = {row["lot"] for row in plant.find("unit[x > 6].lot.product.lots").rows}
    bad = {subject for subject, name, value in world.results if name == "x" and value > 6}
    lots = {lot for one in bad for lot in world.beside(one, world.lots)}
    products = {world.product[lot] for lot in lots}
    assert found == {lot for lot in world.lots if lot in world.seen and world.product[lot] in products}


def test_an_execution_is_known_by_segment_and_id(both: tuple[World, Plant]) -> None:
    world, plant = both
    assert plant.find("step | count").rows == [{"count": len(world.part)}]
    for segment in ("press", "sinter"):
        expected = {
            one for key, subjects in world.part.items() if world.segment[key] == segment for one in subjects
        }
        found = {row["unit"] for row in plant.find(f"step[segment = '{segment}'].unit").rows}
        assert found == {one for one in expected if one in world.units}


def test_a_name_that_means_two_things_is_refused_with_both(tmp_path: Path) -> None:
    folder = tmp_path / "plant"
    with Workspace.create(folder) as workspace:
        step = {
            "execution": "e",
            "segment": "press",
            "role": "produced",
            "subject": "u",
            "subject_kind": "unit",
        }
        store(workspace, RecordKind.MOVEMENT, [step | {"time": DAY}], "1")
        force = {"subject": "u", "subject_kind": "unit", "characteristic": "press", "value": 1.0, "time": DAY}
        store(workspace, RecordKind.MEASUREMENT, [force], "1")
    with assay.open(folder) as plant:
        with pytest.raises(QuestionError, match="several things") as caught:
            plant.find("unit[press > 0]")
        assert "measurement[characteristic = 'press']" in str(caught.value)
        assert "step[segment = 'press']" in str(caught.value)
        assert len(plant.find("unit[measurement[characteristic = 'press'].value > 0]")) == 1
