"""Running a program in a session: SQL by the engine, everything else by the room that knows how."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa

from assay.query.compile.speech import said
from assay.query.language.errors import QuestionError
from assay.query.masters import conversions
from assay.query.program import (
    Conversions,
    Define,
    Fetch,
    Given,
    Limits,
    Program,
    Sensed,
    Session,
    Step,
    Told,
    Trail,
)
from assay.query.repeated import read_again
from assay.store.workspace import Workspace

if TYPE_CHECKING:
    from assay.query.bind.readings import ReadingSource

READINGS = "all_readings"
"""The relation of readings that features are computed from on an engine elsewhere."""


def run(workspace: Workspace, session: Session, program: Program, limits: Limits) -> Told:
    """Define every relation of a program; afterwards its result can be read from the session.

    Raises
    ------
    QueryError
        A limit was reached, or a source can't be asked.
    """
    told = Told(statements=dict(program.asked))
    again = frozenset() if session.embedded else read_again(program)
    places = _Places(workspace, session, time.monotonic() + limits.seconds, again)
    for step in program.steps:
        with _timed(told, step):
            _do(places, step, told, limits)
            if not isinstance(step, Define) or step.stored:
                told.rows[step.name] = rows = session.count(step.name)
                if rows > limits.intermediate:
                    raise QuestionError(
                        said("limit.intermediate", rows=f"{rows:,}", most=f"{limits.intermediate:,}"),
                        said("hint.narrow"),
                    )
    return told


def read(session: Session, program: Program, limits: Limits) -> pa.Table:
    """The answer of a program that was run.

    Raises
    ------
    QuestionError
        It has more rows than ``limits.rows``.
    """
    found = session.arrow(f"{answer_sql(session, program)} LIMIT {limits.rows + 1}")
    if found.num_rows > limits.rows:
        raise QuestionError(
            said("limit.rows", most=f"{limits.rows:,}"), said("hint.limit-rows", rows=limits.rows)
        )
    return found


def answer_sql(session: Session, program: Program) -> str:
    """The statement that reads the answer, in an order that is the same each time."""
    columns = ", ".join(session.dialect.quoted(column.name) for column in program.columns)
    order = f" ORDER BY {program.order}" if program.order else ""
    return f"SELECT {columns} FROM {program.result}{order}"


@dataclass
class _Places:
    """Where the rows of a program come from; the readings are looked up once for all its steps."""

    workspace: Workspace
    session: Session
    until: float
    """When the question's time is over, on the clock of :func:`time.monotonic`."""
    again: frozenset[str]
    """Relations that are stored because the engine would work them out at each place that reads them."""

    @cached_property
    def defined_readings(self) -> str:
        """The relation of the readings of the session's snapshot, on its engine."""
        from assay.query.layers.fresh import define_readings

        define_readings(self.workspace, self.session, READINGS)
        return READINGS

    @cached_property
    def readings(self) -> ReadingSource:
        """The readings of the session's snapshot."""
        from assay.query.bind.plant import plant_readings

        return plant_readings(self.workspace, self.session.snapshot)


def _do(places: _Places, step: Step, told: Told, limits: Limits) -> None:
    workspace, session = places.workspace, places.session
    match step:
        case Define(name, sql, stored):
            session.define(name, sql, stored=stored or name in places.again)
        case Given(name, table):
            session.register(name, table)
        case Conversions(name, pairs):
            units = session.arrow(pairs)
            known = zip(units.column(0).to_pylist(), units.column(1).to_pylist(), strict=True)
            session.register(name, conversions(known))
        case Fetch():
            from assay.query.federation import federation

            keys = None
            if step.keys is not None:
                relation, column = step.keys
                quoted = session.dialect.quoted(column)
                found = session.arrow(f"SELECT DISTINCT {quoted} FROM {relation} WHERE {quoted} IS NOT NULL")
                keys = found.column(0).combine_chunks()
            rows = federation(workspace).fetch(
                step, keys, told, most=limits.intermediate, seconds=places.until - time.monotonic()
            )
            session.register(step.name, rows)
        case Trail():
            from assay.query.trails import follow_trail

            session.register(step.name, follow_trail(workspace, session, step))
        case Sensed():
            features = workspace.model.features
            if session.embedded:
                from assay.query.bind.memory import memory_of
                from assay.query.bind.sensed import run_sensed

                memory = memory_of(workspace)
                sensed, told.remembered[step.name] = run_sensed(
                    session, step, places.readings, features, memory
                )
                session.register(step.name, sensed)
            else:
                from assay.query.bind.on_engine import sensed_on_engine

                sensed_on_engine(session, step, places.defined_readings, features)


@contextmanager
def _timed(told: Told, step: Step) -> Iterator[None]:
    began = time.perf_counter()
    yield
    told.seconds[step.name] = round(time.perf_counter() - began, 6)
