"""Measurement uncertainty after VDA 5 and ISO 22514-7: the budget of a measuring system and process."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from numpy.typing import ArrayLike
from scipy import stats

from assay.stats.arrays import between, numbers, one_of, positive, vector
from assay.stats.errors import TooFewPoints
from assay.stats.msa.gauge import GaugeRR
from assay.stats.msa.type1 import tolerance_width
from assay.stats.plot import Plot
from assay.stats.result import Result

Guard = Literal["expanded", "iso14253"]
SYSTEM = ("CAL", "RE", "EVR", "BI", "LIN", "MPE", "MS_REST")
"""Contributions of the measuring system, in the order they are listed."""
PROCESS = ("EVO", "AV", "GV", "IA", "STAB", "OBJ", "T", "REST")
"""What the measuring process adds."""


@dataclass(frozen=True)
class Contribution:
    """A line of the budget."""

    symbol: str
    """``RE``, ``EVR``, ``BI``, …: the index of u in VDA 5; own ones as they were named."""
    uncertainty: float
    """Standard uncertainty, in the unit of the data."""
    system: bool
    """Whether it counts in u_MS."""
    process: bool
    """Whether it counts in u_MP; of resolution and repeatabilities only the largest does."""
    percent_process: float
    """Its share of u_MP², in percent."""


@dataclass(frozen=True)
class Zones:
    """Where a measured value proves conformance, and where it proves nonconformance; None for no limit."""

    guard_band: float
    accept_low: float | None
    accept_high: float | None
    reject_low: float | None
    """At and below it, nonconformance is proved."""
    reject_high: float | None
    empty: bool
    """Whether the guard bands leave nothing between them."""


@dataclass(frozen=True, kw_only=True)
class Uncertainty(Result):
    """The uncertainty budget: standard and expanded uncertainties, capability ratios, smallest tolerances."""

    contributions: tuple[Contribution, ...]
    tolerance: float
    coverage_factor: float
    u_ms: float
    """Combined standard uncertainty of the measuring system."""
    expanded_ms: float
    """U_MS = k·u_MS."""
    q_ms: float
    """Q_MS = 2·U_MS/T, in percent."""
    q_ms_limit: float
    tolerance_min_ms: float
    """The smallest tolerance the system is capable of."""
    c_ms: float
    """ISO 22514-7: C_MS = 0.3·T/(6·u_MS); at least 1.33."""
    ms_capable: bool | None
    """None where no contribution of the measuring system is known."""
    u_mp: float
    """Combined standard uncertainty of the measuring process."""
    expanded_mp: float
    q_mp: float
    """Q_MP = 2·U_MP/T, in percent."""
    q_mp_limit: float
    tolerance_min_mp: float
    c_mp: float
    """ISO 22514-7: C_MP = 0.3·T/(3·u_MP); at least 1.33."""
    mp_capable: bool
    percent_resolution: float | None
    """Resolution over the tolerance; VDA 5 asks for at most 5."""
    zones: Zones | None
    """Guard-banded limits; None where no specification limit was given."""

    def plot(self) -> Plot:
        """The budget as bars, and the capability ratios beside their limits."""
        from assay.stats.msa.pictures import uncertainty_picture

        return uncertainty_picture(self)


def rectangular(half_width: float) -> float:
    """Standard uncertainty of a value known to lie within ± ``half_width``: a/√3 (GUM 4.3.7)."""
    return _magnitude(half_width, "half_width") / math.sqrt(3)


def _magnitude(value: float, name: str) -> float:
    return between(value, name, 0.0, math.inf)


def vda5(
    *,
    tolerance: float | None = None,
    lsl: float | None = None,
    usl: float | None = None,
    resolution: float | None = None,
    calibration_uncertainty: float | None = None,
    calibration_factor: float = 2.0,
    standards: Mapping[float, ArrayLike] | Sequence[tuple[float, ArrayLike]] = (),
    linearity: float | None = None,
    mpe: float | None = None,
    gauge: GaugeRR | None = None,
    u: Mapping[str, float] | None = None,
    coverage_factor: float = 2.0,
    q_ms_limit: float = 15.0,
    q_mp_limit: float = 30.0,
    guard: Guard = "expanded",
) -> Uncertainty:
    """The budget of VDA 5 (*Measurement Process Capability*, 3rd ed. 2021, ch. 4-6) and ISO 22514-7:2021.

    ``u_MS² = u_CAL² + max(u_EVR, u_RE)² + u_BI² + u_LIN² + u_MS_REST²``, or ``u_MPE²`` instead of what the
    maximum permissible error covers; ``u_MP² = u_CAL² + max(u_EVR, u_EVO, u_RE)² + u_BI² + u_LIN² + u_AV² +
    u_GV² + u_IA² + u_STAB² + u_OBJ² + u_T² + u_REST²``.

    Parameters
    ----------
    tolerance, lsl, usl
        Width, or both limits; limits also give the guard-banded zones.
    resolution
        Smallest step: u_RE = step/√12.
    calibration_uncertainty, calibration_factor
        Expanded uncertainty from the certificate of the standard and its k: u_CAL = U/k.
    standards
        Reference values with repeated measurements of each, at least 2 (VDA 5 asks for 25 on one standard):
        u_EVR is the largest of their standard deviations, u_BI the largest |bias|/√3.
    linearity
        Largest deviation of linearity where it isn't seen in ``standards``: u_LIN = a/√3.
    mpe
        Maximum permissible error of a standard gauge: u_MPE = MPE/√3, in the place of calibration,
        repeatability on the standard, bias and linearity.
    gauge
        A study with the parts and operators of the process: u_EVO = EV, u_AV = AV, u_IA = interaction.
    u
        Standard uncertainties by symbol, in any case: ``EVR``, ``BI``, ``LIN``, ``CAL``, ``MS_REST``;
        ``EVO``, ``AV``, ``GV`` (between gauges), ``IA``, ``STAB``, ``OBJ`` (shape of the part), ``T``
        (temperature), ``REST``; others count in the process. They take the place of what is derived from
        the arguments above. :func:`rectangular` turns limits into them.
    coverage_factor
        k of U_MS and U_MP.
    q_ms_limit, q_mp_limit
        Largest Q_MS and Q_MP in percent.
    guard
        Guard band: ``expanded`` is U_MP (VDA 5); ``iso14253`` is 1.645·u_MP, for a probability of conformance
        of 95 % (ISO 14253-1:2017).

    Raises
    ------
    NoLimits, LimitsReversed, NotPositive, NotFinite, OutOfRange, TooFewPoints, UnknownOption
    """
    one_of(guard, ("expanded", "iso14253"), "guard")
    width = tolerance_width(tolerance, lsl, usl, None, "vda5")
    k = positive(coverage_factor, "coverage_factor")
    step = None if resolution is None else positive(resolution, "resolution")
    budget = _derived(
        step=step,
        calibration_uncertainty=calibration_uncertainty,
        calibration_factor=calibration_factor,
        standards=standards,
        linearity=linearity,
        mpe=mpe,
        gauge=gauge,
    )
    budget |= {_symbol(name): _magnitude(value, name) for name, value in (u or {}).items()}
    if not any(budget.values()):
        raise TooFewPoints(what="vda5", count=0, least=1)
    in_system, in_process = _counted(budget)
    u_ms, u_mp = (math.hypot(*(budget[symbol] for symbol in names)) for names in (in_system, in_process))
    order = {symbol: place for place, symbol in enumerate((*SYSTEM, *PROCESS))}
    listed = sorted(budget, key=lambda symbol: order.get(symbol, len(order)))
    q_ms, q_mp = 200 * k * u_ms / width, 200 * k * u_mp / width
    band = k * u_mp if guard == "expanded" else float(stats.norm.ppf(0.95)) * u_mp
    return Uncertainty(
        contributions=tuple(
            Contribution(
                symbol,
                budget[symbol],
                symbol in in_system,
                symbol in in_process,
                100 * budget[symbol] ** 2 / u_mp**2 if symbol in in_process and u_mp > 0 else 0.0,
            )
            for symbol in listed
        ),
        tolerance=width,
        coverage_factor=k,
        u_ms=u_ms,
        expanded_ms=k * u_ms,
        q_ms=q_ms,
        q_ms_limit=positive(q_ms_limit, "q_ms_limit"),
        tolerance_min_ms=200 * k * u_ms / q_ms_limit,
        c_ms=0.05 * width / u_ms if u_ms > 0 else math.inf,
        ms_capable=q_ms <= q_ms_limit if in_system else None,
        u_mp=u_mp,
        expanded_mp=k * u_mp,
        q_mp=q_mp,
        q_mp_limit=positive(q_mp_limit, "q_mp_limit"),
        tolerance_min_mp=200 * k * u_mp / q_mp_limit,
        c_mp=0.1 * width / u_mp if u_mp > 0 else math.inf,
        mp_capable=q_mp <= q_mp_limit,
        percent_resolution=None if step is None else 100 * step / width,
        zones=None if lsl is None and usl is None else guard_banded(band, lsl=lsl, usl=usl),
    )


def guard_banded(band: float, *, lsl: float | None = None, usl: float | None = None) -> Zones:
    """The zones of ISO 14253-1: limits moved inwards to accept, outwards to reject, by ``band`` ≥ 0.

    Raises
    ------
    OutOfRange, NotFinite
    """
    _magnitude(band, "band")
    low, high = (None if limit is None else float(numbers(limit, "limit")) for limit in (lsl, usl))
    return Zones(
        guard_band=band,
        accept_low=None if low is None else low + band,
        accept_high=None if high is None else high - band,
        reject_low=None if low is None else low - band,
        reject_high=None if high is None else high + band,
        empty=low is not None and high is not None and low + band > high - band,
    )


def _symbol(name: str) -> str:
    """VDA 5's symbol in any case; own names as they are."""
    return name.upper() if name.upper() in {*SYSTEM, *PROCESS} else name


def _derived(
    *,
    step: float | None,
    calibration_uncertainty: float | None,
    calibration_factor: float,
    standards: Mapping[float, ArrayLike] | Sequence[tuple[float, ArrayLike]],
    linearity: float | None,
    mpe: float | None,
    gauge: GaugeRR | None,
) -> dict[str, float]:
    """Standard uncertainties that follow from limits, certificates and repeated measurements."""
    found: dict[str, float] = {}
    if step is not None:
        found["RE"] = step / math.sqrt(12)
    if calibration_uncertainty is not None:
        expanded = _magnitude(calibration_uncertainty, "calibration_uncertainty")
        found["CAL"] = expanded / positive(calibration_factor, "calibration_factor")
    pairs = list(standards.items()) if isinstance(standards, Mapping) else list(standards)
    if pairs:
        measured = [
            (float(numbers(aim, "reference")), vector(values, least=2, what="vda5")) for aim, values in pairs
        ]
        found["EVR"] = max(float(values.std(ddof=1)) for _, values in measured)
        found["BI"] = rectangular(max(abs(float((values - aim).mean())) for aim, values in measured))
    if linearity is not None:
        found["LIN"] = rectangular(linearity)
    if mpe is not None:
        found["MPE"] = rectangular(positive(mpe, "mpe"))
    if gauge is not None:
        seen = {"EVO": gauge.ev, "AV": gauge.av, "IA": gauge.interaction}
        found |= {symbol: value for symbol, value in seen.items() if value is not None}
    return found


def _counted(budget: Mapping[str, float]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which contributions count in the system and in the process.

    What the maximum permissible error covers is left out; of resolution and repeatabilities the largest
    counts.
    """
    covered = {"CAL", "EVR", "BI", "LIN"} if "MPE" in budget else set()
    base = [symbol for symbol in SYSTEM if symbol in budget and symbol not in {*covered, "RE", "EVR"}]
    alone = [name for name in ("RE", "EVR") if name in budget and name not in covered]
    own = [name for name in budget if name not in {*SYSTEM, "EVO"}]

    def largest(names: list[str]) -> list[str]:
        return [max(names, key=lambda name: budget[name])] if names else []

    if "MPE" in budget:
        # The error limit holds for indications with their steps: one adds where it hides the spread on parts.
        seen = [name for name in ("RE", "EVO") if name in budget] if "EVO" in budget else []
        return tuple(base), (*base, *largest(seen), *own)
    repeat = [*alone, *(["EVO"] if "EVO" in budget else [])]
    return (*base, *largest(alone)), (*base, *largest(repeat), *own)
