"""Contracts over HTTP: forms, what each role may do next, and transactions prepared for signing elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient
from tests.anvil_node import KEY, NodeEvm, anvil
from tests.consortium import OWNER
from tests.evm import account
from tests.integration.test_chain_cli import SELLER_KEY, plant

from assay.api import create_app, ensure_administrator
from assay.api.auth import CSRF_HEADER
from assay.cli.app import run
from assay.exchange.chain.keys import accounts
from assay.store.workspace import Workspace

HOST = "http://localhost"
BUYER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
SELLER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


class World:
    """A plant on a chain, served."""

    def __init__(self, path: Path, client: TestClient, evm: NodeEvm) -> None:
        self.path, self.client, self.evm = path, client, evm

    def sends(self, sends: bool) -> None:
        """Let the server send, or not."""
        file = self.path / "chain/settings.yaml"
        file.write_text(
            yaml.safe_dump(yaml.safe_load(file.read_text("utf-8")) | {"server_sends": sends}), "utf-8"
        )

    def get(self, path: str = "", status: int = 200) -> Any:
        answer = self.client.get(f"/api/contracts{path}")
        assert answer.status_code == status, answer.text
        return answer.json()

    def post(self, path: str = "", status: int = 200, **body: Any) -> Any:
        answer = self.client.post(f"/api/contracts{path}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def elsewhere(self, unsigned: dict[str, Any], key: str) -> None:
        """Sign and send, as a wallet does that only knows the prepared transaction."""
        node, signer = self.evm.node, accounts().from_key(key)
        assert node is not None
        whole = {
            "to": unsigned["to"],
            "data": unsigned["data"],
            "value": 0,
            "chainId": unsigned["chainId"],
            "nonce": int(node.rpc("eth_getTransactionCount", signer.address, "pending"), 16),
            "gas": 3_000_000,
            "gasPrice": int(node.rpc("eth_gasPrice"), 16),
        }
        raw = bytes(signer.sign_transaction(whole).raw_transaction)
        sent = node.rpc("eth_sendRawTransaction", "0x" + raw.hex())
        until = time.monotonic() + 120
        while not (receipt := node.rpc("eth_getTransactionReceipt", sent)):
            assert time.monotonic() < until, "nobody mines"
            time.sleep(0.01)
        assert receipt["status"] == "0x1"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    path = tmp_path_factory.mktemp("contracts") / "plant"
    with Workspace.create(path) as workspace:
        password = ensure_administrator(workspace)
    with anvil(chain_id=31337) as node:
        plant(node, path, KEY)
        evm = NodeEvm(node=node)
        token = evm.deploy("PlainToken").address
        assert run(["chain", "deploy", str(path), "--token", token]) == 0
        with TestClient(create_app(path), base_url=HOST) as client:
            client.headers[CSRF_HEADER] = client.post("/api/login", json={"password": password}).json()[
                "csrf"
            ]
            yield World(path, client, evm)


def terms(world: World, registry: str, token: str) -> dict[str, Any]:
    """An order's form, filled in."""
    now = datetime.fromtimestamp(world.evm.now, UTC)
    return {
        "buyer": BUYER,
        "seller": SELLER,
        "arbiter": account(41).address,
        "token": token,
        "inspectors": registry,
        "logId": "0x" + "77" * 32,
        "paper": "0x" + "ab" * 32,
        "unitPrice": "7",
        "quantity": 100,
        "fundBy": (now + timedelta(days=1)).isoformat(),
        "deliverBy": (now + timedelta(days=9)).isoformat(),
        "graceSeconds": 0,
        "inspectSeconds": 86_400,
        "arbitrateSeconds": 86_400,
        "latePerDay": 0,
        "lateMost": 0,
        "sellerShareIfSilent": 5_000,
    }


def test_a_form_is_in_the_template_with_roles_states_and_arguments(world: World) -> None:
    found = {one["name"]: one for one in world.get("/templates")["templates"]}
    order = found["purchase-order/1"]
    assert order["problem"] is None
    assert set(order["manifest"]["terms"]["required"]) == set(terms(world, "", ""))
    assert {one["name"] for one in order["arguments"]["settle"]} == {"entry", "verdict"}
    assert set(order["manifest"]["roles"]) == {"buyer", "seller", "arbiter"}


def test_a_company_joins_and_each_role_sees_what_it_may_do_next(world: World) -> None:
    world.sends(True)
    registry = world.post(template="inspector-registry", terms={"authority": BUYER})["address"]
    token = world.evm.deploy("PlainToken")
    assert run(["chain", "deploy", str(world.path), "--token", token.address]) == 0
    world.evm.wait(0)
    order = world.post(template="purchase-order", terms=terms(world, registry, token.address))["address"]
    card = world.get(f"/{order}")
    assert (card["state"]["en"], card["waits_for"], card["when_silent"]) == ("Offered", "buyer", "cancelled")
    fund = next(one for one in card["next"] if one["function"] == "fund")
    assert (fund["by"], fund["accounts"], fund["ours"]) == (["buyer"], [BUYER], True)
    assert (card["values"]["quantity"], card["values"]["unitPrice"]) == (100, 7)
    token.send(OWNER.address, "mint", BUYER, 700)
    token.send(BUYER, "approve", order, 700)
    assert world.post(f"/{order}/fund", arguments={})["transaction"].startswith("0x")

    card = world.get(f"/{order}")
    assert card["funds"]["token"].lower() == token.address.lower()
    assert card["funds"]["held"] == "700"
    assert card["funds"]["due"] == {BUYER: "0", SELLER: "0", account(41).address: "0"}
    deliver = next(one for one in card["next"] if one["function"] == "deliver")
    assert (deliver["accounts"], deliver["ours"]) == ([SELLER], False)
    refused = world.post(f"/{order}/deliver", status=422, arguments={"note": "0x" + "cd" * 32})["error"]
    assert "NotAllowed" in refused["message"]["en"]
    assert refused["message"]["zh"] != refused["message"]["en"]

    world.sends(False)
    prepared = world.post(f"/{order}/deliver", arguments={"note": "0x" + "cd" * 32})
    assert (prepared["sent"], prepared["transaction"]) == (False, None)
    world.elsewhere(prepared["unsigned"], SELLER_KEY)
    assert world.get(f"/{order}")["state"]["en"] == "Delivered"
    assert world.get(f"/{registry}")["funds"] is None
    listed = world.get()
    assert listed["account"] is None
    latest = listed["contracts"][0]
    assert (latest["template"], latest["state"]["en"]) == ("purchase-order/1", "Delivered")


def test_a_contract_is_made_elsewhere_from_a_prepared_transaction(world: World) -> None:
    world.sends(False)
    before = len(world.get()["contracts"])
    prepared = world.post(template="inspector-registry", terms={"authority": SELLER})
    assert (prepared["sent"], prepared["address"]) == (False, None)
    world.elsewhere(prepared["unsigned"], SELLER_KEY)
    found = world.get()["contracts"]
    assert len(found) == before + 1
    assert found[0]["creator"] == SELLER


def test_the_key_is_not_even_read_where_the_server_only_prepares(world: World) -> None:
    world.sends(False)
    (world.path / "sender.key").rename(world.path / "away.key")
    try:
        assert world.post(template="inspector-registry", terms={"authority": SELLER})["unsigned"]
        world.sends(True)
        told = world.post(status=422, template="inspector-registry", terms={"authority": SELLER})
        assert "sender.key" in told["error"]["message"]["en"]
    finally:
        (world.path / "away.key").rename(world.path / "sender.key")
        world.sends(False)


def test_what_is_wrong_is_named(world: World, tmp_path: Path) -> None:
    registry = "0x" + "11" * 20
    bad = terms(world, registry, registry) | {"quantity": -3}
    assert (
        "quantity" in world.post(status=422, template="purchase-order", terms=bad)["error"]["message"]["en"]
    )
    assert world.post(status=404, template="rent", terms={})["error"]["hint"]["en"]
    assert world.get(f"/{registry}", status=404)["error"]["message"]["zh"]
    assert world.get("/not-an-address", status=422)
    assert world.post(f"/{registry}/fund", status=404, arguments={})
    settings = world.path / "chain/settings.yaml"
    text = settings.read_text("utf-8")
    try:
        settings.write_text(yaml.safe_dump(yaml.safe_load(text) | {"url": "http://127.0.0.1:9"}), "utf-8")
        assert "does not answer" in world.get(status=502)["error"]["message"]["en"]
        settings.unlink()
        without = world.get()
        assert (without["chain_id"], without["contracts"]) == (None, [])
        assert "settings.yaml" in without["problem"]["message"]["zh"]
        assert world.post(status=404, template="inspector-registry", terms={})["error"]["hint"]["en"]
    finally:
        settings.write_text(text, "utf-8")


def test_without_a_session_nothing_is_shown_or_prepared(world: World) -> None:
    with TestClient(world.client.app, base_url=HOST) as stranger:
        assert stranger.get("/api/contracts").status_code == 401
        assert stranger.get("/api/contracts/templates").status_code == 401
        answer = stranger.post("/api/contracts", json={"template": "inspector-registry", "terms": {}})
        assert answer.status_code in {401, 403}
