"""Measurement system analysis against printed examples, another package, and independent arithmetic."""

from __future__ import annotations

from collections.abc import Iterator

from assay.stats.verify.check import Check
from assay.stats.verify.msa_attributes import attribute_checks
from assay.stats.verify.msa_gauge import gauge_checks
from assay.stats.verify.msa_location import location_checks


def checks() -> Iterator[Check]:
    """Every statistic of :mod:`assay.stats.msa`."""
    yield from gauge_checks()
    yield from location_checks()
    yield from attribute_checks()
