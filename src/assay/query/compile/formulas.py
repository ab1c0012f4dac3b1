"""What a name of ``model.yaml`` stands for: the formula of a measure, the condition of a term."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from assay.query.compile.relation import Build
from assay.query.compile.speech import said
from assay.query.language.parser import parse_expression
from assay.query.language.tree import Expression, Place


@contextmanager
def formula(
    build: Build, what: Literal["measure", "term"], name: str, text: str, place: Place
) -> Iterator[Expression]:
    """The expression of a measure or term while it is compiled: errors in it show its own text.

    Raises
    ------
    QuestionError
        It is defined by itself, or can't be read.
    """
    if name in build.inside:
        way = " → ".join([*build.inside, name])
        raise build.wrong(place, said(f"cycle.{what}", name=name, path=way))
    before, build.text = build.text, text
    build.inside.append(name)
    try:
        yield parse_expression(text)
    finally:
        build.inside.pop()
        build.text = before
