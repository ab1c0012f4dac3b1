"""Reference of code rules and their check characters."""

from __future__ import annotations

from collections.abc import Callable

from assay.model.codes.check_schemes import ALPHANUMERIC, DIGITS, SCHEMES
from assay.model.codes.rules import CodeRule
from writing import model_sections, table

_NAMED = {DIGITS: "0–9", ALPHANUMERIC: "0–9, A–Z"}


def rules() -> str:
    """The settings of a code rule."""
    return model_sections(CodeRule)


def schemes() -> str:
    """Every check scheme, and the exchanged neighbours it misses."""
    rows = [
        [f"`{one.name}`", _NAMED[one.alphabet], _gives(one.alphabet, one.results), one.exchanges]
        for one in SCHEMES.values()
    ]
    return table(["scheme", "covers", "gives", "misses exchanges of"], rows)


def _gives(alphabet: str, results: str) -> str:
    more = results.removeprefix(alphabet)
    return f"{_NAMED[alphabet]}, {more}" if more else _NAMED[alphabet]


PARTS: dict[str, Callable[[], str]] = {"code-rules": rules, "check-schemes": schemes}
