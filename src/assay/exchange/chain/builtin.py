"""The templates that come with Assay, through the door that anyone's come through."""

from __future__ import annotations

from functools import partial
from importlib.resources import files

from assay.model.text import Text
from assay.plugins.contract import ContractManifest


def _file(*path: str) -> bytes:
    return files("assay.exchange.chain").joinpath(*path).read_bytes()


def _template(name: str, contract: str, title: Text) -> ContractManifest:
    return ContractManifest(
        id=name,
        version="1.0",
        title=title,
        manifest=partial(_file, "templates", f"{name}.json"),
        artifact=partial(_file, "artifacts", f"{contract}.json"),
        extra="chain",
    )


PURCHASE_ORDER = _template("purchase-order", "PurchaseOrder", Text(zh="采购订单", en="Purchase order"))
INSPECTION_ATTESTATION = _template(
    "inspection-attestation", "InspectionAttestation", Text(zh="检验证明", en="Inspection attestation")
)
INSPECTOR_REGISTRY = _template(
    "inspector-registry", "InspectorRegistry", Text(zh="检验员登记", en="Inspector registry")
)
