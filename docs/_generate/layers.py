"""Reference of the derived tables."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from assay.query.engines.duckdb_dialect import DuckDialect
from assay.query.layers import DEFINITIONS
from assay.query.layers.definition import Definition, Ground
from assay.query.masters import OFFSETS
from assay.store.lineage import LINEAGE_SCHEMA
from model import MEANING, arrow_type
from writing import table

NOTHING = Ground(DuckDialect(), "UTC", {}, {})

DERIVED_MEANING = MEANING | {
    "characteristic": "what was measured or judged",
    "conforming": "whether it is good, by its word or its limits; empty: nobody can tell",
    "date": "the partition",
    "definition": "name of the definition",
    "derived": "when, UTC",
    "dates": "how many dates were written",
    "code": "version of Assay",
    "equipment": "where",
    "executions": "how many executions it went through",
    "files": "how many files of the input were new",
    "fingerprint": "hash of everything the definition says",
    "first": "earliest value",
    "first_time": "when it was first seen",
    "input": "a table that was read",
    "input_version": "version of the input",
    "judged": "results of which it is known whether they are good",
    "last": "latest value",
    "last_time": "when it was last seen",
    "lot_id": "the lot: as recorded, or one that shares an execution with the unit",
    "lower_specification_limit": "limit in force then, in `unit`",
    "material": "the unit's material",
    "max": "largest value",
    "mean": "arithmetic mean",
    "min": "smallest value",
    "n": "number of values",
    "nonconforming": "how many of them are bad",
    "product": "material of the unit",
    "results": "number of results, text ones too",
    "roles": "what the subject was to the execution; several with commas between",
    "rows_in": "new rows of the inputs",
    "rows_out": "rows in the dates that were written",
    "shift": "1 early, 2 late, 3 night",
    "since": "version of the input that was known before; −1: everything was read",
    "slope": "least-squares slope per second",
    "std": "sample standard deviation",
    "table": "the derived table",
    "target": "target in force then, in `unit`",
    "unit_id": "the unit",
    "units": "passes of units through the step that were judged",
    "upper_specification_limit": "limit in force then, in `unit`",
    "version": "its version",
    "whole": "whether everything was derived again",
    "yield": "share of them that conform, 0 to 1",
}
OWN = {
    ("ads_yield", "conforming"): "how many of them are good",
}


def _columns(name: str, schema: pa.Schema) -> str:
    return table(
        ["column", "type", "", "meaning"],
        (
            [
                f"`{column.name}`",
                arrow_type(column),
                "" if column.nullable else "required",
                OWN.get((name, column.name)) or DERIVED_MEANING[column.name],
            ]
            for column in schema
        ),
    )


def _section(definition: Definition) -> str:
    day = "production day" if OFFSETS in definition.masters else "UTC date"
    return (
        f"## {definition.name}\n\n{definition.title} Made from "
        f"{', '.join(f'`{name}`' for name in definition.inputs)}; partitioned by `date`, the {day}; "
        f"sorted by {', '.join(f'`{name}`' for name in definition.sort)}.\n\n"
        f"{_columns(definition.name, definition.schema(NOTHING))}"
    )


def derived_tables() -> str:
    """Each derived table with its columns."""
    return "\n\n".join(map(_section, DEFINITIONS))


def lineage() -> str:
    """The columns of the relation ``lineage``."""
    return _columns("lineage", LINEAGE_SCHEMA)


PARTS: dict[str, Callable[[], str]] = {"derived-tables": derived_tables, "lineage": lineage}
