"""Bridging a batch furnace: pieces on trays, where the tray keeps its name and the pieces lose theirs.

Production in batches is traced by the carrier. A *visit* is one stay of a carrier in the furnace; visits of
one carrier are matched like a queue of their own, then the pieces of both ends of a visit: by their place on
the carrier where it was noted, and evenly where it was not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assay.genealogy.queue_errors import CATALOGUE
from assay.genealogy.queue_lattice import MISREAD
from assay.genealogy.queue_matcher import Counts, Rates, left_over, match
from assay.genealogy.queue_result import Doubt, Matching

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Positions = Sequence[str | None]


@dataclass(frozen=True)
class _Visit:
    carrier: str
    time: float
    rows: Integers


def match_batches(
    before: Counts,
    after: Counts,
    *,
    positions_in: Positions | None = None,
    positions_out: Positions | None = None,
    residence: float | None = None,
    tolerance: float | None = None,
    rates: Rates | None = None,
) -> Matching:
    """Match pieces by their carriers.

    Parameters
    ----------
    before, after
        The counts with their carriers; pieces of one carrier whose times are further apart than the tolerance
        belong to different visits.
    positions_in, positions_out
        The place of each piece on its carrier, None where not noted.
    residence, tolerance
        Nominal time from in to out and how far it may be off, s; None where each carrier comes but once.
    rates
        What is expected to go wrong.

    Returns
    -------
    A matching; pieces without a carrier stand alone, and are named in its doubts.
    """
    gap = np.inf if tolerance is None else tolerance
    visits_in, visits_out = _visits(before, gap), _visits(after, gap)
    visits = match(
        _counted(visits_in), _counted(visits_out), residence=residence, tolerance=tolerance, rates=rates
    )
    place_in, place_out = _places(positions_in, before.size), _places(positions_out, after.size)
    source, target, probability = [], [], []
    for visit, other, chance in zip(visits.source, visits.target, visits.probability, strict=True):
        rows_in, rows_out = visits_in[visit].rows, visits_out[other].rows
        share = _within(place_in[rows_in], place_out[rows_out]) * chance
        at = np.nonzero(share)
        source.append(rows_in[at[0]])
        target.append(rows_out[at[1]])
        probability.append(share[at])
    rows_in, rows_out = (np.concatenate([np.zeros(0, np.int64), *parts]) for parts in (source, target))
    values = np.concatenate([np.zeros(0), *probability])
    order = np.lexsort((rows_out, rows_in))
    rows_in, rows_out, values = rows_in[order], rows_out[order], values[order]
    noted = any(place is not None for place in (*place_in, *place_out))
    return replace(
        visits,
        before=before.size,
        after=after.size,
        source=rows_in,
        target=rows_out,
        probability=values,
        scrapped=left_over(rows_in, values, before.size),
        added=left_over(rows_out, values, after.size),
        basis=("carrier", *(["position"] if noted else []), *(["time"] if residence is not None else [])),
        doubts=(
            *(doubt for doubt in visits.doubts if not doubt.rows),
            *_nameless("in", before),
            *_nameless("out", after),
            *_strangers(before, after),
            *_claims("in", visits_in, place_in),
            *_claims("out", visits_out, place_out),
        ),
    )


def _visits(side: Counts, gap: float) -> list[_Visit]:
    """The visits of one side, by carrier and time."""
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(side.carriers or ()):
        if name is not None:
            rows.setdefault(name, []).append(row)
    times = np.full(side.size, np.nan) if side.times is None else side.times
    found = []
    for name, own in sorted(rows.items()):
        ordered = np.array(own)[np.argsort(times[own], kind="stable")]
        ends = np.flatnonzero(np.diff(times[ordered]) > gap) + 1
        for part in np.split(ordered, ends):
            known = times[part][np.isfinite(times[part])]
            found.append(_Visit(name, float(np.median(known)) if len(known) else np.nan, part))
    return found


def _counted(visits: list[_Visit]) -> Counts:
    return Counts.of([visit.time for visit in visits], lanes=[visit.carrier for visit in visits])


def _places(given: Positions | None, size: int) -> NDArray[np.object_]:
    places = np.empty(size, dtype=object)
    if given is not None:
        places[:] = list(given)
    return places


def _within(places_in: NDArray[np.object_], places_out: NDArray[np.object_]) -> Floats:
    """Probability that each piece of a visit's in side is each of its out side, shape (in, out)."""
    known_in = np.array([place is not None for place in places_in], dtype=np.bool_)
    known_out = np.array([place is not None for place in places_out], dtype=np.bool_)
    same = (places_in[:, None] == places_out[None, :]) & known_in[:, None] & known_out[None, :]
    claims = np.maximum(np.maximum(same.sum(axis=1, keepdims=True), same.sum(axis=0, keepdims=True)), 1)
    share = np.where(same, (1 - MISREAD) / claims, 0.0)
    free_in, free_out = ~(known_in & same.any(axis=1)), ~(known_out & same.any(axis=0))
    loose = free_in[:, None] & free_out[None, :] & ~(known_in[:, None] & known_out[None, :])
    return np.where(loose, 1.0 / max(int(free_in.sum()), int(free_out.sum()), 1), share)


def _nameless(side: str, counts: Counts) -> list[Doubt]:
    names = counts.carriers or (None,) * counts.size
    rows = tuple(row for row, name in enumerate(names) if name is None)
    said = CATALOGUE.text("doubt.no-carrier", side=side, count=len(rows))
    return [Doubt("no-carrier", side, rows, said)] if rows else []


def _strangers(before: Counts, after: Counts) -> list[Doubt]:
    known = set(before.carriers or ())
    rows = tuple(
        row for row, name in enumerate(after.carriers or ()) if name is not None and name not in known
    )
    said = CATALOGUE.text("doubt.carrier-unknown", count=len(rows))
    return [Doubt("carrier-unknown", "out", rows, said)] if rows else []


def _claims(side: str, visits: list[_Visit], places: NDArray[np.object_]) -> list[Doubt]:
    """Pieces that claim a place on a carrier that another piece of the same visit claims."""
    rows: list[int] = []
    for visit in visits:
        held: dict[str, list[int]] = {}
        for row in visit.rows.tolist():
            if places[row] is not None:
                held.setdefault(places[row], []).append(row)
        rows += [row for claimed in held.values() if len(claimed) > 1 for row in claimed]
    said = CATALOGUE.text("doubt.position-twice", count=len(rows))
    return [Doubt("position-twice", side, tuple(sorted(rows)), said)] if rows else []
