"""UCUM codes: which are valid, what was meant, and conversion against published factors."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ucumvert import parse_ucum
from ucumvert.parser import get_ucum_parser

from assay.model import units
from assay.model.errors import ModelError
from assay.model.units import COMMON, comparable, convert, parse_unit, suggest_unit

PARSER = get_ucum_parser()


@pytest.mark.parametrize("code", sorted(COMMON | set(units._SPOKEN.values())))
def test_known_codes_are_ucum(code: str) -> None:
    assert parse_ucum(code, PARSER)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("°C", "Cel"),
        ("deg C", "Cel"),
        ("µm", "um"),
        ("Nm", "N.m"),
        ("N·m", "N.m"),
        ("rpm", "/min"),
        ("m/s²", "m/s2"),
        ("kg·m⁻³", "kg.m-3"),
        ("kΩ", "kOhm"),
        ("MPA", "MPa"),
        ("mmm", "mm"),
        ("psi", "[psi]"),
        ("mm/sec", "mm/s"),
        ("毫米", "mm"),
    ],
)
def test_what_people_write_is_understood(written: str, meant: str) -> None:
    with pytest.raises(ModelError, match="not a UCUM unit") as caught:
        parse_unit(written)
    assert caught.value.hint == f"Did you mean {meant!r}?"


@pytest.mark.parametrize("code", ["", "xyzzy", "foo/s"])
def test_nonsense_has_no_suggestion(code: str) -> None:
    assert suggest_unit(code) is None
    with pytest.raises(ModelError, match="not a UCUM unit"):
        parse_unit(code)


@pytest.mark.parametrize(
    ("value", "unit", "into", "expected"),
    [
        # NIST SP 811, appendix B.8: exact factors.
        (1.0, "[in_i]", "mm", 25.4),
        (1.0, "[lb_av]", "kg", 0.45359237),
        (1.0, "bar", "kPa", 100.0),
        (1.0, "kW.h", "J", 3.6e6),
        (100.0, "Cel", "K", 373.15),
        (212.0, "[degF]", "Cel", 100.0),
        (60.0, "/min", "Hz", 1.0),
        (3.0, "{piece}", "1", 3.0),
        (50.0, "%", "1", 0.5),
    ],
)
def test_conversion(value: float, unit: str, into: str, expected: float) -> None:
    assert convert(value, unit, into) == pytest.approx(expected, rel=1e-12)
    assert comparable(unit, into)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20))
def test_there_and_back_again(values: list[float]) -> None:
    there = convert(values, "[degF]", "K")
    np.testing.assert_allclose(convert(there, "K", "[degF]"), values, rtol=1e-9, atol=1e-6)


def test_missing_values_stay_missing() -> None:
    assert math.isnan(convert([math.nan], "mm", "m")[0])


def test_different_quantities_are_refused() -> None:
    assert not comparable("mm", "s")
    with pytest.raises(ModelError, match="can't be converted to 's'"):
        convert(1.0, "mm", "s")


def test_an_arbitrary_scale_is_valid_but_not_convertible() -> None:
    assert parse_unit("[pH]") == "[pH]"
    assert not comparable("[pH]", "1")
    with pytest.raises(ModelError, match="arbitrary scale"):
        convert(7.0, "[pH]", "1")


def test_common_units_need_no_slow_import() -> None:
    code = (
        "import sys; from assay.model.units import parse_unit; parse_unit('N.m'); "
        "sys.exit(any(m in sys.modules for m in ('pint', 'ucumvert', 'lark')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
