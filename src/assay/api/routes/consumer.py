"""The public page of a scanned code: no session, no scripts, and nothing that the owner does not show."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, JSONResponse

from assay.api.door import Services, refuse_other_sites, services
from assay.api.negotiation import wanted
from assay.api.scan_desk import ScanDesk
from assay.api.security import policy_for
from assay.exchange.consumer import LONGEST, ConsumerAnswer, ScannedCode, read_link
from assay.model.catalogue import LANGUAGES
from assay.model.consumer import Country, Shown
from assay.model.errors import AssayError, CodeError
from assay.model.text import Language, Text
from assay.report.consumer import Notice, consumer_html, notice_html
from assay.report.errors import CATALOGUE
from assay.store.scans import Whereabouts

PREFIX: Final = "/u/"

_LOG = logging.getLogger("assay.api")
_HTML, _JSON, _LINKSET = "text/html", "application/json", "application/linkset+json"
_FORMS: Final = (_HTML, _JSON, _LINKSET)
_ALWAYS: Final = {
    "Cache-Control": "no-store",
    "Vary": "Accept, Accept-Language",
    "X-Robots-Tag": "noindex",
}
_PAGE_OF_PRODUCT: Final = "https://gs1.org/voc/pip"
"""GS1's link type of a page of product information (GS1 Web Vocabulary)."""
_PAGE_OF_PACKAGE: Final = "https://gs1.org/voc/defaultLink"
"""That of a package's page: the vocabulary has a product's page, and for a package only the default."""

router = APIRouter(include_in_schema=False)
Rooms = Annotated[Services, Depends(services)]


class ScanPlace(BaseModel):
    """Where a scan is made, told by the person who scans."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    latitude: float | None = Field(default=None, ge=-90, le=90, allow_inf_nan=False)
    longitude: float | None = Field(default=None, ge=-180, le=180, allow_inf_nan=False)
    country: Country | None = None


@router.api_route(PREFIX + "{path:path}", methods=["GET", "HEAD"])
def scanned(request: Request, rooms: Rooms) -> Response:
    """What everybody may know of a code."""
    return _Visit(request, rooms).response()


@router.post(PREFIX + "{path:path}")
async def scanned_at(place: ScanPlace, request: Request, rooms: Rooms) -> Response:
    """The same, for a scan that tells where it is made; only with the person's consent."""
    refuse_other_sites(request)
    where = Whereabouts(place.country, place.latitude, place.longitude)
    return await run_in_threadpool(_Visit(request, rooms).response, where)


class _Refusal(Exception):
    """There is nothing to see, and why: the texts of ``values`` fill the sentence of ``notice``."""

    def __init__(self, notice: Notice, status: int, *, retry: int = 0, **values: object) -> None:
        super().__init__(notice)
        self.notice, self.status, self.retry, self.values = notice, status, retry, values


class _Visit:
    """One request for a page."""

    def __init__(self, request: Request, rooms: Services) -> None:
        self._request, self._desk = request, rooms.scans
        raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
        query: bytes = request.scope["query_string"]
        self._path = raw.decode("latin-1").removeprefix(PREFIX)
        self._query = query.decode("latin-1")
        pairs = [pair for pair in parse_qsl(self._query[:LONGEST]) if pair[0] in {"lang", "linkType"}]
        self._asked = dict(pairs)
        self._language = self._spoken(rooms.workspace.config.language)
        offered = wanted(request.headers.get("accept", ""), _FORMS, _HTML) or _HTML
        self._form = _LINKSET if self._asked.get("linkType") in {"linkset", "all"} else offered

    def _spoken(self, default: Language) -> Language:
        for one in LANGUAGES:
            if self._asked.get("lang") == one:
                return one
        ordered: list[Language] = [default, *(one for one in LANGUAGES if one != default)]
        return wanted(self._request.headers.get("accept-language", ""), ordered, default) or default

    def response(self, where: Whereabouts | None = None) -> Response:
        """The answer, in the form and language that are wanted."""
        try:
            return self._answered(where)
        except _Refusal as refusal:
            return self._refused(refusal)
        except AssayError:
            # What went wrong may name anything of the plant: it is for the log alone.
            _LOG.exception("the consumer page can't be made")
            return self._refused(_Refusal("failed", 503, retry=30))

    def _answered(self, where: Whereabouts | None) -> Response:
        desk = self._desk
        if desk is None:
            raise _Refusal("absent", 404)
        if seconds := desk.wait(self._request):
            raise _Refusal("often", 429, retry=seconds, seconds=seconds)
        code, product = self._read(desk)
        with desk.turn() as mine:
            if not mine:
                raise _Refusal("busy", 503, retry=2)
            answer = desk.answer(code, product, self._request, where)
        status = 404 if answer.standing == "unknown" else 200
        if self._form == _LINKSET:
            return self._sent(JSONResponse(_linkset(code, answer), status, media_type=_LINKSET))
        if self._form == _JSON:
            return self._sent(JSONResponse(answer.model_dump(mode="json"), status))
        keep = desk.page.scans.keep_days
        return self._page(consumer_html(answer, self._language, other=self._other(), keep_days=keep), status)

    def _read(self, desk: ScanDesk) -> tuple[ScannedCode, Shown]:
        length = len(self._path) + len(self._query)
        if length > LONGEST:
            raise _Refusal("long", 414, length=length, most=LONGEST)
        try:
            code = read_link(f"{self._path}?{self._query}" if self._query else self._path)
        except CodeError as error:
            raise _Refusal("malformed", 400, said=error.said) from error
        product = None if code is None else code.shown_by(desk.page)
        if code is None or product is None:
            raise _Refusal("foreign", 404)
        if desk.withdrawn(product):
            raise _Refusal("gone", 410, maker=desk.page.maker, name=product.name)
        return code, product

    def _refused(self, refusal: _Refusal) -> Response:
        if self._form == _HTML:
            values = _in(refusal.values, self._language)
            page = notice_html(refusal.notice, self._language, other=self._other(), **values)
            response = self._page(page, refusal.status)
        else:
            texts = {one: _sentence(refusal, one) for one in LANGUAGES}
            document = {"error": {"message": texts, "hint": None}}
            response = self._sent(JSONResponse(document, refusal.status))
        if refusal.retry:
            response.headers["Retry-After"] = str(refusal.retry)
        return response

    def _other(self) -> str:
        """The address of this page in the other language, relative to this one."""
        pairs = [pair for pair in parse_qsl(self._query[:LONGEST]) if pair[0] != "lang"]
        return "?" + urlencode([*pairs, ("lang", "en" if self._language == "zh" else "zh")])

    def _page(self, html: str, status: int) -> Response:
        response = HTMLResponse(html, status, headers=policy_for(html))
        response.headers["Content-Language"] = "zh-Hans" if self._language == "zh" else "en"
        return self._sent(response)

    def _sent(self, response: Response) -> Response:
        response.headers.update(_ALWAYS)
        return response


def _in(values: Mapping[str, object], language: Language) -> dict[str, Any]:
    return {name: one.said(language) if isinstance(one, Text) else one for name, one in values.items()}


def _sentence(refusal: _Refusal, language: Language) -> str:
    return CATALOGUE.say(f"consumer.notice.{refusal.notice}-said", language, **_in(refusal.values, language))


def _linkset(code: ScannedCode, answer: ConsumerAnswer) -> dict[str, Any]:
    """The links of a code (RFC 9264; GS1-Conformant resolver standard): its pages here, in each language."""
    pages = [
        {
            "href": f"{PREFIX.rstrip('/')}{code.path}?lang={one}",
            "title": answer.name.said(one),
            "type": _HTML,
            "hreflang": [one],
        }
        for one in LANGUAGES
    ]
    kind = _PAGE_OF_PACKAGE if code.gtin is None else _PAGE_OF_PRODUCT
    return {"linkset": [{"anchor": answer.link, kind: pages}]}
