"""Pages that are data: their specification, the payloads that fill them, the runtime that evaluates them."""

from assay.apps.builtin import builtin_pages
from assay.apps.errors import PageError, problem_of
from assay.apps.page import Binding, Page, Param, check_page, read_page
from assay.apps.payloads import (
    CausesPayload,
    ChartPayload,
    GridPayload,
    KpiPayload,
    MarkdownPayload,
    PageAnswer,
    PageQuestion,
    Paging,
    Selection,
    TargetsPayload,
    TracePayload,
)
from assay.apps.questions import Questions
from assay.apps.runtime import Runtime
from assay.apps.widgets import WIDGETS, Widget

__all__ = [
    "WIDGETS",
    "Binding",
    "CausesPayload",
    "ChartPayload",
    "GridPayload",
    "KpiPayload",
    "MarkdownPayload",
    "Page",
    "PageAnswer",
    "PageError",
    "PageQuestion",
    "Paging",
    "Param",
    "Questions",
    "Runtime",
    "Selection",
    "TargetsPayload",
    "TracePayload",
    "Widget",
    "builtin_pages",
    "check_page",
    "problem_of",
    "read_page",
]
