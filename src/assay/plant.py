"""The Python door: ``assay.open(path)`` gives a :class:`Plant`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from assay.store.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

    from assay.analyse.cause import CauseReport
    from assay.analyse.statistics import PlantCapability, PlantChart, PlantGaugeRR, PlantMonitor
    from assay.analyse.statistics.monitoring import Method
    from assay.analyse.trace import Trace
    from assay.connect.infer import Inference
    from assay.connect.load import LoadReport
    from assay.model.questions import UserFeature
    from assay.plugins.operator import Progress
    from assay.query.bind.bound import Bound
    from assay.query.bind.bound import Method as BindMethod
    from assay.query.export import Format
    from assay.query.extract import Extraction
    from assay.query.find import Answer, Asked
    from assay.query.language.builder import Questions
    from assay.query.program import Limits
    from assay.query.watch import Watch

PathName = str | PathLike[str]


def open_plant(path: PathName) -> Plant:
    """Open the plant in the directory ``path``.

    Raises
    ------
    WorkspaceNotFound
        The directory is not a plant; ``assay init`` makes one.
    """
    return Plant(Workspace.open(Path(path)))


class Plant:
    """A plant on this machine, with the rights of its administrator.

    Every method hands its work to the room that does it; what it raises is said there.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def load(self, file: PathName, mapping: PathName, *, progress: Progress | None = None) -> LoadReport:
        """Load a file by a mapping file; loading it again changes nothing."""
        from assay.connect.load import load_file

        return load_file(self.workspace, Path(file), Path(mapping), progress=progress)

    def infer(self, file: PathName) -> Inference:
        """Propose a mapping for a file, with what it is unsure of."""
        from assay.connect.infer import infer

        return infer(Path(file))

    def sql(self, statement: str, *, as_of: datetime | None = None) -> pa.Table:
        """Answer one read-only SQL question, with ``as_of`` from what was known at that moment."""
        return self.workspace.lake.query(statement, as_of=as_of)

    def find(
        self,
        question: Asked,
        *,
        limits: Limits | None = None,
        engine: str | None = None,
        as_of: datetime | None = None,
    ) -> Answer:
        """Answer a question such as ``unit[defect.code = 'HC-3'].lot | compare yield``."""
        from assay.query.find import find

        return find(self.workspace, question, limits=limits, engine=engine, as_of=as_of)

    def extract(
        self,
        question: Asked | None = None,
        out: PathName | None = None,
        *,
        format: Format | None = None,  # noqa: A002 - the word people use
        resume: str | bool | None = None,
        batch_rows: int = 65_536,
        progress: Progress | None = None,
    ) -> Extraction:
        """All rows of an answer: batch by batch, or with ``out`` to a Parquet or Arrow file.

        Batches go on behind the rows that a token counts with ``resume=token``, a file that was not finished
        with ``resume=True``.
        """
        if out is not None:
            from assay.query.export import extract_to

            return extract_to(
                self.workspace,
                question,
                Path(out),
                format=format,
                resume=bool(resume),
                batch_rows=batch_rows,
                progress=progress,
            )
        from assay.query.extract import Extraction

        token = resume if isinstance(resume, str) else None
        return Extraction(self.workspace, question, resume=token, batch_rows=batch_rows)

    def watch(
        self,
        question: Asked,
        *,
        resume: str | None = None,
        interval: float = 1.0,
        timeout: float | None = None,
    ) -> Watch:
        """The result of a question, then every change of it, looking for news each ``interval`` seconds.

        Iteration ends when nothing has changed for ``timeout`` seconds; ``resume`` is a change's token.
        """
        from assay.query.watch import watch

        return watch(self.workspace, question, resume=resume, interval=interval, timeout=timeout)

    @property
    def ask(self) -> Questions:
        """Questions built in Python, with completion: ``u = plant.ask.unit``, ``u[u.lot.id == "L3"]``."""
        from assay.query.find import questions

        return questions(self.workspace)

    def trace(
        self,
        id: str,  # noqa: A002 - the word people use
        direction: str = "back",
        *,
        max_depth: int | None = None,
        max_nodes: int | None = None,
    ) -> Trace:
        """What ``id`` came from (``back``) or went into (``forward``)."""
        from assay.analyse.trace import trace

        return trace(self.workspace, id, direction, max_depth=max_depth, max_nodes=max_nodes)

    def bind(
        self,
        *,
        segment: str | None = None,
        features: Iterable[str | UserFeature] | Mapping[str, str] | None = None,
        signals: Sequence[str] | None = None,
        equipment: Sequence[str] | None = None,
        units: Sequence[str] | None = None,
        where: str | None = None,
        phases: bool = False,
        between: tuple[datetime | None, datetime | None] | None = None,
        method: BindMethod = "auto",
        out: PathName | None = None,
        progress: Progress | None = None,
    ) -> Bound:
        """Features of every signal over the time that each unit or lot was in a step."""
        from assay.query.bind.bound import bind
        from assay.query.bind.features import DEFAULT

        return bind(
            self.workspace,
            segment=segment,
            features=DEFAULT if features is None else features,
            signals=signals,
            equipment=equipment,
            units=units,
            where=where,
            phases=phases,
            between=between,
            method=method,
            out=out,
            progress=progress,
        )

    def cause(
        self,
        target: str,
        *,
        where: str | None = None,
        scope: str | None = None,
        progress: Progress | None = None,
    ) -> CauseReport:
        """Rank what explains ``target``, among the subjects that meet ``where`` in the segment ``scope``."""
        from assay.analyse.cause import cause

        return cause(self.workspace, target, where=where, scope=scope, progress=progress)

    def chart(
        self,
        target: str,
        *,
        kind: str | None = None,
        subgroup: str | int | None = None,
        where: str | None = None,
        scope: str | None = None,
        **options: Any,
    ) -> PlantChart:
        """A control chart of a characteristic, or of the share that meets a condition, in order of time.

        ``subgroup`` is a number of results, ``hour``, ``day``, ``week``, ``month`` or a recorded column;
        ``options`` are those of the chart (``rules``, ``phase1``, ``constants`` …).
        """
        from assay.analyse.statistics import chart

        by = None if subgroup is None else str(subgroup)
        return chart(self.workspace, target, kind=kind, subgroup=by, where=where, scope=scope, **options)

    def capability(
        self,
        characteristic: str,
        *,
        lsl: float | None = None,
        usl: float | None = None,
        target: float | None = None,
        subgroup: str | int | None = None,
        where: str | None = None,
        scope: str | None = None,
        **options: Any,
    ) -> PlantCapability:
        """Capability of a characteristic; its specification is the master data's where none is given."""
        from assay.analyse.statistics import capability

        by = None if subgroup is None else str(subgroup)
        return capability(
            self.workspace,
            characteristic,
            lsl=lsl,
            usl=usl,
            target=target,
            subgroup=by,
            where=where,
            scope=scope,
            **options,
        )

    def gauge_rr(
        self, characteristic: str, *, operator: str = "person", part: str = "subject", **options: Any
    ) -> PlantGaugeRR:
        """Gauge R&R of a characteristic that several people measured on the same subjects."""
        from assay.analyse.statistics import plant_gauge_rr

        return plant_gauge_rr(self.workspace, characteristic, operator=operator, part=part, **options)

    def monitor(self, characteristics: list[str], *, method: Method = "pca", **options: Any) -> PlantMonitor:
        """T² and SPE of several characteristics of the same subjects, by a model of phase I."""
        from assay.analyse.statistics import monitor

        return monitor(self.workspace, characteristics, method=method, **options)

    def backup(self, file: PathName) -> None:
        """Write the whole plant to one file; loading may go on."""
        from assay.store.backup import backup

        backup(self.workspace, Path(file))

    def close(self) -> None:
        """Let go of the registry's connections, and of those to mounted sources."""
        if self.workspace.model.sources:
            from assay.query.federation import federation

            federation(self.workspace).close()
        self.workspace.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
