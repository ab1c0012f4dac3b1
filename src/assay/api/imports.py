"""Dropped files on their way in: kept in the spool until they are loaded or given up."""

from __future__ import annotations

import secrets
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path

from assay.api.errors import ImportBusy, ImportMissing
from assay.api.models import (
    ImportCard,
    ImportProgress,
    LoadCard,
    MappingChoice,
    MappingText,
)
from assay.api.proposals import card_of, rewritten
from assay.api.settings import ApiSettings
from assay.api.upload import Dropped
from assay.apps.errors import problem_of, unexpected_problem
from assay.apps.payloads import Problem
from assay.apps.questions import Questions
from assay.connect.infer import Inference, infer
from assay.connect.load import load_file
from assay.connect.mapping import parse_mapping
from assay.connect.report import LoadReport
from assay.model.errors import AssayError
from assay.plugins.contracts import Progress
from assay.store.workspace import Workspace

_FOLDER = "dropped"
_LOADED = """
    SELECT DISTINCT characteristic, segment FROM measurement WHERE source = $source AND epoch = $epoch
"""


@dataclass
class _Import:
    """One dropped file; guarded by the desk's lock."""

    id: str
    dropped: Dropped
    inference: Inference
    state: str = "proposed"
    share: float | None = None
    step: str | None = None
    report: LoadCard | None = None
    problem: Problem | None = None


class ImportDesk:
    """Keeps dropped files, proposes mappings, loads, and tells how far it is.

    Files lie in ``spool/dropped/<id>/`` and are deleted when they are loaded, given up, when newer ones need
    the room, and when the server starts or stops.
    """

    def __init__(self, workspace: Workspace, questions: Questions, settings: ApiSettings) -> None:
        self._workspace = workspace
        self._questions = questions
        self._kept = settings.imports_kept
        self._root = workspace.spool / _FOLDER
        self._imports: dict[str, _Import] = {}
        self._lock = threading.Lock()
        shutil.rmtree(self._root, ignore_errors=True)

    def new_folder(self) -> Path:
        """An empty directory for one upload."""
        folder = self._root / secrets.token_hex(12)
        folder.mkdir(parents=True)
        return folder

    def propose(self, dropped: Dropped) -> ImportCard:
        """Look at a dropped file and propose a mapping for it.

        Raises
        ------
        SourceError
            The file can't be read as a table; it is deleted again.
        """
        try:
            inference = infer(dropped.path, known=self._workspace.registry.attributes())
            one = _Import(dropped.folder.name, dropped, inference)
            card = card_of(one.id, inference)
            self._admit(one)
        except BaseException:
            shutil.rmtree(dropped.folder, ignore_errors=True)
            raise
        return card

    def progress(self, import_id: str) -> ImportProgress:
        """How far an import is."""
        one = self._find(import_id)
        with self._lock:
            return ImportProgress.model_validate(
                {
                    "id": one.id,
                    "file_name": one.dropped.path.name,
                    "state": one.state,
                    "share": one.share,
                    "step": one.step,
                    "rows_done": one.report.rows if one.report else 0,
                    "rows_total": one.report.rows if one.report else None,
                    "report": one.report,
                    "error": one.problem,
                }
            )

    def rewrite(self, import_id: str, choice: MappingChoice) -> MappingText:
        """The mapping with the columns as the person wants them, and what keeps it from being used."""
        one = self._find(import_id)
        return rewritten(one.inference, choice.columns)

    def load(self, import_id: str, mapping: str) -> LoadCard:
        """Load a dropped file; its copy in the spool is deleted when it is loaded.

        Raises
        ------
        MappingError
            The mapping is not valid or does not fit the file; the file is kept for another attempt.
        ImportBusy
            The file is being loaded already.
        """
        one = self._find(import_id)
        parsed = parse_mapping(mapping, "mapping.yaml")
        with self._lock:
            if one.state == "loading":
                raise ImportBusy("import-loading", file=one.dropped.path.name)
            if one.state == "loaded" and one.report is not None:
                return one.report
            one.state, one.problem, one.share, one.step = "loading", None, 0.0, None
        try:
            report = load_file(self._workspace, one.dropped.path, parsed, progress=self._teller(one))
            card = self._card(report)
        except BaseException as error:
            with self._lock:
                one.state = "failed"
                one.problem = problem_of(error) if isinstance(error, AssayError) else unexpected_problem()
            raise
        with self._lock:
            one.state, one.report = "loaded", card
        shutil.rmtree(one.dropped.folder, ignore_errors=True)
        return card

    def discard(self, import_id: str) -> None:
        """Forget an import and delete its file; a file that is being loaded stays."""
        one = self._find(import_id)
        with self._lock:
            if one.state == "loading":
                raise ImportBusy("import-loading", file=one.dropped.path.name)
            self._imports.pop(import_id, None)
        shutil.rmtree(one.dropped.folder, ignore_errors=True)

    def close(self) -> None:
        """Delete every dropped file."""
        shutil.rmtree(self._root, ignore_errors=True)

    def _teller(self, one: _Import) -> Progress:
        def tell(done: float, total: float, what: str) -> None:
            with self._lock:
                one.share, one.step = (done / total if total else None), what

        return tell

    def _card(self, report: LoadReport) -> LoadCard:
        """The report, with the target these rows suggest, and their process step if they have only one."""
        key = {"source": report.source, "epoch": report.epoch}
        found = self._workspace.lake.query(_LOADED, key).to_pylist()
        names = {row["characteristic"] for row in found}
        segments = {row["segment"] for row in found}
        targets = (card.target for card in self._questions.targets().targets if card.characteristic in names)
        return LoadCard(
            rows=report.rows,
            accepted=report.accepted,
            duplicates=report.duplicates,
            quarantined=report.quarantined,
            reasons=report.reasons,
            target=next(targets, None),
            segment=segments.pop() if len(segments) == 1 else None,
        )

    def _find(self, import_id: str) -> _Import:
        with self._lock:
            one = self._imports.get(import_id)
        if one is None:
            raise ImportMissing(import_id)
        return one

    def _admit(self, one: _Import) -> None:
        """Keep an import; the oldest one that is not being loaded makes room."""
        with self._lock:
            while len(self._imports) >= self._kept:
                idle = next((other for other in self._imports.values() if other.state != "loading"), None)
                if idle is None:
                    raise ImportBusy("imports-full", count=len(self._imports))
                del self._imports[idle.id]
                shutil.rmtree(idle.dropped.folder, ignore_errors=True)
            self._imports[one.id] = one
