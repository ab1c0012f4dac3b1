"""The log as static files, to whom it is shown, and the witness beside the pages."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.unit.test_ledger_witness import PUBLIC, request
from tests.unit.test_ledger_writer import several

from assay.api import ApiSettings, create_app, ensure_administrator
from assay.ledger.derived import Derived
from assay.ledger.keys import KeyKind, VerifierKey
from assay.ledger.merkle import leaf_hash
from assay.ledger.place import Place
from assay.ledger.sources import FolderSource
from assay.ledger.tiles import ENTRIES, Tile, TileTree, read_bundle, tile_of
from assay.ledger.witness import know_log, make_witness, witness_home
from assay.ledger.writer import Writer
from assay.store.workspace import Workspace

HOST = "http://127.0.0.1"
ORIGIN = "example.com/behind-the-sofa"


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        path = tmp_path_factory.mktemp("state")
        patch.setenv("ASSAY_STATE", str(path))
        yield path


@pytest.fixture(scope="module")
def plant(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plant whose log has 600 entries, in full and in unfinished tiles."""
    path = tmp_path_factory.mktemp("served") / "plant"
    Workspace.create(path).close()
    if not (path / "ledger/main").exists():
        Place.make(path, "plant.example/main")
    with Writer(Place.of(path)) as writer:
        for start in (0, 290):
            writer.append(several(300, start))
            writer.checkpoint()
    return path


@pytest.fixture(scope="module")
def public(plant: Path) -> Iterator[TestClient]:
    with TestClient(create_app(plant, settings=ApiSettings(publish_log=True)), base_url=HOST) as client:
        yield client


def test_what_is_served_is_the_log_and_leads_to_its_root(plant: Path, public: TestClient) -> None:
    answer = public.get("/log/main/checkpoint")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.content == FolderSource(plant / "ledger/main").checkpoint()
    assert public.get("/log/checkpoint").content == answer.content
    derived = Derived(plant / "ledger/main")
    published = derived.published()
    assert published is not None
    size = published[1].size

    def served(tile: Tile) -> bytes:
        found = public.get(f"/log/main/{tile.path}")
        assert found.status_code == 200, tile.path
        assert found.headers["content-type"] == "application/octet-stream"
        assert found.headers["cache-control"] == "public, max-age=31536000, immutable"
        return found.content

    assert TileTree(size, served).root() == published[1].root
    at = size // 256
    last = tile_of(ENTRIES, at, size)
    leaves = served(tile_of(0, at, size))
    for n, entry in enumerate(read_bundle(served(last), last.width)):
        assert leaves[32 * n : 32 * n + 32] == leaf_hash(entry)


def test_a_partial_tile_that_is_gone_is_cut_from_a_wider_one(plant: Path, public: TestClient) -> None:
    whole = public.get("/log/main/tile/0/000").content
    narrow = public.get("/log/main/tile/0/000.p/44").content
    assert narrow == whole[: 44 * 32]
    bundle = public.get("/log/main/tile/entries/000.p/3").content
    assert [leaf_hash(one) for one in read_bundle(bundle, 3)] == [whole[n : n + 32] for n in (0, 32, 64)]


def test_bundles_are_compressed_for_whoever_takes_it(public: TestClient) -> None:
    path = "/log/main/tile/entries/000"
    plain = public.get(path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    with public.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        raw = b"".join(answer.iter_raw())
    assert len(raw) < len(plain.content)
    assert gzip.decompress(raw) == plain.content


@pytest.mark.parametrize(
    "path",
    [
        "main/segment/00000000000000000000.seg",
        "main%2f..%2f..%2fassay.toml",
        "main/%2e%2e/%2e%2e/assay.toml",
        "..%2f..%2fassay.toml",
        "main/tile%2f..%2flog.vkey",
        "main/tile/0/%2e%2e/000",
        "main/tile/0/000.p/%2e%2e%2f000",
        "main/tile/0/000.p/0",
        "main/tile/0/000.p/257",
        "main/tile/0/0",
        "main/tile/00/000",
        "main/tile/0/x000/000",
        "main/tile/0/\u0660\u0660\u0660",
        "main/tile/0/002.p/91",
        "main/tile/0/003",
        "main/tile/9/000",
        "main/tile/64/000",
        "main//etc/passwd",
        "main/checkpoint/",
        "nowhere/checkpoint",
        ".checkpoint.new",
        "main/%00",
        "",
        "main",
    ],
)
def test_nothing_else_is_served(public: TestClient, path: str) -> None:
    answer = public.get(f"/log/{path}")
    assert answer.status_code == 404, answer.content[:80]
    assert b"PRIVATE" not in answer.content


def test_without_the_setting_a_session_is_needed_and_shared_caches_keep_nothing(plant: Path) -> None:
    with Workspace.open(plant) as workspace:
        password = ensure_administrator(workspace)
    with TestClient(create_app(plant, settings=ApiSettings()), base_url=HOST) as client:
        for path in ("checkpoint", "tile/0/000", "log.vkey", "nothing"):
            assert client.get(f"/log/main/{path}").status_code == 401
        assert client.post("/api/login", json={"password": password}).status_code == 200
        assert client.get("/log/main/checkpoint").status_code == 200
        tile = client.get("/log/main/tile/0/000")
        assert tile.headers["cache-control"] == "private, max-age=31536000, immutable"


def test_a_server_without_a_witness_has_none_and_one_with_a_witness_answers(public: TestClient) -> None:
    assert public.post("/witness/add-checkpoint", content=request(0, 5)).status_code == 404
    make_witness(witness_home(), "w.example", [KeyKind.COSIGNATURE_ED25519, KeyKind.COSIGNATURE_MLDSA44])
    know_log(witness_home(), VerifierKey(ORIGIN, KeyKind.ED25519, PUBLIC))
    answer = public.post("/witness/add-checkpoint", content=request(0, 5))
    assert answer.status_code == 200
    assert [line.split(" ")[1] for line in answer.text.splitlines()] == ["w.example"] * 2
    conflict = public.post("/witness/add-checkpoint", content=request(0, 6))
    assert (conflict.status_code, conflict.content) == (409, b"5\n")
    assert conflict.headers["content-type"] == "text/x.tlog.size"
    large = public.post("/witness/add-checkpoint", content=b"old 5\n" * 50_000)
    assert large.status_code == 413


def test_an_address_that_only_takes_something_says_so_when_it_is_asked(public: TestClient) -> None:
    answer = public.get("/witness/add-checkpoint")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["error"]["message"]["en"]


def test_no_address_of_the_api_is_answered_by_a_page(public: TestClient) -> None:
    said = public.app.openapi()["paths"]  # type: ignore[attr-defined]
    acting = {path: sorted(map(str.upper, methods)) for path, methods in said.items() if "get" not in methods}
    assert acting
    for path, methods in acting.items():
        answer = public.get(path.replace("{", "").replace("}", ""))
        assert (answer.status_code, answer.headers["allow"]) == (405, ", ".join(methods)), path
