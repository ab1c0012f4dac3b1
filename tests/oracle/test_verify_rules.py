"""Each check of constants, sigma, run rules and Shewhart run lengths in the verification report."""

import pytest

from assay.stats.verify import constants, rules
from assay.stats.verify.check import Check

CHECKS = [*constants.checks(), *rules.checks()]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_a_statistic_equals_its_reference(check: Check) -> None:
    outcome = check.run()
    assert outcome.passed, f"{outcome.computed} for {check.reference}: {outcome.problem}"


def test_every_check_has_a_name_of_its_own() -> None:
    assert len({check.id for check in CHECKS}) == len(CHECKS)
