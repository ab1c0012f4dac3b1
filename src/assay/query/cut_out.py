"""The movements that an answer needs, cut out of the lake block by block: where not all fit in memory.

A block is a date of the lake. What a walk enters a block with is walked to its end there, in the block's own
index; what was reached and is new goes to all blocks again, until no block is entered any more. The rounds
are the crossings from one block into another on the longest way, however many movements a day's way has.
Workers are sent the names to look for, and a movement is moved once, at the end. What is cut out may be more
than the answer, and is never less: no filter, confidence or moment is applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby
from pathlib import PurePosixPath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.genealogy import EXECUTION, Direction, Index, closure
from assay.genealogy.adjacency import INPUT_ROLES
from assay.genealogy.packing import followed
from assay.model.kinds import SCHEMAS, RecordKind
from assay.query.movements import ALL, movements_in, readable
from assay.query.program import Worker
from assay.store.layout import plain

BLOCKS = pa.schema([("block", pa.string()), ("files", pa.list_(pa.string()))])
REACHED = pa.schema([("block", pa.string()), ("kind", pa.string()), ("id", pa.string())])
"""What a block answers a walk with: its own name once, if it was entered, and the things reached in it."""

_NAMES = pa.schema([("kind", pa.string()), ("id", pa.string())])
_ANY = ""
"""The kind of a name that may be of any."""
_ENTERED = ("execution", "subject", "carrier")
"""The columns in which a walk finds what it enters a block with."""
_HELD = ("carrier",)
"""The column that says in what a thing was."""

Workers = Callable[[Worker, pa.Table, pa.Schema], pa.Table]
"""Does the work on blocks and gathers the answers: :meth:`assay.query.program.Session.each`."""


def movement_schema() -> pa.Schema:
    """The columns that are cut out."""
    whole = plain(SCHEMAS[RecordKind.MOVEMENT])
    return pa.schema([whole.field(name) for name in ALL])


def blocks_of(files: Sequence[str]) -> pa.Table:
    """The files of the movements by their date."""
    dated = sorted((PurePosixPath(file).parent.name, file) for file in files)
    grouped = [(date, [file for _, file in group]) for date, group in groupby(dated, lambda one: one[0])]
    return pa.table([[date for date, _ in grouped], [names for _, names in grouped]], schema=BLOCKS)


def cut_out(
    workers: Workers,
    files: Sequence[str],
    hot: pa.Table | None,
    ids: Iterable[str],
    ways: Iterable[Sequence[Direction]],
) -> pa.Table:
    """The movements of everything that is reached from some things.

    Parameters
    ----------
    workers
        Work on the files; the hot rows are worked on here.
    files, hot
        The movements there are: files of the lake, and rows that are not committed yet.
    ids
        Names of units, lots or executions; of every kind that has the id.
    ways
        Each way is walked by itself: its first direction from ``ids``, the next from all that was reached.

    Returns
    -------
    Rows with the columns of :func:`movement_schema`.
    """
    blocks = blocks_of(files)
    hot = pa.table({name: hot.column(name) for name in hot.schema.names}) if hot is not None else None
    start = pa.table([pa.array([_ANY] * len(names := list(ids))), names], schema=_NAMES)
    known, entered = start, pa.array([], pa.string())
    for way in ways:
        reached = start
        if tuple(way) == (Direction.FORWARD,):
            # What a recall begins with takes along what is in it; what else it reaches doesn't.
            reached, touched = _spread(workers, blocks, hot, start, None)
            entered = pa.concat_arrays([entered, touched])
        for direction in way:
            reached, touched = _spread(workers, blocks, hot, reached, direction)
            entered = pa.concat_arrays([entered, touched])
        known = pa.concat_tables([known, reached])
    known = _distinct(known)
    some = blocks.filter(pc.is_in(blocks.column("block"), entered))
    # What a thing is made of, and whether it was packed, is said by all movements of its executions.
    beside = [workers(partial(_join, _sent(known)), some, _NAMES)]
    if hot is not None:
        beside += [_joined(batch, known) for batch in hot.to_batches()]
    known = _distinct(pa.concat_tables([known, *beside]))
    rows = [workers(partial(_give, _sent(known)), some, movement_schema())]
    if hot is not None:
        rows += [_given(batch, known) for batch in hot.to_batches()]
    return pa.concat_tables(rows)


def _spread(
    workers: Workers, blocks: pa.Table, hot: pa.Table | None, start: pa.Table, direction: Direction | None
) -> tuple[pa.Table, pa.Array]:
    """Everything reached from ``start``, itself included, and the blocks that were entered.

    Without a direction: everything that is or was in one of them.
    """
    known = fresh = start
    entered = []
    while fresh.num_rows:
        answers = [workers(partial(_walk, direction, _sent(fresh)), blocks, REACHED)]
        if hot is not None and hot.num_rows:
            answers.append(_reached("", hot.to_batches(), direction, fresh))
        answer = pa.concat_tables(answers)
        entered.append(answer.column("block").combine_chunks().unique())
        found = _distinct(answer.filter(pc.is_valid(answer.column("id"))).select(_NAMES.names))
        fresh = _without(found, known)
        known = pa.concat_tables([known, fresh])
    return known, pa.concat_arrays([pa.array([], pa.string()), *entered]).unique()


# -- on the workers -------------------------------------------------------------------------------


def _walk(
    direction: Direction | None, sent: bytes, blocks: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """Go on from the names that were sent, in each block that has one of them."""
    wanted = _received(sent)
    looked_at = _ENTERED if direction else _HELD
    for block, files in _each(blocks):
        if any(pc.any(_mentions(batch, wanted)).as_py() for batch in movements_in(files, looked_at)):
            yield from _reached(block, movements_in(files), direction, wanted).to_batches()


def _join(sent: bytes, blocks: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The executions that made or carried one of the names that were sent, in each block."""
    wanted = _received(sent)
    for _, files in _each(blocks):
        for batch in movements_in(files, (*_ENTERED, "role")):
            yield from _joined(batch, wanted).to_batches()


def _joined(batch: pa.RecordBatch, wanted: pa.Table) -> pa.Table:
    concerned = pc.invert(_among(batch.column("role"), pa.array(sorted(INPUT_ROLES), pa.string())))
    if _HELD[0] in batch.schema.names:
        concerned = pc.or_(concerned, pc.is_valid(batch.column(_HELD[0])))
    kept = batch.filter(pc.and_(_mentions(batch, wanted), concerned))
    ids = _text(kept.column("execution")).unique()
    return pa.table([pa.array([EXECUTION] * len(ids), pa.string()), ids], schema=_NAMES)


def _give(sent: bytes, blocks: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The movements of each block that have one of the names that were sent."""
    wanted = _received(sent)
    for _, files in _each(blocks):
        for batch in movements_in(files):
            yield from _given(batch, wanted).to_batches()


def _given(batch: pa.RecordBatch, wanted: pa.Table) -> pa.Table:
    return _whole(pa.Table.from_batches([batch.filter(_mentions(batch, wanted))]))


def _each(blocks: Iterator[pa.RecordBatch]) -> Iterator[tuple[str, list[str]]]:
    for batch in blocks:
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _reached(
    block: str, batches: Iterable[pa.RecordBatch], direction: Direction | None, wanted: pa.Table
) -> pa.Table:
    """What is reached within some rows, as :data:`REACHED`; nothing where none of the names is in them."""
    if direction is None:
        held = [
            batch.filter(_mentions(batch, wanted, _HELD))
            for batch in batches
            if _HELD[0] in batch.schema.names
        ]
        found = _distinct(
            pa.concat_tables(
                [_NAMES.empty_table()]
                + [
                    pa.table([_text(one.column(name)) for name in ("subject_kind", "subject")], schema=_NAMES)
                    for one in held
                ]
            )
        )
        return _answered(block, found) if found.num_rows else REACHED.empty_table()
    index = Index.build(_rows(batches))
    roots = _nodes(index, wanted)
    if not len(roots):
        return REACHED.empty_table()
    through = followed(index, roots, direction, None)
    nodes = closure(index.graph, roots, direction, through=through).nodes
    kind, _ = index.places(nodes)
    return _answered(block, pa.table([_text(kind), _text(index.ids(nodes))], schema=_NAMES))


def _answered(block: str, names: pa.Table) -> pa.Table:
    """Names reached in a block, behind a row that says that it was entered."""
    entered = pa.table([pa.nulls(1, pa.string())] * 2, schema=_NAMES)
    rows = pa.concat_tables([entered, names])
    return rows.add_column(0, REACHED.field("block"), pa.array([block] * rows.num_rows, pa.string()))


def _nodes(index: Index, wanted: pa.Table) -> np.ndarray:
    found = [np.empty(0, np.int64)]
    for kind in wanted.column("kind").unique().to_pylist():
        ids = wanted.filter(pc.equal(wanted.column("kind"), kind)).column("id").combine_chunks()
        kinds = (*index.kinds, EXECUTION) if kind == _ANY else (kind,)
        found += [index.locate(one, ids) for one in kinds]
    return np.unique(np.concatenate(found))


def _mentions(batch: pa.RecordBatch, wanted: pa.Table, columns: Sequence[str] = _ENTERED) -> pa.Array:
    """Which movements name one of ``wanted``, of whatever kind: more than are meant, and never less."""
    ids = wanted.column("id").combine_chunks()
    found = pa.array(np.zeros(batch.num_rows, np.bool_))
    for name in columns:
        if name in batch.schema.names:
            found = pc.or_(found, _among(batch.column(name), ids))
    return found


def _among(column: pa.Array, ids: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        hits = pc.is_in(column.dictionary.cast(pa.string()), ids)
        return pc.fill_null(hits.take(column.indices), False)
    return pc.is_in(column, pc.cast(ids, column.type))


def _rows(batches: Iterable[pa.RecordBatch]) -> pa.Table:
    """Movements as an index is built of them."""
    tables = [_whole(pa.Table.from_batches([batch])) for batch in batches]
    whole = pa.concat_tables(tables) if tables else movement_schema().empty_table()
    return pa.Table.from_batches(
        [readable(batch) for batch in whole.combine_chunks().to_batches()],
        readable(pa.RecordBatch.from_pylist([], movement_schema())).schema,
    )


def _whole(table: pa.Table) -> pa.Table:
    """The columns of :func:`movement_schema`, those that the table lacks as nulls."""
    columns = [
        table.column(field.name).cast(field.type)
        if field.name in table.schema.names
        else pa.chunked_array([pa.nulls(table.num_rows, field.type)])
        for field in movement_schema()
    ]
    return pa.table(columns, schema=movement_schema())


# -- here -----------------------------------------------------------------------------------------


def _distinct(names: pa.Table) -> pa.Table:
    return names.group_by(_NAMES.names).aggregate([]).select(_NAMES.names).cast(_NAMES)


def _without(names: pa.Table, known: pa.Table) -> pa.Table:
    return names.join(known, keys=_NAMES.names, join_type="left anti")


def _sent(names: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, names.schema) as stream:
        stream.write_table(names)
    sent: bytes = sink.getvalue().to_pybytes()
    return sent


def _received(sent: bytes) -> pa.Table:
    return pa.ipc.open_stream(sent).read_all()


def _text(column: pa.Array) -> pa.Array:
    one = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return one.cast(pa.string())
