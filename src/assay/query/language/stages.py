"""The stages behind a path: ``| where``, ``| select``, ``| by``, ``| compare``, ``| sort``, ``| limit``."""

from __future__ import annotations

from collections.abc import Callable

from assay.query.language.errors import likely, meant, told
from assay.query.language.reader import Reader
from assay.query.language.terms import expression, items
from assay.query.language.tree import (
    By,
    Compare,
    Count,
    Item,
    Limit,
    Place,
    Select,
    Sort,
    SortKey,
    Stage,
    Where,
)
from assay.query.language.words import FOREIGN, STAGES, spellings


def read_stage(reader: Reader) -> Stage:
    """What stands behind ``|``."""
    word = reader.meaning
    if word not in _STAGES:
        token = reader.token
        written = token.text if token.kind in {"word", "name"} else ""
        foreign = FOREIGN.get(written.lower())
        advice = meant(foreign) if foreign else likely(written, spellings(STAGES))
        raise reader.unexpected(told("expected.stage"), advice or told("hint.stage"))
    return _STAGES[word](reader, reader.take().place)


def sort_key(reader: Reader) -> SortKey:
    """An expression to sort by, and its direction."""
    start = reader.token.place
    key = expression(reader)
    descending = reader.takes_word("desc")
    if not descending:
        reader.takes_word("asc")
    return SortKey(key, descending, reader.since(start))


def _where(reader: Reader, start: Place) -> Where:
    return Where(expression(reader), reader.since(start))


def _select(reader: Reader, start: Place) -> Select:
    crossed = reader.takes_word("cross")
    return Select(items(reader), crossed, reader.since(start))


def _by(reader: Reader, start: Place) -> By:
    keys: tuple[Item, ...] = () if reader.is_at(":") else items(reader)
    measures = items(reader) if reader.takes(":") else ()
    return By(keys, measures, reader.since(start))


def _compare(reader: Reader, start: Place) -> Compare:
    measures = items(reader)
    keys = items(reader) if reader.takes_word("by") else ()
    return Compare(measures, keys, reader.since(start))


def _sort(reader: Reader, start: Place) -> Sort:
    reader.takes_word("by")
    keys = [sort_key(reader)]
    while reader.takes(","):
        keys.append(sort_key(reader))
    return Sort(tuple(keys), reader.since(start))


def _limit(reader: Reader, start: Place) -> Limit:
    count = _whole(reader)
    offset = _whole(reader) if reader.takes_word("offset") else 0
    return Limit(count, offset, reader.since(start))


def _count(reader: Reader, start: Place) -> Count:
    return Count(reader.since(start))


def _whole(reader: Reader) -> int:
    value = reader.token.value
    if reader.token.kind != "number" or not isinstance(value, int):
        raise reader.unexpected(told("expected.whole"))
    reader.take()
    return value


_STAGES: dict[str | None, Callable[[Reader, Place], Stage]] = {
    "where": _where,
    "select": _select,
    "by": _by,
    "compare": _compare,
    "sort": _sort,
    "limit": _limit,
    "count": _count,
}
