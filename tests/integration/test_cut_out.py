"""Answers from movements that were cut out of the lake are those from all movements in memory."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.sinter_plant import store

from assay.analyse.common import common
from assay.analyse.recall import recall
from assay.analyse.trace import trace
from assay.model.kinds import RecordKind
from assay.query import genealogy
from assay.store import Workspace

DAY = datetime(2026, 3, 1, tzinfo=UTC)
DAYS, STEPS = 6, 70
WAYS = ("back", "forward", "both")

Rows = list[dict[str, Any]]


def moved(step: int, moment: datetime, role: str, subject: str, **more: Any) -> dict[str, Any]:
    return {
        "execution": f"E{step}",
        "segment": f"S{step % 3}",
        "role": role,
        "subject": subject,
        "subject_kind": "lot" if subject.startswith("L") else "unit",
        "time": moment,
        "started": moment,
        "quantity": 1.0,
        "unit": "kg",
        **more,
    }


def story(seed: int) -> Rows:
    """A plant's days: things made of things of the days before, packed and unpacked, some by midnight."""
    rng = random.Random(seed)
    things = ["L0", "L1", "L2"]
    rows: Rows = []
    for step in range(STEPS):
        moment = DAY + timedelta(minutes=DAYS * 1_440 * step / STEPS)
        later = moment + timedelta(minutes=rng.choice([0, 0, 30, 300]))
        near = things[-12:]
        if rng.random() < 0.3:
            box = rng.choice([f"B{step}", "RETURNABLE"])
            for thing in rng.sample(near, min(3, len(near))):
                rows.append(moved(step, moment, "consumed", thing, carrier=box))
            rows.append(moved(step, later, "produced", box, carrier=box))
            if rng.random() < 0.5:
                rows.append(
                    moved(step + 1_000, later + timedelta(hours=20), "returned", near[0], carrier=box)
                )
            things.append(box)
            continue
        for thing in rng.sample(near, 2):
            rows.append(moved(step, moment, "consumed", thing, carrier=rng.choice([None, "TRAY"])))
        made = [f"U{step}", *([f"L{step}"] if rng.random() < 0.3 else [])]
        rows += [moved(step, later, "produced", one, confidence=rng.choice([1.0, 0.8])) for one in made]
        things += made
    taken_back = rng.choice([row for row in rows if row["role"] == "consumed"])
    rows.append(taken_back | {"quantity": 0.0, "correction": "counted twice"})
    return rows


@pytest.fixture(scope="module", params=range(2))
def plant(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    rows = story(request.param)
    with Workspace.create(tmp_path_factory.mktemp("plant") / "p") as workspace:
        store(workspace, RecordKind.MOVEMENT, rows[:-10], "days")
        store(workspace, RecordKind.MOVEMENT, rows[-10:], "corrected")
        yield workspace


def answers(workspace: Workspace, ids: list[str]) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for one in ids:
        for way in WAYS:
            table = recall(workspace, one, way, shares=way != "both")
            rows = table.to_dict()
            rows["nodes"].sort(key=lambda row: (row["depth"], row["kind"], row["id"], str(row["segment"])))
            found["recall", one, way] = rows
            walked = trace(workspace, one, way)
            found["trace", one, way] = sorted((node.kind, node.id, node.depth) for node in walked.nodes)
    origins = common(workspace, ids[:3], against=ids[3:5])
    found["common"] = sorted(map(str, origins.nodes.to_pylist()))
    return found


def test_an_answer_is_the_same_from_what_was_cut_out(
    plant: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = genealogy.index_of(plant)
    ids = [name for name in index.names(index.nodes) if not name.startswith("execution")]
    some = random.Random(1).sample(sorted(ids), 5)
    whole = answers(plant, some)
    assert sum(len(one["nodes"]) for key, one in whole.items() if key[0] == "recall") > 50
    built: list[int] = []
    real = genealogy.cut_out

    def watched(*arguments: Any) -> Any:
        rows = real(*arguments)
        built.append(rows.num_rows)
        return rows

    monkeypatch.setattr(genealogy, "cut_out", watched)
    monkeypatch.setattr(genealogy, "most_in_memory", {"duckdb": 0})
    with Workspace.open(plant.path) as anew:
        assert answers(anew, some) == whole
    assert 0 < min(built) < index.graph.edges, "something was cut out, and not everything"
