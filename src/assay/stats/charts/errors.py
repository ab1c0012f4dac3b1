"""What control charts refuse, besides the refusals every statistic shares."""

from __future__ import annotations

from assay.model.catalogue import Catalogue
from assay.stats.errors import Refusal

CATALOGUE = Catalogue("assay.stats.charts")


class NoSuchPoint(Refusal):
    """A phase, stage or exclusion names a point the chart doesn't have: ``name``, ``value``, ``count``."""

    key = "no-such-point"
    catalogue = CATALOGUE


class NoPhase1(Refusal):
    """A stage without a point its limits could be estimated from: ``stage``, ``start``, ``stop``."""

    key = "no-phase-1"
    catalogue = CATALOGUE


class NotAlive(Refusal):
    """A chart that has no live form: ``kind``."""

    key = "not-alive"
    catalogue = CATALOGUE


class UnknownPart(Refusal):
    """A part without points to estimate from and without given values: ``part``."""

    key = "unknown-part"
    catalogue = CATALOGUE


class MissingPart(Refusal):
    """A point without a part: ``index``."""

    key = "missing-part"
    catalogue = CATALOGUE


class MixedSubgroup(Refusal):
    """A subgroup with values of several parts: ``index``."""

    key = "mixed-subgroup"
    catalogue = CATALOGUE


class TooWide(Refusal):
    """A process too wide for its specification: ``what`` crosses at ``lower``, ``upper``; ``sigma``."""

    key = "too-wide"
    catalogue = CATALOGUE


class NoRoom(Refusal):
    """A specification too narrow for any wear: ``lsl``, ``usl``, ``margin``, ``sigma``."""

    key = "no-room"
    catalogue = CATALOGUE


class NotSymmetric(Refusal):
    """A covariance whose halves differ: ``row``, ``column``, ``one``, ``other``."""

    key = "not-symmetric"
    catalogue = CATALOGUE
