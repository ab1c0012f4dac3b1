"""The evidence log: acknowledgements under load, proofs, verification, audit and the digests of rows.

Each figure is the median of five rounds, with the lowest and the highest. Rounds of acknowledgements begin
new logs of 20,000 entries; proofs and audits are of one log of ten million entries (times ``scale``), made in
bulk: its entries are signed and linked as all are, but commit to random roots, and nobody waits for each.

What a core and a disk allow is measured beside it: an entry costs one signature where it is made and one
verification where it is taken, and a group costs one sync.

Peers are named with the figures their projects publish; they were not run here. Tessera's 10,000 entries per
second are of its POSIX backend on NVMe with seven cores.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median, quantiles

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay.ledger import ed25519
from assay.ledger.audit import audit
from assay.ledger.commit import GroupCommit
from assay.ledger.commitment import commit
from assay.ledger.entries import Individual, Origin, Signed, sign
from assay.ledger.gate.facts import FIELD, Claims, Fact, claims_of, fact_of, opening_of
from assay.ledger.gate.policy import parse_policy
from assay.ledger.keys import KeyKind, SigningKey
from assay.ledger.notes import Note
from assay.ledger.place import Place
from assay.ledger.policy import Believed, Policy
from assay.ledger.proving import prove, verify_file
from assay.ledger.tlog_proof import TlogProof
from assay.ledger.writer import Ack, Writer
from benchmarks import gate, ledger_http, ledger_rows
from benchmarks.figures import Figure

ROUNDS = 5
SUBMITTERS = 256
FIELDS = {f"field{number:02d}": f"value {number}" for number in range(16)}
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
ISSUER = KEY.public_key().public_bytes_raw()
NOW = 1_790_000_000_000_000
POLICY = """
format: assay/gate-policy@1
name: welding
version: "1"
clock: {ahead_s: 315360000}
requirements:
  welder:
    about: person
    fact: qualification
    must: [{fact: processes, contains: {record: process}}]
  power source: {about: machine, fact: calibration}
  air: {about: environment, fact: environment, take: last, must: [{fact: humidity, at_most: 80.5}]}
applies:
  - {kinds: [record], steps: [weld], requires: [welder, power source, air]}
"""
CLAIMS = claims_of("weld", {"person": "W-1", "machine": "M-1", "environment": "B-1"}, {"process": "135"})


def run(scale: float = 1.0, progress: Callable[[float, str], None] = lambda done, what: None) -> list[Figure]:
    """Measure everything; ``scale`` multiplies how many entries there are."""
    count, large = min(max(int(200_000 * scale), 2_560), 20_000), max(int(10_000_000 * scale), 5_000)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        os.environ["ASSAY_STATE"] = f"{folder}/state"
        at = Path(folder)
        progress(0.0, "what the machine allows")
        figures += _limits(at)
        progress(0.05, "acknowledgements")
        figures += _acks(at, count, "without gate, issuers trusted", check=False, gate=False)
        progress(0.15, "acknowledgements, signatures verified again")
        figures += _acks(at, count, "without gate, signatures verified again", check=True, gate=False)
        progress(0.25, "acknowledgements, with gate")
        figures += _acks(at, count, "with gate", check=False, gate=True)
        progress(0.3, "acknowledgements over HTTP")
        figures += _over_http(at, count)
        progress(0.35, f"making a log of {large:,} entries")
        place = Place.make(at / "large", "bench.example/large")
        figures.append(_made_in_bulk(place, large))
        progress(0.7, "proofs")
        figures += _proved(place, large)
        progress(0.8, "audit")
        figures += _audited(place, large, at)
    progress(0.9, "rows")
    return figures + gate.run(scale=scale) + ledger_rows.run(repeats=3, scale=scale)


def _limits(folder: Path) -> list[Figure]:
    """Syncs, signatures and verifications a second: nothing can be faster."""
    signature, message = ed25519.sign(KEY, bytes(130)), bytes(130)

    def syncs(count: int) -> None:
        with (folder / "synced").open("wb") as file:
            for _ in range(count):
                file.write(bytes(4096))
                file.flush()
                os.fsync(file.fileno())

    def signs(count: int) -> None:
        for _ in range(count):
            ed25519.sign(KEY, message)

    def verifies(count: int) -> None:
        for _ in range(count):
            ed25519.verified(ISSUER, signature, message)

    return [
        _figure(f"limit: {name}", [count / _seconds(partial(work, count)) for _ in range(ROUNDS)], "/s")
        for name, work, count in (
            ("syncs of the disk", syncs, 200),
            ("Ed25519 signatures of one core", signs, 2_000),
            ("Ed25519 verifications of one core", verifies, 2_000),
        )
    ]


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _made(source: int, seq: int, said: Fact | Claims | None = None, **changed: str) -> Signed:
    made = commit(FIELDS if said is None else {**FIELDS, FIELD: bytes(said)})
    body = Individual(
        kind=changed.get("kind", "record"),
        subject=changed.get("subject", f"U-{source}-{seq}"),
        origin=Origin(f"worker-{source}", 1, seq),
        event_time=NOW + seq,
        record_time=NOW + seq,
        root=made.root,
        fields=len(made.fields),
        payload=None,
        issuer=ISSUER,
    )
    return sign(body, KEY)._replace(opening=opening_of(made) if said else b"")


def _judged(writer: Writer) -> None:
    """Give the log a policy, and what its records are judged by."""
    until = NOW + 10**15
    answers = writer.append(
        [
            _made(-1, 0, fact_of("policy", values={"policy": parse_policy(POLICY).canonical()}),
                  kind="configuration", subject="gate"),
            _made(-1, 1, fact_of("qualification", until=until, values={"processes": ["135"]}),
                  kind="attestation", subject="W-1"),
            _made(-1, 2, fact_of("calibration", until=until), kind="attestation", subject="M-1"),
            _made(-1, 3, fact_of("environment", values={"humidity": 60.0}),
                  kind="attestation", subject="B-1"),
        ]
    )  # fmt: skip
    for one in answers:
        if not isinstance(one, Ack):
            raise one


def _acks(folder: Path, count: int, how: str, *, check: bool, gate: bool) -> list[Figure]:
    rates, slow = [], []
    for number in range(ROUNDS):
        place = Place.make(
            folder / f"plant{number}-{check:d}{gate:d}", f"bench.example/{number}{check:d}{gate:d}"
        )
        rate, waited = asyncio.run(_acknowledged(place, count, check=check, gate=gate))
        rates.append(rate)
        slow.append(waited)
    return [
        _figure(
            f"acks, {SUBMITTERS} submitters, 16 fields committed and signed, {how}",
            rates,
            "entries/s",
            least=None if check else 5_000 if gate else 10_000,
            peer="Tessera: 10,000 on 7 cores (its own figure)",
        ),
        _figure(f"99 % of these acks, {how}", slow, "ms", most=100),
    ]


async def _acknowledged(place: Place, count: int, *, check: bool, gate: bool) -> tuple[float, float]:
    """Acknowledgements a second, and the milliseconds within which 99 % came."""
    waits: list[float] = []
    async with GroupCommit(Writer(place, check=check)) as log:
        if gate:
            _judged(log.writer)
        said = CLAIMS if gate else None

        async def work(source: int) -> None:
            for seq in range(count // SUBMITTERS):
                entry = _made(source, seq, said)
                began = time.perf_counter()
                (answer,) = await log.submit([entry])
                waits.append(time.perf_counter() - began)
                if not isinstance(answer, Ack):
                    raise answer
                if gate and (answer.gate is None or answer.refused):
                    raise RuntimeError("the gate let something through unjudged, or refused it")

        began = time.perf_counter()
        await asyncio.gather(*(work(source) for source in range(SUBMITTERS)))
        took = time.perf_counter() - began
    return len(waits) / took, quantiles(waits, n=100)[98] * 1_000


def _over_http(folder: Path, count: int) -> list[Figure]:
    figures = []
    for together, some in ((1, count // 40), (100, count // 2)):
        found = [
            ledger_http.rates(
                folder / f"http{together}-{number}", [_made(0, seq) for seq in range(some)], together
            )
            for number in range(ROUNDS)
        ]
        name = f"acks over HTTP, {ledger_http.CLIENTS} clients, {together} in a request, signatures verified"
        figures.append(_figure(name, found, "entries/s"))
    return figures


def _signed_range(bounds: tuple[int, int]) -> list[tuple[bytes, bytes]]:
    found = []
    for number in range(*bounds):
        origin, when = Origin("bulk", 1, number), NOW + number
        body = Individual("record", f"U-{number}", origin, when, when, os.urandom(32), 16, None, ISSUER)
        one = sign(body, KEY)
        found.append((one.body, one.signature))
    return found


def _made_in_bulk(place: Place, count: int) -> Figure:
    """A log of ``count`` entries; signed by every core, taken without verifying them again."""
    step = 4_096
    began = time.perf_counter()
    with Writer(place, check=False) as writer, ProcessPoolExecutor() as pool:
        for at, entries in _ahead(pool, [(at, min(at + step, count)) for at in range(0, count, step)]):
            answers = writer.append([Signed(*one) for one in entries])
            if not all(isinstance(one, Ack) for one in answers):
                raise RuntimeError("an entry made in bulk was refused")
            if at // step % 16 == 15:
                writer.checkpoint()
    return _figure(f"bulk: {count:,} entries", [count / (time.perf_counter() - began)], "entries/s")


def _ahead(
    pool: ProcessPoolExecutor, bounds: Sequence[tuple[int, int]], most: int = 8
) -> Iterator[tuple[int, list[tuple[bytes, bytes]]]]:
    """What the pool signs, in order, a few ranges ahead of who takes it."""
    running = deque(pool.submit(_signed_range, one) for one in bounds[:most])
    for number, (at, _) in enumerate(bounds):
        yield at, running.popleft().result()
        if number + most < len(bounds):
            running.append(pool.submit(_signed_range, bounds[number + most]))


def _proved(place: Place, count: int) -> list[Figure]:
    witnesses = [SigningKey(f"{n}{'w' * 39}", KeyKind.COSIGNATURE_ED25519, bytes([n] * 32)) for n in range(3)]
    lines = [
        f"log {place.public_key()}",
        *(f"witness w{n} {one.verifier}" for n, one in enumerate(witnesses)),
    ]
    policy = Policy.parse("\n".join([*lines, "group k 3 w0 w1 w2", "quorum k", ""]).encode())
    rng = np.random.default_rng(1)
    slow, cold, warm, sizes = [], [], [], []
    for _ in range(ROUNDS):
        times, files = [], []
        for index in rng.integers(0, count, 500):
            began = time.perf_counter()
            proof = prove(place, int(index))
            times.append((time.perf_counter() - began) * 1_000)
            note = proof.note.signed(*(one.sign(proof.note.text, timestamp=1) for one in witnesses))
            files.append(bytes(TlogProof(proof.index, proof.hashes, note, proof.extra)))
            sizes.append(float(len(bytes(TlogProof(proof.index, proof.hashes, note)))))
        slow.append(quantiles(times, n=100)[98])
        cold.append(len(files) / _seconds(partial(_verified, files, policy)))
        known: dict[Note, Believed] = {}
        _verified(files[:1], policy, known)
        warm.append(len(files) / _seconds(partial(_verified, files, policy, known)))
    return [
        _figure(f"proof of one of {count:,} entries, 99 %", slow, "ms", most=5),
        _figure("size of a proof with three Ed25519 cosignatures", [max(sizes)], "bytes", most=2_048),
        _figure("verification, cold, with all five signatures", cold, "proofs/s", least=2_000),
        _figure("verification, the checkpoint verified before", warm, "proofs/s", least=5_000),
    ]


def _verified(files: Sequence[bytes], policy: Policy, known: dict[Note, Believed] | None = None) -> None:
    if not all(verify_file(data, policy, known=known).valid for data in files):
        raise RuntimeError("a proof made here does not verify")


def _audited(place: Place, count: int, folder: Path) -> list[Figure]:
    """Quick over the whole log; with signatures over one of at most 20,000 entries, which costs enough."""
    small = Place.make(folder / "small", "bench.example/small")
    some = min(count, 20_000)
    _made_in_bulk(small, some)

    def checked(where: Place, *, quick: bool) -> None:
        if not audit(where.folder, quick=quick).valid:
            raise RuntimeError("the log made here does not pass its audit")

    quick = [count / _seconds(partial(checked, place, quick=True)) for _ in range(ROUNDS)]
    whole = [some / _seconds(partial(checked, small, quick=False)) for _ in range(ROUNDS)]
    return [
        _figure(f"audit --quick of {count:,} entries", quick, "entries/s", least=200_000),
        _figure("audit with the signatures of issuers", whole, "entries/s", least=5_000),
    ]


def _figure(
    name: str,
    values: Sequence[float],
    unit: str,
    *,
    least: float | None = None,
    most: float | None = None,
    peer: str | None = None,
) -> Figure:
    """The median of some rounds, with the lowest and the highest."""
    value = median(values)
    target = (
        f"at least {least:,g}" if least is not None else f"at most {most:,g}" if most is not None else None
    )
    met = value >= least if least is not None else value <= most if most is not None else None
    spread = f"{min(values):,.5g} to {max(values):,.5g}" if len(values) > 1 else None
    return Figure(
        name=name, value=value, unit=unit, peer=peer, ratio=None, spread=spread, target=target, met=met
    )
