"""Master data as it stood at a moment: which version of a thing, which papers of a person or gauge held."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from assay.analyse.unit_file.contents import HeldCalibration, HeldQualification
from assay.model.entities import Requirement, in_force
from assay.model.errors import ModelError
from assay.model.units import comparable, convert
from assay.query.masters import CHARACTERISTICS, SCOPES, SPECIFICATIONS, specified
from assay.store.snapshot import Snapshot

_BEGINNING = datetime.min.replace(tzinfo=UTC)
_FAILED = "failed"
_MOST_LEVELS = 32


class Standing:
    """The master data of one snapshot, asked for by id and moment.

    A thing without a time is held against what always held.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._rows: dict[str, dict[str, list[dict[str, Any]]]] = {}
        self._snapshot = snapshot
        judged = specified(snapshot)
        self._characteristics = _by(judged[CHARACTERISTICS].to_pylist(), "id")
        self._specifications = _by(judged[SPECIFICATIONS].to_pylist(), "characteristic")

    def version(self, kind: str, id: str | None, moment: datetime | None) -> dict[str, Any]:  # noqa: A002
        """The version of an entity that held; an empty one where none did."""
        rows = self._kind(kind).get(id or "", [])
        return max((row for row in rows if _held(row, moment)), key=_since, default={})

    def cards(self, material: str, moment: datetime | None) -> list[dict[str, Any]]:
        """The process cards of a material that held, the one that began last first."""
        found = []
        for id_ in self._kind("process_card"):
            row = self.version("process_card", id_, moment)
            if row and row.get("material") == material:
                found.append(row)
        return sorted(sorted(found, key=lambda row: row["id"]), key=_since, reverse=True)

    def above(self, equipment: str | None, moment: datetime | None) -> list[str]:
        """What the equipment stands under, nearest first."""
        found: list[str] = []
        place = self.version("equipment", equipment, moment).get("parent")
        while place and place not in found and len(found) < _MOST_LEVELS:
            found.append(place)
            place = self.version("equipment", place, moment).get("parent")
        return found

    def qualifications(
        self, person: str | None, segment: str | None, places: list[str], moment: datetime | None
    ) -> list[HeldQualification]:
        """What is on file of a person for a step on one of these equipment, whenever it held."""
        found = []
        for row in self._all("qualification"):
            if (
                row.get("person") == person
                and row.get("segment") in {None, segment}
                and row.get("equipment") in {None, *places}
            ):
                held = moment is not None and in_force(row["valid_from"], row["valid_to"], moment)
                held = held or (row["valid_from"] is None and row["valid_to"] is None)
                found.append(
                    HeldQualification(
                        id=row["id"],
                        level=row.get("level"),
                        valid_from=row["valid_from"],
                        valid_to=row["valid_to"],
                        held=held,
                    )
                )
        return sorted(found, key=lambda one: (one.id, one.valid_from or _BEGINNING))

    def calibration(self, gauge: str | None, moment: datetime | None) -> HeldCalibration | None:
        """The calibration that held, else the last one before; None where none is on file."""
        rows = [row for row in self._all("calibration") if gauge and row.get("gauge") == gauge]
        if not rows:
            return None
        held = [row for row in rows if _held(row, moment)]
        earlier = [row for row in rows if moment is None or _since(row) <= moment] or rows
        row = max(held or earlier, key=lambda one: (_since(one), one["id"]))
        return HeldCalibration(
            id=row["id"],
            result=row.get("result"),
            certificate=row.get("certificate"),
            valid_from=row["valid_from"],
            valid_to=row["valid_to"],
            held=bool(held) and row.get("result") != _FAILED,
        )

    def gauges(self, equipment: str | None, moment: datetime | None) -> list[str]:
        """Ids of the gauges that belonged to an equipment, in order."""
        found = {row["id"] for row in self._all("gauge") if equipment and row.get("equipment") == equipment}
        return sorted(
            id_ for id_ in found if self.version("gauge", id_, moment).get("equipment") == equipment
        )

    def in_unit(
        self, characteristic: str, value: float | None, unit: str | None, moment: datetime | None
    ) -> tuple[float | None, str | None]:
        """A value in the unit of its characteristic, where the two can be compared, and the unit it is in."""
        rows = self._characteristics.get(characteristic, [])
        wanted = next((row["unit"] for row in rows if _within(row, moment)), None)
        if value is None or unit is None or wanted is None or unit == wanted:
            return value, unit or wanted
        changed = converted(value, unit, wanted)
        return (value, unit) if changed is None else (changed, wanted)

    def specification(
        self, characteristic: str, material: str | None, segment: str | None, moment: datetime | None
    ) -> dict[str, Any]:
        """The most particular specification in force: ``low``, ``high`` and ``target``; empty for none."""
        own = {"material": material, "segment": segment}
        rows = [
            row
            for row in self._specifications.get(characteristic, [])
            if _within(row, moment) and all(row[name] == own[name] for name in SCOPES[row["scope"]])
        ]
        return min(rows, key=lambda row: row["scope"], default={})

    def _kind(self, kind: str) -> dict[str, list[dict[str, Any]]]:
        if kind not in self._rows:
            table = self._snapshot.master.get(kind)
            self._rows[kind] = _by([] if table is None else table.to_pylist(), "id")
        return self._rows[kind]

    def _all(self, kind: str) -> list[dict[str, Any]]:
        return [row for rows in self._kind(kind).values() for row in rows]


def requirements(card: Mapping[str, Any]) -> tuple[Requirement, ...]:
    """The lines of a stored process card."""
    return tuple(Requirement.model_validate(line) for line in json.loads(card.get("requirements") or "[]"))


def converted(value: float, unit: str, into: str) -> float | None:
    """A value in another unit; None where one of them is no unit or they are of different quantities."""
    try:
        return float(convert([value], unit, into)[0]) if comparable(unit, into) else None
    except ModelError:
        return None


def _by(rows: list[dict[str, Any]], name: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row[name], []).append(row)
    return found


def _since(row: Mapping[str, Any]) -> datetime:
    moment: datetime | None = row["valid_from"]
    return moment or _BEGINNING


def _held(row: Mapping[str, Any], moment: datetime | None) -> bool:
    first, last = row["valid_from"], row["valid_to"]
    return first is None and last is None if moment is None else in_force(first, last, moment)


def _within(row: Mapping[str, Any], moment: datetime | None) -> bool:
    return _held({"valid_from": row["since"], "valid_to": row["until"]}, moment)
