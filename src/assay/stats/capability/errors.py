"""What capability studies refuse, by name."""

from __future__ import annotations

from typing import ClassVar

from assay.model.catalogue import Catalogue
from assay.stats.errors import Refusal

CATALOGUE = Catalogue("assay.stats.capability")


class CapabilityRefusal(Refusal):
    """Base of the refusals with texts in ``assay.stats.capability``."""

    catalogue: ClassVar[Catalogue] = CATALOGUE


class TargetOutsideLimits(CapabilityRefusal):
    """A target that isn't between the specification limits: ``target``, ``lsl``, ``usl``."""

    key = "target-outside-limits"


class BeyondNaturalLimit(CapabilityRefusal):
    """Values beyond a bound that can't be passed: ``count``, ``index``, ``value``, ``bound``."""

    key = "beyond-natural-limit"


class LimitsBeyondTransformation(CapabilityRefusal):
    """No limit lies where the fitted transformation has values: ``kind``, ``low``, ``high`` (its bounds)."""

    key = "limits-beyond-transformation"


class SubgroupsNeeded(CapabilityRefusal):
    """An estimator within subgroups without subgroups: ``estimator``."""

    key = "subgroups-needed"


class MeanOutsideTolerance(CapabilityRefusal):
    """A centre outside the tolerance region: ``x``, ``y``."""

    key = "mean-outside-tolerance"
