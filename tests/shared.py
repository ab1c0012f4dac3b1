"""The real data sets beside the checkout; most may not be shipped, so they can be absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ABSENT = "real data sets are not here: set ASSAY_DATA to their folder"


def data_folder() -> Path | None:
    """Where the data sets are: ASSAY_DATA, or ``shared/data`` beside the checkout; None when absent."""
    named = os.environ.get("ASSAY_DATA")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    return folder if folder.is_dir() else None


def data_set(name: str) -> Path:
    """The folder or file ``name`` of the data sets; skips the test (or module) when absent."""
    folder = data_folder()
    if folder is None or not (folder / name).exists():
        pytest.skip(f"{ABSENT} ({name})", allow_module_level=True)
    return folder / name
