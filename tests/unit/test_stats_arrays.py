"""What enters a statistic, and what is refused by name."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from assay.model.errors import StatisticsError
from assay.stats import arrays, errors
from assay.stats.errors import (
    CountAboveSize,
    LimitsReversed,
    MissingLabel,
    NegativeCount,
    NotACount,
    NotFinite,
    NotNumeric,
    NotPositive,
    OutOfRange,
    Refusal,
    SettingNotFinite,
    TooFewPoints,
    UnknownColumn,
    UnknownOption,
    WrongShape,
)
from assay.stats.subgroups import subgroups


@pytest.mark.parametrize("values", [[1, 2], (1.0, 2.0), np.array([1, 2], np.int8), pa.array([1, 2])])
def test_numbers_come_from_anything_that_holds_them(values: object) -> None:
    found = arrays.vector(values)  # type: ignore[arg-type]
    assert found.dtype == np.float64
    assert found.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_named_with_its_place(bad: float) -> None:
    with pytest.raises(NotFinite) as caught:
        arrays.vector([1.0, bad, 2.0, bad], "torque")
    assert (caught.value.values["index"], caught.value.values["count"]) == (1, 2)
    assert "torque" in str(caught.value)
    with pytest.raises(NotFinite) as caught:
        arrays.matrix([[1.0, 2.0], [3.0, bad]])
    assert caught.value.values["index"] == (1, 1)
    with pytest.raises(SettingNotFinite):
        arrays.positive(bad, "sigma")


def test_opposite_infinities_do_not_cancel_and_large_values_do_not_overflow_into_a_refusal() -> None:
    with pytest.raises(NotFinite):
        arrays.vector([math.inf, -math.inf])
    assert arrays.vector([1.7e308, 1.7e308]).size == 2  # their sum is infinite, they are not


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda: arrays.vector(["1 mm"]), NotNumeric),
        (lambda: arrays.vector(np.array([1 + 2j, 3])), NotNumeric),
        (lambda: arrays.vector(np.array(["2026-01-01", "2026-01-02"], "M8[D]")), NotNumeric),
        (lambda: arrays.vector(pa.array([0], pa.timestamp("us"))), NotNumeric),
        (lambda: arrays.vector(np.ma.masked_array([1, 99], mask=[False, True])), NotFinite),
        (lambda: arrays.vector([[1.0]]), WrongShape),
        (lambda: arrays.matrix([1.0]), WrongShape),
        (lambda: arrays.vector([1.0], least=2), TooFewPoints),
        (lambda: arrays.counts([1, -1]), NegativeCount),
        (lambda: arrays.counts([1.5]), NotACount),
        (lambda: arrays.sizes([1, 0], np.ones(2)), NotPositive),
        (lambda: arrays.sizes([1], np.ones(2)), WrongShape),
        (lambda: arrays.within_sizes(np.array([3.0]), np.array([2.0])), CountAboveSize),
        (lambda: arrays.positive(0, "k"), NotPositive),
        (lambda: arrays.between(2, "lam", 0, 1), OutOfRange),
        (lambda: arrays.ordered(2, 1), LimitsReversed),
        (lambda: arrays.ordered(1, 1), LimitsReversed),
        (lambda: arrays.ordered(math.nan, 1), NotFinite),
        (lambda: arrays.one_of("x", ("a", "b"), "kind"), UnknownOption),
        (lambda: arrays.column({"a": [1]}, "b"), UnknownColumn),
        (lambda: arrays.column(pa.table({"a": [1]}), "b"), UnknownColumn),
    ],
)
def test_each_case_is_a_named_refusal_in_both_languages(call: object, kind: type[Refusal]) -> None:
    with pytest.raises(kind) as caught:
        call()  # type: ignore[operator]
    error = caught.value
    assert isinstance(error, StatisticsError)
    assert isinstance(error, ValueError)
    assert error.said.zh != error.said.en
    assert all(
        str(value) in error.said.en for name, value in error.values.items() if name in {"value", "index"}
    )


def test_every_named_refusal_has_its_text() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Refusal)]
    known = errors.CATALOGUE.keys("en")
    assert all(f"error.{kind.key}" in known for kind in kinds if kind is not Refusal)


def test_a_masked_array_without_a_masked_value_is_taken_as_it_is() -> None:
    assert arrays.vector(np.ma.masked_array([1, 2], mask=[False, False])).tolist() == [1.0, 2.0]


class Unanswered:
    """Like pandas' NA: what a comparison with it answers is neither true nor false."""

    def __eq__(self, other: object) -> Unanswered:  # type: ignore[override]
        return self

    __ne__ = __eq__  # type: ignore[assignment]
    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        raise TypeError("ambiguous")


def test_a_label_that_stands_for_nothing_is_told_from_one_that_does() -> None:
    assert [arrays.is_missing(label) for label in (None, math.nan, np.datetime64("NaT"), Unanswered())] == [
        True
    ] * 4
    assert [arrays.is_missing(label) for label in ("", 0, "NA")] == [False] * 3
    with pytest.raises(MissingLabel) as caught:
        subgroups([1.0, 2.0, 3.0, 4.0], np.array(["a", "a", Unanswered(), "b"], object))
    assert caught.value.values["index"] == 2


@pytest.mark.parametrize("frame", [{"a": [1, 2]}, pa.table({"a": [1, 2]})])
def test_a_column_is_found_in_any_frame(frame: object) -> None:
    assert arrays.column(frame, "a").tolist() == [1, 2]
