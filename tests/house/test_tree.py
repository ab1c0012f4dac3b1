"""Rules about the files of the project itself."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST_MODULE = 600
GENERATED = {"schema.d.ts"}
THIS_MACHINE = re.compile(
    r"(?<![\w.~-])/(?:work|root|home/\w+|tmp/team|opt/(?:pypi|wheels))/|\.\./(?:shared|seeds)\b"
)


def tracked() -> list[Path]:
    """Every file that is in the repository, or would be with the next commit."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    found = (ROOT / name for name in listing.stdout.decode().split("\0") if name)
    return [path for path in found if path.is_file()]


def text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        return ""


def test_modules_stay_small() -> None:
    sources = [p for p in tracked() if p.suffix in {".py", ".ts", ".vue"} and p.name not in GENERATED]
    long = {str(p.relative_to(ROOT)): n for p in sources if (n := text_of(p).count("\n")) >= LONGEST_MODULE}
    assert not long, f"one concept, one file: split what reaches {LONGEST_MODULE} lines"


def test_lock_files_hold_no_addresses() -> None:
    locks = [
        ROOT / name
        for name in (
            "requirements.lock",
            "benchmarks/requirements.lock",
            "web/package-lock.json",
            "contracts/package-lock.json",
        )
    ]
    lines = [line for lock in locks for line in lock.read_text("utf-8").splitlines()]
    funding = '"url": '  # a package's own note, not an address it is fetched from
    assert not [
        line for line in lines if re.search(r'"resolved"|https?://|git\+|file:', line) and funding not in line
    ]


def test_no_file_names_the_machine_it_was_written_on() -> None:
    named = {
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in tracked()
        if path != Path(__file__)
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if THIS_MACHINE.search(line)
    }
    assert not named


def test_every_package_has_code() -> None:
    packages = [p.parent for p in (ROOT / "src/assay").rglob("__init__.py")]
    empty = [str(p.relative_to(ROOT)) for p in packages if not has_code(p)]
    assert not empty, "a package comes with its first real code"


def has_code(package: Path) -> bool:
    """Whether any module at or under ``package`` defines or runs something."""
    return any(
        any(not is_docstring_or_import(node) for node in ast.parse(text_of(module)).body)
        for module in package.rglob("*.py")
    )


def is_docstring_or_import(node: ast.stmt) -> bool:
    docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return docstring or isinstance(node, ast.Import | ast.ImportFrom)


def test_nothing_is_left_to_do() -> None:
    left = {
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked()
        if path.suffix in {".py", ".ts", ".vue"} and path != Path(__file__)
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line)
    }
    assert not left
