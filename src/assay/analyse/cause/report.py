"""What a cause analysis answers: frozen results, and the JSON the CLI, the API and the pages share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from assay.model.text import Text

Verdict = Literal["causes found", "insufficient evidence"]
Number = float | None


@dataclass(frozen=True)
class Effect:
    """Effect of a cause on a condition (``risk_*``) or on a measured value (``mean_*``).

    Ratio and difference are against the other subjects, Mantel-Haenszel over the strata of the causes above;
    intervals are 95 % and count a unit with several runs once. None: can't be told (nothing to compare with,
    or no bad subject among the others).
    """

    rate: Number = None
    rate_rest: Number = None
    risk_ratio: Number = None
    risk_ratio_ci: tuple[Number, Number] | None = None
    risk_difference: Number = None
    risk_difference_ci: tuple[Number, Number] | None = None
    mean: Number = None
    mean_rest: Number = None
    mean_shift: Number = None
    mean_shift_ci: tuple[Number, Number] | None = None
    standardised: Number = None

    def to_dict(self) -> dict[str, Any]:
        """JSON keys of a condition or of a measured value; ``ci`` is of the ratio or of the shift."""
        if self.mean is not None:
            return {
                "mean_shift": _plain(self.mean_shift),
                "standardised": _plain(self.standardised),
                "ci": _pair(self.mean_shift_ci),
                "mean": _plain(self.mean),
                "mean_rest": _plain(self.mean_rest),
            }
        return {
            "risk_ratio": _plain(self.risk_ratio),
            "risk_difference": _plain(self.risk_difference),
            "ci": _pair(self.risk_ratio_ci),
            "risk_difference_ci": _pair(self.risk_difference_ci),
            "rate": _plain(self.rate),
            "rate_rest": _plain(self.rate_rest),
        }


@dataclass(frozen=True)
class Dose:
    """One point of a dose-response curve: ``value`` for a single value, ``low`` to ``high`` for a bin.

    ``rate`` is the share of bad subjects, or the mean of a measured value; ``ci`` its 95 % interval.
    """

    low: float
    high: float
    subjects: int
    bad: int | None
    rate: float
    ci: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        """JSON."""
        place: dict[str, Any] = (
            {"value": _whole(self.low)}
            if self.low == self.high
            else {"from": _whole(self.low), "to": _whole(self.high)}
        )
        key = "rate" if self.bad is not None else "mean"
        bad = {} if self.bad is None else {"bad": self.bad}
        return {**place, "subjects": self.subjects, **bad, key: self.rate, "ci": list(self.ci)}


@dataclass(frozen=True)
class Confounded:
    """Something else that goes along with a cause.

    ``relation`` is ``"same rows"`` (the data cannot separate the two) or ``"explained"`` (it looked like a
    cause until this one was taken into account).
    """

    factor: str
    value: str | None
    relation: Literal["same rows", "explained"]
    overlap: float | None
    note: Text
    p_before: float | None = None
    p_after: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON."""
        return {
            "factor": self.factor,
            "value": self.value,
            "relation": self.relation,
            "overlap": self.overlap,
            "p_before": self.p_before,
            "p_after": self.p_after,
            "note": self.note.model_dump(),
        }


@dataclass(frozen=True)
class Cause:
    """One ranked cause; see the JSON reference for each field."""

    rank: int
    factor: str
    value: str | None
    title: Text
    effect: Effect
    p_value: float
    q_value: float
    support: int
    bad: int | None
    units: int
    blast_radius: int
    not_inspected: int
    confounded_with: tuple[Confounded, ...]
    dose_response: tuple[Dose, ...]
    statement: Text
    shape: str | None = None
    elevated: tuple[tuple[float, float], ...] = ()
    unit: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON."""
        return {
            "rank": self.rank,
            "factor": self.factor,
            "value": self.value,
            "title": self.title.model_dump(),
            "effect": self.effect.to_dict(),
            "p_value": self.p_value,
            "q_value": self.q_value,
            "support": self.support,
            "bad": self.bad,
            "units": self.units,
            "blast_radius": self.blast_radius,
            "not_inspected": self.not_inspected,
            "confounded_with": [one.to_dict() for one in self.confounded_with],
            "dose_response": [dose.to_dict() for dose in self.dose_response],
            "shape": self.shape,
            "elevated": [{"from": _whole(low), "to": _whole(high)} for low, high in self.elevated],
            "unit": self.unit,
            "statement": self.statement.model_dump(),
        }


@dataclass(frozen=True)
class RefusedSubjects:
    """Subjects of which the gate refused records as evidence; they count like all others.

    ``bad`` of them fulfil the target (None for a measured value).
    """

    subjects: int
    bad: int | None
    statement: Text

    def to_dict(self) -> dict[str, Any]:
        """JSON."""
        return {"subjects": self.subjects, "bad": self.bad, "statement": self.statement.model_dump()}


@dataclass(frozen=True)
class CauseReport:
    """The answer to ``why target?``.

    Attributes
    ----------
    subjects, bad
        Subjects with a known outcome, and how many fulfil the target (None for a measured value).
    units
        Distinct units (or lots) among the subjects.
    tests
        Hypotheses tested at each step; the q-values are over these.
    error_rate
        Family-wise error at which causes are claimed.
    factors
        Names of all factors that were tried.
    refused
        How many of the subjects have records that the gate refused as evidence; None where none has.
    """

    target: str
    where: str | None
    scope: str | None
    subjects: int
    bad: int | None
    mean: float | None
    units: int
    tests: int
    error_rate: float
    factors: tuple[str, ...]
    verdict: Verdict
    causes: tuple[Cause, ...]
    note: Text
    refused: RefusedSubjects | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of ``assay cause --json``."""
        return {
            "target": self.target,
            "where": self.where,
            "scope": self.scope,
            "subjects": self.subjects,
            "bad": self.bad,
            "mean": self.mean,
            "units": self.units,
            "tests": self.tests,
            "error_rate": self.error_rate,
            "factors": list(self.factors),
            "verdict": self.verdict,
            "note": self.note.model_dump(),
            "causes": [cause.to_dict() for cause in self.causes],
            "refused": self.refused.to_dict() if self.refused else None,
        }


def _plain(value: Number) -> Number:
    return value if value is not None and math.isfinite(value) else None


def _pair(pair: tuple[Number, Number] | None) -> list[Number]:
    return [None, None] if pair is None else [_plain(pair[0]), _plain(pair[1])]


def _whole(value: float) -> float | int:
    return int(value) if math.isfinite(value) and value == int(value) else value
