"""A real node on loopback (anvil, from npm): one process a chain, blocks on demand or at once."""

from __future__ import annotations

import contextlib
import json
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.evm import ROOT, Contract, Evm, account, creation_code

KEY = "0x" + "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
"""The first development account of every anvil; its key is public."""


def program() -> Path | None:
    """The program for this machine, where npm put it."""
    machine = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(
        platform.machine()
    )
    system = {"Linux": "linux", "Darwin": "darwin", "Windows": "win32"}.get(platform.system())
    for file in (ROOT / f"contracts/node_modules/@foundry-rs/anvil-{system}-{machine}/bin").glob("anvil*"):
        return file
    return None


@dataclass
class Anvil:
    """One running node."""

    url: str
    process: subprocess.Popen[bytes]

    def rpc(self, method: str, *params: Any) -> Any:
        """Call a method by JSON-RPC; the result."""
        from urllib.request import Request, urlopen

        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}).encode()
        with urlopen(Request(self.url, body, {"content-type": "application/json"}), timeout=20) as answer:
            said = json.load(answer)
        if "error" in said:
            raise RuntimeError(said["error"])
        return said["result"]


@contextlib.contextmanager
def anvil(
    *, chain_id: int = 31337, automine: bool = True, arguments: tuple[str, ...] = ()
) -> Iterator[Anvil]:
    """Start a node and stop it; with ``automine`` off, a block comes only by ``evm_mine``."""
    subprocess.run([sys.executable, str(ROOT / "contracts/build.py"), "--install"], check=True)
    found = program()
    if found is None:
        pytest.skip(f"npm has no anvil for {platform.system()} on {platform.machine()}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        str(found),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--chain-id",
        str(chain_id),
        "--hardfork",
        "london",
        "--silent",
    ]
    command += [] if automine else ["--no-mining"]
    process = subprocess.Popen([*command, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    node = Anvil(f"http://127.0.0.1:{port}", process)
    try:
        for _ in range(400):
            try:
                node.rpc("eth_chainId")
                break
            except OSError:
                time.sleep(0.025)
        yield node
    finally:
        process.kill()
        process.wait()


@dataclass
class NodeEvm(Evm):
    """The chain of a running node behind the calls of ``tests.evm.Evm``; it knows what each call cost."""

    node: Anvil | None = None
    gas: int = 0

    def __post_init__(self) -> None:
        self.chain_id = int(self._ask("eth_chainId"), 16)
        self.wait(0)

    def wait(self, seconds: int) -> None:
        """Let time pass."""
        if seconds:
            self._ask("evm_increaseTime", seconds)
            self._ask("evm_mine")
        self.now = int(self._ask("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def deploy(self, name: str, *arguments: Any, sender: str | None = None) -> Contract:
        """Put a contract of the artifacts on the chain."""
        code = creation_code(name, *arguments)
        receipt = self._transact({"from": sender or account(0).address, "data": "0x" + code.hex()})
        return Contract(self, name, receipt["contractAddress"])

    def send(self, sender: str, to: str, data: bytes, *, static: bool = False) -> bytes:
        """Call and keep what it did, or only look."""
        transaction = {"from": sender, "to": to, "data": "0x" + data.hex()}
        answer = bytes.fromhex(self._ask("eth_call", transaction, "latest")[2:])
        if not static:
            self._transact(transaction)
        return answer

    def _ask(self, method: str, *params: Any) -> Any:
        assert self.node is not None
        return self.node.rpc(method, *params)

    def _transact(self, transaction: dict[str, str]) -> dict[str, Any]:
        self._ask("anvil_impersonateAccount", transaction["from"])
        self._ask("anvil_setBalance", transaction["from"], hex(10**20))
        sent = self._ask("eth_sendTransaction", transaction)
        for _ in range(400):
            if receipt := self._ask("eth_getTransactionReceipt", sent):
                break
            time.sleep(0.005)
        assert receipt["status"] == "0x1", receipt
        self.gas = int(receipt["gasUsed"], 16)
        self.now = int(self._ask("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        return dict(receipt)
