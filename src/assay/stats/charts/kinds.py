"""Every kind of control chart by id; the command line, REST and the contract tests go through here.

A module of charts lists its own in ``KINDS``, in the order a person would look for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from assay.stats.charts import attributes, individuals, rare, variables
from assay.stats.charts.kind import ChartKind

CHARTS: Mapping[str, ChartKind] = MappingProxyType(
    {
        kind.id: kind
        for kind in (
            *variables.KINDS,
            *individuals.KINDS,
            *attributes.KINDS,
            *rare.KINDS,
        )
    }
)
"""Kinds by id."""
