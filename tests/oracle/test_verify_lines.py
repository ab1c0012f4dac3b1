"""Every line of the verification report agrees with its reference."""

from __future__ import annotations

from collections import Counter

import pytest

from assay.stats.verify import Check, checks

LINES = list(checks())


@pytest.mark.parametrize("check", LINES, ids=lambda check: check.id)
def test_the_statistic_agrees_with_its_reference(check: Check) -> None:
    outcome = check.run()
    assert outcome.passed, f"{check.statistic}: {outcome.computed} for {check.reference}; {outcome.problem}"


def test_the_names_are_stable_and_unique() -> None:
    names = Counter(check.id for check in LINES)
    assert not [name for name, count in names.items() if count > 1]
    assert not [name for name in names if " " in name]
    begins = {name.partition(".")[0] for name in names}
    assert begins == {
        "arl",
        "capability",
        "charts",
        "distributions",
        "monitor",
        "msa",
        "multivariate",
        "profiles",
        "sampling",
    }
