"""Verdicts of a process card's lines on evidence given by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.analyse.unit_file.contents import (
    Curve,
    GradedRequirement,
    HeldCalibration,
    HeldQualification,
    Inspection,
    MaterialUse,
    Step,
    document_hash,
)
from assay.analyse.unit_file.grading import Evidence, grade, overall
from assay.model.entities import Requirement
from assay.model.entity_attributes import check_entity
from assay.model.errors import ModelError

MOMENT = datetime(2026, 3, 2, 6, tzinfo=UTC)
STEP = Step(execution="si-1", segment="sinter", depth=1, confidence=1.0, started=MOMENT, outputs=["U1"])
HELD = HeldQualification(id="Q1", level="A", held=True)
LAPSED = HeldQualification(id="Q0", level="A", held=False)
PAPER = HeldCalibration(id="C1", held=True)
OLD = HeldCalibration(id="C0", held=False)


def result(**more: Any) -> Inspection:
    given = {
        "subject": "U1",
        "subject_kind": "unit",
        "characteristic": "height",
        "latest": True,
        "time": MOMENT,
    }
    return Inspection(**given | more)


def curve(mean: float | None, unit: str | None = "Cel") -> Curve:
    return Curve(
        execution="si-1",
        segment="sinter",
        signal="temp",
        unit=unit,
        started=MOMENT,
        ended=MOMENT,
        features={"mean": mean},
    )


def use(papers: int) -> MaterialUse:
    paper = {"subject": "L1", "content": "ab", "media_type": "application/pdf"}
    return MaterialUse(
        subject="L1",
        subject_kind="lot",
        material="powder",
        execution="si-1",
        role="consumed",
        certificates=[paper] * papers,
    )


def verdict(line: dict[str, Any], **evidence: list[Any]) -> str:
    parts = {"steps": [], "curves": [], "inspections": [], "materials": []} | evidence
    [found] = grade([Requirement.model_validate(line)], Evidence(**parts))
    return found.verdict


BETWEEN = {"requires": "characteristic", "characteristic": "height", "lower_limit": 1.0, "upper_limit": 2.0}
LOOK = {"requires": "characteristic", "characteristic": "height", "accepted": ["OK", "A"]}
IN_FORCE = {"requires": "characteristic", "characteristic": "height"}
TEMP = {"requires": "feature", "segment": "sinter", "signal": "temp", "upper_limit": 1000.0, "unit": "Cel"}
SKILL = {"requires": "qualification", "segment": "sinter", "level": "A"}
RECIPE = {"requires": "recipe", "segment": "sinter", "recipe": "R7", "revision": "2"}
PLACE = {"requires": "equipment", "segment": "sinter", "equipment": ["LINE1"]}
GAUGE = {"requires": "calibration", "characteristic": "height"}
CERTIFICATE = {"requires": "certificate", "material": "powder"}


def step(**more: Any) -> Step:
    return STEP.model_copy(update=more)


@pytest.mark.parametrize(
    ("line", "evidence", "wanted"),
    [
        ({"requires": "step", "segment": "sinter"}, {"steps": [STEP]}, "met"),
        ({"requires": "step", "segment": "press"}, {"steps": [STEP]}, "not recorded"),
        (BETWEEN, {"inspections": [result(value=2.0)]}, "met"),
        (BETWEEN, {"inspections": [result(value=2.1)]}, "not met"),
        (BETWEEN, {"inspections": [result(value=2.1, latest=False), result(value=1.5)]}, "met"),
        (BETWEEN, {"inspections": [result(value=1.5), result(value=3.0, subject="U2")]}, "not met"),
        (BETWEEN, {"inspections": [result(value=1.5, text="NOK")]}, "not met"),
        (BETWEEN, {"inspections": [result(text="fine")]}, "not recorded"),
        (BETWEEN, {}, "not recorded"),
        (BETWEEN | {"unit": "mm"}, {"inspections": [result(value=0.15, unit="cm")]}, "met"),
        (BETWEEN | {"unit": "mm"}, {"inspections": [result(value=1.5, unit="kg")]}, "not recorded"),
        (
            BETWEEN | {"segment": "sinter"},
            {"steps": [STEP, step(execution="si-2", outputs=["U2"])],
             "inspections": [result(value=1.5, segment="sinter")]},
            "not recorded",
        ),
        (LOOK, {"inspections": [result(text=" ok ")]}, "met"),
        (LOOK, {"inspections": [result(text="B")]}, "not met"),
        (LOOK, {"inspections": [result(value=1.0)]}, "not recorded"),
        (IN_FORCE, {"inspections": [result(value=1.0, conforming=True)]}, "met"),
        (IN_FORCE, {"inspections": [result(value=1.0, conforming=False)]}, "not met"),
        (IN_FORCE, {"inspections": [result(value=1.0)]}, "not recorded"),
        (TEMP, {"steps": [STEP], "curves": [curve(999.0)]}, "met"),
        (TEMP, {"steps": [STEP], "curves": [curve(1001.0)]}, "not met"),
        (TEMP, {"steps": [STEP], "curves": [curve(1100.0, "K")]}, "met"),
        (TEMP, {"steps": [STEP], "curves": [curve(None)]}, "not recorded"),
        (TEMP, {"steps": [STEP, step(execution="si-2")], "curves": [curve(999.0)]}, "not recorded"),
        (TEMP, {}, "not recorded"),
        (SKILL, {"steps": [step(person="W1", qualifications=[LAPSED, HELD])]}, "met"),
        (SKILL, {"steps": [step(person="W1", qualifications=[LAPSED])]}, "not met"),
        (SKILL | {"level": "B"}, {"steps": [step(person="W1", qualifications=[HELD])]}, "not met"),
        (SKILL, {"steps": [step(person="W1")]}, "not recorded"),
        (SKILL, {"steps": [step(qualifications=[HELD])]}, "not recorded"),
        (SKILL, {"steps": [step(person="W1", started=None, qualifications=[HELD])]}, "not recorded"),
        (RECIPE, {"steps": [step(recipe="R7", recipe_revision="2")]}, "met"),
        (RECIPE, {"steps": [step(recipe="R7", recipe_revision="1")]}, "not met"),
        (RECIPE, {"steps": [step(recipe="R7")]}, "not recorded"),
        (RECIPE, {"steps": [step(recipe="R8", recipe_revision="2")]}, "not met"),
        (PLACE, {"steps": [step(equipment="F1", above=["LINE1"])]}, "met"),
        (PLACE, {"steps": [step(equipment="F1", above=["LINE2"])]}, "not met"),
        (PLACE, {"steps": [STEP]}, "not recorded"),
        (GAUGE, {"inspections": [result(gauge="G1", calibration=PAPER)]}, "met"),
        (GAUGE, {"inspections": [result(gauge="G1", calibration=OLD)]}, "not met"),
        (GAUGE, {"inspections": [result(gauge="G1")]}, "not recorded"),
        (GAUGE, {"inspections": [result(calibration=PAPER)]}, "not recorded"),
        (CERTIFICATE, {"materials": [use(1)]}, "met"),
        (CERTIFICATE, {"materials": [use(1), use(0)]}, "not recorded"),
        (CERTIFICATE, {}, "not recorded"),
    ],
)  # fmt: skip
def test_each_requirement_has_its_verdict(
    line: dict[str, Any], evidence: dict[str, list[Any]], wanted: str
) -> None:
    assert verdict(line, **evidence) == wanted


@pytest.mark.parametrize("line", [BETWEEN, LOOK, IN_FORCE, TEMP, SKILL, RECIPE, PLACE, GAUGE, CERTIFICATE])
def test_without_evidence_nothing_is_met(line: dict[str, Any]) -> None:
    assert verdict(line) == "not recorded"


VERDICTS = st.lists(st.sampled_from(["met", "not met", "not recorded"]), max_size=6)


@given(VERDICTS, st.booleans())
def test_the_grade_follows_its_rule(verdicts: list[Any], whole: bool) -> None:
    text = {"zh": "无", "en": "none"}
    lines = [
        GradedRequirement(number=1, requires="step", wanted=text, found=text, verdict=one) for one in verdicts
    ]
    found = overall(lines, whole=whole)
    assert (found == "not graded") == (not verdicts)
    assert (found == "nonconforming") == ("not met" in verdicts)
    assert (found == "conforming") == (bool(verdicts) and set(verdicts) == {"met"} and whole)


def test_a_doubtful_step_lends_its_confidence_to_the_verdict() -> None:
    evidence = Evidence([STEP, step(execution="si-2", confidence=0.7)], [], [], [])
    [found] = grade([Requirement(requires="step", segment="sinter")], evidence)
    assert (found.verdict, found.confidence) == ("met", 0.7)


def test_the_hash_depends_on_the_content_and_not_on_the_order_of_keys() -> None:
    assert document_hash({"a": 1, "b": [2]}) == document_hash({"b": [2], "a": 1, "hash": "x"})
    assert document_hash({"a": 1}) != document_hash({"a": 2})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"requires": "step"}, "a requirement of a step needs 'segment'"),
        ({"requires": "feature", "segment": "s", "signal": "t"}, "needs a lower or an upper limit"),
        ({"requires": "step", "segment": "s", "recipe": "R"}, "a requirement of a step has no 'recipe'"),
        (BETWEEN | {"lower_limit": 3.0}, "the lower limit 3 is above the upper limit 2"),
        ({"requires": "stepp", "segment": "s"}, "requires"),
        (BETWEEN | {"unit": "furlongs"}, "not a UCUM unit"),
    ],
)
def test_a_card_that_says_nothing_clear_is_refused(line: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        check_entity("process_card", {"id": "PC", "requirements": [line]})
