"""The contract of contract templates: a manifest in JSON and a compiled implementation, both as files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from assay.plugins.manifest import Manifest


@dataclass(frozen=True, kw_only=True)
class ContractManifest(Manifest):
    """The manifest of a contract template; what it does on a chain is in its files."""

    manifest: Callable[[], bytes]
    """The template's manifest in JSON: terms, roles, states, transitions, evidence."""
    artifact: Callable[[], bytes]
    """The artifact that ``contracts/build.py`` makes of the implementation, in JSON."""
