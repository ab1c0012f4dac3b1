"""An S3-compatible store in a process of its own, and the environment that opens it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pyarrow.fs as pafs
import pytest

KEY, SECRET = "plant-key-of-the-tests", "plant-secret-of-the-tests"
BUCKET = "plants"


class Store:
    """A running store."""

    def __init__(self, port: int) -> None:
        self.address = f"127.0.0.1:{port}"

    @property
    def url(self) -> str:
        """The address as the environment names it."""
        return f"http://{self.address}"

    def environment(self) -> dict[str, str]:
        """The variables that open the store."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
        }

    def filesystem(self) -> pafs.S3FileSystem:
        """The store's own door, beside the one under test."""
        return pafs.S3FileSystem(
            endpoint_override=self.address,
            scheme="http",
            access_key=KEY,
            secret_key=SECRET,
            region="us-east-1",
            allow_bucket_creation=True,
        )

    def refuse_keys(self, refuse: bool) -> None:
        """Check keys from now on, or never mind them."""
        allowed = b"0" if refuse else b"1000000"
        request = urllib.request.Request(
            f"{self.url}/moto-api/reset-auth", allowed, {"Content-Type": "text/plain"}, method="POST"
        )
        urllib.request.urlopen(request, timeout=10).close()


@contextmanager
def serving() -> Iterator[Store]:
    """A store with one empty bucket; it ends with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # A process: deltalake keeps the interpreter's lock while it waits for some answers.
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, env=_plain_environment(), **quiet)
    try:
        store = Store(port)
        _wait(store, process)
        store.filesystem().create_dir(BUCKET)
        yield store
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def opened_by_environment() -> Iterator[Store]:
    """A running store that the environment of this process names."""
    with serving() as running, pytest.MonkeyPatch.context() as patch:
        for name, value in running.environment().items():
            patch.setenv(name, value)
        patch.delenv("AWS_SESSION_TOKEN", raising=False)
        yield running


def _plain_environment() -> Mapping[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}


def _wait(store: Store, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{store.url}/moto-api/", timeout=5).close()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"no store answers at {store.url}")
