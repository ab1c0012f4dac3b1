"""A contract template: a supplier's bond for the time of a warranty."""

from importlib.resources import files

from assay.plugins.contracts import ContractManifest, Text

_HERE = files("assay_warranty_bond")

MANIFEST = ContractManifest(
    id="warranty-bond",
    version="0.1.0",
    title=Text(zh="质保保证金", en="Warranty bond"),
    manifest=_HERE.joinpath("manifest.json").read_bytes,
    artifact=_HERE.joinpath("artifacts", "WarrantyBond.json").read_bytes,
)
