"""Charts as SVG text: no script, no font and no request, so that a report is one file.

Every chart takes plain numbers and returns markup whose colours come from the page's style sheet. Labels
that exist in both languages are given as :class:`~assay.model.text.Text`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import floor, log10

from markupsafe import Markup, escape

from assay.model.text import Text

Label = Text | str
WIDTH = 680
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 20, 16, 44


@dataclass(frozen=True)
class Point:
    """One point of a dose-response curve: where, the rate there, its interval, and how many subjects."""

    at: float
    rate: float
    low: float
    high: float
    subjects: int


@dataclass(frozen=True)
class Bar:
    """One bar: its label and how much."""

    label: str
    count: int
    of: int


@dataclass(frozen=True)
class Interval:
    """One row of a forest chart: label, estimate and interval."""

    label: str
    estimate: float
    low: float
    high: float


def dose_response(points: Sequence[Point], x_title: Label, y_title: Label) -> Markup:
    """The rate over the levels of an ordered factor, with its confidence band."""
    height = 300
    across = _Scale(min(p.at for p in points), max(p.at for p in points), _LEFT, WIDTH - _RIGHT)
    up = _Scale(0.0, min(1.0, max(p.high for p in points) * 1.08) or 1.0, height - _BOTTOM, _TOP)
    band = [(across(p.at), up(p.high)) for p in points] + [
        (across(p.at), up(p.low)) for p in reversed(points)
    ]
    parts = [
        *_percent_grid(up, height),
        *_value_axis(across, height),
        Markup('<polygon class="band" points="{}"/>').format(_path(band)),
        Markup('<polyline class="curve" points="{}"/>').format(
            _path((across(p.at), up(p.rate)) for p in points)
        ),
    ]
    for p in points:
        spot = Markup('<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="3.5"><title>{}</title></circle>')
        parts.append(spot.format(across(p.at), up(p.rate), f"{p.at:g}: {p.rate:.1%} ({p.subjects})"))
    return _svg([*parts, *_titles(x_title, y_title, height)], height)


def pareto(bars: Sequence[Bar], total: int, y_title: Label) -> Markup:
    """Counts in falling order as bars, with the cumulative share of ``total`` as a line."""
    row, gap = 22, 6
    left = 12 + round(6.6 * max(len(bar.label) for bar in bars))
    left = min(left, 300)
    height = _TOP + len(bars) * (row + gap) + _BOTTOM
    along = _Scale(0, max(bar.count for bar in bars) or 1, left, WIDTH - 170)
    share = _Scale(0, 1, left, WIDTH - 170)
    parts, line, running = [], [], 0
    for number, bar in enumerate(bars):
        y = _TOP + number * (row + gap)
        running += bar.count
        line.append((share(running / (total or 1)), y + row / 2))
        width = max(1.0, along(bar.count) - left)
        parts += [
            _text(left - 8, y + row / 2 + 4, _short(bar.label), "end"),
            Markup('<rect class="bar" x="{}" y="{}" width="{:.1f}" height="{}" rx="2"/>').format(
                left, y, width, row
            ),
            _text(
                WIDTH - 162, y + row / 2 + 4, f"{bar.count:,} / {bar.of:,}  ({bar.count / (bar.of or 1):.1%})"
            ),
        ]
    parts.append(Markup('<polyline class="share" points="{}"/>').format(_path(line)))
    parts += [
        Markup('<circle class="sharedot" cx="{:.1f}" cy="{:.1f}" r="3"/>').format(x, y) for x, y in line
    ]
    parts.append(_both(y_title, left, height - 14, "start"))
    return _svg(parts, height)


def forest(rows: Sequence[Interval], title: Label) -> Markup:
    """Risk ratios with their intervals on a logarithmic scale; the line stands at 1: no effect."""
    row = 30
    left = min(330, 16 + round(6.6 * max(len(_short(line.label)) for line in rows)))
    height = _TOP + len(rows) * row + _BOTTOM
    lowest = min(0.8, *(max(line.low, 0.05) for line in rows))
    highest = max(1.5, *(line.high for line in rows))
    across = _Scale(log10(lowest), log10(highest), left, WIDTH - 70)
    bottom = height - _BOTTOM
    parts = [_line(across(0), _TOP, across(0), bottom, "zero")]
    for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000):
        if lowest <= tick <= highest:
            parts += [
                _line(across(log10(tick)), bottom, across(log10(tick)), bottom + 4, "axis"),
                _text(across(log10(tick)), bottom + 17, f"×{tick:g}", "middle"),
            ]
    for number, line in enumerate(rows):
        y = _TOP + number * row + row / 2
        low, high = max(line.low, lowest), min(line.high, highest)
        parts += [
            _text(left - 10, y + 4, _short(line.label), "end"),
            _line(across(log10(low)), y, across(log10(high)), y, "interval"),
            Markup('<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="5"/>').format(
                across(log10(max(line.estimate, lowest))), y
            ),
            _text(WIDTH - 62, y + 4, f"×{line.estimate:.2f}"),
        ]
    parts.append(_both(title, left, height - 8, "start"))
    return _svg(parts, height)


class _Scale:
    """A straight line from values to pixels; one value alone sits in the middle."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.high, self._start, self._end = low, high, start, end

    def __call__(self, value: float) -> float:
        if self.high == self.low:
            return (self._start + self._end) / 2
        return self._start + (value - self.low) / (self.high - self.low) * (self._end - self._start)

    def ticks(self, wanted: int) -> list[float]:
        """About ``wanted`` round values inside the scale."""
        span = self.high - self.low
        if span <= 0:
            return [self.low]
        rough = span / wanted
        size = 10 ** floor(log10(rough))
        step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough)
        first = -floor(-self.low / step)
        return [(first + n) * step for n in range(int((self.high - first * step) / step + 1e-9) + 1)]


def _percent_grid(up: _Scale, height: int) -> Iterable[Markup]:
    for tick in up.ticks(5):
        y = up(tick)
        yield _line(_LEFT, y, WIDTH - _RIGHT, y, "axis" if tick == 0 else "grid")
        yield _text(_LEFT - 8, y + 4, f"{tick:.0%}" if up.high > 0.06 else f"{tick:.1%}", "end")
    yield _line(_LEFT, _TOP, _LEFT, height - _BOTTOM, "axis")


def _value_axis(across: _Scale, height: int) -> Iterable[Markup]:
    for tick in across.ticks(8):
        yield _line(across(tick), height - _BOTTOM, across(tick), height - _BOTTOM + 4, "axis")
        yield _text(across(tick), height - _BOTTOM + 18, f"{tick:g}", "middle")


def _titles(x_title: Label, y_title: Label, height: int) -> list[Markup]:
    return [
        _both(x_title, (WIDTH + _LEFT) / 2, height - 6, "middle"),
        _both(y_title, _LEFT + 6, _TOP + 4, "start"),
    ]


def _both(label: Label, x: float, y: float, anchor: str) -> Markup:
    """A label in both languages on one spot; the page shows one of them."""
    if isinstance(label, str):
        return _text(x, y, label, anchor, "title")
    spoken = ((label.zh, "title zh"), (label.en, "title en"))
    return Markup("").join(_text(x, y, text, anchor, css) for text, css in spoken)


def _text(x: float, y: float, text: str, anchor: str = "start", css: str = "") -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" class="{}">{}</text>').format(
        x, y, anchor, css, text
    )


def _line(x1: float, y1: float, x2: float, y2: float, css: str) -> Markup:
    shape = Markup('<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" class="{}"/>')
    return shape.format(x1, y1, x2, y2, css)


def _path(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _short(label: str, most: int = 46) -> str:
    return label if len(label) <= most else label[: most - 1] + "…"


def _svg(parts: Iterable[Markup], height: float) -> Markup:
    frame = Markup('<svg viewBox="0 0 {} {:.0f}" role="img" xmlns="http://www.w3.org/2000/svg">{}</svg>')
    return frame.format(WIDTH, height, Markup("").join(escape(part) for part in parts))
