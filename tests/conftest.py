"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator

import pytest
from tests.spark_cluster import lacking, spark_cluster

SERVICES = ("postgres", "browser", "spark")


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


@pytest.fixture(scope="session")
def spark_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Spark cluster of one master and two workers, started once for all tests."""
    if (reason := lacking()) is not None:
        pytest.skip(reason)
    with spark_cluster(tmp_path_factory.mktemp("spark")) as url:
        yield url
