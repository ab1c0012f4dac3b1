"""The pages that come with Assay."""

from __future__ import annotations

from functools import cache
from importlib import resources

from assay.apps.page import Page, read_page

_IN_ORDER = (
    *("overview", "cause", "questions", "chart", "capability", "monitor"),
    *("trace", "bridges", "mixing", "metres", "unit", "unit-file", "weld-file"),
    *("scans", "alarms", "evidence", "contracts", "import"),
)


@cache
def builtin_pages() -> dict[str, Page]:
    """Every built-in page by its id, in the order of the navigation."""
    folder = resources.files("assay.apps") / "pages"
    pages = [
        read_page(
            (folder / f"{name}.yaml").read_text(encoding="utf-8"), origin=f"assay/apps/pages/{name}.yaml"
        )
        for name in _IN_ORDER
    ]
    return {page.id: page for page in pages}
