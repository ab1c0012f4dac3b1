"""Identifiers in events: GS1 keys are verified, and an object is not named where a class belongs."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal
from uuid import UUID

from assay.exchange.epcis.faults import Fault, Path, fault, pointer, shown
from assay.model.codes.canonical import numbered
from assay.model.codes.gs1 import Problem, parse_digital_link, verify_identifier
from assay.model.errors import CodeError

Level = Literal["instance", "class", "any"]

_NI = re.compile(r"ni://[^/?#]*/[a-z0-9-]+;(?P<value>[A-Za-z0-9_%-]+)(?:\?[^#]*)?", re.I)
_SHA_256 = re.compile(r"ni:///sha-256;", re.I)
_CBV_HASH = re.compile(r"ni:///sha-256;[0-9a-f]{64}\?ver=CBV\d+(\.\d+)*", re.I)
_CLASSES: Final = ("urn:epc:class:", "urn:epc:idpat:", "urn:epc:pat:")
_SERIAL: Final[dict[str, tuple[str, ...]]] = {"01": ("21", "235"), "8006": ("21",)}
"""By primary key of a Digital Link that names a class: the qualifiers that make it name one object."""


def check_identifier(uri: str, level: Level, faults: list[Fault], at: Path) -> None:
    """Append what is wrong with an identifier; ``level`` is what it has to name."""
    parts = numbered(uri)
    like = uri if parts is None else f"{parts[0]}1"
    problem = verify_identifier(like)
    if problem is not None and parts is not None:
        problem = verify_identifier(uri)
    if problem is not None:
        faults.append(_told(problem, at))
    elif level != "any" and not _is_level(like, level):
        faults.append(fault(at, f"identifier-{level}", value=shown(uri)))


def _told(problem: Problem, at: Path) -> Fault:
    return Fault(pointer(at), f"identifier-{problem.rule}", problem.said)


_ALWAYS_ONE: Final = frozenset({"00", "8004", "8017", "8018"})
"""Primary keys that never name a class: logistic units, individual assets, service relations."""


@lru_cache(maxsize=65_536)
def _is_level(uri: str, level: Level) -> bool:
    start = uri[:14].lower()
    if start.startswith("urn:epc:"):
        names_class = start.startswith(_CLASSES) and _leaves_serial_open(uri)
        names_object = start.startswith("urn:epc:id:")
        return names_class if level == "class" else names_object
    if uri[:4].lower() != "http":
        return True
    try:
        link = parse_digital_link(uri)
    except CodeError:
        return True
    if link.key[0] in _ALWAYS_ONE:
        return level == "instance"
    serial = _SERIAL.get(link.key[0])
    if serial is None:
        return True
    one = any(ai in serial for ai, _ in link.elements.elements[1:])
    return one if level == "instance" else not one


def _leaves_serial_open(uri: str) -> bool:
    """Whether a pattern is one of a class: everything is said but the serial (CBV 2.0, section 8.3)."""
    return not uri.lower().startswith("urn:epc:idpat:") or (uri.endswith(".*") and uri.count("*") == 1)


def check_event_id(value: str, faults: list[Fault], at: Path) -> None:
    """An event's id is any URI; one that claims to be a UUID or a hash has to be one."""
    lower = value.lower()
    if lower.startswith("urn:uuid:"):
        try:
            right = str(UUID(lower[9:])) == lower[9:]
        except ValueError:
            right = False
        if not right:
            faults.append(fault(at, "event-id", value=shown(value)))
    elif lower.startswith("ni:"):
        found = _SHA_256.match(value)
        if _NI.fullmatch(value) is None or (found and _CBV_HASH.fullmatch(value) is None):
            faults.append(fault(at, "event-id", value=shown(value)))
    else:
        problem = verify_identifier(value)
        if problem is not None:
            faults.append(_told(problem, at))
