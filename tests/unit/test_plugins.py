"""The plugin registry: what is installed, what is broken, and who claims what."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from pydantic import BaseModel

from assay.model.errors import PluginError
from assay.model.text import Text
from assay.plugins import PluginRegistry, connectors, describe
from assay.plugins.contracts import ConnectorManifest, Manifest

GROUP = "assay.connectors"
GOOD = """
from assay.plugins.contracts import ConnectorManifest, Text
MANIFEST = ConnectorManifest(
    id={id!r}, version="1.0", title=Text(zh="例", en="Example"), formats=("example",), make=lambda: None,
)
"""


def install(site: Path, distribution: str, plugin: str, code: str) -> None:
    """Put a package with one entry point on ``site``, as pip would."""
    module = distribution.replace("-", "_")
    (site / f"{module}.py").write_text(textwrap.dedent(code))
    info = site / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{plugin} = {module}:MANIFEST\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def registry() -> PluginRegistry[ConnectorManifest]:
    return PluginRegistry(GROUP, ConnectorManifest)


def test_an_installed_plugin_is_found_and_loaded_when_asked_for(site: Path) -> None:
    install(site, "assay-example-a", "example", GOOD.format(id="example"))
    found = registry()
    assert {"example", "files"} <= set(found.ids())
    assert found.get("example").title.en == "Example"


def test_one_that_fails_to_import_is_listed_with_its_traceback_and_blocks_nothing(site: Path) -> None:
    install(site, "assay-broken", "broken", "import nowhere_to_be_found\n")
    install(site, "assay-exits", "exits", "import sys; sys.exit(3)\n")
    found = registry()
    states = {state.id: state for state in found.states()}
    assert "ModuleNotFoundError" in str(states["broken"].problem)
    assert "nowhere_to_be_found" in str(states["broken"].problem)
    assert "SystemExit" in str(states["exits"].problem)
    assert states["files"].problem is None
    assert [manifest.id for manifest in found.working()] == ["files"]
    with pytest.raises(PluginError, match=r"assay-broken 1\.0"):
        found.get("broken")


def test_two_packages_with_one_id_are_an_error_naming_both(site: Path) -> None:
    install(site, "assay-one", "twin", GOOD.format(id="twin"))
    install(site, "assay-two", "twin", GOOD.format(id="twin"))
    with pytest.raises(PluginError, match=r"assay-one 1\.0 and assay-two 1\.0"):
        registry().get("twin")
    assert "files" in [manifest.id for manifest in registry().working()]


def test_a_manifest_under_another_id_or_of_another_kind_is_refused(site: Path) -> None:
    install(site, "assay-misnamed", "here", GOOD.format(id="there"))
    install(site, "assay-odd", "odd", "MANIFEST = 42\n")
    with pytest.raises(PluginError, match="says its id is 'there'"):
        registry().get("here")
    with pytest.raises(PluginError, match="is a int, not a ConnectorManifest"):
        registry().get("odd")


def test_an_unknown_id_names_the_nearest() -> None:
    with pytest.raises(PluginError, match="'files'"):
        connectors().get("file")


class Loose(BaseModel):
    size: int = 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"id": "Two Words"}, "joined by '-'"),
        ({"version": "new"}, "not a version"),
        ({"config": Loose}, "accepts unknown keys"),
    ],
)
def test_a_manifest_is_checked_when_it_is_made(changes: dict[str, object], said: str) -> None:
    given = {"id": "fine", "version": "1.0", "title": Text(zh="好", en="Fine"), **changes}
    with pytest.raises(PluginError, match=said):
        Manifest(**given)  # type: ignore[arg-type]


def test_the_list_is_plain_values_with_schemas() -> None:
    files = next(one for one in describe() if one["id"] == "files")
    assert files["problem"] is None
    assert set(files["title"]) == {"zh", "en"}
    assert files["config_schema"]["additionalProperties"] is False
