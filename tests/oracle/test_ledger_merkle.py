"""RFC 6962 proofs against the vectors of transparency-dev/merkle (Apache-2.0), negative ones included."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from tests.shared import data_set

from assay.ledger import merkle
from assay.ledger.errors import VerificationError

VECTORS = data_set("merkle") / "testdata"
COUNTS = {"inclusion": 98, "consistency": 98, "subtreeinclusion": 204, "subtreeconsistency": 118}


def raw(text: str | None) -> bytes:
    return b64decode(text) if text else b""


def check(kind: str, vector: dict[str, Any]) -> None:
    proof = [raw(one) for one in vector.get("proof") or []]
    if kind == "inclusion":
        of = (vector["leafIdx"], vector["treeSize"])
        merkle.verify_inclusion(*of, raw(vector["leafHash"]), proof, raw(vector["root"]))
    elif kind == "consistency":
        roots = raw(vector["root1"]), raw(vector["root2"])
        merkle.verify_consistency(vector["size1"], vector["size2"], *roots, proof)
    elif kind == "subtreeinclusion":
        merkle.verify_subtree_inclusion(
            vector["leafIdx"],
            start=vector["start"],
            end=vector["end"],
            leaf=raw(vector["leafHash"]),
            proof=proof,
            root=raw(vector["root"]),
        )
    else:
        merkle.verify_subtree_consistency(
            proof,
            start=vector["start"],
            end=vector["end"],
            size=vector["size"],
            subtree_root=raw(vector["root1"]),
            root=raw(vector["root2"]),
        )


@pytest.mark.parametrize("kind", COUNTS)
def test_every_vector_is_judged_as_its_authors_say(kind: str) -> None:
    paths = sorted((VECTORS / kind).rglob("*.json"))
    assert len(paths) == COUNTS[kind]
    wrong: list[Path] = []
    for path in paths:
        vector = json.loads(path.read_text("utf-8"))
        try:
            check(kind, vector)
            refused = False
        except VerificationError:
            refused = True
        if refused != vector["wantErr"]:
            wrong.append(path.relative_to(VECTORS))
    assert not wrong
