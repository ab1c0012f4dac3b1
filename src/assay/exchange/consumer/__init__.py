"""What everybody may know who scans a product's code, and what is kept of the scan."""

from assay.exchange.consumer.contents import ConsumerAnswer
from assay.exchange.consumer.hints import PUBLIC, great_circle, hints_of
from assay.exchange.consumer.known import LONGEST, Found, ScannedCode, find_code, read_link
from assay.exchange.consumer.listed import ScanCard, ScanList, scans_of
from assay.exchange.consumer.page import consumer_answer

__all__ = [
    "LONGEST",
    "PUBLIC",
    "ConsumerAnswer",
    "Found",
    "ScanCard",
    "ScanList",
    "ScannedCode",
    "consumer_answer",
    "find_code",
    "great_circle",
    "hints_of",
    "read_link",
    "scans_of",
]
