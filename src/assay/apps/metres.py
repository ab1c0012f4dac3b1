"""The page *Metres*: a place on a web, bar or coil, and where and when it was at every station."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from assay.analyse.metre import known_line
from assay.apps.bridges import paragraphs
from assay.apps.catalogue import told
from assay.apps.grids import grid
from assay.apps.payloads import GridPayload, MarkdownPayload, Paging

if TYPE_CHECKING:
    from assay.analyse.metre import MetreTrace
    from assay.apps.questions import Questions


class MetreArgs(BaseModel):
    """A place on an item of a line of the plant, and whether it is followed back or on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    line: str | None = None
    item: str = Field(min_length=1, title="item")
    position: float = Field(title="position")
    across: float | None = None
    station: str | None = None
    direction: Literal["back", "forward"] = "back"


def sightings(questions: Questions, args: MetreArgs, paging: Paging) -> GridPayload:
    """Where and when the place was at each station, each with its uncertainty."""
    rows = _metre(questions, args).to_arrow()
    empty = [name for name in rows.column_names if rows.column(name).null_count == len(rows)]
    return grid(
        rows.drop_columns(empty).slice(paging.offset, paging.limit),
        total=len(rows),
        offset=paging.offset,
        limit=paging.limit,
        declared={name: told(f"metre.{name}").model_dump() for name in rows.column_names},
        links={"item": "trace"},
        note=told("metre.note"),
    )


def metre_remarks(questions: Questions, args: MetreArgs) -> MarkdownPayload:
    """Which line it is, its stations, and the delays that were taken from the signals."""
    name, line = known_line(questions.workspace, args.line)
    stations = " → ".join(one.station for one in line.stations)
    delays = _metre(questions, args).to_dict()["delays"]
    said = [told("metre.delay", **{key: _short(value) for key, value in one.items()}) for one in delays]
    others = ", ".join(other for other in questions.workspace.model.lines if other != name)
    return MarkdownPayload(
        text=paragraphs(
            told("metre.line", name=name, stations=stations),
            *said,
            *([told("metre.others", names=others)] if others else []),
        )
    )


def _metre(questions: Questions, args: MetreArgs) -> MetreTrace:
    given = args.model_dump(exclude_none=True, exclude={"direction"})
    given["downstream"] = args.direction == "forward"
    found: MetreTrace = questions.operator("metre", given)
    return found


def _short(value: Any) -> Any:
    return f"{value:.4g}" if isinstance(value, float) else value
