"""What is erased can't be shown any more, by an entry that says so; without one the audit finds it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from evidence_plant import START, load, logging_plant, measurements, state

from assay.cli.app import run
from assay.ledger.canonical import decode, encode
from assay.ledger.entries import Individual, Statement
from assay.ledger.errors import EntryError, LogError
from assay.ledger.standing import Erasure
from assay.store.evidence_erasure import audit_payloads
from assay.store.evidence_payloads import payload_path
from assay.store.evidence_proofs import Prover
from assay.store.evidence_secrets import ErasedRows
from assay.store.keys import LoadKey
from assay.store.plant_evidence import audit_plant, bring_up_to_date, bundle_subject, erase_subject
from assay.store.workspace import Workspace

__all__ = ["state"]


@pytest.fixture(scope="module")
def plant(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with logging_plant(tmp_path_factory.mktemp("erasure") / "plant") as workspace:
        load(workspace, "measurement", list(measurements(40)), LoadKey("gauge", "nov.csv"))
        for subject in ("U-7", "U-8"):
            workspace.evidence.say("disposition", subject, {"verdict": "accepted", "by": "p-31", "at": START})
        bring_up_to_date(workspace)
        yield workspace


def test_what_is_erased_can_not_be_shown_and_everything_else_can(plant: Workspace) -> None:
    evidence = plant.evidence
    before = {path: path.read_bytes() for path in (plant.path / "evidence").rglob("*") if path.is_file()}
    key = evidence.secrets.key_of("U-7")
    rows = list(Prover(evidence, plant.lake).leaves_naming("U-7"))
    assert rows
    assert key
    assert audit_plant(plant.path).valid

    done = erase_subject(plant, "U-7", "asked for by the person, art. 17")
    assert (done.payloads, done.rows, len(done.indexes)) == (1, len(rows), 1)
    said = evidence.entry(done.indexes[0]).signed.verify()
    assert isinstance(said, Statement)
    assert (Erasure.parse(said.content).subject, said.kind) == ("U-7", "erasure")

    seen = audit_plant(plant.path, records=True)
    assert (seen.valid, seen.erased) == (True, 1 + len(rows)), seen.findings
    assert evidence.secrets.erased("U-7")
    assert key not in (evidence.place.outside / "salts.db").read_bytes()
    gone = [path for path in before if not path.exists()]
    assert len(gone) == 1
    entry = next(index for index in range(seen.size)
                 if isinstance(body := evidence.entry(index).signed.body_of(check=False), Individual)
                 and body.subject == "U-7")  # fmt: skip
    with pytest.raises(LogError) as refused:
        evidence.payloads.open(evidence.entry(entry).signed.body_of(check=False))  # type: ignore[arg-type]
    assert refused.value.reason == "erased"
    gone[0].write_bytes(before[gone[0]])  # an old backup is restored: without the key it says nothing
    with pytest.raises(LogError):
        evidence.payloads.open(evidence.entry(entry).signed.body_of(check=False))  # type: ignore[arg-type]
    gone[0].unlink()
    assert bundle_subject(plant, "U-8")
    assert list(Prover(evidence, plant.lake).leaves_naming("U-7")) == []
    with pytest.raises(LogError) as nothing:
        erase_subject(plant, "U-7", "again")
    assert nothing.value.reason == "erased_before"
    assert f"entry {done.indexes[0]}" in str(nothing.value)
    with pytest.raises(LogError) as never:
        erase_subject(plant, "U-never", "asked for")
    assert never.value.reason == "nothing_to_erase"
    assert audit_plant(plant.path).erased == seen.erased


def test_what_was_destroyed_without_an_entry_is_a_finding(plant: Workspace, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(plant.path, copy)
    evidence = plant.evidence
    index, body = next(
        (index, body) for index in range(evidence.signed_size())
        if isinstance(body := evidence.entry(index).signed.body_of(check=False), Individual)
        and body.subject == "U-8" and body.payload
    )  # fmt: skip
    path = payload_path(copy / "evidence", body.payload or b"")
    path.write_bytes(path.read_bytes()[:-1])
    assert [(one.kind, one.index) for one in audit_payloads(copy)[0]] == [("payload_differs", index)]
    path.unlink()
    seen = audit_plant(copy)
    assert not seen.valid
    assert [(one.kind, one.index, one.file) for one in seen.findings] == [
        ("payload_missing", index, f"../../{path.relative_to(copy).as_posix()}")
    ]
    tree, row, leaf, _ = next(iter(Prover(evidence, plant.lake).leaves_naming("U-8")))
    with evidence.secrets._database:
        evidence.secrets._erase_rows("U-8", ErasedRows(tree.batch, tree.first, {row: leaf}))
    assert [(one.kind, one.index) for one in audit_plant(plant.path).findings] == [
        ("salt_missing", tree.entry)
    ]
    done = erase_subject(plant, "U-8", "asked for")
    assert done.payloads == 1


def test_whoever_dies_between_the_entry_and_the_destruction_does_it_again(
    plant: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    evidence = plant.evidence
    evidence.say("attestation", "W-7", {"grade": "A"})

    def died(subject: str, *_: object, **__: object) -> bool:
        raise KeyboardInterrupt(subject)

    with monkeypatch.context() as patched:
        patched.setattr(evidence.secrets, "erase_subject", died)
        with pytest.raises(KeyboardInterrupt):
            erase_subject(plant, "W-7", "asked for")
    assert evidence.secrets.key_of("W-7")
    assert not [one for one in audit_payloads(plant.path)[0] if one.kind.startswith("payload")]
    assert erase_subject(plant, "W-7", "asked for").payloads == 1
    assert evidence.secrets.key_of("W-7") is None


def test_rows_whose_erasure_was_done_again_count_once(
    plant: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = len(list(Prover(plant.evidence, plant.lake).leaves_naming("U-9")))
    erased = audit_payloads(plant.path)[1]
    assert rows

    def died(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(plant.evidence.secrets, "_erase_rows", died)
        with pytest.raises(KeyboardInterrupt):
            erase_subject(plant, "U-9", "asked for")
    assert erase_subject(plant, "U-9", "asked for").rows == rows
    assert audit_payloads(plant.path)[1] == erased + rows


def test_the_command_erases_and_says_so(plant: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    plant.evidence.say("attestation", "W-41", {"grade": "B"})
    words = ["ledger", "erase", str(plant.path), "W-41", "--why", "left the company", "--json"]
    assert run(words) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["payloads"], document["rows"], len(document["indexes"])) == (1, 0, 1)
    assert plant.evidence.secrets.key_of("W-41") is None


@pytest.mark.parametrize(
    ("rows", "altered", "events"),
    [((), (), ()), (((1, 0, 2),), (), ()), (((1, 0, 2),), ((1, 0, 2),), ()), ((), (), (3, 7))],
)
def test_an_erasure_says_the_same_again(
    rows: tuple[tuple[int, int, int], ...], altered: tuple[tuple[int, int, int], ...], events: tuple[int, ...]
) -> None:
    said = Erasure("U-1", 3, "why", rows, altered, events)
    assert Erasure.parse(bytes(said)) == said
    assert len(decode(bytes(said))) == (6 if events else 5 if altered else 4)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80",
        bytes(Erasure("U-1", 3, " ")),
        bytes(Erasure("", 3, "why")),
        bytes(Erasure("U-1", 3, "why", events=(7, 3))),
        bytes(Erasure("U-1", 3, "why", events=(0,))),
        bytes(Erasure("U-1", 3, "why", altered=((1, 0, 2),), events=(3,))),
        encode(["U-1", 3, "why", [], []]),
        encode(["U-1", 3, "why", [], [], []]),
        encode(["U-1", 3, "why", [], [], [1], []]),
    ],
)
def test_what_is_no_erasure_is_not_taken_for_one(content: bytes) -> None:
    with pytest.raises(EntryError):
        Erasure.parse(content)
