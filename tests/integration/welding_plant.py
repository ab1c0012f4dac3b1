"""A plant that holds the simulated welding shop, its passes logged under the ready policy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evidence_plant import logging_plant

from assay.analyse.welding import Logged, log_passes
from assay.sim.welding import Shop, WeldingPlan, welding_shop
from assay.sim.welding_records import load_shop
from assay.store.plant_gate import PlantGate
from assay.store.workspace import Workspace


@contextmanager
def welding_plant(
    folder: Path, *, joints: int = 80, seed: int = 5
) -> Iterator[tuple[Workspace, Shop, Logged]]:
    """The plant, what really happened in its shop, and what logging its passes did."""
    shop = welding_shop(WeldingPlan(joints=joints), seed=seed)
    with logging_plant(folder / "plant") as workspace:
        load_shop(shop, workspace, folder)
        PlantGate(workspace.evidence).set_policy("welding")
        yield workspace, shop, log_passes(workspace)
