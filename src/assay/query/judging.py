"""Whether a result is good: by its word, and by the limits in force when it was measured.

One rule for questions and for the derived tables, as SQL of any dialect over the relations of
:mod:`assay.query.masters`. Of the specifications that a result may be held against, the most particular one
counts: with material and segment, with material, with segment, then without.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from assay.model.judgement import BAD_WORDS, GOOD_WORDS
from assay.query.dialect import Dialect
from assay.query.masters import CHARACTERISTICS, CONVERSIONS, SCOPES, SPECIFICATIONS


def in_force(version: str, time: str) -> str:
    """SQL of whether a version holds at a time; one without a time is held against what always held."""
    return (
        f"({version}.since IS NULL OR {version}.since <= {time}) "
        f"AND ({version}.until IS NULL OR {time} < {version}.until)"
    )


@dataclass(frozen=True)
class Typed:
    """SQL of a result in the unit of its characteristic.

    ``joins`` belong behind the FROM clause in which the results have the alias that was given.
    """

    value: str
    unit: str
    joins: str


def typed(results: str, time: str, conversions: str = CONVERSIONS) -> Typed:
    """The value of results (alias ``results``: columns ``characteristic``, ``value``, ``unit``)."""
    return Typed(
        f"CASE WHEN v.factor IS NULL THEN {results}.value ELSE {results}.value * v.factor + v.shift END",
        f"CASE WHEN v.factor IS NULL THEN coalesce({results}.unit, c.unit) ELSE c.unit END",
        f"LEFT JOIN {CHARACTERISTICS} AS c ON c.id = {results}.characteristic\n"
        f"AND {in_force('c', time)}\n"
        f"LEFT JOIN {conversions} AS v ON v.unit = {results}.unit AND v.into = c.unit",
    )


@dataclass(frozen=True)
class Limits:
    """SQL of the limits that results are held against, and the joins that bring them."""

    low: str
    high: str
    target: str
    joins: str


def limited(results: str, specifications: pa.Table, time: str, *, segment: str = "segment") -> Limits:
    """The limits of results (alias ``results``: columns ``characteristic``, ``material`` and a segment).

    Parameters
    ----------
    results
        The alias of the results.
    specifications
        The relation of that name, for the scopes that occur in it.
    time
        SQL of the time at which the limits have to be in force.
    segment
        The column of the segment.
    """
    present = sorted(set(specifications.column("scope").to_pylist()))
    columns = {"material": "material", "segment": segment}
    joins = []
    for scope in present:
        same = "".join(f" AND s{scope}.{name} = {results}.{columns[name]}" for name in SCOPES[scope])
        joins.append(
            f"LEFT JOIN {SPECIFICATIONS} AS s{scope} ON s{scope}.scope = {scope}\n"
            f"AND s{scope}.characteristic = {results}.characteristic{same}\n"
            f"AND {in_force(f's{scope}', time)}"
        )
    low, high, target = (_of_the_first(present, name) for name in ("low", "high", "target"))
    return Limits(low, high, target, "\n".join(joins))


def _of_the_first(scopes: list[int], column: str) -> str:
    """A column of the most particular specification that was found."""
    if not scopes:
        return "CAST(NULL AS DOUBLE)"
    cases = " ".join(f"WHEN s{scope}.id IS NOT NULL THEN s{scope}.{column}" for scope in scopes)
    return f"CASE {cases} END"


def conforming(dialect: Dialect, text: str, value: str, low: str, high: str) -> str:
    """SQL of whether a result is good: by its word, by its limits, missing where neither says anything."""
    bad, good = (
        ", ".join(dialect.literal(word) for word in sorted(words)) for words in (BAD_WORDS, GOOD_WORDS)
    )
    word = dialect.lowercase(dialect.trimmed(text))
    return (
        f"CASE WHEN {word} IN ({bad}) THEN false\n"
        f"WHEN {value} < {low} OR {value} > {high} THEN false\n"
        f"WHEN {word} IN ({good}) THEN true\n"
        f"WHEN {value} IS NOT NULL AND ({low} IS NOT NULL OR {high} IS NOT NULL) THEN true END"
    )
