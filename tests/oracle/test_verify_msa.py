"""Every line of the verification report about measurement systems is right."""

from __future__ import annotations

import pytest

from assay.stats.verify import Check
from assay.stats.verify.msa import checks

CHECKS = list(checks())


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_the_statistic_agrees_with_its_reference(check: Check) -> None:
    outcome = check.run()
    assert outcome.passed, f"{outcome.computed!r} is not {check.reference!r} {outcome.problem}"


def test_names_are_unique() -> None:
    names = [check.id for check in CHECKS]
    assert len(names) == len(set(names))
