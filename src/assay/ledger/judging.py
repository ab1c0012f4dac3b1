"""The gate as the writer of a main log uses it: judging group by group, and the log of what is refused.

What was handed to the gate is on the disk before the entries are, and what is refused after them: nobody is
told of an entry before all of it is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from assay.ledger.entries import Body, Origin, Signed, Statement
from assay.ledger.errors import EntryError, LedgerError, LogError
from assay.ledger.gate.gate import Gate
from assay.ledger.gate.openings import FILE, FOLDER
from assay.ledger.place import MAIN, REFUSED, Place

if TYPE_CHECKING:
    from assay.ledger.writer import Ack, Writer


class Judging:
    """The gate of a main log, and the writer of its refused log; opened when there is something to judge by.

    Parameters
    ----------
    place
        The main log.
    size
        How many entries it has.
    opened
        Opens the writer of another log.
    """

    def __init__(self, place: Place, size: int, opened: Callable[[Place], Writer]) -> None:
        self._place = place
        self._opened = opened
        self._writer: Writer | None = None
        folder = place.folder.parent / FOLDER
        if (folder / FILE).exists():
            self._writer = self._refused_log()
        self._gate = Gate(folder, self._entry)
        self._gate.load((size, self._refused_size))
        self._turned_away: list[tuple[Signed, bytes]] = []
        self._places: dict[Origin, int] = {}

    @classmethod
    def of(cls, place: Place, size: int, opened: Callable[[Place], Writer]) -> Judging | None:
        """That of a log; None where it is no main log."""
        return cls(place, size, opened) if place.name == MAIN else None

    @property
    def behind(self) -> bool:
        """Whether the refused log has something to sign."""
        return self._writer is not None and self._writer.behind

    def begin(self, first: int) -> Judging:
        """A group begins at index ``first``; what is left of one that failed is forgotten."""
        self._gate.drop((first, self._refused_size))
        self._turned_away, self._places = [], {}
        self._gate.begin(time.time_ns() // 1_000, self._refused_size)
        return self

    def known(self, origin: Origin) -> Ack | int | None:
        """The acknowledgement of what was refused before; its place where that was in this group."""
        if origin in self._places:
            return self._places[origin]
        found = self._writer.known(origin) if self._writer is not None else None
        return replace(found, refused=True) if found else None

    def judged(self, body: Body, one: Signed, index: int) -> tuple[bytes | None, int | None]:
        """The verdict that stands in the main log; or None, and its place among what is refused.

        Raises
        ------
        GateError
            What was handed in is not valid, or does not belong to the entry.
        """
        found = self._gate.judged(body, one, index)
        if found is None:
            return None, None
        if found.refused is not None:
            self._turned_away.append((one, bytes(found.refused)))
        if found.main is not None:
            return bytes(found.main), None
        self._places[body.origin] = len(self._turned_away) - 1
        return None, self._places[body.origin]

    def write(self) -> None:
        """Have what was handed to the gate on the disk.

        Raises
        ------
        LogError
            ``not_written``: the disk is full or failed.
        """
        try:
            self._gate.write()
        except OSError as problem:
            raise LogError.of("not_written", path=self._gate.path, why=problem) from problem

    def keep(self, answers: Sequence[Ack | LedgerError | int], size: int) -> list[Ack | LedgerError]:
        """The group is logged in the main log, which has ``size`` entries now; log what is refused, and say
        what became of each.

        Raises
        ------
        LogError
            What is refused can't be logged; what is accepted is.
        """
        self._gate.keep()
        refused: list[Ack | LedgerError] = []
        if self._turned_away:
            try:
                if self._writer is None:
                    self._writer = self._refused_log()
                signed, verdicts = zip(*self._turned_away, strict=True)
                refused = self._writer.append(signed, verdicts)
            except BaseException:
                self._gate.trim((size, self._refused_size))
                raise
        return [_refused(refused[one]) if isinstance(one, int) else one for one in answers]

    def state(self, submitted: Sequence[Signed]) -> list[Ack | LedgerError]:
        """Log what the refused log says about itself; records get there through the gate alone.

        Raises
        ------
        LogError
            It can't be logged.
        """
        if any(not isinstance(one.verify(), Statement) for one in submitted):
            raise EntryError.of("not_a_statement", name=REFUSED)
        if self._writer is None:
            self._writer = self._refused_log()
        return self._writer.append(submitted)

    def checkpoint(self) -> None:
        """Sign what was refused."""
        if self._writer is not None:
            self._writer.checkpoint()

    def close(self) -> None:
        """Sign what was refused, and let go of everything."""
        self._gate.close()
        if self._writer is not None:
            self._writer.close()

    @property
    def _refused_size(self) -> int:
        return self._writer.size if self._writer is not None else 0

    def _entry(self, index: int) -> bytes:
        if self._writer is None or not 0 <= index < self._writer.size:
            raise EntryError.of("index_outside", index=index, size=self._refused_size)
        return self._writer.entry(index)

    def _refused_log(self) -> Writer:
        try:
            return self._opened(self._refused_place())
        except LogError as problem:
            raise problem.about("in_refused") from problem

    def _refused_place(self) -> Place:
        folder = self._place.folder.parent / REFUSED
        plant = folder.parent.parent
        if folder.exists():
            return Place.of(plant, REFUSED)
        return Place.make(plant, f"{self._place.keys()[0].name}/{REFUSED}", REFUSED)


def _refused(answer: Ack | LedgerError) -> Ack | LedgerError:
    return answer if isinstance(answer, LedgerError) else replace(answer, refused=True)
