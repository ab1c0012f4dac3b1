"""Rows that could not be taken, kept with the reason until they are replayed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa

from assay.store.keys import LoadKey
from assay.store.lake import Lake
from assay.store.layout import QUARANTINE, REPLAY, StagedFile
from assay.store.staging import StagedWriter


class Quarantine:
    """A table of the lake beside the six kinds, idempotent by ``(source, epoch, seq)``."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def schema(self) -> pa.Schema:
        """The columns of a rejected row.

        ``source, epoch, seq`` name it; ``file, line, column, value`` say where it stumbled; ``reason`` is a
        code and ``message`` the sentence for people; ``raw`` is the row's text as far as it can be read and
        ``raw_bytes`` its exact bytes; ``mapping_id`` and ``recorded`` say by what and when it was read.
        """
        return self._lake.schema(QUARANTINE)

    def stage(self, *, load: LoadKey, recorded: datetime) -> StagedWriter:
        """Begin to write a load's rejected rows; commit them together with the accepted ones."""
        return self._lake.stage(QUARANTINE, load=load, recorded=recorded)

    def commit(self, files: Sequence[StagedFile], *, load: LoadKey) -> bool:
        """Make staged rows part of the quarantine; False when they already are."""
        return self._lake.commit(QUARANTINE, files, load=load)

    def rows(
        self, limit: int = 100, offset: int = 0, reason: str | None = None, *, replayed: bool | None = None
    ) -> pa.Table:
        """Rejected rows, latest first, with ``replayed``: when the row was taken after all, or null."""
        conditions = ["true"]
        params: list[object] = []
        if reason is not None:
            conditions.append("reason = ?")
            params.append(reason)
        if replayed is not None:
            conditions.append(f"replayed IS {'NOT ' if replayed else ''}NULL")
        return self._lake.query(
            f"SELECT * FROM quarantine WHERE {' AND '.join(conditions)} "
            "ORDER BY recorded DESC, source, epoch, seq LIMIT ? OFFSET ?",
            [*params, limit, offset],
        )

    def counts(self) -> dict[str, int]:
        """How many rows wait in quarantine, by reason; most first. Replayed rows don't count."""
        found = self._lake.query(
            "SELECT reason, count(*) AS n FROM quarantine WHERE replayed IS NULL "
            "GROUP BY reason ORDER BY n DESC, reason"
        )
        return dict(zip(found["reason"].to_pylist(), found["n"].to_pylist(), strict=True))

    def mark_replayed(self, rows: pa.Table, *, load: LoadKey, recorded: datetime) -> bool:
        """Note that rows were taken after all.

        ``rows`` has ``source``, ``epoch`` and ``seq`` of the quarantined rows; ``load`` is the load that took
        them. False when that load's note is already there.
        """
        with self._lake.stage(REPLAY, load=load, recorded=recorded) as writer:
            writer.write(rows.select(["source", "epoch", "seq"]))
        return self._lake.commit(REPLAY, writer.finish(), load=load)
