"""What statistics refuse, by name; each message says where, which value, and what to do, in two languages.

A family with refusals of its own subclasses :class:`Refusal` with its own catalogue.
"""

from __future__ import annotations

from typing import ClassVar

from assay.model.catalogue import Catalogue
from assay.model.errors import StatisticsError

CATALOGUE = Catalogue("assay.stats")


class Refusal(StatisticsError):
    """A refusal with its texts in a catalogue: ``error.<key>`` and, where there is advice, ``hint.<key>``.

    Parameters
    ----------
    values
        The numbers and names of this case; they fill the texts and stay readable as ``values``.
    """

    key: ClassVar[str]
    catalogue: ClassVar[Catalogue] = CATALOGUE

    def __init__(self, **values: object) -> None:
        said = self.catalogue.text(f"error.{self.key}", **values)
        known = self.catalogue.keys("en")
        advice = f"hint.{self.key}"
        super().__init__(said, self.catalogue.text(advice, **values) if advice in known else None)
        self.values = values


class NotFinite(Refusal):
    """NaN or infinity among the data: ``name``, ``count``, first ``index`` and its ``value``.

    ``index`` is 0-based, and a tuple in a matrix.
    """

    key = "not-finite"


class SettingNotFinite(NotFinite):
    """A single value or setting that is NaN or infinite: ``name``, ``value``."""

    key = "setting-not-finite"


class NotNumeric(Refusal):
    """Data that can't be read as numbers: ``name``, ``value``."""

    key = "not-numeric"


class WrongShape(Refusal):
    """An array of another shape than asked: ``name``, ``shape``, ``wanted``."""

    key = "wrong-shape"


class TooFewPoints(Refusal):
    """Fewer points than the statistic needs: ``what``, ``count``, ``least``."""

    key = "too-few-points"


class ConstantData(Refusal):
    """All values are the same where spread is needed: ``name``, ``count``, ``value``."""

    key = "constant-data"


class NoSpreadWithin(ConstantData):
    """Values differ, but not where the spread is taken from: ``name``, ``count``, ``value``."""

    key = "no-spread-within"


class UnequalSubgroups(Refusal):
    """Subgroups of different sizes where equal ones are needed: ``what``, ``smallest``, ``largest``."""

    key = "unequal-subgroups"


class SingletonSubgroups(Refusal):
    """A subgroup of one value where a spread within subgroups is needed: ``what``, ``index``."""

    key = "singleton-subgroups"


class SplitSubgroup(Refusal):
    """The rows of a subgroup don't follow each other: ``label``, ``index``."""

    key = "split-subgroup"


class MissingLabel(Refusal):
    """A value whose subgroup nobody said: ``index``."""

    key = "missing-label"


class NegativeCount(Refusal):
    """A count below zero: ``name``, ``index``, ``value``."""

    key = "negative-count"


class NotACount(Refusal):
    """A count that is no whole number: ``name``, ``index``, ``value``."""

    key = "not-a-count"


class CountAboveSize(Refusal):
    """More defectives than items: ``index``, ``value``, ``size``."""

    key = "count-above-size"


class NotPositive(Refusal):
    """A value or setting that has to be above zero: ``name``, ``value``."""

    key = "not-positive"


class OutOfRange(Refusal):
    """A setting outside its range: ``name``, ``value``, ``low``, ``high``."""

    key = "out-of-range"


class LimitsReversed(Refusal):
    """Limits the wrong way round: ``low_name``, ``low``, ``high_name``, ``high``."""

    key = "limits-reversed"


class NoLimits(Refusal):
    """A specification with neither a lower nor an upper limit: ``what``."""

    key = "no-limits"


class SingularCovariance(Refusal):
    """A covariance that can't be inverted: ``rank``, ``dimensions``, ``count``."""

    key = "singular-covariance"


class UnknownOption(Refusal):
    """An option that isn't one of those known: ``name``, ``value``, ``known``."""

    key = "unknown-option"


class UnknownColumn(Refusal):
    """A column the frame doesn't have: ``name``, ``known``."""

    key = "unknown-column"


class NoConvergence(Refusal):
    """An iteration that doesn't settle: ``what``, ``rounds``."""

    key = "no-convergence"


class MissingFont(Refusal):
    """No font with Chinese characters is installed: ``known`` names some that would do."""

    key = "missing-font"


class MissingExtra(Refusal):
    """A library that comes with an extra isn't installed: ``library``, ``extra``."""

    key = "missing-extra"
