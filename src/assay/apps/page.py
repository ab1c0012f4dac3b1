"""A page is data: parameters, named bindings, and widgets that point at them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from assay.apps.errors import PageError
from assay.apps.widgets import UNBOUND, QuestionBox, RecordButton, Widget
from assay.model.text import Text

_REFERENCE = re.compile(r"\$([A-Za-z_]\w*)(?:\.([A-Za-z_]\w*))?\Z")
_NAME = r"^[a-z][a-z0-9_]{0,62}$"


class Choice(BaseModel):
    """One value a parameter may have."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: str
    title: Text | None = None


class Param(BaseModel):
    """A parameter of the page; it lives in the page's URL.

    ``target`` and ``expression`` are conditions of the query language, ``segment`` limits to one process
    step, ``subject`` is the id of a unit, lot or execution, ``factor`` names a recorded factor. A
    ``question`` is written in a widget of that type and not among the other parameters.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=_NAME)
    type: Literal["text", "target", "expression", "segment", "subject", "factor", "integer", "question"] = (
        "text"
    )
    default: str | int | float | None = Field(
        default=None, description="Null for a target means the plant's first suggested target."
    )
    title: Text
    placeholder: Text | None = Field(default=None, description="What an empty field shows.")
    required: bool = False
    choices: list[Choice] | None = Field(
        default=None, description="The values to choose from, if only some make sense."
    )


class Binding(BaseModel):
    """A named question: an operator and its arguments; ``$name`` and ``$selection.field`` are filled in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    operator: str
    args: dict[str, JsonValue] = Field(default_factory=dict)

    def references(self) -> Iterator[tuple[str, str, str | None]]:
        """(argument, name, field) of every ``$name`` or ``$name.field`` among the arguments."""
        return references(self.args)


class Page(BaseModel):
    """A page specification, as it is written in YAML and sent to the browser."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")
    title: Text
    nav: bool = Field(default=True, description="Whether the page is listed in the navigation.")
    params: list[Param] = Field(default_factory=list)
    data: dict[str, Binding] = Field(default_factory=dict)
    widgets: list[Widget] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_meet(self) -> Page:
        problems = list(self._problems())
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _problems(self) -> Iterator[str]:
        names = [param.name for param in self.params]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            yield f"params: {', '.join(doubled)} declared twice"
        selections = {select for widget in self.widgets if (select := getattr(widget, "select", None))}
        questions = [param.name for param in self.params if param.type == "question"]
        for name, binding in self.data.items():
            for argument, target, _ in binding.references():
                if target not in {*names, *selections}:
                    known = ", ".join(f"${known}" for known in [*names, *sorted(selections)]) or "none"
                    yield (
                        f"data.{name}.args.{argument}: ${target} is neither a parameter nor a selection "
                        f"of this page (known: {known})"
                    )
        for index, widget in enumerate(self.widgets):
            if not isinstance(widget, UNBOUND) and widget.data not in self.data:
                yield f"widgets.{index}.data: no binding is called {widget.data!r} ({', '.join(self.data)})"
            if isinstance(widget, QuestionBox) and widget.param not in questions:
                known = ", ".join(questions) or "none"
                wrong = f"no parameter of type question is called {widget.param!r} ({known})"
                yield f"widgets.{index}.param: {wrong}"
            if isinstance(widget, RecordButton):
                for argument, target, _ in references(widget.args):
                    if target not in names:
                        known = ", ".join(f"${known}" for known in names) or "none"
                        wrong = f"${target} is no parameter of this page (known: {known})"
                        yield f"widgets.{index}.args.{argument}: {wrong}"
            follows = getattr(widget, "follows", None)
            if follows and follows not in selections:
                yield f"widgets.{index}.follows: no widget of this page selects {follows!r}"
        yield from self._overlaps()

    def _overlaps(self) -> Iterator[str]:
        taken: dict[tuple[int, int], int] = {}
        for index, widget in enumerate(self.widgets):
            x, y, w, h = widget.at
            clash = {
                other
                for column in range(x, x + w)
                for row in range(y, y + h)
                if (other := taken.setdefault((column, row), index)) != index
            }
            for other in sorted(clash):
                yield f"widgets.{index}.at: {list(widget.at)} lies over widgets.{other}"


def reference(value: object) -> tuple[str, str | None] | None:
    """The name and field of ``$name`` or ``$name.field``; None for any other value."""
    if not isinstance(value, str) or not (match := _REFERENCE.match(value)):
        return None
    return match.group(1), match.group(2)


def references(args: Mapping[str, JsonValue]) -> Iterator[tuple[str, str, str | None]]:
    """(argument, name, field) of every ``$name`` or ``$name.field`` among arguments."""
    for argument, value in args.items():
        if found := reference(value):
            yield argument, *found


def read_page(text: str, *, origin: str) -> Page:
    """Read a page specification written in YAML.

    Parameters
    ----------
    text
        The YAML document.
    origin
        Where it came from, named in errors (a path).

    Raises
    ------
    PageError
        The text is not YAML or not a valid page; the message names the path of every problem.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise PageError.not_yaml(origin, str(error)) from error
    return check_page(document, origin=origin)


def check_page(document: Any, *, origin: str) -> Page:
    """Validate an already parsed page specification; raises :class:`PageError` as :func:`read_page` does."""
    from assay.apps.bindings import check_bindings

    try:
        page = Page.model_validate(document)
    except ValidationError as error:
        raise PageError.invalid(origin, list(_explained(error))) from error
    if problems := list(check_bindings(page)):
        raise PageError.invalid(origin, problems)
    return page


def _explained(error: ValidationError) -> Iterator[str]:
    for item in error.errors():
        where = ".".join(str(part) for part in item["loc"])
        said = item["msg"].removeprefix("Value error, ")
        yield f"{where}: {said}" if where else said
