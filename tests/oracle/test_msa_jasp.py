"""Measurement system analysis against JASP's own test tables (jaspQualityControl).

Every numeric cell has to agree. Three of JASP's conventions need a word: its table of "Cohen's kappa
correlations" between appraisers holds phi coefficients, its percentages of a short study are fractions, and
with fixed effects it takes p at the interaction's degrees of freedom.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.oracle.jasp import Row, Table, compare, tables

from assay.stats import msa
from assay.stats.msa import GaugeRR
from assay.stats.msa.anova import Anova

FILES = {
    "test-msaAttribute.R": 8,
    "test-msaGaugeLinearity.R": 4,
    "test-msaGaugeRR.R": 15,
    "test-msaGaugeRRnonrep.R": 6,
    "test-msaTestRetest.R": 2,
    "test-msaType1Gauge.R": 7,
}
"""How many tables of each file are compared at least."""
FLAGS = ("rChart_table", "xBarChart_table")
"""Tables of flagged points: columns without names."""

RUNS = ("WF1.11 table", "WF2.11 table")
"""Here JASP flags a run of ranges below the centre, which has no place on a gauge's range chart."""


def usable() -> list[Table]:
    return [table for file in FILES for table in tables(file) if table.name not in FLAGS]


def in_order(*cells: Any) -> Row:
    """Cells in JASP's order, whatever its fields are called; NaN are cells JASP leaves blank."""
    return {f"{place:02}": cell for place, cell in enumerate(cells)}


def frame_of(table: Table, columns: dict[str, str], measured: list[str]) -> dict[str, np.ndarray[Any, Any]]:
    """Long columns from a long or wide table, rows with an empty cell left out as JASP does."""
    labels = {name: table.column(column) for name, column in columns.items() if column}
    rows = [
        ({name: cells[place] for name, cells in labels.items()}, table.column(column)[place])
        for place in range(len(table.column(measured[0])))
        for column in measured
    ]
    kept = [(row, value) for row, value in rows if value and all(row.values())]
    found = {name: np.array([row[name] for row, _ in kept]) for name in labels}
    return found | {"value": np.array([value for _, value in kept])}


def study_of(table: Table, names: dict[str, str]) -> dict[str, np.ndarray[Any, Any]]:
    wide = table.text("dataFormat", "longFormat") == "wideFormat"
    form = "WideFormat" if wide else "LongFormat"
    measured = table.texts("measurementsWideFormat" if wide else "measurementLongFormat")
    return frame_of(table, {name: table.text(option + form) for name, option in names.items()}, measured)


def gauge(table: Table) -> GaugeRR:
    frame = study_of(table, {"part": "part", "operator": "operator"})
    frame["value"] = frame["value"].astype(float)
    return msa.gauge_rr(
        frame,
        part="part",
        operator=None if table.flag("type3") else "operator",
        value="value",
        tolerance=table.number("toleranceValue"),
        historical_sd=table.number("historicalSdValue"),
        effects="fixed_interaction_df" if table.text("anovaModelType") == "fixedEffect" else "random",
    )


def nested(table: Table) -> GaugeRR:
    frame = study_of(table, {"part": "part", "operator": "operator"})
    frame["value"] = frame["value"].astype(float)
    return msa.gauge_rr_nested(
        frame,
        part="part",
        operator="operator",
        value="value",
        tolerance=table.number("toleranceValue"),
        historical_sd=table.number("historicalSdValue"),
    )


def sources(found: GaugeRR) -> list[str]:
    order = ("grr", "repeatability", "reproducibility", "operator", "part_by_operator", "part", "total")
    return [name for name in order if name in found.components]


def contributions(found: GaugeRR) -> list[Row]:
    parts = [found.components[name] for name in sources(found)]
    return [in_order(part.percent_contribution, "", part.variance) for part in parts]


def spreads(found: GaugeRR) -> list[Row]:
    parts = [found.components[name] for name in sources(found)]
    return [
        in_order(
            part.standard_deviation,
            part.percent_study_variation,
            part.percent_tolerance,
            "",
            part.study_variation,
        )
        for part in parts
    ]


def anova(found: Anova | None) -> list[Row]:
    assert found is not None
    rows = []
    for row in found.rows:
        cells = [cell for cell in (row.df, row.f, row.ms, row.p, row.ss) if cell is not None]
        rows.append(in_order(*cells, ""))
    return rows


def nested_anova(found: Anova | None) -> list[Row]:
    assert found is not None
    rows = []
    for row in found.rows:
        ms = "" if row.ms is None else row.ms
        rows.append(
            in_order(row.df, "" if row.f is None else row.f, ms, row.ss, "" if row.p is None else row.p, "")
        )
    return rows


def nested_rows(found: GaugeRR, *, contribution: bool) -> list[Row]:
    parts = [found.components[name] for name in ("grr", "repeatability", "reproducibility", "part", "total")]
    if contribution:
        return [in_order(part.variance, part.percent_contribution, "") for part in parts]
    return [
        in_order(
            part.standard_deviation,
            part.percent_study_variation,
            part.percent_tolerance,
            "",
            part.study_variation,
        )
        for part in parts
    ]


def linear(table: Table) -> msa.Linearity:
    columns = {"part": table.text("part"), "reference": table.text("standard")}
    frame = frame_of(table, columns, [table.text("measurement")])
    numeric = {name: cells.astype(float) for name, cells in frame.items()}
    return msa.linearity(
        numeric,
        part="part",
        reference="reference",
        value="value",
        process_variation=table.number("manualProcessVariationValue"),
    )


def bias_rows(found: msa.Linearity) -> list[Row]:
    rows = [in_order(p.bias, p.mean, float(p.part), p.percent, p.p, p.reference) for p in found.parts]
    return [*rows, in_order(found.bias, "Total", found.percent_bias, found.bias_p)]


def retest(table: Table) -> list[Row]:
    frame = study_of(table, {"part": "part"})
    frame["value"] = frame["value"].astype(float)
    sd, tolerance = table.number("manualProcessSdValue"), table.number("toleranceValue")
    found = msa.test_retest(frame, part="part", value="value", process_sd=sd, tolerance=tolerance)
    assert found.percent_process is not None
    assert found.percent_tolerance is not None
    fractions = (found.percent_process / 100, found.percent_tolerance / 100)
    return [in_order(found.grr, *fractions, sd, found.mean_range, found.d2_star, found.n, tolerance)]


def type1_basic(table: Table) -> list[Row]:
    values, reference, tolerance = type1_data(table)
    basic = msa.observed_bias(values, reference=reference, tolerance=tolerance)
    room = (table.number("percentToleranceForCg") or 20) / 200 * tolerance
    spread: tuple[Any, Any] = ("", "")
    if basic.n > 1:
        found = type1(table)
        spread, room = (found.study_variation, found.standard_deviation), found.upper_limit - reference
    limits = (reference - room, reference + room)
    return [
        in_order(
            spread[0], basic.bias, basic.percent_bias, basic.mean, reference, spread[1], tolerance, *limits
        )
    ]


def type1_data(table: Table) -> tuple[np.ndarray[Any, Any], float, float]:
    values = table.numbers(table.text("measurement"))
    reference, tolerance = table.number("referenceValue"), table.number("toleranceRange")
    assert reference is not None
    assert tolerance is not None
    return values[~np.isnan(values)], reference, tolerance


def type1(table: Table) -> msa.Type1:
    values, reference, tolerance = type1_data(table)
    return msa.type1(
        values,
        reference=reference,
        tolerance=tolerance,
        percent=table.number("percentToleranceForCg") or 20,
        multiplier=table.number("studyVarianceMultiplier") or 6,
    )


def type1_capability(table: Table) -> list[Row]:
    found = type1(table)
    return [in_order(found.cg, found.cgk, found.percent_repeatability, found.percent_repeatability_bias)]


def type1_test(table: Table) -> list[Row]:
    found = type1(table)
    return [
        in_order(found.bias, found.df, found.bias_interval.low, found.p, found.t, found.bias_interval.high)
    ]


def agreement(table: Table) -> msa.AttributeAgreement:
    frame = study_of(table, {"part": "part", "appraiser": "operator", "standard": "standard"})
    return msa.attribute_agreement(
        frame,
        part="part",
        appraiser="appraiser",
        rating="value",
        standard="standard",
        ordinal=table.flag("kendallsTau"),
    )


def matched(rows: Any, table: Table) -> list[Row]:
    """Agreement by appraiser, in the order of the table, which follows the data where they are wide."""
    listed = [(row.appraiser, row.percent_interval, row.inspected, row.matched, row.percent) for row in rows]
    named = {name: cells for name, *cells in listed}
    order = [cell for cell in table.cells if cell in named] if None not in named else [None]
    return [in_order(*([] if name is None else [name]), *named[name][0], *named[name][1:]) for name in order]


def cohen_pairs(found: msa.AttributeAgreement) -> list[Row]:
    phi = {frozenset((pair.first, pair.second)): pair.correlation for pair in found.pairs}
    return [
        in_order(*("-" if one == other else phi[frozenset((one, other))] for other in found.appraisers), one)
        for one in found.appraisers
    ]


def cohen_standard(found: msa.AttributeAgreement) -> list[Row]:
    return [
        in_order(item.appraiser, item.cohen_standard and item.cohen_standard.estimate)
        for item in (*found.kappas, found.overall)
    ]


def fleiss(found: msa.AttributeAgreement) -> list[Row]:
    rows = []
    for item in found.kappas:
        assert item.fleiss_standard is not None
        within = math.nan if item.fleiss_within is None else item.fleiss_within.overall.estimate
        rows.append(in_order(item.appraiser, "", item.fleiss_standard.overall.estimate, within))
    assert found.fleiss_between is not None
    assert found.overall.fleiss_standard is not None
    every = (found.fleiss_between.overall.estimate, found.overall.fleiss_standard.overall.estimate)
    return [*rows, in_order("All", *every)]


READERS: dict[str, Callable[[Table], list[Row]]] = {
    "gaugeANOVA_RRtable1": lambda table: contributions(gauge(table)),
    "gaugeANOVA_RRtable2": lambda table: spreads(gauge(table)),
    "gaugeANOVA_anovaTable1": lambda table: anova(gauge(table).anova),
    "gaugeANOVA_anovaTable2": lambda table: anova(gauge(table).anova_reduced),
    "gaugeRRNonRep_Table1": lambda table: nested_anova(nested(table).anova),
    "gaugeRRNonRep_Table2": lambda table: nested_rows(nested(table), contribution=True),
    "gaugeRRNonRep_Table3": lambda table: nested_rows(nested(table), contribution=False),
    "LB_tableGaugeBias": lambda table: bias_rows(linear(table)),
    "LB_tableGaugeLinearity": lambda table: [
        in_order((found := linear(table)).s, found.linearity, found.percent_linearity, found.r_squared)
    ],
    "rAndR2": retest,
    "biasTable_Basic": type1_basic,
    "biasTable_Capability": type1_capability,
    "biasTtest": type1_test,
    "AAAtableGraphs_AllVsStandard": lambda table: matched([agreement(table).all_vs_standard], table),
    "AAAtableGraphs_Between": lambda table: matched([agreement(table).between], table),
    "AAAtableGraphs_EachVsStandard": lambda table: matched(agreement(table).each_vs_standard, table),
    "AAAtableGraphs_Within": lambda table: matched(agreement(table).within, table),
    "cohensKappa": lambda table: cohen_standard(agreement(table)),
    "cohensKappaCor": lambda table: cohen_pairs(agreement(table)),
    "fleissKappa": lambda table: fleiss(agreement(table)),
}


@pytest.mark.parametrize(
    "table", usable(), ids=lambda table: f"{table.options.get('analysis', '')}{table.id}"
)
def test_every_numeric_cell_agrees(table: Table) -> None:
    found = compare(table, READERS[table.name](table))
    assert found.compared
    assert not found.misses


@pytest.mark.parametrize("file", FILES)
def test_no_table_is_passed_over(file: str) -> None:
    compared = [table for table in tables(file) if table.name not in FLAGS]
    assert len(compared) >= FILES[file]


def test_a_cell_that_is_off_counts_as_a_miss() -> None:
    table = next(table for table in usable() if table.name == "gaugeANOVA_RRtable1")
    rows = contributions(gauge(table))
    spoilt = [{**rows[0], "02": rows[0]["02"] * 1.002}, *rows[1:]]
    assert len(compare(table, spoilt).misses) == 1


def flagged(table: Table, found: GaugeRR) -> dict[str, list[int]]:
    """JASP's flags by operator: a row carries the operator's name where it is the first of the operator."""
    labels: dict[str, list[int]] = {}
    operator = ""
    for cell in table.cells:
        if str(cell).startswith("Point "):
            labels.setdefault(operator, []).append(int(str(cell).split()[1]))
        elif cell in found.operators:
            operator = str(cell)
    return labels


@pytest.mark.parametrize(
    "table",
    [t for f in FILES for t in tables(f) if t.name in FLAGS and not t.flag("type3") and t.id not in RUNS],
    ids=lambda table: table.id,
)
def test_charts_flag_the_points_that_jasp_flags(table: Table) -> None:
    crossed = table.dataset.parent.name == "msaGaugeRRCrossed"
    found = gauge(table) if crossed else nested(table)
    charts = found.charts()
    beyond = charts.ranges_beyond if table.name == "rChart_table" else charts.means_beyond
    wide = len(charts.parts) // len(found.operators)
    ours: dict[str, list[int]] = {}
    for cell in beyond:
        ours.setdefault(charts.operators[cell], []).append(cell % wide + 1)
    assert ours == flagged(table, found)
