"""Every text that code asks for by name is in the catalogue, and every error is said in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from assay.api.errors import CATALOGUE as API
from assay.api.errors import http_problem
from assay.apps.catalogue import CATALOGUE as APPS
from assay.apps.catalogue import column_title
from assay.apps.errors import PageError, problem_of
from assay.model import errors
from assay.model.errors import AssayError, SpokenError
from assay.model.text import Text

SOURCES = Path(__file__).parents[2] / "src/assay"


@pytest.mark.parametrize(("package", "catalogue"), [("apps", APPS), ("api", API)])
def test_every_text_asked_for_is_there(package: str, catalogue: object) -> None:
    code = "\n".join(path.read_text("utf-8") for path in (SOURCES / package).rglob("*.py"))
    asked = set(re.findall(r'(?:told|hint|say|text)\(\s*"([a-z]+\.[\w-]+)"', code))
    keys = re.findall(r'(?:cls|PageError|ImportBusy|__init__)\(\s*"([a-z][a-z-]+)"', code)
    asked |= {f"error.{key}" for key in keys}
    asked |= {f"upload.{key}" for key in re.findall(r'UploadBroken\("([a-z-]+)"\)', code)}
    assert len(asked) > 10
    assert not asked - set(catalogue.keys("en"))  # type: ignore[attr-defined]


ERRORS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, AssayError)]
KINDS = [kind for kind in ERRORS if not issubclass(kind, SpokenError)]
SPOKEN = [kind for kind in ERRORS if issubclass(kind, SpokenError)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_of_any_room_is_said_in_both_languages(kind: type[AssayError]) -> None:
    said = problem_of(kind("torque of U-7 is -1 Nm", hint="Check the gauge."))
    assert said.message.en == "torque of U-7 is -1 Nm"
    assert said.message.zh.endswith("：torque of U-7 is -1 Nm")
    assert said.hint == Text(zh="Check the gauge.", en="Check the gauge.")


@pytest.mark.parametrize("kind", SPOKEN, ids=lambda kind: kind.__name__)
def test_a_spoken_error_is_said_as_it_is(kind: type[SpokenError]) -> None:
    text, advice = (
        Text(zh="扭矩为负。", en="The torque is negative."),
        Text(zh="检查量具。", en="Check the gauge."),
    )
    problem = kind(text, advice)
    assert str(problem) == "The torque is negative.\nCheck the gauge."
    said = problem_of(problem)
    assert (said.message, said.hint) == (text, advice)


def test_a_text_fills_a_text_in_its_own_language() -> None:
    error = PageError.needs(Text(zh="编号", en="Id"))
    assert error.said == Text(zh="尚未给出“编号”", en="“Id” is not given yet")


@pytest.mark.parametrize("status", [400, 404, 405, 413, 421, 418, 500, 503])
def test_every_status_is_said(status: int) -> None:
    said = http_problem(status).message
    assert said.zh
    assert said.zh != said.en


def test_a_plants_own_title_goes_before_the_names_of_the_house() -> None:
    assert column_title("time", {}) == Text(zh="时间", en="Time")
    assert column_title("time", {"time": {"zh": "拧紧时间"}}) == Text(zh="拧紧时间", en="拧紧时间")
    assert column_title("spindle", {}) == Text(zh="spindle", en="spindle")
