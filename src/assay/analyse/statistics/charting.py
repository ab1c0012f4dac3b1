"""A control chart of a plant's results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow.compute as pc
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from assay.analyse.errors import StatisticsRefusal, listed, told
from assay.analyse.statistics.series import Groups, Series, grouped, iso, series
from assay.analyse.statistics.words import CATALOGUE
from assay.model.kinds import RecordKind
from assay.plugins.contracts import OperatorManifest, Progress
from assay.stats.charts import ControlChart
from assay.stats.charts.kinds import CHARTS
from assay.stats.plot import Plot
from assay.stats.result import Result
from assay.store.workspace import Workspace

_LARGEST_FOR_R = 10
"""From this subgroup size on the range loses too much against S (Montgomery 2019, sec. 6.3)."""
_MOST_UNITS = 100
_OFFERED = ("subgroups", "series", "individuals", "counts_sizes", "events")


@dataclass(frozen=True, slots=True)
class ChartPoint:
    """One point of a plant's chart: which subjects it stands for."""

    label: str
    first: str | None
    """Time of its first result, ISO 8601 UTC."""
    last: str | None
    subjects: int


@dataclass(frozen=True)
class FlaggedPoint:
    """A flagged point with the units behind it."""

    index: int
    label: str
    rules: tuple[str, ...]
    units: tuple[str, ...]
    """At most 100 of them."""
    units_total: int


@dataclass(frozen=True, kw_only=True)
class PlantChart(Result):
    """A control chart of a target's results, with the units behind each flagged point."""

    target: str
    unit: str | None
    subgroup: str | None
    """What the results were grouped by."""
    subjects: int
    left_out: int
    """Subjects without a value in the grouping column."""
    chart: ControlChart
    points: tuple[ChartPoint, ...]
    flagged: tuple[FlaggedPoint, ...]

    def plot(self) -> Plot:
        """The chart's picture with the target's name."""
        return self.chart.plot().about(self.target)


def chart(
    workspace: Workspace,
    target: str,
    *,
    kind: str | None = None,
    subgroup: str | None = None,
    where: str | None = None,
    scope: str | None = None,
    **options: Any,
) -> PlantChart:
    """A control chart of the results of ``target``, in the order of their time.

    Parameters
    ----------
    target
        A measured characteristic, or a condition (``result = 'NOK'``) whose share is charted.
    kind
        An id of :data:`assay.stats.charts.kinds.CHARTS`. By default a p chart for a condition, individuals
        and moving range for a measured value without ``subgroup``, X̄-R for subgroups of up to 10 and X̄-S
        for larger ones.
    subgroup
        A number of results, ``hour``, ``day``, ``week``, ``month``, or a recorded column such as ``lot``. A
        condition is grouped by day when nothing is said.
    where, scope
        As for causes: a condition on recorded columns, and a process segment.
    options
        Those of the chart: ``rules``, ``phase1``, ``constants``, ``center``, ``sigma`` …

    Raises
    ------
    QueryError, AnalysisError
        The target, condition, scope or grouping names something that isn't recorded.
    StatisticsError
        The results don't allow this chart.
    """
    found = series(workspace, target, where=where, scope=scope)
    is_share = found.frame.target.is_condition
    if is_share and subgroup is None:
        subgroup = "day"
    groups = None if subgroup is None else grouped(found, subgroup)
    chosen = kind or _default(groups, is_share=is_share)
    drawn = _drawn(chosen, found, groups, options, is_share=is_share)
    return _told(target, subgroup, found, groups, drawn)


def _default(groups: Groups | None, *, is_share: bool) -> str:
    if is_share:
        return "p"
    if groups is None:
        return "imr"
    return "xbar_r" if groups.sizes.max() <= _LARGEST_FOR_R else "xbar_s"


def _drawn(
    kind: str, found: Series, groups: Groups | None, options: dict[str, Any], *, is_share: bool
) -> ControlChart:
    known = {name: one for name, one in CHARTS.items() if one.takes in _OFFERED}
    if kind not in known:
        raise StatisticsRefusal.of("chart", kind=kind, advice=listed(known))
    takes = known[kind].takes
    if is_share is not (takes == "counts_sizes"):
        wanted = told("made-of.condition" if takes == "counts_sizes" else "made-of.value")
        raise StatisticsRefusal.of("chart-of", kind=kind, wanted=wanted, target=found.frame.target.text)
    if takes in {"subgroups", "counts_sizes"} and groups is None:
        raise StatisticsRefusal.of("subgroups", kind=kind)
    if groups is None:
        return known[kind].make(found.values, **options)
    if takes == "counts_sizes":
        counts = np.add.reduceat(groups.series.values, groups.starts)
        return known[kind].make(counts, groups.sizes, labels=groups.labels, **options)
    if takes in {"subgroups", "series"}:
        return known[kind].make(groups.series.values, groups.per_row, **options)
    return known[kind].make(groups.series.values, **options)


def _told(
    target: str, subgroup: str | None, found: Series, groups: Groups | None, drawn: ControlChart
) -> PlantChart:
    shown = found if groups is None else groups.series
    edges = _edges(groups, drawn.statistics.size, shown.frame.size)
    labels = drawn.labels or tuple(str(number) for number in range(1, drawn.statistics.size + 1))
    starts, stops = np.array(edges, np.int64).T
    first, last = iso(shown.times[starts]), iso(shown.times[stops - 1])
    sizes = (stops - starts).tolist()
    points = tuple(map(ChartPoint, labels, first, last, sizes))
    units = shown.frame.units
    flagged = []
    for index, rules in sorted(_rules_by_point(drawn).items()):
        start, stop = edges[index]
        behind = pc.unique(units.slice(start, stop - start)).to_pylist()
        told = tuple(behind[:_MOST_UNITS])
        flagged.append(FlaggedPoint(index, labels[index], tuple(rules), told, len(behind)))
    return PlantChart(
        target=target,
        unit=found.unit,
        subgroup=subgroup,
        subjects=shown.frame.size,
        left_out=0 if groups is None else groups.left_out,
        chart=drawn,
        points=points,
        flagged=tuple(flagged),
    )


def _edges(groups: Groups | None, points: int, rows: int) -> list[tuple[int, int]]:
    """First row and the one after the last of each point."""
    if groups is None or points == rows:
        return [(row, row + 1) for row in range(rows)]
    stops = [*groups.starts[1:].tolist(), rows]
    return list(zip(groups.starts.tolist(), stops, strict=True))


def _rules_by_point(drawn: ControlChart) -> dict[int, list[str]]:
    """Rules completed at each flagged point; those of a companion carry its kind."""
    found: dict[int, list[str]] = {}
    for one in (drawn, *drawn.companions):
        before = "" if one is drawn else f"{one.kind}:"
        for rule, indices in one.violations.items():
            for index in indices:
                found.setdefault(index, []).append(before + rule)
    return found


def as_text(value: object) -> object:
    """A number of results as the text that a group is asked for by."""
    return str(value) if isinstance(value, int) else value


class ChartArguments(BaseModel):
    """Arguments of the operator ``chart``."""

    model_config = ConfigDict(extra="forbid")

    target: str = Field(description="A measured characteristic, or a condition whose share is charted.")
    kind: str | None = Field(default=None, description="xbar_r, xbar_s, imr, p …; chosen when left out.")
    subgroup: Annotated[str | None, BeforeValidator(as_text)] = Field(
        default=None, description="A number of results, hour, day, week, month, or a recorded column."
    )
    where: str | None = Field(default=None, description="Condition the subjects must fulfil.")
    scope: str | None = Field(default=None, description="Process segment to stay in.")
    rules: str | list[str] | None = Field(default=None, description="A set of run rules, or their names.")
    phase1: tuple[int, int] | None = Field(
        default=None, description="Points the limits are estimated from, counted from 0: first, after last."
    )
    constants: Literal["exact", "tabled"] = "exact"
    center: float | None = Field(default=None, description="Historical centre.")
    sigma: float | None = Field(default=None, description="Historical sigma.")
    width: float = Field(default=3.0, gt=0, description="Distance of the limits in standard errors.")


_QUESTION = ("target", "kind", "subgroup", "where", "scope")


def _operate(workspace: Workspace, arguments: ChartArguments, progress: Progress | None) -> PlantChart:
    del progress
    given = arguments.model_dump(exclude_unset=True)
    options = {name: value for name, value in given.items() if name not in _QUESTION}
    return chart(
        workspace,
        arguments.target,
        kind=arguments.kind,
        subgroup=arguments.subgroup,
        where=arguments.where,
        scope=arguments.scope,
        **options,
    )


MANIFEST = OperatorManifest(
    id="chart",
    version="0.1.0",
    title=CATALOGUE.text("chart.title"),
    description=CATALOGUE.text("chart.description"),
    config=ChartArguments,
    capabilities=frozenset({"chart"}),
    run=_operate,
    reads=frozenset({RecordKind.ENTITY, RecordKind.MEASUREMENT, RecordKind.MOVEMENT}),
)
