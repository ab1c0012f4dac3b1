"""Every line of the verification report on process monitoring."""

from __future__ import annotations

import pytest

from assay.stats.verify import Check
from assay.stats.verify.monitor import checks

CHECKS = list(checks())


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_monitoring_agrees_with_its_reference(check: Check) -> None:
    outcome = check.run()
    assert outcome.passed, f"{check.statistic}: {outcome.computed} for {check.reference}; {outcome.problem}"


def test_the_names_are_stable_and_unique() -> None:
    names = [check.id for check in CHECKS]
    assert len(set(names)) == len(names)
    assert all(name.startswith("monitor.") for name in names)
