"""What every fitted distribution can be asked."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from assay.stats.arrays import Floats
from assay.stats.distributions.families import FAMILIES
from assay.stats.result import Result


class Evaluated(Result):
    """A family with the values of its parameters."""

    distribution: str
    """Name of the family."""
    parameters: dict[str, float]
    """Parameters by name."""

    @cached_property
    def frozen(self) -> Any:
        """The distribution as a frozen scipy object."""
        return FAMILIES[self.distribution].frozen(self.parameters)

    def cdf(self, x: float) -> float:
        """Probability of a value up to ``x``."""
        with np.errstate(over="ignore"):
            return float(self.frozen.cdf(x))

    def sf(self, x: float) -> float:
        """Probability of a value above ``x``."""
        with np.errstate(over="ignore"):
            return float(self.frozen.sf(x))

    def pdf(self, x: ArrayLike) -> Floats:
        """Density at ``x``."""
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            return np.asarray(np.exp(self.frozen.logpdf(np.asarray(x, dtype=np.float64))))

    def quantile(self, p: float) -> float:
        """The value that is not exceeded with probability ``p``."""
        return float(self.frozen.ppf(p))
