"""Statistics on a plant's records: control charts, capability, measurement systems, monitoring models."""

from assay.analyse.statistics.capability import PlantCapability, capability
from assay.analyse.statistics.charting import ChartPoint, FlaggedPoint, PlantChart, chart
from assay.analyse.statistics.gauge import PlantGaugeRR, plant_gauge_rr
from assay.analyse.statistics.monitoring import PlantMonitor, monitor
from assay.analyse.statistics.specification import Specification

__all__ = [
    "ChartPoint",
    "FlaggedPoint",
    "PlantCapability",
    "PlantChart",
    "PlantGaugeRR",
    "PlantMonitor",
    "Specification",
    "capability",
    "chart",
    "monitor",
    "plant_gauge_rr",
]
