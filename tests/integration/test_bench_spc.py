"""The benchmark of the statistics runs, equals its NumPy floor, and says when a peer is absent."""

from pathlib import Path

import pytest
from benchmarks import peers, spc


def test_the_figures_are_measured_without_peers_and_say_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(peers, "FOLDER", tmp_path / "absent")
    figures = spc.run(repeats=1, scale=0.01)
    assert len(figures) == 10
    absent = [figure for figure in figures if figure.peer and "not installed" in figure.peer]
    assert len(absent) == 3
    for figure in absent:
        assert "make bench" in (figure.peer or "")
        assert figure.ratio is figure.met is None
    assert all(figure.value > 0 for figure in figures)


def test_every_package_of_the_benchmark_is_pinned_by_hash() -> None:
    root = Path(spc.__file__).parent
    lock = (root / "requirements.lock").read_text("utf-8")
    packages = [line for line in lock.splitlines() if line[:1].isalpha()]
    for wanted in (root / "requirements.in").read_text("utf-8").split():
        assert any(line.startswith(wanted) for line in packages)
    assert lock.count("--hash=sha256:") >= len(packages)
