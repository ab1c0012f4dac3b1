"""Multivariate monitoring of several characteristics of the same subjects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from assay.analyse.errors import StatisticsRefusal
from assay.analyse.statistics.series import Floats, Series, iso, series
from assay.analyse.statistics.words import CATALOGUE
from assay.model.kinds import RecordKind
from assay.plugins.contracts import OperatorManifest, Progress
from assay.stats import monitor as models
from assay.stats.monitor import Monitor, Score, Watch
from assay.stats.plot import Plot
from assay.stats.result import Result
from assay.store.workspace import Workspace

Method = Literal["pca", "dpca", "cva"]
_FEWEST = 2
_MAKERS: dict[str, Callable[..., Any]] = {"pca": models.pca, "dpca": models.dpca, "cva": models.cva}
_MOST_ALARMS = 200


@dataclass(frozen=True)
class Contributor:
    """A characteristic's part in an alarm."""

    characteristic: str
    contribution: float


@dataclass(frozen=True)
class Alarm:
    """A subject in alarm, and the characteristics that brought it there, largest first."""

    row: int
    subject: str
    time: str | None
    index: float
    """The combined index; the limit is 1."""
    contributors: tuple[Contributor, ...]


@dataclass(frozen=True, kw_only=True)
class PlantMonitor(Result):
    """Subjects held against a model of phase I."""

    characteristics: tuple[str, ...]
    method: str
    subjects: int
    left_out: int
    """Subjects without a value in one of the characteristics."""
    phase1: tuple[int, int]
    """Rows the model was made from: first, and the one after the last."""
    model: Monitor
    score: Score
    alarms: tuple[Alarm, ...]
    """The first of them, at most 200 unless more were asked for."""
    alarms_total: int

    def plot(self) -> Plot:
        """The monitored statistics with their limits."""
        return self.score.plot()


def monitor(
    workspace: Workspace,
    characteristics: list[str],
    *,
    method: Method = "pca",
    phase1: tuple[int, int] | None = None,
    where: str | None = None,
    scope: str | None = None,
    most_alarms: int = _MOST_ALARMS,
    **options: Any,
) -> PlantMonitor:
    """Fit a model on phase I and hold every subject against it, in the order of their time.

    Parameters
    ----------
    characteristics
        Two measured characteristics or more; a subject needs a value in each, the latest one counts.
    method
        ``pca`` for subjects that don't depend on those before, ``dpca`` or ``cva`` for a running process.
    phase1
        Rows of normal operation, counted from 0: first, and the one after the last. None: the first half.
    where, scope
        As for causes.
    most_alarms
        How many alarms are listed, the earliest first.
    options
        Those of :func:`assay.stats.monitor.pca` and its siblings: ``alpha``, ``components`` …

    Raises
    ------
    QueryError, AnalysisError
        Something named isn't recorded, or no subject has all characteristics.
    StatisticsError
        Phase I doesn't allow such a model.
    """
    if len(characteristics) < _FEWEST:
        raise StatisticsRefusal.of("few", fewest=_FEWEST, given=len(characteristics))
    found = [series(workspace, name, where=where, scope=scope) for name in characteristics]
    rows, subjects, times, left_out = _joined(found)
    columns = dict(zip(characteristics, rows.T, strict=True))
    watched = models.watch(_MAKERS[method], columns, phase1=phase1, **options)
    return PlantMonitor(
        characteristics=tuple(characteristics),
        method=method,
        subjects=len(rows),
        left_out=left_out,
        phase1=watched.phase1,
        model=watched.model,
        score=watched.score,
        alarms=_alarms(watched, subjects, times, most_alarms),
        alarms_total=int(watched.score.alarm.sum()),
    )


def _joined(found: list[Series]) -> tuple[Floats, list[str], NDArray[np.int64], int]:
    """One row per subject that has every characteristic, in the order of its latest time."""
    latest: list[dict[tuple[str, str], tuple[float, int]]] = []
    for one in found:
        measurements = one.frame.measurements
        keys = zip(
            measurements.column("subject_kind").to_pylist(),
            measurements.column("subject").to_pylist(),
            strict=True,
        )
        values = zip(one.values.tolist(), one.times.tolist(), strict=True)
        latest.append(dict(zip(keys, values, strict=True)))
    everyone = set().union(*latest)
    shared = [key for key in latest[0] if all(key in one for one in latest)]
    if not shared:
        names = ", ".join(one.frame.target.text for one in found)
        raise StatisticsRefusal.of("shared", names=names)
    time = np.array([max(one[key][1] for one in latest) for key in shared], np.int64)
    order = np.argsort(time, kind="stable")
    rows = np.array([[one[shared[at]][0] for one in latest] for at in order])
    return rows, [shared[at][1] for at in order], time[order], len(everyone) - len(shared)


def _alarms(watched: Watch, subjects: list[str], times: NDArray[np.int64], most: int) -> tuple[Alarm, ...]:
    """The first rows in alarm; the watch's contributions are of these rows where there are any."""
    rows = np.flatnonzero(watched.score.alarm)[:most]
    index, names = watched.score.index, watched.contributions.names
    return tuple(
        Alarm(
            int(row),
            subjects[row],
            time,
            float(index[row]),
            tuple(Contributor(names[at], float(parts[at])) for at in np.argsort(-parts, kind="stable")),
        )
        for row, time, parts in zip(rows, iso(times[rows]), watched.contributions.values, strict=False)
    )


class MonitorArguments(BaseModel):
    """Arguments of the operator ``monitor``."""

    model_config = ConfigDict(extra="forbid")

    characteristics: list[str] = Field(min_length=_FEWEST, description="Measured characteristics.")
    method: Method = Field(default="pca", description="The kind of model.")
    phase1: tuple[int, int] | None = Field(
        default=None, description="Rows of normal operation, counted from 0: first, after last."
    )
    where: str | None = Field(default=None, description="Condition the subjects must fulfil.")
    scope: str | None = Field(default=None, description="Process segment to stay in.")
    alpha: float | None = Field(default=None, gt=0, lt=1, description="Nominal false-alarm rate per subject.")
    components: float | None = Field(
        default=None, gt=0, description="Components, or their share of variance."
    )
    lags: int | None = Field(default=None, ge=1, description="Rows before the current one (dpca, cva).")


def _operate(workspace: Workspace, arguments: MonitorArguments, progress: Progress | None) -> PlantMonitor:
    del progress
    given = arguments.model_dump(exclude_none=True)
    return monitor(workspace, given.pop("characteristics"), **given)


MANIFEST = OperatorManifest(
    id="monitor",
    version="0.1.0",
    title=CATALOGUE.text("monitor.title"),
    description=CATALOGUE.text("monitor.description"),
    config=MonitorArguments,
    capabilities=frozenset({"chart", "table"}),
    run=_operate,
    reads=frozenset({RecordKind.ENTITY, RecordKind.MEASUREMENT, RecordKind.MOVEMENT}),
)
