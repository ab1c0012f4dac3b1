"""Is this an EPCIS document? An EPCISDocument, an EPCISQueryDocument or one bare event, in JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from assay.exchange.epcis.context import Context, read_context
from assay.exchange.epcis.faults import MOST_FAULTS, Fault, Path, fault, pointer, shown
from assay.exchange.epcis.names import check_extension, check_name
from assay.exchange.epcis.reading import DEEPEST, read_json
from assay.exchange.epcis.rules import Event, EventRules
from assay.exchange.epcis.schema import validator
from assay.exchange.epcis.schema_faults import schema_faults
from assay.exchange.epcis.times import parse_time

_VERSION = re.compile(r"2(\.\d+)*")
_HEADING: Final = frozenset(
    {
        "@context",
        "id",
        "type",
        "schemaVersion",
        "creationDate",
        "instanceIdentifier",
        "sender",
        "receiver",
        "epcisHeader",
        "epcisBody",
    }
)


@dataclass(frozen=True)
class Verdict:
    """What was read, and what is wrong with it."""

    document: Any = None
    """The JSON value; None when it can't be read."""
    faults: tuple[Fault, ...] = ()
    """What is wrong, in the order of the document; the first hundred."""
    events: tuple[Event, ...] = ()
    """The events, as they stand in the document; empty when they can't be found."""
    contexts: tuple[Context, ...] = ()
    """The context of each event; empty unless the document is valid."""
    event_faults: Mapping[int, tuple[Fault, ...]] = field(default_factory=dict)
    """What is wrong with single events, by their place; what is wrong around them is not here."""

    @property
    def valid(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def validate_bytes(data: bytes) -> Verdict:
    """Read and check a document, whatever ``data`` is; never raises for what stands in it."""
    document, problem = read_json(data)
    if problem is not None:
        return Verdict(faults=(problem,))
    return validate(document)


def unreadable(name: str, why: str) -> Verdict:
    """The verdict on a file that can't be opened."""
    return Verdict(faults=(fault((), "file", name=name, why=why),))


def validate(document: Any) -> Verdict:
    """Check a document that is parsed already: the schema first, then everything it can't say."""
    try:
        return _validate(document)
    except RecursionError:
        return Verdict(document, (fault((), "depth", limit=DEEPEST),))


def validate_each(document: Any) -> Verdict:
    """Check a document event by event, so that what is wrong with one leaves the others their own verdict.

    What is wrong around the events leaves them without one: ``contexts`` is empty then.
    """
    events, path = events_of(document)
    if not path:
        return validate(document)
    faults: list[Fault] = []
    by_event: dict[int, tuple[Fault, ...]] = {}
    contexts: list[Context] = []
    seen: set[tuple[Any, bool]] = set()
    for place, event in enumerate(events):
        verdict = validate(_with_events(document, path, [event]))
        if len(verdict.faults) > sum(map(len, verdict.event_faults.values())):
            return Verdict(document, verdict.faults, tuple(events))
        at = (*path, place)
        found = [
            Fault(pointer(at) + one.path.removeprefix(pointer((*path, 0))), one.rule, one.said)
            for one in verdict.faults
        ]
        if not found and "eventID" in event:
            key = (event["eventID"], "errorDeclaration" in event)
            if key in seen and document["type"] != "EPCISQueryDocument":
                found.append(fault((*at, "eventID"), "event-id-repeated", value=shown(key[0])))
            seen.add(key)
        contexts.append(verdict.contexts[0] if verdict.contexts else Context())
        if found:
            by_event[place] = tuple(found)
            faults += found
    return Verdict(document, tuple(faults[:MOST_FAULTS]), tuple(events), tuple(contexts), by_event)


def _with_events(document: Any, path: Path, events: list[Event]) -> Any:
    """The same document with other events."""
    if not path:
        return events
    return {**document, path[0]: _with_events(document[path[0]], path[1:], events)}


def events_of(document: Any) -> tuple[list[Event], Path]:
    """The events of a document and where they stand; a bare event stands at the top."""
    if not isinstance(document, dict):
        return [], ()
    kind = document.get("type")
    if kind == "EPCISDocument":
        path: tuple[str, ...] = ("epcisBody", "eventList")
    elif kind == "EPCISQueryDocument":
        path = ("epcisBody", "queryResults", "resultsBody", "eventList")
    else:
        return [document], ()
    value: Any = document
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return (value if isinstance(value, list) else []), path


def _validate(document: Any) -> Verdict:
    events, path = events_of(document)
    compiled = validator()
    if not compiled.is_valid(document):
        faults = list(islice(schema_faults(compiled.iter_errors(document), document), MOST_FAULTS))
        return _verdict(document, faults or [fault((), "schema", why="")], events, path)
    faults = []
    outer = _envelope(document, faults) if path else None
    rules = EventRules(faults, distinct=document["type"] != "EPCISQueryDocument")
    contexts = [
        rules.check(event, (*path, number) if path else (), outer) for number, event in enumerate(events)
    ]
    return _verdict(document, faults, events, path, contexts)


def _verdict(
    document: Any, faults: list[Fault], events: list[Event], path: Path, contexts: list[Context] | None = None
) -> Verdict:
    if not faults:
        return Verdict(document, (), tuple(events), tuple(contexts or ()))
    start = "".join(f"/{step}" for step in path) + "/"
    by_event: dict[int, list[Fault]] = {}
    for one in faults:
        place = one.path.removeprefix(start).split("/", 1)[0] if path else "0"
        if not path or (one.path.startswith(start) and place.isdigit()):
            by_event.setdefault(int(place), []).append(one)
    return Verdict(
        document,
        tuple(faults[:MOST_FAULTS]),
        tuple(events),
        tuple(contexts or ()),
        {number: tuple(found) for number, found in by_event.items()},
    )


def _envelope(document: Event, faults: list[Fault]) -> Context:
    """Check what stands around the events."""
    context = read_context(document["@context"], faults, ("@context",))
    version = document.get("schemaVersion")
    if version is not None and _VERSION.fullmatch(version) is None:
        faults.append(fault(("schemaVersion",), "version", value=shown(version)))
    created = document.get("creationDate")
    if created is not None:
        try:
            parse_time(created)
        except (ValueError, OverflowError):
            faults.append(fault(("creationDate",), "time", value=shown(created)))
    for part, known, at in _parts(document):
        for name, value in part.items():
            if name not in known:
                check_name(name, context, faults, (*at, name))
                if isinstance(value, dict | list):
                    check_extension(value, context, faults, (*at, name))
    return context


def _parts(document: Event) -> Iterator[tuple[Event, frozenset[str], Path]]:
    """The objects around the events, the names each may have, and where it stands."""
    body = document["epcisBody"]
    yield document, _HEADING, ()
    if document["type"] == "EPCISDocument":
        yield body, frozenset({"eventList"}), ("epcisBody",)
        header = document.get("epcisHeader")
        if header is not None:
            yield header, frozenset({"epcisMasterData"}), ("epcisHeader",)
            master = header.get("epcisMasterData")
            if master is not None:
                yield master, frozenset({"vocabularyList"}), ("epcisHeader", "epcisMasterData")
        return
    answer = body["queryResults"]
    yield body, frozenset({"queryResults"}), ("epcisBody",)
    yield (
        answer,
        frozenset({"queryName", "subscriptionID", "resultsBody"}),
        ("epcisBody", "queryResults"),
    )
    yield (
        answer["resultsBody"],
        frozenset({"eventList", "vocabularyList"}),
        ("epcisBody", "queryResults", "resultsBody"),
    )
