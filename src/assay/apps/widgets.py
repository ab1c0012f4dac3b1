"""The widgets a page is made of: one pydantic model per type, told apart by ``type``.

Each model's docstring is what the reference shows about the widget. A widget never carries data or
code: it names a binding of its page and a place on the 12-column grid.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from assay.model.text import Text

GRID_COLUMNS = 12


class _Widget(BaseModel):
    """What every widget has: a title and a place on the grid."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Text | None = Field(default=None, description="Heading in both languages; none for a bare widget.")
    at: tuple[int, int, int, int] = Field(
        description="Place on the page as x, y, w, h, in cells of a 12-column grid."
    )

    @field_validator("at")
    @classmethod
    def _fits_the_grid(cls, at: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        x, y, w, h = at
        if min(x, y) < 0 or min(w, h) < 1:
            raise ValueError(f"{list(at)} must have x, y of 0 or more and w, h of 1 or more")
        if x + w > GRID_COLUMNS:
            raise ValueError(f"{list(at)} ends at column {x + w}; the grid has {GRID_COLUMNS} columns")
        return at


class _BoundWidget(_Widget):
    """A widget that shows a binding."""

    data: str = Field(description="Name of the page's binding that this widget shows.")


class _FollowingWidget(_BoundWidget):
    """A widget whose binding may depend on what is selected elsewhere on the page."""

    follows: str | None = Field(
        default=None, description="Name of the selection whose change makes this widget read its data again."
    )


class Kpi(_FollowingWidget):
    """A row of headline figures, each with its unit and a tone (good, bad, neutral)."""

    type: Literal["kpi"] = "kpi"


class Chart(_FollowingWidget):
    """A chart: lines, bars, points or a Pareto, with confidence bands and limits where the data has them."""

    type: Literal["chart"] = "chart"


class PlotWidget(_FollowingWidget):
    """A statistic's picture: a control chart with its limits, rules hit and stages, a capability sixpack …"""

    type: Literal["plot"] = "plot"


class Grid(_FollowingWidget):
    """A table that is paged on the server and, where the data allows it, downloaded as CSV."""

    type: Literal["grid"] = "grid"


class Genealogy(_FollowingWidget):
    """The graph of units, lots and step executions around one id."""

    type: Literal["genealogy"] = "genealogy"


class TraceGraphBox(_FollowingWidget):
    """A genealogy of thousands of nodes as a graph or over time: zoom, open groups, go on from a node."""

    type: Literal["trace-graph"] = "trace-graph"


class UnitFileBox(_FollowingWidget):
    """The file of a unit or lot: its grade, its steps over time, their signals, every record behind it."""

    type: Literal["unit-file"] = "unit-file"


class WeldFileBox(_FollowingWidget):
    """The file of a welded joint: its passes, what the gate said of each, and the unit file around them."""

    type: Literal["weld-file"] = "weld-file"


class EvidenceBox(_FollowingWidget):
    """What the evidence log holds about a unit or lot: entries, verdicts, witnesses, proofs to download."""

    type: Literal["evidence"] = "evidence"


class Markdown(_BoundWidget):
    """Text in both languages, written in Markdown; HTML in it is shown as text."""

    type: Literal["markdown"] = "markdown"


class CauseList(_BoundWidget):
    """Ranked causes with effect, confidence, support, blast radius and what they are confounded with."""

    type: Literal["cause-list"] = "cause-list"
    select: str | None = Field(
        default=None, description="Name of the selection that a click on a cause writes (factor and value)."
    )


class QuestionBox(_BoundWidget):
    """A question in the language of the plant, with completion: its answer, how it was found, its changes."""

    type: Literal["question"] = "question"
    param: str = Field(description="Name of the page's parameter, of type question, that holds the text.")


class FileDrop(_Widget):
    """The import wizard: drop a file, check the inferred mapping and its doubts, load."""

    type: Literal["file-drop"] = "file-drop"


class ProofDrop(_Widget):
    """A place to drop a proof or bundle: whether it holds under the server's policy, and what it shows."""

    type: Literal["proof-drop"] = "proof-drop"


class RecordButton(_Widget):
    """A button that records what the page worked out as movements, by whoever is logged in."""

    type: Literal["record"] = "record"
    records: Literal["bridge", "mix"] = Field(description="What is recorded: `POST /api/record/` and this.")
    args: dict[str, JsonValue] = Field(
        description="Arguments of that request; `$name` is the page's parameter, left out while it is empty."
    )


class ContractDesk(_Widget):
    """Contracts on the plant's chain: forms to join by, instances, and what each role may do next."""

    type: Literal["contract-desk"] = "contract-desk"


Widget = Annotated[
    Kpi
    | Chart
    | PlotWidget
    | Grid
    | Genealogy
    | TraceGraphBox
    | UnitFileBox
    | WeldFileBox
    | EvidenceBox
    | Markdown
    | CauseList
    | QuestionBox
    | FileDrop
    | ProofDrop
    | ContractDesk
    | RecordButton,
    Field(discriminator="type"),
]
"""Any widget; ``type`` says which."""

UNBOUND = (FileDrop, ProofDrop, ContractDesk, RecordButton)
"""Widgets that show no binding."""

WIDGETS: dict[str, type[BaseModel]] = {
    model.model_fields["type"].default: model for model in get_args(get_args(Widget)[0])
}
"""Every widget model by the name of its type."""
