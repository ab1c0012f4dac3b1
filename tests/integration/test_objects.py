"""Objects: kept once by content, whole or not at all, found out when they change."""

from __future__ import annotations

import io
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from bucket import BUCKET, Store, serving

from assay.model.errors import StoreError
from assay.store import Workspace
from assay.store.objects import DigestMismatch, ObjectStore, object_path

NOTHING = "sha256:" + "0" * 64


@pytest.fixture(scope="module")
def bucket() -> Iterator[Store]:
    with serving() as running, pytest.MonkeyPatch.context() as patch:
        for name, value in running.environment().items():
            patch.setenv(name, value)
        yield running


@pytest.fixture(params=["directory", "bucket"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "directory":
        return ObjectStore(tmp_path / "objects", tmp_path / "spool")
    request.getfixturevalue("bucket")
    return ObjectStore(f"s3://{BUCKET}/{uuid.uuid4().hex[:12]}", tmp_path / "spool")


def files(objects: ObjectStore) -> dict[str, bytes]:
    found = {}
    for one in objects.place.files():
        with objects.place.reading(one.path) as source:
            found[one.path] = source.read()
    return found


SOURCES: dict[str, Callable[[Path, bytes], object]] = {
    "bytes": lambda _, data: data,
    "a path": lambda path, data: path if path.write_bytes(data) >= 0 else None,
    "a stream": lambda _, data: io.BytesIO(data),
    "an Arrow stream": lambda _, data: pa.BufferReader(data),
    "pieces": lambda _, data: iter([data[:10], b"", data[10:]]),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_what_is_kept_comes_back(objects: ObjectStore, tmp_path: Path, source: str, size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]
    ref = objects.put(SOURCES[source](tmp_path / "file", data), media_type="image/png")
    assert (ref.size, ref.media_type) == (size, "image/png")
    assert objects.exists(ref.content)
    with objects.open(ref.content, check=True) as stream:
        assert stream.read() == data
    assert list(files(objects)) == [object_path(ref.content)]
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".unfinished")]


def test_equal_bytes_are_kept_once(objects: ObjectStore) -> None:
    refs = {objects.put(b"the same") for _ in range(3)}
    assert len(refs) == 1
    other = objects.put(b"another")
    assert {ref.content for ref in objects.all()} == {next(iter(refs)).content, other.content}


def test_threads_that_keep_the_same_bytes(objects: ObjectStore) -> None:
    contents: list[str] = []
    threads = [
        threading.Thread(target=lambda n=n: contents.append(objects.put(b"shared" * (n % 2 + 1)).content))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(contents) == 8
    assert len(set(contents)) == 2
    assert objects.verify_all().checked == 2
    assert objects.verify_all().sound


def test_a_stream_can_be_sought_in_unless_it_is_checked(objects: ObjectStore) -> None:
    content = objects.put(b"0123456789").content
    with objects.open(content) as stream:
        stream.seek(5)
        assert stream.read() == b"56789"
        stream.seek(-1, io.SEEK_END)
        assert (stream.tell(), stream.read()) == (9, b"9")
    with objects.open(content, check=True) as stream, pytest.raises(io.UnsupportedOperation):
        stream.seek(5)


def test_changed_bytes_are_found_out(objects: ObjectStore) -> None:
    refs = [objects.put(f"object {number}".encode()) for number in range(4)]
    with objects.place.writing(object_path(refs[2].content)) as out:
        out.write(b"object X")
    with objects.place.writing("readme.txt") as out:
        out.write(b"what is this?")
    found = objects.verify_all()
    assert (found.checked, found.corrupt, found.strangers) == (4, (refs[2].content,), ("readme.txt",))
    assert not found.sound
    objects.verify(refs[0].content)
    with pytest.raises(DigestMismatch, match=refs[2].content):
        objects.verify(refs[2].content)
    with objects.open(refs[2].content, check=True) as stream:
        assert stream.read(3) == b"obj"
        with pytest.raises(DigestMismatch, match="another digest"):
            stream.read()
    with objects.open(refs[2].content) as stream:
        assert stream.read() == b"object X", "unchecked reading gives what is there"


def test_a_cut_object_is_not_taken_for_the_whole(objects: ObjectStore) -> None:
    ref = objects.put(b"a long picture")
    with objects.place.writing(object_path(ref.content)) as out:
        out.write(b"a long")
    with pytest.raises(StoreError, match="is damaged: it has 6 bytes instead of 14"):
        objects.put(b"a long picture")
    objects.place.delete(object_path(ref.content))
    assert objects.put(b"a long picture") == ref
    objects.verify(ref.content)


def test_what_is_there_is_never_written_again(objects: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    objects.put(b"once")
    before = files(objects)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("written again")

    monkeypatch.setattr(type(objects.place), "take", refuse)
    monkeypatch.setattr(Path, "replace", refuse)
    objects.put(b"once")
    assert files(objects) == before


def test_an_object_above_the_limit_leaves_nothing(tmp_path: Path) -> None:
    objects = ObjectStore(tmp_path / "objects", tmp_path / "spool", largest=1000)
    objects.put(b"x" * 1000)
    with pytest.raises(StoreError, match="more than 1,000 bytes"):
        objects.put(iter([b"x" * 600] * 2))
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_a_source_that_fails_leaves_nothing(objects: ObjectStore, tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"first"
        raise OSError("the share is gone")

    with pytest.raises(OSError, match="share"):
        objects.put(pieces())
    with pytest.raises(StoreError, match=r"missing\.png can't be kept: No such file"):
        objects.put(tmp_path / "missing.png")
    with pytest.raises(StoreError, match="made of bytes"):
        objects.put("text")  # type: ignore[arg-type]
    assert not files(objects)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "sha256:",
        "0" * 64,
        "sha256:" + "A" * 64,
        "sha256:" + "0" * 63,
        "sha256:" + "0" * 65,
        "sha256:" + "0" * 64 + "\n",
        "md5:" + "0" * 32,
        "sha256:../../../../etc/passwd",
        "../registry.db",
        "/etc/passwd",
        None,
    ],
)
def test_what_is_no_id_opens_nothing(tmp_path: Path, content: str) -> None:
    objects = ObjectStore(tmp_path / "objects", tmp_path / "spool")
    doors = (objects.exists, objects.verify, lambda one: objects.open(one).__enter__())
    for door in doors:
        with pytest.raises(StoreError, match="is not the id of an object"):
            door(content)


def test_a_missing_object_is_named(objects: ObjectStore) -> None:
    objects.put(b"there")
    assert not objects.exists(NOTHING)
    with pytest.raises(StoreError, match=f"there is no object {NOTHING}"), objects.open(NOTHING):
        pass
    with pytest.raises(StoreError, match="there is no object"):
        objects.verify(NOTHING)


def test_the_plant_keeps_objects_where_it_is_told_to(bucket: Store, tmp_path: Path) -> None:
    url = f"s3://{BUCKET}/{uuid.uuid4().hex[:12]}"
    with Workspace.create(tmp_path / "plant", objects=url) as workspace:
        content = workspace.objects.put(b"kept far away").content
    assert not (tmp_path / "plant" / "objects").exists()
    with Workspace.open(tmp_path / "plant") as again:
        assert again.objects.place.url == url
        again.objects.verify(content)
