"""The consumer page as HTML: plain, for a telephone, without scripts and without anything from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from assay.model.text import Language
from assay.report.errors import CATALOGUE

if TYPE_CHECKING:
    import datetime as dt

    from jinja2 import Template

    from assay.exchange.consumer import ConsumerAnswer
    from assay.exchange.consumer.contents import InspectionReport, Origin

Tone = Literal["good", "warn", "bad", "plain"]
Notice = Literal["malformed", "long", "foreign", "absent", "gone", "often", "busy", "failed"]
"""Pages that say why there is nothing to see."""

_UNITS = {"Cel": "°C", "[degF]": "°F", "deg": "°", "1": ""}
"""UCUM codes that people write otherwise."""


@dataclass(frozen=True)
class _Row:
    cells: tuple[str, ...]
    bad: bool


@dataclass(frozen=True)
class _Section:
    title: str = ""
    lead: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    heads: tuple[str, ...] = ()
    rows: tuple[_Row, ...] = ()
    items: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Page:
    title: str
    other: str
    switch: str
    paragraphs: tuple[str, ...] = ()
    verdict: str = ""
    tone: Tone = "plain"
    advice: tuple[str, ...] = ()
    sections: tuple[_Section, ...] = ()
    footer: str = ""


def consumer_html(answer: ConsumerAnswer, language: Language, *, other: str, keep_days: int) -> str:
    """The page of a scanned code.

    Parameters
    ----------
    answer
        What everybody may know of it.
    language
        The language of the page.
    other
        The address of the page in the other language.
    keep_days
        How long the scan is kept, which the page says.
    """
    words = _Words(answer, language)
    return _written(
        language,
        _Page(
            title=answer.name.said(language),
            other=other,
            switch=_say("switch", language),
            paragraphs=() if answer.description is None else (answer.description.said(language),),
            verdict=words.verdict,
            tone=words.tone,
            advice=words.advice,
            sections=tuple(words.sections()),
            footer="" if answer.kind is None else _say("privacy", language, days=keep_days),
        ),
    )


def notice_html(notice: Notice, language: Language, *, other: str, **values: object) -> str:
    """The page that says why there is nothing to see; ``values`` fill its sentence."""
    return _written(
        language,
        _Page(
            title=_say(f"notice.{notice}", language),
            other=other,
            switch=_say("switch", language),
            paragraphs=(_say(f"notice.{notice}-said", language, **values),),
        ),
    )


class _Words:
    """An answer as a person reads it, in one language."""

    def __init__(self, answer: ConsumerAnswer, language: Language) -> None:
        self._answer, self._language = answer, language

    def _say(self, key: str, **values: object) -> str:
        return _say(key, self._language, **values)

    @property
    def verdict(self) -> str:
        """What the maker knows of the code, as one sentence."""
        answer = self._answer
        of = ""
        if (answer.standing, answer.kind) == ("recorded", "lot"):
            of = "-lot"
        elif answer.standing == "unknown" and answer.sscc is not None:
            of = "-package"
        return self._say(f"verdict-{answer.standing}{of}", maker=answer.maker.said(self._language))

    @property
    def tone(self) -> Tone:
        """How the verdict looks."""
        if self._answer.standing == "unknown":
            return "bad"
        if self._answer.hints:
            return "warn"
        return "good" if self._answer.standing == "recorded" else "plain"

    @property
    def advice(self) -> tuple[str, ...]:
        """What is odd about the code, and what to do."""
        answer = self._answer
        if answer.standing == "product":
            return ()
        if answer.standing == "unknown":
            return (self._say("advice-unknown"),)
        if answer.hints:
            return (*(self._say(f"hint-{hint}") for hint in answer.hints), self._say("advice-hints"))
        return (self._say("advice-recorded"),)

    def sections(self) -> list[_Section]:
        """What is shown below the verdict."""
        answer = self._answer
        found = [self._facts()]
        if answer.report is not None:
            found.append(self._report(answer.report))
        if answer.origin is not None:
            found += self._origin(answer.origin)
        return found

    def _facts(self) -> _Section:
        answer = self._answer
        facts = [
            ("maker", answer.maker.said(self._language)),
            ("gtin", answer.gtin or ""),
            ("sscc", answer.sscc or ""),
            (f"number-{answer.kind}", answer.number),
            ("contact", answer.contact.said(self._language) if answer.contact else ""),
        ]
        return _Section(facts=self._named(facts))

    def _report(self, report: InspectionReport) -> _Section:
        lead = self._say(f"grade.{report.grade.replace(' ', '-')}") if report.grade else ""
        rows = []
        for one in report.lines:
            verdict = self._say(f"conforming.{str(one.conforming).lower()}")
            value = (
                "" if one.value is None else f"{one.value:.6g} {_UNITS.get(one.unit or '', one.unit or '')}"
            )
            said = " ".join(word for word in (value.strip(), one.text) if word)
            rows.append(
                _Row(
                    (one.name.said(self._language), verdict, said, _day(one.measured)),
                    one.conforming is False,
                )
            )
        heads = [self._say(f"head-{name}") for name in ("name", "verdict", "value", "measured")]
        if not any(row.cells[2] for row in rows):
            rows = [_Row((*row.cells[:2], row.cells[3]), row.bad) for row in rows]
            heads = [*heads[:2], heads[3]]
        return _Section(self._say("section-report"), lead, heads=tuple(heads), rows=tuple(rows))

    def _origin(self, origin: Origin) -> list[_Section]:
        facts = [
            ("country", origin.country.said(self._language) if origin.country else ""),
            ("site", origin.site.said(self._language) if origin.site else ""),
            ("lot", origin.lot or ""),
            ("made", _day(origin.made)),
        ]
        found = []
        if named := self._named(facts):
            found.append(_Section(self._say("section-origin"), facts=named))
        if origin.materials:
            items = (
                " · ".join(text.said(self._language) for text in (one.name, one.origin) if text)
                for one in origin.materials
            )
            found.append(_Section(self._say("section-materials"), items=tuple(items)))
        return found

    def _named(self, facts: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        return tuple((self._say(name), value) for name, value in facts if value)


def _say(key: str, language: Language, **values: object) -> str:
    return CATALOGUE.say(f"consumer.{key}", language, **values)


def _day(day: dt.date | None) -> str:
    return "" if day is None else day.isoformat()


def _written(language: Language, page: _Page) -> str:
    return _template().render(page=page, language=language)


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment: Any = Environment(
        loader=PackageLoader("assay.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found: Template = environment.get_template("consumer.html.j2")
    return found
