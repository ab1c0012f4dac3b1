"""Notes, checkpoints, cosignatures, proofs and policies: what others signed and what we sign."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.ledger import keys as key_module
from assay.ledger.checkpoint import Checkpoint
from assay.ledger.errors import LedgerError, LogError, VerificationError
from assay.ledger.keys import KeyKind, SigningKey, VerifierKey
from assay.ledger.merkle import leaf_hash, node_hash
from assay.ledger.notes import Note
from assay.ledger.policy import Policy
from assay.ledger.text import of_utf8
from assay.ledger.tlog_proof import TlogProof

SUMDB_KEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
SUMDB_CHECKPOINT = """go.sum database tree
15081221
BoMMe1wd25Tco0mYGROkyqxHZWx+hcSCtMV315Lu6Lg=

— sum.golang.org Az3grilD7vQqTrv66jRgKM84Y80KTprrSt4bKmiOPxgmS5ZVBTeCl6dUvjYnN13R+C8j0jGY1WnUADGMkok3U0m2Zgo=
"""
"""A checkpoint of the Go checksum database, of 10 January 2023."""

GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN"
    "1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
"""The example of golang.org/x/mod/sumdb/note."""

GO_SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz\n"

LOG = SigningKey("plant.example/main", KeyKind.ED25519, bytes(range(32)))
WITNESSES = [
    SigningKey("steel.example/w", KeyKind.COSIGNATURE_ED25519, bytes(range(1, 33))),
    SigningKey("lab.example/w", KeyKind.COSIGNATURE_MLDSA44, bytes(range(2, 34))),
    SigningKey("oem.example/w", KeyKind.COSIGNATURE_ED25519, bytes(range(3, 35))),
]
ENTRY, OTHER = b"entry", leaf_hash(b"other")
TEXT = str(Checkpoint("plant.example/main", 2, node_hash(leaf_hash(ENTRY), OTHER)))
POLICY = (
    f"# whom we believe\nlog {LOG.verifier} https://plant.example/log\n\n"
    + "".join(f"witness\tw{n} {one.verifier}\n" for n, one in enumerate(WITNESSES))
    + "group two 2 w0 w1 w2\nquorum two\n"
)


def signed_by(*witnesses: SigningKey, by: SigningKey = LOG, text: str = TEXT) -> Note:
    note = Note(text, (by.sign(text),))
    return note.signed(*(one.sign(text, timestamp=1_700_000_000) for one in witnesses))


@pytest.mark.parametrize(("key", "note"), [(SUMDB_KEY, SUMDB_CHECKPOINT), (GO_KEY, GO_NOTE)])
def test_notes_signed_by_others_verify(key: str, note: str) -> None:
    verifier, parsed = VerifierKey.parse(key), Note.parse(note.encode())
    assert list(parsed.signers([verifier])) == [verifier]
    altered = Note(parsed.text.replace("e", "3", 1), parsed.signatures)
    with pytest.raises(VerificationError) as refused:
        altered.signers([verifier])
    assert refused.value.reason == "bad_signature"


def test_a_key_of_go_signs_as_go_does(tmp_path: Path) -> None:
    path = tmp_path / "go.key"
    path.write_text(GO_SECRET)
    path.chmod(0o600)
    key = SigningKey.read(path)
    text = Note.parse(GO_NOTE.encode()).text
    assert bytes(Note(text, (key.sign(text),))) == GO_NOTE.encode()
    key.write(tmp_path / "again.key")
    assert (tmp_path / "again.key").read_text() == GO_SECRET


def test_a_checkpoint_of_the_go_checksum_database_is_read() -> None:
    seen = Checkpoint.parse(Note.parse(SUMDB_CHECKPOINT.encode()).text)
    assert (seen.origin, seen.size, seen.extensions) == ("go.sum database tree", 15_081_221, ())


@pytest.mark.parametrize(
    "key",
    [
        "TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6",
        "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
    ],
)
def test_keys_of_others_are_read(key: str) -> None:
    assert str(VerifierKey.parse(key)) == key


@pytest.mark.parametrize(
    "key",
    [
        "bananas.sigstore.dev+12344556",
        "rekor.sigstore.dev+12345678+THIS_IS_NOT_BASE64!",
        "rekor.sigstore.dev+12345678+AwEB",
        "TEST+00000000+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6",
        "TEST+7997405C+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6",
        "+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6",
        "TEST+7997405c+AQ==",
        "TEST+7997405c+",
        "",
    ],
)
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(VerificationError):
        VerifierKey.parse(key)


def test_the_message_of_a_post_quantum_cosigner_is_laid_out_as_specified() -> None:
    message = key_module.subtree_message(
        "w.example", "log.example", start=8, end=13, root=bytes(range(32)), timestamp=0
    )
    assert message == (
        b"subtree/v1\n\0" + b"\x09w.example" + bytes(8) + b"\x0blog.example"
        + bytes.fromhex("0000000000000008000000000000000d") + bytes(range(32))
    )  # fmt: skip


def test_a_key_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "log.key"
    LOG.write(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert SigningKey.read(path).verifier == LOG.verifier
    path.chmod(0o640)
    with pytest.raises(LogError) as refused:
        SigningKey.read(path)
    assert refused.value.reason == "key_open"


def test_a_policy_believes_a_quorum_and_says_who_it_was() -> None:
    policy = Policy.parse(POLICY.encode())
    believed = policy.check(signed_by(*WITNESSES[:2]))
    assert believed.cosigners == ("w0", "w1")
    assert believed.checkpoint.size == 2


def test_a_policy_says_why_it_does_not_believe() -> None:
    policy = Policy.parse(POLICY.encode())
    stranger = SigningKey("plant.example/main", KeyKind.ED25519, bytes(32))
    elsewhere = TEXT.replace("plant", "other")
    forged = signed_by(*WITNESSES).signatures
    cases = {
        "quorum": signed_by(WITNESSES[0]),
        "no_signature": signed_by(*WITNESSES, by=stranger),
        "wrong_log": signed_by(*WITNESSES, text=elsewhere),
        "bad_signature": Note(TEXT.replace("\n2\n", "\n3\n"), forged),
        "bad_note": Note(TEXT, (*forged, forged[1])),
    }
    for reason, note in cases.items():
        with pytest.raises(VerificationError) as refused:
            policy.check(note)
        assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("line", "replacement"),
    [
        ("quorum two\n", ""),
        ("quorum two\n", "quorum two\nquorum none\n"),
        ("quorum two", "quorum nobody"),
        ("group two 2", "group two 4"),
        ("group two 2", "group two 0"),
        ("group two 2", "group none 2"),
        ("w0 w1 w2\n", "w0 w1 w1\n"),
        ("w0 w1 w2\n", "w0 w1 w2\ngroup again any w0\n"),
        ("group", "gruop"),
        (str(WITNESSES[2].verifier), str(WITNESSES[0].verifier)),
        (str(WITNESSES[2].verifier), str(LOG.verifier)),
        ("# whom", "# \x07whom"),
    ],
)
def test_a_policy_that_is_not_clear_is_refused(line: str, replacement: str) -> None:
    assert line in POLICY
    with pytest.raises(VerificationError) as refused:
        Policy.parse(POLICY.replace(line, replacement).encode())
    assert refused.value.reason == "bad_policy"


def test_a_proof_with_three_cosigners_is_small_and_verifies() -> None:
    three = [SigningKey(f"{n}{'w' * 39}", KeyKind.COSIGNATURE_ED25519, bytes([n] * 32)) for n in range(3)]
    proof = TlogProof(0, (OTHER,), signed_by(*three), extra=b"anything")
    again = TlogProof.parse(bytes(proof))
    assert again == proof
    assert again.verify(leaf_hash(ENTRY)).origin == "plant.example/main"
    deep = TlogProof(9_999_999, (OTHER,) * 24, signed_by(*three))
    assert len(bytes(deep)) <= 2_048
    with pytest.raises(VerificationError):
        again.verify(leaf_hash(b"another"))


PROOF = bytes(TlogProof(0, (OTHER,), signed_by(*WITNESSES[:2]), extra=b"x"))


def believe(data: bytes, policy: Policy) -> None:
    proof = TlogProof.parse(data)
    policy.check(proof.note)
    proof.verify(leaf_hash(ENTRY))


def test_every_bit_of_a_proof_matters() -> None:
    """A flipped bit is refused, but for those of the extra data, which nobody signs."""
    policy = Policy.parse(POLICY.replace("group two 2", "group two all").replace(" w2\nq", "\nq").encode())
    unsigned = range(PROOF.index(b"extra "), PROOF.index(b"index "))
    step = max(1, len(PROOF) // 400)
    for at in range(0, len(PROOF), step):
        if at in unsigned:
            continue
        flipped = bytearray(PROOF)
        flipped[at] ^= 1 << at % 8
        with pytest.raises(VerificationError):
            believe(bytes(flipped), policy)


PARSERS = {
    "note": (Note.parse, bytes(signed_by(*WITNESSES))),
    "proof": (TlogProof.parse, PROOF),
    "checkpoint": (lambda data: Checkpoint.parse(of_utf8(data, "checkpoint")), TEXT.encode()),
}


@settings(max_examples=200, deadline=None)
@given(which=st.sampled_from(sorted(PARSERS)), data=st.data())
def test_parsers_take_one_spelling_only(which: str, data: st.DataObject) -> None:
    parse, valid = PARSERS[which]
    at = data.draw(st.integers(0, len(valid)))
    cut = data.draw(st.integers(0, 3))
    changed = valid[:at] + data.draw(st.binary(max_size=4) | st.sampled_from([b"\n", b" ", b"=", b"0", b"A"]))
    changed += valid[at + cut :]
    try:
        parsed = parse(changed)
    except LedgerError:
        return
    again = str(parsed).encode() if isinstance(parsed, Checkpoint) else bytes(parsed)
    assert again == changed


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        (b"\n2\n", b"\n02\n"),
        (b"\n2\n", b"\n+2\n"),
        (b"\n2\n", b"\n9223372036854775808\n"),
        (b"\n2\n", "\n２\n".encode()),
        (b"=\n\n", b"\n\n"),
        (b"\n2\n", b"\r\n2\n"),
    ],
)
def test_numbers_and_hashes_have_one_spelling(text: bytes, bad: bytes) -> None:
    valid = bytes(signed_by())
    assert text in valid
    with pytest.raises(VerificationError):
        Checkpoint.parse(Note.parse(valid.replace(text, bad, 1)).text)


def test_base64_of_other_trailing_bits_is_another_spelling() -> None:
    """``QUE=`` and ``QUF=`` decode alike; only one of them is ours."""
    key = SigningKey("k", KeyKind.ED25519, bytes(32))
    line = str(key.sign("text\n"))
    spare = line.rstrip("\n")
    assert spare.endswith("=")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    padding = len(spare) - len(spare.rstrip("="))
    last = spare.rstrip("=")[-1]
    twin = alphabet[alphabet.index(last) ^ 1]
    other = spare.rstrip("=")[:-1] + twin + "=" * padding
    with pytest.raises(VerificationError) as refused:
        Note.parse(f"text\n\n{other}\n".encode())
    assert refused.value.reason == "bad_base64"


def test_the_id_of_a_key_is_of_name_type_and_key() -> None:
    key = LOG.verifier
    assert key.key_id == sha256(key.name.encode() + b"\n\x01" + key.public).digest()[:4]
    assert str(key).endswith(b64encode(b"\x01" + key.public).decode())
