"""What measurement system studies refuse, by name."""

from __future__ import annotations

from assay.model.catalogue import Catalogue
from assay.stats.errors import Refusal

CATALOGUE = Catalogue("assay.stats.msa")


class MsaRefusal(Refusal):
    """Base of the refusals whose texts are in the catalogue of this package."""

    catalogue = CATALOGUE


class TooFewLevels(MsaRefusal):
    """Fewer levels of something than the study needs: ``count``, ``least``; the subclasses say of what."""

    key = "too-few-levels"


class TooFewParts(TooFewLevels):
    """Fewer parts (or, nested, fewer parts of each operator) than the study needs: ``count``, ``least``."""

    key = "too-few-parts"


class TooFewOperators(TooFewLevels):
    """Fewer operators than the study needs: ``count``, ``least``."""

    key = "too-few-operators"


class TooFewTrials(TooFewLevels):
    """Parts measured too few times: ``count``, ``least``."""

    key = "too-few-trials"


class TooFewReferences(TooFewLevels):
    """Fewer different reference values than a line needs: ``count``, ``least``."""

    key = "too-few-references"


class TooFewRatings(TooFewLevels):
    """Fewer ratings of each item than agreement needs: ``count``, ``least``."""

    key = "too-few-ratings"


class UnbalancedStudy(MsaRefusal):
    """Cells with different numbers of values: ``cells`` (the odd ones), ``usual``, ``odd`` (how many)."""

    key = "unbalanced-study"


class MissingLabel(MsaRefusal):
    """A row without its part, operator or other label: ``name``, ``count``, ``index``."""

    key = "missing-label"


class ZeroRepeatability(MsaRefusal):
    """Repeated measurements never differ, so the gauge's spread can't be seen: ``count``."""

    key = "zero-repeatability"


class ReferenceOutsideTolerance(MsaRefusal):
    """A reference value outside the specification limits: ``reference``, ``low``, ``high``."""

    key = "reference-outside-tolerance"


class MeanOutsideTolerance(MsaRefusal):
    """The mean of the study lies beyond the only specification limit: ``mean``, ``limit``."""

    key = "mean-outside-tolerance"


class SeveralReferences(MsaRefusal):
    """One part with more than one reference value: ``part``, ``references``."""

    key = "several-references"


class ToleranceTwice(MsaRefusal):
    """A tolerance and something else to compare with were given: ``tolerance``, ``other``."""

    key = "tolerance-twice"


class HistoricalBelowGauge(MsaRefusal):
    """A historical standard deviation smaller than the gauge's own: ``historical``, ``gauge``."""

    key = "historical-below-gauge"


class UnknownRating(MsaRefusal):
    """A rating outside the categories: ``value``, ``categories``."""

    key = "unknown-rating"


class NotDecided(MsaRefusal):
    """A study of pass and fail without both decisions among the standards: ``missing``."""

    key = "not-decided"


class NotMonotone(MsaRefusal):
    """Decisions don't change with the reference value as a gauge's do: ``zone``, the width found."""

    key = "not-monotone"
