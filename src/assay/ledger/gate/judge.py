"""Judging: whether what a record claims meets the policies, by the inputs known at that index of the log.

A record's event is an instant, or, for the rows of a batch that agree in everything but the second, the span
from the first to the last of them: what is asked for must then hold over the whole span.
"""

from __future__ import annotations

import operator
from bisect import bisect_right
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import NamedTuple

from assay.ledger.gate.facts import Claims, FactValue, comparable
from assay.ledger.gate.inputs import Input, Inputs, Series
from assay.ledger.gate.policy import Condition, GatePolicy, Other, Requirement
from assay.ledger.gate.verdict import ACCEPTED, MOST_CITED, MOST_REASONS, NO_POLICY, REFUSED, Reason

_SECOND = 1_000_000
_ALL = "*"
_SIGNS = {
    "equals": "=",
    "one_of": "∈",
    "contains": "∋",
    "at_least": "≥",
    "at_most": "≤",
    "above": ">",
    "below": "<",
}
_OPERATORS: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "≥": operator.ge,
    "≤": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_RANK = {
    "not_met": 6,
    "not_a_number": 5,
    "missing_value": 5,
    "revoked": 4,
    "expired": 3,
    "too_old": 3,
    "not_yet_valid": 2,
}
"""Which of several failures says most: the one nearest to being accepted."""

_Failure = tuple[str, str | None]


class Judgement(NamedTuple):
    """What comes of judging claims: the parts of a verdict."""

    outcome: str
    policies: tuple[bytes, ...]
    cited: tuple[int, ...]
    reasons: tuple[Reason, ...]


_UNJUDGED = Judgement(NO_POLICY, (), (), ())


class _Compare(NamedTuple):
    sign: str
    side: str
    value: object


class _Condition:
    """A condition, made ready to be asked often."""

    __slots__ = ("compares", "name", "of_fact", "steps")

    def __init__(self, condition: Condition) -> None:
        self.of_fact = condition.fact is not None
        self.name = condition.fact or condition.record or ""
        self.compares = [_compare(name, one) for name, one in condition.comparisons().items()]
        self.steps = [(_OPERATORS.get(sign), sign, side, value) for sign, side, value in self.compares]

    def holds(self, fact: dict[str, object], record: dict[str, object]) -> bool:
        """Whether it holds, where that is plain: text and numbers that are there; else False."""
        left = (fact if self.of_fact else record).get(self.name)
        for compared, sign, side, value in self.steps:
            right = value if not side else (fact if side == "fact" else record).get(value)  # type: ignore[call-overload]
            if compared is not None:
                if type(left) is not Decimal or type(right) is not Decimal or not compared(left, right):
                    return False
            elif sign != "∋" or type(left) is not tuple or right not in left:
                return False
        return True

    def failure(self, fact: dict[str, object], record: dict[str, object]) -> _Failure | None:
        """What keeps the condition from holding, None where it holds."""
        left = (fact if self.of_fact else record).get(self.name)
        if left is None:
            return "missing_value", self.name
        for sign, side, constant in self.compares:
            right = constant
            if side:
                right = (fact if side == "fact" else record).get(str(constant))
                if right is None:
                    return "missing_value", str(constant)
            if sign == "=":
                holds = left == right and isinstance(left, bool) == isinstance(right, bool)
            elif sign == "∈":
                holds = isinstance(right, tuple) and left in right
            elif sign == "∋":
                holds = isinstance(left, tuple) and right in left
            else:
                if not isinstance(left, Decimal):
                    return "not_a_number", f"{self.name} = {_short(left)}"
                if not isinstance(right, Decimal):
                    return "not_a_number", f"{constant if side else ''} = {_short(right)}"
                holds = (
                    left >= right if sign == "≥"
                    else left <= right if sign == "≤"
                    else left > right if sign == ">"
                    else left < right
                )  # fmt: skip
            if not holds:
                return "not_met", f"{self.name} = {_short(left)} ({sign} {_short(right)})"
        return None


class _Requirement:
    """A requirement, made ready to be asked often."""

    __slots__ = ("by", "conditions", "fact", "max_age", "name", "role", "take")

    def __init__(self, name: str, requirement: Requirement) -> None:
        self.name = name
        self.role = requirement.about
        self.fact = requirement.fact
        self.take = requirement.take
        self.max_age = requirement.max_age_s * _SECOND if requirement.max_age_s else None
        self.by = frozenset(bytes.fromhex(one) for one in requirement.by)
        self.conditions = [_Condition(one) for one in requirement.must]

    def met_by(self, series: Series, record: dict[str, object], moment: int) -> Input | None:
        """The newest input begun, where it meets everything at that moment; None says nothing.

        Most records are met so; whatever is not is judged at length.
        """
        place = bisect_right(series.starts, moment)
        if not place or self.take == "every":
            return None
        one = series.inputs[place - 1]
        if moment >= one.until or one.revoked or (self.by and one.issuer not in self.by):
            return None
        if self.max_age is not None and moment - one.start > self.max_age:
            return None
        values = one.values
        for condition in self.conditions:
            if not condition.holds(values, record):
                return None
        return one

    def judged(
        self, series: Series, record: dict[str, object], first: int, last: int
    ) -> tuple[list[int], _Failure | None, int | None]:
        """Entries it rests on, or what fails and the entry that decided."""
        if self.take == "any":
            return self._any(series, record, first, last)
        if self.take == "last":
            return self._last(series, record, first, last)
        return self._every(series, record, first, last)

    def unmet(self, fact: dict[str, object], record: dict[str, object]) -> _Failure | None:
        """The first condition that does not hold."""
        for condition in self.conditions:
            failure = condition.failure(fact, record)
            if failure is not None:
                return failure
        return None

    def _any(
        self, series: Series, record: dict[str, object], first: int, last: int
    ) -> tuple[list[int], _Failure | None, int | None]:
        inputs, by = series.inputs, self.by
        until = bisect_right(series.starts, first)
        found: tuple[int, _Failure, int] | None = None
        for at in range(until - 1, -1, -1):
            one = inputs[at]
            if by and one.issuer not in by:
                continue
            failure = self._lapsed(one, first, last) or self.unmet(one.values, record)
            if failure is None:
                return [one.index], None, None
            rank = _RANK[failure[0]]
            if found is None or rank > found[0]:
                found = rank, failure, one.index
            if self.max_age is not None and last - one.start > self.max_age:
                break  # those before began earlier still
        if found is None:
            for one in inputs[until:]:
                if not by or one.issuer in by:
                    return [], ("not_yet_valid", self.fact), one.index
            return [], ("other_issuer" if inputs else "no_fact", self.fact), None
        return [], found[1], found[2]

    def _last(
        self, series: Series, record: dict[str, object], first: int, last: int
    ) -> tuple[list[int], _Failure | None, int | None]:
        """The one begun last decides, from its beginning until the next one begins."""
        known, by = series.inputs, self.by
        now, end = bisect_right(series.starts, first), bisect_right(series.starts, last)
        before = now - 1
        while before >= 0 and by and known[before].issuer not in by:
            before -= 1
        deciding = [known[before]] if before >= 0 else []
        deciding += [one for one in known[now:end] if not by or one.issuer in by]
        if not deciding:
            later = next((one for one in known[end:] if not by or one.issuer in by), None)
            if later is not None:
                return [], ("not_yet_valid", self.fact), later.index
            return [], ("other_issuer" if known else "no_fact", self.fact), None
        for at, one in enumerate(deciding):
            start = max(first, one.start) if at else first
            until = min(last, deciding[at + 1].start - 1) if at + 1 < len(deciding) else last
            if start <= until:
                failure = self._lapsed(one, start, until) or self.unmet(one.values, record)
                if failure is not None:
                    return [], failure, one.index
        return [one.index for one in deciding], None, None

    def _every(
        self, series: Series, record: dict[str, object], first: int, last: int
    ) -> tuple[list[int], _Failure | None, int | None]:
        """All that hold at some moment of the span must do, and one of them must hold throughout."""
        known = [one for one in series.inputs if not self.by or one.issuer in self.by]
        held = [
            one for one in known if one.start <= last and one.until > first and not self._revoked(one, first)
        ]
        for one in held:
            failure = self.unmet(one.values, record)
            if failure is not None:
                return [], failure, one.index
        lapsed: tuple[int, _Failure, int] | None = None
        for one in held or known:
            failure = self._lapsed(one, first, last)
            if failure is None:
                return [held_one.index for held_one in held], None, None
            if lapsed is None or _RANK[failure[0]] >= lapsed[0]:
                lapsed = _RANK[failure[0]], failure, one.index
        if lapsed is None:
            return [], ("other_issuer" if series.inputs else "no_fact", self.fact), None
        return [], lapsed[1], lapsed[2]

    def _lapsed(self, one: Input, first: int, last: int) -> _Failure | None:
        """Why an input does not hold from ``first`` to ``last``, None where it does."""
        if one.start > first:
            return "not_yet_valid", self.fact
        if last >= one.until:
            return "expired", self.fact
        if one.revoked and self._revoked(one, last):
            return "revoked", self.fact
        if self.max_age is not None and last - one.start > self.max_age:
            return "too_old", self.fact
        return None

    def _revoked(self, one: Input, when: int) -> bool:
        return any(
            start <= when and (not self.by or issuer in self.by or issuer == one.issuer)
            for start, _, issuer in one.revoked
        )


class _Policy:
    """A policy, made ready to be asked often."""

    def __init__(self, policy: GatePolicy) -> None:
        self.name = policy.name
        self.digest = policy.digest
        self.start = int(policy.valid_from.timestamp() * _SECOND) if policy.valid_from else None
        self.until = int(policy.valid_until.timestamp() * _SECOND) if policy.valid_until else None
        self.ahead = policy.clock.ahead_s * _SECOND
        self.behind = policy.clock.behind_s * _SECOND if policy.clock.behind_s else None
        self._applies = policy.applies
        self._ready = {name: _Requirement(name, one) for name, one in policy.requirements.items()}

    def asks(self, kind: str, step: str | None) -> list[_Requirement] | None:
        """What it requires of a kind of record at a step (None: at any); None where it does not judge it."""
        names: dict[str, None] = {}
        applies = False
        for one in self._applies:
            if kind in one.kinds and (step is None or step in one.steps or _ALL in one.steps):
                applies = True
                names.update(dict.fromkeys(one.requires))
        return [self._ready[name] for name in names] if applies else None

    def holds(self, first: int, last: int) -> bool:
        """Whether it judges events of that time."""
        return (self.start is None or last >= self.start) and (self.until is None or first < self.until)


class Judge:
    """Judges by what is known at the moment.

    Parameters
    ----------
    inputs
        What is known; may go on growing.
    """

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self._changed = -1
        self._policies: list[_Policy] = []
        self._asked: dict[tuple[str, str | None], list[tuple[_Policy, list[_Requirement]]]] = {}

    def judges(self, kind: str) -> bool:
        """Whether a policy in force judges this kind of entry."""
        return bool(self._asks(kind, None))

    def judge(self, kind: str, claims: Claims | None, first: int, last: int, at: int) -> Judgement:
        """The judgement of a record.

        Parameters
        ----------
        kind
            Kind of the entry, or table of the batch.
        claims
            What it claims, None where nothing was handed in.
        first, last
            The time of the event, or of the first and last of those judged at once; microseconds since 1970.
        at
            The clock of the log, microseconds since 1970.
        """
        asked = self._asks(kind, claims.step if claims else None)
        asked = [one for one in asked if one[0].holds(first, last)]
        if not asked:
            return _UNJUDGED
        cited: list[int] = []
        reasons: list[Reason] = []
        record: dict[str, object] = {}
        if claims is not None and claims.values:
            record = {name: comparable(value) for name, value in claims.values.items()}
        for policy, requirements in asked:
            if last > at + policy.ahead or (policy.behind is not None and first < at - policy.behind):
                reasons += _clocks(policy, first, last, at)
            if claims is None:
                reasons.append(Reason("missing_claims", policy.name))
                continue
            for one in requirements:
                ids = claims.took.get(one.role)
                if ids is not None and len(ids) == 1 and one.fact is not None and first == last:
                    found = one.met_by(self._inputs.of(ids[0], one.fact), record, first)
                    if found is not None:
                        cited.append(found.index)
                        continue
                rests, why = self._required(policy.name, one, claims, record, (first, last))
                cited += rests
                reasons += why
        digests = tuple(policy.digest for policy, _ in asked)
        if reasons:
            by_input = {reason.cited for reason in reasons[:MOST_REASONS] if reason.cited is not None}
            return Judgement(REFUSED, digests, tuple(sorted(by_input)), tuple(reasons[:MOST_REASONS]))
        return Judgement(ACCEPTED, digests, tuple(sorted(set(cited))[:MOST_CITED]), ())

    def _required(
        self, policy: str, one: _Requirement, claims: Claims, record: dict[str, object], span: tuple[int, int]
    ) -> tuple[list[int], list[Reason]]:
        """The entries a requirement's fulfilment rests on, and why it is not met."""
        role = one.role
        ids = claims.took.get(role, ())
        if one.fact is None:
            failure = one.unmet({}, record)
            return [], [Reason(failure[0], policy, one.name, role, None, failure[1])] if failure else []
        cited: list[int] = []
        reasons: list[Reason] = []
        if not ids:
            reasons.append(Reason("missing_subject", policy, one.name, role))
        for subject in ids:
            series = self._inputs.of(subject, one.fact)
            if not series.inputs and not self._inputs.knows(subject):
                reasons.append(Reason("unknown_subject", policy, one.name, role, subject))
                continue
            rests, failure, decided = one.judged(series, record, *span)
            if failure is None:
                cited += rests
            else:
                reasons.append(Reason(failure[0], policy, one.name, role, subject, failure[1], decided))
        return cited, reasons

    def _asks(self, kind: str, step: str | None) -> list[tuple[_Policy, list[_Requirement]]]:
        if self._changed != self._inputs.changed:
            known = sorted(self._inputs.policies.items())
            self._policies = [_Policy(policy) for _, (_, policy) in known if policy.applies]
            self._asked.clear()
            self._changed = self._inputs.changed
        found = self._asked.get((kind, step))
        if found is None:
            asked = [(policy, policy.asks(kind, step)) for policy in self._policies]
            found = [(policy, wanted) for policy, wanted in asked if wanted is not None]
            if len(self._asked) > 4_096:  # steps are what submitters say
                self._asked.clear()
            self._asked[kind, step] = found
        return found


def _clocks(policy: _Policy, first: int, last: int, at: int) -> Iterable[Reason]:
    if last > at + policy.ahead:
        yield Reason("clock_ahead", policy.name, detail=str((last - at) // _SECOND))
    if policy.behind is not None and first < at - policy.behind:
        yield Reason("clock_behind", policy.name, detail=str((at - first) // _SECOND))


def _compare(name: str, value: object) -> _Compare:
    if isinstance(value, Other):
        return _Compare(_SIGNS[name], "fact" if value.fact else "record", value.fact or value.record)
    said: FactValue = tuple(value) if isinstance(value, list) else value  # type: ignore[assignment]
    return _Compare(_SIGNS[name], "", comparable(said))


def _short(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
