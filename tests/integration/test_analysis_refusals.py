"""What bridges, metres, causes, boards and statistics refuse is said in English and Chinese."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.measured_plant import measured_plant

from assay.analyse import board, errors
from assay.analyse.cause import evidence
from assay.analyse.cause.frame import build
from assay.analyse.errors import CATALOGUE
from assay.analyse.metre import read_line
from assay.cli.app import run
from assay.model.errors import AnalysisError, QueryError
from assay.plant import Plant
from assay.store.workspace import Workspace

SOURCES = Path(errors.__file__).parent
CHINESE = re.compile("[\u4e00-\u9fff]")
MAPPING = """
version: 1
source: turning
columns: {unit: {role: subject, is: unit}, lot: {role: factor}, diameter: {role: outcome, type: number},
          verdict: {role: outcome}}
records:
  - {kind: measurement, subject: $unit, subject_kind: unit, characteristic: diameter, value: $diameter,
     segment: turning, unit: mm, attributes: [lot]}
  - {kind: measurement, subject: $unit, subject_kind: unit, characteristic: verdict, text: $verdict,
     segment: turning}
"""
LINE = """
stations:
  - station: slitter
    passes: [{item: C1, begin: 2026-03-01T06:00:00Z, end: 2026-03-01T07:00:00Z}]
    by: {signal: slitter.speed, measures: speed}
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("refusing") / "plant"
    rows = [f"u{at},L{at % 3},{10 + at / 100},{'NOK' if at % 4 == 0 else 'OK'}" for at in range(40)]
    table = "\n".join(["unit,lot,diameter,verdict", *rows, ""])
    return measured_plant(where, table, MAPPING, "D-1,length,9.9,10.1,10")


@pytest.fixture(scope="module")
def plant(directory: Path) -> Iterator[Plant]:
    with Workspace.open(directory) as workspace:
        yield Plant(workspace)


def passed(plant: Plant, tmp_path: Path) -> Any:
    file = tmp_path / "line.yaml"
    file.write_text(LINE, "utf-8")
    return plant.metre(read_line(file), "C1", 5.0)


CASES: dict[str, tuple[Callable[[Plant, Path], Any], type[Exception], str, str]] = {
    "bridge.nothing": (
        lambda plant, _: plant.bridge("sinter"),
        AnalysisError,
        (
            "no movement goes into or comes out of segment 'sinter'\n"
            '`assay sql DIR "SELECT DISTINCT segment, role FROM movement"` shows what there is.'
        ),
        (
            "没有移动进入或离开工序段 'sinter'\n"
            '`assay sql DIR "SELECT DISTINCT segment, role FROM movement"` 可列出已有的工序段。'
        ),
    ),
    "bridge.lane": (
        lambda plant, _: plant.bridge("sinter", lane="colour"),
        AnalysisError,
        (
            "'colour' can't tell lanes apart\n"
            "Use one of equipment, material, position, recipe, work_order, or none."
        ),
        "'colour' 不能区分通道\n请用 equipment, material, position, recipe, work_order 之一，或不填。",
    ),
    "metre.few-readings": (
        passed,
        AnalysisError,
        (
            "signal 'slitter.speed' has 0 reading(s) from 2026-03-01 06:00:00+00:00 "
            "to 2026-03-01 07:00:00+00:00\n"
            "Correct the name of the signal or the times of the pass in the line's file."
        ),
        (
            "信号 'slitter.speed' 从 2026-03-01 06:00:00+00:00 到 2026-03-01 07:00:00+00:00 只有 0 个读数\n"
            "请在产线文件中改正信号名称或通过时间。"
        ),
    ),
    "cause.nothing": (
        lambda plant, _: plant.cause("diameter", where="lot = 'L9'", scope="turning"),
        AnalysisError,
        "No subject has a value for 'diameter' in 'turning' where lot = 'L9'.\nWiden --where or --scope.",
        "没有对象具有目标 'diameter' 的值，范围为 'turning'，条件为 lot = 'L9'。\n请放宽条件或工序范围。",
    ),
    "cause.factor": (
        lambda plant, _: evidence(plant.workspace, "diameter", factor="colour"),
        AnalysisError,
        "No factor 'colour' is recorded for this target.\nThere are: ",
        "该目标没有记录因素 'colour'。\n现有：",
    ),
    "condition.segment": (
        lambda plant, _: plant.cause("diameter", scope="tuning"),
        QueryError,
        "There is no segment 'tuning' with this target.\nDid you mean 'turning'? There are: turning.",
        "没有具有该目标的工序 'tuning'。\n是否想写 'turning'？现有：turning。",
    ),
    "condition.value": (
        lambda plant, _: plant.cause("diameter", where="lot"),
        QueryError,
        "--where 'lot' is a value, not a condition.\nCompare it: line = 'L2'.",
        "条件 'lot' 只是一个值，不是条件。\n请写成比较，例如：line = 'L2'。",
    ),
    "board.column": (
        lambda plant, _: board.levels(build(plant.workspace, "diameter", None, None), "lott"),
        AnalysisError,
        "There is no column 'lott' for this target.\nDid you mean 'lot'?",
        "该目标没有列 'lott'。\n是否想写 'lot'？",
    ),
    "statistics.chart-of": (
        lambda plant, _: plant.chart("diameter", kind="p", subgroup="10"),
        AnalysisError,
        (
            "A p chart is made of a condition, such as result = 'NOK'; the target is 'diameter'.\n"
            "Choose another kind, or leave it out."
        ),
        "p 图用于条件，例如 result = 'NOK'；当前目标是 'diameter'。\n请换一种图，或不指定。",
    ),
    "statistics.group": (
        lambda plant, _: plant.chart("diameter", subgroup="lott"),
        AnalysisError,
        "There is no column 'lott' to group by.\nDid you mean 'lot'? There are: ",
        "没有可用于分组的列 'lott'。\n是否想写 'lot'？现有：",
    ),
    "statistics.specification": (
        lambda plant, _: plant.capability("diameter"),
        AnalysisError,
        (
            "There is no specification for 'diameter'.\n"
            "Give lsl, usl or both, or record a specification in the master data."
        ),
        "'diameter' 没有规格。\n请给出 lsl、usl 或两者，或在主数据中登记规格。",
    ),
}


@pytest.mark.parametrize("key", CASES)
def test_a_refusal_says_what_and_what_to_do_in_both_languages(plant: Plant, tmp_path: Path, key: str) -> None:
    refused, kind, english, chinese = CASES[key]
    with pytest.raises(kind) as caught:
        refused(plant, tmp_path)
    problem: Any = caught.value
    assert str(problem).startswith(english)
    said = "\n".join(text.zh for text in (problem.said, problem.advice) if text)
    assert said.startswith(chinese)
    if not english.endswith(" "):
        assert (str(problem), said) == (english, chinese)


def test_the_command_line_says_it_in_the_language_of_the_reader(
    directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    _, _, english, chinese = CASES["bridge.nothing"]
    for language, said in (("zh", chinese), ("en", english)):
        assert run(["--lang", language, "bridge", str(directory), "sinter"]) == 1
        errors_said = capsys.readouterr().err
        for sentence in said.splitlines():
            assert sentence in errors_said


def test_code_and_catalogue_name_the_same_refusals() -> None:
    parts = {
        kind.__name__: kind.part
        for kind in vars(errors).values()
        if isinstance(getattr(kind, "part", 0), str)
    }
    code = "\n".join(path.read_text("utf-8") for path in SOURCES.rglob("*.py"))
    raised = {
        f"{parts[kind]}.{key}"
        for kind, key in re.findall(r'(\w+Refusal)\.of\(\s*"([a-z-]+)"', code)
        if kind in parts
    }
    raised |= {"statistics.column", "statistics.group"}  # handed on as ``refusal``
    texts = CATALOGUE.keys("en")
    new = {"bridge", "metre", "cause", "condition", "board", "statistics"}
    assert {key for key in raised if key.split(".")[0] in new} == {
        key for key in texts if key.split(".")[0] in new
    }
    for key, text in CATALOGUE.keys("zh").items():
        if key.split(".")[0].removesuffix("-hint") in new:
            assert CHINESE.search(text), key
