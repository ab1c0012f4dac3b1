"""Control charts and a PCA model beside their peers and beside bare NumPy, in one process and in turn.

The peers are ``pccpy`` (charts) and ``process-improve`` (PCA); they are installed for this benchmark alone
(:mod:`benchmarks.peers`) and use the same NumPy and SciPy as Assay does.

*The NumPy floor* is the least that a script would have to do for the same answer, written down once by hand:
values that are already in rows of a subgroup, their means and ranges, centre and limits, and the eight Nelson
rules as comparisons and windows of masks, down to the indices of the flagged points. It checks nothing, takes
no labels, and returns bare arrays (:func:`floor`).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.stats import arl, charts, monitor
from benchmarks.figures import Figure
from benchmarks.peers import HOW, peer, version

POINTS, SUBGROUP = 1_000_000, 5
CHARACTERISTICS, EACH = 1_000, 1_000
LIVE = 20_000
ROWS, COLUMNS, COMPONENTS = 100_000, 50, 10
FLOOR_MOST, XBAR_LEAST, IMR_LEAST, MANY_MOST, LIVE_MOST, PCA_MOST = 4.0, 7.0, 15.0, 1.0, 50.0, 0.4
ARL_MOST = 50.0

Told = Callable[[float, str], None]
Floats = NDArray[np.float64]


def run(*, repeats: int = 5, scale: float = 1.0, progress: Told | None = None) -> list[Figure]:
    """Measure every figure ``repeats`` times, both sides in turn, after a first round that doesn't count."""
    told = progress or (lambda done, what: None)
    steps = (_subgroups, _individuals, _characteristics, _live, _pca, _run_lengths)
    figures: list[Figure] = []
    for place, step in enumerate(steps):
        told(place / len(steps), step.__name__.strip("_"))
        figures += step(repeats, scale)
    return figures


def _times(repeats: int, *sides: Callable[[], object]) -> list[list[float]]:
    """Seconds of each side in each round: every side once, in turn; the first round is not kept."""
    seconds: list[list[float]] = [[] for _ in sides]
    for turn in range(repeats + 1):
        for side, kept in zip(sides, seconds, strict=True):
            start = time.perf_counter()
            side()
            if turn:
                kept.append(time.perf_counter() - start)
    return seconds


def _beside(
    name: str,
    ours: Sequence[float],
    theirs: Sequence[float],
    *,
    named: str,
    most: float | None = None,
    least: float | None = None,
) -> Figure:
    """A figure as a multiple of the peer's time (``most``), or as how many times faster it is (``least``)."""
    pairs = zip(ours, theirs, strict=True)
    ratios = sorted(a / b if most is not None else b / a for a, b in pairs)
    ratio = statistics.median(ratios)
    return Figure(
        name=name,
        value=statistics.median(ours),
        unit="s",
        peer=f"{named}: {statistics.median(theirs):.3g} s",
        ratio=ratio,
        spread=f"ratio {ratios[0]:.2f} to {ratios[-1]:.2f}, {len(ratios)} rounds",
        target=f"at most {most:g} x the peer" if most is not None else f"at least {least:g} x faster",
        met=ratio <= most if most is not None else ratio >= (least or 0.0),
    )


def _alone(name: str, values: Sequence[float], unit: str, most: float) -> Figure:
    value = statistics.median(values)
    return Figure(
        name=name,
        value=value,
        unit=unit,
        peer=None,
        ratio=None,
        spread=f"{min(values):.3g} to {max(values):.3g}, {len(values)} rounds",
        target=f"at most {most:g} {unit}",
        met=value <= most,
    )


def _absent(name: str, values: Sequence[float], package: str) -> Figure:
    """A figure whose peer isn't there: its own seconds, no ratio, no verdict."""
    return Figure(
        name=name,
        value=statistics.median(values),
        unit="s",
        peer=f"{package} is not installed; {HOW}",
        ratio=None,
        spread=None,
        target=None,
        met=None,
    )


def _series(count: int) -> Floats:
    """Measured values with three decimals and a slow wave, so that every rule has something to find."""
    rng = np.random.default_rng(11)
    wave = 0.3 * np.sin(np.arange(count) / 400.0)
    return np.asarray(np.round(20.0 + 0.05 * (rng.standard_normal(count) + wave), 3))


def _subgroups(repeats: int, scale: float) -> Iterator[Figure]:
    count = max(100, round(POINTS * scale)) // SUBGROUP * SUBGROUP
    values = _series(count)
    labels = np.repeat(np.arange(count // SUBGROUP), SUBGROUP)
    pccpy = peer("pccpy")

    def ours() -> charts.ControlChart:
        return charts.xbar_r(values, labels, rules="nelson")

    def theirs() -> Any:
        return pccpy and pccpy.xbar_r_chart(values, subgroup_size=SUBGROUP, tests="all")

    found, bare = ours(), floor(values, SUBGROUP)
    assert [found.violations[f"nelson{rule}"] for rule in range(1, 9)] == [flags.tolist() for flags in bare]
    mine, base, other = _times(repeats, ours, lambda: floor(values, SUBGROUP), theirs)
    name = f"spc: X̄-R of {count:,} values in fives with labels, 8 rules"
    yield _beside(name, mine, base, named="bare NumPy", most=FLOOR_MOST)
    if pccpy is None:
        yield _absent(name, mine, "pccpy")
    else:
        yield _beside(name, mine, other, named=f"pccpy {version('pccpy')}", least=XBAR_LEAST)


def _individuals(repeats: int, scale: float) -> Iterator[Figure]:
    values = _series(max(100, round(POINTS * scale)))
    pccpy = peer("pccpy")

    def ours() -> charts.ControlChart:
        return charts.imr(values, rules="nelson")

    def theirs() -> Any:
        return pccpy and pccpy.imr_chart(values, tests="all")

    mine, other = _times(repeats, ours, theirs)
    name = f"spc: I-MR of {values.size:,} values, 8 rules"
    if pccpy is None:
        yield _absent(name, mine, "pccpy")
    else:
        yield _beside(name, mine, other, named=f"pccpy {version('pccpy')}", least=IMR_LEAST)


def _characteristics(repeats: int, scale: float) -> Iterator[Figure]:
    count = max(10, round(CHARACTERISTICS * scale))
    table = _series(count * EACH).reshape(count, EACH)

    def ours() -> None:
        for values in table:
            charts.imr(values, rules="nelson")

    (mine,) = _times(repeats, ours)
    yield _alone(
        f"spc: {count:,} characteristics x {EACH:,} values, I-MR, 8 rules each",
        mine,
        "s",
        MANY_MOST * count / CHARACTERISTICS,
    )


def _live(repeats: int, scale: float) -> Iterator[Figure]:
    count = max(1_000, round(LIVE * scale))
    values = _series(2 * count)
    past, coming = values[:count], values[count:]
    singles = coming.tolist()
    fives = coming[: count // SUBGROUP * SUBGROUP].reshape(-1, SUBGROUP)
    individuals = charts.imr(past, rules="nelson")
    means = charts.xbar_r(past[: count // SUBGROUP * SUBGROUP], SUBGROUP, rules="nelson")

    def one_by_one(chart: charts.ControlChart, observations: Sequence[Any]) -> Callable[[], None]:
        def add() -> None:
            live = chart.live()
            for observation in observations:
                live.add(observation)

        return add

    single, five = _times(repeats, one_by_one(individuals, singles), one_by_one(means, list(fives)))
    for name, seconds, points in (("I-MR", single, len(singles)), ("X̄-R, n = 5", five, len(fives))):
        each = [1e6 * value / points for value in seconds]
        yield _alone(f"spc: one new point in a live chart, {name}, 8 rules", each, "µs", LIVE_MOST)


def _run_lengths(repeats: int, scale: float) -> Iterator[Figure]:
    """The dearest of what R's spc tabulates: small smoothing, long runs, many variables."""
    kinds: dict[str, Callable[[], float]] = {
        "EWMA, λ 0.05": lambda: arl.ewma(0.05, 2.6, 0.25),
        "CUSUM, k 0.25, h 8": lambda: arl.cusum(0.25, 8.0, 0.25),
        "MEWMA, λ 0.1, 4 variables": lambda: arl.mewma(0.1, 12.73, 4, 1.0),
    }
    for name, seconds in zip(kinds, _times(repeats, *kinds.values()), strict=True):
        yield _alone(f"spc: average run length, {name}", [1e3 * one for one in seconds], "ms", ARL_MOST)


def _pca(repeats: int, scale: float) -> Iterator[Figure]:
    rows = max(500, round(ROWS * scale))
    rng = np.random.default_rng(12)
    hidden = rng.standard_normal((rows, COMPONENTS)) * np.linspace(4, 1, COMPONENTS)
    mixed = hidden @ rng.standard_normal((COMPONENTS, COLUMNS)) + rng.standard_normal((rows, COLUMNS))
    improve = peer("process_improve.multivariate")

    def ours() -> Any:
        return monitor.pca(components=COMPONENTS).fit(mixed).score(mixed)

    def theirs() -> Any:
        if improve is None:
            return None
        scaler = improve.MCUVScaler().fit(frame)
        scaled = scaler.transform(frame)
        return improve.PCA(n_components=COMPONENTS).fit(scaled).diagnose(scaled)

    pandas = peer("pandas") if improve else None
    frame = pandas.DataFrame(mixed) if pandas else None
    mine, other = _times(repeats, ours, theirs)
    name = f"spc: PCA ({COMPONENTS}) of {rows:,} x {COLUMNS}, fit and T²/SPE of all rows"
    if improve is None:
        yield _absent(name, mine, "process-improve")
    else:
        yield _beside(name, mine, other, named=f"process-improve {version('process-improve')}", most=PCA_MOST)


# -- the floor -----------------------------------------------------------------------------------------------


def floor(values: Floats, size: int) -> list[NDArray[np.intp]]:
    """X̄-R limits and the eight Nelson rules in bare NumPy; the indices flagged by each rule."""
    rows = values.reshape(-1, size)
    means = rows.mean(axis=1)
    ranges = rows.max(axis=1) - rows.min(axis=1)
    center = means.mean()
    sigma = ranges.mean() / 2.3259289472810387 / np.sqrt(size)
    above = [means > center + width * sigma for width in range(4)]
    below = [means < center - width * sigma for width in range(4)]
    below[0] = means < center
    outside = above[1] | below[1]
    steps = np.diff(means)
    up, down = steps > 0, steps < 0
    turns = (up[1:] & down[:-1]) | (down[1:] & up[:-1])
    mixed = _all(outside, 8) & ~_all(above[1], 8) & ~_all(below[1], 8)
    return [
        np.flatnonzero(above[3] | below[3]),
        np.flatnonzero(_all(above[0], 9) | _all(below[0], 9)) + 8,
        np.flatnonzero(_all(up, 5) | _all(down, 5)) + 5,
        np.flatnonzero(_all(turns, 12)) + 13,
        np.flatnonzero(_most(above[2], 2, 3) | _most(below[2], 2, 3)) + 2,
        np.flatnonzero(_most(above[1], 4, 5) | _most(below[1], 4, 5)) + 4,
        np.flatnonzero(_all(~outside, 15)) + 14,
        np.flatnonzero(mixed) + 7,
    ]


def _all(mask: NDArray[np.bool_], span: int) -> NDArray[np.bool_]:
    count = mask.size - span + 1
    found = mask[:count].copy()
    for offset in range(1, span):
        found &= mask[offset : offset + count]
    return found


def _most(mask: NDArray[np.bool_], least: int, span: int) -> NDArray[np.bool_]:
    count = mask.size - span + 1
    total = np.zeros(count, np.int8)
    for offset in range(span):
        total += mask[offset : offset + count]
    return (total >= least) & mask[span - 1 :]
