"""A whole question: the path, then its stages."""

from __future__ import annotations

from dataclasses import replace

from assay.query.compile.relation import Build, Rel
from assay.query.compile.speech import said
from assay.query.compile.table import Crossing, Table, Tables, column_name, unknown_column
from assay.query.compile.typed import AGGREGATE_TYPES, Typed
from assay.query.compile.values import Expressions, Rows
from assay.query.dialect import Dialect
from assay.query.domain.kinds import Domain
from assay.query.domain.relations import Relations
from assay.query.language.errors import likely
from assay.query.language.printer import write
from assay.query.language.tree import (
    By,
    Call,
    Compare,
    Count,
    Expression,
    Item,
    Limit,
    Name,
    Path,
    Question,
    Select,
    Sort,
    Stage,
    Value,
    Where,
)
from assay.query.program import Column, Program

__all__ = ["Crossing", "compile_question"]


def compile_question(
    question: Question, domain: Domain, relations: Relations, dialect: Dialect, *, crossed: bool = False
) -> Program:
    """The program of a question.

    Raises
    ------
    QuestionError
        A name means nothing or several things, types don't fit, or a stage can't stand where it does.
    Crossing
        Two independent paths to many are selected at once and ``crossed`` is false.
    """
    text = question.text or write(question)
    build = Build(domain, relations, dialect, text)
    return _Compilation(build, crossed=crossed).run(question)


class _Compilation:
    def __init__(self, build: Build, *, crossed: bool) -> None:
        self._build = build
        self._expressions = Expressions(build)
        self._tables = Tables(build, self._expressions, crossed=crossed)
        self._visited: dict[str, list[str]] = {}
        self._cut = ""

    def run(self, question: Question) -> Program:
        """Path, stages, and the columns of the answer."""
        state: Rel | Table = self._path(question.path)
        for stage in question.stages:
            state = self._stage(state, stage)
        table = state if isinstance(state, Table) else self._tables.plain(state)
        order = self._order(table)
        asked = dict(self._build.domain.mounts.told.statements)
        return Program(tuple(self._build.steps), table.name, table.columns, order, table.key, asked)

    # -- path ---------------------------------------------------------------------------------------

    def _path(self, path: Path) -> Rel:
        build = self._build
        first = path.hops[0]
        if not isinstance(first, Name) or (kind := build.domain.kind(first.name)) is None:
            name = getattr(first, "name", None) or getattr(first, "direction", "")
            kinds = "unit, lot, step, product, equipment, measurement, event"
            advice = likely(str(name), build.domain.words()) or said("hint.kinds", names=kinds)
            raise build.wrong(first.place, said("unknown.kind", name=str(name)), advice)
        rel = build.whole(kind)
        if kind.record is not None:
            rel = self._expressions.follower.everything(kind, first.condition)
        if first.condition is not None:
            rel = self._expressions.narrow(rel, first.condition)
        rel = self._expressions.widened(rel)
        self._visit(rel)
        for hop in path.hops[1:]:
            rel = self._expressions.follower.follow(rel, hop)
            self._visit(rel)
        return rel

    def _visit(self, rel: Rel) -> None:
        if not rel.is_record and not rel.spans:
            self._visited.setdefault(rel.kind.name, []).append(rel.name)

    # -- stages -------------------------------------------------------------------------------------

    def _stage(self, state: Rel | Table, stage: Stage) -> Rel | Table:
        match stage:
            case Where():
                return self._where(state, stage)
            case Sort():
                return self._sort(state, stage)
            case Limit():
                return self._limit(state, stage)
            case Count():
                return self._count(state, stage)
        if isinstance(state, Table):
            raise self._build.wrong(
                stage.place, said("stage.after-table", stage=type(stage).__name__.lower())
            )
        match stage:
            case Select():
                return self._tables.select(state, stage)
            case By():
                return self._tables.by(state, stage)
            case Compare():
                seen = [name for name in self._visited.get(state.kind.name, []) if name != state.name]
                return self._tables.compare(state, stage, seen[0] if seen else None)
        raise AssertionError(stage)

    def _where(self, state: Rel | Table, stage: Where) -> Rel | Table:
        if isinstance(state, Rel):
            return self._expressions.narrow(state, stage.condition)
        holds = self._of_table(state, stage.condition)
        return replace(state, name=self._build.define(f"SELECT * FROM {state.name} AS b WHERE {holds.sql}"))

    def _of_table(self, table: Table, expression: Expression, alias: str = "b.") -> Typed:
        """An expression over the columns of a table."""
        found = _Columns(self._build, table, alias)
        return found.value(found.rows, expression)

    def _sort(self, state: Rel | Table, stage: Sort) -> Table:
        table = state if isinstance(state, Table) else self._tables.plain(state)
        keys = []
        names = {column.name for column in table.columns}
        for key in stage.keys:
            if column_name(key.expression) not in names and isinstance(state, Rel):
                return self._sort(self._with_columns(state, stage), stage)
            value = self._of_table(table, key.expression, "")
            # Missing values come last either way.
            keys.append(f"({value.sql} IS NULL), {value.sql} {'DESC' if key.descending else 'ASC'}")
        return replace(table, order=(*keys, *table.order))

    def _with_columns(self, rel: Rel, stage: Sort) -> Table:
        """The things with the columns they are sorted by, where those are not shown anyway."""
        base = self._tables.plain(rel)
        own = [Item(Path(()), rel.kind.name)] if not rel.is_record else []
        extra = [
            Item(key.expression)
            for key in stage.keys
            if write(key.expression) not in {c.name for c in base.columns}
        ]
        shown = [Item(Path((Name(c.name),)), c.name) for c in base.columns if rel.is_record]
        return self._tables.select(rel, Select((*own, *shown, *extra)))

    def _limit(self, state: Rel | Table, stage: Limit) -> Table:
        table = state if isinstance(state, Table) else self._tables.plain(state)
        order = self._order(table)
        sql = f"SELECT * FROM {table.name} ORDER BY {order} LIMIT {stage.count} OFFSET {stage.offset}"
        return replace(table, name=self._build.define(sql, stored=True))

    def _count(self, state: Rel | Table, stage: Count) -> Table:
        if isinstance(state, Table) or state.is_record:
            name = self._build.define(f"SELECT count(*) AS count FROM {state.name}")
        else:
            name = self._build.define(f"SELECT count(DISTINCT key) AS count FROM {state.name}")
        return Table(name, (Column("count", "integer"),), (), ())

    def _order(self, table: Table) -> str:
        """Every column decides in the end, so that the same rows come in the same order."""
        rest = [f"{self._build.quoted(column.name)} ASC NULLS LAST" for column in table.columns]
        return ", ".join(dict.fromkeys([*table.order, *rest]))


class _Columns(Expressions):
    """Expressions over a table: what names a column, or is what a column was made by, is that column."""

    def __init__(self, build: Build, table: Table, alias: str) -> None:
        super().__init__(build)
        self._alias = alias
        self._columns = {column.name: column for column in table.columns}
        self.rows = Rows(table.name, Rel(table.name, build.domain.kinds["unit"], anchored=False), single=True)

    def _reached(self, rows: Rows, expression: Expression) -> str | None:
        return None

    def value(self, rows: Rows, expression: Expression) -> Typed:
        """SQL of a value, one for each row of the table."""
        column = self._columns.get(column_name(expression))
        if column is not None and not isinstance(expression, Value):
            name = f"{self._alias}{self.build.quoted(column.name)}"
            return Typed(name, column.type, column.unit)  # type: ignore[arg-type]
        aggregated = isinstance(expression, Call) and expression.function in AGGREGATE_TYPES
        if aggregated or isinstance(expression, Path):
            raise unknown_column(self.build, self._columns, expression)
        return super().value(rows, expression)
