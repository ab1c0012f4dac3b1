"""Every kind of Shewhart chart is in the verification report."""

from __future__ import annotations

import pytest

from assay.stats.charts.attributes import KINDS as ATTRIBUTES
from assay.stats.charts.individuals import KINDS as INDIVIDUALS
from assay.stats.charts.rare import KINDS as RARE
from assay.stats.charts.variables import KINDS as VARIABLES
from assay.stats.verify.charts import checks

CHECKS = list(checks())
ALSO = {"xbar_r": "_xbar", "r": "_R", "s": "_S", "imr": "_imr", "p": "_p", "np": "_np", "c": "_c", "u": "_u"}
"""How the reference names kinds."""


@pytest.mark.parametrize("kind", [kind.id for kind in (*VARIABLES, *INDIVIDUALS, *ATTRIBUTES, *RARE)])
def test_every_kind_has_a_check(kind: str) -> None:
    named = (f".{kind}.", f".{kind}_", ALSO.get(kind, f".{kind}."))
    assert any(part in check.id for check in CHECKS for part in named)
