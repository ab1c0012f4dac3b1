"""Process monitoring: a printed principal component analysis, and every statistic by a second way."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial

import numpy as np
from scipy import integrate, optimize, signal, stats

from assay.stats import monitor
from assay.stats.arrays import Floats
from assay.stats.monitor.tail import independent
from assay.stats.monitor.textbook import spe_limit, t2_limit
from assay.stats.verify.check import Check, Section, Tolerance

NIST = "NIST/SEMATECH e-Handbook of Statistical Methods, 6.5.5.2, principal components: numerical example"
NIST_ROWS = (
    (7.0, 4.0, 3.0),
    (4.0, 1.0, 8.0),
    (6.0, 3.0, 5.0),
    (8.0, 6.0, 1.0),
    (8.0, 5.0, 7.0),
    (7.0, 2.0, 9.0),
    (5.0, 3.0, 3.0),
    (9.0, 5.0, 8.0),
    (7.0, 4.0, 5.0),
    (8.0, 2.0, 2.0),
)
NIST_EIGENVALUES = (1.769, 0.927, 0.304)
NIST_LOADINGS = ((0.64, 0.69, 0.34), (0.38, 0.10, 0.91), (0.66, 0.72, 0.20))
"""Sizes of the entries of each eigenvector; their signs are a convention."""
NIST_COMMUNALITIES = (0.8662, 0.8420, 0.9876)
PLANT = "simulated plant of 5 variables (400 training rows, 100 rows with a fault)"
CLOSE = Tolerance(relative=1e-9, absolute=1e-12)
AT = 60
"""The row of the second part that is looked at."""


def checks() -> Iterator[Check]:
    """Every statistic of PCA, dynamic PCA and CVA models with a reference."""
    yield from _printed()
    yield from _principal()
    yield from _limits()
    yield from _canonical()
    yield from _contributions()
    yield from _live()
    yield from _rates()


_check = Section("monitor", "monitor", tolerance=CLOSE).check


@cache
def _plant() -> tuple[Floats, Floats]:
    """Two slow states seen by five sensors; in the second part sensor 2 is off from row 50 on."""
    random = np.random.default_rng(20)
    states = np.zeros((600, 2))
    for row in range(1, 600):
        states[row] = np.array([0.9, 0.5]) * states[row - 1] + random.standard_normal(2)
    mixing = np.array([[1.0, 0.5, -0.7, 0.2, 0.9], [0.1, -0.8, 0.4, 1.1, 0.3]])
    rows = states[100:] @ mixing + 0.5 * random.standard_normal((500, 5)) + np.arange(5.0) * 10.0
    rows[450:, 1] += 4.0
    return rows[:400], rows[400:]


SETTINGS: dict[str, monitor.Pca | monitor.Dpca | monitor.Cva] = {
    "nist": monitor.pca(3, limits="textbook"),
    "pca": monitor.pca(2),
    "pca_all": monitor.pca(5),
    "dpca": monitor.dpca(1, 3),
    "cva": monitor.cva(1),
    "cva_all": monitor.cva(2, 10),
}


@cache
def _model(name: str) -> monitor.Monitor:
    return SETTINGS[name].fit(np.array(NIST_ROWS) if name == "nist" else _plant()[0])


def _statistic(name: str, statistic: str) -> float:
    """``t2``, ``spe`` or ``mewma`` of the row that is looked at."""
    score = _model(name).score(_plant()[1])
    return float((score.monitored["mewma"] if statistic == "mewma" else getattr(score, statistic))[AT])


def _printed() -> Iterator[Check]:
    for place, printed in enumerate(NIST_EIGENVALUES):
        yield _check(
            f"pca.nist.eigenvalue_{place + 1}",
            f"PCA, eigenvalue {place + 1} of the correlation matrix",
            source=NIST,
            reference=printed,
            compute=partial(_eigenvalue, place),
            tolerance=Tolerance(digits=3),
            origin="published",
        )
        for variable, size in enumerate(NIST_LOADINGS[place]):
            yield _check(
                f"pca.nist.loading_{place + 1}_{variable + 1}",
                f"PCA, loading of variable {variable + 1} on component {place + 1}",
                source=NIST,
                reference=size,
                compute=partial(_loading, variable, place),
                tolerance=Tolerance(absolute=0.01),
                origin="published",
                note="size of the entry, for the sign is a convention; the source cuts or rounds 2 decimals",
            )
    for variable, printed in enumerate(NIST_COMMUNALITIES):
        yield _check(
            f"pca.nist.communality_{variable + 1}",
            f"PCA, share of variable {variable + 1} held by two components",
            source=NIST,
            reference=printed,
            compute=partial(_communality, variable),
            tolerance=Tolerance(digits=4),
            origin="published",
        )


def _eigenvalue(place: int) -> float:
    return float(_model("nist").variances[place])


def _loading(variable: int, place: int) -> float:
    return abs(float(_model("nist").loadings[variable, place]))


def _communality(variable: int) -> float:
    model = _model("nist")
    return float((model.loadings[variable, :2] ** 2 * model.variances[:2]).sum())


def _principal() -> Iterator[Check]:
    training, rows = _plant()
    center, scale = training.mean(axis=0), training.std(axis=0, ddof=1)
    scaled, new, before = (
        (training - center) / scale,
        (rows[AT] - center) / scale,
        (rows[AT - 1] - center) / scale,
    )
    beside = np.hstack([scaled[1:], scaled[:-1]])
    for name, data, row, kept in (
        ("pca", scaled, new, 2),
        ("dpca", beside, np.concatenate([new, before]), 3),
    ):
        called = "PCA" if name == "pca" else "Dynamic PCA"
        source = f"{PLANT}: singular value decomposition of the rows" + (
            "" if name == "pca" else ", each beside the row before it"
        )
        _, values, vectors = np.linalg.svd(data - data.mean(axis=0), full_matrices=False)
        deviation = row - data.mean(axis=0)
        projected = vectors[:kept] @ deviation
        left = deviation - vectors[:kept].T @ projected
        t2 = float((projected**2 / (values[:kept] ** 2 / (len(data) - 1))).sum())
        yield _check(
            f"{name}.t2",
            f"{called}, Hotelling's T²",
            source=source,
            reference=t2,
            compute=partial(_statistic, name, "t2"),
        )
        spe = float(left @ left)
        yield _check(
            f"{name}.spe",
            f"{called}, SPE (Q)",
            source=source,
            reference=spe,
            compute=partial(_statistic, name, "spe"),
        )
    yield _check(
        "pca.monitored",
        "PCA, smoothed T² against its limit",
        source=f"{PLANT}: moving average of cube roots, row by row",
        reference=_averaged(),
        compute=lambda: float(_model("pca").score(_plant()[1]).monitored["t2"][AT]),
    )
    yield _check(
        "pca.forgetting",
        "PCA, T² with an adaptive baseline",
        source=f"{PLANT}: the baseline row by row, T² by the eigenvectors of the correlation matrix",
        reference=_followed(),
        compute=lambda: float(_model("pca").score(_plant()[1], forgetting=0.9).t2[AT]),
    )
    yield _check(
        "pca.t2_all",
        "PCA, T² of all components",
        source=f"{PLANT}: Mahalanobis distance by solving with the correlation matrix",
        reference=float(new @ np.linalg.solve(np.corrcoef(training.T), new)),
        compute=partial(_statistic, "pca_all", "t2"),
    )


def _averaged() -> float:
    """Smoothed T², from the raw T² and where the average starts."""
    model = _model("pca")
    roots = np.cbrt(model.score(_plant()[1]).t2)
    # The first monitored value tells the start: y = 0.3 · root + 0.7 · start.
    first = float(np.cbrt(model.score(_plant()[1][:1]).monitored["t2"][0]))
    average = (first - 0.3 * float(roots[0])) / 0.7
    for root in roots[: AT + 1]:
        average = 0.3 * float(root) + 0.7 * average
    return average**3


def _followed() -> float:
    """T² of the row against a mean that followed the rows before it that gave no alarm."""
    training, rows = _plant()
    values, vectors = np.linalg.eigh(np.corrcoef(training.T))
    level, scale = training.mean(axis=0), training.std(axis=0, ddof=1)
    alarm = _model("pca").score(rows, forgetting=0.9).alarm
    for row, quiet in zip(rows[:AT], ~alarm[:AT], strict=True):
        level = 0.9 * level + 0.1 * row if quiet else level
    scores = (rows[AT] - level) / scale @ vectors[:, -2:]
    return float((scores**2 / values[-2:]).sum())


def _limits() -> Iterator[Check]:
    quantile = float(stats.t.isf(0.005, 29))
    yield _check(
        "limits.t2_student",
        "T² limit of one component, 30 rows, 1 %",
        source="(n + 1)/n · t², Student's t for one new value",
        reference=31 / 30 * quantile**2,
        compute=partial(t2_limit, 1, 30, 0.01),
    )
    yield _check(
        "limits.t2_chi2",
        "T² limit of 4 components, 10⁷ rows, 1 %",
        source="χ² with 4 degrees of freedom, the limit for a known covariance",
        reference=float(stats.chi2.isf(0.01, 4)),
        compute=partial(t2_limit, 4, 10_000_000, 0.01),
        tolerance=Tolerance(relative=1e-5),
    )
    for name, residual in (("equal", np.full(6, 0.4)), ("falling", np.array([0.9, 0.6, 0.4, 0.3, 0.2, 0.1]))):
        yield _check(
            f"limits.spe_{name}",
            "SPE limit of Jackson and Mudholkar, 1 %",
            source="exact quantile of Σ λ χ²₁: Imhof (1961), "
            "numerical inversion of the characteristic function",
            reference=_weighted_quantile(residual, 0.01),
            compute=partial(spe_limit, residual, 0.01),
            tolerance=Tolerance(relative=0.05),
            note="the limit is itself an approximation, good to a few per cent",
        )


def _weighted_quantile(weights: Floats, alpha: float) -> float:
    """Where a sum of χ²₁ with ``weights`` is exceeded with probability ``alpha``, after Imhof."""

    at = np.linspace(1e-9, 200.0, 40_001)
    angles = 0.5 * np.arctan(np.outer(at, weights)).sum(axis=1)
    damping = at * np.prod((1.0 + np.outer(at, weights) ** 2) ** 0.25, axis=1)

    def exceeded(value: float) -> float:
        area = integrate.simpson(np.sin(angles - 0.5 * value * at) / damping, x=at)
        return 0.5 + float(area) / np.pi

    found: float = optimize.brentq(lambda value: exceeded(value) - alpha, 1.0, 60.0)
    return found


def _canonical() -> Iterator[Check]:
    training, rows = _plant()
    center, scale = training.mean(axis=0), training.std(axis=0, ddof=1)
    scaled, new = (training - center) / scale, (rows - center) / scale
    past = np.hstack([scaled[1:-2], scaled[:-3]])
    future = np.hstack([scaled[3:], scaled[2:-1]])
    bases = [np.linalg.qr(part - part.mean(axis=0))[0] for part in (past, future)]
    correlations = np.linalg.svd(bases[0].T @ bases[1], compute_uv=False)
    source = f"{PLANT}: QR decompositions of past and future (Björck and Golub 1973)"
    for place in range(2):
        yield _check(
            f"cva.correlation_{place + 1}",
            f"CVA, canonical correlation {place + 1} of past and future",
            source=source,
            reference=float(correlations[place]),
            compute=partial(_correlation, place),
        )
    # With all states the prediction is least squares on the rows of the past.
    ones = np.ones((len(past), 1))
    weights, *_ = np.linalg.lstsq(np.hstack([ones, past]), scaled[2:-1], rcond=None)
    fitted = scaled[2:-1] - np.hstack([ones, past]) @ weights
    inverse = np.linalg.inv(fitted.T @ fitted / (len(past) - 1))
    design = np.hstack([np.ones((len(new) - 2, 1)), new[1:-1], new[:-2]])
    errors = new[2:] - design @ weights
    source = f"{PLANT}: vector autoregression by least squares"
    reference = float(errors[AT - 2] @ inverse @ errors[AT - 2])
    yield _check(
        "cva.spe",
        "CVA, squared one-step prediction error",
        source=source,
        reference=reference,
        compute=partial(_statistic, "cva_all", "spe"),
    )
    average = np.zeros(5)
    for row in range(AT - 1):
        average = 0.1 * errors[row] + 0.9 * average
    variance = sum((0.1 * 0.9**age) ** 2 for age in range(AT - 1))
    yield _check(
        "cva.mewma",
        "CVA, MEWMA T² of the prediction errors",
        source=f"{PLANT}: vector autoregression, the average row by row, its variance as a sum",
        reference=float(average @ inverse @ average) / variance,
        compute=partial(_statistic, "cva_all", "mewma"),
    )
    state = np.concatenate([new[AT], new[AT - 1]]) - past.mean(axis=0)
    reference = float(state @ np.linalg.inv(np.cov(past.T)) @ state)
    source = f"{PLANT}: Mahalanobis distance of two rows"
    yield _check(
        "cva.t2",
        "CVA, T² of all states",
        source=source,
        reference=reference,
        compute=partial(_statistic, "cva_all", "t2"),
    )


def _correlation(place: int) -> float:
    return float(_model("cva_all").variances[place])


def _contributions() -> Iterator[Check]:
    for name in ("pca", "dpca", "cva"):
        yield _check(
            f"contributions.{name}",
            f"Reconstruction-based contribution of variable 2 to the SPE, {name.upper()}",
            source=f"{PLANT}: the SPE less its smallest value over all readings of the variable, "
            "by minimisation",
            reference=_gained(_model(name), {"spe": 1.0}),
            compute=partial(_contribution, name, "spe"),
            tolerance=Tolerance(relative=1e-6),
        )
    weights = {name: 1.0 / limit for name, limit in _model("pca").limits.items()}
    yield _check(
        "contributions.combined",
        "Reconstruction-based contribution of variable 2 to T² and SPE over their limits, PCA",
        source=f"{PLANT}: their sum less its smallest value over all readings of the variable, "
        "by minimisation",
        reference=_gained(_model("pca"), weights),
        compute=partial(_contribution, "pca", "combined"),
        tolerance=Tolerance(relative=1e-6),
    )


def _contribution(name: str, statistic: str) -> float:
    return float(_model(name).contributions(_plant()[1], [AT], statistic).values[0, 1])


def _gained(model: monitor.Monitor, weights: dict[str, float]) -> float:
    """By how much a weighted sum of statistics falls when variable 2 takes its best readings."""
    rows = _plant()[1]
    lags = model.lags if model.kind == "dpca" else 0
    part = rows[AT - model.lags : AT + 1].copy()

    def summed(readings: Floats) -> float:
        changed = part.copy()
        changed[len(part) - 1 - lags :, 1] = readings
        score = model.score(changed)
        return sum(weight * float(getattr(score, name)[-1]) for name, weight in weights.items())

    start = part[len(part) - 1 - lags :, 1]
    best = optimize.minimize(summed, start, method="BFGS", options={"gtol": 1e-9})
    return summed(start) - float(best.fun)


def _live() -> Iterator[Check]:
    for name in ("pca", "dpca", "cva"):
        yield _check(
            f"live.{name}",
            f"Row by row against all at once: largest relative difference of the index, {name.upper()}",
            source=f"{PLANT}: the same rows scored together",
            reference=0.0,
            compute=partial(_live_difference, name),
            tolerance=Tolerance(absolute=1e-9),
        )


def _live_difference(name: str) -> float:
    rows = _plant()[1]
    batch = _model(name).score(rows).index
    live = _model(name).live()
    index = np.array([live.add(row).index for row in rows])
    return float(np.nanmax(np.abs(index - batch) / np.abs(batch)))


def _rates() -> Iterator[Check]:
    yield _check(
        "rates.independent",
        "Independent values among 100,000 of an autoregression with coefficient 0.6",
        source="n (1 - φ) / (1 + φ)",
        reference=25_000.0,
        compute=_independent,
        tolerance=Tolerance(relative=0.1),
        note="lags with an autocorrelation below 0.05 are left out of the sum",
    )
    model, fresh = _fresh()
    yield _check(
        "rates.realised",
        "Realised false-alarm rate at nominal 1 %, from 4,000 training rows",
        source="share of alarms in 20,000 further rows of the same simulated process",
        reference=fresh,
        compute=lambda: model.false_alarms.realised,
        tolerance=Tolerance(absolute=0.004),
    )
    yield _check(
        "rates.fresh",
        "Share of alarms in 20,000 fresh rows, nominal 1 %",
        source="the nominal rate, which calibrated limits approach from below",
        reference=0.01,
        compute=lambda: fresh,
        tolerance=Tolerance(absolute=0.005),
    )


def _independent() -> float:
    noise = np.random.default_rng(5).standard_normal(100_000)
    return independent(signal.lfilter([1.0], [1.0, -0.6], noise))


@cache
def _fresh() -> tuple[monitor.Monitor, float]:
    """A model from 4,000 rows, and its share of alarms in 20,000 more."""
    random = np.random.default_rng(5)
    rows = random.standard_normal((24_000, 4)) @ random.standard_normal((4, 6))
    rows += 0.5 * random.standard_normal(rows.shape)
    model = monitor.pca(4).fit(rows[:4000])
    return model, float(model.score(rows[4000:]).alarm.mean())
