"""The API over a real plant: who gets in, what is answered, and how refusals read in both languages."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from assay.api import ApiSettings, create_app, ensure_administrator
from assay.api.auth import COOKIE, CSRF_HEADER
from assay.apps import PageError, builtin_pages
from assay.apps.sql import first_rows
from assay.connect.load import load_file
from assay.store.workspace import Workspace

ROOT = Path(__file__).parents[2]
SCREWS = ROOT / "src/assay/demo/data/s02_variations-in-surface-friction.csv"
MAPPING = ROOT / "examples/screwdriving/mapping.yaml"
TARGET = "result = 'NOK'"
HOME = "http://127.0.0.1:8080"


class Visitor(TestClient):
    """A browser that keeps its cookies and, once logged in, sends its token."""

    def enter(self, password: str) -> Visitor:
        answer = self.post("/api/login", json={"password": password})
        assert answer.status_code == 200, answer.text
        self.headers[CSRF_HEADER] = answer.json()["csrf"]
        return self


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plant with one file of screw runs, one of whose copies holds rows that can't be read."""
    folder = tmp_path_factory.mktemp("api")
    with Workspace.create(folder / "plant", name="Screws", time_zone="Europe/Berlin") as workspace:
        load_file(workspace, SCREWS, MAPPING)
        header, *rows = SCREWS.read_text("utf-8").splitlines()[:4]
        broken = folder / "s09_broken.csv"
        broken.write_text(
            "\n".join([header, "9" + rows[0], rows[1].replace("2023-07-12", "2023-77-12")]), "utf-8"
        )
        load_file(workspace, broken, MAPPING)
    return folder / "plant"


@pytest.fixture(scope="module")
def password(path: Path) -> str:
    with Workspace.open(path) as workspace:
        generated = ensure_administrator(workspace)
    assert generated is not None
    return generated


@pytest.fixture(scope="module")
def app(path: Path, password: str) -> Any:
    return create_app(path, settings=ApiSettings(login_attempts=4))


@pytest.fixture
def stranger(app: Any) -> Visitor:
    """Someone who has not logged in."""
    app.state.services.gate = type(app.state.services.gate)(
        app.state.services.workspace.registry, app.state.services.settings
    )
    return Visitor(app, base_url=HOME, raise_server_exceptions=False)


@pytest.fixture
def admin(stranger: Visitor, password: str) -> Visitor:
    """The administrator, logged in."""
    return stranger.enter(password)


@pytest.fixture(scope="module", autouse=True)
def closing(app: Any) -> Iterator[None]:
    yield
    app.state.services.close()


def operations(app: Any) -> list[tuple[str, str]]:
    """Method and path of every route under /api, path parameters filled with something."""
    found = [("GET", "/api/openapi.json")]
    for template, methods in app.openapi()["paths"].items():
        address = template
        for name in ("page_id", "import_id", "subject_id"):
            address = address.replace(f"{{{name}}}", "x")
        found += [(method.upper(), address) for method in methods]
    return found


def problem(answer: Any) -> dict[str, Any]:
    """The error of a refusal; both languages are there and differ."""
    error: dict[str, Any] = answer.json()["error"]
    assert error["message"]["zh"]
    assert error["message"]["en"]
    assert error["message"]["zh"] != error["message"]["en"]
    return error


# -- who gets in ----------------------------------------------------------------------------------


def test_every_route_but_login_needs_a_session(app: Any, stranger: Visitor) -> None:
    routes = operations(app)
    assert len(routes) > 18
    for method, address in routes:
        if address == "/api/login":
            continue
        answer = stranger.request(method, address)
        assert answer.status_code == 401, f"{method} {address}: {answer.status_code}"
        assert "尚未登录" in problem(answer)["message"]["zh"]


def test_every_route_that_changes_something_needs_the_token(app: Any, admin: Visitor) -> None:
    del admin.headers[CSRF_HEADER]
    changing = [(method, address) for method, address in operations(app) if method not in {"GET", "HEAD"}]
    assert len(changing) > 6
    for method, address in changing:
        if address == "/api/login":
            continue
        answer = admin.request(method, address)
        assert answer.status_code == 403, f"{method} {address}: {answer.status_code}"
        answer = admin.request(method, address, headers={CSRF_HEADER: "0" * 64})
        assert answer.status_code == 403, f"{method} {address}: {answer.status_code}"
        assert "X-CSRF-Token" in problem(answer)["message"]["en"]


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
    ids=str,
)
def test_another_site_is_refused_even_with_the_token(
    admin: Visitor, password: str, headers: dict[str, str]
) -> None:
    assert admin.post("/api/sql", json={"sql": "SELECT 1"}, headers=headers).status_code == 403
    assert admin.post("/api/login", json={"password": password}, headers=headers).status_code == 403


def test_login_says_who_and_where(admin: Visitor) -> None:
    answer = admin.get("/api/session").json()
    assert answer["user"] == "administrator"
    assert answer["plant"] == {"name": "Screws", "time_zone": "Europe/Berlin", "language": "en"}
    assert answer["csrf"] == admin.headers[CSRF_HEADER]
    assert answer["version"]


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(stranger: Visitor, password: str) -> None:
    cookie = stranger.post("/api/login", json={"password": password}).headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Max-Age=43200" in cookie


def test_a_wrong_password_is_refused_and_then_braked(stranger: Visitor, password: str) -> None:
    for _ in range(4):
        answer = stranger.post("/api/login", json={"password": "wrong"})
        assert answer.status_code == 401
        assert problem(answer)["message"] == {"zh": "密码不正确。", "en": "The password is wrong."}
        assert "set-cookie" not in answer.headers
    answer = stranger.post("/api/login", json={"password": password})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 200
    assert "wait" in problem(answer)["message"]["en"]


def test_the_password_is_never_repeated_in_an_error(stranger: Visitor) -> None:
    answer = stranger.post("/api/login", json={"password": "s3cret" * 400})
    assert answer.status_code == 422
    assert "s3cret" not in answer.text


def test_after_logging_out_the_cookie_is_worthless(admin: Visitor) -> None:
    token = admin.cookies[COOKIE]
    assert admin.post("/api/logout", json={}).status_code == 200
    admin.cookies.set(COOKIE, token)
    assert admin.get("/api/session").status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "169.254.1.1"])
def test_a_rebound_name_is_not_answered(admin: Visitor, host: str) -> None:
    answer = admin.get("/api/session", headers={"Host": host})
    assert answer.status_code == 421
    assert "name" in problem(answer)["message"]["en"]


def test_every_answer_bears_the_security_headers(admin: Visitor) -> None:
    for address in ("/", "/api/session", "/api/nothing", "/api/evidence.csv"):
        headers = admin.get(address).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-eval" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
    assert admin.get("/api/session").headers["cache-control"] == "no-store"


def test_a_large_body_is_refused_before_it_is_read(admin: Visitor) -> None:
    answer = admin.post("/api/sql", content=b'{"sql": "' + b"x" * (1 << 20) + b'"}')
    assert answer.status_code == 413
    assert "过大" in problem(answer)["message"]["zh"]

    def endless() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * (1 << 16)

    assert admin.post("/api/sql", content=endless()).status_code == 413


# -- pages ----------------------------------------------------------------------------------------


def test_the_pages_are_listed_and_described(admin: Visitor) -> None:
    listed = admin.get("/api/pages").json()
    assert [one["id"] for one in listed] == list(builtin_pages())
    page = admin.get("/api/pages/cause").json()
    assert page["params"][0] == {
        "name": "target",
        "type": "target",
        "default": TARGET,
        "title": {"zh": "目标（何为不良）", "en": "Target (what counts as bad)"},
        "placeholder": None,
        "required": False,
        "choices": None,
    }
    assert page["widgets"][0]["select"] == "selection"


def data(admin: Visitor, page: str, **question: Any) -> dict[str, Any]:
    answer = admin.post(f"/api/pages/{page}/data", json=question)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_the_overview_is_filled_in_one_request(admin: Visitor) -> None:
    answer = data(admin, "overview", params={"scope": "s02"})
    assert set(answer["data"]) == set(builtin_pages()["overview"].data)
    assert not [name for name, payload in answer["data"].items() if "error" in payload]
    figures = {item["id"]: item["value"] for item in answer["data"]["kpis"]["items"]}
    assert figures["inspected"] == 12_500
    assert figures["bad"] == 2_988
    assert figures["rate"] == pytest.approx(2_988 / 12_500)
    assert figures["units"] == 250
    assert figures["quarantined"] == 1
    assert answer["params"]["target"] == TARGET
    assert answer["data"]["pareto"]["series"][0]["points"][0][0] == "202_lubricant-oil-based"
    loads = answer["data"]["loads"]
    assert [row["rows"] for row in loads["rows"]] == [2, 12_500]
    assert answer["data"]["quarantine"]["rows"][0]["count"] == 1


def test_charts_are_small(admin: Visitor) -> None:
    trend = data(admin, "overview", only=["trend"], width=100)["data"]["trend"]
    assert all(len(series["points"]) <= 400 for series in trend["series"])


def test_the_cause_page_follows_its_selection(admin: Visitor) -> None:
    first = data(admin, "cause", params={"scope": "s02"})
    causes = first["data"]["causes"]["causes"]
    levels = [one["value"] for one in causes if one["factor"] == "class_value"]
    assert levels[:3] == ["202_lubricant-oil-based", "302_sanding-fine", "301_sanding-coarse"]
    assert first["selection"] == {"factor": causes[0]["factor"], "value": causes[0]["value"]}

    chosen = {"factor": "class_value", "value": levels[0]}
    answer = data(
        admin, "cause", params={"scope": "s02"}, selection=chosen, only=["levels", "evidence", "affected"]
    )
    assert set(answer["data"]) == {"levels", "evidence", "affected"}
    chart = answer["data"]["levels"]
    assert chart["kind"] == "bar"
    assert chart["selected"] == levels[0]
    assert chart["series"][0]["points"][0][0] == levels[0]
    assert len(chart["series"][0]["band"]) == len(chart["series"][0]["points"])
    rows = answer["data"]["evidence"]["rows"]
    assert {row["class_value"] for row in rows} == {levels[0]}
    assert answer["data"]["affected"]["total"] == next(
        one["blast_radius"] for one in causes if one["value"] == levels[0]
    )


def test_an_ordered_factor_is_drawn_as_a_curve_with_a_band(admin: Visitor) -> None:
    chosen = {"factor": "workpiece_usage", "value": None}
    chart = data(admin, "cause", params={"scope": "s02"}, selection=chosen, only=["levels"])["data"]["levels"]
    assert chart["kind"] == "line"
    assert chart["x"]["type"] == "value"
    assert [point[0] for point in chart["series"][0]["points"]] == list(range(25))
    series = chart["series"][0]
    assert all(
        low <= y <= high for (_, y), (_, low, high) in zip(series["points"], series["band"], strict=True)
    )


def test_grids_page_on_the_server(admin: Visitor) -> None:
    def rows(offset: int) -> list[dict[str, Any]]:
        paging = {"evidence": {"offset": offset, "limit": 10}}
        grid = data(admin, "cause", only=["evidence"], paging=paging)["data"]["evidence"]
        assert (grid["offset"], grid["limit"], len(grid["rows"])) == (offset, 10, 10)
        found: list[dict[str, Any]] = grid["rows"]
        return found

    assert rows(0)[5:] + rows(10)[:5] == rows(5)


def test_the_unit_page_shows_one_part(admin: Visitor) -> None:
    unit = data(admin, "cause", params={"scope": "s02"})["data"]["affected"]["rows"][1]["unit_id"]
    answer = data(admin, "unit", params={"id": unit, "scope": "s02"})["data"]
    assert not [name for name, payload in answer.items() if "error" in payload]
    assert answer["record"]["total"] == 50
    assert answer["results"]["total"] == 50
    assert answer["genealogy"]["root"] == unit
    assert len(answer["genealogy"]["nodes"]) == 51
    assert answer["genealogy"]["direction"] == "both"
    assert {edge["to"] for edge in answer["genealogy"]["edges"]} == {unit}
    assert answer["summary"]["items"][0]["label"] == {"zh": "单元", "en": "Unit"}
    assert [column["title"]["en"] for column in answer["record"]["columns"]][:5] == [
        "Started",
        "Execution",
        "Process step",
        "Class",
        "Previous uses",
    ]
    assert answer["causes"]["causes"]
    for one in answer["causes"]["causes"]:
        if one["value"] is not None:
            assert one["value"] in {row[one["factor"]] for row in answer["record"]["rows"]}


def test_one_failing_binding_leaves_the_others_alone(admin: Visitor) -> None:
    answer = data(admin, "overview", params={"target": "nothing = 'x'"})["data"]
    said = answer["kpis"]["error"]
    assert "nothing" in said["message"]["en"]
    assert said["message"]["zh"] == "没有名为 'nothing' 的检测特性。"
    assert answer["loads"]["rows"]
    assert data(admin, "unit")["data"]["record"]["error"]["message"]["zh"] == "尚未给出“单元、批次或执行编号”"


@pytest.mark.parametrize(
    ("page", "question", "status", "said"),
    [
        ("nowhere", {}, 404, "There is no page 'nowhere'"),
        ("overview", {"params": {"colour": "red"}}, 422, "Page overview has no parameter 'colour'"),
        ("overview", {"only": ["kpi"]}, 422, "Page overview has no binding 'kpi'"),
        ("overview", {"width": 0}, 422, "body.width"),
        ("overview", {"paging": {"loads": {"limit": 100_000}}}, 422, "body.paging.loads.limit"),
    ],
)
def test_what_is_asked_of_a_page_is_checked(
    admin: Visitor, page: str, question: dict[str, Any], status: int, said: str
) -> None:
    answer = admin.post(f"/api/pages/{page}/data", json=question)
    assert answer.status_code == status
    assert said in problem(answer)["message"]["en"]


# -- records --------------------------------------------------------------------------------------

CAUSE = {"target": TARGET, "scope": "s02", "factor": "class_value", "value": "302_sanding-fine"}


def test_evidence_and_affected_units_download_whole(admin: Visitor) -> None:
    grid = admin.get("/api/evidence", params=CAUSE).json()
    assert grid["total"] == 1_250
    answer = admin.get(grid["download"])
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="evidence.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) == 1_250
    assert {row["class_value"] for row in rows} == {"302_sanding-fine"}
    units = admin.get("/api/affected", params=CAUSE).json()
    rows = list(csv.DictReader(io.StringIO(admin.get(units["download"]).content.decode("utf-8-sig"))))
    assert len(rows) == units["total"] == 25
    assert {row["inspected"] for row in rows} == {"true"}


def test_a_download_of_nothing_known_is_an_error_and_not_a_file(admin: Visitor) -> None:
    answer = admin.get("/api/evidence.csv", params={**CAUSE, "factor": "colour"})
    assert answer.status_code == 422
    assert "colour" in problem(answer)["message"]["en"]


def test_causes_and_traces_for_programs(admin: Visitor) -> None:
    report = admin.get("/api/cause", params={"target": TARGET, "scope": "s02"}).json()
    assert report["verdict"] == "causes found"
    assert report["causes"][0]["statement"]["zh"]
    trace = admin.get("/api/trace/1603638", params={"direction": "forward"}).json()
    assert [node["kind"] for node in trace["nodes"]] == ["execution", "unit"]
    missing = admin.get("/api/trace/no/such/thing")
    assert missing.status_code == 404
    assert "no/such/thing" in problem(missing)["message"]["en"]


def test_suggested_targets(admin: Visitor) -> None:
    answer = admin.get("/api/targets").json()
    assert answer["targets"][0]["target"] == TARGET
    assert answer["targets"][0]["segments"] == ["s02", "s09"]
    assert [one["segment"] for one in answer["segments"]] == ["s02", "s09"]
    assert answer["factors"] == ["class_value", "workpiece_usage", "workpiece_location"]


def test_sql_reads_a_bounded_number_of_rows(admin: Visitor) -> None:
    answer = admin.post("/api/sql", json={"sql": "SELECT * FROM measurement ORDER BY seq", "limit": 7}).json()
    assert len(answer["rows"]) == answer["total"] == 7
    assert answer["rows"][0]["time"].endswith("Z")
    assert "there are more" in answer["note"]["en"]
    few = admin.post("/api/sql", json={"sql": "SELECT 1 AS one;"}).json()
    assert (few["rows"], few["note"]) == ([{"one": 1}], None)
    endless = {"sql": "SELECT * FROM range(1000000000000) AS t(n)", "limit": 3}
    assert [row["n"] for row in admin.post("/api/sql", json=endless).json()["rows"]] == [0, 1, 2]


def test_sql_that_runs_too_long_is_stopped(app: Any) -> None:
    lake = app.state.services.workspace.lake
    statement = "SELECT count(*) FROM range(1000000000000) AS a, range(1000) AS b"
    with pytest.raises(PageError, match="longer than 0 seconds and was stopped"):
        first_rows(lake, statement, 10, seconds=0.3)


@pytest.mark.parametrize(
    "statement",
    [
        "DROP VIEW measurement",
        "SELECT 1; DELETE FROM measurement",
        "COPY measurement TO '/tmp/x.csv'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "INSTALL httpfs",
        "nonsense",
    ],
)
def test_sql_that_writes_or_reaches_out_is_refused(admin: Visitor, statement: str) -> None:
    answer = admin.post("/api/sql", json={"sql": statement})
    assert answer.status_code == 422
    assert "SQL" in problem(answer)["message"]["zh"]


def test_the_quarantine_shows_where_and_why(admin: Visitor) -> None:
    grid = admin.get("/api/quarantine").json()
    assert grid["total"] == 1
    row = grid["rows"][0]
    assert row["file"] == "s09_broken.csv"
    assert row["line"] == 3
    assert "2023-77-12" in row["raw"]
    assert admin.get("/api/quarantine", params={"reason": "other"}).json()["rows"] == []


def test_a_defect_is_logged_and_tells_nothing(
    app: Any, admin: Visitor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def defect() -> None:
        raise RuntimeError("the secret of the house")

    monkeypatch.setattr(app.state.services.questions, "targets", defect)
    answer = admin.get("/api/targets")
    assert answer.status_code == 500
    assert problem(answer)["message"]["zh"] == "服务器内部出错。"
    assert "secret" not in answer.text
    assert "secret" in caplog.text
    assert answer.headers["x-content-type-options"] == "nosniff"


# -- the web app ----------------------------------------------------------------------------------


def test_unknown_api_addresses_are_not_the_web_app(admin: Visitor) -> None:
    answer = admin.get("/api/nothing")
    assert answer.status_code == 404
    assert problem(answer)["message"]["zh"] == "没有这个地址。"
    assert admin.put("/api/session").status_code == 405
