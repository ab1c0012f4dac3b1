"""How a weld file is made: the unit file of the joint, and each pass with what held when it began."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from assay.analyse.unit_file import UnitFile, unit_file
from assay.analyse.unit_file.contents import Grade, HeldCalibration, Inspection
from assay.analyse.unit_file.standing import Standing
from assay.analyse.welding.contents import (
    GateReason,
    GateVerdict,
    MachineService,
    WelderTest,
    WeldFile,
    WeldLot,
    WeldPass,
)
from assay.analyse.welding.decisions import CERTIFICATES, Decisions
from assay.analyse.welding.evidence import Said, verdicts
from assay.analyse.welding.passes import SEGMENT, Pass, UsedLot, passes
from assay.analyse.welding.procedure import kept_to
from assay.analyse.welding.qualification import qualified
from assay.analyse.welding.words import CATALOGUE, WeldingError
from assay.ledger.gate.verdict import ACCEPTED, OVERRIDDEN, REFUSED
from assay.model.text import Text
from assay.store.workspace import Workspace

_GOOD = {ACCEPTED, OVERRIDDEN}


def weld_file(workspace: Workspace, joint: str) -> WeldFile:
    """The weld file of a joint: its unit file, and every pass with what held when it began.

    Parameters
    ----------
    joint
        Id of the unit that was welded.

    Raises
    ------
    TraceError
        The id is not known.
    UnitFileError
        It is an execution, or its process card asks for a feature that doesn't exist.
    WeldingError
        No pass of it is recorded.
    """
    file = unit_file(workspace, joint)
    snapshot = workspace.lake.snapshot()
    welded = passes(workspace, file.id, snapshot)
    if not welded:
        raise WeldingError.of("not_a_joint", id=file.id)
    standing, decisions = Standing(snapshot), Decisions(workspace, snapshot)
    said = verdicts(workspace, file.id)
    found = [_pass(one, file, standing, decisions, said.get(one.execution)) for one in welded]
    gaps = list(_gaps(welded, found, logged=workspace.evidence.on))
    own = {name: getattr(file, name) for name in UnitFile.model_fields if name not in _OWN}
    return WeldFile(
        **own,
        grade=_grade(file, found),
        rule=CATALOGUE.text("rule.grade"),
        missing=[*file.missing, *gaps],
        drawing=next((str(one.sheet["drawing"]) for one in welded if one.sheet.get("drawing")), None),
        passes=found,
    ).sealed()


_OWN = {"format", "grade", "rule", "missing", "hash"}


def _pass(one: Pass, file: UnitFile, standing: Standing, decisions: Decisions, said: Said | None) -> WeldPass:
    moment = one.started
    procedure = standing.version("recipe", one.recipe, moment)
    parameters = kept_to(one.values(), json.loads(procedure.get("parameters") or "{}"))
    tests = _tests(one, standing)
    calibrations = _calibrations(one.machine, standing, moment)
    serviced = decisions.service(one.machine, moment)
    hours = one.sheet.get("machine_hours")
    service = None
    if serviced is not None:
        service = MachineService(time=serviced.moment, due_hours=serviced.due_hours, machine_hours=hours)
    consumables, steel = (
        [_lot(lot, decisions, moment) for lot in lots] for lots in (one.consumables, one.steel)
    )
    checks = {
        "welder": _any(test.held and test.covers for test in tests) if tests else None,
        "power source": all(paper.held for paper in calibrations) if calibrations else None,
        "service": None if service is None or hours is None else hours <= service.due_hours,
        "lots": _lots_in_order(consumables, steel),
        "procedure": _all(kept.kept for kept in parameters) if procedure else False if one.recipe else None,
    }
    gate = None if said is None else _verdict(said)
    return WeldPass(
        execution=one.execution,
        number=one.sheet.get("pass_number"),
        repair=one.sheet.get("repair"),
        started=moment,
        ended=one.ended,
        person=one.person,
        tests=tests,
        machine=one.machine,
        calibrations=calibrations,
        service=service,
        recipe=one.recipe,
        revision=procedure.get("revision"),
        parameters=parameters,
        consumables=consumables,
        steel=steel,
        zone=one.air and one.air.zone,
        air_read=one.air and one.air.minute,
        arc_time=one.signals.arc_time,
        arc_energy=one.signals.arc_energy,
        heat_input=one.signals.heat_input,
        results=_results(file.inspections, one.execution),
        checks=checks,
        gate=gate,
        in_order=_in_order(gate, checks),
    )


def _tests(one: Pass, standing: Standing) -> list[WelderTest]:
    values = one.values()
    asked = [
        values.get(name) for name in ("process", "joint_type", "filler_group", "position", "thickness_mm")
    ]
    found = []
    for paper in standing.qualifications(
        one.person, SEGMENT, [one.machine] if one.machine else [], one.started
    ):
        covers = None
        if paper.level and None not in asked:
            process, joint_type, filler, position, thickness = asked
            try:
                range_ = qualified(paper.level)
            except WeldingError:
                range_ = None
            if range_ is not None:
                covers = range_.covers(
                    str(process), str(joint_type), str(filler), str(position), float(thickness or 0)
                )
        found.append(WelderTest(**paper.model_dump(), covers=covers))
    return found


def _calibrations(machine: str | None, standing: Standing, moment: datetime | None) -> list[HeldCalibration]:
    papers = (standing.calibration(gauge, moment) for gauge in standing.gauges(machine, moment))
    return [paper for paper in papers if paper is not None]


def _lot(lot: UsedLot, decisions: Decisions, moment: datetime | None) -> WeldLot:
    release = decisions.release(lot.subject, moment)
    return WeldLot(
        subject=lot.subject,
        material=lot.material,
        material_class=lot.material_class,
        status=None if release is None else release.status,
        decided=None if release is None else release.moment,
        certificate=None if release is None else release.certificate,
    )


def _lots_in_order(consumables: Sequence[WeldLot], steel: Sequence[WeldLot]) -> bool | None:
    """None where none was recorded; a lot that nobody had decided about was not released."""
    if not consumables or not steel:
        return None
    return all(lot.status == "released" and lot.certificate in CERTIFICATES for lot in (*consumables, *steel))


def _results(inspections: Iterable[Inspection], execution: str) -> list[Inspection]:
    return [one for one in inspections if (one.subject_kind, one.subject) == ("execution", execution)]


def _verdict(said: Said) -> GateVerdict:
    verdict = said.verdict
    reasons = [
        GateReason(code=one.code, requirement=one.requirement, said=one.said, advice=one.advice)
        for one in verdict.reasons
    ]
    later, entry = said.later or (None, None)
    return GateVerdict(
        outcome=verdict.outcome,
        log="refused" if said.log == "refused" else "main",
        entry=said.index,
        judged=datetime.fromtimestamp(verdict.at / 1_000_000, UTC),
        policies=[one.hex() for one in verdict.policies],
        cited=list(verdict.cited),
        lapsed=list(said.lapsed),
        reasons=reasons,
        later=later,
        later_entry=entry,
    )


def _in_order(gate: GateVerdict | None, checks: Mapping[str, bool | None]) -> bool | None:
    if gate is not None and (gate.outcome in _GOOD or gate.later in _GOOD):
        return True
    if gate is not None and gate.outcome == REFUSED:
        return False
    return _all(checks.values())


def _grade(file: UnitFile, found: Sequence[WeldPass]) -> Grade:
    order = _all(one.in_order for one in found)
    if order is False or file.grade == "nonconforming":
        return "nonconforming"
    return "conforming" if order and file.grade == "conforming" else "incomplete"


def _gaps(welded: Sequence[Pass], found: Sequence[WeldPass], *, logged: bool) -> Iterable[Text]:
    if not logged:
        yield CATALOGUE.text("missing.no_log")
    for one, shown in zip(welded, found, strict=True):
        lacking = {
            "not_logged": logged and shown.gate is None,
            "no_policy": shown.gate is not None and not shown.gate.policies,
            "no_signals": one.signals.heat_input is None,
            "no_air": one.air is None,
            "no_procedure": shown.revision is None,
            "no_welder": one.person is None,
            "no_lots": not one.consumables,
        }
        for key in (key for key, absent in lacking.items() if absent):
            yield CATALOGUE.text(f"missing.{key}", execution=one.execution)
        if shown.gate is not None and shown.gate.lapsed:
            entries = ", ".join(map(str, shown.gate.lapsed))
            yield CATALOGUE.text("missing.lapsed", execution=one.execution, entries=entries)


def _all(found: Iterable[bool | None]) -> bool | None:
    """False where one is, None where one isn't known."""
    values = set(found)
    return False if False in values else None if None in values else True


def _any(found: Iterable[bool | None]) -> bool | None:
    """True where one is, None where one isn't known."""
    values = set(found)
    return True if True in values else None if None in values else False
