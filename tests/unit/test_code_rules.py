"""Code rules: what they make they read back, and what their check characters promise."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from assay.model.codes.check_schemes import SCHEMES
from assay.model.codes.dates import DateFormat
from assay.model.codes.rules import CodeRule, check_rules, rule_for
from assay.model.errors import CodeError, ModelError
from assay.model.plant_model import parse_plant_model

TODAY = date(2026, 3, 14)


def at(text: str) -> datetime:
    """A plant time."""
    return datetime.fromisoformat(text)


MOMENTS = st.datetimes(at("2018-01-01"), at("2026-03-14T23:59:59"))
FORMATS = [
    "yyyymmdd", "yymmdd", "yyjjj", "yjjj", "ymd", "ym", "yyww", "ywwe", "yyyy-mm-dd", "yymm", "yy", "y",
    "yymmddhh", "yyjjjhhmi", "ddmmyyhhmiss", "dd.mm.yyyy",
]  # fmt: skip


def rule(**changes: object) -> CodeRule:
    settings: dict[str, object] = {
        "name": "unit",
        "pattern": "SZ{line}{date}-{serial}{check}",
        "date": "yymmdd",
        "serial": {"alphabet": "base36", "width": 4, "reset": "day"},
        "check": "iso7064-mod-37-36",
        "fields": {"line": {"values": {"Line 1": "01", "Line 2": "02"}}},
    }
    return CodeRule.model_validate(settings | changes)


# -- check schemes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scheme", "text", "check"),
    [
        ("luhn", "7992739871", "3"),  # ISO/IEC 7812-1's usual example
        ("gs1", "629104150021", "3"),  # GS1 General Specifications
        ("mod-10", "0950600013435", "2"),
        ("mod-11", "1234567890", "3"),  # account number 12345678903, weights 2 to 7 from the right
        ("iso7064-mod-11-2", "0794", "0"),  # ISO/IEC 7064, and the next: an ORCID iD of its documentation
        ("iso7064-mod-11-2", "000000021825009", "7"),
        ("iso7064-mod-11-10", "0794", "5"),  # ISO/IEC 7064
        ("iso7064-mod-11-10", "8609574271", "9"),  # tax number of the Bundeszentralamt's test data
        ("iso7064-mod-37-36", "A12425GABC1234002", "M"),  # Global Release Identifier, GRid standard
        ("iso7064-mod-37-2", "A999912123456", "K"),  # donation number, ISBT 128 standard specification
    ],
)
def test_published_check_characters(scheme: str, text: str, check: str) -> None:
    assert SCHEMES[scheme].compute(text) == check


@pytest.mark.parametrize("name", SCHEMES)
@settings(max_examples=40)
@given(data=st.data())
def test_a_changed_character_is_always_found(name: str, data: st.DataObject) -> None:
    scheme = SCHEMES[name]
    text = data.draw(st.text(st.sampled_from(scheme.alphabet), min_size=1, max_size=16))
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from(scheme.alphabet.replace(text[place], "")))
    assert scheme.compute(text[:place] + other + text[place + 1 :]) != scheme.compute(text)


@pytest.mark.parametrize("name", SCHEMES)
@settings(max_examples=40)
@given(data=st.data())
def test_exchanged_neighbours_are_found_where_it_is_promised(name: str, data: st.DataObject) -> None:
    scheme = SCHEMES[name]
    text = data.draw(st.text(st.sampled_from(scheme.alphabet), min_size=2, max_size=16))
    whole = text + scheme.compute(text)
    place = data.draw(st.integers(0, len(whole) - 2))
    one, two = whole[place : place + 2]
    exchanged = whole[:place] + two + one + whole[place + 2 :]
    missed = set(exchanged[:-1]) <= set(scheme.alphabet) and scheme.compute(exchanged[:-1]) == exchanged[-1]
    promised = {
        "none": True,
        "0 and 9": {one, two} != {"0", "9"},
        "digits that differ by 5": {one, two} <= set("0123456789") and abs(int(one, 36) - int(two, 36)) != 5,
        "some": False,
    }[scheme.exchanges]
    assert one == two or not (promised and missed)


@pytest.mark.parametrize("name", ["iso7064-mod-11-10", "iso7064-mod-37-36"])
def test_a_hybrid_system_misses_few_exchanges(name: str) -> None:
    scheme = SCHEMES[name]
    pairs = [(a, b) for a in scheme.alphabet for b in scheme.alphabet if a != b]
    missed = [
        1
        for a, b in pairs
        for start in scheme.alphabet
        if scheme.compute(start + a + b) == scheme.compute(start + b + a)
    ]
    assert len(missed) / (len(pairs) * len(scheme.alphabet)) < 0.03


# -- dates ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", FORMATS)
@settings(max_examples=40)
@given(moment=MOMENTS)
def test_a_date_is_read_back_as_far_as_it_is_written(text: str, moment: datetime) -> None:
    form = DateFormat(text)
    written = form.write(moment)
    assert len(written) == len(form.characters)
    assert all(one in allowed for one, allowed in zip(written, form.characters, strict=True))
    read = form.read(written, TODAY)
    assert form.write(read) == written
    assert read == form.truncated(moment)


@pytest.mark.parametrize("text", ["yyyymmddhh", "yymmdd", "ywwe"])
@given(moment=MOMENTS, later=st.timedeltas(timedelta(hours=1), timedelta(days=300)))
def test_the_period_of_a_series_changes_only_with_its_text(
    text: str, moment: datetime, later: timedelta
) -> None:
    form = DateFormat(text)
    for reset in ("year", "month", "week", "day", "hour"):
        if form.allows(reset) and form.write(moment) == form.write(moment + later):
            assert form.period(moment, reset) == form.period(moment + later, reset)


def test_the_last_days_of_a_year_belong_to_the_iso_year_of_their_week() -> None:
    assert DateFormat("yywwe").write(at("2027-01-01")) == "26535"
    assert DateFormat("yywwe").read("26535", date(2027, 1, 5)) == at("2027-01-01")


def test_a_short_year_is_the_latest_that_can_be_meant() -> None:
    assert DateFormat("ymm").read("607", TODAY) == at("2026-07-01")
    assert DateFormat("ymm").read("807", TODAY) == at("2018-07-01")
    assert DateFormat("yymmdd").read("991231", TODAY) == at("1999-12-31")
    assert DateFormat("yjjj").read("4366", TODAY) == at("2024-12-31")
    assert DateFormat("yymmdd").read("960229", TODAY) == at("1996-02-29")


@pytest.mark.parametrize("bad", ["mmdd", "yyq", "yyyyyy", "yydd", "yymmjjj", "yyhh", "yymmddmi", "yye"])
def test_a_format_that_can_not_be_read_back_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="date format"):
        DateFormat(bad)


@pytest.mark.parametrize(
    ("form", "bad"), [("yymmdd", "260230"), ("yyjjj", "25366"), ("yyww", "2554"), ("ymd", "6D1")]
)
def test_a_date_that_is_none_is_refused(form: str, bad: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        DateFormat(form).read(bad, TODAY)


# -- rules ----------------------------------------------------------------------------------------


@st.composite
def rules(draw: st.DrawFn) -> CodeRule:
    """Rules of every kind: with and without date, check and fields, in any order."""
    check = draw(st.sampled_from([None, *SCHEMES]))
    digits = check is not None and "A" not in SCHEMES[check].alphabet
    alphabet = "decimal" if digits else draw(st.sampled_from(["decimal", "base36", "unambiguous", "ABX"]))
    form = draw(st.sampled_from([None, "yymmdd", "yyyyjjj", "yywwe"]))
    pieces = ["{serial}", "{shift}", *(["{date}"] if form else [])]
    pattern = "".join(draw(st.permutations(pieces))) + ("{check}" if check else "")
    return CodeRule.model_validate(
        {
            "name": "r",
            "pattern": draw(st.sampled_from(["", "P-", "P7"])) + pattern + draw(st.sampled_from(["", "/"])),
            "date": form,
            "serial": {"alphabet": alphabet, "width": draw(st.integers(1, 5))},
            "check": check,
            "fields": {"shift": {"values": {"early": "1", "late": "2"}}},
        }
    )


@given(rules(), MOMENTS, st.sampled_from(["early", "late"]), st.data())
def test_what_a_rule_makes_it_reads_back(
    made: CodeRule, moment: datetime, shift: str, data: st.DataObject
) -> None:
    serial = data.draw(st.integers(made.serial.start, made.serial.last))
    code = made.write(serial, {"shift": shift}, moment)
    parsed = made.parse(code, TODAY)
    assert (parsed.serial, parsed.fields, parsed.code) == (serial, {"shift": shift}, code)
    assert parsed.date == (made.date_format.truncated(moment) if made.date_format else None)
    assert len(code) == len(made.shape)
    assert all(one in allowed for one, allowed in zip(code, made.shape, strict=True))


@given(rules().filter(lambda one: one.check is not None), MOMENTS, st.data())
def test_a_mistyped_character_of_a_code_is_refused(
    made: CodeRule, moment: datetime, data: st.DataObject
) -> None:
    code = made.write(made.serial.start, {"shift": "early"}, moment)
    place = data.draw(st.integers(0, len(code) - 1))
    other = data.draw(st.sampled_from("0123456789ABCXYZ-").filter(lambda one: one != code[place]))
    with pytest.raises(CodeError):
        made.parse(code[:place] + other + code[place + 1 :], TODAY)


@pytest.mark.parametrize("check", [name for name, one in SCHEMES.items() if one.exchanges == "none"])
def test_exchanged_neighbours_of_a_code_are_refused(check: str) -> None:
    made = rule(check=check, pattern="P{line}{date}{serial}{check}", serial={"width": 5})
    code = made.write(40712, {"line": "Line 2"}, at("2026-03-14"))
    for place, (one, two) in enumerate(pairwise(code)):
        if one != two:
            with pytest.raises(CodeError):
                made.parse(code[:place] + two + one + code[place + 2 :], TODAY)


def test_a_code_is_made_as_the_rule_says() -> None:
    code = rule().write(46655, {"line": "Line 2"}, at("2026-03-14T05:00:00"))
    assert code == "SZ02260314-0ZZZ3"
    parsed = rule().parse(code, TODAY)
    assert parsed.fields == {"line": "Line 2"}
    assert parsed.date == at("2026-03-14")


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("SZ02260314-0ZZZ", "code-length"),
        ("SX02260314-0ZZZE", "code-text"),
        ("SZ02260314-0zZZE", "code-text"),
        ("SZ02260314-0ZZZF", "code-check"),
    ],
)
def test_a_code_of_another_form_is_refused_by_its_rule(code: str, wrong: str) -> None:
    with pytest.raises(CodeError) as caught:
        rule().parse(code, TODAY)
    assert caught.value.rule == wrong


def test_what_the_check_can_not_see_is_refused_too() -> None:
    mixed = {"line": {"values": {"Line 1": "12", "Line 2": "21"}}}
    plain = rule(check=None, pattern="{line}{date}{serial}", serial={"width": 2, "end": 50}, fields=mixed)
    for code, wrong in (
        ("2126031400", "code-serial"),
        ("2126031451", "code-serial"),
        ("2126023001", "code-date"),
        ("1126031401", "code-value"),
    ):
        with pytest.raises(CodeError) as caught:
            plain.parse(code, TODAY)
        assert caught.value.rule == wrong


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, "field-missing"),
        ({"line": "Line 3"}, "field-value"),
        ({"line": "Line 1", "plant": "SZ"}, "field-unknown"),
    ],
)
def test_fields_that_do_not_fit_are_refused(fields: dict[str, str], wrong: str) -> None:
    with pytest.raises(CodeError) as caught:
        rule().write(1, fields, at("2026-03-14"))
    assert caught.value.rule == wrong


def test_a_free_field_has_its_width_and_characters() -> None:
    free = rule(fields={"line": {"width": 2, "alphabet": "decimal", "default": "07"}})
    assert free.write(1, {}, at("2026-03-14")).startswith("SZ07")
    for bad in ("7", "0A", "007"):
        with pytest.raises(CodeError, match="line"):
            free.write(1, {"line": bad}, at("2026-03-14"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pattern": "SZ{line}{date}{check}"}, "no {serial}"),
        ({"pattern": "SZ{line}{serial}{check}"}, "{date} in the pattern and the setting date"),
        ({"pattern": "SZ{line}{date}{serial}"}, "{check} in the pattern and the setting check"),
        ({"pattern": "SZ{line}{shift}{date}{serial}{check}"}, "shift"),
        ({"pattern": "SZ{date}{serial}{check}"}, "has to be in the pattern"),
        ({"pattern": "SZ{line}{line}{date}{serial}{check}"}, "twice"),
        ({"pattern": "SZ{line}{date}{serial}{check}}"}, "brace"),
        ({"pattern": "SZ{line}{date}{check}{serial}"}, "last part"),
        ({"check": "mod-97"}, "no check scheme"),
        ({"check": "luhn"}, "covers only"),
        ({"date": "yyyy"}, "does not show"),
        ({"date": "mmdd"}, "no year"),
        ({"serial": {"width": 2, "start": 100}}, "don't fit"),
        ({"serial": {"width": 2, "alphabet": "AA"}}, "different characters"),
        ({"serial": {"width": 2, "per": ["date"]}}, "repeat"),
        ({"serial": {"width": 2, "per": ["lot"]}}, "repeat"),
        ({"fields": {"line": {"values": {"a": "1", "b": "1"}}}}, "alike"),
        ({"fields": {"line": {"values": {"a": "1", "b": "22"}}}}, "1 characters"),
        ({"fields": {"line": {}}}, "needs a width"),
    ],
)
def test_a_rule_that_can_not_work_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        rule(**changes)
    assert said in str(caught.value)


def test_rules_are_told_apart() -> None:
    other = rule(name="b", pattern="QX{line}{date}-{serial}{check}", products=["p"])
    check_rules([rule(), other], "codes")
    assert rule_for([rule(), other], "unit", "p").name == "b"
    assert rule_for([rule(), other], "unit", "q").name == "unit"
    with pytest.raises(CodeError, match="lot"):
        rule_for([rule(), other], "lot", None)
    for clash, said in (
        (rule(products=["p"], pattern="A{line}{date}{serial}{check}"), "twice"),
        (rule(name="c", products=["p"]), "could give a code"),
        (rule(name="c", pattern="A{line}{date}{serial}{check}"), "without a product"),
    ):
        with pytest.raises(ValueError, match=said):
            check_rules([rule(), other, clash], "codes")
    check_rules([rule(), rule(name="lot", of="lot")], "codes")


def test_rules_are_part_of_the_plant_model() -> None:
    model = parse_plant_model(
        """
codes:
  - name: unit
    pattern: "{plant}{date}{serial}{check}"
    date: yyjjj
    serial: {width: 4, reset: day, per: [plant]}
    check: gs1
    fields:
      plant: {values: {Suzhou: "1"}, default: Suzhou}
"""
    )
    assert model.codes[0].write(7, {}, at("2026-03-14")) == "12607300070"
    one = "{name: %s, pattern: '%s{serial}', serial: {width: 3}}"
    for text, where in (
        (
            "codes: [{name: unit, pattern: '{serial}', serial: {width: 3, length: 4}}]",
            r"codes\[0\].serial.length",
        ),
        ("codes: [{name: unit, pattern: 'A', serial: {width: 3}}]", r"codes\[0\]"),
        (f"codes: [{one % ('a', '')}, {one % ('a', 'A')}]", "twice"),
    ):
        with pytest.raises(ModelError, match=where):
            parse_plant_model(text)
