"""The welding shop in a plant: what the ready policy refuses and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from evidence_plant import logging_plant, state
from fastapi.testclient import TestClient
from pypdf import PdfReader
from welding_plant import welding_plant

from assay.analyse.cause.report import Cause
from assay.analyse.unit_file import document_hash
from assay.analyse.welding import Logged, WeldFile, WeldingError, log_passes, passes, weld_file
from assay.api import create_app, ensure_administrator
from assay.cli.app import run
from assay.ledger.errors import LogError
from assay.ledger.gate.verdict import Reason
from assay.model.errors import TraceError
from assay.model.text import Language
from assay.plant import Plant
from assay.report.weld_file import as_html, as_pdf
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


@pytest.fixture(scope="module")
def files(made: Made) -> dict[str, WeldFile]:
    """Files of some joints: with windows not kept, rejected and welded again, and in order."""
    workspace, shop, _ = made
    welded = [row["execution"] for row in shop.passes if row["repair"]][:2]
    wanted = {name.split()[0] for name in (*welded, *list(shop.truth.breaches)[:6])}
    right = {row["joint"] for row in shop.passes} - {name.split()[0] for name in shop.truth.breaches}
    return {joint: weld_file(workspace, joint) for joint in sorted(wanted | set(sorted(right)[:2]))}


def test_a_weld_file_tells_each_pass_with_what_held_then(made: Made, files: dict[str, WeldFile]) -> None:
    _, shop, _ = made
    sheets = {row["execution"]: row for row in shop.passes}
    for joint, file in files.items():
        own = [row["execution"] for row in shop.passes if row["joint"] == joint]
        assert sorted(one.execution for one in file.passes) == sorted(own)
        assert file.drawing == sheets[own[0]]["drawing"]
        for one in file.passes:
            sheet = sheets[one.execution]
            assert (one.person, one.machine, one.recipe) == (sheet["welder"], sheet["machine"], sheet["wps"])
            assert one.service is not None
            assert one.service.machine_hours == sheet["machine_hours"]
            assert {lot.subject for lot in one.consumables} >= {sheet["filler"]}
            assert one.steel
            assert one.heat_input is not None
            assert [result.characteristic for result in one.results] == ["indication"]
            seen = shop.truth.cause_of.get(one.execution)
            assert (one.results[0].text == "none") == (seen is None)


def test_records_alone_say_the_same_of_a_pass_as_the_gate_did(made: Made, files: dict[str, WeldFile]) -> None:
    _, shop, _ = made
    checked = {"welder": "welder", "service": "service", "lots": "material"}
    for file in files.values():
        for one in file.passes:
            truth = shop.truth.breaches.get(one.execution, frozenset())
            assert one.gate is not None
            assert one.in_order is (one.gate.outcome == "accepted") is (not truth)
            assert {breach for name, breach in checked.items() if one.checks[name] is False} == truth & {
                *checked.values()
            }
            assert (one.checks["power source"] is False) == ("calibration" in truth)
            assert (one.checks["procedure"] is False) == bool(truth & {"procedure", "window", "air"})


def test_verdicts_of_the_file_are_proved_by_the_log(made: Made, files: dict[str, WeldFile]) -> None:
    workspace, _, _ = made
    told = {one.index: one for one in Plant(workspace).gate.refused()}
    outcomes = set()
    for file in files.values():
        refused = {one.gate.entry for one in file.passes if one.gate and one.gate.log == "refused"}
        assert {one.refused for one in file.refused} == refused, "the file lists what was refused of it"
        assert all(one.about == file.id for one in file.refused)
        for one in file.passes:
            gate = one.gate
            assert gate is not None
            outcomes.add(gate.outcome)
            if gate.log == "refused":
                assert told[gate.entry].body.origin.source == f"weld-pass:{one.execution}"
                assert [reason.code for reason in gate.reasons] == [
                    reason.code for reason in told[gate.entry].verdict.reasons
                ]
            else:
                found = workspace.evidence.index.records(subject=file.id)
                assert {record.entry: record.source for record in found}[
                    gate.entry
                ] == f"weld-pass:{one.execution}"
    assert outcomes == {"accepted", "refused"}


def test_the_grade_follows_from_passes_and_card(files: dict[str, WeldFile]) -> None:
    grades = set()
    for file in files.values():
        order = {one.in_order for one in file.passes}
        verdicts = {line.verdict for line in file.requirements}
        wanted = "nonconforming" if False in order or "not met" in verdicts else "conforming"
        assert file.grade == wanted
        grades.add(file.grade)
        assert document_hash(file.to_dict()) == file.hash
    assert grades == {"conforming", "nonconforming"}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_weld_file_as_a_page_and_as_pdf(files: dict[str, WeldFile], language: Language) -> None:
    file = next(one for one in files.values() if one.grade == "nonconforming")
    pass_ = next(one for one in file.passes if not one.in_order)
    assert pass_.gate is not None
    page = as_html(file, language)
    words = {
        "en": ("Weld file", "NOT IN ORDER", "Interpass temperature"),
        "zh": ("焊接档案", "不合格", "层间温度"),
    }
    for text in (*words[language], pass_.gate.reasons[0].said.said(language), pass_.execution, file.hash):
        assert escape(text, quote=False).replace("'", "&#39;").replace('"', "&#34;") in page
    written = as_pdf(file, language)
    assert written == as_pdf(file, language), "equal files give equal bytes"
    text = "".join(one.extract_text() for one in PdfReader(BytesIO(written)).pages)
    assert words[language][0] in text
    assert pass_.execution in text


def test_what_was_not_welded_has_no_weld_file(made: Made) -> None:
    workspace, _, _ = made
    with pytest.raises(WeldingError) as problem:
        Plant(workspace).weld_file("WIRE-1")
    assert problem.value.reason == "not_a_joint"
    with pytest.raises(TraceError):
        Plant(workspace).weld_file("J-9999")


def test_the_interface_gives_every_form_to_people_who_are_signed_in(
    made: Made, files: dict[str, WeldFile]
) -> None:
    workspace, joint = made[0], next(iter(files))
    password = ensure_administrator(workspace)
    with TestClient(create_app(workspace.path), base_url="http://localhost") as client:
        assert client.get(f"/api/weld-file/{joint}").status_code == 401
        assert client.post("/api/login", json={"password": password}).status_code == 200
        document = client.get(f"/api/weld-file/unit:{joint}").json()
        assert document == files[joint].to_dict()
        page = client.get(f"/api/weld-file/{joint}", params={"format": "html", "lang": "zh"})
        assert f"焊接档案 {joint}" in page.text
        assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
        paper = client.get(f"/api/weld-file/{joint}", params={"format": "pdf"})
        assert paper.content.startswith(b"%PDF-")
        assert paper.headers["content-disposition"] == f'attachment; filename="{joint}.pdf"'
        assert client.get("/api/weld-file/J-9999").status_code == 404
        told = client.get("/api/weld-file/WIRE-1")
        assert told.status_code == 422
        assert "WIRE-1" in told.text


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_planted_causes_of_rejects_are_found(tmp_path: Path, seed: int) -> None:
    shop = welding_shop(WeldingPlan(joints=300), seed=seed)
    with Workspace.create(tmp_path / "plant", name="W", log=False) as workspace:
        load_shop(shop, workspace, tmp_path)
        plant = Plant(workspace)

        def first(target: str, where: str) -> Cause:
            return plant.cause(target, where=where).causes[0]

        fusion = plant.cause("indication = 'lack of fusion'").causes
        assert ("equipment", "PS-2") in {(one.factor, one.value) for one in fusion}
        # The others each where one thing is the same: the yard has a wire and a gas of its own, for example.
        welder = first("indication = 'lack of fusion'", "equipment <> 'PS-2' and process = '135'")
        assert (welder.factor, welder.value) == ("movement.person", "W-04")
        wind = first("indication = 'porosity'", "equipment = 'PS-3' or equipment = 'PS-5'")
        assert wind.factor == "wind_force"
        assert 2 <= wind.elevated[0][0] <= 3, "above 2 m/s the gas is blown away: from 2 Beaufort on"
        damp = first("indication = 'crack'", "process = '111'")
        assert damp.factor == "exposure"
        assert 4 < damp.elevated[0][0] < 5, "electrodes hold for 4 h"


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
        wrong = next(iter(shop.truth.breaches)).split()[0]
        html, pdf = tmp_path / "weld.html", tmp_path / "weld.pdf"
        file = ran("weld-file", path, wrong, "--html", str(html), "--pdf", str(pdf))
        assert (file["format"], file["grade"]) == ("assay-weld-file-1", "nonconforming")
        assert file["hash"] in html.read_text("utf-8")
        assert pdf.read_bytes().startswith(b"%PDF")
        assert run(["weld-file", path, wrong]) == 0
        assert "NONCONFORMING" in capsys.readouterr().out


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


def test_a_pass_judged_again_counts_and_revoked_inputs_are_told(state: Path, tmp_path: Path) -> None:
    with welding_plant(tmp_path) as (workspace, shop, _):
        by = {row["execution"]: row for row in shop.passes}
        lapsed = next(
            name
            for name, what in shop.truth.breaches.items()
            if what == {"welder"} and by[name]["welder"] == "W-04"
        )
        before = next(
            row
            for row in shop.passes
            if row["welder"] == "W-04" and row["execution"] not in shop.truth.breaches
        )
        gate = Plant(workspace).gate
        index = next(one.index for one in gate.refused() if one.body.origin.source == f"weld-pass:{lapsed}")
        model = workspace.path / "model.yaml"
        held = yaml.safe_load(model.read_text("utf-8"))
        for test in held["master_data"]["qualification"]:
            if test["person"] == "W-04":
                test["valid_to"] = datetime(2026, 7, 1, tzinfo=UTC)
        model.write_text(yaml.safe_dump(held), "utf-8")
        workspace.apply_model()
        assert log_passes(workspace).revoked == 2
        assert gate.again(index).outcome == "accepted"

        file = weld_file(workspace, by[lapsed]["joint"])
        pass_ = next(one for one in file.passes if one.execution == lapsed)
        assert pass_.gate is not None
        assert (pass_.gate.outcome, pass_.gate.later, pass_.in_order) == ("refused", "accepted", True)
        assert workspace.evidence.entry(pass_.gate.later_entry or 0).gate is not None
        assert "→ accepted" in as_html(file, "en")

        file = weld_file(workspace, before["joint"])
        pass_ = next(one for one in file.passes if one.execution == before["execution"])
        assert pass_.gate is not None
        assert len(pass_.gate.lapsed) == 1
        assert any("revoked since" in text.en for text in file.missing)
        assert pass_.in_order, "what was accepted stays accepted"


def test_without_a_log_the_records_decide(tmp_path: Path) -> None:
    shop = welding_shop(WeldingPlan(joints=20), seed=5)
    with Workspace.create(tmp_path / "plant", name="W", log=False) as workspace:
        load_shop(shop, workspace, tmp_path)
        wrong = next(iter(shop.truth.breaches))
        joints = {row["joint"] for row in shop.passes}
        good = min(joints - {name.split()[0] for name in shop.truth.breaches})
        for joint, order in ((wrong.split()[0], False), (good, True)):
            file = weld_file(workspace, joint)
            assert all(one.gate is None for one in file.passes)
            assert all(one.in_order for one in file.passes) is order
            assert any("no evidence log" in text.en for text in file.missing)


def test_a_plant_without_a_log_is_told_so(state: Path, tmp_path: Path) -> None:
    with (
        Workspace.create(tmp_path / "plant", name="W", log=False) as workspace,
        pytest.raises(LogError, match="log"),
    ):
        log_passes(workspace)
