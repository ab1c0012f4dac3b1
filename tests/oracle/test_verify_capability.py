"""Every line of the verification report on capability, distributions, normality and outliers."""

import pytest

from assay.stats.verify import capability, distributions
from assay.stats.verify.check import Check

CHECKS = [*capability.checks(), *distributions.checks()]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_a_statistic_equals_its_reference(check: Check) -> None:
    outcome = check.run()
    assert outcome.passed, f"{outcome.computed} for {check.reference}: {outcome.problem}"


def test_every_check_has_a_name_of_its_own() -> None:
    assert len({check.id for check in CHECKS}) == len(CHECKS)
