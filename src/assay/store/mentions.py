"""Where an id stands: as a whole value, as a word of a text, or as a word of the texts in a JSON document.

A word ends where letters, digits, ``_`` and ``-`` of ASCII end; a full stop belongs to it when one of them
follows. Ids in scripts without spaces are found between any other letters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assay.store.layout import QUARANTINE


class Written(Enum):
    """How values of a column name something."""

    WHOLE = "whole"
    TEXT = "text"
    JSON = "json"


_TEXTS: Mapping[tuple[str, str], Written] = {
    ("event", "message"): Written.TEXT,
    (QUARANTINE, "message"): Written.TEXT,
    ("entity", "attributes"): Written.JSON,
}


def written(table: str, column: str) -> Written:
    """How a column of a table names something."""
    return _TEXTS.get((table, column), Written.WHOLE)


class Mentions:
    """Finds and replaces one id.

    Parameters
    ----------
    id_
        The id as records have it.
    """

    def __init__(self, id_: str) -> None:
        self.id = id_

    @cached_property
    def pattern(self) -> str:
        """A regular expression, of Python and RE2 alike, that finds the id as a word of a text or of JSON."""
        in_json = [json.dumps(self.id, ensure_ascii=one)[1:-1] for one in (False, True)]
        inside = "|".join(map(re.escape, dict.fromkeys((self.id, *in_json))))
        return rf"(^|[^0-9A-Za-z_\-])(?:{inside})($|[^0-9A-Za-z_\-.]|\.(?:$|[^0-9A-Za-z]))"

    @cached_property
    def _word(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    def __contains__(self, text: str) -> bool:
        """Whether the id is a word of a text."""
        return self.id in text and self._word.search(text) is not None

    def replaced(self, text: str, by: str) -> str:
        """A text with another word in the place of the id."""
        mended = self._word.sub(rf"\g<1>{by}\g<2>", text)
        # what ends one word may begin the next: it was taken by the one before
        return self._word.sub(rf"\g<1>{by}\g<2>", mended)

    def named_by(self, value: str | None, how: Written) -> bool:
        """Whether a value of a column names the id."""
        if value is None:
            return False
        if how is Written.WHOLE:
            return value == self.id
        if how is Written.TEXT:
            return value in self
        return self._word.search(value) is not None and self._json(value, "") != json.loads(value)

    def found(self, column: pa.Array, how: Written) -> npt.NDArray[np.bool_]:
        """Which values of a column of texts name the id."""
        if how is Written.WHOLE:
            return _truth(pc.equal(column, self.id))
        found = _truth(pc.match_substring_regex(column, self.pattern))
        if how is Written.JSON:
            for at in np.flatnonzero(found):
                found[at] = self.named_by(column[int(at)].as_py(), how)
        return found

    def without(self, column: pa.Array, where: npt.NDArray[np.bool_], how: Written, by: str) -> pa.Array:
        """A column with another word in the place of the id, in the values that were found to name it."""
        if how is Written.WHOLE:
            return pc.if_else(pa.array(where), by, column)
        values = column.to_pylist()
        for at in np.flatnonzero(where):
            text = values[int(at)]
            values[int(at)] = (
                self.replaced(text, by)
                if how is Written.TEXT
                else json.dumps(self._json(text, by), ensure_ascii=False)
            )
        return pa.array(values, pa.string())

    def _json(self, text: str, by: str) -> Any:
        return mapped(json.loads(text), lambda one: self.replaced(one, by) if one in self else one)


def mapped(document: Any, change: Callable[[str], str]) -> Any:
    """A JSON document with each of its texts changed, names of fields too."""
    if isinstance(document, str):
        return change(document)
    if isinstance(document, list):
        return [mapped(one, change) for one in document]
    if isinstance(document, dict):
        return {change(name): mapped(one, change) for name, one in document.items()}
    return document


def _truth(found: pa.Array) -> npt.NDArray[np.bool_]:
    return np.array(found.fill_null(False).to_numpy(zero_copy_only=False), bool)
