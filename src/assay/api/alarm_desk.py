"""The desk that looks for alarms while the plant is served."""

from __future__ import annotations

import logging
import threading

from assay.analyse.watching import look
from assay.model.errors import AssayError
from assay.model.kinds import RecordKind
from assay.store.workspace import Workspace

_LOG = logging.getLogger("assay.api")
_READ = (RecordKind.MEASUREMENT, RecordKind.MOVEMENT, RecordKind.ENTITY)


class AlarmDesk:
    """Holds what arrives against the plant's rules; :meth:`start` begins, :meth:`close` ends.

    Parameters
    ----------
    workspace
        The open plant, with rules in its model.
    interval
        Seconds between two looks whether something arrived.
    """

    def __init__(self, workspace: Workspace, interval: float) -> None:
        self._workspace = workspace
        self._interval = interval
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="assay-alarms", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Stop after the present look."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(30)

    def _run(self) -> None:
        seen: tuple[int, ...] = ()
        while not self._ended.wait(self._interval):
            now = tuple(self._workspace.lake.table(kind).version() for kind in _READ)
            if now == seen:
                continue
            try:
                look(self._workspace)
            except AssayError as error:
                _LOG.warning("the plant's rules for alarms can't be held against its records: %s", error)
            seen = now
