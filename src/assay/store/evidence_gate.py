"""What the gate is asked about rows: who did which step, with which machine, material and recipe.

Of a movement it is its person, equipment, recipe, and, where a lot was consumed or used, that lot; of a
measurement its person and equipment. The environment is that of the equipment. Columns of the plant's own
that a policy compares (a thickness, a position) are named under ``[ledger.gate]`` in ``assay.toml``.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from assay.ledger.errors import LedgerError
from assay.ledger.gate.batches import Columns, keys_of
from assay.model.kinds import RecordKind, Role

_LOT = "lot"
_TAKEN = (Role.CONSUMED.value, Role.USED.value)
_TOOK = {"person": "person", "machine": "equipment", "environment": "equipment"}
_COLUMNS = {
    RecordKind.MOVEMENT.value: Columns(
        "segment", "happened", {**_TOOK, "recipe": "recipe", "material": "taken"}
    ),
    RecordKind.MEASUREMENT.value: Columns("segment", "happened", _TOOK),
}

JUDGED = frozenset(_COLUMNS)
"""Tables whose rows say who did which step."""


def keys_for(name: str, rows: pa.Table, values: Sequence[str] = ()) -> bytes:
    """The distinct keys of rows for the gate; nothing where a row says no step, or they are too many.

    Parameters
    ----------
    name
        The table, one of ``JUDGED``.
    rows
        Its rows.
    values
        Further columns to hand in.
    """
    try:
        return keys_of(*asked(name, rows, values))
    except LedgerError:
        return b""


def asked(name: str, rows: pa.Table, values: Sequence[str] = ()) -> tuple[pa.Table, Columns]:
    """Rows with what they are judged by, and in which columns it is; parameters as of :func:`keys_for`."""
    columns = _COLUMNS[name]
    moment = pc.coalesce(
        rows.column("started" if "started" in rows.column_names else "time"), rows.column("time")
    )
    found = rows.append_column("happened", pc.coalesce(moment, rows.column("recorded")))
    if "material" in columns.took:
        of_lot = pc.and_(
            pc.equal(_text(rows, "subject_kind"), _LOT), pc.is_in(_text(rows, "role"), pa.array(_TAKEN))
        )
        subject = _text(rows, "subject")
        found = found.append_column("taken", pc.if_else(of_lot, subject, pa.scalar(None, subject.type)))
    known = {one: one for one in values if one in rows.column_names}
    return found, Columns(columns.step, columns.time, columns.took, known)


def _text(rows: pa.Table, name: str) -> pa.ChunkedArray:
    return rows.column(name).cast(pa.string())
