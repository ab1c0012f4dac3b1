"""The documentation is executed: what a page tells a reader to type works, and prints what the page shows.

In the pages named here, fenced blocks mean:

- ``sh``: typed into a shell; ``python``: run in one namespace per page; all in the order of the page;
- ``csv`` and ``yaml`` with ``title="NAME"``: saved as NAME;
- ``text`` and ``json`` with ``title="prints"``: what the block before has printed; ``…`` stands for anything;
- anything else is only shown.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typed import typed_commands

ROOT = Path(__file__).parents[2]
EXECUTED = [
    "README.md",
    "docs/tutorial/from-csv-to-cause.md",
    "docs/tutorial/statistics.md",
    "docs/how-to/write-a-mapping.md",
    "docs/how-to/bad-files.md",
    "docs/how-to/back-up.md",
    "docs/how-to/keep-the-lake.md",
    "docs/how-to/ask-other-databases.md",
    "docs/how-to/codes-and-labels.md",
    "docs/how-to/alarms.md",
    "docs/how-to/ask-a-question.md",
    "docs/how-to/extract-and-watch.md",
    "docs/how-to/serve.md",
    "docs/how-to/statistics-on-a-file.md",
    "docs/how-to/verify-statistics.md",
    "docs/reference/codes.md",
    "docs/reference/json.md",
    "docs/reference/python.md",
    "docs/statistics/control-charts.md",
    "docs/statistics/time-weighted-charts.md",
    "docs/statistics/short-run-and-special-charts.md",
    "docs/statistics/rules.md",
    "docs/statistics/sigma.md",
    "docs/statistics/capability.md",
    "docs/statistics/distributions.md",
    "docs/statistics/msa.md",
    "docs/statistics/arl.md",
    "docs/statistics/multivariate-charts.md",
    "docs/statistics/profiles.md",
    "docs/statistics/acceptance-sampling.md",
    "docs/statistics/tolerance-intervals.md",
    "docs/statistics/process-monitoring.md",
    "docs/zh/from-csv-to-cause.md",
    "docs/zh/statistics.md",
]
FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w+)(?P<rest>[^\n]*)\n(?P<body>.*?)^(?P=indent)```$", re.M | re.S
)
TITLE = re.compile(r'title="([^"]+)"')


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    language: str
    title: str
    body: str
    line: int


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text("utf-8")
    return [
        Block(
            language=found["language"],
            title=title[1] if (title := TITLE.search(found["rest"])) else "",
            body=re.sub(f"^{found['indent']}", "", found["body"], flags=re.M),
            line=text.count("\n", 0, found.start()) + 1,
        )
        for found in FENCE.finditer(text)
    ]


@pytest.fixture(scope="module")
def commands() -> Iterator[Path]:
    """Where ``assay`` is; ``test_cli`` starts it as it is installed."""
    with typed_commands() as folder:
        yield folder


def shell(script: str, folder: Path, commands: Path) -> subprocess.CompletedProcess[str]:
    told = {"COLUMNS": "120", "NO_COLOR": "1", "LANG": "C.UTF-8", "ASSAY_LANG": "en"}
    path = os.pathsep.join([str(commands), str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, **told, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )


def words(text: str) -> str:
    return " ".join(text.split())


def prints(shown: str, printed: str) -> bool:
    """Whether ``printed`` holds what the page shows, where … stands for anything."""
    text, place = words(printed), 0
    for part in map(words, shown.split("…")):
        found = text.find(part, place)
        if found < 0:
            return False
        place = found + len(part)
    return True


@pytest.mark.parametrize("name", EXECUTED)
def test_page_does_what_it_says(
    name: str,
    commands: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "__main__"}
    printed = ""
    for block in blocks_of(ROOT / name):
        where = f"{name}:{block.line}"
        if block.title == "prints":
            assert prints(block.body, printed), f"{where} shows\n{block.body}\nbut printed was\n{printed}"
        elif block.title and block.language in {"csv", "yaml"}:
            Path(block.title).write_text(block.body, "utf-8")
        elif block.language == "sh" and not block.title:
            done = shell(block.body, tmp_path, commands)
            printed = done.stdout
            assert done.returncode == 0, f"{where} ended with {done.returncode}:\n{printed}"
        elif block.language == "python" and not block.title:
            exec(compile(block.body, where, "exec"), namespace)
            printed = capsys.readouterr().out
