"""The genealogy of a part as SVG: what went in left, the steps in order of time, what came out right."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

_ROW, _MOST = 28, 16
_IN, _STEP, _OUT = 14, 450, 540
Spots = dict[str, tuple[float, float]]


def genealogy(trace: dict[str, Any], bad: frozenset[str]) -> Markup:
    """Draw the nearest nodes of a trace.

    Parameters
    ----------
    trace
        A trace document (``nodes``, ``edges``).
    bad
        Ids drawn as bad.
    """
    order = sorted(
        trace["nodes"], key=lambda node: (node["id"] != trace["root"], node["id"] not in bad, node["depth"])
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
        *(_node(node, spots[node["id"]], node["id"] in bad) for node in (*inputs, *steps, *outputs)),
    ]
    frame = Markup('<svg viewBox="0 0 680 {}" role="img" xmlns="http://www.w3.org/2000/svg">{}</svg>')
    return frame.format(rows * _ROW + 16, Markup("").join(parts))


def _is_step(node: dict[str, Any]) -> bool:
    return bool(node["kind"] == "execution")


def _edge(edge: dict[str, Any], spots: Spots) -> Markup:
    (x1, y1), (x2, y2) = spots[edge["from"]], spots[edge["to"]]
    bend = (x1 + x2) / 2
    shape = Markup(
        '<path class="edge" d="M{:.0f} {:.0f} C{:.0f} {:.0f} {:.0f} {:.0f} {:.0f} {:.0f}">'
        "<title>{}</title></path>"
    )
    return shape.format(x1, y1, bend, y1, bend, y2, x2, y2, edge["role"])


def _node(node: dict[str, Any], spot: tuple[float, float], is_bad: bool) -> Markup:
    x, y = spot
    css = "bad" if is_bad else ("step" if _is_step(node) else "thing")
    if _is_step(node):
        shape = Markup('<circle class="{}" cx="{:.0f}" cy="{:.0f}" r="6"/>').format(css, x, y)
    else:
        box = Markup('<rect class="{}" x="{:.0f}" y="{:.0f}" width="14" height="14" rx="3"/>')
        shape = box.format(css, x - 7, y - 7)
    side, offset = ("end", -12) if _is_step(node) else ("start", 13)
    text = Markup('<text x="{:.0f}" y="{:.0f}" text-anchor="{}" class="{}">{}</text>')
    return shape + text.format(x + offset, y + 4, side, "badtext" if is_bad else "", _caption(node))


def _caption(node: dict[str, Any]) -> str:
    words = [node["id"]]
    if _is_step(node):
        words += [str(node[name]) for name in ("segment", "position") if node.get(name)]
        if node.get("started"):
            words.append(node["started"][:16].replace("T", " "))
    words += [str(result["text"] or result["value"]) for result in node["results"][:2]]
    return " · ".join(words)
