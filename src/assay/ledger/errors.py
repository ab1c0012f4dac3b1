"""What the evidence log refuses, in both languages; ``reason`` is the same word in every language."""

from __future__ import annotations

from typing import Self

from assay.model.catalogue import Catalogue
from assay.model.reasoned import ReasonedError

CATALOGUE = Catalogue("assay.ledger")


class LedgerError(ReasonedError, ValueError):
    """Root of what the evidence log refuses."""

    catalogue = CATALOGUE
    general = "ledger"

    def about(self, where: str) -> Self:
        """The same refusal, its texts inside those that the catalogue has for ``where``."""
        advice = CATALOGUE.text(f"hint.{where}", advice=self.advice) if self.advice else None
        return type(self)(CATALOGUE.text(f"error.{where}", why=self.said), advice, reason=self.reason)


class VerificationError(LedgerError):
    """A proof, note or signature does not hold. Verification raises this and nothing else."""


class EntryError(LedgerError):
    """An entry, or a value of one, can't be logged as it is."""


class LogError(LedgerError):
    """The log on disk, or the process that writes it, can't go on as asked."""

    @classmethod
    def disk(cls, problem: OSError, path: object) -> Self:
        """``disk``: the system refused to write or read, such as where the disk is full."""
        why = problem.strerror or problem
        return cls.of("disk", path=problem.filename or path, why=why)
