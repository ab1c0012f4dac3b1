"""What the movements of a plant say that can't be is named, with the records that say so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.integration.test_trace import store

from assay.analyse.doubts import DoubtfulMovement, Record
from assay.analyse.genealogy_checks import genealogy_checks
from assay.analyse.recall import recall
from assay.analyse.trace import trace
from assay.genealogy.checks import KINDS
from assay.genealogy.queue_errors import CATALOGUE
from assay.model.kinds import RecordKind
from assay.store.workspace import Workspace

BEGAN = datetime(2026, 3, 2, 6, tzinfo=UTC)


def moved(execution: str, role: str, subject: str, minute: float, **more: Any) -> dict[str, Any]:
    kind = "unit" if subject.startswith("U") else "lot"
    base = {"execution": execution, "role": role, "subject": subject, "subject_kind": kind}
    return base | {"segment": "mix", "time": BEGAN + timedelta(minutes=minute)} | more


KG = {"unit": "kg"}
MOVEMENTS = [
    moved("E1", "consumed", "R1", 0, quantity=2.0, **KG),
    moved("E1", "produced", "B1", 1, quantity=1.0, **KG),
    moved("E2", "consumed", "B1", 2, quantity=3.0, **KG),
    moved("E2", "produced", "U1", 3),
    moved("E3", "consumed", "B2", 4),
    moved("E3", "produced", "U2", 5),
    moved("E4", "consumed", "R1", 9, clock_uncertainty=20.0),
    moved("E4", "produced", "B2", 10, clock_uncertainty=1.0),
    moved("E5", "consumed", "B3", 20, clock_uncertainty=100.0),
    moved("E6", "consumed", "R1", 21),
    moved("E6", "produced", "B3", 21),
]


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with Workspace.create(tmp_path_factory.mktemp("plants") / "doubtful") as workspace:
        store(workspace, RecordKind.MOVEMENT, MOVEMENTS)
        yield workspace


def test_every_doubt_names_things_records_and_what_to_do(plant: Workspace) -> None:
    found = genealogy_checks(plant)
    doubts = {one.kind: one for one in found.doubts}
    assert {kind for kind, count in found.counts.items() if count} == set(doubts)
    assert set(doubts) == {"open-end", "overdrawn", "unbalanced", "consumed-before-made"}
    early = doubts["consumed-before-made"]
    assert early.things == ("B2", "E4", "E3")
    assert early.records == (Record("test", "one", 4), Record("test", "one", 7))
    assert early.said.en == "B2 went into E3 360 s before E4, which made it first, began."
    assert found.counts["consumed-before-made"] == 1  # B3's clocks may be off by more than it came too early
    assert doubts["unbalanced"].said.en == "2 kg went into E1 and 1 kg came out: a difference of -1 kg."
    assert "时钟" in early.advice.zh
    assert found.to_dict()["doubts"][0]["said"]["zh"]


def test_an_answer_that_rests_on_a_doubtful_movement_says_so(plant: Workspace) -> None:
    for name, kinds in (
        ("U1", {"open-end", "overdrawn", "unbalanced"}),
        ("U2", {"open-end", "consumed-before-made"}),
    ):
        found = trace(plant, name)
        assert {one.kind for one in found.doubts} == set(found.doubtful) == kinds
        assert {kind for edge in found.edges for kind in edge.doubts} == kinds
    assert trace(plant, "E5", "forward").doubts == ()
    (early,) = [one for one in found.doubts if one.kind == "consumed-before-made"]
    assert early.movements == (
        DoubtfulMovement("mix", "E3", "consumed", "B2", "lot", None),
        DoubtfulMovement("mix", "E4", "produced", "B2", "lot", None),
    )
    again = recall(plant, "B2")
    assert again.doubtful == {"consumed-before-made": 1}
    assert [one.things for one in again.doubts] == [("B2", "E4", "E3")]
    assert again.to_dict()["doubts"][0]["said"] == early.said.model_dump()


def test_an_open_end_is_closed_when_what_brought_it_arrives_or_it_is_declared(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with Workspace.create(tmp_path_factory.mktemp("plants") / "open") as workspace:
        store(workspace, RecordKind.MOVEMENT, [moved("E1", "consumed", "R1", 0)])
        assert genealogy_checks(workspace).counts["open-end"] == 1
        store(workspace, RecordKind.ENTITY, [{"entity": "lot", "id": "R1"}])
        assert genealogy_checks(workspace).counts["open-end"] == 0
        store(workspace, RecordKind.MOVEMENT, [moved("E2", "consumed", "R2", 0)], epoch="two")
        assert genealogy_checks(workspace).counts["open-end"] == 1
        store(workspace, RecordKind.MOVEMENT, [moved("E0", "produced", "R2", 0)], epoch="three")
        assert genealogy_checks(workspace).counts["open-end"] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_said_in_both_languages(kind: str) -> None:
    for language in ("zh", "en"):
        assert {f"finding.{kind}", f"advice.{kind}"} <= CATALOGUE.keys(language).keys()  # type: ignore[arg-type]
