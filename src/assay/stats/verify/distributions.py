"""Distributions, normality and outlier tests against JASP, NIST, Dixon's tables and independent methods."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from assay.stats import distributions
from assay.stats.arrays import Floats
from assay.stats.distributions.families import FAMILIES, POSITIVE, log_likelihood
from assay.stats.distributions.goodness import p_value
from assay.stats.distributions.normality import lilliefors_p, ryan_joiner_p
from assay.stats.verify.capability import JASP, diameters, reference
from assay.stats.verify.check import Check, Section, Tolerance

STEPHENS = "D'Agostino & Stephens 1986, Goodness-of-Fit Techniques"
SCIPY = "scipy.stats 1.17, its own maximum-likelihood search, on JASP's 100 diameters"
HEIGHTS = (148, 154, 158, 160, 161, 162, 166, 170, 182, 195, 236)
GRUBBS = (199.31, 199.53, 200.19, 200.82, 201.92, 201.95, 202.18, 245.57)
REMISSION = (6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35)
RELAPSED = (1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0)
FAILURES = (54, 187, 216, 240, 244, 335, 361, 373, 375, 386)


def checks() -> Iterator[Check]:
    """Every statistic of :mod:`assay.stats.distributions` against its reference."""
    yield from _fits()
    yield from _maxima()
    yield from _goodness()
    yield from _normality()
    yield from _outliers()
    yield from _transformations()
    yield from _censored()


_check = Section("distributions", "capability", "published").check


def _fits() -> Iterator[Check]:
    expected = reference()["jasp"]
    for name, parameters, values in (
        ("weibull", ("shape", "scale"), expected["weibull"]),
        ("lognormal", ("log_mean", "log_sd"), expected["lognormal"]),
        ("loglogistic", ("location", "scale"), expected["loglogistic"]),
        ("exponential", ("scale",), [expected["exponential"]]),
    ):
        for parameter, value in zip(parameters, values, strict=False):
            yield _check(
                f"fit.jasp.{name}.{parameter}",
                f"{parameter} of a {name} distribution",
                source=JASP,
                reference=value,
                compute=partial(
                    lambda name, parameter: distributions.fit(diameters(), name).parameters[parameter],
                    name,
                    parameter,
                ),
                tolerance=Tolerance(relative=1e-4),
                origin="software",
            )
    yield _check(
        "fit.jasp.logistic.fixed",
        "location of a logistic distribution with scale 1",
        source=JASP,
        reference=expected["logistic_location_scale_1"],
        compute=lambda: distributions.fit(diameters(), "logistic", fixed={"scale": 1}).parameters["location"],
        tolerance=Tolerance(relative=1e-5),
        origin="software",
    )
    for name, parameter, value in (
        ("weibull3", "threshold", 2.52642189),
        ("weibull3", "shape", 2.64846718),
        ("loglogistic3", "threshold", -7.02985526),
        ("smallest_extreme_value", "location", 8.02779577),
        ("smallest_extreme_value", "scale", 1.93332144),
        ("rayleigh", "scale", 5.17387668967864),
        ("exponential2", "scale", 3.98 * 100 / 99),
    ):
        yield _check(
            f"fit.scipy.{name}.{parameter}",
            f"{parameter} of a {name} distribution",
            source=SCIPY,
            reference=value,
            compute=partial(
                lambda name, parameter: distributions.fit(diameters(), name).parameters[parameter],
                name,
                parameter,
            ),
            tolerance=Tolerance(relative=1e-5),
            origin="software",
        )
    yield _check(
        "fit.scipy.beta.alpha",
        "alpha of a beta distribution between 0 and 20",
        source=SCIPY,
        reference=9.22711752406593,
        compute=lambda: distributions.fit(diameters(), "beta", bounds=(0, 20)).parameters["alpha"],
        tolerance=Tolerance(relative=1e-6),
        origin="software",
    )
    yield _check(
        "fit.ls.weibull.shape",
        "shape of a Weibull distribution by least squares on the probability plot",
        source="exact Weibull quantiles with shape 2 at the plotting positions lie on a line of slope 1/2",
        reference=2.0,
        compute=lambda: distributions.fit(_weibull_quantiles(), "weibull", method="ls").parameters["shape"],
        tolerance=Tolerance(relative=1e-9),
        origin="recomputed",
    )

    for rank, value in ((1, 0.0670), (5, 0.4517), (10, 0.9330)):
        yield _check(
            f"plotting_positions.exact_median.{rank}",
            f"median rank {rank} of 10",
            source="Lipson & Sheth 1973, Statistical Design of Engineering Experiments, median ranks",
            reference=value,
            compute=partial(
                lambda rank: float(distributions.plotting_positions(10, "exact_median")[rank - 1]), rank
            ),
            tolerance=Tolerance(digits=4),
        )
    x = diameters()
    yield _check(
        "identify.normal.aic",
        "AIC of the normal candidate",
        source="2·2 − 2 ln L of JASP's 100 diameters, with the divisor N − 1 in the sd",
        reference=float(4 - 2 * stats.norm.logpdf(x, x.mean(), x.std(ddof=1)).sum()),
        compute=lambda: next(
            fit.aic for fit in distributions.identify(x).fits if fit.distribution == "normal"
        ),
        tolerance=Tolerance(relative=1e-12),
        origin="recomputed",
    )


def _weibull_quantiles() -> Floats:
    positions = distributions.plotting_positions(40)
    return np.asarray(3 * (-np.log1p(-positions)) ** 0.5)


def _maxima() -> Iterator[Check]:
    """At a maximum of the likelihood, moving any parameter either way lowers it."""
    for name, family in FAMILIES.items():
        if name == "exponential2":  # its threshold is at the edge of the data
            continue
        yield _check(
            f"fit.maximum.{name}",
            f"slope of the {name} log-likelihood at the fit, per 1 % of a parameter",
            source="the likelihood itself: its slope is 0 at an inner maximum",
            reference=0.0,
            compute=partial(_slope, name, family.parameters),
            tolerance=Tolerance(absolute=1e-5),
            origin="recomputed",
        )


def _slope(name: str, parameters: tuple[str, ...]) -> float:
    x = diameters()
    bounds = (0.0, 20.0) if name == "beta" else None
    found = distributions.fit(x, name, method="ml", bounds=bounds).parameters
    unit = found.get("sd", found.get("scale", 1.0))
    steepest = 0.0
    for parameter in parameters:
        if parameter in {"lower", "upper"}:
            continue
        step = 1e-4 * (found[parameter] if parameter in POSITIVE else unit)
        up, down = (
            log_likelihood(FAMILIES[name].frozen({**found, parameter: found[parameter] + move}), x)
            for move in (step, -step)
        )
        steepest = max(steepest, abs(up - down) / 2)
    return steepest


def _goodness() -> Iterator[Check]:
    expected = reference()["jasp"]
    for name in ("weibull", "lognormal"):
        yield _check(
            f"anderson_darling.jasp.{name}",
            f"A² of a {name} fit",
            source=JASP,
            reference=expected[name][2],
            compute=partial(
                lambda name: distributions.fit(diameters(), name).anderson_darling.statistic, name
            ),
            tolerance=Tolerance(digits=2),
            origin="software",
        )
        yield _check(
            f"anderson_darling.jasp.{name}.p",
            f"p-value of A² of a {name} fit",
            source=JASP,
            reference=expected[name][3],
            compute=partial(lambda name: distributions.fit(diameters(), name).anderson_darling.p_value, name),
            tolerance=Tolerance(digits=2),
            origin="software",
            note="JASP reads the Weibull p-value from the normal table; both print 0.12",
        )
    large = 10**9
    for family, shape, level, point, table in (
        ("normal", 0, 0.05, 0.752, "4.7"),
        ("normal", 0, 0.01, 1.035, "4.7"),
        ("weibull", 0, 0.05, 0.757, "4.17"),
        ("weibull", 0, 0.01, 1.038, "4.17"),
        ("exponential", 0, 0.05, 1.321, "4.14"),
        ("exponential", 0, 0.01, 1.959, "4.14"),
        ("logistic", 0, 0.05, 0.660, "4.22"),
        ("gamma", 2, 0.05, 0.768, "4.21"),
        ("gamma", 10, 0.01, 1.040, "4.21"),
    ):
        yield _check(
            f"anderson_darling.table.{family}.{shape}.{level}",
            f"p-value of A² = {point} for a {family} distribution",
            source=f"{STEPHENS}, table {table}",
            reference=level,
            compute=partial(
                lambda family, point, shape: p_value(point, large, family, {"shape": float(shape)})[0],
                family,
                point,
                shape,
            ),
            tolerance=Tolerance(relative=0.03),
        )


def _normality() -> Iterator[Check]:
    def tested(values: ArrayLike, test: str) -> distributions.NormalityTest:
        return distributions.normality(values, test)  # type: ignore[arg-type]

    ad, p = reference()["jasp"]["normal_ad"]
    for name, value, field in (("statistic", ad, "statistic"), ("p", p, "p_value")):
        yield _check(
            f"normality.anderson_darling.{name}",
            f"Anderson-Darling, {name}",
            source=JASP,
            reference=value,
            compute=partial(lambda field: getattr(tested(diameters(), "anderson_darling"), field), field),
            tolerance=Tolerance(digits=2),
            origin="software",
        )
    yield _check(
        "normality.shapiro_wilk.statistic",
        "Shapiro-Wilk W, weights of 11 men",
        source="Shapiro & Wilk 1965, Biometrika 52, 591-611, sec. 4: W = 0.79",
        reference=0.79,
        compute=lambda: tested(HEIGHTS, "shapiro_wilk").statistic,
        tolerance=Tolerance(digits=2),
    )
    for level, value in ((0.05, 0.9180), (0.01, 0.8804)):
        yield _check(
            f"normality.ryan_joiner.{level}",
            f"p-value of a Ryan-Joiner correlation of {value}, N = 10",
            source="Ryan & Joiner 1976, Normal Probability Plots and Tests for Normality, "
            "table of critical values",
            reference=level,
            compute=partial(lambda r: ryan_joiner_p(r, 10)[0], value),
            tolerance=Tolerance(absolute=0.001),
        )
    for d, n, level in ((0.258, 10, 0.05), (0.294, 10, 0.01), (0.161, 30, 0.05)):
        yield _check(
            f"normality.lilliefors.{n}.{level}",
            f"p-value of Lilliefors' D = {d}, N = {n}",
            source="Lilliefors 1967, JASA 62, 399-402, table 1 (simulated to 3 digits)",
            reference=level,
            compute=partial(lilliefors_p, d, n),
            tolerance=Tolerance(absolute=0.012),
        )
    z = (diameters() - diameters().mean()) / diameters().std()
    skewness, kurtosis = float((z**3).mean()), float((z**4).mean())
    yield _check(
        "normality.jarque_bera.statistic",
        "Jarque-Bera statistic",
        source="N/6 · (skewness² + (kurtosis − 3)²/4) of JASP's 100 diameters",
        reference=100 / 6 * (skewness**2 + (kurtosis - 3) ** 2 / 4),
        compute=lambda: tested(diameters(), "jarque_bera").statistic,
        tolerance=Tolerance(relative=1e-9),
        origin="recomputed",
    )
    yield _check(
        "normality.dagostino_pearson.p",
        "D'Agostino-Pearson p-value",
        source="χ² with 2 degrees of freedom: exp(−K²/2)",
        reference=float(np.exp(-stats.normaltest(diameters()).statistic / 2)),
        compute=lambda: tested(diameters(), "dagostino_pearson").p_value,
        tolerance=Tolerance(relative=1e-9),
        origin="recomputed",
    )


def _dixon_critical(n: int, alpha: float) -> float:
    """The critical ratio that Dixon's test of ``n`` values uses at ``alpha`` on each side."""
    return distributions.dixon([*range(n - 1), 3.0 * n], alpha=2 * alpha).critical or 0.0


def _outliers() -> Iterator[Check]:
    nist = "NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.5.17"
    yield _check(
        "grubbs.statistic",
        "Grubbs' G, 8 mass spectrometer readings",
        source=f"{nist}.1",
        reference=2.468765,
        compute=lambda: distributions.grubbs(GRUBBS).statistic or 0.0,
        tolerance=Tolerance(digits=6),
    )
    yield _check(
        "grubbs.critical",
        "Grubbs' critical value, N = 8, α = 0.05, two sides",
        source=f"{nist}.1",
        reference=2.126645,
        compute=lambda: distributions.grubbs(GRUBBS).critical or 0.0,
        tolerance=Tolerance(digits=6),
    )
    printed = ((3.118906, 3.158794), (2.942973, 3.151430), (3.179424, 3.143890), (2.810181, 3.136165))
    for step, pair in enumerate(printed):
        for name, value in zip(("statistic", "critical"), pair, strict=True):
            yield _check(
                f"generalised_esd.{step + 1}.{name}",
                f"generalised ESD, step {step + 1}, {name}, Rosner's 54 values",
                source=f"{nist}.3",
                reference=value,
                compute=partial(
                    lambda step, name: getattr(
                        distributions.generalised_esd(reference()["gesd"], 10).steps[step], name
                    ),
                    step,
                    name,
                ),
                tolerance=Tolerance(digits=6),
            )
    yield _check(
        "generalised_esd.count",
        "generalised ESD, number of outliers, Rosner's 54 values",
        source=f"{nist}.3",
        reference=3.0,
        compute=lambda: float(len(distributions.generalised_esd(reference()["gesd"], 10).outliers)),
        tolerance=Tolerance(digits=0),
    )
    for n, alpha, value in (
        (3, 0.05, 0.941),
        (4, 0.05, 0.765),
        (5, 0.05, 0.642),
        (7, 0.05, 0.507),
        (3, 0.025, 0.970),
        (5, 0.025, 0.710),
        (7, 0.025, 0.568),
        (5, 0.005, 0.821),
    ):
        table = "Rorabacher 1991, Analytical Chemistry 63, 139-146, table 1"
        yield _check(
            f"dixon.{n}.{alpha}",
            f"Dixon's critical ratio, N = {n}, one side, α = {alpha}",
            source=table,
            reference=value,
            compute=partial(_dixon_critical, n, alpha),
            tolerance=Tolerance(absolute=0.0025),
            note="the table was interpolated from Dixon's; here the distribution is integrated",
        )
    ordered = tuple(range(1, 12))
    yield _check(
        "tukey_fences.high",
        "Tukey's upper fence of 1 … 11 by hinges",
        source="hinges 3.5 and 8.5: 8.5 + 1.5·5",
        reference=16.0,
        compute=lambda: distributions.tukey_fences(ordered, quartiles="hinges").high or 0.0,
        tolerance=Tolerance(digits=9),
        origin="recomputed",
    )
    yield _check(
        "median_deviation.high",
        "upper fence by the median absolute deviation of 1 … 11",
        source="median 6, MAD 3: 6 + 3.5·3/0.6745",
        reference=6 + 3.5 * 3 / 0.6745,
        compute=lambda: distributions.median_deviation(ordered).high or 0.0,
        tolerance=Tolerance(digits=9),
        origin="recomputed",
    )


def _transformations() -> Iterator[Check]:
    for name, value in (("box_cox", 0.5446692810903517), ("yeo_johnson", 0.47987175402026677)):
        yield _check(
            f"{name}.lambda",
            f"λ of maximum likelihood ({name})",
            source=f"scipy.stats 1.17, {name.replace('_', '')}, on JASP's 100 diameters",
            reference=value,
            compute=partial(
                lambda name: getattr(distributions, name)(diameters()).parameters["lambda"], name
            ),
            tolerance=Tolerance(absolute=1e-6),
            origin="software",
        )
    for kind, parameters in (
        ("su", {"gamma": -1.0, "eta": 1.5, "epsilon": 2.0, "lambda": 3.0}),
        ("sb", {"gamma": 1.0, "eta": 1.2, "epsilon": 2.0, "lambda": 3.0}),
    ):
        for parameter in ("gamma", "eta"):
            yield _check(
                f"johnson.{kind}.{parameter}",
                f"{parameter} of Johnson's {kind.upper()} system",
                source="20,000 exact quantiles of that distribution give its parameters back",
                reference=parameters[parameter],
                compute=partial(_johnson, kind, parameters, parameter),
                tolerance=Tolerance(relative=2e-3),
                origin="recomputed",
            )


@cache
def _normal_quantiles() -> Floats:
    return np.asarray(stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000))


def _johnson(kind: str, of: dict[str, float], parameter: str) -> float:
    u = (_normal_quantiles() - of["gamma"]) / of["eta"]
    inner = np.sinh(u) if kind == "su" else 1 / (1 + np.exp(-u))
    found = distributions.johnson(of["epsilon"] + of["lambda"] * inner, z=0.6)
    return found.parameters[parameter]


def _censored() -> Iterator[Check]:
    seen = np.array(FAILURES + (500,) * 10, dtype=np.float64)
    upper = np.where(np.arange(20) < 10, seen, np.inf)
    for name, value, digits in (("shape", 1.7208, 4), ("scale", 606.5280, 3)):
        yield _check(
            f"fit_censored.weibull.{name}",
            f"{name} of a Weibull distribution, 10 of 20 units failed by 500 hours",
            source="NIST/SEMATECH e-Handbook of Statistical Methods, 8.4.1.2",
            reference=value,
            compute=partial(
                lambda name: distributions.fit_censored(seen, upper, "weibull").parameters[name], name
            ),
            tolerance=Tolerance(digits=digits, relative=1e-6),
        )
    low = np.where(diameters() < 5, -np.inf, diameters())
    high = np.where(diameters() < 5, 5.0, diameters())
    left = diameters()[diameters() < 5].size
    kept = diameters()[diameters() >= 5]
    theirs = stats.norm.fit(stats.CensoredData(uncensored=kept, left=np.full(left, 5.0)))
    yield _check(
        "fit_censored.normal.sd",
        "sd of a normal distribution, diameters below 5 known only as such",
        source="scipy.stats 1.17, norm.fit of CensoredData",
        reference=float(theirs[1]),
        compute=lambda: distributions.fit_censored(low, high).parameters["sd"],
        tolerance=Tolerance(relative=1e-4),
        origin="software",
    )
    for place, (week, value) in enumerate(
        ((6, 0.857), (7, 0.807), (10, 0.753), (13, 0.690), (16, 0.627), (22, 0.538), (23, 0.448))
    ):
        yield _check(
            f"kaplan_meier.{week}",
            f"Kaplan-Meier survival at week {week}, 6-MP group",
            source="Freireich et al. 1963, as in Lawless 2003, "
            "Statistical Models and Methods for Lifetime Data",
            reference=value,
            compute=partial(
                lambda place: float(distributions.kaplan_meier(REMISSION, RELAPSED).survival[place]), place
            ),
            tolerance=Tolerance(digits=3),
        )
