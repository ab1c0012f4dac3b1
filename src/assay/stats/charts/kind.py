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
    "subgroups",
    "individuals",
    "series",
    "counts",
    "counts_sizes",
    "events",
    "pairs",
    "parts",
    "parts_subgroups",
    "parts_counts",
    "multivariate",
    "profiles",
]
"""The data a chart is made of:

- ``subgroups``: ``make(values, subgroup)``
- ``individuals``: ``make(values)``
- ``counts``: ``make(counts)``
- ``counts_sizes``: ``make(counts, sizes)``
- ``events``: ``make(values)``, cases or time between rare events
- ``series``: ``make(values)``, or ``make(values, subgroup)``
- ``pairs``: ``make(values, use)``, each value with a number it depends on, such as a tool's use
- ``parts``: ``make(values, part)``, each value with the label of its part
- ``parts_subgroups``: ``make(values, part, subgroup)``; a label per value or subgroup
- ``parts_counts``: ``make(counts, sizes, part)``
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
