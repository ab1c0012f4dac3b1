"""One sequencer for many processes, which may all be killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.unit.test_ledger_writer import acks, made

from assay.ledger.checkpoint import Checkpoint
from assay.ledger.derived import Derived
from assay.ledger.entries import Entry, Origin
from assay.ledger.errors import LogError
from assay.ledger.merkle import leaf_hash, verify_consistency
from assay.ledger.notes import Note
from assay.ledger.place import Place
from assay.ledger.segment import Record, read_segments
from assay.ledger.submitter import Submitter

SUBMITTING = Path(__file__).with_name("ledger_submitting.py")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("ASSAY_STATE", str(tmp_path / "state"))
    return Place.make(tmp_path / "plant", "plant.example/main")


def logged(place: Place) -> list[bytes]:
    found = list(read_segments(place.segments))
    assert all(isinstance(one, Record) for one in found)
    return [one.entry for one in found if isinstance(one, Record)]


def origin_of(entry: bytes) -> Origin:
    return Entry.parse(entry).signed.verify().origin


class Submitting:
    """A process that submits, and what it wrote down of the acknowledgements."""

    def __init__(self, place: Place, source: str, count: int, group: int) -> None:
        self.said = place.outside.parent / f"{source}.jsonl"
        words = [str(place.folder), str(place.outside), source, str(count), str(group)]
        with self.said.open("w") as out:
            self.process = subprocess.Popen([sys.executable, str(SUBMITTING), *words], stdout=out)

    def acknowledged(self) -> dict[int, tuple[int, str]]:
        """Index and leaf by sequence number; the last line may be cut."""
        lines = [line for line in self.said.read_text().splitlines() if line.endswith("]")]
        return {seq: (index, leaf) for seq, index, leaf in map(json.loads, lines)}


def test_four_workers_and_a_load_at_once_and_every_process_is_killed(place: Place) -> None:
    """Sequencers and one submitter die by SIGKILL; what was acknowledged is there, once."""
    running = {f"api-{n}": Submitting(place, f"api-{n}", 150, 1) for n in range(4)}
    running["load"] = Submitting(place, "load", 2_000, 250)
    doomed = Submitting(place, "doomed", 50_000, 1)
    rng = random.Random(7)
    with Submitter(place, idle=1.0) as watching:
        for _ in range(3):
            os.kill(watching.state().process, signal.SIGKILL)
            time.sleep(rng.uniform(0.1, 0.4))
        while not doomed.acknowledged():
            time.sleep(0.05)
        doomed.process.kill()
        codes = {source: one.process.wait(60) for source, one in running.items()}
        doomed.process.wait(60)
        assert watching.checkpoint().epoch > 3
    assert codes == dict.fromkeys(running, 0)
    answers = {source: one.acknowledged() for source, one in (running | {"doomed": doomed}).items()}
    entries = logged(place)
    origins = [origin_of(entry) for entry in entries]
    assert len(set(origins)) == len(origins), "one entry for each source, epoch and seq"
    for source, acknowledgements in answers.items():
        for seq, (index, leaf) in acknowledgements.items():
            assert origins[index] == Origin(source, 1, seq)
            assert leaf_hash(entries[index]).hex() == leaf
    assert [len(answers[source]) for source in ("api-0", "load")] == [150, 2_000]


def test_whoever_asks_while_the_sequencer_ends_is_answered_by_the_next(place: Place) -> None:
    for number in range(3):
        with Submitter(place, idle=30) as first, Submitter(place, idle=30) as second:
            assert first.state().process == second.state().process
            os.kill(first.state().process, signal.SIGTERM)
            assert acks(second.append([made(number)])) == [number]
            os.kill(second.state().process, signal.SIGTERM)
            assert first.checkpoint().signed == number + 1


def test_a_log_that_can_not_go_on_says_so_to_who_submits(place: Place) -> None:
    with Submitter(place, idle=0.2) as submitter:
        assert acks(submitter.append([made(1), made(2)])) == [0, 1]
        assert submitter.checkpoint().signed == 2
    while place.socket.exists():
        time.sleep(0.05)
    place.head.unlink()
    with Submitter(place, idle=0.2) as submitter, pytest.raises(LogError) as refused:
        submitter.append([made(3)])
    assert refused.value.reason == "no_head"
    assert refused.value.said.zh != refused.value.said.en


STEPS = ("before", "synced", "tiles", "head", "cosigned", "published")


def killed_at_random(place: Place, points: int, seed: int) -> None:
    """Kill the writer at random steps; compare every head and every acknowledgement with the end."""
    rng = random.Random(seed)
    heads: list[Checkpoint] = []
    known: dict[int, tuple[int, str]] = {}
    for point in range(points):
        step = f"{rng.choice(STEPS)}:{rng.randrange(1, 6)}"
        command = [
            sys.executable,
            str(SUBMITTING),
            str(place.folder),
            str(place.outside),
            "killed",
            "400",
            "37",
            step,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == -signal.SIGKILL, (point, step, done.stderr)
        for line in done.stdout.splitlines():
            seq, index, leaf = json.loads(line)
            assert known.setdefault(seq, (index, leaf)) == (index, leaf)
        signed = filter(Path.exists, (place.head, place.folder / "checkpoint"))
        heads += [Checkpoint.parse(Note.parse(path.read_bytes()).text) for path in signed]
        if len(logged_so_far(place)) >= 390:
            break
    done = subprocess.run([*command[:-1]], capture_output=True, text=True, check=True)
    entries = logged(place)
    assert [origin_of(entry).seq for entry in entries] == list(range(len(entries)))
    assert all(leaf_hash(entries[index]).hex() == leaf for index, leaf in known.values())
    derived = Derived(place.folder)
    published = derived.published()
    assert published is not None
    last = published[1]
    assert last.size == len(entries) == 400
    tree = derived.tree(last.size)
    for head in heads:
        assert tree.root(0, head.size) == head.root
        if head.size:
            verify_consistency(head.size, last.size, head.root, last.root, tree.consistency(head.size))


def logged_so_far(place: Place) -> list[bytes]:
    return [one.entry for one in read_segments(place.segments) if isinstance(one, Record)]


def test_a_writer_killed_at_any_step_loses_nothing_and_signs_no_fork(place: Place) -> None:
    killed_at_random(place, 20, seed=3)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_a_writer_killed_at_200_random_steps(place: Place, seed: int) -> None:
    killed_at_random(place, 20, seed=100 + seed)


def test_a_sequencer_starts_without_the_libraries_that_read_rows() -> None:
    probe = (
        "import sys, assay.ledger.sequencer;"
        "sys.exit(', '.join({'numpy', 'pyarrow', 'scipy'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
