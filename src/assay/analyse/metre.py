"""Metre tracking on a plant: a position on a product, and where and when it was at every station before.

A line is described in a file or under ``lines`` in ``model.yaml``; see :mod:`assay.model.lines`. Speeds and
counters are the plant's readings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assay.analyse.errors import MetreRefusal
from assay.analyse.metre_movements import recorded_steps
from assay.genealogy.metre_delay import Delay, estimate_delay
from assay.genealogy.metre_errors import MetreError
from assay.genealogy.metre_line import MetreLine, Sighting, Stage
from assay.genealogy.metre_map import MetreMap, Place, cut, drawn, flipped, joined, trimmed
from assay.genealogy.metre_passage import Passage, delayed
from assay.model.kinds import TIME, RecordKind
from assay.model.lines import DelaySignals, LineFile, Operation, Pass, Station
from assay.model.text import Text
from assay.model.units import convert
from assay.plugins.contracts import OperatorManifest, Progress
from assay.store.workspace import Workspace

_ZERO = datetime(1970, 1, 1, tzinfo=UTC)
_FEWEST = 2


@dataclass(frozen=True)
class MetreTrace:
    """A place followed along a line.

    Attributes
    ----------
    place
        The place asked for.
    sightings
        Where and when it was at each station.
    delays
        The delays that were estimated, by the station they lead to.
    """

    place: Place
    sightings: tuple[Sighting, ...]
    delays: dict[str, Delay]

    def to_dict(self) -> dict[str, Any]:
        """The trace as plain JSON values; times in ISO 8601 UTC, positions in m, uncertainties in m and s."""
        return {
            "item": self.place.item,
            "position": self.place.position,
            "across": self.place.across,
            "unit": "m",
            "sightings": [_sighting(one) for one in self.sightings],
            "delays": [
                {"station": name, "value": one.value, "low": one.low, "high": one.high, "unit": "s"}
                | {"p_value": one.p_value, "credible": one.credible}
                for name, one in self.delays.items()
            ],
        }

    def to_arrow(self) -> pa.Table:
        """One row per sighting."""
        rows = [
            {name: value for name, value in _sighting(one).items() if name in _ARROW.names}
            | {"first": _moment(one, "first"), "last": _moment(one, "last")}
            for one in self.sightings
        ]
        return pa.Table.from_pylist(rows, schema=_ARROW)


_ARROW = pa.schema(
    [
        pa.field("station", pa.string()),
        pa.field("item", pa.string()),
        pa.field("position", pa.float64()),
        pa.field("across", pa.float64()),
        pa.field("position_uncertainty", pa.float64()),
        pa.field("first", TIME),
        pa.field("last", TIME),
        pa.field("time_uncertainty", pa.float64()),
    ]
)


def metre(
    workspace: Workspace,
    line: str | PathLike[str] | LineFile,
    item: str,
    position: float,
    *,
    across: float | None = None,
    station: str | None = None,
    downstream: bool = False,
) -> MetreTrace:
    """Where and when a place on a product was at every station.

    Parameters
    ----------
    line
        The description of the line, or the YAML file that holds it.
    item, position, across
        The place: metres from the start of the item and, where widths are followed, from its left edge.
    station
        Where the item is known by this name; by default the last station, with ``downstream`` the first.
    downstream
        Follow the place to where it went instead of to where it came from.

    Raises
    ------
    MetreError
        The file does not describe a line, a station is unknown, or signals run backwards.
    AnalysisError
        A signal has no readings in the time of a pass.
    """
    described = line if isinstance(line, LineFile) else read_line(Path(line))
    stages, delays = _stages(workspace, described)
    whole = MetreLine.of(stages)
    place = Place(item, float(position), across)
    follow = whole.downstream if downstream else whole.upstream
    return MetreTrace(place, follow(place, station=station), delays)


def read_line(file: Path) -> LineFile:
    """The description of a line in a YAML file.

    Raises
    ------
    MetreError
        The file is not YAML, or not a line.
    """
    try:
        return LineFile.model_validate(yaml.safe_load(file.read_text("utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise MetreError.of("line-file", file=file, problem=problem) from problem
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MetreError.of("line-file", file=file, problem=f"{where}: {first['msg']}") from problem


def _stages(workspace: Workspace, line: LineFile) -> tuple[list[Stage], dict[str, Delay]]:
    stages: list[Stage] = []
    delays: dict[str, Delay] = {}
    for station in line.stations:
        passages = tuple(_passage(workspace, station, one) for one in station.passes)
        stretches = []
        for operation in station.made_by:
            earlier = stages[-1] if stages else None
            made, delay = _made(workspace, operation, earlier, passages)
            stretches += list(made.stretches)
            if delay is not None:
                delays[station.station] = delay
        origin = MetreMap.of(stretches) if station.made_by else None
        stages.append(Stage(station.station, passages, origin))
    return stages, delays


def _passage(workspace: Workspace, station: Station, one: Pass) -> Passage:
    """The readings of a pass as a passage, in metres and seconds."""
    if station.by is None:
        raise MetreRefusal.of("no-signal", station=station.station)
    by = station.by
    rows = _readings(workspace, by.signal, by.equipment, one.begin, one.end)
    if len(rows) < _FEWEST:
        raise MetreRefusal.of("few-readings", signal=by.signal, count=len(rows), begin=one.begin, end=one.end)
    times = _seconds(rows)
    values = rows.column("value").to_numpy()
    unit = rows.column("unit")[0].as_py()
    wanted = "m/s" if by.measures == "speed" else "m"
    values = convert(values, unit or wanted, wanted)
    settings: dict[str, Any] = {"clock": station.clock, "slip": by.slip}
    if by.measures == "speed":
        return Passage.from_speed(station.station, one.item, times, values, start=one.start, **settings)
    return Passage(station.station, one.item, times, values - values[0] + one.start, **settings)


def _readings(
    workspace: Workspace, signal: str, equipment: str | None, begin: datetime, end: datetime
) -> pa.Table:
    return workspace.lake.query(
        "SELECT time, avg(value) AS value, any_value(unit) AS unit FROM reading WHERE signal = $signal "
        "AND ($equipment IS NULL OR equipment = $equipment) AND time BETWEEN $begin AND $end "
        "AND value IS NOT NULL GROUP BY time ORDER BY time",
        {"signal": signal, "equipment": equipment, "begin": begin, "end": end},
    )


def _seconds(rows: pa.Table) -> Any:
    return rows.column("time").cast(pa.int64()).to_numpy() / 1e6


def _made(
    workspace: Workspace, operation: Operation, earlier: Stage | None, passages: tuple[Passage, ...]
) -> tuple[MetreMap, Delay | None]:
    """The map of one operation, and the delay where it was estimated."""
    if operation.delay is not None:
        return _delayed(workspace, operation, earlier, passages)
    if operation.recorded is not None:
        return recorded_steps(workspace, operation.recorded), None
    try:
        if operation.draw is not None:
            return drawn(**operation.draw), None
        if operation.cut is not None:
            return cut(operation.cut["parent"], [tuple(one) for one in operation.cut["pieces"]]), None
        if operation.join is not None:
            parts = [tuple(one) for one in operation.join["parts"]]
            return joined(operation.join["item"], parts, lap=operation.join.get("lap", 0.0)), None
        if operation.flip is not None:
            return flipped(**operation.flip), None
        trim = operation.trim or {}
        return trimmed(trim["parent"], trim["length"], [tuple(one) for one in trim["strips"]]), None
    except (KeyError, TypeError, ValueError) as problem:
        if isinstance(problem, MetreError):
            raise
        raise MetreError.of("line-file", file="made_by", problem=problem) from problem


def _delayed(
    workspace: Workspace, operation: Operation, earlier: Stage | None, passages: tuple[Passage, ...]
) -> tuple[MetreMap, Delay | None]:
    """The maps between all items that passed both stations in common times."""
    above = () if earlier is None else earlier.passages
    if not above or not passages:
        raise MetreError.of("line-file", file="made_by", problem="a delay needs passes at both stations")
    delay, uncertainty, found = operation.delay, operation.uncertainty, None
    if isinstance(delay, DelaySignals):
        begin, end = (
            _ZERO + timedelta(seconds=float(edge))
            for edge in (min(one.times[0] for one in passages), max(one.times[-1] for one in passages))
        )
        found = signal_delay(workspace, delay, begin, end)
        if not found.credible:
            raise MetreRefusal.of(
                "no-delay", first=above[0].station, second=passages[0].station, p=f"{found.p_value:.2g}"
            )
        uncertainty = max((found.high - found.low) / 3.92, delay.step / math.sqrt(12))
        delay = found.value
    stretches = []
    for upstream in above:
        for downstream in passages:
            first = max(upstream.times[0] + float(delay or 0.0), downstream.times[0])
            last = min(upstream.times[-1] + float(delay or 0.0), downstream.times[-1])
            if last > first:
                made = delayed(upstream, downstream, float(delay or 0.0), uncertainty=float(uncertainty))
                stretches += list(made.stretches)
    return MetreMap.of(stretches), found


def signal_delay(workspace: Workspace, signals: DelaySignals, begin: datetime, end: datetime) -> Delay:
    """The transport delay between signals of a plant, from ``begin`` to ``end``; their means over each step.

    Raises
    ------
    MetreError
        The signals do not suffice; see :func:`assay.genealogy.metre_delay.estimate_delay`.
    """
    sides = [
        np.column_stack([_sampled(workspace, name, begin, end, signals.step) for name in names])
        for names in (signals.upstream, signals.downstream)
    ]
    return estimate_delay(
        sides[0],
        sides[1],
        step=signals.step,
        longest=signals.longest,
        shortest=signals.shortest,
        paired=signals.paired,
        within=signals.within,
    )


def _sampled(workspace: Workspace, signal: str, begin: datetime, end: datetime, step: float) -> Any:
    """Mean of the readings in each step, NaN where there are none."""
    rows = _readings(workspace, signal, None, begin, end)
    count = max(1, int((end - begin).total_seconds() / step))
    place = ((_seconds(rows) - (begin - _ZERO).total_seconds()) / step).astype(np.int64)
    inside = place < count
    total = np.bincount(place[inside], rows.column("value").to_numpy()[inside], minlength=count)
    number = np.bincount(place[inside], minlength=count)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def _moment(one: Sighting, name: str) -> datetime | None:
    return None if one.moment is None else _ZERO + timedelta(seconds=getattr(one.moment, name))


def _said(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def _sighting(one: Sighting) -> dict[str, Any]:
    return {
        "station": one.station,
        "item": one.place.item,
        "position": one.place.position,
        "across": one.place.across,
        "position_uncertainty": one.place.uncertainty,
        "first": _said(_moment(one, "first")),
        "last": _said(_moment(one, "last")),
        "time_uncertainty": None if one.moment is None else one.moment.uncertainty,
    }


def known_line(workspace: Workspace, name: str | None) -> tuple[str, LineFile]:
    """A line of the plant's ``model.yaml`` with its name; the only one where none is named.

    Raises
    ------
    MetreError
        There is no such line, or several and none is named.
    """
    lines = workspace.model.lines
    wanted = next(iter(lines)) if name is None and len(lines) == 1 else name
    if wanted is None or wanted not in lines:
        known = ", ".join(lines) or "–"
        raise MetreError.of("which-line" if wanted is None else "no-line", name=wanted, known=known)
    return wanted, lines[wanted]


class MetreArguments(BaseModel):
    """Arguments of the operator ``metre``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    line: str | LineFile | None = Field(
        default=None,
        description="A line of model.yaml by name, or its description; null for the only one.",
    )
    item: str = Field(min_length=1, description="The item the place is on.")
    position: float = Field(description="Metres from the start of the item.")
    across: float | None = Field(default=None, description="Metres from its left edge.")
    station: str | None = Field(default=None, description="Where the item is known by this name.")
    downstream: bool = Field(default=False, description="Follow to where it went instead of came from.")

    def ask(self, workspace: Workspace) -> MetreTrace:
        """The place of these arguments at every station."""
        line = self.line if isinstance(self.line, LineFile) else known_line(workspace, self.line)[1]
        return metre(
            workspace,
            line,
            self.item,
            self.position,
            across=self.across,
            station=self.station,
            downstream=self.downstream,
        )


def _operate(workspace: Workspace, arguments: MetreArguments, _: Progress | None) -> MetreTrace:
    return arguments.ask(workspace)


MANIFEST = OperatorManifest(
    id="metre",
    version="0.1.0",
    title=Text(zh="米级追踪", en="Metre tracking"),
    description=Text(
        zh="把产品上的一个位置对应到每个工位的位置与时刻，并给出不确定度。",
        en="Follows a position on a product to position and time at every station, with uncertainty.",
    ),
    config=MetreArguments,
    capabilities=frozenset({"trace", "table"}),
    run=_operate,
    reads=frozenset({RecordKind.READING, RecordKind.MOVEMENT}),
)
