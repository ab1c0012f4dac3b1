"""The writer of a log: what it acknowledges is there, what it signed it never contradicts."""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay.ledger import segment as segments
from assay.ledger.audit import audit
from assay.ledger.derived import Derived
from assay.ledger.entries import Entry, Individual, Origin, Signed, sign
from assay.ledger.errors import LedgerError, LogError, VerificationError
from assay.ledger.merkle import leaf_hash, verify_consistency, verify_inclusion
from assay.ledger.notes import Note
from assay.ledger.place import Place
from assay.ledger.segment import Break, Record, read_segments
from assay.ledger.writer import Ack, Writer

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
ISSUER = KEY.public_key().public_bytes_raw()


def made(seq: int, subject: str = "U-1", source: str = "qms", kind: str = "record") -> Signed:
    body = Individual(
        kind, subject, Origin(source, 1, seq), seq, seq, leaf_hash(b"%d" % seq), 1, None, ISSUER
    )
    return sign(body, KEY)


def several(count: int, start: int = 0) -> list[Signed]:
    return [made(seq, f"U-{seq % 7}") for seq in range(start, start + count)]


def acks(answers: list[Ack | LedgerError]) -> list[int]:
    assert not [one for one in answers if isinstance(one, LedgerError)]
    return [one.index for one in answers if isinstance(one, Ack)]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("ASSAY_STATE", str(tmp_path / "state"))
    return Place.make(tmp_path / "plant", "plant.example/main")


def entries(place: Place) -> Iterator[bytes]:
    for found in read_segments(place.segments):
        assert isinstance(found, Record), found
        yield found.entry


def test_what_is_acknowledged_is_there_and_proved(place: Place) -> None:
    with Writer(place) as writer:
        indexes = [index for n in range(10) for index in acks(writer.append(several(60, n * 60)))]
        first = writer.checkpoint()
        writer.append(several(13, 600))
        last = writer.checkpoint()
    assert indexes == list(range(600))
    assert (first.size, last.size) == (600, 613)
    derived = Derived(place.folder)
    tree = derived.tree(last.size)
    logged = list(entries(place))
    assert len(logged) == 613
    for index in (0, 255, 256, 511, 612):
        assert derived.entry(index, last.size) == logged[index]
        verify_inclusion(index, last.size, leaf_hash(logged[index]), tree.inclusion(index), last.root)
    verify_consistency(first.size, last.size, first.root, last.root, tree.consistency(first.size))
    published = derived.published()
    assert published is not None
    assert published[0].signers([place.public_key()])
    assert bytes(published[0]) == place.head.read_bytes()


def test_the_same_source_epoch_and_seq_is_one_entry_however_it_is_sent(place: Place) -> None:
    with Writer(place) as writer:
        assert acks(writer.append([made(3), made(4), made(3)])) == [0, 1, 0]
        assert acks(writer.append([made(4), made(5)])) == [1, 2]
        writer.checkpoint()
        again = writer.append([made(3)])[0]
        assert again == Ack(0, leaf_hash(next(entries(place))), duplicate=True)
        assert acks(writer.append([made(1)])) == [3]
    place.index.unlink()
    with Writer(place) as writer:
        assert acks(writer.append([made(1), made(3), made(9)])) == [3, 0, 4]


def test_entries_of_a_subject_are_linked(place: Place) -> None:
    with Writer(place) as writer:
        writer.append([made(0, "A"), made(1, "B"), made(2, "A")])
        writer.checkpoint()
        writer.append([made(3, "A")])
    with Writer(place) as writer:
        writer.append([made(4, "B"), made(5, "A")])
    assert [Entry.parse(entry).previous for entry in entries(place)] == [None, None, 0, 2, 1, 3]


def test_what_can_not_be_logged_keeps_nothing_else_back(place: Place) -> None:
    forged = Signed(made(1).body, bytes(64))
    broken = Signed(b"\x80", bytes(64))
    with Writer(place) as writer:
        answers = writer.append([made(0), forged, broken, made(2)])
        assert [type(one).__name__ for one in answers] == ["Ack", "VerificationError", "EntryError", "Ack"]
        assert writer.size == 2


def test_one_writer_at_a_time(place: Place) -> None:
    with Writer(place), pytest.raises(LogError) as refused:
        Writer(place)
    assert refused.value.reason == "log_busy"
    Writer(place).close()


def test_a_writer_that_was_replaced_stops_before_it_writes(place: Place) -> None:
    writer = Writer(place)
    writer.append(several(3))
    os.close(writer._lock)  # as on a file system that lost the lock
    with Writer(place) as other:
        with pytest.raises(LogError) as refused:
            writer.append(several(2, 3))
        assert refused.value.reason == "fenced"
        assert acks(other.append(several(2, 3))) == [3, 4]


def test_a_full_segment_is_followed_by_another(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "ROLL", 10)
    with Writer(place) as writer:
        writer.append(several(7))
        writer.append(several(16, 7))
    assert [int(path.stem) for path in segments.segments(place.segments)] == [0, 10, 20]
    with Writer(place) as writer:
        assert acks(writer.append(several(1, 23))) == [23]
    assert len(list(entries(place))) == 24
    assert [found.index for found in read_segments(place.segments, 15)] == list(range(15, 24))


def cut(path: Path, count: int) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - count)


def newest(place: Place) -> Path:
    return [path for path in segments.segments(place.segments) if path.stat().st_size > 36][-1]


def test_a_torn_end_is_kept_aside_and_what_was_before_it_stays(place: Place) -> None:
    writer = Writer(place)
    writer.append(several(5))
    writer.checkpoint()
    writer.append(several(3, 5))
    os.close(writer._lock)  # the process dies: no last checkpoint
    cut(newest(place), 10)
    with Writer(place) as again:
        assert again.size == 7
        assert again.torn is not None
        assert again.torn.stat().st_size > 10
        assert acks(again.append(several(3, 5))) == [5, 6, 7]


def test_nothing_below_what_was_signed_is_ever_cut(place: Place) -> None:
    with Writer(place) as writer:
        writer.append(several(8))
    path = newest(place)
    whole = path.read_bytes()
    for harm in (10, len(whole) - 40):
        cut(path, harm)
        left = path.read_bytes()
        with pytest.raises(LogError) as refused:
            Writer(place)
        assert refused.value.reason == "lost_signed"
        assert path.read_bytes() == left
        path.write_bytes(whole)
    path.unlink()
    with pytest.raises(LogError):
        Writer(place)


def test_rot_before_what_can_be_read_is_no_torn_end(place: Place) -> None:
    writer = Writer(place)
    writer.append(several(2))
    writer.checkpoint()
    writer.append(several(5, 2))
    os.close(writer._lock)
    path = newest(place)
    data = bytearray(path.read_bytes())
    broken = [found for found in read_segments(place.segments) if isinstance(found, Record)][3]
    data[broken.offset + 20] ^= 1
    path.write_bytes(data)
    assert isinstance(list(read_segments(place.segments))[-1], Break)
    with pytest.raises(LogError) as refused:
        Writer(place)
    assert refused.value.reason == "torn_inside"
    assert path.read_bytes() == data


def test_a_restored_backup_is_caught_before_it_signs(place: Place, tmp_path: Path) -> None:
    with Writer(place) as writer:
        writer.append(several(5))
    shutil.copytree(place.folder, tmp_path / "backup")
    with Writer(place) as writer:
        writer.append(several(5, 5))
    head = place.head.read_bytes()
    shutil.rmtree(place.folder)
    shutil.copytree(tmp_path / "backup", place.folder)
    with pytest.raises(LogError) as refused:
        Writer(place)
    assert refused.value.reason == "lost_signed"
    assert place.head.read_bytes() == head


def test_other_entries_than_those_signed_are_caught(place: Place, tmp_path: Path) -> None:
    with Writer(place) as writer:
        writer.append(several(2))
    shutil.copytree(place.folder, tmp_path / "backup")
    with Writer(place) as writer:
        writer.append(several(3, 2))
    head = place.head.read_bytes()
    place.head.unlink()
    shutil.rmtree(place.folder)
    shutil.copytree(tmp_path / "backup", place.folder)
    with Writer(place, made(99, kind="log")) as writer:
        writer.append(several(4, 50))
    place.head.write_bytes(head)
    with pytest.raises(LogError) as refused:
        Writer(place)
    assert refused.value.reason == "forked"


def test_without_its_head_a_log_goes_on_only_when_somebody_answers_for_it(place: Place) -> None:
    with Writer(place) as writer:
        writer.append(several(5))
    place.head.unlink()
    with pytest.raises(LogError) as refused:
        Writer(place)
    assert refused.value.reason == "no_head"
    with Writer(place, made(0, source="ann", kind="log")) as writer:
        assert writer.size == 6
    assert place.head.exists()
    last = list(entries(place))[-1]
    body = Entry.parse(last).signed.verify()
    assert isinstance(body, Individual)
    assert body.kind == "log"


def test_a_head_of_another_key_is_not_believed(place: Place) -> None:
    with Writer(place) as writer:
        writer.append(several(2))
    note = Note.parse(place.head.read_bytes())
    place.head.write_bytes(bytes(note).replace(b"\n2\n", b"\n1\n", 1))
    with pytest.raises(VerificationError):
        Writer(place)


def test_damaged_tiles_are_not_signed_over(place: Place) -> None:
    with Writer(place) as writer:
        writer.append(several(300))
    tile = place.folder / "tile/0/001.p/44"
    tile.write_bytes(bytes(44 * 32))
    with pytest.raises(LogError) as refused:
        Writer(place)
    assert refused.value.reason == "derived_damaged"


def test_a_full_disk_logs_nothing_and_goes_on_when_there_is_room(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Writer(place) as writer:
        writer.append(several(3))
        whole = newest(place).read_bytes()

        def full(handle: int, data: bytes) -> None:
            os.write(handle, data[:7])
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(segments, "write_all", full)
            with pytest.raises(LogError) as refused:
                writer.append(several(2, 3))
        assert refused.value.reason == "not_written"
        assert "No space left" in str(refused.value)
        assert newest(place).read_bytes() == whole
        assert acks(writer.append(several(2, 3))) == [3, 4]


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """The system writes no file beyond ``size`` bytes: a write fails as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_where_the_system_refuses_a_write_nothing_is_lost_and_it_goes_on(place: Place) -> None:
    with Writer(place) as writer:
        writer.append(several(300))
        full = newest(place).stat().st_size
        whole = newest(place).read_bytes()
        with no_file_beyond(full + 300), pytest.raises(LogError) as refused:
            writer.append(several(8, 300))
        assert refused.value.reason == "not_written"
        assert newest(place).read_bytes() == whole
        for most in (0, 1_000, 44 * 32, 100_000):  # no file, no tile, no bundle, no index
            with no_file_beyond(most), suppress(OSError):
                writer.checkpoint()
            assert acks(writer.append([made(1_000 + most)])) == [writer.size - 1]
        assert acks(writer.append(several(8, 300))) == list(range(304, 312))
        last = writer.checkpoint()
    assert (last.size, audit(place.folder).findings) == (312, ())
    with Writer(place) as again:
        assert acks(again.append([made(1_000), made(305, "U-4")])) == [300, 309]


def test_a_sync_that_failed_stops_the_writer(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = Writer(place)
    writer.append(several(3))

    def failing(handle: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", failing)
        with pytest.raises(LogError) as refused:
            writer.append(several(2, 3))
    assert refused.value.reason == "writer_broken"
    with pytest.raises(LogError):
        writer.append(several(2, 3))
    os.close(writer._lock)
