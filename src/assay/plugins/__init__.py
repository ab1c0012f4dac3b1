"""Extension by entry points: contracts in :mod:`assay.plugins.contracts`, and what is installed."""

from assay.plugins.registry import (
    PluginRegistry,
    PluginState,
    connectors,
    contracts,
    describe,
    operators,
)

__all__ = ["PluginRegistry", "PluginState", "connectors", "contracts", "describe", "operators"]
