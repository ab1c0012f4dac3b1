"""Every registered connector and operator keeps its contract; every member of a contract is documented."""

from __future__ import annotations

import ast
import inspect
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from assay.plugins import connector, connectors, manifest, operator, operators
from assay.plugins.contracts import Connector, ConnectorManifest, Manifest, OperatorManifest

CONTRACTS: tuple[ModuleType, ...] = (manifest, connector, operator)
CONNECTORS = connectors().ids()
OPERATORS = operators().ids()


def members(module: ModuleType) -> list[tuple[str, str | None]]:
    """Public members of a contract's classes, with their docstrings (attributes: the string below)."""
    found: list[tuple[str, str | None]] = []
    for node in ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
            continue
        found.append((node.name, ast.get_docstring(node)))
        for at, item in enumerate(node.body):
            if isinstance(item, ast.FunctionDef) and (
                not item.name.startswith("_") or item.name == "__call__"
            ):
                found.append((f"{node.name}.{item.name}", ast.get_docstring(item)))
            elif isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                below = node.body[at + 1] if at + 1 < len(node.body) else None
                text = (
                    below.value.value
                    if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
                    else None
                )
                found.append((f"{node.name}.{item.target.id}", text))
    return found


@pytest.mark.parametrize("module", CONTRACTS, ids=lambda module: str(module.__name__))
def test_every_member_of_a_contract_is_documented(module: ModuleType) -> None:
    found = members(module)
    assert found
    assert [name for name, text in found if not text] == []


@pytest.mark.parametrize(
    "said",
    [(c, i) for c, ids in (("connectors", CONNECTORS), ("operators", OPERATORS)) for i in ids],
    ids=str,
)
def test_a_manifest_says_who_it_is(said: tuple[str, str]) -> None:
    group, plugin_id = said
    registry: Any = connectors() if group == "connectors" else operators()
    found: Manifest = registry.get(plugin_id)
    assert found.id == plugin_id
    assert found.title.zh
    assert found.title.en
    assert found.description is not None
    schema = found.config_schema()
    assert schema["additionalProperties"] is False
    json.dumps(schema)


@pytest.mark.parametrize("plugin_id", CONNECTORS)
def test_a_connector_keeps_its_contract(plugin_id: str, tmp_path: Path) -> None:
    found: ConnectorManifest = connectors().get(plugin_id)
    made = found.make()
    assert isinstance(made, Connector)
    for name in ("recognise", "open", "decode"):
        assert inspect.signature(getattr(made, name)).parameters.keys() == (
            inspect.signature(getattr(Connector, name)).parameters.keys() - {"self"}
        )
    nothing = tmp_path / "nothing.bin"
    nothing.write_bytes(b"\x7fELF\0\0")
    assert made.recognise(nothing) is None
    found.validated({})


@pytest.mark.parametrize("plugin_id", OPERATORS)
def test_an_operator_keeps_its_contract(plugin_id: str) -> None:
    found: OperatorManifest = operators().get(plugin_id)
    assert callable(found.run)
    assert len(inspect.signature(found.run).parameters) >= 2
    assert found.capabilities
