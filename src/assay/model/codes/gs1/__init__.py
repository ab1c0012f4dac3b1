"""GS1 keys as element strings, EPC URNs and Digital Links; check digits are always verified."""

from assay.model.codes.gs1.check_digit import check_digit, check_pair
from assay.model.codes.gs1.digital_link import DigitalLink, parse_digital_link, to_digital_link
from assay.model.codes.gs1.elements import GS, ElementString, check_value
from assay.model.codes.gs1.identifiers import Problem, verify_identifier
from assay.model.codes.gs1.keys import KEYS, complete_key, gtin14, shortest_gtin
from assay.model.codes.gs1.urn import PureIdentity, parse_urn, to_urn

__all__ = [
    "GS",
    "KEYS",
    "DigitalLink",
    "ElementString",
    "Problem",
    "PureIdentity",
    "check_digit",
    "check_pair",
    "check_value",
    "complete_key",
    "gtin14",
    "parse_digital_link",
    "parse_urn",
    "shortest_gtin",
    "to_digital_link",
    "to_urn",
    "verify_identifier",
]
