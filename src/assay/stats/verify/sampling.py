"""Acceptance sampling against print, other software and other arithmetic."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterator
from functools import cache, partial
from importlib.resources import files
from typing import Any

import numpy as np
from scipy import integrate, stats

from assay.stats import sampling
from assay.stats.sampling.tables import AQLS, INSPECTIONS, LETTERS, LEVELS, LOTS, SIZES, Inspection
from assay.stats.verify.check import Check, Origin, Section, Tolerance

SECTION = Section("sampling", "sampling")
MONTGOMERY = "Montgomery, Introduction to Statistical Quality Control, 8th ed."
NIST = "NIST/SEMATECH e-Handbook of Statistical Methods"
CAMERON = "Cameron 1952, Industrial Quality Control 9, 37-39 (unity values)"
DODGE_ROMIG = "Dodge & Romig, Sampling Inspection Tables, 2nd ed. (AOQL factors y)"
MIL414 = "MIL-STD-414 / ANSI/ASQ Z1.9, tables B-1 (k) and B-3 (M)"
OWN = "recomputed by an independent method"

SAME = Tolerance(absolute=0.0)
EQUAL = Tolerance(relative=1e-9)

OC_89_2 = {0.005: 0.9897, 0.01: 0.9397, 0.02: 0.7366, 0.03: 0.4985, 0.04: 0.3042, 0.05: 0.1721}
"""Probability of acceptance of n = 89, c = 2."""
ATI_52_3 = {0.01: 70, 0.02: 253, 0.03: 753, 0.04: 1584, 0.05: 2655, 0.06: 3836, 0.08: 6083, 0.10: 7779}
"""Average total inspection of n = 52, c = 3 in lots of 10,000."""
UNITY = {0: (0.051, 2.303), 1: (0.355, 3.890), 2: (0.818, 5.322), 3: (1.366, 6.681), 5: (2.613, 9.275)}
"""n p accepted with 95 % and with 10 %, by acceptance number."""
AOQL_Y = {0: 0.3679, 1: 0.8400, 2: 1.371, 3: 1.942}
K_AND_M = {15: (1.79, 3.06), 35: (1.89, 2.66), 75: (1.98, 2.27), 100: (2.00, 2.18), 200: (2.04, 2.04)}
"""k and M in percent for AQL 1.0, by sample size."""

GBT_COLUMNS: dict[tuple[Inspection, float], str] = {
    (
        "normal",
        1.0,
    ): "E13/0 E13/0 E13/0 E13/0 E13/0 E13/0 H50/1 H50/1 J80/2 K125/3 L200/5 M315/7 N500/10 P800/14 "
    "Q1250/21 Q1250/21",
    (
        "tightened",
        1.0,
    ): "F20/0 F20/0 F20/0 F20/0 F20/0 F20/0 J80/1 J80/1 J80/1 K125/2 L200/3 M315/5 N500/8 "
    "P800/12 Q1250/18 Q1250/18",
    (
        "tightened",
        10.0,
    ): "A2/0 D8/1 D8/1 D8/1 E13/2 F20/3 G32/5 H50/8 J80/12 K125/18 K125/18 K125/18 K125/18 K125/18 "
    "K125/18 K125/18",
    (
        "reduced",
        1.0,
    ): "E5/0 E5/0 E5/0 E5/0 E5/0 E5/0 J32/1 J32/1 J32/1 K50/2 L80/3 M125/5 N200/6 P315/8 Q500/10 Q500/10",
    (
        "reduced",
        10.0,
    ): "D3/1 D3/1 D3/1 D3/1 E5/2 F8/3 G13/5 H20/6 J32/8 K50/10 K50/10 K50/10 K50/10 K50/10 K50/10 K50/10",
    (
        "reduced",
        150.0,
    ): "A2/7 B2/7 C2/8 D3/10 E5/14 E5/14 E5/14 E5/14 E5/14 E5/14 E5/14 E5/14 E5/14 E5/14 E5/14 E5/14",
}
"""Columns as printed, arrows followed, for A to R: the letter whose row the plan stands in, n and Ac."""


def checks() -> Iterator[Check]:
    """Every statistic of the family with its reference."""
    yield from _curves()
    yield from _designs()
    yield from _standards()
    yield from _variables()


def line(
    name: str,
    statistic: str,
    reference: float,
    compute: Callable[[], float],
    *,
    source: str = OWN,
    origin: Origin = "published",
    tolerance: Tolerance = SAME,
    note: str = "",
) -> Check:
    """A line of this family's report, ``sampling.<name>``."""
    where = "recomputed" if source == OWN else origin
    return SECTION.check(
        name, statistic, reference, compute, source=source, origin=where, tolerance=tolerance, note=note
    )


def _curves() -> Iterator[Check]:
    for p, reference in OC_89_2.items():
        yield line(
            f"oc.n89-c2.p{p:g}",
            f"OC curve, n = 89, c = 2, p = {p:g}",
            reference,
            lambda p=p: float(sampling.plan(89, 2).oc(p)),  # type: ignore[misc]
            source=f"{MONTGOMERY}, table 15.2",
            tolerance=Tolerance(digits=4),
        )
        yield line(
            f"curves.n89-c2.p{p:g}",
            f"OC curve as drawn, n = 89, c = 2, p = {p:g}",
            reference,
            lambda p=p: float(sampling.curves(89, 2, p=[p]).acceptance[0]),  # type: ignore[misc]
            source=f"{MONTGOMERY}, table 15.2",
            tolerance=Tolerance(digits=4),
        )
    rectified = sampling.plan(89, 2, lot=10_000)
    yield line(
        "aoq.n89-c2",
        "Average outgoing quality, n = 89, c = 2, N = 10,000, p = 0.01",
        0.0093,
        lambda: float(rectified.aoq(0.01)),
        source=f"{MONTGOMERY}, §15.2.3",
        tolerance=Tolerance(digits=4),
    )
    yield line(
        "aoql.n89-c2",
        "AOQL, n = 89, c = 2, N = 10,000",
        0.0155,
        lambda: rectified.aoql()[0],
        source=f"{MONTGOMERY}, figure 15.11",
        tolerance=Tolerance(absolute=3e-4),
        note="Read from the curve in print.",
    )
    yield line(
        "ati.n89-c2",
        "Average total inspection, n = 89, c = 2, N = 10,000, p = 0.01",
        687,
        lambda: float(rectified.ati(0.01)),
        source=f"{MONTGOMERY}, §15.2.3",
        tolerance=Tolerance(digits=0),
    )
    for p, inspected in ATI_52_3.items():
        yield line(
            f"ati.n52-c3.p{p:g}",
            f"Average total inspection, n = 52, c = 3, N = 10,000, p = {p:g}",
            inspected,
            lambda p=p: float(sampling.plan(52, 3, lot=10_000).ati(p)),  # type: ignore[misc]
            source=f"{NIST}, 6.2.3.2",
            tolerance=Tolerance(absolute=1.0),
            note="The source cuts some values and rounds others.",
        )
    double = sampling.plan((50, 100), (1, 3), (4, 4))
    yield line(
        "oc.double",
        "OC curve, double plan n = 50, 100; Ac = 1, 3; p = 0.05",
        0.289,
        lambda: float(double.oc(0.05)),
        source=f"{MONTGOMERY}, §15.3.1",
        tolerance=Tolerance(absolute=2e-3),
        note="The source adds terms of three digits.",
    )
    yield line(
        "asn.double",
        "Average sample number, double plan n = 50, 100; Ac = 1, 3; p = 0.05",
        50 + 100 * float(stats.binom.pmf([2, 3], 50, 0.05).sum()),
        lambda: float(double.asn(0.05)),
        tolerance=EQUAL,
    )
    for ac, points in UNITY.items():
        for chance, reference in zip((0.95, 0.10), points, strict=True):
            yield line(
                f"quality.poisson.c{ac}.pa{chance:g}",
                f"n p accepted with probability {chance:g}, c = {ac} (Poisson)",
                reference,
                partial(sampling.plan(1, ac, distribution="poisson").quality, chance),
                source=CAMERON,
                tolerance=Tolerance(digits=3),
            )
    for ac, reference in AOQL_Y.items():
        yield line(
            f"aoql.poisson.c{ac}",
            f"AOQL factor y, c = {ac} (Poisson)",
            reference,
            lambda ac=ac: sampling.plan(1, ac, distribution="poisson").aoql()[0],  # type: ignore[misc]
            source=DODGE_ROMIG,
            tolerance=Tolerance(absolute=6e-4),
        )
    within = sampling.plan(20, 1, lot=100, distribution="hypergeometric")
    yield line(
        "oc.hypergeometric",
        "OC curve within a lot of 100, n = 20, c = 1, 5 nonconforming",
        sum(math.comb(5, x) * math.comb(95, 20 - x) for x in (0, 1)) / math.comb(100, 20),
        lambda: float(within.oc(0.05)),
        tolerance=EQUAL,
    )


def _designs() -> Iterator[Check]:
    asked = (0.01, 0.05, 0.06, 0.10)
    yield line(
        "attributes.n",
        "Smallest single plan for p1 = 0.01, α = 0.05, p2 = 0.06, β = 0.10: n",
        _brute(*asked)[0],
        lambda: sampling.attributes(*asked).n,
        note="Every n and c from 1 up are tried.",
    )
    yield line(
        "attributes.ac",
        "Smallest single plan for p1 = 0.01, α = 0.05, p2 = 0.06, β = 0.10: c",
        _brute(*asked)[1],
        lambda: sampling.attributes(*asked).ac,
    )
    yield line(
        "attributes.kiermeier",
        "Smallest single plan for p1 = 0.05, α = 0.05, p2 = 0.15, β = 0.075: n",
        80,
        lambda: sampling.attributes(0.05, 0.05, 0.15, 0.075).n,
        source="Kiermeier 2008, J. Statistical Software 26(6), §3 (R package AcceptanceSampling)",
        origin="software",
    )
    yield line(
        "double.risks",
        "Double plan for p1 = 0.01, α = 0.05, p2 = 0.05, β = 0.10: acceptance at p2 by enumeration",
        _enumerated(sampling.double(0.01, 0.05, 0.05, 0.10), 0.05),
        lambda: sampling.double(0.01, 0.05, 0.05, 0.10).consumer_risk or math.nan,
        tolerance=EQUAL,
    )


def _standards() -> Iterator[Check]:
    for inspection in INSPECTIONS:
        yield line(
            f"z14.single.{inspection}",
            f"ANSI/ASQ Z1.4 single sampling, {inspection}: cells of 416 that differ",
            0,
            partial(_differing, inspection),
            source=str(_mil_std_105e()["source"]),
            origin="software",
            note="Sample size, acceptance and rejection number of every letter and AQL, arrows followed.",
        )
    for (inspection, aql), printed in GBT_COLUMNS.items():
        yield line(
            f"gbt2828.1.{inspection}.aql{aql:g}",
            f"GB/T 2828.1 single sampling, {inspection}, AQL {aql:g}: letters of 16 whose plan differs",
            0,
            partial(_differing_column, inspection, aql, printed),
            source=f"GB/T 2828.1-2012 (ISO 2859-1:1999) table 2-{'ABC'[INSPECTIONS.index(inspection)]}",
            note="Letter whose row the plan stands in, sample size and acceptance number.",
        )
    for name, standard in (("iso2859-1", "iso2859-1"), ("z14", "ansi-z1.4")):
        for inspection, published in zip(INSPECTIONS, ((125, 3), (125, 2)), strict=False):
            yield line(
                f"{name}.k-1.0.{inspection}",
                f"{standard}, code letter K, AQL 1.0, {inspection}: n · 100 + Ac",
                published[0] * 100 + published[1],
                partial(_cell, standard, inspection),
                source="ISO 2859-1:1999 tables 2-A, 2-B; ANSI/ASQ Z1.4 tables II-A, II-B",
            )
    yield line(
        "iso2859-1.letters",
        "ISO 2859-1 table 1: code letters of 105 that are out of order",
        0,
        _uneven_letters,
        note="Letters never fall with lot size or level, and rise by at most two at a time.",
    )
    for inspection in INSPECTIONS[:2]:
        yield line(
            f"iso2859-1.double.{inspection}",
            f"ISO 2859-1 double plans, {inspection}: largest gap to the single plan's OC at 95, 50 and 10 %",
            0.0,
            partial(_double_gap, inspection),
            tolerance=Tolerance(absolute=0.07),
            note="Double plans are made to have the OC curve of their single plan.",
        )
    yield line(
        "iso2859-1.limiting-quality",
        "ISO 2859-1 letter J, AQL 1.0: quality accepted with 10 %",
        float(stats.beta.ppf(0.9, 3, 78)),
        lambda: sampling.iso2859(1000, 1.0).quality(0.10),
        tolerance=EQUAL,
        note="By the beta distribution.",
    )
    yield line(
        "switching.iso2859-1.reduced",
        "ISO 2859-1 switching score: good lots until reduced inspection, Ac ≥ 2",
        10,
        partial(_lots_until, "iso2859-1", True),
        source="ISO 2859-1:1999, 9.3.3.2",
    )
    yield line(
        "switching.iso2859-1.reduced.small",
        "ISO 2859-1 switching score: good lots until reduced inspection, Ac 0 or 1",
        15,
        partial(_lots_until, "iso2859-1", None),
        source="ISO 2859-1:1999, 9.3.3.2",
    )
    yield line(
        "switching.z14.reduced",
        "ANSI/ASQ Z1.4: good lots until reduced inspection",
        10,
        partial(_lots_until, "ansi-z1.4", None),
        source="ANSI/ASQ Z1.4, 8.3.3 (MIL-STD-105E 4.7.3)",
    )


def _variables() -> Iterator[Check]:
    yield line(
        "variables.montgomery.p1",
        "Variables plan n = 40, k = 1.9: acceptance at p = 0.01",
        0.95,
        lambda: float(sampling.variables_plan(40, 1.9).oc(0.01)),
        source=f"{MONTGOMERY}, §16.2.2 (nomograph)",
        tolerance=Tolerance(absolute=0.01),
    )
    yield line(
        "variables.montgomery.p2",
        "Variables plan n = 40, k = 1.9: acceptance at p = 0.06",
        0.10,
        lambda: float(sampling.variables_plan(40, 1.9).oc(0.06)),
        source=f"{MONTGOMERY}, §16.2.2 (nomograph)",
        tolerance=Tolerance(absolute=0.01),
    )
    yield line(
        "variables.oc",
        "Variables plan n = 10, k = 1.72, sigma unknown: acceptance at p = 0.05",
        integrated(10, 1.72, 0.05),
        lambda: float(sampling.variables_plan(10, 1.72).oc(0.05)),
        tolerance=EQUAL,
        note="By integration over the standard deviation.",
    )
    found = sampling.variables(0.01, 0.05, 0.08, 0.10)
    yield line(
        "variables.exact",
        "Smallest variables plan for p1 = 0.01, p2 = 0.08: acceptance at p2 by integration",
        integrated(found.n, found.k, 0.08),
        lambda: found.consumer_risk or math.nan,
        tolerance=EQUAL,
    )
    yield line(
        "variables.sigma",
        "Variables plan, sigma known, p1 = 0.01, α = 0.05, p2 = 0.08, β = 0.10: n",
        math.ceil(
            ((stats.norm.isf(0.05) + stats.norm.isf(0.1)) / (stats.norm.isf(0.01) - stats.norm.isf(0.08)))
            ** 2
        ),
        lambda: sampling.variables(0.01, 0.05, 0.08, 0.10, known_sigma=True).n,
    )
    for n, (k, m) in K_AND_M.items():
        yield line(
            f"p-star.n{n}",
            f"Largest estimated fraction nonconforming M in percent, n = {n}, k = {k}",
            m,
            lambda n=n, k=k: 100 * sampling.p_star(n, k),  # type: ignore[misc]
            source=MIL414,
            tolerance=Tolerance(absolute=0.06),
            note="k is printed to 0.01, which moves M by as much.",
        )
    yield line(
        "iso3951.matched",
        "ISO 3951-1 by matching, letter K, AQL 1.0, s-method: acceptance at the attributes plan's 10 % point",
        0.10,
        lambda: float(
            sampling.iso3951(None, 1.0, letter="K").oc(sampling.iso2859(None, 1.0, letter="K").quality(0.1))
        ),
        tolerance=Tolerance(absolute=2e-3),
    )


@cache
def _mil_std_105e() -> dict[str, Any]:
    text = files("assay.stats.verify").joinpath("data", "sampling_mil_std_105e.json")
    found: dict[str, Any] = json.loads(text.read_text(encoding="utf-8"))
    return found


def _differing(inspection: Inspection) -> int:
    printed = _mil_std_105e()[inspection]
    wrong = 0
    for row, letter in enumerate(LETTERS[:16]):
        for column, aql in enumerate(AQLS):
            found = sampling.iso2859(None, aql, inspection=inspection, standard="ansi-z1.4", letter=letter)
            there = tuple(printed[key][row][column] for key in ("n", "ac", "re"))
            wrong += (found.n, found.ac, found.re) != there
    return wrong


def _differing_column(inspection: Inspection, aql: float, printed: str) -> int:
    wrong = 0
    for letter, told in zip(LETTERS[:16], printed.split(), strict=True):
        found = sampling.iso2859(None, aql, inspection=inspection, standard="gbt2828.1", letter=letter)
        wrong += f"{found.plan_letter}{found.n}/{found.ac}" != told
    return wrong


def _cell(standard: Any, inspection: Inspection) -> int:
    found = sampling.iso2859(None, 1.0, inspection=inspection, standard=standard, letter="K")
    return found.n * 100 + found.ac


def _uneven_letters() -> int:
    lots = (*LOTS, LOTS[-1] + 1)
    rows = [[LETTERS.index(sampling.code_letter(lot, level)) for lot in lots] for level in LEVELS]
    along = sum(not 0 <= after - before <= 2 for row in rows for before, after in itertools.pairwise(row))
    special, general = rows[:4], rows[4:]
    across = sum(
        lower[lot] > higher[lot]
        for group in (special, general)
        for lower, higher in itertools.pairwise(group)
        for lot in range(len(lots))
    )
    return along + across


def _double_gap(inspection: Inspection) -> float:
    worst = 0.0
    for aql in AQLS:
        double = sampling.iso2859(None, aql, inspection=inspection, plan="double", letter="K")
        if double.sampling == "double" and double.plan_letter == "K":
            single = sampling.plan(SIZES[LETTERS.index("K")], _single_ac(aql, inspection))
            points = [single.quality(chance) for chance in (0.95, 0.5, 0.1)]
            worst = max(
                worst,
                float(
                    np.abs(
                        sampling.plan(double.sizes, double.acceptance, double.rejection).oc(points)
                        - np.array([0.95, 0.5, 0.1])
                    ).max()
                ),
            )
    return worst


def _single_ac(aql: float, inspection: Inspection) -> int:
    return sampling.iso2859(None, aql, inspection=inspection, letter="K").ac


def _lots_until(standard: Any, tighter: bool | None) -> int:
    state = sampling.Switching(standard=standard)
    for lots in range(1, 100):
        state = state.after(True, tighter=tighter)
        if state.state == "reduced":
            return lots
    return -1


def _brute(p1: float, alpha: float, p2: float, beta: float) -> tuple[int, int]:
    for n in range(1, 1000):
        c = np.arange(n)
        good = (stats.binom.cdf(c, n, p1) >= 1 - alpha) & (stats.binom.cdf(c, n, p2) <= beta)
        if good.any():
            return n, int(c[good][0])
    raise AssertionError("no plan up to n = 1000")  # pragma: no cover


def _enumerated(plan: sampling.AttributesPlan, p: float) -> float:
    """Acceptance of a double plan, by going through what both samples can show."""
    (n1, n2), (c1, c2), (r1, _) = plan.sizes, plan.acceptance, plan.rejection
    first = float(stats.binom.cdf(c1, n1, p))
    return first + sum(
        float(stats.binom.pmf(x, n1, p) * stats.binom.cdf(c2 - x, n2, p)) for x in range(c1 + 1, r1)
    )


def integrated(n: int, k: float, p: float) -> float:
    """Acceptance of a variables plan with sigma unknown, integrated over the standard deviation."""
    z, nu = float(stats.norm.isf(p)), n - 1

    def inside(u: float) -> float:
        return float(stats.chi2.pdf(u, nu) * stats.norm.cdf(math.sqrt(n) * (z - k * math.sqrt(u / nu))))

    ends = stats.chi2.ppf([1e-15, 1 - 1e-15], nu)
    return float(integrate.quad(inside, *ends, points=[nu], epsabs=1e-13, epsrel=1e-12, limit=400)[0])
