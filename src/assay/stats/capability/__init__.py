"""Process capability: values and a specification in, indices with their uncertainty out."""

from assay.stats.capability.attribute import BinomialCapability, PoissonCapability, binomial, poisson
from assay.stats.capability.censored import CensoredPerformance, censored
from assay.stats.capability.frozen import FrozenCapability, from_chart, from_parameters
from assay.stats.capability.machine import MachineCapability, machine
from assay.stats.capability.nonnormal import QuantilePerformance, nonnormal, percentile
from assay.stats.capability.positional import PositionalCapability, positional
from assay.stats.capability.process import NormalCapability, normal
from assay.stats.capability.sixpack import Sixpack, sixpack
from assay.stats.capability.time_model import TimeModel, time_model
from assay.stats.capability.transformed import TransformedCapability, transformed

__all__ = [
    "BinomialCapability",
    "CensoredPerformance",
    "FrozenCapability",
    "MachineCapability",
    "NormalCapability",
    "PoissonCapability",
    "PositionalCapability",
    "QuantilePerformance",
    "Sixpack",
    "TimeModel",
    "TransformedCapability",
    "binomial",
    "censored",
    "from_chart",
    "from_parameters",
    "machine",
    "nonnormal",
    "normal",
    "percentile",
    "poisson",
    "positional",
    "sixpack",
    "time_model",
    "transformed",
]
