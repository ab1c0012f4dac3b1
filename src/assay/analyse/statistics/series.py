"""The results of a target in their order, divided into the groups a statistic asks for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.analyse.cause.clock import UNKNOWN
from assay.analyse.cause.columns import encode
from assay.analyse.cause.frame import Frame, build
from assay.analyse.errors import StatisticsRefusal, listed
from assay.store.workspace import Workspace

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STRETCHES = {"hour": "%Y-%m-%d %H", "day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}
"""Stretches of time that results can be grouped by, in the plant's zone, and how they are called."""


@dataclass(frozen=True, eq=False)
class Series:
    """The subjects of a target in the order of their time; those without one come first, as recorded.

    Attributes
    ----------
    frame
        The subjects, in that order.
    zone
        The plant's time zone.
    """

    frame: Frame
    zone: str

    @property
    def values(self) -> Floats:
        """Outcomes, ``(N,)``: measured values, or 1 for a subject that meets the condition."""
        return self.frame.outcome

    @property
    def unit(self) -> str | None:
        """The UCUM unit of the values, where all have the same."""
        if self.frame.target.is_condition or len(self.frame.target.names) > 1:
            return None
        found = pc.unique(self.frame.measurements.column("unit")).drop_null().to_pylist()
        return str(found[0]) if len(found) == 1 else None

    @property
    def times(self) -> Ints:
        """Microseconds since 1970, ``(N,)``; UNKNOWN where there is none."""
        time = self.frame.time
        return np.full(self.frame.size, UNKNOWN, np.int64) if time is None else time

    def subset(self, keep: NDArray[np.bool_]) -> Series:
        """Only the subjects marked."""
        return Series(self.frame.taken(np.flatnonzero(keep)), self.zone)


@dataclass(frozen=True, eq=False)
class Groups:
    """A series divided into groups whose rows are together.

    ``labels`` and ``starts`` have one entry per group; ``left_out`` subjects belong to none.
    """

    series: Series
    labels: tuple[str, ...]
    starts: Ints
    left_out: int

    @property
    def sizes(self) -> Ints:
        """How many subjects each group has."""
        return np.diff(np.append(self.starts, self.series.frame.size))

    @property
    def per_row(self) -> NDArray[np.object_]:
        """The label of each subject's group."""
        return np.repeat(np.array(self.labels, object), self.sizes)


def series(
    workspace: Workspace, target: str, *, where: str | None = None, scope: str | None = None
) -> Series:
    """The subjects of ``target`` in the order of their time.

    Raises
    ------
    QueryError
        The target, condition or scope can't be read, or names something that isn't recorded.
    AnalysisError
        No subject has a value.
    """
    frame = build(workspace, target, where, scope)
    time = frame.time
    if time is not None:
        frame = frame.taken(np.argsort(time, kind="stable"))
    return Series(frame, workspace.config.time_zone)


def grouped(found: Series, by: str) -> Groups:
    """Divide a series.

    Parameters
    ----------
    by
        A number (that many results after each other; the last group may be smaller), a stretch of time
        (``hour``, ``day``, ``week``, ``month``) or a recorded column such as ``lot`` or ``equipment``. Groups
        stand in the order of their first result.

    Raises
    ------
    AnalysisError
        There is no such column, or nothing has a value in it.
    """
    if by.isdecimal() and int(by) > 0:
        return _counted(found, int(by))
    labels = _of_time(found, by) if by in STRETCHES else words(found, by, refusal="group", also=STRETCHES)
    known = np.array([label is not None for label in labels], bool)
    if not known.any():
        raise StatisticsRefusal.of("no-group", by=by)
    kept = found.subset(known) if not known.all() else found
    codes, names = encode(pa.array([label for label in labels if label is not None], pa.string()))
    first = np.full(len(names), codes.size)
    np.minimum.at(first, codes, np.arange(codes.size))
    rank = np.argsort(np.argsort(first, kind="stable"), kind="stable")
    order = np.argsort(rank[codes], kind="stable")
    placed = rank[codes][order]
    starts = np.flatnonzero(np.r_[True, placed[1:] != placed[:-1]])
    by_rank = [names[code] for code in np.argsort(first, kind="stable")]
    return Groups(
        Series(kept.frame.taken(order), kept.zone),
        tuple(by_rank[: starts.size]),
        starts.astype(np.int64),
        int((~known).sum()),
    )


def _counted(found: Series, count: int) -> Groups:
    starts = np.arange(0, found.frame.size, count, dtype=np.int64)
    return Groups(found, tuple(str(number) for number in range(1, starts.size + 1)), starts, 0)


def _of_time(found: Series, stretch: str) -> list[str | None]:
    zone, written = ZoneInfo(found.zone), STRETCHES[stretch]
    return [
        None if time == UNKNOWN else moment(int(time)).astimezone(zone).strftime(written)
        for time in found.times
    ]


def words(found: Series, name: str, *, refusal: str = "column", also: Iterable[str] = ()) -> list[str | None]:
    """A recorded column as text; where there is none, ``refusal`` says so, with ``also`` among the known.

    Raises
    ------
    AnalysisError
        There is no such column.
    """
    frame = found.frame
    if name not in frame.columns:
        raise StatisticsRefusal.of(refusal, name=name, advice=listed([*also, *frame.columns], wrong=name))
    texts: list[str | None] = frame.values(name).cast(pa.string()).to_pylist()
    return texts


def moment(microseconds: int) -> datetime:
    """A time of a series as a datetime, UTC."""
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=microseconds)


def iso(times: Ints) -> list[str | None]:
    """Times as ISO 8601 UTC, all at once: a long chart has millions; None where there is none."""
    texts = np.datetime_as_string(times.astype("datetime64[us]")).tolist()
    return [
        None if time == UNKNOWN else f"{text.removesuffix('.000000')}Z"
        for time, text in zip(times.tolist(), texts, strict=True)
    ]
