"""Unit files of a small plant: what held then, what is missing, and the surfaces."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from fastapi.testclient import TestClient
from tests.file_plant import CARD, MEASUREMENTS, MOVEMENTS, file_plant

from assay.analyse.unit_file import UnitFile, UnitFileError, document_hash, unit_file
from assay.api import create_app, ensure_administrator
from assay.cli.app import run
from assay.model.errors import TraceError
from assay.model.kinds import RecordKind
from assay.model.text import Language
from assay.report.unit_file import as_html
from assay.report.unit_file_pdf import as_pdf
from assay.store.keys import LoadKey
from assay.store.scans import SOURCE
from assay.store.workspace import Workspace


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with file_plant(tmp_path_factory.mktemp("files") / "plant") as workspace:
        yield workspace


@pytest.fixture(scope="module")
def file(plant: Workspace) -> UnitFile:
    return unit_file(plant, "U1")


def missing(file: UnitFile) -> str:
    return "\n".join(text.en for text in file.missing)


def test_the_timeline_reaches_back_to_the_powder_and_on_to_the_box(file: UnitFile) -> None:
    assert [step.execution for step in file.steps] == ["pr-1", "si-1", "pk-1"]
    press, sinter, _ = file.steps
    assert (press.inputs, press.outputs) == (["L1"], ["UG1"])
    assert (press.person_name, [one.id for one in press.qualifications]) == ("张三", ["Q1"])
    assert (sinter.equipment_name, sinter.above, sinter.carriers) == ("烧结炉一号", ["LINE1"], ["T3"])
    assert (sinter.recipe_revision, sinter.parameters) == ("2", {"temp": 1120.0})
    assert [(one.subject, one.position) for one in file.packing] == [("BOX1", "4")]


def test_results_have_the_limits_and_calibrations_that_were_in_force_when_they_were_measured(
    file: UnitFile,
) -> None:
    first, second, look = file.inspections
    assert (first.lower_specification_limit, first.upper_specification_limit) == (9.8, 10.2)
    assert [one.conforming for one in file.inspections] == [False, True, True]
    assert [one.latest for one in file.inspections] == [False, True, True]
    assert second.calibration is not None
    assert second.calibration.certificate == "K-77"
    assert look.lower_specification_limit is None


def test_a_signal_is_bound_to_the_exact_time_of_the_step_and_drawn_with_the_limits_of_the_card(
    file: UnitFile,
) -> None:
    [curve] = file.curves
    assert (curve.execution, curve.signal, curve.features["n"]) == ("si-1", "F1.temp", 360)
    assert (curve.lower_limit, curve.upper_limit) == (1100, 1140)
    assert [point.at for point in curve.points] == sorted(point.at for point in curve.points)
    assert 0 <= curve.points[0].at < curve.points[-1].at < 1800
    values = [point.value for point in curve.points]
    assert (min(values), max(values)) == (curve.features["min"], curve.features["max"])


def test_events_of_the_unit_and_of_its_machine_meanwhile_are_in_it(file: UnitFile) -> None:
    assert [one.message for one in file.events] == ["door", "NC-9"]
    assert [len(one.certificates) for one in file.materials if one.subject == "L1"] == [1]
    assert [one.media_type for one in file.certificates] == ["image/png"]


def test_a_file_whose_requirements_are_all_met_conforms(file: UnitFile) -> None:
    assert [one.verdict for one in file.requirements] == ["met"] * 9
    assert file.grade == "conforming"
    assert file.card is not None
    assert (file.card.id, file.card.revision) == ("PC-GEAR", "B")


def test_equal_records_give_an_equal_file(file: UnitFile, plant: Workspace) -> None:
    again = unit_file(plant, "unit:U1")
    assert again == file
    assert document_hash(file.to_dict()) == file.hash
    assert list(file.to_dict()) == list(UnitFile.model_fields)


def test_who_looked_at_the_page_of_a_product_is_no_part_of_its_file(tmp_path: Path) -> None:
    with file_plant(tmp_path / "plant") as plant:
        before = unit_file(plant, "U1")
        scan = {"event": ["scan"], "subject": ["U1"], "subject_kind": ["unit"], "severity": ["warning"]}
        numbers = {name: pa.array([0], pa.int64()) for name in ("seq", "key_hash", "content_hash")}
        moment = pa.array([datetime(2026, 9, 1, tzinfo=UTC)], pa.timestamp("us", tz="UTC"))
        table = pa.table(scan | numbers | {"time": moment})
        plant.lake.hot.append(RecordKind.EVENT, table, LoadKey(SOURCE, "scans"))
        assert plant.lake.query("SELECT count(*) AS n FROM event WHERE event = 'scan'")["n"][0].as_py() == 1
        assert unit_file(plant, "U1").hash == before.hash
        plant.lake.hot.append(RecordKind.EVENT, table, LoadKey("line", "1"))
        assert unit_file(plant, "U1").hash != before.hash, "anybody else's event is part of it"


def test_what_is_not_recorded_is_said_and_never_shown_as_met(plant: Workspace) -> None:
    file = unit_file(plant, "U2")
    assert {one.verdict for one in file.requirements} == {"not recorded"}
    assert file.grade == "incomplete"
    for words in (
        "No result was recorded",
        "No signal was recorded",
        "No equipment is recorded of step si-2",
    ):
        assert words in missing(file)


def test_a_lot_without_a_card_is_not_graded_and_the_file_says_so(plant: Workspace) -> None:
    file = unit_file(plant, "lot:L1")
    assert (file.kind, file.grade, file.requirements) == ("lot", "not graded", [])
    assert "No process card of material powder was in force" in missing(file)


def test_an_execution_has_no_unit_file_but_its_products_have(plant: Workspace) -> None:
    with pytest.raises(UnitFileError, match=r"is an execution.*\n.*U1"):
        unit_file(plant, "execution:si-1")
    with pytest.raises(TraceError, match="no unit, lot or execution"):
        unit_file(plant, "U9")


def test_papers_that_had_lapsed_and_results_outside_the_card_are_not_met(tmp_path: Path) -> None:
    late = [row | {"started": row["started"].replace(year=2027)} if row["execution"] == "pr-1" else row
            for row in MOVEMENTS]  # fmt: skip
    movements = [row | {"ended": row["started"]} if row["execution"] == "pr-1" else row for row in late]
    measurements = [row | {"time": row["time"].replace(month=7)} for row in MEASUREMENTS]
    with file_plant(tmp_path / "plant", movement=movements, measurement=measurements) as workspace:
        file = unit_file(workspace, "U1")
    verdicts = {one.requires: one.verdict for one in file.requirements}
    assert verdicts["qualification"] == "not met"
    assert verdicts["calibration"] == "not met"
    assert file.grade == "nonconforming"
    assert file.inspections[-2].upper_specification_limit == 10.0, "the specification of July"
    assert "did not hold at that time" in missing(file)
    assert "Gauge G1 had no valid calibration" in missing(file)


def test_a_card_that_asks_for_an_unknown_feature_is_named(tmp_path: Path) -> None:
    card = CARD.replace("feature: mean", "feature: meen")
    with (
        file_plant(tmp_path / "plant", card) as workspace,
        pytest.raises(UnitFileError, match=r"PC-GEAR.*meen") as caught,
    ):
        unit_file(workspace, "U1")
    assert "工艺卡" in caught.value.said.zh


@pytest.mark.parametrize(("language", "grade"), [("zh", "合格"), ("en", "Conforming")])
def test_the_html_page_needs_nothing_and_has_the_curve_with_its_limits(
    file: UnitFile, language: Language, grade: str
) -> None:
    page = as_html(file, language, "Asia/Shanghai")
    assert f'<span class="grade good">{grade}</span>' in page
    assert "2026-03-02 14:00:00 CST" in page
    assert page.count('stroke-dasharray="5 3"') == 2, "both limits"
    assert not re.search(r"<script|<link|src=|href=|url\(|style=", page)


def test_what_people_typed_is_shown_and_not_run(file: UnitFile) -> None:
    evil = "<script>alert(1)</script>"
    event = file.events[0].model_copy(update={"message": evil})
    page = as_html(file.model_copy(update={"events": [event]}), "en")
    assert evil not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_pdf_embeds_its_fonts_and_reads_as_text(file: UnitFile, language: Language) -> None:
    pypdfium2 = pytest.importorskip("pypdfium2")
    # Another document with a part of the characters was made before: each has a font of its own.
    as_pdf(file.model_copy(update={"steps": [], "curves": []}), "zh")
    held = as_pdf(file, language)
    pages = [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(held)]
    text = "".join(pages)
    for word in ("张三", "烧结炉一号", "K-77", {"zh": "工艺卡", "en": "Process card"}[language]):
        assert word in text
    assert held.count(b"/FontFile2") == 3, "DejaVu Sans, its bold and the Chinese characters"
    assert b"/Subtype /Image" not in held, "curves are drawn, not pictured"
    assert as_pdf(file, language) == held


def test_the_verb_prints_one_document_and_writes_both_files(
    plant: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, paper = tmp_path / "u1.html", tmp_path / "u1.pdf"
    arguments = ["unit-file", str(plant.path), "U1", "--html", str(page), "--pdf", str(paper)]
    assert run([*arguments, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["hash"] == document_hash(document)
    assert page.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert paper.read_bytes().startswith(b"%PDF-")
    assert run(["unit-file", str(plant.path), "U2", "--lang", "zh"]) == 0
    said = capsys.readouterr().out
    assert "不完整：缺少证据" in said
    assert "它及其来源都没有检验结果记录。" in said


def test_the_interface_gives_every_form_to_people_who_are_signed_in(plant: Workspace) -> None:
    password = ensure_administrator(plant)
    with TestClient(create_app(plant.path), base_url="http://localhost") as client:
        assert client.get("/api/unit-file/U1").status_code == 401
        assert client.post("/api/login", json={"password": password}).status_code == 200
        document = client.get("/api/unit-file/unit:U1").json()
        assert document["hash"] == document_hash(document)
        page = client.get("/api/unit-file/U1", params={"format": "html", "lang": "zh"})
        assert "单件档案 U1" in page.text
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        paper = client.get("/api/unit-file/U1", params={"format": "pdf"})
        assert paper.content.startswith(b"%PDF-")
        assert paper.headers["content-disposition"] == 'attachment; filename="U1.pdf"'
        assert client.get("/api/unit-file/U9").status_code == 404
        assert client.get("/api/unit-file/execution:si-1").status_code == 422
