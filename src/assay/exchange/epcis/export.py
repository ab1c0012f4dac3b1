"""A plant's genealogy as EPCIS events, one for each execution of a step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from assay.exchange.epcis.answers import written
from assay.exchange.epcis.context import GS1_CONTEXT
from assay.exchange.epcis.plant_ids import common_code, to_uri
from assay.exchange.epcis.vocabulary import BIZ_STEPS, RETURNED

if TYPE_CHECKING:
    from assay.store.workspace import Workspace

_ROLES: Final = {
    "consumed": "input",
    "produced": "output",
    "by-product": "output",
    "sample": "output",
    "returned": "back",
}
"""What a role is in an event; what a step used without using it up is in none."""
_BACK: Final = "/returned"
"""What the id of the event of what comes back has at its end, where the execution has an event without."""
_PACKINGS: Final = [
    (frozenset({"produced"}), frozenset({"consumed"})),
    (frozenset(), frozenset({"returned"})),
    (frozenset({"consumed"}), frozenset()),
]
"""Roles of a container and of its content where things are packed, taken out, or all taken out."""
_COLUMNS: Final = (
    "execution",
    "role",
    "subject",
    "subject_kind",
    "quantity",
    "unit",
    "segment",
    "equipment",
    "work_order",
    "carrier",
    'coalesce("ended", "started", "time") AS moment',
)


def export_events(workspace: Workspace, *, work_order: str | None = None) -> Iterator[dict[str, Any]]:
    """The events of every execution with movements that count, in the order of their ids.

    What came in by EPCIS does not go out again. Units become EPCs, lots become quantities of a class; an id
    that is no URI becomes one (see :mod:`assay.exchange.epcis.plant_ids`). What is packed into a container
    and taken out of it becomes aggregations. What an execution gives back becomes an observation with the
    disposition ``returned``, an event of its own beside what went in and came out. A correction replaces what
    it corrects.
    """
    where = "WHERE source <> 'epcis'"
    if work_order is not None:
        quoted = work_order.replace("'", "''")
        where += f" AND work_order = '{quoted}'"
    key = "execution, role, subject, coalesce(segment, ''), coalesce(position, '')"
    table = workspace.lake.query(
        f"SELECT {', '.join(_COLUMNS)} FROM movement {where} "
        f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY recorded DESC, seq DESC) = 1 "
        "ORDER BY execution, role, subject"
    )
    for execution, rows in groupby(table.to_pylist(), key=itemgetter("execution")):
        counting = [row for row in rows if not (row["quantity"] == 0 and _ROLES.get(row["role"]))]
        yield from _events(execution, counting)


def document_of(events: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """An EPCISDocument of events."""
    return {
        "@context": [GS1_CONTEXT],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": written(datetime.now(UTC)),
        "epcisBody": {"eventList": [dict(one) for one in events]},
    }


def _events(execution: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    sides: dict[str, list[Mapping[str, Any]]] = {"input": [], "output": [], "back": []}
    for row in rows:
        side = _ROLES.get(row["role"])
        if side is not None:
            sides[side].append(row)
    moments = [row["moment"] for row in rows if row["moment"] is not None]
    if not moments:
        return
    about: dict[str, Any] = {
        "eventID": to_uri("execution", execution),
        "eventTime": written(max(moments)),
        "eventTimeZoneOffset": "+00:00",
    }
    container = _container(rows)
    if container is not None:
        content = [row for row in rows if row["subject"] != container]
        yield {
            **about,
            "type": "AggregationEvent",
            "action": "ADD" if sides["output"] else "DELETE",
            "parentID": to_uri("unit", container),
            **_what(content, "childEPCs", "childQuantityList"),
            **_where(rows),
        }
        return
    moved = _moved(sides["input"], sides["output"])
    if moved:
        yield {**about, **moved, **_where(rows)}
    if sides["back"]:
        back = about if not moved else about | {"eventID": to_uri("execution", f"{execution}{_BACK}")}
        listed = _what(sides["back"], "epcList", "quantityList")
        said = {"type": "ObjectEvent", "action": "OBSERVE", **listed, "disposition": RETURNED}
        yield {**back, **said, **_where(sides["back"])}


def _moved(inputs: Sequence[Mapping[str, Any]], outputs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What an execution took in and brought out; nothing where it did neither."""
    if inputs and outputs:
        return {
            "type": "TransformationEvent",
            **_what(inputs, "inputEPCList", "inputQuantityList"),
            **_what(outputs, "outputEPCList", "outputQuantityList"),
        }
    if inputs or outputs:
        action = "ADD" if outputs else "DELETE"
        return {
            "type": "ObjectEvent",
            "action": action,
            **_what(outputs or inputs, "epcList", "quantityList"),
        }
    return {}


def _container(rows: Sequence[Mapping[str, Any]]) -> str | None:
    """The container that all of an execution is about: something is packed into it, or taken out of it."""
    containers = {row["carrier"] for row in rows}
    if len(containers) != 1 or None in containers:
        return None
    [container] = containers
    own = frozenset(row["role"] for row in rows if row["subject"] == container)
    rest = frozenset(row["role"] for row in rows if row["subject"] != container)
    return str(container) if (own, rest) in _PACKINGS else None


def _what(rows: Sequence[Mapping[str, Any]], epcs: str, quantities: str) -> dict[str, Any]:
    units = list(
        dict.fromkeys(to_uri("unit", row["subject"]) for row in rows if row["subject_kind"] == "unit")
    )
    lots = [_quantity(row) for row in rows if row["subject_kind"] != "unit"]
    return {**({epcs: units} if units else {}), **({quantities: lots} if lots else {})}


def _quantity(row: Mapping[str, Any]) -> dict[str, Any]:
    element: dict[str, Any] = {"epcClass": to_uri("lot", row["subject"])}
    if row["quantity"] is not None:
        element["quantity"] = row["quantity"]
        code = common_code(row["unit"])
        if code is not None:
            element["uom"] = code
    return element


def _where(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    names = ("segment", "equipment", "work_order")
    first = {name: next((row[name] for row in rows if row[name]), None) for name in names}
    found: dict[str, Any] = {}
    if first["segment"]:
        step = first["segment"]
        found["bizStep"] = step if step in BIZ_STEPS.known else to_uri("step", step)
    if first["equipment"]:
        found["readPoint"] = {"id": to_uri("equipment", first["equipment"])}
    if first["work_order"]:
        order = to_uri("order", first["work_order"])
        found["bizTransactionList"] = [{"type": "prodorder", "bizTransaction": order}]
    return found
