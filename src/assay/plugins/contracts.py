"""Everything a plugin needs to import.

A plugin package names a manifest in the entry-point group of its contract::

    [project.entry-points."assay.operators"]
    capability = "my_package.capability:MANIFEST"

    MANIFEST = OperatorManifest(
        id="capability", version="0.1.0", title=Text(zh="过程能力", en="Process capability"),
        config=CapabilityArguments, capabilities=frozenset({"table"}), run=run_capability,
    )
"""

from assay.model.text import Text
from assay.plugins.connector import (
    Block,
    Connector,
    ConnectorManifest,
    Fault,
    RawRow,
    Reading,
    Recognition,
    RecordSource,
)
from assay.plugins.contract import ContractManifest
from assay.plugins.manifest import Manifest, NoConfig
from assay.plugins.operator import OperatorManifest, OperatorResult, Progress

__all__ = [
    "Block",
    "Connector",
    "ConnectorManifest",
    "ContractManifest",
    "Fault",
    "Manifest",
    "NoConfig",
    "OperatorManifest",
    "OperatorResult",
    "Progress",
    "RawRow",
    "Reading",
    "Recognition",
    "RecordSource",
    "Text",
]
