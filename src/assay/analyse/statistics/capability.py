"""Process capability of a plant's results against their specification."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from assay.analyse.errors import StatisticsRefusal
from assay.analyse.statistics.charting import as_text
from assay.analyse.statistics.series import Groups, Series, grouped, series
from assay.analyse.statistics.specification import Specification, specification
from assay.analyse.statistics.words import CATALOGUE
from assay.model.kinds import RecordKind
from assay.plugins.contracts import OperatorManifest, Progress
from assay.stats.capability import NormalCapability, Sixpack, sixpack
from assay.stats.plot import Plot
from assay.stats.result import Result
from assay.store.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class PlantCapability(Result):
    """Capability of a characteristic's results, and where its specification comes from."""

    characteristic: str
    unit: str | None
    subgroup: str | None
    """What the results were grouped by."""
    subjects: int
    left_out: int
    """Subjects without a value in the grouping column."""
    specification: Specification
    capability: NormalCapability
    _sixpack: Sixpack = field(repr=False)

    def plot(self) -> Plot:
        """The sixpack with the characteristic's name."""
        return self._sixpack.plot().about(self.characteristic)

    def headline(self) -> list[tuple[str, float | None, str | None]]:
        """Name, value and unit of the figures that are looked at first."""
        found = self.capability
        return [
            ("results", found.n, None),
            ("mean", found.mean, self.unit),
            ("lsl", found.lsl, self.unit),
            ("usl", found.usl, self.unit),
            ("cp", found.cp, None),
            ("cpk", found.cpk, None),
            ("pp", found.pp, None),
            ("ppk", found.ppk, None),
            ("ppm", found.expected_overall.total, None),
        ]


def capability(
    workspace: Workspace,
    characteristic: str,
    *,
    lsl: float | None = None,
    usl: float | None = None,
    target: float | None = None,
    subgroup: str | None = None,
    where: str | None = None,
    scope: str | None = None,
    **options: Any,
) -> PlantCapability:
    """Capability of a measured characteristic, its results in the order of their time.

    Parameters
    ----------
    characteristic
        Name of a measured characteristic, or arithmetic on several.
    lsl, usl, target
        Specification in the characteristic's unit; where none of them is given, the plant's master data.
    subgroup, where, scope
        As for :func:`assay.analyse.statistics.chart`.
    options
        Those of :func:`assay.stats.capability.normal`: ``sigma``, ``confidence``, ``natural_low`` …

    Raises
    ------
    QueryError, AnalysisError
        Something named isn't recorded, the characteristic is a condition, or it has no specification.
    StatisticsError
        The results or limits don't allow it.
    """
    found = series(workspace, characteristic, where=where, scope=scope)
    if found.frame.target.is_condition:
        raise StatisticsRefusal.of("capability", characteristic=characteristic)
    limits = specification(workspace, found, lsl=lsl, usl=usl, target=target)
    if limits.lsl is None and limits.usl is None:
        raise StatisticsRefusal.of("specification", characteristic=characteristic)
    groups = None if subgroup is None else grouped(found, subgroup)
    answer = sixpack(
        _shown(found, groups).values,
        lsl=limits.lsl,
        usl=limits.usl,
        target=limits.target,
        subgroup=None if groups is None else groups.per_row,
        **options,
    )
    return PlantCapability(
        characteristic=characteristic,
        unit=found.unit,
        subgroup=subgroup,
        subjects=answer.capability.n,
        left_out=0 if groups is None else groups.left_out,
        specification=limits,
        capability=answer.capability,
        _sixpack=answer,
    )


def _shown(found: Series, groups: Groups | None) -> Series:
    return found if groups is None else groups.series


class CapabilityArguments(BaseModel):
    """Arguments of the operator ``capability``."""

    model_config = ConfigDict(extra="forbid")

    target: str = Field(description="Name of a measured characteristic.")
    lsl: float | None = Field(default=None, description="Lower specification limit.")
    usl: float | None = Field(default=None, description="Upper specification limit.")
    nominal: float | None = Field(default=None, description="Target value of the specification.")
    subgroup: Annotated[str | None, BeforeValidator(as_text)] = Field(
        default=None, description="A number of results, hour, day, week, month, or a recorded column."
    )
    where: str | None = Field(default=None, description="Condition the subjects must fulfil.")
    scope: str | None = Field(default=None, description="Process segment to stay in.")
    sigma: str | float | None = Field(default=None, description="Estimator of sigma within, or a known one.")
    confidence: float = Field(default=0.95, gt=0.5, lt=1, description="Level of the intervals.")
    natural_low: float | None = Field(default=None, description="Bound that no value can be below.")
    natural_high: float | None = Field(default=None, description="Bound that no value can be above.")


_QUESTION = ("target", "nominal")


def _operate(
    workspace: Workspace, arguments: CapabilityArguments, progress: Progress | None
) -> PlantCapability:
    del progress
    given = arguments.model_dump(exclude_unset=True)
    options = {name: value for name, value in given.items() if name not in _QUESTION}
    return capability(workspace, arguments.target, target=arguments.nominal, **options)


MANIFEST = OperatorManifest(
    id="capability",
    version="0.1.0",
    title=CATALOGUE.text("capability.title"),
    description=CATALOGUE.text("capability.description"),
    config=CapabilityArguments,
    capabilities=frozenset({"chart", "table"}),
    run=_operate,
    reads=frozenset({RecordKind.ENTITY, RecordKind.MEASUREMENT, RecordKind.MOVEMENT}),
)
