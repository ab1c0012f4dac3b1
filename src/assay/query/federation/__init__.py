"""Tables that stay in other databases and are asked as if they were here."""

from assay.query.federation.errors import (
    MissingDriver,
    SourceChanged,
    SourceDown,
    SourceFailure,
    SourceRefused,
    SourceSlow,
    SourceTooMuch,
    SourceValue,
)
from assay.query.federation.fetch import Federation, federation

__all__ = [
    "Federation",
    "MissingDriver",
    "SourceChanged",
    "SourceDown",
    "SourceFailure",
    "SourceRefused",
    "SourceSlow",
    "SourceTooMuch",
    "SourceValue",
    "federation",
]
