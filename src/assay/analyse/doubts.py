"""Doubts: what movements say that can't be or can't be known, named for people, and of one answer at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import islice
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.genealogy import Index, input_mask
from assay.genealogy.actuals import Bools, Integers
from assay.genealogy.doubtful import About, Doubtful
from assay.genealogy.finding import Finding
from assay.genealogy.queue_errors import CATALOGUE
from assay.model.kinds import RecordKind
from assay.model.text import Text
from assay.query.reading import reading
from assay.store.snapshot import Snapshot
from assay.store.views import copy_table
from assay.store.workspace import Workspace

SHOWN = 10
"""Movements listed, and things named in a sentence, of one doubt."""
_THINGS = 100
"""Things listed of one doubt; of a cycle all."""
_DECLARED = """
SELECT DISTINCT e.entity, e.id FROM entity e SEMI JOIN wanted w ON e.id = w.id AND e.entity = w.kind
"""


@dataclass(frozen=True)
class Record:
    """A record, by the source, epoch and seq it came under."""

    source: str
    epoch: str
    seq: int


@dataclass(frozen=True)
class DoubtfulMovement:
    """A movement, by what a correction of it has to name."""

    segment: str | None
    execution: str
    role: str
    subject: str
    subject_kind: str
    position: str | None


@dataclass(frozen=True)
class GenealogyDoubt:
    """One thing that movements say and that can't be, or can't be known.

    Attributes
    ----------
    kind
        One of :data:`assay.genealogy.checks.KINDS`.
    things
        Names of the units, lots and executions it is about, as a trace takes them: the whole way round of a
        cycle, else the first hundred.
    movements
        The movements that say so, the first ten of them.
    values
        The figures: amounts with their ``unit``, times in s.
    said, advice
        What it is and what to do, for people.
    records
        Where those movements were recorded. A report has them, an answer hasn't: they are in the lake.
    """

    kind: str
    things: tuple[str, ...]
    movements: tuple[DoubtfulMovement, ...]
    values: Mapping[str, float | str]
    said: Text
    advice: Text
    records: tuple[Record, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The doubt as plain JSON values; ``records`` only where there are any."""
        document = {
            "kind": self.kind,
            "things": list(self.things),
            "movements": [asdict(movement) for movement in self.movements],
            "values": dict(self.values),
            "said": self.said.model_dump(),
            "advice": self.advice.model_dump(),
        }
        return document | ({"records": [asdict(one) for one in self.records]} if self.records else {})


@dataclass(frozen=True, eq=False)
class AnswerDoubts:
    """What is doubtful about an answer.

    Attributes
    ----------
    index
        What the answer is of.
    about
        What is doubtful, in numbers.
    """

    index: Index
    about: About

    @property
    def movements(self) -> Mapping[str, Integers]:
        """Kind of doubt to the movements of the answer that are in one; kinds with none are left out."""
        return self.about.movements

    @cached_property
    def doubts(self) -> tuple[GenealogyDoubt, ...]:
        """The first of each kind, put into words when they are first asked for."""
        with self.index.lock:
            return named(self.index, self.about.findings)

    @property
    def counts(self) -> dict[str, int]:
        """Kind of doubt to how many movements of the answer are in one."""
        return {kind: len(edges) for kind, edges in self.movements.items()}

    def kinds_of(self, edges: NDArray[np.integer]) -> list[tuple[str, ...]]:
        """The kinds of doubt that each of some movements of the answer is in."""
        among = {kind: set(mine.tolist()) for kind, mine in self.movements.items()}
        return [tuple(kind for kind, mine in among.items() if edge in mine) for edge in edges.tolist()]


class Declared:
    """Which things of an index master data know, asked once each as long as master data stay as they are."""

    def __init__(self) -> None:
        self._mark: object = None
        self._asked = np.empty(0, np.bool_)
        self._known = np.empty(0, np.bool_)

    def of(
        self, workspace: Workspace, state: Snapshot | None, index: Index, things: NDArray[np.integer]
    ) -> Bools:
        """Which of ``things`` are known, shape (n,); ``state`` is the past one that is meant, if one is."""
        mark = None if state is not None else workspace.lake.mark(RecordKind.ENTITY)
        if mark is None or mark != self._mark or len(self._asked) < index.graph.nodes:
            self._asked, self._known = (np.zeros(index.graph.nodes, np.bool_) for _ in range(2))
            self._mark = mark
        new = np.unique(things[~self._asked[things]])
        if len(new):
            self._known[_known_to_master_data(workspace, state, index, new)] = True
            self._asked[new] = True
        known: Bools = self._known[things]
        return known


_kept: WeakKeyDictionary[Index, tuple[Doubtful, Declared]] = WeakKeyDictionary()


def doubts_about(
    workspace: Workspace,
    index: Index,
    edges: NDArray[np.integer],
    *,
    state: Snapshot | None = None,
    most: int = 100,
) -> AnswerDoubts:
    """What is doubtful about the movements that an answer rests on.

    The first question about a plant looks at all its movements, later ones at what arrived since. Call it
    while ``index.lock`` is held.

    Parameters
    ----------
    edges
        Numbers of the movements in the answer, ascending.
    state
        The past state of the plant that the index is of; none for the newest.
    most
        Doubts of each kind to be written out.
    """
    if index not in _kept:
        _kept[index] = (Doubtful(), Declared())
    doubtful, declared = _kept[index]
    doubtful.follow(index)
    about = doubtful.about(
        index, edges, lambda things: declared.of(workspace, state, index, things), most=most
    )
    return AnswerDoubts(index, about)


def unbrought_but_known(workspace: Workspace, state: Snapshot | None, index: Index) -> Integers:
    """Things that no movement brought and that master data know, ascending."""
    graph = index.graph
    standing = np.ones(graph.edges, np.bool_) if not len(graph.barred) else graph.barred == 0
    goes_in = np.zeros(graph.nodes, np.bool_)
    goes_in[graph.tails[standing]] = True
    goes_in[graph.heads[standing]] = False
    things = np.flatnonzero(goes_in)
    return np.sort(_known_to_master_data(workspace, state, index, things))


def _known_to_master_data(
    workspace: Workspace, state: Snapshot | None, index: Index, things: Integers
) -> Integers:
    if workspace.lake.is_empty(RecordKind.ENTITY):
        return np.empty(0, np.int64)
    wanted = pa.table({"kind": index.places(things)[0].cast(pa.string()), "id": index.ids(things)})
    with reading(workspace, state, only=RecordKind.ENTITY) as connection:
        copy_table(connection, "wanted", wanted)
        rows = connection.execute(_DECLARED).to_arrow_table()
    kinds = rows.column("entity").cast(pa.string())
    found = [np.empty(0, np.int64)]
    for kind in set(kinds.to_pylist()):
        ids = rows.filter(pc.equal(kinds, kind)).column("id").combine_chunks()
        found.append(index.locate(kind, ids))
    return np.concatenate(found)


def named(
    index: Index,
    findings: Sequence[Finding],
    records: Sequence[tuple[Record, ...]] | None = None,
) -> tuple[GenealogyDoubt, ...]:
    """Findings with names and words, and with their records where those are given."""
    if not findings:
        return ()
    movements = movements_of(index, findings)
    shown = [one.nodes if one.kind == "cycle" else one.nodes[:_THINGS] for one in findings]
    every = iter(index.names(np.array([code for codes in shown for code in codes], np.int64)))
    doubts = []
    for number, (finding, codes) in enumerate(zip(findings, shown, strict=True)):
        names = tuple(islice(every, len(codes)))
        doubts.append(
            GenealogyDoubt(
                finding.kind,
                names,
                movements[number],
                dict(finding.values),
                _said(finding, names),
                CATALOGUE.text(f"advice.{finding.kind}"),
                () if records is None else records[number],
            )
        )
    return tuple(doubts)


def movements_of(index: Index, findings: Sequence[Finding]) -> list[tuple[DoubtfulMovement, ...]]:
    """The first movements of each finding."""
    edges = [finding.edges[:SHOWN] for finding in findings]
    flat = np.array([edge for one in edges for edge in one], np.int64)
    tails, heads = index.graph.tails[flat], index.graph.heads[flat]
    said = index.columns.take(flat)
    roles, positions = said.column("role").to_pylist(), said.column("position").to_pylist()
    is_input = input_mask(roles)
    steps, things = index.keys(np.where(is_input, heads, tails)), index.keys(np.where(is_input, tails, heads))
    every = iter(
        [
            DoubtfulMovement(step.segment or None, step.id, role, thing.id, thing.kind, position)
            for step, role, thing, position in zip(steps, roles, things, positions, strict=True)
        ]
    )
    return [tuple(next(every) for _ in one) for one in edges]


def _said(finding: Finding, names: tuple[str, ...]) -> Text:
    values: dict[str, Any] = {"unit": "", **finding.values}
    if "went_in" in values:
        values["difference"] = values["came_out"] - values["went_in"]
    others = names[1:]
    shown = ", ".join(others[:SHOWN]) + (" …" if len(others) > SHOWN else "")
    places = dict(zip(("first", "second", "third"), names, strict=False))
    more: dict[str, Any] = {"others": shown, "count": len(finding.nodes) - 1, "steps": len(finding.edges)}
    if finding.kind == "open-end":
        more["count"] = len(finding.edges)
    way = " → ".join([*names, names[0]])
    text = CATALOGUE.text(f"finding.{finding.kind}", **{"way": way, **more, **places, **values})
    return Text(zh=" ".join(text.zh.split()), en=" ".join(text.en.split()))
