"""Labels: what is on one, and where, in millimetres from its upper left corner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from assay.exchange.labels.fonts import Face, face_for, width_of
from assay.exchange.labels.refusal import CATALOGUE, refusal
from assay.exchange.labels.symbols import Symbol
from assay.model.text import Language

_SMALLEST_TEXT = 1.5
_LINE = 1.35  # ems from one baseline to the next
_ASCENT = 0.95  # ems above the baseline that text may need
_LEAST_BARS = 5.0  # GS1 General Specifications, section 5.12: 5 mm where 13 mm can't be had
_CAPTIONS = ("00", "01", "10", "11", "17", "21", "37", "8003", "8004")


class LabelFormat(BaseModel):
    """The size of a label and of what is on it, in millimetres."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    width: float = Field(default=60, gt=0, le=300, description="Width of the label.")
    height: float = Field(default=30, gt=0, le=300, description="Height of the label.")
    margin: float = Field(default=2, ge=0, le=30, description="What stays free at every edge.")
    module: float | None = Field(
        default=None, gt=0, le=5, description="Width of the narrowest bar or a module; none: what fits."
    )
    text: float = Field(default=2.8, ge=_SMALLEST_TEXT, le=30, description="Height of the letters' em.")
    least_module: float = Field(
        default=0.19, gt=0, le=5, description="What is refused because few scanners read it."
    )
    largest_module: float = Field(default=0.75, gt=0, le=5, description="What a module gets at most.")

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        if 2 * self.margin >= min(self.width, self.height):
            raise ValueError(f"margins of {self.margin} mm leave nothing of {self.width} x {self.height} mm")
        return self


@dataclass(frozen=True, slots=True)
class PlacedText:
    """A line of text."""

    text: str
    """The characters."""
    x: float
    """Where it begins, mm from the left."""
    baseline: float
    """Where its baseline is, mm from above."""
    size: float
    """Its em, mm."""
    face: Face
    """What it is set in."""


@dataclass(frozen=True, slots=True, eq=False)
class Label:
    """A label, laid out."""

    width: float
    """mm."""
    height: float
    """mm."""
    symbol: Symbol
    """Its symbol."""
    x: float
    """The left edge of the symbol's dark part, mm."""
    y: float
    """The upper edge of the symbol, mm."""
    module: float
    """The width of one module, mm."""
    bars: float | None
    """The height of the bars, mm; None where the symbol is a matrix."""
    lines: tuple[PlacedText, ...]
    """Its text."""


def captions(symbol: Symbol, language: Language | None = None) -> list[str]:
    """The human-readable interpretation, a line for each application identifier.

    With a language the usual identifiers get their name in it: ``批号 (10) ABC``.
    """
    lines = []
    for ai, value in symbol.elements or ():
        name = CATALOGUE.say(f"caption.{ai}", language) + " " if language and ai in _CAPTIONS else ""
        lines.append(f"{name}({ai}) {value}" if name else f"({ai}) {value}")
    return lines or [symbol.data]


def lay_out(symbol: Symbol, lines: Sequence[str] = (), form: LabelFormat | None = None) -> Label:
    """Put a symbol and lines of text on a label: text on the right of a matrix, below bars.

    Raises
    ------
    CodeError
        The symbol or the text does not fit at a size that can be read.
    """
    form = form or LabelFormat()
    return _with_bars(symbol, lines, form) if symbol.bars else _with_matrix(symbol, lines, form)


def _with_matrix(symbol: Symbol, lines: Sequence[str], form: LabelFormat) -> Label:
    rows, columns = symbol.modules.shape
    room = min(form.height, form.width if not lines else form.width * 0.6) - 2 * form.margin
    module = _module(symbol, form, room, max(rows, columns) + 2 * symbol.quiet)
    edge = form.margin + symbol.quiet * module
    left = edge + (columns + symbol.quiet) * module + (form.text / 2 if lines else 0)
    size = _size(lines, form, form.width - form.margin - left, form.height - 2 * form.margin)
    top = (form.height - 2 * form.margin - len(lines) * size * _LINE) / 2 + form.margin
    placed = tuple(
        PlacedText(line, left, top + (n * _LINE + _ASCENT) * size, size, face_for(line))
        for n, line in enumerate(lines)
    )
    x = edge if lines else (form.width - columns * module) / 2
    y = (form.height - rows * module) / 2
    return Label(form.width, form.height, symbol, x, y, module, None, placed)


def _with_bars(symbol: Symbol, lines: Sequence[str], form: LabelFormat) -> Label:
    columns = symbol.modules.shape[1]
    module = _module(symbol, form, form.width - 2 * form.margin, columns + 2 * symbol.quiet)
    room = form.height - 2 * form.margin - _LEAST_BARS
    size = _size(lines, form, form.width - 2 * form.margin, room)
    bars = form.height - 2 * form.margin - len(lines) * size * _LINE
    if bars < _LEAST_BARS:
        raise refusal("no-room", kind=symbol.kind, width=form.width, height=form.height)
    top = form.margin + bars
    placed = tuple(
        PlacedText(
            line,
            (form.width - width_of(line, face_for(line)) * size) / 2,
            top + (n * _LINE + _ASCENT + 0.25) * size,
            size,
            face_for(line),
        )
        for n, line in enumerate(lines)
    )
    x = (form.width - columns * module) / 2
    return Label(form.width, form.height, symbol, x, form.margin, module, bars, placed)


def _module(symbol: Symbol, form: LabelFormat, room: float, count: int) -> float:
    module = form.module or min(room / count, form.largest_module)
    if module * count > room + 1e-9 or module < form.least_module:
        raise refusal(
            "symbol-no-room", kind=symbol.kind, count=count, room=f"{room:.1f}", module=f"{room / count:.3f}",
            least=form.module or form.least_module,
        )  # fmt: skip
    return module


def _size(lines: Sequence[str], form: LabelFormat, width: float, height: float) -> float:
    """The em at which all lines fit: that of the format, or smaller."""
    if not lines:
        return form.text
    widest = max(lines, key=lambda line: width_of(line, face_for(line)))
    ems = width_of(widest, face_for(widest))
    size = min(form.text, width / ems if ems else form.text, height / (len(lines) * _LINE))
    if size < _SMALLEST_TEXT:
        raise refusal("text-no-room", line=widest, lines=len(lines), least=_SMALLEST_TEXT)
    return size
