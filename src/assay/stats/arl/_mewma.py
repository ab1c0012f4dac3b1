"""Run lengths of the multivariate EWMA chart by integral equations in one and two dimensions."""

from __future__ import annotations

import math

import numpy as np
from scipy.sparse.linalg import LinearOperator, gmres
from scipy.special import chdtrc, gammaln, hyp0f1, ive

from assay.stats.arl._absorbing import enough, gauss, mean_from, mean_times
from assay.stats.arl._ewma import ewma, normal_density, smoothing
from assay.stats.arrays import Floats, between, positive
from assay.stats.errors import NoConvergence, NotACount, OutOfRange

WIDEST = 120.0
"""The widest region, in standard deviations of one step, for which the two-dimensional equation is solved."""
MOST_VARIABLES = 1000
"""Above this the Bessel functions leave the range of a float."""
TINY = 1e-300
"""Keeps a ratio finite where it isn't used."""
TAIL, TAIL_NODES = 12.0, 96
"""How many standard deviations of a tail are integrated, and with how many nodes."""
APART = 1.0
"""Standard deviations between nodes of the two-dimensional equation: exact to 3e-9, like its polynomials."""
RESTART = 150
ROUNDS = 900
"""Steps of the iterative solution at most, started afresh after ``RESTART``."""
ACCEPTED = 1e-5
"""The largest relative error; floats run out of digits when a shifted mean exceeds about 1e11."""


def mewma(lam: float, h: float, p: int, shift: float = 0.0) -> float:
    """Average run length of a MEWMA chart of normal observations, started at the target (zero state).

    The statistic is ``T²_t = z_t' Σ_z⁻¹ z_t`` with ``z_t = (1 − λ) z_{t−1} + λ x_t`` and the long-run
    covariance Σ_z = λ/(2 − λ) Σ; ``T² > h`` signals.

    Parameters
    ----------
    lam
        Smoothing constant λ, 0 < λ ≤ 1.
    h
        Control limit on T².
    p
        Number of variables.
    shift
        Mahalanobis distance √(δ' Σ⁻¹ δ) of the shift of the mean, from the first observation on.

    Returns
    -------
    Mean number of observations until the signal, the signalling one included; ``inf`` beyond the floats.

    Raises
    ------
    NotPositive, OutOfRange, NotACount, NotFinite
        Also OutOfRange where λ is so small that a shifted chart can't be computed within seconds.
    NoConvergence
        The mean of a shifted chart is so large (above about 1e11) that floats can't tell it.

    Source: S. E. Rigdon, "An integral equation for the in-control average run length of a multivariate
    exponentially weighted moving average control chart", J. Statistical Computation and Simulation 52
    (1995) 351, and "A double-integral equation for the average run length of a multivariate exponentially
    weighted moving average control chart", Statistics & Probability Letters 24 (1995) 365.
    """
    lam, h, variables = smoothing(lam), positive(h, "h"), dimensions(p)
    moved = between(shift, "shift", 0.0, math.inf)
    if variables == 1:
        return ewma(lam, math.sqrt(h), moved)
    # Everything below is in standard deviations of one step, λσ.
    radius = math.sqrt(h / (lam * (2.0 - lam)))
    return _in_control(lam, radius, variables) if moved == 0.0 else _shifted(lam, radius, variables, moved)


def dimensions(p: int) -> int:
    """``p`` checked: a whole number of variables, from 1 to 1000.

    Raises
    ------
    NotFinite, NotACount, OutOfRange
    """
    found = between(p, "p", 1, MOST_VARIABLES)
    if found != math.floor(found):
        raise NotACount(name="p", index=0, value=found)
    return int(found)


def noncentral_chi(b: Floats, a: Floats, dof: int) -> Floats:
    """Density at ``b`` of the length of a normal vector of ``dof`` dimensions with mean of length ``a``.

    Shapes are broadcast; ``b`` has to be above 0. Where the Bessel function of the textbook form would
    underflow, its hypergeometric form is used, which also holds at ``a = 0``.
    """
    order = 0.5 * dof - 1.0
    if dof == 1:
        return normal_density(b - a) + normal_density(b + a)
    ratio, product, apart = np.broadcast_arrays(b / np.maximum(a, TINY), a * b, 0.5 * (a - b) ** 2)
    small = product < 1.0 + 0.25 * order
    far = ~small
    found = np.empty(product.shape)
    at = np.broadcast_to(b, product.shape)
    bessel = np.log(ive(order, product[far]))
    found[far] = at[far] * np.exp(order * np.log(ratio[far]) - apart[far] + bessel)
    lengths = np.broadcast_to(0.5 * (a * a + b * b), product.shape)[small]
    power = (2.0 * order + 1.0) * np.log(at[small]) - order * math.log(2.0) - gammaln(order + 1.0)
    found[small] = hyp0f1(order + 1.0, 0.25 * product[small] ** 2) * np.exp(power - lengths)
    return found


def _beyond(radius: float, a: Floats, dof: int) -> Floats:
    """Probability that a normal vector with mean of length ``a`` is longer than ``radius``, ``(len(a),)``.

    The tail is integrated as such, since 1 minus a distribution function would lose its digits.
    """
    # A vector's length is seldom more than its root mean square.
    furthest = max(radius, math.hypot(float(a.max()), math.sqrt(dof))) + TAIL
    lengths, weights = gauss(radius, furthest, TAIL_NODES + 8 * int((furthest - radius - TAIL) / 2.0))
    return noncentral_chi(lengths[None, :], a[:, None], dof) @ weights


def _reciprocal(probability: float) -> float:
    return 1.0 / probability if probability > 0.0 else math.inf


def _in_control(lam: float, radius: float, variables: int) -> float:
    """Without a shift the length of z is a Markov process of its own."""
    lengths, weights = gauss(0.0, radius, enough(radius))
    carried = (1.0 - lam) * lengths
    if lam == 1.0:
        return _reciprocal(float(chdtrc(variables, radius**2)))
    kernel = weights * noncentral_chi(lengths[None, :], carried[:, None], variables)
    escape = _beyond(radius, carried, variables)
    times = mean_times(kernel, escape)
    return mean_from(weights * noncentral_chi(lengths, np.zeros(1), variables), times)


def _shifted(lam: float, radius: float, variables: int, shift: float) -> float:
    """With a shift: the part of z along it, and the length of the rest.

    The unknown mean time is a smooth function on the whole rectangle around the region, not only inside it:
    Nyström's method along the shift; across it, even polynomials through Gauss nodes, integrated exactly over
    the part of each line that lies inside. The kernel is then a product that is never written out.
    """
    if lam == 1.0:
        return _reciprocal(float(_beyond(radius, np.array([shift]), variables)[0]))
    if radius > WIDEST:
        raise OutOfRange(name="lam", value=lam, low=radius * radius * lam / WIDEST**2, high=1.0)
    along, weights = _chords(radius, variables)
    across = gauss(-radius, radius, 2 * (int(0.75 * radius) + 12))[0]
    across = across[across > 0.0]
    half_chord = np.sqrt(radius**2 - along**2)
    ahead = weights * normal_density(along[None, :] - (1.0 - lam) * along[:, None] - shift)
    inside = _across(half_chord, across, (1.0 - lam) * across, variables - 1)
    shape = (along.size, across.size)

    def step(times: Floats) -> Floats:
        arrived = np.matmul(inside, times.reshape(shape)[:, :, None])[:, :, 0]
        found: Floats = times - (ahead @ arrived).ravel()
        return found

    size = along.size * across.size
    operator = LinearOperator((size, size), matvec=step, dtype=np.float64)
    times, _ = gmres(operator, np.ones(size), rtol=1e-10, restart=RESTART, maxiter=ROUNDS // RESTART)
    # The kernel is positive, so a residual of ε everywhere means a relative error of at most ε.
    if not np.abs(step(times) - 1.0).max() < ACCEPTED:
        raise NoConvergence(what="MEWMA", rounds=ROUNDS)
    # From the target itself: a chi density across, a normal one along the shift.
    first = _across(half_chord, across, np.zeros(1), variables - 1)[:, 0, :]
    arrived = (first * times.reshape(shape)).sum(axis=1)
    return float(1.0 + (weights * normal_density(along - shift)) @ arrived)


def _chords(radius: float, variables: int) -> tuple[Floats, Floats]:
    """Nodes and weights on (−radius, radius) for ``(radius² − z²)^((p − 1)/2)`` times a smooth function.

    An odd p leaves a polynomial times a smooth function: Gauss–Legendre. An even p has a square root at the
    ends, which the rule of Chebyshev's second kind takes exactly.
    """
    count = enough(2.0 * radius, APART)
    if variables % 2:
        return gauss(-radius, radius, count)
    angle = np.arange(1, count + 1) * math.pi / (count + 1)
    return radius * np.cos(angle), radius * math.pi / (count + 1) * np.sin(angle)


def _across(half_chord: Floats, nodes: Floats, carried: Floats, dof: int) -> Floats:
    """Weights ``(chords, carried, nodes)``: mean over the length across of a function known at the nodes."""
    found = np.empty((half_chord.size, carried.size, nodes.size))
    size = half_chord.size
    for index in range((size + 1) // 2):
        chord = float(half_chord[index])
        at, weights = gauss(0.0, chord, enough(chord, APART))
        density = noncentral_chi(at[None, :], carried[:, None], dof)
        found[index] = (density * weights) @ _lagrange(nodes, at)
        found[size - 1 - index] = found[index]
    return found


def _lagrange(nodes: Floats, at: Floats) -> Floats:
    """Even polynomials that are 1 at one node and 0 at the others, ``(len(at), len(nodes))``."""
    squares = nodes**2
    scale = squares.max()
    gaps = (squares[:, None] - squares[None, :]) / scale
    np.fill_diagonal(gaps, 1.0)
    # In logarithms: a product of many gaps leaves the range of a float.
    size = -np.log(np.abs(gaps)).sum(axis=1)
    weight = np.exp(size - size.max()) * np.prod(np.sign(gaps), axis=1)
    apart = (at[:, None] ** 2 - squares[None, :]) / scale
    hit = apart == 0.0
    terms = weight / np.where(hit, 1.0, apart)
    found: Floats = terms / terms.sum(axis=1, keepdims=True)
    rows = hit.any(axis=1)
    found[rows] = hit[rows]
    return found
