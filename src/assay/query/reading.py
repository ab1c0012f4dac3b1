"""The records by SQL for many small questions: one connection is kept as long as nothing arrives."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import duckdb

from assay.model.kinds import RecordKind
from assay.store.snapshot import Snapshot
from assay.store.workspace import Workspace


@dataclass(frozen=True)
class _Kept:
    mark: object
    state: Snapshot
    connection: duckdb.DuckDBPyConnection


_kept: WeakKeyDictionary[Workspace, dict[RecordKind | None, _Kept]] = WeakKeyDictionary()
_lock = threading.Lock()


@contextmanager
def reading(
    workspace: Workspace, state: Snapshot | None = None, *, only: RecordKind | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the views of the plant's records; temporary tables in it are one's own.

    Opening a plant's views takes as long as a dozen small questions. Without ``state`` the records are the
    newest, over views that stay as long as no record arrives; there are no views of master data, which may
    change meanwhile. With ``only`` the newest has the view of that kind alone, and others may arrive.

    Raises
    ------
    StoreError
        A file that is read is missing or damaged.
    """
    if state is not None:
        with closing(workspace.lake.connect(state)) as connection, workspace.lake.explaining(state):
            yield connection
        return
    kept = _newest(workspace, only)
    with closing(kept.connection.cursor()) as connection, workspace.lake.explaining(kept.state):
        yield connection


def _newest(workspace: Workspace, only: RecordKind | None) -> _Kept:
    with _lock:
        of_each = _kept.setdefault(workspace, {})
        kept = of_each.get(only)
        # Taken before the rows are pinned, a mark is never too new.
        mark = (workspace.lake.mark(*([only] if only else [])), workspace.registry.attributes())
        if kept is None or kept.mark != mark:
            # Who still reads over the connection before this one keeps its views by a cursor.
            state = _narrowed(workspace.lake.snapshot(), only)
            kept = of_each[only] = _Kept(mark, state, workspace.lake.connect(state))
        return kept


def _narrowed(state: Snapshot, only: RecordKind | None) -> Snapshot:
    """The snapshot without master data and, with ``only``, without the tables of other kinds."""
    if only is None:
        return replace(state, master={})
    name = only.value
    files = {name: state.files[name]}
    hot = {name: state.hot[name]} if name in state.hot else {}
    return replace(state, master={}, files=files, hot=hot, refused={})
