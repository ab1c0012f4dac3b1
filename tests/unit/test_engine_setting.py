"""Which engine answers: the setting, the argument, and what is said when it can't be had."""

from __future__ import annotations

import builtins
import socket
from pathlib import Path
from typing import Any

import pytest

from assay.model.errors import ModelError, QueryError, StoreError
from assay.query.engines.duckdb import DuckEngine
from assay.query.engines.registry import engine_of
from assay.query.engines.spark import SparkEngine
from assay.query.program import Limits
from assay.store import Workspace
from assay.store.config import checked_config, is_engine


@pytest.mark.parametrize(
    "url",
    ["duckdb", "local", "local[2]", "local[*]", "spark://host:7077", "spark://a:7077,b:7077", "sc://host",
     "sc://host:15002/;user_id=ann"],
)  # fmt: skip
def test_forms_of_the_setting(url: str) -> None:
    assert is_engine(url)
    assert checked_config({"name": "p", "engine": url}, "plant").engine == url


@pytest.mark.parametrize(
    "url", ["postgres", "spark://host", "spark:host:7077", "local[x]", "http://host", "sc://"]
)
def test_other_forms_are_refused_with_those_there_are(url: str) -> None:
    assert not is_engine(url)
    with pytest.raises(ModelError, match="engine") as caught:
        checked_config({"name": "p", "engine": url}, "plant")
    assert "spark://host:7077" in str(caught.value)


def test_the_argument_goes_before_the_setting(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "plant") as made:
        made.path.joinpath("assay.toml").write_text('[plant]\nname = "p"\nengine = "local[2]"\n', "utf-8")
    with Workspace.open(tmp_path / "plant") as plant:
        assert isinstance(engine_of(plant), SparkEngine)
        assert isinstance(engine_of(plant, ""), DuckEngine)
        assert isinstance(engine_of(plant, "duckdb"), DuckEngine)
        with pytest.raises(QueryError, match="'oracle' is not known"):
            engine_of(plant, "oracle")


def test_a_cluster_that_does_not_answer_is_said_at_once(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Workspace.create(tmp_path / "plant") as plant:
        engine = engine_of(plant, f"spark://127.0.0.1:{port}")
        with pytest.raises(StoreError, match=f"no Spark answers at spark://127.0.0.1:{port}"):
            engine.open(plant.lake.snapshot(), Limits())


def test_without_pyspark_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "pyspark":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with Workspace.create(tmp_path / "plant") as plant:
        with pytest.raises(StoreError, match="need PySpark") as caught:
            engine_of(plant, "local[1]").open(plant.lake.snapshot(), Limits())
        assert "pip install 'assay-quality[spark]'" in str(caught.value)
