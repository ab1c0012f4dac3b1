"""The compiled passes against plain enumeration of every matching of tiny queues.

The enumeration knows nothing of lattices or recursions: it lists all sets of pairs that a queue allows
(in order, but for adjacent swaps), weighs each by the definition of the model, and adds up.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from assay.genealogy.queue_lattice import OUTLIERS, Lattice, Sides, run, score

RATES = np.array([0.90, 0.02, 0.01, 0.04, 0.05])
RESIDENCE, SPREAD, REACH = 100.0, 3.0, 60.0

Move = tuple[str, int, int]


def ways(i: int, j: int, n: int, m: int, *, after_out: bool = False) -> Iterator[list[Move]]:
    """Every way to explain the counts from (i, j) on, in counts first between two pairs."""
    if i == n and j == m:
        yield []
    if i < n and j < m:
        yield from ([("pair", i, j), *rest] for rest in ways(i + 1, j + 1, n, m))
    if i + 1 < n and j + 1 < m:
        for kind in ("slot", "crossed"):
            yield from ([(kind, i, j), *rest] for rest in ways(i + 2, j + 2, n, m))
    if i < n and not after_out:
        yield from ([("in", i, j), *rest] for rest in ways(i + 1, j, n, m))
    if j < m:
        yield from ([("out", i, j), *rest] for rest in ways(i, j + 1, n, m, after_out=True))


def density(sides: Sides, i: int, j: int) -> float:
    off = sides.left[j] - sides.entered[i] - RESIDENCE
    if math.isnan(off):
        return 1.0
    close = math.exp(-0.5 * (off / SPREAD) ** 2) / (SPREAD * math.sqrt(2 * math.pi))
    return float(((1 - OUTLIERS) * close + OUTLIERS / REACH) * sides.spacing[j])


def carrier(sides: Sides, i: int, j: int) -> float:
    return float(sides.factor(np.array([i]), np.array([j]))[0])


def enumerated(sides: Sides) -> tuple[float, np.ndarray]:
    """Evidence, and the probability of each pair."""
    n, m = len(sides.entered), len(sides.left)
    total, pairs = 0.0, np.zeros((n, m))
    straight, slot, crossed, alone_in, alone_out = RATES
    for way in ways(0, 0, n, m):
        weight, made = 1.0, []
        for kind, i, j in way:
            if kind == "pair":
                weight *= straight * density(sides, i, j) * carrier(sides, i, j)
                made.append((i, j))
            elif kind in {"slot", "crossed"}:
                labels = carrier(sides, i, j + 1) * carrier(sides, i + 1, j)
                kept = density(sides, i, j) * density(sides, i + 1, j + 1)
                changed = density(sides, i, j + 1) * density(sides, i + 1, j)
                weight *= labels * (slot * kept if kind == "slot" else crossed * changed)
                made += [(i, j + 1), (i + 1, j)]
            else:
                weight *= alone_in if kind == "in" else alone_out
        total += weight
        for pair in made:
            pairs[pair] += weight
    return math.log(total), pairs / total


def queue(rng: np.random.Generator, n: int, m: int, *, labels: bool, gaps: bool) -> Sides:
    entered = np.cumsum(rng.uniform(4, 12, n))
    left = np.sort(rng.choice(entered, m, replace=m > n)) + RESIDENCE + rng.normal(0, SPREAD, m)
    if gaps:
        entered[rng.integers(n)] = np.nan
    code = lambda size: rng.integers(-1, 3, size) if labels else np.full(size, -1)  # noqa: E731
    return Sides(
        entered=entered,
        left=left,
        deviation=np.zeros((3, n)),
        spacing=rng.uniform(6, 10, m),
        label_in=code(n),
        label_out=code(m),
        rarity=np.array([2.0, 3.0, 6.0]) if labels else np.zeros(0),
        open_ends=False,
    )


@pytest.mark.parametrize("seed", range(12))
def test_the_passes_agree_with_enumeration(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, m = (int(size) for size in rng.integers(1, 6, 2))
    sides = queue(rng, n, m, labels=bool(seed % 2), gaps=seed % 3 == 0)
    lattice = Lattice.build(sides, np.zeros(n, np.int64), np.full(n, m))
    weights = lattice.weigh(np.full(n, RESIDENCE), SPREAD, REACH)

    found = run(lattice, weights, RATES)

    evidence, pairs = enumerated(sides)
    assert found.evidence == pytest.approx(evidence, abs=1e-9)
    assert score(lattice, weights, RATES) == pytest.approx(evidence, abs=1e-9)
    ours = np.zeros((n, m))
    inner = lattice.inner
    ours[lattice.row_in[inner], lattice.row_out[inner]] = found.matched[inner]
    np.testing.assert_allclose(ours, pairs, atol=1e-9)
    assert found.sums[0] + 2 * (found.sums[1] + found.sums[2]) == pytest.approx(pairs.sum(), abs=1e-9)
    assert found.sums[3] == pytest.approx(n - pairs.sum(), abs=1e-9)
    assert found.sums[4] == pytest.approx(m - pairs.sum(), abs=1e-9)
