"""The published rules by name, and sets of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Literal

from assay.stats.arrays import one_of
from assay.stats.errors import UnknownOption
from assay.stats.rules.errors import TwoRulesOneName
from assay.stats.rules.rule import Avoiding, Rule, alternating, avoiding, beyond, hugging, m_of_n, run, trend

Nelson8 = Literal["both_sides", "either_side"]
NELSON8: tuple[Nelson8, ...] = ("both_sides", "either_side")
Rules = str | Rule | Iterable[str | Rule]
"""A set by name, rules by name with commas in between, a rule, or several of these."""

RULES: Mapping[str, Rule] = {
    rule.name: rule
    for rule in (
        # Western Electric 1956, Statistical Quality Control Handbook, pp. 25-28.
        beyond(3, name="we1"),
        m_of_n(2, 3, 2, name="we2"),
        m_of_n(4, 5, 1, name="we3"),
        run(8, name="we4"),
        # Nelson 1984, J. Quality Technology 16, 237-239.
        beyond(3, name="nelson1"),
        run(9, name="nelson2"),
        trend(6, name="nelson3"),
        alternating(14, name="nelson4"),
        m_of_n(2, 3, 2, name="nelson5"),
        m_of_n(4, 5, 1, name="nelson6"),
        hugging(15, 1, name="nelson7"),
        avoiding(8, 1, "both", name="nelson8"),
        # AIAG 2005, Statistical Process Control, 2nd ed., table of typical special cause criteria.
        beyond(3, name="aiag1"),
        run(7, name="aiag2"),
        trend(6, name="aiag3"),
        alternating(14, name="aiag4"),
        m_of_n(2, 3, 2, name="aiag5"),
        m_of_n(4, 5, 1, name="aiag6"),
        hugging(15, 1, name="aiag7"),
        avoiding(8, 1, "either", name="aiag8"),
    )
}
"""Every published rule by its name."""

SETS: Mapping[str, tuple[str, ...]] = {
    "western_electric": ("we1", "we2", "we3", "we4"),
    "nelson": tuple(f"nelson{number}" for number in range(1, 9)),
    "aiag": tuple(f"aiag{number}" for number in range(1, 9)),
    "none": (),
}
"""Sets of rules by name; ``western-electric`` is understood too."""

DEFAULT: tuple[str, ...] = SETS["nelson"] + SETS["western_electric"]
"""What :func:`assay.stats.rules.violations` looks for unless told otherwise."""

_NUMBER = r"(\d+(?:\.\d+)?)"
_WRITTEN: tuple[tuple[str, Callable[..., Rule]], ...] = (
    (rf"beyond:{_NUMBER}", lambda k: beyond(float(k))),
    (r"run:(\d+)", lambda points: run(int(points))),
    (rf"(\d+)of(\d+):{_NUMBER}", lambda m, n, k: m_of_n(int(m), int(n), float(k))),
    (r"trend:(\d+)", lambda points: trend(int(points))),
    (r"alternating:(\d+)", lambda points: alternating(int(points))),
    (rf"hugging:(\d+)(?::{_NUMBER})?", lambda points, k: hugging(int(points), float(k or 1))),
    (
        rf"avoiding:(\d+)(?::{_NUMBER})?(?::(both|either))?",
        lambda points, k, sides: avoiding(int(points), float(k or 1), sides or "both"),
    ),
)
"""How rules of one's own are written as text."""


def resolve(rules: Rules = DEFAULT, *, nelson8: Nelson8 = "both_sides") -> tuple[Rule, ...]:
    """The rules that ``rules`` stands for, in their order, each once.

    Parameters
    ----------
    rules
        The name of a set (``western_electric``, ``nelson``, ``aiag``, ``none``) or rule (``we1``), a rule of
        one's own as text (``run:7``, ``beyond:2.5``, ``2of3:2``, ``trend:7``, ``alternating:14``,
        ``hugging:15:1``, ``avoiding:8:1:both``), several of these with commas in between, a :class:`Rule`,
        or a sequence of any of them.
    nelson8
        How ``nelson8`` reads: ``both_sides`` wants points above and below among the eight (Nelson's text, R's
        qcc), ``either_side`` does not (Minitab's text).

    Raises
    ------
    UnknownOption, TwoRulesOneName, OutOfRange, NotPositive
    """
    if not isinstance(rules, (str, Rule, Iterable)):
        raise _unknown(rules)
    asked = (rules,) if isinstance(rules, (str, Rule)) else tuple(rules)
    for item in asked:
        if not isinstance(item, (str, Rule)):
            raise _unknown(item)
    return _resolve(asked, one_of(nelson8, NELSON8, "nelson8"))


@lru_cache(maxsize=256)
def _resolve(asked: tuple[str | Rule, ...], nelson8: Nelson8) -> tuple[Rule, ...]:
    found: dict[str, Rule] = {}
    for item in asked:
        for rule in (item,) if isinstance(item, Rule) else _named(item):
            ours = rule
            if nelson8 == "either_side" and isinstance(rule, Avoiding) and rule is RULES["nelson8"]:
                ours = replace(rule, sides="either")
            if found.setdefault(ours.name, ours) != ours:
                raise TwoRulesOneName(name=ours.name)
    return tuple(found.values())


def _named(text: str) -> tuple[Rule, ...]:
    found: list[Rule] = []
    for part in text.split(","):
        name = part.strip()
        members = SETS.get(name.replace("-", "_"))
        found += [RULES[member] for member in members] if members is not None else [_one(name)]
    return tuple(found)


def _one(name: str) -> Rule:
    if name in RULES:
        return RULES[name]
    for pattern, build in _WRITTEN:
        if match := re.fullmatch(pattern, name):
            return build(*match.groups())
    raise _unknown(name)


def _unknown(item: object) -> UnknownOption:
    own = ("run:7", "beyond:2.5", "2of3:2", "trend:7", "alternating:14", "hugging:15:1", "avoiding:8:1:both")
    return UnknownOption(name="rules", value=repr(item), known=", ".join([*SETS, *RULES, *own]))
