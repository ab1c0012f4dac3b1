"""The verification report as PDF."""

from __future__ import annotations

from io import BytesIO
from string import printable
from typing import TYPE_CHECKING, Any

from assay.model.text import Language
from assay.report.errors import CATALOGUE
from assay.report.fonts import BOLD, LATIN, marked, register

if TYPE_CHECKING:
    from assay.report.identity import Identity
    from assay.stats.verify import Verification

_GREY, _RULE, _GOOD, _BAD = "#5b6b79", "#dfe5ea", "#2e7d32", "#c62828"


def as_pdf(verification: Verification, identity: Identity, language: Language) -> bytes:
    """The report as a PDF of A4 pages; not yet signed.

    Raises
    ------
    MissingExtra
        reportlab or matplotlib (whose fonts are embedded) isn't installed.
    ReportError
        No font has Chinese characters.
    """
    return _Document(verification.to_dict(), identity, language).written()


class _Document:
    """One report on its way to pages."""

    def __init__(self, report: dict[str, Any], identity: Identity, language: Language) -> None:
        used = {letter for text in (*CATALOGUE.keys("zh").values(), printable) for letter in text}
        self._chinese = register("".join(sorted(used)) if language == "zh" else "")
        from reportlab.lib.colors import HexColor
        from reportlab.lib.styles import ParagraphStyle

        self.report, self.identity, self.language = report, identity, language
        self.colour = HexColor
        plain = ParagraphStyle("plain", fontName=LATIN, fontSize=8.5, leading=11.5)
        self.styles = {
            "plain": plain,
            "cell": ParagraphStyle("cell", plain, fontSize=6.6, leading=8.4),
            "title": ParagraphStyle("title", plain, fontName=BOLD, fontSize=17, leading=22, spaceAfter=4),
            "head": ParagraphStyle(
                "head", plain, fontName=BOLD, fontSize=11, leading=14, spaceBefore=12, spaceAfter=5
            ),
        }

    def say(self, key: str, **values: object) -> str:
        return CATALOGUE.say(f"verification.{key}", self.language, **values)

    def words(self, text: str, style: str = "plain", *, colour: str | None = None) -> Any:
        """A paragraph; Chinese characters are set in a font that has them."""
        from reportlab.platypus import Paragraph

        said = marked(text, self._chinese)
        return Paragraph(f'<font color="{colour}">{said}</font>' if colour else said, self.styles[style])

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
            title=self.say("title"),
            author=self.identity.subject,
            creator=f"assay-quality {self.report['environment']['assay']}",
        )
        document.build([*self._front(), *self._families()], onFirstPage=self._foot, onLaterPages=self._foot)
        return held.getvalue()

    def _foot(self, canvas: Any, document: Any) -> None:
        canvas.setFillColor(self.colour(_GREY))
        canvas.setFont(self._chinese or LATIN, 7)
        canvas.drawString(document.leftMargin, 24, self.say("title"))
        canvas.drawRightString(
            document.leftMargin + document.width, 24, self.say("page", page=canvas.getPageNumber())
        )

    def _front(self) -> list[Any]:
        report, environment = self.report, self.report["environment"]
        good = report["failed"] == 0
        counts = {"passed": report["passed"], "failed": report["failed"]}
        verdict = self.say("verdict.good" if good else "verdict.bad", total=sum(counts.values()), **counts)
        software = " · ".join(
            f"{name} {environment[key]}"
            for name, key in (
                ("assay-quality", "assay"),
                ("Python", "python"),
                ("NumPy", "numpy"),
                ("SciPy", "scipy"),
            )
        )
        facts = [
            ("at", report["at"]),
            ("software", software),
            ("machine", f"{environment['system']} · {environment['machine']}"),
            ("signer", self.identity.subject),
            ("fingerprint", self.identity.fingerprint),
        ]
        summary = [
            [self.say("families." + line["family"]), line["checks"], line["passed"], line["sources"]]
            for line in report["families"]
        ]
        return [
            self.words(self.say("title"), "title"),
            self.words(self.say("lead"), colour=_GREY),
            self.words(verdict, "head", colour=_GOOD if good else _BAD),
            self._table([[self.say(key), value] for key, value in facts], [32, 148]),
            self.words(self.say("summary"), "head"),
            self._table(summary, [95, 25, 25, 35], heads=["family", "checks", "passed", "sources"]),
            self.words(self.say("method"), "head"),
            self.words(self.say("method_text")),
        ]

    def _families(self) -> list[Any]:
        parts: list[Any] = []
        for family in self.report["families"]:
            name = family["family"]
            parts.append(self.words(self.say("families." + name), "head"))
            lines = [check for check in self.report["checks"] if check["family"] == name]
            parts.append(
                self._table(
                    [self._line(check) for check in lines],
                    [52, 23, 23, 17, 17, 10, 38],
                    heads=["statistic", "reference", "computed", "difference", "tolerance", "", "source"],
                    failed=[row for row, check in enumerate(lines) if not check["passed"]],
                )
            )
        return parts

    def _line(self, check: dict[str, Any]) -> list[object]:
        from assay.report.verification import figure

        gap = check["difference"]
        source = f"{self.say('origin.' + check['origin'])}: {check['source']}"
        return [
            check["statistic"],
            figure(check["reference"]),
            figure(check["computed"]),
            "–" if gap is None else f"{gap:.2g}",
            check["tolerance"],
            self.say("yes" if check["passed"] else "no"),
            ". ".join(part.rstrip(".") for part in (source, check["note"], check["problem"]) if part),
        ]

    def _table(
        self,
        rows: list[list[Any]],
        widths: list[float],
        *,
        heads: list[str] | None = None,
        failed: list[int] | None = None,
    ) -> Any:
        from reportlab.lib.units import mm
        from reportlab.platypus import LongTable, TableStyle

        cells = [[self.words(str(cell), "cell") for cell in row] for row in rows]
        if heads:
            titles = [self.say(head) if head else "" for head in heads]
            cells.insert(0, [self.words(title, "cell", colour=_GREY) for title in titles])
        first = int(heads is not None)
        style = [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, -1), 0.3, self.colour(_RULE)),
            ("TOPPADDING", (0, 0), (-1, -1), 1.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
            ("LEFTPADDING", (0, 0), (-1, -1), 2),
            ("RIGHTPADDING", (0, 0), (-1, -1), 3),
        ]
        places = [row + first for row in failed or ()]
        style += [("BACKGROUND", (0, row), (-1, row), self.colour("#fdecea")) for row in places]
        return LongTable(
            cells, colWidths=[width * mm for width in widths], repeatRows=first, style=TableStyle(style)
        )
