"""``assay find``: one question in the language of the plant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.options import AsJson, Plant
from assay.cli.output import show, table
from assay.cli.speech import say
from assay.cli.verbs.lake import moment_of

if TYPE_CHECKING:
    from rich.console import Console

    from assay.query.find import Answer

_SHOWN = 100
"""Rows shown to a person; ``--json`` gives all."""


def find(
    directory: Plant,
    question: Annotated[str, typer.Argument(metavar="QUERY", help="argument.question", show_default=False)],
    *,
    explain: Annotated[bool, typer.Option("--explain", help="option.explain")] = False,
    sql: Annotated[bool, typer.Option("--sql", help="option.show_sql")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="option.most_rows")] = 1_000_000,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.001, metavar="SECONDS", help="option.timeout")
    ] = 60.0,
    memory: Annotated[str, typer.Option("--memory", metavar="SIZE", help="option.memory")] = "4GB",
    when: Annotated[
        str | None, typer.Option("--as-of", metavar="WHEN", help="option.as_of", show_default=False)
    ] = None,
    engine: Annotated[
        str | None, typer.Option("--engine", metavar="URL", help="option.engine", show_default=False)
    ] = None,
    allow_cross: Annotated[bool, typer.Option("--allow-cross", help="option.allow_cross")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask and show the answer."""
    from assay.query.find import find as ask
    from assay.query.program import Limits
    from assay.store.workspace import Workspace

    limits = Limits(rows=limit, seconds=timeout, memory=memory, crossed=allow_cross)
    with Workspace.open(directory) as workspace:
        as_of = None if when is None else moment_of(when, workspace.config.time_zone)
        answer = ask(workspace, question, limits=limits, engine=engine, as_of=as_of)
    document: dict[str, Any] | None = None
    if as_json:
        document = answer.to_dict(explain=explain)
        if sql:
            document["sql"] = answer.sql

    def human(to: Console) -> None:
        _print_rows(to, answer)
        if explain:
            _print_steps(to, answer.explain())
        if sql:
            to.out(answer.sql)

    show(document, human, as_json=as_json)


def _print_rows(to: Console, answer: Answer) -> None:
    heads = [f"{one.title or one.name}{f' [{one.unit}]' if one.unit else ''}" for one in answer.columns]
    right = [n for n, one in enumerate(answer.columns) if one.type in {"number", "integer"}]
    top = answer.to_arrow().slice(0, _SHOWN)
    table(
        to, heads, map(_cells, zip(*(column.to_pylist() for column in top.columns), strict=True)), right=right
    )
    rows = len(answer)
    to.print(say("find.rows" if rows <= _SHOWN else "find.cut", rows=rows, shown=_SHOWN))
    for note in answer.told.notes:
        to.print(note)


def _cells(row: tuple[Any, ...]) -> list[Any]:
    return [", ".join(map(str, cell)) if isinstance(cell, list) else _short(cell) for cell in row]


def _short(cell: Any) -> Any:
    return f"{cell:.7g}" if isinstance(cell, float) else cell


def _print_steps(to: Console, told: dict[str, Any]) -> None:
    heads = ["name", "does", "rows", "seconds", "detail"]
    steps = [[_detail(step[head]) for head in heads] for step in told["steps"]]
    table(to, [say(f"find.step_{head}") for head in heads], steps, right=[2, 3])
    for source, statements in told["statements"].items():
        moved = told["moved"].get(source, 0)
        to.print(say("find.source", source=source, statements=statements, moved=moved))


def _detail(value: object) -> object:
    if isinstance(value, str):
        line = " ".join(value.split())
        return line if len(line) <= 100 else f"{line[:99]}…"
    return f"{value:.3f}" if isinstance(value, float) else value
