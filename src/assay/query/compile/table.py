"""The stages of a question: what the path led to becomes a table, and the table is sorted, narrowed, cut."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from assay.query.compile.meaning import ToKind, meaning_of
from assay.query.compile.relation import Build, Rel, record_columns
from assay.query.compile.shape import (
    from_itself,
    many_paths,
    outer_paths,
    own_paths,
    shape,
    shared_hop,
    thing_of,
    without_first,
)
from assay.query.compile.speech import said
from assay.query.compile.typed import Typed, settled
from assay.query.compile.values import Expressions, LeafRows, Rows
from assay.query.domain.kinds import STEP, SUBJECTS, Kind
from assay.query.language.errors import likely
from assay.query.language.printer import write, written_column
from assay.query.language.tree import By, Call, Compare, Expression, Hop, Item, Name, Path, Select
from assay.query.program import Column, Step

_ONE = {"material", "segment", *("equipment", "person", "recipe", "work_order", "carrier")}
"""Links that lead to one thing as a rule: two of them side by side are no cross product."""

_SHOWN: dict[str, tuple[str, ...]] = {
    "unit": ("material",),
    "lot": ("material",),
    STEP: ("id", "segment", "equipment", "started", "ended"),
}
"""What of a thing is shown when nothing is selected."""

_HIDDEN = frozenset({"epoch", "seq", "recorded", "clock_uncertainty", "code", "kind", "subject_key"})


@dataclass(frozen=True)
class Table:
    """A relation with named columns of known type.

    ``order`` is SQL, with directions: what its rows are sorted by before all columns decide.
    """

    name: str
    columns: tuple[Column, ...]
    order: tuple[str, ...] = ()
    key: tuple[str, ...] = ()


class Crossing(Exception):
    """Two independent paths to many were asked for at once; ``sql`` counts the pairs, after ``steps``."""

    def __init__(self, steps: tuple[Step, ...], sql: str, paths: list[str], item: Item) -> None:
        super().__init__(", ".join(paths))
        self.steps = steps
        self.sql = sql
        self.paths = paths
        self.item = item


class Tables:
    """Makes tables of things."""

    def __init__(self, build: Build, expressions: Expressions, *, crossed: bool) -> None:
        self._build = build
        self._expressions = expressions
        self._crossed = crossed

    # -- everything about each thing ----------------------------------------------------------------

    def plain(self, rel: Rel) -> Table:
        """The things themselves with what tells them apart."""
        if rel.is_record:
            shown = [
                one for name, one in rel.kind.fields.items() if name == one.column and name not in _HIDDEN
            ]
            sql = ", ".join(
                f"r.{self._build.quoted(one.column)} AS {self._build.quoted(one.name)}" for one in shown
            )
            hidden = ", r.epoch AS epoch, r.seq AS seq"
            name = self._build.define(f"SELECT {sql}{hidden} FROM {rel.name} AS r")
            columns = tuple(
                Column(one.name, one.type, one.unit, thing=self._thing(rel, Item(Path((Name(one.name),)))))
                for one in shown
            )
            order = tuple(f"{one} ASC NULLS LAST" for one in ("time", "source", "epoch", "seq"))
            return Table(name, columns, order, ("source", "epoch", "seq"))
        items = [Item(Path(()), rel.kind.name)]
        fields = _SHOWN.get(rel.kind.name) or tuple(
            name for name in ("name", "description") if name in rel.kind.fields
        )
        if rel.kind.name == STEP:
            items = []
        items += [Item(Path((Name(name),)), "step" if name == "id" else name) for name in fields]
        return self._selected(
            rel, items, key=("step", "segment") if rel.kind.name == STEP else (rel.kind.name,)
        )

    # -- select -------------------------------------------------------------------------------------

    def select(self, rel: Rel, stage: Select) -> Table:
        """One row per thing, or per what a path to many leads to."""
        return self._selected(rel, list(stage.items), crossed=stage.crossed or self._crossed)

    def _selected(
        self, rel: Rel, items: list[Item], *, crossed: bool = False, key: tuple[str, ...] = ()
    ) -> Table:
        named = [(self._title(item), self._begun(rel, item.expression)) for item in items]
        names = _unique([title for title, _ in named])
        source, typed = self._spread(rel, [one for _, one in named], items, crossed=crossed)
        columns = ", ".join(
            f"c{position} AS {self._build.quoted(name)}" for position, name in enumerate(names)
        )
        relation = self._build.define(f"SELECT {columns} FROM {source}")
        things = [self._thing(rel, item) for item in items]
        return Table(relation, _columns(names, typed, things), (), key or tuple(names))

    def _spread(
        self, rel: Rel, expressions: list[Expression], items: list[Item], *, crossed: bool, keep: bool = False
    ) -> tuple[str, list[Typed]]:
        """Columns ``c0``, ``c1`` … (and ``anchor``): a path to many gives a row for each it leads to."""
        build, domain, kind = self._build, self._build.domain, rel.kind
        rows = self._expressions.rows_of(rel)
        branches: dict[Hop, list[int]] = {}
        typed: dict[int, Typed] = {}
        for position, expression in enumerate(expressions):
            many = many_paths(domain, kind, expression, single=True)
            if isinstance(expression, Path) and shape(domain, kind, expression).form == "signal":
                many = []
            hop = shared_hop(many) if many else None
            if hop is not None and not _own_many(build, kind, expression):
                branches.setdefault(hop, []).append(position)
            else:
                typed[position] = settled(self._expressions.value(rows, expression))
        joins = []
        for number, (hop, positions) in enumerate(branches.items()):
            relation, found = self._branch(rows.members, hop, positions, expressions, items, crossed=crossed)
            joins.append(f"LEFT JOIN {relation} AS x{number} ON x{number}.anchor = b.key")
            for inner, position in enumerate(positions):
                typed[position] = replace(found[inner], sql=f"x{number}.c{inner}")
        several = [hop for hop in branches if not self._leads_to_one(rel, hop)]
        source = "\n".join([rows.source, *joins])
        if len(several) > 1 and not crossed:
            paths = [write(expressions[branches[hop][0]]) for hop in several]
            build.require(source)
            raise Crossing(
                tuple(build.steps),
                f"SELECT count(*) AS n FROM {source}",
                paths,
                items[branches[several[1]][0]],
            )
        columns = [f"{typed[position].sql} AS c{position}" for position in range(len(expressions))]
        shown = ", ".join(["b.key AS anchor", *columns] if keep else columns)
        return build.define(f"SELECT {shown} FROM {source}"), [typed[i] for i in range(len(expressions))]

    def _branch(
        self,
        members: Rel,
        hop: Hop,
        positions: list[int],
        expressions: list[Expression],
        items: list[Item],
        *,
        crossed: bool,
    ) -> tuple[str, list[Typed]]:
        """What a hop leads to, with the columns of the expressions that go on from there."""
        build = self._build
        leaves = self._expressions.leaves
        goes_on = any(
            len(path.hops) > 1 for position in positions for path in outer_paths(expressions[position])
        )
        if isinstance(hop, Name) and leaves.is_value(members, hop) and not goes_on:
            # A value ends the path: its record is the row, so that two values of one record stay together.
            leaf = leaves.leaf(members, hop)
            source = build.define(leaf.sql)
            values = LeafRows.of(source, leaf)
            over = [without_first(expressions[position]) for position in positions]
            typed = [settled(self._expressions.value(values, one)) for one in over]
            sql = ", ".join(f"{one.sql} AS c{i}" for i, one in enumerate(typed))
            return build.define(f"SELECT b.anchor AS anchor, {sql} FROM {source} AS b"), typed
        reached = self._expressions.follower.follow(members, hop)
        inner = [without_first(expressions[position]) for position in positions]
        if reached.is_record:
            row = Rows(reached.name, reached, single=True)
            typed = [settled(self._expressions.value(row, one)) for one in inner]
            sql = ", ".join(f"{one.sql} AS c{i}" for i, one in enumerate(typed))
            return build.define(f"SELECT b.anchor AS anchor, {sql} FROM {reached.name} AS b"), typed
        each = build.define(f"SELECT DISTINCT key FROM {reached.name}")
        relation, further = self._spread(
            Rel(each, reached.kind, anchored=False),
            inner,
            [items[p] for p in positions],
            crossed=crossed,
            keep=True,
        )
        columns = ", ".join(f"y.c{i} AS c{i}" for i in range(len(inner)))
        sql = (
            f"SELECT p.anchor AS anchor, {columns}\n"
            f"FROM (SELECT DISTINCT anchor, key FROM {reached.name}) AS p\n"
            f"JOIN {relation} AS y ON y.anchor = p.key"
        )
        return build.define(sql), further

    def _leads_to_one(self, rel: Rel, hop: Hop) -> bool:
        if not isinstance(hop, Name):
            return False
        found = meaning_of(self._build.domain, rel.kind, hop.name)
        return isinstance(found, ToKind) and (rel.is_record or found.target.name in _ONE)

    # -- by and compare -----------------------------------------------------------------------------

    def by(self, rel: Rel, stage: By) -> Table:
        """One row per group."""
        return self._grouped(rel, stage.keys, stage.measures)

    def _grouped(self, rel: Rel, keys: tuple[Item, ...], measures: tuple[Item, ...]) -> Table:
        build = self._build
        rows = self._expressions.rows_of(rel)
        ways = [self._begun(rel, key.expression) for key in keys]
        spread, typed = self._spread(rel, ways, list(keys), crossed=True, keep=True)
        marked = [f"s.c{position}" for position in range(len(keys))]
        mark = build.dialect.hashed(marked) if marked else "'all'"
        columns = "".join(f", {one} AS c{position}" for position, one in enumerate(marked))
        pairs = build.define(
            f"SELECT DISTINCT s.anchor AS member, {mark} AS anchor{columns} FROM {spread} AS s"
        )
        names = "".join(f", c{position}" for position in range(len(keys)))
        sql = f"SELECT DISTINCT anchor AS key{names} FROM {pairs}" if keys else "SELECT 'all' AS key"
        groups = build.define(sql, stored=True)
        if rel.is_record:
            own = ", ".join(f"m.{build.quoted(name)}" for name in record_columns(rel.kind))
            joined = f"{pairs} AS p JOIN {rows.base} AS m ON m.key = p.member"
            sql = f"SELECT p.anchor AS anchor, {own} FROM {joined}"
        else:
            sql = f"SELECT DISTINCT anchor, member AS key FROM {pairs}"
        members = replace(rel, name=build.define(sql), anchored=True, via=None, whole=False)
        return self._measured(Rows(groups, members, single=False), keys, typed, measures)

    def _measured(
        self, groups: Rows, keys: tuple[Item, ...], typed: list[Typed], measures: tuple[Item, ...]
    ) -> Table:
        build = self._build
        asked = [self._begun(groups.members, item.expression) for item in measures]
        found = [settled(self._expressions.value(groups, one)) for one in asked]
        names = _unique([self._title(item) for item in (*keys, *measures)])
        parts = [f"b.c{position} AS {build.quoted(names[position])}" for position in range(len(keys))]
        parts += [
            f"{one.sql} AS {build.quoted(name)}" for one, name in zip(found, names[len(keys) :], strict=True)
        ]
        relation = build.define(f"SELECT {', '.join(parts)} FROM {groups.source}")
        things = [*(self._thing(groups.members, key) for key in keys), *(None for _ in measures)]
        return Table(relation, _columns(names, [*typed, *found], things), (), tuple(names[: len(keys)]))

    def compare(self, rel: Rel, stage: Compare, origin: str | None) -> Table:
        """One row per thing (or group), with its measures; those that the path came from are marked."""
        if stage.keys:
            return self._grouped(rel, stage.keys, stage.measures)
        build = self._build
        rows = self._expressions.rows_of(rel)
        items = list(stage.measures)
        if rel.kind.name not in (*SUBJECTS[:1], STEP) and not rel.is_record and self._reaches_units(rel):
            items.insert(0, Item(_count_of_units(rel), "units"))
        asked = [self._begun(rel, item.expression) for item in items]
        found = [settled(self._expressions.value(rows, one)) for one in asked]
        titles = _unique([rel.kind.name, "origin", *(self._title(item) for item in items)])
        own = "b.key" if not rel.is_record else "b.subject"
        marked = f"(b.key IN (SELECT key FROM {origin}))" if origin is not None else None
        parts = [f"{own} AS {build.quoted(titles[0])}"]
        columns = [Column(titles[0], "text", thing="subject" if rel.is_record else rel.kind.name)]
        if marked is not None:
            parts.append(f"{marked} AS {build.quoted(titles[1])}")
            columns.append(Column(titles[1], "boolean"))
        for one, title in zip(found, titles[2:], strict=True):
            parts.append(f"{one.sql} AS {build.quoted(title)}")
            columns.append(Column(title, one.type, one.unit))
        relation = build.define(f"SELECT {', '.join(parts)} FROM {rows.source}")
        return Table(relation, tuple(columns), (), (titles[0],))

    def _reaches_units(self, rel: Rel) -> bool:
        return "unit" in rel.kind.links or STEP in rel.kind.links

    def _begun(self, rel: Rel, expression: Expression) -> Expression:
        return from_itself(self._build.domain, rel.kind, expression)

    def _thing(self, rel: Rel, item: Item) -> str | None:
        return thing_of(self._build.domain, rel.kind, self._begun(rel, item.expression))

    def _title(self, item: Item) -> str:
        return item.name or write(item.expression)


def _count_of_units(rel: Rel) -> Expression:
    way = (Name("unit"),) if "unit" in rel.kind.links else (Name("step"), Name("unit"))
    return Call("count", (Path(way),))


def _own_many(build: Build, kind: Kind, expression: Expression) -> bool:
    """Whether an expression mixes values of the thing itself with those of many."""
    return bool(own_paths(build.domain, kind, expression))


def _unique(names: list[str]) -> list[str]:
    """Names without repetition: the second of a kind gets a number.

    Engines don't tell a column ``a`` from a column ``A``.
    """
    seen: dict[str, int] = {}
    made = []
    for name in names:
        spelt = name.lower()
        seen[spelt] = seen.get(spelt, 0) + 1
        made.append(name if seen[spelt] == 1 else f"{name} ({seen[spelt]})")
    return made


def _columns(names: list[str], typed: list[Typed], things: list[str | None]) -> tuple[Column, ...]:
    return tuple(
        Column(name, one.type, one.unit, thing=thing)
        for name, one, thing in zip(names, typed, things, strict=True)
    )


def unknown_column(build: Build, columns: Iterable[str], asked: Expression) -> Exception:
    """The error that a table has no such column."""
    known = list(columns)
    name = column_name(asked)
    advice = likely(name, known, written_column) or said("hint.there-are", names=", ".join(known))
    return build.wrong(asked.place, said("stage.column", name=name), advice)


def column_name(expression: Expression) -> str:
    """The column that an expression over a table stands for: a name is one, and so is what it was made by."""
    match expression:
        case Path((Name(name, None),)):
            return name
    return write(expression)
