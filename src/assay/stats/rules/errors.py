"""What run rules refuse, by name."""

from __future__ import annotations

from assay.model.catalogue import Catalogue
from assay.stats.errors import Refusal

CATALOGUE = Catalogue("assay.stats.rules")


class TwoRulesOneName(Refusal):
    """Two different rules under one name: ``name``."""

    key = "two-rules-one-name"
    catalogue = CATALOGUE


class BreakOutside(Refusal):
    """A break that is no index of the series: ``value``, ``count``."""

    key = "break-outside"
    catalogue = CATALOGUE


class NoZoneRule(Refusal):
    """A rule on rises and falls where the zones of single points have to be enough: ``name``."""

    key = "no-zone-rule"
    catalogue = CATALOGUE
