"""Amounts: negative ones, lots that more was taken of than there was, and steps that lose or gain mass."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from assay.genealogy.actuals import MASS, Actuals, Bools, Floats, Integers, grouped
from assay.genealogy.finding import NOTHING, Finding, Found


def negative(actuals: Actuals) -> Found:
    """Movements of less than nothing."""
    row = np.flatnonzero(actuals.quantity < 0)

    def findings() -> Iterator[Finding]:
        for at in row.tolist():
            nodes = actuals.nodes[[actuals.subject[at], actuals.execution[at]]].tolist()
            values: dict[str, float | str] = {"quantity": float(actuals.quantity[at])}
            values["unit"] = _unit(actuals, at)
            yield Finding("negative-quantity", tuple(nodes), (int(actuals.edges[at]),), values)

    return Found(len(row), actuals.edges[row], findings())


def overdrawn(actuals: Actuals, tolerance: float) -> Found:
    """Lots of which recorded movements consume more than recorded movements brought.

    Only lots that movements brought, all with a quantity in one dimension, can be judged. Pieces are exact,
    other amounts may differ by ``tolerance``, a share of what was there.
    """
    out = ~actuals.inputs
    counted = actuals.sure & (out | actuals.consumed) & ~actuals.is_unit[actuals.subject]
    if not counted.any():
        return NOTHING
    amount, dimension, units = actuals.amount
    count = len(actuals.nodes)
    known = _alike(actuals.subject, counted, amount, dimension, count)
    over, rows = np.zeros(count, np.bool_), np.zeros(len(counted), np.bool_)
    brought, taken = np.zeros(count), np.zeros(count)
    of = np.zeros(count, np.int64)
    for number, unit in enumerate(units):
        mine = counted & (dimension == number) & known[actuals.subject]
        came = np.bincount(actuals.subject[mine & out], amount[mine & out], count)
        went = np.bincount(actuals.subject[mine & ~out], amount[mine & ~out], count)
        share = tolerance if unit and not unit.startswith("{") and unit != "1" else 0.0
        more = actuals.judged & (came > 0) & (went > came * (1 + share) + 1e-9)
        over |= more
        rows |= mine & more[actuals.subject]
        brought[more], taken[more], of[more] = came[more], went[more], number
    row = np.flatnonzero(rows)

    def findings() -> Iterator[Finding]:
        for node, edges in grouped(actuals.subject, row):
            values: dict[str, float | str] = {"brought": float(brought[node]), "taken": float(taken[node])}
            values["unit"] = units[of[node]]
            yield Finding("overdrawn", (int(actuals.nodes[node]),), _numbers(actuals, edges), values)

    return Found(int(over.sum()), actuals.edges[row], findings())


def unbalanced(actuals: Actuals, tolerance: float) -> Found:
    """Executions whose inputs and outputs are all weighed, and differ by more than a share ``tolerance``."""
    amount, dimension, units = actuals.amount
    if MASS not in units:
        return NOTHING
    out = ~actuals.inputs
    counted = out | actuals.consumed
    weighed = actuals.sure & (dimension == units.index(MASS)) & ~np.isnan(amount)
    count = len(actuals.nodes)
    known = np.ones(count, np.bool_)
    known[actuals.execution[counted & ~weighed]] = False
    mine = counted & known[actuals.execution]
    went_in = np.bincount(actuals.execution[mine & ~out], amount[mine & ~out], count)
    came_out = np.bincount(actuals.execution[mine & out], amount[mine & out], count)
    off = np.abs(came_out - went_in) > tolerance * np.maximum(went_in, came_out)
    off &= actuals.judged & (went_in > 0) & (came_out > 0)
    row = np.flatnonzero(mine & off[actuals.execution])

    def findings() -> Iterator[Finding]:
        for node, edges in grouped(actuals.execution, row):
            values: dict[str, float | str] = {
                "went_in": float(went_in[node]),
                "came_out": float(came_out[node]),
            }
            values["unit"] = MASS
            yield Finding("unbalanced", (int(actuals.nodes[node]),), _numbers(actuals, edges), values)

    return Found(int(off.sum()), actuals.edges[row], findings())


def _alike(node: Integers, counted: Bools, amount: Floats, dimension: Integers, count: int) -> Bools:
    """Which things have an amount in one dimension on each of the movements that count."""
    known = np.ones(count, np.bool_)
    known[node[counted & np.isnan(amount)]] = False
    one = np.zeros(count, np.int64)
    one[node[counted]] = dimension[counted]
    known[node[counted & (dimension != one[node])]] = False
    return known


def _numbers(actuals: Actuals, rows: Integers) -> tuple[int, ...]:
    return tuple(actuals.edges[rows].tolist())


def _unit(actuals: Actuals, row: int) -> str:
    return str(actuals.index.columns.words_of("unit", actuals.words("unit")[row : row + 1])[0].as_py() or "")
