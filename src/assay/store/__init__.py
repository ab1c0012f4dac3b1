"""The workspace of a plant: registry, lake, quarantine, backup."""

from assay.store.config import PlantConfig
from assay.store.keys import LoadKey
from assay.store.lake import Lake
from assay.store.layout import StagedFile
from assay.store.locks import PlantBusy
from assay.store.quarantine import Quarantine
from assay.store.registry import Account, LoadRow, Registry
from assay.store.staging import StagedWriter
from assay.store.workspace import Workspace

__all__ = [
    "Account",
    "Lake",
    "LoadKey",
    "LoadRow",
    "PlantBusy",
    "PlantConfig",
    "Quarantine",
    "Registry",
    "StagedFile",
    "StagedWriter",
    "Workspace",
]
