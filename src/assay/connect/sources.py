"""Opening a file through the connectors that are installed, and reading ahead of who consumes it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from assay.connect.mapping import FileSpec
from assay.model.errors import MappingError, SourceError, did_you_mean
from assay.plugins import connectors
from assay.plugins.contracts import ConnectorManifest, RecordSource

_FILES = "files"

T = TypeVar("T")
R = TypeVar("R")


def open_source(path: Path, spec: FileSpec) -> RecordSource:
    """Open ``path`` with the connector that reads it.

    Raises
    ------
    SourceError
        The file is missing, empty, broken, or not what its name says.
    MappingError
        The mapping names a format no connector reads, or options the connector does not have.
    """
    if not path.exists():
        raise SourceError(f"{path}: there is no such file", hint="Check the path.")
    if not path.is_file():
        raise SourceError(f"{path} is not a file", hint="Name one file; load a folder file by file.")
    manifest = _manifest(path, spec)
    config: dict[str, Any] = dict(spec.options)
    if manifest.id == _FILES:
        given = spec.model_dump(exclude_unset=True)
        config |= {name: value for name, value in given.items() if name in manifest.config.model_fields}
    try:
        checked = manifest.validated(config)
    except ValidationError as error:
        first = error.errors()[0]
        known = list(manifest.config.model_fields)
        where = ".".join(str(part) for part in first["loc"])
        raise MappingError(
            f"file: options: {where}: {first['msg']}",
            hint=did_you_mean(where, known)
            or f"Connector {manifest.id!r} knows: {', '.join(known) or 'none'}.",
        ) from error
    return manifest.make().open(path, checked)


def _manifest(path: Path, spec: FileSpec) -> ConnectorManifest:
    registry = connectors()
    if spec.format == "auto":
        for manifest in registry.working():
            if manifest.id == _FILES or "file" not in manifest.capabilities:
                continue
            found = manifest.make().recognise(path)
            if found is not None and found.certain:
                return manifest
        return registry.get(_FILES)
    builtin = registry.get(_FILES)
    if spec.format in builtin.formats:
        return builtin
    known = {name: manifest for manifest in registry.working() for name in manifest.formats}
    if spec.format in known:
        return known[spec.format]
    raise MappingError(
        f"file: format: no connector reads {spec.format!r}",
        hint=did_you_mean(spec.format, list(known)) or f"Known: auto, {', '.join(sorted(known))}.",
    )


class _Done:
    pass


def ahead(items: Iterable[T], work: Callable[[T], R], depth: int = 1) -> Iterator[R]:
    """``work`` over ``items`` in order, done in a thread up to ``depth`` results ahead of the consumer."""
    results: queue.Queue[R | _Done | BaseException] = queue.Queue(depth)
    stop = threading.Event()

    def put(result: R | _Done | BaseException) -> bool:
        while not stop.is_set():
            try:
                results.put(result, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def run() -> None:
        try:
            for item in items:
                if not put(work(item)):
                    return
            put(_Done())
        except BaseException as error:  # noqa: BLE001 - raised again where the results are consumed
            put(error)
        finally:
            if hasattr(items, "close"):
                items.close()

    thread = threading.Thread(target=run, name="assay-read-ahead", daemon=True)
    thread.start()
    try:
        while True:
            result = results.get()
            if isinstance(result, _Done):
                return
            if isinstance(result, BaseException):
                raise result
            yield result
    finally:
        stop.set()
        thread.join()
