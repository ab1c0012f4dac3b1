"""The records a proposed mapping makes of each row."""

from __future__ import annotations

from typing import Any

from assay.connect.infer_names import bare
from assay.connect.infer_roles import CORE, Guess, Layout, SubjectKind
from assay.connect.plan import ROW_NUMBER
from assay.model.attributes import AttributeType, ColumnRole

_KINDS: tuple[SubjectKind, ...] = ("execution", "unit", "lot")


def records_of(layout: Layout) -> list[dict[str, Any]]:
    """Records as a mapping file says them."""
    return _long(layout) if layout.long else [*_movements(layout), *_measurements(layout)]


def _ref(guess: Guess | None) -> str | None:
    return None if guess is None else f"${guess.name}"


def _given(**fields: str | None) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _attributes(layout: Layout) -> list[str]:
    return [guess.name for guess in layout.guesses if guess.attribute]


def _segment(layout: Layout) -> str:
    return _ref(layout.one("segment")) or "$file"


def _long(layout: Layout) -> list[dict[str, Any]]:
    subject = next((one for kind in ("unit", "execution", "lot") if (one := layout.subject(kind))), None)
    record = {
        "kind": "measurement",
        "subject": _ref(subject) or f"${ROW_NUMBER}",
        "subject_kind": subject.is_ if subject is not None else "unit",
        **_given(
            characteristic=_ref(layout.one("characteristic")),
            value=_ref(layout.one("value")),
            unit=_ref(layout.one("measure")),
            segment=_segment(layout),
            equipment=_ref(layout.one("equipment")),
            gauge=_ref(layout.one("gauge")),
            person=_ref(layout.one("person")),
            time=_ref(layout.one("ended")) or _ref(layout.one("started")),
        ),
    }
    others = [guess for kind in _KINDS if (guess := layout.subject(kind)) and guess is not subject]
    for guess in others:
        guess.role, guess.is_ = ColumnRole.FACTOR, None
    started = layout.one("started")
    if layout.one("ended") is not None and started is not None:
        started.role, started.core, started.type = ColumnRole.ANNOTATION, None, AttributeType.TIME
    if attributes := _attributes(layout):
        record["attributes"] = attributes
    return [record]


def _execution(layout: Layout) -> str:
    """What tells rows apart: the execution, else a unit that has one row, else the row itself."""
    if layout.subject("execution") is not None:
        return str(_ref(layout.subject("execution")))
    unit = layout.subject("unit")
    return f"${unit.name}" if unit is not None and layout.rows_named else f"${ROW_NUMBER}"


def _movements(layout: Layout) -> list[dict[str, Any]]:
    unit, lot = layout.subject("unit"), layout.subject("lot")
    execution = _execution(layout)
    times = _given(started=_ref(layout.one("started")), ended=_ref(layout.one("ended")))
    core = _given(**{name: _ref(layout.one(name)) for name in CORE if name not in {"gauge", "segment"}})
    made: dict[str, Any] = {
        "kind": "movement",
        "execution": execution,
        "role": "produced",
        "subject": _ref(unit) or (f"${ROW_NUMBER}" if not layout.rows_named else execution),
        "subject_kind": "unit",
        "segment": _segment(layout),
        **core,
        **times,
    }
    if attributes := _attributes(layout):
        made["attributes"] = attributes
    if lot is None:
        return [made]
    consumed = {
        "kind": "movement",
        "execution": execution,
        "role": "consumed",
        "subject": _ref(lot),
        "subject_kind": "lot",
        "segment": _segment(layout),
        **times,
    }
    return [made, consumed]


def _measurements(layout: Layout) -> list[dict[str, Any]]:
    outcomes = [guess for guess in layout.guesses if guess.role is ColumnRole.OUTCOME]
    execution = _execution(layout)
    unit = layout.subject("unit")
    on_unit = unit is not None and layout.rows_named and layout.subject("execution") is None
    return [
        {
            "kind": "measurement",
            "subject": _ref(unit) if on_unit else execution,
            "subject_kind": "unit" if on_unit else "execution",
            "characteristic": _characteristic(guess, alone=len(outcomes) == 1),
            ("value" if guess.core == "value" else "text"): f"${guess.name}",
            **_given(
                unit=guess.unit,
                segment=_segment(layout),
                gauge=_ref(layout.one("gauge")),
                time=_ref(layout.one("ended")) or _ref(layout.one("started")),
            ),
            "skip_empty": True,
        }
        for guess in outcomes
    ]


def _characteristic(guess: Guess, *, alone: bool) -> str:
    """A name that can stand in a target: ``result`` for the one verdict of a file that calls it so."""
    words = bare(guess.name).split()
    if alone and guess.core == "text" and words and words[-1] == "result":
        return "result"
    name = "_".join("".join(one if one.isalnum() or one == "_" else " " for one in guess.name).split())
    return name or guess.name
