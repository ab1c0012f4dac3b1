"""The page Evidence: a unit's proofs are downloaded, dropped again, and judged by the server's policy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import DESKTOP, PHONE, Browser, launch
from served import Served, serve
from tests.integration.evidence_plant import load, logging_plant, measurements, policy_of, state

from assay.ledger.vouching import POLICY
from assay.store.keys import LoadKey
from assay.store.plant_evidence import bring_up_to_date

__all__ = ["state"]


@pytest.fixture(scope="module")
def gauged(chromium: None, state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A plant with measurements of 40 parts, and a decision about one of them."""
    directory = tmp_path_factory.mktemp("gauged") / "plant"
    with logging_plant(directory) as workspace:
        load(workspace, "measurement", list(measurements(40)), LoadKey("gauge", "nov.csv"))
        workspace.evidence.say("disposition", "U-7", {"verdict": "accepted", "note": "seen by two"})
        bring_up_to_date(workspace)
        (state / POLICY).write_bytes(bytes(policy_of(workspace)))
    with serve(directory) as served:
        yield served


@pytest.fixture(scope="module")
def browser(gauged: Served) -> Iterator[Browser]:
    with launch(gauged.url, DESKTOP) as one:
        one.sign_in(gauged.password)
        yield one


def drop(browser: Browser, file: Path) -> str:
    """Hand a file to the page; what it says of it."""
    browser.one(".proof-zone input[type=file]").send_keys(str(file))
    browser.wait(
        lambda: file.name in browser.text(".proof-verdict h3"), f"the page says something of {file.name}"
    )
    return browser.text(".proof-verdict")


def test_a_bundle_is_downloaded_and_dropped_again(browser: Browser) -> None:
    browser.open("/pages/evidence?lang=en&id=U-7")
    rows = browser.texts(".unit-evidence tbody tr")
    assert len(rows) == 3
    assert all("covered" in row and "not judged" in row for row in rows)
    assert "Disposition" in rows[2]
    browser.click(".unit-evidence-actions button", "bundle")
    said = drop(browser, browser.downloaded(".bundle"))
    assert said.startswith("Valid")
    assert "no witness: a split view would not show" in said
    assert "seen by two" in said


def test_one_record_is_proved_and_a_changed_file_is_not_believed(browser: Browser, tmp_path: Path) -> None:
    browser.open("/pages/evidence?lang=en&id=U-7")
    browser.click(".unit-evidence tbody tr:first-child button", "Download")
    proof = browser.downloaded(".tlog-proof")
    assert "Valid" in drop(browser, proof)
    data = bytearray(proof.read_bytes())
    data[len(data) // 2] ^= 1
    changed = tmp_path / "changed.tlog-proof"
    changed.write_bytes(data)
    said = drop(browser, changed)
    assert "Not valid" in said
    assert "Reason" in said


def test_without_an_id_and_with_an_unknown_one(browser: Browser) -> None:
    browser.open("/pages/evidence?lang=en")
    assert "Which unit or lot?" in browser.text(".widget-evidence")
    assert "No witness cosigns this log" in browser.text(".prose")
    browser.open("/pages/evidence?lang=en&id=U-404")
    assert "U-404" in browser.text(".widget-evidence")


def test_on_a_phone_in_chinese(gauged: Served, tmp_path: Path) -> None:
    stranger = tmp_path / "note.txt"
    stranger.write_text("no proof", "ascii")
    with launch(gauged.url, PHONE) as phone:
        phone.sign_in(gauged.password)
        phone.open("/pages/evidence?lang=zh&id=U-7")
        assert "处置" in phone.text(".unit-evidence tbody")
        assert "没有见证方" in phone.text(".prose")
        assert drop(phone, stranger).startswith("无效")
        assert phone.driver.execute_script("return document.documentElement.scrollWidth") <= PHONE[0]
        assert not [said for said in phone.complaints() if "/api/session" not in said]
