"""A plant's evidence on the command line: from the first load to a proof that a customer checks."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import assay
from assay.cli.app import run

MAPPING = """\
version: 1
source: gauge-2
long: {subject: unit, characteristic: characteristic, value: value, time: time}
"""
Call = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("state")
        patch.setenv("ASSAY_STATE", str(folder))
        patch.delenv("ASSAY_LEDGER", raising=False)
        yield folder


@pytest.fixture
def call(state: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    def called(*words: object, code: int = 0) -> dict[str, Any]:
        capsys.readouterr()
        assert run([*map(str, words), "--json"]) == code
        said = capsys.readouterr()
        assert bool(said.out) != bool(said.err), said
        return json.loads(said.out) if said.out else {"stderr": said.err}

    return called


def write_file(path: Path) -> Path:
    rows = [
        f"U-{n},{name},{n / 4},2026-03-01T06:{n:02d}:00Z\n" for n in range(40) for name in ("height", "mass")
    ]
    path.write_text("unit,characteristic,value,time\n" + "".join(rows))
    return path


def test_from_a_load_to_a_proof(call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant, mapping = tmp_path / "plant", tmp_path / "map.yaml"
    mapping.write_text(MAPPING)
    call("init", plant)
    call("load", plant, write_file(tmp_path / "m.csv"), "--mapping", mapping)
    call("ledger", "attest", plant, "disposition", "U-7", "--field", "verdict=accepted")
    signed = call("ledger", "checkpoint", plant)
    assert signed["size"] == signed["signed"]
    status = call("ledger", "status", plant)
    assert status["notariser"] == {"batches": 0, "rows": 0, "differing": 0}
    assert status["size"] == signed["size"]
    policy = tmp_path / "policy"
    policy.write_text(f"log {status['key']}\nquorum none\n")
    found = call("sql", plant, "SELECT source, epoch, seq FROM measurement WHERE subject = 'U-7'")["rows"]
    proof = tmp_path / "row.tlog-proof"
    name = f"measurement:gauge-2/{found[0]['epoch']}/{found[0]['seq']}"
    call("ledger", "prove", plant, name, "-o", proof)
    assert call("verify", proof, "--policy", policy)["valid"]
    call("ledger", "prove", plant, "U-7@2026-03-01T06:07:00Z", "-o", proof, code=1)
    call("ledger", "prove", plant, "30000000008730", "-o", proof, code=1)
    bundle = tmp_path / "U-7.bundle"
    call("ledger", "bundle", plant, "U-7", "-o", bundle)
    assert call("verify", bundle, "--policy", policy)["valid"]
    capsys.readouterr()
    assert run(["verify", str(bundle), "--policy", str(policy)]) == 0
    said = capsys.readouterr().out
    assert "accepted" in said
    assert "height" in said
    assert re.search(r"recorded +20\d\d-\d\d-\d\dT", said)
    seen = call("audit", plant, "--records")
    assert (seen["valid"], seen["records"]["rows"]) == (True, 80)
    with assay.open(plant) as opened:
        assert bytes(opened.prove(name)) == bytes(opened.prove(name))
        assert bytes(opened.prove(0)) == bytes(opened.prove("0"))
        assert opened.bundle("U-7") == bundle.read_bytes()
        assert opened.audit(records=True).valid
        assert opened.attest("attestation", "U-8", {"note": 1.5}) == status["size"]
    copy = tmp_path / "copy"
    shutil.copytree(plant, copy)
    (file,) = (copy / "lake/measurement").rglob("part-*.parquet")
    rows = pq.ParquetFile(file).read()
    at = rows.schema.get_field_index("value")
    pq.write_table(rows.set_column(at, "value", pa.array([1.0] * len(rows))), file)
    seen = call("audit", copy, "--records", code=1)
    assert [one["kind"] for one in seen["records"]["findings"]] == ["rows_differ"]
    assert seen["findings"] == []


def test_a_load_that_is_not_logged_says_so(
    call: Call,
    state: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plant, mapping = tmp_path / "plant", tmp_path / "map.yaml"
    mapping.write_text(MAPPING)
    call("init", plant)
    monkeypatch.setenv("ASSAY_STATE", str(tmp_path / "elsewhere"))
    capsys.readouterr()
    assert (
        run(["load", str(plant), str(write_file(tmp_path / "m.csv")), "--mapping", str(mapping), "--json"])
        == 0
    )
    said = capsys.readouterr()
    assert json.loads(said.out)["accepted"] == 80
    assert "not logged" in said.err
    monkeypatch.setenv("ASSAY_STATE", str(state))
    before = call("ledger", "checkpoint", plant)
    assert before["size"] > 1
    assert call("audit", plant, "--records")["records"]["rows"] == 80


def test_an_old_plant_gets_its_log(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant, mapping = tmp_path / "plant", tmp_path / "map.yaml"
    mapping.write_text(MAPPING)
    with monkeypatch.context() as patch:
        patch.setenv("ASSAY_LEDGER", "off")
        call("init", plant)
    call("load", plant, write_file(tmp_path / "m.csv"), "--mapping", mapping)
    assert "no evidence log" in call("audit", plant, code=1)["stderr"]
    assert (
        "no evidence log"
        in call("ledger", "attest", plant, "record", "U-1", "--field", "a=b", code=1)["stderr"]
    )
    call("ledger", "init", plant)
    assert "log = true" in (plant / "assay.toml").read_text()
    call("ledger", "checkpoint", plant)
    assert call("audit", plant, "--records")["records"]["rows"] == 80
    call("ledger", "init", plant, code=1)
    for words in (("nonsense", "U-1"), ("log", "U-1"), ("record", "U-1", "--field", "=x")):
        call("ledger", "attest", plant, *words, code=1)
