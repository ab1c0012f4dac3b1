"""Rollbacks, forks, split views, logs signed anew: whoever holds a pinned head, or is a witness, sees each.

The forger has everything: the log's key, and tiles and segments that lead to what he signs.
"""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.unit.test_ledger_witness import b64, leaves, mth, note_of, subproof
from tests.unit.test_ledger_writer import several

from assay.ledger.audit import audit
from assay.ledger.checkpoint import Checkpoint
from assay.ledger.errors import LogError
from assay.ledger.keys import KeyKind, SigningKey, VerifierKey
from assay.ledger.monitor import Monitor, Watched
from assay.ledger.notes import Note
from assay.ledger.place import Place
from assay.ledger.policy import Policy
from assay.ledger.segment import header_bytes, record_bytes, segment_path
from assay.ledger.standing import stated
from assay.ledger.tiles import ENTRIES, Tile, write_bundle
from assay.ledger.witness import Witness, know_log, make_witness
from assay.ledger.writer import Writer

ORIGIN = "plant.example/main"
KEY = SigningKey(ORIGIN, KeyKind.ED25519, bytes(range(32)))
OTHER = SigningKey(ORIGIN, KeyKind.ED25519, bytes(range(1, 33)))
ISSUER = Ed25519PrivateKey.from_private_bytes(bytes([3] * 32))
HISTORIES = 120


@dataclass
class Shown:
    """A log as somebody shows it; tiles are made by hand, from RFC 6962 and tlog-tiles."""

    entries: list[bytes]
    key: SigningKey = KEY
    where: str = "here"
    cosigned: tuple[SigningKey, ...] = ()
    time: int = 1_790_000_000
    spoiled: dict[str, bytes] = field(default_factory=dict)

    @property
    def note(self) -> Note:
        text = str(Checkpoint(ORIGIN, len(self.entries), mth(self.entries)))
        lines = [self.key.sign(text), *(one.sign(text, timestamp=self.time) for one in self.cosigned)]
        return Note(text, tuple(lines))

    def checkpoint(self) -> bytes:
        return bytes(self.note)

    def read(self, tile: Tile) -> bytes:
        if tile.path in self.spoiled:
            return self.spoiled[tile.path]
        first = tile.index * 256
        if tile.level == ENTRIES:
            return write_bundle(self.entries[first : first + tile.width])
        span = 256**tile.level
        parts = [self.entries[at * span : (at + 1) * span] for at in range(first, first + tile.width)]
        if any(len(part) != span for part in parts):
            raise LogError.of("unreachable", where=tile.path, why="404")
        return b"".join(map(mth, parts))

    def write(self, folder: Path) -> None:
        """The same as files, segments included."""
        shutil.rmtree(folder, ignore_errors=True)
        size = len(self.entries)
        segment = segment_path(folder / "segment", 0)
        files = {
            segment: header_bytes(0, 1)
            + b"".join(record_bytes(n, one) for n, one in enumerate(self.entries)),
            folder / "checkpoint": self.checkpoint(),
            folder / "log.vkey": f"{self.key.verifier}\n".encode(),
        }
        level, hashes = ENTRIES, size
        while hashes:
            for at in range(-(-hashes // 256)):
                tile = Tile(level, at, min(256, hashes - at * 256))
                files[folder / tile.path] = self.read(tile)
            level += 1
            hashes = size >> 8 * level
        for path, data in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def honest(count: int) -> list[bytes]:
    return leaves(count, "entry ")


def forged(entries: list[bytes], pinned: int, rng: random.Random) -> list[bytes]:
    """Another history: something below ``pinned`` is changed, dropped, swapped or added."""
    found = list(entries)
    at = rng.randrange(pinned)
    match rng.randrange(4):
        case 0:
            data = bytearray(found[at])
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            found[at] = bytes(data)
        case 1:
            del found[at]
            found.append(b"instead")
        case 2:
            other = (at + 1 + rng.randrange(max(pinned - 1, 1))) % max(pinned, 2)
            found[at], found[other] = found[other], found[at]
        case _:
            found.insert(at, b"slipped in")
    if found[:pinned] == entries[:pinned]:
        found[at] = b"something else"
    return found


def kinds(seen: Watched) -> set[str]:
    return {one.kind for one in seen.observations}


def watch(folder: Path, *shown: Shown, key: VerifierKey = KEY.verifier, now: int = 1_790_000_000) -> Watched:
    return Monitor(folder, clock=lambda: now).watch(key, shown)


def request(old: int, shown: Shown) -> bytes:
    proof = subproof(old, shown.entries, True) if 0 < old < len(shown.entries) else []
    lines = [f"old {old}", *map(b64, proof), "", bytes(shown.note).decode()]
    return "\n".join(lines).encode()


def told_apart(tmp_path: Path, count: int, seed: int) -> dict[str, int]:
    """Try ``count`` other histories on audit, monitor and witness; how many there were of each kind."""
    rng = random.Random(seed)
    make_witness(tmp_path / "w", "w.example", [KeyKind.COSIGNATURE_ED25519])
    know_log(tmp_path / "w", KEY.verifier)
    size = rng.randrange(2, 600)
    base = honest(size + 300)
    pinned = Shown(base[:size])
    assert not kinds(watch(tmp_path / "pins", pinned))
    done: dict[str, int] = {}
    with Witness(tmp_path / "w") as witness:
        assert witness.add_checkpoint(request(0, pinned)).status == 200
        for number in range(count):
            kind = rng.choice(["rollback", "fork", "split", "resigned"])
            done[kind] = done.get(kind, 0) + 1
            longer = size + rng.randrange(1, 300)
            key, entries = KEY, base[:longer]
            if kind == "rollback":
                entries = base[: rng.randrange(size)]
            elif kind == "resigned":
                key = OTHER
                entries = base[: rng.randrange(size, longer + 1)]
            else:
                entries = forged(base[: rng.choice([size, longer])], size, rng)
            shown = Shown(entries, key)

            sources = (pinned, shown) if kind == "split" else (shown,)
            seen = watch(tmp_path / "pins", *sources)
            wanted = {"rollback": "rollback", "resigned": "rewritten"}.get(kind, "fork")
            assert wanted in kinds(seen), (number, kind, seen)
            assert seen.size == size, "nothing else is pinned"
            assert any(one.evidence for one in seen.observations if one.kind == wanted)

            folder = tmp_path / "copy"
            shown.write(folder)
            assert audit(folder, quick=True).valid, "on its own it looks like any other log"
            found = {(one.file, one.kind) for one in audit(folder, quick=True, pinned=pinned.note).findings}
            assert ("checkpoint", "pinned_key" if kind == "resigned" else "pinned_differs") in found

            answer = witness.add_checkpoint(request(min(size, len(entries)), shown))
            assert answer.status in {403, 409, 422}, (kind, answer)
        grown = Shown(base)
        assert witness.add_checkpoint(request(size, grown)).status == 200
    assert not kinds(watch(tmp_path / "pins", grown))
    return done


def test_every_other_history_is_told_apart_by_a_pin_and_by_a_witness(tmp_path: Path) -> None:
    done = told_apart(tmp_path, HISTORIES, 3)
    assert set(done) == {"rollback", "fork", "split", "resigned"}


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_ten_thousand_other_histories_are_told_apart(tmp_path: Path, seed: int) -> None:
    told_apart(tmp_path, 1_000, 1_000 + seed)


def test_a_log_that_grows_is_pinned_on_and_says_what_it_first_was(tmp_path: Path) -> None:
    first = watch(tmp_path, Shown(honest(0)))
    assert (first.before, first.size, kinds(first)) == (None, 0, set())
    for before, size in ((0, 1), (1, 255), (255, 256), (256, 256), (256, 257), (257, 700)):
        seen = watch(tmp_path, Shown(honest(size)))
        assert (seen.before, seen.size, kinds(seen)) == (before, size, set())


def test_two_views_that_continue_the_pin_but_not_each_other_are_a_split_view(tmp_path: Path) -> None:
    base = honest(100)
    assert not kinds(watch(tmp_path, Shown(base)))
    one = Shown([*base, b"for me"], where="one")
    two = Shown([*base, b"for you", b"and you"], where="two")
    seen = watch(tmp_path, one, two)
    assert kinds(seen) == {"split_view"}
    evidence = Path(seen.observations[0].evidence or "")
    notes = {(evidence / name).read_bytes() for name in ("held.note", "shown.note")}
    assert notes == {one.checkpoint(), two.checkpoint()}
    assert seen.size == 100


def test_a_mirror_that_lags_is_no_rollback_but_one_that_fell_back_is(tmp_path: Path) -> None:
    assert not kinds(watch(tmp_path, Shown(honest(50))))
    assert not kinds(watch(tmp_path, Shown(honest(90)), Shown(honest(60), where="mirror")))
    assert kinds(watch(tmp_path, Shown(honest(95)), Shown(honest(60), where="mirror"))) == {"rollback"}


def test_what_a_witness_holds_is_compared_too(tmp_path: Path) -> None:
    held = Shown(honest(80)).note
    seen = Monitor(tmp_path, clock=lambda: 1).watch(KEY.verifier, [Shown(honest(70))], held=[held])
    assert kinds(seen) == {"rollback"}
    other = Shown([*honest(60), b"x"]).note
    seen = Monitor(tmp_path / "b").watch(KEY.verifier, [Shown(honest(70))], held=[other])
    assert kinds(seen) == {"split_view"}


def test_entries_that_are_missing_or_others_and_wrong_tiles_are_named(tmp_path: Path) -> None:
    assert not kinds(watch(tmp_path, Shown(honest(300))))
    grown = honest(520)
    gap = Shown(grown, spoiled={"tile/entries/001": write_bundle([b"lost"] * 256)})
    assert kinds(watch(tmp_path, gap)) == {"gap"}
    short = Shown(grown, spoiled={"tile/entries/001": write_bundle(grown[256:512])[:-1]})
    assert kinds(watch(tmp_path, short)) == {"gap"}
    tiles = Shown(grown, spoiled={"tile/0/001": bytes(256 * 32)})
    assert kinds(watch(tmp_path, tiles)) == {"tiles"}
    assert not kinds(watch(tmp_path, Shown(grown)))


def test_a_silent_log_is_stale_and_a_clock_far_off_is_said(tmp_path: Path) -> None:
    witness = SigningKey("w.example", KeyKind.COSIGNATURE_ED25519, bytes([5] * 32))
    policy = Policy.parse(f"log {KEY.verifier}\nwitness w {witness.verifier}\nquorum w\n".encode())
    now = 1_790_000_000

    def look(at: int, shown: Shown) -> Watched:
        return Monitor(tmp_path, clock=lambda: at).watch(KEY.verifier, [shown], policy=policy)

    fresh = look(now, Shown(honest(5), cosigned=(witness,)))
    assert (kinds(fresh), fresh.cosigners) == (set(), ("w",))
    assert kinds(look(now + 90_000, Shown(honest(5), cosigned=(witness,)))) == {"stale"}
    assert kinds(look(now, Shown(honest(6)))) == {"quorum"}
    assert kinds(look(now, Shown(honest(7), cosigned=(witness,), time=now + 9_000))) == {"clock"}
    assert kinds(look(now + 90_000, Shown(honest(9), cosigned=(witness,), time=now + 90_000))) == set()


def test_a_pin_that_was_damaged_is_not_pinned_over(tmp_path: Path) -> None:
    assert not kinds(watch(tmp_path, Shown(honest(9))))
    (pin,) = tmp_path.glob("*.json")
    whole = pin.read_text()
    for broken in ("", "{}", whole.replace('"note"', '"nota"'), whole.replace(r"\n9\n", r"\n8\n")):
        pin.write_text(broken)
        with pytest.raises(LogError) as refused:
            watch(tmp_path, Shown(honest(4)))
        assert refused.value.reason == "bad_pins"
        assert pin.read_text() == broken


def test_what_is_no_checkpoint_or_of_another_log_is_named(tmp_path: Path) -> None:
    class Odd(Shown):
        said = b""

        def checkpoint(self) -> bytes:
            return self.said

    for said, kind in (
        (b"", "not_canonical"),
        (note_of(3, sha256(b"").digest()).encode(), "wrong_log"),
        (Shown(honest(3), OTHER).checkpoint(), "signature"),
    ):
        odd = Odd(honest(3))
        odd.said = said
        assert kinds(watch(tmp_path / kind, odd)) == {kind}


def test_whatever_is_changed_in_a_cosigned_checkpoint_or_a_rotated_logs_keys_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All but one thing: a whole line of cosignature cut off looks like a witness that was away."""
    monkeypatch.setenv("ASSAY_STATE", str(tmp_path / "state"))
    place = Place.make(tmp_path / "plant", ORIGIN)
    kinds_of_key = (KeyKind.COSIGNATURE_ED25519, KeyKind.COSIGNATURE_MLDSA44)
    witnesses = [SigningKey(f"w{n}", kind, bytes([n + 1] * 32)) for n, kind in enumerate(kinds_of_key)]
    old = SigningKey.read(place.key)
    new = SigningKey.generate(ORIGIN, KeyKind.ED25519)
    new.write(place.outside / f"log-{new.verifier.key_id.hex()}.key")
    policy = "".join(f"witness {one.verifier.name} {one.verifier}\n" for one in witnesses) + "quorum w0\n"
    with Writer(place) as writer:
        rotated = stated(
            "log-key", str(new.verifier).encode(), old.issuing(), new.verifier.public, new.countersign
        )
        said = stated("policy", policy.encode(), ISSUER, new.verifier.public, new.countersign)
        assert [one.index for one in writer.append([rotated, said, *several(20)])] == list(range(22))  # type: ignore[union-attr]
    path, vkeys = place.folder / "checkpoint", place.folder / "log.vkey"
    note = Note.parse(path.read_bytes())
    assert list(note.signers([old.verifier, new.verifier])) == [old.verifier, new.verifier]
    path.write_bytes(bytes(note.signed(*(one.sign(note.text, timestamp=9) for one in witnesses))))
    assert audit(place.folder).valid
    rng = random.Random(7)
    for file in (path, vkeys):
        whole = file.read_bytes()
        lines = whole.splitlines(keepends=True)
        changed = [whole[:-1], whole + b"\n", b"".join(lines[:1] + lines[2:]), b"".join([*lines, lines[-1]])]
        if file == path:
            changed.append(b"".join(lines[:5] + lines[6:]))  # the new key's line
        for _ in range(60):
            at = rng.randrange(len(whole))
            changed.append(whole[:at] + bytes([whole[at] ^ 1 << rng.randrange(8)]) + whole[at + 1 :])
        for data in changed:
            file.write_bytes(data)
            found = audit(place.folder, quick=True).findings
            assert {one.file for one in found} & {"checkpoint", "log.vkey"}, data
        file.write_bytes(whole)
    assert audit(place.folder).valid
