"""The unit file as PDF: fonts embedded, signals as vector graphics."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from assay.model.text import Language
from assay.report.curves import as_flowable, drawn
from assay.report.fonts import BOLD, LATIN, chinese, marked, register
from assay.report.unit_file import BAD, GOOD, OPEN, Section, Wording

if TYPE_CHECKING:
    from assay.analyse.unit_file import UnitFile

_GREY, _RULE = "#5b6b79", "#dfe5ea"
_INKS = {GOOD: "#2e7d32", BAD: "#c62828", OPEN: "#8a6100"}
_PAPERS = {BAD: "#fdecea", OPEN: "#fff6df"}


def as_pdf(file: UnitFile, language: Language, zone: str = "UTC") -> bytes:
    """The file as a PDF of A4 pages; equal files give equal bytes.

    Raises
    ------
    MissingExtra
        reportlab or matplotlib (whose fonts are embedded) isn't installed.
    ReportError
        The file holds Chinese characters, and no font of this machine has them.
    """
    return pages(Wording(file, language, zone))


def pages(words: Wording) -> bytes:
    """A worded file as a PDF of A4 pages; see :func:`as_pdf`."""
    return _Pages(words).written()


class _Pages:
    """One file on its way to pages."""

    def __init__(self, words: Wording) -> None:
        self.words = words
        self._sections = words.sections()
        self._charts = [(words.curve_title(curve), drawn(curve)) for curve in words.file.curves]
        self._chinese = register(chinese(self._text()))
        from reportlab.lib.colors import HexColor
        from reportlab.lib.styles import ParagraphStyle

        self.colour = HexColor
        plain = ParagraphStyle("plain", fontName=LATIN, fontSize=8.5, leading=11.5)
        self._styles = {
            "plain": plain,
            "cell": ParagraphStyle("cell", plain, fontSize=6.8, leading=8.8),
            "title": ParagraphStyle("title", plain, fontName=BOLD, fontSize=16, leading=21, spaceAfter=4),
            "head": ParagraphStyle(
                "head", plain, fontName=BOLD, fontSize=11, leading=14, spaceBefore=11, spaceAfter=4
            ),
        }

    def _text(self) -> str:
        """Everything that will be set, to know which characters a font has to have."""
        words = self.words
        parts = [words.title, words.grade, words.said(words.file.rule), words.say("page", page=0)]
        parts += [part for fact in words.facts for part in fact]
        parts += [words.said(gap) for gap in words.file.missing]
        for section in self._sections:
            parts += [section.title, *section.heads, *(cell for row in section.rows for cell in row)]
        parts += [words.say(key) for key in ("section.missing", "section.curves", "no-readings")]
        return "".join([*parts, *(title for title, _ in self._charts)])

    def written(self) -> bytes:
        from reportlab.lib.pagesizes import A4
        from reportlab.lib.units import mm
        from reportlab.platypus import SimpleDocTemplate

        held = BytesIO()
        document = SimpleDocTemplate(
            held,
            pagesize=A4,
            leftMargin=15 * mm,
            rightMargin=15 * mm,
            topMargin=15 * mm,
            bottomMargin=16 * mm,
            title=self.words.title,
            author=self.words.file.plant,
            subject=self.words.file.hash,
            invariant=1,
        )
        document.build([*self._front(), *self._tables(), *self._drawings()], self._foot, self._foot)
        return held.getvalue()

    def _front(self) -> list[Any]:
        words = self.words
        parts = [
            self._said(words.title, "title"),
            self._said(words.grade, "head", _INKS[words.tone]),
            self._said(words.said(words.file.rule), "cell", _GREY),
            self._table(Section("", (), tuple(words.facts), ("",) * len(words.facts), (32, 148))),
        ]
        if words.file.missing:
            parts.append(self._said(words.say("section.missing"), "head", _INKS[OPEN]))
            parts += [self._said(f"• {words.said(gap)}", "plain") for gap in words.file.missing]
        return parts

    def _tables(self) -> list[Any]:
        found: list[Any] = []
        for section in self._sections:
            found += [self._said(section.title, "head"), self._table(section)]
        return found

    def _drawings(self) -> list[Any]:
        from reportlab.platypus import KeepTogether

        found: list[Any] = [self._said(self.words.say("section.curves"), "head")] if self._charts else []
        for title, drawing in self._charts:
            shown = (
                self._said(self.words.say("no-readings"), "cell")
                if drawing is None
                else as_flowable(drawing, LATIN)
            )
            found.append(KeepTogether([self._said(title, "cell"), shown]))
        return found

    def _foot(self, canvas: Any, document: Any) -> None:
        from reportlab.platypus import Frame

        said = f"{self.words.title} · {self.words.say('page', page=canvas.getPageNumber())}"
        foot = Frame(document.leftMargin, 14, document.width, 22, 0, 0, 0, 0)
        foot.addFromList([self._said(said, "cell", _GREY)], canvas)

    def _said(self, text: str, style: str, colour: str | None = None) -> Any:
        """A paragraph; Chinese characters are set in a font that has them."""
        from reportlab.platypus import Paragraph

        said = marked(text, self._chinese)
        return Paragraph(f'<font color="{colour}">{said}</font>' if colour else said, self._styles[style])

    def _table(self, section: Section) -> Any:
        from reportlab.lib.units import mm
        from reportlab.platypus import LongTable, TableStyle

        cells = [[self._said(cell, "cell") for cell in row] for row in section.rows]
        first = int(bool(section.heads))
        if section.heads:
            cells.insert(0, [self._said(head, "cell", _GREY) for head in section.heads])
        style = [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, -1), 0.3, self.colour(_RULE)),
            ("TOPPADDING", (0, 0), (-1, -1), 1.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
            ("LEFTPADDING", (0, 0), (-1, -1), 2),
            ("RIGHTPADDING", (0, 0), (-1, -1), 3),
        ]
        style += [
            ("BACKGROUND", (0, row), (-1, row), self.colour(_PAPERS[tone]))
            for row, tone in enumerate(section.tones, first)
            if tone in _PAPERS
        ]
        return LongTable(
            cells,
            colWidths=[width * mm for width in section.widths],
            repeatRows=first,
            style=TableStyle(style),
        )
