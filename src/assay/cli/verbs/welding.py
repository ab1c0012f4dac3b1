"""``assay weld-log`` and ``assay weld-file``: weld passes as evidence, and the file of a joint."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.options import AsJson, Plant
from assay.cli.output import show, table
from assay.cli.speech import said, say, spoken
from assay.cli.verbs.unit_file import Html, Pdf, print_head, show_file

if TYPE_CHECKING:
    from rich.console import Console

    from assay.analyse.welding.contents import WeldFile, WeldPass

_HEADS = ("execution", "person", "machine", "recipe", "heat_input", "gate", "entry", "in_order", "why")


def weld_log(directory: Plant, *, as_json: AsJson = False) -> None:
    """Log weld passes as evidence, after what their gate asks for: each gets a verdict."""
    from assay.analyse.welding import log_passes
    from assay.store.workspace import Workspace

    with Workspace.open(directory) as workspace:
        found = log_passes(workspace)
    counts = {name: value for name, value in asdict(found).items() if name != "notes"}

    def human(to: Console) -> None:
        to.print(say("weld-log.logged", **counts))
        for note in found.notes:
            to.print(say("weld-log.note", text=said(note)))

    show({**counts, "notes": [said(note) for note in found.notes]}, human, as_json=as_json)


def weld_file(
    directory: Plant,
    joint: Annotated[str, typer.Argument(metavar="JOINT", help="argument.joint", show_default=False)],
    *,
    html: Html = None,
    pdf: Pdf = None,
    as_json: AsJson = False,
) -> None:
    """Everything recorded of a welded joint, pass by pass, with the verdicts of the gate."""
    from assay.analyse.welding import weld_file as analysis
    from assay.store.workspace import Workspace

    with Workspace.open(directory) as workspace:
        found, zone = analysis(workspace, joint), workspace.config.time_zone
    if html is not None:
        from assay.report.weld_file import as_html

        html.write_text(as_html(found, spoken(), zone), encoding="utf-8")
    if pdf is not None:
        from assay.report.weld_file import as_pdf

        pdf.write_bytes(as_pdf(found, spoken(), zone))
    show_file(found, _print, (html, pdf), as_json=as_json)


def _print(to: Console, file: WeldFile) -> None:
    print_head(to, file)
    table(to, [say(f"weld-file.{head}") for head in _HEADS], [_row(one) for one in file.passes])
    for gap in file.missing:
        to.print(say("unit-file.gap", text=said(gap)))


def _row(one: WeldPass) -> list[object]:
    gate = one.gate
    words = {True: "yes", False: "no", None: "open"}
    return [
        one.execution,
        one.person,
        one.machine,
        " ".join(word for word in (one.recipe, one.revision) if word),
        None if one.heat_input is None else f"{one.heat_input:.3f}",
        say("weld-file.not_logged") if gate is None else say(f"gate.{gate.later or gate.outcome}"),
        None if gate is None else f"{gate.log} {gate.entry}",
        say(f"weld-file.{words[one.in_order]}"),
        "\n".join(said(reason.said) for reason in gate.reasons) if gate else "",
    ]
