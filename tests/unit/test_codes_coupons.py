"""Coupon codes and package types; cases are those of GS1's guideline and of its syntax tests."""

from __future__ import annotations

import pytest

from assay.model.codes.gs1 import check_value
from assay.model.codes.gs1.dictionary import table
from assay.model.codes.gs1.linters import LINTERS
from assay.model.errors import CodeError


def refused(ai: str, value: str) -> str | None:
    """The rule by which a value is refused; None where it holds."""
    try:
        check_value(ai, value)
    except CodeError as problem:
        return problem.rule
    return None


def test_a_refusal_is_said_in_both_languages() -> None:
    for ai, value in (("8110", "7"), ("8112", "07"), ("7041", "0")):
        with pytest.raises(CodeError) as problem:
            check_value(ai, value)
        assert value in problem.value.said.zh
        assert problem.value.said.zh != problem.value.said.en


def test_every_check_of_the_dictionary_is_made() -> None:
    named = {name for entry in table().values() for part in entry.components for name in part.linters}
    assert named <= set(LINTERS)


GUIDELINE = [
    "10614141011111275110111",
    "106141410222223100110222111101231023456721104561045678991201",
    "1061414165432131501101201211014092110256100126663101231",
    "106141410012342501106501013085093101231",
    "106141410012471011076011110850921108609310123191000",
    "106141411234562891101201212085010048000214025610048000310123191000",
    "1061414154321031501101201211014092110256100126663101231",
    "106141416543213500110000310123196000",
]
"""GS1 US, North American Coupon Application Guideline Using GS1 DataBar Expanded Symbols R2.0."""


@pytest.mark.parametrize("code", GUIDELINE)
def test_the_guideline_s_own_coupons_hold_and_no_part_of_them_does(code: str) -> None:
    assert refused("8110", code) is None
    for changed in (code + "8", code[:15], "a" + code[1:], "9" + code[1:]):
        assert refused("8110", changed) == "coupon"


BASE = "012345612345611110123"
"""The shortest code of the syntax tests (``couponcode``); what follows it are optional fields."""
PURCHASE = "110123"


@pytest.mark.parametrize(
    "fields",
    [
        [],
        ["1", "0", PURCHASE, "0123456"],
        ["1", "3", PURCHASE, "6123456789012"],
        ["1", "0", PURCHASE, "9"],
        ["2", PURCHASE, "9"],
        ["3", "280229"],
        ["4", "280229"],
        ["3", "280229", "4", "280229"],
        ["5", "0123456"],
        ["5", "9123456789012345"],
        ["6", "11234567"],
        ["6", "71234567890123"],
        ["9", "0000"],
        ["9", "6291"],
        ["1", "0", PURCHASE, "9", "2", PURCHASE, "9", "3", "280229", "5", "0123456", "9", "0000"],
    ],
)
def test_optional_fields_of_a_coupon_follow_one_another(fields: list[str]) -> None:
    assert refused("8110", BASE + "".join(fields)) is None


@pytest.mark.parametrize(
    "fields",
    [
        ["0"],
        ["7"],
        ["8"],
        ["1", "4", PURCHASE, "9"],
        ["1", "0", "010123", "9"],
        ["1", "0", "115123", "9"],
        ["1", "0", PURCHASE],
        ["1", "0", PURCHASE, "71234567890123"],
        ["1", "0", PURCHASE, "1123456"],
        ["1", "0", PURCHASE, "9", "1"],
        ["2", PURCHASE],
        ["2", "610123", "9"],
        ["3", "260229"],
        ["3", "2802"],
        ["3", "280228", "4", "280229"],
        ["3", "280229", "4", "281301"],
        ["5", "0123456", "3", "280229"],
        ["5", "012345"],
        ["6", "0123456"],
        ["6", "812345678901234"],
        ["9", "000"],
        ["9", "3000"],
        ["9", "0300"],
        ["9", "0002"],
        ["9", "00000"],
    ],
)
def test_fields_of_other_forms_or_orders_are_refused(fields: list[str]) -> None:
    assert refused("8110", BASE + "".join(fields)) == "coupon"


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("001234561234560123456", None),
        ("101234561234560123456", None),
        ("0012345612345611234567", None),
        ("001234561234569123456789012345", None),
        ("061234567890121234569123456789012345", None),
        ("201234561234560123456", "positive-offer"),
        ("00123456123456012345", "positive-offer"),
        ("0012345612345601234567", "positive-offer"),
        ("06123456789012123456912345678901234", "positive-offer"),
        ("00123456123456012345a", "positive-offer"),
        ("00123456", "positive-offer"),
        ("07", "positive-offer"),
    ],
)
def test_a_positive_offer_has_the_lengths_that_it_says(code: str, rule: str | None) -> None:
    assert refused("8112", code) == rule


def test_a_package_type_is_on_the_list() -> None:
    assert [refused("7041", one) for one in ("1A", "8", "PX", "BGE", "X11", "ZZ")] == [None] * 6
    wrong = ("0", "00", "000", "9_", "_1A", "ZZZ", "px")
    assert {refused("7041", one) for one in wrong} == {"package-type"}
