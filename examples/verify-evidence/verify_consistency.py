"""Checks offline that a later checkpoint of a log continues an earlier one, with nothing of Assay.

    python verify_consistency.py FILE POLICY [NOTE]

FILE is what ``assay ledger consistency`` writes, POLICY as for ``verify_evidence.py``, NOTE the earlier
checkpoint as it was kept. Prints one JSON document and ends with 0 when everything holds.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from verify_evidence import Policy, believed, cbor, hashes, need


def node(left: bytes, right: bytes) -> bytes:
    """RFC 6962 section 2.1."""
    return hashlib.sha256(b"\1" + left + right).digest()


def roots_from(old: int, old_root: bytes, size: int, path: list[bytes]) -> tuple[bytes, bytes]:
    """RFC 9162 section 2.1.4.2: the roots of the older and the newer tree that a path leads to."""
    fn, sn = old - 1, size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    first, *rest = path if fn else [old_root, *path]
    older = newer = first
    for one in rest:
        need(sn, "path too long")
        if fn & 1 or fn == sn:
            older, newer = node(one, older), node(one, newer)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            newer = node(newer, one)
        fn, sn = fn >> 1, sn >> 1
    need(sn == 0, "path too short")
    return older, newer


def check(data: bytes, policy: Policy, kept: bytes | None) -> dict[str, object]:
    """Check a proof; what it proves."""
    schema, earlier, old, old_root, later, path = cbor(data)
    need(schema == "assay/consistency@1", "not the proof of a consistency")
    size, root, signers = believed(later, policy)
    for note in filter(None, (earlier, kept)):
        need(believed(note, policy)[:2] == (old, old_root), "from another checkpoint than the earlier one")
        need(note.split(b"\n")[0] == later.split(b"\n")[0], "checkpoints of two logs")
    need(0 < old <= size, "sizes")
    if old == size:
        need(not path and old_root == root, "two logs of one size")
    else:
        need(roots_from(old, old_root, size, hashes(path)) == (old_root, root), "does not continue")
    return {"valid": True, "old": old, "size": size, "cosigners": signers}


def main(file: str, policy_file: str, note_file: str | None = None) -> int:
    """Check the file and print what it proves."""
    try:
        policy = Policy(Path(policy_file).read_text("utf-8"))
        kept = Path(note_file).read_bytes() if note_file else None
        said = check(Path(file).read_bytes(), policy, kept)
    except (InvalidSignature, TypeError, ValueError, LookupError) as problem:
        said = {"valid": False, "reason": str(problem) or "signature"}
    sys.stdout.write(json.dumps(said, ensure_ascii=False) + "\n")
    return 0 if said["valid"] else 1


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]) if len(sys.argv) in (3, 4) else __doc__)
