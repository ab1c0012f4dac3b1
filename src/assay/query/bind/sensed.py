"""Features of signals over the intervals of the things a question is about."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.model.kinds import TIME
from assay.model.questions import UserFeature
from assay.query.bind import kernel
from assay.query.bind.features import FeatureSet, computed, feature_set
from assay.query.bind.files import FileReadings
from assay.query.bind.memory import Memory
from assay.query.bind.merge import Partials, joined
from assay.query.bind.readings import ReadingSource
from assay.query.bind.scanning import Scan
from assay.query.bind.spans import Spans
from assay.query.program import Sensed, Session


def run_sensed(
    session: Session,
    step: Sensed,
    source: ReadingSource,
    declared: Sequence[UserFeature] = (),
    memory: Memory | None = None,
) -> tuple[pa.Table, int]:
    """The features of each anchor that has readings.

    The intervals of an anchor on one equipment are united first, so that a reading counts once. What they
    and the signals give is pooled: n, sum, mean, std, min and max are those of all readings together, first
    and last go by time; ``duration``, ``time_in_band`` and ``n_uncertain`` are added up, ``max_gap`` is the
    longest, and ``slope`` is the mean of the intervals' slopes, weighted by their readings. A plant's own
    features are computed from the pooled ones.

    Parameters
    ----------
    session
        Where the relation of intervals is known.
    step
        What is asked for.
    source
        The readings of the session's snapshot.
    declared
        The features of the plant's model.
    memory
        What was sensed before; only intervals that readings came for are scanned again.

    Returns
    -------
    pa.Table
        Columns ``anchor``, ``n``, then the features.
    int
        Intervals that were remembered and not scanned again.
    """
    asked = feature_set(step.features or ("n",), declared)
    intervals = session.arrow(f"SELECT anchor, equipment, started, ended FROM {step.intervals}")
    anchors, spans, owner = _united(intervals, int(pa.scalar(session.snapshot.moment, TIME).value))
    uncertain = ["n_uncertain"] if asked.asks_uncertain else []
    needed = feature_set([*_POOLED, *uncertain, *(band.name for band in asked.bands)])
    if memory is not None and isinstance(source, FileReadings):
        every, remembered = memory.groups(source, session.snapshot, spans, needed, step.signals)
    else:
        parts = list(Scan(source, spans, needed, frozenset(step.signals)).groups())
        every, remembered = joined(parts) if parts else Partials.none(len(asked.bands)), 0
    known, anchor = _pooled(every, spans, owner, needed)
    columns = {"anchor": anchors.take(pa.array(anchor)), "n": known["n"]}
    features = dict(zip(asked.columns, asked.arranged(known), strict=True))
    return pa.table(columns | features), remembered


_POOLED = ("n", "std", "slope", "max_gap", "duration")


def _united(intervals: pa.Table, moment: int) -> tuple[pa.Array, Spans, NDArray[np.int64]]:
    """The anchors, the united intervals, and the number of the anchor of each row they came from."""
    known = pc.and_(
        pc.and_(intervals.column("anchor").is_valid(), intervals.column("equipment").is_valid()),
        intervals.column("started").is_valid(),
    )
    table = intervals.filter(known)
    begun = table.column("started").cast(TIME).cast(pa.int64()).to_numpy()
    over = table.column("ended").cast(TIME).cast(pa.int64()).fill_null(moment).to_numpy()
    forward = over >= begun
    table, begun, over = table.filter(pa.array(forward)), begun[forward], over[forward]
    over = np.maximum(over, begun + 1)
    anchor, equipment = (
        table.column(name).cast(pa.string()).combine_chunks().dictionary_encode()
        for name in ("anchor", "equipment")
    )
    owner = anchor.indices.to_numpy().astype(np.int64)
    place = equipment.indices.to_numpy().astype(np.int64)
    order = np.lexsort((begun, place, owner))
    group = owner * max(1, len(equipment.dictionary)) + place
    begun, over = begun[order], over[order].copy()
    kept = kernel.unions(group[order], begun, over)
    names = equipment.dictionary.take(pa.array(place[order][kept]))
    return anchor.dictionary, Spans.of(names, begun[kept], over[kept]), owner[order][kept]


def _pooled(
    every: Partials, spans: Spans, owner: NDArray[np.int64], needed: FeatureSet
) -> tuple[dict[str, pa.Array], NDArray[np.int64]]:
    """The features of each anchor, and the anchors' numbers."""
    of = owner[spans.row[every.interval]]
    order = np.lexsort((every.times[0], of))
    every, of = every.taken(order), of[order]
    features = computed(needed, every, spans.begun[every.interval], spans.over[every.interval])
    single = dict(zip(needed.columns, features, strict=True))
    if not len(every):
        floats = pa.array([], pa.float64())
        names = ("mean", "min", "max", "first", "last", "sum")
        none = {**single, **dict.fromkeys(names, floats), "n_uncertain": pa.array([], pa.int64())}
        return none, np.empty(0, np.int64)
    heads = np.flatnonzero(np.r_[True, of[1:] != of[:-1]])
    sizes = np.diff(np.append(heads, len(every)))
    n, floats = every.n, every.floats
    whole = np.add.reduceat(n, heads)
    # Means are reckoned from the first value, so that an offset of the signal costs no digits.
    base = floats[kernel.FIRST][heads]
    apart = (floats[kernel.FIRST] - np.repeat(base, sizes)) + floats[kernel.ABOVE]
    shift = np.add.reduceat(n * apart, heads) / whole
    apart -= np.repeat(shift, sizes)
    squares = np.add.reduceat(floats[kernel.M2] + n * apart * apart, heads)
    # The group of each part with its last time: the last one of a group is the latest.
    latest = np.lexsort((every.times[1], np.repeat(np.arange(len(heads)), sizes)))
    last = floats[kernel.LAST][latest][np.append(heads[1:], len(every)) - 1]
    one = whole < 2
    slope = single["slope"]
    weight = np.where(np.asarray(slope.is_valid()), n, 0)
    steep = np.add.reduceat(weight * slope.fill_null(0.0).to_numpy(), heads)
    weights = np.add.reduceat(weight, heads)
    known = {
        "n": pa.array(whole),
        "mean": pa.array(base + shift),
        "std": pa.array(np.sqrt(squares / np.where(one, 1, whole - 1)), mask=one),
        "min": pa.array(np.minimum.reduceat(floats[kernel.LOW], heads)),
        "max": pa.array(np.maximum.reduceat(floats[kernel.HIGH], heads)),
        "first": pa.array(floats[kernel.FIRST][heads]),
        "last": pa.array(last),
        "slope": pa.array(steep / np.where(weights, weights, 1), mask=weights == 0),
        "sum": pa.array((base + shift) * whole),
        "duration": pa.array(np.add.reduceat(single["duration"].to_numpy(), heads)),
        "max_gap": pa.array(np.maximum.reduceat(single["max_gap"].to_numpy(), heads)),
        "n_uncertain": pa.array(np.add.reduceat(every.doubtful, heads)),
    }
    for band in needed.bands:
        known[band.name] = pa.array(np.add.reduceat(single[band.name].to_numpy(), heads))
    return known, of[heads]
