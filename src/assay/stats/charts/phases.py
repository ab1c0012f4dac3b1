"""Which points a chart estimates from: phase I, stages, and points left out with a reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.stats.arrays import Bools, Ints
from assay.stats.charts.chart import Exclusion
from assay.stats.charts.errors import NoPhase1, NoSuchPoint
from assay.stats.errors import WrongShape

Phase1 = int | slice | range | tuple[int, int] | Sequence[bool] | Bools | None
"""Phase I: how many points from the start, a slice or range, ``(start, stop)`` or a mask; None for all."""
Stages = Mapping[int, str] | Sequence[Any] | NDArray[Any] | None
"""Stages: a label per plotted point, the indices they start at, or a mapping from start to name."""
Exclude = Mapping[int, str] | Iterable[int] | None
"""Points left out of the estimates: index → reason, or indices alone."""


@dataclass(frozen=True)
class Stretch:
    """A stage: the points ``start`` ≤ index < ``stop``, and which of them its limits are estimated from."""

    label: str
    start: int
    stop: int
    estimating: slice | Ints
    """Indexes the whole chart's arrays; a slice where nothing is missing in between."""

    @property
    def points(self) -> slice:
        """All points of the stage."""
        return slice(self.start, self.stop)


@dataclass(frozen=True)
class Phases:
    """The stages of a chart of ``count`` points; without ``stages`` one stretch with label ``""``."""

    count: int
    stretches: tuple[Stretch, ...]
    phase1: Bools | None
    excluded: tuple[Exclusion, ...]

    @property
    def staged(self) -> bool:
        """Whether stages were asked for."""
        return len(self.stretches) > 1 or self.stretches[0].label != ""


def plan(
    count: int,
    *,
    phase1: Phase1 = None,
    stages: Stages = None,
    exclude: Exclude = None,
    estimates: bool = True,
) -> Phases:
    """Where the estimates of a chart of ``count`` points come from.

    A stage's limits come from its own points that are in phase I and not excluded. With ``estimates=False``
    (all limits are given) a stage may be without such points.

    Raises
    ------
    NoSuchPoint, NoPhase1, WrongShape
    """
    inside = None if phase1 is None or not estimates else _mask(phase1, count)
    left_out = _exclusions(exclude, count)
    cuts = _cuts(stages, count)
    keep: Bools | None = None
    if left_out or not (inside is None or isinstance(inside, slice)):
        keep = np.ones(count, bool) if inside is None else _as_mask(inside, count)
        keep = keep.copy()
        keep[[gone.index for gone in left_out]] = False
    stretches = []
    for number, (label, start) in enumerate(cuts):
        stop = cuts[number + 1][1] if number + 1 < len(cuts) else count
        found: slice | Ints
        if keep is not None:
            found = _tight(np.flatnonzero(keep[start:stop]) + start)
        elif isinstance(inside, slice):
            found = slice(max(start, inside.start), max(start, min(stop, inside.stop)))
        else:
            found = slice(start, stop)
        if estimates and size_of(found) == 0:
            raise NoPhase1(stage=label or "1", start=start, stop=stop)
        stretches.append(Stretch(label, start, stop, found))
    return Phases(count, tuple(stretches), None if inside is None else _as_mask(inside, count), left_out)


def size_of(estimating: slice | Ints) -> int:
    """How many points a stretch estimates from."""
    if isinstance(estimating, slice):
        return max(0, int(estimating.stop) - int(estimating.start))
    return estimating.size


def _tight(indices: Ints) -> slice | Ints:
    if indices.size and indices[-1] - indices[0] == indices.size - 1:
        return slice(int(indices[0]), int(indices[-1]) + 1)
    return indices


def _as_mask(inside: slice | Bools, count: int) -> Bools:
    if not isinstance(inside, slice):
        return inside
    mask = np.zeros(count, bool)
    mask[inside] = True
    return mask


def _mask(phase1: Phase1, count: int) -> slice | Bools:
    if isinstance(phase1, (int, np.integer)) and not isinstance(phase1, bool):
        phase1 = slice(0, int(phase1))
    elif isinstance(phase1, range):
        phase1 = slice(phase1.start, phase1.stop, phase1.step)
    if isinstance(phase1, slice):
        return _span(phase1.start, phase1.stop, phase1.step, count)
    given = np.asarray(phase1)
    if given.dtype == bool:
        if given.shape != (count,):
            raise WrongShape(name="phase1", shape=given.shape, wanted=f"({count},)")
        return given
    if given.shape != (2,) or given.dtype.kind not in "iu":
        raise WrongShape(name="phase1", shape=given.shape, wanted=f"(start, stop) / ({count},)")
    return _span(int(given[0]), int(given[1]), None, count)


def _span(start: int | None, stop: int | None, step: int | None, count: int) -> slice | Bools:
    for end in (start, stop):
        if end is not None and not -count <= end <= count:
            raise NoSuchPoint(name="phase1", value=end, count=count)
    first, last, stride = slice(start, stop, step).indices(count)
    if stride == 1:
        return slice(first, max(first, last))
    mask = np.zeros(count, bool)
    mask[slice(start, stop, step)] = True
    return mask


def _exclusions(exclude: Exclude, count: int) -> tuple[Exclusion, ...]:
    if exclude is None:
        return ()
    if isinstance(exclude, np.ndarray) and exclude.dtype == bool:
        if exclude.shape != (count,):
            raise WrongShape(name="exclude", shape=exclude.shape, wanted=f"({count},)")
        exclude = np.flatnonzero(exclude).tolist()
    if not isinstance(exclude, Iterable):
        raise WrongShape(name="exclude", shape=np.shape(exclude), wanted="(points,)")
    reasons = dict(exclude) if isinstance(exclude, Mapping) else dict.fromkeys(exclude, "")
    for index in reasons:
        if not _is_index(index) or not 0 <= index < count:
            raise NoSuchPoint(name="exclude", value=index, count=count)
    return tuple(Exclusion(int(index), str(reasons[index])) for index in sorted(reasons))


def _is_index(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _cuts(stages: Stages, count: int) -> list[tuple[str, int]]:
    """Label and start of each stage."""
    if stages is None:
        return [("", 0)]
    if isinstance(stages, Mapping):
        for start in stages:
            if not _is_index(start):
                raise NoSuchPoint(name="stages", value=start, count=count)
        return _named(sorted(stages.items()), count)
    given = list(stages)
    if len(given) == count:
        labels = [str(label) for label in given]
        starts = [0, *(i for i in range(1, count) if labels[i] != labels[i - 1])]
        return [(labels[start], start) for start in starts]
    if not all(_is_index(start) for start in given):
        raise WrongShape(name="stages", shape=(len(given),), wanted=f"({count},)")
    starts = sorted({0, *map(int, given)})
    return _named([(start, str(number)) for number, start in enumerate(starts, 1)], count)


def _named(starts: list[tuple[int, str]], count: int) -> list[tuple[str, int]]:
    if not starts or starts[0][0] > 0:
        starts = [(0, "1"), *starts]
    for start, _ in starts:
        if not 0 <= start < count:
            raise NoSuchPoint(name="stages", value=start, count=count)
    return [(str(label), int(start)) for start, label in starts]
