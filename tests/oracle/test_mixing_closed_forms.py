"""Mixing against the closed forms of chemical reaction engineering and an ordinary differential equation.

Levenspiel, *Chemical Reaction Engineering*, 3rd ed. 1999, chapters 11 and 14 (a mixed tank and N tanks in
series); Fogler, *Elements of Chemical Reaction Engineering*, 5th ed. 2016, chapters 16 and 18.
"""

from __future__ import annotations

from math import exp, factorial

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp

from assay.genealogy.mixing import Discipline, Flow, Portions, Vessel, Windows, flowed, stored

MOMENTS = np.array([0.1, 0.5, 1.0, 2.0, 3.7, 8.0])


def stepped(flow: Flow, at: np.ndarray) -> list[float]:
    """The response to a step at 0: the part of the new lot at some moments."""
    fed = Windows.of([-100.0, 0.0], [0.0, 100.0])
    found = flowed(flow, fed, Windows.of(at, at), least=0.0)
    part = dict(zip(found.drawn[found.lot == 1].tolist(), found.share[found.lot == 1].tolist(), strict=True))
    return [part.get(row, 0.0) for row in range(len(at))]


def test_a_mixed_tank_washes_out_exponentially() -> None:
    tau = 1.7
    assert stepped(Flow(tau), MOMENTS) == pytest.approx([1 - exp(-t / tau) for t in MOMENTS], abs=1e-10)


@pytest.mark.parametrize("stages", [2, 3, 5, 10])
def test_tanks_in_series_are_erlang(stages: int) -> None:
    # F(t) = 1 - exp(-N t/tau) * sum over i < N of (N t/tau)^i / i!, Levenspiel, chapter 14
    tau = 2.0
    expected = [
        1 - exp(-stages * t / tau) * sum((stages * t / tau) ** i / factorial(i) for i in range(stages))
        for t in MOMENTS
    ]
    assert stepped(Flow(tau, stages=stages), MOMENTS) == pytest.approx(expected, abs=1e-10)


def test_plug_flow_delays_and_many_tanks_come_near_it() -> None:
    assert stepped(Flow(2.0, stages=np.inf), MOMENTS) == [0, 0, 0, 1, 1, 1]
    near = stepped(Flow(2.0, stages=5_000), np.array([1.8, 2.2]))
    assert near == pytest.approx([0, 1], abs=1e-3)


@pytest.mark.parametrize("stages", [1, 4, 2.5])
def test_what_comes_out_in_a_while_is_the_integral_of_what_comes_out_at_each_moment(stages: float) -> None:
    from scipy.stats import gamma

    tau, fed, out = 3.0, (1.0, 2.5), (2.0, 6.0)
    found = flowed(
        Flow(tau, stages=stages), Windows.of(*([one] for one in fed)), Windows.of(*([x] for x in out))
    )
    age = gamma(stages, scale=tau / stages)
    expected, _ = quad(lambda t: age.cdf(t - fed[0]) - age.cdf(t - fed[1]), *out, points=[fed[1]])
    assert found.share[0] == pytest.approx(expected / (out[1] - out[0]), abs=1e-9)


def test_a_mixed_vessel_fed_in_ever_smaller_portions_follows_its_differential_equation() -> None:
    # dm/dt = F - F m/V: full of lot 0, fed with lot 1 at the rate it is drawn at.
    volume, rate, until, portions = 5.0, 2.0, 4.0, 4_000
    step = until / portions
    times = np.arange(portions) * step
    put = Portions.of(
        np.r_[-1.0, times], np.r_[volume, np.full(portions, rate * step)], np.r_[0, np.ones(portions)]
    )
    drawn = Portions.of(times + step / 2, np.full(portions, rate * step))

    found = stored(Vessel(Discipline.MIXED), put, drawn)

    solved = solve_ivp(lambda _, m: rate - rate * m / volume, (0, until), [0.0], rtol=1e-10, atol=1e-12)
    assert found.left[1] == pytest.approx(float(solved.y[0, -1]), rel=1e-3)
    assert found.left[1] == pytest.approx(volume * (1 - exp(-rate * until / volume)), rel=1e-3)
