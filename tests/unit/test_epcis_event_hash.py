"""The event hash of CBV 2.0: an event has one hash however it is written, and any change makes another."""

from __future__ import annotations

import copy
import hashlib
import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.epcis_documents import EVENTS, document, event

from assay.exchange.epcis import validate
from assay.exchange.epcis.event_hash import event_hash, pre_hash
from assay.model.codes.canonical import canonical_identifier


def hashed(made: dict[str, Any]) -> str:
    verdict = validate(document(made))
    assert verdict.valid, verdict.faults
    return event_hash(verdict.events[0], verdict.contexts[0])


def text_of(made: dict[str, Any]) -> str:
    verdict = validate(document(made))
    return pre_hash(verdict.events[0], verdict.contexts[0])


def test_the_text_is_what_the_standard_s_rules_make() -> None:
    """Written by hand after the rules of CBV 2.0, section 8.9.2, one line for each."""
    made = {
        "type": "ObjectEvent",
        "eventTime": "2020-03-04T11:00:30+01:00",
        "eventTimeZoneOffset": "+01:00",
        "recordTime": "2020-03-04T12:00:00Z",
        "eventID": "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
        "epcList": ["urn:epc:id:sscc:4012345.0000000333", "urn:epc:id:sgtin:0614141.011111.987"],
        "action": "OBSERVE",
        "bizStep": "departing",
        "disposition": "in_transit",
        "readPoint": {"id": "urn:epc:id:sgln:4012345.00011.0", "ex:myField1": "AB-12"},
        "bizTransactionList": [{"type": "po", "bizTransaction": "urn:epc:id:gdti:4012345.11111.123"}],
        "sourceList": [{"type": "owning_party", "source": "urn:epc:id:pgln:4012345.00000"}],
        "quantityList": [
            {"epcClass": "urn:epc:class:lgtin:4012345.012345.998877", "quantity": 200.0, "uom": "KGM"}
        ],
        "ex:userExt": "CD-34",
        "ex:more": [{"ex:b": 2.50}, {"ex:a": True}],
    }
    parts = [
        "eventType=ObjectEvent",
        "eventTime=2020-03-04T10:00:30.000Z",
        "eventTimeZoneOffset=+01:00",
        "epcList",
        "epc=https://id.gs1.org/00/040123450000003338",
        "epc=https://id.gs1.org/01/00614141111114/21/987",
        "quantityList",
        "quantityElementepcClass=https://id.gs1.org/01/04012345123456/10/998877quantity=200uom=KGM",
        "action=OBSERVE",
        "bizStep=https://ref.gs1.org/cbv/BizStep-departing",
        "disposition=https://ref.gs1.org/cbv/Disp-in_transit",
        "readPointid=https://id.gs1.org/414/4012345000115{https://ns.example.com/epcis/}myField1=AB-12",
        "bizTransactionListbizTransaction=https://id.gs1.org/253/4012345111118123",
        "type=https://ref.gs1.org/cbv/BTT-po",
        "sourceListsource=https://id.gs1.org/417/4012345000009type=https://ref.gs1.org/cbv/SDT-owning_party",
        "{https://ns.example.com/epcis/}more{https://ns.example.com/epcis/}a=true",
        "{https://ns.example.com/epcis/}more{https://ns.example.com/epcis/}b=2.5",
        "{https://ns.example.com/epcis/}userExt=CD-34",
    ]
    assert text_of(made) == "".join(parts)
    digest = hashlib.sha256(text_of(made).encode()).hexdigest()
    assert hashed(made) == f"ni:///sha-256;{digest}?ver=CBV2.0"


@pytest.mark.parametrize(
    ("written", "rounded"),
    [
        ("2023-01-18T11:04:03.1415Z", "2023-01-18T11:04:03.142Z"),
        ("2023-01-18T11:04:03.1414999Z", "2023-01-18T11:04:03.141Z"),
        ("2023-12-31T23:59:59.9995Z", "2024-01-01T00:00:00.000Z"),
        ("2023-01-18T11:04:03-06:00", "2023-01-18T17:04:03.000Z"),
    ],
)
def test_times_have_three_decimals_in_utc(written: str, rounded: str) -> None:
    assert f"eventTime={rounded}" in text_of(event("object", eventTime=written))


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ("urn:epc:id:sgtin:0614141.107346.2017", "https://id.gs1.org/01/10614141073464/21/2017"),
        (
            "https://shop.example.com/p/01/10614141073464/21/2017?17=271231",
            "https://id.gs1.org/01/10614141073464/21/2017",
        ),
        ("urn:epc:class:lgtin:4012345.012345.998877", "https://id.gs1.org/01/04012345123456/10/998877"),
        ("urn:epc:idpat:sgtin:4012345.098765.*", "https://id.gs1.org/01/04012345987652"),
        ("urn:epc:id:sgln:4012345.00005.0", "https://id.gs1.org/414/4012345000054"),
        ("urn:epc:id:sgtin:0614141.107346.%2F9", "https://id.gs1.org/01/10614141073464/21/%2F9"),
        ("https://plant.example.com/units/U-1", "https://plant.example.com/units/U-1"),
    ],
)
def test_identifiers_have_one_form(one: str, same: str) -> None:
    assert canonical_identifier(one) == same
    assert canonical_identifier(same) == same


def shuffled(value: Any, dice: random.Random) -> Any:
    """The same JSON with names and lists in another order."""
    if isinstance(value, dict):
        names = list(value)
        dice.shuffle(names)
        return {name: shuffled(value[name], dice) for name in names}
    if isinstance(value, list):
        return [shuffled(one, dice) for one in dice.sample(value, len(value))]
    return value


@given(st.sampled_from(sorted(EVENTS)), st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_order_makes_no_difference(kind: str, seed: int) -> None:
    made = event(kind)
    assert hashed(shuffled(made, random.Random(seed))) == hashed(made)


@pytest.mark.parametrize("kind", EVENTS)
def test_what_is_no_part_of_an_event_makes_no_difference(kind: str) -> None:
    made = event(kind)
    other = copy.deepcopy(made)
    other |= {"eventID": "https://events.example.com/1", "recordTime": "2026-05-05T00:00:00Z"}
    other["errorDeclaration"] = {"declarationTime": "2026-05-05T00:00:00Z"}
    other["eventTime"] = "2026-03-02T02:15:30.250-05:00"
    assert hashed(other) == hashed(made)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [one for name, inside in value.items() for one in leaves(inside, (*path, name))]
    if isinstance(value, list):
        return [one for number, inside in enumerate(value) for one in leaves(inside, (*path, number))]
    return [path]


@pytest.mark.parametrize("kind", EVENTS)
def test_any_change_makes_another_hash(kind: str) -> None:
    made = event(kind)
    verdict = validate(document(made))
    context = verdict.contexts[0]
    seen = {event_hash(made, context)}
    ignored = {"eventID", "errorDeclaration", "type", "certificationInfo"}
    changed = 0
    for path in leaves(made):
        if path[0] in ignored:
            continue
        other = json.loads(json.dumps(made))
        target = other
        for step in path[:-1]:
            target = target[step]
        value = target[path[-1]]
        time = "Time" in str(path[-1]) and "Offset" not in str(path[-1])
        target[path[-1]] = (
            "2001-01-01T00:00:00Z" if time else value + 1 if isinstance(value, int | float) else f"{value}x"
        )
        seen.add(event_hash(other, context))
        changed += 1
    assert len(seen) == changed + 1
