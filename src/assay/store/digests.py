"""Digests that were made while rows were staged, until who logs the commit takes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from assay.model.kinds import HASHES
from assay.store.layout import StagedFile

if TYPE_CHECKING:
    from assay.ledger.chunks import Digested, Digester


class Digests:
    """The digests of staged rows of this process, by table and files."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, frozenset[str]], list[Digested]] = {}

    @staticmethod
    def digester() -> Digester:
        """What digests rows as they come."""
        from assay.ledger.chunks import Digester

        return Digester([field.name for field in HASHES])

    def keep(self, name: str, files: Iterable[StagedFile], batches: list[Digested]) -> None:
        """Keep the digests of the rows in some files of a table."""
        self._found[name, frozenset(file.path for file in files)] = batches

    def take(self, name: str, paths: Iterable[str]) -> list[Digested] | None:
        """The digests of the rows in these files, which are forgotten here; None where there are none."""
        return self._found.pop((name, frozenset(paths)), None)
