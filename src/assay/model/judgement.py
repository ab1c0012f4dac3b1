"""Words by which a text result says that a part is good or bad, compared in lower case."""

from __future__ import annotations

BAD_WORDS = frozenset(
    {"nok", "n.i.o.", "nio", "ng", "fail", "failed", "failure", "bad", "reject", "rejected", "scrap"}
    | {"defect", "defective", "nonconforming", "not ok", "false", "不合格", "不良", "不良品", "未通过"}
    | {"次品", "废品", "缺陷", "失败", "坏", "rework"}
)
"""Words that say a part is bad, whatever else the outcome may be."""

GOOD_WORDS = frozenset(
    {"ok", "i.o.", "io", "pass", "passed", "good", "accept", "accepted", "conforming", "true"}
    | {"合格", "良品", "通过", "正常", "好"}
)
"""Words that say a part is good. A text that is neither says nothing about it."""


def conforms(value: float | None, text: str | None, low: float | None, high: float | None) -> bool | None:
    """Whether a result is good: by a bad word, then the limits, then a good word; None: nothing judges it.

    The same rule as :mod:`assay.query.judging` has in SQL.
    """
    word = (text or "").strip().lower()
    if word in BAD_WORDS:
        return False
    if value is not None and ((low is not None and value < low) or (high is not None and value > high)):
        return False
    if word in GOOD_WORDS or (value is not None and (low is not None or high is not None)):
        return True
    return None
