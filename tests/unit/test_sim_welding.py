"""The simulated welding shop: the same again by its seed, and true to its own truth."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from assay.sim.welding import Shop, WeldingPlan, welding_shop


@pytest.fixture(scope="module")
def shop() -> Shop:
    return welding_shop(WeldingPlan(joints=80), seed=5)


def test_a_seed_gives_the_same_shop_again(shop: Shop) -> None:
    again, other = (welding_shop(WeldingPlan(joints=80), seed=seed) for seed in (5, 6))
    assert (again.passes, again.results, again.truth) == (shop.passes, shop.results, shop.truth)
    assert all(
        np.array_equal(again.signals[name], values)
        for name, values in shop.signals.items()
        if name != "wire_feed"
    )
    assert other.truth != shop.truth


def test_every_planted_breach_and_cause_is_there(shop: Shop) -> None:
    breaches = {one for found in shop.truth.breaches.values() for one in found}
    assert breaches == {"welder", "calibration", "service", "material", "procedure", "window", "air"}
    assert {"wind", "damp", "cold", "welder"} <= set(shop.truth.cause_of.values())
    assert len(shop.truth.breaches) < len(shop.passes) * 0.75, "most of what a shop does is not in breach"


def test_machines_weld_one_pass_at_a_time(shop: Shop) -> None:
    by_machine: dict[str, list[tuple[object, object]]] = {}
    for row in shop.passes:
        by_machine.setdefault(row["machine"], []).append((row["start"], row["end"]))
    for spans in by_machine.values():
        ordered = sorted(spans)
        assert all(one[1] <= after[0] for one, after in pairwise(ordered))


def test_the_readings_carry_the_energy_of_the_arc(shop: Shop) -> None:
    for row in shop.passes[:40]:
        chosen = (shop.signals["machine"] == row["machine"]) & (
            shop.signals["time"] >= np.datetime64(row["start"].replace(tzinfo=None))
        )
        chosen &= shop.signals["time"] < np.datetime64(row["end"].replace(tzinfo=None))
        energy = float(shop.signals["arc_power"][chosen].sum()) / 1000
        assert energy == pytest.approx(shop.truth.energy[row["execution"]], rel=0.06)


def test_too_many_joints_are_refused() -> None:
    with pytest.raises(ValueError, match="too many"):
        welding_shop(WeldingPlan(joints=2000))
