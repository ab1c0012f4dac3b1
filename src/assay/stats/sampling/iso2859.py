"""Plans of ISO 2859-1, GB/T 2828.1 and ANSI/ASQ Z1.4 by lot size, inspection level and AQL."""

from __future__ import annotations

import bisect
from dataclasses import dataclass, replace

from assay.stats.arrays import between, one_of, positive
from assay.stats.errors import NotACount, UnknownOption
from assay.stats.sampling.errors import NotTabled
from assay.stats.sampling.plan import AttributesPlan
from assay.stats.sampling.probability import Distribution
from assay.stats.sampling.tables import (
    AQLS,
    DOUBLE,
    DOUBLE_ISO,
    INSPECTIONS,
    LETTERS,
    LEVELS,
    LOTS,
    MULTIPLE,
    REDUCED_SIZES,
    SAMPLINGS,
    SIZES,
    STANDARDS,
    Cell,
    Inspection,
    Level,
    Sampling,
    Stages,
    Standard,
    master,
)

PERCENT_UP_TO = 10.0
"""Up to this AQL it may be percent nonconforming; above, it is nonconformities per 100 items."""


@dataclass(frozen=True, kw_only=True)
class StandardPlan(AttributesPlan):
    """A plan from a standard's tables, with how it was found."""

    standard: Standard
    """``iso2859-1``, ``gbt2828.1`` (the same tables) or ``ansi-z1.4``."""
    aql: float
    """AQL in percent nonconforming, or nonconformities per 100 items."""
    level: Level | None
    """Inspection level; None where the code letter was given."""
    inspection: Inspection
    """``normal``, ``tightened`` or ``reduced``."""
    letter: str
    """Sample size code letter of the lot size and level."""
    plan_letter: str
    """The letter whose row the plan stands in: another one where an arrow was followed."""
    tabled_sizes: tuple[int, ...]
    """Sample sizes as tabled; ``sizes`` never exceed the lot."""
    hundred_percent: bool
    """Whether the sample is the whole lot: the standards' rule when the sample size reaches the lot size."""
    tighter_ac: int | None
    """Acceptance number at the next lower AQL, for the switching score of ISO 2859-1; None for Ac 0 and 1."""


def iso2859(
    lot: int | None,
    aql: float,
    level: Level = "II",
    inspection: Inspection = "normal",
    plan: Sampling = "single",
    *,
    standard: Standard = "iso2859-1",
    letter: str | None = None,
    distribution: Distribution | None = None,
) -> StandardPlan:
    """The plan for a lot from the tables of ISO 2859-1:1999 (GB/T 2828.1-2012) or ANSI/ASQ Z1.4.

    Parameters
    ----------
    lot
        Lot size, at least 2; None where the code ``letter`` is given.
    aql
        Acceptance quality limit from the preferred series: ``1.0`` is 1.0 % nonconforming or 1.0
        nonconformity per 100 items.
    level
        ``I``, ``II`` (usual), ``III``, ``S-1`` … ``S-4``.
    inspection
        ``normal``, ``tightened`` or ``reduced``; :class:`~assay.stats.sampling.Switching` says when.
    plan
        ``single``, ``double`` or ``multiple``. Where the table has no double (multiple) plan — acceptance
        number 0 and the smallest samples — the single (double) one is used, as the tables say.
    letter
        A code letter A … R instead of lot size and level.
    distribution
        For the curves: ``binomial`` or ``poisson``. Without it binomial up to AQL 10, Poisson above.

    Returns
    -------
    StandardPlan
        An arrow leads to the first plan below or above, with *that* plan's sample size. When the sample size
        reaches the lot size the whole lot is inspected (``hundred_percent``); the acceptance number stays.

    Raises
    ------
    UnknownOption
        An AQL outside the preferred series, an unknown level, letter, inspection, plan or standard.
    NotACount, OutOfRange
        A lot size that is no whole number or below 2.
    NotTabled
        Multiple sampling and double reduced sampling of ISO 2859-1, which aren't held.

    Notes
    -----
    ISO 2859-1:1999 tables 1, 2-A to 2-C, 3-A, 3-B; ANSI/ASQ Z1.4 (MIL-STD-105E) tables I, II, III, IV. The
    single tables for normal inspection are the same, for tightened inspection all but letter A at AQL 10;
    reduced inspection differs (Z1.4 keeps a gap between acceptance and rejection number), and so do the
    double plans for acceptance numbers 3, 7 and 8.
    """
    one_of(standard, STANDARDS, "standard")
    one_of(inspection, INSPECTIONS, "inspection")
    one_of(plan, SAMPLINGS, "plan")
    column = _column(aql)
    items = None if lot is None else _items(lot)
    row = _row(items, level, letter)
    table = master(standard, inspection)
    cell = table.follow(row, column)
    sizes, stages = _stages(standard, inspection, plan, cell)
    tighter = table.at(cell.row, column - 1) if cell.ac >= 2 and inspection == "normal" else None
    return _of(
        StandardPlan(
            n=sizes[0],
            ac=stages[0][-1],
            re=stages[1][-1],
            sampling={1: "single", 2: "double"}.get(len(sizes), "multiple"),
            sizes=sizes,
            acceptance=stages[0],
            rejection=stages[1],
            distribution=_distribution(AQLS[column], distribution),
            lot=items,
            standard=standard,
            aql=AQLS[column],
            level=None if letter is not None else level,
            inspection=inspection,
            letter=LETTERS[row],
            plan_letter=LETTERS[cell.row],
            tabled_sizes=sizes,
            hundred_percent=False,
            tighter_ac=None if tighter is None else tighter.ac,
        )
    )


def code_letter(lot: int, level: Level = "II") -> str:
    """Sample size code letter (ISO 2859-1 table 1, ANSI/ASQ Z1.4 table I).

    Raises
    ------
    NotACount, OutOfRange, UnknownOption
    """
    return LETTERS[_row(_items(lot), level, None)]


def _row(lot: int | None, level: Level, letter: str | None) -> int:
    if letter is not None:
        return LETTERS.index(one_of(letter, tuple(LETTERS[:16]), "letter"))
    if lot is None:
        raise UnknownOption(name="letter", value="None", known=", ".join(LETTERS[:16]))
    letters = LEVELS[one_of(level, tuple(LEVELS), "level")]
    return LETTERS.index(letters[bisect.bisect_left(LOTS, lot)])


def _items(lot: int) -> int:
    found = positive(lot, "lot")
    if found != int(found):
        raise NotACount(name="lot", index=0, value=found)
    return int(between(found, "lot", 2, float("inf")))


def _column(aql: float) -> int:
    value = positive(aql, "aql")
    for column, known in enumerate(AQLS):
        if abs(value - known) <= 1e-9 * known:
            return column
    raise UnknownOption(name="aql", value=value, known=", ".join(f"{known:g}" for known in AQLS))


def _stages(
    standard: Standard, inspection: Inspection, plan: Sampling, cell: Cell
) -> tuple[tuple[int, ...], Stages]:
    """Sample sizes and numbers of the asked plan, or of the one the table falls back to."""
    series = REDUCED_SIZES if inspection == "reduced" else SIZES
    first_double, first_multiple = (3, 5) if inspection == "reduced" else (1, 3)
    single = (series[cell.row],), ((cell.ac,), (cell.re,))
    if plan == "single" or cell.re == 1 or cell.row < first_double:
        return single
    iso = standard != "ansi-z1.4"
    if iso and (plan == "multiple" or inspection == "reduced"):
        raise NotTabled(standard=standard, inspection=inspection, sampling=plan)
    key = (cell.ac, cell.re)
    if plan == "multiple" and cell.row >= first_multiple:
        return (series[cell.row - 3],) * 7, MULTIPLE[key]
    return (series[cell.row - 1],) * 2, DOUBLE_ISO.get(key, DOUBLE[key]) if iso else DOUBLE[key]


def _distribution(aql: float, asked: Distribution | None) -> Distribution:
    known: tuple[Distribution, ...] = ("binomial", "poisson") if aql <= PERCENT_UP_TO else ("poisson",)
    return known[0] if asked is None else one_of(asked, known, "distribution")


def _of(plan: StandardPlan) -> StandardPlan:
    """The plan cut to its lot: no more is inspected than there is."""
    if plan.lot is None or sum(plan.sizes) < plan.lot:
        return plan
    sizes: list[int] = []
    for size in plan.sizes:
        sizes.append(min(size, plan.lot - sum(sizes)))
        if sum(sizes) == plan.lot:
            break
    stages = len(sizes)
    acceptance, rejection = plan.acceptance[:stages], plan.rejection[:stages]
    if stages < len(plan.sizes) or stages == 1:
        acceptance, rejection = (*acceptance[:-1], plan.ac), (*rejection[:-1], plan.re)
    return replace(
        plan,
        n=sizes[0],
        sizes=tuple(sizes),
        acceptance=acceptance,
        rejection=rejection,
        sampling={1: "single", 2: "double"}.get(stages, "multiple"),
        hundred_percent=sizes[0] >= plan.lot,
    )
