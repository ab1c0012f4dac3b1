"""Chinese characters in a PDF: the ones used, cut out of a font of this machine and embedded.

A PDF that only names a Chinese font shows nothing in a reader without one. Most fonts with Chinese characters
hold cubic outlines (CFF), which reportlab can't embed; those of the characters used are turned into quadratic
ones, to a thousandth of the em.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

from assay.report.errors import ReportError
from assay.stats.errors import MissingFont
from assay.stats.plot.static import chinese_font

_CUBIC = ("CFF ", "CFF2", "VORG")


def embedded(characters: str) -> BytesIO:
    """A TrueType font file with these characters.

    Raises
    ------
    ReportError
        No font of this machine has Chinese characters.
    """
    from fontTools.subset import Options, Subsetter

    try:
        font = _face(chinese_font().path)
    except MissingFont as missing:
        raise ReportError("no-font") from missing
    options = Options()
    options.drop_tables += ["GSUB", "GPOS", "GDEF", "BASE", "vhea", "vmtx", "VORG", "DSIG"]
    options.notdef_outline = True
    cut = Subsetter(options)
    cut.populate(text=characters)
    cut.subset(font)
    if "glyf" not in font:
        _to_quadratic(font)
    held = BytesIO()
    font.save(held)
    held.seek(0)
    return held


def _face(path: Path) -> Any:
    """The font of a file; of a collection, the face for simplified Chinese where there is one."""
    from fontTools.ttLib import TTCollection, TTFont

    if path.suffix.lower() not in {".ttc", ".otc"}:
        return TTFont(path)
    faces = TTCollection(path).fonts
    simplified = (face for face in faces if (face["name"].getDebugName(1) or "").endswith(" SC"))
    return next(simplified, faces[0])


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
