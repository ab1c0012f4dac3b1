"""The lines of the verification report on Shewhart charts: R's qcc, NIST, Montgomery, AIAG, recomputed."""

from __future__ import annotations

import pytest

from assay.stats.charts.attributes import KINDS as ATTRIBUTES
from assay.stats.charts.individuals import KINDS as INDIVIDUALS
from assay.stats.charts.rare import KINDS as RARE
from assay.stats.charts.variables import KINDS as VARIABLES
from assay.stats.verify.charts import checks
from assay.stats.verify.check import Check

CHECKS = list(checks())
ALSO = {"xbar_r": "_xbar", "r": "_R", "s": "_S", "imr": "_imr", "p": "_p", "np": "_np", "c": "_c", "u": "_u"}
"""How the reference names kinds."""


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_it_equals_its_reference(check: Check) -> None:
    outcome = check.run()
    assert outcome.passed, (check.statistic, check.reference, outcome.computed, outcome.problem)


def test_the_names_are_stable_and_unique() -> None:
    names = [check.id for check in CHECKS]
    assert len(set(names)) == len(names)
    assert all(name.startswith("charts.") and " " not in name for name in names)


@pytest.mark.parametrize("kind", [kind.id for kind in (*VARIABLES, *INDIVIDUALS, *ATTRIBUTES, *RARE)])
def test_every_kind_has_a_check(kind: str) -> None:
    named = (f".{kind}.", f".{kind}_", ALSO.get(kind, f".{kind}."))
    assert any(part in check.id for check in CHECKS for part in named)
