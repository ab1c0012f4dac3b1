"""Records that an analysis or a person adds to a plant: new ones, nothing overwritten."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from assay.model.kinds import RecordKind
from assay.store.keys import LoadKey
from assay.store.workspace import Workspace

_KEY = ("segment", "execution", "role", "subject_kind", "subject", "position")
_ALIKE = 1e-9
"""Difference of two figures that is no difference."""


def record_movements(
    workspace: Workspace,
    source: str,
    name: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    after: datetime | None = None,
) -> int:
    """Append movements as one load of their own; returns how many.

    Parameters
    ----------
    source, name
        Who records them, and of what: the load is named by it and by the moment.
    rows
        Columns of a movement by name; what a row lacks is null.
    after
        Their record time is later than this, whatever the clock says.
    """
    if not rows:
        return 0
    now = datetime.now(UTC)
    if after is not None and after >= now:
        now = after + datetime.resolution
    digest = hashlib.sha256(repr([sorted(row.items()) for row in rows]).encode()).hexdigest()[:16]
    load = LoadKey(source, f"{name}/{now:%Y%m%dT%H%M%S.%f}/{digest}")
    keys = [_hash(row, _KEY) for row in rows]
    record_rows(workspace, RecordKind.MOVEMENT, load, rows, keys=keys, recorded=now)
    return len(rows)


def record_rows(
    workspace: Workspace,
    kind: RecordKind,
    load: LoadKey,
    rows: Sequence[Mapping[str, Any]],
    *,
    keys: Sequence[int],
    recorded: datetime,
) -> None:
    """Append records as a load of their own.

    Parameters
    ----------
    kind, load
        What they are, and the load they make.
    rows
        Columns by name; what a row lacks is null.
    keys
        Of each row, 64 bits of what makes it the same record.
    recorded
        Their record time.
    """
    schema = workspace.lake.schema(kind)
    names = dict.fromkeys(column for row in rows for column in row)
    columns = {
        column: pa.array([row.get(column) for row in rows], _plain(schema.field(column).type))
        for column in names
    }
    hashes = np.array(keys, dtype=np.int64)
    content = np.array([_hash(row, tuple(row)) for row in rows], dtype=np.int64)
    table = pa.table({**columns, "seq": np.arange(len(rows)), "key_hash": hashes, "content_hash": content})
    with workspace.lake.stage(kind, load=load, recorded=recorded) as writer:
        writer.write(table)
    workspace.lake.commit(kind, writer.finish(), load=load)


def record_inferred(
    workspace: Workspace, source: str, segment: str, rows: Sequence[Mapping[str, Any]], *, by: str
) -> int:
    """Append inferred movements that aren't known yet and correct those that are otherwise now.

    What was inferred for the segment before and isn't among ``rows`` is taken back; what somebody else
    corrected stays as it was corrected. The load, and so each record and its entry in the evidence log, is
    named by the segment and by who wrote it: by the random id where the log has people by that, ``unnamed``
    where no ids are kept on this machine. Returns how many rows were new: none when the same is written
    again.
    """
    if workspace.people is not None:
        by = workspace.people.id_of(by)
    people = workspace.evidence.people if workspace.evidence.on else None
    writer = by if people is None else people.id_of(by) if people.here else _UNNAMED
    known, held = _recorded(workspace, source, segment), _held(workspace, source, segment)
    new: list[Mapping[str, Any]] = []
    for row in rows:
        place = (row["execution"], row["role"], row["subject"], row["subject_kind"])
        earlier = known.pop(place, None)
        if place in held:
            continue
        if earlier is None:
            new.append(row)
        elif not all(_same(earlier[name], row.get(name)) for name in earlier):
            new.append({**row, "correction": _AGAIN, "corrected_by": by})
    for (execution, role, subject, kind), earlier in known.items():
        if earlier["quantity"] != 0 and (execution, role, subject, kind) not in held:
            gone = {"execution": execution, "segment": segment, "role": role, "quantity": 0.0}
            gone |= {"subject": subject, "subject_kind": kind, "confidence": 0.0, "choice": earlier["choice"]}
            new.append(gone | {"correction": _AGAIN, "corrected_by": by})
    return record_movements(workspace, source, f"{segment}/{writer}", new)


_AGAIN = "inferred again"
_UNNAMED = "unnamed"
_FIGURES = ("quantity", "confidence", "share")


def _recorded(
    workspace: Workspace, source: str, segment: str
) -> dict[tuple[str, str, str, str], dict[str, Any]]:
    """What was inferred before, as it stands."""
    figures = ", ".join(f"last({name} ORDER BY recorded, seq) AS {name}" for name in (*_FIGURES, "choice"))
    rows = workspace.lake.query(
        f"SELECT execution, role, subject, subject_kind, {figures} FROM movement "
        "WHERE segment = $segment AND source = $source GROUP BY execution, role, subject, subject_kind",
        {"segment": segment, "source": source},
    )
    return {
        (row["execution"], row["role"], row["subject"], row["subject_kind"]): {
            name: row[name] for name in (*_FIGURES, "choice")
        }
        for row in rows.to_pylist()
    }


def _held(workspace: Workspace, source: str, segment: str) -> set[tuple[str, str, str, str]]:
    """Which movements of the segment somebody else corrected."""
    rows = workspace.lake.query(
        "SELECT DISTINCT execution, role, subject, subject_kind FROM movement "
        "WHERE segment = $segment AND source <> $source AND correction IS NOT NULL",
        {"segment": segment, "source": source},
    )
    return {tuple(row.values()) for row in rows.to_pylist()}


def _same(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= _ALIKE * max(1.0, abs(one))
    return one == other


def _hash(row: Mapping[str, Any], names: Sequence[str]) -> int:
    digest = hashlib.blake2b(repr([row.get(name) for name in names]).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind
