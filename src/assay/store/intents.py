"""What is about to be committed for a load of several kinds, written down before the first commit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

from assay.store.keys import LoadKey
from assay.store.layout import StagedFile
from assay.store.place import sync


def pending(directory: Path) -> list[Path]:
    """The intents of processes that are at it, or died."""
    return sorted(directory.glob("*.json")) if directory.is_dir() else []


def write_intent(
    path: Path,
    load: LoadKey,
    plan: Mapping[str, Sequence[StagedFile]],
    facts: Mapping[str, Mapping[str, Any]],
) -> None:
    """Note the files of each kind, and what is noted with its commit; durable when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "source": load.source,
        "epoch": load.epoch,
        "facts": facts,
        "kinds": {name: [asdict(file) for file in files] for name, files in plan.items()},
    }
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(document, default=lambda value: value.isoformat()), encoding="utf-8")
    sync(unfinished)
    unfinished.replace(path)
    sync(path.parent)


def read_intent(path: Path) -> tuple[LoadKey, dict[str, list[StagedFile]], dict[str, dict[str, Any]]]:
    """The load of an intent, its files by kind, and what is noted with each commit."""
    document = json.loads(path.read_text(encoding="utf-8"))
    moments = ("time_min", "time_max")
    plan = {
        name: [
            StagedFile(
                **file
                | {"date": date.fromisoformat(file["date"])}
                | {key: file[key] and datetime.fromisoformat(file[key]) for key in moments}
            )
            for file in files
        ]
        for name, files in document["kinds"].items()
    }
    return LoadKey(document["source"], document["epoch"]), plan, document.get("facts", {})
