"""Clocks of issuers against that of whoever writes the log."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from assay.ledger.disk import write_whole
from assay.ledger.entries import Body
from assay.ledger.errors import EntryError
from assay.ledger.text import as_moment

AHEAD = 600 * 1_000_000
"""Microseconds an entry's own time may be in the future: as much as a cosignature may."""

BEHIND = 86_400 * 1_000_000
"""Microseconds in the past from which on an entry counts as late."""

_MOST, _AGAIN = 50, 3_600
"""Sources that are kept, and seconds after which one that comes late all the time is written again."""


@dataclass(frozen=True, slots=True)
class Late:
    """A source whose entries came long after their own time: it was offline, or its clock is behind.

    Parameters
    ----------
    source
        Source of the entries.
    index
        The last of them.
    seconds
        How long after its own time it came.
    at
        POSIX second at which it came.
    """

    source: str
    index: int
    seconds: int
    at: int


class Clocks:
    """Looks at the own time of each entry.

    Parameters
    ----------
    kept
        File of what came late, so that other processes can show it.
    """

    def __init__(self, kept: Path) -> None:
        self._kept = kept
        self._late = {one.source: one for one in read_late(kept)}
        self._written = {source: one.at for source, one in self._late.items()}
        self._new = False

    def look(self, body: Body, index: int, now: int) -> None:
        """Look at the own time of ``body``, which is to become entry ``index``; ``now`` in microseconds.

        What comes late is logged all the same: an edge that was offline hands in old entries.

        Raises
        ------
        EntryError
            ``clock_ahead``: it is of the future.
        """
        behind = now - body.record_time
        if behind < -AHEAD:
            raise EntryError.of(
                "clock_ahead",
                seconds=-behind // 1_000_000,
                own=as_moment(body.record_time),
                now=as_moment(now),
            )
        if behind > BEHIND:
            source, at = body.origin.source, now // 1_000_000
            self._new |= at - self._written.get(source, 0) >= _AGAIN
            self._late.pop(source, None)
            self._late[source] = Late(source, index, behind // 1_000_000, at)

    def keep(self) -> None:
        """Write which sources came late, when there are others than before or an hour has passed."""
        if not self._new:
            return
        self._new = False
        for source in list(self._late)[:-_MOST]:
            del self._late[source]
        self._written = {source: one.at for source, one in self._late.items()}
        data = json.dumps([asdict(one) for one in self._late.values()], indent=1).encode()
        with suppress(OSError):
            write_whole(self._kept, data, mode=0o600)


def read_late(kept: Path) -> list[Late]:
    """The sources that came late, as they were kept, the one that came last at the end."""
    try:
        return [Late(**one) for one in json.loads(kept.read_bytes())]
    except (OSError, ValueError, TypeError):
        return []
