"""Codes: what a scanned one is, those of an image, and the next ones of a rule."""

from __future__ import annotations

import shutil
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool

from assay.analyse.scanned import thing_of
from assay.api.code_models import (
    CodeCard,
    CodeOrder,
    CodeProblem,
    IssuedCard,
    NextOrder,
    ReadCard,
    ReadCards,
    RuleCard,
    RuleCards,
    SeriesCard,
)
from assay.api.door import Guarded, Services, services
from assay.api.routes.imports import MULTIPART
from assay.api.upload import Dropped, receive_upload
from assay.model.errors import CodeError
from assay.store.plant_codes import code_rules, next_codes, parse_code
from assay.store.workspace import Workspace

IMAGE_PATH = "/api/codes/read"

router = APIRouter(tags=["codes"])

Rooms = Annotated[Services, Depends(services)]


@router.post("/codes/parse")
def parse(order: CodeOrder, _: Guarded, rooms: Rooms) -> CodeCard:
    """What a scanned or typed code is and says, and the unit or lot that is recorded under it."""
    return _card(rooms.workspace, order.text)


@router.post("/codes/read", openapi_extra=MULTIPART)
async def read(request: Request, _: Guarded, rooms: Rooms) -> ReadCards:
    """The codes of a PNG or JPEG image (the multipart field ``file``), each with what it is."""
    from assay.exchange.labels.reading import MOST_BYTES

    dropped = await receive_upload(request, rooms.imports.new_folder(), MOST_BYTES)
    return await run_in_threadpool(_read, rooms.workspace, dropped)


@router.get("/codes/rules")
def rules(_: Guarded, rooms: Rooms) -> RuleCards:
    """The plant's code rules and how far their series are."""
    return RuleCards(
        rules=[
            RuleCard(
                rule=one.rule,
                series=[SeriesCard(series=s.series, last=s.last, given=s.given) for s in one.series],
            )
            for one in code_rules(rooms.workspace)
        ]
    )


@router.post("/codes/next")
def following(order: NextOrder, _: Guarded, rooms: Rooms) -> IssuedCard:
    """The next codes of a rule; nobody else gets them."""
    return IssuedCard.of(
        next_codes(
            rooms.workspace,
            order.rule,
            order.fields,
            of=order.of,
            product=order.product,
            count=order.count,
            moment=order.date,
        )
    )


def _card(workspace: Workspace, text: str) -> CodeCard:
    code = parse_code(workspace, text)
    return CodeCard.of(code, thing_of(workspace, code))


def _read(workspace: Workspace, dropped: Dropped) -> ReadCards:
    from assay.exchange.labels import read_codes

    try:
        found = read_codes(dropped.path.read_bytes())
    finally:
        shutil.rmtree(dropped.folder, ignore_errors=True)
    cards = []
    for one in found:
        code, problem = None, None
        try:
            code = _card(workspace, one.scanned)
        except CodeError as error:
            problem = CodeProblem(rule=error.rule, message=error.said, hint=error.advice)
        cards.append(
            ReadCard(
                text=one.text,
                symbology=one.symbology,
                identifier=one.identifier,
                corners=list(one.corners),
                code=code,
                problem=problem,
            )
        )
    return ReadCards(codes=cards)
