"""Extraction: every row once, on one state of the plant, to the end even when it is cut or killed."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
from sql_questions import Asking
from store_rows import load

from assay.query.export import extract_to
from assay.query.extract import Extraction
from assay.query.services import Pin, ServiceRefusal, SnapshotGone, TokenRefused
from assay.store.workspace import Workspace

LENGTHS = "SELECT subject, value FROM measurement"


@pytest.fixture
def filled(plant: Workspace) -> Workspace:
    """A plant with 100 measured units."""
    for number in (1, 2):
        load(plant, number)
    return plant


def whole(workspace: Workspace, question: str = LENGTHS) -> pa.Table:
    """All rows, in one go."""
    with Extraction(workspace, question, ask=Asking()) as extraction:
        return extraction.read_all()


# -- batches and tokens ---------------------------------------------------------------------------


def test_every_row_comes_once_and_nothing_is_computed_ahead(filled: Workspace) -> None:
    asking = Asking()
    with Extraction(filled, LENGTHS, batch_rows=16, ask=asking) as extraction:
        assert asking.pulled == 0
        first = next(extraction)
        assert (first.num_rows, extraction.rows) == (16, 16)
        assert asking.pulled == 1
        rest = list(extraction)
    assert [batch.num_rows for batch in rest] == [16, 16, 16, 16, 16, 4]
    assert pa.Table.from_batches([first, *rest]).num_rows == 100
    assert asking.open == 0


def test_goes_on_after_each_batch_with_the_rows_of_the_beginning(filled: Workspace) -> None:
    expected = whole(filled)
    extraction = Extraction(filled, LENGTHS, batch_rows=30, ask=Asking())
    got, tokens = [], []
    for batch in extraction:
        got.append(batch)
        tokens.append(extraction.token)
    load(filled, 3)  # what is committed later is not in it
    for number, token in enumerate(tokens, 1):
        with Extraction(filled, resume=token, batch_rows=7, ask=Asking()) as again:
            assert pa.Table.from_batches([*got[:number], *again], again.schema).equals(expected)
    assert whole(filled).num_rows == 150


def test_rows_received_after_a_token_are_counted_by_their_number(filled: Workspace) -> None:
    start = Extraction(filled, LENGTHS, ask=Asking())
    token = start.token
    start.close()
    with Extraction(filled, LENGTHS, resume=token, received=42, ask=Asking()) as again:
        assert again.read_all().equals(whole(filled).slice(42))
        assert again.rows == 100


def test_an_early_end_lets_go_of_the_engine(filled: Workspace) -> None:
    asking = Asking()
    extraction = Extraction(filled, LENGTHS, batch_rows=10, ask=asking)
    next(extraction)
    extraction.close()
    extraction.close()
    assert list(extraction) == []
    assert asking.open == 0
    with pytest.raises(TokenRefused):
        Extraction(filled, LENGTHS, resume="nonsense", ask=asking)
    assert asking.open == 0


@pytest.mark.parametrize("damage", [lambda t: t[:-4], lambda t: "A" + t[1:], lambda _: "", lambda t: t + "é"])
def test_a_damaged_token_is_refused(filled: Workspace, damage: object) -> None:
    with Extraction(filled, LENGTHS, ask=Asking()) as extraction:
        token = damage(extraction.token)  # type: ignore[operator]
    with pytest.raises(TokenRefused, match="can't be read"):
        Extraction(filled, LENGTHS, resume=token, ask=Asking())


def test_a_token_of_something_else_is_refused(filled: Workspace, tmp_path: Path) -> None:
    with Extraction(filled, LENGTHS, ask=Asking()) as extraction:
        token = extraction.token
        next(extraction)
        counted = extraction.token
    asking = Asking()
    with pytest.raises(TokenRefused, match="another question: SELECT subject, value"):
        Extraction(filled, "SELECT subject FROM measurement", resume=token, ask=asking)
    with pytest.raises(TokenRefused, match="an extraction, not to a watched question"):
        Pin.read(token, "watch")
    with Workspace.create(tmp_path / "other") as other:
        load(other, 1)
        with pytest.raises(TokenRefused, match="another plant"):
            Extraction(other, resume=token, ask=asking)
    with (
        Extraction(filled, resume=counted, received=1, ask=asking) as beyond,
        pytest.raises(TokenRefused, match="has 100 rows, but the resume token has counted 101"),
    ):
        list(beyond)
    assert asking.open == 0


def test_a_state_that_is_gone_is_said_to_be(filled: Workspace) -> None:
    with Extraction(filled, LENGTHS, ask=Asking()) as extraction:
        token = extraction.token
    file = Path(filled.lake.files("measurement")[0])
    kept = file.read_bytes()
    file.unlink()
    with pytest.raises(SnapshotGone, match=r"no longer kept: .*part-.* is deleted"):
        Extraction(filled, resume=token, ask=Asking())
    file.write_bytes(kept)
    filled.registry.upsert_entities("equipment", [{"id": "P-9"}])
    with pytest.raises(SnapshotGone, match="the master data has changed since"):
        Extraction(filled, resume=token, ask=Asking())


# -- files ----------------------------------------------------------------------------------------


def test_a_file_appears_when_it_is_complete(filled: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "lengths.parquet"
    told: list[float] = []

    def tell(done: float, total: float, what: str) -> None:
        assert not out.exists()
        told.append(done)

    done = extract_to(filled, LENGTHS, out, batch_rows=3, ask=Asking(), progress=tell)
    assert (done.rows, told[-1]) == (100, 100)
    assert pq.read_table(out).equals(whole(filled))
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("lengths")] == [out.name]
    arrow = tmp_path / "lengths.arrow"
    extract_to(filled, LENGTHS, arrow, batch_rows=3, ask=Asking())
    assert pa.ipc.open_file(arrow.read_bytes()).read_all().equals(whole(filled))


def test_an_answer_without_rows_is_a_file_with_columns(filled: Workspace, tmp_path: Path) -> None:
    extract_to(filled, f"{LENGTHS} WHERE false", tmp_path / "none.parquet", ask=Asking())
    table = pq.read_table(tmp_path / "none.parquet")
    assert (table.num_rows, table.column_names) == (0, ["subject", "value"])


class Cut(Exception):
    """The process ends here."""


def cut_after(rows: int) -> object:
    def tell(done: float, total: float, what: str) -> None:
        if done >= rows:
            raise Cut

    return tell


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_a_cut_extraction_goes_on_and_is_row_for_row_the_same(
    filled: Workspace, tmp_path: Path, ending: str
) -> None:
    out = tmp_path / f"cut.{ending}"
    with pytest.raises(Cut):
        extract_to(filled, LENGTHS, out, batch_rows=2, ask=Asking(), progress=cut_after(50))  # type: ignore[arg-type]
    assert not out.exists()
    expected = whole(filled)
    load(filled, 3)
    with pytest.raises(ServiceRefusal, match=r"An unfinished extraction is beside .*cut.*: 32 rows"):
        extract_to(filled, LENGTHS, out, batch_rows=2, ask=Asking())
    with pytest.raises(TokenRefused, match="another question"):
        extract_to(filled, "SELECT 1 AS one", out, resume=True, ask=Asking())
    asking = Asking()
    extract_to(filled, LENGTHS, out, resume=True, batch_rows=2, ask=asking)
    got = pq.read_table(out) if ending == "parquet" else pa.ipc.open_file(out.read_bytes()).read_all()
    assert got.equals(expected)
    assert not out.with_name(f"{out.name}.parts").exists()


def test_an_unfinished_extraction_is_never_taken_for_another(filled: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "cut.parquet"
    with pytest.raises(Cut):
        extract_to(filled, LENGTHS, out, batch_rows=2, ask=Asking(), progress=cut_after(70))  # type: ignore[arg-type]
    folder = tmp_path / "cut.parquet.parts"
    (folder / "part-000000.parquet").unlink()
    with pytest.raises(ServiceRefusal, match=r"part-000000.parquet is missing"):
        extract_to(filled, LENGTHS, out, resume=True, batch_rows=2, ask=Asking())
    with pytest.raises(ServiceRefusal, match=r"neither .+ nor"):
        extract_to(filled, LENGTHS, tmp_path / "cut.csv", ask=Asking())
    with pytest.raises(FileNotFoundError):
        extract_to(filled, LENGTHS, tmp_path / "nowhere" / "cut.parquet", ask=Asking())
    assert not (tmp_path / "nowhere").exists()
