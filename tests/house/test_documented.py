"""What exists is documented, in both languages where it is for people."""

from __future__ import annotations

import importlib
import inspect
import re
import string
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from assay.cli.app import tree
from assay.plugins import connector, manifest, operator
from assay.plugins.registry import connectors, operators

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
CATALOGUES = sorted(path.parent for path in (ROOT / "src/assay").rglob("messages/en.toml"))


def verbs(group: Any, path: str) -> list[str]:
    """Every command below ``group``, as it is typed."""
    found = []
    for name, command in group.commands.items():
        found.append(f"{path} {name}")
        if hasattr(command, "commands"):
            found += verbs(command, f"{path} {name}")
    return found


@pytest.mark.parametrize("verb", verbs(tree(), "assay"))
def test_every_verb_is_in_the_reference(verb: str) -> None:
    pages = [(DOCS / "reference" / name).read_text("utf-8") for name in ("cli.md", "cli-statistics.md")]
    assert sum(f"## {verb}\n" in page for page in pages) == 1, "on one of the pages, and on one alone"


STATISTICS = [
    (family, name)
    for family in (
        "charts",
        "rules",
        "capability",
        "distributions",
        "msa",
        "sampling",
        "arl",
        "monitor",
        "verify",
    )
    for name in importlib.import_module(f"assay.stats.{family}").__all__
]


@pytest.mark.parametrize(("family", "name"), STATISTICS)
def test_every_public_statistic_is_in_the_reference_and_says_what_it_is(family: str, name: str) -> None:
    page = (DOCS / f"reference/statistics-{family}.md").read_text("utf-8")
    thing = getattr(importlib.import_module(f"assay.stats.{family}"), name)
    if inspect.ismodule(thing):
        assert all(f"### {family}.{name}.{one}\n" in page for one in thing.__all__)
        return
    assert f"### {family}.{name}\n" in page
    if inspect.isfunction(thing) or inspect.isclass(thing):
        assert inspect.getdoc(thing)


def test_every_plugin_of_the_core_is_in_the_reference() -> None:
    page = (DOCS / "reference/plugins.md").read_text("utf-8")
    states = [*connectors().states(), *operators().states()]
    ours = [state for state in states if state.distribution.startswith("assay-quality ")]
    assert ours
    assert not [state.id for state in ours if f"### {state.id} (" not in page]


def test_the_generated_reference_is_current() -> None:
    done = subprocess.run(
        [sys.executable, "docs/_generate", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_web_app_is_typed_from_the_current_interface() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "assay.api.openapi"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (ROOT / "web/openapi.json").read_text("utf-8") == done.stdout


@pytest.mark.parametrize("module", [manifest, connector, operator])
def test_every_member_of_a_contract_is_documented(module: Any) -> None:
    sys.path.insert(0, str(DOCS / "_generate"))
    try:
        from writing import field_notes
    finally:
        sys.path.pop(0)
    owners = [thing for thing in vars(module).values() if isinstance(thing, type)]
    silent = {
        f"{owner.__name__}.{name}"
        for owner in owners
        if owner.__module__ == module.__name__
        for name in inspect.get_annotations(owner)
        if not name.startswith("_") and name not in field_notes(owner)
    }
    assert not silent


@pytest.mark.parametrize("folder", CATALOGUES, ids=lambda folder: folder.parent.name)
def test_both_languages_say_the_same_things(folder: Path) -> None:
    zh, en = (flat(tomllib.loads((folder / f"{name}.toml").read_text("utf-8"))) for name in ("zh", "en"))
    assert zh.keys() == en.keys()
    assert {key: holes(text) for key, text in zh.items()} == {key: holes(text) for key, text in en.items()}
    assert not [key for key, text in {**zh, **en}.items() if not text.strip()]


def flat(table: dict[str, Any], prefix: str = "") -> dict[str, str]:
    texts: dict[str, str] = {}
    for name, value in table.items():
        texts |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return texts


def holes(text: str) -> set[str]:
    """The names of the placeholders in ``text``."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_links_outside_the_site_lead_somewhere(page: str) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / page).read_text("utf-8"))
    assert not [target for target in targets if not (ROOT / target).exists()]


def test_the_systems_page_points_at_what_exists() -> None:
    text = (DOCS / "systems.md").read_text("utf-8")
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| ")]
    code = {name for row in rows if len(row) > 7 for name in re.findall(r"`([\w/.-]+)`", row[4])}
    tests = {name for row in rows if len(row) > 7 for name in re.findall(r"`([\w/.-]+)`", row[5])}
    places = [ROOT / name if "/" in name else ROOT / "src/assay" / name for name in code]
    missing = [p.name for p in places if not p.exists() and not p.with_suffix(".py").exists()]
    assert not missing
    assert not [name for name in tests if not (ROOT / name).exists()]


def test_every_decision_is_listed() -> None:
    pages = {path.name for path in (DOCS / "adr").glob("0*.md")}
    listed = set(re.findall(r"\((\d{4}[\w-]+\.md)\)", (DOCS / "adr/index.md").read_text("utf-8")))
    navigated = set(re.findall(r"adr/(\d{4}[\w-]+\.md)", (ROOT / "mkdocs.yml").read_text("utf-8")))
    assert pages == listed == navigated
