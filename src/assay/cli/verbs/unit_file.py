"""``assay unit-file``: the completion report of a unit or lot."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from assay.cli.options import AsJson, Plant
from assay.cli.output import show, table
from assay.cli.speech import said, say, spoken

if TYPE_CHECKING:
    from rich.console import Console

    from assay.analyse.unit_file import UnitFile
    from assay.analyse.unit_file.contents import SubjectFile

Html = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="option.file_html", show_default=False)
]
Pdf = Annotated[
    Path | None, typer.Option("--pdf", metavar="FILE", help="option.file_pdf", show_default=False)
]

F = TypeVar("F", bound="SubjectFile")

_VERDICTS = {"met": "met", "not met": "not_met", "not recorded": "not_recorded"}
_STEPS = ("started", "segment", "execution", "equipment", "person", "recipe", "recipe_revision")


def unit_file(
    directory: Plant,
    id_: Annotated[str, typer.Argument(metavar="ID", help="argument.unit_or_lot", show_default=False)],
    *,
    html: Html = None,
    pdf: Pdf = None,
    as_json: AsJson = False,
) -> None:
    """Everything recorded of a unit or lot, graded against its process card."""
    from assay.analyse.unit_file import unit_file as analysis
    from assay.store.workspace import Workspace

    with Workspace.open(directory) as workspace:
        found, zone = analysis(workspace, id_), workspace.config.time_zone
    if html is not None:
        from assay.report.unit_file import as_html

        html.write_text(as_html(found, spoken(), zone), encoding="utf-8")
    if pdf is not None:
        from assay.report.unit_file_pdf import as_pdf

        pdf.write_bytes(as_pdf(found, spoken(), zone))
    show_file(found, print_file, (html, pdf), as_json=as_json)


def show_file(
    file: F, printed: Callable[[Console, F], None], paths: Iterable[Path | None], *, as_json: bool
) -> None:
    """Show a file of a subject, and say under which of ``paths`` it was written."""

    def human(to: Console) -> None:
        printed(to, file)
        for path in filter(None, paths):
            to.print(say("unit-file.written", file=path), soft_wrap=True)

    show(file.to_dict(), human, as_json=as_json)


def print_head(to: Console, file: SubjectFile) -> None:
    """What a file is of, and its grade."""
    card = file.card
    to.print(
        say(
            "unit-file.head",
            id=file.id,
            material=file.material or "–",
            card="–" if card is None else " ".join(word for word in (card.id, card.revision) if word),
            grade=say(f"unit-file.grade.{file.grade.replace(' ', '_')}"),
        )
    )


def print_file(to: Console, file: UnitFile) -> None:
    """The file as a person reads it on a terminal: the grade, the card line by line, the steps, the gaps."""
    print_head(to, file)
    if file.requirements:
        heads = [say(f"unit-file.{head}") for head in ("number", "segment", "wanted", "found", "verdict")]
        table(to, heads, [_line(one.model_dump()) for one in file.requirements])
    if file.steps:
        heads = [say(f"unit-file.{head}") for head in _STEPS]
        table(to, heads, [[getattr(step, name) for name in _STEPS] for step in file.steps])
    counts = {name: len(getattr(file, name)) for name in ("curves", "inspections", "events", "materials")}
    to.print(say("unit-file.counts", **counts))
    for gap in file.missing:
        to.print(say("unit-file.gap", text=said(gap)))


def _line(one: dict[str, Any]) -> list[object]:
    verdict = say(f"unit-file.verdict_{_VERDICTS[one['verdict']]}")
    return [one["number"], one["segment"], said(one["wanted"]), said(one["found"]), verdict]
