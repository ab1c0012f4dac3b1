"""Expressions of a question as SQL over the things they are asked of."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self, cast

from assay.model.kinds import RecordKind
from assay.query.compile.follow import Follower
from assay.query.compile.formulas import formula
from assay.query.compile.judged import judged
from assay.query.compile.leaves import Leaf, Leaves
from assay.query.compile.meaning import AGGREGATES, OfMeasure, meaning_of
from assay.query.compile.pushing import of_value, pushed
from assay.query.compile.relation import Build, Rel, record_columns
from assay.query.compile.shape import (
    conjuncts,
    from_itself,
    many_paths,
    outer_paths,
    own_paths,
    shape,
    shared_hop,
    without_first,
)
from assay.query.compile.speech import said
from assay.query.compile.typed import (
    AGGREGATE_TYPES,
    FUNCTIONS,
    Typed,
    aggregated,
    applied,
    as_number,
    compared,
    constant,
    is_number,
    reckoned,
    settled,
)
from assay.query.domain.kinds import SUBJECTS
from assay.query.domain.mounts import Mount
from assay.query.language.errors import likely
from assay.query.language.printer import write
from assay.query.language.tree import (
    Among,
    Between,
    Binary,
    Call,
    Expression,
    Hop,
    Measured,
    Missing,
    Name,
    Path,
    Unary,
    Value,
    Walk,
)
from assay.query.program import Condition

_ONE = {"aggregate", "measure"}
"""Forms of a path that is one value though it leads to many."""

_OF_NOTHING = {"count": "0", "distinct": "0", "any": "false", "all": "true"}
"""What aggregates give for a thing that has none of what they are taken over; others are missing."""

_COMPARISONS = {"=", "!=", "<", "<=", ">", ">=", "like", "not like"}


@dataclass
class Rows:
    """What an expression is asked of: relation ``base`` (alias ``b``), one row per ``key``.

    ``members`` are the things of each row, anchored by its key; with ``single`` each row is one thing and the
    fields of the thing are values of the row. ``joins`` are filled in while expressions are compiled.
    """

    base: str
    members: Rel
    single: bool
    joins: list[str] = field(default_factory=list)
    _numbers: dict[str, str] = field(default_factory=dict)

    def joined(self, relation: str) -> str:
        """The alias under which a relation with column ``key`` is joined."""
        if relation not in self._numbers:
            alias = f"j{len(self._numbers) + 1}"
            self._numbers[relation] = alias
            self.joins.append(f"LEFT JOIN {relation} AS {alias} ON {alias}.key = b.key")
        return self._numbers[relation]

    @property
    def source(self) -> str:
        """The FROM clause."""
        return "\n".join([f"{self.base} AS b", *self.joins])


class Expressions:
    """Compiles expressions; follows paths by a :class:`Follower`."""

    def __init__(self, build: Build) -> None:
        self.build = build
        self.follower = Follower(build, self.narrow)
        self.leaves = Leaves(build, self.follower)

    # -- rows ---------------------------------------------------------------------------------------

    def rows_of(self, rel: Rel) -> Rows:
        """Each thing of a relation as a row of its own."""
        if rel.is_record:
            base = self.build.define(self._keyed(rel))
            columns = ", ".join(f"k.{self.build.quoted(name)}" for name in record_columns(rel.kind))
            members = self.build.define(f"SELECT k.key AS anchor, {columns} FROM {base} AS k")
            return Rows(base, replace(rel, name=members, anchored=True, whole=False), single=True)
        base = rel.name
        if rel.anchored or rel.via is not None:
            base = self.build.define(f"SELECT DISTINCT key FROM {rel.name}")
        members = self.build.define(f"SELECT key AS anchor, key FROM {base}")
        return Rows(base, Rel(members, rel.kind, anchored=True, whole=rel.whole), single=True)

    def _keyed(self, rel: Rel) -> str:
        key = self.build.record_key("r")
        columns = ", ".join(f"r.{self.build.quoted(name)}" for name in record_columns(rel.kind))
        return f"SELECT DISTINCT {columns}, {key} AS key FROM {rel.name} AS r"

    def narrow(self, rel: Rel, condition: Expression) -> Rel:
        """Keep of a relation what meets a condition."""
        condition = from_itself(self.build.domain, rel.kind, condition)
        if not rel.is_record and self.build.domain.mounts.of_kind(rel.kind.name):
            rel, rest = self._asked_of_sources(rel, condition)
            if not rest:
                return rel
            condition = _joined(rest)
        if rel.whole and not rel.is_record:
            seed, rest = self._seed(rel, condition)
            if seed is not None:
                for one in rest:
                    seed = self.narrow(seed, one)
                return seed
        if rel.is_record and not many_paths(self.build.domain, rel.kind, condition, single=True):
            rows = Rows(rel.name, rel, single=True)
            holds = self.condition(rows, condition)
            if not rows.joins:
                sql = f"SELECT b.* FROM {rows.source} WHERE {holds}"
                return replace(rel, name=self.build.define(sql, stored=not rel.anchored), whole=False)
        rows = self.rows_of(rel)
        holds = self.condition(rows, condition)
        kept = self.build.define(f"SELECT b.key AS key FROM {rows.source} WHERE {holds}")
        if rel.is_record:
            key = self.build.record_key("r")
            sql = f"SELECT r.* FROM {rel.name} AS r WHERE {key} IN (SELECT key FROM {kept})"
        else:
            sql = f"SELECT r.* FROM {rel.name} AS r WHERE r.key IN (SELECT key FROM {kept})"
        return replace(rel, name=self.build.define(sql, stored=not rel.anchored), whole=False)

    def _asked_of_sources(self, rel: Rel, condition: Expression) -> tuple[Rel, list[Expression]]:
        """Things that meet what sources can evaluate, and the conditions that are left."""
        build = self.build
        asked: dict[str, tuple[Mount, list[Condition]]] = {}
        rest: list[Expression] = []
        for part in conjuncts(condition):
            found = pushed(rel.kind, part)
            if found is None or found[0].mount is None:
                rest.append(part)
                continue
            asked.setdefault(found[0].mount.table.name, (found[0].mount, []))[1].append(found[1])
        for mount, conditions in asked.values():
            keys = None if rel.whole else (rel.name, "key")
            rows = build.fetch(mount, ("id",), conditions=conditions, key=keys and "id", keys=keys)
            ids = f"SELECT DISTINCT id AS key FROM {rows}"
            if rel.whole:
                rel = Rel(build.define(ids, stored=True), rel.kind, anchored=False)
            else:
                sql = f"SELECT r.* FROM {rel.name} AS r WHERE r.key IN (SELECT key FROM ({ids}) AS i)"
                rel = replace(rel, name=build.define(sql, stored=not rel.anchored))
        return (self.widened(rel) if rest else rel), rest

    def widened(self, rel: Rel) -> Rel:
        """Everything of a kind, the rows of its mounted tables among it."""
        mounts = self.build.domain.mounts.of_kind(rel.kind.name)
        if not rel.whole or not mounts:
            return rel
        parts = [f"SELECT key FROM {rel.name}"]
        parts += [f"SELECT id AS key FROM {self.build.fetch(mount, ('id',))}" for mount in mounts]
        return Rel(self.build.define(" UNION ".join(parts), stored=True), rel.kind, anchored=False)

    def _seed(self, rel: Rel, condition: Expression) -> tuple[Rel | None, list[Expression]]:
        """Things found from the far end of a condition, so that not everything of a kind is looked at."""
        parts = conjuncts(condition)
        for part in parts:
            reached = self._reached(self.rows_of(rel), part)
            if reached is not None:
                sql = f"SELECT DISTINCT anchor AS key FROM {reached}"
                found = Rel(self.build.define(sql, stored=True), rel.kind, anchored=False)
                return found, [one for one in parts if one is not part]
        return None, parts

    # -- conditions ---------------------------------------------------------------------------------

    def condition(self, rows: Rows, expression: Expression) -> str:
        """SQL of a condition."""
        match expression:
            case Binary("and" | "or" as operator, left, right):
                return f"({self.condition(rows, left)} {operator.upper()} {self.condition(rows, right)})"
            case Unary("not", operand):
                return f"(NOT {self.condition(rows, operand)})"
        reached = self._reached(rows, expression)
        if reached is not None:
            return f"(b.key IN (SELECT anchor FROM {reached}))"
        found = self.value(rows, expression)
        if found.type != "boolean":
            raise self.build.wrong(expression.place, said("type.condition", type=found.type))
        return found.sql

    def _reached(self, rows: Rows, expression: Expression) -> str | None:
        """What makes a condition on many things true; None where it is one of single values."""
        domain, kind = self.build.domain, rows.members.kind
        if isinstance(expression, Path):
            if shape(domain, kind, expression).form != "many":
                return None
            return self._existing(rows, expression)
        if not isinstance(expression, Binary | Among | Between | Missing | Call):
            return None
        if isinstance(expression, Binary) and expression.operator not in _COMPARISONS:
            return None
        if isinstance(expression, Call) and expression.function in AGGREGATE_TYPES:
            return None
        many = many_paths(domain, kind, expression, single=rows.single)
        if not many:
            return None
        hop = shared_hop(many)
        mixed = rows.single and bool(own_paths(domain, kind, expression))
        if hop is None or mixed or isinstance(hop, Measured):
            for one in many:
                first = one.hops[0]
                if isinstance(first, Name) and self.build.is_in_quotes(first.place):
                    self.follower.meaning(rows.members, first)  # a text in double quotes is said to be one
            path = write(many[0])
            raise self.build.wrong(
                many[0].place, said("bare.many", path=path), said("hint.aggregate", path=path)
            )
        rel = rows.members
        inner = without_first(expression)
        if isinstance(hop, Name) and self._is_last(rel, many, hop):
            also = of_value(RecordKind.MEASUREMENT, expression)
            return self._held(self.leaves.leaf(rel, hop, also=also), expression)
        return self.narrow(self.follower.follow(rel, hop), inner).name

    def _is_last(self, rel: Rel, many: list[Path], hop: Name) -> bool:
        """Whether the shared hop is a value and not a link."""
        if any(len(path.hops) > 1 for path in many):
            return False
        return self.leaves.is_value(rel, hop)

    def _held(self, leaf: Leaf, expression: Expression) -> str:
        """The rows of a leaf whose value meets the comparison that the leaf's path stands in."""
        source = self.build.define(leaf.sql)
        holds = self.value(LeafRows.of(source, leaf), without_first(expression)).sql
        return self.build.define(f"SELECT b.anchor AS anchor FROM {source} AS b WHERE {holds}")

    def _existing(self, rows: Rows, path: Path) -> str:
        rel = rows.members
        for hop in path.hops[:-1]:
            rel = self.follower.follow(rel, hop)
        last = path.hops[-1]
        if isinstance(last, Name) and self.leaves.is_value(rel, last):
            leaf = self.leaves.leaf(rel, last)
            known = "v IS NOT NULL" if leaf.value.type != "boolean" else "v"
            return self.build.define(f"SELECT anchor FROM ({leaf.sql}) AS l WHERE {known}")
        return self.follower.follow(rel, last).name

    # -- values -------------------------------------------------------------------------------------

    def value(self, rows: Rows, expression: Expression) -> Typed:
        """SQL of a value, one for each row."""
        build = self.build
        match expression:
            case Value(value):
                return constant(build, value)
            case Path():
                return self._path(rows, expression)
            case Call():
                return self._call(rows, expression)
            case Unary("-", operand, place):
                number = as_number(build, self.value(rows, operand), "-", place)
                return replace(number, sql=f"(-{number.sql})", is_constant=False)
            case Unary("not", _) | Binary("and" | "or", _, _):
                return Typed(self.condition(rows, expression), "boolean")
            case Binary(operator, left, right, place):
                if operator in _COMPARISONS:
                    return Typed(self._comparison(rows, expression), "boolean")
                return reckoned(build, operator, self.value(rows, left), self.value(rows, right), place)
            case Among(operand, options, negated, place):
                found = self.value(rows, operand)
                each = [compared(build, "=", found, self.value(rows, one), place) for one in options]
                return Typed(f"({'NOT ' if negated else ''}({' OR '.join(each)}))", "boolean")
            case Between(operand, low, high, negated, place):
                found = self.value(rows, operand)
                edges = [
                    compared(build, ">=", found, self.value(rows, low), place),
                    compared(build, "<=", found, self.value(rows, high), place),
                ]
                return Typed(f"({'NOT ' if negated else ''}({' AND '.join(edges)}))", "boolean")
            case Missing(operand, negated):
                found = self.value(rows, operand)
                missing = (
                    f"{found.sql} IS NULL"
                    if found.text is None
                    else (f"({found.sql} IS NULL AND {found.text} IS NULL)")
                )
                return Typed(f"(NOT ({missing}))" if negated else f"({missing})", "boolean")
        raise AssertionError(expression)

    def _comparison(self, rows: Rows, node: Binary) -> str:
        reached = self._reached(rows, node) if not isinstance(rows, LeafRows) else None
        if reached is not None:
            return f"(b.key IN (SELECT anchor FROM {reached}))"
        left, right = self.value(rows, node.left), self.value(rows, node.right)
        return compared(self.build, node.operator, left, right, node.place)  # type: ignore[arg-type]

    def _path(self, rows: Rows, path: Path) -> Typed:
        build = self.build
        if isinstance(rows, LeafRows):
            return rows.leaf
        kind = rows.members.kind
        found = shape(build.domain, kind, path)
        match found.form:
            case "self" if rows.single:
                return self.leaves.itself(rows.members)
            case "field" if rows.single:
                own = kind.fields[_name(path.hops[0]).name]
                if rows.members.is_record:
                    return Typed(f"b.{build.quoted(own.column)}", own.type, own.unit)
                if own.mount is not None:
                    keys = (rows.base, "key")
                    fetched = build.fetch(own.mount, ("id", own.column), key="id", keys=keys)
                    column = build.quoted(own.column)
                    alias = rows.joined(build.define(f"SELECT id AS key, {column} AS v FROM {fetched}"))
                    return Typed(f"{alias}.v", build.type_of(own), own.unit)
                if own.relation == kind.universe and own.column == "key":
                    return Typed("b.key", own.type, own.unit)
                relation = judged(build, self.follower, replace(rows.members, name=rows.base), own)
                build.require(relation)
                alias = rows.joined(relation)
                return Typed(f"{alias}.{build.quoted(own.column)}", own.type, own.unit)
            case "measure":
                return self._measure(rows, path)
            case "aggregate":
                return self._ended(rows, path, found.function)
            case "signal":
                last = path.hops[-1]
                raise build.wrong(
                    last.place, said("bare.signal", name=write(path)), said("hint.feature", name=write(path))
                )
        text = write(path)
        self._explain(rows.members, path)
        raise build.wrong(path.place, said("bare.many", path=text), said("hint.aggregate", path=text))

    def _explain(self, rel: Rel, path: Path) -> None:
        """Follow a path for the sake of the error that a name in it may be."""
        for hop in path.hops[:-1]:
            rel = self.follower.follow(rel, hop)
        last = path.hops[-1]
        if isinstance(last, Name):
            self.follower.meaning(rel, last)

    def _ended(self, rows: Rows, path: Path, function: str | None) -> Typed:
        """A path that ends in an aggregate, a feature or a measure."""
        rel, before = rows.members, path.hops[:-1]
        last = path.hops[-1]
        for hop in before[:-1]:
            rel = self.follower.follow(rel, hop)
        inner: Hop | None = before[-1] if before else None
        if isinstance(inner, Name) and self.leaves.is_signal(rel, inner):
            return self.leaves.sensed(rows, rel, inner, cast("Name | Measured", last))
        if isinstance(inner, Name) and self.leaves.is_value(rel, inner):
            leaf = self.leaves.leaf(rel, inner)
        else:
            if inner is not None:
                rel = self.follower.follow(rel, inner)
            if isinstance(last, Name) and isinstance(
                meaning_of(self.build.domain, rel.kind, last.name, spans=rel.spans), OfMeasure
            ):
                return self._measure_over(rows, rel, last)
            leaf = self.leaves.things(rel)
        argument = None
        if isinstance(last, Measured) and last.arguments:
            if len(last.arguments) != 1 or not isinstance(last.arguments[0], int | float):
                raise self.build.wrong(last.place, said("type.constant", function=last.function))
            argument = float(last.arguments[0])
        if AGGREGATES.get(str(function), function) not in AGGREGATE_TYPES:
            raise self.build.wrong(
                self.build.named(last.place, str(function)),
                said("unknown.function", name=str(function)),
                likely(str(function), [*AGGREGATE_TYPES, *FUNCTIONS]),
            )
        return self._over(rows, AGGREGATES.get(str(function), str(function)), leaf, path, argument)

    def _call(self, rows: Rows, call: Call) -> Typed:
        build = self.build
        if call.function not in AGGREGATE_TYPES:
            if call.function == "coalesce" and call.arguments:
                each = [settled(self.value(rows, one)) for one in call.arguments]
                return replace(
                    each[0], sql=f"coalesce({', '.join(one.sql for one in each)})", is_constant=False
                )
            if call.function not in FUNCTIONS:
                raise build.wrong(
                    build.named(call.place, call.function),
                    said("unknown.function", name=call.function),
                    likely(call.function, [*FUNCTIONS, *AGGREGATE_TYPES, "coalesce"]),
                )
            return applied(
                build, call.function, [self.value(rows, one) for one in call.arguments], call.place
            )
        if isinstance(rows, LeafRows):
            raise build.wrong(call.place, said("bare.one", function=call.function))
        if call.function == "quantile" and len(call.arguments) == 2:
            share = call.arguments[1]
            if not isinstance(share, Value) or not isinstance(share.value, int | float):
                raise build.wrong(call.place, said("type.constant", function="quantile"))
            return self._aggregate(rows, call, call.arguments[0], float(share.value))
        if call.function == "count" and not call.arguments:
            return self._over(rows, "count", self.leaves.things(rows.members), call, None)
        if len(call.arguments) != 1:
            raise build.wrong(call.place, said("type.arguments", function=call.function, count=1))
        return self._aggregate(rows, call, call.arguments[0], None)

    def _aggregate(self, rows: Rows, call: Call, over: Expression, argument: float | None) -> Typed:
        """An aggregate of what a path leads to, or of an expression of each thing or value there."""
        rel, domain = rows.members, self.build.domain
        if isinstance(over, Path) and over.hops and self._form(rel, over) not in _ONE:
            for hop in over.hops[:-1]:
                rel = self.follower.follow(rel, hop)
            last = over.hops[-1]
            if isinstance(last, Name) and self.leaves.is_signal(rel, last):
                return self.leaves.sensed(rows, rel, last, Name(call.function, None, call.place))
            if isinstance(last, Name) and last.condition is None and self.leaves.is_value(rel, last):
                leaf = self.leaves.leaf(rel, last)
            else:
                leaf = self.leaves.things(self.follower.follow(rel, last))
            return self._over(rows, call.function, leaf, call, argument)
        rel, over = self._climbed(rel, over)
        many = many_paths(domain, rel.kind, over, single=True)
        shared = shared_hop(list(outer_paths(over)))
        if many and isinstance(shared, Name) and self._is_last(rel, list(outer_paths(over)), shared):
            leaf = self._of_values(self.leaves.leaf(rel, shared), over)
        else:
            leaf = self._each(rel, over)
        return self._over(rows, call.function, leaf, call, argument)

    def _form(self, rel: Rel, path: Path) -> str:
        return shape(self.build.domain, rel.kind, path, spans=rel.spans).form

    def _climbed(self, rel: Rel, over: Expression) -> tuple[Rel, Expression]:
        """The things that all paths of an expression lead through, and what is asked of each of them.

        ``mean(lot.width - lot.depth)`` is asked of lots. An aggregate within belongs to what it is said of:
        ``mean(lot.thickness.mean * 2)`` is twice the mean thickness of each lot.
        """
        while True:
            paths = list(outer_paths(over))
            hop = shared_hop(paths)
            if not isinstance(hop, Name | Walk) or any(len(path.hops) < 2 for path in paths):
                return rel, over
            if isinstance(hop, Name) and (self.leaves.is_value(rel, hop) or self.leaves.is_signal(rel, hop)):
                return rel, over
            further, inner = self.follower.follow(rel, hop), without_first(over)
            ended = [self._form(rel, path) in _ONE for path in paths]
            still = [self._form(further, path) in _ONE for path in outer_paths(inner)]
            if any(before and not after for before, after in zip(ended, still, strict=True)):
                return rel, over
            rel, over = further, inner

    def _of_values(self, leaf: Leaf, expression: Expression) -> Leaf:
        """An expression of each value of a leaf; the value is what its paths lead to."""
        source = self.build.define(leaf.sql)
        found = settled(self.value(LeafRows.of(source, leaf), without_first(expression)))
        order = "".join(f", b.{one} AS {one}" for one in leaf.order)
        sql = f"SELECT b.anchor AS anchor, {found.sql} AS v{order} FROM {source} AS b"
        return Leaf(sql, replace(found, sql="v"), leaf.rel, leaf.order)

    def _each(self, rel: Rel, expression: Expression) -> Leaf:
        """An expression of each thing of a relation, as a leaf."""
        rows = self.rows_of(rel)
        found = settled(self.value(rows, expression))
        values = self.build.define(f"SELECT b.key AS key, {found.sql} AS v FROM {rows.source}")
        if rel.is_record:
            key = self.build.record_key("r")
            pairs = f"SELECT DISTINCT r.anchor AS anchor, {key} AS key FROM {rel.name} AS r"
        else:
            pairs = f"SELECT DISTINCT r.anchor AS anchor, r.key AS key FROM {rel.name} AS r"
        sql = (
            f"SELECT p.anchor AS anchor, p.key AS o, x.v AS v FROM ({pairs}) AS p\n"
            f"JOIN {values} AS x ON x.key = p.key"
        )
        return Leaf(sql, replace(found, sql="v"), rel, ("o",))

    def _over(self, rows: Rows, function: str, leaf: Leaf, node: Expression, argument: float | None) -> Typed:
        """An aggregate of a leaf, joined to the rows."""
        value = leaf.value
        place = node.place
        if function in {"mean", "std", "sum", "median", "quantile"} and not is_number(value):
            raise self.build.wrong(place, said("type.arithmetic", operator=function, type=value.type))
        if function in {"share", "any", "all"} and value.type != "boolean":
            raise self.build.wrong(place, said("type.condition", type=value.type))
        column = "v"
        if leaf.whole and function == "count":
            column = "1"
        elif value.type == "either" and function in {"count", "distinct"}:
            column = f"coalesce({self.build.dialect.text('v')}, t)"
        order = [f"x.{one}" for one in leaf.order]
        sql = aggregated(self.build.dialect, function, column, order, argument)
        relation = self.build.define(
            f"SELECT x.anchor AS key, {sql} AS v FROM ({leaf.sql}) AS x GROUP BY x.anchor"
        )
        alias = rows.joined(relation)
        gives = AGGREGATE_TYPES[function] or settled(value).type
        unit = value.unit if function not in {"count", "distinct", "share", "any", "all"} else None
        found = f"{alias}.v"
        if function in _OF_NOTHING:
            found = f"coalesce({found}, {_OF_NOTHING[function]})"
        return Typed(found, gives, unit)

    # -- measures -----------------------------------------------------------------------------------

    def _measure(self, rows: Rows, path: Path) -> Typed:
        return self._measure_over(rows, rows.members, _name(path.hops[0]))

    def _measure_over(self, rows: Rows, rel: Rel, hop: Name) -> Typed:
        """A measure of the things of ``rel``: its formula over the things it is counted over."""
        build = self.build
        meaning = meaning_of(build.domain, rel.kind, hop.name)
        measure = cast("OfMeasure", meaning).measure
        target = build.domain.kind(measure.of)
        if target is None:
            raise build.wrong(
                hop.place, said("unknown.kind", name=measure.of), likely(measure.of, build.domain.words())
            )
        rel = self._counted(rel, target.name, hop)
        with formula(build, "measure", measure.name, measure.formula, hop.place) as expression:
            over = Rows(rows.base, rel, single=False, joins=rows.joins, _numbers=rows._numbers)  # noqa: SLF001
            found = self.value(over, expression)
        return replace(found, unit=measure.unit or found.unit)

    def _counted(self, rel: Rel, target: str, hop: Name) -> Rel:
        """The things of kind ``target`` that a measure is counted over, from where it is asked."""
        if rel.kind.name == target:
            return rel
        step = Name("step", None, hop.place)
        if target in SUBJECTS and target not in rel.kind.links and "step" in rel.kind.links:
            rel = self.follower.follow(rel, step)
        return self.follower.follow(rel, Name(target, None, hop.place))


def _joined(conditions: list[Expression]) -> Expression:
    whole = conditions[0]
    for one in conditions[1:]:
        whole = Binary("and", whole, one)
    return whole


@dataclass
class LeafRows(Rows):
    """The values of a leaf: every path of an expression is the leaf's own value."""

    leaf: Typed = field(default_factory=lambda: Typed("b.v", "number"))

    @classmethod
    def of(cls, source: str, leaf: Leaf) -> Self:
        """The rows of a leaf whose SQL is the relation ``source``."""
        value = replace(leaf.value, sql="b.v", text="b.t" if leaf.value.text is not None else None)
        return cls(source, leaf.rel, single=True, leaf=value)


def _name(hop: Hop) -> Name:
    return cast("Name", hop)
