"""Analysis of variance of balanced gauge studies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from scipy import stats

from assay.stats.arrays import Floats

Effects = Literal["random", "fixed", "fixed_interaction_df"]
EFFECTS: tuple[Effects, ...] = ("random", "fixed", "fixed_interaction_df")


@dataclass(frozen=True)
class AnovaRow:
    """A line of the table; ``f`` and ``p`` are None where there is no test."""

    source: str
    """``part``, ``operator``, ``part_by_operator``, ``part_in_operator``, ``repeatability`` or ``total``."""
    df: int
    ss: float
    ms: float | None
    f: float | None = None
    p: float | None = None


@dataclass(frozen=True)
class Anova:
    """An ANOVA table in the order it is printed."""

    rows: tuple[AnovaRow, ...]

    def __getitem__(self, source: str) -> AnovaRow:
        for row in self.rows:
            if row.source == source:
                return row
        raise KeyError(source)

    def __contains__(self, source: str) -> bool:
        return any(row.source == source for row in self.rows)

    def ms(self, source: str) -> float:
        """The mean square of a line that has one."""
        found = self[source].ms
        if found is None:
            raise KeyError(source)
        return found


@dataclass(frozen=True)
class _Term:
    source: str
    df: int
    ss: float
    over: str | None
    """The line whose mean square is the denominator of F."""
    df_of: str | None = None
    """The line whose degrees of freedom p is taken at; None for the denominator's own."""


def _table(terms: list[_Term], total: _Term) -> Anova:
    squares = {term.source: (term.ss / term.df, term.df) for term in terms}
    rows = []
    for term in terms:
        ms = squares[term.source][0]
        f = p = None
        if term.over is not None and squares[term.over][0] > 0:
            f = ms / squares[term.over][0]
            p = float(stats.f.sf(f, term.df, squares[term.df_of or term.over][1]))
        rows.append(AnovaRow(term.source, term.df, term.ss, ms, f, p))
    return Anova((*rows, AnovaRow(total.source, total.df, total.ss, None)))


def _squares(values: Floats) -> float:
    return float((values * values).sum())


def crossed(values: Floats, *, effects: Effects = "random") -> tuple[Anova, Anova]:
    """The two-way tables with and without the interaction, of ``values`` of shape ``(P, O, R)``, R ≥ 2.

    With random effects, F of part and operator is over the interaction where it is in the model, else over
    the repeatability; with fixed effects always over the repeatability (Montgomery, *Design and Analysis of
    Experiments*, 8th ed., 13.2 and 5.3). ``fixed_interaction_df`` has the F of fixed effects, but takes p at
    the interaction's degrees of freedom: what JASP prints, kept for comparison only.
    """
    p, o, r = values.shape
    centred = values - values.mean()
    cells = centred.mean(axis=2)
    parts, operators = cells.mean(axis=1), cells.mean(axis=0)
    mixed = cells - parts[:, None] - operators
    within = _squares(centred - cells[:, :, None])
    between = r * _squares(mixed)
    over = "part_by_operator" if effects == "random" else "repeatability"
    at = "part_by_operator" if effects == "fixed_interaction_df" else None
    part = _Term("part", p - 1, o * r * _squares(parts), over, at)
    operator = _Term("operator", o - 1, p * r * _squares(operators), over, at)
    both = _Term("part_by_operator", (p - 1) * (o - 1), between, "repeatability")
    error = _Term("repeatability", p * o * (r - 1), within, None)
    total = _Term("total", values.size - 1, _squares(centred), None)
    pooled = _Term("repeatability", error.df + both.df, within + between, None)
    alone = [_Term(term.source, term.df, term.ss, "repeatability") for term in (part, operator)]
    return _table([part, operator, both, error], total), _table([*alone, pooled], total)


def nested(values: Floats) -> Anova:
    """The table of parts nested within operators; ``values[i, j]`` are the trials of part i of operator j.

    F of the operator is over the parts within operators (Montgomery, *Design and Analysis of Experiments*,
    8th ed., 14.1, table 14.1, both factors random).
    """
    p, o, r = values.shape
    centred = values - values.mean()
    cells = centred.mean(axis=2)
    operators = cells.mean(axis=0)
    return _table(
        [
            _Term("operator", o - 1, p * r * _squares(operators), "part_in_operator"),
            _Term("part_in_operator", o * (p - 1), r * _squares(cells - operators), "repeatability"),
            _Term("repeatability", p * o * (r - 1), _squares(centred - cells[:, :, None]), None),
        ],
        _Term("total", values.size - 1, _squares(centred), None),
    )


def one_way(values: Floats) -> Anova:
    """The table of parts alone; ``values`` of shape ``(P, 1, R)``."""
    p, _, r = values.shape
    centred = values - values.mean()
    parts = centred.mean(axis=(1, 2))
    return _table(
        [
            _Term("part", p - 1, r * _squares(parts), "repeatability"),
            _Term("repeatability", p * (r - 1), _squares(centred - parts[:, None, None]), None),
        ],
        _Term("total", values.size - 1, _squares(centred), None),
    )
