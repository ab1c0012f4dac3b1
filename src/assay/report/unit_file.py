"""The unit file as one HTML page, and the tables that its HTML and PDF forms share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from assay.model.text import Language, Text
from assay.report.curves import as_svg, drawn
from assay.report.errors import CATALOGUE

if TYPE_CHECKING:
    from assay.analyse.unit_file import SubjectFile, UnitFile
    from assay.analyse.unit_file.contents import Curve, Inspection, MaterialUse, RefusedEvidence, Step

GOOD, BAD, OPEN = "good", "bad", "open"
_TONES = {
    "conforming": GOOD,
    "nonconforming": BAD,
    "incomplete": OPEN,
    "not graded": OPEN,
    "met": GOOD,
    "not met": BAD,
    "not recorded": OPEN,
}


@dataclass(frozen=True)
class Section:
    """A titled table; ``tones`` has one of ``good``, ``bad``, ``open`` or nothing for each row."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    tones: tuple[str, ...]
    widths: tuple[float, ...]


class Wording:
    """A file's values as a person reads them, in one language and time zone."""

    def __init__(self, file: SubjectFile, language: Language, zone: str) -> None:
        self.file, self.language, self._zone = file, language, ZoneInfo(zone)

    def say(self, key: str, **values: object) -> str:
        """A text of the catalogue."""
        return CATALOGUE.say(f"unit-file.{key}", self.language, **values)

    def said(self, text: Text) -> str:
        """A text that comes in both languages."""
        return text.said(self.language)

    def clock(self, moment: datetime | None) -> str:
        """A moment in the plant's time zone."""
        return "–" if moment is None else f"{moment.astimezone(self._zone):%Y-%m-%d %H:%M:%S %Z}"

    @property
    def title(self) -> str:
        """What the document is called."""
        return self.say(f"title-{self.file.kind}", id=self.file.id)

    @property
    def grade(self) -> str:
        """The grade in words."""
        return self.say(f"grade.{_key(self.file.grade)}")

    @property
    def tone(self) -> str:
        """``good``, ``bad`` or ``open``, by the grade."""
        return _TONES[self.file.grade]

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What it is, by which card it is graded, and the hash of its JSON form."""
        file, card = self.file, self.file.card
        words = () if card is None else (card.id, card.revision)
        return [
            (self.say("plant"), file.plant),
            (self.say("material"), file.material or "–"),
            (self.say("lot"), file.lot or "–"),
            (self.say("began"), self.clock(file.began)),
            (self.say("ended"), self.clock(file.ended)),
            (self.say("card"), " · ".join(word for word in words if word) or "–"),
            (self.say("hash"), file.hash),
        ]

    def curve_title(self, curve: Curve) -> str:
        """The signal, where and when, and its figures."""
        figures = ", ".join(
            f"{name} {value:.5g}" for name, value in curve.features.items() if value is not None
        )
        unit = f" ({curve.unit})" if curve.unit else ""
        place = " · ".join(word for word in (curve.segment, curve.execution, curve.equipment) if word)
        return f"{curve.signal}{unit} · {place} · {self.clock(curve.started)} · {figures}"

    def sections(self) -> list[Section]:
        """Every table that has rows, in the order of the file."""
        file = self.file
        lines = [
            (
                str(one.number),
                one.segment or "",
                one.name or self.said(one.wanted),
                self.said(one.found),
                self.say(f"verdict.{_key(one.verdict)}") + _doubt(one.confidence),
            )
            for one in file.requirements
        ]
        found = [
            self.section(
                "requirements",
                ("number", "segment", "wanted", "found", "verdict"),
                lines,
                (8, 24, 56, 62, 30),
                [_TONES[one.verdict] for one in file.requirements],
            ),
            self.section(
                "refused",
                ("record", "subject", "what", "why", "verdict", "entry"),
                [self._refused(one) for one in file.refused],
                (50, 32, 24, 34, 22, 18),
                [_standing([one]) for one in file.refused],
            ),
            self.section(
                "steps",
                ("started", "segment", "execution", "equipment", "person", "recipe", "materials"),
                [self._step(step) for step in file.steps],
                (28, 20, 24, 26, 34, 22, 26),
                [_standing(step.refused) for step in file.steps],
            ),
            self.section(
                "inspections",
                ("time", "subject", "characteristic", "value", "limits", "verdict", "gauge"),
                [self._inspection(one) for one in file.inspections],
                (28, 26, 28, 24, 26, 20, 28),
                [_judged(one) for one in file.inspections],
            ),
            self.section(
                "events",
                ("time", "event", "subject", "severity", "message"),
                [
                    (
                        self.clock(one.time),
                        one.event,
                        one.subject or one.equipment or "",
                        one.severity or "",
                        one.message or "",
                    )
                    for one in file.events
                ],
                (32, 30, 34, 20, 64),
            ),
            self.section(
                "materials",
                ("subject", "material", "execution", "quantity", "certificates"),
                [self._material(one) for one in file.materials],
                (34, 28, 30, 22, 66),
                [_standing(one.refused) for one in file.materials],
            ),
            self.section(
                "papers",
                ("subject", "media-type", "content"),
                [(one.subject, one.media_type, one.content) for one in file.certificates],
                (40, 36, 104),
            ),
            self.section(
                "packing",
                ("time", "subject", "segment", "execution", "position"),
                [
                    (
                        self.clock(one.time),
                        one.subject,
                        one.segment or "",
                        one.execution,
                        one.position or "",
                    )
                    for one in file.packing
                ],
                (36, 50, 34, 36, 24),
            ),
        ]
        return [section for section in found if section.rows]

    def section(
        self,
        name: str,
        heads: Sequence[str],
        rows: Sequence[tuple[str, ...]],
        widths: tuple[float, ...],
        tones: Sequence[str] = (),
    ) -> Section:
        """A table by the catalogue's names; widths of its columns in mm of a page, 180 in all."""
        return Section(
            self.say(f"section.{name}"),
            tuple(self.say(f"head.{head}") for head in heads),
            tuple(rows),
            tuple(tones) or ("",) * len(rows),
            widths,
        )

    def _refused(self, one: RefusedEvidence) -> tuple[str, ...]:
        since = "" if one.decided is None else f"\n→ main {one.decided}"
        now = self._now(one)
        return (
            one.record,
            one.about,
            one.what or "",
            "\n".join(one.reasons),
            now if one.stands else f"{self.say('gate.refused')}\n→ {now}",
            f"refused {one.refused}{since}",
        )

    def _now(self, one: RefusedEvidence) -> str:
        return self.say(f"gate.{one.outcome.replace('_', '-')}")

    def _marks(self, found: Sequence[RefusedEvidence]) -> list[str]:
        """What was refused, each sort once: the reasons, and what holds now where that is something else."""
        said = []
        for one in found:
            mark = self.say("refused", reasons=", ".join(one.reasons))
            said.append(mark if one.stands else f"{mark} → {self._now(one)}")
        return list(dict.fromkeys(said))

    def _material(self, one: MaterialUse) -> tuple[str, ...]:
        papers = [f"{paper.media_type} {paper.content}" for paper in one.certificates]
        return (
            "\n".join([one.subject + _doubt(one.confidence), *self._marks(one.refused)]),
            one.material or "",
            one.execution,
            "" if one.quantity is None else f"{one.quantity:g} {one.unit or ''}".strip(),
            "\n".join(papers) or self.say("no-certificate"),
        )

    def _step(self, step: Step) -> tuple[str, ...]:
        papers = [
            f"{one.id} {one.level or ''}".strip() + ("" if one.held else f" {self.say('lapsed')}")
            for one in step.qualifications
        ]
        person = "–" if step.person is None else f"{step.person_name or ''} {step.person}".strip()
        settings = [f"{name} {value}" for name, value in step.parameters.items()]
        recipe = " ".join(word for word in (step.recipe, step.recipe_revision) if word)
        place = " ".join(word for word in (step.equipment_name, step.equipment) if word)
        return (
            self.clock(step.started),
            step.segment or "–",
            "\n".join([step.execution + _doubt(step.confidence), *self._marks(step.refused)]),
            "\n".join([place or "–", *step.carriers]),
            "\n".join([person, *papers]),
            "\n".join([recipe or "–", *settings]),
            f"{', '.join(step.inputs) or '–'} → {', '.join(step.outputs) or '–'}",
        )

    def _inspection(self, one: Inspection) -> tuple[str, ...]:
        value = "" if one.value is None else f"{one.value:.6g} {one.unit or ''}".strip()
        low, high = one.lower_specification_limit, one.upper_specification_limit
        limits = f"{'' if low is None else f'{low:g}'} … {'' if high is None else f'{high:g}'}"
        verdict = self.say(f"conforming.{_key(str(one.conforming))}")
        verdict = verdict if one.latest else f"{verdict} {self.say('replaced')}"
        marks = [] if one.refused is None else self._marks([one.refused])
        paper = one.calibration
        calibrated = "" if one.gauge is None else self.say("uncalibrated")
        if paper is not None:
            calibrated = f"{paper.id} {paper.certificate or ''}".strip()
            calibrated += "" if paper.held else f" {self.say('lapsed')}"
        return (
            self.clock(one.time),
            one.subject,
            one.characteristic,
            " ".join(word for word in (value, one.text) if word),
            "–" if low is None and high is None else limits.strip(),
            "\n".join([verdict, *marks]),
            "\n".join(word for word in (one.gauge, calibrated, one.person) if word),
        )


def as_html(file: UnitFile, language: Language, zone: str = "UTC") -> str:
    """The file as one HTML page that asks for nothing else and needs no script."""
    return page(Wording(file, language, zone))


def page(words: Wording) -> str:
    """A worded file as one HTML page that asks for nothing else and needs no script."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("assay.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    charts = [
        (title, None if drawing is None else as_svg(drawing, title))
        for title, drawing in ((words.curve_title(curve), drawn(curve)) for curve in words.file.curves)
    ]
    return environment.get_template("unit_file.html.j2").render(
        words=words, file=words.file, language=words.language, charts=charts
    )


def _key(word: str) -> str:
    return word.lower().replace(" ", "-")


def _doubt(confidence: float) -> str:
    return "" if confidence >= 1 else f" (p = {confidence:.3f})"


def _standing(found: Sequence[RefusedEvidence]) -> str:
    return OPEN if any(one.stands for one in found) else ""


def _judged(one: Inspection) -> str:
    if one.conforming is None:
        return OPEN
    return GOOD if one.conforming else BAD
