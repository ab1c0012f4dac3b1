"""What every route of ``/epcis`` is handed, and how its answers and refusals look."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, cast
from urllib.parse import urlencode

from fastapi import Depends, Request, Response

from assay.api.auth import Session
from assay.api.door import Services, services, session
from assay.api.epcis_desk import CAPTURE_BYTES, CAPTURE_EVENTS, EpcisDesk
from assay.api.errors import ApiError
from assay.apps.payloads import Problem
from assay.exchange.epcis import ExchangeError, Verdict
from assay.exchange.epcis.answers import EPC_FORMATS, EpcFormat, written
from assay.exchange.epcis.context import GS1_CONTEXT, PREFIXES, Context
from assay.exchange.epcis.faults import CATALOGUE
from assay.exchange.epcis.repository import CaptureJob
from assay.model.text import Text

LONGEST_ADDRESS: Final = 16_384
PER_PAGE: Final = 30
MOST_PER_PAGE: Final = 1_000

VERSIONS: Final = {
    "GS1-EPCIS-Version": "2.0.0",
    "GS1-CBV-Version": "2.0.0",
}
DISCOVERY: Final = {
    **VERSIONS,
    "GS1-EPCIS-Min": "2.0.0",
    "GS1-EPCIS-Max": "2.0.0",
    "GS1-CBV-Min": "2.0.0",
    "GS1-CBV-Max": "2.0.0",
    "GS1-EPC-Format": "Never_Translates",
    "GS1-Vendor-Version": "1",
}
STATUS: Final[Mapping[str, int]] = {
    "QueryParameterException": 400,
    "SubscriptionControlsException": 400,
    "ValidationException": 400,
    "NoSuchNameException": 404,
    "NoSuchResourceException": 404,
    "NotAcceptableException": 406,
    "ResourceAlreadyExistsException": 409,
    "CaptureLimitExceededException": 413,
    "QueryTooLargeException": 413,
    "QueryTooComplexException": 413,
    "URITooLongException": 414,
    "UnsupportedMediaTypeException": 415,
}

_CONTROL: Final = frozenset({"perPage", "nextPageToken"})

_INVALID = "ValidationException"


def desk(rooms: Annotated[Services, Depends(services)]) -> EpcisDesk:
    """The EPCIS desk of the application."""
    return rooms.epcis


def partner(request: Request, rooms: Annotated[Services, Depends(services)]) -> Session:
    """The session of a request, which has to ask for what this repository speaks.

    Raises
    ------
    PartnerRefused
        There is no session; said in the standard's form.
    ExchangeError
        The request asks for another version, for XML, or by too long an address.
    """
    try:
        found = session(request, rooms)
    except ApiError as error:
        raise PartnerRefused(error.status, error.said, error.advice) from error
    if len(str(request.url)) > LONGEST_ADDRESS:
        raise ExchangeError("URITooLongException", "too-large", limit=LONGEST_ADDRESS)
    check_versions(request.headers)
    return found


class PartnerRefused(Exception):
    """A request without a session."""

    def __init__(self, status: int, said: Text, advice: Text | None = None) -> None:
        super().__init__(said.en)
        self.status = status
        self.said = said
        self.advice = advice


Partner = Annotated[Session, Depends(partner)]
Desk = Annotated[EpcisDesk, Depends(desk)]


def check_versions(headers: Mapping[str, str]) -> None:
    """Refuse what asks for a version of EPCIS or CBV that is not 2.0, or for another form than JSON."""
    for standard in ("EPCIS", "CBV"):
        least, most = headers.get(f"gs1-{standard}-min"), headers.get(f"gs1-{standard}-max")
        exact = headers.get(f"gs1-{standard}-version")
        for name, value, right in (
            ("Min", least, least is None or _version(least) <= (2, 0)),
            ("Max", most, most is None or _version(most) >= (2, 0)),
            ("Version", exact, exact is None or _version(exact) == (2, 0)),
        ):
            if not right:
                raise ExchangeError(
                    "NotAcceptableException",
                    "version",
                    header=f"GS1-{standard}-{name}",
                    value=value,
                    known="2.0",
                )
    accepted = headers.get("accept", "*/*").lower()
    if not any(one in accepted for one in ("*/*", "application/*", "json")):
        raise ExchangeError("NotAcceptableException", "media-type", value=accepted)


def _version(text: str) -> tuple[int, ...]:
    parts = tuple(int(one) for one in text.split(".")[:2] if one.isdecimal())
    return (*parts, 0, 0)[:2] if parts else (0, 0)


def check_media_type(request: Request) -> None:
    """Refuse a body that does not say it is JSON."""
    value = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if value not in {"application/json", "application/ld+json"}:
        raise ExchangeError("UnsupportedMediaTypeException", "media-type", value=repr(value))


async def body(request: Request) -> bytes:
    """The whole body of a capture; too large a one is refused as soon as that is known."""
    check_media_type(request)
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > CAPTURE_BYTES:
            raise ExchangeError("CaptureLimitExceededException", "too-large", limit=f"{CAPTURE_BYTES:,}")
        pieces.append(piece)
    return b"".join(pieces)


def parameters_of(request: Request) -> dict[str, list[str]]:
    """The query's parameters: values are repeated, or separated by ``|``."""
    found: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        if name not in _CONTROL:
            found.setdefault(name, []).extend(value.split("|"))
    return found


def prefixes_of(request: Request) -> Context:
    """Prefixes that the ``GS1-Extensions`` header declares for names in parameters."""
    pairs = (one.partition("=") for one in request.headers.get("gs1-extensions", "").split(","))
    return Context({**PREFIXES, **{name.strip(): value.strip() for name, equals, value in pairs if equals}})


def epc_format(request: Request) -> EpcFormat:
    """The form of EPCs that the client asks for; as they were captured by default."""
    value = request.headers.get("gs1-epc-format", "Never_Translates")
    if value not in EPC_FORMATS:
        raise ExchangeError("NotAcceptableException", "epc-format", value=value)
    return cast("EpcFormat", value)


def page_size(request: Request) -> int:
    """``perPage``."""
    text = request.query_params.get("perPage", str(PER_PAGE))
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text[:9]) <= 10**8:
        raise ExchangeError(
            "QueryParameterException", "page-size", value=repr(text[:20]), limit=MOST_PER_PAGE
        )
    return min(int(text), MOST_PER_PAGE)


def next_link(request: Request, token: str | None) -> dict[str, str]:
    """The ``Link`` header to the next page; empty on the last one."""
    if token is None:
        return {}
    pairs = [pair for pair in request.query_params.multi_items() if pair[0] != "nextPageToken"]
    address = f"{request.url.path}?{urlencode([*pairs, ('nextPageToken', token)])}"
    return {"Link": f'<{address}>; rel="next"'}


def answered(
    document: Any,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    kind: str = "application/json",
) -> Response:
    """An answer in the standard's form."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return Response(text.encode(), status, {**VERSIONS, **(headers or {})}, kind)


def collection(members: Sequence[str], headers: Mapping[str, str] | None = None) -> Response:
    """A list of resources."""
    return answered({"@context": GS1_CONTEXT, "type": "Collection", "member": list(members)}, headers=headers)


def problem(status: int, kind: str, said: Text, advice: Text | None = None, **more: Any) -> Response:
    """An error in the form of RFC 7807, with the form all errors of this server have beside it."""
    titles = CATALOGUE.text(f"problem.{kind}")
    document = {
        "type": f"epcisException:{kind}",
        "title": titles.en,
        "status": status,
        "detail": said.en,
        "error": Problem(message=said, hint=advice).model_dump(mode="json"),
        **more,
    }
    headers = {}
    if status == 413 and kind == "CaptureLimitExceededException":
        headers = {
            "GS1-EPCIS-Capture-Limit": str(CAPTURE_EVENTS),
            "GS1-EPCIS-Capture-File-Size-Limit": str(CAPTURE_BYTES),
        }
    return answered(document, status=status, headers=headers, kind="application/problem+json")


def refused(verdict: Verdict) -> Response:
    """The answer to a document that is not valid: every fault with its place."""
    listed = [one.to_dict() for one in verdict.faults]
    first = verdict.faults[0]
    return problem(400, "ValidationException", first.said, errors=listed)


def job_document(job: CaptureJob) -> dict[str, Any]:
    """A capture job as the standard has it, with how many events are new and how many were here."""
    errors = [
        {
            "type": f"epcisException:{_INVALID}",
            "title": CATALOGUE.say(f"problem.{_INVALID}", "en"),
            "detail": one.said.en,
            "path": one.path,
            "rule": one.rule,
        }
        for one in job.faults
    ]
    return {
        "captureID": job.id,
        "running": False,
        "success": job.success,
        "createdAt": written(job.created),
        "finishedAt": written(job.finished),
        "captureErrorBehaviour": job.behaviour,
        "errors": errors,
        "events": job.events,
        "captured": job.captured,
        "known": job.known,
        "differing": list(job.notes),
    }


def exchange_problem(_: Request, error: Exception) -> Response:
    """Any :class:`ExchangeError` or :class:`PartnerRefused` in the standard's form."""
    if isinstance(error, ExchangeError):
        return problem(STATUS.get(error.kind, 400), error.kind, error.said)
    if isinstance(error, PartnerRefused):
        return problem(error.status, "SecurityException", error.said, error.advice)
    raise error
