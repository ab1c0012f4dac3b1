"""Times: things consumed before they were made, and the clocks of stations that disagree."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from assay.genealogy.actuals import NO_TIME, Actuals, Integers
from assay.genealogy.finding import NOTHING, Finding, Found

_LEAST = 3
"""So many things must have come too early before a clock is suspected."""
_SHARE = 0.2
"""And this share of those that went the same way."""
_SECOND = 1e6
_FAR = np.iinfo(np.int64).max


def too_early(actuals: Actuals, uncertainty: float) -> Found:
    """Input movements that ended before the first step that made their subject began.

    By more than ``uncertainty``, s, and more than both records say their clocks may be off; a subject with a
    making whose time isn't known can't be judged.
    """
    count = len(actuals.nodes)
    making = np.flatnonzero(actuals.making)
    made, began = actuals.subject[making], actuals.began[making]
    first = np.full(count, _FAR)
    np.minimum.at(first, made, began)
    row = np.flatnonzero(actuals.inputs & actuals.sure & (actuals.finished > NO_TIME))
    subject = actuals.subject[row]
    row = row[actuals.judged[subject] & (first[subject] > NO_TIME) & (first[subject] < _FAR)]
    early = first[actuals.subject[row]] - actuals.finished[row]
    chosen = early > uncertainty * _SECOND
    row, early = row[chosen], early[chosen]
    if not len(row):
        return NOTHING
    firsts = making[began == first[made]]
    maker = np.zeros(count, np.int64)
    maker[actuals.subject[firsts[::-1]]] = firsts[::-1]
    by = maker[actuals.subject[row]]
    beyond = early > actuals.slack(row, by, uncertainty) * _SECOND
    row, by, early = row[beyond], by[beyond], early[beyond]

    def findings() -> Iterator[Finding]:
        for at, made, gap in zip(row.tolist(), by.tolist(), early.tolist(), strict=True):
            nodes = actuals.nodes[[actuals.subject[at], actuals.execution[made], actuals.execution[at]]]
            edges = tuple(actuals.edges[[at, made]].tolist())
            yield Finding("consumed-before-made", tuple(nodes.tolist()), edges, {"early": gap / _SECOND})

    return Found(len(row), actuals.edges[np.concatenate([row, by])], findings())


def clocks(actuals: Actuals, uncertainty: float) -> Found:
    """Pairs of stations between which things come in, by the clocks, before they were made.

    The offset is at least what each of those things came too early: ``least`` is the median of them, ``most``
    the largest. A thing that several executions made says nothing, nor does one whose records explain it by
    the uncertainty they state.
    """
    making = np.flatnonzero(actuals.making)
    times = np.bincount(actuals.subject[making], minlength=len(actuals.nodes))
    maker = np.full(len(actuals.nodes), -1)
    maker[actuals.subject[making]] = making
    row = np.flatnonzero(actuals.inputs & actuals.sure & (actuals.began > NO_TIME) & (actuals.place != 0))
    row = row[(times[actuals.subject[row]] == 1) & actuals.judged[actuals.subject[row]]]
    made = maker[actuals.subject[row]]
    usable = (actuals.began[made] > NO_TIME) & (actuals.place[made] != 0)
    usable &= actuals.place[made] != actuals.place[row]
    row, made = row[usable], made[usable]
    gap = (actuals.began[row] - actuals.began[made]) / _SECOND
    early = np.flatnonzero(gap < -uncertainty)
    early = early[gap[early] < -actuals.slack(row[early], made[early], uncertainty)]
    way = _ways(actuals.place[made], actuals.place[row])
    ways, which, times_early = np.unique(way[early], return_inverse=True, return_counts=True)
    enough = times_early >= _LEAST
    if not enough.any():
        return NOTHING
    at = np.minimum(np.searchsorted(ways, way), len(ways) - 1)
    count = np.bincount(at[ways[at] == way], minlength=len(ways))
    skewed = np.flatnonzero(enough & (times_early >= _SHARE * count))
    mine = [early[which == number] for number in skewed.tolist()]

    def findings() -> Iterator[Finding]:
        for number, those in zip(skewed.tolist(), mine, strict=True):
            values: dict[str, float | str] = {
                "before": actuals.place_name(int(actuals.place[made[those[0]]])),
                "after": actuals.place_name(int(actuals.place[row[those[0]]])),
                "early": float(times_early[number]),
                "count": float(count[number]),
                "least": float(np.median(-gap[those])),
                "most": float(-gap[those].min()),
            }
            subjects = actuals.nodes[np.unique(actuals.subject[row[those]])]
            edges = np.concatenate([actuals.edges[row[those]], actuals.edges[made[those]]])
            yield Finding("clock-skew", tuple(subjects.tolist()), tuple(edges.tolist()), values)

    every = np.concatenate([np.empty(0, np.int64), *mine])
    return Found(len(skewed), actuals.edges[np.concatenate([row[every], made[every]])], findings())


def _ways(before: Integers, after: Integers) -> NDArray[np.int64]:
    """One number for each two stations; stations are equipment above 0 and segments below."""
    least = min(int(before.min(initial=0)), int(after.min(initial=0)))
    span = max(int(before.max(initial=0)), int(after.max(initial=0))) - least + 1
    return (before - least) * np.int64(span) + (after - least)
