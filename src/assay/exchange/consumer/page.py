"""What a consumer page shows: of everything that is recorded only what the owner's settings name."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, get_args
from zoneinfo import ZoneInfo

from assay.analyse.recall import recall
from assay.analyse.unit_file.standing import Standing as Masters
from assay.exchange.consumer.contents import (
    ConsumerAnswer,
    Hint,
    InspectionReport,
    MadeOf,
    Origin,
    ReportLine,
)
from assay.exchange.consumer.grades import Grades
from assay.exchange.consumer.known import Found, ScannedCode
from assay.model.consumer import DETAILS, ConsumerPage, Detail, Shown
from assay.model.errors import TraceError
from assay.model.judgement import conforms
from assay.query.reading import reading

if TYPE_CHECKING:
    import duckdb

    from assay.store.workspace import Workspace

MOST_NODES: Final = 2_000
"""Nodes of the genealogy that are walked for the materials of an item."""

_RESULTS: Final = """
SELECT characteristic, value, text, unit, segment, time, recorded FROM measurement
WHERE subject = $id AND subject_kind = $kind AND characteristic IN (SELECT unnest($wanted))
ORDER BY coalesce(time, recorded), source, epoch, seq
"""
_MATERIALS: Final = """
SELECT DISTINCT m.material FROM movement m SEMI JOIN (SELECT unnest($kinds) AS kind, unnest($ids) AS id) n
ON m.subject = n.id AND m.subject_kind = n.kind WHERE m.material IN (SELECT unnest($wanted))
"""
_MADE: Final = """
SELECT m.* FROM movement m WHERE m.subject = $id AND m.subject_kind = $kind AND m.role = 'produced'
ORDER BY coalesce(m.ended, m.started, m.time) DESC NULLS LAST, m.recorded DESC LIMIT 1
"""


def consumer_answer(
    workspace: Workspace,
    settings: ConsumerPage,
    product: Shown,
    *,
    code: ScannedCode,
    found: Found,
    hints: Sequence[str] = (),
    grades: Grades | None = None,
) -> ConsumerAnswer:
    """What whoever scanned ``code`` may know.

    Parameters
    ----------
    workspace
        The plant.
    settings, product
        What may be shown, in all and of this product or package.
    code, found
        What was scanned, and what it is in the plant.
    hints
        Those of the scan; the ones that are not for everybody are left out.
    grades
        What remembers the grades of unit files; None: they are made anew.

    Raises
    ------
    AssayError
        The plant can't be asked at present.
    """
    shown: dict[str, Any] = {}
    if found.standing == "recorded" and code.kind is not None and found.subject is not None:
        with reading(workspace) as connection:
            masters = Masters(workspace.lake.snapshot())
            item = _Item(workspace, connection, masters, settings, product, code.kind, found.subject)
            shown = {"report": item.report(grades or Grades(workspace)), "origin": item.origin()}
    return ConsumerAnswer(
        link=code.canonical,
        standing="product" if code.kind is None else found.standing,
        kind=code.kind,
        gtin=code.gtin,
        sscc=code.number if code.gtin is None else None,
        number="" if code.gtin is None else code.number,
        maker=settings.maker,
        contact=settings.contact,
        name=product.name,
        description=product.description,
        hints=[hint for hint in get_args(Hint) if hint in hints],
        **shown,
    )


@dataclass(frozen=True)
class _Item:
    """One unit or lot that is recorded."""

    workspace: Workspace
    connection: duckdb.DuckDBPyConnection
    masters: Masters
    settings: ConsumerPage
    product: Shown
    kind: str
    subject: str

    def report(self, grades: Grades) -> InspectionReport | None:
        """The results that are shown, in the order of the settings, each the latest; None for none."""
        wanted = self.product.report
        grade = grades.of(self._name) if wanted.grade else None
        rows = self._asked(_RESULTS, {**self._own, "wanted": [one.characteristic for one in wanted.results]})
        latest = {row["characteristic"]: row for row in rows}
        lines = [
            self._line(one.name, latest[one.characteristic], value=one.value)
            for one in wanted.results
            if one.characteristic in latest
        ]
        return InspectionReport(grade=grade, lines=lines) if grade or lines else None

    def _line(self, name: Any, row: dict[str, Any], *, value: bool) -> ReportLine:
        moment = row["time"] or row["recorded"]
        figure, unit = self.masters.in_unit(row["characteristic"], row["value"], row["unit"], moment)
        limits = self.masters.specification(
            row["characteristic"], self.product.material, row["segment"], moment
        )
        verdict = conforms(figure, row["text"], limits.get("low"), limits.get("high"))
        shown = {"value": figure, "text": row["text"], "unit": unit} if value else {}
        return ReportLine(name=name, conforming=verdict, measured=self._day(row["time"]), **shown)

    def origin(self) -> Origin | None:
        """Where it comes from, as far as the settings say; None where nothing is left to show."""
        made = next(iter(self._asked(_MADE, self._own)), {})
        moment = made.get("ended") or made.get("started") or made.get("time")
        machine = made.get("equipment")
        place = self.settings.place([machine, *self.masters.above(machine, moment)] if machine else [])
        shown: dict[str, Any] = {}
        if place is not None:
            shown["country"] = place.country
        if place is not None and self._shows("site"):
            shown["site"] = place.site
        if self._shows("lot"):
            shown["lot"] = self.subject if self.kind == "lot" else made.get("lot")
            shown["made"] = self._day(moment)
        if self._shows("material"):
            shown["materials"] = self._materials()
        return Origin(**shown) if any(shown.values()) else None

    def _materials(self) -> list[MadeOf]:
        """The materials of the settings that went in, in the settings' order."""
        if not self.product.materials:
            return []
        try:
            walked = recall(self.workspace, self._name, "back", kinds=("lot", "unit"), max_nodes=MOST_NODES)
        except TraceError:  # only results are recorded of it
            return []
        nodes = walked.nodes.slice(1)
        asked = {
            "kinds": nodes.column("kind").to_pylist(),
            "ids": nodes.column("id").to_pylist(),
            "wanted": [one.material for one in self.product.materials],
        }
        rows = self._asked(_MATERIALS, asked)
        inside = {row["material"] for row in rows}
        return [
            MadeOf(name=one.name, origin=one.origin)
            for one in self.product.materials
            if one.material in inside
        ]

    @property
    def _name(self) -> str:
        return f"{self.kind}:{self.subject}"

    def _shows(self, level: Detail) -> bool:
        return DETAILS.index(level) <= DETAILS.index(self.product.origin)

    @property
    def _own(self) -> dict[str, Any]:
        return {"id": self.subject, "kind": self.kind}

    def _asked(self, sql: str, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.connection.execute(sql, asked).to_arrow_table().to_pylist()
        return rows

    def _day(self, moment: datetime | None) -> dt.date | None:
        zone = ZoneInfo(self.workspace.config.time_zone)
        return None if moment is None else moment.astimezone(zone).date()
