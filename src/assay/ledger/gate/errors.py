"""What the gate refuses to take in: policies, inputs and claims that are not valid. In both languages."""

from __future__ import annotations

from assay.ledger.errors import LedgerError
from assay.model.catalogue import Catalogue

CATALOGUE = Catalogue("assay.ledger.gate")


class GateError(LedgerError):
    """A policy, or what is handed to the gate with an entry, is not valid."""

    catalogue = CATALOGUE
    general = "gate"
