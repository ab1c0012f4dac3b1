"""A plant's codes: the rules of its model, the next codes of a rule, and what a code says by them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from assay.model.codes.recognise import Recognised, recognise
from assay.model.codes.refusal import refusal
from assay.model.codes.rules import CodeRule, rule_for
from assay.store.codes import IssuedCodes, SeriesState, issue_codes, series_of, was_issued

if TYPE_CHECKING:
    from assay.store.workspace import Workspace


@dataclass(frozen=True, slots=True)
class RuleState:
    """A code rule of the plant and how far its series are."""

    rule: CodeRule
    """The rule."""
    series: tuple[SeriesState, ...]
    """Its series, in their order."""


def code_rules(workspace: Workspace) -> list[RuleState]:
    """Every code rule of ``model.yaml``, with how far its series are."""
    return [RuleState(rule, tuple(series_of(workspace.registry, rule))) for rule in workspace.model.codes]


def next_codes(
    workspace: Workspace,
    rule: str | None,
    fields: Mapping[str, str],
    *,
    of: str = "unit",
    product: str | None = None,
    count: int = 1,
    moment: date | None = None,
) -> IssuedCodes:
    """Give the next codes of a rule, which nobody else gets; what is not used is a gap.

    Parameters
    ----------
    workspace
        The plant.
    rule
        The name of the rule; None: that of things ``of`` a kind and ``product``.
    fields
        What is said for each field, by its name.
    of, product
        Decide the rule where none is named.
    count
        How many.
    moment
        The day or plant time the codes shall say; None: the clock's.

    Raises
    ------
    CodeError
        There is no such rule, or it can't give them; see :func:`assay.store.codes.issue_codes`.
    """
    rules = workspace.model.codes
    chosen = rule_for(rules, of, product) if rule is None else _named(rules, rule)
    zone = workspace.config.time_zone
    return issue_codes(workspace.registry, chosen, fields, zone=zone, count=count, moment=moment)


def code_was_issued(workspace: Workspace, code: str, of: str, product: str | None) -> bool:
    """Whether a rule of the plant gave this code to a thing ``of`` a kind and ``product``."""
    today = datetime.now(ZoneInfo(workspace.config.time_zone)).date()
    return any(
        was_issued(workspace.registry, rule, code, today=today)
        for rule in workspace.model.codes
        if rule.of == of and (not rule.products or product in rule.products)
    )


def parse_code(workspace: Workspace, text: str) -> Recognised:
    """What a code is, by the plant's rules and those of GS1, HIBCC and ICCBBA.

    Raises
    ------
    CodeError
        It is not valid, or not known.
    """
    today = datetime.now(ZoneInfo(workspace.config.time_zone)).date()
    return recognise(text, workspace.model.codes, today=today)


def _named(rules: list[CodeRule], name: str) -> CodeRule:
    for rule in rules:
        if rule.name == name:
            return rule
    raise refusal("unknown-rule", code_rule=name, known=", ".join(one.name for one in rules) or "–")
