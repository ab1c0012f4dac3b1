"""Average run lengths against R's spc, the textbook's tables and equations that are solved another way."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from functools import cache, partial
from importlib.resources import files
from typing import Any

import numpy as np
from scipy.special import ndtr
from scipy.stats import ncx2

from assay.stats import arl
from assay.stats.arl import Sided
from assay.stats.verify.check import Check, Section, Tolerance

SPC = "R package spc 0.6.7"
MONTGOMERY = "Montgomery, Introduction to Statistical Quality Control, 8th ed."
SHIFTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0)
EWMA_TABLE = {
    (0.4, 3.054): (500, 224, 71.2, 28.4, 14.3, 5.9, 3.5, 2.5, 2.0, 1.4),
    (0.25, 2.998): (500, 170, 48.2, 20.1, 11.1, 5.5, 3.6, 2.7, 2.3, 1.7),
    (0.2, 2.962): (500, 150, 41.8, 18.2, 10.5, 5.5, 3.7, 2.9, 2.4, 1.9),
    (0.1, 2.814): (500, 106, 31.3, 15.9, 10.3, 6.1, 4.4, 3.4, 2.9, 2.2),
    (0.05, 2.615): (500, 84.1, 28.8, 16.4, 11.4, 7.1, 5.2, 4.2, 3.5, 2.7),
}
"""Average run lengths of EWMA charts by (λ, L), at each of SHIFTS."""
CUSUM_TABLE = {
    4.0: (168, 74.2, 26.6, 13.3, 8.38, 4.75, 3.34, 2.62, 2.19, 1.71),
    5.0: (465, 139, 38.0, 17.0, 10.4, 5.75, 4.01, 3.11, 2.57, 2.01),
}
"""Average run lengths of two-sided CUSUMs with k = 1/2 by h, at each of SHIFTS."""
CROWDER = {
    0.5: (26.45, 20.12, 11.89, 7.29, 4.91, None, 2.80, 2.29),
    0.05: (127.53, 43.94, 18.97, 11.64, 8.38, 6.56, 5.41, 4.62),
}
"""EWMA charts with L = 2 by λ, shifts in steps of .25; None where the paper has a misprint (3.95)."""
ONE_SIDED = (500.0, 21.637, 6.7596, 3.5398, 2.3038, 1.7004, 1.3675)
"""One-sided EWMA with λ = .1 and exact limits, shifts in steps of .5."""
MARKOV_MEWMA = {0.0: 199.78, 0.5: 35.05, 1.0: 12.17, 1.5: 7.22, 2.0: 5.19, 3.0: 3.42}
"""MEWMA with λ = .1, p = 4, h = 12.73 by distance."""
HALF_PERCENT = Tolerance(relative=5e-3)
EQUAL = Tolerance(relative=1e-9)


@cache
def spc() -> dict[str, Any]:
    """The numbers of R's spc, by chart."""
    text = files("assay.stats.verify").joinpath("data", "arl_spc.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def checks() -> Iterator[Check]:
    """Every average run length with its reference."""
    yield from _software()
    yield from _tables()
    yield from _recomputed()


_check = Section("arl", "arl").check


def _software() -> Iterator[Check]:
    close = Tolerance(relative=1e-9)
    for lam, width, shift, mean in spc()["ewma"]:
        yield _check(
            f"ewma.{lam:g}.{width:g}.{shift:g}",
            f"EWMA average run length, λ {lam:g}, L {width:g}, shift {shift:g} σ",
            source=f"{SPC}, xewma.arl",
            origin="software",
            reference=mean,
            compute=partial(arl.ewma, lam, width, shift),
            tolerance=close,
        )
    for k, h, shift, both, one in spc()["cusum"]:
        sides: tuple[tuple[Sided, float], ...] = (("two", both), ("one", one))
        for sided, mean in sides:
            yield _check(
                f"cusum.{sided}.{k:g}.{h:g}.{shift:g}",
                f"CUSUM average run length, {sided}-sided, k {k:g}, h {h:g}, shift {shift:g} σ",
                source=f"{SPC}, xcusum.arl",
                origin="software",
                reference=mean,
                compute=partial(arl.cusum, k, h, shift, sided),
                tolerance=close,
            )
    for lam, h, p, squared, mean in spc()["mewma"]:
        yield _check(
            f"mewma.{lam:g}.{p}.{squared:g}",
            f"MEWMA average run length, λ {lam:g}, p {p}, h {h:.4f}, squared distance {squared:g}",
            source=f"{SPC}, mewma.arl",
            origin="software",
            reference=mean,
            compute=partial(arl.mewma, lam, h, p, math.sqrt(squared)),
            tolerance=HALF_PERCENT if squared else Tolerance(relative=1e-6),
            note="delta in spc is the squared Mahalanobis distance; its default nodes leave up to 0.1 %"
            if squared
            else "",
        )
    for lam, mean, width in spc()["ewma_design"]:
        yield _check(
            f"design_ewma.{lam:g}.{mean:g}",
            f"EWMA limit L for an average run length of {mean:g}, λ {lam:g}",
            source=f"{SPC}, xewma.crit",
            origin="software",
            reference=width,
            compute=partial(arl.design_ewma, lam, mean),
            tolerance=close,
        )


def _tables() -> Iterator[Check]:
    for (lam, width), means in EWMA_TABLE.items():
        for shift, mean in zip(SHIFTS, means, strict=True):
            yield _check(
                f"table.ewma.{lam:g}.{shift:g}",
                f"EWMA average run length, λ {lam:g}, L {width:g}, shift {shift:g} σ",
                source=f"{MONTGOMERY}, table 9.11 (Lucas and Saccucci 1990)",
                origin="published",
                reference=mean,
                compute=partial(arl.ewma, lam, width, shift),
                tolerance=Tolerance(digits=1, relative=5e-3),
            )
    for h, means in CUSUM_TABLE.items():
        for shift, mean in zip(SHIFTS, means, strict=True):
            yield _check(
                f"table.cusum.{h:g}.{shift:g}",
                f"CUSUM average run length, k 0.5, h {h:g}, shift {shift:g} σ",
                source=f"{MONTGOMERY}, table 9.3",
                origin="published",
                reference=mean,
                compute=partial(arl.cusum, 0.5, h, shift),
                tolerance=Tolerance(digits=2, relative=5e-3),
            )
    for shift, mean in ((0.0, 149.0), (1.0, 5.29)):
        yield _check(
            f"cusum.fir.{shift:g}",
            f"CUSUM average run length with head start h/2, k 0.5, h 4, shift {shift:g} σ",
            source="Lucas and Crosier, Technometrics 24 (1982) 199, table 2",
            origin="published",
            reference=mean,
            compute=partial(arl.cusum, 0.5, 4.0, shift, head_start=2.0),
            tolerance=Tolerance(digits=2, relative=5e-3),
        )
    for lam, row in CROWDER.items():
        for step, printed in enumerate(row):
            if printed is None:
                continue
            yield _check(
                f"crowder.{lam:g}.{step * 0.25:g}",
                f"EWMA average run length, λ {lam:g}, L 2, shift {step * 0.25:g} σ",
                source="Crowder, Technometrics 29 (1987) 401, table 1",
                origin="published",
                reference=printed,
                compute=partial(arl.ewma, lam, 2.0, step * 0.25),
                tolerance=Tolerance(digits=2),
            )
    yield _check(
        "ewma.sas",
        "EWMA average run length, λ 0.25, L 3, shift 1 σ",
        source="SAS/QC User's Guide, EWMAARL function",
        origin="software",
        reference=11.154267016,
        compute=partial(arl.ewma, 0.25, 3.0, 1.0),
        tolerance=Tolerance(digits=9),
    )
    for lam, mean in ((0.75, 104.0), (0.5, 1952.0)):
        yield _check(
            f"waldmann.{lam:g}",
            f"EWMA average run length, λ {lam:g}, limits ± 2 σ",
            source="Waldmann, Applied Statistics 35 (1986) 151, table 1",
            origin="published",
            reference=mean,
            compute=partial(arl.ewma, lam, 2.0 * math.sqrt((2.0 - lam) / lam)),
            tolerance=Tolerance(relative=5e-4),
        )
    for step, mean in enumerate(ONE_SIDED):
        yield _check(
            f"ewma.one_sided.exact.{step * 0.5:g}",
            f"One-sided EWMA average run length, λ 0.1, exact limits, shift {step * 0.5:g} σ",
            source="R package spc 0.6.7, help of xewma.arl: simulation of 10^9 runs",
            origin="software",
            reference=mean,
            compute=partial(_one_sided, step * 0.5),
            tolerance=Tolerance(relative=1e-4),
        )
    for distance, mean in MARKOV_MEWMA.items():
        yield _check(
            f"mewma.markov.{distance:g}",
            f"MEWMA average run length, λ 0.1, p 4, h 12.73, distance {distance:g}",
            source="Molnau et al., J. Quality Technology 33 (2001) 515: Fortran program",
            origin="software",
            reference=mean,
            compute=partial(arl.mewma, 0.1, 12.73, 4, distance),
            tolerance=HALF_PERCENT,
            note="the program approximates by a Markov chain",
        )
    for lam, h in ((0.25, 15.82), (0.2, 15.62), (0.15, 15.31), (0.1, 14.76), (0.05, 13.60)):
        yield _check(
            f"design_mewma.knoth.{lam:g}",
            f"MEWMA limit h for an average run length of 1000, λ {lam:g}, p 3",
            source="Knoth, J. Quality Technology 49 (2017) 78, table 2",
            origin="published",
            reference=h,
            compute=partial(arl.design_mewma, lam, 3, 1000.0),
            tolerance=Tolerance(digits=2),
        )
    yield _check(
        "design_mewma.rigdon",
        "MEWMA limit h for an average run length of 500, λ 0.25, p 4",
        source="Rigdon, J. Statistical Computation and Simulation 52 (1995) 351, table 1",
        origin="published",
        reference=16.38,
        compute=lambda: arl.design_mewma(0.25, 4, 500.0),
        tolerance=Tolerance(digits=2),
    )


def _recomputed() -> Iterator[Check]:
    yield _check(
        "ewma.shewhart",
        "EWMA average run length, λ 1, L 3, shift 1 σ",
        source="1/(1 − Φ(2) + Φ(−4)): a Shewhart chart",
        origin="recomputed",
        reference=1.0 / float(ndtr(-2.0) + ndtr(-4.0)),
        compute=lambda: arl.ewma(1.0, 3.0, 1.0),
        tolerance=EQUAL,
    )
    yield _check(
        "ewma.exact_limits",
        "EWMA average run length, λ 0.2, L 3, shift 1 σ, exact limits",
        source="Markov chain of 401 states whose limits move (Brook and Evans, Biometrika 59 (1972) 539)",
        origin="recomputed",
        reference=_chain_exact_limits(0.2, 3.0, 1.0, 401),
        compute=lambda: arl.ewma(0.2, 3.0, 1.0, limits="exact"),
        tolerance=Tolerance(relative=1e-3),
    )
    yield _check(
        "ewma.one_sided",
        "One-sided EWMA average run length, λ 0.2, L 2.8, shift 0.5 σ",
        source="Markov chain of 401 states (Brook and Evans, Biometrika 59 (1972) 539)",
        origin="recomputed",
        reference=_chain_one_sided(0.2, 2.8, 0.5, 401),
        compute=lambda: arl.ewma(0.2, 2.8, 0.5, "one"),
        tolerance=Tolerance(relative=1e-3),
    )
    yield _check(
        "mewma.chi_squared",
        "MEWMA average run length, λ 1, h 12, p 3, distance 1.5",
        source="1/P(χ²₃(2.25) > 12): a T² chart of known covariance",
        origin="recomputed",
        reference=1.0 / float(ncx2.sf(12.0, 3, 2.25)),
        compute=lambda: arl.mewma(0.999999, 12.0, 3, 1.5),
        tolerance=Tolerance(relative=1e-5),
        note="computed at λ = 0.999999, by the integral equation",
    )
    yield _check(
        "mewma.no_shift",
        "MEWMA average run length, λ 0.1, h 12.7, p 4, distance → 0",
        source="the equation in one dimension, for the equation in two",
        origin="recomputed",
        reference=arl.mewma(0.1, 12.7, 4),
        compute=lambda: arl.mewma(0.1, 12.7, 4, 1e-6),
        tolerance=EQUAL,
    )
    yield _check(
        "run_length_ewma.sdrl",
        "EWMA run length, standard deviation, λ 1, L 3",
        source="√(1 − q)/q: a geometric distribution",
        origin="recomputed",
        reference=math.sqrt(1.0 - 2.0 * float(ndtr(-3.0))) / (2.0 * float(ndtr(-3.0))),
        compute=lambda: arl.run_length_ewma(1.0, 3.0).sdrl,
        tolerance=EQUAL,
    )
    yield _check(
        "run_length_cusum.median",
        "CUSUM run length, median, one-sided, k 0.5, h 4, shift 1 σ",
        source="Markov chain of 401 states (Brook and Evans, Biometrika 59 (1972) 539)",
        origin="recomputed",
        reference=float(_median_of_chain(0.5, 4.0, 1.0, 401)),
        compute=lambda: float(arl.run_length_cusum(0.5, 4.0, 1.0).median),
        tolerance=Tolerance(absolute=0.0),
    )
    for name, compute in (("best_ewma", _best_ewma), ("best_cusum", _best_cusum)):
        yield _check(
            name,
            f"{name}: in-control average run length of the design for 1 σ",
            source="the average run length of the chart it names",
            origin="recomputed",
            reference=500.0,
            compute=compute,
            tolerance=Tolerance(relative=1e-8),
        )
    yield _check(
        "best_mewma",
        "best_mewma: in-control average run length of the design for distance 1, p 2",
        source="the average run length of the chart it names",
        origin="recomputed",
        reference=200.0,
        compute=_best_mewma,
        tolerance=Tolerance(relative=1e-8),
    )
    yield _check(
        "design_cusum",
        "CUSUM decision interval h, k 0.5, two-sided, for spc's average run length at h 5",
        source=f"{SPC}, xcusum.arl",
        origin="software",
        reference=5.0,
        compute=lambda: arl.design_cusum(0.5, 465.4435060321),
        tolerance=EQUAL,
    )


@cache
def _one_sided_limit() -> float:
    return arl.design_ewma(0.1, 500.0, "one", "exact", reflect=-6.0)


def _one_sided(shift: float) -> float:
    return arl.ewma(0.1, _one_sided_limit(), shift, "one", "exact", reflect=-6.0)


def _best_ewma() -> float:
    found = arl.best_ewma(1.0, 500.0).parameters
    return arl.ewma(found["lam"], found["L"])


def _best_cusum() -> float:
    found = arl.best_cusum(1.0, 500.0).parameters
    return arl.cusum(found["k"], found["h"])


def _best_mewma() -> float:
    found = arl.best_mewma(1.0, 2, 200.0).parameters
    return arl.mewma(found["lam"], found["h"], 2)


def _chain_exact_limits(lam: float, width: float, shift: float, states: int) -> float:
    """Cells of one width over the widest limits; what is outside the limits at t has signalled."""
    high = width * math.sqrt(lam / (2.0 - lam))
    cell = 2.0 * high / states
    middles = -high + cell * (np.arange(states) + 0.5)
    ends = middles[None, :] - (1.0 - lam) * middles[:, None]
    step = ndtr((ends + 0.5 * cell) / lam - shift) - ndtr((ends - 0.5 * cell) / lam - shift)
    mass = np.zeros(states)
    mass[states // 2] = 1.0
    total, time = 0.0, 0
    while mass.sum() > 1e-10:
        total += float(mass.sum())
        time += 1
        mass = mass @ step
        limit = high * math.sqrt(1.0 - (1.0 - lam) ** (2 * time))
        # A cell that the limit cuts keeps the share of it that lies inside.
        mass *= np.clip((limit - np.abs(middles)) / cell + 0.5, 0.0, 1.0)
    return total


def _chain_one_sided(lam: float, width: float, shift: float, states: int) -> float:
    high = width * math.sqrt(lam / (2.0 - lam))
    cell = high / (states - 0.5)
    middles = cell * np.arange(states)
    ends = middles[None, :] - (1.0 - lam) * middles[:, None]
    step = ndtr((ends + 0.5 * cell) / lam - shift) - ndtr((ends - 0.5 * cell) / lam - shift)
    step[:, 0] = ndtr((ends[:, 0] + 0.5 * cell) / lam - shift)
    return float(np.linalg.solve(np.eye(states) - step, np.ones(states))[0])


def _median_of_chain(k: float, h: float, shift: float, states: int) -> int:
    cell = h / (states - 0.5)
    middles = cell * np.arange(states)
    ends = middles[None, :] - middles[:, None] + k - shift
    step = ndtr(ends + 0.5 * cell) - ndtr(ends - 0.5 * cell)
    step[:, 0] = ndtr(ends[:, 0] + 0.5 * cell)
    mass = np.zeros(states)
    mass[0] = 1.0
    time = 0
    while mass.sum() > 0.5:
        mass = mass @ step
        time += 1
    return time
