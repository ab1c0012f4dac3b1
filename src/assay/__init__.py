"""Assay: from a bad part to its ranked causes, with evidence and blast radius."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("assay-quality")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0.0.0"

__all__ = ["__version__"]
