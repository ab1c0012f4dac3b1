"""Settings of the consumer page: what is allowed is checked, and what is wrong with it is said."""

from __future__ import annotations

import pytest

from assay.model.consumer import ConsumerPage
from assay.model.errors import ModelError
from assay.model.plant_model import parse_plant_model

LEAST = """
consumer_page:
  maker: {en: Gear Works, zh: 齿轮厂}
  products:
    - gtin: "9506000134352"
      name: {en: Gear, zh: 齿轮}
"""


def page(text: str = LEAST) -> ConsumerPage:
    found = parse_plant_model(text).consumer_page
    assert found is not None
    return found


def test_the_least_settings_show_the_product_and_its_country_only() -> None:
    product = page().product("09506000134352")
    assert product is not None
    assert product.origin == "country"
    assert not product.report.grade
    assert not product.report.results
    assert not product.materials
    assert page().product("09506000134376") is None


def test_a_package_is_that_of_the_longest_company_prefix() -> None:
    text = (
        LEAST
        + """
  logistic_units:
    - {company: "0614141", name: {en: Pallet, zh: 托盘}}
    - {company: "061414112", name: {en: Box, zh: 箱}}
"""
    )
    near, far = page(text).logistic_unit("106141411234567899"), page(text).logistic_unit("106141419234567899")
    assert near is not None
    assert far is not None
    assert (near.name.en, far.name.en) == ("Box", "Pallet")
    assert page(text).logistic_unit("061414112345678990") is None, "the first digit is no part of the prefix"
    assert page().logistic_unit("106141411234567899") is None


def test_without_the_section_there_is_no_page() -> None:
    assert parse_plant_model("version: 1").consumer_page is None


def test_a_place_is_that_of_the_machine_or_the_nearest_above_it() -> None:
    found = page(
        LEAST
        + """
  places:
    - {equipment: WORKS, country: {en: China, zh: 中国}}
    - {equipment: LINE1, country: {en: China, zh: 中国}, site: {en: Suzhou, zh: 苏州}}
"""
    )
    near, far = found.place(["F1", "LINE1", "WORKS"]), found.place(["F2", "WORKS"])
    assert near is not None
    assert far is not None
    assert (near.equipment, far.equipment) == ("LINE1", "WORKS")
    assert found.place(["F3"]) is None
    assert found.place([]) is None


@pytest.mark.parametrize(
    ("change", "path", "said"),
    [
        ('gtin: "9506000134353"', "consumer_page.products[0].gtin", "has to be 2"),
        ('gtin: "950600013435"', "consumer_page.products[0].gtin", "check digit"),
        ('gtin: "95x"', "consumer_page.products[0].gtin", "95x"),
        ('gtin: "9506000134352"\n      gtn: 1', "consumer_page.products[0].gtn", "gtin"),
        ('gtin: "9506000134352"\n      origin: all', "consumer_page.products[0].origin", "'country'"),
        ('gtin: "9506000134352"\n      countries: [Germany]', "countries[0]", "ISO 3166"),
        (
            'gtin: "9506000134352"\n      areas: [{latitude: 95, longitude: 0, kilometres: 1}]',
            "areas[0].latitude",
            "90",
        ),
        ('gtin: "9506000134352"\n      report: {grades: true}', "report.grades", "grade"),
        (
            'gtin: "9506000134352"\n      report: {results: [{characteristic: a, name: {en: A}}]}',
            "results[0].name.zh",
            "missing",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(change: str, path: str, said: str) -> None:
    with pytest.raises(ModelError) as caught:
        page(LEAST.replace('gtin: "9506000134352"', change))
    assert path in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("  hints: {days: 100}\n", "scans.keep_days (90) is below hints.days (100)"),
        ("  hints: {devices: 0}\n", "greater than or equal to 1"),
        ("  hints: {days_: 1}\n", "days"),
        ("  scan: {}\n", "scans"),
        ("  logistic_units: [{company: '061', name: {en: B, zh: B}}]\n", "logistic_units[0].company"),
        ("  logistic_units: [{company: '06141', nam: {en: B, zh: B}}]\n", "logistic_units[0].nam"),
        ("    - {gtin: '09506000134352', name: {en: G, zh: G}}\n", "names the gtin 09506000134352 twice"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(more: str, said: str) -> None:
    with pytest.raises(ModelError, match="consumer_page") as caught:
        page(LEAST + more)
    assert said in str(caught.value)
