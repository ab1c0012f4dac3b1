"""Page specifications: what is valid, what is not, and where the error says it lies."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from assay.apps import WIDGETS, PageError, builtin_pages, check_page, read_page
from assay.apps.operators import OPERATORS
from assay.apps.widgets import GRID_COLUMNS, UNBOUND

PAGE: dict[str, Any] = {
    "id": "mine",
    "title": {"zh": "我的", "en": "Mine"},
    "params": [{"name": "target", "type": "target", "title": {"zh": "目标", "en": "Target"}}],
    "data": {
        "causes": {"operator": "cause", "args": {"target": "$target"}},
        "rows": {
            "operator": "evidence",
            "args": {"target": "$target", "factor": "$chosen.factor", "value": "$chosen.value"},
        },
    },
    "widgets": [
        {"type": "cause-list", "data": "causes", "select": "chosen", "at": [0, 0, 6, 4]},
        {"type": "grid", "data": "rows", "follows": "chosen", "at": [6, 0, 6, 4]},
    ],
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """PAGE with the value at ``path`` replaced."""
    page = yaml.safe_load(yaml.safe_dump(PAGE))
    at: Any = page
    *above, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in above:
        at = at[part]
    at[last] = value
    return page


@pytest.mark.parametrize("page", builtin_pages().values(), ids=lambda page: page.id)
def test_every_built_in_page_is_valid_and_bilingual(page: Any) -> None:
    assert check_page(page.model_dump(mode="json"), origin=page.id) == page
    titles = [page.title, *(param.title for param in page.params), *(widget.title for widget in page.widgets)]
    assert all(title.zh and title.en for title in titles if title is not None)
    assert all(widget.title is not None for widget in page.widgets if widget.type != "kpi")
    assert {widget.data for widget in page.widgets if not isinstance(widget, UNBOUND)} == set(page.data)


def test_the_navigation_has_the_pages_in_the_order_of_the_work() -> None:
    pages = [
        "overview",
        "cause",
        "questions",
        "chart",
        "capability",
        "monitor",
        "trace",
        "bridges",
        "mixing",
        "metres",
        "unit",
        "unit-file",
        "weld-file",
        "scans",
        "alarms",
        "evidence",
        "contracts",
        "import",
    ]
    assert list(builtin_pages()) == pages


@pytest.mark.parametrize("kind", WIDGETS)
def test_every_widget_has_a_model_with_words_about_itself(kind: str) -> None:
    model = WIDGETS[kind]
    assert model.__doc__
    assert len(model.__doc__) > 30
    assert model.model_config["extra"] == "forbid"
    assert all(field.description for name, field in model.model_fields.items() if name != "type")


def test_every_widget_is_on_some_built_in_page() -> None:
    used = {widget.type for page in builtin_pages().values() for widget in page.widgets}
    assert used == set(WIDGETS)


@pytest.mark.parametrize("operator", OPERATORS.values(), ids=lambda operator: operator.id)
def test_every_operator_says_what_it_answers(operator: Any) -> None:
    assert operator.doc.endswith(".")
    assert operator.args.__doc__


def test_a_page_reads_from_yaml() -> None:
    assert read_page(yaml.safe_dump(PAGE), origin="mine.yaml").id == "mine"


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("colour", "red", "colour: Extra inputs are not permitted"),
        ("title", {"en": "Mine"}, "title.zh: Field required"),
        ("widgets.0.type", "pie", "widgets.0"),
        ("widgets.0.at", [6, 0, 7, 4], f"[6, 0, 7, 4] ends at column 13; the grid has {GRID_COLUMNS}"),
        ("widgets.1.at", [5, 3, 6, 4], "widgets.1.at: [5, 3, 6, 4] lies over widgets.0"),
        ("widgets.1.data", "row", "widgets.1.data: no binding is called 'row' (causes, rows)"),
        ("widgets.1.follows", "choice", "widgets.1.follows: no widget of this page selects 'choice'"),
        ("widgets.1.colour", "red", "widgets.1.grid.colour: Extra inputs are not permitted"),
        ("data.rows.args.factor", "$choice.factor", "$choice is neither a parameter nor a selection"),
        ("data.rows.operator", "evidenc", "data.rows.operator: 'evidenc' is none of"),
        ("data.rows.args.factr", "x", "rows.args.factr: operator 'evidence' takes target, where, scope"),
        ("data.causes.args", {}, "data.causes.args.target: operator 'cause' needs it"),
        ("data.causes.operator", "pareto", "widgets.0.data: a cause-list can't draw 'causes'"),
        ("params.0.name", "Target", "params.0.name: String should match pattern"),
        ("widgets", [], "widgets: List should have at least 1 item"),
    ],
)  # fmt: skip
def test_an_invalid_page_names_the_path(path: str, value: Any, said: str) -> None:
    with pytest.raises(PageError) as caught:
        check_page(changed(path, value), origin="mine.yaml")
    assert said in caught.value.said.en
    assert "mine.yaml" in caught.value.said.zh


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({}, "widgets.2.args.segment: operator 'bridge' needs it"),
        ({"segment": "$step"}, "widgets.2.args.segment: $step is no parameter of this page (known: $target)"),
        ({"segment": "$target", "lanes": "x"}, "widgets.2.args.lanes: operator 'bridge' takes segment"),
        (
            {"segment": "$target", "residence": "long"},
            "widgets.2.args.residence: Input should be a valid number",
        ),
    ],
)
def test_what_is_recorded_takes_arguments_that_fit(args: dict[str, Any], said: str) -> None:
    button = {"type": "record", "records": "bridge", "args": args, "at": [0, 4, 12, 2]}
    with pytest.raises(PageError) as caught:
        check_page(PAGE | {"widgets": [*PAGE["widgets"], button]}, origin="mine.yaml")
    assert said in caught.value.said.en


def test_a_question_is_held_by_a_parameter_of_its_type() -> None:
    page = {
        "id": "asked",
        "title": {"zh": "提问", "en": "Asked"},
        "params": [
            {"name": "q", "type": "question", "default": "unit | count", "title": {"zh": "问题", "en": "Q"}}
        ],
        "data": {"examples": {"operator": "question-examples"}},
        "widgets": [{"type": "question", "data": "examples", "param": "q", "at": [0, 0, 12, 8]}],
    }
    assert check_page(page, origin="asked.yaml").params[0].default == "unit | count"
    wrong = yaml.safe_load(yaml.safe_dump(page))
    wrong["params"][0]["type"] = "text"
    with pytest.raises(PageError, match=r"widgets\.0\.param: no parameter of type question is called 'q'"):
        check_page(wrong, origin="asked.yaml")


def test_arguments_are_checked_by_type() -> None:
    page = changed("data.causes", {"operator": "rate-over-time", "args": {"target": "$target", "buckets": 3}})
    page["widgets"][0] = {"type": "chart", "data": "causes", "at": [0, 0, 6, 4]}
    del page["widgets"][1], page["data"]["rows"]
    with pytest.raises(
        PageError, match=r"data\.causes\.args\.buckets: Input should be greater than or equal to 4"
    ):
        check_page(page, origin="mine.yaml")


def test_text_that_is_not_yaml_says_so() -> None:
    with pytest.raises(PageError, match="not valid YAML") as caught:
        read_page("id: [", origin="mine.yaml")
    assert "不是有效的 YAML" in caught.value.said.zh
