"""The genealogy of a part as SVG: what went in left, the steps in order of time, what came out right."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

_ROW, _MOST = 28, 16
_IN, _STEP, _OUT = 14, 450, 540
Spots = dict[str, tuple[float, float]]


def genealogy(trace: dict[str, Any], bad: frozenset[str], about: str, zone: ZoneInfo) -> Markup:
    """Draw the nodes of a trace that are nearest to the execution ``about``, in depth and then in time.

    Parameters
    ----------
    trace
        A trace document (``nodes``, ``edges``).
    bad
        Ids drawn as bad.
    about
        The execution that is in any case drawn.
    zone
        Zone in which times are written.
    """
    when = {node["id"]: _time(node) for node in trace["nodes"]}
    middle = when.get(about)
    order = sorted(
        trace["nodes"],
        key=lambda node: (
            node["id"] not in {trace["root"], about},
            node["depth"],
            _apart(when[node["id"]], middle),
        ),
    )[:_MOST]
    steps = sorted((node for node in order if _is_step(node)), key=lambda node: node.get("started") or "")
    made = {edge["to"] for edge in trace["edges"]}
    outputs = [node for node in order if not _is_step(node) and node["id"] in made]
    inputs = [node for node in order if not _is_step(node) and node["id"] not in made]
    rows = max(len(steps), len(inputs), len(outputs), 1)
    spots: Spots = {}
    for column, members in ((_IN, inputs), (_STEP, steps), (_OUT, outputs)):
        room = rows * _ROW / max(len(members), 1)
        spots |= {node["id"]: (column, 8 + room * (number + 0.5)) for number, node in enumerate(members)}
    parts = [
        *(_edge(edge, spots) for edge in trace["edges"] if edge["from"] in spots and edge["to"] in spots),
        *(_node(node, spots[node["id"]], node["id"] in bad, zone) for node in (*inputs, *steps, *outputs)),
    ]
    frame = Markup('<svg viewBox="0 0 680 {}" role="img" xmlns="http://www.w3.org/2000/svg">{}</svg>')
    return frame.format(rows * _ROW + 16, Markup("").join(parts))


def _is_step(node: dict[str, Any]) -> bool:
    return bool(node["kind"] == "execution")


def _time(node: dict[str, Any]) -> datetime | None:
    return datetime.fromisoformat(node["started"]) if node.get("started") else None


def _apart(one: datetime | None, other: datetime | None) -> float:
    return abs((one - other).total_seconds()) if one is not None and other is not None else 0.0


def _edge(edge: dict[str, Any], spots: Spots) -> Markup:
    (x1, y1), (x2, y2) = spots[edge["from"]], spots[edge["to"]]
    bend = (x1 + x2) / 2
    shape = Markup(
        '<path class="edge" d="M{:.0f} {:.0f} C{:.0f} {:.0f} {:.0f} {:.0f} {:.0f} {:.0f}">'
        "<title>{}</title></path>"
    )
    return shape.format(x1, y1, bend, y1, bend, y2, x2, y2, edge["role"])


def _node(node: dict[str, Any], spot: tuple[float, float], is_bad: bool, zone: ZoneInfo) -> Markup:
    x, y = spot
    css = "bad" if is_bad else ("step" if _is_step(node) else "thing")
    if _is_step(node):
        shape = Markup('<circle class="{}" cx="{:.0f}" cy="{:.0f}" r="6"/>').format(css, x, y)
    else:
        box = Markup('<rect class="{}" x="{:.0f}" y="{:.0f}" width="14" height="14" rx="3"/>')
        shape = box.format(css, x - 7, y - 7)
    side, offset = ("end", -12) if _is_step(node) else ("start", 13)
    text = Markup('<text x="{:.0f}" y="{:.0f}" text-anchor="{}" class="{}">{}</text>')
    return shape + text.format(x + offset, y + 4, side, "badtext" if is_bad else "", _caption(node, zone))


def _caption(node: dict[str, Any], zone: ZoneInfo) -> str:
    words = [node["id"]]
    if _is_step(node):
        words += [str(node[name]) for name in ("segment", "position") if node.get(name)]
        if (moment := _time(node)) is not None:
            words.append(f"{moment.astimezone(zone):%Y-%m-%d %H:%M}")
    words += [str(result["text"] or result["value"]) for result in node["results"][:2]]
    return " · ".join(words)
