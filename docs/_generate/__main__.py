"""Fill in the generated parts of the reference pages: ``python docs/_generate [--check]``.

A page holds ``<!-- generated: NAME -->`` … ``<!-- end -->``; the part between is written from the code, so
that the reference says what is true. ``--check`` changes nothing and fails when a page is stale.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Callable
from pathlib import Path

import code_rules
import commands
import layers
import model
import statistics_library
import surfaces

DOCS = Path(__file__).parents[1]
MARKED = re.compile(r"(<!-- generated: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.S)
PARTS: dict[str, Callable[[], str]] = {
    **model.PARTS,
    **layers.PARTS,
    **code_rules.PARTS,
    **commands.PARTS,
    **surfaces.PARTS,
    **statistics_library.PARTS,
}
SCHEMAS: dict[Path, Callable[[], str]] = {
    DOCS / "reference" / "mapping.schema.json": surfaces.schema_for_editors,
    DOCS / "reference" / "gate-policy.schema.json": surfaces.gate_policy_for_editors,
    DOCS / "reference" / "model.schema.json": model.schema_for_editors,
}


def filled(text: str) -> str:
    """The text of a page with its generated parts written anew."""
    return MARKED.sub(lambda found: f"{found[1]}\n{PARTS[found['name']]().strip()}\n\n{found[3]}", text)


def main(arguments: list[str]) -> int:
    """Write what has changed; with ``--check`` say what is stale instead, the exit code is how many files."""
    texts = {page: filled(page.read_text("utf-8")) for page in sorted(DOCS.rglob("*.md"))}
    texts |= {path: schema() for path, schema in SCHEMAS.items()}
    stale = 0
    for path, after in texts.items():
        before = path.read_text("utf-8") if path.exists() else ""
        if before == after:
            continue
        if "--check" not in arguments:
            path.write_text(after, "utf-8")
            print(f"wrote {path.relative_to(DOCS)}")
            continue
        stale += 1
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), path.name, "code", lineterm="")
        print("\n".join(list(lines)[:40]))
    if stale:
        print("Write them again with: make reference")
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
