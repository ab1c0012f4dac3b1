"""Two parts joined in one load: U-1 by someone qualified, U-2 by someone who is not and is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.integration.test_trace import BEGAN, store

from assay.ledger.gate.facts import fact_of
from assay.ledger.gate.policy import parse_policy
from assay.model.kinds import RecordKind
from assay.store.workspace import Workspace

PEOPLE = [Ed25519PrivateKey.generate() for _ in range(2)]
POLICY = f"""
format: assay/gate-policy@1
name: joining
version: "1"
clock: {{ahead_s: 315360000}}
requirements:
  joiner: {{about: person, fact: qualification}}
applies:
  - {{kinds: [movement, measurement], steps: [join], requires: [joiner]}}
override:
  people:
    p-7: {PEOPLE[0].public_key().public_bytes_raw().hex()}
    p-8: {PEOPLE[1].public_key().public_bytes_raw().hex()}
"""


def join_two(workspace: Workspace) -> None:
    """Record the two parts in a plant with a log; both leak."""
    content = parse_policy(POLICY).canonical()
    say = workspace.evidence.say
    say("configuration", "gate", {}, gate=fact_of("policy", values={"policy": content}))
    early = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1_000_000)
    say("decision", "p-1", {}, gate=fact_of("qualification", start=early), person=True)
    moved: list[dict[str, Any]] = []
    measured: list[dict[str, Any]] = []
    for part, person in (("1", "p-1"), ("2", "p-2")):
        step = {"segment": "join", "person": person, "time": BEGAN}
        for role, subject in (("consumed", f"half-{part}"), ("produced", f"U-{part}")):
            moved.append(
                {"execution": f"join-{part}", "role": role, "subject": subject, "subject_kind": "unit"} | step
            )
        measured.append(
            {"subject": f"U-{part}", "subject_kind": "unit", "characteristic": "leak", "text": "NOK"} | step
        )
    store(workspace, RecordKind.MOVEMENT, moved)
    store(workspace, RecordKind.MEASUREMENT, measured)
