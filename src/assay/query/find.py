"""Ad-hoc questions: ``find(workspace, "unit[defect.code = 'HC-3'].lot.product.lots | compare yield")``."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from types import TracebackType
from typing import Any, Protocol, Self

import pyarrow as pa

from assay.query.compile import Crossing, compile_question
from assay.query.compile.completion import PlantNames
from assay.query.compile.speech import said
from assay.query.domain.kinds import REFUSED, Domain
from assay.query.domain.mounts import Mounts
from assay.query.domain.relations import Relations
from assay.query.domain.vocabulary import vocabulary
from assay.query.engines.registry import engine_of
from assay.query.federation import federation
from assay.query.json_value import json_value
from assay.query.language.builder import Questions
from assay.query.language.errors import at
from assay.query.language.parser import parse
from assay.query.language.printer import write
from assay.query.language.tree import Question
from assay.query.program import Column, Define, Fetch, Given, Limits, Program, Session, Step, Told
from assay.query.run import answer_sql, read, run
from assay.store.snapshot import Snapshot
from assay.store.workspace import Workspace


class Built(Protocol):
    """What the Python builder makes."""

    def question(self) -> Question:
        """The tree of the question."""


Asked = str | Question | Built


class Prepared:
    """A question that was compiled and run on one snapshot: its answer can be read, whole or batch by batch.

    Close it, or use it as a context manager. Not shared between threads, except for :meth:`cancel`.
    """

    def __init__(
        self, workspace: Workspace, question: Question, session: Session, program: Program, limits: Limits
    ) -> None:
        self.text = write(question)
        self.program = program
        self.snapshot = session.snapshot
        self.told: Told | None = None
        self._workspace = workspace
        self._session = session
        self._limits = limits

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the answer."""
        return self.program.columns

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that tell one row of the answer from another."""
        return self.program.key

    @property
    def sources(self) -> tuple[str, ...]:
        """The mounted sources that are asked."""
        found = (step.source for step in self.program.steps if isinstance(step, Fetch))
        return tuple(dict.fromkeys(found))

    @cached_property
    def sql(self) -> str:
        """The SQL of the question, as one script in the engine's dialect."""
        parts = [_script(step) for step in self.program.steps]
        return "\n\n".join([*parts, f"{answer_sql(self._session, self.program)};"])

    def run(self) -> Told:
        """Do everything but reading the answer; once."""
        if self.told is None:
            self.told = run(self._workspace, self._session, self.program, self._limits)
        return self.told

    def arrow(self) -> pa.Table:
        """The whole answer; an error when it has more rows than the limit."""
        self.run()
        return read(self._session, self.program, self._limits)

    def head(self, rows: int) -> tuple[pa.Table, int]:
        """The first ``rows`` rows of the answer, and how many it has in all."""
        self.run()
        first = self._session.arrow(f"{answer_sql(self._session, self.program)} LIMIT {rows + 1}")
        if first.num_rows <= rows:
            return first, first.num_rows
        return first.slice(0, rows), self._session.count(self.program.result)

    def answer(self, table: pa.Table, total: int | None = None) -> Answer:
        """The answer that has these rows; ``total`` where they are only the first ones."""
        return Answer(
            self.text,
            self.columns,
            self.key,
            self.sql,
            self.snapshot,
            table,
            self.run(),
            self.program,
            table.num_rows if total is None else total,
        )

    def stream(self, batch_rows: int = 65_536) -> pa.RecordBatchReader:
        """The answer in an order that is the same each time, batch by batch, as it is read."""
        self.run()
        return self._session.stream(answer_sql(self._session, self.program), batch_rows)

    def cancel(self) -> None:
        """End what the engine is doing; may be called from another thread."""
        cancel = getattr(self._session, "cancel", None)
        if cancel is not None:
            cancel()

    def close(self) -> None:
        """Let go of the engine."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True, eq=False)
class Answer:
    """The answer to a question.

    Attributes
    ----------
    text
        The question in its canonical form.
    columns
        Names, types and units of the columns.
    key
        The columns that tell one row from another.
    sql
        The SQL it was answered by.
    total
        How many rows the whole answer has; more than there are here where only the first were asked for.
    """

    text: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    sql: str
    snapshot: Snapshot = field(repr=False)
    table: pa.Table = field(repr=False)
    told: Told = field(repr=False)
    program: Program = field(repr=False)
    total: int

    def to_arrow(self) -> pa.Table:
        """The rows, in the order of the answer."""
        return self.table

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows as dictionaries."""
        found: list[dict[str, Any]] = self.table.to_pylist()
        return found

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def explain(self) -> dict[str, Any]:
        """What was done: the steps with their rows and seconds, statements and rows moved per source."""
        return {
            "steps": [
                {
                    "name": step.name,
                    "does": type(step).__name__.lower(),
                    "detail": _detail(step),
                    "rows": self.told.rows.get(step.name),
                    "seconds": self.told.seconds.get(step.name),
                    "remembered": self.told.remembered.get(step.name),
                }
                for step in self.program.steps
            ],
            "statements": dict(self.told.statements),
            "moved": dict(self.told.moved),
            "notes": list(self.told.notes),
            "sql": self.sql,
            "versions": dict(self.snapshot.versions),
        }

    def to_dict(self, *, explain: bool = False) -> dict[str, Any]:
        """Plain JSON values; times in ISO 8601 UTC."""
        document: dict[str, Any] = {
            "question": self.text,
            "columns": [
                {"name": one.name, "type": one.type, "unit": one.unit, "title": one.title or one.name}
                for one in self.columns
            ],
            "rows": [{name: json_value(value) for name, value in row.items()} for row in self.rows],
            "row_count": len(self),
            "as_of": json_value(self.snapshot.moment),
            "notes": list(self.told.notes),
        }
        if explain:
            document["explain"] = self.explain()
        return document


def prepare(
    workspace: Workspace,
    question: Asked,
    *,
    limits: Limits | None = None,
    engine: str | None = None,
    as_of: datetime | None = None,
    snapshot: Snapshot | None = None,
) -> Prepared:
    """A question compiled for one snapshot; nothing of it was computed yet.

    Raises
    ------
    QuestionError
        It can't be read, names something unknown, or would give every pair of two things.
    QueryError
        The engine isn't there, or a source can't be asked.
    """
    tree = question if isinstance(question, Question) else _tree(question)
    bounds = limits or Limits()
    if snapshot is None:
        snapshot = workspace.lake.snapshot() if as_of is None else workspace.lake.snapshot(as_of=as_of)
    with ExitStack() as stack:
        session = engine_of(workspace, engine).open(snapshot, bounds)
        stack.callback(session.close)
        domain = _domain(workspace, session)
        refusals = _refusals(workspace, tree)
        relations = Relations(domain.vocabulary, session.dialect, session.snapshot, refusals)
        try:
            program = compile_question(tree, domain, relations, session.dialect, crossed=bounds.crossed)
        except Crossing as crossing:
            raise _refused(workspace, session, tree, crossing, bounds) from None
        stack.pop_all()
    return Prepared(workspace, tree, session, program, bounds)


def questions(workspace: Workspace) -> Questions:
    """Where questions are built in Python: ``questions(workspace).unit`` knows what may follow."""
    return Questions(PlantNames(domain_of(workspace)))


def domain_of(workspace: Workspace) -> Domain:
    """The plant's model as a graph, with the names that are known now."""
    session = engine_of(workspace, "duckdb").open(workspace.lake.snapshot(), Limits())
    try:
        return _domain(workspace, session)
    finally:
        session.close()


def find(
    workspace: Workspace,
    question: Asked,
    *,
    limits: Limits | None = None,
    engine: str | None = None,
    as_of: datetime | None = None,
    snapshot: Snapshot | None = None,
) -> Answer:
    """Answer a question.

    Parameters
    ----------
    question
        Text, a tree, or what the Python builder makes.
    limits
        Most rows, seconds and memory; :class:`Limits` has the defaults.
    engine
        Where to run it: empty for the engine of ``assay.toml``, ``duckdb``, or the URL of a Spark cluster.
    as_of
        Answer from what the plant knew at that time.

    Raises
    ------
    QuestionError
        The question can't be read or answered as it is written; the message says where and what was meant.
    QueryError
        A limit was reached, the engine isn't there, or a source can't be asked.
    """
    with prepare(
        workspace, question, limits=limits, engine=engine, as_of=as_of, snapshot=snapshot
    ) as prepared:
        return prepared.answer(prepared.arrow())


def _domain(workspace: Workspace, session: Session) -> Domain:
    """The plant's model as a graph, with the names of the session's snapshot."""
    return Domain(vocabulary(workspace, session), Mounts(federation(workspace)))


def _refusals(workspace: Workspace, question: Question) -> pa.Table | None:
    """What the gate refuses now, where the question or a formula of the plant names it.

    Other questions are spared a look at each record of whether it is refused.
    """
    formulas = workspace.model.model_dump_json(include={"terms", "measures"})
    asked = REFUSED in write(question) or REFUSED in formulas
    return workspace.refused.standing() if asked else None


def _tree(question: str | Built) -> Question:
    return parse(question) if isinstance(question, str) else question.question()


def _refused(
    workspace: Workspace, session: Session, question: Question, crossing: Crossing, limits: Limits
) -> Exception:
    """The refusal of a cross product, with the number of rows it would have."""
    program = Program(crossing.steps, "", ())
    run(workspace, session, program, limits)
    rows = session.arrow(crossing.sql).column(0)[0].as_py()
    return at(
        question.text or write(question),
        crossing.item.place,
        said("cross.refused", paths=", ".join(crossing.paths), rows=f"{rows:,}"),
        said("hint.allow-cross"),
    )


def _script(step: Step) -> str:
    if isinstance(step, Define):
        what = "TABLE" if step.stored else "VIEW"
        return f"CREATE TEMP {what} {step.name} AS\n{step.sql};"
    return f"-- {step.name}: {type(step).__name__.lower()} {_detail(step)}"


def _detail(step: Step) -> str:
    if isinstance(step, Define):
        return step.sql
    if isinstance(step, Given):
        return f"{step.table.num_rows} rows of {', '.join(step.table.column_names)}"
    shown = {name: getattr(step, name) for name in step.__slots__ if name != "name"}
    return ", ".join(f"{name}={value!r}" for name, value in shown.items() if value not in (None, ()))
