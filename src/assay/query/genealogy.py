"""The genealogy of a plant in memory: built from its movements once, and following them afterwards."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow as pa

from assay.genealogy import Direction, Index, Outdated
from assay.genealogy.index import segment_and_id
from assay.model.kinds import SCHEMAS, RecordKind
from assay.query.cut_out import cut_out
from assay.query.engines.registry import engine_of
from assay.query.layers.work import new_files
from assay.query.movements import BATCH, movements_in, readable
from assay.query.program import Limits
from assay.store.derived import changes
from assay.store.layout import plain
from assay.store.reading import parquet_file
from assay.store.snapshot import Snapshot
from assay.store.workspace import Workspace

_MOVEMENT = RecordKind.MOVEMENT.value
_AHEAD = 3
"""How many batches are decoded ahead of their numbering."""

Pair = tuple[str, str]


@dataclass
class _Kept:
    """An index and what is in it: up to which version, and the last ``seq`` of every source and epoch."""

    index: Index
    version: int
    last: dict[Pair, int] = field(default_factory=dict)
    mark: object = None
    """What the lake's mark was when all of it was in."""


_kept: WeakKeyDictionary[Workspace, _Kept] = WeakKeyDictionary()
_past: WeakKeyDictionary[Workspace, tuple[object, Index]] = WeakKeyDictionary()
_cut: WeakKeyDictionary[Workspace, tuple[object, Index]] = WeakKeyDictionary()
_lock = threading.Lock()
_PATIENCE = 3_600.0
"""Seconds that cutting out may take."""

most_in_memory = {"duckdb": 200_000_000, "spark": 50_000_000}
"""Up to so many movements, by the plant's engine, are held in memory, at 92 bytes each."""


def index_of(workspace: Workspace, snapshot: Snapshot | None = None) -> Index:
    """The genealogy of all movements there are, hot ones too.

    The first call reads the lake; later ones read what arrived since, and take it into the same index. Hold
    ``index.lock`` while walking it.

    Parameters
    ----------
    snapshot
        The movements of this state of the plant instead; the newest without it. A state of the past is read
        from the lake, and kept until another one is asked for.
    """
    with _lock:
        kept = _kept.get(workspace)
        # Taken before the rows are read, a mark is never too new.
        mark = None if snapshot is not None else workspace.lake.mark(RecordKind.MOVEMENT)
        if kept is not None and mark is not None and kept.mark == mark:
            return kept.index
        state = snapshot or workspace.lake.snapshot()
        if state.past:
            return _past_index(workspace, state)
        if kept is not None and _follow(workspace, kept, state):
            kept.mark = mark
            return kept.index
        if kept is not None and state.versions[_MOVEMENT] < kept.version:
            return kept.index  # what arrived since the snapshot was taken is in it too
        _kept[workspace] = kept = _built(state)
        kept.mark = mark
        return kept.index


def index_around(
    workspace: Workspace,
    names: Iterable[str],
    ways: Sequence[Sequence[Direction]],
    snapshot: Snapshot | None = None,
) -> Index:
    """The genealogy as far as walks from some things see it: enough for their answers, on any engine.

    Where all movements fit in memory it is :func:`index_of`. Where they don't, what the walks need is cut out
    of the lake block by block, by the workers of the plant's engine.

    Parameters
    ----------
    names
        What the walks begin with, written as for :func:`assay.analyse.trace.trace`.
    ways
        The walks: the directions of each, the first from ``names``, the next from all that was reached.
    snapshot
        The movements of this state of the plant instead; the newest without it.
    """
    if snapshot is None and workspace in _kept:
        return index_of(workspace)
    engine = engine_of(workspace)
    state = snapshot or workspace.lake.snapshot()
    if _count(state) <= most_in_memory[engine.name]:
        return index_of(workspace, snapshot)
    files, hot = state.files[_MOVEMENT], state.hot.get(_MOVEMENT)
    ids = sorted({one for name in names for one in _meant(name)})
    mark = (files, 0 if hot is None else hot.num_rows, tuple(ids), tuple(map(tuple, ways)))
    with _lock:
        kept = _cut.get(workspace)
    if kept is None or kept[0] != mark:
        with closing(engine.open(state, Limits(seconds=_PATIENCE))) as session:
            rows = cut_out(session.each, files, hot, ids, ways)
        kept = (mark, Index.build(pa.Table.from_batches(map(readable, rows.combine_chunks().to_batches()))))
        with _lock:
            _cut[workspace] = kept
    return kept[1]


def _meant(name: str) -> set[str]:
    """The ids that a name may stand for."""
    rest = name.partition(":")[2]
    return {name, rest, segment_and_id(rest)[1], segment_and_id(name)[1]} - {""}


def _past_index(workspace: Workspace, state: Snapshot) -> Index:
    hot = state.hot.get(_MOVEMENT)
    mark = (state.files[_MOVEMENT], state.versions[_MOVEMENT], 0 if hot is None else hot.num_rows)
    kept = _past.get(workspace)
    if kept is None or kept[0] != mark:
        kept = (mark, _built(state).index)
        _past[workspace] = kept
    return kept[1]


def _follow(workspace: Workspace, kept: _Kept, state: Snapshot) -> bool:
    """Take what is new in ``state`` into the index; False where only reading everything anew will do."""
    version, hot = state.versions[_MOVEMENT], state.hot.get(_MOVEMENT)
    if version < kept.version:
        return False
    files: Sequence[str] = ()
    if version > kept.version:
        place = workspace.lake.place / _MOVEMENT
        if changes(place, kept.version, version).removed:
            return False
        files = new_files(workspace.lake, state, _MOVEMENT, kept.version)
    pieces = chain(movements_in(files), [] if hot is None else hot.to_batches())
    last = dict(kept.last)
    new = [piece for one in pieces if (piece := _newer(one, kept.last, last)).num_rows]
    try:
        if new:
            kept.index.append(_table(new))
    except Outdated:
        return False
    kept.last, kept.version, kept.mark = last, version, None
    return True


def _built(state: Snapshot) -> _Kept:
    files, hot = state.files[_MOVEMENT], state.hot.get(_MOVEMENT)
    last: dict[Pair, int] = {}

    def batches() -> Iterator[pa.RecordBatch]:
        for one in chain(movements_in(files), [] if hot is None else hot.to_batches(max_chunksize=BATCH)):
            _note(one, last)
            yield readable(one)

    index = Index.build(_ahead(batches()), rows=_count(state))
    return _Kept(index, state.versions[_MOVEMENT], last)


def _count(state: Snapshot) -> int:
    """How many movements there are, by what the files say of themselves."""
    hot = state.hot.get(_MOVEMENT)
    return (0 if hot is None else hot.num_rows) + sum(map(_rows, state.files[_MOVEMENT]))


def _rows(path: str) -> int:
    with parquet_file(path) as file:
        return int(file.metadata.num_rows)


def _ahead(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same batches, made in a thread of their own while those before are used."""
    made: queue.Queue[pa.RecordBatch | BaseException | None] = queue.Queue(_AHEAD)
    given_up = threading.Event()

    def run() -> None:
        try:
            for batch in batches:
                made.put(batch)
                if given_up.is_set():
                    return
            made.put(None)
        except BaseException as error:  # noqa: BLE001 - raised where the batches are used
            made.put(error)

    thread = threading.Thread(target=run, name="assay-movements", daemon=True)
    thread.start()
    try:
        while (one := made.get()) is not None:
            if isinstance(one, BaseException):
                raise one
            yield one
    finally:
        given_up.set()
        while thread.is_alive():
            try:
                made.get(timeout=0.05)
            except queue.Empty:
                continue
        thread.join()
        # The tables are sorted next: what decoding took is given back before they take theirs.
        pa.default_memory_pool().release_unused()


def _table(pieces: Sequence[pa.RecordBatch]) -> pa.Table:
    schema = plain(SCHEMAS[RecordKind.MOVEMENT])
    tables = []
    for piece in pieces:
        one = readable(piece)
        arrays = [one.column(name).cast(schema.field(name).type) for name in one.schema.names]
        tables.append(pa.table(arrays, names=one.schema.names))
    return pa.concat_tables(tables, promote_options="default")


def _pairs(batch: pa.RecordBatch) -> tuple[list[Pair], np.ndarray]:
    """The different sources and epochs of a batch, and which of them each row has."""
    codes, words = [], []
    for name in ("source", "epoch"):
        column = batch.column(name)
        if not pa.types.is_dictionary(column.type):
            column = column.cast(pa.string()).dictionary_encode()
        codes.append(column.indices)
        words.append(column.dictionary.to_pylist())
    if len(words[0]) == len(words[1]) == 1:  # one load, as in an append
        return [(words[0][0], words[1][0])], np.zeros(batch.num_rows, np.int64)
    source, epoch = (one.to_numpy(zero_copy_only=False).astype(np.int64) for one in codes)
    found, which = np.unique(source * len(words[1]) + epoch, return_inverse=True)
    return [(words[0][one // len(words[1])], words[1][one % len(words[1])]) for one in found.tolist()], which


def _note(batch: pa.RecordBatch, last: dict[Pair, int]) -> None:
    if batch.num_rows:
        _reach(*_pairs(batch), _seq(batch), last)


def _seq(batch: pa.RecordBatch) -> np.ndarray:
    found: np.ndarray = batch.column("seq").to_numpy(zero_copy_only=False)
    return found


def _reach(pairs: Sequence[Pair], which: np.ndarray, seq: np.ndarray, last: dict[Pair, int]) -> None:
    """Keep in ``last`` how far each source and epoch came."""
    most = np.full(len(pairs), -1, np.int64)
    np.maximum.at(most, which, seq)
    for pair, reached in zip(pairs, most.tolist(), strict=True):
        last[pair] = max(reached, last.get(pair, -1))


def _newer(batch: pa.RecordBatch, known: dict[Pair, int], last: dict[Pair, int]) -> pa.RecordBatch:
    """The rows that aren't known yet: rows of one source and epoch come in the order of their ``seq``."""
    if not batch.num_rows:
        return batch
    pairs, which = _pairs(batch)
    seq = _seq(batch)
    _reach(pairs, which, seq, last)
    new = seq > np.array([known.get(pair, -1) for pair in pairs], np.int64)[which]
    return batch if new.all() else batch.filter(pa.array(new))
