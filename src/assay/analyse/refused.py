"""Records of an answer that the gate refused as evidence: data all the same, and told apart."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.genealogy import EXECUTION, Index, Key
from assay.ledger.gate.verdict import REFUSED
from assay.store.workspace import Workspace


@dataclass(frozen=True)
class RefusedRecord:
    """A record that the gate refused as evidence.

    Attributes
    ----------
    record
        Its name: ``table:source/epoch/seq``.
    what
        Its role, of a movement; its characteristic, of a measurement; else None.
    reasons
        Codes of why it was refused (:data:`assay.ledger.gate.verdict.REASONS`); they stay.
    outcome
        What holds now: ``refused``, or ``overridden``, ``accepted`` or ``no_policy`` since.
    refused, decided
        Its index in the log of refusals, and that of the entry by which it is refused no more.
    """

    record: str
    what: str | None
    reasons: tuple[str, ...]
    outcome: str
    refused: int
    decided: int | None

    @property
    def kind(self) -> str:
        """The kind of record it is."""
        return self.record.partition(":")[0]

    @property
    def stands(self) -> bool:
        """Whether it is still refused."""
        return self.outcome == REFUSED

    def to_dict(self) -> dict[str, Any]:
        """The record as plain JSON values."""
        return {**asdict(self), "reasons": list(self.reasons)}


class RefusedRecords:
    """The refused records about some things; a plant whose gate refused nothing has none, at no cost.

    Parameters
    ----------
    workspace
        The plant.
    keys
        The things.
    """

    def __init__(self, workspace: Workspace, keys: Collection[Key]) -> None:
        self._of_step: dict[str, list[tuple[dict[str, Any], RefusedRecord]]] = {}
        self._of_thing: dict[str, list[tuple[dict[str, Any], RefusedRecord]]] = {}
        table = workspace.refused.table()
        if not len(table):
            return
        ids = pa.array({key.id for key in keys}, pa.string())
        about = pc.or_kleene(pc.is_in(table["subject"], ids), pc.is_in(table["execution"], ids))
        for row in table.filter(about).to_pylist():
            one = _record(row)
            if row["execution"] is not None:
                self._of_step.setdefault(row["execution"], []).append((row, one))
            if row["subject"] is not None:
                self._of_thing.setdefault(row["subject"], []).append((row, one))

    def of(self, key: Key) -> tuple[RefusedRecord, ...]:
        """Those about a unit, lot or execution; of a thing also its movements."""
        if key.kind == EXECUTION:
            found = self._of_step.get(key.id, [])
            return tuple(one for row, one in found if row["segment"] in {None, key.segment or None})
        found = self._of_thing.get(key.id, [])
        return tuple(one for row, one in found if row["subject_kind"] in {None, key.kind})

    def of_movement(self, ends: tuple[Key, Key], role: str) -> tuple[RefusedRecord, ...]:
        """Those that say one movement, between two things, one of which is the execution."""
        step, thing = ends if ends[0].kind == EXECUTION else ends[::-1]
        found = self._of_step.get(step.id, []) if step.kind == EXECUTION else []
        wanted = (role, thing.id, thing.kind)
        return tuple(
            one
            for row, one in found
            if (row["role"], row["subject"], row["subject_kind"]) == wanted
            and row["segment"] in {None, step.segment or None}
        )


def with_refused(workspace: Workspace, kind: str, rows: pa.Table) -> pa.Table:
    """Records of the lake with a column ``refused``: why each stands refused as evidence, null for others.

    Parameters
    ----------
    kind
        The table that they are of.
    rows
        With ``source``, ``epoch``, ``seq`` and ``subject``.
    """
    table = workspace.refused.table()
    stands = pc.and_(pc.equal(table["kind"], kind), pc.equal(table["outcome"], REFUSED))
    subjects = pc.unique(rows["subject"].cast(pa.string()))
    table = table.filter(pc.and_(stands, pc.is_in(table["subject"], subjects)))
    why = {record_name(kind, row): row["reasons"] for row in table.to_pylist()}
    names = rows.select(["source", "epoch", "seq"]).to_pylist() if why else []
    codes = [why.get(record_name(kind, row)) for row in names] or [None] * len(rows)
    return rows.append_column("refused", pa.array(codes, pa.string()))


@dataclass(frozen=True, eq=False)
class AnswerRefusals:
    """What of a walk through the genealogy stands refused as evidence; what was decided since is not here.

    Attributes
    ----------
    records
        How many refused records are about its things or say its movements.
    codes
        For each of its things the reasons, parted by commas, shape (n,), null where nothing is refused.
    movements
        Which of its movements a refused record says, shape (m,).
    """

    records: int
    codes: pa.Array
    movements: NDArray[np.bool_]

    def beside(self, nodes: pa.Table) -> pa.Table:
        """The things with a column ``refused`` where any of them has one to show."""
        return (
            nodes.append_column("refused", self.codes) if len(self.codes) > self.codes.null_count else nodes
        )

    def counts(self) -> dict[str, int]:
        """How many records, things and movements: plain JSON values."""
        return {
            "records": self.records,
            "things": len(self.codes) - self.codes.null_count,
            "movements": int(self.movements.sum()),
        }


def refused_in(
    workspace: Workspace, index: Index, nodes: NDArray[np.integer], edges: NDArray[np.integer]
) -> AnswerRefusals:
    """What stands refused of some things and movements of a genealogy; call it while ``index.lock`` is held.

    Parameters
    ----------
    nodes, edges
        Numbers of the things, shape (n,), and of the movements, shape (m,).
    """
    table = workspace.refused.table()
    table = table.filter(pc.equal(table["outcome"], REFUSED)).combine_chunks()
    if not len(table):
        return AnswerRefusals(0, pa.nulls(len(nodes), pa.string()), np.zeros(len(edges), np.bool_))
    places = np.full(index.graph.nodes, -1, np.int64)
    places[nodes] = np.arange(len(nodes))
    about, steps = _things_of(index, table), _named(index, EXECUTION, table, "execution")
    rows, things = (np.concatenate(both) for both in zip(about, steps, strict=True))
    inside = places[things] >= 0
    codes = _reasons(table, rows[inside], places[things[inside]], len(nodes))
    said, movements = _movements_of(index, table, about, steps, edges)
    return AnswerRefusals(len(np.union1d(rows[inside], said)), codes, movements)


_Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Rows of the relation, and the node that each of them means."""


def _named(index: Index, kind: str, table: pa.Table, column: str) -> _Pairs:
    return index.matches(kind, _words(table, column), _words(table, "segment"))


def _words(table: pa.Table, column: str) -> pa.Array:
    return pa.concat_arrays(table.column(column).chunks)


def _things_of(index: Index, table: pa.Table) -> _Pairs:
    """What rows are about that is no execution; one that names no kind may mean any."""
    found = []
    for kind in index.kinds:
        of_it = pc.fill_null(pc.equal(table["subject_kind"], kind), True)
        asked = np.flatnonzero(of_it.to_numpy())
        rows, nodes = _named(index, kind, table.take(pa.array(asked)), "subject")
        found.append((asked[rows], nodes))
    rows, nodes = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return rows, nodes


def _reasons(table: pa.Table, rows: NDArray[np.int64], at: NDArray[np.int64], count: int) -> pa.Array:
    """The reasons of each of ``count`` things, where rows are about the things ``at`` those places."""
    said = _words(table, "reasons").dictionary_encode()
    words = [text.split(", ") for text in said.dictionary.to_pylist()]
    pairs = np.unique(np.stack([at, said.indices.to_numpy()[rows].astype(np.int64)]), axis=1)
    why: dict[int, dict[str, None]] = {}
    for place, code in pairs.T.tolist():
        why.setdefault(place, {}).update(dict.fromkeys(words[code]))
    codes: list[str | None] = [None] * count
    for place, reasons in why.items():
        codes[place] = ", ".join(reasons)
    return pa.array(codes, pa.string())


def _movements_of(
    index: Index, table: pa.Table, about: _Pairs, steps: _Pairs, edges: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The rows that say one of some movements, and which of the movements are said."""
    vocabulary = pa.array(index.columns.vocabulary("role"), pa.string())
    role = pc.fill_null(pc.index_in(_words(table, "role"), vocabulary), -1).to_numpy().astype(np.int64) + 1
    thing = np.full(len(table), -1, np.int64)
    thing[about[0]] = about[1]
    rows, nodes = steps
    saying = (role[rows] > 0) & (thing[rows] >= 0)
    rows, nodes = rows[saying], nodes[saying]
    tails, heads = index.graph.tails[edges].astype(np.int64), index.graph.heads[edges].astype(np.int64)
    first = index.is_kind(tails, EXECUTION)
    every = index.graph.nodes
    of_edges = _as_one(
        index.columns.codes("role", edges),
        np.where(first, tails, heads),
        np.where(first, heads, tails),
        every,
    )
    of_rows = _as_one(role[rows], nodes, thing[rows], every)
    return np.unique(rows[np.isin(of_rows, of_edges)]), np.isin(of_edges, of_rows)


def _as_one(
    role: NDArray[np.int64], step: NDArray[np.int64], thing: NDArray[np.int64], every: int
) -> NDArray[np.int64]:
    """One number for the role, the execution and the thing of a movement, in a graph of ``every`` node."""
    found: NDArray[np.int64] = (role * every + step) * every + thing
    return found


def record_name(kind: str, row: Mapping[str, Any]) -> str:
    """How a record is called: ``kind:source/epoch/seq``."""
    source = row["source"].replace("%", "%25").replace("/", "%2F")
    return f"{kind}:{source}/{row['epoch']}/{row['seq']}"


def _record(row: dict[str, Any]) -> RefusedRecord:
    return RefusedRecord(
        record=record_name(row["kind"], row),
        what=row["role"] or row["characteristic"],
        reasons=tuple(filter(None, row["reasons"].split(", "))),
        outcome=row["outcome"],
        refused=row["refused"],
        decided=row["decided"],
    )
