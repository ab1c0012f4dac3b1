"""The words of the language of questions, in English and Chinese, in one table."""

from __future__ import annotations

import re
from datetime import timedelta

_SPELLINGS: dict[str, tuple[str, ...]] = {
    "and": ("且", "并且"),
    "or": ("或", "或者"),
    "not": ("非", "不"),
    "in": ("属于",),
    "not in": ("不属于",),
    "between": ("介于",),
    "not between": ("不介于",),
    "like": ("像",),
    "not like": ("不像",),
    "is": ("是",),
    "is null": ("为空",),
    "is not null": ("不为空", "非空"),
    "null": ("空",),
    "true": ("真",),
    "false": ("假",),
    "as": ("作为",),
    "by": ("按",),
    "asc": ("升序",),
    "desc": ("降序",),
    "offset": ("跳过",),
    "cross": ("交叉",),
    "where": ("其中",),
    "select": ("列出",),
    "compare": ("比较",),
    "sort": ("排序",),
    "limit": ("前",),
    "count": ("计数",),
    "ancestors": ("上游",),
    "descendants": ("下游",),
    "window": ("窗口",),
    "before": ("之前",),
    "after": ("之后",),
    "start": ("开始",),
    "end": ("结束",),
}
"""Meaning, which is the English word, and its Chinese spellings."""

STAGES = ("where", "select", "by", "compare", "sort", "limit", "count")
"""What may follow ``|``."""

STEPS = ("ancestors", "descendants", "window", "before", "after")
"""Hops with brackets that are part of the language; any other name with brackets is a function."""

COMPARISONS = ("in", "not in", "between", "not between", "like", "not like", "is null", "is not null")
OPERATORS = ("and", "or", *COMPARISONS)
"""Operators that are words."""

_OWN = frozenset(_SPELLINGS) - frozenset(STAGES) - frozenset(STEPS) - {"start", "end"} | {"by"}

_MEANINGS = {spelt: meaning for meaning, chinese in _SPELLINGS.items() for spelt in (meaning, *chinese)}

FOREIGN: dict[str, str] = {
    "filter": "where",
    "having": "where",
    "筛选": "where",
    "show": "select",
    "project": "select",
    "显示": "select",
    "group": "by",
    "groupby": "by",
    "分组": "by",
    "versus": "compare",
    "order": "sort",
    "orderby": "sort",
    "take": "limit",
    "top": "limit",
    "head": "limit",
    "first": "limit",
    "size": "count",
    "length": "count",
}
"""What other languages call our stages; used in advice only."""

UNITS: dict[str, timedelta] = {
    **dict.fromkeys(("us", "µs", "μs", "微秒"), timedelta(microseconds=1)),
    **dict.fromkeys(("ms", "毫秒"), timedelta(milliseconds=1)),
    **dict.fromkeys(("s", "sec", "秒", "秒钟"), timedelta(seconds=1)),
    **dict.fromkeys(("min", "分", "分钟"), timedelta(minutes=1)),
    **dict.fromkeys(("h", "小时"), timedelta(hours=1)),
    **dict.fromkeys(("d", "天", "日"), timedelta(days=1)),
    **dict.fromkeys(("w", "周"), timedelta(weeks=1)),
}
"""Units of a duration."""

WORD = r"[^\W\d]\w*"
"""A name that needs no quotes: letters of any script, digits and underscores, no digit first."""


QUOTES = '"“”＂'
"""What a name in quotes begins with."""


def meaning(word: str) -> str | None:
    """What a word of the language means, whatever its case and language; None for any other word."""
    return _MEANINGS.get(word.lower())


def is_reserved(word: str) -> bool:
    """Whether a word has to stand in double quotes to be a name."""
    return meaning(word) in _OWN


def spellings(meanings: tuple[str, ...]) -> list[str]:
    """Every way to write these meanings, English first."""
    return [*meanings, *(spelt for one in meanings for spelt in _SPELLINGS[one])]


def run_together(word: str) -> tuple[str, str] | None:
    """A Chinese word of the language without a space behind it, parted: ``且班次`` is ``且`` and ``班次``."""
    operators = [spelt for one in (*OPERATORS, "not", "as", "by") for spelt in _SPELLINGS[one]]
    for spelt in sorted(operators, key=len, reverse=True):
        if word.startswith(spelt) and word != spelt:
            return spelt, word.removeprefix(spelt)
    return None


def written_name(name: str) -> str:
    """A name as it is written in a question: in double quotes only where it has to be."""
    if re.fullmatch(WORD, name) and not is_reserved(name):
        return name
    return quoted(name)


def written_word(word: str) -> str:
    """A word of the language as it is, any other name as :func:`written_name` writes it."""
    return word if meaning(word) is not None else written_name(word)


def quoted(name: str) -> str:
    """A name in double quotes."""
    return '"' + name.replace('"', '""') + '"'
