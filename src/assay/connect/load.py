"""Loading a file: rows become records or quarantine rows, each exactly once, whatever happens meanwhile."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from pathlib import Path
from typing import Any

from assay.connect.loader import Job, Loader, begin_reading
from assay.connect.mapping import Mapping, MappingFile, name_values, read_mapping
from assay.connect.plan import ROW_NUMBER, Plan, make_plan
from assay.connect.replay import replay
from assay.connect.report import LoadReport
from assay.connect.sources import open_source
from assay.model.errors import SourceError
from assay.plugins.contracts import Progress
from assay.store.keys import LoadKey
from assay.store.workspace import Workspace

__all__ = ["LoadReport", "load_file", "replay"]

_READ = 4 * 1024 * 1024


def load_file(
    workspace: Workspace,
    file: str | Path,
    mapping: str | Path | Mapping | MappingFile | dict[str, Any],
    *,
    progress: Progress | None = None,
) -> LoadReport:
    """Load ``file`` into the plant as ``mapping`` says.

    A file that was loaded before with the same mapping changes nothing: its rows are duplicates.

    Parameters
    ----------
    progress
        Told bytes done, bytes in all, and the step: ``read``, ``compare`` or ``commit``.

    Raises
    ------
    MappingError
        The mapping is not valid, does not fit the file, or clashes with what the plant has declared.
    SourceError
        The file can't be read as what it claims to be; nothing was loaded.
    """
    path = Path(file)
    mapping_file = read_mapping(mapping)
    source = open_source(path, mapping_file.mapping.file)
    try:
        zone = workspace.config.time_zone
        plan = make_plan(mapping_file, source.columns, path.name, zone, also_iso=source.format != "csv")
        with workspace.load_lock(), closing(begin_reading(workspace, source, plan)) as built:
            stamp = _stamp(path)
            content = _content(path)  # while the first blocks are read
            job = Job(
                workspace=workspace,
                source=source,
                plan=plan,
                key=LoadKey(plan.mapping.source, epoch_of(content, plan, path.name, zone)),
                file_name=path.name,
                fingerprint=content,
                mapping_yaml=mapping_file.text,
            )

            def unchanged() -> None:
                if _stamp(path) != stamp and _content(path) != content:
                    raise SourceError(
                        f"{path.name} was changed while it was read; nothing of it was loaded",
                        hint="Load it again when it is complete.",
                    )

            return Loader(job, built, unchanged, progress).run()
    finally:
        source.close()


def epoch_of(content: str, plan: Plan, file_name: str, zone: str) -> str:
    """The load's epoch: what was read, and everything that decides what it becomes."""
    said = plan.mapping.model_dump(mode="json", by_alias=True)
    values = name_values(plan.mapping, file_name)
    if any(use.column == ROW_NUMBER for use in plan.uses):
        values[ROW_NUMBER] = plan.stem
    decisive = json.dumps([said, sorted(values.items()), zone], sort_keys=True, ensure_ascii=False)
    return f"{content[:24]}-{hashlib.sha256(decisive.encode()).hexdigest()[:8]}"


def _content(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_READ):
            digest.update(piece)
    return digest.hexdigest()


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns
