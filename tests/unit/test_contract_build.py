"""What ships is what the sources say: the committed artifacts, compiled again and compared byte for byte."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def build() -> Iterator[Any]:
    spec = importlib.util.spec_from_file_location("contracts_build", ROOT / "contracts/build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    module.install()
    yield module
    del sys.modules[spec.name]


def test_the_committed_artifacts_are_what_the_pinned_compiler_makes(build: Any) -> None:
    files = build.wanted(ROOT / "contracts/src", build.SHIPPED) | build.wanted(
        ROOT / "contracts/test", build.TRIED
    )
    assert len(files) == 9
    assert build.differences(files) == []


def test_the_oldest_compiler_of_the_pragma_takes_every_source(build: Any) -> None:
    made = build.compile_sources(build.sources(ROOT / "contracts/src"), "solc-oldest")
    assert made["PurchaseOrder"]["compiler"].startswith("solc 0.8.11,")
    assert set(made) == {file.stem for file in build.SHIPPED.glob("*.json")}


def test_a_difference_a_missing_file_and_one_too_many_are_told(build: Any, tmp_path: Path) -> None:
    (tmp_path / "changed.json").write_text("{}", "utf-8")
    (tmp_path / "old.json").write_text("{}", "utf-8")
    told = build.differences({tmp_path / "changed.json": "{ }", tmp_path / "new.json": "{}"})
    assert [line.split(": ")[1] for line in told] == [
        "differs from its source",
        "is missing",
        "no source gives it",
    ]


def test_what_solc_refuses_is_said_in_its_own_words(build: Any, tmp_path: Path) -> None:
    wrong = tmp_path / "Wrong.sol"
    wrong.write_text("pragma solidity >=0.8.11 <0.9;\ncontract Wrong { uint8 x = 256; }\n", "utf-8")
    with pytest.raises(build.CompileError, match="not implicitly convertible"):
        build.compile_sources({"src/Wrong.sol": wrong})


@pytest.mark.parametrize(
    "name", ["EvidenceAnchor", "PurchaseOrder", "InspectionAttestation", "TemplateRegistry"]
)
def test_deployed_code_keeps_below_the_limit_of_eip_170(build: Any, name: str) -> None:
    import json

    made = json.loads((build.SHIPPED / f"{name}.json").read_text("utf-8"))
    assert len(made["deployedBytecode"]) // 2 - 1 <= 24_576
