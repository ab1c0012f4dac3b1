"""The report: one HTML file with its styles and charts inside, in both languages, that needs no network."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from assay import __version__
from assay.demo.charts import Bar, Interval, Point, dose_response, forest, pareto
from assay.demo.graph import genealogy
from assay.demo.mainjob import Story
from assay.model.catalogue import Catalogue
from assay.model.text import Language, Text

CATALOGUE = Catalogue("assay.demo")


def write(story: Story, file: Path, language: Language | None = None) -> None:
    """Write the report to ``file``; its reader may switch the language, ``language`` is where it starts."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(render(story, language), encoding="utf-8")


def render(story: Story, language: Language | None = None) -> str:
    """The report as HTML text."""
    environment = Environment(
        loader=PackageLoader("assay.demo"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    zone = ZoneInfo(story.time_zone)
    ranked = story.causes["causes"]
    return environment.get_template("report.html.j2").render(
        story=story,
        first=ranked[0] if ranked else None,
        numeric=story.causes["bad"] is None,
        language={"zh": "zh-CN", "en": "en", None: None}[language],
        version=__version__,
        made=_clock(datetime.now(UTC), zone),
        part_time=_clock(story.part.time, zone) if story.part else "",
        steps=sum(node["kind"] == "execution" for node in story.trace["nodes"]) if story.trace else 0,
        genealogy=_genealogy(story, zone),
        forest=_forest(ranked),
        curves=[(one["factor"], _curve(story, one)) for one in ranked if len(one["dose_response"]) > 1],
        pareto=_pareto(story),
        both=_both,
        spoken=_spoken,
        size=_size,
        plain_name=_name,
        called=lambda factor: _called(story, factor),
        interval=_interval,
        shown=lambda cell: (
            _clock(cell, zone) if isinstance(cell, datetime) else ("" if cell is None else cell)
        ),
    )


def _both(key: str, **values: object) -> Markup:
    return _spoken(CATALOGUE.text(key, **values))


def _spoken(text: Text | dict[str, str]) -> Markup:
    """A text in both languages; the page shows one of them."""
    both = text if isinstance(text, Text) else Text(**text)
    return Markup('<span class="zh" lang="zh">{}</span><span class="en" lang="en">{}</span>').format(
        both.zh, both.en
    )


def _title(story: Story, factor: str) -> Text:
    """The factor as people call it, with the column's name behind."""
    title = story.titles.get(factor, Text(zh=factor, en=factor))
    return Text(
        zh=factor if title.zh == factor else f"{title.zh}（{factor}）",
        en=factor if title.en == factor else f"{title.en} ({factor})",
    )


def _called(story: Story, factor: str) -> Markup:
    return _spoken(_title(story, factor))


def _clock(moment: Any, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if isinstance(moment, datetime) else ""


def _name(one: dict[str, Any]) -> str:
    return one["factor"] if one["value"] is None else f"{one['factor']} = {one['value']}"


def _size(effect: dict[str, Any]) -> str:
    if "mean_shift" in effect:
        return "–" if effect["mean_shift"] is None else f"{effect['mean_shift']:+.4g}"
    return "–" if effect["risk_ratio"] is None else f"×{effect['risk_ratio']:.2f}"


def _interval(pair: list[float | None] | None) -> str:
    low, high = pair or (None, None)
    return "" if low is None or high is None else f"{low:.3g} – {high:.3g}"


def _genealogy(story: Story, zone: ZoneInfo) -> Markup | None:
    if story.trace is None or story.part is None:
        return None
    bad = {
        node["id"]
        for node in story.trace["nodes"]
        if any(
            result["text"] == story.part.value and result["text"] is not None for result in node["results"]
        )
    }
    return genealogy(story.trace, frozenset(bad | {story.part.execution}), story.part.execution, zone)


def _forest(ranked: list[dict[str, Any]]) -> Markup | None:
    rows = [
        Interval(f"{one['rank']}. {_name(one)}", effect["risk_ratio"], low, high)
        for one in ranked
        if (effect := one["effect"]).get("risk_ratio")
        and (low := effect["ci"][0]) is not None
        and (high := effect["ci"][1]) is not None
    ]
    return forest(rows, CATALOGUE.text("causes_section.forest")) if rows else None


def _curve(story: Story, one: dict[str, Any]) -> Markup | None:
    points = [
        Point(
            at=dose.get("value", (dose.get("from", 0) + dose.get("to", 0)) / 2),
            rate=dose["rate"],
            low=dose["ci"][0],
            high=dose["ci"][1],
            subjects=dose["subjects"],
        )
        for dose in one["dose_response"]
        if "rate" in dose
    ]
    if len(points) < 2:
        return None
    return dose_response(points, _title(story, one["factor"]), CATALOGUE.text("response.y"))


def _pareto(story: Story) -> Markup | None:
    if story.levels is None or not story.levels.levels:
        return None
    bars = [Bar(one.value, one.bad or 0, one.subjects) for one in story.levels.levels]
    return pareto(bars, story.levels.total_bad or 0, CATALOGUE.text("pareto.y"))
