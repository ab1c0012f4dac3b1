"""Run rules: Western Electric, Nelson, AIAG and rules of one's own, over a series or point by point."""

from assay.stats.rules.batch import violations
from assay.stats.rules.live import Tracker
from assay.stats.rules.rule import (
    Alternating,
    Avoiding,
    Hugging,
    Rule,
    Sides,
    Trend,
    Zone,
    alternating,
    avoiding,
    beyond,
    hugging,
    m_of_n,
    run,
    trend,
)
from assay.stats.rules.sets import DEFAULT, RULES, SETS, Nelson8, Rules, resolve

__all__ = [
    "DEFAULT",
    "RULES",
    "SETS",
    "Alternating",
    "Avoiding",
    "Hugging",
    "Nelson8",
    "Rule",
    "Rules",
    "Sides",
    "Tracker",
    "Trend",
    "Zone",
    "alternating",
    "avoiding",
    "beyond",
    "hugging",
    "m_of_n",
    "resolve",
    "run",
    "trend",
    "violations",
]
