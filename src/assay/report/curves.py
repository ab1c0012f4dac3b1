"""A bound signal as a drawing: the same lines and words for SVG and PDF."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log10
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

if TYPE_CHECKING:
    from assay.analyse.unit_file.contents import Curve

WIDTH, HEIGHT = 510.0, 130.0
"""The size of a drawing in points."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 10.0, 8.0, 20.0
_INK, _GRID, _LIMIT, _TARGET, _LINE = "#5b6b79", "#dfe5ea", "#c62828", "#2e7d32", "#1f5f8b"
_LETTERS = 7.0


@dataclass(frozen=True)
class Stroke:
    """A line from corner to corner, y counted downwards; ``dashed`` for limits."""

    corners: tuple[tuple[float, float], ...]
    colour: str
    width: float = 0.6
    dashed: bool = False


@dataclass(frozen=True)
class Word:
    """A label; ``at_end`` when it ends at its place, not begins."""

    x: float
    y: float
    text: str
    at_end: bool = False


@dataclass(frozen=True)
class Drawing:
    """Everything to draw, in the order it is drawn."""

    strokes: tuple[Stroke, ...]
    words: tuple[Word, ...]


def drawn(curve: Curve) -> Drawing | None:
    """The signal over its step with the limits and the target of the card; None without a reading."""
    if not curve.points:
        return None
    levels = [
        (curve.lower_limit, _LIMIT),
        (curve.upper_limit, _LIMIT),
        (curve.target, _TARGET),
    ]
    values = [point.value for point in curve.points] + [level for level, _ in levels if level is not None]
    low, high = min(values), max(values)
    margin = (high - low) * 0.06 or abs(high) * 0.01 or 1.0
    low, high = low - margin, high + margin
    length = max((curve.ended - curve.started).total_seconds(), 1e-6)

    def across(seconds: float) -> float:
        return _LEFT + seconds / length * (WIDTH - _LEFT - _RIGHT)

    def down(value: float) -> float:
        return HEIGHT - _BOTTOM - (value - low) / (high - low) * (HEIGHT - _TOP - _BOTTOM)

    strokes, words = [], []
    for tick in ticks(low, high, 4):
        strokes.append(Stroke(((_LEFT, down(tick)), (WIDTH - _RIGHT, down(tick))), _GRID))
        words.append(Word(_LEFT - 4, down(tick) + 2.5, f"{tick:g}", at_end=True))
    for tick in ticks(0.0, length, 6):
        strokes.append(Stroke(((across(tick), HEIGHT - _BOTTOM), (across(tick), HEIGHT - _BOTTOM + 3)), _INK))
        words.append(Word(across(tick), HEIGHT - _BOTTOM + 12, f"{tick:g} s", at_end=tick > length * 0.95))
    strokes += [
        Stroke(((_LEFT, down(level)), (WIDTH - _RIGHT, down(level))), colour, 0.9, dashed=True)
        for level, colour in levels
        if level is not None
    ]
    line = tuple((across(point.at), down(point.value)) for point in curve.points)
    strokes.append(Stroke(line if len(line) > 1 else (line[0], (line[0][0] + 1, line[0][1])), _LINE, 1.0))
    return Drawing(tuple(strokes), tuple(words))


def ticks(low: float, high: float, wanted: int) -> list[float]:
    """About ``wanted`` round values between two different ones."""
    rough = (high - low) / wanted
    size = 10.0 ** floor(log10(rough))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough * (1 - 1e-9))
    first = -floor(-low / step)
    return [round((first + n) * step, 12) for n in range(int((high - first * step) / step + 1e-9) + 1)]


def as_svg(drawing: Drawing, title: str) -> Markup:
    """The drawing as SVG without styles, so that it obeys any page's policy."""
    parts = [Markup("<title>{}</title>").format(title)]
    for stroke in drawing.strokes:
        corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in stroke.corners)
        dashes = Markup(' stroke-dasharray="5 3"') if stroke.dashed else Markup("")
        shape = Markup('<polyline points="{}" fill="none" stroke="{}" stroke-width="{}"{}/>')
        parts.append(shape.format(corners, stroke.colour, stroke.width, dashes))
    for word in drawing.words:
        anchor = "end" if word.at_end else "start"
        shape = Markup('<text x="{:.1f}" y="{:.1f}" font-size="{}" fill="{}" text-anchor="{}">{}</text>')
        parts.append(shape.format(word.x, word.y, _LETTERS, _INK, anchor, word.text))
    frame = Markup('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {:g} {:g}" role="img">{}</svg>')
    return frame.format(WIDTH, HEIGHT, Markup("").join(parts))


def as_flowable(drawing: Drawing, font: str) -> Any:
    """The drawing as vector graphics of a PDF page."""
    from reportlab.graphics.shapes import Drawing as Canvas
    from reportlab.graphics.shapes import PolyLine, String
    from reportlab.lib.colors import HexColor

    canvas = Canvas(WIDTH, HEIGHT)
    for stroke in drawing.strokes:
        line = PolyLine([number for x, y in stroke.corners for number in (x, HEIGHT - y)])
        line.strokeColor, line.strokeWidth = HexColor(stroke.colour), stroke.width
        line.strokeDashArray = [5, 3] if stroke.dashed else None
        canvas.add(line)
    for word in drawing.words:
        anchor = "end" if word.at_end else "start"
        canvas.add(
            String(
                word.x,
                HEIGHT - word.y,
                word.text,
                fontName=font,
                fontSize=_LETTERS,
                fillColor=HexColor(_INK),
                textAnchor=anchor,
            )
        )
    return canvas
