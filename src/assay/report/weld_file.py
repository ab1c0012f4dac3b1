"""The weld file of a joint as one HTML page and as PDF: the unit file with its passes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from assay.model.text import Language
from assay.report.unit_file import BAD, GOOD, OPEN, Section, Wording, page
from assay.report.unit_file_pdf import pages

if TYPE_CHECKING:
    from assay.analyse.welding.contents import GateVerdict, WeldFile, WeldLot, WeldPass
    from assay.analyse.welding.procedure import Kept

_TONES = {True: GOOD, False: BAD, None: OPEN}


def as_html(file: WeldFile, language: Language, zone: str = "UTC") -> str:
    """The file as one HTML page that asks for nothing else and needs no script."""
    return page(WeldWording(file, language, zone))


def as_pdf(file: WeldFile, language: Language, zone: str = "UTC") -> bytes:
    """The file as a PDF of A4 pages; equal files give equal bytes.

    Raises
    ------
    MissingExtra
        reportlab or matplotlib (whose fonts are embedded) isn't installed.
    ReportError
        The file holds Chinese characters, and no font of this machine has them.
    """
    return pages(WeldWording(file, language, zone))


class WeldWording(Wording):
    """A weld file's values as a person reads them, in one language and time zone."""

    def __init__(self, file: WeldFile, language: Language, zone: str) -> None:
        super().__init__(file, language, zone)
        self.welded = file

    @property
    def title(self) -> str:
        """What the document is called."""
        return self.say("title-weld", id=self.file.id)

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Those of the unit, and the drawing."""
        first, *rest = super().facts
        return [first, (self.say("drawing"), self.welded.drawing or "–"), *rest]

    def sections(self) -> list[Section]:
        """Passes, parameters and verdicts of the gate before the tables of the unit file."""
        found = [
            self.section(
                "passes",
                ("pass", "welder", "power-source", "procedure", "lots", "air", "heat-input", "verdict"),
                [self._pass(one) for one in self.welded.passes],
                (18, 34, 26, 18, 32, 20, 16, 16),
                [_TONES[one.in_order] for one in self.welded.passes],
            ),
            self.section(
                "gate",
                ("pass", "entry", "time", "verdict", "why", "cited"),
                [self._gate(one.execution, one.gate) for one in self.welded.passes if one.gate],
                (18, 22, 26, 22, 62, 30),
                [_TONES[one.in_order] for one in self.welded.passes if one.gate],
            ),
            self.section(
                "parameters",
                ("pass", "parameter", "value", "allowed", "verdict"),
                [self._kept(one, kept) for one, kept in self._windows()],
                (26, 52, 34, 44, 24),
                [_TONES[kept.kept] for _, kept in self._windows()],
            ),
        ]
        return [*(section for section in found if section.rows), *super().sections()]

    def _windows(self) -> Iterable[tuple[WeldPass, Kept]]:
        for one in self.welded.passes:
            for kept in one.parameters:
                yield one, kept

    def _pass(self, one: WeldPass) -> tuple[str, ...]:
        tests = [
            f"{test.level or test.id} {self._held(held=test.held and bool(test.covers))}".strip()
            for test in one.tests
        ]
        machine = [
            f"{paper.id} {paper.certificate or ''} {self._held(held=paper.held)}".strip()
            for paper in one.calibrations
        ]
        if one.service is not None:
            hours = "–" if one.service.machine_hours is None else f"{one.service.machine_hours:g}"
            machine.append(self.say("hours", hours=hours, due=f"{one.service.due_hours:g}"))
        air = [f"{kept.value:g} {_unit(kept)}" for kept in one.parameters if _of_air(kept)]
        return (
            "\n".join([one.execution, self.clock(one.started)]),
            "\n".join([one.person or "–", *(tests or [self.say("no-test")])]),
            "\n".join([one.machine or "–", *(machine or [self.say("uncalibrated")])]),
            " ".join(word for word in (one.recipe, one.revision or self.say("lapsed")) if word),
            "\n".join(self._lot(lot) for lot in (*one.consumables, *one.steel)) or "–",
            "\n".join([one.zone or "–", *air]),
            "–" if one.heat_input is None else f"{one.heat_input:.3f}",
            self.say(f"in-order.{str(one.in_order).lower()}"),
        )

    def _held(self, *, held: bool) -> str:
        return "" if held else self.say("not-fit")

    def _lot(self, lot: WeldLot) -> str:
        status = self.say("undecided") if lot.status is None else lot.status
        return f"{lot.subject} {lot.material or ''}: {status}, {lot.certificate or '–'}"

    def _gate(self, execution: str, gate: GateVerdict) -> tuple[str, ...]:
        outcome = self.say(f"gate.{gate.outcome.replace('_', '-')}")
        if gate.later is not None:
            later = self.say(f"gate.{gate.later.replace('_', '-')}")
            outcome = f"{outcome}\n→ {later} (main {gate.later_entry})"
        return (
            execution,
            f"{gate.log} {gate.entry}",
            self.clock(gate.judged),
            outcome,
            "\n".join(self.said(reason.said) for reason in gate.reasons),
            ", ".join(map(str, gate.cited)),
        )

    def _kept(self, one: WeldPass, kept: Kept) -> tuple[str, ...]:
        value = (
            "–" if kept.value is None else kept.value if isinstance(kept.value, str) else f"{kept.value:g}"
        )
        low, high = ("" if end is None else f"{end:g}" for end in (kept.low, kept.high))
        limits = ", ".join(kept.allowed) if kept.allowed else f"{low} … {high}" if low or high else "–"
        return (
            one.execution,
            self.say(f"parameter.{kept.name}"),
            f"{value} {_unit(kept)}".strip() if kept.value is not None else value,
            limits.strip(),
            self.say(f"kept.{str(kept.kept).lower()}"),
        )


def _of_air(kept: Kept) -> bool:
    return kept.name in {"air_temperature_c", "humidity_pct", "wind_m_s"} and kept.value is not None


def _unit(kept: Kept) -> str:
    return "°C" if kept.unit == "Cel" else kept.unit or ""
