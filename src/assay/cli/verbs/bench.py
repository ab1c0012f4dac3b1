"""``assay bench``: figures beside their peers, from a checkout."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.options import AsJson
from assay.cli.output import show, table
from assay.cli.speech import say
from assay.model.errors import AssayError, did_you_mean

if TYPE_CHECKING:
    from rich.console import Console


def bench(
    name: Annotated[str, typer.Argument(metavar="NAME", help="argument.bench", show_default=False)],
    repeat: Annotated[
        int | None, typer.Option("--repeat", min=1, help="option.repeat", show_default=False)
    ] = None,
    rows: Annotated[int | None, typer.Option("--rows", min=1, help="option.rows", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Run one benchmark and print its figures."""
    run = _find(name)
    given = {"repeat": repeat, "rows": rows}
    known = inspect.signature(run).parameters
    for option, value in given.items():
        if value is not None and option not in known:
            raise typer.BadParameter(say("bench.no_option", name=name, option=f"--{option}"))
    figures = [figure.to_dict() for figure in run(**{k: v for k, v in given.items() if v is not None})]

    def human(to: Console) -> None:
        heads = ["name", "value", "unit", "peer", "ratio", "spread", "target", "met"]
        rows_shown = [[_cell(figure[head]) for head in heads] for figure in figures]
        table(to, [say(f"bench.{head}") for head in heads], rows_shown, right=[1, 3, 4, 5])

    show({"figures": figures}, human, as_json=as_json)
    if any(figure["met"] is False for figure in figures):
        raise typer.Exit(1)


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return say("bench.yes" if value else "bench.no")
    return f"{value:,.4g}" if isinstance(value, float) else value


def _find(name: str) -> Any:
    """The ``run`` of ``benchmarks/NAME.py`` of the checkout this installation belongs to."""
    import assay

    for root in (Path(assay.__file__).resolve().parents[2], Path.cwd()):
        if (root / "benchmarks" / "figures.py").is_file():
            break
    else:
        raise AssayError(say("bench.no_checkout"), hint=say("bench.no_checkout_hint"))
    sys.path.insert(0, str(root))
    known = sorted(
        module.name
        for module in pkgutil.iter_modules([str(root / "benchmarks")])
        if "def run(" in (root / "benchmarks" / f"{module.name}.py").read_text(encoding="utf-8")
    )
    if name not in known:
        raise AssayError(
            say("bench.unknown", name=name),
            hint=did_you_mean(name, known) or say("bench.known", names=", ".join(known)),
        )
    return importlib.import_module(f"benchmarks.{name}").run
