"""GS1 keys in element strings, EPC URNs and Digital Links; examples are GS1's own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.model.codes.gs1 import (
    GS,
    ElementString,
    check_digit,
    check_pair,
    check_value,
    complete_key,
    gtin14,
    parse_digital_link,
    parse_urn,
    shortest_gtin,
    to_digital_link,
    to_urn,
    verify_identifier,
)
from assay.model.codes.gs1.characters import CSET_82
from assay.model.codes.gs1.dictionary import table
from assay.model.errors import CodeError

DIGIT = st.sampled_from("0123456789")
CSET = st.sampled_from(CSET_82)


def digits(least: int, most: int | None = None) -> st.SearchStrategy[str]:
    return st.text(DIGIT, min_size=least, max_size=most or least)


def characters(most: int) -> st.SearchStrategy[str]:
    return st.text(CSET, min_size=1, max_size=most)


def with_check(body: str) -> str:
    return body + check_digit(body)


GTIN = digits(4).flatmap(lambda start: digits(9).map(lambda rest: with_check(start + rest)))
VALUES = {
    "10": characters(20), "21": characters(20), "240": characters(30), "242": digits(1, 6),
    "400": characters(30), "11": st.dates().map(lambda one: f"{one:%y%m%d}"),
    "3103": digits(6), "91": characters(90),
}  # fmt: skip


def rule_of(work: Callable[[], object]) -> str:
    with pytest.raises(CodeError) as caught:
        work()
    assert caught.value.said.zh != caught.value.said.en
    return caught.value.rule


# -- check digits ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "digit"),
    [
        ("629104150021", "3"),  # GS1 General Specifications, figure on the check digit calculation
        ("37610425002123456", "9"),  # the same, for 18 digits
        ("0950600013435", "2"),  # GTIN of the General Specifications' examples
        ("9638507", "4"),  # GTIN-8
        ("03600029145", "2"),  # GTIN-12
    ],
)
def test_published_check_digits(body: str, digit: str) -> None:
    assert check_digit(body) == digit


@given(digits(7, 17), st.data())
def test_a_changed_digit_is_always_found(body: str, data: st.DataObject) -> None:
    whole = with_check(body)
    place = data.draw(st.integers(0, len(whole) - 1))
    other = data.draw(DIGIT.filter(lambda one: one != whole[place]))
    changed = whole[:place] + other + whole[place + 1 :]
    assert check_digit(changed[:-1]) != changed[-1]


@given(digits(7, 17), st.data())
def test_exchanged_neighbours_are_found_unless_they_differ_by_five(body: str, data: st.DataObject) -> None:
    whole = with_check(body)
    place = data.draw(st.integers(0, len(whole) - 2))
    one, two = whole[place : place + 2]
    exchanged = whole[:place] + two + one + whole[place + 2 :]
    found = check_digit(exchanged[:-1]) != exchanged[-1]
    assert found == (one != two and abs(int(one) - int(two)) != 5)


def test_the_published_model_number_has_its_check_pair() -> None:
    assert check_pair("1987654Ad4X4bL5ttr2310c") == "2K"
    check_value("8013", "1987654Ad4X4bL5ttr2310c2K")
    assert rule_of(lambda: check_value("8013", "1987654Ad4X4bL5ttr2310c2L")) == "check-pair"


@pytest.mark.parametrize("bad", ["", "12a", "１２３", "1 2"])
def test_only_digits_have_a_check_digit(bad: str) -> None:
    with pytest.raises(ValueError, match="not a row of digits"):
        check_digit(bad)


@pytest.mark.parametrize(
    ("kind", "body", "serial", "value"),
    [
        ("gtin", "8061414112345", "", "80614141123458"),
        ("sscc", "10614141234567890", "", "106141412345678908"),
        ("gln", "061414112345", "", "0614141123452"),
        ("grai", "061414112345", "400", "00614141123452400"),
        ("gdti", "061414112345", "006847", "0614141123452006847"),
        ("gsrn", "06141411234567890", "", "061414112345678902"),
        ("gsin", "0614141123456789", "", "06141411234567890"),
        ("giai", "061414112345400", "", "061414112345400"),
        ("gmn", "1987654Ad4X4bL5ttr2310c", "", "1987654Ad4X4bL5ttr2310c2K"),
    ],
)
def test_a_key_is_completed(kind: str, body: str, serial: str, value: str) -> None:
    """Values of the EPC Tag Data Standard's examples."""
    assert complete_key(kind, body, serial) == value


def test_a_key_that_can_not_be_is_refused() -> None:
    for kind, body, rule in (
        ("isbn", "1", "unknown-key"),
        ("sscc", "123", "key-body"),
        ("gln", "06141411234A", "key-body"),
        ("gmn", "1" * 24, "key-body"),
        ("giai", "06", "company-prefix"),
        ("giai", "0614141" + "A" * 24, "length"),
    ):
        assert rule_of(lambda kind=kind, body=body: complete_key(kind, body)) == rule  # type: ignore[misc]


@pytest.mark.parametrize("gtin", ["96385074", "036000291452", "9506000134352", "80614141123458"])
def test_a_gtin_has_four_lengths(gtin: str) -> None:
    assert gtin14(gtin) == gtin.zfill(14)
    assert shortest_gtin(gtin14(gtin)) == gtin
    assert rule_of(lambda: gtin14(gtin[:-1] + str(9 - int(gtin[-1])))) == "check-digit"
    assert rule_of(lambda: gtin14(gtin + "0" * 7)) == "gtin-length"


# -- the dictionary -------------------------------------------------------------------------------


def test_the_dictionary_is_read_whole() -> None:
    known = table()
    assert len(known) == 541
    assert known["01"].title == "GTIN"
    assert known["01"].qualifiers == (("22", "10", "21"), ("235",))
    assert known["3105"].predefined_length
    assert not known["3105"].components[0].optional
    assert known["253"].components[1].optional
    assert known["37"].required == ((("00", "02"), ("00", "8026")),)
    assert known["254"].qualifiers is None
    assert not known["21"].attribute
    assert known["17"].attribute


def test_no_application_identifier_begins_another() -> None:
    known = table()
    assert not [(a, b) for a in known for b in known if a != b and b.startswith(a)]


# -- element strings ------------------------------------------------------------------------------


def test_both_forms_of_an_element_string() -> None:
    parsed = ElementString.parse("(01)09506000134352(10)ABC/1(17)271231(21)S-1")
    assert parsed.raw() == f"010950600013435210ABC/1{GS}1727123121S-1"
    assert ElementString.parse(parsed.raw()) == parsed
    assert ElementString.parse(GS + parsed.raw()) == parsed
    assert parsed.for_symbol().raw() == f"01095060001343521727123110ABC/1{GS}21S-1"
    assert parsed["10"] == "ABC/1"
    assert parsed.get("11") is None


@given(GTIN, st.dictionaries(st.sampled_from(sorted(VALUES)), st.just(None)), st.data())
def test_an_element_string_survives_both_of_its_forms(
    gtin: str, others: dict[str, None], data: st.DataObject
) -> None:
    pairs = [("01", gtin), *((ai, data.draw(VALUES[ai])) for ai in others)]
    elements = ElementString.of(*pairs)
    assert ElementString.parse(elements.raw()) == elements
    assert ElementString.parse(elements.human()) == elements


def test_a_bracket_in_the_data_is_no_application_identifier() -> None:
    elements = ElementString.of(("01", "09506000134352"), ("10", "A(21)B"))
    assert elements.human() == r"(01)09506000134352(10)A\(21)B"
    assert ElementString.parse(elements.human()) == elements


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("(01)09506000134353", "check-digit"),
        ("0109506000134353", "check-digit"),
        ("(00)195060001343512348", "check-digit"),
        ("(414)9506000134351", "check-digit"),
        ("(8003)09506000134351", "check-digit"),
        ("(8003)19506000134352", "zero"),
        ("(01)9506000134352", "length"),
        ("(01)0950600013435A", "characters"),
        ("(01)09506000134352(10)A B", "characters"),
        ("(01)09506000134352(10)" + "A" * 21, "length"),
        ("(01)09506000134352(17)271332", "date"),
        ("(01)09506000134352(17)260229", "date"),
        ("(01)09506000134352(10)A(10)B", "repeated"),
        ("(01)09506000134352(02)09506000134352(37)2", "excluded"),
        ("(01)09506000134352(21)A(235)B", "excluded"),
        ("(10)ABC", "required"),
        ("(37)5", "required"),
        ("(8010)9506000ABC(8011)01", "leading-zero"),
        ("(8010)9506000abc(8011)1", "characters"),
        ("(8020)A", "required"),
        ("(01)09506000134352(422)000", "country"),
        ("(01)09506000134352(7003)2601012460", "time"),
        ("(8006)095060001343520302(21)A", "piece-of-total"),
        ("(8004)95AB", "company-prefix"),
        ("(00)195060001343512347(7041)0", "package-type"),
        ("(8110)7123456712345", "coupon"),
        ("(8112)201234561234560123456", "positive-offer"),
        ("(05)1", "unknown-ai"),
        ("(01", "brackets"),
        ("A(01)09506000134352", "no-ai"),
        ("", "empty"),
        (f"01095060001343{GS}52", "length"),
    ],
)
def test_a_bad_element_string_is_refused_by_its_rule(text: str, rule: str) -> None:
    assert rule_of(lambda: ElementString.parse(text)) == rule


def test_two_symbols_of_one_pallet_are_checked_together() -> None:
    content = ElementString.parse("(02)09506000134352(37)24", whole=False)
    whole = content.joined(ElementString.parse("(00)195060001343512347"))
    assert [ai for ai, _ in whole] == ["02", "37", "00"]
    assert rule_of(lambda: content.joined(ElementString.parse("(01)09506000134352"))) == "excluded"


def test_one_symbol_of_several_holds_nothing_that_must_not_go_together() -> None:
    assert (
        rule_of(lambda: ElementString.parse("(01)09506000134352(02)09506000134352", whole=False))
        == "excluded"
    )
    assert rule_of(lambda: ElementString.of(("21", "1"), ("235", "2"), whole=False)) == "excluded"
    assert ElementString.parse("(21)1", whole=False).get("21") == "1"


def test_the_same_element_twice_is_one() -> None:
    twice = ElementString.parse("(01)09506000134352(01)09506000134352")
    assert twice.elements == (("01", "09506000134352"),)


# -- EPC URNs -------------------------------------------------------------------------------------

URNS = [
    ("urn:epc:id:sgtin:0614141.812345.6789", "(01)80614141123458(21)6789"),
    ("urn:epc:id:sgtin:0614141.812345.32a%2Fb", "(01)80614141123458(21)32a/b"),
    ("urn:epc:id:sscc:0614141.1234567890", "(00)106141412345678908"),
    ("urn:epc:id:sgln:0614141.12345.400", "(414)0614141123452(254)400"),
    ("urn:epc:id:sgln:0614141.12345.0", "(414)0614141123452"),
    ("urn:epc:id:grai:0614141.12345.400", "(8003)00614141123452400"),
    ("urn:epc:id:giai:0614141.12345400", "(8004)061414112345400"),
    ("urn:epc:id:gsrn:0614141.1234567890", "(8018)061414112345678902"),
    ("urn:epc:id:gsrnp:0614141.1234567890", "(8017)061414112345678902"),
    ("urn:epc:id:gdti:0614141.12345.006847", "(253)0614141123452006847"),
    ("urn:epc:id:cpi:0614141.123ABC.123456789", "(8010)0614141123ABC(8011)123456789"),
    ("urn:epc:id:cpi:0614141.5PQ7%2FZ43.12345", "(8010)06141415PQ7/Z43(8011)12345"),
    ("urn:epc:id:sgcn:4012345.67890.04711", "(255)401234567890104711"),
    ("urn:epc:id:ginc:0614141.xyz47%2F11", "(401)0614141xyz47/11"),
    ("urn:epc:id:gsin:0614141.123456789", "(402)06141411234567890"),
    ("urn:epc:id:itip:4012345.012345.01.02.987", "(8006)040123451234560102(21)987"),
    ("urn:epc:id:upui:1234567.089456.51qIgY)%3C%26Jp3*j7'SDB", "(01)01234567894560(235)51qIgY)<&Jp3*j7'SDB"),
    ("urn:epc:id:pgln:1234567.89012", "(417)1234567890128"),
    ("urn:epc:class:lgtin:4012345.012345.998877", "(01)04012345123456(10)998877"),
    ("urn:epc:idpat:sgtin:4012345.066666.*", "(01)04012345666663"),
    ("urn:epc:idpat:grai:0614141.12345.*", "(8003)00614141123452"),
]
"""Examples of the EPC Tag Data Standard 1.13, section 6.3 and following, and of EPCIS 2.0."""


@pytest.mark.parametrize(("urn", "elements"), URNS)
def test_published_urns_both_ways(urn: str, elements: str) -> None:
    parsed = parse_urn(urn)
    assert parsed.elements == ElementString.parse(elements)
    assert parsed.company_prefix
    assert to_urn(parsed.elements, len(parsed.company_prefix)) == urn


@given(st.integers(6, 12), digits(12), DIGIT, characters(20))
def test_a_serial_number_survives_as_urn_and_as_link(
    length: int, body: str, indicator: str, serial: str
) -> None:
    elements = ElementString.of(("01", with_check(indicator + body)), ("21", serial))
    urn = to_urn(elements, length)
    parsed = parse_urn(urn)
    assert parsed.elements == elements
    assert parsed.company_prefix == body[:length]
    link = to_digital_link(elements, "https://example.com/a/b")
    assert parse_digital_link(link).elements == elements
    assert verify_identifier(urn) is None
    assert verify_identifier(link) is None


@pytest.mark.parametrize(
    ("urn", "rule"),
    [
        ("urn:epc:id:sgtin:0614141.10734.2018", "urn-length"),
        ("urn:epc:id:sgtin:06141.10734612.2018", "urn-prefix"),
        ("urn:epc:id:sgtin:061414A.107346.2018", "urn-digits"),
        ("urn:epc:id:sgtin:0614141.10734X.2018", "urn-digits"),
        ("urn:epc:id:sgtin:0614141.107346", "urn-parts"),
        ("urn:epc:id:sgtin:0614141.107346.", "urn-long"),
        ("urn:epc:id:sgtin:0614141.107346." + "1" * 21, "urn-long"),
        ("urn:epc:id:sgtin:0614141.107346.a/b", "urn-characters"),
        ("urn:epc:id:sgtin:0614141.107346.a%41", "urn-characters"),
        ("urn:epc:id:sgtin:0614141.107346.é", "absolute"),
        ("urn:epc:id:sscc:0614141.123456789", "urn-length"),
        ("urn:epc:id:sscc:0614141.12345678901", "urn-length"),
        ("urn:epc:id:sscc:0614141.1234567890.1", "urn-digits"),
        ("urn:epc:id:cpi:0614141.123abc.1", "urn-characters"),
        ("urn:epc:id:cpi:0614141.123ABC.01", "leading-zero"),
        ("urn:epc:id:sgcn:4012345.67890.A", "urn-digits"),
        ("urn:epc:id:itip:4012345.012345.03.02.987", "piece-of-total"),
        ("urn:epc:id:lgtin:4012345.012345.998877", "urn-scheme"),
        ("urn:epc:class:sgtin:4012345.012345.998877", "urn-scheme"),
        ("urn:epc:tag:sgtin-96:3.0614141.812345.400", "urn-scheme"),
        ("urn:epc:idpat:sgtin:4012345.*.1", "urn-pattern"),
        ("urn:epc:idpat:sgtin:4012.*.*", "urn-prefix"),
        ("urn:epc:id:gid:0001.1.1", "urn-foreign"),
        ("urn:epc:id:bic:CSQU3054384", "urn-check"),
        ("urn:epc:id:imovn:9074728", "urn-check"),
        ("urn:epc:id:sgtin", "urn-form"),
    ],
)
def test_a_bad_urn_is_refused_by_its_rule(urn: str, rule: str) -> None:
    problem = verify_identifier(urn)
    assert problem
    assert problem.rule == rule


# -- Digital Links --------------------------------------------------------------------------------


def test_a_link_is_taken_apart_and_put_together() -> None:
    link = parse_digital_link(
        "http://Shop.example/de/01/09506000134352/10/A%2F1/21/12?17=271231&linkType=gs1:pip"
    )
    assert link.stem == "http://Shop.example/de"
    assert link.key == ("01", "09506000134352")
    assert link.elements.human() == "(01)09506000134352(10)A/1(21)12(17)271231"
    assert link.other == (("linkType", "gs1:pip"),)
    assert link.canonical() == "https://id.gs1.org/01/09506000134352/10/A%2F1/21/12?17=271231"


@given(
    GTIN,
    characters(20),
    characters(20),
    characters(20),
    st.sampled_from(["https://id.gs1.org", "http://a.b/c/01"]),
)
def test_every_character_survives_a_link(gtin: str, variant: str, lot: str, serial: str, stem: str) -> None:
    elements = ElementString.of(("01", gtin), ("22", variant), ("10", lot), ("21", serial), ("240", lot))
    link = parse_digital_link(to_digital_link(elements, stem))
    assert link.elements == elements
    assert link.stem == stem


@pytest.mark.parametrize(
    ("uri", "rule"),
    [
        ("https://example.com/01/09506000134353", "check-digit"),
        ("https://id.gs1.org/01/9506000134352", "length"),
        ("https://any.host/x/01/9506000134352/21/1", "length"),
        ("https://example.com/01/0950600013435A/21/1", "characters"),
        ("https://example.com/00/195060001343512348", "check-digit"),
        ("https://example.com/414/4012345000055", "check-digit"),
        ("https://example.com/8003/140123450007718765", "zero"),
        ("https://example.com/8003/040123450007728765", "check-digit"),
        ("https://example.com/253/4012345000055987", "check-digit"),
        ("https://example.com/8010/4012345ABC/8011/012", "leading-zero"),
        ("https://example.com/01/09506000134352/21/1/10/2", "dl-qualifiers"),
        ("https://example.com/00/195060001343512347/21/1", "dl-qualifiers"),
        ("https://example.com/01/09506000134352?21=5", "dl-attribute"),
        ("https://example.com/01/09506000134352?17=271332", "date"),
        ("https://example.com/01/09506000134352?999=1", "dl-attribute"),
        ("https://example.com/01/09506000134352/10/A%2", "absolute"),
        ("https://example.com/01/09506000134352/10/%FF", "escape"),
        ("https://example.com/01/09506000134352/10/%C3%A9", "characters"),
        ("https://id.gs1.org/gtin/09506000134352", "dl-word"),
        ("https://id.gs1.org/about", "dl-key"),
        ("sgtin:1", None),
        ("https:///01/09506000134352", "absolute"),
        ("09506000134352", "absolute"),
        ("/01/09506000134352", "absolute"),
        ("https://exa mple.com/", "absolute"),
        ("urn:x", "absolute"),
        ("http://[/01/09506000134352", "absolute"),
        ("http://[::1]/01/09506000134352", None),
        ("http://@/x", "absolute"),
        ("", "absolute"),
        ("urn:uuid:6f1d6a5e-7f1f-4d40-8a5c-0c5f3f2f4d10", None),
        ("https://example.com/2024/01/15", None),
        ("https://example.com/2024/01/15/a-title-of-a-page", None),
        ("https://example.com/objects/12345?x=1#y", None),
        ("urn:epcglobal:cbv:bt:0614141073467:1152", None),
    ],
)
def test_identifiers_are_verified_on_any_host(uri: str, rule: str | None) -> None:
    problem = verify_identifier(uri)
    assert (problem.rule if problem else None) == rule


PARTS = (
    "urn: epc: id: sgtin: idpat: class: cpi: gid: bic: https:// http:// [ ] @ :8080 id.gs1.org / 01/ 10/ "
    "A%2F % ? 09506000134352 17= 271231 & . * 9506000 # é"
)
PIECES = st.sampled_from([*PARTS.split(), " "])


@given(st.lists(PIECES, max_size=12).map("".join))
def test_whatever_is_given_is_fine_or_a_problem(uri: str) -> None:
    verify_identifier(uri)
    for work in (parse_urn, parse_digital_link, ElementString.parse):
        try:
            work(uri)
        except CodeError:
            continue


def test_links_without_a_place_for_something_are_refused() -> None:
    assert rule_of(lambda: to_digital_link(ElementString.of(("400", "A1")))) == "dl-no-key"
    gtin = ElementString.of(("01", "09506000134352"), ("21", "1"), ("8200", "https:..a.b"))
    assert rule_of(lambda: to_digital_link(gtin)) == "dl-no-place"
    assert rule_of(lambda: parse_digital_link("ftp://example.com/01/09506000134352")) == "dl-scheme"
    assert rule_of(lambda: to_urn(ElementString.of(("400", "A1")), 7)) == "no-urn"
    assert rule_of(lambda: to_urn(ElementString.of(("01", "09506000134352")), 5)) == "prefix-length"
    assert rule_of(lambda: to_urn(ElementString.of(("8004", "9506A1")), 6)) == "prefix-fits"
