"""What scanners send, device codes, and what any code is."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.model.codes.gs1 import GS, ElementString
from assay.model.codes.gs1.characters import CSET_82
from assay.model.codes.recognise import LONGEST, recognise
from assay.model.codes.rules import CodeRule
from assay.model.codes.scanner import parse_scan
from assay.model.codes.udi import hibc_check, parse_udi
from assay.model.errors import CodeError

TODAY = date(2026, 3, 14)
RAW = f"010950600013435210ABC/1{GS}21S-1"
LINKED = "(01)09506000134352(21)7(17)271231"
RULE = CodeRule.model_validate(
    {
        "name": "unit",
        "pattern": "SZ{line}{date}-{serial}{check}",
        "date": "yymmdd",
        "serial": {"alphabet": "base36", "width": 4, "reset": "day"},
        "check": "iso7064-mod-37-36",
        "fields": {"line": {"values": {"Line 1": "01", "Line 2": "02"}}},
    }
)


@pytest.mark.parametrize(
    ("typed", "symbology"),
    [
        (f"]d2{RAW}", "gs1-datamatrix"),
        (f"]C1{RAW}\r\n", "gs1-128"),
        (f"]Q3{RAW}\t", "gs1-qr"),
        (f"]D2{RAW}", "gs1-datamatrix"),
        (f"+d2{RAW}", "gs1-datamatrix"),
        (f"]d2{GS}{RAW}", "gs1-datamatrix"),
        *((f"]d2{RAW.replace(GS, typed)}", "gs1-datamatrix") for typed in (
            "^]", "<GS>", "{GS}", "[GS]", "\\x1d", "\\u001D", "␝", "↔", "|", "~", "^", "\x1e", "\x1f", "@")),
        (f"{GS}{RAW}", None),
    ],
)  # fmt: skip
def test_a_scan_is_set_right(typed: str, symbology: str | None) -> None:
    scan = parse_scan(typed)
    assert (scan.symbology, scan.gs1, scan.content) == (symbology, True, RAW)
    assert recognise(typed, today=TODAY).elements == ElementString.parse(RAW)


@given(st.text(st.sampled_from(CSET_82), min_size=1, max_size=20).filter(lambda one: "<GS>" not in one))
def test_no_data_is_taken_for_a_separator(lot: str) -> None:
    elements = ElementString.of(("01", "09506000134352"), ("10", lot), ("21", "7"))
    for separator in ("^]", "|", "{GS}", GS):
        assert recognise("]d2" + elements.raw().replace(GS, separator), today=TODAY).elements == elements


@given(st.text(max_size=60))
def test_any_text_is_recognised_or_refused(text: str) -> None:
    try:
        found = recognise(text, [RULE], today=TODAY)
    except CodeError:
        return
    assert found.kind in {"gs1", "digital-link", "epc", "udi", "plant", "uri"}


@pytest.mark.parametrize(
    ("text", "kind", "human"),
    [
        ("(01)09506000134352(10)A", "gs1", "(01)09506000134352(10)A"),
        ("010950600013435210A|21B", "gs1", "(01)09506000134352(10)A(21)B"),
        ("9506000134352", "gs1", "(01)09506000134352"),
        ("]E09506000134352", "gs1", "(01)09506000134352"),
        ("96385074", "gs1", "(01)00000096385074"),
        ("195060001343512347", "gs1", "(00)195060001343512347"),
        ("(37)24", "gs1", "(37)24"),
        ("urn:epc:id:sgtin:9506000.013435.7", "epc", "(01)09506000134352(21)7"),
        ("urn:epc:idpat:sgtin:*.*.*", "epc", None),
        ("https://example.com/01/09506000134352/21/7?17=271231", "digital-link", LINKED),
        ("https://example.com/unit/7", "uri", None),
        ("urn:uuid:6f1d6a5e-7f1f-4d40-8a5c-0c5f3f2f4d10", "uri", None),
        ("+A123BJC5D6E71G", "udi", None),
        ("SZ02260314-0ZZZ3", "plant", None),
    ],
)
def test_what_a_code_is(text: str, kind: str, human: str | None) -> None:
    found = recognise(text, [RULE], today=TODAY)
    assert found.kind == kind
    assert (found.elements.human() if found.elements else None) == human


def test_a_code_says_by_what_its_thing_may_be_found() -> None:
    assert recognise(f"]d2{RAW}", today=TODAY).ids == (
        RAW, "(01)09506000134352(10)ABC/1(21)S-1", "S-1", "ABC/1", "09506000134352",
    )  # fmt: skip
    plant = recognise("SZ02260314-0ZZZ3\n", [RULE], today=TODAY)
    assert (plant.ids, plant.rule, plant.serial, plant.fields) == (
        ("SZ02260314-0ZZZ3",), "unit", 46655, {"line": "Line 2"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("]d20109506000134353", "check-digit"),
        ("0109506000134353", "check-digit"),
        ("]E09506000134353", "check-digit"),
        ("https://example.com/01/09506000134353", "check-digit"),
        ("urn:epc:id:sgtin:9506000.13435.7", "urn-length"),
        ("+A123BJC5D6E71H", "udi-check"),
        ("+a", "udi-form"),
        ("=/A9999XYZ100T094", "udi-form"),
        ("=,000025", "udi-form"),
        ("SZ02260314-0ZZZ4", "code-check"),
        ("9506000134353", "bare-digits"),
        ("950600013435", "bare-digits"),
        ("91ABC", "unrecognised"),
        ("HELLO", "unrecognised"),
        ("", "unrecognised"),
        ("1" * (LONGEST + 1), "too-long"),
    ],
)
def test_a_bad_code_is_refused_by_its_rule(text: str, rule: str) -> None:
    with pytest.raises(CodeError) as caught:
        recognise(text, [RULE], today=TODAY)
    assert caught.value.rule == rule
    assert caught.value.said.zh != caught.value.said.en


def test_device_codes_of_the_three_agencies() -> None:
    """Examples of the FDA's list of UDI formats by issuing agency, and of ANSI/HIBC 2.6."""
    gs1 = parse_udi("(01)51022222233336(11)141231(17)150707(10)A213B1(21)1234")
    assert (gs1.agency, gs1.device) == ("gs1", "51022222233336")
    assert gs1.production == {"manufactured": "141231", "expiry": "150707", "lot": "A213B1", "serial": "1234"}
    body = "+H123PARTNO1234567890120/$$420020216LOT123456789012345/SXYZ456789012345678/16D20130202"
    hibcc = parse_udi(body + hibc_check(body))
    assert (hibcc.agency, hibcc.device) == ("hibcc", "H123PARTNO1234567890120")
    assert hibcc.production == {
        "expiry": "20020216", "lot": "LOT123456789012345", "serial": "XYZ456789012345678",
        "manufactured": "20130202",
    }  # fmt: skip
    iccbba = parse_udi("=/A9999XYZ100T0944=,000025=A99971312345600=>014032=}013032&,1000000000000XYZ123")
    assert (iccbba.agency, iccbba.device) == ("iccbba", "A9999XYZ100T0944")
    assert iccbba.production == {
        "serial": "000025", "donation": "A99971312345600", "expiry": "014032", "manufactured": "013032",
        "lot": "000000000000XYZ123",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("part", "production"),
    [
        ("$LOT1", {"lot": "LOT1"}),
        ("$+SER1", {"serial": "SER1"}),
        ("$$0928LOT1", {"expiry": "0928", "lot": "LOT1"}),
        ("$$2093028LOT1", {"expiry": "093028", "lot": "LOT1"}),
        ("$$3280930LOT1", {"expiry": "280930", "lot": "LOT1"}),
        ("$$52001510X3", {"expiry": "20015", "lot": "10X3"}),
        ("$$6200151210X3", {"expiry": "2001512", "lot": "10X3"}),
        ("$$7LOT1", {"lot": "LOT1"}),
        ("$$8243280930LOT1", {"quantity": "24", "expiry": "280930", "lot": "LOT1"}),
        ("$$9000243280930", {"quantity": "00024", "expiry": "280930"}),
        ("$$+3280930SER1", {"expiry": "280930", "serial": "SER1"}),
        ("14D20280930", {"expiry": "20280930"}),
    ],
)
def test_the_second_part_of_a_hibc_code(part: str, production: dict[str, str]) -> None:
    body = f"+A123BJC5D6E71/{part}"
    assert parse_udi(body + hibc_check(body)).production == production
