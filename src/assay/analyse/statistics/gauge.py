"""Gauge R&R of a plant's results: several people measured the same subjects several times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from assay.analyse.errors import StatisticsRefusal
from assay.analyse.statistics.series import series, words
from assay.analyse.statistics.words import CATALOGUE
from assay.model.kinds import RecordKind
from assay.plugins.contracts import OperatorManifest, Progress
from assay.stats.msa import GaugeRR, gauge_rr, gauge_rr_nested
from assay.stats.plot import Plot
from assay.stats.result import Result
from assay.store.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class PlantGaugeRR(Result):
    """A gauge R&R study of a plant's results."""

    characteristic: str
    unit: str | None
    operator: str
    """The column that named who measured."""
    part: str
    """The column that named what was measured."""
    results: int
    left_out: int
    """Results without a value in one of the two columns."""
    study: GaugeRR

    def plot(self) -> Plot:
        """The study's picture with the characteristic's name."""
        return self.study.plot().about(self.characteristic)


def plant_gauge_rr(
    workspace: Workspace,
    characteristic: str,
    *,
    operator: str = "person",
    part: str = "subject",
    nested: bool = False,
    where: str | None = None,
    scope: str | None = None,
    **options: Any,
) -> PlantGaugeRR:
    """Gauge R&R over the results of a measured characteristic.

    Parameters
    ----------
    characteristic
        Name of a measured characteristic.
    operator, part
        Recorded columns that say who measured and what.
    nested
        Whether each part was measured by one operator only.
    where, scope
        As for causes; a study's results are usually told by such a condition.
    options
        Those of :func:`assay.stats.msa.gauge_rr`: ``method``, ``tolerance``, ``pooling_alpha`` …

    Raises
    ------
    QueryError, AnalysisError
        Something named isn't recorded, or no result has a value in both columns.
    StatisticsError
        The results are no such study.
    """
    found = series(workspace, characteristic, where=where, scope=scope)
    parts, people = words(found, part), words(found, operator)
    known = np.array(
        [left is not None and right is not None for left, right in zip(parts, people, strict=True)]
    )
    if not known.any():
        raise StatisticsRefusal.of("study", measured=characteristic, by_part=part, operator=operator)
    frame = {
        "part": np.array(parts, object)[known],
        "operator": np.array(people, object)[known],
        "value": found.values[known],
    }
    study = gauge_rr_nested if nested else gauge_rr
    return PlantGaugeRR(
        characteristic=characteristic,
        unit=found.unit,
        operator=operator,
        part=part,
        results=int(known.sum()),
        left_out=int((~known).sum()),
        study=study(frame, part="part", operator="operator", value="value", **options),
    )


class GaugeArguments(BaseModel):
    """Arguments of the operator ``gauge-rr``."""

    model_config = ConfigDict(extra="forbid")

    target: str = Field(description="Name of a measured characteristic.")
    operator: str = Field(default="person", description="Column that says who measured.")
    part: str = Field(default="subject", description="Column that says what was measured.")
    nested: bool = Field(default=False, description="Whether each part was measured by one operator only.")
    where: str | None = Field(default=None, description="Condition the results must fulfil.")
    scope: str | None = Field(default=None, description="Process segment to stay in.")
    method: Literal["anova", "range"] | None = Field(default=None, description="How it is computed.")
    tolerance: float | None = Field(default=None, gt=0, description="Width of the specification.")
    pooling_alpha: float | None = Field(
        default=None, ge=0, le=1, description="Interactions less significant than this are pooled."
    )


def _operate(workspace: Workspace, arguments: GaugeArguments, progress: Progress | None) -> PlantGaugeRR:
    del progress
    given = arguments.model_dump(exclude_unset=True)
    return plant_gauge_rr(workspace, given.pop("target"), **given)


MANIFEST = OperatorManifest(
    id="gauge-rr",
    version="0.1.0",
    title=CATALOGUE.text("gauge.title"),
    description=CATALOGUE.text("gauge.description"),
    config=GaugeArguments,
    capabilities=frozenset({"chart", "table"}),
    run=_operate,
    reads=frozenset({RecordKind.ENTITY, RecordKind.MEASUREMENT, RecordKind.MOVEMENT}),
)
