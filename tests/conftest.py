"""What all tests share."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator
from functools import partial

if "PYTEST_XDIST_WORKER" in os.environ:  # one worker a core: threads that wait for each other only burn it
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pytest
from argon2 import PasswordHasher
from tests.spark_cluster import lacking, spark_cluster

import assay.exchange.chain  # noqa: F401 - before any test imports what raises the recursion limit

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


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Argon2 with the least work: made to be slow, it was a third of what the tests of the server took."""
    with pytest.MonkeyPatch.context() as patch:
        if auth := sys.modules.get("assay.api.auth"):
            patch.setattr(auth, "PasswordHasher", partial(PasswordHasher, 1, 8, 1))
        yield


@pytest.fixture(scope="session", autouse=True)
def no_logs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Plants are made without an evidence log, which would start a process for each; keys are no user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASSAY_LEDGER", "off")
        patch.setenv("ASSAY_STATE", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def spark_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Spark cluster of one master and two workers, started once for all tests."""
    if (reason := lacking()) is not None:
        pytest.skip(reason)
    with spark_cluster(tmp_path_factory.mktemp("spark")) as url:
        yield url


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test is named alike in every process: not after a set, the order of which differs between them."""
    for item in items:
        if (call := getattr(item, "callspec", None)) is None:
            continue
        for value in call.params.values():
            if isinstance(value, set | frozenset) and len(value) > 1 and str(value) in call.id:
                raise pytest.UsageError(f"{item.nodeid} is named after a set; give a list, or ids of its own")
