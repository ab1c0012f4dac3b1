"""Signal detection: an attribute gauge's R&R from the zone in which its decisions aren't unanimous."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.stats.arrays import Bools, Floats, column, ordered, positive, vector
from assay.stats.errors import NoLimits
from assay.stats.msa.errors import NotDecided, NotMonotone, SeveralReferences
from assay.stats.msa.study import absent, factor, said, together
from assay.stats.plot import Plot
from assay.stats.result import Result


@dataclass(frozen=True, kw_only=True)
class SignalDetection(Result):
    """The width of the zones of doubt at the limits, and the GRR they stand for."""

    parts: int
    d_lower: float | None
    """From the last part that all reject to the first that all accept, at the lower limit."""
    d_upper: float | None
    d: float
    """Mean of the zones: an estimate of ``study_multiplier`` standard deviations of the gauge."""
    grr: float
    """The standard deviation it stands for."""
    percent_tolerance: float
    tolerance: float
    doubtful: tuple[str, ...]
    """Parts on which decisions differed."""
    study_multiplier: float
    lsl: float | None
    usl: float | None
    _reference: Floats = field(repr=False, compare=False)
    _share: Floats = field(repr=False, compare=False)

    def plot(self) -> Plot:
        """Share of acceptance over reference value, with the limits."""
        from assay.stats.msa.pictures import signal_picture

        return signal_picture(self, self._reference, self._share)


def signal_detection(
    frame: Any,
    *,
    part: str,
    rating: str,
    accept: object,
    reference: str,
    lsl: float | None = None,
    usl: float | None = None,
    tolerance: float | None = None,
    study_multiplier: float = 6.0,
) -> SignalDetection:
    """The GRR of a go/no-go gauge from parts of known size.

    Source: AIAG, *MSA*, 4th ed., III.C, signal detection theory: d is the distance between the last part
    accepted by all and the first rejected by all, the mean of both limits, and stands for the study
    variation.

    Parameters
    ----------
    frame
        A mapping of arrays, an Arrow table or a pandas frame, one row per decision.
    part, rating, reference
        Columns of the part, the decision, and the part's measured size.
    accept
        The decision that accepts.
    tolerance
        Width of the tolerance; None takes ``usl − lsl``.

    Raises
    ------
    UnknownColumn, MissingLabel, NotFinite, NotNumeric, WrongShape, SeveralReferences, LimitsReversed,
    NoLimits, NotPositive, NotDecided, NotMonotone
    """
    known = vector(column(frame, reference), reference)
    decided = [None if absent(item) else said(item) for item in column(frame, rating).tolist()]
    parts = factor(frame, part)
    together(rating, known.size, len(decided))
    together(part, known.size, parts.codes.size)
    ordered(lsl, usl)
    if tolerance is None and (lsl is None or usl is None):
        raise NoLimits(what="signal_detection")
    width = positive(tolerance if tolerance is not None else float(usl or 0) - float(lsl or 0), "tolerance")
    spread = positive(study_multiplier, "study_multiplier")
    accepted = np.array([item == said(accept) for item in decided])
    size, share = _by_part(parts.codes, parts.labels, known, accepted)
    zones = _zones(size, share, lsl, usl)
    d = float(np.mean([zone for zone in zones if zone is not None]))
    doubtful = tuple(parts.labels[place] for place in np.flatnonzero((share > 0) & (share < 1)))
    return SignalDetection(
        parts=len(parts.labels),
        d_lower=zones[0],
        d_upper=zones[1],
        d=d,
        grr=d / spread,
        percent_tolerance=100 * d / width,
        tolerance=width,
        doubtful=doubtful,
        study_multiplier=spread,
        lsl=lsl,
        usl=usl,
        _reference=size,
        _share=share,
    )


def _by_part(
    codes: NDArray[np.int64], labels: tuple[str, ...], known: Floats, accepted: Bools
) -> tuple[Floats, Floats]:
    """Size and share of acceptance of each part."""
    count = np.bincount(codes)
    size = np.zeros(count.size)
    size[codes] = known
    if (size[codes] != known).any():
        place = int(codes[np.flatnonzero(size[codes] != known)[0]])
        found = ", ".join(f"{item:g}" for item in np.unique(known[codes == place]))
        raise SeveralReferences(part=labels[place], references=found)
    return size, np.bincount(codes, weights=accepted) / count


def _zones(
    size: Floats, share: Floats, lsl: float | None, usl: float | None
) -> tuple[float | None, float | None]:
    all_accept, all_reject = size[share == 1], size[share == 0]
    if not all_accept.size:
        raise NotDecided(missing="all accept")
    if not all_reject.size:
        raise NotDecided(missing="all reject")
    middle = float(np.median(all_accept))
    below, above = all_reject[all_reject < middle], all_reject[all_reject > middle]
    lower = float(all_accept.min() - below.max()) if below.size and (lsl is not None or usl is None) else None
    upper = float(above.min() - all_accept.max()) if above.size and (usl is not None or lsl is None) else None
    for zone in (lower, upper):
        if zone is not None and zone <= 0:
            raise NotMonotone(zone=zone)
    if lower is None and upper is None:
        raise NotDecided(missing="all reject")
    return lower, upper
