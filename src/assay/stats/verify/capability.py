"""Capability against qcc, JASP, NIST and closed forms."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache, partial
from importlib.resources import files
from typing import Any

import numpy as np
from scipy import integrate, stats

from assay.stats import capability, charts
from assay.stats.arrays import Floats
from assay.stats.verify.check import Check, Section, Tolerance

QCC = "R package qcc 3.0, process.capability, piston rings (Montgomery), 25 subgroups of 5"
JASP = "JASP, jaspQualityControl test suite, process capability studies, 100 diameters"
NIST_616 = "NIST/SEMATECH e-Handbook of Statistical Methods, 6.1.6, worked example"
TABLED = "control chart constants as tabled (3 digits), qcc's degrees of freedom"
QCC_NAMES = {
    "Cp": "cp",
    "Cp_l": "cpl",
    "Cp_u": "cpu",
    "Cp_k": "cpk",
    "Cpm": "cpm",
    "Pp": "pp",
    "Pp_l": "ppl",
    "Pp_u": "ppu",
    "Pp_k": "ppk",
    "Ppm": "cpm_overall",
}
CLOSE = Tolerance(relative=1e-9)
PRINTED = Tolerance(digits=2)


@cache
def reference(name: str = "capability.json") -> dict[str, Any]:
    """The reference numbers of a file."""
    text = files("assay.stats.verify").joinpath("data", name).read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def checks() -> Iterator[Check]:
    """Every capability statistic against its reference."""
    yield from _qcc()
    yield from _jasp()
    yield from _nist()
    yield from _intervals()
    yield from _between_and_frozen()
    yield from _nonnormal()
    yield from _counts()
    yield from _positions()
    yield from _models()


_check = Section("capability", "capability", "software").check


@cache
def _rings(low: float, high: float, confidence: float = 0.95) -> capability.NormalCapability:
    return capability.normal(
        reference("sigma_qcc.json")["pistonrings"],
        lsl=low,
        usl=high,
        subgroup=5,
        sigma="rbar",
        constants="tabled",
        confidence=confidence,
        stability=False,
    )


def _qcc() -> Iterator[Check]:
    for limits, table in reference()["qcc"].items():
        low, high = map(float, limits.split("-"))
        for theirs, (value, lower, upper) in table.items():
            ours = QCC_NAMES[theirs]
            # qcc prints for one side the two one-sided limits, which together are a 90 % interval
            level = 0.9 if theirs[-2:] in {"_l", "_u"} else 0.95
            yield _check(
                f"normal.qcc.{limits}.{ours}",
                f"{ours}, {limits} mm",
                source=QCC,
                reference=value,
                compute=partial(lambda low, high, ours: getattr(_rings(low, high), ours), low, high, ours),
                tolerance=CLOSE,
                note=TABLED,
            )
            for end, printed in enumerate((lower, upper)):
                yield _check(
                    f"normal.qcc.{limits}.{ours}.{('lower', 'upper')[end]}",
                    f"{ours}, {limits} mm, {('lower', 'upper')[end]} confidence limit",
                    source=QCC,
                    reference=printed,
                    compute=partial(
                        lambda low, high, ours, level, end: _rings(low, high, level).intervals[ours][end],
                        low,
                        high,
                        ours,
                        level,
                        end,
                    ),
                    tolerance=CLOSE,
                    note=TABLED,
                )
    for kind, field in (("expected", "expected_within"), ("observed", "observed")):
        for place, side in enumerate(("below", "above")):
            yield _check(
                f"normal.qcc.73.99-74.01.{kind}.{side}",
                f"nonconforming {kind} {side} a limit, in %",
                source=QCC,
                reference=reference()[f"qcc_{kind}_percent"][place],
                compute=partial(
                    lambda field, side: getattr(getattr(_rings(73.99, 74.01), field), side) / 1e4, field, side
                ),
                tolerance=Tolerance(relative=1e-9),
                note=TABLED,
            )


@cache
def diameters() -> Floats:
    """The 100 diameters of JASP's test data."""
    return np.array(reference()["diameter"])


@cache
def _diameter_study(sigma: str = "rbar") -> capability.NormalCapability:
    return capability.normal(
        diameters(),
        lsl=0,
        target=6,
        usl=12,
        subgroup=None if sigma == "mr" else 5,
        sigma=sigma,
        constants="tabled",
        degrees="jasp",
        confidence=0.9,
        stability=False,
    )


def _jasp() -> Iterator[Check]:
    expected = reference()["jasp"]
    for group in ("overall", "within"):
        for name, value in expected[group].items():
            yield _check(
                f"normal.jasp.{name}",
                f"{name}, limits 0 and 12, target 6",
                source=JASP,
                reference=value,
                compute=partial(lambda name: getattr(_diameter_study(), name), name),
                tolerance=PRINTED,
            )
        for name, ends in expected[f"{group}_ci"].items():
            for end, value in enumerate(ends):
                yield _check(
                    f"normal.jasp.{name}.{('lower', 'upper')[end]}",
                    f"{name}, {('lower', 'upper')[end]} end of the 90 % interval",
                    source=JASP,
                    reference=value,
                    compute=partial(lambda name, end: _diameter_study().intervals[name][end], name, end),
                    tolerance=PRINTED,
                    note="degrees of freedom as JASP has them, 85.5",
                )
    for name, parts in expected["ppm"].items():
        for side, value in zip(("below", "above", "total"), parts, strict=True):
            yield _check(
                f"normal.jasp.{name}.{side}",
                f"nonconforming parts per million, {name.replace('_', ' ')}, {side}",
                source=JASP,
                reference=value,
                compute=partial(
                    lambda name, side: getattr(getattr(_diameter_study(), name), side), name, side
                ),
                tolerance=PRINTED,
            )
    for name, value in expected["sigma"].items():
        kind, field = (name, "sigma_within") if name != "overall" else ("rbar", "sigma_overall")
        yield _check(
            f"normal.jasp.sigma.{name}",
            f"standard deviation by {name}",
            source=JASP,
            reference=value,
            compute=partial(lambda kind, field: getattr(_diameter_study(kind), field), kind, field),
            tolerance=Tolerance(relative=1e-5),
        )
    for kind in ("box_cox", "yeo_johnson"):
        fields = ("mean", "sigma_overall", "sigma_within")
        for field, value in zip(fields, expected[kind], strict=True):
            yield _check(
                f"transformed.jasp.{kind}.{field}",
                f"{field} after {kind}",
                source=JASP,
                reference=value,
                compute=partial(lambda kind, field: getattr(_transformed(kind), field), kind, field),
                tolerance=Tolerance(relative=1e-5),
                note="λ = 0 and shift 2 (Box-Cox), λ = 2 (Yeo-Johnson)",
            )


@cache
def _transformed(kind: str) -> capability.NormalCapability:
    return capability.transformed(
        diameters(),
        kind,  # type: ignore[arg-type]
        usl=12,
        lsl=-1,
        subgroup=5,
        lam=0 if kind == "box_cox" else 2,
        shift=2 if kind == "box_cox" else 0,
        constants="tabled",
    ).capability


def _nist() -> Iterator[Check]:
    def study() -> capability.FrozenCapability:
        return capability.from_parameters(16, 2, lsl=8, usl=20)

    for name, value, digits in (
        ("cp", 1.0, 1),
        ("cpk", 0.6667, 4),
        ("cpu", 0.6667, 4),
        ("cpl", 1.3333, 4),
        ("k_off_centre", 0.3333, 4),
    ):
        yield _check(
            f"from_parameters.nist.{name}",
            f"{name}, mean 16, s 2, limits 8 and 20",
            source=NIST_616,
            reference=value,
            compute=partial(lambda name: getattr(study(), name), name),
            tolerance=Tolerance(digits=digits),
            origin="published",
        )
    yield _check(
        "from_parameters.z_bench",
        "Z.bench, mean 16, s 2, limits 8 and 20",
        source="1 − Φ(4) + 1 − Φ(2) from tables of the normal distribution: 0.02278180",
        reference=2.0 - 0.000586,
        compute=lambda: study().z.bench,
        tolerance=Tolerance(absolute=1e-6),
        origin="recomputed",
    )
    yield _check(
        "from_parameters.cpmk",
        "Cpmk, mean 16, s 2, target 14",
        source="min(16−8, 20−16)/(3·√(2² + 2²))",
        reference=4 / (3 * 8**0.5),
        compute=lambda: study().cpmk,
        tolerance=Tolerance(relative=1e-12),
        origin="recomputed",
    )


def _intervals() -> Iterator[Check]:
    """Degrees of freedom of the estimators, against their own definition or simulation-free integrals."""

    def degrees(sigma: str, kind: str) -> float | None:
        found = capability.normal(
            diameters(),
            lsl=0,
            usl=12,
            subgroup=None if sigma in {"mr", "mssd"} else 5,
            sigma=sigma,
            degrees=kind,  # type: ignore[arg-type]
            stability=False,
        )
        return found.degrees

    duncan = "Duncan, Quality Control and Industrial Statistics, 5th ed., table D3: 20 ranges of 5"
    nines = Tolerance(digits=9)
    for sigma, kind, value, source, tolerance in (
        ("rbar", "estimator", 72.7, duncan, Tolerance(absolute=0.1)),
        ("rbar", "bissell", 72.0, "Bissell 1990, Applied Statistics 39, 331-340: 0.9·20·4", nines),
        ("sbar", "bissell", 76.0, "Bissell 1990: f(5) = 0.95, 0.95·20·4", nines),
        ("pooled", "estimator", 80.0, "Σ(n − 1)", nines),
        ("mssd", "estimator", 2 * 99**2 / 296, "von Neumann 1941: Var = σ⁴(3N−4)/(N−1)²", nines),
        ("rbar", "total", 99.0, "N − 1, as qcc", nines),
        ("rbar", "jasp", 85.5, "0.9·5·(100/5 − 1), as JASP", nines),
    ):
        yield _check(
            f"degrees.{sigma}.{kind}",
            f"degrees of freedom of {sigma} ({kind})",
            source=source,
            reference=value,
            compute=partial(degrees, sigma, kind),
            tolerance=tolerance,
            origin="published" if kind not in {"total", "jasp"} else "recomputed",
        )

    def lower() -> float:
        return capability.from_parameters(16, 2, lsl=8, usl=20, n=50).lower_bounds["cpk"]

    error = (1 / (9 * 50) + (2 / 3) ** 2 / (2 * 49)) ** 0.5
    yield _check(
        "lower_bound.cpk",
        "one-sided 95 % lower limit of Cpk, N = 50",
        source="Bissell 1990 eq. 3: Cpk − z·√(1/(9N) + Cpk²/(2(N−1))) with z = 1.6448536",
        reference=2 / 3 - 1.6448536269514722 * error,
        compute=lower,
        tolerance=Tolerance(relative=1e-9),
        origin="recomputed",
    )


def _between_and_frozen() -> Iterator[Check]:
    x = diameters().reshape(20, 5)
    within = float(np.ptp(x, axis=1).mean()) / 2.326
    of_means = float(np.abs(np.diff(x.mean(axis=1))).mean()) / 1.128
    between = max(0.0, of_means**2 - within**2 / 5) ** 0.5
    for name, value in (
        ("sigma_between", between),
        ("sigma_between_within", float(np.hypot(between, within))),
        ("cpk_between_within", (12 - float(x.mean())) / (3 * float(np.hypot(between, within)))),
    ):
        yield _check(
            f"normal.{name}",
            f"{name}, limits 0 and 12",
            source="R̄/2.326, mean moving range of the subgroup means/1.128, σ²b = σ²x̄ − σ²w/n",
            reference=value,
            compute=partial(lambda name: getattr(_diameter_study(), name), name),
            tolerance=Tolerance(relative=1e-3),
            origin="recomputed",
        )

    def of_chart() -> float | None:
        chart = charts.xbar_r(reference("sigma_qcc.json")["pistonrings"], 5, constants="tabled")
        return capability.from_chart(chart, lsl=73.95, usl=74.05).cpk

    yield _check(
        "from_chart.qcc.cpk",
        "Cpk from the frozen limits of an X̄-R chart, 73.95-74.05 mm",
        source=QCC,
        reference=reference()["qcc"]["73.95-74.05"]["Cp_k"][0],
        compute=of_chart,
        tolerance=CLOSE,
        note=TABLED,
    )
    yield _check(
        "machine.cmk",
        "Cmk of 100 diameters, limits 0 and 12 (equals Ppk)",
        source=JASP,
        reference=0.88,
        compute=lambda: capability.machine(diameters(), lsl=0, usl=12).cmk,
        tolerance=PRINTED,
    )
    yield _check(
        "sixpack.cpk",
        "Cpk of a sixpack, limits 0 and 12",
        source=JASP,
        reference=0.93,
        compute=lambda: capability.sixpack(diameters(), lsl=0, usl=12, subgroup=5).capability.cpk,
        tolerance=PRINTED,
    )


def _nonnormal() -> Iterator[Check]:
    expected = reference()["jasp"]
    for index, by, low in (("pp", "z", 4), ("ppk", "z", 4), ("pp", "quantile", 0), ("ppk", "quantile", 0)):
        for family, value in expected[f"{index}_{by}"].items():
            yield _check(
                f"nonnormal.jasp.{family}.{by}.{index}",
                f"{index} of a {family} distribution by {by}, limits {low} and 12",
                source=JASP,
                reference=value,
                compute=partial(
                    lambda family, by, low, index: getattr(
                        capability.nonnormal(diameters(), family, lsl=low, usl=12, by=by), index
                    ),
                    family,
                    by,
                    low,
                    index,
                ),
                tolerance=PRINTED,
            )
    x = np.sort(diameters())
    yield _check(
        "percentile.ppk",
        "Ppk by percentiles, upper limit 14",
        source="(14 − X50)/(X99.865 − X50) with the order statistics 50, 51 and 100",
        reference=(14 - (x[49] + x[50]) / 2) / (x[99] - (x[49] + x[50]) / 2),
        compute=lambda: capability.percentile(diameters(), usl=14).ppk,
        tolerance=Tolerance(relative=1e-12),
        origin="recomputed",
    )
    yield _check(
        "censored.ppk",
        "Ppk of an uncensored normal fit, limits 0 and 12",
        source="the same values with the divisor N, and 2.99998 for the 99.865 % quantile",
        reference=(12 - float(x.mean())) / (float(stats.norm.ppf(0.99865)) * float(x.std())),
        compute=lambda: capability.censored(diameters(), diameters(), lsl=0, usl=12).ppk,
        tolerance=Tolerance(relative=1e-6),
        origin="recomputed",
    )
    yield _check(
        "transformed.johnson.ppk",
        "Ppk after Johnson's transformation of lognormal quantiles, upper limit e²",
        source="ln is the exact transformation: (2 − 0)/(3 s)",
        reference=2 / (3 * float(stats.norm.ppf((np.arange(1, 1000) - 0.5) / 999).std(ddof=1))),
        compute=lambda: (
            capability.transformed(
                np.exp(stats.norm.ppf((np.arange(1, 1000) - 0.5) / 999)),
                "johnson",
                usl=float(np.exp(2)),
                system="sl",
            ).ppk
        ),
        tolerance=Tolerance(relative=2e-2),
        origin="recomputed",
    )


def _counts() -> Iterator[Check]:
    nist = "NIST/SEMATECH e-Handbook of Statistical Methods, 7.2.4.1, 4 defectives in 20, 90 % interval"
    for end, value in enumerate((0.071354, 0.401029)):
        yield _check(
            f"binomial.proportion.{('lower', 'upper')[end]}",
            f"proportion nonconforming, {('lower', 'upper')[end]} exact limit",
            source=nist,
            reference=value,
            compute=partial(
                lambda end: capability.binomial([4], 20, confidence=0.9).proportion_interval[end], end
            ),
            tolerance=Tolerance(digits=5),
            origin="published",
        )
    yield _check(
        "binomial.z",
        "process Z at 2.275 % nonconforming",
        source="tables of the normal distribution: Φ(2) = 0.97725",
        reference=2.0,
        compute=lambda: capability.binomial([2275], 100_000).z,
        tolerance=Tolerance(absolute=1e-4),
        origin="published",
    )
    for end, value in enumerate((4.795, 18.390)):
        yield _check(
            f"poisson.dpu.{('lower', 'upper')[end]}",
            f"10 defects, {('lower', 'upper')[end]} exact 95 % limit",
            source="Garwood 1936, Biometrika 28, 437-442, table",
            reference=value,
            compute=partial(lambda end: capability.poisson([10]).dpu_interval[end], end),
            tolerance=Tolerance(digits=3),
            origin="published",
        )


def _positions() -> Iterator[Check]:
    turns = 2 * np.pi * np.arange(8) / 8
    x, y = np.cos(turns), np.sin(turns)
    scale = float(np.var(x, ddof=1)) ** 0.5

    def ring(diameter: float, kind: str = "probability") -> capability.PositionalCapability:
        return capability.positional(x, y, diameter=diameter, index=kind)  # type: ignore[arg-type]

    radius = float(np.sqrt(-2 * np.log(0.0027)))
    yield _check(
        "positional.po.one",
        "Po of a round centred process whose 99.73 % circle is the tolerance",
        source="99.73 % of a bivariate normal distribution lie within 3.4393 σ; the index is 1 by definition",
        reference=1.0,
        compute=lambda: ring(2 * radius * scale).po,
        tolerance=Tolerance(absolute=1e-5),
        origin="recomputed",
    )
    yield _check(
        "positional.pok.radius",
        "Pok by the ratio of radii, round centred process, tolerance radius 2 σ",
        source="2/3.4393",
        reference=2 / radius,
        compute=lambda: ring(4 * scale, "radius").pok,
        tolerance=Tolerance(relative=1e-6),
        origin="recomputed",
    )
    yield _check(
        "positional.expected",
        "expected ppm outside a circle of 2 σ, round centred process",
        source="Rayleigh distribution: exp(−2²/2)",
        reference=1e6 * float(np.exp(-2)),
        compute=lambda: ring(4 * scale).expected,
        tolerance=Tolerance(relative=1e-9),
        origin="recomputed",
    )
    points = np.column_stack([x + 0.3, 0.5 * y - 0.1])
    mean, covariance = points.mean(axis=0), np.cov(points.T)

    def outside() -> float:
        density = stats.multivariate_normal(mean, covariance)
        inside, _ = integrate.dblquad(
            lambda b, a: float(density.pdf([a, b])),
            -2,
            2,
            lambda a: -float(np.sqrt(max(4 - a * a, 0))),
            lambda a: float(np.sqrt(max(4 - a * a, 0))),
            epsabs=1e-8,
        )
        return float(1e6 * (1 - inside))

    yield _check(
        "positional.expected.shifted",
        "expected ppm outside a circle, elliptical process beside its centre",
        source="the bivariate normal density integrated over the circle",
        reference=outside(),
        compute=lambda: capability.positional(points[:, 0], points[:, 1], diameter=4).expected,
        tolerance=Tolerance(absolute=0.1),
        origin="recomputed",
    )


def _models() -> Iterator[Check]:
    scores = stats.norm.ppf((np.arange(1, 126) - 0.5) / 125)
    mixed = scores.reshape(5, 25).T.ravel()

    def ppk(values: Floats, **options: Any) -> float:
        found: float = capability.time_model(values, 5, lsl=-4, usl=5, **options).ppk
        return found

    spread = float(scores.std(ddof=1))
    yield _check(
        "time_model.a1.ppk",
        "Ppk of a process with constant location and dispersion (A1), limits −4 and 5",
        source="4/(3 s) of the same values",
        reference=4 / (3 * spread),
        compute=lambda: ppk(mixed),
        tolerance=Tolerance(relative=1e-9),
        origin="recomputed",
    )
    yield _check(
        "time_model.range.ppk",
        "Ppk with the range as reference interval, limits −4 and 5",
        source="4 over the largest of the values",
        reference=4 / float(scores.max()),
        compute=lambda: ppk(mixed, location="midrange", dispersion="range"),
        tolerance=Tolerance(relative=1e-9),
        origin="recomputed",
    )
