"""From a plant's records to the subjects of a target and everything recorded about them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.analyse.cause.clock import NAMES as CLOCK_NAMES
from assay.analyse.cause.clock import UNKNOWN
from assay.analyse.cause.columns import LakeColumns, Rows, encode, locate
from assay.analyse.cause.links import Movements, consumed_rows, linked, units_of
from assay.analyse.errors import CauseRefusal, ConditionRefusal, listed, told
from assay.model.attributes import Attribute, AttributeType, ColumnRole
from assay.model.kinds import RecordKind
from assay.model.text import Text
from assay.query.expression import Expression, parse, quoted, resolve
from assay.store.workspace import Workspace

_MOVEMENT_FACTORS = ("equipment", "carrier", "person", "recipe", "work_order", "material", "position")
_MEASUREMENT_FACTORS = ("gauge", "person", "method", "equipment")
_KEPT = ("subject", "subject_kind", "characteristic", "value", "text", "unit", "time", "segment")


@dataclass(frozen=True)
class Column:
    """One recorded column as a subject sees it.

    ``origin`` says which table it is read from; ``link`` is the segment through which a unit reaches it
    (None when there is only one way); ``role`` is its part in an analysis.
    """

    name: str
    origin: RecordKind
    field: str
    role: ColumnRole
    type: AttributeType = AttributeType.TEXT
    link: str | None = None
    material: str | None = None
    unit: str | None = None
    title: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Frame:
    """The subjects of a target.

    Attributes
    ----------
    measurements
        One row per subject: the measurement behind its outcome.
    outcome
        Shape ``(N,)``: 0/1 for a condition, the value otherwise.
    links
        For each way to the movement table, the row of each subject there (−1: none).
    """

    target: Expression
    scope: tuple[str, ...] | None
    movements: Movements
    measurements: pa.Table
    outcome: NDArray[np.float64]
    links: dict[str | None, Rows]
    columns: dict[str, Column]
    all_inspected: pa.Array = dataclasses.field(repr=False)

    @property
    def size(self) -> int:
        """Number of subjects."""
        return int(self.outcome.size)

    @cached_property
    def units(self) -> pa.Array:
        """The unit (or lot) each subject belongs to; the subject itself where none is recorded."""
        own = self.measurements.column("subject").combine_chunks()
        kind = self.measurements.column("subject_kind").combine_chunks()
        return units_of(own, kind, self.movements, self.links.get(None))

    @cached_property
    def segments(self) -> tuple[NDArray[np.integer], tuple[str, ...]]:
        """Segment of each subject as codes and labels; '' where none is recorded."""
        return encode(pc.fill_null(self.measurements.column("segment"), ""))

    @property
    def time(self) -> NDArray[np.int64] | None:
        """Microseconds since 1970, :data:`~assay.analyse.cause.clock.UNKNOWN` where there is none."""
        column = self.measurements.column("time").cast(pa.int64())
        if column.null_count == len(column):
            return None
        return np.asarray(pc.fill_null(column, UNKNOWN).to_numpy())

    def values(self, name: str) -> pa.Array:
        """A column as the subjects see it."""
        column = self.columns[name]
        if column.origin is RecordKind.MEASUREMENT:
            return self.measurements.column(column.field).combine_chunks()
        rows, source = self.rows_of(column)
        whole = source.read([column.field]).column(column.field).combine_chunks()
        return whole.take(pa.array(rows, mask=rows < 0)) if len(whole) else pa.nulls(rows.size, whole.type)

    def rows_of(self, column: Column) -> tuple[Rows, LakeColumns]:
        """The row of each subject in the table a column is read from."""
        rows = self.links[column.link]
        if column.material is None:
            return rows, self.movements.source
        return consumed_rows(self.movements, rows, column.material), self.movements.source

    def taken(self, rows: Rows) -> Frame:
        """The same frame with only these subjects, in this order."""
        return Frame(
            self.target,
            self.scope,
            self.movements,
            self.measurements.take(pa.array(rows)),
            self.outcome[rows],
            {link: found[rows] for link, found in self.links.items()},
            self.columns,
            self.all_inspected,
        )


def build(workspace: Workspace, target: str, where: str | None, scope: str | None) -> Frame:
    """The frame of ``target`` over the subjects that fulfil ``where`` in segment ``scope``.

    Raises
    ------
    QueryError
        The target or condition can't be read, or names something that isn't there.
    AnalysisError
        The plant holds no measurement of the target (in that scope, under that condition).
    """
    expression = parse(target)
    condition = parse(where) if where is not None and where.strip() else None
    snapshot = workspace.lake.snapshot()
    measured = LakeColumns(workspace.lake, RecordKind.MEASUREMENT, snapshot)
    known = _characteristics(measured)
    if not known:
        raise CauseRefusal.of("no-measurements")
    resolve(expression.names, known, what="measured characteristic")
    rows = _read_measurements(workspace, measured, expression)
    movements = Movements.of(workspace, snapshot)
    rows, links = linked(rows, movements)
    segments = _in_scope(rows, scope)
    if segments is not None:
        keep = pc.is_in(rows.column("segment"), value_set=pa.array(segments)).combine_chunks()
        rows, links = _kept(rows, links, keep)
    rows, links, outcome = _evaluated(rows, links, expression)
    everything = units_of(
        rows.column("subject").combine_chunks(),
        rows.column("subject_kind").combine_chunks(),
        movements,
        links.get(None),
    )
    frame = Frame(
        expression,
        segments,
        movements,
        rows,
        outcome,
        links,
        _columns(workspace, movements, measured, rows, links),
        everything,
    )
    if condition is not None:
        if not condition.is_condition:
            raise ConditionRefusal.of("value", where=where)
        frame = frame.taken(np.flatnonzero(_holds(frame, condition)))
    if frame.size == 0:
        raise CauseRefusal.of(
            "nothing", target=target, scope=_asked("scope", scope), where=_asked("where", where)
        )
    return frame


def _asked(what: str, value: str | None) -> Text:
    return told(f"asked.{what}", value=value) if value else Text(zh="", en="")


def _characteristics(measured: LakeColumns) -> list[str]:
    found = measured.read(["characteristic"], words=["characteristic"]).column(0)
    return [str(name) for name in pc.unique(found.cast(pa.string())).to_pylist()]


def _read_measurements(workspace: Workspace, measured: LakeColumns, expression: Expression) -> pa.Table:
    own = [attribute.name for attribute in workspace.registry.attributes(RecordKind.MEASUREMENT)]
    present = [name for name in own if name in measured.schema.names]
    rows = measured.read(
        [*_KEPT, *_MEASUREMENT_FACTORS, *present],
        where=pc.field("characteristic").isin(list(expression.names)),
    )
    value = rows.column("value")
    finite = pc.if_else(pc.is_finite(value), value, None)  # anything else is above every limit
    return rows.set_column(rows.schema.get_field_index("value"), "value", finite)


def _in_scope(rows: pa.Table, scope: str | None) -> tuple[str, ...] | None:
    if scope is None or not scope.strip():
        return None
    known = sorted(name for name in pc.unique(rows.column("segment")).to_pylist() if name)
    if scope in known:
        return (scope,)
    longer = [name for name in known if name.startswith(scope)]
    if len(longer) == 1:
        return tuple(longer)
    raise ConditionRefusal.of("segment", scope=scope, advice=listed(known, wrong=scope))


def _kept(
    rows: pa.Table, links: dict[str | None, Rows], keep: pa.Array
) -> tuple[pa.Table, dict[str | None, Rows]]:
    flags = pc.fill_null(keep, False)
    mask = flags.to_numpy(zero_copy_only=False)
    return rows.filter(flags), {link: found[mask] for link, found in links.items()}


def _evaluated(
    rows: pa.Table, links: dict[str | None, Rows], expression: Expression
) -> tuple[pa.Table, dict[str | None, Rows], NDArray[np.float64]]:
    """The outcome of each subject; subjects for which it can't be told are left out."""
    if len(expression.names) == 1:
        outcome = _compute(rows, {expression.names[0]: _value_field(rows, expression.names[0])}, expression)
    else:
        rows, links, wide, fields = _pivoted(rows, links, expression)
        outcome = _compute(wide, fields, expression)
    keep = np.isfinite(outcome)
    if keep.all():
        return rows, links, outcome
    rows, links = _kept(rows, links, pa.array(keep))
    return rows, links, outcome[keep]


def _value_field(rows: pa.Table, name: str) -> str:
    """``text`` for an attribute characteristic, ``value`` for a numeric one."""
    has_text = rows.column("text").null_count < rows.num_rows
    has_value = rows.column("value").null_count < rows.num_rows
    if has_text and has_value:
        raise CauseRefusal.of("mixed", name=name)
    return "text" if has_text else "value"


def _pivoted(
    rows: pa.Table, links: dict[str | None, Rows], expression: Expression
) -> tuple[pa.Table, dict[str | None, Rows], pa.Table, dict[str, str]]:
    """One row per subject, with the last value of each characteristic."""
    codes, labels = encode(rows.column("characteristic"))
    subject = _identities(rows)
    time = pc.fill_null(rows.column("time").cast(pa.int64()), UNKNOWN).to_numpy()
    everyone = pc.unique(subject)
    first = locate(everyone, subject, np.arange(len(subject)))
    wide: dict[str, pa.Array] = {}
    fields = {}
    for place, name in enumerate(expression.names):
        mine = np.flatnonzero(codes == labels.index(name)) if name in labels else np.zeros(0, np.int64)
        latest = mine[np.argsort(-time[mine], kind="stable")]
        found = locate(everyone, subject.take(pa.array(latest)), latest)
        part = rows.take(pa.array(mine))
        source = rows.column(_value_field(part, name)).combine_chunks()
        wide[f"c{place}"] = source.take(pa.array(found, mask=found < 0))
        fields[name] = f"c{place}"
    kept = rows.take(pa.array(first))
    return kept, {link: found[first] for link, found in links.items()}, pa.table(wide), fields


def _identities(rows: pa.Table) -> pa.Array:
    """A name for each row's subject: the id of an execution is unique within its segment, others by kind."""
    kind = rows.column("subject_kind").combine_chunks()
    segment = pc.fill_null(rows.column("segment").combine_chunks(), "")
    of_execution = pc.if_else(pc.equal(kind, "execution"), segment, "")
    return pc.binary_join_element_wise(kind, of_execution, rows.column("subject").combine_chunks(), "\x1f")


def _compute(rows: pa.Table, fields: dict[str, str], expression: Expression) -> NDArray[np.float64]:
    sql = expression.sql({name: quoted(column) for name, column in fields.items()})
    result = _ask(rows.select(sorted(set(fields.values()))), f"({sql})::DOUBLE", expression.text)
    return np.asarray(pc.fill_null(result, float("nan")).to_numpy())


def _holds(frame: Frame, condition: Expression) -> NDArray[np.bool_]:
    aliases = {column.name: column for column in frame.columns.values()}
    resolve(condition.names, aliases, what="column")
    arrays = {f"c{place}": frame.values(name) for place, name in enumerate(condition.names)}
    sql = condition.sql({name: f"c{place}" for place, name in enumerate(condition.names)})
    result = _ask(pa.table(arrays), f"coalesce(({sql}), false)", condition.text)
    return np.asarray(result.to_numpy())


def _ask(rows: pa.Table, sql: str, written: str) -> pa.ChunkedArray:
    with duckdb.connect() as connection:
        connection.register("frame", rows)
        try:
            return connection.execute(f"select {sql} from frame").to_arrow_table().column(0)
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise ConditionRefusal.of("computed", written=written, reason=reason) from error


def _columns(
    workspace: Workspace,
    movements: Movements,
    measured: LakeColumns,
    rows: pa.Table,
    links: dict[str | None, Rows],
) -> dict[str, Column]:
    """Every column a subject can be asked for, by the name people use."""
    found: list[Column] = []
    declared = {one.name: one for one in workspace.registry.attributes(RecordKind.MOVEMENT)}
    core = movements.source.read(_MOVEMENT_FACTORS, words=_MOVEMENT_FACTORS)
    filled = {name for name in _MOVEMENT_FACTORS if core.column(name).null_count < core.num_rows}
    for link in links:
        for name in movements.source.schema.names:
            if name in _MOVEMENT_FACTORS and name not in filled:
                continue
            role = _role(name, declared, _MOVEMENT_FACTORS)
            if role is not None:
                found.append(_recorded(RecordKind.MOVEMENT, name, role, declared.get(name), link))
        found.extend(_consumed(movements, link))
    own = {one.name: one for one in workspace.registry.attributes(RecordKind.MEASUREMENT)}
    for name in measured.schema.names:
        role = _role(name, own, _MEASUREMENT_FACTORS)
        if role is not None and rows.column(name).null_count < rows.num_rows:
            found.append(_recorded(RecordKind.MEASUREMENT, name, role, own.get(name), None))
    found.append(Column("segment", RecordKind.MEASUREMENT, "segment", ColumnRole.DESIGN_LABEL))
    found.append(Column("subject", RecordKind.MEASUREMENT, "subject", ColumnRole.SUBJECT))
    found.append(Column("time", RecordKind.MEASUREMENT, "time", ColumnRole.TIME, AttributeType.TIME))
    return _named(found)


def _role(name: str, declared: dict[str, Attribute], core: Iterable[str]) -> ColumnRole | None:
    if name in declared:
        return declared[name].role
    return ColumnRole.FACTOR if name in core else None


def _recorded(
    origin: RecordKind, name: str, role: ColumnRole, declared: Attribute | None, link: str | None
) -> Column:
    if declared is None:
        return Column(name, origin, name, role, link=link)
    return Column(
        name, origin, name, role, declared.type, link, unit=declared.unit, title=dict(declared.title)
    )


def _consumed(movements: Movements, link: str | None) -> list[Column]:
    """One factor per kind of material consumed: which lot (or unit) of it."""
    taken = movements.is_in("role", "consumed")
    if not taken.any():
        return []
    codes, labels = movements.codes("material")
    materials = [labels[code] if code >= 0 else "" for code in np.unique(codes[taken])]
    return [
        Column(
            f"consumed {material}".strip() if material else "consumed lot",
            RecordKind.MOVEMENT,
            "subject",
            ColumnRole.FACTOR,
            AttributeType.TEXT,
            link,
            material=material,
        )
        for material in materials
    ]


def _named(found: list[Column]) -> dict[str, Column]:
    """Plain names where they are unique, else with the segment or the table in front."""
    seen: dict[str, int] = {}
    for column in found:
        seen[column.name] = seen.get(column.name, 0) + 1
    named = {}
    for column in found:
        name = column.name
        if seen[name] > 1 or name in CLOCK_NAMES:
            name = f"{column.link if column.link else column.origin.value}.{name}"
        named[name] = replace(column, name=name)
    return named
