"""Charts for short runs of several parts: Z-MR, deviations from nominal, and standardised X̄-R.

Sources: Bothe 1989, *A Powerful New Control Chart for Job Shops*, ASQC 43rd Annual Quality Congress, 265-270;
Griffith 1996, *Statistical Process Control Methods for Long and Short Runs*, 2nd ed., chapters 6 and 7;
Montgomery, *Introduction to Statistical Quality Control*, 8th ed. 2020, section 10.1; the four ways of
pooling as in Minitab's Z-MR chart.

Once the values are on a common scale, the points of different parts are comparable: moving ranges and run
rules go on across a change of part. Where a change itself is to start runs anew, name stages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, Unpack

import numpy as np
from numpy.typing import ArrayLike

from assay.stats import constants as tables
from assay.stats import sigma as sigmas
from assay.stats.arrays import Bools, Floats, Ints, numbers, one_of, positive, vector
from assay.stats.charts.chart import ControlChart, LiveForm
from assay.stats.charts.errors import MixedSubgroup
from assay.stats.charts.extended import extended
from assay.stats.charts.individuals import imr
from assay.stats.charts.kind import kind
from assay.stats.charts.live import row
from assay.stats.charts.options import Common, Options
from assay.stats.charts.parts import (
    ByPart,
    Coded,
    Labels,
    Part,
    Scale,
    ShortRunChart,
    by_part,
    coded,
    estimating,
    some,
)
from assay.stats.charts.variables import grouped, xbar_r, xbar_s
from assay.stats.errors import ConstantData, TooFewPoints, UnequalSubgroups

Pooling = Literal["parts", "runs", "constant", "relative"]
POOLINGS: tuple[Pooling, ...] = ("parts", "runs", "constant", "relative")
Estimator = Literal["mr", "median_mr"]
ESTIMATORS: tuple[Estimator, ...] = ("mr", "median_mr")
Within = Literal["r", "s"]


def z_mr(
    values: ArrayLike,
    part: Labels,
    *,
    pooling: Pooling = "parts",
    centers: Mapping[Any, float] | None = None,
    sigmas: Mapping[Any, float] | None = None,
    estimator: Estimator = "mr",
    span: int = 2,
    changeovers: bool = True,
    **options: Unpack[Common],
) -> ShortRunChart:
    """Z-MR chart: single values of several parts, each standardised by its part's mean and sigma.

    Parameters
    ----------
    values
        ``(N,)`` values in the order they were measured.
    part
        ``(N,)`` labels. A run is a stretch of one part.
    pooling
        What sigma is estimated from, in Minitab's words: ``"parts"``, all runs of a part; ``"runs"``, each
        run by itself; ``"constant"``, all values, each less its part's mean, because the parts vary alike;
        ``"relative"``, the logarithms of all values, because a part varies in proportion to its size.
    centers, sigmas
        Historical mean and sigma by part (of the logarithms with ``"relative"``); what isn't given is
        estimated.
    estimator
        ``"mr"`` or ``"median_mr"``: mean or median moving range, over d2 or d4.
    span
        How many successive values a moving range spans.
    changeovers
        Whether moving ranges that reach across a change of part count in sigma. They do by default, as values
        are taken in order within what is pooled; without them sigma is that within runs.
    options
        See :class:`~assay.stats.charts.options.Common`; ``center`` and ``sigma`` are 0 and 1 by construction.
        Means and sigmas come from phase I of all stages together.

    Raises
    ------
    NotFinite, NotNumeric, WrongShape, TooFewPoints, ConstantData, NotPositive, UnknownPart, MissingPart,
    UnknownOption, OutOfRange, NoSuchPoint, NoPhase1

    Notes
    -----
    z = (x − mean of the part)/sigma, limits ± 3; the companion has the moving ranges of z, also across a
    change of part, with centre d2 and limits D3·d2 and D4·d2.
    """
    how = one_of(pooling, POOLINGS, "pooling")
    one_of(estimator, ESTIMATORS, "estimator")
    found = vector(values, what="z_mr")
    if how == "relative":
        found = _logarithms(found)
    which = coded(part, found.size)
    chosen, mask = _chosen(options, found.size, which, centers, sigmas)
    means = by_part(
        which.names,
        centers,
        "centers",
        lambda place: float(found[some(chosen & (which.codes == place), which.names[place])].mean()),
    )
    residuals = found - means[which.codes]
    pool = _Pool(
        which,
        chosen,
        residuals,
        estimator=estimator,
        span=span,
        changeovers=changeovers,
        constants=options.get("constants", "exact"),
    )
    scales, estimates = _scales(pool, how, means, sigmas)
    z = residuals / scales
    inner = imr(z, span=span, **{**options, "center": 0.0, "sigma": 1.0, "phase1": None})  # type: ignore[arg-type]
    return _short_run(
        inner,
        "z_mr",
        which,
        estimates,
        method=how,
        scale=_z_log if how == "relative" else _z,
        phase1=mask,
        estimator=estimator,
        formula=_z_formula(how, estimator, inner.width),
    )


def target(
    values: ArrayLike,
    part: Labels,
    subgroup: ArrayLike | int | None = None,
    *,
    nominal: Mapping[Any, float] | None = None,
    within: Within = "r",
    **options: Unpack[Common],
) -> ShortRunChart:
    """Target chart (deviation from nominal): X̄-R or I-MR of each value less its part's nominal.

    Parameters
    ----------
    values
        ``(N,)`` values, or ``(m, n)`` with a subgroup in each row.
    part
        A label per value, or per subgroup. All values of a subgroup are of one part.
    subgroup
        For ``(N,)`` values: None for single values (I-MR), the size of consecutive subgroups, or a label per
        value.
    nominal
        Nominal (target) by part; a part's mean in phase I where it isn't given.
    within
        ``"r"`` for an X̄-R chart of subgroups, ``"s"`` for X̄-S.
    options
        See :class:`~assay.stats.charts.options.Common`; ``center=0`` asks whether the process runs at
        nominal.

    Raises
    ------
    As :func:`assay.stats.charts.variables.xbar_r`, and UnknownPart, MissingPart, MixedSubgroup, UnknownOption

    Notes
    -----
    For parts that vary alike: sigma is estimated over all of them. Montgomery 2020, sec. 10.1.1.
    """
    one_of(within, ("r", "s"), "within")
    single = subgroup is None and np.ndim(values) == 1
    if single:
        found, points = vector(values, what="target"), None
        which = coded(part, found.size)
    else:
        groups = grouped(values, subgroup, "target")
        found, points = groups.values, np.repeat(np.arange(groups.count), groups.sizes)
        which = _parts_of(part, points, groups.count)
    chosen, _ = _chosen(options, which.codes.size, which, nominal, nominal)
    own = which.codes if points is None else which.codes[points]
    kept = chosen if points is None else chosen[points]
    nominals = by_part(
        which.names,
        nominal,
        "nominal",
        lambda place: float(found[some(kept & (own == place), which.names[place])].mean()),
    )
    apart = found - nominals[own]
    if single:
        inner = imr(apart, **options)
    else:
        chart = xbar_r if within == "r" else xbar_s
        shaped = apart.reshape(np.shape(values)) if np.ndim(values) == 2 else apart
        inner = chart(shaped, subgroup, **options)
    estimates = _estimates(which, chosen, nominals, np.ones(nominals.size), nominal)
    return _short_run(
        inner,
        "target",
        which,
        estimates,
        method="nominal",
        scale=_apart if single else _apart_row,
        phase1=None,
    )


def standardised(
    values: ArrayLike,
    part: Labels,
    subgroup: ArrayLike | int | None = None,
    *,
    targets: Mapping[Any, float] | None = None,
    ranges: Mapping[Any, float] | None = None,
    **options: Unpack[Common],
) -> ShortRunChart:
    """Standardised X̄-R chart: (X̄ − target)/R̄ and R/R̄ of each part on one scale.

    Parameters
    ----------
    values
        ``(N,)`` values, or ``(m, n)`` with a subgroup in each row.
    part
        A label per value, or per subgroup. All values of a subgroup are of one part.
    subgroup
        For ``(N,)`` values: the size of consecutive subgroups, or a label per value. All of one size.
    targets, ranges
        Target mean and target mean range by part, from earlier runs or the tolerance; what isn't given is the
        part's mean and mean range in phase I.
    options
        See :class:`~assay.stats.charts.options.Common`; ``center`` and ``sigma`` are 0 and 1/d2 by
        construction.

    Raises
    ------
    As :func:`assay.stats.charts.variables.xbar_r`, and UnknownPart, MissingPart, MixedSubgroup,
    UnequalSubgroups

    Notes
    -----
    Centre 0 and limits ± A2; the companion's centre is 1 and its limits are D3 and D4. Bothe 1989; Montgomery
    2020, sec. 10.1.2.
    """
    groups = grouped(values, subgroup, "standardised")
    if groups.size is None:
        smallest, largest = int(groups.sizes.min()), int(groups.sizes.max())
        raise UnequalSubgroups(what="standardised", smallest=smallest, largest=largest)
    which = _parts_of(part, np.repeat(np.arange(groups.count), groups.size), groups.count)
    chosen, mask = _chosen(options, groups.count, which, targets, ranges)

    def mean(place: int, of: Floats) -> float:
        return float(of[some(chosen & (which.codes == place), which.names[place])].mean())

    centers = by_part(which.names, targets, "targets", lambda place: mean(place, groups.means))
    scales = by_part(which.names, ranges, "ranges", lambda place: mean(place, groups.ranges), above_zero=True)
    for name, scale in zip(which.names, scales.tolist(), strict=True):
        if scale == 0:
            raise ConstantData(name=name, count=groups.size, value=0.0)
    rows = groups.values.reshape(-1, groups.size)
    scaled = (rows - centers[which.codes, None]) / scales[which.codes, None]
    sigma = 1.0 / float(tables.d2(groups.size, options.get("constants", "exact")))
    inner = xbar_r(scaled, **{**options, "center": 0.0, "sigma": sigma, "phase1": None})  # type: ignore[arg-type]
    if groups.labels is not None and inner.labels is None:
        names = tuple(map(str, groups.labels.tolist()))
        beside = tuple(replace(chart, labels=names) for chart in inner.companions)
        inner = replace(inner, labels=names, companions=beside)
    both = {name: 0.0 for name in targets or {} if name in (ranges or {})}
    estimates = _estimates(which, chosen, centers, scales, both)
    return _short_run(inner, "standardised", which, estimates, method="parts", scale=_z_row, phase1=mask)


# -- estimates -----------------------------------------------------------------------------------------------


def _logarithms(values: Floats) -> Floats:
    positive(float(values.min()), "values")
    return np.log(values)


def _parts_of(part: Labels, points: Ints, count: int) -> Coded:
    """The part of each subgroup, from a label per subgroup or per value."""
    given = np.asarray(part)
    if given.shape == (count,) or given.shape != points.shape:
        return coded(given, count)
    values = coded(given, points.size)
    first = np.flatnonzero(np.diff(points, prepend=-1))
    if (mixed := values.codes != values.codes[first][points]).any():
        index = int(points[np.flatnonzero(mixed)[0]])
        raise MixedSubgroup(index=index)
    return coded(given[first], count)


def _chosen(
    options: Common,
    count: int,
    which: Coded,
    first: Mapping[Any, float] | None,
    second: Mapping[Any, float] | None,
) -> tuple[Bools, Bools | None]:
    """Points to estimate from, and the phase I mask that the chart shows; neither where all is given."""
    known = {str(name) for name in first or {}} & {str(name) for name in second or {}}
    estimates = not known.issuperset(which.names)
    phases = Options(**options).plan(count, estimates=estimates)
    return estimating(phases), phases.phase1


def _estimates(
    which: Coded, chosen: Bools, centers: Floats, scales: Floats, given: Mapping[Any, float] | None
) -> tuple[Part, ...]:
    known = {str(name) for name in given or {}}
    counts = np.bincount(which.codes[chosen], minlength=len(which.names)).tolist()
    return tuple(
        Part(name, center, scale, 0 if name in known else count)
        for name, center, scale, count in zip(
            which.names, centers.tolist(), scales.tolist(), counts, strict=True
        )
    )


class _Pool:
    """Sigma of a Z-MR chart from the moving ranges of what is pooled."""

    def __init__(
        self,
        which: Coded,
        chosen: Bools,
        residuals: Floats,
        *,
        estimator: Estimator,
        span: int,
        changeovers: bool,
        constants: tables.Kind,
    ) -> None:
        self.which, self.chosen, self.residuals = which, chosen, residuals
        self._median, self._span, self._across = estimator == "median_mr", span, changeovers
        self._constants: tables.Kind = constants

    def sigma(self, points: Ints, name: str) -> float:
        """Sigma from the values at ``points``, in their order.

        Raises
        ------
        TooFewPoints, ConstantData, OutOfRange
        """
        if points.size < self._span:
            raise TooFewPoints(what=f"sigma of {name}", count=points.size, least=self._span)
        ranges = sigmas.moving_ranges(self.residuals[points], span=self._span)
        if not self._across:
            runs, ahead = self.which.runs[points], self._span - 1
            first, last = slice(0, points.size - ahead), slice(ahead, None)
            ranges = ranges[(runs[last] == runs[first]) & (points[last] - points[first] == ahead)]
            if ranges.size == 0:
                raise TooFewPoints(what=f"sigma of {name}", count=0, least=self._span)
        middle = float(np.median(ranges)) if self._median else float(ranges.mean())
        if middle == 0:
            raise ConstantData(name=name, count=points.size, value=float(self.residuals[points[0]]))
        unit = tables.d4(self._span) if self._median else tables.d2(self._span, self._constants)
        return middle / float(unit)


def _scales(
    pool: _Pool, how: Pooling, means: Floats, given: Mapping[Any, float] | None
) -> tuple[Floats, tuple[Part, ...]]:
    """What each residual is divided by, ``(N,)``, and the estimates to show."""
    which, chosen = pool.which, pool.chosen
    if how == "runs":
        return _by_run(pool, means, given)
    if how == "parts":

        def estimate(place: int) -> float:
            return pool.sigma(some(chosen & (which.codes == place), which.names[place]), which.names[place])
    else:
        common: list[float] = []

        def estimate(place: int) -> float:
            if not common:
                common.append(pool.sigma(np.flatnonzero(chosen), how))
            return common[0]

    scales = by_part(which.names, given, "sigmas", estimate, above_zero=True)
    return scales[which.codes], _estimates(which, chosen, means, scales, given)


def _by_run(pool: _Pool, means: Floats, given: Mapping[Any, float] | None) -> tuple[Floats, tuple[Part, ...]]:
    which, runs = pool.which, pool.which.runs
    known = {} if given is None else {str(name): value for name, value in given.items()}
    scales, estimates = np.empty(runs.size), []
    for run in range(int(runs[-1]) + 1):
        inside = runs == run
        code = int(which.codes[np.flatnonzero(inside)[0]])
        name = which.names[code]
        if name in known:
            scale, count = positive(known[name], f"sigmas[{name}]"), 0
        else:
            points = some(inside & pool.chosen, name)
            scale, count = pool.sigma(points, name), points.size
        scales[inside] = scale
        estimates.append(Part(name, float(means[code]), scale, count))
    return scales, tuple(estimates)


def _z_formula(how: Pooling, estimator: Estimator, width: float) -> str:
    shown = "ln x" if how == "relative" else "x"
    sigma = {"mr": "mean(MR)/d2", "median_mr": "median(MR)/d4"}[estimator]
    return f"z = ({shown} − mean of the part)/σ, σ = {sigma} ({how}); 0 ± {width:.6g}"


# -- putting together ----------------------------------------------------------------------------------------


def _short_run(
    inner: ControlChart,
    name: str,
    which: Coded,
    estimates: tuple[Part, ...],
    *,
    method: str,
    scale: Scale,
    phase1: Bools | None,
    estimator: str | None = None,
    formula: str | None = None,
) -> ShortRunChart:
    """The chart of the common scale as a chart of parts."""
    form = inner._live  # noqa: SLF001 - the same package; its form is wrapped
    assert isinstance(form, LiveForm)  # noqa: S101 - the charts underneath have one
    # By runs, only the last run goes on; a part's later estimate replaces its earlier one.
    last = estimates[-1:] if method == "runs" else estimates
    live = ByPart(form, scale, {part.part: part for part in last})
    more: dict[str, Any] = {} if phase1 is None else {"phase1": phase1}
    if estimator is not None and any(part.count for part in estimates):
        more["estimator"] = estimator
    if formula is not None:
        more["formula"] = formula
    title = f"{name}_{inner.kind}"
    return extended(
        ShortRunChart,
        replace(inner, kind=name, title=title, _live=live, **more),
        parts=which.listed,
        estimates=estimates,
        method=method,
    )


def _z(value: Any, part: Part) -> float:
    return (float(numbers(value, "value")) - part.center) / part.scale


def _z_log(value: Any, part: Part) -> float:
    # An array of one, so that the logarithm is computed as in the batch chart to the last digit.
    found = _logarithms(np.array([float(numbers(value, "value"))]))
    return (float(found[0]) - part.center) / part.scale


def _apart(value: Any, part: Part) -> float:
    return float(numbers(value, "value")) - part.center


def _apart_row(values: Any, part: Part) -> list[float]:
    return [value - part.center for value in row(values)]


def _z_row(values: Any, part: Part) -> list[float]:
    return [(value - part.center) / part.scale for value in row(values)]


KINDS = (
    kind(
        "z_mr",
        z_mr,
        "parts",
        *("pooling", "centers", "sigmas", "estimator", "span", "changeovers"),
        without=("center", "sigma"),
    ),
    kind("target", target, "parts_subgroups", "nominal", "within"),
    kind("standardised", standardised, "parts_subgroups", "targets", "ranges", without=("center", "sigma")),
)
"""The kinds of chart in this module."""
