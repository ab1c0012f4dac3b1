"""What the standard asks of an event beyond the schema (EPCIS 2.0, section 7; CBV 2.0, sections 7 and 8)."""

from __future__ import annotations

from typing import Any, Final

from assay.exchange.epcis.context import Context, read_context
from assay.exchange.epcis.faults import Fault, Path, fault, shown
from assay.exchange.epcis.identifiers import Level, check_event_id, check_identifier
from assay.exchange.epcis.names import check_extension, check_name, check_term, undeclared
from assay.exchange.epcis.schema import EVENTS, STANDARD_TYPES
from assay.exchange.epcis.sensors import check_sensors
from assay.exchange.epcis.times import parse_time
from assay.exchange.epcis.units import common_codes
from assay.exchange.epcis.vocabulary import (
    BIZ_STEPS,
    BIZ_TRANSACTION_TYPES,
    DISPOSITIONS,
    ERROR_REASONS,
    SOURCE_DESTINATION_TYPES,
)

Event = dict[str, Any]

_FIELDS: Final = {name: frozenset(schema["properties"]) for name, schema in EVENTS.items()}
_COMMON: Final = frozenset.intersection(*_FIELDS.values())
_EPC_LISTS: Final = ("epcList", "childEPCs", "inputEPCList", "outputEPCList")
_QUANTITY_LISTS: Final = ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList")
_DECLARATION: Final = frozenset({"declarationTime", "reason", "correctiveEventIDs"})
_KEYWORDS: Final = frozenset({"id", "type", "@id", "@type"})


class EventRules:
    """Checks events of one document; what is wrong is appended to ``faults``.

    An event has passed the schema when it comes here: its fields have the right types. ``distinct``: no two
    events may have one id; in the answer to a query they may, as a repository keeps what it was told.
    """

    def __init__(self, faults: list[Fault], *, distinct: bool = True) -> None:
        self.faults = faults
        self._distinct = distinct
        self._seen: dict[str, bool] = {}

    def check(self, event: Event, at: Path, outer: Context | None) -> Context:
        """Check one event; returns its context."""
        context = outer or Context()
        if "@context" in event:
            context = read_context(event["@context"], self.faults, (*at, "@context"), outer)
        kind = event["type"]
        if kind in STANDARD_TYPES:
            fields = _FIELDS[kind]
        else:
            fields = _COMMON
            self._check_type(kind, context, (*at, "type"))
        for name, value in event.items():
            if name not in fields and (kind in STANDARD_TYPES or ":" in name):
                check_name(name, context, self.faults, (*at, name))
                if type(value) in {dict, list}:
                    check_extension(value, context, self.faults, (*at, name))
        self._times(event, at)
        self._identity(event, at)
        if kind in STANDARD_TYPES:
            self._what(event, at)
            self._why(event, at, context)
        if "errorDeclaration" in event:
            self._declaration(event["errorDeclaration"], context, (*at, "errorDeclaration"))
        if "sensorElementList" in event and kind in STANDARD_TYPES:
            check_sensors(event["sensorElementList"], context, self.faults, (*at, "sensorElementList"))
        return context

    def _say(self, at: Path, rule: str, key: str | None = None, **values: object) -> None:
        self.faults.append(fault(at, rule, key, **values))

    def _check_type(self, kind: str, context: Context, at: Path) -> None:
        if context.expand(kind).startswith("https://ref.gs1.org/epcis/"):
            self._say(at, "event-type", value=shown(kind))
        elif (prefix := undeclared(kind, context)) is not None:
            self._say(at, "prefix-undeclared", prefix=prefix, value=shown(kind))

    # -- when -------------------------------------------------------------------------------------

    def _times(self, event: Event, at: Path) -> None:
        for name in ("eventTime", "recordTime"):
            if name in event:
                self._time(event[name], (*at, name))

    def _time(self, text: str, at: Path) -> None:
        try:
            parse_time(text)
        except (ValueError, OverflowError):
            self._say(at, "time", value=shown(text))

    # -- which ------------------------------------------------------------------------------------

    def _identity(self, event: Event, at: Path) -> None:
        event_id = event.get("eventID")
        if event_id is None:
            return
        check_event_id(event_id, self.faults, (*at, "eventID"))
        declares = "errorDeclaration" in event
        before = self._seen.get(event_id)
        # The declaration that an event was wrong has the id of that event (section 7.4.1.4).
        if self._distinct and before is not None and before == declares:
            self._say((*at, "eventID"), "event-id-repeated", value=shown(event_id))
        self._seen[event_id] = declares

    # -- what -------------------------------------------------------------------------------------

    def _what(self, event: Event, at: Path) -> None:
        for name in _EPC_LISTS:
            epcs = event.get(name, ())
            for number, epc in enumerate(epcs):
                check_identifier(epc, "instance", self.faults, (*at, name, number))
            if len(set(epcs)) < len(epcs):
                twice = next(epc for number, epc in enumerate(epcs) if epc in epcs[:number])
                self._say((*at, name), "repeated", value=shown(twice))
        for name in _QUANTITY_LISTS:
            for number, element in enumerate(event.get(name, ())):
                self._quantity(element, (*at, name, number))
        parent = event.get("parentID")
        if parent is not None:
            check_identifier(parent, "instance", self.faults, (*at, "parentID"))
            for name in ("childEPCs", "epcList"):
                if parent in event.get(name, ()):
                    self._say((*at, "parentID"), "parent-is-child", value=shown(parent), field=name)
        kind, action = event["type"], event.get("action")
        if kind == "AggregationEvent" and parent is None and action != "OBSERVE":
            self._say(at, "parent-missing", action=action)
        if kind == "ObjectEvent" and not _any(event, "epcList", "quantityList", "sensorElementList"):
            self._say(at, "what-missing", "what-object")
        if (
            kind == "TransactionEvent"
            and action != "DELETE"
            and parent is None
            and not _any(event, "epcList", "quantityList")
        ):
            self._say(at, "what-missing", "what-transaction")
        if "transformationID" in event:
            check_identifier(event["transformationID"], "instance", self.faults, (*at, "transformationID"))

    def _quantity(self, element: dict[str, Any], at: Path) -> None:
        check_identifier(element["epcClass"], "class", self.faults, (*at, "epcClass"))
        quantity, unit = element.get("quantity"), element.get("uom")
        if unit is not None:
            if unit not in common_codes():
                self._say((*at, "uom"), "unit", value=shown(unit))
            if quantity is None:
                self._say((*at, "uom"), "unit-alone", value=shown(unit))
        if quantity is not None and quantity < 0:
            self._say((*at, "quantity"), "quantity-negative", value=shown(quantity))
        elif quantity is not None and unit is None and quantity != int(quantity):
            self._say((*at, "quantity"), "quantity-count", value=shown(quantity))

    def _any(self, uri: str, at: Path, level: Level = "any") -> None:
        check_identifier(uri, level, self.faults, at)

    # -- where and why ----------------------------------------------------------------------------

    def _why(self, event: Event, at: Path, context: Context) -> None:
        for name, vocabulary in (("bizStep", BIZ_STEPS), ("disposition", DISPOSITIONS)):
            if name in event:
                check_term(event[name], vocabulary, context, self.faults, (*at, name))
        if "persistentDisposition" in event:
            self._persistent(event["persistentDisposition"], context, (*at, "persistentDisposition"))
        for name in ("readPoint", "bizLocation"):
            if name in event:
                place = event[name]
                check_identifier(place["id"], "instance", self.faults, (*at, name, "id"))
                self._own_names(place, frozenset({"id"}), context, (*at, name))
        for number, one in enumerate(event.get("bizTransactionList", ())):
            here = (*at, "bizTransactionList", number)
            check_identifier(one["bizTransaction"], "instance", self.faults, (*here, "bizTransaction"))
            if "type" in one:
                check_term(one["type"], BIZ_TRANSACTION_TYPES, context, self.faults, (*here, "type"))
        for side in ("source", "destination"):
            for number, one in enumerate(event.get(f"{side}List", ())):
                here = (*at, f"{side}List", number)
                check_identifier(one[side], "instance", self.faults, (*here, side))
                check_term(one["type"], SOURCE_DESTINATION_TYPES, context, self.faults, (*here, "type"))
        if "ilmd" in event:
            self._own_names(event["ilmd"], frozenset(), context, (*at, "ilmd"))
        certificates = event.get("certificationInfo", ())
        if isinstance(certificates, str):
            self._any(certificates, (*at, "certificationInfo"))
        else:
            for number, one in enumerate(certificates):
                self._any(one, (*at, "certificationInfo", number))

    def _own_names(self, part: dict[str, Any], known: frozenset[str], context: Context, at: Path) -> None:
        for name, value in part.items():
            if name in known:
                continue
            if name not in _KEYWORDS:
                check_name(name, context, self.faults, (*at, name))
            if type(value) in {dict, list}:
                check_extension(value, context, self.faults, (*at, name))

    def _persistent(self, disposition: dict[str, list[str]], context: Context, at: Path) -> None:
        meant: dict[str, list[str]] = {"set": [], "unset": []}
        for name, values in disposition.items():
            for number, value in enumerate(values):
                check_term(value, DISPOSITIONS, context, self.faults, (*at, name, number))
                full = context.expand(value)
                word = DISPOSITIONS.word_of(full) or full
                if word in meant[name]:
                    self._say((*at, name), "repeated", value=shown(value))
                meant[name].append(word)
        for word in meant["set"]:
            if word in meant["unset"]:
                self._say(at, "persistent-both", value=shown(word))

    def _declaration(self, declaration: dict[str, Any], context: Context, at: Path) -> None:
        self._time(declaration["declarationTime"], (*at, "declarationTime"))
        if "reason" in declaration:
            check_term(declaration["reason"], ERROR_REASONS, context, self.faults, (*at, "reason"))
        for number, event_id in enumerate(declaration.get("correctiveEventIDs", ())):
            check_event_id(event_id, self.faults, (*at, "correctiveEventIDs", number))
        self._own_names(declaration, _DECLARATION, context, at)


def _any(event: Event, *names: str) -> bool:
    return any(event.get(name) for name in names)
