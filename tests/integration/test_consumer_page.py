"""The public page of a code: what it shows, what it never shows, and what is kept of a scan."""

from __future__ import annotations

import html
import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

import pypdfium2
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.consumer_plant import (
    FOREIGN_GTIN,
    FOREIGN_SSCC,
    GTIN,
    LEAST,
    MARK,
    NEVER_SSCC,
    OPEN,
    OTHER_GTIN,
    SSCC,
    consumer_plant,
)

import assay
from assay.api import ApiSettings, create_app, ensure_administrator
from assay.cli.app import run
from assay.exchange.consumer import Found, ScannedCode, find_code
from assay.exchange.consumer.events import bring_in
from assay.exchange.labels import lay_out, make_symbol, read_codes, to_pdf
from assay.model.codes.gs1 import ElementString, to_digital_link
from assay.model.errors import StoreError
from assay.store.scans import ScanLog
from assay.store.workspace import Workspace

UNIT = f"/u/01/{GTIN}/21/U%2F1"
LOT = f"/u/01/{GTIN}/10/L-77"
BOX = f"/u/00/{SSCC}"
GIVEN = f"/u/01/{GTIN}/21/G000002"
NEVER = f"/u/01/{GTIN}/21/G000009"
SHAFT = f"/u/01/{GTIN}/21/SHAFT-1"
"""A unit of the plant, but not of this product."""
JSON = {"Accept": "application/json"}
FREELY = ApiSettings(scan_burst=10_000, scan_burst_total=100_000)


@contextmanager
def served(path: Path, chosen: ApiSettings = FREELY) -> Iterator[TestClient]:
    app = create_app(path, settings=chosen)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        client.headers["User-Agent"] = "a telephone"
        yield client


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("consumer") / "plant"
    consumer_plant(path).close()
    return path


@pytest.fixture(scope="module")
def client(plant: Path) -> Iterator[TestClient]:
    with served(plant) as one:
        yield one


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[..., Path]:
    """Makes a plant of its own, with other settings of the page."""

    def made(page: str = OPEN) -> Path:
        consumer_plant(tmp_path / "plant", page).close()
        return tmp_path / "plant"

    return made


def shown(client: TestClient, path: str, **headers: str) -> dict[str, object]:
    answer = client.get(path, headers={**JSON, **headers})
    assert answer.headers["content-type"] == "application/json", answer.text
    document: dict[str, object] = answer.json()
    return document


# -- what is shown --------------------------------------------------------------------------------


def test_a_unit_shows_what_the_owner_allows(client: TestClient) -> None:
    page = shown(client, UNIT)
    assert (page["standing"], page["kind"], page["number"], page["hints"]) == ("recorded", "unit", "U/1", [])
    assert page["report"] == {
        "grade": "conforming",
        "lines": [
            {
                "name": {"en": "Height", "zh": "高度"},
                "conforming": True,
                "value": 10.05,
                "text": None,
                "unit": "mm",
                "measured": "2026-03-02",
            },
            {
                "name": {"en": "Look", "zh": "外观"},
                "conforming": True,
                "value": None,
                "text": None,
                "unit": None,
                "measured": "2026-03-02",
            },
        ],
    }
    assert page["origin"] == {
        "country": {"en": "China", "zh": "中国"},
        "site": {"en": "Suzhou", "zh": "苏州"},
        "lot": None,
        "made": "2026-03-02",
        "materials": [
            {"name": {"en": "Iron powder", "zh": "铁粉"}, "origin": {"en": "Sweden", "zh": "瑞典"}}
        ],
    }


def test_a_lot_a_given_number_and_a_product(client: TestClient) -> None:
    lot = shown(client, LOT)
    assert (lot["standing"], lot["kind"]) == ("recorded", "lot")
    assert lot["origin"]["lot"] == "L-77"  # type: ignore[index]
    given = shown(client, GIVEN)
    assert (given["standing"], given["report"], given["origin"]) == ("issued", None, None)
    assert shown(client, f"/u/01/{GTIN}")["standing"] == "product"


def test_a_box_shows_what_the_owner_allows_of_boxes(client: TestClient) -> None:
    box = shown(client, BOX)
    assert (box["standing"], box["kind"], box["hints"]) == ("recorded", "unit", [])
    assert (box["sscc"], box["gtin"], box["number"]) == (SSCC, None, "")
    assert (box["name"], box["report"]) == ({"en": "Box of gears", "zh": "齿轮箱"}, None)
    assert box["origin"] == {
        "country": {"en": "China", "zh": "中国"},
        "site": {"en": "Suzhou", "zh": "苏州"},
        "lot": None,
        "made": "2026-03-02",
        "materials": [{"name": {"en": "Bearing gear", "zh": "轴承齿轮"}, "origin": None}],
    }
    text = client.get(BOX).text
    assert SSCC in text
    assert "Number of the package (SSCC)" in text
    assert "GTIN" not in text
    assert "物流单元编号（SSCC）" in client.get(f"{BOX}?lang=zh").text


def test_the_links_of_a_box_lead_to_its_page(client: TestClient) -> None:
    answer = client.get(BOX, headers={"Accept": "application/linkset+json"})
    (links,) = answer.json()["linkset"]
    assert links["anchor"] == f"https://id.gs1.org/00/{SSCC}"
    pages = links["https://gs1.org/voc/defaultLink"]
    assert [urlsplit(one["href"]).path for one in pages] == [BOX, BOX]
    assert all(client.get(one["href"]).status_code == 200 for one in pages)


def test_a_box_nobody_numbered_is_unknown_and_one_of_somebody_else_has_no_page(client: TestClient) -> None:
    answer = client.get(f"/u/00/{NEVER_SSCC}")
    assert answer.status_code == 404
    assert "has never given out this number for a package" in answer.text
    unknown = shown(client, f"/u/00/{NEVER_SSCC}")
    assert (unknown["standing"], unknown["hints"], unknown["origin"]) == ("unknown", ["unknown"], None)
    foreign = client.get(f"/u/00/{FOREIGN_SSCC}")
    assert (foreign.status_code, "has no page here" in foreign.text) == (404, True)
    assert client.get("/u/00/106141412345678909").status_code == 400


def test_no_box_has_a_page_where_the_owner_names_none(fresh: Callable[..., Path]) -> None:
    with served(fresh(LEAST)) as client:
        answers = [client.get(f"/u/00/{one}") for one in (SSCC, NEVER_SSCC)]
    assert [one.status_code for one in answers] == [404, 404]
    assert answers[0].text == answers[1].text, "nor does the answer say which one is recorded"


def test_scans_of_a_box_are_kept_and_limited_as_those_of_a_product(fresh: Callable[..., Path]) -> None:
    path = fresh()
    with served(path, ApiSettings(scan_burst=2, scans_per_minute=1, country_header="X-Country")) as client:
        answers = [client.get(BOX, headers={"X-Country": "FR"}).status_code for _ in range(3)]
    assert answers == [200, 200, 429]
    with assay.open(path) as plant:
        (scan,) = plant.scans(f"https://id.gs1.org/00/{SSCC}").scans
        assert (scan.code, scan.standing, scan.hints) == (
            f"https://id.gs1.org/00/{SSCC}",
            "recorded",
            ["outside"],
        )
        assert plant.scans(f"https://id.gs1.org/00/{SSCC}", hints=True).scans == [scan]


@pytest.mark.parametrize("path", [NEVER, SHAFT, f"/u/01/{GTIN}/21/L-77", f"/u/01/{GTIN}/10/U%2F1"])
def test_what_is_not_this_product_is_unknown(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "has never given out this number" in answer.text
    page = shown(client, path)
    assert (page["standing"], page["hints"], page["report"], page["origin"]) == (
        "unknown",
        ["unknown"],
        None,
        None,
    )


@pytest.mark.parametrize(("number", "level"), list(enumerate(["country", "site", "lot", "material"], 1)))
def test_each_level_of_origin_shows_those_before_it_and_no_more(
    fresh: Callable[..., Path], number: int, level: str
) -> None:
    with served(fresh(OPEN.replace("origin: material", f"origin: {level}"))) as client:
        origin = shown(client, UNIT)["origin"]
    assert isinstance(origin, dict)
    found = [bool(origin[name]) for name in ("country", "site", "made", "materials")]
    assert found == [True] * number + [False] * (4 - number)


def test_the_least_settings_show_the_product_alone(fresh: Callable[..., Path]) -> None:
    with served(fresh(LEAST)) as client:
        page = shown(client, UNIT)
    assert (page["standing"], page["report"], page["origin"]) == ("recorded", None, None)


def test_a_worse_result_is_shown_too_and_no_value_that_is_not_allowed(fresh: Callable[..., Path]) -> None:
    changed = OPEN.replace("value: true}", "value: false}").replace("-look,", "-inside,")
    with served(fresh(changed)) as client:
        lines = shown(client, UNIT)["report"]["lines"]  # type: ignore[index]
        text = client.get(UNIT).text
    assert [line["value"] for line in lines] == [None, None]
    assert "10.05" not in text
    assert "666.25" not in text
    assert "not judged" in text


# -- what is never shown --------------------------------------------------------------------------


ASKED = [
    UNIT, LOT, GIVEN, NEVER, SHAFT, f"/u/01/{GTIN}", f"/u/01/{OTHER_GTIN}/21/1", f"/u/01/{FOREIGN_GTIN}/21/1",
    "/u/01/09506000134353", "/u/", "/u/x", f"/u/01/{GTIN}/21/%zz", f"/u/01/{GTIN}/21/" + "9" * 3000,
    UNIT + "?lang=zh", UNIT + "?linkType=linkset", UNIT + "?17=271231",
    f"/u/01/{GTIN}/10/L-77/21/U%2F1",
    BOX, BOX + "?lang=zh", f"/u/00/{NEVER_SSCC}", f"/u/00/{FOREIGN_SSCC}",
]  # fmt: skip


@pytest.mark.parametrize("accept", ["text/html", "application/json", "application/linkset+json"])
@pytest.mark.parametrize("path", ASKED)
def test_no_answer_names_anything_of_the_plant(client: TestClient, path: str, accept: str) -> None:
    answer = client.get(path, headers={"Accept": accept})
    assert answer.status_code < 500
    said = answer.text + repr(answer.headers.raw)
    assert MARK not in said
    assert "666.25" not in said


def test_no_failure_names_anything_of_the_plant(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise StoreError(f"{MARK} is damaged", hint=MARK)

    monkeypatch.setattr("assay.api.scan_desk.find_code", broken)
    for headers in ({}, JSON):
        answer = client.get(UNIT, headers=headers)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "30"
        assert MARK not in answer.text + repr(answer.headers.raw)
    assert MARK in caplog.text, "the owner finds it in the log"
    monkeypatch.setattr("assay.api.scan_desk.find_code", lambda *_: 1 / 0)
    answer = client.get(UNIT)
    assert answer.status_code == 500
    assert "ZeroDivisionError" not in answer.text


def test_the_time_it_takes_says_nothing_of_what_is_not_shown(plant: Path) -> None:
    """A unit of another product costs exactly the statements that a number costs which nobody has."""
    with Workspace.open(plant) as workspace:
        page = workspace.model.consumer_page
        assert page is not None
        product = page.product(GTIN)
        assert product is not None
        asked: list[str] = []

        def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            asked.append(statement)

        sa.event.listen(workspace.registry.engine, "before_cursor_execute", note)
        costs = []
        for number in ("SHAFT-1", "SHAFT-9", "SHAFT-1", "G000009"):
            asked.clear()
            assert find_code(workspace, ScannedCode(GTIN, "unit", number), product) == Found("unknown", None)
            costs.append(list(asked))
        assert costs[2]
        assert costs[2] == costs[1]
        assert len(costs[3]) == len(costs[2]) + 2, "a number of the rule's form is looked up, given or not"


def test_every_header_keeps_the_page_shut(client: TestClient) -> None:
    for path in (UNIT, NEVER, "/u/x", f"/u/01/{OTHER_GTIN}"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "script" not in policy
        assert "unsafe" not in policy
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["x-robots-tag"] == "noindex"
        assert "set-cookie" not in headers
    text = client.get(UNIT).text
    assert not re.search(r"<script|<img|<link|<iframe|https?://|\son\w+=", text)


def test_the_page_needs_no_session_and_gives_none(client: TestClient) -> None:
    assert client.get(UNIT).status_code == 200
    assert client.get("/api/scans").status_code == 401
    assert client.get("/api/unit-file/U%2F1").status_code == 401


# -- refusals, languages, forms -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status", "english", "chinese"),
    [
        ("/u/01/09506000134353", 400, "has to be 2", "应为 2"),
        (f"/u/01/{GTIN}/21/1/10/L", 400, "(10)", "(10)"),
        (f"/u/01/{GTIN}/21/%FF", 400, "two hexadecimal digits", "十六进制"),
        ("/u/", 400, "no GS1 key", "没有 GS1 标识"),
        ("/u/gtin/09506000134352", 400, "the word 'gtin'", "'gtin'"),
        (f"/u/01/{FOREIGN_GTIN}/21/1", 404, "no page here", "没有该产品的页面"),
        (f"/u/00/{FOREIGN_SSCC}", 404, "no page here", "没有该产品的页面"),
        (f"/u/01/{OTHER_GTIN}/21/1", 410, "Gear Works keeps no pages of Old gear", "齿轮厂不再提供老齿轮"),
        ("/u/" + "x" * 1200, 414, "at most 1000", "最多识别 1000"),
        (UNIT + "?a=" + "1" * 5000, 414, "at most 1000", "最多识别 1000"),
    ],
)
def test_what_can_not_be_shown_is_said_in_both_languages(
    client: TestClient, path: str, status: int, english: str, chinese: str
) -> None:
    message = client.get(path, headers=JSON).json()["error"]["message"]
    for language, header, said in (("en", "en-US,en;q=0.8", english), ("zh", "zh-CN,zh;q=0.9", chinese)):
        answer = client.get(path, headers={"Accept-Language": header})
        assert answer.status_code == status
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        text = html.unescape(answer.text)
        assert said in text
        assert message[language] in text


def test_what_is_scanned_is_never_markup(client: TestClient) -> None:
    answer = client.get(f"/u/01/{GTIN}/21/%3Cb%3Ex%3C%22")
    assert "<b>x" not in answer.text
    assert "&lt;b&gt;x&lt;" in answer.text
    assert "<script>" not in client.get("/u/%3Cscript%3E?lang=%3Cscript%3E&x=%22%3E%3Cscript%3E").text


def test_the_language_is_the_browsers_and_can_be_switched(client: TestClient) -> None:
    page = client.get(UNIT + "?17=271231", headers={"Accept-Language": "zh"})
    assert '<html lang="zh-Hans">' in page.text
    assert page.headers["content-language"] == "zh-Hans"
    (link,) = re.findall(r'<nav><a href="([^"]+)"', page.text)
    assert link == "?17=271231&amp;lang=en"
    other = client.get(UNIT + link.replace("&amp;", "&"), headers={"Accept-Language": "zh"})
    assert "Serial number" in other.text
    assert "Gear Works has records of this item." in other.text


def test_a_resolver_gets_the_links_of_a_code(client: TestClient) -> None:
    answer = client.get(UNIT, headers={"Accept": "application/linkset+json"})
    assert answer.headers["content-type"] == "application/linkset+json"
    (context,) = answer.json()["linkset"]
    assert context["anchor"] == f"https://id.gs1.org/01/{GTIN}/21/U%2F1"
    pages = context["https://gs1.org/voc/pip"]
    assert [page["hreflang"] for page in pages] == [["zh"], ["en"]]
    assert "轴承齿轮" in client.get(pages[0]["href"]).text


def test_a_plant_without_the_setting_has_no_page(fresh: Callable[..., Path]) -> None:
    with served(fresh("")) as client:
        answer = client.get(UNIT)
        assert answer.status_code == 404
        assert "nothing here" in answer.text
        assert client.get("/u").status_code != 500


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=80), st.text(max_size=40))
def test_no_address_breaks_the_page(client: TestClient, path: str, query: str) -> None:
    answer = client.get(f"/u/{quote(path, safe='/%?&=;')}?{quote(query, safe='&=;%')}")
    assert answer.status_code in {200, 400, 404, 414}
    assert MARK not in answer.text


# -- limits ---------------------------------------------------------------------------------------


def test_who_asks_too_often_waits_and_others_do_not(fresh: Callable[..., Path]) -> None:
    few = ApiSettings(scan_burst=3, scans_per_minute=6, client_header="X-Real-IP")
    with served(fresh(LEAST), few) as client:
        statuses = [client.get("/u/x", headers={"X-Real-IP": "192.0.2.1"}).status_code for _ in range(4)]
        assert statuses == [400, 400, 400, 429]
        refused = client.get(UNIT, headers={"X-Real-IP": "192.0.2.1", "Accept-Language": "zh"})
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 10
        assert "请求过于频繁" in refused.text
        assert client.get("/u/x", headers={"X-Real-IP": "192.0.2.2"}).status_code == 400
        assert client.get("/u/x", headers={"X-Real-IP": "2001:db8::1, 192.0.2.1"}).status_code == 429
        assert client.get("/u/x", headers={"X-Real-IP": "nobody"}).status_code == 400


def test_all_together_are_limited_too(fresh: Callable[..., Path]) -> None:
    few = ApiSettings(scan_burst=3, scan_burst_total=5, scans_per_minute_total=1, client_header="X-Real-IP")
    with served(fresh(LEAST), few) as client:
        statuses = [client.get("/u/x", headers={"X-Real-IP": f"192.0.2.{n}"}).status_code for n in range(7)]
    assert statuses == [400] * 5 + [429] * 2


def test_a_header_nobody_set_up_is_not_believed(client: TestClient) -> None:
    client.get(LOT, headers={"X-Forwarded-For": "1.2.3.4", "CF-IPCountry": "FR", "User-Agent": "forger"})
    with assay.open(client.app.state.services.workspace.path) as opened:  # type: ignore[attr-defined]
        assert {scan.country for scan in opened.scans().scans} == {None}


# -- scans ----------------------------------------------------------------------------------------


def test_scans_are_kept_hinted_and_become_events(
    fresh: Callable[..., Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fresh()
    chosen = ApiSettings(scan_burst=1_000, client_header="X-Real-IP", country_header="X-Country")
    with served(path, chosen) as client:

        def scan(device: int, country: str, **place: float) -> dict[str, object]:
            headers = {**JSON, "X-Real-IP": f"192.0.2.{device}", "X-Country": country}
            answer = (
                client.post(UNIT, json=place, headers=headers) if place else client.get(UNIT, headers=headers)
            )
            found: dict[str, object] = answer.json()
            return found

        assert scan(1, "de")["hints"] == []
        assert scan(1, "DE")["hints"] == [], "a second look is no second scan"
        assert scan(1, "DE", latitude=48.2012, longitude=16.4034)["hints"] == []
        assert scan(2, "FR")["hints"] == [], "where it is sold is the owner's business"
        assert scan(3, "AT", latitude=35.7, longitude=139.7)["hints"] == ["far-apart"]
        assert scan(4, "AT")["hints"] == ["often", "far-apart"]
        assert client.get(NEVER, headers={"X-Real-IP": "192.0.2.9"}).status_code == 404
        assert client.head(NEVER, headers={"X-Real-IP": "192.0.2.8"}).text == ""
        client.get(NEVER, headers={"X-Real-IP": "192.0.2.7", "Sec-Purpose": "prefetch;prerender"})
        page = client.get(UNIT, headers={"X-Real-IP": "192.0.2.4", "X-Country": "AT"}).text
        assert "scanned at places too far apart" in page
        assert "outside" not in page
        assert "FR" not in page
    with assay.open(path) as opened:
        listed = opened.scans()
        assert listed.kept == 6
        latest, *_, first = listed.scans
        assert (latest.standing, latest.subject, latest.hints) == ("unknown", None, ["unknown"])
        assert (first.subject, first.country, first.latitude) == ("U/1", "DE", None)
        assert [one.hints for one in opened.scans("U/1", hints=True).scans] == [
            ["often", "far-apart"], ["far-apart", "outside"], ["outside"],
        ]  # fmt: skip
        assert opened.scans(f"https://any.example/x/01/{GTIN}/21/U%2F1").scans == opened.scans("U/1").scans
        placed = [one for one in listed.scans if one.latitude is not None]
        assert [(one.latitude, one.longitude) for one in placed] == [(35.7, 139.7), (48.2, 16.4)]
        events = opened.sql(
            "SELECT severity, message FROM event WHERE event = 'scan' AND subject = 'U/1' ORDER BY seq"
        ).to_pylist()
        assert [(one["severity"], one["message"]) for one in events] == [
            (None, "DE"), (None, "DE"), ("warning", "outside, FR"), ("warning", "far-apart, outside, AT"),
            ("warning", "often, far-apart, AT"),
        ]  # fmt: skip
        found = opened.find("unit[event.event = 'scan']")
        assert "U/1" in str(found.to_dict() if hasattr(found, "to_dict") else found)
        log = ScanLog(opened.workspace.registry, opened.workspace.model.consumer_page.scans)  # type: ignore[union-attr]
        assert bring_in(opened.workspace, log) == 0, "a scan is one event, however often it is brought in"
        with opened.workspace.registry.engine.connect() as connection:
            kept = repr(list(connection.execute(sa.text("SELECT * FROM scan"))))
        assert "192.0.2" not in kept
        assert "telephone" not in kept
    capsys.readouterr()
    assert run(["scans", str(path), "U/1", "--hints", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["kept"], len(document["scans"])) == (6, 3)
    monkeypatch.setenv("COLUMNS", "200")
    assert run(["--lang", "zh", "scans", str(path)]) == 0
    assert "超出销售区域" in capsys.readouterr().out
    assert run(["scans", str(path), "https://x.example/01/09506000134353"]) == 1
    assert "has to be 2" in capsys.readouterr().err


def test_the_owner_sees_scans_over_rest(fresh: Callable[..., Path]) -> None:
    path = fresh()
    with served(path) as client:
        password = ensure_administrator(client.app.state.services.workspace)  # type: ignore[attr-defined]
        client.get(NEVER)
        client.get(LOT)
        client.post("/api/login", json={"password": password})
        listed = client.get("/api/scans").json()
        assert [one["standing"] for one in listed["scans"]] == ["recorded", "unknown"]
        assert len(client.get("/api/scans?hints=true&limit=5").json()["scans"]) == 1
        later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        assert client.get("/api/scans", params={"since": later, "of": "L-77"}).json()["scans"] == []
        for wrong in (
            "limit=0",
            "since=2026-01-01T00:00:00",
            "of=https://x.example/01/09506000134353",
            "x=1",
        ):
            assert client.get(f"/api/scans?{wrong}").status_code == 422


@pytest.mark.parametrize(
    ("place", "status"),
    [
        ({"latitude": 91, "longitude": 0}, 422),
        ({"latitude": "x"}, 422),
        ({"country": "XX"}, 422),
        ({"country": "DE", "name": "me"}, 422),
        ({"country": "DE"}, 200),
        ({}, 200),
    ],
)
def test_a_place_is_checked(client: TestClient, place: dict[str, object], status: int) -> None:
    assert client.post(LOT, json=place).status_code == status


def test_another_site_can_not_tell_places(client: TestClient) -> None:
    answer = client.post(LOT, json={"country": "DE"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


def test_from_a_label_to_the_page(client: TestClient) -> None:
    link = to_digital_link(ElementString.of(("01", GTIN), ("21", "U/1")), "https://quality.example/u")
    document = pypdfium2.PdfDocument(to_pdf([lay_out(make_symbol("digital-link", link))]))
    held = io.BytesIO()
    document[0].render(scale=4).to_pil().save(held, "PNG")
    (code,) = read_codes(held.getvalue())
    assert code.text == link
    parts = urlsplit(code.text)
    assert parts.path == UNIT
    assert "Bearing gear" in client.get(parts.path).text
