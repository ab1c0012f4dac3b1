"""The verification and its signed report, as an auditor gets them."""

from __future__ import annotations

import json
import math
import re
import shutil
import stat
import subprocess
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader

from assay.cli.app import run as assay
from assay.model.errors import AssayError
from assay.report import Identity, check_file, write_verification
from assay.stats.errors import UnknownOption
from assay.stats.verify import Check, Environment, Outcome, Tolerance, Verification, checks, run

AT = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)


def check(computed: float = 1.0, *, reference: float = 1.0, **tolerance: float) -> Check:
    return Check(
        id=f"charts.x.{computed}",
        family="charts",
        statistic="X̄-R chart, upper control limit",
        source="Montgomery 2013, p. 243",
        origin="published",
        reference=reference,
        compute=lambda: computed,
        tolerance=Tolerance(**tolerance),  # type: ignore[arg-type]
        note="R̄/d2",
    )


def verification(*outcomes: Outcome) -> Verification:
    return Verification(at=AT, seconds=0.1, environment=Environment.here(), outcomes=outcomes)


GOOD = check().run()
BAD = check(1.2, reference=1.0, relative=1e-6).run()


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    return Identity.create(tmp_path / "key.pem", name="Quality laboratory")


@pytest.mark.parametrize(
    ("reference", "computed", "tolerance", "passes"),
    [
        (1.88, 1.8799712, Tolerance(digits=2), True),
        (1.88, 1.8851, Tolerance(digits=2), False),
        (0.125, 0.13, Tolerance(digits=2), True),
        (100.0, 100.00009, Tolerance(relative=1e-6), True),
        (100.0, 100.0002, Tolerance(relative=1e-6), False),
        (0.0, 1e-13, Tolerance(absolute=1e-12), True),
        (1.0, 1.0, Tolerance(), True),
        (1.0, math.nextafter(1.0, 2), Tolerance(), False),
        (math.nan, math.nan, Tolerance(), True),
        (1.0, math.nan, Tolerance(relative=1.0), False),
    ],
)
def test_a_tolerance(reference: float, computed: float, tolerance: Tolerance, passes: bool) -> None:
    assert tolerance.allows(reference, computed) is passes


def test_a_statistic_that_raises_is_a_line_that_failed() -> None:
    def broken() -> float:
        raise ZeroDivisionError("no spread")

    outcome = Check(
        id="x",
        family="charts",
        statistic="s",
        source="b",
        origin="published",
        reference=1.0,
        compute=broken,
        tolerance=Tolerance(),
    ).run()
    assert not outcome.passed
    assert outcome.problem == "ZeroDivisionError: no spread"
    assert json.dumps(verification(outcome).to_dict(), allow_nan=False)


def test_every_check_has_an_id_of_its_own_a_source_and_a_known_family() -> None:
    from assay.report.errors import CATALOGUE

    found = list(checks())
    assert len(found) > 300
    assert len({one.id for one in found}) == len(found)
    assert all(one.source and one.statistic for one in found)
    named = CATALOGUE.keys("en")
    assert {f"verification.families.{one.family}" for one in found} <= set(named)


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(UnknownOption, match="charts"):
        run(["chart"])


@pytest.mark.parametrize("form", ["html", "pdf"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_report_is_signed_and_any_change_shows(
    form: str, language: str, tmp_path: Path, identity: Identity
) -> None:
    file = tmp_path / f"report.{form}"
    try:
        write_verification(verification(GOOD, BAD), file, identity, language=language)  # type: ignore[arg-type]
    except AssayError as missing:
        if "font" not in str(missing):
            raise
        pytest.skip(str(missing))
    found = check_file(file, trusted=identity.fingerprint.lower().replace(":", " "))
    assert (found.signature, found.trusted, found.subject) == ("valid", True, "CN=Quality laboratory")
    assert check_file(file).trusted is None

    held = file.read_bytes()
    for place in (len(held) // 3, len(held) // 2):
        changed = bytearray(held)
        changed[place] ^= 1
        file.write_bytes(changed)
        assert check_file(file).signature == "broken", place
    file.write_bytes(held + b"\n<p>appended</p>\n")
    assert check_file(file).signature == "broken"

    other = Identity.create(tmp_path / "other.pem", name="Somebody else")
    write_verification(verification(GOOD), file, other)
    assert check_file(file, trusted=identity.fingerprint).accepted is False
    assert check_file(file, trusted=other.fingerprint).accepted is True


def test_the_html_report_says_everything_and_asks_for_nothing(tmp_path: Path, identity: Identity) -> None:
    file = tmp_path / "report.html"
    write_verification(verification(GOOD, BAD), file, identity)
    text = file.read_text("utf-8")
    assert "1 of 2 checks FAILED" in text
    assert "Montgomery 2013, p. 243" in text
    assert identity.fingerprint in text
    assert not re.findall(r"(?:src|href)=|url\(|https?://", text)
    held = re.search(r'<script type="application/json" id="verification">(.*?)</script>', text, re.S)
    assert held is not None
    assert json.loads(held[1])["checks"][1]["computed"] == 1.2


def test_the_pdf_report_can_be_read_and_by_foreign_tools(tmp_path: Path, identity: Identity) -> None:
    file = tmp_path / "report.pdf"
    write_verification(verification(GOOD, BAD), file, identity)
    text = "\n".join(page.extract_text() for page in PdfReader(BytesIO(file.read_bytes())).pages)
    assert "1 of 2 checks FAILED" in text
    assert "X̄-R chart, upper control limit" in text.replace("\n", " ")
    if (pdfsig := shutil.which("pdfsig")) is None:
        pytest.skip("poppler's pdfsig is not here")
    told = subprocess.run([pdfsig, str(file)], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid" in told
    assert "Total document signed" in told


def test_a_chinese_pdf_carries_its_characters(tmp_path: Path, identity: Identity) -> None:
    file = tmp_path / "report.pdf"
    try:
        write_verification(verification(GOOD), file, identity, language="zh")
    except AssayError as missing:
        pytest.skip(str(missing))
    pages = PdfReader(BytesIO(file.read_bytes())).pages
    assert "统计方法验证报告" in pages[0].extract_text()
    fonts = [font.get_object() for font in pages[0]["/Resources"]["/Font"].values()]
    foreign = [
        str(font["/BaseFont"])
        for font in fonts
        if "/FontDescriptor" not in font and "/DescendantFonts" not in font
    ]
    assert not [name for name in foreign if "Helvetica" not in name], (
        "every font but the standard ones is embedded"
    )


def test_an_unsigned_or_foreign_file(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<!DOCTYPE html>\n<p>nothing</p>\n", "utf-8")
    assert check_file(page).signature == "missing"
    page.write_text("<!DOCTYPE html>\n<!-- assay-signature {} -->\n", "utf-8")
    assert check_file(page).signature == "broken"
    other = tmp_path / "notes.txt"
    other.write_text("1.33", "utf-8")
    for file, said in ((other, "neither"), (tmp_path / "absent.pdf", "can't be read")):
        with pytest.raises(AssayError, match=said):
            check_file(file)


def test_a_key_is_the_owners_alone_and_is_not_overwritten(tmp_path: Path, identity: Identity) -> None:
    path = tmp_path / "key.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Identity.open(path).fingerprint == identity.fingerprint
    with pytest.raises(AssayError, match="can't be written"):
        Identity.create(path)


def test_keys_that_do_not_do(tmp_path: Path, identity: Identity) -> None:
    Identity.create(tmp_path / "b.pem")
    first, second = ((tmp_path / name).read_text() for name in ("key.pem", "b.pem"))
    cut = first.index("-----BEGIN CERTIFICATE")
    for name, text, said in (
        ("foreign", first[:cut] + second[second.index("-----BEGIN CERTIFICATE") :], "does not belong"),
        ("alone", first[:cut], "does not hold"),
        ("empty", "", "does not hold"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(AssayError, match=said):
            Identity.open(tmp_path / name)


def test_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    file = tmp_path / "r.html"
    assert assay(["verify-statistics", "--family", "arl", "--report", str(file), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["failed"] == 0
    assert {line["family"] for line in document["checks"]} == {"arl"}
    assert set(document["checks"][0]) >= {"id", "reference", "computed", "difference", "source", "passed"}
    fingerprint = document["report"]["fingerprint"]
    assert assay(["verify-statistics", "--check", str(file), "--trust", fingerprint, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trusted"] is True
    assert assay(["verify-statistics", "--check", str(file), "--trust", "AB:CD"]) == 1
    assert "NOT the trusted certificate" in capsys.readouterr().out
    assert assay(["verify-statistics", "--report", str(tmp_path / "r.docx"), "--family", "arl"]) == 1
    assert ".html or .pdf" in capsys.readouterr().err
