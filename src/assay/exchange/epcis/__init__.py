"""EPCIS 2.0: partners' documents are validated, captured and queried, and become a plant's records."""

from assay.exchange.epcis.faults import ExchangeError, Fault, InvalidDocument
from assay.exchange.epcis.validate import Verdict, validate, validate_bytes

__all__ = ["ExchangeError", "Fault", "InvalidDocument", "Verdict", "validate", "validate_bytes"]
