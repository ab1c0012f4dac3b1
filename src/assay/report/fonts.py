"""The fonts of a PDF: DejaVu, and the Chinese characters used, cut out of a font of this machine.

A PDF that only names a Chinese font shows nothing in a reader without one. Most fonts with Chinese characters
hold cubic outlines (CFF), which reportlab can't embed; those of the characters used are turned into quadratic
ones, to a thousandth of the em.
"""

from __future__ import annotations

import hashlib
import re
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from assay.report.errors import ReportError
from assay.stats.errors import MissingExtra, MissingFont
from assay.stats.plot.static import chinese_font

LATIN, BOLD = "DejaVuSans", "DejaVuSans-Bold"
_CJK = re.compile("[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\u3000-\u303f]+")
_CUBIC = ("CFF ", "CFF2", "VORG")
_POSTSCRIPT_NAME = 6


def chinese(text: str) -> str:
    """The Chinese characters and signs of a text, each once."""
    return "".join(sorted({letter for found in _CJK.findall(text) for letter in found}))


def register(characters: str) -> str | None:
    """Let reportlab know DejaVu, and a font with ``characters``; the name of that one, None without any.

    Raises
    ------
    MissingExtra
        reportlab or matplotlib (whose fonts are embedded) isn't installed.
    ReportError
        No font of this machine has Chinese characters.
    """
    try:
        import matplotlib as mpl
        from reportlab.pdfbase import pdfmetrics
        from reportlab.pdfbase.ttfonts import TTFont
    except ImportError as error:
        raise MissingExtra(library=error.name or "reportlab", extra="report") from error
    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    for name in (LATIN, BOLD):
        pdfmetrics.registerFont(TTFont(name, str(folder / f"{name}.ttf")))
    pdfmetrics.registerFontFamily(LATIN, normal=LATIN, bold=BOLD, italic=LATIN, boldItalic=BOLD)
    if not characters:
        return None
    # Named by its characters, in the file too: reportlab takes fonts of one inner name for one.
    name = f"Chinese-{hashlib.sha256(characters.encode()).hexdigest()[:12]}"
    if name not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(TTFont(name, _embedded(characters, name)))
    return name


def marked(text: str, font: str | None) -> str:
    """A text as a paragraph of reportlab takes it, its Chinese characters set in ``font``."""
    safe = escape(text).replace("\n", "<br/>")
    if font is None:
        return safe
    return _CJK.sub(lambda found: f'<font name="{font}">{found[0]}</font>', safe)


def _embedded(characters: str, name: str) -> BytesIO:
    """A TrueType font file of that name with these characters."""
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont

    try:
        found = chinese_font()
    except MissingFont as missing:
        raise ReportError("no-font") from missing
    font = TTFont(found.path, fontNumber=found.face)
    options = Options()
    options.drop_tables += ["GSUB", "GPOS", "GDEF", "BASE", "vhea", "vmtx", "VORG", "DSIG"]
    options.notdef_outline = True
    cut = Subsetter(options)
    cut.populate(text=characters)
    cut.subset(font)
    if "glyf" not in font:
        _to_quadratic(font)
    for record in font["name"].names:
        if record.nameID == _POSTSCRIPT_NAME:
            record.string = name
    held = BytesIO()
    font.save(held)
    held.seek(0)
    return held


def _to_quadratic(font: Any) -> None:
    """Replace cubic outlines by quadratic ones, and the tables that go with them."""
    from fontTools.pens.cu2quPen import Cu2QuPen
    from fontTools.pens.ttGlyphPen import TTGlyphPen
    from fontTools.ttLib import newTable

    order, outlines = font.getGlyphOrder(), font.getGlyphSet()
    glyphs = {}
    for name in order:
        pen = TTGlyphPen(outlines)
        outlines[name].draw(Cu2QuPen(pen, max_err=font["head"].unitsPerEm / 1000, reverse_direction=True))
        glyphs[name] = pen.glyph()
    font["loca"], font["glyf"] = newTable("loca"), newTable("glyf")
    font["glyf"].glyphOrder, font["glyf"].glyphs = order, glyphs
    for table in _CUBIC:
        if table in font:
            del font[table]
    for name, glyph in glyphs.items():
        glyph.recalcBounds(font["glyf"])
        width, _ = font["hmtx"][name]
        font["hmtx"][name] = (width, getattr(glyph, "xMin", 0))
    limits = font["maxp"]
    limits.tableVersion = 0x00010000
    for field in _LIMITS:
        setattr(limits, field, 0)
    limits.maxZones = 1
    font["post"].formatType = 3.0
    font.sfntVersion = "\x00\x01\x00\x00"


_LIMITS = (
    "maxZones",
    "maxTwilightPoints",
    "maxStorage",
    "maxFunctionDefs",
    "maxInstructionDefs",
    "maxStackElements",
    "maxSizeOfInstructions",
    "maxComponentElements",
    "maxComponentDepth",
    "maxPoints",
    "maxContours",
    "maxCompositePoints",
    "maxCompositeContours",
)
