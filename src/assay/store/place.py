"""Where a plant's files lie: a directory, or a bucket of an S3-compatible store.

What opens a bucket comes from the environment and from nowhere else, and is never shown:
``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``, ``AWS_SESSION_TOKEN`` where there is one, ``AWS_REGION``,
``AWS_ENDPOINT_URL`` for a store of one's own, and ``AWS_ALLOW_HTTP=true`` for one without TLS.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.fs as pafs

from assay.model.errors import StoreError

SCHEME = "s3://"
_KEY = "AWS_ACCESS_KEY_ID"
_SECRET = "AWS_SECRET_ACCESS_KEY"  # noqa: S105 - the variable's name
_TOKEN = "AWS_SESSION_TOKEN"  # noqa: S105 - the variable's name
_REGION = "AWS_REGION"
_ENDPOINT = "AWS_ENDPOINT_URL"
_ALLOW_HTTP = "AWS_ALLOW_HTTP"
_DEFAULT_REGION = "us-east-1"

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[\w.=-]+(/[\w.=-]+)*", re.ASCII)
_CONNECT_SECONDS = 5
_REQUEST_SECONDS = 60
_TRIES = 3
_UPLOADS_AT_A_TIME = 4
_COPIED_BYTES = 8 << 20

_NO_BUCKET = re.compile(r"NO_SUCH_BUCKET|NoSuchBucket")
_REFUSED = re.compile(
    r"ACCESS_DENIED|INVALID_ACCESS_KEY_ID|SIGNATURE_DOES_NOT_MATCH|AccessDenied|InvalidAccessKeyId"
    r"|SignatureDoesNotMatch|HTTP response code 40[13]|40[13] (Forbidden|Unauthorized)"
)
_SILENT = re.compile(r"NETWORK_CONNECTION|error sending request|[Cc]onnect(ion)? (error|refused)|timed? ?out")
_PAINT = re.compile(r"\x1b\[[0-9;]*m")
_REQUEST_ID = re.compile(r" \(Request ID: [^)]*\)")


def is_remote(path: str | Path) -> bool:
    """Whether a path is a URL of a bucket."""
    return isinstance(path, str) and path.startswith(SCHEME)


def sync(path: Path) -> None:
    """Make a file's content, or a directory's entries, survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@dataclass(frozen=True)
class _Access:
    """How a bucket is opened. Its text shows no keys."""

    key: str = field(repr=False)
    secret: str = field(repr=False)
    token: str = field(repr=False)
    region: str
    endpoint: str

    @classmethod
    def from_environment(cls, url: str) -> Self:
        given = {
            name: os.environ.get(name, "").strip() for name in (_KEY, _SECRET, _TOKEN, _REGION, _ENDPOINT)
        }
        missing = [name for name in (_KEY, _SECRET) if not given[name]]
        if missing:
            raise StoreError(
                f"{url} can't be opened: {' and '.join(missing)} is not set",
                hint=f"Set {_KEY}, {_SECRET} and {_REGION} in the environment; for a store of your own also "
                f"{_ENDPOINT}.",
            )
        endpoint = given[_ENDPOINT].rstrip("/")
        if endpoint:
            _check_endpoint(endpoint)
        return cls(given[_KEY], given[_SECRET], given[_TOKEN], given[_REGION] or _DEFAULT_REGION, endpoint)


def _check_endpoint(endpoint: str) -> None:
    scheme = urlsplit(endpoint).scheme
    if scheme not in {"http", "https"} or not urlsplit(endpoint).hostname or "@" in endpoint:
        raise StoreError(
            f"{_ENDPOINT} is not the address of a store",
            hint="Write it like https://store.plant.example:9000, without keys.",
        )
    if scheme == "http" and os.environ.get(_ALLOW_HTTP, "").strip().lower() not in {"1", "true", "yes"}:
        raise StoreError(
            f"{_ENDPOINT} begins with http, and keys and records would go over the network unprotected",
            hint=f"Use https, or set {_ALLOW_HTTP}=true where the network is trusted.",
        )


@lru_cache(maxsize=8)
def _bucket_filesystem(access: _Access) -> pafs.FileSystem:
    address = urlsplit(access.endpoint)
    own = {"endpoint_override": address.netloc, "scheme": address.scheme} if access.endpoint else {}
    return pafs.S3FileSystem(
        access_key=access.key,
        secret_key=access.secret,
        session_token=access.token or None,
        region=access.region,
        connect_timeout=_CONNECT_SECONDS,
        request_timeout=_REQUEST_SECONDS,
        retry_strategy=pafs.AwsStandardS3RetryStrategy(max_attempts=_TRIES),
        **own,
    )


@lru_cache(maxsize=32)
def _check_bucket(access: _Access, bucket: str) -> None:
    if _bucket_filesystem(access).get_file_info(bucket).type is pafs.FileType.NotFound:
        raise OSError("NoSuchBucket")


@dataclass(frozen=True, slots=True)
class Found:
    """A file of a place: its path below the place, and its size in bytes."""

    path: str
    size: int


class Place:
    """A directory or a bucket's prefix; paths within are relative and use ``/``.

    Make one with :meth:`of`. Every failure of a bucket becomes a :class:`StoreError` without keys.
    """

    def __init__(self, url: str, root: str, access: _Access | None) -> None:
        self.url = url
        self._root = root
        self._access = access

    @classmethod
    def of(cls, where: Place | Path | str) -> Place:
        """The place of a directory or an ``s3://bucket/prefix``.

        Raises
        ------
        StoreError
            The URL is none of a bucket, or the environment lacks what opens it.
        """
        if isinstance(where, Place):
            return where
        if not is_remote(where):
            if isinstance(where, str) and "://" in where:
                raise StoreError(
                    f"{where.split('://', 1)[0]}://… is no place for a plant's files",
                    hint="Give a directory, or s3://bucket/prefix.",
                )
            path = str(Path(where).absolute())
            return cls(path, path, None)
        bucket, _, prefix = str(where).removeprefix(SCHEME).strip("/").partition("/")
        if not _BUCKET.fullmatch(bucket) or not _PREFIX.fullmatch(prefix) or ".." in prefix.split("/"):
            # The text itself may hold keys, as in s3://key:secret@bucket.
            raise StoreError(
                "a place in a bucket is written s3://bucket/prefix; letters, digits and . _ = - may be used",
                hint="Keys belong into the environment, not into the URL.",
            )
        url = f"{SCHEME}{bucket}/{prefix}"
        return cls(url, f"{bucket}/{prefix}", _Access.from_environment(url))

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self._root.rsplit("/", 1)[-1]

    @property
    def directory(self) -> Path | None:
        """The directory of a local place; None for a bucket."""
        return Path(self._root) if self._access is None else None

    @property
    def filesystem(self) -> pafs.FileSystem:
        """The filesystem in which :meth:`within` names files."""
        return pafs.LocalFileSystem() if self._access is None else _bucket_filesystem(self._access)

    def __truediv__(self, path: str) -> Place:
        return Place(f"{self.url}/{path}", f"{self._root}/{path}", self._access)

    def __str__(self) -> str:
        return self.url

    def __repr__(self) -> str:
        return f"Place({self.url!r})"

    def within(self, path: str = "") -> str:
        """A path as :attr:`filesystem` wants it."""
        return f"{self._root}/{path}" if path else self._root

    def address(self, path: str) -> str:
        """The absolute path, or the URL, of a file."""
        return f"{self.url}/{path}"

    def relative(self, address: str) -> str:
        """The path of a file of this place, from its absolute path or URL."""
        return address.removeprefix(f"{self.url}/")

    # -- files ------------------------------------------------------------------------------------

    def sizes(self, paths: Iterable[str]) -> dict[str, int]:
        """The sizes of those files that exist."""
        wanted = list(paths)
        with self.reporting("can't be read"):
            infos = self.filesystem.get_file_info([self.within(path) for path in wanted])
        pairs = zip(wanted, infos, strict=True)
        found = {path: info.size for path, info in pairs if info.type is pafs.FileType.File}
        if len(found) < len(wanted):
            self._check_bucket()
        return found

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        return path in self.sizes([path])

    def files(self, below: str = "") -> Iterator[Found]:
        """Every file below a path, ordered by name; none where there is nothing."""
        selector = pafs.FileSelector(self.within(below), allow_not_found=True, recursive=True)
        with self.reporting("can't be listed"):
            found = self.filesystem.get_file_info(selector)
        if not found:
            self._check_bucket()
        start = len(self._root) + 1
        files = [Found(info.path[start:], info.size) for info in found if info.type is pafs.FileType.File]
        return iter(sorted(files, key=lambda one: one.path))

    def _check_bucket(self) -> None:
        """Nothing was found: because there is nothing, or because there is no such bucket?"""
        if self._access is not None:
            with self.reporting("can't be read"):
                _check_bucket(self._access, self._root.split("/", 1)[0])

    def delete(self, path: str) -> None:
        """Remove a file; nothing happens when it is gone already."""
        with self.reporting("can't be deleted from"):
            try:
                self.filesystem.delete_file(self.within(path))
            except FileNotFoundError:
                return

    def reading(self, path: str) -> pa.NativeFile:
        """A file, opened for reading; close it.

        Raises
        ------
        StoreError
            The file is not there, or the place can't be read.
        """
        with self.reporting("can't be read"):
            try:
                return self.filesystem.open_input_file(self.within(path))
            except FileNotFoundError:
                raise StoreError(f"{self.address(path)} does not exist") from None

    def writing(self, path: str, *, media_type: str | None = None) -> pa.NativeFile:
        """A new file, opened for writing; it takes the place of one of the same name.

        A local one needs :meth:`durable` when it is closed; in a bucket it appears, whole, on closing.
        """
        with self.reporting("can't be written to"):
            if self._access is None:
                Path(self.within(path)).parent.mkdir(parents=True, exist_ok=True)
                return self.filesystem.open_output_stream(self.within(path))
            metadata = {"Content-Type": media_type or "application/octet-stream"}
            return self.filesystem.open_output_stream(self.within(path), metadata=metadata)

    def take(self, files: Mapping[str, Path], *, media_type: str | None = None) -> None:
        """Copy local files to the paths given, several at a time, and check their sizes.

        Raises
        ------
        StoreError
            A file can't be copied or arrived with another size.
        """

        def copy(item: tuple[str, Path]) -> None:
            path, source = item
            with source.open("rb") as file, self.writing(path, media_type=media_type) as out:
                shutil.copyfileobj(file, out, _COPIED_BYTES)

        with self.reporting("can't be written to"), ThreadPoolExecutor(_UPLOADS_AT_A_TIME) as pool:
            for _ in pool.map(copy, files.items()):
                continue
        arrived = self.sizes(files)
        incomplete = [path for path, source in files.items() if arrived.get(path) != source.stat().st_size]
        for path in incomplete:
            self.delete(path)
        if incomplete:
            raise StoreError(f"{self.address(incomplete[0])} arrived incomplete", hint="Try again.")

    def durable(self, *paths: str) -> None:
        """Make files, and the directories that name them, survive a power cut; a bucket does so by itself."""
        if self._access is None:
            for path in paths:
                sync(Path(self.within(path)))
            for folder in {Path(self.within(path)).parent for path in paths}:
                sync(folder)

    # -- for Delta --------------------------------------------------------------------------------

    def storage_options(self) -> dict[str, str] | None:
        """What :mod:`deltalake` needs to open the place; holds keys, so show it to nobody."""
        access = self._access
        if access is None:
            return None
        options = {
            _KEY: access.key,
            _SECRET: access.secret,
            _TOKEN: access.token,
            _REGION: access.region,
            _ENDPOINT: access.endpoint,
            _ALLOW_HTTP: "true" if access.endpoint.startswith("http:") else "",
            "max_retries": str(_TRIES),
            "retry_timeout": f"{_REQUEST_SECONDS}s",
            "connect_timeout": f"{_CONNECT_SECONDS}s",
            "timeout": f"{_REQUEST_SECONDS}s",
        }
        return {name: value for name, value in options.items() if value}

    # -- failures ---------------------------------------------------------------------------------

    @contextmanager
    def reporting(self, what: str) -> Iterator[None]:
        """Failures inside become a :class:`StoreError`: the place, ``what``, and why."""
        try:
            yield
        except OSError as error:
            raise self.failure(error, what) from (error if self._access is None else None)

    def failure(self, error: BaseException, what: str) -> StoreError:
        """An error of the place in words; the original one may hold keys and is best not shown."""
        text = self.said(error)
        if self._access is None:
            return StoreError(
                f"{self.url} {what}: {text}",
                hint="Check that the path is right, free disk space and access rights.",
            )
        bucket = self._root.split("/", 1)[0]
        at = self._access.endpoint or f"S3 in {self._access.region}"
        if _NO_BUCKET.search(text):
            return StoreError(
                f"{self.url} {what}: there is no bucket {bucket!r} at {at}",
                hint="Make the bucket first, or correct its name.",
            )
        if _REFUSED.search(text):
            return StoreError(
                f"{self.url} {what}: {at} refuses the keys",
                hint=f"Check {_KEY}, {_SECRET} and {_REGION}, and what the keys may do in the bucket.",
            )
        if _SILENT.search(text):
            return StoreError(
                f"{self.url} {what}: {at} does not answer",
                hint=f"Check {_ENDPOINT} and the network, then try again.",
            )
        return StoreError(f"{self.url} {what}: {text}", hint="Check the bucket, then try again.")

    def said(self, error: BaseException) -> str:
        """The text of an error in one line, without keys."""
        return without_keys(" ".join(_REQUEST_ID.sub("", _PAINT.sub("", str(error))).split()))


def without_keys(text: str) -> str:
    """A text in which what opens a bucket is blotted out."""
    for name in (_SECRET, _TOKEN, _KEY):
        secret = os.environ.get(name, "").strip()
        if len(secret) > 3:
            text = text.replace(secret, f"<{name}>")
    return text


def located(files: Sequence[str]) -> tuple[pafs.FileSystem, list[str]]:
    """The filesystem of files, all of one place, and their names in it.

    Raises
    ------
    StoreError
        The environment lacks what opens the bucket.
    """
    if not files or not is_remote(files[0]):
        return pafs.LocalFileSystem(), list(files)
    access = _Access.from_environment(files[0].rsplit("/", 1)[0])
    return _bucket_filesystem(access), [file.removeprefix(SCHEME) for file in files]
