"""Fitting a queue without locking onto one residence: every mode is found, and every parameter integrated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import log_ndtr, ndtri
from scipy.stats import qmc

from assay.genealogy.queue_free import free
from assay.genealogy.queue_lattice import Floats, Integers, run, score
from assay.genealogy.queue_modes import modes
from assay.genealogy.queue_problem import STRENGTH, Mode, Parameters, Problem

_POINTS = 32
_MARGIN = 0.06
"""Log density per count by which the order must explain the times better than overtaking does.

:func:`_order_kept` takes neighbours for independent and so says too much; on simulated lines this tells noisy
sensors, from 0.10 on, from overtaking, up to 0.05.
"""
_STRAINED = 4.0
"""Lone counts, as a multiple of those expected, beyond which the order is strained."""
_NO_BETTER = 0.85
"""Log density per count, relative to lone counts, below which the order is doubted."""


@dataclass(frozen=True)
class Fit:
    """The mixture over all modes.

    ``row_in``, ``row_out`` and ``probability`` list the pairs; ``points`` are the parameters that were
    integrated over, with their ``weights``; ``ordered`` is False where the order was of no use.
    """

    row_in: Integers
    row_out: Integers
    probability: Floats
    points: tuple[Parameters, ...]
    weights: Floats
    ordered: bool = True

    @classmethod
    def nothing(cls) -> Fit:
        """The fit of a queue with an empty side."""
        none = np.zeros(0, np.int64)
        return cls(none, none, np.zeros(0), (), np.zeros(0))


def fit(problem: Problem) -> Fit:
    """All modes, each integrated over its parameters, weighted by their evidence.

    Where times say that pieces overtake each other, the order is not used.
    """
    peaks = modes(problem)
    loose = free(problem) if problem.timed and _doubtful(problem, peaks[0]) else None
    if loose and loose.height > peaks[0].height + _in_favour(problem, peaks[0]):
        held = loose.probability > 1e-9
        pairs = loose.row_in[held], loose.row_out[held], loose.probability[held]
        return Fit(*_merged([pairs], len(problem.sides.left)), (loose.parameters,), np.ones(1), ordered=False)
    cells: list[tuple[Integers, Integers, Floats]] = []
    points: list[Parameters] = []
    logs: list[Floats] = []
    for mode in peaks:
        sampled, log_weights = _integration(problem, mode)
        points += sampled
        logs.append(log_weights)
    weights = np.exp(np.concatenate(logs) - np.concatenate(logs).max())
    weights /= weights.sum()
    at = 0
    for mode, log_weights in zip(peaks, logs, strict=True):
        mixed = np.zeros(len(mode.lattice.inner))
        for point, weight in zip(points[at : at + len(log_weights)], weights[at:], strict=False):
            if weight > 1e-5:
                density = problem.density(mode.lattice, point, mode.drift)
                mixed += weight * run(mode.lattice, density, point.rates(problem.slot(point))).matched
        at += len(log_weights)
        held = mixed > 1e-9
        cells.append((mode.lattice.row_in[held], mode.lattice.row_out[held], mixed[held]))
    row_in, row_out, probability = _merged(cells, len(problem.sides.left))
    return Fit(row_in, row_out, probability, tuple(points), weights)


def _doubtful(problem: Problem, peak: Mode) -> bool:
    """Whether the order explains the times no better than counts that know nothing of each other would.

    Those have a log density of about -1 per count, relative to the density of lone counts.
    """
    fits = peak.height > -_NO_BETTER * len(problem.sides.left)
    return not fits and problem.tolerance > problem.sides.takt / 2


def _in_favour(problem: Problem, peak: Mode) -> float:
    """How much better overtaking must explain the times, nats, because of the order the counts came in.

    Nothing where the order only fits with many more lone counts than are expected.
    """
    at, expected = peak.parameters, problem.expected
    if max(at.alone_in / expected.alone_in, at.alone_out / expected.alone_out) > _STRAINED:
        return 0.0
    return -_order_kept(problem) - _MARGIN * len(problem.sides.left)


def _order_kept(problem: Problem) -> float:
    """Logarithm of the probability that noisy times of free pieces come in the order they were counted in.

    Neighbours whose times fall say that the order of the counts holds more than that of the times, up to the
    noise that explains it best.
    """
    steps = np.diff(problem.sides.left[np.isfinite(problem.sides.left)])
    if not (steps < 0).any():
        return 0.0
    noises = problem.sides.takt * np.geomspace(0.01, 10.0, 40)
    return max(float(log_ndtr(steps / (noise * np.sqrt(2))).sum()) for noise in noises)


def _summed(place: Integers, values: Floats, size: int) -> Floats:
    return np.bincount(place, values, minlength=size).astype(np.float64)


def _merged(cells: list[tuple[Integers, Integers, Floats]], width: int) -> tuple[Integers, Integers, Floats]:
    keys = np.concatenate([row_in * width + row_out for row_in, row_out, _ in cells])
    values = np.concatenate([probability for _, _, probability in cells])
    pairs, place = np.unique(keys, return_inverse=True)
    return pairs // max(width, 1), pairs % max(width, 1), _summed(place, values, len(pairs))


def _integration(problem: Problem, mode: Mode) -> tuple[list[Parameters], Floats]:
    """Points around a mode with the logarithm of their weights: importance sampling from a normal law.

    The law is that of Laplace's method (Bishop, Pattern Recognition and Machine Learning, 2006, 4.4); the
    points are a scrambled Sobol sequence with a fixed seed, so that the same counts give the same answer.
    """
    names = ("alone_in", "alone_out") + (("crossed", "residence", "spread") if problem.timed else ())
    centre = mode.parameters
    scale = _scales(problem, mode, names)

    def at(step: Floats) -> Parameters:
        moved = {}
        for name, size, by in zip(names, scale, step, strict=True):
            value = getattr(centre, name)
            moved[name] = value + size * by if name == "residence" else value * float(np.exp(size * by))
        return replace(centre, **moved)

    def height(step: Floats) -> float:
        point = at(step)
        prior = problem.prior(point)
        if not np.isfinite(prior):
            return -np.inf
        density = problem.density(mode.lattice, point, mode.drift)
        return score(mode.lattice, density, point.rates(problem.slot(point))) + prior

    root = _root(height, height(np.zeros(len(names))), len(names))
    cube = qmc.Sobol(len(names), seed=7).random(_POINTS)
    normal = ndtri(np.clip(cube, 1e-9, 1 - 1e-9)) * 1.1
    steps = normal @ root.T
    heights = np.array([height(step) for step in steps])
    proposal = -0.5 * ((normal / 1.1) ** 2).sum(axis=1)
    size = np.log(np.prod(scale)) + np.linalg.slogdet(root)[1] - np.log(_POINTS)
    return [at(step) for step in steps], heights - proposal + size


def _scales(problem: Problem, mode: Mode, names: tuple[str, ...]) -> list[float]:
    """About one standard deviation of each parameter, from counts alone."""
    pairs = max(4.0, min(len(problem.sides.entered), len(problem.sides.left)))
    usual = {
        "residence": mode.parameters.spread / np.sqrt(pairs),
        "spread": 1 / np.sqrt(2 * pairs),
    }
    for name in ("alone_in", "alone_out", "crossed"):
        usual[name] = 1 / np.sqrt(getattr(mode.parameters, name) * (pairs + STRENGTH) + 0.2)
    return [float(usual[name]) for name in names]


def _root(height: Callable[[Floats], float], top: float, size: int) -> Floats:
    """A square root of the inverse of the curvature at the mode, by second differences."""
    eye = np.eye(size)
    ups = np.array([height(row) for row in eye])
    downs = np.array([height(-row) for row in eye])
    curve = np.zeros((size, size))
    for a in range(size):
        curve[a, a] = 2 * top - ups[a] - downs[a]
        for b in range(a):
            both = height(eye[a] + eye[b])
            curve[a, b] = curve[b, a] = ups[a] + ups[b] - top - both
    if not np.isfinite(curve).all():
        return eye
    values, vectors = np.linalg.eigh(curve)
    values = np.clip(values, 0.05, None)
    return np.asarray(vectors / np.sqrt(values))
