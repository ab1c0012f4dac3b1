"""Real refusals of every room read in Chinese: a sentence that changes there is noticed here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.analyse.cause import cause, evidence
from assay.analyse.trace import trace
from assay.apps.errors import problem_of
from assay.connect.infer import infer
from assay.connect.load import load_file
from assay.model.errors import AssayError
from assay.store.workspace import Workspace

TARGET = "result = 'NOK'"
ROWS = "unit,machine,result,time\n" + "".join(
    f"u{n},M{n % 2},{'NOK' if n % 7 == 0 else 'OK'},2026-03-01 06:{n:02}:00\n" for n in range(40)
)


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("spoken")
    (folder / "a.csv").write_text(ROWS, "utf-8")
    with Workspace.create(folder / "plant") as workspace:
        load_file(workspace, folder / "a.csv", infer(folder / "a.csv").mapping)
        yield workspace


def refused(error: pytest.ExceptionInfo[AssayError]) -> tuple[str, str]:
    problem = problem_of(error.value)
    return problem.message.zh, problem.hint.zh if problem.hint else ""


@pytest.mark.parametrize(
    ("target", "where", "scope", "said"),
    [
        ("", None, None, ("表达式为空。", "请写一个条件")),
        ("result = ", None, None, ("不是可读的条件或值", "例如：")),
        ("result = 'a'; result = 'b'", None, None, ("包含多个表达式", "连接条件")),
        ("1 > 2", None, None, ("没有提到任何列", "请写出特性或列名")),
        ("resul = 'NOK'", None, None, ("没有名为 'resul' 的检测特性。", "是否想写 'result'？现有：result。")),
        (TARGET, "equipmen = 'M1'", None, ("没有名为 'equipmen' 的列。", "是否想写 'equipment'")),
        (TARGET, "equipment", None, ("只是一个值，不是条件", "请写成比较")),
        (TARGET, "equipment = 'M9'", None, ("没有对象具有目标", "请放宽条件")),
        (TARGET, None, "s77", ("没有具有该目标的工序 's77'。", "现有：")),
        ("result + 1 > 2", None, None, ("无法计算", "文字与单引号中的文字")),
    ],
)
def test_a_question_refused(
    plant: Workspace, target: str, where: str | None, scope: str | None, said: tuple[str, str]
) -> None:
    with pytest.raises(AssayError) as caught:
        cause(plant, target, where=where, scope=scope)
    for expected, found in zip(said, refused(caught), strict=True):
        assert expected in found


def test_an_unknown_factor_and_an_unknown_id(plant: Workspace) -> None:
    with pytest.raises(AssayError) as caught:
        evidence(plant, TARGET, factor="colour", value="red")
    assert refused(caught)[0] == "该目标没有记录因素 'colour'。"
    with pytest.raises(AssayError) as caught:
        trace(plant, "u9999")
    assert refused(caught)[0].endswith("不是本工厂的单元、批次或执行编号")


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("", "SQL 为空"),
        ("DELETE FROM measurement", "此处的 SQL 只能读取"),
        ("SELECT 1; SELECT 2", "给出了 2 条 SQL 语句"),
        ("SELECT * FROM read_csv('x')", "不读取文件"),
        ("SELECT nothing FROM measurement", "无法执行 SQL"),
    ],
)
def test_sql_refused(plant: Workspace, statement: str, message: str) -> None:
    with pytest.raises(AssayError) as caught:
        plant.lake.query(statement)
    assert message in refused(caught)[0]


@pytest.mark.parametrize(
    ("name", "content", "message", "hint"),
    [
        ("empty.csv", b"", "是空文件（0 字节）", "请重新导出该文件。"),
        ("head.csv", b"a,b\n", "只有列名，没有数据行", "请加入数据行"),
        ("text.xlsx", b"a,b\n1,2\n", "的扩展名是 .xlsx，但内容是CSV 之类的文本", "请按实际内容改扩展名"),
        ("picture.csv", b"\x89PNG\r\n\x1a\n" + b"0" * 99, "这是PNG 图片，不是可读取的表格", "请把表格导出为"),
        ("cut.parquet", b"PAR1", "无法读取 Parquet 文件", "请重新复制或导出"),
        ("twice.csv", b"a,a\n1,2\n", "表头中 'a' 出现 2 次", "各不相同"),
        ("noise.csv", bytes(range(256)) * 40, "列名含零字节", "没有常见编码"),
    ],
)
def test_a_file_refused(tmp_path: Path, name: str, content: bytes, message: str, hint: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AssayError) as caught:
        infer(tmp_path / name)
    said, advice = refused(caught)
    assert message in said
    assert hint in advice


def test_a_mapping_refused(plant: Workspace, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(ROWS, "utf-8")
    text = infer(tmp_path / "a.csv").to_yaml()
    for wrong, message in (
        (text.replace("machine", "maschine"), "文件没有列"),
        (text.replace("format: csv", "format: csv\n  delimiter: ';'"), "其全部列名都在一格中"),
        ("version: 1\n  bad: [\n", "不是 YAML"),
    ):
        with pytest.raises(AssayError) as caught:
            load_file(plant, tmp_path / "a.csv", wrong)
        assert message in refused(caught)[0]
