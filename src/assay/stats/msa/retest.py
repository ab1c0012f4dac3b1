"""The short gauge study: R&R together from the ranges between two or more measurements of each part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from assay.stats.arrays import positive
from assay.stats.msa.average_range import d2_star
from assay.stats.msa.components import checked_sd
from assay.stats.msa.study import Study, crossed
from assay.stats.plot import Plot
from assay.stats.result import Result


@dataclass(frozen=True, kw_only=True)
class TestRetest(Result):
    """Repeatability and reproducibility in one figure, from the mean range."""

    __test__ = False

    n: int
    """Number of parts."""
    trials: int
    mean_range: float
    d2_star: float
    grr: float
    """R̄/d2*, a standard deviation."""
    study_variation: float
    percent_process: float | None
    """GRR over the standard deviation of the process; None without it."""
    percent_tolerance: float | None
    """Study variation over the tolerance; None without it."""
    process_sd: float | None
    tolerance: float | None
    study_multiplier: float
    _study: Study = field(repr=False, compare=False)

    def plot(self) -> Plot:
        """The measurements part by part, first against second, and the ranges."""
        from assay.stats.msa.pictures import retest_picture

        return retest_picture(self, self._study)


def test_retest(
    frame: Any,
    *,
    part: str,
    value: str | Sequence[str],
    process_sd: float | None = None,  # noqa: PT028
    tolerance: float | None = None,  # noqa: PT028
    study_multiplier: float = 6.0,  # noqa: PT028
) -> TestRetest:
    """GRR = R̄/d2* of parts that were each measured ``m`` times (usually by two operators, once each).

    Source: AIAG, *MSA*, 4th ed., III.B, range method, p. 116. It says how large the gauge's spread is, not
    whether it comes from the gauge or the operators.

    Parameters
    ----------
    frame
        A mapping of arrays, an Arrow table or a pandas frame, one row per measurement; rows of one part are
        its trials, in their order.
    part, value
        Column names; several columns of values are trials side by side, one row per part.
    process_sd
        Standard deviation of the process, to compare with.

    Raises
    ------
    UnknownColumn, MissingLabel, NotFinite, NotNumeric, TooFewLevels, UnbalancedStudy, ConstantData,
    ZeroRepeatability, NotPositive
    """
    study = crossed(frame, part, None, value)
    p, _, m = study.shape
    spread = positive(study_multiplier, "study_multiplier")
    process = checked_sd(process_sd, "process_sd")
    width = None if tolerance is None else positive(tolerance, "tolerance")
    mean_range = float(np.ptp(study.values, axis=2).mean())
    divisor = d2_star(m, p)
    grr = mean_range / divisor
    return TestRetest(
        n=p,
        trials=m,
        mean_range=mean_range,
        d2_star=divisor,
        grr=grr,
        study_variation=spread * grr,
        percent_process=None if process is None else 100 * grr / process,
        percent_tolerance=None if width is None else 100 * spread * grr / width,
        process_sd=process,
        tolerance=width,
        study_multiplier=spread,
        _study=study,
    )


test_retest.__test__ = False  # type: ignore[attr-defined]
