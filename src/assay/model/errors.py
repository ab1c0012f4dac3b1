"""The error roots.

One root per domain; each is also the builtin a Python programmer would expect. A message says what
happened, with which values, and what to do next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.model.text import Text


class AssayError(Exception):
    """Root of every error Assay raises on purpose.

    Parameters
    ----------
    message
        What happened, where, with which value.
    hint
        What to do next; shown on its own line.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class SpokenError(AssayError):
    """An error whose message (and hint) exist in both languages; ``str()`` is the English one.

    Parameters
    ----------
    said
        What happened, where, with which value.
    advice
        What to do next.
    """

    def __init__(self, said: Text, advice: Text | None = None) -> None:
        super().__init__(said.en, hint=advice.en if advice else None)
        self.said = said
        self.advice = advice


class ModelError(AssayError, ValueError):
    """A definition (entity, attribute, unit, plant model file) is not valid."""


class MappingError(AssayError, ValueError):
    """A mapping file is not valid, or does not fit the file it is applied to."""


class SourceError(AssayError, ValueError):
    """An input file can't be read as what it claims to be."""


class StoreError(AssayError, RuntimeError):
    """The workspace, lake or registry can't do what was asked."""


class WorkspaceNotFound(StoreError, FileNotFoundError):
    """The directory is not an Assay plant."""


class QueryError(AssayError, ValueError):
    """A question, expression or SQL statement is not valid or not allowed."""


class AnalysisError(AssayError, ValueError):
    """An analysis can't be run on the records asked for."""


class CodeError(SpokenError, ValueError):
    """A code is not valid, or none can be given; ``rule`` names what is broken.

    Parameters
    ----------
    rule
        The short name of the rule, such as ``check-digit``; the same in every language.
    """

    def __init__(self, said: Text, advice: Text | None = None, *, rule: str = "code") -> None:
        super().__init__(said, advice)
        self.rule = rule


class StatisticsError(SpokenError, ValueError):
    """Data or settings a statistic can't be computed on; the named kinds are in ``assay.stats.errors``."""


class TraceError(AssayError, LookupError):
    """An id is not known to the genealogy."""


class PluginError(AssayError, ImportError):
    """A plugin can't be loaded, or two plugins claim one id."""


class AccessError(AssayError, PermissionError):
    """The user may not do this."""


def closest(wrong: str, known: list[str]) -> list[str]:
    """The up to three known names closest to a wrong one, closest first; empty when nothing is close."""
    from difflib import get_close_matches

    folded = {name.casefold(): name for name in reversed(known)}
    return [folded[name] for name in get_close_matches(wrong.casefold(), list(folded), n=3, cutoff=0.5)]


def did_you_mean(wrong: str, known: list[str]) -> str | None:
    """A hint naming the closest known names, or None when nothing is close."""
    close = closest(wrong, known)
    return f"Did you mean {' or '.join(repr(name) for name in close)}?" if close else None
