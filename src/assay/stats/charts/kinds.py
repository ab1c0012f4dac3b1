"""Every kind of control chart by id; the command line, REST and the contract tests go through here.

A module of charts lists its own in ``KINDS``, in the order a person would look for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from assay.stats.charts import (
    acceptance_chart,
    attributes,
    cusums,
    individuals,
    line_charts,
    mewma_chart,
    profile_charts,
    rare,
    short_run,
    short_run_counts,
    t2_charts,
    tool_wear,
    variables,
    variance_chart,
    weighted,
)
from assay.stats.charts.kind import ChartKind

CHARTS: Mapping[str, ChartKind] = MappingProxyType(
    {
        kind.id: kind
        for kind in (
            *variables.KINDS,
            *individuals.KINDS,
            *attributes.KINDS,
            *rare.KINDS,
            *weighted.KINDS,
            *cusums.KINDS,
            *short_run.KINDS,
            *short_run_counts.KINDS,
            *tool_wear.KINDS,
            *acceptance_chart.KINDS,
            *t2_charts.KINDS,
            *variance_chart.KINDS,
            *mewma_chart.KINDS,
            *line_charts.KINDS,
            *profile_charts.KINDS,
        )
    }
)
"""Kinds by id."""
