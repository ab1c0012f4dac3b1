"""Recalls and common origins on a plant where one step lost the labels, and one lot was corrected."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from tests.integration.test_trace import store

from assay.analyse.common import common
from assay.analyse.recall import Recall, recall
from assay.analyse.through import Through
from assay.analyse.trace import trace
from assay.model.errors import ModelError, TraceError
from assay.model.kinds import RecordKind
from assay.store.keys import LoadKey
from assay.store.workspace import Workspace

BEGAN = datetime(2026, 3, 2, 6, tzinfo=UTC)
DAY = timedelta(days=1)


def moved(execution: str, role: str, subject: str, **more: Any) -> dict[str, Any]:
    kind = "unit" if subject.startswith("U") else "lot"
    return {"execution": execution, "role": role, "subject": subject, "subject_kind": kind, **more}


MOVEMENTS = [
    # Two powders into two blends, each pressed to two green parts.
    moved("blend-1", "consumed", "P1", segment="blend", quantity=10.0, unit="kg", equipment="M1"),
    moved("blend-1", "produced", "B1", segment="blend", quantity=10.0, unit="kg", equipment="M1"),
    moved("blend-2", "consumed", "P2", segment="blend", quantity=10.0, unit="kg", equipment="M2"),
    moved("blend-2", "produced", "B2", segment="blend", quantity=10.0, unit="kg", equipment="M2"),
    *(
        moved(
            f"press-{n}",
            role,
            subject,
            segment="press",
            quantity=q,
            unit=u,
            equipment="PR",
            started=BEGAN + n * DAY,
        )
        for n, blend in ((1, "B1"), (2, "B1"), (3, "B2"), (4, "B2"))
        for role, subject, q, u in (("consumed", blend, 0.5, "kg"), ("produced", f"UG{n}", 1.0, "{piece}"))
    ),
    # The furnace: UF1 is UG1 or UG2, UF2 the other; UF3 is UG3 for certain.
    *(
        moved(
            f"sinter/{out}",
            "consumed",
            green,
            segment="sinter",
            confidence=chance,
            choice=out,
            basis="queue",
        )
        for out, green, chance in (
            ("UF1", "UG1", 0.7),
            ("UF1", "UG2", 0.3),
            ("UF2", "UG1", 0.3),
            ("UF2", "UG2", 0.6),
        )
    ),
    *(moved(f"sinter/{out}", "produced", out, segment="sinter") for out in ("UF1", "UF2", "UF3")),
    moved("sinter/UF3", "consumed", "UG3", segment="sinter"),
]


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with Workspace.create(tmp_path_factory.mktemp("plants") / "plant") as workspace:
        store(workspace, RecordKind.MOVEMENT, MOVEMENTS)
        yield workspace


def sure(found: Recall) -> dict[str, float]:
    rows = found.nodes.to_pylist()
    return {row["id"]: round(row["confidence"], 9) for row in rows if row["kind"] != "execution"}


def test_a_recall_is_certain_where_the_way_was_recorded(plant: Workspace) -> None:
    found = sure(recall(plant, "P2"))
    assert found == {"P2": 1, "B2": 1, "UG3": 1, "UG4": 1, "UF3": 1}


def test_alternatives_exclude_each_other_and_add_up(plant: Workspace) -> None:
    # Whichever of the two green parts UF1 is, it is of blend 1. UF2 may be one that nobody counted in.
    found = sure(recall(plant, "P1"))
    assert found["UF1"] == 1
    assert found["UF2"] == 0.9
    assert sure(recall(plant, "UG1"))["UF1"] == 0.7
    assert sure(recall(plant, "UF2", "back"))["UG2"] == 0.6


def test_inferred_movements_can_be_left_out(plant: Workspace) -> None:
    found = recall(plant, "UG1", through=Through(least_confidence=0.5))
    assert set(found.ids()) == {"UG1", "UF1"}
    assert recall(plant, "P1", through=Through(least_confidence=1.0)).ids() == ["UG1", "UG2"]


def test_a_recall_follows_only_what_it_is_told_to(plant: Workspace) -> None:
    only = Through({"equipment": ["M1", "M2"]})
    assert set(recall(plant, ["P1", "P2"], through=only).ids("lot")) == {"P1", "P2", "B1", "B2"}
    assert recall(plant, ["P1", "P2"], through=only).ids() == []
    early = Through(since=BEGAN, until=BEGAN + 2 * DAY)
    assert set(recall(plant, "B1", through=early).ids()) == {"UG1", "UF1", "UF2"}
    with pytest.raises(ModelError, match="'colour'"):
        recall(plant, "P1", through=Through({"colour": ["red"]}))
    with pytest.raises(TraceError, match="zone"):
        recall(plant, "P1", through=Through(since=datetime(2026, 3, 2)))  # noqa: DTZ001 - the point of it


def test_quantities_are_summed_where_they_can_be(plant: Workspace) -> None:
    rows = {row["id"]: (row["quantity"], row["unit"]) for row in recall(plant, "P1").nodes.to_pylist()}
    assert rows["B1"] == (10.0, "kg")
    assert rows["UG1"] == (1.0, "{piece}")
    assert rows["UF1"] == (None, None)


def test_both_ways_from_the_middle(plant: Workspace) -> None:
    found = sure(recall(plant, "UG1", "both", kinds=["unit"]))
    assert found == {"UG1": 1, "UG2": 1, "UF1": 1, "UF2": 0.9}
    assert set(recall(plant, "UF3", "both").ids()) == {"UG3", "UG4", "UF3"}


def test_what_one_set_reaches_and_another_does_not(plant: Workspace) -> None:
    found = recall(plant, ["P1", "P2"], against=["UG1"], kinds=["unit"])
    assert set(found.ids()) == {"UG2", "UG3", "UG4", "UF3"}
    assert found.counts() == {"unit": 4}
    back = recall(plant, "UG1", "back", against=["UG2"], kinds=["lot", "unit"])
    assert [(kind, back.ids(kind)) for kind in ("lot", "unit")] == [("lot", []), ("unit", ["UG1"])]
    with pytest.raises(TraceError, match="both sides"):
        recall(plant, "P1", against=["P1"])
    with pytest.raises(TraceError, match="nothing"):
        recall(plant, [])


def test_a_trace_follows_only_what_it_is_told_to(plant: Workspace) -> None:
    only = trace(plant, "P1", "forward", through=Through({"segment": ["blend"], "equipment": ["M1"]}))
    assert [node.id for node in only.nodes] == ["P1", "blend-1", "B1"]
    assert {edge.equipment for edge in only.edges} == {"M1"}
    certain = trace(plant, "UG1", "forward", through=Through(least_confidence=0.5))
    assert {node.id: node.confidence for node in certain.nodes if node.kind == "unit"} == {
        "UG1": 1,
        "UF1": 0.7,
    }
    assert {edge.basis for edge in certain.edges if edge.confidence < 1} == {"queue"}


def test_a_trace_both_ways_is_both_traces_joined(plant: Workspace) -> None:
    one = {way: trace(plant, "UG1", way) for way in ("back", "forward", "both")}
    ids = {way: {node.id: node for node in found.nodes} for way, found in one.items()}
    assert ids["both"] == ids["back"] | ids["forward"]
    assert set(one["both"].edges) == {*one["back"].edges, *one["forward"].edges}
    assert len(one["both"].edges) == len(one["back"].edges) + len(one["forward"].edges)
    assert [node.depth for node in one["both"].nodes] == sorted(node.depth for node in one["both"].nodes)
    cut = trace(plant, "UG1", "both", max_nodes=3)
    assert cut.truncated
    assert len(cut.nodes) == 3
    assert {end for edge in cut.edges for end in (edge.source, edge.target)} <= {
        node.id for node in cut.nodes
    }


def test_limits_are_said(plant: Workspace) -> None:
    assert recall(plant, "P1", max_depth=2).truncated
    assert recall(plant, "P1", max_nodes=3).nodes.num_rows == 3
    assert not recall(plant, "P1").truncated


def test_common_origins_come_first_where_the_good_ones_lack_them(plant: Workspace) -> None:
    found = common(plant, ["UG1", "UG2"], against=["UG3", "UG4"], kinds=["lot"])
    rows = found.nodes.to_pylist()
    assert [(row["id"], row["reached"], row["against"]) for row in rows] == [("B1", 2, 0), ("P1", 2, 0)]
    assert common(plant, ["UG1", "UG3"], kinds=["lot"]).nodes.num_rows == 0
    some = common(plant, ["UG1", "UG2", "UG3"], least_share=0.6, kinds=["lot"]).nodes.to_pylist()
    assert {row["id"]: round(row["share"], 3) for row in some} == {"B1": 0.667, "P1": 0.667}


@pytest.mark.parametrize(
    ("ids", "more", "said"),
    [
        ([], {}, "nothing"),
        (["UG1"], {"against": ["UG1"]}, "both sides"),
        (["UG1"], {"least_share": 0.0}, "share"),
        (["nobody"], {}, "'nobody'"),
    ],
)
def test_what_can_not_be_compared_is_refused(
    plant: Workspace, ids: list[str], more: dict[str, Any], said: str
) -> None:
    with pytest.raises(TraceError, match=said):
        common(plant, ids, **more)


def test_what_was_known_before_a_correction_can_still_be_asked(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with Workspace.create(tmp_path_factory.mktemp("plants") / "corrected") as workspace:
        rows = [moved("E1", "consumed", "L7", segment="mix"), moved("E1", "produced", "U1", segment="mix")]
        store(workspace, RecordKind.MOVEMENT, rows)
        assert recall(workspace, "U1", "back").ids("lot") == ["L7"]
        before = datetime.now(UTC)
        why: dict[str, Any] = {"segment": "mix", "correction": "wrong label", "corrected_by": "P-12"}
        right = [moved("E1", "consumed", "L7", quantity=0.0, **why), moved("E1", "consumed", "L8", **why)]
        store(workspace, RecordKind.MOVEMENT, right, epoch="two")
        assert recall(workspace, "U1", "back").ids("lot") == ["L8"]
        assert recall(workspace, "U1", "back", as_of=before).ids("lot") == ["L7"]
        assert [node.id for node in trace(workspace, "U1").nodes] == ["U1", "E1", "L8"]
        assert [node.id for node in trace(workspace, "U1", as_of=before).nodes] == ["U1", "E1", "L7"]
        assert len(workspace.lake.query("SELECT 1 FROM movement")) == 4


def test_hot_movements_are_followed_and_counted_once_when_they_are_flushed(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with Workspace.create(tmp_path_factory.mktemp("plants") / "hot") as workspace:
        store(workspace, RecordKind.MOVEMENT, [moved("E1", "consumed", "L1", segment="mix")])
        assert recall(workspace, "L1").ids() == []
        for number, load in enumerate((LoadKey("line", "a"), LoadKey("line", "b"))):
            schema = workspace.lake.schema(RecordKind.MOVEMENT)
            row = moved("E1", "produced", f"U{number}", segment="mix", quantity=1.0, unit="{piece}")
            row |= {"seq": number, "time": BEGAN, "key_hash": 90 + number, "content_hash": number}
            names = [name for name in schema.names if name in row]
            rows = pa.table({name: pa.array([row[name]]).cast(schema.field(name).type) for name in names})
            assert workspace.lake.hot.append(RecordKind.MOVEMENT, rows, load)
            assert len(recall(workspace, "L1").ids()) == number + 1
        workspace.lake.hot.flush()
        found = recall(workspace, "L1")
        assert set(found.ids()) == {"U0", "U1"}
        assert found.edge_count == 3
