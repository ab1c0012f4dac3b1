"""Taking quarantined rows in after all, by a corrected mapping.

The exact bytes of a quarantined row are enough: its connector turns them into cells again, and from there it
goes the way of any row. Rows that still do not fit stay where they are.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from collections.abc import Mapping as Dict
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from assay.connect.loader import Job, Loader, begin_reading
from assay.connect.mapping import Mapping, MappingFile, parse_mapping, read_mapping
from assay.connect.plan import make_plan
from assay.connect.report import LoadReport
from assay.connect.sources import connector_of
from assay.model.errors import SourceError
from assay.plugins.connector import Rows
from assay.plugins.contracts import Block, Connector, Fault, Progress, RawRow, Reading
from assay.store.keys import LoadKey
from assay.store.registry import LoadRow
from assay.store.workspace import Workspace

_ROWS = 50_000
_KEPT_AS_OBJECT = "row-too-long"


def replay(
    workspace: Workspace,
    mapping: str | Path | Mapping | MappingFile | dict[str, Any] | None = None,
    *,
    progress: Progress | None = None,
) -> LoadReport:
    """Try the rows in quarantine again.

    Parameters
    ----------
    mapping
        The corrected mapping: rows of its ``source`` are tried. Without one every row is tried by the mapping
        that rejected it, which helps where the plant has changed since.

    Returns
    -------
    LoadReport
        ``rows`` tried; ``quarantined`` are those that still do not fit.

    Raises
    ------
    MappingError
        The mapping is not valid, or names columns a rejected file did not have.
    """
    given = None if mapping is None else read_mapping(mapping)
    totals: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    with workspace.load_lock():
        for load in _loads(workspace, None if given is None else given.mapping.source):
            corrected = given or parse_mapping(load.mapping, f"mapping of {load.file_name}")
            for rows in _waiting(workspace, load):
                report = _again(workspace, load, corrected, rows, progress)
                totals.update(
                    rows=report.rows,
                    accepted=report.accepted,
                    duplicates=report.duplicates,
                    quarantined=report.quarantined,
                )
                reasons.update(report.reasons)
    return LoadReport(
        rows=totals["rows"],
        accepted=totals["accepted"],
        duplicates=totals["duplicates"],
        quarantined=totals["quarantined"],
        reasons=dict(reasons.most_common()),
        source="" if given is None else given.mapping.source,
    )


def _loads(workspace: Workspace, source: str | None) -> Iterator[LoadRow]:
    """Finished loads, oldest first, that have rows in quarantine."""
    waiting = workspace.lake.query(
        "SELECT DISTINCT source, epoch FROM quarantine WHERE replayed IS NULL AND reason <> ?",
        [_KEPT_AS_OBJECT],
    )
    keys = {(row["source"], row["epoch"]) for row in waiting.to_pylist()}
    for load in reversed(workspace.registry.loads()):
        wanted = source is None or load.key.source == source
        if wanted and load.report is not None and (load.key.source, load.key.epoch) in keys:
            yield load


def _waiting(workspace: Workspace, load: LoadRow) -> Iterator[pa.Table]:
    """The load's rows in quarantine, in pieces."""
    last = -1
    while True:
        rows = workspace.lake.query(
            "SELECT source, epoch, seq, line, raw_bytes FROM quarantine WHERE replayed IS NULL "
            "AND source = ? AND epoch = ? AND reason <> ? AND seq > ? ORDER BY seq LIMIT ?",
            [load.key.source, load.key.epoch, _KEPT_AS_OBJECT, last, _ROWS],
        )
        if not len(rows):
            return
        yield rows
        last = rows["seq"][-1].as_py()


def _again(
    workspace: Workspace, load: LoadRow, mapping: MappingFile, rows: pa.Table, progress: Progress | None
) -> LoadReport:
    layout: Dict[str, Any] = (load.report or {})["layout"]
    connector, config = connector_of(layout["format"], mapping.mapping.file)
    source = _QuarantinedRows(connector, config, layout, rows)
    zone = workspace.config.time_zone
    plan = make_plan(mapping, source.columns, load.file_name, zone, also_iso=source.format != "csv")
    said = json.dumps([load.key.epoch, rows["seq"].to_pylist(), mapping.text, zone])
    digest = hashlib.sha256(said.encode()).hexdigest()
    with closing(begin_reading(workspace, source, plan)) as built:
        job = Job(
            workspace=workspace,
            source=source,
            plan=plan,
            key=LoadKey(load.key.source, f"{load.key.epoch}+{digest[:12]}"),
            file_name=load.file_name,
            fingerprint=digest,
            mapping_yaml=mapping.text,
            origin=rows.select(["source", "epoch", "seq"]),
        )
        return Loader(job, built, lambda: None, progress).run()


class _QuarantinedRows:
    """Rows of one load in quarantine, as a source."""

    def __init__(self, connector: Connector, config: Any, layout: Dict[str, Any], rows: pa.Table) -> None:
        self.format = str(layout["format"])
        self.columns = tuple(layout["columns"])
        self.layout = layout
        self.size = len(rows)
        self._connector = connector
        self._config = config
        self._rows = [
            RawRow(line, raw)
            for line, raw in zip(rows["line"].to_pylist(), rows["raw_bytes"].to_pylist(), strict=True)
        ]

    def blocks(self, reading: Reading) -> Iterator[Block]:
        """All rows as one block."""
        nulls = set(reading.null_values)
        kept: list[int] = []
        cells: list[list[str | None]] = []
        faults: list[Fault] = []
        for at, row in enumerate(self._rows):
            try:
                found = self._connector.decode(row.raw, self.layout, self._config)
            except SourceError as error:
                faults.append(Fault(at, row.line, None, None, "bad-encoding", str(error), row.raw))
                continue
            if len(found) == len(self.columns):
                kept.append(at)
                cells.append(found)
            else:
                message = f"the row has {len(found)} cells, the header has {len(self.columns)}"
                faults.append(Fault(at, row.line, None, None, "ragged-row", message, row.raw))
        columns = {}
        for name in reading.columns:
            place = self.columns.index(name)
            values = [None if row[place] in nulls else row[place] for row in cells]
            columns[name] = pa.array(values, pa.string())

        def locate(at: Rows) -> list[RawRow]:
            return [self._rows[kept[int(one)]] for one in at]

        yield Block(pa.table(columns), np.array(kept, np.int64), tuple(faults), self.size, locate)

    def close(self) -> None:
        """Nothing is held open."""
