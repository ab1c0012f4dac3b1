"""An EVM in this process (revm, spec London) to try the contracts on: deploy, call, let time pass.

Its storage stays warm from call to call, so figures of gas come from a real node, never from here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pyrevm
from eth_abi import decode, encode
from eth_account import Account
from eth_utils import function_abi_to_4byte_selector, get_abi_input_types, get_abi_output_types, keccak
from eth_utils.abi import collapse_if_tuple

ROOT = Path(__file__).parents[1]
FOLDERS = (ROOT / "src/assay/exchange/chain/artifacts", ROOT / "contracts/test/artifacts")
CHAIN_ID = 1
START = 1_800_000_000
"""Time of the first block, in seconds."""


class Reverted(Exception):
    """A call that the contract refused: ``name`` of its error ("Error" for a text) and the values."""

    def __init__(self, name: str, values: tuple[Any, ...], raw: str) -> None:
        super().__init__(f"{name}{values} {raw}")
        self.name = name
        self.values = values


@cache
def artifact(name: str) -> dict[str, Any]:
    """A committed artifact by the contract's name."""
    for folder in FOLDERS:
        if (folder / f"{name}.json").is_file():
            return dict(json.loads((folder / f"{name}.json").read_text("utf-8")))
    raise FileNotFoundError(name)


@cache
def functions(name: str) -> dict[str, tuple[bytes, list[str], list[str]]]:
    """Selector, input types and output types of each function."""
    return {
        each["name"]: (
            function_abi_to_4byte_selector(each),
            get_abi_input_types(each),
            get_abi_output_types(each),
        )
        for each in artifact(name)["abi"]
        if each["type"] == "function"
    }


@cache
def errors() -> dict[bytes, tuple[str, list[str]]]:
    """Every custom error of the contracts by its selector."""
    found = {
        keccak(text="Error(string)")[:4]: ("Error", ["string"]),
        keccak(text="Panic(uint256)")[:4]: ("Panic", ["uint256"]),
    }
    for file in (file for folder in FOLDERS for file in folder.glob("*.json")):
        for each in artifact(file.stem)["abi"]:
            if each["type"] == "error":
                types = [collapse_if_tuple(one) for one in each["inputs"]]
                found[keccak(text=f"{each['name']}({','.join(types)})")[:4]] = (each["name"], types)
    return found


def creation_code(name: str, *arguments: Any) -> bytes:
    """What a transaction that makes the contract carries."""
    made = artifact(name)
    types = next((get_abi_input_types(each) for each in made["abi"] if each["type"] == "constructor"), [])
    return bytes.fromhex(made["bytecode"][2:]) + bytes(encode(types, arguments))


@dataclass
class Evm:
    """One chain in memory."""

    chain_id: int = CHAIN_ID
    now: int = START
    engine: Any = field(init=False)

    def __post_init__(self) -> None:
        # The checked ids of other chains are those of the block environment: one EVM per chain.
        self.engine = pyrevm.EVM(
            env=pyrevm.Env(cfg=pyrevm.CfgEnv(chain_id=self.chain_id)), gas_limit=30_000_000, spec_id="LONDON"
        )
        self.wait(0)

    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self.now += seconds
        self.engine.set_block_env(pyrevm.BlockEnv(number=1, timestamp=self.now))

    def deploy(self, name: str, *arguments: Any, sender: str | None = None) -> Contract:
        """Put a contract of the artifacts on the chain."""
        address = self.engine.deploy(sender or account(0).address, creation_code(name, *arguments))
        return Contract(self, name, address)

    def send(self, sender: str, to: str, data: bytes, *, static: bool = False) -> bytes:
        """Call and keep what it did, or only look; ``Reverted`` when the contract refuses."""
        try:
            return bytes(self.engine.message_call(caller=sender, to=to, calldata=data, is_static=static))
        except RuntimeError as problem:
            raise _refusal(str(problem)) from None


def _refusal(said: str) -> Reverted:
    output = said.partition("output: 0x")[2]
    raw = (
        bytes.fromhex("".join(c for c in output.split()[0] if c in "0123456789abcdefABCDEF"))
        if output
        else b""
    )
    name, types = errors().get(raw[:4], ("", []))
    return Reverted(name, tuple(decode(types, raw[4:])) if name else (), "" if name else said)


@dataclass(frozen=True)
class Contract:
    """A contract on a chain, called by the names in its ABI."""

    evm: Evm
    name: str
    address: str

    def data(self, function: str, *arguments: Any) -> bytes:
        """The call's data."""
        selector, inputs, _ = functions(self.name)[function]
        return bytes(selector + encode(inputs, arguments))

    def send(self, sender: str, function: str, *arguments: Any) -> Any:
        """Call it; the answer, or ``Reverted``."""
        return self._answer(function, self.evm.send(sender, self.address, self.data(function, *arguments)))

    def look(self, function: str, *arguments: Any) -> Any:
        """Read."""
        nobody = "0x" + "00" * 20
        return self._answer(
            function, self.evm.send(nobody, self.address, self.data(function, *arguments), static=True)
        )

    def _answer(self, function: str, raw: bytes) -> Any:
        values = decode(functions(self.name)[function][2], raw)
        return values[0] if len(values) == 1 else values


@cache
def account(number: int) -> Any:
    """The n-th account of the tests, with its key."""
    return Account.from_key(keccak(text=f"assay test account {number}"))
