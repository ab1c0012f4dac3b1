"""The key of one load: who recorded the rows, and in which session or file; and parts of a load."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from assay.model.errors import StoreError

_LONGEST = 512


@dataclass(frozen=True, slots=True, order=True)
class LoadKey:
    """``source`` and ``epoch``: the first two parts of every row's idempotency key.

    A load with the same key brings the same rows again; the plant takes them once.
    """

    source: str
    epoch: str

    def __post_init__(self) -> None:
        for name, text in (("source", self.source), ("epoch", self.epoch)):
            if not text.strip():
                raise StoreError(
                    f"a load needs its {name}, but it is {text!r}",
                    hint="Give it one that stays the same when the same rows come again.",
                )
            if len(text) > _LONGEST or "\0" in text:
                raise StoreError(
                    f"the {name} of a load is {len(text)} characters long or holds a NUL: {text[:40]!r}…",
                    hint=f"Use at most {_LONGEST} characters.",
                )

    @property
    def transaction(self) -> str:
        """The application id under which the Delta commit is made: ``source/epoch``.

        A slash in the source is escaped, or two keys could share one id and one load pass for the other.
        """
        return f"{self.source.replace('%', '%25').replace('/', '%2F')}/{self.epoch}"

    @property
    def digest(self) -> str:
        """16 hex digits that stand for the key in file names."""
        return hashlib.sha256(f"{self.source}\0{self.epoch}".encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, order=True)
class Stretch:
    """The rows of a load whose ``seq`` is from ``first`` to ``last``, both included: those of one append."""

    load: LoadKey
    first: int
    last: int
