"""Every line of the verification report on charts of profiles."""

from __future__ import annotations

import pytest

from assay.stats.verify import Check
from assay.stats.verify.profiles import checks


@pytest.mark.parametrize("check", list(checks()), ids=lambda check: check.id)
def test_profile_chart_agrees_with_its_reference(check: Check) -> None:
    outcome = check.run()
    assert outcome.passed, f"{check.statistic}: {outcome.computed} for {check.reference}; {outcome.problem}"
