"""The loader: takes built records into the lake, each row exactly once, whatever happens meanwhile.

Order of writing: the registry first (the load, attributes, master data), then one Delta commit of all
kinds and the quarantine, which is the truth. A load that dies before the commit leaves nothing behind;
run again it makes the same plant row for row, because its record time was fixed when it first began.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assay.connect.build import Builder, Built, Reject
from assay.connect.duplicates import Conflict, KeyGroup, Repeated, Resolution, Suspicion, resolve
from assay.connect.plan import MASTER_FIELDS, Plan
from assay.connect.reasons import message
from assay.connect.report import LoadReport
from assay.connect.sources import Ahead
from assay.model.entities import MASTER
from assay.plugins.contracts import Block, Progress, RawRow, Reading, RecordSource
from assay.store.keys import LoadKey
from assay.store.layout import QUARANTINE, REPLAY, StagedFile
from assay.store.registry import LoadRow
from assay.store.staging import StagedWriter
from assay.store.workspace import Workspace

_ROWS = 131_072


def begin_reading(workspace: Workspace, source: RecordSource, plan: Plan) -> Ahead[Built]:
    """Start to read and to build records, each in a thread of its own."""
    extra = workspace.registry.entity_attributes()
    builder = Builder(plan, plan.mapping.file.decimal, extra)
    blocks = Ahead(source.blocks(reading_of(workspace, plan)), lambda block: block)
    return Ahead(blocks, builder.build)


def reading_of(workspace: Workspace, plan: Plan) -> Reading:
    """What the plan asks of its source."""
    return Reading(
        columns=plan.columns,
        wanted=plan.wanted(),
        null_values=tuple(plan.mapping.file.null_values),
        keep=lambda pieces: workspace.objects.put(pieces).content,
    )


@dataclass(frozen=True)
class Job:
    """What is loaded, by which plan, under which key."""

    workspace: Workspace
    source: RecordSource
    plan: Plan
    key: LoadKey
    file_name: str
    fingerprint: str
    mapping_yaml: str
    origin: pa.Table | None = None
    """For a replay: ``source``, ``epoch`` and ``seq`` of the quarantined row behind each source row."""

    @property
    def mapping_id(self) -> str:
        """Names the mapping in quarantine rows."""
        return hashlib.sha256(self.mapping_yaml.encode()).hexdigest()[:16]


@dataclass
class _Taken:
    """What one pass over the source made."""

    rows: int = 0
    counts: list[Any] = field(default_factory=list)
    named: dict[str, set[str]] = field(default_factory=dict)
    entities: list[tuple[int, str, dict[str, object]]] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    rejected: list[int] = field(default_factory=list)
    files: dict[str, list[StagedFile]] = field(default_factory=dict)


class Loader:
    """One load; :meth:`run` does it."""

    def __init__(
        self,
        job: Job,
        built: Iterable[Built],
        check: Callable[[], None],
        progress: Progress | None = None,
    ) -> None:
        self._job = job
        self._built = built
        self._check = check
        self._lake = job.workspace.lake
        self._progress = progress
        self._writers: dict[str, StagedWriter] = {}
        self._groups: dict[tuple[str, tuple[str, ...]], KeyGroup] = {}
        self._taken = _Taken()
        self._kinds = [kind.value for kind in job.plan.kinds]

    def run(self) -> LoadReport:
        """Load, or say what an earlier run of the same load did."""
        registry, key = self._job.workspace.registry, self._job.key
        before = registry.load(key)
        if before is not None and before.finished is not None and before.report is not None:
            return LoadReport.from_stored(before.report).seen_again()
        pending = self._job.workspace.spool / "loads" / f"{key.digest}.json"
        written = [*self._kinds, QUARANTINE, REPLAY]
        if pending.exists() and any(self._lake.committed(table, key) for table in written):
            report = LoadReport.from_stored(json.loads(pending.read_text(encoding="utf-8")))
        else:
            begun = registry.begin_load(
                key, self._job.file_name, self._job.fingerprint, self._job.mapping_yaml
            )
            registry.declare_attributes(self._job.plan.attributes)
            report = self._load(begun, pending)
        registry.finish_load(key, report.to_stored())
        pending.unlink(missing_ok=True)
        return report

    def _load(self, begun: LoadRow, pending: Path) -> LoadReport:
        try:
            self._read(begun)
            self._finish_stages()
            resolution = self._resolve()
            self._leave_out(resolution, begun)
            self._finish_aside(begun)
        except BaseException:
            for writer in self._writers.values():
                writer.__exit__(RuntimeError, None, None)
            raise
        report = self._report(resolution)
        self._upsert()
        pending.parent.mkdir(parents=True, exist_ok=True)
        pending.write_text(json.dumps(report.to_stored(), ensure_ascii=False), encoding="utf-8")
        self._tell(1, 1, "commit")
        staged = {table: files for table, files in self._taken.files.items() if files}
        if staged:
            self._lake.commit_load(staged, load=self._job.key)
        return report

    # -- reading ----------------------------------------------------------------------------------

    def _read(self, begun: LoadRow) -> None:
        for built in self._built:
            self._take(built, begun)
            self._tell(built.position, self._job.source.size, "read")
        self._check()

    def _take(self, built: Built, begun: LoadRow) -> None:
        taken = self._taken
        counts = np.zeros(built.rows, np.uint16)
        counts[built.seqs - taken.rows] = built.counts
        taken.counts.append(counts)
        taken.rows += built.rows
        for name, ids in built.named.items():
            taken.named.setdefault(name, set()).update(ids)
        taken.entities += built.entities
        for piece in built.pieces:
            record = self._job.plan.records[piece.record]
            self._writer(record.kind.value, begun).write(piece.table)
            group = self._groups.setdefault(
                (record.kind.value, record.key), KeyGroup(record.kind.value, record.key)
            )
            group.hashes.append(piece.keys)
            for name, column in record.columns.items():
                group.columns.setdefault(name, set()).add(column)
            _note_dates(group, piece.table)
        self._quarantine(built.rejects, begun)

    def _writer(self, table: str, begun: LoadRow) -> StagedWriter:
        if table not in self._writers:
            self._writers[table] = self._lake.stage(table, load=self._job.key, recorded=begun.recorded)
        return self._writers[table]

    def _quarantine(self, rejects: Sequence[Reject], begun: LoadRow) -> None:
        if not rejects:
            return
        self._taken.reasons.update(reject.reason for reject in rejects)
        if self._job.origin is not None:  # the row lies in quarantine already
            self._taken.rejected += [reject.row for reject in rejects]
            return
        columns: dict[str, pa.Array] = {
            "seq": pa.array([reject.row for reject in rejects], pa.int64()),
            "file": pa.array([self._job.file_name] * len(rejects)),
            "line": pa.array([reject.line for reject in rejects], pa.int64()),
            "column": pa.array([reject.column for reject in rejects], pa.string()),
            "value": pa.array([reject.value for reject in rejects], pa.string()),
            "reason": pa.array([reject.reason for reject in rejects]),
            "message": pa.array([reject.message for reject in rejects]),
            "raw": pa.array([reject.raw.decode("utf-8", "backslashreplace") for reject in rejects]),
            "raw_bytes": pa.array([reject.raw for reject in rejects], pa.binary()),
            "mapping_id": pa.array([self._job.mapping_id] * len(rejects)),
        }
        self._writer(QUARANTINE, begun).write(pa.table(columns))

    # -- duplicates -------------------------------------------------------------------------------

    def _finish_stages(self) -> None:
        for table, writer in self._writers.items():
            if table != QUARANTINE:
                self._taken.files[table] = writer.finish()

    def _staged(self, table: str) -> tuple[str, ...]:
        return tuple(str(self._lake.staged_path(table, file)) for file in self._taken.files.get(table, ()))

    def _resolve(self) -> Resolution:
        self._lake.hot.flush()  # rows that are hot are compared too
        suspicions = []
        for group in self._groups.values():
            self._tell(1, 1, "compare")
            lake = self._lake.files(group.kind)
            hashes = group.suspects(lake)
            if len(hashes):
                suspicions.append(Suspicion(group, hashes, self._staged(group.kind), tuple(lake)))
        return resolve(suspicions, self._job.workspace.spool)

    def _leave_out(self, resolution: Resolution, begun: LoadRow) -> None:
        if not resolution.nothing:
            self._quarantine(self._conflicting(resolution.conflicts), begun)
            for table in self._kinds:
                if self._taken.files.get(table):
                    self._rewrite(table, resolution, begun)
            gone = {conflict.seq for conflict in resolution.conflicts}
            self._taken.entities = [one for one in self._taken.entities if one[0] not in gone]
            self._taken.named = self._named_in_stages()

    def _finish_aside(self, begun: LoadRow) -> None:
        """Finish the quarantine; for a replay note which of its rows were taken."""
        origin = self._job.origin
        if origin is not None:
            taken = np.ones(len(origin), bool)
            taken[self._taken.rejected] = False
            if taken.any():
                self._writer(REPLAY, begun).write(origin.filter(pa.array(taken)))
        for table in (QUARANTINE, REPLAY):
            if table in self._writers:
                self._taken.files[table] = self._writers[table].finish()

    def _conflicting(self, conflicts: Sequence[Conflict]) -> list[Reject]:
        rows = {row for one in conflicts for row in (one.seq, one.first) if row is not None}
        raw = self._raw_rows(rows)
        rejects = []
        for conflict in conflicts:
            found = raw[conflict.seq]
            before = None if conflict.first is None else raw[conflict.first].line or conflict.first + 1
            known = "duplicate-key-plant" if before is None else "duplicate-key-file"
            rejects.append(
                Reject(
                    conflict.seq,
                    found.line,
                    conflict.column,
                    conflict.value,
                    "duplicate-key",
                    message(known, first=before, differences=conflict.differences),
                    found.raw,
                )
            )
        return rejects

    def _raw_rows(self, seqs: set[int]) -> dict[int, RawRow]:
        """Exact bytes of source rows, read again."""
        found: dict[int, RawRow] = {}
        if not seqs:
            return found
        last = max(seqs)
        wanted = np.array(sorted(seqs), np.int64)
        plan = self._job.plan
        reading = replace(reading_of(self._job.workspace, plan), columns=plan.columns[:1], wanted={})
        for block in self._job.source.blocks(reading):
            at = np.flatnonzero(np.isin(block.rows, wanted, assume_unique=True))
            if len(at):
                found.update(zip(block.rows[at].tolist(), block.locate(at), strict=True))
            if _last_row(block) >= last:
                break
        return found

    def _rewrite(self, table: str, resolution: Resolution, begun: LoadRow) -> None:
        """Write the files of a kind again without what is left out."""
        leave = _LeaveOut.of(resolution, table, self._known_rows(resolution))
        if leave is None:
            return
        again = LoadKey(self._job.key.source, f"{self._job.key.epoch}+distinct")
        with self._lake.stage(table, load=again, recorded=begun.recorded) as writer:
            for path in self._staged(table):
                with pq.ParquetFile(path) as file:
                    for batch in file.iter_batches(_ROWS):
                        kept = batch.filter(pa.array(leave.kept(batch)))
                        if kept.num_rows:
                            writer.write(pa.Table.from_batches([kept]))
        files = writer.finish()
        for path in self._staged(table):
            Path(path).unlink()
        self._taken.files[table] = files

    def _named_in_stages(self) -> dict[str, set[str]]:
        named: dict[str, set[str]] = {}
        for table in self._kinds:
            paths = self._staged(table)
            if not paths:
                continue
            with duckdb.connect(":memory:") as connection:
                for name in set(MASTER_FIELDS) & set(self._lake.schema(table).names):
                    found = connection.execute(
                        f"SELECT DISTINCT {name} FROM read_parquet(?, hive_partitioning = false) "
                        f"WHERE {name} IS NOT NULL",
                        [list(paths)],
                    ).fetchall()
                    named.setdefault(name, set()).update(row[0] for row in found)
        return named

    # -- the end ----------------------------------------------------------------------------------

    def _report(self, resolution: Resolution) -> LoadReport:
        taken = self._taken
        duplicates = int(np.count_nonzero(self._known_rows(resolution)))
        quarantined = taken.reasons.total()
        source = self._job.source
        return LoadReport(
            rows=taken.rows,
            accepted=taken.rows - duplicates - quarantined,
            duplicates=duplicates,
            quarantined=quarantined,
            reasons=dict(taken.reasons.most_common()),
            unmapped=self._job.plan.unmapped,
            source=self._job.key.source,
            epoch=self._job.key.epoch,
            layout=dict(source.layout),
        )

    def _known_rows(self, resolution: Resolution) -> npt.NDArray[np.bool_]:
        """Source rows of which every record is repeated."""
        counts = np.concatenate([np.zeros(0, np.uint16), *self._taken.counts])
        left_out = np.zeros(len(counts), np.int64)
        for repeated in resolution.repeated.values():
            left_out += np.bincount(repeated.seqs, minlength=len(counts))
        known: npt.NDArray[np.bool_] = (left_out == counts) & (counts > 0)
        return known

    def _upsert(self) -> None:
        registry, taken = self._job.workspace.registry, self._taken
        rows: dict[str, list[dict[str, object]]] = {
            name: [{"id": one} for one in sorted(ids)] for name, ids in taken.named.items()
        }
        for _, kind, row in taken.entities:
            if kind in MASTER:
                rows.setdefault(kind, []).append(row)
        for kind, given in rows.items():
            registry.upsert_entities(kind, given)

    def _tell(self, done: float, total: float, what: str) -> None:
        if self._progress is not None:
            self._progress(done, total, what)


@dataclass(frozen=True)
class _LeaveOut:
    """Which records of a kind to leave out of its files."""

    rows: npt.NDArray[np.uint8]
    """By source row: 0 all stay, 1 some go (see ``repeated``), 2 all go."""
    repeated: Repeated | None

    @classmethod
    def of(cls, resolution: Resolution, table: str, known: npt.NDArray[np.bool_]) -> _LeaveOut | None:
        """What the resolution says about one kind; ``known`` rows go whole. None when everything stays."""
        repeated = resolution.repeated.get(table)
        if repeated is None and not resolution.conflicts:
            return None
        marks = np.zeros(len(known), np.uint8)
        if repeated is not None:
            marks[repeated.seqs] = 1
        marks[known] = 2
        marks[[conflict.seq for conflict in resolution.conflicts]] = 2
        return cls(marks, repeated)

    def kept(self, batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        """Which records of a batch stay."""
        seqs = batch.column("seq").to_numpy()
        marks = self.rows[seqs]
        stays: npt.NDArray[np.bool_] = marks != 2
        some = np.flatnonzero(marks == 1)
        if self.repeated is not None and len(some):
            low = np.searchsorted(self.repeated.seqs, seqs[some].min(), side="left")
            high = np.searchsorted(self.repeated.seqs, seqs[some].max(), side="right")
            known = _paired(self.repeated.seqs[low:high], self.repeated.keys[low:high])
            stays[some] = ~np.isin(_paired(seqs[some], batch.column("key_hash").to_numpy()[some]), known)
        return stays


def _paired(seqs: npt.NDArray[np.int64], keys: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Row and key hash as one value that can be compared."""
    joined = np.empty(len(seqs), [("seq", np.int64), ("key", np.int64)])
    joined["seq"], joined["key"] = seqs, keys
    return joined


def _note_dates(group: KeyGroup, table: pa.Table) -> None:
    if "time" not in group.key or "time" not in table.column_names or table["time"].null_count:
        group.timeless = True
        return
    bounds = pc.min_max(table["time"]).as_py()
    group.note_dates(bounds["min"].date(), bounds["max"].date())


def _last_row(block: Block) -> int:
    rows = [int(block.rows[-1])] if len(block.rows) else []
    return max([*rows, *(fault.row for fault in block.faults)], default=-1)
