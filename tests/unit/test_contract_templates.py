"""Every installed template: its manifest fits its contract, and its form makes an instance."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.consortium import AUTHORITY, BUYER, DAY, Consortium
from tests.evm import Contract

from assay.exchange.chain.errors import ChainError
from assay.exchange.chain.templates import Template, found_templates, installed, template
from assay.plugins.registry import contracts

NAMES = ("inspection-attestation/1", "inspector-registry/1", "purchase-order/1")


def moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def form(name: str, at: Consortium) -> dict[str, Any]:
    """A form as a person fills it in."""
    now = at.evm.now
    if name == "inspector-registry/1":
        return {"authority": AUTHORITY.address}
    if name == "inspection-attestation/1":
        return {
            "client": BUYER.address,
            "inspectors": at.inspectors.address,
            "logId": "0x" + at.log_id.hex(),
            "subject": "0x" + "12" * 32,
            "quantity": 50,
            "attestBy": moment(now + DAY),
            "contestSeconds": 60,
            "rulingSeconds": 60,
            "standsIfSilent": True,
        }
    terms = {
        key: f"0x{value.hex()}" if isinstance(value, bytes) else value for key, value in at.terms().items()
    }
    return terms | {"unitPrice": "7", "fundBy": moment(now + DAY), "deliverBy": moment(now + 9 * DAY)}


def test_assays_own_templates_come_through_the_door_of_others() -> None:
    assert set(NAMES) <= set(installed())
    assert all(isinstance(one, Template) for one in found_templates())


@pytest.mark.parametrize("name", NAMES)
def test_a_filled_in_form_makes_an_instance_in_a_state_of_the_manifest(name: str) -> None:
    at = Consortium(quorum=1)
    made = template(name)
    contract = made.artifact.contract
    params = made.encode(form(name, at))
    address = at.registry.send(BUYER.address, "create", at.ids[contract], params)
    instance = Contract(at.evm, contract, address)
    state = made.state(instance.look("state"))
    assert state["name"] in {"offered", "ordered", "in-force"}
    for term, field in made.document["terms"]["properties"].items():
        if term in {one["name"] for one in made.artifact.abi if one["type"] == "function"}:
            said, given = instance.look(term), form(name, at)[term]
            if field.get("format") == "date-time":
                given = int(datetime.fromisoformat(given).timestamp())
            assert (
                str(said if not isinstance(said, bytes) else "0x" + said.hex()).lower() == str(given).lower()
            )


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"buyer": "0x12"}, "buyer"),
        ({"buyer": None}, "buyer"),
        ({"quantity": 0}, "quantity"),
        ({"quantity": 1.5}, "quantity"),
        ({"unitPrice": "seven"}, "unitPrice"),
        ({"unitPrice": str(1 << 130)}, "unitPrice"),
        ({"fundBy": "2026-02-30T00:00:00Z"}, "fundBy"),
        ({"fundBy": "2026-02-03T00:00:00"}, "fundBy"),
        ({"logId": "0x" + "1" * 63}, "logId"),
        ({"lateMost": 10_001}, "lateMost"),
        ({"colour": "red"}, "/"),
    ],
)
def test_terms_that_do_not_fit_are_named(changed: dict[str, Any], where: str) -> None:
    at = Consortium(quorum=1)
    with pytest.raises(ChainError) as caught:
        template("purchase-order").encode(form("purchase-order/1", at) | changed)
    assert caught.value.reason == "terms_invalid"
    assert f": {where}: " in caught.value.message


def test_a_missing_term_is_named() -> None:
    with pytest.raises(ChainError, match="authority"):
        template("inspector-registry").encode({})


def test_arguments_are_given_by_name_and_checked() -> None:
    made = template("purchase-order/1")
    entry = {"leaf": "0x" + "01" * 32, "index": 3, "size": 9, "path": ["0x" + "02" * 32]}
    verdict = {"accepted": 1, "rejected": 0, "deadline": 5, "signature": "0x" + "03" * 65}
    assert made.arguments("settle", {"verdict": verdict, "entry": entry}) == [
        (bytes([1]) * 32, 3, 9, [bytes([2]) * 32]),
        (1, 0, 5, bytes([3]) * 65),
    ]
    for function, given, reason in (
        ("setle", {}, "function_unknown"),
        ("initialise", {}, "function_unknown"),
        ("settle", {"entry": entry}, "arguments_invalid"),
        ("settle", {"entry": entry, "verdict": verdict | {"accepted": "many"}}, "arguments_invalid"),
        ("arbitrate", {"sellerShare": True}, "arguments_invalid"),
        ("fund", {"amount": 3}, "arguments_invalid"),
    ):
        with pytest.raises(ChainError) as caught:
            made.arguments(function, given)
        assert caught.value.reason == reason, function


def test_an_unknown_template_is_told_with_the_known_ones() -> None:
    with pytest.raises(ChainError) as caught:
        template("purchase-ordre")
    assert "purchase-order/1" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.pop("states"), "states"),
        (lambda d: d["transitions"].pop(), "withdraw"),
        (lambda d: d["transitions"][0].update(function="pay"), "pay"),
        (lambda d: d["transitions"][0].update(to=["paid"]), "paid"),
        (lambda d: d["transitions"][0].update(by=["bank"]), "bank"),
        (lambda d: d["transitions"][3].update(evidence="photo"), "photo"),
        (lambda d: d["states"][1].update(when_silent=None), "offered"),
        (lambda d: d["roles"]["buyer"].update(term="purchaser"), "purchaser"),
        (lambda d: d["terms"]["properties"]["buyer"].update({"x-solidity": "string"}), "string"),
        (lambda d: d["title"].pop("zh"), "zh"),
        (lambda d: d.update(id="order"), "order"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_manifest_that_does_not_fit_is_refused(change: Callable[[dict[str, Any]], Any], said: str) -> None:
    plugin = contracts().get("purchase-order")
    document = json.loads(plugin.manifest())
    change(document)
    with pytest.raises(ChainError) as caught:
        Template.of(replace(plugin, manifest=lambda: json.dumps(document).encode()))
    assert caught.value.reason == "manifest_invalid"
    assert said in caught.value.message
