"""What the gate knows at an index of the main log: inputs by whom they are about, and policies in force."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field

from assay.ledger.gate.errors import GateError
from assay.ledger.gate.facts import POLICY, REVOCATION, Fact, comparable
from assay.ledger.gate.policy import GatePolicy, parse_policy

EARLIEST, LATEST = -(2**63), 2**63


@dataclass(slots=True, eq=False)
class Input:
    """An input as the gate keeps it.

    Parameters
    ----------
    index
        Its entry in the main log.
    type, subject
        What it is, and about whom.
    start, until
        From when on and until when (not included) it holds, microseconds since 1970.
    values
        As conditions compare them: numbers as numbers.
    issuer
        Whose signature the entry bears.
    revoked
        (from when on, entry, issuer) of each revocation.
    """

    index: int
    type: str
    subject: str
    start: int
    until: int
    values: dict[str, object]
    issuer: bytes
    revoked: list[tuple[int, int, bytes]] = field(default_factory=list)


@dataclass(slots=True)
class Series:
    """The inputs of one type about one subject, by (start, index)."""

    starts: list[int] = field(default_factory=list)
    inputs: list[Input] = field(default_factory=list)


_NONE = Series()


class Inputs:
    """Everything the gate was told; what is added after :meth:`mark` can be taken back."""

    def __init__(self) -> None:
        self._series: dict[tuple[str, str], Series] = {}
        self._by_index: dict[int, Input] = {}
        self._about: dict[str, int] = {}
        self._undo: list[Callable[[], object]] = []
        self.policies: dict[str, tuple[int, GatePolicy]] = {}
        self.changed = 0

    def of(self, subject: str, type_: str) -> Series:
        """The inputs of a type about a subject."""
        return self._series.get((subject, type_), _NONE)

    def knows(self, subject: str) -> bool:
        """Whether anything was logged about a subject."""
        return subject in self._about

    def at(self, index: int) -> Input | None:
        """The input that is entry ``index``, None where that is none."""
        return self._by_index.get(index)

    def mark(self) -> None:
        """What was added up to now stays."""
        self._undo.clear()

    def back(self) -> None:
        """Forget what was added since the last :meth:`mark`."""
        for undo in reversed(self._undo):
            undo()
        self._undo.clear()

    def add(self, index: int, subject: str, fact: Fact, issuer: bytes) -> None:
        """Know entry ``index``.

        Raises
        ------
        GateError
            It revokes what is no input, or sets a policy that is not valid or that its issuer may not set.
        """
        if fact.type == POLICY:
            self._policy(index, fact, issuer)
        elif fact.type == REVOCATION:
            self._revoke(index, subject, fact, issuer)
        else:
            self._input(index, subject, fact, issuer)

    def _input(self, index: int, subject: str, fact: Fact, issuer: bytes) -> None:
        start = EARLIEST if fact.start is None else fact.start
        until = LATEST if fact.until is None else fact.until
        values = {name: comparable(value) for name, value in fact.values.items()}
        one = Input(index, fact.type, subject, start, until, values, issuer)
        series = self._series.setdefault((subject, fact.type), Series())
        place = bisect_right(series.starts, start)
        series.starts.insert(place, start)
        series.inputs.insert(place, one)
        self._by_index[index] = one
        self._about[subject] = self._about.get(subject, 0) + 1
        self._undo.append(lambda: self._forget(series, one))

    def _forget(self, series: Series, one: Input) -> None:
        place = series.inputs.index(one)
        del series.inputs[place], series.starts[place], self._by_index[one.index]
        self._about[one.subject] -= 1
        if not self._about[one.subject]:
            del self._about[one.subject]

    def _revoke(self, index: int, subject: str, fact: Fact, issuer: bytes) -> None:
        which = fact.values.get("revokes")
        one = self._by_index.get(which) if type(which) is int else None
        if one is None:
            raise GateError.of("no_such_input", index=which)
        if one.subject != subject:
            raise GateError.of("other_subject", index=which, subject=one.subject, given=subject)
        one.revoked.append((EARLIEST if fact.start is None else fact.start, index, issuer))
        self._undo.append(one.revoked.pop)

    def _policy(self, index: int, fact: Fact, issuer: bytes) -> None:
        text = fact.values.get("policy")
        policy = parse_policy(text if isinstance(text, str) else "")
        if policy.canonical() != text:
            raise GateError.of("bad_policy", why="not in its canonical form")
        before = self.policies.get(policy.name)
        if before and before[1].owners and issuer.hex() not in before[1].owners:
            raise GateError.of("policy_owned", name=policy.name, issuer=issuer.hex())
        self.policies[policy.name] = (index, policy)
        self.changed += 1
        self._undo.append(lambda: self._policy_back(policy.name, before))

    def _policy_back(self, name: str, before: tuple[int, GatePolicy] | None) -> None:
        if before is None:
            del self.policies[name]
        else:
            self.policies[name] = before
        self.changed += 1
