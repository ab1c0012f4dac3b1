"""Type 1, bias, linearity, short and stability studies, uncertainty budgets: by hand, and refusals."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assay.stats import msa
from assay.stats.errors import (
    ConstantData,
    LimitsReversed,
    NoLimits,
    NotFinite,
    NotPositive,
    OutOfRange,
    TooFewPoints,
    UnequalSubgroups,
    UnknownOption,
)
from assay.stats.msa.errors import (
    ReferenceOutsideTolerance,
    SeveralReferences,
    ToleranceTwice,
    TooFewLevels,
    ZeroRepeatability,
)

VALUES = np.array([9.9, 10.1, 10.0, 10.2, 9.8, 10.1, 10.0, 10.1])
MEAN, SD = float(VALUES.mean()), float(VALUES.std(ddof=1))


# -- type 1 ---------------------------------------------------------------------------------------------


def test_cg_and_cgk_by_hand() -> None:
    found = msa.type1(VALUES, reference=10, tolerance=4)
    assert found.cg == pytest.approx(0.2 * 4 / (6 * SD))
    assert found.cgk == pytest.approx((0.1 * 4 - abs(MEAN - 10)) / (3 * SD))
    assert found.percent_repeatability == pytest.approx(20 / found.cg)
    assert found.percent_repeatability_bias == pytest.approx(20 / found.cgk)
    assert (found.lower_limit, found.upper_limit) == pytest.approx((9.6, 10.4))
    test = stats.ttest_1samp(VALUES, 10)
    assert (found.t, found.p) == pytest.approx((test.statistic, test.pvalue))
    assert found.bias_interval == pytest.approx(np.array(test.confidence_interval()) - 10)


@settings(max_examples=30, deadline=None)
@given(factor=st.floats(0.01, 100), offset=st.floats(-100, 100))
def test_cg_is_the_same_in_other_units(factor: float, offset: float) -> None:
    found = msa.type1(VALUES, reference=10, tolerance=4)
    other = msa.type1(VALUES * factor + offset, reference=10 * factor + offset, tolerance=4 * factor)
    assert (other.cg, other.cgk, other.p) == pytest.approx((found.cg, found.cgk, found.p), rel=1e-6)


def test_cgk_equals_cg_without_bias_and_is_never_larger() -> None:
    centred = msa.type1(VALUES, reference=MEAN, tolerance=4)
    assert centred.cgk == pytest.approx(centred.cg)
    assert msa.type1(VALUES, reference=10.2, tolerance=4).cgk < centred.cg


def test_a_bias_beyond_the_share_leaves_no_capability() -> None:
    found = msa.type1(VALUES, reference=12, tolerance=4)
    assert found.cgk < 0
    assert not found.capable
    assert found.percent_repeatability_bias == pytest.approx(20 / found.cgk)


def test_a_coarse_step_makes_a_gauge_incapable() -> None:
    fine = msa.type1(VALUES, reference=MEAN, tolerance=12, resolution=0.1)
    coarse = msa.type1(VALUES, reference=MEAN, tolerance=12, resolution=0.7)
    assert fine.capable
    assert not coarse.capable
    assert coarse.percent_resolution == pytest.approx(70 / 12)


def test_one_measurement_has_a_bias_and_nothing_else() -> None:
    found = msa.observed_bias([9.5], reference=10, tolerance=5)
    assert (found.n, found.bias, found.percent_bias) == (1, -0.5, 10)
    with pytest.raises(TooFewPoints):
        msa.type1([9.5], reference=10, tolerance=5)


def test_cg_interval_covers_as_often_as_it_says() -> None:
    random = np.random.default_rng(5)
    truth = 0.2 * 4 / 6
    found = [msa.type1(random.normal(0, 1, 20), reference=0, tolerance=4).cg_interval for _ in range(500)]
    missed = np.mean([not low <= truth <= high for low, high in found])
    assert 0.02 < missed < 0.08


# -- bias -----------------------------------------------------------------------------------------------


def test_bias_by_standard_deviation_is_the_t_test() -> None:
    found = msa.bias(VALUES, reference=10.2, process_variation=6, tolerance=4)
    test = stats.ttest_1samp(VALUES, 10.2)
    assert (found.t, found.p) == pytest.approx((test.statistic, test.pvalue))
    assert found.percent_process == pytest.approx(100 * abs(found.bias) / 6)
    assert found.percent_tolerance == pytest.approx(100 * abs(found.bias) / 4)
    assert found.percent_repeatability == pytest.approx(100 * SD)
    assert not found.acceptable
    assert msa.bias(VALUES, reference=10).acceptable


def test_degrees_of_freedom_of_a_range_are_those_of_the_table() -> None:
    """AIAG, MSA 4th ed., appendix C, column g = 1 and row m = 2."""
    printed = {(2, 1): 1.0, (3, 1): 2.0, (4, 1): 2.9, (5, 1): 3.8, (10, 1): 7.7, (15, 1): 10.8}
    for (size, groups), value in printed.items():
        assert round(msa.range_degrees_of_freedom(size, groups), 1) == value


# -- linearity ------------------------------------------------------------------------------------------


def linear(slope: float = -0.1, noise: float = 0.05, seed: int = 2) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    reference = np.repeat([2.0, 4.0, 6.0, 8.0, 10.0], 6)
    value = reference * (1 + slope) + 0.5 + random.normal(0, noise, reference.size)
    return {"part": np.repeat([1, 2, 3, 4, 5], 6), "reference": reference, "value": value}


NAMES = {"part": "part", "reference": "reference", "value": "value"}


def test_the_line_is_that_of_scipy() -> None:
    frame = linear()
    found = msa.linearity(frame, **NAMES, process_variation=8)
    theirs = stats.linregress(frame["reference"], frame["value"] - frame["reference"])
    assert found.slope.estimate == pytest.approx(theirs.slope)
    assert found.slope.standard_error == pytest.approx(theirs.stderr)
    assert found.slope.p == pytest.approx(theirs.pvalue)
    assert found.intercept.estimate == pytest.approx(theirs.intercept)
    assert found.intercept.standard_error == pytest.approx(theirs.intercept_stderr)
    assert found.r_squared == pytest.approx(theirs.rvalue**2)
    assert found.linearity == pytest.approx(8 * abs(theirs.slope))
    assert found.percent_linearity == pytest.approx(100 * abs(theirs.slope))


def test_the_band_is_that_of_statsmodels() -> None:
    import statsmodels.api as sm

    frame = linear()
    found = msa.linearity(frame, **NAMES)
    fit = sm.OLS(frame["value"] - frame["reference"], sm.add_constant(frame["reference"])).fit()
    ends = fit.get_prediction(sm.add_constant(np.array([3.0, 9.0]))).conf_int(alpha=0.05)
    low, high = found.band(np.array([3.0, 9.0]))
    assert low == pytest.approx(ends[:, 0])
    assert high == pytest.approx(ends[:, 1])


def test_a_gauge_without_bias_is_acceptable_and_a_sloping_one_is_not() -> None:
    straight = linear(slope=0.0)
    straight["value"] = straight["value"] - 0.5
    assert msa.linearity(straight, **NAMES).acceptable
    assert not msa.linearity(linear(), **NAMES).acceptable


def test_parts_have_their_own_tests() -> None:
    frame = linear()
    found = msa.linearity(frame, **NAMES, tolerance=5)
    first = (frame["value"] - frame["reference"])[:6]
    assert found.parts[0].p == pytest.approx(stats.ttest_1samp(first, 0).pvalue)
    assert found.parts[0].percent == pytest.approx(100 * abs(first.mean()) / 5)
    by_reference = msa.linearity(frame, reference="reference", value="value", tolerance=5)
    assert [part.bias for part in by_reference.parts] == [part.bias for part in found.parts]


def test_a_part_measured_once_has_no_test() -> None:
    frame = {
        name: np.append(cells, extra)
        for (name, cells), extra in zip(linear().items(), (6, 12.0, 11.5), strict=True)
    }
    last = msa.linearity(frame, **NAMES).parts[-1]
    assert (last.n, last.p, last.interval) == (1, None, None)


# -- short study and stability --------------------------------------------------------------------------


def test_a_short_study_by_hand() -> None:
    frame = {"part": [1, 1, 2, 2, 3, 3], "value": [1.0, 1.2, 2.0, 2.3, 3.1, 3.0]}
    found = msa.test_retest(frame, part="part", value="value", process_sd=1.0, tolerance=6)
    assert found.mean_range == pytest.approx(0.2)
    assert found.grr == pytest.approx(0.2 / math.sqrt(1.2732395 + 0.7267605 / 3), rel=1e-6)
    assert found.percent_process == pytest.approx(100 * found.grr)
    assert found.percent_tolerance == pytest.approx(100 * found.grr)


def test_stability_charts_the_master_and_tests_its_bias() -> None:
    random = np.random.default_rng(11)
    values = random.normal(6.0, 0.1, (20, 5))
    found = msa.stability(values, reference=6.0, rules=("nelson1",))
    assert found.stable
    assert found.bias is not None
    spread = float(np.ptp(values, axis=1).mean()) / msa.d2_star(5, 20)
    assert found.bias.standard_error == pytest.approx(spread / 10)
    wide = msa.stability(values, reference=6.0, standard_error="subgroups").bias
    assert wide is not None
    assert wide.standard_error == pytest.approx(spread / math.sqrt(20))
    assert msa.stability(values.ravel(), 5, reference=6.0).bias == found.bias
    drifted = values.copy()
    drifted[-1] += 0.5
    assert not msa.stability(drifted).stable
    assert msa.stability(drifted).bias is None


def test_stability_of_single_measurements_is_an_individuals_chart() -> None:
    random = np.random.default_rng(12)
    values = random.normal(6.0, 0.1, 30)
    found = msa.stability(values, reference=6.1)
    assert found.chart.kind == "individuals"
    assert found.bias is not None
    assert found.bias.p == pytest.approx(stats.ttest_1samp(values, 6.1).pvalue)


# -- uncertainty ----------------------------------------------------------------------------------------


def test_only_the_largest_of_resolution_and_repeatabilities_counts() -> None:
    coarse = msa.vda5(tolerance=1, resolution=0.1, u={"EVR": 0.01, "EVO": 0.02})
    assert coarse.u_ms == pytest.approx(0.1 / math.sqrt(12))
    assert coarse.u_mp == pytest.approx(0.1 / math.sqrt(12))
    fine = msa.vda5(tolerance=1, resolution=0.01, u={"EVR": 0.01, "EVO": 0.02})
    assert (fine.u_ms, fine.u_mp) == pytest.approx((0.01, 0.02))
    assert [line.symbol for line in fine.contributions if line.process] == ["EVO"]


def test_symbols_are_known_in_any_case_and_own_names_count_in_the_process() -> None:
    assert msa.vda5(tolerance=1, u={"evr": 0.01}).u_ms == pytest.approx(0.01)
    own = msa.vda5(tolerance=1, u={"EVO": 0.03, "clamping": 0.04})
    assert own.u_mp == pytest.approx(0.05)
    assert own.ms_capable is None


def test_an_error_limit_stands_for_what_it_covers() -> None:
    found = msa.vda5(
        tolerance=1, mpe=0.03, calibration_uncertainty=0.02, u={"EVR": 0.5, "EVO": 0.02, "AV": 0.01}
    )
    assert found.u_ms == pytest.approx(0.03 / math.sqrt(3))
    assert found.u_mp == pytest.approx(math.sqrt(0.03**2 / 3 + 0.02**2 + 0.01**2))


def test_a_gauge_study_enters_the_budget() -> None:
    random = np.random.default_rng(3)
    places = np.indices((5, 3, 2)).reshape(3, -1)
    value = places[0] + random.normal(0, 0.1, 30) + 0.1 * places[1]
    study = msa.gauge_rr(
        {"part": places[0], "operator": places[1], "value": value},
        part="part",
        operator="operator",
        value="value",
    )
    found = msa.vda5(tolerance=10, gauge=study, calibration_uncertainty=0.02, u={"T": 0.05})
    assert study.av is not None
    assert found.u_mp == pytest.approx(math.sqrt(study.grr**2 + 0.01**2 + 0.05**2))
    assert found.u_ms == pytest.approx(0.01)
    assert sum(line.percent_process for line in found.contributions) == pytest.approx(100)


def test_ratios_and_smallest_tolerances_belong_together() -> None:
    found = msa.vda5(tolerance=2, u={"EVR": 0.01, "AV": 0.03})
    assert found.q_mp == pytest.approx(100 * 2 * found.expanded_mp / 2)
    again = msa.vda5(tolerance=found.tolerance_min_mp, u={"EVR": 0.01, "AV": 0.03})
    assert again.q_mp == pytest.approx(30)
    assert again.c_mp == pytest.approx(4 / 3)
    assert msa.vda5(tolerance=found.tolerance_min_ms, u={"EVR": 0.01}).q_ms == pytest.approx(15)


def test_guard_bands_narrow_acceptance_and_widen_rejection() -> None:
    zones = msa.vda5(lsl=9, usl=11, u={"EVO": 0.1}).zones
    assert zones is not None
    assert (zones.accept_low, zones.accept_high) == pytest.approx((9.2, 10.8))
    assert (zones.reject_low, zones.reject_high) == pytest.approx((8.8, 11.2))
    assert not zones.empty
    narrow = msa.vda5(lsl=9, usl=11, u={"EVO": 0.1}, guard="iso14253").zones
    assert narrow is not None
    assert narrow.guard_band == pytest.approx(0.1645, abs=1e-4)
    assert msa.guard_banded(2, lsl=9, usl=11).empty
    one = msa.vda5(tolerance=2, usl=11, u={"EVO": 0.1}).zones
    assert one is not None
    assert one.accept_low is None
    assert msa.vda5(tolerance=2, u={"EVO": 0.1}).zones is None


# -- all ------------------------------------------------------------------------------------------------

MASTER = np.random.default_rng(1).normal(6, 0.1, 25)
SHORT = {"part": [1, 1, 2, 2], "value": [1.0, 1.2, 2.0, 2.3]}
RESULTS: dict[str, Callable[[], Any]] = {
    "type1": lambda: msa.type1(VALUES, reference=10, tolerance=4, resolution=0.1),
    "bias": lambda: msa.bias(VALUES, reference=10),
    "bias by range": lambda: msa.bias(VALUES, reference=10, method="range"),
    "linearity": lambda: msa.linearity(linear(), **NAMES, process_variation=8),
    "short study": lambda: msa.test_retest(SHORT, part="part", value="value", tolerance=5),
    "stability": lambda: msa.stability(MASTER, 5, reference=6.0),
    "uncertainty": lambda: msa.vda5(lsl=9, usl=11, resolution=0.1, u={"EVO": 0.1}),
}


@pytest.mark.parametrize("name", RESULTS)
def test_results_are_plain_json_and_draw_themselves(name: str, recwarn: pytest.WarningsRecorder) -> None:
    found = RESULTS[name]()
    json.dumps(found.to_dict(), allow_nan=False)
    picture = found.plot()
    json.dumps(picture.to_dict(), allow_nan=False)
    assert picture.title.zh != picture.title.en
    assert not recwarn.list


REFUSED: dict[str, tuple[type[Exception], Callable[[], Any]]] = {
    "type 1, nan": (NotFinite, lambda: msa.type1([1, 2, math.nan], reference=1, tolerance=1)),
    "type 1, infinite reference": (NotFinite, lambda: msa.type1(VALUES, reference=math.inf, tolerance=1)),
    "type 1, constant": (ConstantData, lambda: msa.type1([2, 2, 2], reference=2, tolerance=1)),
    "type 1, nothing": (TooFewPoints, lambda: msa.type1([], reference=2, tolerance=1)),
    "type 1, no tolerance": (NoLimits, lambda: msa.type1(VALUES, reference=10)),
    "type 1, one limit": (NoLimits, lambda: msa.type1(VALUES, reference=10, usl=12)),
    "type 1, reversed": (LimitsReversed, lambda: msa.type1(VALUES, reference=10, lsl=12, usl=8)),
    "type 1, reference outside": (
        ReferenceOutsideTolerance,
        lambda: msa.type1(VALUES, reference=13, lsl=8, usl=12),
    ),
    "type 1, tolerance twice": (
        ToleranceTwice,
        lambda: msa.type1(VALUES, reference=10, lsl=8, usl=12, tolerance=4),
    ),
    "type 1, no tolerance width": (NotPositive, lambda: msa.type1(VALUES, reference=10, tolerance=-4)),
    "type 1, percent": (OutOfRange, lambda: msa.type1(VALUES, reference=10, tolerance=4, percent=120)),
    "type 1, resolution": (NotPositive, lambda: msa.type1(VALUES, reference=10, tolerance=4, resolution=0)),
    "type 1, least capability": (
        NotPositive,
        lambda: msa.type1(VALUES, reference=10, tolerance=4, least_capability=0),
    ),
    "bias, one value": (TooFewPoints, lambda: msa.bias([1.0], reference=1)),
    "bias, constant": (ConstantData, lambda: msa.bias([1.0, 1.0], reference=1)),
    "bias, method": (UnknownOption, lambda: msa.bias(VALUES, reference=1, method="guess")),  # type: ignore[arg-type]
    "linearity, one reference": (
        TooFewLevels,
        lambda: msa.linearity(
            {"reference": [1, 1, 1], "value": [1, 2, 3]}, reference="reference", value="value"
        ),
    ),
    "linearity, two values": (
        TooFewPoints,
        lambda: msa.linearity({"reference": [1, 2], "value": [1, 2.1]}, reference="reference", value="value"),
    ),
    "linearity, two references of a part": (
        SeveralReferences,
        lambda: msa.linearity({**linear(), "part": [1] * 30}, **NAMES),
    ),
    "linearity, one bias": (
        ConstantData,
        lambda: msa.linearity(
            {"reference": [1, 2, 3], "value": [1.5, 2.5, 3.5]}, reference="reference", value="value"
        ),
    ),
    "linearity, twice": (
        ToleranceTwice,
        lambda: msa.linearity(linear(), **NAMES, tolerance=1, process_variation=1),
    ),
    "short study, once": (
        TooFewLevels,
        lambda: msa.test_retest({"part": [1, 2], "value": [1, 2]}, part="part", value="value"),
    ),
    "short study, no spread": (
        ZeroRepeatability,
        lambda: msa.test_retest({"part": [1, 1, 2, 2], "value": [1, 1, 2, 2]}, part="part", value="value"),
    ),
    "stability, unequal": (
        UnequalSubgroups,
        lambda: msa.stability(MASTER[:9], np.repeat([1, 2, 3], [3, 4, 2]), reference=6.0),
    ),
    "uncertainty, nothing": (TooFewPoints, lambda: msa.vda5(tolerance=1)),
    "uncertainty, negative": (OutOfRange, lambda: msa.vda5(tolerance=1, u={"EVO": -0.1})),
    "uncertainty, infinite": (NotFinite, lambda: msa.vda5(tolerance=1, u={"EVO": math.inf})),
    "uncertainty, no tolerance": (NoLimits, lambda: msa.vda5(usl=1, u={"EVO": 0.1})),
    "uncertainty, guard": (UnknownOption, lambda: msa.vda5(tolerance=1, u={"EVO": 1}, guard="none")),  # type: ignore[arg-type]
    "uncertainty, one value": (TooFewPoints, lambda: msa.vda5(tolerance=1, standards={1.0: [1.0]})),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_by_name(case: str) -> None:
    refusal, call = REFUSED[case]
    with pytest.raises(refusal) as caught:
        call()
    assert isinstance(caught.value, ValueError)
