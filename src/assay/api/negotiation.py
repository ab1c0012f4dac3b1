"""Which of several forms or languages a request wants (RFC 9110, section 12.5)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

_T = TypeVar("_T", bound=str)

_LONGEST = 1_000


def wanted(header: str, offered: Sequence[_T], default: _T | None = None) -> _T | None:
    """The offer that an ``Accept`` or ``Accept-Language`` header prefers.

    Parameters
    ----------
    header
        The header; a range such as ``text/*``, ``*/*``, ``zh`` (which ``zh-CN`` is of) or ``*`` counts for
        every offer it covers.
    offered
        Media types, or languages, the dearest first: it wins among equals.
    default
        What is given when the header says nothing of any offer.
    """
    ranges = [_range(one) for one in header[:_LONGEST].split(",") if one.strip()]
    weights = [(_weight(offer, ranges), -place) for place, offer in enumerate(offered)]
    best = max(weights, default=(0.0, 0))
    return offered[-best[1]] if best[0] > 0 else default


def _range(text: str) -> tuple[str, float]:
    name, *parameters = (part.strip().lower() for part in text.split(";"))
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                quality = float(value)
            except ValueError:
                return name, 0.0
            return name, quality if 0 <= quality <= 1 and math.isfinite(quality) else 0.0
    return name, 1.0


def _weight(offer: str, ranges: Sequence[tuple[str, float]]) -> float:
    """By the most particular range that covers the offer."""
    covering = [(_exactness(name, offer), quality) for name, quality in ranges]
    exact = max((exactness for exactness, _ in covering), default=0)
    return (
        max((quality for exactness, quality in covering if exactness == exact), default=0.0) if exact else 0.0
    )


def _exactness(name: str, offer: str) -> int:
    if name == offer or name.startswith(f"{offer}-"):
        return 3
    if name.endswith("/*") and name != "*/*" and offer.startswith(name[:-1]):
        return 2
    return 1 if name in {"*", "*/*"} else 0
