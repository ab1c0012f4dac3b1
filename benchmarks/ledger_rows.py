"""What logging costs a load, how fast rows are committed to one by one, and proofs of single rows.

The load is that of ``assay bench load``: measurements from CSV, typed, checked, compared, committed with
fsync; with the log its chunks are digested, signed and acknowledged too, by a sequencer that was started
before. Both run in a child process of their own on two cores, in turn. Rows are notarised afterwards, apart
from the load.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles

import numpy as np
import pyarrow as pa

from assay.ledger.keys import KeyKind, SigningKey
from assay.ledger.notes import Note
from assay.ledger.policy import Policy
from assay.ledger.proving import verify_file
from assay.ledger.tlog_proof import TlogProof
from benchmarks.figures import Figure
from benchmarks.load import CORES, MAPPING, ROWS, write_measurements

MOST_COST = 15.0
LEAST_RATE = 150_000
LONGEST_NAME = 40
LEVELS = 24
"""Hashes that lead from an entry to the root of a log of ten million."""


def run(
    *,
    repeats: int = 5,
    scale: float = 1.0,
    progress: Callable[[float, str], None] = lambda done, what: None,
) -> list[Figure]:
    """Load ten million rows (times ``scale``) with and without the log, then notarise and prove some."""
    rows = round(ROWS * scale)
    with tempfile.TemporaryDirectory(prefix="assay-bench-", ignore_cleanup_errors=True) as folder:
        file = Path(folder) / "measurements.csv"
        write_measurements(file, rows)
        plain, logged, digested, used = [], [], [], []
        for turn in range(repeats):
            progress(turn / repeats * 0.7, f"round {turn + 1} of {repeats}")
            without = _measured("plain", file)
            plain.append(without["seconds"])
            found = _measured("logged", file)
            used.append(100 * (found["cpu"] - without["cpu"]) / without["cpu"])
            logged.append(found["seconds"])
            digested.append(found["after"])
        progress(0.7, "notarising")
        small = Path(folder) / "some.csv"
        write_measurements(small, min(rows, 1_000_000))
        rest = _measured("rows", small)
    costs = sorted(100 * (mine - other) / other for mine, other in zip(logged, plain, strict=True))
    return [
        Figure(
            name=f"ledger: chunks of {rows:,} rows digested, signed and acknowledged, on top of loading them",
            value=median(costs),
            unit="%",
            peer=f"loading without the log, {median(plain):.2f} s",
            ratio=None,
            spread=f"{costs[0]:.1f} to {costs[-1]:.1f}; processor time {median(used):.1f} %; "
            f"after the commit {median(digested):.2f} s",
            target=f"at most {MOST_COST:g} %",
            met=median(costs) <= MOST_COST,
        ),
        _figure("ledger: rows notarised, read from the lake, salted, hashed, logged", rest["rate"], "rows/s",
                least=LEAST_RATE),
        _figure("ledger: proof of a row, built, 99 %", rest["built"], "ms", most=50),
        _figure(f"ledger: size of it in a log of ten million entries, three Ed25519 cosignatures, names of "
                f"{LONGEST_NAME} bytes", rest["size"], "bytes", most=3_072),
        _figure("ledger: proofs of rows verified, cold", rest["verified"], "proofs/s"),
    ]  # fmt: skip


def _figure(
    name: str, value: float, unit: str, *, least: float | None = None, most: float | None = None
) -> Figure:
    target = f"at least {least:,g}" if least else f"at most {most:,g}" if most else None
    met = value >= least if least else value <= most if most else None
    return Figure(
        name=name, value=value, unit=unit, peer=None, ratio=None, spread=None, target=target, met=met
    )


def _measured(side: str, file: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.ledger_rows", side, str(file)]
    state = tempfile.mkdtemp(dir=file.parent)
    done = subprocess.run(
        command,
        cwd=Path(__file__).resolve().parent.parent,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "ASSAY_STATE": state},
    )
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def _load(file: Path, target: Path, *, log: bool) -> dict[str, float]:
    from assay.connect.load import load_file
    from assay.ledger.submitter import Submitter
    from assay.store.workspace import Workspace

    with Workspace.create(target / "plant", log=log) as workspace:
        after = [0.0]
        if log:
            evidence = workspace.evidence
            evidence.submitter = Submitter(evidence.place, idle=1)
            evidence.catch_up()
            notice = evidence.noticed

            def timed() -> None:
                began = time.perf_counter()
                notice()
                after[0] += time.perf_counter() - began

            workspace.lake.after_commit = timed
        began, used = time.perf_counter(), time.process_time()
        report = load_file(workspace, file, MAPPING, progress=lambda done, total, what: None)
        seconds, used = time.perf_counter() - began, time.process_time() - used
        assert report.accepted == report.rows, report
        if log:
            assert evidence.state.why is None, evidence.state
            assert sum(one.rows for one in evidence.index.batches()) == report.rows
    return {"seconds": seconds, "after": after[0], "cpu": used}


def _rows(file: Path, target: Path) -> dict[str, float]:
    from assay.store.evidence_proofs import Prover
    from assay.store.notary import Notary
    from assay.store.workspace import Workspace

    _load(file, target, log=True)
    with Workspace.open(target / "plant") as workspace:
        evidence = workspace.evidence
        evidence.submitter.checkpoint()
        began = time.perf_counter()
        count = Notary(evidence, workspace.lake).run()
        rate = count / (time.perf_counter() - began)
        evidence.submitter.checkpoint()
        prover = Prover(evidence, workspace.lake)
        (batch, *_) = evidence.index.batches()
        load = batch.source.removeprefix("measurement:")
        times, sizes, files = [], [], []
        for seq in np.random.default_rng(3).integers(0, count, 60).tolist():
            began = time.perf_counter()
            proof = prover.prove(f"measurement:{load}/{seq}")
            times.append((time.perf_counter() - began) * 1_000)
            sizes.append(_size(proof))
            files.append(bytes(proof))
        policy = Policy.parse(f"log {evidence.place.public_key()}\nquorum none\n".encode())
        began = time.perf_counter()
        assert all(verify_file(data, policy).valid for data in files)
        verified = len(files) / (time.perf_counter() - began)
    built = quantiles(times, n=100)[98]
    return {"rate": rate, "built": built, "size": max(sizes), "verified": verified}


def _size(proof: TlogProof) -> int:
    """Bytes of the proof if it were of a log of ten million entries with three witnesses."""
    log = SigningKey("l" * LONGEST_NAME, KeyKind.ED25519, bytes(32))
    witnesses = [
        SigningKey(f"{n}".ljust(LONGEST_NAME, "w"), KeyKind.COSIGNATURE_ED25519, bytes([n] * 32))
        for n in range(3)
    ]
    text = proof.note.text.split("\n")
    text[0], text[1] = log.verifier.name, "10000000"
    said = "\n".join(text)
    lines = (log.sign(said), *(one.sign(said, timestamp=1_800_000_000) for one in witnesses))
    hashes = (*proof.hashes, *[bytes(32)] * (LEVELS - len(proof.hashes)))
    return len(bytes(TlogProof(9_999_999, hashes, Note(said, lines), proof.extra)))


def main(side: str, file: Path) -> None:
    """Do one side's work in this process and print what was measured."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    pa.set_cpu_count(CORES)
    target = Path(tempfile.mkdtemp(dir=file.parent))
    try:
        with file.open("rb") as warm:
            while warm.read(1 << 24):
                pass
        found = _rows(file, target) if side == "rows" else _load(file, target, log=side == "logged")
    finally:
        shutil.rmtree(target, ignore_errors=True)  # the log's process may still write, and go within a second
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
