"""The report is one file, in both languages, and draws what it was told."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from assay.analyse.board import Level, Levels
from assay.demo.charts import Bar, Interval, Point, dose_response, forest, pareto
from assay.demo.mainjob import Affected, BadPart, Evidence, Story
from assay.demo.report import render
from assay.model.text import Text

HOSTILE = "<script>alert('x')</script>&\"'"
SVG = "{http://www.w3.org/2000/svg}"


def cause(rank: int, factor: str, value: str | None, **more: Any) -> dict[str, Any]:
    return {
        "rank": rank,
        "factor": factor,
        "value": value,
        "effect": {
            "risk_ratio": 3.0,
            "risk_difference": 0.4,
            "ci": [2.0, 4.0],
            "risk_difference_ci": [0.3, 0.5],
        },
        "p_value": 1e-9,
        "q_value": 1e-8,
        "support": 40,
        "bad": 20,
        "units": 10,
        "blast_radius": 12,
        "not_inspected": 2,
        "confounded_with": [],
        "dose_response": [],
        "statement": {"zh": "不良率高", "en": "more are bad"},
        **more,
    }


def story(causes: list[dict[str, Any]], part: BadPart | None) -> Story:
    node = {"id": "R1", "kind": "execution", "depth": 1, "segment": "s1", "position": None, "results": []}
    unit = {"id": "U1", "kind": "unit", "depth": 0, "results": []}
    judged = {"characteristic": "result", "value": None, "text": "NOK"}
    trace = {
        "root": "U1",
        "nodes": [unit, {**node, "started": "2026-03-02T06:00:00Z", "results": [judged]}],
        "edges": [{"from": "R1", "to": "U1", "role": "produced"}],
    }
    return Story(
        plant="plant",
        time_zone="Europe/Berlin",
        target="result = 'NOK'",
        where=None,
        scope="s1",
        causes={"subjects": 100, "bad": 30 if part else 0, "causes": causes},
        part=part,
        trace=trace if part else None,
        evidence=Evidence(("subject", "class"), (("R1", HOSTILE),), 40),
        affected=Affected(("U1", "U2"), 12),
        levels=Levels("class", (Level(HOSTILE, 40, 20, 0.5, None, None),), 1, 20, 0.3) if part else None,
        titles={"uses": Text(zh="已使用次数", en="Previous uses")},
        command="assay demo --no-serve",
        seconds=1.5,
    )


PART = BadPart("R1", "U1", "s1", datetime(2026, 3, 2, 6, tzinfo=UTC), "NOK")
DOSES = [
    {"value": level, "subjects": 20, "bad": level, "rate": level / 20, "ci": [level / 30, level / 15]}
    for level in range(5)
]


def test_a_full_report_needs_no_network_and_runs_no_foreign_script() -> None:
    html = render(story([cause(1, "class", HOSTILE), cause(2, "uses", None, dose_response=DOSES)], PART))
    assert HOSTILE not in html
    assert html.count("<script>") == 1
    addresses = set(re.findall(r"https?://[^\s\"'<]+", html))
    assert addresses == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"(src|href)\s*=", html)
    drawings = re.findall(r"<svg.*?</svg>", html, re.S)
    assert len(drawings) == 4
    for drawing in drawings:
        ET.fromstring(drawing)


def test_both_languages_are_in_the_page() -> None:
    html = render(story([cause(1, "class", "a")], PART))
    assert "原因排序" in html
    assert "Ranked causes" in html
    assert "2026-03-02 07:00:00" in html, "times are the plant's"
    html = render(story([cause(1, "uses", None, dose_response=DOSES)], PART))
    assert "已使用次数（uses）" in html
    assert "Previous uses (uses)" in html
    assert 'speak("zh-CN"' in render(story([], PART), "zh")
    for key in ("{", "}}"):
        assert key not in re.sub(r"<style>.*?</style>|<script>.*?</script>", "", html, flags=re.S)


@pytest.mark.parametrize("part", [PART, None])
def test_no_cause_is_said_not_drawn(part: BadPart | None) -> None:
    html = render(story([], part))
    assert "Insufficient evidence" in html
    assert "Evidence</span></h2>" not in html
    assert ("Nothing here meets the target" in html) == (part is None)


def test_a_numeric_target_shows_shifts() -> None:
    effect = {"mean_shift": 0.25, "standardised": 1.1, "ci": [0.2, 0.3]}
    told = story([cause(1, "class", "a", effect=effect, bad=None)], PART)
    told.causes["bad"] = None
    told.causes["mean"] = 1.0
    html = render(told)
    assert "+0.25" in html
    assert "mean shift" in html


def test_dose_response_draws_every_level_in_scale() -> None:
    points = [
        Point(level, rate, rate / 2, min(1, rate * 2), 10) for level, rate in enumerate((0.0, 0.1, 0.5))
    ]
    drawing = ET.fromstring(dose_response(points, Text(zh="次数", en="uses"), "rate"))
    dots = drawing.findall(f"{SVG}circle")
    assert len(dots) == 3
    heights = [float(dot.attrib["cy"]) for dot in dots]
    assert heights == sorted(heights, reverse=True)
    assert {"次数", "uses"} <= {text.text for text in drawing.findall(f"{SVG}text")}


def test_bars_are_as_long_as_their_counts() -> None:
    drawing = ET.fromstring(pareto([Bar("a", 40, 50), Bar("b", 10, 50)], 50, "bad"))
    widths = [float(bar.attrib["width"]) for bar in drawing.findall(f"{SVG}rect")]
    assert widths[0] == pytest.approx(4 * widths[1], abs=0.2)


def test_a_forest_of_one_row_keeps_its_interval_inside() -> None:
    drawing = ET.fromstring(forest([Interval("a", 900.0, 0.001, 5000.0)], "ratio"))
    for line in drawing.findall(f"{SVG}line"):
        assert 0 <= float(line.attrib["x1"]) <= 680
        assert 0 <= float(line.attrib["x2"]) <= 680
