"""The REST interface of EPCIS 2.0 over a real plant: capture, query, named queries, in the official terms."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from tests.epcis_documents import GS1, LGTIN, SGTIN, document, event, query_document
from tests.integration.running_server import Running, running
from tests.shared import data_folder

from assay.exchange.epcis import validate
from assay.store.workspace import Workspace

HASH = re.compile(r"ni:///sha-256;[0-9a-f]{64}\?ver=CBV2\.0")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    path = tmp_path_factory.mktemp("epcis") / "plant"
    Workspace.create(path, time_zone="Europe/Berlin").close()
    with running(path) as served:
        yield served


@pytest.fixture(scope="module")
def partner(server: Running) -> Iterator[httpx.Client]:
    """A partner with a session, at a repository with a small history."""
    with server.client() as client:
        answer = client.post("/epcis/capture", json=history())
        assert answer.status_code == 202, answer.text
        yield client


def numbered(number: int, **fields: Any) -> dict[str, Any]:
    base = {
        "eventID": f"urn:uuid:00000000-0000-4000-8000-{number:012d}",
        "errorDeclaration": None,
        "persistentDisposition": None,
        "ilmd": None,
        "quantityList": None,
        "sensorElementList": None,
        "eventTime": f"2026-03-0{number % 9 + 1}T08:00:00Z",
        "action": "OBSERVE",
        "epcList": [SGTIN.format(f"S{number}")],
    }
    return event("object", **{**base, **fields})


def history() -> dict[str, Any]:
    """Fifteen events: ten observations, and one of each of the things queries ask for."""
    plain = [numbered(n, **{"ex:count": n, "bizStep": "inspecting"}) for n in range(10)]
    return document(
        *plain,
        event("object", eventID="urn:uuid:10000000-0000-4000-8000-000000000001"),
        event("aggregation", eventID="urn:uuid:10000000-0000-4000-8000-000000000002", bizStep="packing"),
        event("transformation", eventID="urn:uuid:10000000-0000-4000-8000-000000000003"),
        event("association", eventID="urn:uuid:10000000-0000-4000-8000-000000000004", bizStep="installing"),
        event("transaction", eventID="urn:uuid:10000000-0000-4000-8000-000000000005", bizStep="ex:ordering"),
        epcisHeader={
            "epcisMasterData": {
                "vocabularyList": [
                    {
                        "type": "urn:epcglobal:epcis:vtype:BusinessLocation",
                        "vocabularyElementList": [
                            {
                                "id": "https://places.example.com/site",
                                "children": ["urn:epc:id:sgln:4012345.00005.0"],
                            }
                        ],
                    }
                ]
            }
        },
    )


def found(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert validate(told).valid, validate(told).faults[:3]
    listed: list[dict[str, Any]] = told["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    return listed


def ids(answer: httpx.Response) -> set[str]:
    return {one["eventID"][-2:] for one in found(answer)}


def refusal(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    told: dict[str, Any] = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert told["type"] == f"epcisException:{kind}"
    assert told["title"]
    assert told["detail"]
    assert set(told["error"]["message"]) == {"zh", "en"}
    return told


# -- who may --------------------------------------------------------------------------------------


def test_nobody_gets_in_without_a_session(server: Running) -> None:
    with httpx.Client(base_url=f"http://{server.host}") as stranger:
        for path in ("", "/events", "/capture", "/queries", "/epcs", "/events/x"):
            refusal(stranger.get(f"/epcis{path}"), 401, "SecurityException")
        refusal(stranger.post("/epcis/capture", json=document()), 401, "SecurityException")
    with server.client() as client:
        del client.headers["X-CSRF-Token"]
        refusal(client.post("/epcis/capture", json=document()), 403, "SecurityException")


def test_resources_and_versions_are_told(partner: httpx.Client) -> None:
    top = partner.get("/epcis")
    assert len(top.json()["member"]) == 9
    assert top.headers["GS1-EPCIS-Version"] == "2.0.0"
    for path, allow in (
        ("", "OPTIONS, GET"),
        ("/events", "OPTIONS, GET, POST"),
        ("/capture", "OPTIONS, GET, POST"),
        ("/capture/x", "OPTIONS, GET"),
        ("/queries/q", "OPTIONS, GET, DELETE"),
        ("/queries/q/subscriptions", "OPTIONS, GET, POST"),
    ):
        told = partner.options(f"/epcis{path}")
        assert (told.status_code, told.headers["Allow"]) == (204, allow), path
        assert told.headers["GS1-EPCIS-Max"] == "2.0.0"
    assert int(partner.options("/epcis/capture").headers["GS1-EPCIS-Capture-Limit"]) >= 1000
    refusal(partner.options("/epcis/nothing"), 404, "NoSuchResourceException")


@pytest.mark.parametrize(
    ("headers", "status", "kind"),
    [
        ({"GS1-EPCIS-Min": "2.1"}, 406, "NotAcceptableException"),
        ({"GS1-EPCIS-Max": "1.2"}, 406, "NotAcceptableException"),
        ({"GS1-CBV-Min": "3.0.0"}, 406, "NotAcceptableException"),
        ({"Accept": "application/xml"}, 406, "NotAcceptableException"),
        ({"GS1-EPC-Format": "Always_Roman"}, 406, "NotAcceptableException"),
    ],
)
def test_what_can_t_be_spoken_is_refused(
    partner: httpx.Client, headers: dict[str, str], status: int, kind: str
) -> None:
    refusal(partner.get("/epcis/events", headers=headers), status, kind)
    assert partner.get("/epcis/events", headers={"GS1-EPCIS-Min": "2.0", "GS1-EPCIS-Max": "2.1.0"}).is_success


# -- capture --------------------------------------------------------------------------------------


def test_a_captured_document_has_a_job(partner: httpx.Client) -> None:
    made = document(numbered(201), numbered(202))
    answer = partner.post("/epcis/capture", json=made)
    assert answer.status_code == 202
    job = partner.get(answer.headers["Location"]).json()
    assert (job["running"], job["success"], job["errors"], job["captured"]) == (False, True, [], 2)
    again = partner.post("/epcis/capture", json=made).json()
    assert (again["success"], again["captured"], again["known"]) == (True, 0, 2)
    listed = partner.get("/epcis/capture", params={"perPage": 1})
    assert listed.json()[0]["captureID"] == again["captureID"]
    second = partner.get(re.match("<(.*)>", listed.headers["Link"])[1])  # type: ignore[index]
    assert second.json()[0]["captureID"] == job["captureID"]
    refusal(partner.get("/epcis/capture/nothing"), 404, "NoSuchResourceException")


def test_rollback_keeps_nothing_and_proceed_what_is_valid(partner: httpx.Client) -> None:
    made = document(numbered(301), numbered(302, bizStep="comissioning"), numbered(303))
    told = refusal(partner.post("/epcis/capture", json=made), 400, "ValidationException")
    assert [(one["path"], one["rule"]) for one in told["errors"]] == [
        ("/epcisBody/eventList/1/bizStep", "vocabulary")
    ]
    assert partner.get(
        "/epcis/events", params={"EQ_eventID": made["epcisBody"]["eventList"][0]["eventID"]}
    ).is_success
    assert not found(
        partner.get("/epcis/events", params={"EQ_eventID": made["epcisBody"]["eventList"][0]["eventID"]})
    )
    made["epcisBody"]["eventList"][1] = numbered(
        302, quantityList=[{"epcClass": LGTIN.format(1), "quantity": -1}]
    )
    answer = partner.post("/epcis/capture", json=made, headers={"GS1-Capture-Error-Behaviour": "proceed"})
    job = partner.get(answer.headers["Location"]).json()
    assert (answer.status_code, job["success"], job["captured"]) == (202, False, 2)
    formless = document(
        numbered(304), numbered(305, action="FIND"), numbered(306, eventTime="now"), numbered(304)
    )
    answer = partner.post("/epcis/capture", json=formless, headers={"GS1-Capture-Error-Behaviour": "proceed"})
    assert (answer.json()["captured"], [one["path"] for one in answer.json()["errors"]]) == (
        1,
        [f"/epcisBody/eventList/{n}" for n in ("1/action", "2/eventTime", "3/eventID")],
    )
    formless["creationDate"] = "now"
    answer = partner.post("/epcis/capture", json=formless, headers={"GS1-Capture-Error-Behaviour": "proceed"})
    refusal(answer, 400, "ValidationException")
    assert job["errors"][0]["path"] == "/epcisBody/eventList/1/quantityList/0/quantity"
    wrong = partner.post("/epcis/capture", json=made, headers={"GS1-Capture-Error-Behaviour": "hope"})
    refusal(wrong, 400, "ValidationException")


@pytest.mark.parametrize(
    ("content", "kind", "status", "headers"),
    [
        (b"{", "ValidationException", 400, {}),
        (b"[]", "ValidationException", 400, {}),
        (b"\xff", "ValidationException", 400, {}),
        (b"{}", "UnsupportedMediaTypeException", 415, {"Content-Type": "application/xml"}),
        (b"{}", "UnsupportedMediaTypeException", 415, {"Content-Type": "text/plain"}),
        (json.dumps({"@context": GS1, **numbered(1)}).encode(), "ValidationException", 400, {}),
    ],
)
def test_what_is_no_document_is_refused(
    partner: httpx.Client, content: bytes, kind: str, status: int, headers: dict[str, str]
) -> None:
    sent = {"Content-Type": "application/ld+json", **headers}
    refusal(partner.post("/epcis/capture", content=content, headers=sent), status, kind)


def test_too_many_events_and_too_many_bytes_are_refused(
    partner: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.api.epcis_desk.CAPTURE_EVENTS", 2)
    answer = partner.post("/epcis/capture", json=document(*map(numbered, range(3))))
    refusal(answer, 413, "CaptureLimitExceededException")
    assert "GS1-EPCIS-Capture-Limit" in answer.headers
    monkeypatch.setattr("assay.api.epcis_door.CAPTURE_BYTES", 1000)
    refusal(
        partner.post("/epcis/capture", json=document(numbered(1), numbered(2))),
        413,
        "CaptureLimitExceededException",
    )


def test_one_event_gets_an_address(partner: httpx.Client) -> None:
    made = {"@context": [GS1, {"ex": "https://ns.example.com/epcis/"}], **numbered(401, eventID=None)}
    answer = partner.post("/epcis/events", json=made)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert HASH.fullmatch(told["eventID"])
    assert validate(told).valid
    assert [one["epcList"] for one in found(partner.get(answer.headers["Location"]))] == [made["epcList"]]
    assert found(partner.get(f"/epcis/events/{quote(told['eventID'], safe='')}"))
    refusal(partner.post("/epcis/events", json=made), 409, "ResourceAlreadyExistsException")
    refusal(partner.post("/epcis/events", json=document(numbered(1))), 400, "ValidationException")
    refusal(partner.post("/epcis/events", json={**made, "action": "X"}), 400, "ValidationException")
    refusal(partner.get("/epcis/events/urn:uuid:nothing"), 404, "NoSuchResourceException")


def test_partners_who_use_an_id_twice_are_both_kept(partner: httpx.Client) -> None:
    first, other = numbered(501), numbered(501, disposition="damaged")
    declared = numbered(
        501, errorDeclaration={"declarationTime": "2026-04-01T00:00:00Z", "reason": "did_not_occur"}
    )
    assert partner.post("/epcis/capture", json=document(first)).json()["differing"] == []
    assert partner.post("/epcis/capture", json=document(other)).json()["differing"] == [first["eventID"]]
    assert partner.post("/epcis/capture", json=document(declared)).json()["differing"] == []
    # The same again in other words: other order, other syntax of an identifier, other zone.
    same = json.loads(json.dumps(first))
    same["epcList"] = ["https://id.gs1.org/01/04012345111118/21/S501"]
    same["eventTime"] = "2026-03-07T10:00:00+02:00"
    again = partner.post("/epcis/capture", json=document(dict(reversed(same.items())))).json()
    assert (again["captured"], again["known"]) == (0, 1)
    assert len(found(partner.get(f"/epcis/events/{first['eventID']}"))) == 3


# -- query ----------------------------------------------------------------------------------------

OLD = {"LT_eventTime": "2026-03-20T00:00:00Z", "EQ_disposition": "active"}

ASKED: list[tuple[dict[str, Any], set[str]]] = [
    ({"eventType": "AggregationEvent|AssociationEvent"}, {"02", "04"}),
    ({"EQ_bizStep": "packing"}, {"02"}),
    ({"EQ_bizStep": "https://ref.gs1.org/cbv/BizStep-packing"}, {"02"}),
    ({"EQ_bizStep": "https://ns.example.com/epcis/ordering"}, {"05"}),
    ({"EQ_action": "ADD", "eventType": "ObjectEvent"}, {"01"}),
    ({"MATCH_epc": SGTIN.format(2)}, {"02"}),
    ({"MATCH_epc": "https://id.gs1.org/01/04012345111118/21/2"}, {"02"}),
    ({"MATCH_epc": "https://shop.example.com/01/04012345111118/21/2"}, {"02"}),
    ({"MATCH_parentID": "urn:epc:id:sscc:4012345.1234567890"}, {"02", "05"}),
    ({"MATCH_parentID": "urn:epc:idpat:sscc:4012345.*"}, {"02", "05"}),
    ({"MATCH_inputEPC": SGTIN.format(1)}, {"03"}),
    ({"MATCH_outputEPC": "urn:epc:idpat:sgtin:4012345.011111.*"}, {"03"}),
    ({"MATCH_outputEPC": "urn:epc:idpat:sgtin:4012345.*.*"}, {"03"}),
    ({"MATCH_outputEPC": "urn:epc:idpat:sgtin:4012346.*.*"}, set()),
    ({"MATCH_anyEPC": SGTIN.format(9)}, {"03"}),
    ({"MATCH_anyEPC": "urn:epc:id:giai:4000001.12345"}, {"04"}),
    ({"MATCH_epcClass": LGTIN.format(2)}, {"02"}),
    ({"MATCH_inputEPCClass": LGTIN.format(4)}, {"03"}),
    ({"MATCH_anyEPCClass": "urn:epc:idpat:lgtin:4012345.022222.*", "EQ_bizStep": "packing"}, {"02"}),
    ({"EQ_transformationID": "urn:epc:id:gdti:4012345.00001.400"}, {"03"}),
    ({"EXISTS_errorDeclaration": "true", "EQ_action": "ADD"}, {"01"}),
    ({"GE_errorDeclarationTime": "2026-03-03T08:00:00Z", "EQ_action": "ADD"}, {"01"}),
    ({"EQ_errorReason": "incorrect_data"}, {"01"}),
    ({"EQ_correctiveEventID": "urn:uuid:404d95fc-9457-4a51-bd6a-0bba133845a8"}, {"01"}),
    ({"EQ_persistentDisposition_set": "completeness_verified"}, {"01"}),
    ({"EQ_persistentDisposition_unset": "completeness_verified"}, set()),
    ({"EQ_quantity": "2.5"}, {"01"}),
    ({"GT_quantity": "11", "LT_quantity": "13"}, {"02"}),
    ({"EQ_ILMD_https://ns.example.com/epcis/heat": "H-7"}, {"01"}),
    ({"EXISTS_ILMD_https://ns.example.com/epcis/grade": "true"}, {"03"}),
    ({"EXISTS_ilmd": "true"}, {"01", "03"}),
    (
        {"GE_https://ns.example.com/epcis/count": "7", "LT_https://ns.example.com/epcis/count": "9"},
        {"07", "08"},
    ),
    ({"EQ_ex:count": "3"}, {"03"}),
    ({"EQ_INNER_https://ns.example.com/epcis/name": "L1", "EQ_bizStep": "packing"}, {"02"}),
    (
        {
            "HASATTR_https://ns.example.com/epcis/line": "https://ns.example.com/epcis/heads",
            "EQ_bizStep": "packing",
        },
        {"02"},
    ),
    ({"EQ_type": "Length", "EQ_bizStep": "packing"}, {"02"}),
    ({"GE_value_CEL": "21.5", "EQ_bizStep": "packing"}, {"02"}),
    ({"GT_value_CEL": "21.5", "EQ_bizStep": "packing"}, set()),
    ({"GE_value_FAH": "1", "EQ_bizStep": "packing"}, set()),
    ({"EQ_deviceID": "urn:epc:id:giai:4000001.111", "EQ_bizStep": "packing"}, {"02"}),
    ({"GE_startTime": "2026-03-02T07:00:00Z", "EQ_bizStep": "packing"}, {"02"}),
    ({"LT_endTime": "2026-03-02T07:15:00Z", "EQ_bizStep": "packing"}, set()),
    ({"EQ_stringValue": "red", "EQ_bizStep": "packing"}, {"02"}),
    ({"EQ_SENSORMETADATA_https://ns.example.com/epcis/rig": "R2", "EQ_bizStep": "packing"}, {"02"}),
    ({"EQ_ERROR_DECLARATION_https://ns.example.com/epcis/by": "QA"}, {"01"}),
    ({"EQ_bizTransaction_po": "https://erp.example.com/po/77", "EQ_bizStep": "packing"}, {"02"}),
    ({"EQ_source_owning_party": "urn:epc:id:pgln:4012345.00005", "EQ_bizStep": "packing"}, {"02"}),
    ({"EQ_destination_location": "urn:epc:id:sgln:4012345.00005.0", "EQ_bizStep": "packing"}, set()),
    ({"EQ_readPoint": "https://id.gs1.org/414/4012345000054", "EQ_bizStep": "packing"}, {"02"}),
    ({"WD_readPoint": "https://places.example.com/site", "EQ_bizStep": "packing"}, {"02"}),
    ({"EQ_readPoint": "https://places.example.com/site"}, set()),
    ({"GE_eventTime": "2026-03-10T00:00:00Z"}, set()),
]


@pytest.mark.parametrize(
    ("asked", "wanted"), ASKED, ids=lambda one: str(sorted(one) if isinstance(one, set) else one)[:60]
)
def test_queries(partner: httpx.Client, asked: dict[str, Any], wanted: set[str]) -> None:
    headers = {"GS1-Extensions": "ex=https://ns.example.com/epcis/"}
    answer = partner.get("/epcis/events", params={**OLD, **asked, "perPage": 1000}, headers=headers)
    assert {one for one in ids(answer) if one < "10"} == wanted


@pytest.mark.parametrize(
    "asked",
    [
        {"EQ_nothing": "1"},
        {"bizStep": "packing"},
        {"GE_eventTime": "yesterday"},
        {"GE_eventTime": "2026-03-01"},
        {"GE_eventTime": "2026-03-01T00:00:00Z|2026-03-02T00:00:00Z"},
        {"EQ_action": "FIND"},
        {"EQ_bizStep": ""},
        {"MATCH_epc": "box 7"},
        {"MATCH_epc": "https://id.gs1.org/01/09506000134353/21/1"},
        {"MATCH_epc": "urn:epc:idpat:thing:1.*"},
        {"GT_quantity": "many"},
        {"EXISTS_errorDeclaration": "maybe"},
        {"orderBy": "colour"},
        {"orderDirection": "UP"},
        {"eventCountLimit": "0"},
        {"maxEventCount": "-1"},
        {"eventCountLimit": "1", "maxEventCount": "1"},
        {"perPage": "0"},
        {"perPage": "many"},
        {"nextPageToken": "x"},
        {"GE_value_CEL": "warm"},
    ],
    ids=str,
)
def test_a_query_that_can_t_be_followed_is_refused(partner: httpx.Client, asked: dict[str, str]) -> None:
    refusal(partner.get("/epcis/events", params=asked), 400, "QueryParameterException")


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"orderBy": "eventTime"},
        {"orderBy": "recordTime", "orderDirection": "ASC"},
        {"orderBy": "https://ns.example.com/epcis/count", "orderDirection": "ASC"},
    ],
    ids=str,
)
def test_pages_neither_overlap_nor_leave_out(partner: httpx.Client, order: dict[str, str]) -> None:
    asked: dict[str, Any] = {"EQ_bizStep": "inspecting", **order}
    whole = [one["eventID"] for one in found(partner.get("/epcis/events", params={**asked, "perPage": 100}))]
    answer = partner.get("/epcis/events", params={**asked, "perPage": 3})
    paged = []
    number = 900 + len(str(order))
    while True:
        paged += [one["eventID"] for one in found(answer)]
        if "Link" not in answer.headers:
            break
        # What is captured meanwhile is not part of this answer.
        partner.post(
            "/epcis/capture", json=document(numbered(number, bizStep="inspecting", **{"ex:count": number}))
        )
        number += 1
        answer = partner.get(re.match('<(.*)>; rel="next"', answer.headers["Link"])[1])  # type: ignore[index]
    assert paged == whole
    assert len(set(paged)) == len(paged) >= 10


def test_order_and_limits(partner: httpx.Client) -> None:
    asked = {"EQ_bizStep": "inspecting", "LT_eventTime": "2026-03-20T00:00:00Z"}
    times = [
        one["eventTime"]
        for one in found(partner.get("/epcis/events", params={**asked, "orderBy": "eventTime"}))
    ]
    assert times == sorted(times, reverse=True)
    key = "https://ns.example.com/epcis/count"
    up = found(
        partner.get("/epcis/events", params={**asked, "orderBy": key, "orderDirection": "ASC", "perPage": 9})
    )
    assert [one["ex:count"] for one in up] == list(range(9))
    limited = {**asked, "eventCountLimit": 4, "perPage": 3, "orderBy": key, "orderDirection": "ASC"}
    first = partner.get("/epcis/events", params=limited)
    second = partner.get(re.match("<(.*)>", first.headers["Link"])[1])  # type: ignore[index]
    assert [one["ex:count"] for one in found(first) + found(second)] == [0, 1, 2, 3]
    assert "Link" not in second.headers
    refusal(partner.get("/epcis/events", params={**asked, "maxEventCount": 5}), 413, "QueryTooLargeException")
    assert partner.get("/epcis/events", params={**asked, "maxEventCount": 500}).is_success


def test_epcs_are_given_as_digital_links_when_asked(partner: httpx.Client) -> None:
    asked = {"EQ_bizStep": "packing"}
    (one,) = found(
        partner.get("/epcis/events", params=asked, headers={"GS1-EPC-Format": "Always_GS1_Digital_Link"})
    )
    assert one["childEPCs"][0] == "https://id.gs1.org/01/04012345111118/21/1"
    assert one["parentID"].startswith("https://id.gs1.org/00/")
    (same,) = found(partner.get("/epcis/events", params=asked))
    assert same["childEPCs"][0] == SGTIN.format(1)


def test_events_stand_under_their_resources(partner: httpx.Client) -> None:
    link, place = "https://id.gs1.org/01/04012345111118/21/9", "https://id.gs1.org/414/4012345000054"
    for path, value, wanted in (
        ("epcs", SGTIN.format(9), {"03"}),
        ("epcs", link, {"03"}),
        ("bizSteps", "packing", {"02"}),
        ("dispositions", "active", None),
        ("readPoints", "urn:epc:id:sgln:4012345.00005.0", None),
        ("bizLocations", "https://id.gs1.org/414/4012345000054", None),
        ("eventTypes", "TransformationEvent", {"03"}),
    ):
        listed = partner.get(f"/epcis/{path}", params={"perPage": 1000}).json()["member"]
        assert {"epcs": link, "readPoints": place}.get(path, value) in listed
        escaped = quote(value, safe="")
        assert partner.get(f"/epcis/{path}/{escaped}").json()["member"] == ["events"]
        answer = partner.get(f"/epcis/{path}/{escaped}/events", params={"perPage": 1000})
        assert wanted is None or ids(answer) == wanted, path
        assert found(answer)
        if path != "eventTypes":
            refusal(
                partner.get(f"/epcis/{path}/https%3A%2F%2Fnobody.example.com%2Fx"),
                404,
                "NoSuchResourceException",
            )
    refusal(
        partner.get("/epcis/bizSteps/packing/events", params={"EQ_bizStep": "packing"}),
        400,
        "QueryParameterException",
    )


def test_lists_of_resources_have_pages(partner: httpx.Client) -> None:
    whole = partner.get("/epcis/epcs", params={"perPage": 1000}).json()["member"]
    answer, paged = partner.get("/epcis/epcs", params={"perPage": 4}), []
    while True:
        paged += answer.json()["member"]
        if "Link" not in answer.headers:
            break
        answer = partner.get(re.match("<(.*)>", answer.headers["Link"])[1])  # type: ignore[index]
    assert paged == whole == sorted(set(whole))
    assert partner.delete("/epcis/nextPageToken/abc").status_code == 204


# -- named queries --------------------------------------------------------------------------------


def test_named_queries(partner: httpx.Client) -> None:
    order = {"name": "packed", "query": {"eventType": ["AggregationEvent"], "EQ_bizStep": "packing"}}
    made = partner.post("/epcis/queries", json=order)
    assert made.status_code == 201
    assert partner.get(made.headers["Location"]).json()["query"] == {
        "eventType": "AggregationEvent",
        "EQ_bizStep": "packing",
    }
    assert "packed" in [one["name"] for one in partner.get("/epcis/queries").json()]
    answer = partner.get("/epcis/queries/packed/events")
    assert ids(answer) == {"02"}
    assert answer.json()["epcisBody"]["queryResults"]["queryName"] == "packed"
    refusal(partner.post("/epcis/queries", json=order), 409, "ResourceAlreadyExistsException")
    for wrong in (
        {},
        {"name": "x"},
        {"name": "x", "query": 5},
        {"name": "", "query": {}},
        [],
        {"name": 1, "query": {}},
    ):
        refusal(partner.post("/epcis/queries", json=wrong), 400, "ValidationException")
    refusal(
        partner.post("/epcis/queries", json={"name": "y", "query": {"EQ_x": 1}}),
        400,
        "QueryParameterException",
    )
    assert partner.delete("/epcis/queries/packed").status_code == 204
    for path in ("packed", "packed/events", "packed/subscriptions"):
        refusal(partner.get(f"/epcis/queries/{path}"), 404, "NoSuchNameException")
    refusal(partner.delete("/epcis/queries/packed"), 404, "NoSuchNameException")


# -- the official examples ------------------------------------------------------------------------


def meaning(part: Any) -> Any:
    """A part of a document without what the repository adds."""
    return {name: value for name, value in part.items() if name not in {"recordTime", "@context"}}


def test_every_official_example_comes_back_with_its_meaning(tmp_path: Path) -> None:
    folder = data_folder()
    if folder is None or not (folder / "epcis").exists():
        pytest.skip("the official examples are not here")
    Workspace.create(tmp_path / "plant").close()
    documents = [
        json.loads(path.read_text("utf-8")) for path in sorted((folder / "epcis/JSON").rglob("*.jsonld"))
    ]
    with running(tmp_path / "plant") as served, served.client() as client:
        for one in documents:
            answer = client.post("/epcis/capture", json=one)
            assert answer.status_code == 202, answer.text
            assert answer.json()["success"]
        told = client.get("/epcis/events", params={"perPage": 1000})
        returned = found(told)
        top = told.json()["@context"][1:]
    for one in documents:
        query = one["epcisBody"].get("queryResults")
        for each in (query["resultsBody"] if query else one["epcisBody"])["eventList"]:
            same = [
                back
                for back in returned
                if meaning(each) == {name: value for name, value in meaning(back).items() if name in each}
            ]
            assert same, each
            declared = [part for part in one["@context"] if isinstance(part, dict)]
            assert any([*top, *back.get("@context", [])] == declared for back in same)
            assert all(each.get("recordTime", back["recordTime"]) == back["recordTime"] for back in same)
            assert all(HASH.fullmatch(back["eventID"]) for back in same if "eventID" not in each)


def test_a_query_document_is_captured_like_any_other(partner: httpx.Client) -> None:
    made = query_document(numbered(601))
    assert partner.post("/epcis/capture", json=made).json()["captured"] == 1
    assert found(partner.get("/epcis/events", params={"EQ_eventID": numbered(601)["eventID"]}))
