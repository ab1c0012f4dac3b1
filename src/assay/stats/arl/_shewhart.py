"""Shewhart charts with run rules: the Markov chain of Champ & Woodall."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import spsolve
from scipy.special import ndtr

from assay.stats.arl._absorbing import mean_times
from assay.stats.arrays import Floats, Ints, numbers, one_of, positive
from assay.stats.rules import Avoiding, Hugging, Rule, Rules, Zone, resolve
from assay.stats.rules.errors import NoZoneRule
from assay.stats.rules.sets import Nelson8

FirstWindows = Literal["short", "full"]
FIRST_WINDOWS: tuple[FirstWindows, ...] = ("short", "full")
DENSE = 40
"""Largest chain that is solved as a full matrix."""
LONG = 1e9
"""Above this mean the sparse solution of I − Q starts to lose digits that count."""

State = tuple[Hashable, ...]


def shewhart(
    rules: Rules = ("we1",),
    shift: float = 0.0,
    *,
    width: float = 3.0,
    nelson8: Nelson8 = "both_sides",
    first_windows: FirstWindows = "short",
) -> float:
    """Zero-state average run length of a Shewhart chart with run rules.

    Parameters
    ----------
    rules
        As in :func:`assay.stats.rules.violations`; zone rules alone, since rules on rises and falls depend on
        more than the zone a point falls into.
    shift
        Mean of the plotted statistic off the centre line, in its own standard errors: √n times the shift in
        standard deviations for means of n values.
    width
        Distance of the limits from the centre in standard errors. The zones are thirds of it, so that a rule
        of 3 sigma signals at the limits.
    nelson8
        ``both_sides`` or ``either_side``.
    first_windows
        ``short``: m of the first fewer than n points signal too, as in Champ & Woodall's tables. ``full``: a
        rule on n points waits for n points, as :func:`assay.stats.rules.violations` does.

    Returns
    -------
    Mean number of points up to the first signal, that point included; ``inf`` where no rule can signal.

    Raises
    ------
    NoZoneRule, NotFinite, NotPositive, UnknownOption

    References
    ----------
    Champ & Woodall 1987, "Exact results for Shewhart control charts with supplementary runs rules",
    Technometrics 29, 393-399.
    """
    looked_for = resolve(rules, nelson8=nelson8)
    if not looked_for:
        return math.inf
    for rule in looked_for:
        if not isinstance(rule, (Zone, Hugging, Avoiding)):
            raise NoZoneRule(name=rule.name)
    waits = one_of(first_windows, FIRST_WINDOWS, "first_windows") == "full"
    away, unit = float(numbers(shift, "shift")), positive(width, "width") / 3
    chain = _chain(looked_for, waits)
    return chain.mean(_chances(chain.widths, away, unit))


def _widths(rules: tuple[Rule, ...]) -> tuple[float, ...]:
    """The zone boundaries that the rules speak of, above 0, rising."""
    return tuple(sorted({r.k for r in rules if isinstance(r, (Zone, Hugging, Avoiding))} - {0.0}))


def _chances(widths: tuple[float, ...], shift: float, unit: float) -> Floats:
    """Chance of each region: above the centre from the innermost zone out, then below likewise."""
    edges = [0.0, *(unit * width for width in widths), math.inf]
    sides = []
    for mean in (shift, -shift):
        # Upper tails, so that the outermost regions keep their digits.
        tails = ndtr(mean - np.array(edges))
        inner = np.array([_between(low - mean, high - mean) for low, high in pairwise(edges[:-1])])
        sides.append(np.append(inner, tails[-2]))
    return np.concatenate(sides)


def _between(low: float, high: float) -> float:
    if low > 0:
        return float(ndtr(-low) - ndtr(-high))
    return float(ndtr(high) - ndtr(low))


# -- rules as automata ---------------------------------------------------------------------------------------


def _step(rule: Rule, state: Hashable, side: int, k: float) -> tuple[Hashable, bool]:
    """The state of ``rule`` after a point on ``side`` beyond ``k`` sigma, and whether that completes it."""
    match rule:
        case Zone(m=m, n=n, k=edge):
            outside = edge == 0 or k >= edge
            if m == n:
                return _streak(state, side if outside else 0, n)
            return _window(state, side if outside else 0, m, n)
        case Hugging(length=length, k=edge):
            return _streak(state, 0 if k >= edge else 1, length)
        case Avoiding(length=length, k=edge, sides="either"):
            return _streak(state, 1 if k >= edge else 0, length)
        case Avoiding(length=length, k=edge):
            return _mixed(state, side if k >= edge else 0, length)
    raise TypeError(type(rule).__name__)


def _streak(state: Hashable, side: int, n: int) -> tuple[Hashable, bool]:
    """The state is the length of the run so far, with the sign of its side."""
    length = state if isinstance(state, int) else 0
    if side == 0:
        return 0, False
    new = length + side if length * side > 0 else side
    return (new, False) if abs(new) < n else (side * n, True)


def _window(state: Hashable, side: int, m: int, n: int) -> tuple[Hashable, bool]:
    """The state is, per side, which of the last ``n − 1`` points were beyond, as bits."""
    up, down = state if isinstance(state, tuple) else (0, 0)
    up, down = up << 1 | (side > 0), down << 1 | (side < 0)
    done = (side > 0 and up.bit_count() >= m) or (side < 0 and down.bit_count() >= m)
    return (_useful(up, m, n), _useful(down, m, n)), done


def _useful(bits: int, m: int, n: int) -> int:
    """``bits`` without points that leave the window before they could help to complete the rule."""
    bits &= (1 << (n - 1)) - 1
    # Even if every point from now on is beyond, the oldest one sees bits + (n − its age) of them.
    while bits and bits.bit_count() + n - bits.bit_length() < m:
        bits ^= 1 << (bits.bit_length() - 1)
    return bits


def _mixed(state: Hashable, side: int, n: int) -> tuple[Hashable, bool]:
    """The state is the run beyond on any side, the side of its last point, and for how long it was there."""
    length, last, same = state if isinstance(state, tuple) else (0, 0, 0)
    if side == 0:
        return (0, 0, 0), False
    length = min(length + 1, n)
    same = min(same + 1, n) if side == last else 1
    return (min(length, n - 1), side, min(same, n - 1)), length == n and same < n


# -- the chain -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Chain:
    """States of all rules together: where each region leads, −1 for a signal; and how it begins.

    ``opening`` holds, point by point, the transitions of the first points, in which some rules still wait:
    rows of (state, region, next state).
    """

    widths: tuple[float, ...]
    follows: Ints
    """``(states, regions)``."""
    opening: tuple[Ints, ...]

    def mean(self, chances: Floats) -> float:
        """Mean number of points until the signal, from the first state."""
        count = self.follows.shape[0]
        signal = self.follows < 0
        escape = signal @ chances
        rows, regions = np.nonzero(~signal)
        columns, mass = self.follows[rows, regions], chances[regions]
        kernel = sparse.csc_array((mass, (rows, columns)), shape=(count, count))
        times = np.full(count, np.inf)
        if count > DENSE and escape.max() > 1 / LONG:
            times = spsolve(sparse.eye_array(count, format="csc") - kernel, np.ones(count))
        if not times.max() < LONG:
            times = mean_times(kernel.toarray(), escape)
        return self._opened(times, chances)

    def _opened(self, times: Floats, chances: Floats) -> float:
        here = np.zeros(times.size)
        here[0] = 1.0
        passed = 0.0
        for moves in self.opening:
            passed += here.sum()
            after = np.zeros(times.size)
            state, region, following = moves.T
            np.add.at(after, following, here[state] * chances[region])
            here = after
        reached = here > 0
        return float(passed + here[reached] @ times[reached])


@lru_cache(maxsize=64)
def _chain(rules: tuple[Rule, ...], waits: bool) -> _Chain:
    widths = _widths(rules)
    regions = [(side, k) for side in (1, -1) for k in (0.0, *widths)]
    start: State = tuple(None for _ in rules)
    known: dict[State, int] = {start: 0}
    opening = []
    if waits and rules:
        layer = [start]
        for age in range(1, max(rule.points for rule in rules)):
            layer, moves = _open(rules, layer, known, regions, age)
            opening.append(moves)
    follows = list(_explore(rules, known, regions))
    return _Chain(widths, np.array(follows, np.int64).reshape(-1, len(regions)), tuple(opening))


def _open(
    rules: tuple[Rule, ...],
    layer: list[State],
    known: dict[State, int],
    regions: list[tuple[int, float]],
    age: int,
) -> tuple[list[State], Ints]:
    """One of the first points: the states it leads to, and how; rules of more points than ``age`` wait."""
    reached: dict[State, None] = {}
    moves = []
    for state in layer:
        for place, region in enumerate(regions):
            after, signal = _move(rules, state, region, age)
            if not signal:
                reached[after] = None
                moves.append((known[state], place, known.setdefault(after, len(known))))
    return list(reached), np.array(moves, np.int64).reshape(-1, 3)


def _explore(
    rules: tuple[Rule, ...], known: dict[State, int], regions: list[tuple[int, float]]
) -> Iterator[list[int]]:
    """For every state in turn, where each region leads; states found on the way are looked at later."""
    queue = list(known)
    for state in queue:
        follows = []
        for region in regions:
            after, signal = _move(rules, state, region, None)
            if not signal and after not in known:
                known[after] = len(known)
                queue.append(after)
            follows.append(-1 if signal else known[after])
        yield follows


def _move(
    rules: tuple[Rule, ...], state: State, region: tuple[int, float], age: int | None
) -> tuple[State, bool]:
    side, k = region
    after, signal = [], False
    for rule, part in zip(rules, state, strict=True):
        new, done = _step(rule, part, side, k)
        after.append(new)
        signal = signal or (done and (age is None or age >= rule.points))
    return tuple(after), signal
