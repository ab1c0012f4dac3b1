"""A simulated plant with known causes: every record a plant would have, and apart from them the truth.

Nothing in the product imports it but the demonstration; it drives tests and benchmarks through the same
doors as real data. A seed gives the same plant again.
"""

from assay.sim.furnace import Furnace, Passage, arrivals, pass_through
from assay.sim.powder import Line, LineTruth, PowderPlan, powder_line

__all__ = [
    "Furnace",
    "Line",
    "LineTruth",
    "Passage",
    "PowderPlan",
    "arrivals",
    "pass_through",
    "powder_line",
]
