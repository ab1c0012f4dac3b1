"""Measurement system analysis: what a gauge, its operators and its surroundings add to what is measured."""

from assay.stats.msa.agreement import AttributeAgreement, attribute_agreement, exact_interval
from assay.stats.msa.average_range import d2_star
from assay.stats.msa.bias import Bias, bias, range_degrees_of_freedom
from assay.stats.msa.concordance import Concordance, RankCorrelation, kendall_tau, kendall_w
from assay.stats.msa.gauge import GaugeRR, gauge_rr, gauge_rr_nested
from assay.stats.msa.intervals import Interval
from assay.stats.msa.kappa import FleissKappa, Kappa, cohen_kappa, cohen_kappa_table, fleiss_kappa
from assay.stats.msa.linearity import Linearity, linearity
from assay.stats.msa.retest import TestRetest, test_retest
from assay.stats.msa.signal import SignalDetection, signal_detection
from assay.stats.msa.stability import Stability, stability
from assay.stats.msa.type1 import ObservedBias, Type1, observed_bias, type1
from assay.stats.msa.vda5 import Uncertainty, Zones, guard_banded, rectangular, vda5

__all__ = [
    "AttributeAgreement",
    "Bias",
    "Concordance",
    "FleissKappa",
    "GaugeRR",
    "Interval",
    "Kappa",
    "Linearity",
    "ObservedBias",
    "RankCorrelation",
    "SignalDetection",
    "Stability",
    "TestRetest",
    "Type1",
    "Uncertainty",
    "Zones",
    "attribute_agreement",
    "bias",
    "cohen_kappa",
    "cohen_kappa_table",
    "d2_star",
    "exact_interval",
    "fleiss_kappa",
    "gauge_rr",
    "gauge_rr_nested",
    "guard_banded",
    "kendall_tau",
    "kendall_w",
    "linearity",
    "observed_bias",
    "range_degrees_of_freedom",
    "rectangular",
    "signal_detection",
    "stability",
    "test_retest",
    "type1",
    "vda5",
]
