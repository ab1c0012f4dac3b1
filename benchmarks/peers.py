"""Libraries that are measured beside Assay and installed for that alone, into a folder of their own."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import distributions
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).resolve().parents[1] / ".bench-peers"
HOW = "`make bench` installs it from benchmarks/requirements.lock"


def peer(name: str) -> ModuleType | None:
    """The module ``name``, or None when it isn't installed.

    The folder comes last on the path, so that both sides run the same NumPy and SciPy.
    """
    if FOLDER.is_dir() and str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def version(name: str) -> str:
    """The installed version of the distribution ``name``."""
    found = [one.version for one in distributions(path=[str(FOLDER)]) if one.name == name]
    return found[0] if found else ""
