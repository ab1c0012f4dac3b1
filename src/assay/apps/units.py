"""One unit, lot or execution: its summary, its steps and its results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from assay.analyse import board
from assay.apps.catalogue import told
from assay.apps.errors import PageError
from assay.apps.grids import grid, moment
from assay.apps.kpis import figure
from assay.apps.payloads import GridPayload, KpiItem, KpiPayload, Paging, TargetsPayload, Tone
from assay.store.workspace import Workspace

_KINDS = ("unit", "lot", "execution")
_STEPS_FIRST = ("started", "ended", "execution", "segment")
_STEPS_LAST = ("role", "time", "subject", "subject_kind", "quantity", "unit", "position")
_RESULTS_FIRST = ("time", "subject", "characteristic", "text", "value", "unit")


@dataclass(frozen=True)
class Record:
    """Everything recorded of one unit, lot or execution.

    ``steps`` are its movements in time order, ``results`` the measurements of it and of its executions,
    latest first.
    """

    wanted: str
    steps: pa.Table
    results: pa.Table

    @classmethod
    def of(cls, workspace: Workspace, wanted: str) -> Record:
        """Read it.

        Raises
        ------
        PageError
            Nothing is recorded under this id.
        """
        found = cls(wanted, board.unit_steps(workspace, wanted), board.unit_results(workspace, wanted))
        if not found.steps.num_rows and not found.results.num_rows:
            raise PageError.unknown_id(wanted)
        return found

    @property
    def units(self) -> set[str]:
        """The ids under which a blast radius may list it: its own, or an execution's products."""
        bare = _bare(self.wanted)
        if not self.steps.num_rows or bare in set(self.steps["subject"].to_pylist()):
            return {bare}
        return {bare, *(row["subject"] for row in self.steps.to_pylist() if row["role"] == "produced")}


def summary(record: Record, targets: TargetsPayload) -> KpiPayload:
    """What it is, how many executions and results it has, and how many of them are bad."""
    steps, results, wanted = record.steps, record.results, record.wanted
    bad = _bad_results(results, targets)
    kind = _kind(steps, results, wanted)
    items = [
        KpiItem(id="id", label=told(f"kind.{kind}"), value=_bare(wanted)),
        figure("kpi.steps", pc.count_distinct(steps["execution"]).as_py() if steps.num_rows else 0),
        figure("kpi.results", results.num_rows),
        figure("kpi.bad_results", bad, tone="bad" if bad else "good"),
    ]
    if refused := sum(_refused(table) for table in (steps, results)):
        items.append(figure("kpi.refused_records", refused, tone="bad"))
    if (material := _only(steps, "material")) is not None:
        items.append(figure("kpi.material", material))
    for name, least in (("first", True), ("last", False)):
        if (found := _extreme(steps, results, least=least)) is not None:
            items.append(figure(f"kpi.{name}", found))
    return KpiPayload(items=items)


def steps(record: Record, paging: Paging, titles: dict[str, dict[str, str]]) -> GridPayload:
    """Its movements with what was recorded of each; columns that say nothing new are left out."""
    table = record.steps
    told_already = [
        name
        for name in ("subject", "subject_kind", "time")
        if name in table.column_names and _says_nothing_new(table, name, _bare(record.wanted))
    ]
    return _page(_ordered(table.drop_columns(told_already), _STEPS_FIRST, _STEPS_LAST), paging, titles, {})


def results(
    record: Record, paging: Paging, titles: dict[str, dict[str, str]], tones: dict[str, dict[str, Tone]]
) -> GridPayload:
    """Its measurements and those of its executions."""
    return _page(_ordered(record.results, _RESULTS_FIRST, ()), paging, titles, tones)


def _says_nothing_new(table: pa.Table, name: str, wanted: str) -> bool:
    """Whether a column only repeats what is asked for, or the column before it."""
    if name == "time":
        return "started" in table.column_names and table["time"].equals(table["started"])
    return set(table["subject"].to_pylist()) == {wanted}


def _ordered(table: pa.Table, first: Sequence[str], last: Sequence[str]) -> pa.Table:
    """The same table, some columns first and some last."""
    names = table.column_names
    middle = [name for name in names if name not in {*first, *last}]
    return table.select([name for name in (*first, *middle, *last) if name in names])


def _bare(wanted: str) -> str:
    """The id without the kind before it."""
    kind, _, identifier = wanted.partition(":")
    return identifier if kind in _KINDS and identifier else wanted


def _page(
    table: pa.Table,
    paging: Paging,
    titles: dict[str, dict[str, str]],
    tones: dict[str, dict[str, Tone]],
) -> GridPayload:
    return grid(
        table.slice(paging.offset, paging.limit),
        total=table.num_rows,
        offset=paging.offset,
        limit=paging.limit,
        declared=titles,
        tones=tones,
    )


def _kind(steps: pa.Table, results: pa.Table, wanted: str) -> str:
    prefix = wanted.partition(":")[0]
    if prefix in _KINDS:
        return prefix
    for table in (steps, results):
        if table.num_rows:
            mine = table.filter(pc.equal(table["subject"], wanted))
            if mine.num_rows:
                return str(mine["subject_kind"][0].as_py())
    return "execution"


def _bad_results(results: pa.Table, targets: TargetsPayload) -> int:
    worst = {(card.characteristic, card.value) for card in targets.targets if card.value is not None}
    if "text" not in results.column_names:
        return 0
    pairs = zip(results["characteristic"].to_pylist(), results["text"].to_pylist(), strict=True)
    return sum(pair in worst for pair in pairs)


def _refused(table: pa.Table) -> int:
    """How many records stand refused as evidence."""
    return int(pc.count(table["refused"]).as_py()) if "refused" in table.column_names else 0


def _only(table: pa.Table, column: str) -> str | None:
    """The value of a column that has a single one."""
    if column not in table.column_names:
        return None
    values = pc.unique(table[column].drop_null())
    return str(values[0].as_py()) if len(values) == 1 else None


def _extreme(*tables: pa.Table, least: bool) -> str | None:
    moments = [
        found
        for table in tables
        for name in ("started", "time", "ended")
        if name in table.column_names
        for found in (pc.min(table[name]) if least else pc.max(table[name]),)
        if found.is_valid
    ]
    if not moments:
        return None
    values = [found.as_py() for found in moments]
    return moment(min(values) if least else max(values))
