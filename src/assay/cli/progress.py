"""A progress bar on stderr, and only where a person sees it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from assay.cli.speech import CATALOGUE, say, spoken

if TYPE_CHECKING:
    from assay.plugins.operator import Progress


@contextmanager
def bar() -> Iterator[Progress | None]:
    """A bar to hand to a long piece of work; None where stderr is not a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("")

        def tell(done: float, total: float, what: str) -> None:
            known = f"progress.{what}"
            shown = say(known) if known in CATALOGUE.keys(spoken()) else what
            if not total:  # how much there is isn't known: say how much is done
                bars.update(task, total=None, description=f"{done:,.0f} {shown}")
                return
            bars.update(task, completed=done, total=total, description=shown)

        yield tell
