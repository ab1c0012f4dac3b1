"""An object's id is its content: properties over bytes, and over texts that are no ids."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from assay.model.errors import StoreError
from assay.store.objects import ObjectStore, object_path

PIECES = st.lists(st.binary(max_size=50), max_size=6)


@given(st.lists(PIECES, max_size=6))
@settings(deadline=None, max_examples=40)
def test_the_same_bytes_have_one_id_however_they_are_cut(sources: list[list[bytes]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        objects = ObjectStore(Path(folder) / "objects", Path(folder) / "spool")
        for pieces in sources:
            whole = b"".join(pieces)
            ref = objects.put(iter(pieces))
            assert ref.content == f"sha256:{hashlib.sha256(whole).hexdigest()}"
            assert ref == objects.put(whole)
            with objects.open(ref.content, check=True) as stream:
                assert stream.read() == whole
        expected = {f"sha256:{hashlib.sha256(b''.join(one)).hexdigest()}" for one in sources}
        assert {ref.content for ref in objects.all()} == expected
        assert objects.verify_all().sound


@given(st.binary(min_size=1, max_size=200), st.data())
@settings(deadline=None, max_examples=40)
def test_any_changed_byte_is_found_out(whole: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(whole) - 1))
    flip = data.draw(st.integers(1, 255))
    with tempfile.TemporaryDirectory() as folder:
        objects = ObjectStore(Path(folder) / "objects", Path(folder) / "spool")
        content = objects.put(whole).content
        changed = bytearray(whole)
        changed[at] ^= flip
        (Path(folder) / "objects" / object_path(content)).write_bytes(changed)
        assert objects.verify_all().corrupt == (content,)


@given(st.text(max_size=80) | st.from_regex(r"sha256:[0-9a-zA-Z./\\]{60,70}", fullmatch=True))
def test_an_id_stays_within_the_store(text: str) -> None:
    try:
        path = object_path(text)
    except StoreError:
        return
    digest = text.removeprefix("sha256:")
    assert path == f"{digest[:2]}/{digest[2:4]}/{digest}"
    assert set(digest) <= set("0123456789abcdef")
