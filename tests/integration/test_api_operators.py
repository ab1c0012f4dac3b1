"""Statistics over REST and on pages: same figures, bounded pictures, refusals in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from tests.measured_plant import measured_plant

from assay.api import ApiSettings, create_app, ensure_administrator
from assay.api.auth import CSRF_HEADER
from assay.stats import capability, charts
from assay.store.workspace import Workspace

HOME = "http://127.0.0.1:8080"
MAPPING = """
source: boring
columns:
  part: {role: subject, is: unit}
  lot: {role: factor}
  at: {role: time}
  bore: {role: outcome, type: number}
  depth: {role: outcome, type: number}
  verdict: {role: outcome}
records:
  - {kind: measurement, subject: $part, subject_kind: unit, characteristic: bore, value: $bore, time: $at,
     segment: boring, unit: mm, attributes: [lot]}
  - {kind: measurement, subject: $part, subject_kind: unit, characteristic: depth, value: $depth, time: $at,
     segment: boring, unit: mm}
  - {kind: measurement, subject: $part, subject_kind: unit, characteristic: verdict, text: $verdict,
     time: $at, segment: boring}
"""
COUNT = 240
RNG = np.random.default_rng(3)
BORE = np.round(RNG.normal(25.0, 0.01, COUNT), 4)
BORE[200:] += 0.04
DEPTH = np.round(40 + 3 * (BORE - 25) + RNG.normal(0, 0.004, COUNT), 4)
DEPTH[230] += 0.3
LOTS = np.array([f"B{at // 20:02}" for at in range(COUNT)])


class Visitor(TestClient):
    """A program that keeps its cookies and, once logged in, sends its token."""

    def enter(self, password: str) -> Visitor:
        answer = self.post("/api/login", json={"password": password})
        assert answer.status_code == 200, answer.text
        self.headers[CSRF_HEADER] = answer.json()["csrf"]
        return self


def rows() -> str:
    lines = ["part,lot,at,bore,depth,verdict"]
    for at in range(COUNT):
        time = datetime(2026, 4, 1, 6) + timedelta(minutes=at)  # noqa: DTZ001 - a wall clock of the plant
        verdict = "NOK" if BORE[at] > 25.03 else "OK"
        lines.append(f"p{at:03},{LOTS[at]},{time},{BORE[at]},{DEPTH[at]},{verdict}")
    return "\n".join([*lines, ""])


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    directory = tmp_path_factory.mktemp("operators") / "plant"
    with Workspace.open(measured_plant(directory, rows(), MAPPING, "D-7,bore,24.95,25.08,")) as workspace:
        password = ensure_administrator(workspace)
    served = create_app(directory, settings=ApiSettings())
    served.state.password = password
    yield served
    served.state.services.close()


@pytest.fixture
def stranger(app: Any) -> Visitor:
    return Visitor(app, base_url=HOME, raise_server_exceptions=False)


@pytest.fixture
def admin(app: Any, stranger: Visitor) -> Visitor:
    return stranger.enter(app.state.password)


def ask(admin: Visitor, operator: str, **arguments: Any) -> dict[str, Any]:
    answer = admin.post(f"/api/operators/{operator}", json=arguments)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def refused(answer: Any, status: int) -> dict[str, dict[str, str]]:
    """The error of a refusal; both languages are there and differ."""
    assert answer.status_code == status, answer.text
    error: dict[str, Any] = answer.json()["error"]
    assert error["message"]["zh"] != error["message"]["en"]
    assert any("\u4e00" <= sign <= "\u9fff" for sign in error["message"]["zh"])
    return error


def page(admin: Visitor, name: str, **question: Any) -> dict[str, Any]:
    answer = admin.post(f"/api/pages/{name}/data", json=question)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


def figures(payload: dict[str, Any]) -> dict[str, Any]:
    return {item["id"]: item["value"] for item in payload["items"]}


# -- REST -----------------------------------------------------------------------------------------


def test_operators_are_listed_with_what_they_take(admin: Visitor) -> None:
    listed = {one["id"]: one for one in admin.get("/api/operators").json()}
    assert {"cause", "chart", "capability", "gauge-rr", "monitor"} <= set(listed)
    chart = listed["chart"]
    assert {"target", "kind", "subgroup", "rules", "phase1"} <= set(chart["arguments"]["properties"])
    assert chart["arguments"]["required"] == ["target"]
    assert chart["title"]["zh"] != chart["title"]["en"]
    assert "chart" in chart["capabilities"]


def test_a_chart_has_the_figures_and_field_names_of_the_function(admin: Visitor) -> None:
    found = ask(admin, "chart", target="bore", subgroup=20, kind="xbar_s", rules="western_electric")
    alone = charts.xbar_s(BORE, 20, rules="western_electric").to_dict()
    for name in ("statistics", "center", "sigma", "limits", "violations"):
        assert found["chart"][name] == alone[name], name
        assert found["chart"]["companions"][0][name] == alone["companions"][0][name], name
    assert found["unit"] == "mm"
    assert [point["subjects"] for point in found["points"]] == [20] * 12
    assert found["flagged"][-1]["units"] == [f"p{at}" for at in range(220, 240)]


def test_capability_and_monitoring_answer_alike(admin: Visitor) -> None:
    found = ask(admin, "capability", target="bore", subgroup="lot")
    alone = capability.normal(BORE, lsl=24.95, usl=25.08, subgroup=LOTS)
    assert found["capability"]["cpk"] == pytest.approx(alone.cpk, rel=1e-12)
    assert found["specification"]["id"] == "D-7"
    watched = ask(admin, "monitor", characteristics=["bore", "depth"], phase1=[0, 200])
    assert watched["alarms_total"] == len(watched["alarms"])
    alarm = next(one for one in watched["alarms"] if one["subject"] == "p230")
    assert alarm["contributors"][0]["characteristic"] == "depth"
    assert {"nominal", "realised"} <= set(watched["score"]["false_alarms"])


def test_a_picture_is_layers_with_both_languages(admin: Visitor) -> None:
    answer = admin.post("/api/operators/chart/plot", json={"target": "bore", "subgroup": "lot"})
    drawn = answer.json()
    assert (answer.status_code, drawn["schema"]) == (200, "assay.plot/1")
    kinds = {layer["kind"] for layer in drawn["panels"][0]["layers"]}
    assert {"points", "level", "flags"} <= kinds
    assert drawn["title"]["zh"] != drawn["title"]["en"]


def test_an_answer_without_a_picture_says_so(admin: Visitor) -> None:
    answer = admin.post("/api/operators/cause/plot", json={"target": "verdict = 'NOK'"})
    assert "cause" in refused(answer, 404)["message"]["en"]


def test_narrow_pictures_are_thinned(admin: Visitor) -> None:
    answer = admin.post("/api/operators/chart/plot?width=50", json={"target": "bore"})
    points = next(layer for layer in answer.json()["panels"][0]["layers"] if layer["kind"] == "points")
    assert 50 < len(points["x"]) <= 200 < COUNT
    assert max(points["y"]) == BORE.max()


def test_an_operator_that_is_not_there(admin: Visitor) -> None:
    error = refused(admin.post("/api/operators/charts", json={}), 404)
    assert "'charts'" in error["message"]["en"]
    assert "capability" in error["hint"]["en"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "target"),
        ({"target": "bore", "colour": "red"}, "colour"),
        ({"target": "bore", "width": -1}, "width"),
        ({"target": "bore", "phase1": [1]}, "phase1"),
    ],
)
def test_arguments_that_do_not_fit_are_named(admin: Visitor, arguments: dict[str, Any], said: str) -> None:
    error = refused(admin.post("/api/operators/chart", json=arguments), 422)
    assert said in error["message"]["en"]
    assert said in error["message"]["zh"]


@pytest.mark.parametrize(
    ("operator", "arguments", "zh"),
    [
        ("chart", {"target": "boer"}, "没有名为 'boer' 的检测特性"),
        ("chart", {"target": "bore", "kind": "pie"}, "不能画成 'pie'"),
        ("chart", {"target": "bore", "kind": "p", "subgroup": "lot"}, "p 图用于条件，例如 result = 'NOK'"),
        ("chart", {"target": "verdict = 'NOK'", "kind": "imr"}, "imr 图用于测量值"),
        ("chart", {"target": "bore", "kind": "xbar_r"}, "需要子组"),
        ("chart", {"target": "bore", "subgroup": "lott"}, "没有可用于分组的列 'lott'"),
        ("chart", {"target": "bore", "rules": "nelsson"}, "nelsson"),
        ("capability", {"target": "depth"}, "'depth' 没有规格"),
        ("capability", {"target": "bore > 25", "usl": 1}, "过程能力针对测量值"),
        ("capability", {"target": "bore", "lsl": 26, "usl": 25}, "26"),
        ("gauge-rr", {"target": "bore", "operator": "who"}, "没有列 'who'"),
        ("monitor", {"characteristics": ["bore", "width"]}, "没有名为 'width' 的检测特性"),
    ],
)
def test_statistics_refuse_in_both_languages(
    admin: Visitor, operator: str, arguments: dict[str, Any], zh: str
) -> None:
    assert zh in refused(admin.post(f"/api/operators/{operator}", json=arguments), 422)["message"]["zh"]


@pytest.mark.parametrize("path", ["/api/operators/chart", "/api/operators/chart/plot"])
def test_asking_needs_a_session_and_its_token(app: Any, stranger: Visitor, path: str) -> None:
    refused(stranger.post(path, json={"target": "bore"}), 401)
    stranger.enter(app.state.password)
    del stranger.headers[CSRF_HEADER]
    refused(stranger.post(path, json={"target": "bore"}), 403)
    refused(stranger.post(path, json={"target": "bore"}, headers={CSRF_HEADER: "0" * 64}), 403)


def test_the_list_needs_a_session(stranger: Visitor) -> None:
    refused(stranger.get("/api/operators"), 401)


# -- pages ----------------------------------------------------------------------------------------


def test_the_chart_page_shows_limits_to_the_digits_that_matter(admin: Visitor) -> None:
    found = page(admin, "chart", params={"target": "bore", "subgroup": "lot"})
    alone = charts.xbar_s(BORE, LOTS)
    centre = next(item for item in found["summary"]["items"] if item["id"] == "centre")
    assert centre["value"] == pytest.approx(alone.center, rel=1e-12)
    assert float(f"{centre['value']:.{centre['digits']}g}") == pytest.approx(alone.center, abs=2e-5)
    assert figures(found["summary"])["flagged"] == found["flagged"]["total"] > 0
    column = next(one for one in found["flagged"]["columns"] if one["field"] == "units")
    assert column["link"] == "unit"
    row = found["flagged"]["rows"][-1]
    assert row["unit_count"] == 20
    assert row["units"] == [f"p{at}" for at in range(220, 232)]
    assert "12" in found["flagged"]["note"]["en"]


def test_the_chart_page_of_a_share(admin: Visitor) -> None:
    found = page(admin, "chart", params={"target": "verdict = 'NOK'", "subgroup": "20"})
    assert found["chart"]["panels"][0]["title"]["en"] == "p chart"
    assert figures(found["summary"])["points"] == 12


def test_the_capability_page_says_what_has_to_be_known(admin: Visitor) -> None:
    found = page(admin, "capability", params={"target": "bore", "subgroup": "lot"})
    alone = capability.normal(BORE, lsl=24.95, usl=25.08, subgroup=LOTS)
    shown = {item["id"]: item for item in found["summary"]["items"]}
    assert shown["cpk"]["value"] == pytest.approx(alone.cpk)
    low, high = alone.intervals["cpk"]
    assert shown["cpk"]["note"]["en"] == f"95 % CI {low:.2f} – {high:.2f}"
    text = found["remarks"]["text"]
    assert {remark.key for remark in alone.remarks} >= {"not-stable", "not-normal"}
    assert all(remark.text.en in text["en"] and remark.text.zh in text["zh"] for remark in alone.remarks)
    assert "D-7" in text["en"]
    typed = page(admin, "capability", params={"target": "depth", "lsl": "39.5", "usl": "40.5"})
    assert figures(typed["summary"])["usl"] == 40.5
    assert "given above" in typed["remarks"]["text"]["en"]


def test_a_specification_that_is_missing_is_said_in_place(admin: Visitor) -> None:
    found = page(admin, "capability", params={"target": "depth"})
    for name in ("summary", "remarks", "sixpack"):
        assert found[name]["error"]["message"]["zh"] == "'depth' 没有规格。"
        assert "主数据" in found[name]["error"]["hint"]["zh"]
    unread = page(admin, "capability", params={"target": "depth", "lsl": "low"})
    assert "lsl" in unread["summary"]["error"]["message"]["en"]


def test_the_monitor_page_tells_both_false_alarm_rates_together(admin: Visitor) -> None:
    found = page(admin, "monitor", params={"phase1": "200"})
    names = [item["id"] for item in found["summary"]["items"]]
    assert names.index("realised") == names.index("nominal") + 1
    shown = figures(found["summary"])
    assert (shown["subjects"], shown["training"], shown["nominal"]) == (COUNT, 200, 0.01)
    assert 0 <= shown["realised"] < 0.1
    assert shown["characteristics"].split(", ") == sorted(["bore", "depth"])
    alarm = next(row for row in found["alarms"]["rows"] if row["subject"] == "p230")
    assert alarm["contributors"].startswith("depth (")
    assert alarm["index"] > 1
    assert next(one for one in found["alarms"]["columns"] if one["field"] == "subject")["link"] == "unit"
    named = page(admin, "monitor", params={"characteristics": " depth , bore ", "method": "dpca"})
    assert figures(named["summary"])["characteristics"] == "depth, bore"


def test_the_monitor_page_needs_two_characteristics(admin: Visitor) -> None:
    found = page(admin, "monitor", params={"characteristics": "bore"})
    assert "bore" in found["alarms"]["error"]["message"]["zh"]
    wrong = page(admin, "monitor", params={"method": "svd"})
    assert "method" in wrong["summary"]["error"]["message"]["en"]
