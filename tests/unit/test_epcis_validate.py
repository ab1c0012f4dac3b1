"""Every rule of EPCIS documents: what breaks it is refused where it stands, what stays within is taken."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.epcis_documents import CONTEXT, EVENTS, document, event, query_document
from tests.unit.epcis_cases import ANY, AROUND, BROKEN, COMBINATIONS, QUERY, TAKEN, UUID, put
from tests.unit.epcis_odd_cases import ODD, UNUSUAL

from assay.exchange.epcis import validate, validate_bytes


def refused(made: Any, rule: Any) -> None:
    verdict = validate_bytes(json.dumps(made).encode())
    assert verdict.faults, "it is taken"
    assert all(one.said.en and one.said.zh and one.rule for one in verdict.faults)
    if rule is not ANY:
        assert rule in {one.rule for one in verdict.faults}, [one.to_dict() for one in verdict.faults]


def taken(made: Any) -> None:
    assert [one.to_dict() for one in validate_bytes(json.dumps(made).encode()).faults] == []


@pytest.mark.parametrize(("kind", "path", "value", "rule"), BROKEN, ids=lambda one: str(one)[:40])
def test_a_broken_event_is_refused(kind: str, path: str, value: Any, rule: str) -> None:
    made = event(kind)
    put(made, path, value)
    refused(document(made), rule)
    refused({"@context": CONTEXT, **made}, rule)


@pytest.mark.parametrize(("kind", "path", "value", "rule"), ODD, ids=lambda one: str(one)[:40])
def test_what_is_almost_right_is_refused_where_it_stands(kind: str, path: str, value: Any, rule: str) -> None:
    made = event(kind)
    put(made, path, value)
    verdict = validate_bytes(json.dumps(document(made)).encode())
    assert [(one.path, one.rule) for one in verdict.faults[:1]] == [(f"/epcisBody/eventList/0/{path}", rule)]
    assert all(one.said.en and one.said.zh for one in verdict.faults)


@pytest.mark.parametrize(("path", "value", "rule"), AROUND, ids=lambda one: str(one)[:40])
def test_a_broken_document_is_refused(path: str, value: Any, rule: str) -> None:
    made = document(event("object"), event("transformation"))
    put(made, path, value)
    refused(made, rule)


@pytest.mark.parametrize(("path", "value", "rule"), QUERY, ids=lambda one: str(one)[:40])
def test_a_broken_query_document_is_refused(path: str, value: Any, rule: str) -> None:
    made = query_document(event("object"))
    put(made, path, value)
    refused(made, rule)


@pytest.mark.parametrize(
    ("made", "rule"), [one[1:] for one in COMBINATIONS], ids=[one[0] for one in COMBINATIONS]
)
def test_fields_that_need_each_other(made: dict[str, Any], rule: str) -> None:
    refused(document(made), rule)


@pytest.mark.parametrize(("kind", "path", "value"), UNUSUAL, ids=lambda one: str(one)[:40])
def test_what_is_unusual_is_taken(kind: str, path: str, value: Any) -> None:
    made = event(kind)
    put(made, path, value)
    taken(document(made))


@pytest.mark.parametrize(("kind", "path", "value"), TAKEN, ids=lambda one: str(one)[:40])
def test_what_the_standard_allows_is_taken(kind: str, path: str, value: Any) -> None:
    made = event(kind)
    put(made, path, value)
    if "type" in path.split("/")[:1]:  # an event type of one's own has only the fields that all events have
        made = {name: made[name] for name in ("type", "eventTime", "eventTimeZoneOffset", "ex:line")}
    taken(document(made))


def test_at_least_a_hundred_and_fifty_things_are_refused() -> None:
    assert len(BROKEN) + len(AROUND) + len(QUERY) + len(COMBINATIONS) >= 250


@pytest.mark.parametrize("kind", EVENTS)
def test_whole_documents_are_taken(kind: str) -> None:
    taken(document(event(kind)))
    taken(query_document(event(kind)))
    taken({"@context": CONTEXT, **event(kind)})
    taken(document())


@pytest.mark.parametrize("action", ["OBSERVE", "DELETE"])
def test_deleting_and_observing_need_less(action: str) -> None:
    taken(document(event("object", action=action, ilmd=None)))
    taken(document(event("aggregation", action="OBSERVE", parentID=None)))
    taken(document(event("aggregation", action="DELETE", childEPCs=None, childQuantityList=None)))
    taken(document(event("association", action="DELETE", childEPCs=None)))
    taken(document(event("transaction", action="DELETE", epcList=None, quantityList=None)))
    taken(document(event("transformation", outputEPCList=None, outputQuantityList=None)))


def test_an_error_declaration_has_the_id_of_its_event_and_nothing_else_has() -> None:
    right = event("object", errorDeclaration=None, eventID=UUID)
    wrong = event("object", eventID=UUID)
    taken(document(right, wrong))
    refused(document(right, right), "event-id-repeated")
    refused(document(wrong, wrong), "event-id-repeated")


def test_an_event_may_declare_prefixes_of_its_own() -> None:
    made = event("object")
    made["own:note"] = 1
    refused(document(made), "prefix-undeclared")
    taken(document({**made, "@context": {"own": "https://own.example.com/"}}))


@pytest.mark.parametrize(
    "address",
    [
        "https://ref.gs1.org/standards/epcis/epcis-context.jsonld",
        "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
        "https://ref.gs1.org/standards/epcis/2.0.1/epcis-context.jsonld",
        "https://gs1.github.io/EPCIS/epcis-context.jsonld",
        "http://ref.gs1.org/standards/epcis/2.0/epcis-context.jsonld",
    ],
)
def test_gs1s_context_is_known_by_every_address(address: str) -> None:
    own = {"ex": "https://ns.example.com/epcis/"}
    taken(document(event("object"), **{"@context": [address, own]}))
    taken(document(event("object"), **{"@context": [own, "https://other.example.org/c.jsonld", address]}))


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "json"),
        (b"   ", "json"),
        (b"{", "json"),
        (b"{'a': 1}", "json"),
        (b'{"a": 1,}', "json"),
        (b"<epcis:EPCISDocument/>", "json"),
        (b"\xff\xfe\x00", "encoding"),
        (b'{"type": "\xe9"}', "encoding"),
        (b"null", "type"),
        (b"[]", "type"),
        (b"5", "type"),
        (b'"EPCISDocument"', "type"),
        (b"{}", "required"),
        (b"[" * 100_000, "depth"),
        (b'{"type":' + b"[" * 5000 + b"]" * 5000 + b"}", "depth"),
        (b'{"type": "ObjectEvent", "a": NaN}', "number"),
        (b'{"type": "ObjectEvent", "a": -Infinity}', "number"),
        (b'{"type": "ObjectEvent", "a": 1e999}', "number"),
        (b'{"type": "ObjectEvent", "a": ' + b"9" * 5000 + b"}", "number"),
        (b'{"type": "\\ud800"}', "json"),
    ],
    ids=lambda one: str(one)[:30],
)
def test_what_is_no_json_object_is_refused(data: bytes, rule: str) -> None:
    assert [one.rule for one in validate_bytes(data).faults] == [rule]


def test_extensions_nest_only_so_deep() -> None:
    deep: Any = 1
    for _ in range(200):
        deep = {"ex:in": deep}
    refused(document(event("object", **{"ex:deep": deep})), "depth")


def test_a_byte_order_mark_is_passed_over() -> None:
    assert validate_bytes(b"\xef\xbb\xbf" + json.dumps(document(event("object"))).encode()).valid


def test_a_fault_says_where() -> None:
    made = document(event("object"), event("transformation", bizStep="comissioning"))
    made["epcisBody"]["eventList"][0]["ex:a/b~c"] = {"nope:x": 1}
    faults = validate(document(event("object"), event("object", eventID=None, bizStep="comissioning"))).faults
    assert [(one.path, one.rule) for one in faults] == [("/epcisBody/eventList/1/bizStep", "vocabulary")]
    assert "'commissioning'" in faults[0].said.en
    made["epcisBody"]["eventList"][1]["bizStep"] = "commissioning"
    assert [one.path for one in validate(made).faults] == ["/epcisBody/eventList/0/ex:a~1b~0c/nope:x"]


def test_faults_of_an_event_are_found_by_its_place() -> None:
    verdict = validate(document(event("object"), event("aggregation", parentID=None), event("transaction")))
    assert {place: [one.rule for one in found] for place, found in verdict.event_faults.items()} == {
        1: ["parent-missing"]
    }


def test_no_more_than_a_hundred_faults_are_listed() -> None:
    many = [event("object", eventID=None, bizStep="x") for _ in range(300)]
    assert len(validate(document(*many)).faults) == 100


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_anything_anywhere_gets_a_verdict(data: st.DataObject) -> None:
    made: Any = data.draw(st.sampled_from([document(event(kind)) for kind in EVENTS]))
    made = copy.deepcopy(made)
    target = made
    while True:
        key = data.draw(
            st.sampled_from(sorted(target) if isinstance(target, dict) else list(range(len(target))))
        )
        if not isinstance(target[key], dict | list) or not target[key] or data.draw(st.booleans()):
            break
        target = target[key]
    target[key] = data.draw(values)
    verdict = validate(made)
    assert verdict.valid or all(one.said.en for one in verdict.faults)


@given(values)
@settings(max_examples=50, deadline=None)
def test_no_value_at_all_breaks_the_check(value: Any) -> None:
    validate(value)
