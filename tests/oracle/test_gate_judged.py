"""No escapes, no false refusals: random inputs, policies and records, judged by the log and a second judge.

5,000 records in CI, 100,000 in ``make soak``.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.oracle.gate_judge import History, Logged

from assay.ledger.commitment import commit
from assay.ledger.entries import Individual, Origin, Signed, sign
from assay.ledger.gate.facts import FIELD, Claims, Fact, claims_of, fact_of, opening_of
from assay.ledger.gate.policy import parse_policy
from assay.ledger.gate.replay import replay
from assay.ledger.gate.verdict import Verdict
from assay.ledger.place import Place
from assay.ledger.writer import Ack, Writer

KEYS = [Ed25519PrivateKey.from_private_bytes(bytes(31) + bytes([one])) for one in (1, 2)]
NAMES = [key.public_key().public_bytes_raw().hex() for key in KEYS]
START = 1_790_000_000_000_000
SECOND = 1_000_000
PLANT = 600
"""Entries of inputs and records of one plant, after which another begins: the second judge is slow."""


class World:
    """Random inputs, policies and records, around few moments and few ids, so that they meet at edges."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.moments = [START + self.draw.randrange(-200, 200) * SECOND for _ in range(8)]
        self.moments += [one + 1 for one in self.moments[:3]] + [one - 1 for one in self.moments[:3]]
        self.ids = {
            "person": ["P1", "P2", "P3", "P4"],
            "machine": ["M1", "M2", "M3"],
            "material": ["L1", "L2", "L3", "L4"],
            "recipe": ["R1", "R2"],
            "environment": ["E1", "E2"],
        }

    def policy(self) -> dict[str, Any]:
        draw = self.draw
        takes = ["any", "last", "every"]
        requirements: dict[str, Any] = {
            "who": {
                "about": "person",
                "fact": "qualification",
                "must": [
                    {"fact": "level", "at_least": draw.choice([1, 2, {"record": "level"}])},
                    {"fact": "processes", "contains": {"record": "process"}},
                ],
            },
            "machine": {
                "about": "machine",
                "fact": "calibration",
                "take": draw.choice(takes),
            },
            "lot": {
                "about": "material",
                "fact": "release",
                "take": draw.choice(takes),
                "must": [{"fact": "carbon", "at_most": draw.choice(["0.20", "0.3"]), "above": 0}],
            },
            "method": {
                "about": "recipe",
                "fact": "approval",
                "must": [{"record": "current", "at_least": {"fact": "low"}, "at_most": {"fact": "high"}}],
            },
            "air": {
                "about": "environment",
                "fact": "environment",
                "take": "last",
                "max_age_s": draw.choice([30, 60, 400]),
                "must": [{"fact": "humidity", "below": draw.choice([60, "80.5"])}],
            },
            "own": {"about": "person", "must": [{"record": "process", "one_of": ["135", "141"]}]},
        }
        if draw.random() < 0.5:
            requirements["machine"]["by"] = [NAMES[0]]
        names = draw.sample(sorted(requirements), draw.randrange(1, 6))
        steps = draw.choice([["weld"], ["*"], ["weld", "cut"]])
        applies = [{"kinds": ["record"], "steps": steps, "requires": names}]
        if draw.random() < 0.5:
            applies.append({"kinds": ["record", "alarm"], "steps": ["cut"], "requires": ["machine"]})
        clock = {"ahead_s": 3_000_000_000} | draw.choice([{}, {"behind_s": 4_000_000_000}])
        return {
            "format": "assay/gate-policy@1",
            "name": draw.choice(["one", "two"]),
            "version": str(draw.random()),
            "clock": clock,
            "requirements": requirements,
            "applies": applies if draw.random() < 0.95 else [],
        }

    def input(self) -> tuple[str, Fact]:
        draw = self.draw
        processes = draw.choice([["135"], ["141", "135"], ["111"], []])
        type_, role, values = draw.choice(
            [
                (
                    "qualification",
                    "person",
                    {"level": draw.choice([0, 1, 2, 3, "2.0"]), "processes": processes},
                ),
                ("calibration", "machine", {}),
                ("release", "material", {"carbon": draw.choice(["0.20", "0.21", "0.3", "0.05", "x", "0"])}),
                (
                    "approval",
                    "recipe",
                    {"low": draw.choice(["90.5", 100]), "high": draw.choice([120, "119.9"])},
                ),
                ("environment", "environment", {"humidity": draw.choice([40, "59.9", "60", "80.5", 95])}),
            ]
        )
        if draw.random() < 0.05:
            role = draw.choice(sorted(self.ids))
        if values and draw.random() < 0.05:
            values.popitem()
        start = draw.choice([None, *self.moments])
        until = draw.choice([None, *(one for one in self.moments if start is None or one > start)])
        return draw.choice(self.ids[role]), fact_of(type_, start=start, until=until, values=values)

    def record(self) -> tuple[str, dict[str, Any], int]:
        draw = self.draw
        took = {role: draw.sample(ids, 1 + (draw.random() < 0.1)) for role, ids in self.ids.items()}
        if draw.random() < 0.1:
            took.pop(draw.choice(sorted(took)))
        values: dict[str, Any] = {
            "process": draw.choice(["135", "141", "111"]),
            "level": draw.choice([1, 2]),
            "current": draw.choice([99, "100", "119.9", "119.95", 120, "90.5"]),
        }
        if draw.random() < 0.05:
            values.popitem()
        claims = {"step": draw.choice(["weld", "weld", "cut"]), "took": took, "values": values}
        return draw.choice(["record", "record", "record", "alarm"]), claims, draw.choice(self.moments)


def handed(what: tuple[str, str], said: Fact | Claims, when: int, seq: int, key: int) -> Signed:
    kind, subject = what
    issuer = bytes.fromhex(NAMES[key])
    made = commit({FIELD: bytes(said), "seq": seq})
    body = Individual(kind, subject, Origin("world", 1, seq), when, when, made.root, 2, None, issuer)
    return sign(body, KEYS[key])._replace(opening=opening_of(made))


def told(values: Any) -> dict[str, Any]:
    return {name: list(one) if isinstance(one, tuple) else one for name, one in values.items()}


def one_plant(seed: int, folder: Path) -> Counter[str]:
    world, history = World(seed), History()
    policies: dict[str, dict[str, Any]] = {}
    counts: Counter[str] = Counter()
    seq = 0
    with Writer(Place.make(folder, f"world.example/{seed}"), check=False) as writer:
        while seq < PLANT:
            group: list[tuple[Signed, Any]] = []
            for _ in range(world.draw.choice([1, 1, 3, 8])):
                seq += 1
                key = world.draw.randrange(2)
                chance = world.draw.random()
                if seq < 3 or chance < 0.02:
                    policy = world.policy()
                    text = parse_policy(json.dumps(policy)).canonical()
                    said: Fact | Claims = fact_of("policy", values={"policy": text})
                    group.append((handed(("configuration", "gate"), said, START, seq, key), policy))
                elif chance < 0.08 and history.entries:
                    target = world.draw.choice([one for one in history.entries if one.type != "revocation"])
                    start = world.draw.choice([None, *world.moments])
                    said = fact_of("revocation", start=start, values={"revokes": target.index})
                    group.append(
                        (handed(("attestation", target.subject), said, START, seq, key), (said, key))
                    )
                elif chance < 0.35 or seq < 20:
                    subject, said = world.input()
                    group.append(
                        (handed(("attestation", subject), said, START, seq, key), (said, key, subject))
                    )
                else:
                    kind, claims, when = world.record()
                    said = claims_of(claims["step"], claims["took"], claims["values"])
                    group.append((handed((kind, "U1"), said, when, seq, key), (kind, claims, when)))
            for (signed, meant), ack in zip(group, writer.append([one for one, _ in group]), strict=True):
                assert isinstance(ack, Ack), ack
                assert ack.gate is not None
                verdict = Verdict.parse(ack.gate)
                if isinstance(meant, dict):
                    policies[meant["name"]] = meant
                elif isinstance(meant[0], Fact):
                    subject = meant[2] if len(meant) == 3 else _subject(history, meant[0])
                    history.entries.append(
                        Logged(ack.index, subject, meant[0].type, meant[0].start, meant[0].until,
                               told(meant[0].values), NAMES[meant[1]])
                    )  # fmt: skip
                else:
                    known = list(policies.values())
                    expected = "no_policy"
                    if history.judged(known, meant[0], meant[1]):
                        expected = "refused" if history.refuses(known, *meant, verdict.at) else "accepted"
                    assert verdict.outcome == expected, (seed, signed, meant, verdict)
                    assert ack.refused == (expected == "refused")
                    assert all(one < verdict.size for one in verdict.cited)
                    counts[expected] += 1
                    counts.update(one.code for one in verdict.reasons)
    seen = replay(folder / "ledger")
    assert seen.findings == ()
    assert seen.judged >= PLANT
    return counts


def _subject(history: History, revocation: Fact) -> str:
    return next(one.subject for one in history.entries if one.index == revocation.values["revokes"])


def compared(folder: Path, records: int, seed: int) -> Counter[str]:
    counts: Counter[str] = Counter()
    while sum(counts[one] for one in ("accepted", "refused", "no_policy")) < records:
        counts += one_plant(seed, folder / f"plant-{seed}")
        seed += 1
    return counts


def test_the_second_judge_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_STATE", str(tmp_path / "state"))
    counts = compared(tmp_path, 5_000, 0)
    assert min(counts["accepted"], counts["refused"], counts["no_policy"]) > 50, counts
    codes = "expired revoked not_yet_valid too_old not_met missing_subject missing_value not_a_number"
    for code in f"{codes} other_issuer unknown_subject no_fact".split():
        assert counts[code], (code, counts)


@pytest.mark.soak
def test_the_second_judge_says_the_same_of_a_hundred_thousand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_STATE", str(tmp_path / "state"))
    compared(tmp_path, 100_000, 1_000)
