"""What a check finds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Finding:
    """Something about the movements that can't be, or can't be known, as it is recorded.

    Attributes
    ----------
    kind
        One of :data:`assay.genealogy.checks.KINDS`.
    nodes
        Codes of the things it is about; of a cycle in the order of the way round.
    edges
        Numbers of the movements that say so.
    values
        The figures: amounts with their ``unit``, times in s.
    """

    kind: str
    nodes: tuple[int, ...]
    edges: tuple[int, ...]
    values: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Found:
    """All that one check finds, each finding made when it is read: there may be millions.

    Attributes
    ----------
    count
        How many findings there are.
    edges
        Numbers of all movements that some finding rests on, in no order, perhaps several times.
    findings
        The findings; they can be read once.
    """

    count: int = 0
    edges: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    findings: Iterable[Finding] = ()


NOTHING = Found()
