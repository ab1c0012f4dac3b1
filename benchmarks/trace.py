"""All figures of traceability in one: the genealogy, the furnace matcher and the capture of EPCIS events.

Each part is a benchmark of its own as well: ``assay bench genealogy``, ``matcher`` and ``epcis``.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks import epcis, genealogy, matcher
from benchmarks.figures import Figure


def run(
    *, repeats: int = 5, scale: float = 1.0, progress: Callable[[float, str], None] | None = None
) -> list[Figure]:
    """The figures of the three parts, one after another; the shifts are simulated once, whatever ``repeats``.

    Raises
    ------
    StoreError
        There is no PostgreSQL to ask.
    """
    told = progress or (lambda done, what: None)

    def part(number: int) -> Callable[[float, str], None]:
        return lambda done, what: told((number + done) / 3, what)

    return [
        *genealogy.run(repeats=repeats, scale=scale, progress=part(0)),
        *matcher.run(scale=scale, progress=part(1)),
        *epcis.run(repeats=repeats, scale=scale, progress=part(2)),
    ]
