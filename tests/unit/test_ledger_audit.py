"""Whatever is changed in any file of a log is found, and said where; what is derived can be made anew."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from tests.unit.test_ledger_writer import made, several

from assay.ledger.audit import audit
from assay.ledger.checkpoint import Checkpoint
from assay.ledger.entries import Entry
from assay.ledger.errors import LogError
from assay.ledger.keys import KeyKind, SigningKey
from assay.ledger.notes import Note
from assay.ledger.place import Place
from assay.ledger.rebuild import rebuild
from assay.ledger.segment import SegmentWriter
from assay.ledger.writer import Writer

TAMPERS = 300


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("ASSAY_STATE", str(tmp_path / "state"))
    place = Place.make(tmp_path / "plant", "plant.example/main")
    with Writer(place) as writer:
        for start in (0, 130, 300):
            writer.append(several(170, start))
            writer.checkpoint()
    return place


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in files(folder)}


def tamper(folder: Path, rng: random.Random) -> str:
    """One random change of one random file; its name."""
    path = rng.choice(files(folder))
    data = bytearray(path.read_bytes())
    at, how = rng.randrange(len(data)), rng.randrange(6)
    if how == 0:
        data[at] ^= 1 << rng.randrange(8)
    elif how == 1:
        del data[at:]
    elif how == 2:
        data += rng.randbytes(rng.randrange(1, 40))
    elif how == 3 and len(data) > 130:
        one, two = at % (len(data) - 128), (at * 7 + 64) % (len(data) - 128)
        data[one : one + 64], data[two : two + 64] = data[two : two + 64], data[one : one + 64]
    elif how == 4:
        path.unlink()
        return path.relative_to(folder).as_posix()
    else:
        del data[at : at + rng.randrange(1, 80)]
    if bytes(data) == path.read_bytes():
        data.append(0)
    path.write_bytes(bytes(data))
    return path.relative_to(folder).as_posix()


def test_an_untouched_log_is_valid_and_reading_it_changes_nothing(place: Place, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(place.folder, copy)
    before = snapshot(copy)
    for quick in (True, False):
        seen = audit(copy, quick=quick)
        assert seen.valid, seen.findings
        assert seen.size == 470
    assert snapshot(copy) == before


def found_all(place: Place, count: int, seed: int) -> None:
    rng = random.Random(seed)
    pristine = snapshot(place.folder)
    for number in range(count):
        touched = tamper(place.folder, rng)
        seen = audit(place.folder, quick=True)
        assert not seen.valid, (number, touched)
        assert [one for one in seen.findings if one.file == touched or touched.startswith("segment/")], (
            touched
        )
        changed = place.folder / touched
        changed.parent.mkdir(parents=True, exist_ok=True)
        changed.write_bytes(pristine[touched])
    assert audit(place.folder).valid


def test_random_tampers_are_found_and_located(place: Place) -> None:
    found_all(place, TAMPERS, 11)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_ten_thousand_random_tampers_are_found_and_located(place: Place, seed: int) -> None:
    found_all(place, 1_000, 100 + seed)


def kinds(place: Place, pinned: Checkpoint | None = None) -> set[tuple[str, str]]:
    return {(one.file, one.kind) for one in audit(place.folder, pinned=pinned).findings}


def test_files_that_do_not_belong_there_are_named(place: Place) -> None:
    (place.folder / "notes.txt").write_text("hello")
    (place.folder / "tile/0/001.p/300").write_bytes(b"")
    stale = place.folder / "tile/0/000.p/12"
    stale.parent.mkdir()
    stale.write_bytes((place.folder / "tile/0/000").read_bytes()[: 12 * 32])
    (place.folder / "tile/0/777").symlink_to(place.folder / "tile/0/000")
    assert kinds(place) == {
        ("notes.txt", "unknown_file"),
        ("tile/0/001.p/300", "unknown_file"),
        ("tile/0/000.p/12", "old_partial_tile"),
        ("tile/0/777", "unknown_file"),
    }


def test_a_line_under_the_checkpoint_that_nobody_can_verify_is_a_finding(place: Place) -> None:
    path = place.folder / "checkpoint"
    note = Note.parse(path.read_bytes())
    stranger = SigningKey("stranger.example", KeyKind.COSIGNATURE_ED25519, bytes(32))
    path.write_bytes(bytes(note.signed(stranger.sign(note.text, timestamp=1))))
    assert kinds(place) == {("checkpoint", "unknown_signature")}


def test_forged_entries_are_found_at_their_index(place: Place) -> None:
    head = Checkpoint.parse(Note.parse(place.head.read_bytes()).text)
    signed = made(900)
    forged = bytes(Entry(type(signed)(made(901).body, signed.signature), None))
    twice = bytes(Entry(made(3, "U-3"), 469))
    SegmentWriter(place.segments, 470, 9).append([forged, twice])
    found = [(one.kind, one.index, one.rebuildable) for one in audit(place.folder).findings]
    assert found == [("issuer_signature", 470, False), ("logged_twice", 471, False)]
    assert head.size == 470


def test_a_log_signed_anew_is_found_against_a_checkpoint_kept_elsewhere(place: Place, tmp_path: Path) -> None:
    pinned = Checkpoint.parse(Note.parse(place.head.read_bytes()).text)
    other = Place(tmp_path / "plant/ledger/other", tmp_path / "state/other")
    other.folder.mkdir()
    shutil.copytree(place.outside, other.outside)
    shutil.copy(place.folder / "log.vkey", other.folder)
    for name in ("head", "index.db", "epoch"):
        (other.outside / name).unlink()
    with Writer(other) as writer:
        writer.append([made(0, "forged"), *several(469, 1)])
    assert audit(other.folder).valid, "alone it looks like any other"
    assert kinds(other, pinned) == {("checkpoint", "pinned_differs")}
    assert kinds(place, pinned) == set()


def test_a_rolled_back_log_is_found_against_a_checkpoint_kept_elsewhere(place: Place, tmp_path: Path) -> None:
    shutil.copytree(place.folder, tmp_path / "old")
    with Writer(place) as writer:
        writer.append(several(5, 470))
    pinned = Checkpoint.parse(Note.parse(place.head.read_bytes()).text)
    assert audit(tmp_path / "old").valid
    assert [one.kind for one in audit(tmp_path / "old", pinned=pinned).findings] == ["pinned_differs"]


def test_what_is_derived_is_made_anew(place: Place) -> None:
    pristine = snapshot(place.folder)
    shutil.rmtree(place.folder / "tile/0")
    (place.folder / "tile/entries/000").write_bytes(b"x")
    (place.folder / "checkpoint").unlink()
    with pytest.raises(LogError):
        Writer(place)
    assert rebuild(place).size == 470
    assert audit(place.folder).valid
    again = snapshot(place.folder)
    assert {name for name in pristine if ".p/" not in name} == {name for name in again if ".p/" not in name}
    assert all(pristine[name] == data for name, data in again.items())
    with Writer(place) as writer:
        assert writer.append([made(3)])[0].index == 3  # type: ignore[union-attr]


def test_rebuilding_does_not_cover_up_changed_entries(place: Place) -> None:
    path = sorted(place.segments.glob("*.seg"))[0]
    data = bytearray(path.read_bytes())
    data[500] ^= 1
    path.write_bytes(data)
    before = snapshot(place.folder)
    with pytest.raises(LogError) as refused:
        rebuild(place)
    assert refused.value.reason == "lost_signed"
    assert snapshot(place.folder) == before
