"""What goes wrong with a source, said in both languages; never with a password in it."""

from __future__ import annotations

from collections.abc import Mapping

from assay.model.catalogue import Catalogue
from assay.model.errors import QueryError, SpokenError
from assay.model.text import Text

CATALOGUE = Catalogue("assay.query.federation")


class SourceFailure(SpokenError, QueryError):
    """A mounted database can't answer; there is no answer in part.

    Attributes
    ----------
    source
        Its name in ``model.yaml``.
    """

    def __init__(self, key: str, *, source: str, hint: str | None = None, **values: object) -> None:
        self.source = source
        named = {"source": source, **values}
        group = key if "." in key else f"{key}.said"
        advice = hint or (f"{key}-hint" if "." in key else f"{key}.hint")
        super().__init__(told(group, named), told(advice, named))


class SourceDown(SourceFailure):
    """It doesn't answer, or broke off in the middle."""


class SourceSlow(SourceDown):
    """A statement took longer than the source's ``timeout``."""


class SourceRefused(SourceFailure):
    """It doesn't let us in, or not to this table."""


class SourceChanged(SourceFailure):
    """A mounted table is no longer as it was: gone, without a column, or with another type."""


class SourceValue(SourceFailure):
    """A column holds something that is not of its type."""


class SourceTooMuch(SourceFailure):
    """More rows match than may be moved."""


class MissingDriver(SourceFailure, ImportError):
    """The driver of a kind of database is not installed."""


def told(key: str, values: Mapping[str, object]) -> Text:
    """A text of the catalogue; a value that is a :class:`Text` is filled in by language."""
    zh = {name: value.zh if isinstance(value, Text) else value for name, value in values.items()}
    en = {name: value.en if isinstance(value, Text) else value for name, value in values.items()}
    return Text(zh=CATALOGUE.say(key, "zh", **zh), en=CATALOGUE.say(key, "en", **en))
