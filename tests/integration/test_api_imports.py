"""From a dropped file to its causes, over the API."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient

from assay.api import ApiSettings, create_app, ensure_administrator
from assay.api.auth import CSRF_HEADER
from assay.store.workspace import Workspace

SCREWS = Path(__file__).parents[2] / "src/assay/demo/data/s02_variations-in-surface-friction.csv"
LIMIT = 2_000_000
PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nx\r\n'


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Any]:
    Workspace.create(tmp_path / "plant", time_zone="Europe/Berlin").close()
    app = create_app(tmp_path / "plant", settings=ApiSettings(upload_limit=LIMIT, imports_kept=2))
    yield app
    app.state.services.close()


@pytest.fixture
def admin(app: Any) -> TestClient:
    password = ensure_administrator(app.state.services.workspace)
    client = TestClient(app, base_url="http://localhost", raise_server_exceptions=False)
    client.headers[CSRF_HEADER] = client.post("/api/login", json={"password": password}).json()["csrf"]
    return client


def spooled(app: Any) -> list[Path]:
    return [path for path in (app.state.services.workspace.spool / "dropped").rglob("*") if path.is_file()]


def drop(admin: TestClient, name: str, content: bytes) -> Any:
    return admin.post("/api/imports", files={"file": (name, content)})


def chosen(card: dict[str, Any], **roles: str) -> dict[str, Any]:
    """The card's columns as the person sends them back, some with another role."""
    return {
        "columns": [
            {key: column[key] for key in ("name", "role", "type", "is")}
            | ({"role": roles[column["name"]]} if column["name"] in roles else {})
            for column in card["columns"]
        ]
    }


def test_from_a_dropped_file_to_its_causes(app: Any, admin: TestClient) -> None:
    answer = drop(admin, SCREWS.name, SCREWS.read_bytes())
    assert answer.status_code == 200, answer.text
    card = answer.json()
    assert card["file_name"] == SCREWS.name
    roles = {column["name"]: column["role"] for column in card["columns"]}
    assert list(roles) == SCREWS.read_text("utf-8").splitlines()[0].split(",")
    assert roles["workpiece_result"] == "outcome"
    assert roles["workpiece_date"] == "time"
    assert {column["name"]: column["is"] for column in card["columns"] if column["role"] == "subject"} == {
        "run_id": "execution",
        "workpiece_id": "unit",
    }
    assert all(column["samples"] for column in card["columns"])
    assert card["doubts"]
    assert all(doubt["message"]["zh"] != doubt["message"]["en"] for doubt in card["doubts"])
    assert yaml.safe_load(card["mapping"])["columns"]

    said = chosen(
        card,
        class_value="factor",
        workpiece_location="factor",
        workpiece_usage="ordered factor",
        scenario_condition="design label",
        scenario_exception="annotation",
        file_name="annotation",
    )
    written = admin.post(f"/api/imports/{card['id']}/mapping", json=said).json()
    assert written["problems"] == []

    before = admin.get(f"/api/imports/{card['id']}").json()
    assert before["state"] == "proposed"
    report = admin.post(f"/api/imports/{card['id']}/load", json={"mapping": written["mapping"]})
    assert report.status_code == 200, report.text
    report = report.json()
    assert (report["rows"], report["accepted"], report["quarantined"]) == (12_500, 12_500, 0)
    assert report["target"].endswith("= 'NOK'")
    after = admin.get(f"/api/imports/{card['id']}").json()
    assert after["state"] == "loaded"
    assert after["report"] == report
    assert spooled(app) == [], "a loaded file is deleted from the spool"

    params = {"target": report["target"], "scope": report["segment"]}
    page = admin.post("/api/pages/cause/data", json={"params": params}).json()["data"]
    causes = page["causes"]["causes"]
    assert [one["value"] for one in causes if one["factor"] == "class_value"][:3] == [
        "202_lubricant-oil-based",
        "302_sanding-fine",
        "301_sanding-coarse",
    ]
    assert "scenario_condition" not in {one["factor"] for one in causes}

    again = drop(admin, SCREWS.name, SCREWS.read_bytes()).json()
    report = admin.post(f"/api/imports/{again['id']}/load", json={"mapping": written["mapping"]}).json()
    assert (report["accepted"], report["duplicates"]) == (0, 12_500)


def test_a_mapping_that_does_not_fit_is_refused_and_can_be_corrected(app: Any, admin: TestClient) -> None:
    card = drop(admin, "s02.csv", SCREWS.read_bytes()).json()
    wrong = card["mapping"].replace("workpiece_result", "workpiece_resul")
    answer = admin.post(f"/api/imports/{card['id']}/load", json={"mapping": wrong})
    assert answer.status_code == 422
    assert "workpiece_resul" in answer.json()["error"]["message"]["en"]
    assert answer.json()["error"]["message"]["zh"] != answer.json()["error"]["message"]["en"]
    assert admin.get(f"/api/imports/{card['id']}").json()["state"] in {"proposed", "failed"}
    assert len(spooled(app)) == 1
    answer = admin.post(f"/api/imports/{card['id']}/load", json={"mapping": card["mapping"]})
    assert answer.status_code == 200
    assert spooled(app) == []


def test_a_file_larger_than_the_limit_leaves_nothing(app: Any, admin: TestClient) -> None:
    answer = drop(admin, "big.csv", b"x" * (LIMIT + 1))
    assert answer.status_code == 413
    error = answer.json()["error"]
    assert error["message"] == {
        "zh": "文件超过 2,000,000 字节的上限。",
        "en": "The file is larger than the limit of 2,000,000 bytes.",
    }
    assert "assay load" in error["hint"]["zh"]
    assert spooled(app) == []


def test_a_body_that_never_says_its_length_is_bounded_too(app: Any, admin: TestClient) -> None:
    def body() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        for _ in range(40):
            yield b"1,2\n" * 25_000
        yield b"\r\n--b--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = admin.post("/api/imports", content=body(), headers=headers)
    assert answer.status_code == 413
    assert spooled(app) == []


@pytest.mark.parametrize(
    ("content_type", "body", "said"),
    [
        ("application/json", b"{}", "multipart/form-data"),
        ("multipart/form-data", b"", "multipart/form-data"),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\n\r\n--b--\r\n", "no field 'file'"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="other"; filename="a.csv"\r\n\r\nx\r\n--b--\r\n',
            "no field 'file'",
        ),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="file"; filename=".."\r\n\r\nx\r\n--b--\r\n',
            "no field 'file'",
        ),
        (
            "multipart/form-data; boundary=b",
            2 * PART + b"--b--\r\n",
            "only one file",
        ),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nhalf',
            "cut off",
        ),
        ("multipart/form-data; boundary=b", b"no boundary at all", "malformed"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n' + b"x" * 100_000 + b"\r\n--b--\r\n",
            "too large",
        ),
    ],
    ids=["json", "boundary", "empty", "field", "name", "two", "half", "garbage", "big"],
)  # fmt: skip
def test_a_broken_upload_says_what_is_wrong(
    app: Any, admin: TestClient, content_type: str, body: bytes, said: str
) -> None:
    answer = admin.post("/api/imports", content=body, headers={"Content-Type": content_type})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert said in error["message"]["en"]
    assert error["message"]["zh"].startswith("无法接收上传的文件")
    assert spooled(app) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("noise.csv", bytes(range(256)) * 40),
        ("not.xlsx", b"a,b\n1,2\n"),
        ("x.parquet", b"PAR1"),
    ],
)
def test_a_file_that_is_no_table_is_refused_and_not_kept(
    app: Any, admin: TestClient, name: str, content: bytes
) -> None:
    answer = drop(admin, name, content)
    assert answer.status_code == 422, answer.text
    message = answer.json()["error"]["message"]
    assert message["zh"].startswith(name)
    assert message["zh"] != message["en"]
    assert spooled(app) == []


def test_older_files_make_room_and_can_be_given_up(app: Any, admin: TestClient) -> None:
    ids = [drop(admin, "a.csv", b"unit,result\nu1,OK\nu2,NOK\n").json()["id"] for _ in range(3)]
    assert admin.get(f"/api/imports/{ids[0]}").status_code == 404
    assert len(spooled(app)) == 2
    assert admin.delete(f"/api/imports/{ids[1]}").status_code == 200
    assert len(spooled(app)) == 1
    answer = admin.get(f"/api/imports/{ids[1]}")
    assert answer.status_code == 404
    assert "重新拖入" in answer.json()["error"]["hint"]["zh"]


def test_names_in_any_script_reach_the_mapping(admin: TestClient) -> None:
    card = drop(admin, "../三月 s07_拧紧.csv", "件号,结果\nu1,合格\nu2,不合格\n".encode()).json()
    assert card["file_name"] == "三月 s07_拧紧.csv"
    assert [column["name"] for column in card["columns"]] == ["件号", "结果"]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("件号,班组,结果\nu1,甲班,合格\nu2,乙班,不合格\n", "gb18030"),
        ("Teil,Gerät,Maß\nu1,Säge,1\nu2,Fräse,2\n", "windows-1252"),
    ],
)
def test_a_spreadsheets_old_encoding_is_found(admin: TestClient, text: str, encoding: str) -> None:
    card = drop(admin, "old.csv", text.encode(encoding)).json()
    header, first, _ = text.splitlines()
    assert [column["name"] for column in card["columns"]] == header.split(",")
    assert [column["samples"][0] for column in card["columns"]] == first.split(",")
    assert encoding in card["doubts"][0]["message"]["en"]
    assert yaml.safe_load(card["mapping"])["file"]["encoding"] == encoding
    answer = admin.post(f"/api/imports/{card['id']}/load", json={"mapping": card["mapping"]})
    assert answer.json()["accepted"] == 2, answer.text


def test_a_file_is_not_loaded_twice_at_once(app: Any, admin: TestClient) -> None:
    card = drop(admin, "s02.csv", SCREWS.read_bytes()).json()
    with app.state.services.workspace.load_lock():
        waiting = threading.Thread(
            target=lambda: admin.post(f"/api/imports/{card['id']}/load", json={"mapping": card["mapping"]})
        )
        waiting.start()
        for _ in range(100):
            if admin.get(f"/api/imports/{card['id']}").json()["state"] == "loading":
                break
            time.sleep(0.05)
        answer = admin.post(f"/api/imports/{card['id']}/load", json={"mapping": card["mapping"]})
        assert answer.status_code == 409
        assert "is being loaded" in answer.json()["error"]["message"]["en"]
        assert admin.delete(f"/api/imports/{card['id']}").status_code == 409
    waiting.join()
    assert admin.get(f"/api/imports/{card['id']}").json()["state"] == "loaded"


def test_a_restart_clears_the_spool(app: Any, admin: TestClient) -> None:
    drop(admin, "a.csv", b"unit,result\nu1,OK\nu2,NOK\n")
    assert spooled(app)
    path = app.state.services.workspace.path
    again = create_app(path)
    assert spooled(again) == []
    again.state.services.close()


def test_the_quarantine_is_replayed(admin: TestClient) -> None:
    good = b"unit,result,time\nu1,OK,2026-03-01 06:00:00\nu2,NOK,2026-03-02 06:00:00\n"
    mapping = drop(admin, "good.csv", good).json()["mapping"]
    card = drop(admin, "bad.csv", good.replace(b"2026-03-02", b"2026-99-02")).json()
    report = admin.post(f"/api/imports/{card['id']}/load", json={"mapping": mapping}).json()
    assert report["quarantined"] == 1
    answer = admin.post("/api/quarantine/replay", json={}).json()
    assert answer["tried"] == 1
    assert answer["quarantined"] == 1
