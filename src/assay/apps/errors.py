"""Errors of pages, said in both languages."""

from __future__ import annotations

from collections.abc import Sequence

from assay.apps.catalogue import CATALOGUE, hint, told
from assay.apps.payloads import Mend, Problem, Span
from assay.apps.translate import in_chinese
from assay.model.errors import AssayError, SpokenError
from assay.model.text import Text
from assay.query.language.errors import QuestionError
from assay.query.language.tree import NOWHERE


class PageError(SpokenError, ValueError):
    """A page specification, or what is asked of a page, is not valid.

    Parameters
    ----------
    key
        Which error; its texts are ``error.<key>`` and ``hint.<key>`` of the catalogue.
    is_missing
        Whether something asked for does not exist.
    """

    def __init__(self, key: str, *, is_missing: bool = False, **values: object) -> None:
        super().__init__(told(f"error.{key}", **values), hint(f"hint.{key}", **values))
        self.is_missing = is_missing

    @classmethod
    def not_yaml(cls, origin: str, detail: str) -> PageError:
        """The text can't be parsed."""
        return cls("not-yaml", origin=origin, detail=detail)

    @classmethod
    def invalid(cls, origin: str, problems: Sequence[str]) -> PageError:
        """The document is not a page; one problem per path."""
        return cls("invalid", origin=origin, problems="; ".join(problems))

    @classmethod
    def missing(cls, page: str, known: Sequence[str]) -> PageError:
        """No page has this id."""
        return cls("missing", is_missing=True, page=page, known=", ".join(known))

    @classmethod
    def unknown(cls, page: str, what: str, names: Sequence[str], known: Sequence[str]) -> PageError:
        """A request names parameters (``params``) or bindings (``data``) that the page does not have."""
        wrong = ", ".join(map(repr, names))
        return cls(f"unknown-{what}", page=page, names=wrong, known=", ".join(known) or "–")

    @classmethod
    def needs(cls, title: Text) -> PageError:
        """A parameter without which the binding can't be evaluated is empty."""
        return cls("needs", title=title)

    @classmethod
    def no_factor(cls) -> PageError:
        """There is no factor to break a target down by."""
        return cls("no-factor")

    @classmethod
    def no_target(cls) -> PageError:
        """The plant has no results, so that no target suggests itself."""
        return cls("no-target")

    @classmethod
    def unknown_id(cls, wanted: str) -> PageError:
        """Nothing is recorded under an id."""
        return cls("unknown-id", is_missing=True, wanted=wanted)

    @classmethod
    def few_measured(cls, names: Sequence[str]) -> PageError:
        """Several characteristics are looked at together, and there are fewer than two."""
        return cls("few-measured", names=", ".join(names) or "–")

    @classmethod
    def no_operator(cls, operator: str, known: Sequence[str]) -> PageError:
        """No operator has this id."""
        return cls("no-operator", is_missing=True, operator=operator, known=", ".join(known))

    @classmethod
    def operator_arguments(cls, operator: str, problems: Sequence[str]) -> PageError:
        """The arguments do not fit the operator; one problem per argument."""
        return cls("operator-arguments", operator=operator, problems="; ".join(problems))

    @classmethod
    def nothing_selected(cls) -> PageError:
        """A binding follows a selection and there is none."""
        return cls("nothing-selected")


def problem_of(error: AssayError) -> Problem:
    """The error as it is shown, in both languages.

    Errors of the rooms below are written in English; one whose sentence the catalogue does not know is shown
    in Chinese as its kind, followed by its own words.
    """
    if isinstance(error, QuestionError):
        marked = error.place != NOWHERE
        place = Span(start=error.place.start, end=error.place.end) if marked else None
        mends = [Mend(start=error.place.start, end=error.place.end, text=text) for text in error.instead]
        return Problem(message=error.reason, hint=error.advice, place=place, mends=mends)
    if isinstance(error, SpokenError):
        return Problem(message=error.said, hint=error.advice)
    chinese = in_chinese(error.message) or f"{_kind(error)}：{error.message}"
    message = Text(zh=chinese, en=error.message)
    if error.hint is None:
        return Problem(message=message)
    return Problem(message=message, hint=Text(zh=in_chinese(error.hint) or error.hint, en=error.hint))


def _kind(error: AssayError) -> str:
    """What kind of error it is, in Chinese."""
    known = CATALOGUE.keys("zh")
    return next(known[key] for kind in type(error).__mro__ if (key := f"domain.{kind.__name__}") in known)


def unexpected_problem() -> Problem:
    """What is said of an error that nobody expected; its details go to the log."""
    return Problem(message=told("error.unexpected"), hint=hint("hint.unexpected"))
