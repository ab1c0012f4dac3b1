"""The layers: ODS as received, DWD matched to units and lots, DWS summed up, ADS as pages want it."""

from assay.query.layers.derive import (
    DEFINITIONS,
    DeriveReport,
    TableStatus,
    derive,
    status,
)
from assay.query.layers.erasing import erase
from assay.query.layers.fresh import Follower, Readings, readings
from assay.query.layers.work import Derived

__all__ = [
    "DEFINITIONS",
    "DeriveReport",
    "Derived",
    "Follower",
    "Readings",
    "TableStatus",
    "derive",
    "erase",
    "readings",
    "status",
]
