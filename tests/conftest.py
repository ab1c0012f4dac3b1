"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

SERVICES = ("postgres", "browser")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where every service has to be there (CI), a test skipped for the lack of one has failed."""
    report = yield
    missing = report.skipped and not hasattr(report, "wasxfail")
    if missing and os.environ.get("ASSAY_REQUIRE_SERVICES") and any(map(item.get_closest_marker, SERVICES)):
        report.outcome = "failed"
    return report
