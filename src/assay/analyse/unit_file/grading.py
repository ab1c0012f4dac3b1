"""Grading: each line of a process card against what is recorded. Values in, verdicts out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from assay.analyse.unit_file.contents import (
    Curve,
    Grade,
    GradedRequirement,
    Inspection,
    MaterialUse,
    Step,
    Verdict,
)
from assay.analyse.unit_file.standing import converted
from assay.analyse.unit_file.words import CATALOGUE
from assay.model.entities import Requirement
from assay.model.judgement import BAD_WORDS
from assay.model.text import Text

MEAN = "mean"
"""The feature of a requirement that names none."""

_SHOWN = 6


@dataclass(frozen=True)
class Evidence:
    """All that verdicts rest on."""

    steps: Sequence[Step]
    curves: Sequence[Curve]
    inspections: Sequence[Inspection]
    materials: Sequence[MaterialUse]


@dataclass(frozen=True)
class _Found:
    """One piece of evidence: good, bad, or (None) saying nothing; and what a person reads of it."""

    good: bool | None
    shown: str
    confidence: float = 1.0


def grade(card: Sequence[Requirement], evidence: Evidence) -> tuple[GradedRequirement, ...]:
    """The verdict on each requirement, in the order of the card."""
    return tuple(_graded(number, one, evidence) for number, one in enumerate(card, 1))


def overall(lines: Sequence[GradedRequirement], *, whole: bool) -> Grade:
    """The grade of the file; with ``whole`` false (the trace was cut) it can't be conforming."""
    verdicts = {line.verdict for line in lines}
    if not verdicts:
        return "not graded"
    if "not met" in verdicts:
        return "nonconforming"
    return "conforming" if verdicts == {"met"} and whole else "incomplete"


def _graded(number: int, one: Requirement, evidence: Evidence) -> GradedRequirement:
    pieces = list(_SORTS[one.requires](one, evidence))
    verdict: Verdict = "met"
    if any(piece.good is False for piece in pieces):
        verdict = "not met"
    elif not pieces or any(piece.good is None for piece in pieces):
        verdict = "not recorded"
    return GradedRequirement(
        number=number,
        requires=one.requires,
        segment=one.segment,
        name=one.name,
        wanted=_wanted(one),
        found=_said(pieces),
        verdict=verdict,
        confidence=min((piece.confidence for piece in pieces), default=1.0),
    )


def _said(pieces: Sequence[_Found]) -> Text:
    """The pieces that decide first; many alike are counted."""
    if not pieces:
        return CATALOGUE.text("found.nothing")
    ordered = sorted(pieces, key=lambda piece: {False: 0, None: 1, True: 2}[piece.good])
    shown = list(dict.fromkeys(piece.shown for piece in ordered))
    more = f" … (+{len(shown) - _SHOWN})" if len(shown) > _SHOWN else ""
    return CATALOGUE.text("found.values", values="; ".join(shown[:_SHOWN]) + more)


def _steps(one: Requirement, evidence: Evidence) -> list[Step]:
    return [step for step in evidence.steps if step.segment == one.segment]


def _done(one: Requirement, evidence: Evidence) -> Iterable[_Found]:
    return (_Found(True, step.execution, step.confidence) for step in _steps(one, evidence))


def _results(one: Requirement, evidence: Evidence) -> list[Inspection]:
    return [
        result
        for result in evidence.inspections
        if result.characteristic == one.characteristic
        and result.latest
        and (one.segment is None or result.segment == one.segment)
    ]


def _unmeasured(one: Requirement, evidence: Evidence) -> Iterable[_Found]:
    """The steps of the segment of which nothing that went in or came out has a result."""
    measured = {result.subject for result in _results(one, evidence)}
    for step in _steps(one, evidence):
        if not measured & {step.execution, *step.inputs, *step.outputs}:
            yield _Found(None, f"{step.execution}: –", step.confidence)


def _characteristic(one: Requirement, evidence: Evidence) -> Iterable[_Found]:
    for result in _results(one, evidence):
        yield _Found(_judged(one, result), f"{result.subject}: {_shown(result)}", result.confidence)
    yield from _unmeasured(one, evidence)


def _judged(one: Requirement, result: Inspection) -> bool | None:
    """By the words and the limits of the card; without both, by the limits in force and the word."""
    verdicts = []
    if one.accepted is not None:
        words = {word.strip().lower() for word in one.accepted}
        verdicts.append(None if result.text is None else result.text.strip().lower() in words)
    if one.lower_limit is not None or one.upper_limit is not None:
        verdicts.append(_inside(one, result.value, result.unit))
    if one.accepted is None and result.text is not None and result.text.strip().lower() in BAD_WORDS:
        return False
    if not verdicts:
        return result.conforming
    if False in verdicts:
        return False
    return None if None in verdicts else True


def _inside(one: Requirement, value: float | None, unit: str | None) -> bool | None:
    """Whether a value is within the limits; None where its unit can't be compared with theirs."""
    if value is not None and one.unit and unit and one.unit != unit:
        value = converted(value, unit, one.unit)
    if value is None:
        return None
    low, high = one.lower_limit, one.upper_limit
    return not ((low is not None and value < low) or (high is not None and value > high))


def _feature(one: Requirement, evidence: Evidence) -> Iterable[_Found]:
    """Each step of the segment needs the signal; one without readings says nothing."""
    name = one.feature or MEAN
    for step in _steps(one, evidence):
        curves = [
            curve
            for curve in evidence.curves
            if (curve.execution, curve.segment) == (step.execution, step.segment)
            and curve.signal == one.signal
        ]
        if not curves:
            yield _Found(None, f"{step.execution}: –", step.confidence)
        for curve in curves:
            value = curve.features.get(name)
            yield _Found(
                _inside(one, value, curve.unit),
                f"{step.execution}: {_number(value, curve.unit)}",
                step.confidence,
            )


def _recipe(one: Requirement, evidence: Evidence) -> Iterable[_Found]:
    for step in _steps(one, evidence):
        good: bool | None = None if step.recipe is None else step.recipe == one.recipe
        if good and one.revision is not None:
            good = None if step.recipe_revision is None else step.recipe_revision == one.revision
        shown = " ".join(word for word in (step.recipe, step.recipe_revision) if word) or "–"
        yield _Found(good, f"{step.execution}: {shown}", step.confidence)


def _equipment(one: Requirement, evidence: Evidence) -> Iterable[_Found]:
    wanted = set(one.equipment or ())
    for step in _steps(one, evidence):
        places = {step.equipment, *step.above}
        good = None if step.equipment is None else bool(places & wanted)
        yield _Found(good, f"{step.execution}: {step.equipment or '–'}", step.confidence)


def _qualification(one: Requirement, evidence: Evidence) -> Iterable[_Found]:
    """Bad where papers are on file and none held then; without any on file nothing is known."""
    for step in _steps(one, evidence):
        fit = [paper for paper in step.qualifications if one.level in {None, paper.level}]
        held = [paper for paper in fit if paper.held]
        good = None if step.started is None or not step.qualifications else bool(held)
        if step.person is None:
            good = None
        papers = ", ".join(paper.id for paper in held or step.qualifications) or "–"
        yield _Found(good, f"{step.execution}: {step.person or '–'} ({papers})", step.confidence)


def _calibration(one: Requirement, evidence: Evidence) -> Iterable[_Found]:
    for result in _results(one, evidence):
        paper = result.calibration
        shown = f"{result.subject}: {result.gauge or '–'} ({paper.id if paper else '–'})"
        good = None if result.gauge is None or paper is None or result.time is None else paper.held
        yield _Found(good, shown, result.confidence)
    yield from _unmeasured(one, evidence)


def _certificate(one: Requirement, evidence: Evidence) -> Iterable[_Found]:
    for use in evidence.materials:
        if use.material == one.material and one.segment in {None, use.segment}:
            papers = len(use.certificates)
            yield _Found(True if papers else None, f"{use.subject}: {papers}", use.confidence)


_SORTS = {
    "step": _done,
    "characteristic": _characteristic,
    "feature": _feature,
    "recipe": _recipe,
    "equipment": _equipment,
    "qualification": _qualification,
    "calibration": _calibration,
    "certificate": _certificate,
}


def _wanted(one: Requirement) -> Text:
    if one.requires == "feature":
        name = f"{one.signal}.{one.feature or MEAN}"
        return CATALOGUE.text("wanted.limits", name=name, limits=_limits(one))
    if one.requires == "characteristic":
        if one.accepted is not None:
            words = " / ".join(one.accepted)
            return CATALOGUE.text("wanted.accepted", name=one.characteristic, words=words)
        if one.lower_limit is None and one.upper_limit is None:
            return CATALOGUE.text("wanted.specification", name=one.characteristic)
        return CATALOGUE.text("wanted.limits", name=one.characteristic, limits=_limits(one))
    if one.requires == "recipe" and one.revision is not None:
        return CATALOGUE.text("wanted.recipe_revision", recipe=one.recipe, revision=one.revision)
    if one.requires == "qualification" and one.level is not None:
        return CATALOGUE.text("wanted.qualification_level", level=one.level)
    values = {
        "recipe": one.recipe,
        "equipment": " / ".join(one.equipment or ()),
        "name": one.characteristic,
        "material": one.material,
    }
    return CATALOGUE.text(f"wanted.{one.requires}", **values)


def _limits(one: Requirement) -> str:
    unit = f" {one.unit}" if one.unit else ""
    low, high = one.lower_limit, one.upper_limit
    if low is not None and high is not None:
        return f"{low:g} … {high:g}{unit}"
    return f"≥ {low:g}{unit}" if low is not None else f"≤ {high:g}{unit}"


def _shown(result: Inspection) -> str:
    words = [] if result.value is None else [_number(result.value, result.unit)]
    return " ".join([*words, *([result.text] if result.text is not None else [])]) or "–"


def _number(value: float | None, unit: str | None) -> str:
    return "–" if value is None else f"{value:.6g}" + (f" {unit}" if unit else "")
