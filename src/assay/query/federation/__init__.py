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
from assay.query.federation.seen import Acceptance, ColumnDrift, TableDrift

__all__ = [
    "Acceptance",
    "ColumnDrift",
    "Federation",
    "MissingDriver",
    "SourceChanged",
    "SourceDown",
    "SourceFailure",
    "SourceRefused",
    "SourceSlow",
    "SourceTooMuch",
    "SourceValue",
    "TableDrift",
    "federation",
]
