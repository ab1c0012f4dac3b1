"""A second judge, written from the reference of gate policies alone and as slowly as it reads.

It shares nothing with ``assay.ledger.gate``: a policy is the dictionary its JSON says, what was logged is a
list, and every question is answered by going through that list from the beginning.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]


@dataclass
class Logged:
    """An input: its index, whom it is about, what it says."""

    index: int
    subject: str
    type: str
    start: int | None
    until: int | None
    values: Json
    issuer: str


@dataclass
class History:
    """All that was logged up to now, in order."""

    entries: list[Logged] = field(default_factory=list)

    def refuses(self, policies: list[Json], kind: str, claims: Json, when: int, at: int) -> bool:
        """Whether a record must be refused; policies that do not judge it have no say."""
        return any(self._refused_by(policy, kind, claims, when, at) for policy in policies)

    def judged(self, policies: list[Json], kind: str, claims: Json) -> bool:
        """Whether any policy judges it."""
        return any(_applying(policy, kind, claims["step"]) for policy in policies)

    def _refused_by(self, policy: Json, kind: str, claims: Json, when: int, at: int) -> bool:
        applying = _applying(policy, kind, claims["step"])
        if not applying:
            return False
        clock = policy.get("clock", {})
        if when - at > clock.get("ahead_s", 300) * 1_000_000:
            return True
        if "behind_s" in clock and at - when > clock["behind_s"] * 1_000_000:
            return True
        names = {name for one in applying for name in one["requires"]}
        return not all(self._met(policy["requirements"][name], claims, when) for name in names)

    def _met(self, asked: Json, claims: Json, when: int) -> bool:
        if "fact" not in asked:
            return all(_holds(one, {}, claims["values"]) for one in asked["must"])
        ids = claims["took"].get(asked["about"], [])
        return bool(ids) and all(self._has(asked, one, claims["values"], when) for one in ids)

    def _has(self, asked: Json, subject: str, record: Json, when: int) -> bool:
        said = [one for one in self.entries if one.subject == subject and one.type == asked["fact"]]
        if asked.get("by"):
            said = [one for one in said if one.issuer in asked["by"]]
        if asked.get("take", "any") == "last":
            begun = [one for one in said if one.start is None or one.start <= when]
            begun.sort(key=lambda one: (float("-inf") if one.start is None else one.start, one.index))
            said = begun[-1:]
        holding = [one for one in said if self._in_force(asked, one, when)]
        must = asked.get("must", [])
        fitting = [one for one in holding if all(_holds(each, one.values, record) for each in must)]
        if asked.get("take", "any") == "every":
            live = [one for one in said if self._in_force({**asked, "max_age_s": None}, one, when)]
            return bool(fitting) and all(_holds(each, one.values, record) for one in live for each in must)
        return bool(fitting)

    def _in_force(self, asked: Json, one: Logged, when: int) -> bool:
        if one.start is not None and when < one.start:
            return False
        if one.until is not None and when >= one.until:
            return False
        if asked.get("max_age_s") and (
            one.start is None or when - one.start > asked["max_age_s"] * 1_000_000
        ):
            return False
        for other in self.entries:
            if other.type == "revocation" and other.values.get("revokes") == one.index:
                counts = not asked.get("by") or other.issuer in asked["by"] or other.issuer == one.issuer
                if counts and (other.start is None or other.start <= when):
                    return False
        return True


def _applying(policy: Json, kind: str, step: str) -> list[Json]:
    steps = (step, "*")
    return [
        one
        for one in policy.get("applies", [])
        if kind in one["kinds"] and any(each in one["steps"] for each in steps)
    ]


def _holds(condition: Json, fact: Json, record: Json) -> bool:
    left = fact.get(condition["fact"]) if "fact" in condition else record.get(condition["record"])
    if left is None:
        return False
    for word in ("equals", "one_of", "contains", "at_least", "at_most", "above", "below"):
        if word not in condition:
            continue
        right = condition[word]
        if isinstance(right, dict):
            right = fact.get(right["fact"]) if "fact" in right else record.get(right["record"])
            if right is None:
                return False
        if not _compared(word, left, right):
            return False
    return True


def _compared(word: str, left: Any, right: Any) -> bool:
    if word == "equals":
        return _same(left, right)
    if word == "one_of":
        return isinstance(right, list) and any(_same(left, one) for one in right)
    if word == "contains":
        return isinstance(left, list) and any(_same(one, right) for one in left)
    low, high = _number(left), _number(right)
    if low is None or high is None:
        return False
    return {"at_least": low >= high, "at_most": low <= high, "above": low > high, "below": low < high}[word]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, list) or isinstance(other, list):
        return one == other
    first, second = _number(one), _number(other)
    if first is not None and second is not None:
        return first == second
    return type(one) is type(other) and bool(one == other)


def _number(value: Any) -> Fraction | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Fraction(value)
    if isinstance(value, str):
        digits = value.removeprefix("-")
        whole, point, rest = digits.partition(".")
        plain = whole.isascii() and whole.isdigit() and (whole == "0" or not whole.startswith("0"))
        if plain and (not point or (rest.isascii() and rest.isdigit())):
            return Fraction(value)
    return None
