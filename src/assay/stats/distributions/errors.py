"""What fitting and testing distributions refuse, by name."""

from __future__ import annotations

from typing import ClassVar

from assay.model.catalogue import Catalogue
from assay.stats.errors import Refusal

CATALOGUE = Catalogue("assay.stats.distributions")


class DistributionRefusal(Refusal):
    """Base of the refusals with texts in ``assay.stats.distributions``."""

    catalogue: ClassVar[Catalogue] = CATALOGUE


class OutsideSupport(DistributionRefusal):
    """Values where a distribution has none: ``distribution``, ``count``, ``index``, ``value``, ``bound``."""

    key = "outside-support"


class TooManyPoints(DistributionRefusal):
    """More points than the test is defined for: ``what``, ``count``, ``most``."""

    key = "too-many-points"


class UnboundedLikelihood(DistributionRefusal):
    """No threshold where the likelihood has an inner maximum: ``distribution``."""

    key = "unbounded-likelihood"


class ThresholdAtInfinity(UnboundedLikelihood):
    """The likelihood grows as the threshold moves away; its limit has none: ``distribution``."""

    key = "threshold-at-infinity"


class NothingObserved(DistributionRefusal):
    """Only censored values, of which no spread can be estimated: ``count``."""

    key = "nothing-observed"


class NoTransformation(DistributionRefusal):
    """No transformation brings the values near a normal distribution: ``what``, ``best`` p-value."""

    key = "no-transformation"
