"""What the gate says of an entry, and why; it stands in the entry, as canonical bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

import cbor2

from assay.ledger.canonical import Plain, decode
from assay.ledger.errors import LedgerError
from assay.ledger.gate.errors import CATALOGUE, GateError
from assay.model.text import Text

VERDICT = "assay/verdict@1"

ACCEPTED, REFUSED, PARTIAL = "accepted", "refused", "partial"
NO_POLICY, INPUT, OVERRIDDEN = "no_policy", "input", "overridden"
OUTCOMES = frozenset({ACCEPTED, REFUSED, PARTIAL, NO_POLICY, INPUT, OVERRIDDEN})
"""``partial`` is of batches: some rows are refused. ``input``: the entry is an input of the gate itself."""

REASONS = (
    "missing_claims",
    "missing_subject",
    "unknown_subject",
    "no_fact",
    "other_issuer",
    "not_yet_valid",
    "expired",
    "too_old",
    "revoked",
    "missing_value",
    "not_a_number",
    "not_met",
    "clock_ahead",
    "clock_behind",
)
"""Every code a refusal can have."""

MOST_REASONS = 12
MOST_CITED = 64


class Reason(NamedTuple):
    """Why a record is refused.

    Parameters
    ----------
    code
        One of ``REASONS``.
    policy, requirement
        What asked for it; no requirement where none did.
    role, subject
        About which person, machine, lot, recipe or place; None where it is about none.
    detail
        The value or the name it is about.
    cited
        Index of the input that decided, None where none did.
    """

    code: str
    policy: str = ""
    requirement: str | None = None
    role: str | None = None
    subject: str | None = None
    detail: str | None = None
    cited: int | None = None

    @property
    def said(self) -> Text:
        """What is wrong, in both languages."""
        return Text(**{tongue: self._fill("reason", tongue) for tongue in ("zh", "en")})

    @property
    def advice(self) -> Text:
        """What to do about it, in both languages."""
        return Text(**{tongue: self._fill("advice", tongue) for tongue in ("zh", "en")})

    def _fill(self, sort: str, tongue: str) -> str:
        role = CATALOGUE.say(f"role.{self.role or 'none'}", tongue)  # type: ignore[arg-type]
        return CATALOGUE.say(
            f"{sort}.{self.code}",
            tongue,  # type: ignore[arg-type]
            policy=self.policy,
            requirement=self.requirement or "",
            role=role,
            subject=self.subject or "",
            detail=self.detail or "",
            cited=self.cited,
        )


class Summary(NamedTuple):
    """What came of a batch.

    Parameters
    ----------
    keys, rows
        Distinct keys judged, and rows.
    refused_keys, refused_rows
        How many of them were refused.
    root
        Root of the tree over each key with its verdict (:mod:`assay.ledger.gate.batches`), 32 bytes.
    opening
        SHA-256 of the keys that were handed in.
    """

    keys: int
    rows: int
    refused_keys: int
    refused_rows: int
    root: bytes
    opening: bytes


class Verdict(NamedTuple):
    """What the gate says of one entry.

    Parameters
    ----------
    outcome
        One of ``OUTCOMES``.
    size
        How many entries the main log had when it was judged: they were known.
    at
        The clock of the log then, microseconds since 1970, UTC.
    policies
        SHA-256 of the policies that judged, in the order of their names.
    cited
        Indexes of the inputs it rests on, ascending; at most ``MOST_CITED``.
    reasons
        Why it was refused; at most ``MOST_REASONS``.
    about
        (index, leaf hash) of the refused entry that this one overrides or judges again.
    batch
        The summary of a batch.
    """

    outcome: str
    size: int
    at: int
    policies: tuple[bytes, ...] = ()
    cited: tuple[int, ...] = ()
    reasons: tuple[Reason, ...] = ()
    about: tuple[int, bytes] | None = None
    batch: Summary | None = None

    def __bytes__(self) -> bytes:
        return cbor2.dumps(
            [
                VERDICT,
                self.outcome,
                self.size,
                self.at,
                list(self.policies),
                list(self.cited),
                [list(one) for one in self.reasons],
                list(self.about) if self.about else None,
                list(self.batch) if self.batch else None,
            ]
        )

    @classmethod
    def parse(cls, data: bytes) -> Verdict:
        """The verdict in ``data``.

        Raises
        ------
        GateError
            ``data`` is none in its canonical form.
        """
        try:
            return cls._read(decode(data))
        except (LedgerError, TypeError, ValueError) as problem:
            why = problem.message if isinstance(problem, LedgerError) else str(problem)
            raise GateError.of("bad_verdict", why=why) from None

    @classmethod
    def _read(cls, value: Plain) -> Verdict:
        match value:
            case [str() as schema, str() as outcome, int() as index, int() as at, list() as policies,
                  list() as cited, list() as reasons, about, batch] if schema == VERDICT:  # fmt: skip
                known = all(isinstance(one, list) and one and one[0] in REASONS for one in reasons)
                if known and outcome in OUTCOMES and all(type(one) is int for one in cited):
                    return cls(
                        outcome,
                        index,
                        at,
                        tuple(cast("list[bytes]", policies)),
                        tuple(cast("list[int]", cited)),
                        tuple(Reason(*cast("Sequence[str]", one)) for one in reasons),  # type: ignore[arg-type]
                        cast("tuple[int, bytes]", tuple(cast("list[Plain]", about))) if about else None,
                        Summary(*cast("list[int]", batch)) if batch else None,  # type: ignore[arg-type]
                    )
        raise ValueError(f"not {VERDICT}")
