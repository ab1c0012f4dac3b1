"""``assay demo``: the main job on real data, from a file to a report and the pages."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.options import AsJson, Scope
from assay.cli.output import console, show
from assay.cli.progress import bar
from assay.cli.speech import said, say, spoken

if TYPE_CHECKING:
    from rich.console import Console

    from assay.demo.mainjob import Story

_TARGET = "result = 'NOK'"
_BUDGET = 0.5
"""Seconds spent on committing to rows one by one."""


def demo(
    *,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="option.no_serve")] = False,
    directory: Annotated[Path, typer.Option("--dir", metavar="DIR", help="option.demo_dir")] = Path(
        "demo-plant"
    ),
    scope: Scope = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="option.demo_report", show_default=False)
    ] = None,
    liveline: Annotated[
        Path | None, typer.Option("--liveline", metavar="FILE", help="option.liveline", show_default=False)
    ] = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="option.port")] = 8080,
    as_json: AsJson = False,
) -> None:
    """Build, analyse, report, serve."""
    from assay.demo.mainjob import main_job
    from assay.demo.report import write
    from assay.store.workspace import Workspace

    say_to = console(stderr=as_json)
    built = _build(directory, liveline, say_to)
    began = time.perf_counter()
    out = report or directory / "report.html"
    command = f"assay demo --no-serve --dir {directory}" + (f" --scope {scope}" if scope else "")
    with Workspace.open(directory) as workspace, bar() as progress:
        story = main_job(workspace, _TARGET, scope=scope, command=command, progress=progress)
    write(story, out, spoken())
    seconds = time.perf_counter() - began
    document = {**built, **_document(story), "report": out, "seconds": seconds}
    show(document, lambda to: _tell(to, story, out, seconds), as_json=as_json)
    if not no_serve:
        from assay.cli.verbs.serve import run_server

        run_server(directory, "127.0.0.1", port)


def _build(directory: Path, liveline: Path | None, to: Console) -> dict[str, Any]:
    """The plant with its files loaded; what was done, as JSON values."""
    from assay.demo import build
    from assay.store.plant_evidence import settle, standing

    began = time.perf_counter()
    loads: list[dict[str, Any]] = []

    def told(file: str, report: Any) -> None:
        loads.append({"file": file, **report.to_dict()})
        to.print(say("demo.loaded", **loads[-1]))

    workspace, was_there = build.open_or_create(directory)
    with workspace, bar() as progress:
        if not build.is_complete(workspace):
            build.load_screwdriving(workspace, told, progress)
        found = build.find_liveline(liveline)
        if found is not None and not build.has_liveline(workspace):
            build.load_liveline(workspace, found, told, progress)
        readings = build.has_liveline(workspace)
        settle(workspace, _BUDGET)
        log = standing(workspace)
    seconds = time.perf_counter() - began
    to.print(say("demo.reuse" if was_there and not loads else "demo.build", plant=directory, seconds=seconds))
    if not readings:
        to.print(say("demo.no_liveline"), soft_wrap=True)
    if log is None:
        to.print(say("demo.no_log"))
    elif log.why is not None:
        to.print(say("demo.not_logged", why=said(log.why.said)), soft_wrap=True)
    else:
        to.print(say("demo.logged", entries=log.entries, waiting=log.waiting), soft_wrap=True)
    return {
        "plant": directory,
        "reused": was_there,
        "loads": loads,
        "liveline": readings,
        "build_seconds": seconds,
        "log": None
        if log is None
        else {
            "entries": log.entries,
            "waiting_rows": log.waiting,
            "reason": None if log.why is None else log.why.reason,
        },
    }


def _document(story: Story) -> dict[str, Any]:
    part = story.part
    first = story.causes["causes"][0] if story.causes["causes"] else None
    return {
        "part": None if part is None else {"id": part.execution, "unit": part.unit, "segment": part.segment},
        "trace": story.trace,
        "cause": story.causes,
        "blast_radius": None
        if first is None
        else {
            "factor": first["factor"],
            "value": first["value"],
            "units": first["blast_radius"],
            "not_inspected": first["not_inspected"],
        },
    }


def _tell(to: Console, story: Story, out: Path, seconds: float) -> None:
    from assay.cli.verbs.cause import print_causes
    from assay.cli.verbs.trace import print_trace

    to.print()
    if story.part is not None and story.trace is not None:
        part = story.part
        to.print(say("demo.part", execution=part.execution, unit=part.unit, segment=part.segment))
        nodes = sorted(story.trace["nodes"], key=lambda node: node["id"] not in {part.unit, part.execution})
        print_trace(to, {**story.trace, "nodes": nodes}, shown=6)
    elif not story.causes["bad"]:
        to.print(say("demo.no_bad", target=story.target))
    print_causes(to, story.causes)
    for first in story.causes["causes"][:1]:
        to.print(
            say(
                "demo.blast",
                cause=first["factor"] if first["value"] is None else f"{first['factor']} = {first['value']}",
                units=first["blast_radius"],
                not_inspected=first["not_inspected"],
            )
        )
    to.print(say("demo.report", file=out), soft_wrap=True)
    to.print(say("demo.seconds", seconds=seconds))
