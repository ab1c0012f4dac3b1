"""Units of measure in UCUM, the Unified Code for Units of Measure (ucum.org, version 2.2).

Units are written by their case-sensitive UCUM codes: ``mm``, ``N.m``, ``Cel``, ``kg/m3``, ``%``, ``1``.
Parsing and conversion are done by ucumvert and pint, which take most of a second to start; the codes of
:data:`COMMON` are known without them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast
from unicodedata import normalize

import numpy as np
import numpy.typing as npt

from assay.model.errors import ModelError

COMMON = frozenset(
    [
        *("1", "%", "[ppm]", "deg", "rad", "{piece}"),
        *("m", "km", "dm", "cm", "mm", "um", "nm", "mm2", "cm2", "m2", "mm3", "cm3", "m3", "[in_i]"),
        *("s", "ms", "us", "min", "h", "d", "Hz", "kHz", "MHz", "/min", "/s", "/h"),
        *("kg", "g", "mg", "ug", "t", "kg/m3", "g/cm3", "l", "ml", "l/min", "l/h", "m3/h"),
        *("m/s", "m/min", "mm/s", "mm/min", "m/s2", "N", "kN", "mN", "N.m", "mN.m", "N.mm", "cN.m"),
        *("Pa", "kPa", "MPa", "GPa", "hPa", "bar", "mbar", "N/mm2", "K", "Cel", "K/min"),
        *("A", "mA", "uA", "V", "mV", "kV", "W", "kW", "J", "kJ", "kW.h", "Ohm", "kOhm", "MOhm", "mOhm"),
        *("F", "uF", "nF", "pF", "H", "mH", "S", "T", "mT", "lx", "cd", "dB", "A.h", "mA.h", "mol/l"),
    ]
)
"""Codes that plants use most; each is checked against the full parser by the tests."""

_ASCII = str.maketrans(
    {
        "\N{GREEK SMALL LETTER MU}": "u",
        "\N{GREEK CAPITAL LETTER OMEGA}": "Ohm",
        "\N{DEGREE SIGN}": "deg",
        "\N{MIDDLE DOT}": ".",
        "\N{DOT OPERATOR}": ".",
        "\N{MULTIPLICATION SIGN}": ".",
        "\N{MINUS SIGN}": "-",
        "\N{PER MILLE SIGN}": "[ppth]",
        "*": ".",
        " ": "",
    }
)
"""Signs that UCUM writes in ASCII; compatibility forms (superscripts, micro sign) are folded before."""

_SPOKEN: dict[str, str] = {
    "degc": "Cel",
    "celsius": "Cel",
    "degf": "[degF]",
    "fahrenheit": "[degF]",
    "kelvin": "K",
    "degree": "deg",
    "degrees": "deg",
    "rpm": "/min",
    "rev/min": "/min",
    "r/min": "/min",
    "sec": "s",
    "second": "s",
    "seconds": "s",
    "msec": "ms",
    "usec": "us",
    "minute": "min",
    "minutes": "min",
    "hr": "h",
    "hour": "h",
    "hours": "h",
    "day": "d",
    "days": "d",
    "ohm": "Ohm",
    "kohm": "kOhm",
    "mohm": "mOhm",
    "nm": "N.m",
    "ncm": "N.cm",
    "ah": "A.h",
    "mah": "mA.h",
    "wh": "W.h",
    "kwh": "kW.h",
    "ws": "W.s",
    "psi": "[psi]",
    "inch": "[in_i]",
    "inches": "[in_i]",
    "in": "[in_i]",
    "ft": "[ft_i]",
    "foot": "[ft_i]",
    "lb": "[lb_av]",
    "lbs": "[lb_av]",
    "oz": "[oz_av]",
    "micron": "um",
    "microns": "um",
    "percent": "%",
    "ppm": "[ppm]",
    "ppb": "[ppb]",
    "pcs": "{piece}",
    "piece": "{piece}",
    "pieces": "{piece}",
    "count": "{piece}",
    "ea": "{piece}",
    "none": "1",
    "-": "1",
    "ph": "[pH]",
    "mpa": "MPa",
    "kpa": "kPa",
    "pa": "Pa",
    "hz": "Hz",
    "khz": "kHz",
    "kg/m^3": "kg/m3",
    "ton": "t",
    "tonne": "t",
    "liter": "l",
    "litre": "l",
    "毫米": "mm",
    "微米": "um",
    "厘米": "cm",
    "米": "m",
    "秒": "s",
    "分钟": "min",
    "小时": "h",
    "摄氏度": "Cel",
    "牛": "N",
    "牛米": "N.m",
    "兆帕": "MPa",
    "千克": "kg",
    "克": "g",
    "伏": "V",
    "安": "A",
    "件": "{piece}",
    "个": "{piece}",
}
"""What people write in files, and the UCUM code it means."""


@lru_cache(maxsize=1)
def _registry() -> Any:
    from ucumvert import PintUcumRegistry

    return PintUcumRegistry()


@lru_cache(maxsize=1)
def _parser() -> Any:
    from ucumvert import get_ucum_parser

    return get_ucum_parser()


@lru_cache(maxsize=4096)
def parse_unit(code: str) -> str:
    """The code itself, when it is valid UCUM.

    Raises
    ------
    ModelError
        The code is not valid; the hint names the code that was probably meant.
    """
    if code in COMMON or _is_valid(code):
        return code
    meant = suggest_unit(code)
    raise ModelError(
        f"{code!r} is not a UCUM unit",
        hint=f"Did you mean {meant!r}?"
        if meant
        else "Look the unit up at https://ucum.org; a plain count is '1'.",
    )


def suggest_unit(code: str) -> str | None:
    """The UCUM code that a unit written in another way probably means, or None."""
    plain = normalize("NFKC", code).strip().translate(_ASCII)
    spoken = [_SPOKEN.get(code.strip().lower()), _SPOKEN.get(plain.lower())]
    if "deg" in plain and plain != "deg":
        spoken.append(plain.replace("degC", "Cel").replace("degF", "[degF]"))
    parts = [_SPOKEN.get(part.lower(), part) for part in plain.replace("^", "").split("/")]
    joined = "/".join(part.lstrip("/") if index else part for index, part in enumerate(parts))
    return next(
        (
            meant
            for meant in [*spoken, plain.replace("^", ""), joined, *_near(plain)]
            if meant and _is_valid(meant)
        ),
        None,
    )


def _near(code: str) -> list[str]:
    from difflib import get_close_matches

    same = [known for known in sorted(COMMON) if known.lower() == code.lower()]
    return same + get_close_matches(code, sorted(COMMON), n=1, cutoff=0.75)


@lru_cache(maxsize=4096)
def _is_valid(code: str) -> bool:
    if code in COMMON:
        return True
    if not code:
        return False
    from lark.exceptions import LarkError
    from ucumvert import parse_ucum

    try:
        parse_ucum(code, _parser())
    except LarkError:
        return False
    return True


@lru_cache(maxsize=4096)
def _quantity(code: str) -> Any:
    """One of the unit as a pint quantity.

    Raises
    ------
    ModelError
        The code is not valid, or it is of a scale that can't be converted (such as ``[pH]``).
    """
    parse_unit(code)
    from lark.exceptions import LarkError

    registry = _registry()
    try:
        found = registry.from_ucum(code)
    except LarkError as error:
        raise ModelError(
            f"values in {code!r} can't be converted: the unit is an arbitrary scale",
            hint="Keep the values in the unit they were recorded in.",
        ) from error
    # A bare annotation such as {piece} counts things.
    return found if hasattr(found, "dimensionality") else registry.Quantity(1, "")


def comparable(first: str, second: str) -> bool:
    """Whether values in one unit can be converted into the other."""
    if first == second:
        return True
    try:
        return bool(_quantity(first).dimensionality == _quantity(second).dimensionality)
    except ModelError:
        parse_unit(first)
        parse_unit(second)
        return False


def convert(values: npt.ArrayLike, unit: str, into: str) -> npt.NDArray[np.float64]:
    """Values in ``unit`` as values in ``into``; float64 of the same shape, NaN stays NaN.

    Raises
    ------
    ModelError
        A code is not valid, or the two units are of different quantities.
    """
    numbers = np.asarray(values, dtype=np.float64)
    parse_unit(unit)
    parse_unit(into)
    if unit == into:
        return numbers.copy()
    source, target = _quantity(unit), _quantity(into)
    if source.dimensionality != target.dimensionality:
        raise ModelError(
            f"values in {unit!r} ({source.dimensionality}) can't be converted "
            f"to {into!r} ({target.dimensionality})",
            hint="The two units are of different quantities; correct one of them.",
        )
    quantity = _registry().Quantity(numbers * source.magnitude, source.units)
    converted = np.asarray(quantity.to(target.units).magnitude, dtype=np.float64) / target.magnitude
    return cast("npt.NDArray[np.float64]", converted)
