"""What sampling refuses by names of its own, and its texts."""

from __future__ import annotations

from assay.model.catalogue import Catalogue
from assay.stats.errors import Refusal

CATALOGUE = Catalogue("assay.stats.sampling")


class NoPlan(Refusal):
    """No plan keeps both risks: ``p1``, ``p2``, ``most`` (the largest acceptance number tried)."""

    key = "no-plan"
    catalogue = CATALOGUE


class NotTabled(Refusal):
    """A table of a standard that isn't held: ``standard``, ``inspection``, ``sampling``."""

    key = "not-tabled"
    catalogue = CATALOGUE


class LotTooLarge(Refusal):
    """More items than the lot or the sample holds: ``name``, ``value``, ``size``."""

    key = "lot-too-large"
    catalogue = CATALOGUE


class Discontinued(Refusal):
    """Sampling inspection is discontinued; no lot may be taken: ``count`` lots not accepted."""

    key = "discontinued"
    catalogue = CATALOGUE
