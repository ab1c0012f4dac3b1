"""What the chain and its contracts refuse, in both languages; ``reason`` is one word in every language."""

from __future__ import annotations

from assay.model.catalogue import Catalogue
from assay.model.reasoned import ReasonedError

CATALOGUE = Catalogue("assay.exchange.chain")


class ChainError(ReasonedError, RuntimeError):
    """Something about a chain can't be done, or isn't as it should be."""

    catalogue = CATALOGUE
    general = "chain"
