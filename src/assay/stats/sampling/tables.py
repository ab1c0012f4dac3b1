"""ISO 2859-1 and ANSI/ASQ Z1.4 as structure: the series behind their tables, not the printed cells.

Every master table is one pattern. Sample sizes and AQLs step through the same preferred numbers (5 per
decade), so that sample size x AQL is constant along a diagonal, and the acceptance number depends on the
diagonal alone. A table is therefore a row of numbers along the diagonals, and where a diagonal has no plan,
an arrow to the nearest one that has.

Sources: ISO 2859-1:1999 (identical: GB/T 2828.1-2012), tables 1, 2-A to 2-C, 3-A, 3-B; ANSI/ASQ Z1.4 and its
public-domain parent MIL-STD-105E, tables I, II, III and IV. The tests check the diagonals, monotony, and the
risks by the arithmetic of the plans. The single-sampling tables were compared cell by cell with independent
transcriptions: all of MIL-STD-105E tables II-A to II-C, and of GB/T 2828.1-2012 all of 2-C and the rows of
2-A and 2-B that hold arrows of every kind. The double plans of ISO 2859-1 that differ from MIL-STD-105E have
no second transcription; their OC curves are nearer to the single plans, as the revision meant them to be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

Inspection = Literal["normal", "tightened", "reduced"]
Sampling = Literal["single", "double", "multiple"]
Level = Literal["I", "II", "III", "S-1", "S-2", "S-3", "S-4"]
Standard = Literal["iso2859-1", "gbt2828.1", "ansi-z1.4"]

INSPECTIONS: tuple[Inspection, ...] = ("normal", "tightened", "reduced")
SAMPLINGS: tuple[Sampling, ...] = ("single", "double", "multiple")
STANDARDS: tuple[Standard, ...] = ("iso2859-1", "gbt2828.1", "ansi-z1.4")

LETTERS = "ABCDEFGHJKLMNPQRS"
"""Sample size code letters; S is in the tightened table only."""
AQLS = (
    0.010, 0.015, 0.025, 0.040, 0.065, 0.10, 0.15, 0.25, 0.40, 0.65, 1.0, 1.5, 2.5, 4.0, 6.5, 10.0,
    15.0, 25.0, 40.0, 65.0, 100.0, 150.0, 250.0, 400.0, 650.0, 1000.0,
)  # fmt: skip
"""Preferred AQLs: percent nonconforming up to 10, nonconformities per 100 items over the whole range."""
SIZES = (2, 3, 5, 8, 13, 20, 32, 50, 80, 125, 200, 315, 500, 800, 1250, 2000, 3150)
"""Sample sizes of normal and tightened inspection, by letter."""
REDUCED_SIZES = (2, 2, 2, 3, 5, 8, 13, 20, 32, 50, 80, 125, 200, 315, 500, 800)
"""Sample sizes of reduced inspection, by letter."""

LOTS = (8, 15, 25, 50, 90, 150, 280, 500, 1200, 3200, 10_000, 35_000, 150_000, 500_000)
"""Largest lot of each row of table 1 but the last."""
LEVELS: dict[Level, str] = {
    "S-1": "AAAABBBBCCCCDDD",
    "S-2": "AAABBBCCCDDDEEE",
    "S-3": "AABBCCDDEEFFGGH",
    "S-4": "AABCCDEEFGGHJJK",
    "I": "AABCCDEFGHJKLMN",
    "II": "ABCDEFGHJKLMNPQ",
    "III": "BCDEFGHJKLMNPQR",
}
"""Code letter of each row of table 1."""


@dataclass(frozen=True)
class Cell:
    """A cell with a plan: the row it stands in (0 is letter A) and its numbers."""

    row: int
    ac: int
    re: int


@dataclass(frozen=True)
class Master:
    """A single-sampling master table; rows are letters, columns are AQLs, both counted from 0."""

    sizes: tuple[int, ...]
    diagonals: dict[int, tuple[int, int]]
    """Acceptance and rejection number by diagonal, row + column."""
    high: dict[int, tuple[int, int]]
    """Two more diagonals, for letters A to E only."""
    first_up: bool
    """Whether the arrow right below an acceptance number 0 points up; otherwise it points down."""
    odd: Mapping[tuple[int, int], tuple[int, int] | None]
    """Cells that leave their diagonal, most of them because sample sizes don't fall below 2."""
    last: tuple[int, int] | None = None
    """The only cell of a last row that has just one."""

    def at(self, row: int, column: int) -> Cell | None:
        """The plan printed in this cell, or None where an arrow stands."""
        if not 0 <= row < len(self.sizes):
            return None
        if self.last is not None and row == self.last[0] and column != self.last[1]:
            return None
        if (row, column) in self.odd:
            found = self.odd[row, column]
        else:
            found = self.diagonals.get(row + column)
            if found is None and row <= LAST_HIGH:
                found = self.high.get(row + column)
        return None if found is None else Cell(row, *found)

    def follow(self, row: int, column: int) -> Cell:
        """The plan that a cell holds or its arrow leads to, with that plan's own row (and so sample size)."""
        here = self.at(row, column)
        if here is not None:
            return here
        above = self._next(row, column, -1)
        below = self._next(row, column, +1)
        if below is None or (above is not None and self.first_up and above.row == row - 1):
            assert above is not None  # noqa: S101 - every column has a plan
            return above
        return below

    def _next(self, row: int, column: int, step: int) -> Cell | None:
        row += step
        while 0 <= row < len(self.sizes):
            found = self.at(row, column)
            if found is not None:
                return found
            row += step
        return None


LAST_HIGH = LETTERS.index("E")
_PLAIN = {n: (n, n + 1) for n in (0, 1, 2, 3, 5, 6, 7, 8, 10, 12, 14, 18, 21, 27, 30, 41, 44)}

NORMAL = Master(
    sizes=SIZES[:16],
    diagonals={14: _PLAIN[0]} | {17 + i: _PLAIN[ac] for i, ac in enumerate((1, 2, 3, 5, 7, 10, 14, 21))},
    high={25: _PLAIN[30], 26: _PLAIN[44]},
    first_up=True,
    odd={},
)
"""ISO 2859-1 table 2-A, ANSI/ASQ Z1.4 table II-A."""
TIGHTENED_ISO = Master(
    sizes=SIZES,
    diagonals={15: _PLAIN[0]} | {18 + i: _PLAIN[ac] for i, ac in enumerate((1, 2, 3, 5, 8, 12, 18))},
    high={25: _PLAIN[27], 26: _PLAIN[41]},
    first_up=False,
    odd={},
    last=(LETTERS.index("S"), AQLS.index(0.025)),
)
"""ISO 2859-1 table 2-B."""
TIGHTENED_Z14 = replace(TIGHTENED_ISO, odd={(0, AQLS.index(10.0)): None})
"""ANSI/ASQ Z1.4 table II-B: at AQL 10 letter A has no plan of its own."""
_UNCHANGED = {(0, 17 + i): _PLAIN[ac] for i, ac in enumerate((1, 2, 3, 5, 7, 10, 14, 21, 30))} | {
    (1, 21 + i): _PLAIN[ac] for i, ac in enumerate((7, 10, 14, 21, 30))
}
"""Letters A and B keep n = 2 under reduced inspection, and so the numbers of normal inspection."""
REDUCED_ISO = Master(
    sizes=REDUCED_SIZES,
    diagonals={14: _PLAIN[0]} | {18 + i: _PLAIN[ac] for i, ac in enumerate((1, 2, 3, 5, 6, 8, 10))},
    high={25: _PLAIN[14], 26: _PLAIN[21]},
    first_up=True,
    odd=_UNCHANGED,
)
"""ISO 2859-1:1999 table 2-C: no gap between acceptance and rejection number."""
REDUCED_Z14 = Master(
    sizes=REDUCED_SIZES,
    diagonals={14: _PLAIN[0]}
    | {
        17 + i: pair
        for i, pair in enumerate(((0, 2), (1, 3), (1, 4), (2, 5), (3, 6), (5, 8), (7, 10), (10, 13)))
    },
    high={25: (14, 17), 26: (21, 24)},
    first_up=True,
    odd=_UNCHANGED | {(1, 18): (2, 4), (1, 19): (3, 5), (1, 20): (5, 6)},
)
"""ANSI/ASQ Z1.4 table II-C: a count in the gap accepts the lot and goes back to normal inspection."""

Stages = tuple[tuple[int, ...], tuple[int, ...]]
"""Acceptance and rejection numbers of each stage; −1 where it can't accept yet."""

DOUBLE: dict[tuple[int, int], Stages] = {
    (1, 2): ((0, 1), (2, 2)),
    (2, 3): ((0, 3), (3, 4)),
    (3, 4): ((1, 4), (4, 5)),
    (5, 6): ((2, 6), (5, 7)),
    (7, 8): ((3, 8), (7, 9)),
    (8, 9): ((3, 11), (7, 12)),
    (10, 11): ((5, 12), (9, 13)),
    (12, 13): ((6, 15), (10, 16)),
    (14, 15): ((7, 18), (11, 19)),
    (18, 19): ((9, 23), (14, 24)),
    (21, 22): ((11, 26), (16, 27)),
    (27, 28): ((15, 34), (20, 35)),
    (30, 31): ((17, 37), (22, 38)),
    (41, 42): ((23, 52), (29, 53)),
    (44, 45): ((25, 56), (31, 57)),
    (0, 2): ((0, 0), (2, 2)),
    (1, 3): ((0, 0), (3, 4)),
    (1, 4): ((0, 1), (4, 5)),
    (2, 5): ((0, 3), (4, 6)),
    (3, 6): ((1, 4), (5, 7)),
    (5, 8): ((2, 6), (7, 9)),
    (7, 10): ((3, 8), (8, 12)),
    (10, 13): ((5, 12), (10, 16)),
    (14, 17): ((7, 18), (12, 22)),
    (21, 24): ((11, 26), (17, 30)),
}
"""Double plans of ANSI/ASQ Z1.4 tables III-A to III-C by the single plan they stand for."""
DOUBLE_ISO: dict[tuple[int, int], Stages] = {
    (3, 4): ((1, 4), (3, 5)),
    (7, 8): ((3, 9), (6, 10)),
    (8, 9): ((4, 10), (7, 11)),
}
"""Where ISO 2859-1:1999 tables 3-A and 3-B differ, to bring the OC curves nearer to the single plans."""

MULTIPLE: dict[tuple[int, int], Stages] = {
    (1, 2): ((-1, -1, 0, 0, 1, 1, 2), (2, 2, 2, 3, 3, 3, 3)),
    (2, 3): ((-1, 0, 0, 1, 2, 3, 4), (2, 3, 3, 4, 4, 5, 5)),
    (3, 4): ((-1, 0, 1, 2, 3, 4, 6), (3, 3, 4, 5, 6, 6, 7)),
    (5, 6): ((-1, 1, 2, 3, 5, 7, 9), (4, 5, 6, 7, 8, 9, 10)),
    (7, 8): ((0, 1, 3, 5, 7, 10, 13), (4, 6, 8, 10, 11, 12, 14)),
    (8, 9): ((0, 2, 4, 6, 9, 12, 14), (4, 7, 9, 11, 12, 14, 15)),
    (10, 11): ((0, 3, 6, 8, 11, 14, 18), (5, 8, 10, 13, 15, 17, 19)),
    (12, 13): ((0, 3, 7, 10, 14, 18, 21), (6, 9, 12, 15, 17, 20, 22)),
    (14, 15): ((1, 4, 8, 12, 17, 21, 25), (7, 10, 13, 17, 20, 23, 26)),
    (18, 19): ((1, 6, 11, 16, 22, 27, 32), (8, 12, 17, 22, 25, 29, 33)),
    (21, 22): ((2, 7, 13, 19, 25, 31, 37), (9, 14, 19, 25, 29, 33, 38)),
    (27, 28): ((3, 10, 17, 24, 32, 40, 48), (10, 17, 24, 31, 37, 43, 49)),
    (30, 31): ((4, 11, 19, 27, 36, 45, 53), (12, 19, 27, 34, 40, 47, 54)),
    (41, 42): ((6, 16, 26, 37, 49, 61, 72), (15, 25, 36, 46, 55, 64, 73)),
    (44, 45): ((6, 17, 29, 40, 53, 65, 77), (16, 27, 39, 49, 58, 68, 78)),
    (0, 2): ((-1, -1, 0, 0, 0, 0, 1), (2, 2, 2, 3, 3, 3, 3)),
    (1, 3): ((-1, -1, 0, 0, 0, 1, 1), (2, 3, 3, 4, 4, 5, 5)),
    (1, 4): ((-1, -1, 0, 0, 1, 1, 2), (3, 3, 4, 5, 6, 6, 7)),
    (2, 5): ((-1, 0, 0, 1, 2, 3, 4), (3, 4, 5, 6, 7, 7, 8)),
    (3, 6): ((-1, 0, 1, 2, 3, 4, 6), (4, 5, 6, 7, 8, 9, 10)),
    (5, 8): ((-1, 1, 2, 3, 5, 7, 9), (4, 6, 8, 10, 11, 12, 14)),
    (7, 10): ((0, 1, 3, 5, 7, 10, 13), (5, 7, 9, 12, 13, 15, 17)),
    (10, 13): ((0, 3, 6, 8, 11, 14, 18), (6, 9, 12, 15, 17, 20, 22)),
}
"""Multiple plans of ANSI/ASQ Z1.4 tables IV-A to IV-C by the single plan they stand for."""


def master(standard: Standard, inspection: Inspection) -> Master:
    """The single-sampling master table of a standard for a severity of inspection."""
    if inspection == "reduced":
        return REDUCED_Z14 if standard == "ansi-z1.4" else REDUCED_ISO
    if inspection == "tightened":
        return TIGHTENED_Z14 if standard == "ansi-z1.4" else TIGHTENED_ISO
    return NORMAL
