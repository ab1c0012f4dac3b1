"""The Python door: ``assay.open(path)`` gives a :class:`Plant`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from assay.analyse.plant_statistics import PlantStatistics
from assay.store.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

    from assay.analyse.alarms import By, RecordedAlarm
    from assay.analyse.bridge import Bridge
    from assay.analyse.cause import CauseReport
    from assay.analyse.common import Common
    from assay.analyse.correct import Correction
    from assay.analyse.genealogy_checks import GenealogyChecks
    from assay.analyse.metre import MetreTrace
    from assay.analyse.mixing import Clock, Mixing
    from assay.analyse.recall import Recall
    from assay.analyse.through import Through
    from assay.analyse.trace import Trace
    from assay.analyse.unit_file import UnitFile
    from assay.analyse.welding import WeldFile
    from assay.connect.infer import Inference
    from assay.connect.load import LoadReport
    from assay.exchange.consumer import ScanList
    from assay.genealogy.checks import Tolerances
    from assay.genealogy.mixing import Flow, Vessel
    from assay.genealogy.queue_matcher import Rates
    from assay.ledger.tlog_proof import TlogProof
    from assay.model.codes.recognise import Recognised
    from assay.model.lines import LineFile
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
    from assay.store.codes import IssuedCodes
    from assay.store.evidence_erasure import Erased
    from assay.store.plant_codes import RuleState
    from assay.store.plant_evidence import EvidenceAudit
    from assay.store.plant_gate import PlantGate

PathName = str | PathLike[str]


def open_plant(path: PathName) -> Plant:
    """Open the plant in the directory ``path``.

    Raises
    ------
    WorkspaceNotFound
        The directory is not a plant; ``assay init`` makes one.
    """
    return Plant(Workspace.open(Path(path)))


class Plant(PlantStatistics):
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

        ``resume=token`` goes on behind the rows that a token counts, ``resume=True`` with an unfinished file.
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
        through: Through | None = None,
        max_depth: int | None = None,
        max_nodes: int | None = None,
        as_of: datetime | None = None,
    ) -> Trace:
        """What ``id`` came from (``back``) or went into (``forward``), or ``both``."""
        from assay.analyse.trace import trace

        return trace(
            self.workspace,
            id,
            direction,
            through=through,
            max_depth=max_depth,
            max_nodes=max_nodes,
            as_of=as_of,
        )

    def recall(
        self,
        ids: str | Sequence[str],
        direction: str = "forward",
        *,
        against: Sequence[str] = (),
        kinds: Collection[str] | None = None,
        through: Through | None = None,
        max_depth: int | None = None,
        max_nodes: int | None = None,
        as_of: datetime | None = None,
        at: datetime | None = None,
        shares: bool = False,
    ) -> Recall:
        """Everything that ``ids`` went into, were made from, or share an origin with (``both``), as columns.

        ``against`` takes out what those reach as well. What is in a container ``at`` a moment, by default
        now, goes with it; ``shares`` says how much of each thing it is.
        """
        from assay.analyse.recall import recall

        return recall(
            self.workspace,
            ids,
            direction,
            against=against,
            kinds=kinds,
            through=through,
            max_depth=max_depth,
            max_nodes=max_nodes,
            as_of=as_of,
            at=at,
            shares=shares,
        )

    def common(
        self,
        ids: Sequence[str],
        *,
        against: Sequence[str] = (),
        least_share: float = 1.0,
        kinds: Collection[str] | None = None,
        through: Through | None = None,
        max_depth: int | None = None,
        as_of: datetime | None = None,
    ) -> Common:
        """The origins that ``ids`` share, those first that ``against`` lacks."""
        from assay.analyse.common import common

        return common(
            self.workspace,
            ids,
            against=against,
            least_share=least_share,
            kinds=kinds,
            through=through,
            max_depth=max_depth,
            as_of=as_of,
        )

    def doubts(
        self, *, tolerances: Tolerances | None = None, most: int = 100, as_of: datetime | None = None
    ) -> GenealogyChecks:
        """What the movements say that can't be: the first ``most`` of each kind, and how many there are."""
        from assay.analyse.genealogy_checks import genealogy_checks

        return genealogy_checks(self.workspace, tolerances=tolerances, most=most, as_of=as_of)

    def unit_file(self, id: str) -> UnitFile:  # noqa: A002 - the word people use
        """Everything recorded of a unit or lot, graded against the process card that was in force."""
        from assay.analyse.unit_file import unit_file

        return unit_file(self.workspace, id)

    def weld_file(self, joint: str) -> WeldFile:
        """Everything recorded of a welded joint, pass by pass, with the verdicts of the gate."""
        from assay.analyse.welding import weld_file

        return weld_file(self.workspace, joint)

    def bridge(
        self,
        segment: str,
        *,
        residence: float | None = None,
        tolerance: float | None = None,
        into: str | None = None,
        lane: str | None = None,
        by_carrier: bool = False,
        between: tuple[datetime | None, datetime | None] = (None, None),
        rates: Rates | None = None,
        write: bool = False,
    ) -> Bridge:
        """Which piece that went into a step without labels is which that came out, with probabilities.

        ``residence`` and ``tolerance`` in seconds; with ``write`` traces carry the edges from then on.
        """
        from assay.analyse.bridge import bridge, write_bridge

        found = bridge(
            self.workspace,
            segment,
            residence=residence,
            tolerance=tolerance,
            into=into,
            lane=lane,
            by_carrier=by_carrier,
            between=between,
            rates=rates,
        )
        if write:
            write_bridge(self.workspace, found)
        return found

    def mix(
        self,
        segment: str,
        model: Vessel | Flow,
        *,
        vessel: str | None = None,
        into: str | None = None,
        clock: Clock = "quantity",
        piece: tuple[float, str] | None = None,
        least: float | None = None,
        between: tuple[datetime | None, datetime | None] = (None, None),
        write: bool = False,
    ) -> Mixing:
        """Which lots that were put into a silo, tank or flow are in what was drawn from it, with shares.

        With ``write`` traces carry the edges from then on.
        """
        from assay.analyse.mixing import mix, write_mix
        from assay.genealogy.mixing import LEAST

        found = mix(
            self.workspace,
            segment,
            model,
            vessel=vessel,
            into=into,
            clock=clock,
            piece=piece,
            least=LEAST if least is None else least,
            between=between,
        )
        if write:
            write_mix(self.workspace, found)
        return found

    def correct(
        self,
        execution: str,
        role: str,
        subject: str,
        *,
        changes: Mapping[str, Any] | None = None,
        take_back: bool = False,
        why: str,
        by: str,
        segment: str | None = None,
        kind: str | None = None,
        position: str | None = None,
    ) -> Correction:
        """Record that a movement was otherwise (``changes``, by column) or that there was none.

        ``segment``, ``kind`` and ``position`` say which, where several movements agree in the rest.
        """
        from assay.analyse.correct import correct

        return correct(
            self.workspace,
            execution,
            role,
            subject,
            changes=changes,
            take_back=take_back,
            why=why,
            by=by,
            segment=segment,
            kind=kind,
            position=position,
        )

    def metre(
        self,
        line: PathName | LineFile,
        item: str,
        position: float,
        *,
        across: float | None = None,
        station: str | None = None,
        downstream: bool = False,
    ) -> MetreTrace:
        """Where and when ``position`` (m) of ``item`` was at every station of the line in a file."""
        from assay.analyse.metre import metre

        return metre(
            self.workspace, line, item, position, across=across, station=station, downstream=downstream
        )

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
        engine: str | None = None,
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
            engine=engine,
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

    def code_rules(self) -> list[RuleState]:
        """Every code rule of ``model.yaml``, with how far its series are."""
        from assay.store.plant_codes import code_rules

        return code_rules(self.workspace)

    def next_codes(
        self,
        rule: str | None = None,
        count: int = 1,
        *,
        of: str = "unit",
        product: str | None = None,
        moment: date | None = None,
        **fields: str,
    ) -> IssuedCodes:
        """The next codes of a rule, which nobody else gets; without a name, the rule of a product.

        ``fields`` are the parts of the code that are given, such as ``line="L1"``; ``moment`` is the day or
        plant time the codes shall say, by default the present.
        """
        from assay.store.plant_codes import next_codes

        return next_codes(self.workspace, rule, fields, of=of, product=product, count=count, moment=moment)

    def parse_code(self, text: str) -> Recognised:
        """What a scanned or typed code is and says, by the rules of the plant, GS1, HIBCC and ICCBBA."""
        from assay.store.plant_codes import parse_code

        return parse_code(self.workspace, text)

    def scans(
        self, of: str | None = None, *, hints: bool = False, since: datetime | None = None, limit: int = 1_000
    ) -> ScanList:
        """Scans of codes on the consumer page, the latest first: all, or of one unit, lot or Digital Link.

        With ``hints`` only those that something is odd about.
        """
        from assay.exchange.consumer import scans_of

        return scans_of(self.workspace, of, hints=hints, since=since, limit=limit)

    def alarms(
        self,
        subject: str | None = None,
        *,
        by: By | None = None,
        since: datetime | None = None,
        limit: int = 1_000,
        look: bool = False,
    ) -> list[RecordedAlarm]:
        """Alarms that were recorded, the latest first: all, about one thing, or found in one way.

        With ``look`` the rules under ``alarms`` in ``model.yaml`` are held against the records before.
        """
        from assay.analyse.alarms import alarms

        if look:
            from assay.analyse.watching import look as look_now

            look_now(self.workspace)
        return alarms(self.workspace, by=by, subject=subject, since=since, limit=limit)

    def prove(self, record: str | int, fields: Sequence[str] | None = None) -> TlogProof:
        """The proof that a record is in the evidence log; ``bytes()`` of it is a file anybody can check.

        ``record`` is ``table:source/epoch/seq``, ``subject@time`` or an entry's index; ``fields`` are those
        to show; without them everything is shown, but nothing of an entry named by its index.
        """
        from assay.store.plant_evidence import prove_record

        return prove_record(self.workspace, str(record), fields)

    def bundle(self, subject: str) -> bytes:
        """Everything recorded of a unit or lot with its proofs, as one file anybody can check offline."""
        from assay.store.plant_evidence import bundle_subject

        return bundle_subject(self.workspace, subject)

    def attest(
        self, kind: str, subject: str, fields: Mapping[str, Any], *, moment: datetime | None = None
    ) -> int:
        """Log a decision, disposition or attestation about a unit or lot; the index of its entry."""
        from assay.store.plant_evidence import attest

        return attest(self.workspace, kind, subject, fields, moment=moment)

    def erase(self, subject: str, why: str) -> Erased:
        """Destroy what there is of a subject, wherever the plant keeps it; the log says so, and why."""
        from assay.query.layers import erase

        return erase(self.workspace, subject, why)

    def audit(self, *, quick: bool = False, records: bool = False) -> EvidenceAudit:
        """Read every file of the evidence log, with ``records`` every row of the lake too."""
        from assay.store.plant_evidence import audit_plant

        return audit_plant(self.workspace.path, quick=quick, records=records)

    @property
    def gate(self) -> PlantGate:
        """What may become evidence: policies, inputs, what was refused and why (``plant.gate.check(…)``)."""
        from assay.store.plant_gate import PlantGate

        return PlantGate(self.workspace.evidence)

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
