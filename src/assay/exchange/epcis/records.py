"""Captured events as a plant's records: movements, results, readings and events.

| event | becomes |
|---|---|
| transformation | movements: inputs consumed, outputs produced |
| object ADD, DELETE | movements: produced, consumed |
| aggregation, association ADD | movements: children consumed, the parent produced with itself as carrier |
| aggregation, association DELETE | movements: children returned with the parent as carrier |
| the same without children | movement: the parent consumed with itself as carrier, which empties it |
| everything else | one event record for each object |
| sensor data | results of the objects, or readings of the place where there are none |

An error declaration corrects the movements of its event to nothing; the first records stay. Each row's
``seq`` follows from the event's position, so that bringing events in again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from assay.connect.hashing import field_hashes, joined, salt, signed
from assay.exchange.epcis.plant_ids import kind_of
from assay.exchange.epcis.repository import Repository, StoredEvent
from assay.exchange.epcis.times import parse_time
from assay.exchange.epcis.units import ucum_unit
from assay.exchange.epcis.vocabulary import (
    BIZ_STEPS,
    DISPOSITIONS,
    ERROR_REASONS,
    MEASUREMENT_TYPES,
    RETURNED,
)
from assay.model.codes.canonical import from_uri
from assay.model.kinds import SCHEMAS, RecordKind
from assay.store.evidence_captures import MAKING_RECORDS
from assay.store.hot import HotBufferFull
from assay.store.keys import LoadKey
from assay.store.locks import locked
from assay.store.tables import EPCIS_EVENT

if TYPE_CHECKING:
    from assay.store.workspace import Workspace

LOAD: Final = LoadKey("epcis", "captured events")
"""All rows made of captured events are of one load."""
ROWS_PER_EVENT: Final = 1 << 20
_CURSOR: Final = "epcis.records"
_AT_A_TIME: Final = 10_000
_KEYS: Final = {
    RecordKind.MOVEMENT: ("execution", "role", "subject", "position", "correction"),
    RecordKind.MEASUREMENT: ("subject", "characteristic", "time", "gauge"),
    RecordKind.READING: ("signal", "time"),
    RecordKind.EVENT: ("event", "subject", "time"),
}
_FIGURES: Final = {
    "value": "",
    "minValue": ".min",
    "maxValue": ".max",
    "meanValue": ".mean",
    "sDev": ".sd",
    "percValue": ".percentile",
}

Row = dict[str, Any]


@dataclass
class Rows:
    """Rows by kind of record, in the order of ``seq``."""

    by_kind: dict[RecordKind, list[Row]] = field(default_factory=dict)

    def add(self, kind: RecordKind, row: Row) -> None:
        """Append a row."""
        self.by_kind.setdefault(kind, []).append(row)

    def __len__(self) -> int:
        return sum(map(len, self.by_kind.values()))


def rows_of(stored: StoredEvent) -> Rows:
    """The records that one captured event is."""
    return _Event(stored).rows()


def bring_in(workspace: Workspace, repository: Repository) -> int:
    """Add the records of events that were captured since the last time; returns how many rows are new.

    One process at a time does this; after a crash the rest is added. Events that are captured meanwhile wait
    for the next time: few large appends cost much less than many small ones.
    """
    added = 0
    with locked(workspace.spool / MAKING_RECORDS):
        cursor = int(workspace.registry.setting(_CURSOR) or 0)
        newest = repository.last_position()
        while cursor < newest:
            upto = min(cursor + _AT_A_TIME, newest)
            here = (EPCIS_EVENT.c.position > cursor) & (EPCIS_EVENT.c.position <= upto)
            wanted = sa.select(EPCIS_EVENT).where(here).order_by(EPCIS_EVENT.c.position)
            merged = Rows()
            for one in repository.events(wanted):
                for kind, rows in rows_of(one).by_kind.items():
                    merged.by_kind.setdefault(kind, []).extend(rows)
            for kind, rows in merged.by_kind.items():
                added += len(rows) if _append(workspace, kind, rows) else 0
            cursor = upto
            workspace.registry.set_setting(_CURSOR, cursor)
    return added


def _append(workspace: Workspace, kind: RecordKind, rows: list[Row]) -> bool:
    table = _table(kind, rows)
    try:
        return workspace.lake.hot.append(kind, table, LOAD)
    except HotBufferFull:
        workspace.lake.hot.flush()
        return workspace.lake.hot.append(kind, table, LOAD)


def _table(kind: RecordKind, rows: list[Row]) -> pa.Table:
    names = sorted({name for row in rows for name in row})
    schema = SCHEMAS[kind]
    columns = {}
    for name in names:
        type_ = schema.field(name).type
        plain = type_.value_type if pa.types.is_dictionary(type_) else type_
        columns[name] = pa.array([row.get(name) for row in rows], plain)
    hashes = {name: field_hashes(name, column) for name, column in columns.items() if name != "seq"}
    which = salt(f"{kind.value}:{','.join(_KEYS[kind])}")
    key = joined((hashes[name] for name in _KEYS[kind] if name in hashes), len(rows), which)
    columns["key_hash"] = signed(key)
    columns["content_hash"] = signed(joined(hashes.values(), len(rows)))
    return pa.table(columns)


class _Event:
    def __init__(self, stored: StoredEvent) -> None:
        self._stored = stored
        self._event = stored.event
        self._rows = Rows()
        self._number = stored.position * ROWS_PER_EVENT
        place = self._event.get("readPoint") or self._event.get("bizLocation")
        self._place = None if place is None else from_uri(place["id"])
        self._step = self._word(self._event.get("bizStep"), BIZ_STEPS)

    def rows(self) -> Rows:
        """Everything that follows from the event."""
        kind, action = self._event["type"], self._event.get("action")
        if kind == "TransformationEvent":
            self._moves("consumed", "inputEPCList", "inputQuantityList")
            self._moves("produced", "outputEPCList", "outputQuantityList")
        elif kind == "ObjectEvent" and action in {"ADD", "DELETE"}:
            self._moves("produced" if action == "ADD" else "consumed", "epcList", "quantityList")
        elif kind in {"AggregationEvent", "AssociationEvent"} and action == "ADD":
            parent = self._event["parentID"]
            self._moves("consumed", "childEPCs", "childQuantityList", carrier=from_uri(parent))
            self._move("produced", parent, "unit", carrier=from_uri(parent))
        elif kind in {"AggregationEvent", "AssociationEvent"} and action == "DELETE":
            parent = self._event["parentID"]
            self._moves("returned", "childEPCs", "childQuantityList", carrier=from_uri(parent))
            if not self._event.get("childEPCs") and not self._event.get("childQuantityList"):
                self._move("consumed", parent, "unit", carrier=from_uri(parent))
        else:
            self._happenings(kind)
            if kind == "ObjectEvent" and self._word(self._event.get("disposition"), DISPOSITIONS) == RETURNED:
                self._moves("returned", "epcList", "quantityList")
        if "errorDeclaration" not in self._event:
            self._sensors()
        return self._rows

    def _word(self, value: str | None, vocabulary: Any) -> str | None:
        if value is None:
            return None
        full = self._stored.context.expand(value)
        return vocabulary.word_of(full) or from_uri(full)

    def _add(self, kind: RecordKind, row: Row) -> None:
        row = {"seq": self._number, "time": self._stored.happened, **row}
        self._number += 1
        self._rows.add(kind, {name: value for name, value in row.items() if value is not None})

    # -- movements --------------------------------------------------------------------------------

    def _moves(self, role: str, epcs: str, quantities: str, carrier: str | None = None) -> None:
        for epc in self._event.get(epcs, ()):
            self._move(role, epc, "unit", carrier=carrier)
        for element in self._event.get(quantities, ()):
            quantity = element.get("quantity")
            unit = None if quantity is None else ucum_unit(element.get("uom"))
            self._move(role, element["epcClass"], "lot", quantity=quantity, unit=unit, carrier=carrier)

    def _move(
        self,
        role: str,
        uri: str,
        kind: str,
        *,
        quantity: float | None = None,
        unit: str | None = None,
        carrier: str | None = None,
    ) -> None:
        execution = self._event.get("transformationID") or self._event["eventID"]
        row: Row = {
            "execution": from_uri(execution),
            "role": role,
            "subject": from_uri(self._stored.context.expand(uri)),
            "subject_kind": kind,
            "quantity": None if quantity is None else float(quantity),
            "unit": unit,
            "segment": self._step,
            "equipment": self._place,
            "carrier": carrier,
            "work_order": self._order(),
            "started": self._stored.happened,
            "ended": self._stored.happened,
        }
        declared = self._event.get("errorDeclaration")
        if declared is not None:
            reason = self._word(declared.get("reason"), ERROR_REASONS) or "errorDeclaration"
            row |= {"quantity": 0.0, "correction": reason, "corrected_by": "epcis"}
        self._add(RecordKind.MOVEMENT, row)

    def _order(self) -> str | None:
        for one in self._event.get("bizTransactionList", ()):
            if one.get("type") in {"prodorder", "po"}:
                return from_uri(one["bizTransaction"])
        return None

    # -- what else happened -----------------------------------------------------------------------

    def _happenings(self, kind: str) -> None:
        disposition = self._word(self._event.get("disposition"), DISPOSITIONS)
        declared = self._event.get("errorDeclaration")
        transactions = [one["bizTransaction"] for one in self._event.get("bizTransactionList", ())]
        said = [
            *([f"declared wrong: {declared.get('reason', '')}".rstrip(": ")] if declared else []),
            *([disposition] if disposition else []),
            *transactions,
        ]
        name = self._step or kind
        subjects: list[tuple[str | None, str | None]] = [*self._subjects()] or [(None, None)]
        for uri, subject_kind in subjects:
            self._add(
                RecordKind.EVENT,
                {
                    "event": name,
                    "subject": None if uri is None else from_uri(self._stored.context.expand(uri)),
                    "subject_kind": subject_kind,
                    "equipment": self._place,
                    "message": "; ".join(said) or None,
                },
            )

    def _subjects(self) -> Iterator[tuple[str, str]]:
        for name in ("epcList", "childEPCs", "outputEPCList"):
            for epc in self._event.get(name, ()):
                yield epc, kind_of(epc, listed_as_class=False)
        for name in ("quantityList", "childQuantityList", "outputQuantityList"):
            for element in self._event.get(name, ()):
                yield element["epcClass"], kind_of(element["epcClass"], listed_as_class=True)

    # -- sensor data ------------------------------------------------------------------------------

    def _sensors(self) -> None:
        subjects = list(self._subjects())
        for element in self._event.get("sensorElementList", ()):
            metadata = element.get("sensorMetadata", {})
            for report in element["sensorReport"]:
                self._report({**metadata, **report}, subjects)

    def _report(self, report: Mapping[str, Any], subjects: list[tuple[str, str]]) -> None:
        name = self._word(report["type"], MEASUREMENT_TYPES) or report["type"]
        if "component" in report:
            name = f"{name}.{report['component']}"
        written = report.get("time") or report.get("endTime")
        moment = self._stored.happened if written is None else parse_time(written)
        device = report.get("deviceID")
        gauge = None if device is None else from_uri(device)
        for suffix, value, text in _figures(report):
            figure: Row = {
                "time": moment,
                "value": value,
                "text": text,
                "unit": None if value is None or "uom" not in report else ucum_unit(report["uom"]),
                "equipment": self._place,
            }
            if not subjects:
                signal = "/".join(filter(None, (gauge or self._place, f"{name}{suffix}")))
                self._add(RecordKind.READING, {"signal": signal, **figure})
            for uri, kind in subjects:
                subject = from_uri(self._stored.context.expand(uri))
                self._add(
                    RecordKind.MEASUREMENT,
                    {
                        "subject": subject,
                        "subject_kind": kind,
                        "characteristic": f"{name}{suffix}",
                        "segment": self._step,
                        "gauge": gauge,
                        **figure,
                    },
                )


def _figures(report: Mapping[str, Any]) -> Iterator[tuple[str, float | None, str | None]]:
    """What a report says: the suffix of its name, a figure or a text."""
    for name, suffix in _FIGURES.items():
        if name in report and np.isfinite(report[name]):
            yield suffix, float(report[name]), None
    for name in ("stringValue", "hexBinaryValue", "uriValue"):
        if name in report:
            yield "", None, str(report[name])
    if "booleanValue" in report:
        yield "", None, "true" if report["booleanValue"] else "false"
