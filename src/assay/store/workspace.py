"""The workspace: a plant is a directory."""

from __future__ import annotations

import hashlib
import shutil
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from assay.model.errors import ModelError, StoreError, WorkspaceNotFound
from assay.store.config import (
    FILE_NAME,
    LedgerSettings,
    PlantConfig,
    checked_config,
    log_by_default,
    read_config,
)
from assay.store.lake import Lake
from assay.store.locks import locked
from assay.store.objects import ObjectStore
from assay.store.people import people_of
from assay.store.place import sync
from assay.store.quarantine import Quarantine
from assay.store.registry import Registry

if TYPE_CHECKING:
    import pyarrow as pa

    from assay.model.plant_model import PlantModel
    from assay.store.evidence import Evidence
    from assay.store.refused_rows import RefusedRows

MODEL_FILE = "model.yaml"
_MODEL_APPLIED = "model.applied"


class Workspace:
    """``assay.toml``, the registry, the lake, the objects and ``spool/`` of one plant.

    Make one with :meth:`create` or :meth:`open`; close it, or use it as a context manager.
    """

    def __init__(self, path: Path, config: PlantConfig) -> None:
        self.path = path
        self.config = config
        self.registry = Registry.open(config.registry or f"sqlite:///{path / 'registry.db'}")
        try:
            self.lake = Lake(config.lake or path / "lake", self.registry, self.spool, config.policies)
            self.objects = ObjectStore(config.objects or path / "objects", self.spool)
        except StoreError:
            self.registry.close()
            raise
        self.quarantine = Quarantine(self.lake)
        self.lake.relations["refusal"] = self._refusals
        everywhere = config.ledger.pseudonyms is True
        self.people = people_of(config.ledger, lambda: self.evidence.secrets) if everywhere else None
        self.lake.people = self.registry.people = self.people
        if config.ledger.log and (path / "ledger").is_dir():
            self.lake.after_commit = self.registry.after_change = self._committed

    @property
    def spool(self) -> Path:
        """Where files lie that are on their way in, and the plant's locks."""
        return self.path / "spool"

    @cached_property
    def refused(self) -> RefusedRows:
        """Which records the gate refused as evidence."""
        from assay.store.refused_rows import RefusedRows

        return RefusedRows(self.path / "ledger", self.lake, self.evidence.people)

    def _refusals(self) -> pa.Table:
        return self.refused.table()

    def _committed(self) -> None:
        self.evidence.noticed()

    @cached_property
    def evidence(self) -> Evidence:
        """The plant's evidence log, and what is still to be logged."""
        from assay.store.evidence import Evidence

        return Evidence(self.path, self.config.ledger, self.lake, self.spool)

    @classmethod
    def create(
        cls,
        path: Path | str,
        *,
        name: str | None = None,
        time_zone: str = "UTC",
        registry_url: str | None = None,
        language: str = "en",
        lake: str = "",
        objects: str = "",
        log: bool | None = None,
    ) -> Self:
        """Make a plant in a new or empty directory and open it.

        ``lake`` and ``objects`` are places elsewhere: a directory, or ``s3://bucket/prefix``. Everything the
        plant records is logged, unless ``log`` is false (:func:`assay.store.config.log_by_default`).

        Raises
        ------
        StoreError
            The directory already holds something or can't be made, or the registry can't be opened; nothing
            is left of the plant.
        ModelError
            A setting is not valid.
        """
        path = Path(path).absolute()
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            what = "already is a plant" if (path / FILE_NAME).exists() else "is not an empty directory"
            raise StoreError(
                f"{path} {what}", hint="Choose a new directory, or open the plant that is there."
            )
        config = checked_config(
            {
                "name": name or path.name,
                "time_zone": time_zone,
                "language": language,
                "registry": registry_url or "",
                "lake": lake,
                "objects": objects,
            },
            "the new plant",
        )
        logged = log_by_default() if log is None else log
        ledger = LedgerSettings(log=logged, pseudonyms="log" if logged else False)
        config = config.model_copy(update={"ledger": ledger})
        existed = path.exists()
        try:
            elsewhere = {"lake": lake, "objects": objects}
            for folder in ("", "spool", *(name for name, place in elsewhere.items() if not place)):
                (path / folder).mkdir(parents=True, exist_ok=True)
            if logged:
                from assay.store.evidence import Evidence

                Evidence.make(path, Evidence.origin_of(config.name))
            workspace = cls(path, config)
            # Last: a directory is a plant when it has this file.
            (path / FILE_NAME).write_text(config.to_toml(), encoding="utf-8")
            sync(path / FILE_NAME)
            sync(path)
        except (OSError, StoreError) as error:
            _empty(path, remove=not existed)
            if isinstance(error, StoreError):
                raise
            raise StoreError(
                f"no plant can be made at {path}: {error}", hint="Choose another directory."
            ) from error
        return workspace

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Open a plant.

        Raises
        ------
        WorkspaceNotFound
            The directory has no ``assay.toml``.
        ModelError
            ``assay.toml`` or ``model.yaml`` is not valid.
        StoreError
            The registry can't be opened.
        """
        path = Path(path).absolute()
        if not (path / FILE_NAME).is_file():
            raise WorkspaceNotFound(f"{path} is not an Assay plant", hint=f"Make one with: assay init {path}")
        config = read_config(path / FILE_NAME)
        if config.ledger.pseudonyms is True and not (path / "ledger").is_dir():
            raise ModelError(
                f"{path / FILE_NAME}: ledger.pseudonyms is set, and the plant has no evidence log",
                hint=f"Begin one with: assay ledger init {path}",
            )
        workspace = cls(path, config)
        try:
            workspace.apply_model()
        except BaseException:
            workspace.close()
            raise
        return workspace

    def apply_model(self) -> None:
        """Declare what ``model.yaml`` declares; done on opening, once per content of the file.

        Raises
        ------
        ModelError
            The file is not valid, or clashes with what the plant already has.
        """
        self.__dict__.pop("model", None)  # the file may have changed since it was read
        content = self._model_file()
        fingerprint = hashlib.sha256(content).hexdigest()
        if not content or self.registry.setting(_MODEL_APPLIED) == fingerprint:
            return
        model = self.model
        self.registry.declare_attributes(model.attributes)
        self.registry.declare_entity_attributes(model.entities)
        for kind, rows in model.master_data.items():
            self.registry.upsert_entities(kind, rows)
        self.registry.set_setting(_MODEL_APPLIED, fingerprint)

    @cached_property
    def model(self) -> PlantModel:
        """What ``model.yaml`` declares; empty without the file.

        Raises
        ------
        ModelError
            The file is not valid.
        """
        from assay.model.plant_model import PlantModel, parse_plant_model

        content, file = self._model_file(), self.path / MODEL_FILE
        if not content:
            return PlantModel()
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ModelError(f"{file} is not UTF-8 text: {error}", hint="Save the file as UTF-8.") from error
        return parse_plant_model(text, str(file))

    def _model_file(self) -> bytes:
        file = self.path / MODEL_FILE
        return file.read_bytes() if file.is_file() else b""

    def load_lock(self, *, wait: bool = True) -> AbstractContextManager[None]:
        """Hold this while rows are loaded: one loader at a time per plant, readers are free.

        Raises
        ------
        PlantBusy
            ``wait`` is false and another process is loading.
        """
        return locked(self.spool / "load.lock", wait=wait)

    def close(self) -> None:
        """Give back the registry's connections, and what the evidence log holds open."""
        if "evidence" in self.__dict__:
            self.evidence.close()
        self.registry.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _empty(path: Path, *, remove: bool) -> None:
    """Take back what was begun in a directory that held nothing before."""
    if remove:
        shutil.rmtree(path, ignore_errors=True)
    elif path.is_dir():
        for inside in path.iterdir():
            if inside.is_dir():
                shutil.rmtree(inside, ignore_errors=True)
            else:
                inside.unlink(missing_ok=True)
