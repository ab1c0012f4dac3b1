"""Whether the operators, arguments and widgets of a page fit together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from assay.analyse.bridge import BridgeArguments
from assay.analyse.mixing import MixArguments
from assay.analyse.unit_file import UnitFile
from assay.analyse.welding import WeldFile
from assay.apps.operators import OPERATORS
from assay.apps.page import Page, reference
from assay.apps.payloads import (
    CausesPayload,
    ChartPayload,
    EvidencePayload,
    ExamplesPayload,
    GridPayload,
    KpiPayload,
    MarkdownPayload,
    PlotPayload,
    TraceGraphPayload,
    TracePayload,
)
from assay.apps.widgets import UNBOUND, RecordButton

_WIDGET_ANSWERS: dict[str, type[BaseModel]] = {
    "kpi": KpiPayload,
    "chart": ChartPayload,
    "plot": PlotPayload,
    "grid": GridPayload,
    "genealogy": TracePayload,
    "trace-graph": TraceGraphPayload,
    "unit-file": UnitFile,
    "weld-file": WeldFile,
    "evidence": EvidencePayload,
    "markdown": MarkdownPayload,
    "cause-list": CausesPayload,
    "question": ExamplesPayload,
}
"""Which payload each widget draws."""

RECORDED: dict[str, type[BaseModel]] = {"bridge": BridgeArguments, "mix": MixArguments}
"""What a page may record, and the arguments that say it."""


def check_bindings(page: Page) -> Iterator[str]:
    """The problems of a page's operators, arguments and widgets, each with its path."""
    for name, binding in page.data.items():
        operator = OPERATORS.get(binding.operator)
        if operator is None:
            yield f"data.{name}.operator: {binding.operator!r} is none of {', '.join(OPERATORS)}"
            continue
        yield from _argument_problems(f"data.{name}.args", operator.id, operator.args, binding.args)
    for index, widget in enumerate(page.widgets):
        if isinstance(widget, RecordButton):
            yield from _argument_problems(
                f"widgets.{index}.args", widget.records, RECORDED[widget.records], widget.args
            )
        if isinstance(widget, UNBOUND):
            continue
        operator = OPERATORS.get(page.data[widget.data].operator)
        if operator is not None and operator.answer is not _WIDGET_ANSWERS[widget.type]:
            yield (
                f"widgets.{index}.data: a {widget.type} can't draw {widget.data!r}; "
                f"operator {operator.id!r} answers with a {operator.answer.__name__}"
            )


def _argument_problems(path: str, name: str, model: type[BaseModel], args: dict[str, Any]) -> Iterator[str]:
    fields = model.model_fields
    for argument in args:
        if argument not in fields:
            yield f"{path}.{argument}: operator {name!r} takes {', '.join(fields) or 'no arguments'}"
    for argument, field in fields.items():
        if field.is_required() and argument not in args:
            yield f"{path}.{argument}: operator {name!r} needs it"
    fixed = {key: value for key, value in args.items() if reference(value) is None and key in fields}
    try:
        model.model_validate(fixed)
    except ValidationError as error:
        for item in error.errors():
            if item["type"] != "missing":
                yield f"{path}.{'.'.join(map(str, item['loc']))}: {item['msg']}"
