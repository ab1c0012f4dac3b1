"""The committed artifacts of the contracts: interface, code, and whether code on a chain is theirs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Artifact:
    """One compiled contract.

    Parameters
    ----------
    contract
        Its name in Solidity.
    compiler
        Compiler, EVM version and optimiser runs it was made with.
    abi
        Its interface, as solc writes it.
    bytecode
        Creation code; constructor arguments are appended to it.
    deployed
        Code on the chain, with zeros where ``immutables`` lie.
    immutables
        First byte and length of each value that the constructor writes into the code.
    """

    contract: str
    compiler: str
    abi: tuple[dict[str, Any], ...]
    bytecode: bytes
    deployed: bytes
    immutables: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, document: dict[str, Any]) -> Artifact:
        """The artifact in a file written by ``contracts/build.py``; ``KeyError`` where a part is missing."""
        return cls(
            contract=document["contract"],
            compiler=document["compiler"],
            abi=tuple(document["abi"]),
            bytecode=bytes.fromhex(document["bytecode"][2:]),
            deployed=bytes.fromhex(document["deployedBytecode"][2:]),
            immutables=tuple((start, length) for start, length in document["immutables"]),
        )

    def is_code(self, code: bytes) -> bool:
        """Whether ``code``, as it lies on a chain, is this contract's, whatever its immutables hold."""
        if len(code) != len(self.deployed):
            return False
        masked = bytearray(code)
        for start, length in self.immutables:
            masked[start : start + length] = bytes(length)
        return bytes(masked) == self.deployed


@cache
def artifact(contract: str) -> Artifact:
    """One of Assay's own contracts by its name; ``FileNotFoundError`` for any other."""
    source = files("assay.exchange.chain").joinpath("artifacts", f"{contract}.json")
    return Artifact.of(json.loads(source.read_text("utf-8")))
