"""``assay bench``: figures beside their peers, from a checkout."""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.options import AsJson
from assay.cli.output import show, table
from assay.cli.progress import bar
from assay.cli.speech import say
from assay.model.errors import AssayError, did_you_mean

if TYPE_CHECKING:
    from rich.console import Console


def bench(
    name: Annotated[str, typer.Argument(metavar="NAME", help="argument.bench", show_default=False)],
    repeats: Annotated[
        int | None, typer.Option("--repeats", min=1, help="option.repeats", show_default=False)
    ] = None,
    scale: Annotated[
        float | None, typer.Option("--scale", min=0.0001, max=1.0, help="option.scale", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run one benchmark and print its figures; the exit code is 1 when a target is missed."""
    run = _find(name)
    known = inspect.signature(run).parameters
    options: dict[str, Any] = {"repeats": repeats, "scale": scale}
    options = {option: value for option, value in options.items() if value is not None}
    for option in options:
        if option not in known:
            raise typer.BadParameter(say("bench.no_option", name=name, option=f"--{option}"))
    with bar() as progress, _apart():
        if progress is not None and "progress" in known:
            options["progress"] = lambda done, what: progress(done, 1.0, what)
        figures = [figure.to_dict() for figure in run(**options)]

    def human(to: Console) -> None:
        heads = ["name", "value", "unit", "peer", "ratio", "spread", "target", "met"]
        rows_shown = [[_cell(figure[head]) for head in heads] for figure in figures]
        table(to, [say(f"bench.{head}") for head in heads], rows_shown, right=[1, 3, 4, 5])

    show({"figures": figures}, human, as_json=as_json)
    if any(figure["met"] is False for figure in figures):
        raise typer.Exit(1)


@contextmanager
def _apart() -> Iterator[None]:
    """Plants are made without a log, unless that is measured, and leave no key among the user's."""
    from assay.store.config import LOG_SWITCH

    with tempfile.TemporaryDirectory(prefix="assay-bench-") as state:
        apart = {LOG_SWITCH: os.environ.get(LOG_SWITCH, "off"), "ASSAY_STATE": state}
        before = {name: os.environ.get(name) for name in apart}
        os.environ.update(apart)
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})


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
