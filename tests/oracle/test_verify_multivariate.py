"""Every line of the verification report on multivariate charts."""

from __future__ import annotations

import pytest

from assay.stats.verify import Check
from assay.stats.verify.multivariate import checks


@pytest.mark.parametrize("check", list(checks()), ids=lambda check: check.id)
def test_multivariate_chart_agrees_with_its_reference(check: Check) -> None:
    outcome = check.run()
    assert outcome.passed, f"{check.statistic}: {outcome.computed} for {check.reference}; {outcome.problem}"
