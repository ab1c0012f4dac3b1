"""What traces, recalls and corrections refuse is said in English and Chinese, at every door."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.integration.test_trace import store

from assay.analyse.errors import CATALOGUE, CorrectionRefusal, TraceRefusal
from assay.api import ApiSettings, create_app, ensure_administrator
from assay.api.auth import CSRF_HEADER
from assay.cli.app import run
from assay.model.errors import AnalysisError, TraceError
from assay.model.kinds import RecordKind, Role
from assay.plant import Plant
from assay.store.workspace import Workspace

NAIVE = datetime(2026, 3, 2)  # noqa: DTZ001
CHINESE = re.compile("[\u4e00-\u9fff]")


def moved(execution: str, role: str, subject: str, segment: str = "mix", **more: Any) -> dict[str, Any]:
    kind = "unit" if subject.startswith("U") else "lot"
    base = {"execution": execution, "role": role, "subject": subject, "subject_kind": kind}
    return base | {"segment": segment} | more


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("refusing") / "plant"
    with Workspace.create(where) as workspace:
        rows = [
            moved("E1", "consumed", "L7", quantity=2.0, unit="kg"),
            moved("E1", "consumed", "L9", quantity=1.0, unit="kg"),
            moved("E1", "produced", "U1"),
            moved("E2", "consumed", "L7", position="left"),
            moved("E2", "consumed", "L7"),
            moved("E3", "produced", "U2", "press"),
            moved("E3", "produced", "U3", "weld"),
        ]
        store(workspace, RecordKind.MOVEMENT, rows)
        Plant(workspace).correct("E1", "consumed", "L9", take_back=True, why="misread", by="P-12")
    return where


@pytest.fixture(scope="module")
def plant(directory: Path) -> Iterator[Plant]:
    with Workspace.open(directory) as workspace:
        yield Plant(workspace)


def corrected(*which: str, why: str = "wrong label", **more: Any) -> Callable[[Plant], Any]:
    return lambda plant: plant.correct(*(which or ("E1", "consumed", "L7")), why=why, by="P-1", **more)


def changed(**changes: Any) -> Callable[[Plant], Any]:
    return corrected(changes=changes)


UNKNOWN = '`assay sql DIR "SELECT DISTINCT subject FROM movement LIMIT 20"` shows some that are.'
RECORDED = (
    '`assay sql DIR "SELECT segment, role, subject, subject_kind, position FROM movement '
    "WHERE execution = 'E1'\"` shows what was."
)
COLUMNS = (
    *("execution", "role", "subject", "subject_kind", "quantity", "unit", "position", "segment", "equipment"),
    *("carrier", "person", "recipe", "work_order", "material", "started", "ended", "confidence", "share"),
    *("basis", "time", "clock_uncertainty"),
)
CASES: dict[str, tuple[Callable[[Plant], Any], str, str]] = {
    "trace.direction": (
        lambda plant: plant.trace("U1", "sideways"),
        "'sideways' is not a direction\nWrite 'back' or 'forward' or 'both'.",
        "'sideways' 不是方向\n请写 'back' 或 'forward' 或 'both'。",
    ),
    "trace.zone": (
        lambda plant: plant.recall("U1", at=NAIVE),
        "the time 2026-03-02 00:00:00 has no zone\nGive it one, such as +00:00.",
        "时间 2026-03-02 00:00:00 没有时区\n请给出时区，例如 +00:00。",
    ),
    "trace.nothing": (
        lambda plant: plant.recall([]),
        "there is nothing to trace\nName one unit or more.",
        "没有可追溯的对象\n请给出至少一个单件。",
    ),
    "trace.nothing-to-compare": (
        lambda plant: plant.common([]),
        "there is nothing to compare\nName one unit or more.",
        "没有可比较的对象\n请给出至少一个单件。",
    ),
    "trace.both-sides": (
        lambda plant: plant.common(["U1"], against=["U1"]),
        "'U1' is on both sides\nTake it out of one of the two.",
        "'U1' 同时出现在两侧\n请从其中一侧去掉。",
    ),
    "trace.share": (
        lambda plant: plant.common(["U1"], least_share=1.5),
        "a share of 1.5 is none\nGive one above 0, up to 1.",
        "占比不能是 1.5\n请给出大于 0 且不超过 1 的占比。",
    ),
    "trace.unknown": (
        lambda plant: plant.trace("nobody"),
        f"'nobody' is no unit, lot or execution of this plant\n{UNKNOWN}",
        (
            "'nobody' 不是本工厂的单元、批次或执行编号\n"
            '`assay sql DIR "SELECT DISTINCT subject FROM movement LIMIT 20"` 可列出一些编号。'
        ),
    ),
    "near": (
        lambda plant: plant.recall("L8"),
        "'L8' is no unit, lot or execution of this plant\nDid you mean 'L9' or 'L7'?",
        "'L8' 不是本工厂的单元、批次或执行编号\n是否想写 'L9' 或 'L7'？",
    ),
    "trace.several-segments": (
        lambda plant: plant.trace("E3"),
        "'E3' is an execution in 2 segments\nSay which one: execution:press/E3 or execution:weld/E3.",
        "'E3' 在 2 个工序段中都是执行编号\n请指明是哪一个：execution:press/E3 或 execution:weld/E3。",
    ),
    "correct.no-reason": (
        corrected(why=" ", take_back=True),
        "a correction needs a reason and a person\nSay why, and who corrects it.",
        "更正需要原因和更正人\n请说明原因和更正人。",
    ),
    "correct.no-change": (
        corrected(),
        (
            "a correction either takes a movement back or says what was otherwise\n"
            "Name at least one change, or take the movement back."
        ),
        "更正要么撤回移动，要么说明哪里不同，两者取一\n请至少给出一处更改，或撤回该移动。",
    ),
    "correct.taken-back": (
        corrected("E1", "consumed", "L9", take_back=True),
        "consumed 'L9' of 'E1' was taken back by 'P-12'\nGive its quantity, to bring it back.",
        "'E1' 的 consumed 'L9' 已被 'P-12' 撤回\n要恢复它，请给出数量。",
    ),
    "correct.same": (
        changed(quantity=2.0, carrier=None),
        "consumed 'L7' of 'E1' says so already: quantity 2.0, carrier none\nName what was otherwise.",
        "'E1' 的 consumed 'L7' 的记录已是如此：quantity 2.0、carrier 无\n请给出与记录不同之处。",
    ),
    "correct.none": (
        corrected("E1", "consumed", "L8", take_back=True),
        f"no movement was recorded with execution E1, role consumed, subject L8\n{RECORDED}",
        "没有记录过这样的移动：execution E1、role consumed、subject L8\n"
        + RECORDED.replace("shows what was.", "可列出已有的记录。"),
    ),
    "correct.several": (
        corrected("E2", "consumed", "L7", take_back=True),
        (
            "2 movements were recorded with execution E2, role consumed, subject L7\n"
            "Say which one by its position: position left or position none"
        ),
        (
            "这样的移动记录了 2 条：execution E2、role consumed、subject L7\n"
            "请用 position 指明是哪一条：position left 或 position 无。"
        ),
    ),
    "correct.column": (
        changed(zzz="red"),
        f"a movement has no 'zzz' that can be corrected\nColumns are {', '.join(COLUMNS)}.",
        f"移动没有可更正的列 'zzz'\n可更正的列：{'、'.join(COLUMNS)}。",
    ),
    "problem.needed": (
        changed(subject=None),
        "subject can't be None: every movement has one",
        "subject 不能是 None：每条移动都必须有它",
    ),
    "problem.role": (
        changed(role="eaten"),
        f"role can't be 'eaten': a role is one of {', '.join(Role)}",
        f"role 不能是 'eaten'：角色只能是 {'、'.join(Role)} 之一",
    ),
    "problem.kind": (
        changed(subject_kind="box"),
        "subject_kind can't be 'box': a kind is one of unit, lot, execution",
        "subject_kind 不能是 'box'：种类只能是 unit、lot、execution 之一",
    ),
    "problem.moment": (
        changed(started="noon"),
        "started can't be 'noon': it is a time with time zone",
        "started 不能是 'noon'：应为带时区的时间",
    ),
    "problem.number": (
        changed(quantity=float("nan")),
        "quantity can't be nan: it is a finite number",
        "quantity 不能是 nan：应为有限的数",
    ),
    "problem.quantity": (
        changed(quantity=-1.0),
        "quantity can't be -1.0: it is above 0; take the movement back if there was none",
        "quantity 不能是 -1.0：应大于 0；如果没有这次移动，请撤回",
    ),
    "problem.part": (
        changed(share=1.2),
        "share can't be 1.2: it is a part, 0 to 1",
        "share 不能是 1.2：应为 0 至 1 的比例",
    ),
    "problem.word": (
        changed(equipment=""),
        "equipment can't be '': it is a word",
        "equipment 不能是 ''：应为文字",
    ),
}


@pytest.mark.parametrize("key", CASES)
def test_each_refusal_says_what_and_what_to_do_in_both_languages(plant: Plant, key: str) -> None:
    refused, english, chinese = CASES[key]
    with pytest.raises((TraceError, AnalysisError)) as caught:
        refused(plant)
    problem = caught.value
    assert str(problem) == english
    assert isinstance(problem, TraceRefusal | CorrectionRefusal)
    said = "\n".join(text.zh for text in (problem.said, problem.advice) if text)
    assert said == chinese


def test_no_key_of_the_catalogue_is_left_out() -> None:
    texts = set(CATALOGUE.keys("en"))
    asked = {key for key in texts if key.startswith(("trace.", "correct.", "problem.")) or key == "near"}
    assert asked - {"correct.value"} == set(CASES)
    hints = {key for key in texts if key.startswith(("trace-hint.", "correct-hint."))}
    assert {key.replace("-hint.", ".") for key in hints} == asked - {
        "near",
        "correct.value",
        *(key for key in asked if key.startswith("problem.")),
    }
    for key, text in CATALOGUE.keys("zh").items():
        assert CHINESE.search(text) or key in {"join.list", "value.shown"}, key


TOLD = {
    "trace.unknown": ("trace", "nobody"),
    "correct.several": ("correct", "E2", "consumed", "L7", "--take-back", "--why", "wrong", "--by", "P-1"),
}


@pytest.mark.parametrize("key", TOLD)
def test_the_command_line_says_it_in_the_language_of_the_reader(
    directory: Path, key: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    _, english, chinese = CASES[key]
    verb, *words = TOLD[key]
    for language, said in (("zh", chinese), ("en", english)):
        assert run(["--lang", language, verb, str(directory), *words]) == 1
        out, err = capsys.readouterr()
        assert out == ""
        for sentence in said.splitlines():
            assert sentence in err


@pytest.fixture(scope="module")
def client(directory: Path) -> Iterator[TestClient]:
    with Workspace.open(directory) as workspace:
        password = ensure_administrator(workspace)
    served = create_app(directory, settings=ApiSettings())
    visitor = TestClient(served, base_url="http://127.0.0.1:8080", raise_server_exceptions=False)
    token = visitor.post("/api/login", json={"password": password}).json()["csrf"]
    visitor.headers.update({CSRF_HEADER: token, "Accept-Language": "zh-CN,zh;q=0.9"})
    yield visitor
    served.state.services.close()


@pytest.mark.parametrize(
    ("path", "asked", "key"),
    [
        ("/api/trace/nobody", {}, "trace.unknown"),
        ("/api/trace/common", {"ids": "U1", "against": "U1"}, "trace.both-sides"),
    ],
)
def test_rest_answers_a_chinese_reader_in_chinese(
    client: TestClient, path: str, asked: dict[str, str], key: str
) -> None:
    _, english, chinese = CASES[key]
    answer = client.get(path, params=asked)
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert [error["message"]["zh"], error["hint"]["zh"]] == chinese.splitlines()
    assert [error["message"]["en"], error["hint"]["en"]] == english.splitlines()
