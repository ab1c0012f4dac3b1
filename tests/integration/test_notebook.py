"""The notebook tutorial runs from an empty folder, draws its results, and tells the story of its page."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from tests.integration.test_documentation import blocks_of

TUTORIAL = Path(__file__).parents[2] / "docs/tutorial"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def written() -> Any:
    return nbformat.read(TUTORIAL / "statistics.ipynb", as_version=4)


@pytest.fixture(scope="module")
def executed(written: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    where = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.from_dict(written)  # type: ignore[no-untyped-call]
    client = NotebookClient(
        notebook, timeout=180, kernel_name="python3", resources={"metadata": {"path": str(where)}}
    )
    client.execute()
    return notebook


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def test_the_notebook_is_kept_without_outputs(written: Any) -> None:
    nbformat.validate(written)
    assert not outputs(written)
    assert all(cell.get("execution_count") is None for cell in written.cells)


def test_the_page_and_the_notebook_are_one_story(written: Any) -> None:
    cells = [cell.source.strip() for cell in written.cells if cell.cell_type == "code"]
    page = [
        block.body.strip() for block in blocks_of(TUTORIAL / "statistics.md") if block.language == "python"
    ]
    assert cells == page


def test_it_prints_the_figures_of_the_books(executed: Any) -> None:
    printed = "".join(output.text for output in outputs(executed) if output.get("name") == "stdout")
    for figure in (
        "73.98805  74.00118  74.01430",  # piston rings, R qcc
        "nelson1 [36, 37, 38]",
        "Cp 1.703, Cpk 1.663 (95 %: 1.448 to 1.878)",  # R qcc
        "range: GRR 0.30578, ndc 5",  # AIAG MSA, 4th ed., .30575 with its rounded ranges
        "false alarm every 370.4 points",
        "contributes most: length",
        "0 failed",
    ):
        assert figure in printed
    assert not [output for output in outputs(executed) if output.get("name") == "stderr"]


def test_its_results_draw_themselves(executed: Any) -> None:
    pictures = [
        base64.b64decode(output.data["image/png"])
        for output in outputs(executed)
        if output.output_type == "execute_result" and "image/png" in output.data
    ]
    assert len(pictures) == 5, "chart, sixpack, gauge study, EWMA chart, monitoring"
    assert all(picture.startswith(PNG) and len(picture) > 10_000 for picture in pictures)
