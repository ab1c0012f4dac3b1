"""The genealogy: traces, recalls and common origins."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.parquet as pq
from fastapi import APIRouter, Depends, Query, Response
from starlette.responses import StreamingResponse

from assay.analyse.genealogy_checks import CheckArguments
from assay.api.door import Guarded, Services, services
from assay.api.download import csv_stream
from assay.api.trace_models import (
    CheckAnswer,
    CommonAnswer,
    CommonOrder,
    Format,
    RecallAnswer,
    RecallOrder,
    TraceOrder,
)
from assay.apps import TracePayload
from assay.apps.grids import cell

router = APIRouter(tags=["genealogy"])
Rooms = Annotated[Services, Depends(services)]
_BATCH = 65_536


@router.get("/trace/recall", response_model=RecallAnswer)
def recall_by_address(order: Annotated[RecallOrder, Query()], _: Guarded, rooms: Rooms) -> Response:
    """Everything that the ids went into, were made from, or share an origin with."""
    return _recalled(order, rooms)


@router.post("/trace/recall", response_model=RecallAnswer)
def recall(order: RecallOrder, _: Guarded, rooms: Rooms) -> Response:
    """The same, for more ids than an address holds."""
    return _recalled(order, rooms)


@router.get("/trace/common", response_model=CommonAnswer)
def common_by_address(order: Annotated[CommonOrder, Query()], _: Guarded, rooms: Rooms) -> Response:
    """The origins that all of the ids, or a share of them, lead back to."""
    return _shared(order, rooms)


@router.post("/trace/common", response_model=CommonAnswer)
def common(order: CommonOrder, _: Guarded, rooms: Rooms) -> Response:
    """The same, for more ids than an address holds."""
    return _shared(order, rooms)


@router.get("/trace/doubts", response_model=CheckAnswer)
def doubts(order: Annotated[CheckArguments, Query()], _: Guarded, rooms: Rooms) -> Response:
    """What the recorded movements say that can't be, with the records that say so."""
    text = json.dumps(order.ask(rooms.workspace).to_dict(), ensure_ascii=False, allow_nan=False)
    return Response(text, media_type="application/json")


@router.get("/trace/{subject_id:path}", response_model=TracePayload)
def trace(subject_id: str, order: Annotated[TraceOrder, Query()], _: Guarded, rooms: Rooms) -> Response:
    """Where it came from (``back``), what became of it (``forward``), or both."""
    payload = rooms.questions.trace(subject_id, order.direction, order, max_nodes=order.max_nodes)
    return Response(payload.model_dump_json(by_alias=True), media_type="application/json")


def _recalled(order: RecallOrder, rooms: Services) -> Response:
    found = order.ask(rooms.workspace)
    document = found.to_dict(0) | {"found": found.nodes.num_rows}
    return _written(found.nodes, document, order, "recall")


def _shared(order: CommonOrder, rooms: Services) -> Response:
    found = order.ask(rooms.workspace)
    return _written(found.nodes, found.to_dict(0), order, "common")


def _written(
    nodes: pa.Table, document: dict[str, Any], order: RecallOrder | CommonOrder, name: str
) -> Response:
    if order.format != "json":
        return _file(nodes, order.format, name)
    rows = nodes.slice(order.offset, order.limit).to_pylist()
    shown = [{column: cell(value) for column, value in row.items()} for row in rows]
    text = json.dumps(document | {"nodes": shown, "shown": len(shown)}, ensure_ascii=False, allow_nan=False)
    return Response(text, media_type="application/json")


def _file(nodes: pa.Table, form: Format, name: str) -> Response:
    if form == "csv":
        return csv_stream([nodes], name=name)
    if form == "arrow":
        said = {"Content-Disposition": f'attachment; filename="{name}.arrows"'}
        return StreamingResponse(
            _arrow(nodes), media_type="application/vnd.apache.arrow.stream", headers=said
        )
    sink = io.BytesIO()
    pq.write_table(nodes, sink)
    said = {"Content-Disposition": f'attachment; filename="{name}.parquet"'}
    return Response(sink.getvalue(), media_type="application/vnd.apache.parquet", headers=said)


def _arrow(nodes: pa.Table) -> Iterator[bytes]:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, nodes.schema) as stream:
        for batch in nodes.to_batches(max_chunksize=_BATCH):
            stream.write_batch(batch)
            yield sink.getvalue()
            sink.seek(0)
            sink.truncate()
    yield sink.getvalue()
