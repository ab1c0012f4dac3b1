"""Questions and expressions read into trees.

The grammar is in ``docs/reference/questions.md``. Reading is bounded: a question has at most 10,000
characters, and neither brackets nor chains of operators can be so deep that a reader of the tree runs out
of stack.
"""

from __future__ import annotations

from assay.query.language.depth import bounded
from assay.query.language.errors import at, told
from assay.query.language.reader import Reader
from assay.query.language.stages import read_stage, sort_key
from assay.query.language.terms import expression, item, kind_path
from assay.query.language.tree import Expression, Item, Place, Question, SortKey, Stage

MOST_STAGES = 50


def parse(text: str) -> Question:
    """Read a question.

    Raises
    ------
    QuestionError
        It can't be read; the message says where, what was found and what was expected.

    Examples
    --------
    >>> question = parse("unit[defect.code = 'HC-3'].lot | count")
    >>> [hop.name for hop in question.path.hops]
    ['unit', 'lot']
    """
    reader = _begun(text, "hint.empty-question")
    path = kind_path(reader)
    stages: list[Stage] = []
    while reader.takes("|"):
        if len(stages) == MOST_STAGES:
            raise reader.error(told("error.too-many-stages", most=MOST_STAGES))
        stages.append(read_stage(reader))
    reader.finish("expected.stage-or-end" if not stages else "expected.end-of-stage")
    question = Question(path, tuple(stages), text)
    bounded(question, text)
    return question


def parse_expression(text: str) -> Expression:
    """Read an expression alone: a condition, a value or a measure.

    Raises
    ------
    QuestionError
        It can't be read.

    Examples
    --------
    >>> parse_expression("share(result = 'NOK')").function
    'share'
    """
    reader = _begun(text, "hint.empty-expression")
    found = expression(reader)
    reader.finish("expected.end-of-expression")
    bounded(found, text)
    return found


def parse_item(text: str) -> Item:
    """Read a column: an expression and, with ``as``, its name."""
    reader = _begun(text, "hint.empty-expression")
    found = item(reader)
    reader.finish("expected.end-of-expression")
    bounded(found, text)
    return found


def parse_sort_key(text: str) -> SortKey:
    """Read an expression to sort by, with ``desc`` if it is."""
    reader = _begun(text, "hint.empty-expression")
    found = sort_key(reader)
    reader.finish("expected.end-of-expression")
    bounded(found, text)
    return found


def _begun(text: str, hint: str) -> Reader:
    reader = Reader(text)
    if reader.token.kind == "end":
        raise at(text, Place(0, 0), told("error.empty"), told(hint))
    return reader
