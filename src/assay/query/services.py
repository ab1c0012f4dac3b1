"""What the services on questions share: how a question is prepared, and tokens that pin what was answered."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Literal, Protocol

import pyarrow as pa

from assay.model.catalogue import Catalogue
from assay.model.errors import QueryError, SpokenError, StoreError
from assay.model.text import Language, Text
from assay.query.program import Column, Limits
from assay.store.snapshot import Snapshot
from assay.store.workspace import Workspace

CATALOGUE = Catalogue("assay.query")

Purpose = Literal["extract", "watch"]

_PLANT = "plant/id"
_FORM = 1
_LONGEST = 65_536
_INFLATED = 1 << 20


class Prepared(Protocol):
    """A question that is ready to be answered on one snapshot."""

    @property
    def text(self) -> str:
        """The question in its canonical form."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the answer."""

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that identify a row; none where nothing does."""

    @property
    def snapshot(self) -> Snapshot:
        """The state of the plant it is answered on."""

    def stream(self, batch_rows: int = 65_536) -> pa.RecordBatchReader:
        """The answer in an order that is the same each time, batch by batch, as it is read."""

    def cancel(self) -> None:
        """Stop what the engine is doing; may be called from another thread."""

    def close(self) -> None:
        """Let go of the engine."""


class Prepare(Protocol):
    """How a question is prepared; :func:`assay.query.find.prepare`."""

    def __call__(
        self, workspace: Workspace, question: Any, *, limits: Limits | None, snapshot: Snapshot | None
    ) -> Prepared:
        """The question on a snapshot; on the plant as it is now without one."""


class ServiceRefusal(SpokenError, QueryError):
    """A service can't go on as asked: ``key`` names its texts in the catalogue of this room.

    Values that are a :class:`Text` are said in the language of the sentence.
    """

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(_said(key, values), _said(f"{key}-hint", values))
        self.key = key


class TokenRefused(ServiceRefusal):
    """A resume token is damaged, or of another question, plant or service."""


class SnapshotGone(ServiceRefusal, StoreError):
    """The state of the plant that a token points to can't be had again."""


@dataclass(frozen=True, slots=True)
class Pin:
    """What was asked, on which state of the plant, and how far the answer was delivered.

    Attributes
    ----------
    purpose
        The service it belongs to.
    plant
        The plant's identity.
    question
        The question in its canonical form.
    versions
        The version of each table of the lake.
    files
        A digest of the files of these versions.
    master
        A digest of the master data.
    moment
        The time of the snapshot.
    rows
        How many rows were delivered.
    answer
        A digest: of the answer's columns for an extraction, of its rows for a watched question.
    """

    purpose: Purpose
    plant: str
    question: str
    versions: Mapping[str, int]
    files: str
    master: str
    moment: str
    rows: int = 0
    answer: str = ""

    @classmethod
    def of(cls, purpose: Purpose, workspace: Workspace, prepared: Prepared) -> Pin:
        """The pin of a prepared question of which nothing was delivered yet."""
        seen = prepared.snapshot
        return cls(
            purpose=purpose,
            plant=plant_id(workspace),
            question=prepared.text,
            versions=dict(seen.versions),
            files=files_digest(seen),
            master=_master_digest(seen.master),
            moment=seen.moment.isoformat(),
        )

    def token(self) -> str:
        """The pin as an opaque text that is safe in a URL."""
        plain = json.dumps([_FORM, asdict(self)], ensure_ascii=False, separators=(",", ":")).encode()
        packed = zlib.compress(plain, 6)
        return base64.urlsafe_b64encode(_checksum(packed) + packed).rstrip(b"=").decode()

    @classmethod
    def read(cls, token: str, purpose: Purpose) -> Pin:
        """The pin of a token.

        Raises
        ------
        TokenRefused
            The token is damaged, or of another service.
        """
        pin = _unpacked(token)
        if pin.purpose != purpose:
            theirs, ours = (CATALOGUE.text(f"purpose.{each}") for each in (pin.purpose, purpose))
            raise TokenRefused("token.purpose", theirs=theirs, ours=ours)
        return pin

    def check(self, workspace: Workspace, question: str | None) -> None:
        """Refuse the pin where it is of another plant, or of another question than ``question``.

        Raises
        ------
        TokenRefused
            It is.
        """
        if self.plant != plant_id(workspace):
            raise TokenRefused("token.plant")
        if question is not None and question != self.question:
            raise TokenRefused("token.question", theirs=self.question)

    def snapshot(self, workspace: Workspace) -> Snapshot:
        """The state of the plant that the pin points to, without rows that were not committed then.

        Raises
        ------
        SnapshotGone
            A version, some of its files or the master data of that time is not there any more.
        """
        try:
            found = workspace.lake.snapshot(
                versions=self.versions, moment=datetime.fromisoformat(self.moment)
            )
        except StoreError as error:
            raise self._gone(Text(zh=error.message, en=error.message)) from error
        if files_digest(found) != self.files:
            raise self.gone("files")
        if _master_digest(found.master) != self.master:
            raise self.gone("master")
        return found

    def gone(self, why: str, **values: object) -> SnapshotGone:
        """The error that says why the pinned state can't be had: a text ``gone.<why>``."""
        return self._gone(CATALOGUE.text(f"gone.{why}", **values))

    def _gone(self, detail: Text) -> SnapshotGone:
        return SnapshotGone("token.gone", moment=self.moment, detail=detail)


def prepare(
    workspace: Workspace, question: Any, *, limits: Limits | None, snapshot: Snapshot | None
) -> Prepared:
    """Prepare a question with the language and the engine of this plant."""
    from assay.query.find import prepare as prepared

    return prepared(workspace, question, limits=limits, snapshot=snapshot)


def committed(workspace: Workspace) -> Snapshot:
    """The plant as it is now, all of it in versions that can be had again: what is hot is flushed first."""
    workspace.lake.hot.flush()
    return replace(workspace.lake.snapshot(), hot={})


def plant_id(workspace: Workspace) -> str:
    """The plant's identity, made when first asked for; a restored plant keeps it."""
    found = workspace.registry.setting(_PLANT)
    if not isinstance(found, str):
        workspace.registry.set_setting(_PLANT, uuid.uuid4().hex)
        found = workspace.registry.setting(_PLANT)
    return str(found)


def files_digest(snapshot: Snapshot) -> str:
    """A digest of the files of a snapshot, wherever the lake lies."""
    hashed = hashlib.sha256()
    for table, files in sorted(snapshot.files.items()):
        hashed.update(f"{table}\0".encode())
        for path in sorted("/".join(file.rsplit("/", 2)[-2:]) for file in files):
            hashed.update(f"{path}\0".encode())
    return hashed.hexdigest()[:16]


def schema_digest(schema: pa.Schema) -> str:
    """A digest of names and types."""
    text = ";".join(f"{field.name}:{field.type}" for field in schema)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _master_digest(master: Mapping[str, pa.Table]) -> str:
    """A digest of the master data; which version is in force follows from the moment and is left out."""
    hashed = hashlib.sha256()
    for kind, table in sorted(master.items()):
        if not table.num_rows:
            continue
        known = [
            name
            for name, column in zip(table.column_names, table.columns, strict=True)
            if name != "is_current" and column.null_count < len(column)
        ]
        hashed.update(f"{kind}\0".encode())
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.select(known).schema) as writer:
            writer.write_table(table.select(known).combine_chunks())
        hashed.update(sink.getvalue())
    return hashed.hexdigest()[:16]


def _checksum(packed: bytes) -> bytes:
    return hashlib.sha256(b"assay token" + packed).digest()[:6]


def _unpacked(token: str) -> Pin:
    try:
        if len(token) > _LONGEST:
            raise ValueError(f"{len(token)} characters")
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        check, packed = raw[:6], raw[6:]
        if check != _checksum(packed):
            raise ValueError("the checksum is wrong")
        inflating = zlib.decompressobj()
        plain = inflating.decompress(packed, _INFLATED)
        form, fields = json.loads(plain)
        if form != _FORM:
            raise ValueError(f"form {form!r}")
        pin = Pin(**fields)
        datetime.fromisoformat(pin.moment)
    except (ValueError, TypeError, KeyError, zlib.error) as error:
        raise TokenRefused("token.damaged", detail=str(error)) from error
    return pin


def _said(key: str, values: Mapping[str, object]) -> Text:
    def told(language: Language) -> str:
        spoken = {
            name: value.said(language) if isinstance(value, Text) else value for name, value in values.items()
        }
        return CATALOGUE.say(key, language, **spoken)

    return Text(zh=told("zh"), en=told("en"))
