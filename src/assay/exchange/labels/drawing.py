"""Labels as SVG, PDF and ZPL."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from assay.exchange.labels.fonts import outline
from assay.exchange.labels.layout import Label
from assay.exchange.labels.refusal import missing, refusal

if TYPE_CHECKING:
    from PIL.Image import Image

_MM = 72 / 25.4  # points
_INCH = 25.4
RESOLUTIONS = (152, 203, 300, 600)
"""Dots per inch of label printers."""


class Sheet(BaseModel):
    """A sheet of labels, in millimetres; A4 where nothing is said."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    width: float = Field(default=210, gt=0, le=2000, description="Width of the sheet.")
    height: float = Field(default=297, gt=0, le=2000, description="Height of the sheet.")
    margin: float = Field(default=8, ge=0, le=100, description="What stays free at every edge.")
    gap: float = Field(default=2, ge=0, le=100, description="What stays free between two labels.")


def boxes(label: Label) -> Iterator[tuple[float, float, float, float]]:
    """The dark rectangles of the symbol: x, y, width, height in mm; neighbours in a row are one."""
    tall = label.module if label.bars is None else label.bars
    for row, line in enumerate(label.symbol.modules):
        edges = np.flatnonzero(np.diff(np.concatenate(([False], line, [False])).astype(np.int8)))
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            yield (
                label.x + int(start) * label.module,
                label.y + row * label.module,
                int(end - start) * label.module,
                tall,
            )


def to_svg(label: Label) -> str:
    """The label as an SVG document, in its real size; text is outlines and stands in ``<desc>`` too."""
    dark = "".join(f"M{x:.4f} {y:.4f}h{w:.4f}v{h:.4f}h-{w:.4f}z" for x, y, w, h in boxes(label))
    texts = []
    for line in label.lines:
        steps = "".join(
            command + " ".join(f"{value:.4f}" for value in values)
            for command, values in outline(line.text, line.face)
        )
        place = f"translate({line.x:.4f} {line.baseline:.4f}) scale({line.size:.4f} -{line.size:.4f})"
        texts.append(f'<path transform="{place}" d="{steps}"/>')
    said = escape(" | ".join([label.symbol.data.replace("\x1d", "<GS>"), *(one.text for one in label.lines)]))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{label.width:g}mm" height="{label.height:g}mm" '
        f'viewBox="0 0 {label.width:g} {label.height:g}"><desc>{said}</desc>'
        f'<rect width="100%" height="100%" fill="#fff"/>'
        f'<path shape-rendering="crispEdges" d="{dark}"/>{"".join(texts)}</svg>\n'
    )


def to_pdf(labels: Sequence[Label], sheet: Sheet | None = None) -> bytes:
    """Labels as a PDF: each on a page of its own size, or side by side on sheets.

    Raises
    ------
    CodeError
        There is no label, one does not fit the sheet, or the extra ``labels`` is not installed.
    """
    try:
        from reportlab.pdfgen.canvas import Canvas
    except ImportError as error:
        raise missing(error) from error
    if not labels:
        raise refusal("no-labels")
    held = io.BytesIO()
    canvas = Canvas(held, invariant=True, pageCompression=1)
    canvas.setTitle("Assay labels")
    for page in _pages(labels, sheet):
        width, height = (sheet.width, sheet.height) if sheet else (page[0][0].width, page[0][0].height)
        canvas.setPageSize((width * _MM, height * _MM))
        for label, x, y in page:
            _on_canvas(canvas, label, x, height - y)
        canvas.showPage()
    canvas.save()
    return held.getvalue()


def _pages(labels: Sequence[Label], sheet: Sheet | None) -> Iterator[list[tuple[Label, float, float]]]:
    """The labels of each page with the place of their upper left corner, row by row."""
    if sheet is None:
        yield from ([(label, 0.0, 0.0)] for label in labels)
        return
    page: list[tuple[Label, float, float]] = []
    x = y = sheet.margin
    tallest = 0.0
    for label in labels:
        if max(label.width - sheet.width, label.height - sheet.height) > -2 * sheet.margin:
            raise refusal("sheet-small", width=label.width, height=label.height)
        if x + label.width > sheet.width - sheet.margin + 1e-9:
            x, y, tallest = sheet.margin, y + tallest + sheet.gap, 0.0
        if y + label.height > sheet.height - sheet.margin + 1e-9:
            yield page
            page, x, y, tallest = [], sheet.margin, sheet.margin, 0.0
        page.append((label, x, y))
        x, tallest = x + label.width + sheet.gap, max(tallest, label.height)
    yield page


def _on_canvas(canvas: Any, label: Label, left: float, top: float) -> None:
    """Draw with ``top`` counted from below, as PDF does."""
    dark = canvas.beginPath()
    for x, y, width, height in boxes(label):
        dark.rect((left + x) * _MM, (top - y - height) * _MM, width * _MM, height * _MM)
    canvas.drawPath(dark, stroke=0, fill=1)
    for line in label.lines:
        path = canvas.beginPath()
        scale = line.size * _MM
        x, y = (left + line.x) * _MM, (top - line.baseline) * _MM
        draw = {"M": path.moveTo, "L": path.lineTo, "C": path.curveTo, "Z": path.close}
        for command, values in outline(line.text, line.face):
            draw[command](*(value * scale + (y if n % 2 else x) for n, value in enumerate(values)))
        canvas.drawPath(path, stroke=0, fill=1, fillMode=1)


def to_image(label: Label, resolution: int) -> Image:
    """The label in a printer's dots, black on white; modules are whole dots.

    Raises
    ------
    CodeError
        A module is less than one dot, or the extra ``labels`` is not installed.
    """
    try:
        from PIL import Image, ImageDraw
    except ImportError as error:
        raise missing(error) from error
    dots = resolution / _INCH
    module = int(label.module * dots + 1e-6)
    if module < 1:
        raise refusal("module-dots", module=f"{label.module:.3f}", resolution=resolution)
    picture = Image.new("L", (round(label.width * dots), round(label.height * dots)), 255)
    draw = ImageDraw.Draw(picture)
    draw.fontmode = "1"
    rows, columns = label.symbol.modules.shape
    tall = module if label.bars is None else round(label.bars * dots)
    # What rounding down leaves over is shared by both sides, so that the symbol stays in its place.
    left = round(label.x * dots + columns * (label.module * dots - module) / 2)
    above = round(label.y * dots + (0 if label.symbol.bars else rows * (label.module * dots - module) / 2))
    pixels = np.kron(label.symbol.modules, np.ones((tall, module), dtype=bool))
    picture.paste(0, (left, above), Image.fromarray(np.where(pixels, 255, 0).astype(np.uint8)))
    for line in label.lines:
        font = line.face.sized(max(round(line.size * dots), 1))
        draw.text((line.x * dots, line.baseline * dots), line.text, font=font, fill=0, anchor="ls")
    return picture


def to_zpl(labels: Sequence[Label], resolution: int = 203) -> str:
    """Labels for a printer that speaks ZPL II, each as one graphic field, so that no font has to be there.

    Raises
    ------
    CodeError
        There is no label, the resolution is no printer's, or a module is less than a dot.
    """
    if not labels:
        raise refusal("no-labels")
    if resolution not in RESOLUTIONS:
        raise refusal("resolution", resolution=resolution, known=", ".join(map(str, RESOLUTIONS)))
    return "".join(_zpl(label, resolution) for label in labels)


def _zpl(label: Label, resolution: int) -> str:
    picture = to_image(label, resolution)
    dark = np.asarray(picture) < 128
    packed = np.packbits(dark, axis=1)
    rows, size = packed.shape
    total = rows * size
    return (
        f"^XA^PW{picture.width}^LL{picture.height}^LH0,0^FO0,0"
        f"^GFA,{total},{total},{size},{packed.tobytes().hex().upper()}^FS^XZ\n"
    )
