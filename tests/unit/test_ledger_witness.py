"""A witness answers as C2SP tlog-witness says, byte for byte, and never cosigns two histories.

Requests are written by hand from the specification, not by the code under test.
"""

from __future__ import annotations

import base64
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.ledger.errors import LedgerError, LogError
from assay.ledger.keys import KeyKind, SigningKey, VerifierKey
from assay.ledger.notes import Note
from assay.ledger.witness import AddCheckpoint, Answer, Witness, know_log, make_witness, read_logs

ORIGIN = "example.com/behind-the-sofa"
SEED = bytes(range(32))
SECRET = Ed25519PrivateKey.from_private_bytes(SEED)
PUBLIC = SECRET.public_key().public_bytes_raw()
NOW = 1_790_000_000


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def mth(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def subproof(m: int, leaves: list[bytes], whole: bool) -> list[bytes]:
    """RFC 6962 section 2.1.2, word for word."""
    n = len(leaves)
    if m == n:
        return [] if whole else [mth(leaves)]
    k = 1
    while k * 2 < n:
        k *= 2
    if m <= k:
        return [*subproof(m, leaves[:k], whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]


def leaves(count: int, salt: str = "") -> list[bytes]:
    return [f"{salt}{n}".encode() for n in range(count)]


def note_of(size: int, root: bytes, origin: str = ORIGIN, secret: Ed25519PrivateKey = SECRET) -> str:
    text = f"{origin}\n{size}\n{b64(root)}\n"
    public = secret.public_key().public_bytes_raw()
    key_id = sha256(f"{origin}\n".encode() + b"\x01" + public).digest()[:4]
    return f"{text}\n— {origin} {b64(key_id + secret.sign(text.encode()))}\n"


def request(old: int, new: int, salt: str = "") -> bytes:
    every = leaves(new, salt)
    proof = subproof(old, every, True) if 0 < old < new else []
    lines = [f"old {old}", *map(b64, proof), "", note_of(new, mth(every))]
    return "\n".join(lines).encode()


def cosignature(answer: Answer, text: str, key: VerifierKey) -> int:
    """Check the answer's line of ``key`` by hand; its timestamp."""
    for line in answer.body.decode().splitlines():
        dash, name, data = line.split(" ")
        raw = base64.b64decode(data)
        if (dash, name, raw[:4]) == ("—", key.name, key.key_id):
            break
    else:
        raise AssertionError(answer.body)
    stamp, signature = int.from_bytes(raw[4:12], "big"), raw[12:]
    if key.kind is KeyKind.COSIGNATURE_ED25519:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        Ed25519PublicKey.from_public_bytes(key.public).verify(
            signature, f"cosignature/v1\ntime {stamp}\n{text}".encode()
        )
        return stamp
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

    origin, size, root = text.split("\n")[:3]
    message = (
        b"subtree/v1\n\x00"
        + bytes([len(key.name)]) + key.name.encode()
        + stamp.to_bytes(8, "big")
        + bytes([len(origin)]) + origin.encode()
        + (0).to_bytes(8, "big") + int(size).to_bytes(8, "big")
        + base64.b64decode(root)
    )  # fmt: skip
    assert len(signature) == 2420
    MLDSA44PublicKey.from_public_bytes(key.public).verify(signature, message)
    return stamp


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "witness"
    make_witness(folder, "witness.example/w1", [KeyKind.COSIGNATURE_ED25519, KeyKind.COSIGNATURE_MLDSA44])
    know_log(folder, VerifierKey(ORIGIN, KeyKind.ED25519, PUBLIC))
    return folder


@pytest.fixture
def witness(folder: Path) -> Iterator[Witness]:
    with Witness(folder, clock=lambda: NOW) as one:
        yield one


def text_of(data: bytes) -> str:
    return data.decode().split("\n\n")[1] + "\n"


def test_a_growing_log_is_cosigned_by_both_keys(witness: Witness) -> None:
    old = 0
    for new in (0, 1, 2, 7, 8, 200, 200, 1000):
        data = request(old, new)
        answer = witness.add_checkpoint(data)
        assert (answer.status, answer.content_type) == (200, "text/plain; charset=utf-8"), answer
        assert answer.body.endswith(b"\n")
        assert len(answer.body.splitlines()) == 2
        for key in witness.keys:
            assert cosignature(answer, text_of(data), key) == NOW
        old = new
    assert [(one.origin, one.size) for one in witness.seen()] == [(ORIGIN, 1000)]
    assert not witness.contradictions()


def test_the_parsed_request_is_the_bytes_that_came() -> None:
    data = request(20, 73)
    assert bytes(AddCheckpoint.parse(data)) == data


def test_what_does_not_hold_is_answered_by_the_status_of_the_specification(witness: Witness) -> None:
    assert witness.add_checkpoint(request(0, 20)).status == 200
    good = request(20, 30).decode()
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    root = mth(leaves(30))
    proof = "\n".join(map(b64, subproof(20, leaves(30), True)))
    cases: dict[str, tuple[str, int]] = {
        "empty": ("", 400),
        "no old line": (good.split("\n", 1)[1], 400),
        "leading zero": (good.replace("old 20", "old 020"), 400),
        "sign": (good.replace("old 20", "old +20"), 400),
        "two spaces": (good.replace("old 20", "old  20"), 400),
        "carriage returns": (good.replace("\n", "\r\n"), 400),
        "not base64": (good.replace(proof, "!!!!"), 400),
        "short hash": (good.replace(proof, b64(bytes(31))), 400),
        "64 hashes": (good.replace(proof, "\n".join([b64(bytes(32))] * 64)), 400),
        "no note": (good.split("\n\n")[0] + "\n\n", 400),
        "no signature": (good.rsplit("\n\n", 1)[0] + "\n", 400),
        "no line feed at the end": (good[:-1], 400),
        "old above new": (f"old 31\n\n{note_of(30, root)}", 400),
        "unknown log": (f"old 20\n{proof}\n\n{note_of(30, root, 'example.com/other')}", 404),
        "another key": (f"old 20\n{proof}\n\n{note_of(30, root, secret=other)}", 403),
        "wrong signature": (good.replace("\n30\n", "\n31\n"), 403),
        "old size is not the latest": (request(19, 30).decode(), 409),
        "old size 0": (request(0, 30).decode(), 409),
        "no proof": (good.replace(f"{proof}\n", ""), 422),
        "another proof": (good.replace(proof, b64(bytes(32))), 422),
        "one hash more": (good.replace(proof, f"{proof}\n{b64(bytes(32))}"), 422),
        "proof for the same size": (
            f"old 20\n{b64(bytes(32))}\n\n{note_of(20, mth(leaves(20)))}",
            422,
        ),
        "another root of the same size": (f"old 20\n\n{note_of(20, mth(leaves(20, 'x')))}", 409),
        "another history": (request(20, 30, "x").decode(), 422),
        "smaller than what was cosigned": (request(10, 15).decode(), 409),
    }
    for name, (body, status) in cases.items():
        answer = witness.add_checkpoint(body.encode())
        assert answer.status == status, (name, answer)
        assert "\u2014".encode() not in answer.body, name
        if status == 409:
            assert (answer.content_type, answer.body) == ("text/x.tlog.size", b"20\n"), name
    assert [one.size for one in witness.seen()] == [20]
    assert {one.reason for one in witness.contradictions()} == {"forked", "not_consistent"}
    forked = next(one for one in witness.contradictions() if one.reason == "forked")
    two = [Note.parse(one) for one in (forked.held, forked.note)]
    log = VerifierKey(ORIGIN, KeyKind.ED25519, PUBLIC)
    assert all(log in one.signers([log]) for one in two), "both as the log signed them"
    assert two[0].text != two[1].text
    assert witness.add_checkpoint(good.encode()).status == 200


def test_old_0_with_an_empty_proof_is_accepted_whatever_the_size(witness: Witness) -> None:
    with_proof = f"old 0\n{b64(bytes(32))}\n\n{note_of(9, mth(leaves(9)))}"
    assert witness.add_checkpoint(with_proof.encode()).status == 422
    assert witness.add_checkpoint(request(0, 9)).status == 200


def test_signatures_of_unknown_keys_and_extension_lines_are_borne(witness: Witness) -> None:
    text = f"{ORIGIN}\n5\n{b64(mth(leaves(5)))}\nan extension\n"
    key_id = sha256(f"{ORIGIN}\n".encode() + b"\x01" + PUBLIC).digest()[:4]
    mine = f"— {ORIGIN} {b64(key_id + SECRET.sign(text.encode()))}\n"
    strange = f"— somebody.example {b64(bytes(70))}\n"
    data = f"old 0\n\n{text}\n{strange}{mine}".encode()
    answer = witness.add_checkpoint(data)
    assert answer.status == 200
    assert cosignature(answer, text, witness.keys[0]) == NOW


def test_a_rotated_log_is_known_by_both_keys_and_a_bad_line_of_a_known_key_is_refused(
    folder: Path, witness: Witness
) -> None:
    new = Ed25519PrivateKey.from_private_bytes(bytes([9] * 32))
    know_log(folder, VerifierKey(ORIGIN, KeyKind.ED25519, new.public_key().public_bytes_raw()))
    know_log(folder, VerifierKey(ORIGIN, KeyKind.ED25519, PUBLIC))
    assert len(read_logs(folder)) == 2
    assert witness.add_checkpoint(request(0, 4)).status == 200
    both = note_of(6, mth(leaves(6)), secret=new) + note_of(6, mth(leaves(6))).rsplit("\n\n", 1)[1]
    proof = "\n".join(map(b64, subproof(4, leaves(6), True)))
    broken = both.replace(both.splitlines()[-1][-9:-3], "AAAAAA")
    assert witness.add_checkpoint(f"old 4\n{proof}\n\n{broken}".encode()).status in {400, 403}
    assert witness.add_checkpoint(f"old 4\n{proof}\n\n{both}".encode()).status == 200


def test_a_clock_that_went_back_does_not_cosign(folder: Path) -> None:
    with Witness(folder, clock=lambda: NOW) as one:
        assert one.add_checkpoint(request(0, 3)).status == 200
    with Witness(folder, clock=lambda: NOW - 7200) as one:
        answer = one.add_checkpoint(request(3, 5))
        assert (answer.status, answer.reason) == (503, "clock_back")
    with Witness(folder, clock=lambda: NOW - 30) as one:
        answer = one.add_checkpoint(request(3, 5))
        assert answer.status == 200
        assert cosignature(answer, text_of(request(3, 5)), one.keys[0]) == NOW, "time never goes back"


def test_of_many_at_once_in_two_processes_memory_one_history_is_cosigned(folder: Path) -> None:
    """The race of the specification: two witnesses share the memory, forks and growth come at once."""
    with Witness(folder) as one, Witness(folder) as two:
        assert one.add_checkpoint(request(0, 10)).status == 200
        asked = [
            (witness, request(10, 10 + n, salt))
            for n in range(1, 12)
            for salt in ("", "x")
            for witness in (one, two)
        ]
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda it: it[0].add_checkpoint(it[1]), asked))
        cosigned = {
            text_of(data) for (_, data), answer in zip(asked, answers, strict=True) if answer.status == 200
        }
        assert len(cosigned) == 1
        assert one.seen() == two.seen()


def test_a_second_witness_in_the_same_folder_and_shared_keys_are_refused(folder: Path) -> None:
    with pytest.raises(LogError) as refused:
        make_witness(folder, "w2", [KeyKind.COSIGNATURE_ED25519])
    assert refused.value.reason == "witness_exists"
    same = SigningKey.read(folder / "cosignature-ed25519.key").verifier
    with pytest.raises(LogError) as refused:
        know_log(folder, VerifierKey("plant.example/x", KeyKind.ED25519, same.public))
    assert refused.value.reason == "same_key"


def test_keys_others_may_read_are_refused_with_advice(folder: Path) -> None:
    key = next(folder.glob("*.key"))
    key.chmod(0o640)
    with pytest.raises(LogError) as refused:
        Witness(folder)
    assert refused.value.reason == "key_open"
    assert str(key) in str(refused.value.advice and refused.value.advice.en)
    with pytest.raises(LogError) as missing:
        Witness(folder.parent / "nowhere")
    assert missing.value.reason == "no_witness"


def test_a_full_disk_and_an_unreadable_list_of_logs_are_said_and_nothing_is_cosigned(
    folder: Path, witness: Witness
) -> None:
    assert witness.add_checkpoint(request(0, 4)).status == 200
    pages = witness._memory.execute("pragma page_count").fetchone()[0]
    witness._memory.execute(f"pragma max_page_count = {pages}")
    full = False
    for n in range(60):
        others = Ed25519PrivateKey.from_private_bytes(bytes([n + 1] * 32))
        origin = f"log{n}.example/{'x' * 150}"
        know = VerifierKey(origin, KeyKind.ED25519, others.public_key().public_bytes_raw())
        with (folder / "logs").open("a") as out:
            out.write(f"{know}\n")
        answer = witness.add_checkpoint(f"old 0\n\n{note_of(1, bytes(32), origin, others)}".encode())
        if full := answer.status == 503:
            assert answer.reason == "memory"
            assert origin not in {one.origin for one in witness.seen()}
            break
    assert full
    (folder / "logs").write_text("nonsense\n")
    assert (witness.add_checkpoint(request(4, 5)).reason) == "bad_logs"


KILLED = """
import os, signal, sys
from pathlib import Path
from assay.ledger.witness import Witness
def pause(step):
    os.kill(os.getpid(), signal.SIGKILL)
Witness(Path(sys.argv[1]), pause=pause).add_checkpoint(sys.stdin.buffer.read())
"""


def test_killed_between_keeping_and_answering_it_has_kept(folder: Path) -> None:
    with Witness(folder) as one:
        assert one.add_checkpoint(request(0, 8)).status == 200
    process = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder)], input=request(8, 12), capture_output=True, check=False
    )
    assert process.returncode == -signal.SIGKILL
    assert not process.stdout
    with Witness(folder) as again:
        fork = again.add_checkpoint(request(8, 12, "x"))
        assert (fork.status, fork.body) == (409, b"12\n")
        assert again.add_checkpoint(request(12, 12)).status == 200, "whoever asks again is answered"
        assert again.add_checkpoint(request(12, 12, "x")).status == 409


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_whatever_comes_is_answered_and_never_cosigned_by_accident(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    good = _witness_once(tmp_path_factory)
    base = bytearray(request(10, 17))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(base) - 1))
        how = data.draw(st.sampled_from(["set", "cut", "add"]))
        if how == "set":
            base[at] = data.draw(st.integers(0, 255))
        elif how == "cut":
            del base[at : at + data.draw(st.integers(1, 50))]
        else:
            base[at:at] = data.draw(st.binary(min_size=1, max_size=10))
        if not base:
            break
    if bytes(base) == request(10, 17):
        return
    answer = good.add_checkpoint(bytes(base))
    assert answer.status in {400, 403, 404, 409, 422}, bytes(base)


_KEPT: list[Witness] = []


def _witness_once(factory: pytest.TempPathFactory) -> Witness:
    if not _KEPT:
        folder = factory.mktemp("fuzzed")
        make_witness(folder, "w", [KeyKind.COSIGNATURE_ED25519])
        know_log(folder, VerifierKey(ORIGIN, KeyKind.ED25519, PUBLIC))
        _KEPT.append(Witness(folder))
        assert _KEPT[0].add_checkpoint(request(0, 10)).status == 200
    return _KEPT[0]


@given(st.binary(max_size=300))
def test_random_bytes_are_no_request(data: bytes) -> None:
    with pytest.raises(LedgerError):
        AddCheckpoint.parse(data)


def test_the_kept_database_is_its_owners_alone(folder: Path, witness: Witness) -> None:
    for path in folder.glob("*.key"):
        assert path.stat().st_mode & 0o777 == 0o600
