"""Every time-weighted, short-run, regression and acceptance chart is in the verification report."""

from __future__ import annotations

import pytest

from assay.stats.charts.acceptance_chart import KINDS as ACCEPTANCE
from assay.stats.charts.cusums import KINDS as CUSUMS
from assay.stats.charts.short_run import KINDS as SHORT_RUN
from assay.stats.charts.short_run_counts import KINDS as SHORT_RUN_COUNTS
from assay.stats.charts.tool_wear import KINDS as TOOL_WEAR
from assay.stats.charts.weighted import KINDS as WEIGHTED
from assay.stats.verify import charts_special, charts_weighted

CHECKS = [*charts_weighted.checks(), *charts_special.checks()]
KINDS = (*WEIGHTED, *CUSUMS, *SHORT_RUN, *SHORT_RUN_COUNTS, *TOOL_WEAR, *ACCEPTANCE)


@pytest.mark.parametrize("kind", [kind.id for kind in KINDS])
def test_every_kind_has_a_number_and_a_live_check(kind: str) -> None:
    assert any(check.id.startswith(f"charts.{kind}.") for check in CHECKS)
    assert any(check.id == f"charts.live.{kind}" for check in CHECKS)
