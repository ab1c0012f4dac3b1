"""The example of a template of one's own: built from its source, checked, and used like a built-in one."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from tests.consortium import ARBITER, BUYER, DAY, OWNER, SELLER, STRANGER, Consortium
from tests.evm import Contract, Reverted, artifact, errors, functions
from tests.unit.test_contract_templates import moment

from assay.exchange.chain.templates import Template

PLUGIN = Path(__file__).resolve().parents[2] / "examples/contract-template"
PACKAGE = PLUGIN / "src/assay_warranty_bond"


@pytest.fixture
def bond(monkeypatch: pytest.MonkeyPatch) -> Iterator[Template]:
    monkeypatch.syspath_prepend(str(PLUGIN / "src"))
    monkeypatch.setattr("tests.evm.FOLDERS", (*import_module("tests.evm").FOLDERS, PACKAGE / "artifacts"))
    for cached in (artifact, errors, functions):
        cached.cache_clear()
    yield Template.of(import_module("assay_warranty_bond").MANIFEST)
    for cached in (artifact, errors, functions):
        cached.cache_clear()
    sys.modules.pop("assay_warranty_bond")


def test_its_artifact_is_what_its_source_gives() -> None:
    spec = spec_from_file_location("contracts_build", PLUGIN.parents[1] / "contracts/build.py")
    assert spec is not None
    assert spec.loader is not None
    build: Any = module_from_spec(spec)
    spec.loader.exec_module(build)
    build.install()
    files = build.wanted(PLUGIN / "contracts", PACKAGE / "artifacts")
    assert len(files) == 1
    assert build.differences(files) == []


def test_it_is_published_and_used_like_a_built_in_one(bond: Template) -> None:
    at = Consortium(quorum=1)
    implementation = at.evm.deploy("WarrantyBond", at.registry.address)
    at.ids["WarrantyBond"] = at.registry.send(
        OWNER.address, "publish", bond.name, implementation.address, bond.manifest_hash
    )
    terms = {
        "supplier": SELLER.address,
        "customer": BUYER.address,
        "arbiter": ARBITER.address,
        "token": at.token.address,
        "bond": 1_000,
        "postBy": moment(at.evm.now + DAY),
        "warrantySeconds": 90 * DAY,
        "rulingSeconds": 7 * DAY,
    }
    made: Contract = at.create("WarrantyBond", SELLER, bond.encode(terms))
    assert bond.state(made.look("state"))["name"] == "offered"
    at.token.send(OWNER.address, "mint", SELLER.address, 1_000)
    at.token.send(SELLER.address, "approve", made.address, 1_000)
    made.send(SELLER.address, "post")
    with pytest.raises(Reverted):
        made.send(STRANGER.address, "claim", 10, bytes(32))
    made.send(BUYER.address, "claim", 300, bytes(32))
    made.send(ARBITER.address, "rule", 200)
    made.send(BUYER.address, "claim", 101, bytes(32))
    at.evm.wait(7 * DAY + 1)
    made.send(STRANGER.address, "expire")
    at.evm.wait(90 * DAY)
    made.send(STRANGER.address, "expire")
    assert bond.state(made.look("state"))["name"] == "over"
    for whose in (BUYER, SELLER):
        made.send(whose.address, "withdraw", whose.address)
    balances = [at.token.look("balanceOf", each) for each in (BUYER.address, SELLER.address, made.address)]
    assert balances == [250, 750, 0]


def test_its_manifest_is_one_of_the_files_that_are_installed() -> None:
    assert json.loads((PACKAGE / "manifest.json").read_text("utf-8"))["id"] == "warranty-bond"
    assert 'warranty-bond = "assay_warranty_bond:MANIFEST"' in (PLUGIN / "pyproject.toml").read_text("utf-8")
