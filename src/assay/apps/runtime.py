"""Fills a page: evaluates its bindings against a plant, each with its own error when it fails."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from assay.apps.builtin import builtin_pages
from assay.apps.errors import PageError, problem_of, unexpected_problem
from assay.apps.operators import OPERATORS, Asked
from assay.apps.page import Binding, Page, reference
from assay.apps.payloads import PageAnswer, PageQuestion, Paging, Refusal, Scalar, Selection
from assay.apps.questions import Questions
from assay.apps.widgets import CauseList
from assay.model.errors import AssayError

_LOG = logging.getLogger("assay.apps")


class Runtime:
    """Evaluates pages over one plant's :class:`~assay.apps.questions.Questions`.

    Parameters
    ----------
    questions
        What can be asked of the plant.
    pages
        The pages by id; the built-in ones if not given.
    """

    def __init__(self, questions: Questions, pages: Mapping[str, Page] | None = None) -> None:
        self._questions = questions
        self.pages = dict(pages if pages is not None else builtin_pages())

    def page(self, page_id: str) -> Page:
        """The page with the defaults this plant suggests filled in.

        Raises
        ------
        PageError
            There is no such page.
        """
        page = self._known(page_id)
        params = [
            param.model_copy(update={"default": self._first_target()})
            if param.type == "target" and param.default is None
            else param
            for param in page.params
        ]
        return page.model_copy(update={"params": params})

    def evaluate(self, page_id: str, question: PageQuestion) -> PageAnswer:
        """The payload of every binding asked for.

        A binding that fails answers with its error; the others are not touched by it.

        Raises
        ------
        PageError
            There is no such page, parameter or binding.
        """
        page = self.page(page_id)
        _refuse_unknown(page, "params", question.params, [param.name for param in page.params])
        names = list(page.data) if question.only is None else question.only
        _refuse_unknown(page, "data", [*names, *question.paging], list(page.data))
        params: dict[str, Scalar] = {}
        for param in page.params:
            given = question.params.get(param.name)
            params[param.name] = param.default if given is None or given == "" else given
        selection = self._completed(page, params, question.selection)
        data: dict[str, Any] = {}
        for name in names:
            asked = Asked(self._questions, question.paging.get(name, Paging()), question.width)
            data[name] = self._answer(page, page.data[name], params, selection, asked)
        return PageAnswer(data=data, params=params, selection=selection)

    def _first_target(self) -> str | None:
        try:
            return self._questions.first_target()
        except AssayError:  # the bindings that need a target say what is wrong
            return None

    def _known(self, page_id: str) -> Page:
        if page_id not in self.pages:
            raise PageError.missing(page_id, list(self.pages))
        return self.pages[page_id]

    def _answer(
        self,
        page: Page,
        binding: Binding,
        params: Mapping[str, Scalar],
        selection: Selection,
        asked: Asked,
    ) -> BaseModel:
        operator = OPERATORS[binding.operator]
        try:
            args = _filled(binding, params, selection)
            return operator.run(_validated(page, binding, operator.args, args), asked)
        except AssayError as error:
            return Refusal(error=problem_of(error))
        except Exception:  # noqa: BLE001 - one widget's failure must not blank the page
            _LOG.exception("page %s: operator %s failed", page.id, operator.id)
            return Refusal(error=unexpected_problem())

    def _completed(self, page: Page, params: Mapping[str, Scalar], given: Selection) -> Selection:
        """The selection; the first cause where a cause list selects and nothing is selected."""
        if given.factor is not None:
            return given
        for widget in page.widgets:
            if not isinstance(widget, CauseList) or widget.select is None:
                continue
            args = _filled(page.data[widget.data], params, given)
            try:
                first = self._questions.first_cause(args.get("target"), args.get("where"), args.get("scope"))
            except AssayError:
                return given  # the cause list shows the error itself
            if first is not None:
                return Selection(factor=first.factor, value=first.value)
        return given


def _filled(binding: Binding, params: Mapping[str, Scalar], selection: Selection) -> dict[str, Any]:
    """The binding's arguments with references replaced; a null falls back to the operator's default."""
    filled: dict[str, Any] = {}
    for name, value in binding.args.items():
        if not (found := reference(value)):
            filled[name] = value
            continue
        target, field = found
        taken = params[target] if target in params else getattr(selection, field or "factor", None)
        if taken is not None:
            filled[name] = taken
    return filled


def _validated(page: Page, binding: Binding, model: type[BaseModel], args: Mapping[str, Any]) -> BaseModel:
    try:
        return model.model_validate(args)
    except ValidationError as error:
        first = error.errors()[0]
        argument = str(first["loc"][0])
        found = reference(binding.args.get(argument))
        param = next((param for param in page.params if found and param.name == found[0]), None)
        if first["type"] == "missing" and param is not None:
            raise PageError.no_target() if param.type == "target" else PageError.needs(param.title) from error
        raise PageError.invalid(page.id, [f"{argument}: {first['msg']}"]) from error


def _refuse_unknown(page: Page, what: str, given: Any, known: list[str]) -> None:
    wrong = [name for name in given if name not in known]
    if wrong:
        raise PageError.unknown(page.id, what, wrong, known)
