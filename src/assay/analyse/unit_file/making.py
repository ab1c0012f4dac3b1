"""How a unit file is made: the trace gives its steps, the lake their records, the masters what held then."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from assay.analyse.refused import RefusedRecord, record_name
from assay.analyse.trace import Edge, Node, Trace, trace
from assay.analyse.unit_file.contents import (
    Card,
    Certificate,
    Curve,
    Inspection,
    MaterialUse,
    Occurrence,
    Packing,
    Point,
    RefusedEvidence,
    Step,
    UnitFile,
)
from assay.analyse.unit_file.grading import MEAN, Evidence, grade, overall
from assay.analyse.unit_file.records import MOST_STEPS, Recorded, bound_rows, points, recorded
from assay.analyse.unit_file.standing import Standing, converted, requirements
from assay.analyse.unit_file.words import CATALOGUE, UnitFileError
from assay.genealogy import EXECUTION, segment_and_id
from assay.model.entities import Requirement
from assay.model.errors import QueryError
from assay.model.judgement import conforms
from assay.model.kinds import RecordKind
from assay.model.text import Text
from assay.store.snapshot import Snapshot
from assay.store.workspace import Workspace

MOST_NODES, MOST_NEXT = 5_000, 400
"""Nodes that are walked backward and forward."""

_ON_CURVES = frozenset({"mean", "min", "max", "first", "last"})


def unit_file(workspace: Workspace, id: str) -> UnitFile:  # noqa: A002 - the word people use
    """The file of a unit or lot: its timeline, and the verdict of its process card.

    Everything that it was made from belongs to the file, as far as movements or matched counts lead: steps,
    the papers of people valid then, recipes, bound signals, results with the limits in force when they
    were measured, events, materials with certificates, and what it was packed into. The process card is that
    of its material in force when its first step began.

    Parameters
    ----------
    id
        Id of a unit or lot; ``unit:ID`` or ``lot:ID`` where one id means several things.

    Raises
    ------
    TraceError
        The id is not known.
    UnitFileError
        It is an execution, or the process card asks for a feature that doesn't exist.
    """
    ahead = trace(workspace, id, "forward", max_depth=2, max_nodes=MOST_NEXT)
    root = ahead.nodes[0]
    if root.kind == EXECUTION:
        made = [edge.target for edge in ahead.edges if edge.source == ahead.root]
        raise UnitFileError("not-a-product", id=id, products=", ".join(made[:5]) or "–")
    back = trace(workspace, id, "back", max_nodes=MOST_NODES)
    root = replace(root, material=root.material or back.nodes[0].material)
    return _Making(workspace, root, back, ahead).made().sealed()


@dataclass
class _Gaps:
    """The evidence that is lacking, each sentence once, in the order it was noticed."""

    said: dict[str, Text] = field(default_factory=dict)

    def add(self, key: str, **values: object) -> None:
        text = CATALOGUE.text(f"missing.{key}", **values)
        self.said.setdefault(text.en, text)


class _Making:
    """One file on its way."""

    def __init__(self, workspace: Workspace, root: Node, back: Trace, ahead: Trace) -> None:
        self.workspace, self.root, self.back, self.ahead = workspace, root, back, ahead
        self.snapshot: Snapshot = workspace.lake.snapshot()
        self.standing = Standing(self.snapshot)
        self.gaps = _Gaps()
        nodes = {node.id: node for node in (*ahead.nodes, *back.nodes)}
        own = {edge.target for edge in ahead.edges if edge.source == ahead.root}
        kept = [*back.nodes, *(nodes[name] for name in sorted(own) if name not in _ids(back.nodes))]
        self.nodes = nodes
        self.runs = [node for node in kept if node.kind == EXECUTION]
        self.things = [node for node in back.nodes if node.kind != EXECUTION]
        edges = {_key(edge): edge for edge in (*ahead.edges, *back.edges)}
        self.edges = sorted(edges.values(), key=lambda edge: tuple(map(str, _key(edge))))
        self.refused: dict[str, RefusedEvidence] = {}
        for node in (*self.things, *self.runs):
            for one in node.refused:
                self.refused.setdefault(one.record, _refused(one, _bare(node)))

    def made(self) -> UnitFile:
        steps = self._steps()
        began = min((step.started for step in steps if step.started), default=None)
        ended = max((moment for step in steps if (moment := step.ended or step.started)), default=None)
        rows = [step.model_dump(include={"execution", "equipment", "started", "ended"}) for step in steps]
        known = recorded(
            self.workspace,
            self.snapshot,
            [(node.kind, _bare(node)) for node in (*self.things, *self.runs)],
            rows,
        )
        card, lines = self._card(began)
        inspections = self._inspections(known, steps)
        materials = self._materials(known)
        curves = self._curves(steps, lines, "" if card is None else card.id)
        self._look_for_refusals()
        self._look_for_gaps(steps, inspections, materials, curves)
        graded = grade(lines, Evidence(steps, curves, inspections, materials))
        own = {_bare(self.root), *(step.execution for step in steps)}
        return UnitFile(
            plant=self.workspace.config.name,
            id=_bare(self.root),
            kind=self.root.kind,
            material=self.root.material,
            lot=self.root.attributes.get("lot"),
            began=began,
            ended=ended,
            card=card,
            grade=overall(graded, whole=not self.back.truncated),
            rule=CATALOGUE.text("rule.grade"),
            requirements=list(graded),
            refused=sorted(self.refused.values(), key=lambda one: (one.refused, one.record)),
            missing=list(self.gaps.said.values()),
            steps=steps,
            curves=curves,
            inspections=inspections,
            events=[Occurrence(**row) for row in known.events],
            materials=materials,
            certificates=[_paper(row) for row in known.papers if row["subject"] in own],
            packing=self._packing(),
        )

    def _steps(self) -> list[Step]:
        found = [self._step(node) for node in self.runs]
        return sorted(found, key=lambda s: (s.started is None, str(s.started), -s.depth, s.execution))

    def _step(self, node: Node) -> Step:
        moment, standing = node.started, self.standing
        into = [edge for edge in self.edges if edge.target == node.id]
        out = [edge for edge in self.edges if edge.source == node.id]
        above = standing.above(node.equipment, moment)
        places = [place for place in (node.equipment, *above) if place]
        recipe = standing.version("recipe", node.recipe, moment)
        papers = standing.qualifications(node.person, node.segment, places, moment) if node.person else []
        return Step(
            execution=_bare(node),
            segment=node.segment,
            depth=node.depth,
            confidence=node.confidence,
            started=moment,
            ended=node.ended,
            equipment=node.equipment,
            equipment_name=standing.version("equipment", node.equipment, moment).get("name"),
            above=above,
            person=node.person,
            person_name=standing.version("person", node.person, moment).get("name"),
            qualifications=papers,
            recipe=node.recipe,
            recipe_revision=recipe.get("revision"),
            parameters=_parameters(recipe),
            work_order=node.work_order,
            carriers=sorted({edge.carrier for edge in (*into, *out) if edge.carrier}),
            inputs=sorted({_bare(self.nodes[edge.source]) for edge in into}),
            outputs=sorted({_bare(self.nodes[edge.target]) for edge in out}),
            refused=[self.refused[one.record] for one in node.refused if one.kind != RecordKind.MEASUREMENT],
        )

    def _card(self, began: datetime | None) -> tuple[Card | None, tuple[Requirement, ...]]:
        material = self.root.material
        if material is None:
            self.gaps.add("no_material")
            return None, ()
        cards = self.standing.cards(material, began)
        if not cards:
            self.gaps.add("card", material=material)
            return None, ()
        first = cards[0]
        if len(cards) > 1:
            self.gaps.add("several_cards", cards=", ".join(row["id"] for row in cards), card=first["id"])
        card = Card(
            id=first["id"],
            revision=first.get("revision"),
            material=material,
            valid_from=first["valid_from"],
        )
        return card, requirements(first)

    def _inspections(self, known: Recorded, steps: Sequence[Step]) -> list[Inspection]:
        confidence = {(node.kind, _bare(node)): node.confidence for node in (*self.things, *self.runs)}
        materials = {(node.kind, _bare(node)): node.material for node in self.things}
        segments: dict[str, set[str | None]] = {}
        for step in steps:
            segments.setdefault(step.execution, set()).add(step.segment)
        rows = []
        for row in known.results:
            key = row["subject_kind"], row["subject"]
            segment = row["segment"]
            if segment is None and key[0] == EXECUTION and len(segments.get(key[1], ())) == 1:
                segment = next(iter(segments[key[1]]))
            if key[0] == EXECUTION and segment not in segments.get(key[1], ()):
                continue
            material = materials.get(key) if key in materials else self.root.material
            rows.append((row | {"segment": segment}, material, confidence.get(key, 1.0)))
        last = {
            (row["subject_kind"], row["subject"], row["segment"], row["characteristic"]): number
            for number, (row, _, _) in enumerate(rows)
        }
        return [
            self._inspection(row, material, least, latest=number in last.values())
            for number, (row, material, least) in enumerate(rows)
        ]

    def _inspection(
        self, row: dict[str, Any], material: str | None, confidence: float, *, latest: bool
    ) -> Inspection:
        moment = row["time"] or row["recorded"]
        name, text = row["characteristic"], row["text"]
        value, unit = self.standing.in_unit(name, row["value"], row["unit"], moment)
        limits = self.standing.specification(name, material, row["segment"], moment)
        low, high = limits.get("low"), limits.get("high")
        return Inspection(
            time=row["time"],
            subject=row["subject"],
            subject_kind=row["subject_kind"],
            segment=row["segment"],
            characteristic=name,
            value=value,
            text=text,
            unit=unit,
            lower_specification_limit=low,
            upper_specification_limit=high,
            target=limits.get("target"),
            conforming=conforms(value, text, low, high),
            latest=latest,
            gauge=row["gauge"],
            calibration=self.standing.calibration(row["gauge"], moment),
            person=row["person"],
            method=row["method"],
            confidence=confidence,
            refused=self.refused.get(record_name(RecordKind.MEASUREMENT, row)),
        )

    def _materials(self, known: Recorded) -> list[MaterialUse]:
        papers: dict[str, list[Certificate]] = {}
        for row in known.papers:
            papers.setdefault(row["subject"], []).append(_paper(row))
        found = []
        for edge in self.edges:
            source, run = self.nodes[edge.source], self.nodes[edge.target]
            if source.kind == EXECUTION or run.kind != EXECUTION or edge.source == self.back.root:
                continue
            subject = _bare(source)
            found.append(
                MaterialUse(
                    subject=subject,
                    subject_kind=source.kind,
                    material=source.material,
                    execution=_bare(run),
                    segment=edge.segment,
                    role=edge.role,
                    quantity=edge.quantity,
                    unit=edge.unit,
                    confidence=edge.confidence,
                    certificates=papers.get(subject, []),
                    refused=[self.refused[one.record] for one in edge.refused],
                )
            )
        return sorted(found, key=lambda use: (use.execution, use.subject, use.role))

    def _curves(self, steps: Sequence[Step], lines: Sequence[Requirement], card: str) -> list[Curve]:
        if not steps:
            return []
        if len(steps) > MOST_STEPS:
            self.gaps.add("curves_cut", most=MOST_STEPS)
        asked = {line.feature for line in lines if line.feature}
        chosen = [(step.execution, step.segment) for step in steps[:MOST_STEPS]]
        try:
            rows = bound_rows(self.workspace, chosen, sorted(asked))
        except QueryError as problem:
            if not asked:
                raise
            raise UnitFileError("unknown-feature", card=card, problem=problem.message) from problem
        limits = {
            (line.segment, line.signal): line
            for line in reversed(lines)
            if line.requires == "feature" and (line.feature or MEAN) in _ON_CURVES
        }
        read = points(self.workspace, self.snapshot, rows) if rows else []
        return [
            self._curve(row, unit, found, limits.get((row["segment"], row["signal"])))
            for row, (unit, found) in zip(rows, read, strict=True)
        ]

    def _curve(
        self,
        row: dict[str, Any],
        unit: str | None,
        found: Sequence[tuple[float, float]],
        line: Requirement | None,
    ) -> Curve:
        wanted = self.standing.version("signal", row["signal"], row["started"]).get("unit") or unit
        shown = [Point(at=at, value=_shown(value, unit, wanted)) for at, value in found]
        limits: dict[str, float | None] = {}
        if line is not None:
            for name in ("target", "lower_limit", "upper_limit"):
                limits[name] = _in_unit(getattr(line, name), line.unit, wanted)
        return Curve(**row, unit=wanted, points=shown, **limits)

    def _packing(self) -> list[Packing]:
        found = []
        runs = {edge.target for edge in self.ahead.edges if edge.source == self.ahead.root}
        for edge in self.ahead.edges:
            if edge.source in runs and edge.target != self.ahead.root:
                thing, run = self.nodes[edge.target], self.nodes[edge.source]
                found.append(
                    Packing(
                        subject=_bare(thing),
                        subject_kind=thing.kind,
                        execution=_bare(run),
                        segment=edge.segment,
                        time=edge.start,
                        position=edge.position,
                    )
                )
        return sorted(found, key=lambda one: (str(one.time), one.execution, one.subject))

    def _look_for_refusals(self) -> None:
        standing = sum(one.stands for one in self.refused.values())
        if standing:
            self.gaps.add("refused", count=standing)
        if since := len(self.refused) - standing:
            self.gaps.add("refused_before", count=since)

    def _look_for_gaps(
        self,
        steps: Sequence[Step],
        inspections: Sequence[Inspection],
        materials: Sequence[MaterialUse],
        curves: Sequence[Curve],
    ) -> None:
        add = self.gaps.add
        if self.back.truncated:
            add("cut", most=MOST_NODES)
        if self.ahead.truncated and len(self.ahead.nodes) >= MOST_NEXT:
            add("cut_forward", most=MOST_NEXT)
        doubtful = [step.confidence for step in steps if step.confidence < 1]
        if doubtful:
            add("doubt", count=len(doubtful), least=min(doubtful))
        for absent, key in ((steps, "no_steps"), (inspections, "no_results"), (curves, "no_signals")):
            if not absent:
                add(key)
        for step in steps:
            named = {"execution": step.execution, "segment": step.segment or "–"}
            for value, key in (
                (step.started, "no_time"),
                (step.equipment, "no_equipment"),
                (step.person, "no_person"),
            ):
                if value is None:
                    add(key, **named)
            if step.started and step.qualifications and not any(one.held for one in step.qualifications):
                add("lapsed", person=step.person, **named)
        for result in inspections:
            if result.gauge is not None and not (result.calibration and result.calibration.held):
                add("uncalibrated", gauge=result.gauge, characteristic=result.characteristic)
        made = {name for step in steps for name in step.outputs}
        for use in materials:
            if use.subject not in made and not use.certificates:
                add("no_certificate", subject=use.subject)


def _refused(one: RefusedRecord, about: str) -> RefusedEvidence:
    return RefusedEvidence(about=about, **one.to_dict())


def _ids(nodes: Iterable[Node]) -> set[str]:
    return {node.id for node in nodes}


def _key(edge: Edge) -> tuple[object, ...]:
    return edge.source, edge.target, edge.role, edge.position, edge.start


def _bare(node: Node) -> str:
    """The id without the kind (and segment) that a trace puts before one that several things have."""
    rest = node.id.removeprefix(f"{node.kind}:")
    if node.kind == EXECUTION and rest != node.id and "/" in rest:
        return segment_and_id(rest)[1]
    return rest


def _parameters(recipe: dict[str, Any]) -> dict[str, float | str]:
    found: dict[str, float | str] = json.loads(recipe.get("parameters") or "{}")
    return found


def _paper(row: dict[str, Any]) -> Certificate:
    return Certificate(
        subject=row["subject"], content=row["content"], media_type=row["media_type"], time=row["time"]
    )


def _in_unit(value: float | None, unit: str | None, wanted: str | None) -> float | None:
    if value is None or not unit or not wanted or unit == wanted:
        return value
    return converted(value, unit, wanted)


def _shown(value: float, unit: str | None, wanted: str | None) -> float:
    changed = _in_unit(value, unit, wanted)
    return value if changed is None else changed
