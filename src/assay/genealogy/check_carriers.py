"""Carriers: one tray, box or pallet can't be at two stations at one time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from assay.genealogy.actuals import NO_TIME, Actuals, Integers
from assay.genealogy.finding import NOTHING, Finding, Found

_SECOND = 1e6


def carried_twice(actuals: Actuals, uncertainty: float) -> Found:
    """Carriers that are at two stations at one time, by more than ``uncertainty``, s."""
    carrier = actuals.words("carrier")
    if not carrier.any():
        return NOTHING
    row = np.flatnonzero((carrier > 0) & actuals.sure & (actuals.place != 0) & (actuals.began > NO_TIME))
    row = _stays(actuals, carrier, row)
    if not len(row):
        return NOTHING
    row = row[np.lexsort((actuals.finished[row], actuals.began[row], carrier[row]))]
    mine, place = carrier[row], actuals.place[row]
    began, finished = actuals.began[row], actuals.finished[row]
    # The stay that lasts longest of all that began before, carrier by carrier.
    rank = np.argsort(np.argsort(finished, kind="stable"), kind="stable")
    longest = np.maximum.accumulate(mine * np.int64(len(row)) + rank) % len(row)
    before = np.argsort(rank, kind="stable")[longest][:-1]
    same = (mine[before] == mine[1:]) & (place[before] != place[1:])
    hit = np.flatnonzero(same & (finished[before] - began[1:] > uncertainty * _SECOND)) + 1
    there, here = row[before[hit - 1]], row[hit]
    late = actuals.finished[there] - actuals.began[here]
    beyond = late > actuals.slack(there, here, uncertainty) * _SECOND
    # Once for each two executions: what lay on the carrier together says the same.
    pair = actuals.execution[there] * np.int64(len(actuals.nodes)) + actuals.execution[here]
    _, first = np.unique(pair[beyond], return_index=True)
    there, here, late = there[beyond][first], here[beyond][first], late[beyond][first]
    if not len(here):
        return NOTHING

    def findings() -> Iterator[Finding]:
        for one, other, overlap in zip(there.tolist(), here.tolist(), late.tolist(), strict=True):
            nodes = actuals.nodes[[actuals.execution[one], actuals.execution[other]]].tolist()
            word = actuals.index.columns.words_of("carrier", carrier[other : other + 1])[0].as_py()
            values: dict[str, float | str] = {
                "carrier": str(word),
                "before": actuals.place_name(int(actuals.place[one])),
                "after": actuals.place_name(int(actuals.place[other])),
                "overlap": overlap / _SECOND,
            }
            edges = tuple(actuals.edges[[one, other]].tolist())
            yield Finding("carrier-twice", tuple(nodes), edges, values)

    # All that went with the carrier in these executions is as doubtful as the movement that is named.
    both = actuals.execution * np.int64(carrier.max() + 1) + carrier
    with_them = np.isin(both, both[np.concatenate([there, here])]) & actuals.sure & (carrier > 0)
    return Found(len(here), actuals.edges[with_them], findings())


def _stays(actuals: Actuals, carrier: Integers, row: Integers) -> Integers:
    """Of rows that follow each other and say the same of carrier and step, the first."""
    said = (carrier, actuals.execution, actuals.place, actuals.began, actuals.finished)
    new = np.ones(len(row), np.bool_)
    if len(row):
        new[1:] = np.logical_or.reduce([np.diff(one[row]) != 0 for one in said])
    return row[new]
