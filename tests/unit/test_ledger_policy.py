"""Policies: one canonical form, addresses, and keys that are not believed beyond an entry."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.ledger.checkpoint import Checkpoint
from assay.ledger.errors import VerificationError
from assay.ledger.keys import KeyKind, SigningKey
from assay.ledger.merkle import leaf_hash
from assay.ledger.notes import Note
from assay.ledger.policy import Policy

LOG = SigningKey("plant.example/main", KeyKind.ED25519, bytes([1] * 32))
NEW = SigningKey("plant.example/main", KeyKind.ED25519, bytes([2] * 32))
WITNESSES = [SigningKey(f"w{n}", KeyKind.COSIGNATURE_ED25519, bytes([n + 10] * 32)) for n in range(4)]
ISSUER = "ab" * 32


def note(size: int, *keys: SigningKey) -> Note:
    text = str(Checkpoint("plant.example/main", size, leaf_hash(b"%d" % size)))
    return Note(text, tuple(key.sign(text, timestamp=1) for key in keys))


def reason(policy: Policy, one: Note) -> str | None:
    try:
        policy.check(one)
    except VerificationError as problem:
        return problem.reason
    return None


@st.composite
def policies(draw: st.DrawFn) -> str:
    url = st.sampled_from(["", " https://w.example/submit", "\thttp://127.0.0.1:80/x"])
    lines = [f"log {key.verifier}{draw(url)}" for key in draw(st.sampled_from([[], [LOG], [LOG, NEW]]))]
    names = [f"n{n}" for n in range(draw(st.integers(0, 4)))]
    lines += [
        f"witness {name} {one.verifier}{draw(url)}" for name, one in zip(names, WITNESSES, strict=False)
    ]
    quorum = "none"
    if names:
        needed = draw(st.sampled_from(["any", "all", str(draw(st.integers(1, len(names))))]))
        lines.append(f"group \u00e9  {needed}  {' '.join(names)}")
        quorum = draw(st.sampled_from(["\u00e9", names[0], "none"]))
    lines.append(f"quorum {quorum}")
    if draw(st.booleans()):
        lines.append(f"#distrust {ISSUER} after {draw(st.integers(0, 9))}")
    if draw(st.booleans()):
        lines.append(f"#distrust {LOG.verifier} after 7")
    for _ in range(draw(st.integers(0, 3))):
        lines.insert(draw(st.integers(0, len(lines))), draw(st.sampled_from(["", "  # said", "#", "\t"])))
    return "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n\n"]))


@given(policies())
def test_a_policy_has_one_canonical_form_that_means_the_same(text: str) -> None:
    one = Policy.parse(text.encode())
    data = bytes(one)
    again = Policy.parse(data)
    assert again == one
    assert bytes(again) == data
    assert b"  " not in data
    assert b"# " not in data


def test_addresses_belong_to_logs_and_witnesses() -> None:
    text = f"log {LOG.verifier} https://l\nwitness a {WITNESSES[0].verifier} https://a/x\nquorum a\n"
    assert Policy.parse(text.encode()).urls == {str(LOG.verifier): "https://l", "a": "https://a/x"}
    assert bytes(Policy.parse(text.encode())) == text.encode()


@pytest.mark.parametrize(
    "line",
    [
        "#distrust",
        "#distrust abc after 3",
        f"#distrust {ISSUER}",
        f"#distrust {ISSUER} after -1",
        f"#distrust {ISSUER} after 03",
        f"#distrust {ISSUER} before 3",
        f"#distrust {ISSUER.upper()} after 3",
        f"#distrust {ISSUER} after 3\n#distrust {ISSUER} after 4",
    ],
)
def test_a_distrust_that_is_not_clear_is_refused_rather_than_passed_over(line: str) -> None:
    with pytest.raises(VerificationError) as refused:
        Policy.parse(f"quorum none\n{line}\n".encode())
    assert refused.value.reason == "bad_policy"


def test_an_issuer_is_believed_up_to_an_entry() -> None:
    policy = Policy.parse(f"quorum none\n#distrust {ISSUER} after 7\n".encode())
    policy.check_issuer(bytes.fromhex(ISSUER), 7, 0)
    policy.check_issuer(bytes(32), 9, 0)
    with pytest.raises(VerificationError) as refused:
        policy.check_issuer(bytes.fromhex(ISSUER), 8, 0)
    assert refused.value.reason == "distrusted_issuer"


def test_a_stolen_log_key_counts_for_old_sizes_and_only_with_a_witness() -> None:
    lines = f"log {LOG.verifier}\nlog {NEW.verifier}\nwitness w {WITNESSES[0].verifier}\nquorum none\n"
    policy = Policy.parse(f"{lines}#distrust {LOG.verifier} after 7\n".encode())
    assert reason(policy, note(8, LOG, WITNESSES[0])) is None
    assert reason(policy, note(8, LOG)) == "distrusted_log", "the thief can sign any root of an old size"
    assert reason(policy, note(9, LOG, WITNESSES[0])) == "distrusted_log"
    assert reason(policy, note(9, LOG, NEW)) is None
    assert reason(policy, note(9, NEW)) is None
