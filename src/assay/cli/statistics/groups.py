"""The groups of statistics on the command line; a group is filled when one of its commands is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.cli.statistics.command import Command


@dataclass(frozen=True)
class Group:
    """A verb with a kind after it: ``assay chart xbar_r FILE``."""

    commands: Callable[[], Iterable[Command]]
    default: str | None = None
    """The kind meant where a file stands in its place."""


def _charts() -> Iterable[Command]:
    from assay.cli.statistics.command import Command, Input
    from assay.stats.charts.kinds import CHARTS

    value = Input("value", "values", "numbers")
    label = Input("label", "labels", "words", required=False)
    stage = Input("stage", "stages", "stages", required=False)
    subgroups = (
        Input("value", "values", "matrix"),
        Input("subgroup", "subgroup", "subgroup", required=False),
        Input("n", "subgroup", "subgroup", required=False),
    )
    inputs: dict[str, tuple[Input, ...]] = {
        "subgroups": subgroups,
        "individuals": (value, label),
        "counts": (Input("value", "counts", "numbers"), label),
        "counts_sizes": (Input("value", "counts", "numbers"), Input("n", "sizes", "sizes"), label),
        "events": (value, label),
        "pairs": (value, Input("by", "by", "words")),
        "multivariate": subgroups,
        "profiles": (Input("value", "profiles", "matrix"), Input("by", "x", "numbers")),
    }
    for kind in CHARTS.values():
        columns = inputs[kind.takes]
        if "stages" in kind.options:
            columns = (*columns, stage)
        taken = {one.parameter for one in columns} | {"labels"}
        options = tuple(name for name in kind.options if name not in taken)
        yield Command(kind.id, kind.title, kind.make, columns, options)


GROUPS: dict[str, Group] = {
    "chart": Group(_charts),
}
"""Groups by verb."""
