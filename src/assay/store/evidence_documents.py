"""The settings and the model of a plant, as they are logged when they change."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from assay.ledger.entries import Origin
from assay.store.config import FILE_NAME
from assay.store.evidence_index import EvidenceIndex
from assay.store.evidence_statements import Statement


def changed_documents(plant: Path, index: EvidenceIndex) -> Iterator[Statement]:
    """Statements of the documents that are otherwise than they were logged last."""
    for name, kind in ((FILE_NAME, "configuration"), ("model.yaml", "model")):
        file = plant / name
        if not file.is_file():
            continue
        content = file.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        version = int(digest[:14], 16)
        before = index.last_record_of(f"plant:{name}")
        if before is not None and before.epoch == version:
            continue
        who = Origin(f"plant:{name}", version, 0 if before is None else before.seq + 1)
        said = _settings(content) if kind == "configuration" else {"text": content.decode("utf-8", "replace")}
        yield Statement(kind, name, {"sha256": digest, **said}, origin=who)


def _settings(content: bytes) -> dict[str, str]:
    """The settings of a plant by their dotted names, passwords left out."""
    try:
        document = tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}
    return {name: _without_password(str(value)) for name, value in _flat(document, "")}


def _flat(table: Mapping[str, Any], before: str) -> Iterable[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def _without_password(text: str) -> str:
    scheme, found, rest = text.partition("://")
    who, at, where = rest.rpartition("@")
    return f"{scheme}://{who.partition(':')[0]}@{where}" if found and at else text
