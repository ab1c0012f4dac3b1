"""A statistic's result for a person, as JSON, and as a picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from assay.cli.output import show, table
from assay.cli.speech import say, spoken
from assay.stats.charts import ControlChart
from assay.stats.result import Result, plain

if TYPE_CHECKING:
    from rich.console import Console

_PICTURES = {".png", ".svg", ".pdf"}
_MOST_ROWS = 60
_INTERVALS = ({"low", "high"}, {"lower", "upper"})
"""Keys of an interval, which is one cell of a table."""


def draw_to(result: object, path: Path) -> None:
    """Write the result's picture: png, svg or pdf drawn, json as the layers it is made of."""
    if not isinstance(result, Result):
        raise typer.BadParameter(say("stat.no_picture"))
    form = path.suffix.lower()
    if form == ".json":
        path.write_text(json.dumps(result.plot().to_dict(), ensure_ascii=False), "utf-8")
        return
    if form not in _PICTURES:
        raise typer.BadParameter(say("stat.bad_picture", value=str(path)))
    from assay.stats.plot.static import image

    path.write_bytes(image(result.plot(), language=spoken(), form=form[1:]))


def show_result(title: str, result: Result | dict[str, Any], *, dropped: int | None, as_json: bool) -> None:
    """Print the result; ``dropped`` rows are told where leaving them out was asked for."""
    document = result.to_dict() if isinstance(result, Result) else dict(plain(result))
    if dropped is not None:
        document["dropped"] = dropped

    def human(to: Console) -> None:
        to.print(title)
        if isinstance(result, ControlChart):
            print_chart(to, result)
        else:
            print_fields(to, document)
        if dropped:
            to.print(say("stat.dropped", count=dropped))

    show(document, human, as_json=as_json)


def print_chart(to: Console, chart: ControlChart) -> None:
    """Lines and flagged points of a chart and of its companions."""
    for one in (chart, *chart.companions):
        document = one.to_dict()
        to.print(f"\n{one.kind}: {one.formula}")
        heads = ["kind", "points", "center", "lcl", "ucl", "sigma"]
        values = [
            one.kind,
            one.statistics.size,
            *(_brief(document[name]) for name in ("center",)),
            _brief(document["limits"]["lcl"]),
            _brief(document["limits"]["ucl"]),
            _brief(document["sigma"]),
        ]
        table(to, [say(f"stat.{head}") for head in heads], [values], right=[1, 2, 3, 4, 5])
        if one.flagged:
            rows = [_flagged(one, index) for index in one.flagged[:_MOST_ROWS]]
            table(
                to, [say(f"stat.{head}") for head in ("point", "label", "value", "rules")], rows, right=[0, 2]
            )
            if len(one.flagged) > _MOST_ROWS:
                to.print(say("stat.more", count=len(one.flagged) - _MOST_ROWS))
        else:
            to.print(say("stat.none_flagged"))


def _flagged(chart: ControlChart, index: int) -> list[object]:
    rules = [rule for rule, found in chart.violations.items() if index in found]
    label = chart.labels[index] if chart.labels else index + 1
    return [index, label, f"{chart.statistics[index]:.6g}", " ".join(rules)]


def _brief(value: Any) -> str:
    """A constant, or the span of a line that varies."""
    if isinstance(value, list):
        known = [item for item in value if item is not None]
        if not known:
            return "–"
        low, high = min(known), max(known)
        return _number(low) if low == high else f"{_number(low)} … {_number(high)}"
    return _number(value)


def _number(value: object) -> str:
    return f"{value:.7g}" if isinstance(value, float) else "–" if value is None else str(value)


def print_fields(to: Console, document: dict[str, Any], *, under: str = "") -> None:
    """The fields of a result: scalars as one table, what is nested below its name."""
    plain_fields = [(name, _cell(value)) for name, value in document.items() if _is_cell(value)]
    if under:
        to.print(under)
    if plain_fields:
        table(to, [say("stat.field"), say("stat.value")], plain_fields)
    for name, value in document.items():
        if _is_cell(value) or not value:
            continue
        path = f"{under}.{name}" if under else name
        if isinstance(value, dict) and _is_table(value):
            print_rows(to, path, [{"": key, **row} for key, row in value.items()])
        elif isinstance(value, dict):
            print_fields(to, value, under=path)
        elif isinstance(value[0], dict):
            print_rows(to, path, value)
        else:
            to.print(f"{path}: {_series(value)}")


def print_rows(to: Console, name: str, rows: list[dict[str, Any]]) -> None:
    """A list of records as a table."""
    heads = [key for key in rows[0] if any(_is_cell(row.get(key)) for row in rows)]
    to.print(name)
    table(to, heads, [[_cell(row.get(head)) for head in heads] for row in rows[:_MOST_ROWS]])
    if len(rows) > _MOST_ROWS:
        to.print(say("stat.more", count=len(rows) - _MOST_ROWS))


def _is_table(value: dict[str, Any]) -> bool:
    """Whether a dictionary holds records of one kind under their names."""
    rows = list(value.values())
    return all(isinstance(row, dict) and not _is_cell(row) for row in rows) and all(
        row.keys() == rows[0].keys() and all(_is_cell(cell) for cell in row.values()) for row in rows
    )


def _is_cell(value: Any) -> bool:
    if isinstance(value, dict):
        return set(value) in ({"zh", "en"}, *_INTERVALS)
    return not isinstance(value, list)


def _cell(value: Any) -> str:
    if isinstance(value, dict) and set(value) in _INTERVALS:
        return " – ".join(_number(end) for end in value.values())
    if isinstance(value, dict):
        return str(value[spoken()]) if set(value) == {"zh", "en"} else "…"
    if isinstance(value, list):
        return _series(value)
    return _number(value)


def _series(value: list[Any]) -> str:
    shown = ", ".join(_number(item) if not isinstance(item, (dict, list)) else "…" for item in value[:8])
    return f"{shown}, … ({len(value)})" if len(value) > 8 else shown
