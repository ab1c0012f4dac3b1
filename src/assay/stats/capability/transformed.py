"""Capability after a transformation to normality: values and limits are transformed together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from assay.stats.arrays import one_of
from assay.stats.capability.errors import LimitsBeyondTransformation
from assay.stats.capability.process import NormalCapability, Remark, arranged, normal, remark
from assay.stats.capability.specification import check_natural, specification
from assay.stats.capability.spread import Degrees, Weighting
from assay.stats.constants import Kind
from assay.stats.distributions.transform import Transformation, box_cox, johnson, yeo_johnson
from assay.stats.result import Result

if TYPE_CHECKING:
    from assay.stats.plot.spec import Plot


@dataclass(frozen=True, kw_only=True)
class TransformedCapability(Result):
    """A normal study in transformed units, beside the limits in the unit of the values."""

    transformation: Transformation
    lsl: float | None
    """In the unit of the values."""
    usl: float | None
    target: float | None
    capability: NormalCapability
    """The study of the transformed values against the transformed limits."""
    remarks: tuple[Remark, ...]

    @property
    def pp(self) -> float | None:
        """P_p of the transformed values."""
        return self.capability.pp

    @property
    def ppk(self) -> float | None:
        """P_pk of the transformed values."""
        return self.capability.ppk

    @property
    def cp(self) -> float | None:
        """C_p of the transformed values."""
        return self.capability.cp

    @property
    def cpk(self) -> float | None:
        """C_pk of the transformed values."""
        return self.capability.cpk

    def plot(self) -> Plot:
        """The study in transformed units."""
        return self.capability.plot()


def transformed(
    values: ArrayLike,
    transformation: Literal["box_cox", "yeo_johnson", "johnson"] = "box_cox",
    *,
    lsl: float | None = None,
    usl: float | None = None,
    target: float | None = None,
    subgroup: ArrayLike | int | None = None,
    natural_low: float | None = None,
    natural_high: float | None = None,
    lam: float | None = None,
    shift: float = 0.0,
    rounded: bool = False,
    system: Literal["search", "sb", "sl", "su"] = "search",
    least_p: float = 0.10,
    sigma: str | float | None = None,
    confidence: float = 0.95,
    k: float = 6.0,
    weighting: Weighting = "uwave",
    constants: Kind = "exact",
    degrees: Degrees | float = "total",
) -> TransformedCapability:
    """Capability of values that a Box-Cox, Yeo-Johnson or Johnson transformation makes normal.

    A limit at or beyond the bound of the transformation can't be passed by any value the transformation
    allows; its side is left out, with a remark. ``lam`` (λ), ``shift`` and ``rounded`` belong to Box-Cox
    and Yeo-Johnson, ``system`` and ``least_p`` to Johnson; ``sigma`` is of the transformed values. The
    other parameters are those of :func:`normal`.

    Raises
    ------
    LimitsBeyondTransformation
        No limit lies between the bounds of the fitted transformation.
    NoLimits, LimitsReversed, TargetOutsideLimits, BeyondNaturalLimit, NotFinite, TooFewPoints, ConstantData,
    OutsideSupport, NoTransformation, UnknownOption, OutOfRange

    Source: as in :mod:`assay.stats.distributions.transform`.
    """
    spec = specification(lsl, usl, target, natural_low, natural_high, what="capability.transformed")
    x, groups = arranged(values, subgroup)
    check_natural(x, spec)
    chosen = one_of(transformation, ("box_cox", "yeo_johnson", "johnson"), "transformation")
    if chosen == "box_cox":
        found = box_cox(x, lam, shift=shift, rounded=rounded)
    elif chosen == "yeo_johnson":
        found = yeo_johnson(x, lam)
    else:
        found = johnson(x, system=system, least_p=least_p)
    remarks = []
    low, high = _carried(found, spec.lsl), _carried(found, spec.usl)
    if spec.lsl is not None and low is None:
        remarks.append(remark("limit-untransformable-low", limit=f"{spec.lsl:g}", bound=f"{found.low:g}"))
    if spec.usl is not None and high is None:
        remarks.append(remark("limit-untransformable-high", limit=f"{spec.usl:g}", bound=f"{found.high:g}"))
    if low is None and high is None:
        raise LimitsBeyondTransformation(kind=found.kind, low=found.low, high=found.high)
    labels = None if groups is None else np.repeat(np.arange(groups.count), groups.sizes)
    study = normal(
        found.transformed,
        lsl=low,
        usl=high,
        target=_carried(found, spec.target) if spec.target_given else None,
        subgroup=labels,
        sigma=sigma,
        confidence=confidence,
        k=k,
        weighting=weighting,
        constants=constants,
        degrees=degrees,
    )
    return TransformedCapability(
        transformation=found,
        lsl=spec.lsl,
        usl=spec.usl,
        target=spec.target,
        capability=study,
        remarks=tuple(remarks),
    )


def _carried(found: Transformation, limit: float | None) -> float | None:
    if limit is None:
        return None
    moved = found.forward(limit)
    return moved if np.isfinite(moved) else None
