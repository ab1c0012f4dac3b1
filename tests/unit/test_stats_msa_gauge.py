"""Gauge R&R against statsmodels, under changes that must not matter, with intervals that hold; refusals."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.model.errors import StatisticsError
from assay.stats import msa
from assay.stats.errors import (
    ConstantData,
    LimitsReversed,
    NotFinite,
    NotNumeric,
    NotPositive,
    OutOfRange,
    UnknownColumn,
    UnknownOption,
    WrongShape,
)
from assay.stats.msa.errors import (
    HistoricalBelowGauge,
    MeanOutsideTolerance,
    MissingLabel,
    ToleranceTwice,
    TooFewLevels,
    TooFewOperators,
    TooFewParts,
    TooFewTrials,
    UnbalancedStudy,
    ZeroRepeatability,
)
from assay.stats.msa.intervals import Square, share_interval, variance_interval

COLUMNS = {"part": "part", "operator": "operator", "value": "value"}


def study(
    p: int = 10,
    o: int = 3,
    r: int = 3,
    *,
    seed: int = 1,
    part: float = 1.0,
    operator: float = 0.2,
    both: float = 0.0,
) -> dict[str, Any]:
    """A simulated crossed study with a gauge of standard deviation 0.3."""
    random = np.random.default_rng(seed)
    values = (
        10
        + random.normal(0, part, (p, 1, 1))
        + random.normal(0, operator, (1, o, 1))
        + random.normal(0, both, (p, o, 1))
        + random.normal(0, 0.3, (p, o, r))
    )
    places = np.indices(values.shape).reshape(3, -1)
    return {"part": places[0] + 1, "operator": np.array(list("ABCDEFGH"))[places[1]], "value": values.ravel()}


def changed(frame: dict[str, Any], **columns: Any) -> dict[str, Any]:
    return {**frame, **columns}


def without(frame: dict[str, Any], *rows: int) -> dict[str, Any]:
    return {name: np.delete(np.asarray(cells), rows) for name, cells in frame.items()}


# -- against another package --------------------------------------------------------------------------------


def test_the_crossed_tables_are_those_of_statsmodels() -> None:
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    frame = study(6, 3, 2, both=0.5)
    found = msa.gauge_rr(frame, **COLUMNS, effects="fixed")
    data = pd.DataFrame(frame)
    full = anova_lm(ols("value ~ C(part) * C(operator)", data).fit())
    reduced = anova_lm(ols("value ~ C(part) + C(operator)", data).fit())
    names = {
        "part": "C(part)",
        "operator": "C(operator)",
        "part_by_operator": "C(part):C(operator)",
        "repeatability": "Residual",
    }
    assert found.anova is not None
    assert found.anova_reduced is not None
    for table, theirs in ((found.anova, full), (found.anova_reduced, reduced)):
        for row in table.rows[:-1]:
            other = theirs.loc[names[row.source]]
            assert row.df == other.df
            assert row.ss == pytest.approx(other.sum_sq, rel=1e-9)
            assert row.ms == pytest.approx(other.mean_sq, rel=1e-9)
            if row.f is not None:
                assert row.f == pytest.approx(other.F, rel=1e-9)
                assert row.p == pytest.approx(other["PR(>F)"], rel=1e-6)


def test_the_nested_table_is_that_of_statsmodels() -> None:
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    frame = study(5, 3, 2)
    found = msa.gauge_rr_nested(frame, **COLUMNS).anova
    theirs = anova_lm(ols("value ~ C(operator) + C(operator):C(part)", pd.DataFrame(frame)).fit())
    assert found is not None
    assert found["operator"].ss == pytest.approx(theirs.sum_sq.iloc[0])
    assert found["part_in_operator"].ss == pytest.approx(theirs.sum_sq.iloc[1])
    assert found["part_in_operator"].df == theirs.df.iloc[1]
    assert found["part_in_operator"].f == pytest.approx(theirs.F.iloc[1])
    assert found["operator"].f == pytest.approx(theirs.mean_sq.iloc[0] / theirs.mean_sq.iloc[1])


# -- what must not matter, and what must --------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), factor=st.floats(0.01, 100), offset=st.floats(-1000, 1000))
def test_percentages_keep_in_other_units_and_order(seed: int, factor: float, offset: float) -> None:
    frame = study(5, 2, 2, seed=seed)
    found = msa.gauge_rr(frame, **COLUMNS)
    order = np.random.default_rng(seed).permutation(frame["value"].size)
    moved = {name: cells[order] for name, cells in frame.items()}
    other = msa.gauge_rr(changed(moved, value=moved["value"] * factor + offset), **COLUMNS)
    assert other.percent_grr == pytest.approx(found.percent_grr, rel=1e-5)
    assert other.grr == pytest.approx(found.grr * factor, rel=1e-5)
    assert other.pooled == found.pooled


@pytest.mark.parametrize("seed", range(8))
def test_variances_add_up(seed: int) -> None:
    for found in (
        msa.gauge_rr(study(seed=seed, both=0.3), **COLUMNS),
        msa.gauge_rr(study(seed=seed), **COLUMNS, method="range"),
        msa.gauge_rr(study(seed=seed), part="part", value="value"),
        msa.gauge_rr_nested(study(seed=seed), **COLUMNS),
    ):
        assert found.grr**2 + found.pv**2 == pytest.approx(found.tv**2)
        others = sum(part**2 for part in (found.ev, found.av, found.interaction) if part is not None)
        assert found.grr**2 == pytest.approx(others)
        total = found.components["grr"].percent_contribution + found.components["part"].percent_contribution
        assert total == pytest.approx(100)
        assert found.components["total"].percent_study_variation == pytest.approx(100)


def test_mean_squares_of_a_study_computed_by_hand() -> None:
    # Part means 2 and 5, operator means 3 and 4, cell means 1.5, 2.5, 4.5, 5.5, every pair ±0.5.
    frame = {
        "part": [1, 1, 1, 1, 2, 2, 2, 2],
        "operator": ["A", "A", "B", "B"] * 2,
        "value": [1.0, 2.0, 2.0, 3.0, 4.0, 5.0, 5.0, 6.0],
    }
    found = msa.gauge_rr(frame, **COLUMNS)
    assert found.anova is not None
    assert [row.ss for row in found.anova.rows] == [18, 2, 0, 2, 22]
    assert [row.df for row in found.anova.rows] == [1, 1, 1, 4, 7]
    assert found.pooled
    assert found.ev == pytest.approx(math.sqrt(2 / 5))
    assert found.av == pytest.approx(math.sqrt((2 - 0.4) / 4))
    assert found.pv == pytest.approx(math.sqrt((18 - 0.4) / 4))


def test_the_interaction_is_pooled_above_alpha_only() -> None:
    frame = study(both=0.35, seed=3)
    p = msa.gauge_rr(frame, **COLUMNS, pooling_alpha=None).anova["part_by_operator"].p  # type: ignore[index]
    assert p is not None
    assert msa.gauge_rr(frame, **COLUMNS, pooling_alpha=p * 0.99).pooled
    assert not msa.gauge_rr(frame, **COLUMNS, pooling_alpha=min(p * 1.01, 1)).pooled
    kept = msa.gauge_rr(study(), **COLUMNS, pooling_alpha=None)
    assert not kept.pooled
    assert kept.interaction is not None
    assert kept.pooling_alpha is None


def test_ndc_is_truncated_and_at_least_one() -> None:
    found = msa.gauge_rr(study(), **COLUMNS)
    assert found.ndc == math.floor(1.41 * found.pv / found.grr)
    assert found.ndc_ratio == pytest.approx(1.41 * found.pv / found.grr)
    blind = msa.gauge_rr(study(part=0.0), **COLUMNS)
    assert blind.ndc_ratio < 1
    assert blind.ndc == 1
    assert blind.verdict == "unacceptable"


def test_the_study_multiplier_scales_spreads_and_tolerance_only() -> None:
    six, narrow = (msa.gauge_rr(study(), **COLUMNS, tolerance=8, study_multiplier=k) for k in (6, 5.15))
    assert narrow.components["grr"].study_variation == pytest.approx(5.15 * six.grr)
    assert narrow.percent_tolerance == pytest.approx(six.percent_tolerance * 5.15 / 6)  # type: ignore[operator]
    assert narrow.percent_grr == six.percent_grr


def test_tolerances_from_limits() -> None:
    frame = study()
    width = msa.gauge_rr(frame, **COLUMNS, tolerance=8)
    both = msa.gauge_rr(frame, **COLUMNS, lsl=6, usl=14)
    assert both.percent_tolerance == width.percent_tolerance
    assert not both.one_sided
    upper = msa.gauge_rr(frame, **COLUMNS, usl=14)
    assert upper.one_sided
    assert upper.tolerance == pytest.approx(14 - upper.mean)
    assert upper.percent_tolerance == pytest.approx(100 * 3 * upper.grr / (14 - upper.mean))
    lower = msa.gauge_rr(frame, **COLUMNS, lsl=6)
    assert lower.percent_tolerance == pytest.approx(100 * 3 * lower.grr / (lower.mean - 6))
    assert msa.gauge_rr(frame, **COLUMNS).percent_tolerance is None


def test_a_historical_standard_deviation_replaces_the_total_or_stands_beside_it() -> None:
    frame = study()
    own = msa.gauge_rr(frame, **COLUMNS)
    total = msa.gauge_rr(frame, **COLUMNS, historical_sd=2)
    beside = msa.gauge_rr(frame, **COLUMNS, historical_sd=2, historical_use="beside")
    assert total.tv == 2
    assert total.pv == pytest.approx(math.sqrt(4 - own.grr**2))
    assert total.percent_grr == pytest.approx(50 * own.grr)
    assert total.components["part"].variance_interval is None
    assert total.components["grr"].percent_contribution_interval is not None
    assert beside.tv == own.tv
    assert beside.percent_grr == own.percent_grr
    assert beside.components["grr"].percent_process == pytest.approx(50 * own.grr)


def test_the_range_method_with_few_ranges_divides_by_d2_star() -> None:
    few = msa.gauge_rr(study(5, 2, 2), **COLUMNS, method="range").average_range
    many = msa.gauge_rr(study(10, 2, 2), **COLUMNS, method="range").average_range
    assert few is not None
    assert many is not None
    assert few.k1 == pytest.approx(1 / msa.d2_star(2, 10))
    assert many.k1 == pytest.approx(0.88623, abs=1e-5)


def test_the_range_method_without_operators_has_no_appraiser_variation() -> None:
    found = msa.gauge_rr(study(), part="part", value="value", method="range")
    assert found.av is None
    assert found.grr == found.ev
    assert "operator" not in found.components


def test_components_below_zero_are_zero_and_named() -> None:
    found = msa.gauge_rr(study(operator=0.0, seed=4), **COLUMNS)
    below = [
        seed
        for seed in range(20)
        if "operator" in msa.gauge_rr(study(operator=0.0, seed=seed), **COLUMNS).negative
    ]
    assert below
    found = msa.gauge_rr(study(operator=0.0, seed=below[0]), **COLUMNS)
    assert found.av == 0.0
    assert found.components["operator"].variance_interval is not None
    assert found.components["operator"].variance_interval.low == 0.0


@pytest.mark.parametrize("make", [pd.DataFrame, pa.table, dict])
def test_frames_of_every_kind_give_the_same(make: Any) -> None:
    frame = study()
    assert msa.gauge_rr(make(frame), **COLUMNS).to_dict() == msa.gauge_rr(frame, **COLUMNS).to_dict()


@pytest.mark.parametrize("make", [dict, pd.DataFrame, pa.table])
def test_trials_may_stand_side_by_side(make: Any) -> None:
    frame = study(5, 3, 2)
    wide = make(
        {
            "part": frame["part"][::2],
            "operator": frame["operator"][::2],
            "first": frame["value"][::2],
            "second": frame["value"][1::2],
        }
    )
    names = {"part": "part", "operator": "operator", "value": ["first", "second"]}
    assert msa.gauge_rr(wide, **names) == msa.gauge_rr(frame, **COLUMNS)
    assert msa.gauge_rr_nested(wide, **names) == msa.gauge_rr_nested(frame, **COLUMNS)
    short = msa.test_retest({"part": [1, 2], "a": [1.0, 2.0], "b": [1.5, 2.1]}, part="part", value=["a", "b"])
    assert short.mean_range == pytest.approx(0.3)
    with pytest.raises(WrongShape):
        msa.test_retest({"part": [1, 2], "a": [1.0, 2.0], "b": [1.5]}, part="part", value=["a", "b"])
    with pytest.raises(TooFewTrials):
        msa.gauge_rr(wide, **(names | {"value": []}))


def test_parts_come_in_natural_order() -> None:
    frame = study()
    named = changed(frame, part=np.array([f"Part {part}" for part in frame["part"]]))
    assert msa.gauge_rr(named, **COLUMNS).parts[:3] == ("Part 1", "Part 2", "Part 3")
    assert msa.gauge_rr(named, **COLUMNS).parts[-1] == "Part 10"


def test_nested_parts_may_be_called_alike_or_not() -> None:
    frame = study(5, 3, 2)
    apart = changed(
        frame, part=np.array([f"{o}{p}" for o, p in zip(frame["operator"], frame["part"], strict=True)])
    )
    alike = msa.gauge_rr_nested(frame, **COLUMNS)
    assert msa.gauge_rr_nested(apart, **COLUMNS).anova == alike.anova
    assert alike.parts == ("1", "2", "3", "4", "5") * 3


def test_results_are_plain_json_and_draw_themselves() -> None:
    for found in (
        msa.gauge_rr(study(), **COLUMNS, tolerance=8),
        msa.gauge_rr(study(), **COLUMNS, method="range"),
        msa.gauge_rr(study(), part="part", value="value"),
        msa.gauge_rr_nested(study(), **COLUMNS),
    ):
        assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["ndc"] == found.ndc
        assert "_study" not in found.to_dict()
        picture = found.plot()
        assert len(picture.panels) == {"crossed": 6, "nested": 5, "one_way": 4}[found.design]
        json.dumps(picture.to_dict(), allow_nan=False)


# -- intervals ----------------------------------------------------------------------------------------------


def test_a_single_mean_square_has_its_exact_interval() -> None:
    from scipy import stats

    low, high = variance_interval([Square(1.0, 2.5, 12)], 0.9)
    assert low == pytest.approx(12 * 2.5 / stats.chi2.ppf(0.95, 12))
    assert high == pytest.approx(12 * 2.5 / stats.chi2.ppf(0.05, 12))


@pytest.mark.parametrize("method", ["mls", "satterthwaite"])
def test_intervals_widen_with_confidence(method: Any) -> None:
    squares = [Square(0.5, 20.0, 9), Square(0.3, 4.0, 18)]
    narrow, wide = (variance_interval(squares, level, method) for level in (0.8, 0.99))
    assert wide.low < narrow.low < 11.2 < narrow.high < wide.high


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    """Of 600 studies each interval misses about 5 in 100: the modified large sample method never far more."""
    truth = {"grr": 0.09 + 0.04, "part": 1.0, "total": 1.13, "operator": 0.04}
    missed = dict.fromkeys((*truth, "share", "ndc", "operator share"), 0)
    runs = 600
    for seed in range(runs):
        found = msa.gauge_rr(study(8, 4, 2, seed=seed), **COLUMNS, pooling_alpha=None)
        for name, value in truth.items():
            interval = found.components[name].variance_interval
            assert interval is not None
            missed[name] += not interval.low <= value <= interval.high
        share = found.components["grr"].percent_contribution_interval
        operator = found.components["operator"].percent_contribution_interval
        ndc = found.ndc_ratio_interval
        assert share is not None
        assert operator is not None
        assert ndc is not None
        missed["share"] += not share.low <= 100 * 0.13 / 1.13 <= share.high
        missed["operator share"] += not operator.low <= 100 * 0.04 / 1.13 <= operator.high
        missed["ndc"] += not ndc.low <= 1.41 * math.sqrt(1 / 0.13) <= ndc.high
    assert all(count / runs < 0.075 for count in missed.values()), missed
    assert missed["part"] / runs > 0.02


def test_nested_shares_cover_the_truth() -> None:
    random = np.random.default_rng(7)
    missed, runs = 0, 300
    for _ in range(runs):
        values = (
            random.normal(0, 0.2, (1, 4, 1))
            + random.normal(0, 1, (6, 4, 1))
            + random.normal(0, 0.3, (6, 4, 2))
        )
        places = np.indices(values.shape).reshape(3, -1)
        frame = {"part": places[0], "operator": places[1], "value": values.ravel()}
        share = msa.gauge_rr_nested(frame, **COLUMNS).components["part"].percent_contribution_interval
        assert share is not None
        missed += not share.low <= 100 / 1.13 <= share.high
    assert missed / runs < 0.075


@pytest.mark.parametrize("make", [msa.gauge_rr, msa.gauge_rr_nested])
def test_intervals_hold_their_estimate_where_components_are_set_to_zero(make: Any) -> None:
    random = np.random.default_rng(1)
    zeroed = 0
    for _ in range(150):
        p, o, r = random.integers(2, 8), random.integers(2, 5), random.integers(2, 4)
        values = random.normal(0, 5, (p, o, 1)) + random.normal(0, 0.3, (p, o, r))
        places = np.indices(values.shape).reshape(3, -1)
        found = make({"part": places[0], "operator": places[1], "value": values.ravel()}, **COLUMNS)
        zeroed += len(found.negative) > 0
        for component in found.components.values():
            held = [(component.variance_interval, component.variance)]
            held.append((component.percent_contribution_interval, component.percent_contribution))
            for interval, estimate in held:
                if interval is not None:
                    assert interval.low <= estimate * (1 + 1e-9)
                    assert estimate <= interval.high * (1 + 1e-9)
        assert found.ndc_ratio_interval.low <= found.ndc_ratio * (1 + 1e-9)
        assert found.ndc_ratio <= found.ndc_ratio_interval.high * (1 + 1e-9)
    assert zeroed > 30


def test_shares_of_a_component_and_of_the_rest_are_complements() -> None:
    part, error = Square(0.5, 30.0, 9), Square(-0.5, 2.0, 20)
    total = [Square(0.5, 30.0, 9), Square(0.5, 2.0, 20)]
    of_part = share_interval([part, error], total, 0.95)
    of_error = share_interval([Square(1.0, 2.0, 20)], total, 0.95)
    assert of_part.low == pytest.approx(1 - of_error.high)
    assert of_part.high == pytest.approx(1 - of_error.low)


# -- refusals -----------------------------------------------------------------------------------------------


def nan_at(place: int) -> np.ndarray[Any, Any]:
    values = study()["value"].copy()
    values[place] = math.nan
    return values


FRAME = study()
REFUSED: dict[str, tuple[type[StatisticsError], dict[str, Any], dict[str, Any]]] = {
    "nan": (NotFinite, changed(FRAME, value=nan_at(4)), {}),
    "infinity": (NotFinite, changed(FRAME, value=np.where(np.arange(90) == 3, np.inf, FRAME["value"])), {}),
    "text": (NotNumeric, changed(FRAME, value=["x"] * 90), {}),
    "unknown column": (UnknownColumn, FRAME, {"part": "piece"}),
    "constant": (ConstantData, changed(FRAME, value=np.ones(90)), {}),
    "repeats alike": (ZeroRepeatability, changed(FRAME, value=np.repeat(np.arange(30.0), 3)), {}),
    "one part": (TooFewParts, changed(FRAME, part=np.ones(90, int)), {}),
    "one operator": (TooFewOperators, changed(FRAME, operator=np.full(90, "A")), {}),
    "one trial": (TooFewTrials, {name: cells[::3] for name, cells in FRAME.items()}, {}),
    "missing row": (UnbalancedStudy, without(FRAME, 5), {}),
    "missing cell": (UnbalancedStudy, without(FRAME, 0, 1, 2), {}),
    "missing label": (
        MissingLabel,
        changed(FRAME, operator=np.array([None, *FRAME["operator"][1:]], object)),
        {},
    ),
    "lengths": (WrongShape, changed(FRAME, part=FRAME["part"][:-1]), {}),
    "tolerance": (NotPositive, FRAME, {"tolerance": 0}),
    "limits": (LimitsReversed, FRAME, {"lsl": 14, "usl": 6}),
    "limit within": (MeanOutsideTolerance, FRAME, {"usl": 9}),
    "both": (ToleranceTwice, FRAME, {"usl": 14, "tolerance": 8}),
    "historical": (HistoricalBelowGauge, FRAME, {"historical_sd": 0.1}),
    "alpha": (OutOfRange, FRAME, {"pooling_alpha": 1.5}),
    "confidence": (OutOfRange, FRAME, {"confidence": 95}),
    "method": (UnknownOption, FRAME, {"method": "guess"}),
    "effects": (UnknownOption, FRAME, {"effects": "mixed"}),
    "multiplier": (NotPositive, FRAME, {"study_multiplier": 0}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_by_name(case: str) -> None:
    refusal, frame, options = REFUSED[case]
    with pytest.raises(refusal) as caught:
        msa.gauge_rr(frame, **{**COLUMNS, **options})
    assert isinstance(caught.value, ValueError)


def test_a_refusal_names_the_cells() -> None:
    with pytest.raises(UnbalancedStudy) as caught:
        msa.gauge_rr(without(FRAME, 5), **COLUMNS)
    assert "1 × B: 2" in str(caught.value)
    with pytest.raises(UnbalancedStudy, match="A: 9"):
        msa.gauge_rr_nested(without(FRAME, 0, 1, 2), **COLUMNS)


def test_nested_studies_refuse_too() -> None:
    with pytest.raises(TooFewLevels):
        msa.gauge_rr_nested({name: cells[::3] for name, cells in FRAME.items()}, **COLUMNS)
    with pytest.raises(TooFewLevels):
        msa.gauge_rr_nested(changed(FRAME, operator=np.full(90, "A")), **COLUMNS)
    with pytest.raises(UnbalancedStudy):
        msa.gauge_rr_nested(without(FRAME, 5), **COLUMNS)


def test_no_warning_on_ordinary_input(recwarn: pytest.WarningsRecorder) -> None:
    msa.gauge_rr(FRAME, **COLUMNS).plot()
    msa.gauge_rr(FRAME, **COLUMNS, method="range").plot()
    msa.gauge_rr_nested(FRAME, **COLUMNS).plot()
    assert not recwarn.list
