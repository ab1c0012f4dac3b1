"""Opening a file through the connectors that are installed, and reading ahead of who consumes it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from assay.connect.mapping import FileSpec
from assay.model.errors import MappingError, SourceError, did_you_mean
from assay.plugins import connectors
from assay.plugins.contracts import Connector, ConnectorManifest, RecordSource

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
    return manifest.make().open(path, _config(manifest, spec))


def connector_of(name: str, spec: FileSpec) -> tuple[Connector, Any]:
    """The connector that reads a format, and its config in a mapping; ``MappingError`` if none does."""
    manifest = _of_format(name)
    return manifest.make(), _config(manifest, spec)


def _config(manifest: ConnectorManifest, spec: FileSpec) -> Any:
    config: dict[str, Any] = dict(spec.options)
    if manifest.id == _FILES:
        given = spec.model_dump(exclude_unset=True)
        config |= {name: value for name, value in given.items() if name in manifest.config.model_fields}
    try:
        return manifest.validated(config)
    except ValidationError as error:
        first = error.errors()[0]
        known = list(manifest.config.model_fields)
        where = ".".join(str(part) for part in first["loc"])
        raise MappingError(
            f"file: options: {where}: {first['msg']}",
            hint=did_you_mean(where, known)
            or f"Connector {manifest.id!r} knows: {', '.join(known) or 'none'}.",
        ) from error


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
    return _of_format(spec.format)


def _of_format(name: str) -> ConnectorManifest:
    registry = connectors()
    builtin = registry.get(_FILES)
    if name in builtin.formats:
        return builtin
    known = {one: manifest for manifest in registry.working() for one in manifest.formats}
    if name in known:
        return known[name]
    raise MappingError(
        f"file: format: no connector reads {name!r}",
        hint=did_you_mean(name, list(known)) or f"Known: auto, {', '.join(sorted(known))}.",
    )


class _Done:
    pass


class Ahead(Generic[R]):
    """``work`` over ``items`` in order, done by a thread that begins at once and stays ``depth`` ahead.

    Iterate over the results once, and :meth:`close` when done; an error of the work is raised where the
    result would have come.
    """

    def __init__(self, items: Iterable[T], work: Callable[[T], R], depth: int = 1) -> None:
        self._results: queue.Queue[R | _Done | BaseException] = queue.Queue(depth)
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(items, work), name="assay-read-ahead", daemon=True
        )
        self._thread.start()

    def _put(self, result: R | _Done | BaseException) -> bool:
        while not self._stop.is_set():
            try:
                self._results.put(result, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def _run(self, items: Iterable[T], work: Callable[[T], R]) -> None:
        try:
            for item in items:
                if not self._put(work(item)):
                    return
            self._put(_Done())
        except BaseException as error:  # noqa: BLE001 - raised again where the results are consumed
            self._put(error)
        finally:
            if isinstance(items, Ahead | Generator):
                items.close()

    def __iter__(self) -> Iterator[R]:
        while not isinstance(result := self._results.get(), _Done):
            if isinstance(result, BaseException):
                raise result
            yield result

    def close(self) -> None:
        """Stop working and wait for the thread."""
        self._stop.set()
        self._thread.join()
