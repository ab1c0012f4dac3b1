"""Hints that a code was copied or a product diverted; and which codes a link names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.exchange.consumer import ScannedCode, great_circle, hints_of, read_link
from assay.model.codes.gs1.characters import CSET_82
from assay.model.consumer import Circle, HintLimits, Product
from assay.model.errors import CodeError
from assay.model.text import Text
from assay.store.scans import Scan, Standing, Whereabouts

BEGAN = datetime(2026, 3, 2, 6, tzinfo=UTC)
GTIN = "09506000134352"
VIENNA, MUNICH, TOKYO = (48.2, 16.4), (48.1, 11.6), (35.7, 139.7)
LIMITS = HintLimits(devices=2)


def scan(
    hours: float = 0,
    at: tuple[float, float] | None = None,
    *,
    device: str | None = "d1",
    country: str | None = None,
    standing: Standing = "recorded",
    hints: tuple[str, ...] = (),
) -> Scan:
    latitude, longitude = at or (None, None)
    where = Whereabouts(country, latitude, longitude)
    return Scan("code", BEGAN + timedelta(hours=hours), standing, "unit", "U1", device, where, hints)


def product(**more: object) -> Product:
    return Product.model_validate({"gtin": GTIN, "name": Text(zh="齿轮", en="Gear"), **more})


def hints(now: Scan, *earlier: Scan, of: Product | None = None) -> tuple[str, ...]:
    return hints_of(now, earlier, of or product(), LIMITS)


def test_an_ordinary_scan_has_no_hint() -> None:
    assert hints(scan()) == ()
    assert hints(scan(9, VIENNA, country="AT"), scan(0, MUNICH, country="DE")) == ()


def test_a_code_nobody_issued_is_unknown() -> None:
    assert hints(scan(standing="unknown")) == ("unknown",)
    assert hints(scan(standing="issued")) == ()


def test_too_many_devices_are_too_often_and_one_device_never_is() -> None:
    assert hints(scan(device="c"), scan(device="a"), scan(device="a")) == ()
    assert hints(scan(device="c"), scan(device="b"), scan(device="a")) == ("often",)
    assert hints(scan(device="a"), *(scan(device=None) for _ in range(9))) == ()


def test_nobody_is_in_vienna_and_tokyo_within_hours() -> None:
    way = great_circle(*VIENNA, *TOKYO)
    flight = (way - LIMITS.tolerance) / LIMITS.kilometres_per_hour
    assert hints(scan(flight - 0.01, TOKYO), scan(0, VIENNA)) == ("far-apart",)
    assert hints(scan(flight + 0.01, TOKYO), scan(0, VIENNA)) == ()
    assert hints(scan(0, VIENNA), scan(flight - 0.01, TOKYO)) == ("far-apart",), "whichever came first"
    assert hints(scan(0.01, TOKYO), scan(0, VIENNA, device="d2"), scan(0)) == ("far-apart",)
    assert hints(scan(0.01), scan(0, VIENNA)) == (), "one of them says no place"
    assert hints(scan(0, (48.2, 17.6)), scan(0, VIENNA)) == (), "places are coarse"


def test_once_far_apart_a_code_stays_suspicious() -> None:
    assert hints(scan(99), scan(1, TOKYO, hints=("far-apart", "outside"))) == ("far-apart",)


@pytest.mark.parametrize(
    ("where", "outside"),
    [
        ({"country": "AT"}, False),
        ({"country": "FR"}, True),
        ({}, False),
        ({"at": VIENNA}, False),
        ({"at": MUNICH, "country": "AT"}, True),
        ({"at": (50.9, 16.4)}, False),
        ({"at": (51.1, 16.4)}, True),
    ],
)
def test_a_scan_outside_its_region(where: dict[str, object], outside: bool) -> None:
    sold = product(countries=["DE", "AT"], areas=[Circle(latitude=48.2, longitude=16.4, kilometres=300)])
    assert hints(scan(**where), of=sold) == (("outside",) if outside else ())  # type: ignore[arg-type]


def test_a_product_without_a_region_is_sold_everywhere() -> None:
    assert hints(scan(0, TOKYO, country="JP")) == ()


# -- links ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "kind", "number"),
    [
        (f"01/{GTIN}", None, ""),
        (f"/01/{GTIN}/", None, ""),
        (f"01/{GTIN}/21/A%2FB", "unit", "A/B"),
        (f"01/{GTIN}/10/L1", "lot", "L1"),
        (f"01/{GTIN}/22/2A/10/L1/21/7?17=271231&lang=zh&linkType=all", "unit", "7"),
    ],
)
def test_a_link_names_a_product_lot_or_unit(path: str, kind: str | None, number: str) -> None:
    code = read_link(path)
    assert code is not None
    assert (code.gtin, code.kind, code.number) == (GTIN, kind, number)


def test_a_link_names_a_package() -> None:
    code = read_link("00/106141412345678908?lang=zh")
    assert code == ScannedCode(None, "unit", "106141412345678908")
    assert code is not None
    assert (code.path, code.ids) == (
        "/00/106141412345678908",
        (
            "106141412345678908",
            "https://id.gs1.org/00/106141412345678908",
            "(00)106141412345678908",
            "00106141412345678908",
        ),
    )


@pytest.mark.parametrize("path", [f"shop/01/{GTIN}", "8004/9506000ABC", "414/9506000134352"])
def test_a_link_of_something_else_is_no_product_code(path: str) -> None:
    assert read_link(path) is None


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("", "dl-key"),
        ("01/09506000134353/21/1", "check-digit"),
        ("gtin/09506000134352", "dl-word"),
        (f"01/{GTIN}/21/1/10/L", "dl-qualifiers"),
        (f"01/{GTIN}/21/%zz", "escape"),
        (f"01/{GTIN}/21/%FF", "escape"),
        (f"01/{GTIN}?17=999999", None),
        ("00/106141412345678909", "check-digit"),
        (f"01/{GTIN}/21/" + "1" * 21, None),
        (f"01/{GTIN}/21/日本", None),
    ],
)
def test_a_malformed_link_is_refused(path: str, rule: str | None) -> None:
    with pytest.raises(CodeError) as caught:
        read_link(path)
    assert rule is None or caught.value.rule == rule


@given(st.text(alphabet=sorted(CSET_82), min_size=1, max_size=20), st.sampled_from(["21", "10"]))
def test_every_serial_number_comes_back_from_its_link(number: str, ai: str) -> None:
    code = read_link(f"01/{GTIN}/{ai}/{quote(number, safe='')}")
    assert code == ScannedCode(GTIN, "unit" if ai == "21" else "lot", number)
    assert code is not None
    assert read_link(code.path) == code
    assert number in code.ids


@given(st.text(max_size=60))
def test_no_path_does_more_than_be_refused(path: str) -> None:
    try:
        code = read_link(path)
    except CodeError:
        return
    assert code is None or read_link(code.path) == code
