"""The welding shop in a plant: what the ready policy refuses and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from evidence_plant import logging_plant, state
from tests.welding_plant import welding_plant

from assay.analyse.welding import Logged, log_passes, passes
from assay.cli.app import run
from assay.ledger.errors import LogError
from assay.ledger.gate.verdict import Reason
from assay.plant import Plant
from assay.sim.welding import Shop, WeldingPlan, welding_shop
from assay.sim.welding_records import load_shop
from assay.store.workspace import Workspace

__all__ = ["state"]
Made = tuple[Workspace, Shop, Logged]

BREACH = {
    "welder": "welder",
    "power source": "calibration",
    "power source serviced": "service",
    "consumables and steel": "material",
}
"""What a requirement that isn't met says of a pass, in the words of the shop's truth."""
AIR = {"humidity_pct", "wind_m_s"}
CODES = {
    "welder": {"expired", "not_met", "no_fact"},
    "calibration": {"expired"},
    "service": {"not_met"},
    "material": {"not_yet_valid", "not_met"},
    "procedure": {"expired"},
    "window": {"not_met"},
    "air": {"not_met"},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    folder = tmp_path_factory.mktemp("welding")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASSAY_STATE", str(folder / "state"))
        with welding_plant(folder) as found:
            yield found


def refused(workspace: Workspace) -> dict[str, tuple[Reason, ...]]:
    found = Plant(workspace).gate.refused()
    sources = {one.body.origin.source: one.verdict.reasons for one in found}
    return {name.removeprefix("weld-pass:"): reasons for name, reasons in sources.items()}


def breach(reason: Reason) -> str:
    if reason.requirement == "procedure":
        if reason.code in {"expired", "not_yet_valid"}:
            return "procedure"
        return "air" if str(reason.detail).split(" ")[0] in AIR else "window"
    return BREACH[str(reason.requirement)]


def test_the_ready_policy_refuses_exactly_what_was_not_in_order(made: Made) -> None:
    workspace, shop, logged = made
    found, truth = refused(workspace), shop.truth.breaches

    assert set(found) == set(truth), "no pass that was in order is refused, none that was not gets by"
    assert (logged.accepted, logged.refused) == (len(shop.passes) - len(truth), len(truth))
    assert logged.notes == ()


def test_each_refusal_names_what_was_not_in_order(made: Made) -> None:
    workspace, shop, _ = made
    seen: set[tuple[str, str]] = set()
    for execution, reasons in refused(workspace).items():
        wanted, found = shop.truth.breaches[execution], {breach(one) for one in reasons}
        seen |= {(breach(one), one.code) for one in reasons}
        # Of the procedure the first thing that fails is named: withdrawn, or a window, or the air.
        by_procedure = {"procedure", "window", "air"}
        assert found - by_procedure == wanted - by_procedure
        assert found <= wanted
        assert bool(found & by_procedure) == bool(wanted & by_procedure)
    assert all(code in CODES[what] for what, code in seen)
    assert {what for what, _ in seen} == set(CODES)


def test_signals_give_the_energy_of_the_arc(made: Made) -> None:
    workspace, shop, _ = made
    found = passes(workspace)
    assert len(found) == len(shop.passes)
    for one in found:
        # One reading a second: how long an arc burned is known to two seconds of 55 where it stopped once.
        assert one.signals.arc_energy == pytest.approx(shop.truth.energy[one.execution] / 300, rel=0.06)
        # EN 1011-1:2009, Table 1: k of 111 and 135.
        assert one.signals.heat_input == pytest.approx(one.signals.arc_energy * 0.8)


def test_logging_again_logs_nothing(made: Made) -> None:
    workspace, _, _ = made
    before = len(list(workspace.evidence.index.records()))
    assert log_passes(workspace) == Logged(0, 0, 0, 0)
    assert len(list(workspace.evidence.index.records())) == before


def test_on_the_command_line(state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = welding_shop(WeldingPlan(joints=10, forgotten=1.0), seed=2)
    with logging_plant(tmp_path / "plant") as workspace:
        load_shop(shop, workspace, tmp_path)
        path = str(workspace.path)

        def ran(*words: str, code: int = 0) -> Any:
            assert run([*words, "--json"]) == code
            return json.loads(capsys.readouterr().out)

        shown = ran("gate", "policy", path, "welding")
        assert [one["name"] for one in shown["policies"]] == ["welding"]
        logged = ran("weld-log", path)
        assert (logged["refused"], logged["notes"]) == (len(shop.truth.breaches), [])
        assert logged["accepted"] + logged["refused"] == len(shop.passes)
        verdicts = ran("gate", "check", path, "--refused")["verdicts"]
        assert len(verdicts) == len(shop.truth.breaches)
        assert any("exposure_h" in reason["said"] for one in verdicts for reason in one["reasons"])
        assert run(["weld-log", path, "--lang", "zh"]) == 0
        assert "已记入输入 0 条" in capsys.readouterr().out


def test_what_the_plant_says_differently_later_replaces_what_it_said(state: Path, tmp_path: Path) -> None:
    shop = welding_shop(WeldingPlan(joints=5), seed=2)
    with logging_plant(tmp_path / "plant") as workspace:
        load_shop(shop, workspace, tmp_path)
        first = log_passes(workspace)
        assert [note.en[:22] for note in first.notes] == ["No policy is in force:"]
        model = workspace.path / "model.yaml"
        held = yaml.safe_load(model.read_text("utf-8"))
        test = next(one for one in held["master_data"]["qualification"] if one["id"] == "W-06/1")
        test["valid_to"] = datetime(2026, 3, 9, tzinfo=UTC)
        model.write_text(yaml.safe_dump(held), "utf-8")
        workspace.apply_model()
        again = log_passes(workspace)
        assert (again.inputs, again.revoked, again.accepted, again.refused) == (1, 1, 0, 0)


def test_a_plant_without_a_log_is_told_so(state: Path, tmp_path: Path) -> None:
    with (
        Workspace.create(tmp_path / "plant", name="W", log=False) as workspace,
        pytest.raises(LogError, match="log"),
    ):
        log_passes(workspace)
