"""Correct: a movement was recorded wrongly, and a new record says what is right, who says so and why."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from assay.analyse.errors import CorrectionRefusal, joined, near, told
from assay.analyse.recording import record_movements
from assay.genealogy import KINDS
from assay.model.kinds import HASHES, IDENTITY, RecordKind, Role
from assay.model.text import Text
from assay.query.standing import LATEST
from assay.store.workspace import Workspace

SOURCE = "correction"
"""The source of the movements that :func:`correct` records."""
PLACE = ("segment", "execution", "role", "subject_kind", "subject", "position")
"""What says which movement it is."""
_OWN = ("correction", "corrected_by", "recorded", "choice", "date")
_PARTS = ("share", "confidence")


@dataclass(frozen=True, eq=False)
class Correction:
    """What was corrected.

    Attributes
    ----------
    before
        The records that no longer count, as they stand in the lake; one row or, where the same was recorded
        several times, more.
    after
        The records that count instead; one with a quantity of 0 takes a movement back.
    """

    before: pa.Table
    after: pa.Table

    def to_dict(self) -> dict[str, Any]:
        """The correction as plain JSON values, without columns that say nothing."""
        return {"before": _spoken(self.before), "after": _spoken(self.after)}


def correct(
    workspace: Workspace,
    execution: str,
    role: str,
    subject: str,
    *,
    changes: Mapping[str, Any] | None = None,
    take_back: bool = False,
    why: str,
    by: str,
    segment: str | None = None,
    kind: str | None = None,
    position: str | None = None,
) -> Correction:
    """Record that a movement was otherwise, or that there was none.

    Nothing is overwritten: traces and recalls follow the new record at once, and ``as_of`` shows what was
    known before. Where the same subject was recorded several times at one position of an execution, the
    correction stands for all of them together.

    Parameters
    ----------
    execution, role, subject
        Which movement.
    changes
        Columns of the movement and what is right: quantities in the unit given beside them, times with time
        zone, None for "not known". What isn't named stays. A change of the subject, its kind, execution,
        segment, role or position takes the movement back and records another.
    take_back
        There was no such movement.
    why, by
        The reason and the person.
    segment, kind, position
        Which one, where several movements have the same execution, role and subject.

    Raises
    ------
    AnalysisError
        There is no such movement or there are several, a change is of no column or makes no sense, nothing is
        changed, or it isn't said why or by whom.
    """
    wanted = dict(changes or {})
    if not why.strip() or not by.strip():
        raise CorrectionRefusal.of("no-reason")
    if take_back == bool(wanted):
        raise CorrectionRefusal.of("no-change")
    _check(workspace, wanted)
    given = {"segment": segment, "subject_kind": kind, "position": position}
    named: dict[str, Any] = {"execution": execution, "role": role, "subject": subject}
    history = _found(workspace, named, given)
    corrected = [row for row in history if row["correction"] is not None]
    rows = corrected[-1:] or history
    last, there = rows[-1], [row for row in history if not _takes_back(row)]
    if _takes_back(last) and "quantity" not in wanted:
        raise CorrectionRefusal.of("taken-back", **named, by=last["corrected_by"])
    right = {name: value for name, value in (there or rows)[-1].items() if name not in _names()} | wanted
    said = {"correction": why.strip(), "corrected_by": by.strip()}
    if not take_back and all(last.get(name) == value for name, value in wanted.items()):
        raise CorrectionRefusal.of("same", **named, values=_listed(wanted))
    gone = {name: last[name] for name in PLACE} | {"time": last["time"], "quantity": 0.0, **said}
    moved = any(right[name] != last[name] for name in PLACE)
    new = [gone] if take_back or moved else []
    if not take_back:
        new.append(right | said)
    record_movements(workspace, SOURCE, execution, new, after=max(row["recorded"] for row in rows))
    schema = workspace.lake.schema(RecordKind.MOVEMENT)
    return Correction(_as_table(rows, schema), _as_table(new, schema))


def _found(workspace: Workspace, named: dict[str, str], given: dict[str, str | None]) -> list[dict[str, Any]]:
    """All records of the one movement meant, the last of them last."""
    chosen = named | {name: value for name, value in given.items() if value is not None}
    rows: list[dict[str, Any]] = workspace.lake.query(
        f"SELECT * FROM movement WHERE {' AND '.join(f'{name} = ${name}' for name in chosen)} "
        f"ORDER BY {LATEST.replace('DESC', 'ASC')}",
        chosen,
    ).to_pylist()
    if not rows:
        raise CorrectionRefusal.of("none", values=_listed(chosen), execution=named["execution"])
    places = {tuple(row[name] for name in PLACE) for row in rows}
    if len(places) > 1:
        differ = [name for at, name in enumerate(PLACE) if len({place[at] for place in places}) > 1]
        found = [_listed(dict(zip(PLACE, place, strict=True)), differ) for place in places]
        raise CorrectionRefusal.of(
            "several",
            count=len(places),
            values=_listed(chosen),
            columns=joined("and", (name.replace("subject_kind", "kind") for name in differ)),
            places=joined("or", sorted(found, key=lambda one: one.en)[:5]),
        )
    return rows


def _takes_back(row: Mapping[str, Any]) -> bool:
    return row["correction"] is not None and row["quantity"] == 0


def _check(workspace: Workspace, changes: dict[str, Any]) -> None:
    schema = workspace.lake.schema(RecordKind.MOVEMENT)
    possible = [name for name in schema.names if name not in {*_names(), *_OWN}]
    for name, value in changes.items():
        if name not in possible:
            known = joined("list", possible)
            raise CorrectionRefusal.of("column", name=name, known=known, advice=near(name, possible))
        problem = _problem(name, value, schema.field(name))
        if problem:
            raise CorrectionRefusal.of("value", name=name, value=value, problem=problem)


def _problem(name: str, value: Any, field: pa.Field) -> Text | None:
    if value is None:
        return None if field.nullable else told("problem.needed")
    if name == "role" and value not in list(Role):
        return told("problem.role", known=joined("list", Role))
    if name == "subject_kind" and value not in KINDS:
        return told("problem.kind", known=joined("list", KINDS))
    if pa.types.is_timestamp(field.type):
        return None if isinstance(value, datetime) and value.tzinfo else told("problem.moment")
    if pa.types.is_floating(field.type):
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return told("problem.number")
        if name == "quantity" and value <= 0:
            return told("problem.quantity")
        return told("problem.part") if name in _PARTS and not 0 <= value <= 1 else None
    if pa.types.is_dictionary(field.type) or pa.types.is_string(field.type):
        return None if isinstance(value, str) and value.strip() else told("problem.word")
    return None


def _names() -> set[str]:
    """Columns that say under what a record was stored, not what was recorded."""
    return {*(field.name for field in (*IDENTITY, *HASHES)), "recorded", "date"}


def _listed(values: Mapping[str, Any], names: list[str] | None = None) -> Text:
    nothing = told("value.none")
    shown = names if names is not None else list(values)
    return joined(
        "list",
        (
            told("value.shown", name=name, value=nothing if values[name] is None else values[name])
            for name in shown
        ),
    )


def _as_table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    fields = [pa.field(one.name, _plain(one.type)) for one in schema]
    return pa.Table.from_pylist(rows, schema=pa.schema(fields))


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _spoken(rows: pa.Table) -> list[dict[str, Any]]:
    hashes = {field.name for field in HASHES}
    return [
        {name: value for name, value in row.items() if value is not None and name not in hashes}
        for row in rows.to_pylist()
    ]
