"""A new user's first two minutes: drop a file, confirm, see the causes."""

import time
from importlib.resources import as_file, files
from pathlib import Path

import openpyxl
import pytest
from chromium import Browser

NAME = "s02_variations-in-surface-friction.csv"
TWO_MINUTES = 120


def _source(folder: Path, kind: str) -> Path:
    with as_file(files("assay.demo") / "data" / NAME) as shipped:
        text = shipped.read_text("utf-8")
    if kind == "csv":
        target = folder / NAME
        target.write_text(text, "utf-8")
        return target
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("labels")
    for line in text.splitlines()[:4001]:
        sheet.append(line.split(","))
    target = folder / NAME.replace(".csv", ".xlsx")
    book.save(target)
    return target


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_from_a_dropped_file_to_its_causes(fresh: Browser, tmp_path: Path, kind: str) -> None:
    file = _source(tmp_path, kind)
    began = time.monotonic()
    fresh.open("/pages/import?lang=en")
    fresh.one("input[type=file]").send_keys(str(file))
    fresh.wait(lambda: fresh.all(".columns select"), "the proposed columns", 60)
    proposed = {
        row.find_element("css selector", "th").text: row.find_element("css selector", "select").get_attribute(
            "value"
        )
        for row in fresh.all(".columns tbody tr:not(.doubt-row)")
    }
    assert proposed["class_value"] == "factor"
    assert proposed["workpiece_result"] == "outcome"
    assert proposed["workpiece_id"] == "subject"
    fresh.click(".actions .primary")
    fresh.wait(lambda: fresh.all(".import-report"), "the report", TWO_MINUTES)
    report = fresh.text(".import-report")
    assert "Accepted" in report
    fresh.click(".import-report .primary", "causes")
    assert fresh.path().startswith("/pages/cause")
    fresh.one(".cause")
    assert time.monotonic() - began < TWO_MINUTES
    assert not fresh.complaints()


def test_the_roles_can_be_changed_and_the_mapping_follows(fresh: Browser, tmp_path: Path) -> None:
    fresh.open("/pages/import?lang=en")
    fresh.one("input[type=file]").send_keys(str(_source(tmp_path, "csv")))
    fresh.wait(lambda: fresh.all(".columns select"), "the proposed columns", 60)
    fresh.click(".mapping summary")
    before = fresh.text(".mapping pre")
    row = next(row for row in fresh.all(".columns tbody tr") if "scenario_condition" in row.text)
    select = row.find_element("css selector", "select")
    wanted = "annotation" if select.get_attribute("value") != "annotation" else "design label"
    select.find_element("css selector", f"option[value='{wanted}']").click()
    fresh.wait(lambda: fresh.text(".mapping pre") != before, "a mapping written anew")
    fresh.click(".actions button", "Choose another file")
    fresh.one(".drop")


def test_a_file_that_is_not_what_its_name_says_is_refused_with_a_sentence(
    fresh: Browser, tmp_path: Path
) -> None:
    fake = tmp_path / "labels.xlsx"
    fake.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 64)
    fresh.open("/pages/import?lang=en")
    fresh.one("input[type=file]").send_keys(str(fake))
    told = fresh.one("[role=alert]").text
    assert "labels.xlsx" in told
    fresh.one(".drop")


def test_an_empty_plant_says_what_to_do(fresh: Browser) -> None:
    fresh.open("/pages/overview?lang=en")
    assert fresh.all(".note"), "no blank page"
    assert not [text for text in fresh.complaints() if "500" in text]
