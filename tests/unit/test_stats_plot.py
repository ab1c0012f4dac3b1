"""One plot as data, drawn for reports; the same object is what the browser gets."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from assay.model.text import Text
from assay.stats.errors import MissingExtra, MissingFont
from assay.stats.plot import (
    Axis,
    Band,
    Bars,
    Cells,
    Flag,
    Flags,
    Level,
    Line,
    Panel,
    Plot,
    Points,
    Upright,
    Words,
    static,
)
from assay.stats.plot.static import COLOURS, draw, image


def said(word: str) -> Text:
    return Text(zh=f"中{word}", en=word)


X = np.arange(1.0, 6.0)
EVERYTHING = Plot(
    title=said("title"),
    panels=(
        Panel(
            title=said("chart"),
            x=Axis(said("subgroup")),
            y=Axis(said("mean"), unit="mm", low=0.0, high=9.0),
            layers=(
                Points(said("values"), X, X + 1, joined=True),
                Line(said("ucl"), X, X * 0 + 7, role="limit", steps=True),
                Line(said("fit"), X, X, dashed=True),
                Band(said("interval"), X, X - 1, X + 1),
                Level(said("centre"), 4.0, "centre", "CL 4.000"),
                Upright(said("stage"), 3.5, "reference", "B"),
                Words(said("stage B"), 3.6, 8.0),
                Flags(said("flagged"), (Flag(5.0, 6.0, ("nelson1", "nelson5")),)),
            ),
        ),
        Panel(
            title=said("bars"),
            x=Axis(said("part"), categories=("P1", said("P2"))),
            y=Axis(said("share"), ticks=((0.0, "0 %"), (1.0, "100 %"))),
            layers=(Bars(said("share"), np.array([0.0, 1.0]), np.array([0.4, np.nan]), 0.8),),
        ),
        Panel(
            title=said("table"),
            x=Axis(said("")),
            y=Axis(said("")),
            layers=(Cells((said("name"), said("value")), (("Cp", "1.33"), ("Cpk", "1.21"))),),
        ),
    ),
    columns=2,
    note=said("x̄ ± A2·R̄"),
)


def test_the_data_of_a_plot_is_json_and_each_layer_says_its_kind() -> None:
    document = json.loads(json.dumps(EVERYTHING.to_dict(), allow_nan=False))
    kinds = [[layer["kind"] for layer in panel["layers"]] for panel in document["panels"]]
    assert kinds[0] == ["points", "line", "line", "band", "level", "upright", "words", "flags"]
    assert document["schema"] == "assay.plot/1"
    assert document["panels"][0]["layers"][7]["flags"] == [
        {"x": 5.0, "y": 6.0, "rules": ["nelson1", "nelson5"]}
    ]
    assert document["panels"][1]["layers"][0]["height"] == [0.4, None]
    assert document["panels"][1]["x"]["categories"] == ["P1", {"zh": "中P2", "en": "P2"}]


def test_everything_is_drawn_where_it_belongs() -> None:
    figure = draw(EVERYTHING)
    chart, bars, cells, unused = figure.axes
    lines = {line.get_label(): line for line in chart.lines}
    assert list(lines["values"].get_ydata()) == [2, 3, 4, 5, 6]
    assert lines["ucl"].get_color() == COLOURS["limit"]
    assert lines["ucl"].get_xdata()[0] == 0.5
    assert lines["ucl"].get_xdata()[-1] == 5.5
    texts = {text.get_text() for text in chart.texts}
    assert {"CL 4.000", "B", "stage B", "1 5"} <= texts
    assert chart.get_ylim() == (0.0, 9.0)
    assert chart.get_ylabel() == "mean / mm"
    assert [label.get_text() for label in bars.get_xticklabels()] == ["P1", "P2"]
    assert [label.get_text() for label in bars.get_yticklabels()] == ["0 %", "100 %"]
    assert cells.tables
    assert not unused.axison


def test_pictures_are_the_same_every_time_and_in_every_form() -> None:
    for form, start in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        first = image(EVERYTHING, form=form)
        assert first.startswith(start)
        assert first == image(EVERYTHING, form=form)


def test_chinese_is_drawn_with_a_font_that_has_it(recwarn: pytest.WarningsRecorder) -> None:
    try:
        image(EVERYTHING, language="zh")
    except MissingFont as missing:
        pytest.skip(str(missing))
    assert not [str(found.message) for found in recwarn if "missing" in str(found.message)]
    assert draw(EVERYTHING, language="zh").axes[0].get_title(loc="left") == "中chart"


def test_without_a_chinese_font_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static, "CHINESE_FONTS", ("No Such Font",))
    static.chinese_font.cache_clear()
    with pytest.raises(MissingFont, match="Chinese"):
        draw(EVERYTHING, language="zh")
    static.chinese_font.cache_clear()


def test_without_matplotlib_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtra, match=r"assay-quality\[report\]"):
        draw(EVERYTHING)


@pytest.mark.parametrize(
    ("rules", "family"),
    [(("nelson1", "nelson5"), "nelson"), (("we1", "nelson5"), ""), (("beyond",), ""), ((), "")],
)
def test_rules_of_one_family_are_told_by_their_number(rules: tuple[str, ...], family: str) -> None:
    assert Flags(said("flagged"), (Flag(1.0, 2.0, rules),)).family == family
