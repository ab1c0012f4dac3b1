"""Every line of the verification report on sampling, tolerance intervals and sample sizes."""

from __future__ import annotations

import pytest

from assay.stats.verify import Check, sampling, tolerance


@pytest.mark.parametrize("check", [*sampling.checks(), *tolerance.checks()], ids=lambda check: check.id)
def test_sampling_agrees_with_its_reference(check: Check) -> None:
    outcome = check.run()
    assert outcome.passed, f"{check.statistic}: {outcome.computed} for {check.reference}; {outcome.problem}"
