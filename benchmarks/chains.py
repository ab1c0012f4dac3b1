"""EPCIS events of pallets that are made in ten steps, from ore to packing, as one maker would report them.

A pallet holds two boxes of three parts; a part is pressed, sintered, heat-treated, ground and finished; all
parts of a pallet come of one mix of two powders, each atomised from an ore of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

BOXES, PARTS = 2, 3
STEPS = ("pressing", "sintering", "heat-treating", "grinding", "finishing")
LEVELS = 3 + len(STEPS) + 2
"""Atomising, milling, mixing; the steps of a part; its box and its pallet."""
EVENTS = 5 + BOXES * PARTS * len(STEPS) + BOXES + 1
"""Events of one pallet."""

_CONTEXT = [
    "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
    {"ex": "https://ns.example.com/epcis/"},
]
_COMPANY = "4012345"


def pallet_id(pallet: int) -> str:
    """The SSCC of a pallet."""
    return _sscc(0, pallet)


def ore_id(pallet: int, which: int = 0) -> str:
    """The lot of an ore that a pallet is made of."""
    return _lot("011111", pallet, which)


def documents(pallets: int, *, at_a_time: int = 25) -> Iterator[dict[str, Any]]:
    """EPCISDocuments with the events of so many pallets, each in the order of its steps."""
    for first in range(0, pallets, at_a_time):
        events = [
            event for pallet in range(first, min(first + at_a_time, pallets)) for event in _events(pallet)
        ]
        yield {
            "@context": _CONTEXT,
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": "2026-03-02T08:15:30Z",
            "epcisBody": {"eventList": events},
        }


def _events(pallet: int) -> Iterator[dict[str, Any]]:
    number = pallet * EVENTS
    powders = [_lot("033333", pallet, which) for which in range(2)]
    for which, powder in enumerate(powders):
        grain = _lot("022222", pallet, which)
        yield _made(number + 2 * which, "atomising", [_of(ore_id(pallet, which), 40)], [_of(grain, 39)])
        yield _made(number + 2 * which + 1, "milling", [_of(grain, 39)], [_of(powder, 38.5)])
    mix = _lot("044444", pallet, 0)
    yield _made(number + 4, "mixing", [_of(one, 38.5) for one in powders], [_of(mix, 77)])
    number += 5
    for box in range(BOXES):
        for part in range(BOXES * PARTS)[box * PARTS : (box + 1) * PARTS]:
            before: str | None = None
            for place, step in enumerate(STEPS):
                after = _unit(place, pallet, part)
                inputs: dict[str, Any] = (
                    {"inputQuantityList": [_of(mix, 12)]} if before is None else {"inputEPCList": [before]}
                )
                yield _event(number, step, "TransformationEvent") | inputs | {"outputEPCList": [after]}
                before, number = after, number + 1
    for box in range(BOXES):
        last = len(STEPS) - 1
        children = [_unit(last, pallet, box * PARTS + part) for part in range(PARTS)]
        yield _packed(number + box, _sscc(1, pallet * BOXES + box), children)
    boxes = [_sscc(1, pallet * BOXES + box) for box in range(BOXES)]
    yield _packed(number + BOXES, pallet_id(pallet), boxes)


def _event(number: int, step: str, kind: str) -> dict[str, Any]:
    clock = f"{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}"
    return {
        "type": kind,
        "eventID": f"urn:uuid:00000000-0000-4000-8000-{number:012d}",
        "eventTime": f"2026-03-{number // 86_400 % 28 + 1:02d}T{clock}.250+01:00",
        "eventTimeZoneOffset": "+01:00",
        "bizStep": "packing" if kind == "AggregationEvent" else f"https://ns.example.com/steps/{step}",
        "readPoint": {"id": f"urn:epc:id:sgln:{_COMPANY}.00005.{len(step)}"},
        "ex:line": f"L{number % 7}",
    }


def _made(
    number: int, step: str, inputs: list[dict[str, Any]], outputs: list[dict[str, Any]]
) -> dict[str, Any]:
    lists = {"inputQuantityList": inputs, "outputQuantityList": outputs}
    return _event(number, step, "TransformationEvent") | lists


def _packed(number: int, parent: str, children: list[str]) -> dict[str, Any]:
    packing = {"action": "ADD", "parentID": parent, "childEPCs": children}
    return _event(number, "packing", "AggregationEvent") | packing


def _of(lot: str, kilograms: float) -> dict[str, Any]:
    return {"epcClass": lot, "quantity": kilograms, "uom": "KGM"}


def _lot(item: str, pallet: int, which: int) -> str:
    return f"urn:epc:class:lgtin:{_COMPANY}.{item}.{'AB'[which]}{_shuffled(pallet)}"


def _unit(place: int, pallet: int, part: int) -> str:
    return (
        f"urn:epc:id:sgtin:{_COMPANY}.{place + 1}{place + 1:05d}.{_shuffled(pallet * BOXES * PARTS + part)}"
    )


def _sscc(kind: int, number: int) -> str:
    return f"urn:epc:id:sscc:{_COMPANY}.{kind}{_shuffled(number)}"


def _shuffled(number: int) -> str:
    """Nine digits that say nothing of the order."""
    return f"{(number + 1) * 7_368_787 % 999_999_937:09d}"
