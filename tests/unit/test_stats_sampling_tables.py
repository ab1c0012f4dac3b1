"""The standards' tables by their structure: diagonals, order, arrows and the arithmetic of their risks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from assay.stats import sampling
from assay.stats.errors import NotACount, OutOfRange, UnknownOption
from assay.stats.sampling.tables import (
    AQLS,
    INSPECTIONS,
    LETTERS,
    LEVELS,
    SIZES,
    STANDARDS,
    Inspection,
    Master,
    Standard,
    master,
)

TABLES = [(standard, inspection) for standard in STANDARDS for inspection in INSPECTIONS]
TAKEN = ("standard", "inspection")


def cells(table: Master) -> list[tuple[int, int, int, int]]:
    """Row, column, acceptance and rejection number of every printed plan."""
    rows = range(len(table.sizes))
    found = ((row, column, table.at(row, column)) for row in rows for column in range(len(AQLS)))
    return [(row, column, cell.ac, cell.re) for row, column, cell in found if cell is not None]


def test_sample_sizes_and_aqls_step_by_the_fifth_root_of_ten() -> None:
    for series in (SIZES[3:], [aql * 100 for aql in AQLS]):
        for before, after in itertools.pairwise(series):
            assert after / before == pytest.approx(10 ** (1 / 5), rel=0.07)


@pytest.mark.parametrize(TAKEN, TABLES)
def test_acceptance_numbers_are_constant_along_diagonals(standard: Standard, inspection: Inspection) -> None:
    table = master(standard, inspection)
    by_diagonal: dict[int, set[tuple[int, int]]] = {}
    for row, column, ac, re in cells(table):
        if (row, column) not in table.odd:
            by_diagonal.setdefault(row + column, set()).add((ac, re))
    assert len(by_diagonal) >= 9
    assert all(len(found) == 1 for found in by_diagonal.values())
    numbers = [next(iter(by_diagonal[diagonal]))[0] for diagonal in sorted(by_diagonal)]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize(TAKEN, TABLES)
def test_every_cell_leads_to_a_plan_of_its_column(standard: Standard, inspection: Inspection) -> None:
    table = master(standard, inspection)
    for row in range(16):
        for column in range(len(AQLS)):
            cell = table.follow(row, column)
            assert table.at(cell.row, column) == cell
            # No plan stands between the arrow and where it leads.
            between = range(min(row, cell.row) + 1, max(row, cell.row))
            assert all(table.at(passed, column) is None for passed in between)


@pytest.mark.parametrize(TAKEN, TABLES)
def test_a_larger_sample_never_accepts_a_smaller_share(standard: Standard, inspection: Inspection) -> None:
    table = master(standard, inspection)
    for column in range(len(AQLS)):
        # Below 3 items the sample size can't follow the series any more.
        found = [
            (table.sizes[row], ac)
            for row, at, ac, _ in cells(table)
            if at == column and ac > 0 and table.sizes[row] > 2
        ]
        for (n, ac), (larger, higher) in itertools.pairwise(found):
            assert higher >= ac
            # What is allowed per item falls: larger samples tell good from bad better.
            assert (higher + 1) / larger <= (ac + 1) / n + 1e-12


@pytest.mark.parametrize(TAKEN, TABLES)
def test_a_stricter_aql_never_allows_more(standard: Standard, inspection: Inspection) -> None:
    table = master(standard, inspection)
    for row in range(16):
        numbers = [ac for at, _, ac, _ in cells(table) if at == row]
        assert numbers == sorted(numbers)


def test_lots_at_the_aql_are_mostly_accepted() -> None:
    """ISO 2859-1:1999 prints producer's risks of normal inspection from about 1 % to 12 %."""
    for row, column, ac, _ in cells(master("iso2859-1", "normal")):
        plan = sampling.plan(SIZES[row], ac, distribution="poisson")
        assert 0.86 < float(plan.oc(AQLS[column] / 100)) < 0.995, (LETTERS[row], AQLS[column])


def test_tightened_accepts_less_and_reduced_inspects_less() -> None:
    for standard, letter, aql in itertools.product(STANDARDS, LETTERS[:16], AQLS):
        normal, tightened, reduced = (
            sampling.iso2859(
                None, aql, inspection=inspection, standard=standard, letter=letter, distribution="poisson"
            )
            for inspection in INSPECTIONS
        )
        at = aql / 100 * np.array([1.0, 2.0, 5.0])
        assert (tightened.oc(at[:2]) <= normal.oc(at[:2]) + 1e-12).all(), (letter, aql)
        assert (reduced.oc(at) >= normal.oc(at) - (0.02 if reduced.n > 2 else 0.08)).all(), (letter, aql)
        assert reduced.n <= normal.n


@pytest.mark.parametrize(
    ("standard", "kind"),
    [("iso2859-1", "double"), ("gbt2828.1", "double"), ("ansi-z1.4", "double"), ("ansi-z1.4", "multiple")],
)
def test_plans_of_several_samples_have_the_curve_of_the_single_plan(standard: Standard, kind: str) -> None:
    seen = 0
    for inspection, letter, aql in itertools.product(INSPECTIONS[:2], "HKN", AQLS):
        asked = {"inspection": inspection, "standard": standard, "letter": letter, "distribution": "poisson"}
        several = sampling.iso2859(None, aql, plan=kind, **asked)  # type: ignore[arg-type]
        single = sampling.iso2859(None, aql, **asked)  # type: ignore[arg-type]
        if single.ac == 0:
            assert several.sampling == "single"
        elif single.n >= 20:  # the parts of a smaller sample are rounded too much
            assert several.sampling == kind
            seen += 1
            points = [single.quality(chance) for chance in (0.95, 0.5, 0.1)]
            assert np.abs(several.oc(points) - [0.95, 0.5, 0.1]).max() < 0.09, (inspection, letter, aql)
            assert float(several.asn(aql / 100)) < single.n
    assert seen > 30


def test_iso_changed_double_plans_to_come_nearer_to_the_single_plans() -> None:
    """ISO 2859-1:1999 against MIL-STD-105E, acceptance numbers 3, 7 and 8."""
    for inspection, aql in (("normal", 1.0), ("normal", 2.5), ("tightened", 4.0)):
        single = sampling.iso2859(None, aql, inspection=inspection, letter="K")  # type: ignore[arg-type]
        middle = single.quality(0.5)
        new, old = (
            sampling.iso2859(None, aql, "II", inspection, "double", letter="K", standard=standard)  # type: ignore[arg-type]
            for standard in ("iso2859-1", "ansi-z1.4")
        )
        assert new.acceptance != old.acceptance or new.rejection != old.rejection
        assert abs(float(new.oc(middle)) - 0.5) < abs(float(old.oc(middle)) - 0.5)


@pytest.mark.parametrize(
    ("lot", "level", "letter"),
    [
        (2, "II", "A"), (8, "II", "A"), (9, "II", "B"), (150, "II", "F"), (151, "II", "G"), (1000, "II", "J"),
        (1000, "I", "G"), (1000, "III", "K"), (1000, "S-1", "C"), (1000, "S-4", "F"), (500_000, "II", "P"),
        (500_001, "II", "Q"), (10**9, "III", "R"), (10**9, "S-1", "D"),
    ],
)  # fmt: skip
def test_code_letters(lot: int, level: str, letter: str) -> None:
    assert sampling.code_letter(lot, level) == letter  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("letter", "aql", "inspection", "n", "ac"),
    [
        ("K", 1.0, "normal", 125, 3), ("K", 1.0, "tightened", 125, 2), ("K", 1.0, "reduced", 50, 2),
        ("J", 0.65, "normal", 80, 1), ("J", 1.0, "normal", 80, 2), ("J", 1.5, "normal", 80, 3),
        ("J", 2.5, "normal", 80, 5), ("J", 1.0, "tightened", 80, 1), ("J", 1.0, "reduced", 32, 1),
        ("L", 0.65, "normal", 200, 3), ("F", 2.5, "normal", 20, 1), ("D", 1.0, "normal", 13, 0),
        ("G", 0.65, "normal", 20, 0), ("H", 0.65, "normal", 80, 1), ("R", 0.015, "normal", 800, 0),
        ("R", 0.025, "tightened", 3150, 1), ("A", 1000, "normal", 2, 30), ("E", 250, "normal", 13, 44),
        ("H", 1.0, "reduced", 32, 1), ("G", 1.0, "reduced", 32, 1), ("F", 1.0, "reduced", 5, 0),
        ("A", 10, "reduced", 3, 1), ("A", 25, "reduced", 2, 1), ("B", 150, "reduced", 2, 7),
        ("C", 150, "reduced", 2, 8), ("R", 0.025, "reduced", 200, 0), ("Q", 0.040, "reduced", 800, 1),
        ("A", 10, "tightened", 2, 0), ("B", 10, "tightened", 8, 1), ("P", 1.0, "reduced", 315, 8),
    ],
)  # fmt: skip
def test_cells_as_printed(letter: str, aql: float, inspection: Inspection, n: int, ac: int) -> None:
    """ISO 2859-1:1999 tables 2-A to 2-C."""
    found = sampling.iso2859(None, aql, inspection=inspection, letter=letter)
    assert (found.n, found.ac, found.re) == (n, ac, ac + 1)


def test_an_arrow_brings_its_own_sample_size() -> None:
    found = sampling.iso2859(50, 1.0)
    assert (found.letter, found.plan_letter, found.n, found.ac) == ("D", "E", 13, 0)


def test_a_sample_as_large_as_the_lot_is_the_lot() -> None:
    found = sampling.iso2859(10, 0.10)
    assert (found.n, found.ac, found.hundred_percent, found.tabled_sizes) == (10, 0, True, (125,))
    assert not sampling.iso2859(126, 0.10).hundred_percent
    double = sampling.iso2859(30, 2.5, "III", plan="double")
    assert sum(double.sizes) <= 30


def test_reduced_plans_of_z14_leave_a_gap_that_accepts() -> None:
    found = sampling.iso2859(None, 1.0, inspection="reduced", standard="ansi-z1.4", letter="K")
    assert (found.n, found.ac, found.re) == (50, 1, 4)
    assert [found.accepts(count) for count in (1, 3, 4)] == [True, True, False]


def test_tightened_inspection_differs_in_one_cell_between_the_standards() -> None:
    differing = [
        (letter, aql)
        for letter, aql in itertools.product(LETTERS[:16], AQLS)
        if len(
            {
                sampling.iso2859(None, aql, inspection="tightened", standard=standard, letter=letter).summary
                for standard in STANDARDS
            }
        )
        > 1
    ]
    assert differing == [("A", 10.0)]


def test_gbt_is_iso_under_its_own_name() -> None:
    for lot, aql in ((280, 2.5), (5000, 0.65)):
        ours = sampling.iso2859(lot, aql, standard="gbt2828.1")
        theirs = sampling.iso2859(lot, aql)
        assert ours.standard == "gbt2828.1"
        assert (ours.n, ours.ac, ours.re) == (theirs.n, theirs.ac, theirs.re)


def test_an_aql_may_be_a_number_as_text_as_forms_give_it() -> None:
    assert sampling.iso2859(1000, "1.0") == sampling.iso2859(1000, 1.0)  # type: ignore[arg-type]


def test_what_a_table_does_not_hold_is_refused_by_name() -> None:
    with pytest.raises(UnknownOption, match=r"aql = 1\.2"):
        sampling.iso2859(1000, 1.2)
    with pytest.raises(UnknownOption):
        sampling.iso2859(1000, 1.0, "IV")  # type: ignore[arg-type]
    with pytest.raises(UnknownOption):
        sampling.iso2859(None, 1.0)
    with pytest.raises(UnknownOption):
        sampling.iso2859(None, 1.0, letter="I")
    with pytest.raises(UnknownOption):
        sampling.iso2859(1000, 25, distribution="binomial")
    with pytest.raises(OutOfRange):
        sampling.iso2859(1, 1.0)
    with pytest.raises(NotACount):
        sampling.iso2859(10.5, 1.0)  # type: ignore[arg-type]
    with pytest.raises(sampling.NotTabled):
        sampling.iso2859(1000, 1.0, plan="multiple")
    with pytest.raises(sampling.NotTabled):
        sampling.iso2859(1000, 1.0, inspection="reduced", plan="double")


def test_levels_hold_a_letter_for_every_row() -> None:
    assert {len(letters) for letters in LEVELS.values()} == {15}
    assert all(sorted(letters, key=LETTERS.index) == list(letters) for letters in LEVELS.values())
