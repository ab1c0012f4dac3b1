"""Contract templates as they are installed: manifests, checked, and terms and arguments in the ABI's form."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from assay.exchange.chain.artifacts import Artifact
from assay.exchange.chain.errors import ChainError
from assay.exchange.chain.keys import checked_address

if TYPE_CHECKING:
    from assay.plugins.contract import ContractManifest


@dataclass(frozen=True)
class Template:
    """One installed template.

    Parameters
    ----------
    document
        Its manifest.
    manifest_hash
        SHA-256 of the manifest's file, 32 bytes, as it is published.
    artifact
        Its compiled implementation.
    """

    document: Mapping[str, Any]
    manifest_hash: bytes
    artifact: Artifact

    @property
    def name(self) -> str:
        """Id and version, such as ``purchase-order/1``; its keccak256 is its id on a chain."""
        return f"{self.document['id']}/{self.document['version']}"

    @classmethod
    def of(cls, plugin: ContractManifest) -> Template:
        """The template of an installed plugin.

        Raises
        ------
        ChainError
            ``manifest_invalid``: not by the schema, a role, state or function that isn't there, or one left
            out.
        """
        raw = plugin.manifest()
        try:
            document = json.loads(raw)
            made = Artifact.of(json.loads(plugin.artifact()))
        except (ValueError, KeyError) as problem:
            raise ChainError.of("manifest_invalid", name=plugin.id, said=problem) from None
        # What does not fit the contract can be asked only of a manifest that has all its parts.
        if wrong := _faults(manifest_schema(), document) or _misfits(document, made, plugin.id):
            raise ChainError.of("manifest_invalid", name=plugin.id, said="; ".join(wrong))
        return cls(document, hashlib.sha256(raw).digest(), made)

    def encode(self, terms: Mapping[str, Any]) -> bytes:
        """Terms as the contract's ``create`` takes them.

        Moments are ISO 8601 with an offset, addresses and hashes hexadecimal with 0x, large whole numbers
        digits.

        Raises
        ------
        ChainError
            ``terms_invalid``, with the term and what is wrong with it.
        """
        from eth_abi.abi import encode
        from eth_abi.exceptions import EncodingError

        for where, said in _found(self.document["terms"], terms):
            raise ChainError.of("terms_invalid", name=self.name, where=where or "/", said=said)
        fields = self.document["terms"]["properties"]
        values = []
        for name, field in fields.items():
            value = terms[name]
            if field.get("format") == "date-time":
                value = _seconds(self.name, name, value)
            try:
                values.append(as_abi({"type": field["x-solidity"]}, value))
                encode([field["x-solidity"]], [values[-1]])
            except (ChainError, EncodingError, ValueError, TypeError) as problem:
                raise ChainError.of("terms_invalid", name=self.name, where=name, said=problem) from None
        return bytes(encode([field["x-solidity"] for field in fields.values()], values))

    def wanted(self, function: str) -> str:
        """The arguments of a function, ``name: type`` each; empty for none."""
        return _written(self._inputs(function))

    def _inputs(self, function: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = next(
            one["inputs"] for one in self.artifact.abi if one.get("name") == function
        )
        return found

    def state(self, number: int) -> dict[str, Any]:
        """A state of the manifest by its number; ``KeyError`` for one that it doesn't list."""
        return {one["number"]: dict(one) for one in self.document["states"]}[number]

    def arguments(self, function: str, given: Mapping[str, Any]) -> list[Any]:
        """Arguments of a transition by name, in the order and types of the ABI.

        Raises
        ------
        ChainError
            ``function_unknown``; ``arguments_invalid`` when names or values don't fit.
        """
        known = [one["function"] for one in self.document["transitions"]]
        if function not in known:
            raise ChainError.of("function_unknown", name=self.name, function=function, known=", ".join(known))
        inputs = self._inputs(function)
        try:
            return _named(inputs, given)
        except (KeyError, ValueError, TypeError, AttributeError) as problem:
            raise ChainError.of(
                "arguments_invalid",
                function=function,
                given=", ".join(given) or "-",
                wanted=self.wanted(function) or "-",
                said=problem,
            ) from None


def installed() -> dict[str, Template]:
    """Every installed template that is valid, by its name."""
    return {one.name: one for one in found_templates() if isinstance(one, Template)}


def found_templates() -> list[Template | tuple[str, str]]:
    """Every installed template, or its plugin's id and what is wrong with it: one blocks no other."""
    from assay.plugins.registry import contracts

    found: list[Template | tuple[str, str]] = []
    for state in contracts().states():
        try:
            if state.manifest is None:
                found.append((state.id, state.problem or "?"))
            else:
                found.append(Template.of(contracts().get(state.id)))
        except ChainError as problem:
            found.append((state.id, problem.message))
    return found


def template(name: str) -> Template:
    """A template by name, or by its id alone; ``template_unknown`` for any other."""
    known = installed()
    for one in known.values():
        if name in {one.name, one.document["id"]}:
            return one
    raise ChainError.of("template_unknown", name=name, known=", ".join(sorted(known)))


@cache
def manifest_schema() -> dict[str, Any]:
    """The JSON Schema that each manifest is held to."""
    source = files("assay.exchange.chain").joinpath("templates", "manifest.schema.json")
    read: dict[str, Any] = json.loads(source.read_text("utf-8"))
    return read


def as_abi(kind: Mapping[str, Any], value: Any) -> Any:
    """A value of JSON in the Python type that ``eth_abi`` takes for an ABI parameter."""
    solidity = str(kind["type"])
    if solidity.endswith("[]"):
        return [as_abi({**kind, "type": solidity[:-2]}, one) for one in value]
    if solidity == "tuple":
        return tuple(_named(kind["components"], value))
    if solidity == "address":
        return checked_address(str(value))
    if solidity.startswith("bytes"):
        return _octets(solidity, str(value))
    if solidity.startswith(("uint", "int")):
        return _whole(solidity, value)
    if solidity == "bool" and not isinstance(value, bool):
        raise TypeError(f"{value!r} is not true or false")
    return value


def _written(inputs: Sequence[Mapping[str, Any]]) -> str:
    """ABI parameters as ``name: type``, the parts of a tuple in parentheses."""
    return ", ".join(f"{one['name'] or '?'}: {_type(one)}" for one in inputs)


def _type(kind: Mapping[str, Any]) -> str:
    solidity = str(kind["type"])
    if not solidity.startswith("tuple"):
        return solidity
    return f"({_written(kind['components'])}){solidity.removeprefix('tuple')}"


def _octets(solidity: str, value: str) -> bytes:
    size = solidity.removeprefix("bytes")
    digits = value.removeprefix("0x")
    if not re.fullmatch(r"([0-9a-fA-F]{2})*", digits) or (size and len(digits) != 2 * int(size)):
        raise ValueError(f"{value!r}; {solidity} = 0x" + (f" + {2 * int(size)} × 0-9a-f" if size else "…"))
    return bytes.fromhex(digits)


def _whole(solidity: str, value: Any) -> int:
    if isinstance(value, (bool, float)):
        raise TypeError(f"{value!r}; {solidity}")
    number, bits = int(value), int(solidity.lstrip("uint") or 256)
    half = 2 ** (bits - 1)
    least, most = (0, 2 * half - 1) if solidity.startswith("uint") else (-half, half - 1)
    if not least <= number <= most:
        raise ValueError(f"{number}; {solidity} = {least} … {most}")
    return number


def _named(inputs: Sequence[Mapping[str, Any]], given: Mapping[str, Any]) -> list[Any]:
    names = [one["name"] for one in inputs]
    if set(names) != set(given):
        raise ValueError(", ".join(sorted(set(names) ^ set(given))))
    values = []
    for one in inputs:
        try:
            values.append(as_abi(one, given[one["name"]]))
        except (ChainError, ValueError, TypeError, AttributeError) as problem:
            raise ValueError(f"{one['name']}: {problem}") from None
    return values


def _seconds(template_name: str, term: str, value: str) -> int:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ChainError.of("terms_invalid", name=template_name, where=term, said=f"{value}: ±hh:mm?")
    return int(moment.timestamp())


def _found(schema: Mapping[str, Any], value: Any) -> list[tuple[str, str]]:
    import jsonschema_rs

    held = jsonschema_rs.Draft202012Validator(dict(schema), validate_formats=True)
    return [("/".join(map(str, one.instance_path)), one.message) for one in held.iter_errors(value)]


def _faults(schema: Mapping[str, Any], value: Any) -> list[str]:
    return [f"{where or '/'}: {said}" for where, said in _found(schema, value)]


def _misfits(document: Mapping[str, Any], made: Artifact, plugin: str) -> list[str]:
    """Where a manifest by the schema is not one of this plugin's and this contract's."""
    states = {one["name"] for one in document["states"]}
    roles, terms = {"anyone", *document["roles"]}, set(document["terms"]["properties"])
    acting = {
        one["name"]
        for one in made.abi
        if one["type"] == "function" and one["stateMutability"] not in {"view", "pure"}
    } - {"initialise"}
    named = [one["function"] for one in document["transitions"]]
    return [
        f"{what}: {', '.join(sorted(map(str, which)))}"
        for what, which in (
            ("id", {document["id"]} - {plugin}),
            ("contract", {document["contract"]} - {made.contract}),
            ("states", {s for one in document["transitions"] for s in (*one["from"], *one["to"])} - states),
            ("by", {who for one in document["transitions"] for who in one["by"]} - roles),
            ("terms", {r["term"] for r in document["roles"].values() if r["term"]} - terms),
            ("terms/required", terms ^ set(document["terms"]["required"])),
            ("transitions", acting ^ set(named)),
            ("evidence", {t["evidence"] for t in document["transitions"]} - {None, *document["evidence"]}),
            (
                "when_silent",
                {one["name"] for one in document["states"] if one["waits_for"] and not one["when_silent"]},
            ),
        )
        if which
    ]
