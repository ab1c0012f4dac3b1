"""``assay sql``: one read-only question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.options import AsJson, Plant
from assay.cli.output import show, table
from assay.cli.speech import say

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import Console

_SHOWN = 100
"""Rows shown to a person; ``--json`` gives all."""


def sql(
    directory: Plant,
    statement: Annotated[str, typer.Argument(metavar="SELECT…", help="argument.sql", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Ask and show the answer."""
    from assay.store.workspace import Workspace

    with Workspace.open(directory) as workspace:
        answer = workspace.lake.query(statement)
    names = _unique(answer.column_names)

    def human(to: Console) -> None:
        top = answer.slice(0, _SHOWN)
        table(to, names, zip(*(column.to_pylist() for column in top.columns), strict=True))
        to.print(say("sql.rows" if len(answer) <= _SHOWN else "sql.cut", rows=len(answer), shown=_SHOWN))

    show({"columns": names, "rows": _rows(answer, names)} if as_json else None, human, as_json=as_json)


def _rows(answer: pa.Table, names: list[str]) -> list[dict[str, Any]]:
    return list(answer.rename_columns(names).to_pylist())


def _unique(names: list[str]) -> list[str]:
    """Column names with repeats numbered, so that a row can be an object."""
    taken: list[str] = []
    for name in names:
        number, free = 1, name
        while free in taken:
            free, number = f"{name}_{number}", number + 1
        taken.append(free)
    return taken
