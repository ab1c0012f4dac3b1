"""Dropped files on their way in: kept in the spool until they are loaded or given up."""

from __future__ import annotations

import secrets
import shutil
import threading
from dataclasses import dataclass, field
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
from assay.connect.load import LoadReport, load_file
from assay.connect.mapping import parse_mapping
from assay.model.errors import AssayError
from assay.store.workspace import Workspace

_FOLDER = "dropped"


@dataclass
class _Import:
    """One dropped file; guarded by the desk's lock."""

    id: str
    dropped: Dropped
    inference: Inference | None = None
    state: str = "proposed"
    done: float = 0
    total: float | None = None
    report: LoadCard | None = None
    problem: Problem | None = None
    order: int = field(default=0)


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
            one = _Import(dropped.folder.name, dropped)
            one.inference = infer(dropped.path)
            card = card_of(one.id, dropped.path.name, one.inference)
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
                    "rows_done": int(one.done),
                    "rows_total": one.total and int(one.total),
                    "report": one.report,
                    "error": one.problem,
                }
            )

    def rewrite(self, import_id: str, choice: MappingChoice) -> MappingText:
        """The mapping with the columns as the person wants them, and what keeps it from being used."""
        one = self._find(import_id)
        if one.inference is None:
            raise ImportMissing(import_id)
        return rewritten(one.inference, choice, one.dropped.path)

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
            one.state, one.problem, one.done, one.total = "loading", None, 0, None
        try:
            report = load_file(self._workspace, one.dropped.path, parsed, progress=self._teller(one))
            card = self._card(report, parsed.mapping.source)
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

    def _teller(self, one: _Import):  # type: ignore[no-untyped-def]
        def tell(done: float, total: float, what: str) -> None:
            del what
            with self._lock:
                one.done, one.total = done, total

        return tell

    def _card(self, report: LoadReport, source: str) -> LoadCard:
        raise NotImplementedError

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
