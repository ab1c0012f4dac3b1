"""The verifier that shares no code with Assay says of every kind of proof and policy what Assay says."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from evidence_plant import START, load, logging_plant, measurements, state

from assay.ledger.canonical import decode, encode
from assay.ledger.consistency import consistency
from assay.ledger.derived import Derived
from assay.ledger.entries import Batch, Entry, Individual, Rows, Statement
from assay.ledger.keys import KeyKind, Signature, SigningKey
from assay.ledger.notes import Note
from assay.ledger.policy import Policy
from assay.ledger.proving import prove, verify_file
from assay.ledger.rotation import add_cosigner, rotate_log
from assay.ledger.segment import Record, read_segments
from assay.store.config import LedgerSettings
from assay.store.evidence_proofs import Prover
from assay.store.keys import LoadKey
from assay.store.plant_evidence import bring_up_to_date
from assay.store.workspace import Workspace

__all__ = ["state"]

FOLDER = Path(__file__).parents[2] / "examples/verify-evidence"
PLAIN = [SigningKey(f"w{n}.example", KeyKind.COSIGNATURE_ED25519, bytes([n] * 32)) for n in (1, 2)]
QUANTUM = SigningKey("w3.example", KeyKind.COSIGNATURE_MLDSA44, bytes([3] * 32))

Main = Callable[..., int]


@pytest.fixture(scope="module")
def plant(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Rows of which two fields can be shown alone, and a disposition; the log has a cosigner of its own."""
    settings = LedgerSettings(disclosable={"measurement": ("value", "gauge")})
    folder = tmp_path_factory.mktemp("independent") / "plant"
    with logging_plant(folder) as workspace:
        workspace.evidence.settings = settings
        load(workspace, "measurement", list(measurements(40)), LoadKey("gauge", "a.csv"))
        workspace.evidence.say("disposition", "U-7", {"verdict": "accepted", "by": "p-31", "at": START})
        add_cosigner(workspace.evidence.place)
        bring_up_to_date(workspace)
        cosign(workspace)
        yield workspace


def cosign(plant: Workspace) -> None:
    """Two witnesses cosign the published checkpoint, a third with ML-DSA-44, and a stranger signs too."""
    derived = Derived(plant.evidence.place.folder)
    published = derived.published()
    assert published is not None
    note = published[0]
    lines = [one.sign(note.text, timestamp=1_790_000_000) for one in (*PLAIN, QUANTUM)]
    strange = Signature("stranger.example/x", b"\x99\x01\x02\x03", b"\xff of a type nobody knows")
    derived.publish(note.signed(*lines, strange, strange))


@pytest.fixture(scope="module")
def checks() -> Iterator[tuple[Main, Main]]:
    """The mains of the verifiers of evidence and of consistency."""
    sys.path.insert(0, str(FOLDER))
    yield import_module("verify_evidence").main, import_module("verify_consistency").main
    sys.path.remove(str(FOLDER))


@pytest.fixture
def judged(
    tmp_path: Path, checks: tuple[Main, Main], capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[bool, dict[str, Any]]]:
    """What both say of a file under a policy: they must agree whether it is valid."""

    def judge(data: bytes, policy: str, kept: Note | None = None) -> tuple[bool, dict[str, Any]]:
        file, rules, note = (tmp_path / name for name in ("file", "policy", "note"))
        file.write_bytes(data)
        rules.write_text(policy)
        which = checks[b"assay/consistency@1" in data[:32]]
        words = [str(file), str(rules)]
        if kept is not None:
            note.write_bytes(bytes(kept))
            words.append(str(note))
        capsys.readouterr()
        code = which(*words)
        said: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert code == (0 if said["valid"] else 1)
        mine = verify_file(data, Policy.parse(policy.encode()))
        assert mine.valid == said["valid"], (mine.reason, said)
        return mine.valid, said

    return judge


def lines(plant: Workspace, *more: str, quorum: str = "k") -> str:
    keys = plant.evidence.place.keys()
    return "\n".join(
        [
            *(f"log {key}" for key in keys),
            *(f"witness w{n} {one.verifier}" for n, one in enumerate((*PLAIN, QUANTUM))),
            "group k 2 w0 w1 w2",
            f"quorum {quorum}",
            *more,
            "",
        ]
    )


def entries(plant: Workspace) -> list[Any]:
    found = [one for one in read_segments(plant.evidence.place.segments) if isinstance(one, Record)]
    return [Entry.parse(one.entry).signed.verify() for one in found]


def index_of(plant: Workspace, kind: type) -> int:
    return next(n for n, one in enumerate(entries(plant)) if isinstance(one, kind))


def proofs(plant: Workspace) -> dict[str, bytes]:
    """One of every kind that is handed out."""
    prover, place = Prover(plant.evidence, plant.lake), plant.evidence.place
    said = next(n for n, one in enumerate(entries(plant)) if getattr(one, "kind", "") == "disposition")
    row = "measurement:gauge/a.csv/7.0"
    return {
        "individual": bytes(prove(place, index_of(plant, Individual))),
        "fields": bytes(prover.prove(str(said), ["verdict"])),
        "batch": bytes(prove(place, index_of(plant, Batch))),
        "tree": bytes(prove(place, index_of(plant, Rows))),
        "statement": bytes(prove(place, index_of(plant, Statement))),
        "row": bytes(prover.prove(row)),
        "fields of a row": bytes(prover.prove(row, ["value"])),
        "bundle": prover.bundle("U-7"),
        "consistency": bytes(consistency(place, 3)),
    }


def test_every_kind_of_proof_is_verified_by_others(
    plant: Workspace, judged: Callable[..., tuple[bool, dict[str, Any]]]
) -> None:
    found = proofs(plant)
    for kind, data in found.items():
        valid, said = judged(data, lines(plant))
        assert valid, (kind, said)
        assert said["cosigners"] == ["w0", "w1"], "the third can't be checked here, and doesn't count"
    _, said = judged(found["fields"], lines(plant))
    assert said["entries"][0]["fields"] == {"verdict": "accepted"}
    _, said = judged(found["fields of a row"], lines(plant))
    (row,) = said["entries"][0]["rows"]
    assert set(row) == {"value"}
    _, said = judged(found["bundle"], lines(plant))
    assert {one["class"] for one in said["entries"]} == {"assay/individual@1", "assay/rows@1"}


def test_what_was_changed_is_refused_by_both(
    plant: Workspace, judged: Callable[..., tuple[bool, dict[str, Any]]]
) -> None:
    policy = lines(plant, quorum="none").replace("quorum none", "group all 2 w0 w1\nquorum all")
    policy = policy.replace("group k 2 w0 w1 w2\n", "")
    for kind, data in proofs(plant).items():
        assert judged(data, policy)[0]
        note = data.find(b"\n\n\xe2\x80\x94 ")
        front = data[: data.find(plant.evidence.place.public_key().name.encode())]
        assert note > 0
        for at in range(len(front) // 9, len(front), max(1, len(front) // 9)):
            wrong = bytearray(data)
            wrong[at] ^= 1
            assert not judged(bytes(wrong), policy)[0], (kind, at)


def test_distrust_and_an_end_are_honoured_as_by_assay(
    plant: Workspace, judged: Callable[..., tuple[bool, dict[str, Any]]]
) -> None:
    found, issuer = proofs(plant), plant.evidence.public.hex()
    batch = index_of(plant, Batch)
    for limit, valid in ((batch, True), (batch - 1, False)):
        assert judged(found["batch"], lines(plant, f"#distrust {issuer} after {limit}"))[0] is valid
    ended = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    later = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for kind in ("fields", "batch", "tree", "statement", "row", "bundle"):
        assert judged(found[kind], lines(plant, f"#expire {issuer} at {later}"))[0]
        assert not judged(found[kind], lines(plant, f"#expire {issuer} at {ended}"))[0], kind
        assert not judged(found[kind], lines(plant, f"#distrust {issuer} after 0"))[0], kind
    log = str(plant.evidence.place.public_key())
    size = json.loads(json.dumps(judged(found["row"], lines(plant))[1]["size"]))
    for limit, quorum, valid in ((size, "k", True), (size - 1, "k", True), (size - 2, "k", False)):
        assert judged(found["row"], lines(plant, f"#distrust {log} after {limit}", quorum=quorum))[0] is valid
    alone = "\n".join([f"log {log}", "quorum none", f"#distrust {log} after {size}", ""])
    assert not judged(found["row"], alone)[0], "who stole the key can sign any old size"
    assert judged(found["row"], f"log {log}\nquorum none\n# a comment\n#other {log} after 0\n")[0]


def test_a_quorum_that_needs_another_type_of_signature_is_not_reached(
    plant: Workspace, checks: tuple[Main, Main], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Assay can check it; a verifier with Ed25519 alone says that it can't, rather than believing it."""
    data = proofs(plant)["row"]
    policy = lines(plant, quorum="w2")
    assert verify_file(data, Policy.parse(policy.encode())).valid
    (tmp_path / "file").write_bytes(data)
    (tmp_path / "policy").write_text(policy)
    capsys.readouterr()
    assert checks[0](str(tmp_path / "file"), str(tmp_path / "policy")) == 1
    assert json.loads(capsys.readouterr().out)["reason"] == "too few witnesses"


def test_a_second_signature_of_a_known_key_and_a_wrong_one_are_refused(
    plant: Workspace, judged: Callable[..., tuple[bool, dict[str, Any]]]
) -> None:
    data = proofs(plant)["batch"]
    head, _, note = data.decode().partition("\n\n")
    known = Note.parse(note.encode())
    other = PLAIN[0].sign(known.text, timestamp=1_790_000_001)
    bad = Signature(other.name, other.key_id, bytes(72))
    for lines_ in ((*known.signatures, other), (bad,), (*known.signatures[:1], bad)):
        changed = f"{head}\n\n{bytes(Note(known.text, lines_)).decode()}".encode()
        assert not judged(changed, lines(plant))[0]


def test_rotated_keys_of_the_log_are_followed_by_the_policy(
    state: Path, tmp_path: Path, judged: Callable[..., tuple[bool, dict[str, Any]]]
) -> None:
    with logging_plant(tmp_path / "plant") as plant:
        place = plant.evidence.place
        plant.evidence.say("disposition", "U-1", {"verdict": "accepted"})
        plant.evidence.submitter.checkpoint()
        kept = Note.parse((place.folder / "checkpoint").read_bytes())
        old = place.public_key()
        rotate_log(place)
        place.key_of(old).unlink()
        plant.evidence.say("disposition", "U-2", {"verdict": "accepted"})
        plant.evidence.submitter.checkpoint()
        later = bytes(prove(place, index_of(plant, Statement)))
        keys = place.keys()
        assert not judged(later, f"log {old}\nquorum none\n#distrust {old} after 2\n")[0]
        both = "".join(f"log {key}\n" for key in keys)
        assert judged(later, f"{both}quorum none\n")[0]
        proof = bytes(consistency(place, kept))
        assert judged(proof, f"{both}quorum none\n", kept)[0]


def test_another_history_than_the_one_kept_is_no_continuation(
    plant: Workspace, judged: Callable[..., tuple[bool, dict[str, Any]]]
) -> None:
    place = plant.evidence.place
    total = judged(proofs(plant)["row"], lines(plant))[1]["size"]
    for old in range(1, total + 1):
        data = bytes(consistency(place, old))
        assert judged(data, lines(plant))[0], old
        parts = decode(data)
        assert isinstance(parts, list)
        for at, value in ((3, bytes(32)), (2, old + 1), (2, 0), (5, bytes(32))):
            changed = encode([value if n == at else one for n, one in enumerate(parts)])
            assert not judged(changed, lines(plant))[0], (old, at)
