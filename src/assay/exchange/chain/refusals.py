"""Custom errors of the contracts, by name and values, with what each means for whoever called."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from assay.exchange.chain.artifacts import artifact
from assay.exchange.chain.errors import CATALOGUE, ChainError

_MOMENTS = frozenset({"until", "since", "deadline"})


def refused(data: str) -> ChainError:
    """The refusal that revert data say: ``Name(value, …)`` and what to do; the raw data of any other."""
    found = _decoded(data)
    if found is None:
        return ChainError.of("refused", what=data)
    name, values = found
    said = CATALOGUE.text("error.refused", what=f"{name}({', '.join(values.values())})")
    key = f"contract.{name}"
    advice = CATALOGUE.text(key, **values) if key in CATALOGUE.keys("en") else None
    return ChainError(said, advice, reason="refused")


def _decoded(data: str) -> tuple[str, dict[str, str]] | None:
    from eth_abi.abi import decode

    raw = bytes.fromhex(data.removeprefix("0x")) if data.startswith("0x") else b""
    known = _errors().get(raw[:4])
    if known is None:
        return None
    name, inputs = known
    values = decode([kind for _, kind in inputs], raw[4:])
    return name, {each: _written(each, value) for (each, _), value in zip(inputs, values, strict=True)}


def _written(name: str, value: Any) -> str:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if name in _MOMENTS and value < 2**40:
        return datetime.fromtimestamp(value, UTC).isoformat().replace("+00:00", "Z")
    return str(value)


@cache
def _errors() -> dict[bytes, tuple[str, list[tuple[str, str]]]]:
    from eth_utils.crypto import keccak

    found = {}
    folder = files("assay.exchange.chain").joinpath("artifacts")
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        for each in artifact(file.name.removesuffix(".json")).abi:
            if each["type"] == "error":
                inputs = [(one["name"], one["type"]) for one in each["inputs"]]
                text = f"{each['name']}({','.join(kind for _, kind in inputs)})"
                found[bytes(keccak(text=text)[:4])] = (each["name"], inputs)
    return found
