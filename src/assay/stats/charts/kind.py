"""What a kind of control chart is: its name, what it takes, what makes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from assay.model.text import Text
from assay.stats.charts.chart import ControlChart
from assay.stats.charts.errors import CATALOGUE
from assay.stats.charts.options import Common

Takes = Literal[
    "subgroups", "individuals", "counts", "counts_sizes", "events", "pairs", "multivariate", "profiles"
]
"""The data a chart is made of:

- ``subgroups``: ``make(values, subgroup)``
- ``individuals``: ``make(values)``
- ``counts``: ``make(counts)``
- ``counts_sizes``: ``make(counts, sizes)``
- ``events``: ``make(values)``, cases or time between rare events
- ``pairs``: ``make(values, by)``, each value with a second column (a part, a target, a tool's use)
- ``multivariate``: ``make(values)`` of shape ``(N, P)``, or ``make(values, subgroup)``
- ``profiles``: ``make(x, profiles)``
"""
COMMON: tuple[str, ...] = tuple(Common.__annotations__)
"""Names of the options that every Shewhart chart takes; see :class:`assay.stats.charts.options.Common`."""


@dataclass(frozen=True)
class ChartKind:
    """A kind of control chart."""

    id: str
    """As on the command line: ``xbar_r``, ``imr``, ``p``, …"""
    title: Text
    make: Callable[..., ControlChart]
    takes: Takes
    options: tuple[str, ...] = COMMON
    """Names of the keyword options of ``make``."""


def kind(
    id: str,  # noqa: A002 - the field's own name
    make: Callable[..., ControlChart],
    takes: Takes,
    *own: str,
    without: tuple[str, ...] = (),
) -> ChartKind:
    """A kind of this package with the common options, its ``own`` and its title from the catalogue."""
    shared = tuple(option for option in COMMON if option not in without)
    return ChartKind(id, CATALOGUE.text(f"title.{id}"), make, takes, (*own, *shared))
