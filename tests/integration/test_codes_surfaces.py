"""Codes and labels as their users meet them: in Python, on the command line, over REST."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pypdfium2
import pytest
from PIL import Image
from running_server import Running, running
from store_rows import load

import assay
from assay.cli.app import run
from assay.exchange.labels import lay_out, make_symbol, read_codes, to_pdf
from assay.model.errors import CodeError
from assay.store.workspace import Workspace

Call = Callable[..., tuple[int, str, str]]

MODEL = """
codes:
  - name: unit
    pattern: "SZ{line}{date}-{serial}{check}"
    date: yymmdd
    serial: {alphabet: base36, width: 4, reset: day}
    check: iso7064-mod-37-36
    fields:
      line: {values: {Line 1: "01", Line 2: "02"}}
  - name: pump lot
    of: lot
    products: [pump]
    pattern: "U-{melt}-{serial}"
    serial: {width: 1}
    fields: {melt: {width: 1}}
"""
UNIT = "(01)09506000134352(21)U-1-7"


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plant with 50 units and two code rules."""
    directory = tmp_path_factory.mktemp("coded") / "plant"
    with Workspace.create(directory, time_zone="Asia/Shanghai") as workspace:
        load(workspace, 1)
    (directory / "model.yaml").write_text(MODEL.replace("pump lot", "pump-lot"), encoding="utf-8")
    return directory


@pytest.fixture(scope="module")
def server(plant: Path) -> Iterator[Running]:
    with running(plant) as served:
        yield served


@pytest.fixture
def client(server: Running) -> Iterator[httpx.Client]:
    with server.client() as one:
        yield one


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run the command in this process: exit code, stdout, stderr."""
    monkeypatch.setenv("ASSAY_LANG", "en")

    def called(*arguments: object) -> tuple[int, str, str]:
        code = run([str(one) for one in arguments])
        return code, *capsys.readouterr()

    return called


def picture(*contents: str) -> Image.Image:
    """A page with a label for each content."""
    labels = [lay_out(make_symbol("datamatrix", one)) for one in contents]
    labels.append(lay_out(make_symbol("gs1-datamatrix", UNIT)))
    pages = [page.render(scale=3).to_pil() for page in pypdfium2.PdfDocument(to_pdf(labels))]
    whole = Image.new("RGB", (pages[0].width, sum(page.height for page in pages)), "white")
    for n, page in enumerate(pages):
        whole.paste(page, (0, n * page.height))
    return whole


def png(image: Image.Image) -> bytes:
    held = io.BytesIO()
    image.save(held, "PNG")
    return held.getvalue()


# -- Python ---------------------------------------------------------------------------------------


def test_a_plant_gives_and_reads_its_codes(plant: Path) -> None:
    with assay.open(plant) as opened:
        issued = opened.next_codes("unit", 2, line="Line 1", moment=date(2026, 3, 1))
        assert [one[:-1] for one in issued.codes] == ["SZ01260301-0001", "SZ01260301-0002"]
        parsed = opened.parse_code(issued.codes[1])
        assert (parsed.rule, parsed.serial, parsed.fields) == ("unit", 2, {"line": "Line 1"})
        lots = opened.next_codes(of="lot", product="pump", melt="1")
        assert lots.codes == ("U-1-1",)
        with pytest.raises(CodeError, match="pump-lot"):
            opened.next_codes("nothing")
        rules = {one.rule.name: sum(s.given for s in one.series) for one in opened.code_rules()}
        assert rules["unit"] >= 2


# -- command line ---------------------------------------------------------------------------------


def test_codes_on_the_command_line(plant: Path, call: Call) -> None:
    assert json.loads(call("codes", "rules", plant, "--json")[1])["rules"][0]["name"] == "unit"
    assert "iso7064-mod-37-36" in call("codes", "rules", plant)[1]
    code, out, _ = call(
        "codes", "next", plant, "unit", "--set", "line=Line 2", "--count", 3, "--date", "2026-04-01", "--json"
    )
    issued = json.loads(out)
    assert code == 0
    assert issued["first"] == 1
    assert [one[:-1] for one in issued["codes"]] == [f"SZ02260401-000{n}" for n in (1, 2, 3)]
    assert (
        call("codes", "next", plant, "--set", "line=Line 2", "--date", "2026-04-01")[1][:-2]
        == "SZ02260401-0004"
    )
    code, out, _ = call("codes", "parse", f"]d2{UNIT[1:3]}", "--plant", plant)
    assert code == 1
    code, out, _ = call("codes", "parse", UNIT, issued["codes"][0], "--plant", plant, "--json")
    first, second = json.loads(out)["codes"]
    assert first["elements"] == [{"ai": "01", "value": "09506000134352"}, {"ai": "21", "value": "U-1-7"}]
    assert first["udi"]["production"] == {"serial": "U-1-7"}
    assert (second["rule"], second["date"]) == ("unit", "2026-04-01T00:00:00")
    assert "SERIAL" in call("codes", "parse", UNIT)[1]


def test_a_check_says_which_code_is_wrong_and_why(plant: Path, call: Call) -> None:
    code, out, _ = call("codes", "check", UNIT, "(01)09506000134353", "--json")
    good, bad = json.loads(out)["codes"]
    assert code == 1
    assert good == {"code": UNIT, "valid": True, "kind": "gs1"}
    assert (bad["valid"], bad["rule"]) == (False, "check-digit")
    assert "has to be 2" in bad["message"]
    assert call("codes", "check", UNIT)[:2] == (0, f"{UNIT}: valid\n")


@pytest.mark.parametrize(
    ("arguments", "english", "chinese"),
    [
        (["next", "PLANT", "unit"], "needs a value for 'line'", "需要给出 'line' 的值"),
        (["next", "PLANT", "units"], "no code rule 'units'", "没有编码规则 'units'"),
        (["next", "PLANT", "unit", "--set", "line=Line 1", "--count", "0"], "1 to 100000", "1 到 100000"),
        (["parse", "(01)09506000134353"], "has to be 2", "应为 2"),
    ],
)
def test_refusals_are_said_in_both_languages(
    plant: Path, call: Call, arguments: list[str], english: str, chinese: str
) -> None:
    words = [str(plant) if one == "PLANT" else one for one in arguments]
    for language, said in (("en", english), ("zh", chinese)):
        code, out, complaint = call("--lang", language, "codes", *words)
        assert (code, out) == (1, "")
        assert said in complaint


def test_a_field_without_a_value_is_wrong_usage(plant: Path, call: Call) -> None:
    code, _, complaint = call("codes", "next", plant, "unit", "--set", "line")
    assert code == 2
    assert "FIELD=VALUE" in complaint


def test_labels_on_the_command_line(plant: Path, call: Call, tmp_path: Path) -> None:
    svg, pdf, zpl = (tmp_path / f"label.{form}" for form in ("svg", "pdf", "zpl"))
    assert call("label", "make", "gs1-128", "(01)09506000134352", "--width", 90, "--out", svg)[0] == 0
    assert svg.read_text("utf-8").startswith("<svg ")
    code, out, _ = call(
        "label", "next", plant, "unit", "--set", "line=Line 1", "--date", "2026-05-01",
        "--count", 3, "--sheet", "--line", "泵 A", "--out", pdf, "--json",
    )  # fmt: skip
    assert code == 0
    page = pypdfium2.PdfDocument(pdf.read_bytes())[0].render(scale=3).to_pil()
    (tmp_path / "page.png").write_bytes(png(page))
    assert sorted(one.text for one in read_codes(png(page))) == json.loads(out)["labels"]
    code, out, _ = call("label", "read", tmp_path / "page.png", "--plant", plant, "--json")
    assert code == 0
    assert {one["code"]["rule"] for one in json.loads(out)["codes"]} == {"unit"}
    code, out, _ = call(
        "label", "next", plant, "unit", "--set", "line=Line 1", "--date", "2026-05-02",
        "--gtin", "9506000134352", "--out", svg, "--json",
    )  # fmt: skip
    assert json.loads(out)["labels"][0].startswith("010950600013435221SZ01260502-0001")
    out = call("label", "next", plant, "--of", "lot", "--product", "pump", "--set", "melt=9",
               "--gtin", "9506000134352", "--kind", "digital-link", "--out", svg, "--json")[1]  # fmt: skip
    assert json.loads(out)["labels"][0].startswith("https://id.gs1.org/01/09506000134352/10/U-9-")
    assert "has to be 2" in call("label", "next", plant, "unit", "--gtin", "9506000134353", "--out", svg)[2]
    assert call("label", "make", "qr", "A", "B", "--out", zpl)[0] == 0
    assert zpl.read_text().count("^XA") == 2


@pytest.mark.parametrize(
    "case",
    [
        ("label.png", [], "neither .svg"),
        ("label.svg", ["--count", "2"], "one label"),
        ("label.zpl", ["--sheet"], "PDF only"),
        ("label.pdf", ["--width", "3"], "no room"),
        ("label.pdf", ["--kind", "gs1-128"], "need --gtin"),
        ("label.pdf", ["--kind", "qr", "--gtin", "09506000134352"], "need --gtin"),
    ],
)
def test_what_can_not_be_printed_is_refused(
    plant: Path, call: Call, tmp_path: Path, case: tuple[str, list[str], str]
) -> None:
    out, more, said = case
    words = ["label", "next", plant, "unit", "--set", "line=Line 1", "--date", "2026-06-01"]
    code, _, complaint = call(*words, "--out", tmp_path / out, *more)
    assert code == 2
    assert said in complaint
    assert not (tmp_path / out).exists()
    used = call("codes", "next", plant, "unit", "--set", "line=Line 1", "--date", "2026-06-01", "--json")
    assert json.loads(used[1])["codes"][0].startswith("SZ01260601-")


def test_a_picture_without_a_good_code_is_said(plant: Path, call: Call, tmp_path: Path) -> None:
    image = tmp_path / "a.png"
    image.write_bytes(png(picture("HELLO")))
    code, out, _ = call("label", "read", image, "--json")
    assert code == 1
    assert [one["valid"] for one in json.loads(out)["codes"]] == [False, True]
    image.write_bytes(png(Image.new("L", (90, 90), 255)))
    assert "No code" in call("label", "read", image)[1]
    image.write_bytes(b"GIF89a")
    assert "neither a PNG" in call("label", "read", image)[2]


# -- REST -----------------------------------------------------------------------------------------


def parsed(client: httpx.Client, text: str) -> dict[str, Any]:
    answer = client.post("/api/codes/parse", json={"text": text})
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def test_a_scan_leads_to_what_is_recorded_under_it(client: httpx.Client) -> None:
    by_serial = parsed(client, "]d20109506000134352" + "21U-1-7\r")
    assert by_serial["thing"] == {"kind": "unit", "id": "U-1-7"}
    assert by_serial["symbology"] == "gs1-datamatrix"
    assert by_serial["elements"][1] == {"ai": "21", "title": "SERIAL", "value": "U-1-7"}
    assert parsed(client, "https://example.com/01/09506000134352/21/U-1-7")["thing"]["id"] == "U-1-7"
    own = parsed(client, "U-1-7")
    assert (own["kind"], own["rule"], own["thing"]["id"]) == ("plant", "pump-lot", "U-1-7")
    assert parsed(client, "(01)09506000134352(21)U-9-9")["thing"] is None


def test_a_bad_code_is_refused_with_its_reason(client: httpx.Client) -> None:
    answer = client.post("/api/codes/parse", json={"text": "(01)09506000134353"})
    assert answer.status_code == 422
    message = answer.json()["error"]["message"]
    assert "has to be 2" in message["en"]
    assert "应为 2" in message["zh"]
    assert client.post("/api/codes/parse", json={"text": "1" * 9000}).status_code == 422


def test_the_codes_of_a_picture_are_read(client: httpx.Client) -> None:
    sent = {"file": ("photo.png", png(picture("U-1-8", "HELLO")), "image/png")}
    answer = client.post("/api/codes/read", files=sent)
    assert answer.status_code == 200, answer.text
    first, second, third = answer.json()["codes"]
    assert first["code"]["thing"] == {"kind": "unit", "id": "U-1-8"}
    assert second["problem"]["rule"] == "unrecognised"
    assert second["code"] is None
    assert third["identifier"] == "]d2"
    assert third["code"]["thing"]["id"] == "U-1-7"
    assert len(third["corners"]) == 4


@pytest.mark.parametrize(
    ("data", "status", "said"),
    [
        (b"no image", 422, "neither a PNG"),
        (b"\x89PNG\r\n\x1a\n0000", 422, "PNG"),
        (b"0" * ((20 << 20) + 1), 413, ""),
    ],
)
def test_a_bad_picture_is_refused_and_nothing_is_left(
    server: Running, client: httpx.Client, data: bytes, status: int, said: str
) -> None:
    answer = client.post("/api/codes/read", files={"file": ("a.png", data, "image/png")})
    assert answer.status_code == status
    assert said in answer.json()["error"]["message"]["en"]
    spool = server.app.state.services.workspace.spool
    assert not list(spool.rglob("a.png"))


def test_codes_are_given_over_rest(client: httpx.Client) -> None:
    order = {"rule": "unit", "count": 2, "fields": {"line": "Line 1"}, "date": "2026-07-01"}
    answer = client.post("/api/codes/next", json=order)
    assert answer.status_code == 200, answer.text
    assert [one[:-1] for one in answer.json()["codes"]] == ["SZ01260701-0001", "SZ01260701-0002"]
    listed = client.get("/api/codes/rules").json()["rules"]
    assert [one["rule"]["name"] for one in listed] == ["unit", "pump-lot"]
    assert client.post("/api/codes/next", json={"rule": "unit"}).status_code == 422


def test_codes_need_a_session(server: Running) -> None:
    with httpx.Client(base_url=f"http://{server.host}") as stranger:
        for path in ("parse", "next", "read"):
            assert stranger.post(f"/api/codes/{path}", json={"text": "A"}).status_code == 401
        assert stranger.get("/api/codes/rules").status_code == 401
