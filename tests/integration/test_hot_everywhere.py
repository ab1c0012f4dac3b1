"""Whatever is asked of a plant knows the hot rows, at once and also when it was asked before."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from store_rows import DAY, RECORDED, START, key, load, measurements, movements

from assay.analyse import board
from assay.analyse.cause import affected, evidence
from assay.apps.errors import PageError
from assay.apps.payloads import Paging
from assay.apps.questions import Questions
from assay.model.errors import TraceError
from assay.model.kinds import TIME
from assay.plant import Plant
from assay.store import Workspace
from assay.store.signals import last_values, window
from assay.store.tables import from_microseconds

FIRST, ALL = 30, 50
"""Units that were loaded from a file, and with those that are hot."""
HOT_UNIT = "U-2-7"
PRESSES = ("P-0", "P-1", "P-2")
SIGNALS = ["temp", "force"]


def readings(signal: str) -> pa.Table:
    """One reading every tenth of a day, of each press."""
    seq = np.arange(30)
    return pa.table(
        {
            "seq": seq,
            "signal": [signal] * len(seq),
            "equipment": [PRESSES[n % 3] for n in seq],
            "time": pa.array(START + seq * (DAY // 10)).cast(TIME),
            "value": seq * 1.0,
            "key_hash": seq,
            "content_hash": seq,
        }
    )


def share(plant: Plant, of: Callable[..., int]) -> int:
    return sum(of(plant.workspace, "length", factor="equipment", value=press) for press in PRESSES)


def known(plant: Plant, wanted: str) -> bool:
    try:
        return len(plant.trace(wanted, "back").nodes) == 2  # the unit and its execution
    except TraceError:
        return False


def shown(page: Questions) -> int:
    try:
        return page.unit_results(HOT_UNIT, Paging()).total
    except PageError:
        return 0


def graph(page: Questions) -> int:
    try:
        return len(page.trace(HOT_UNIT, "both").nodes)
    except TraceError:
        return 0


def count(plant: Plant, view: str) -> int:
    found: int = plant.sql(f"SELECT count(*) AS n FROM {view}")["n"][0].as_py()
    return found


def bound(plant: Plant) -> set[str]:
    return set(plant.bind(segment="press").to_arrow()["signal"].to_pylist())


ASKED: dict[str, tuple[Callable[[Plant, Questions], Any], Any, Any]] = {
    "sql": (lambda p, _: count(p, "movement"), FIRST, ALL),
    "sql on a derived view": (lambda p, _: count(p, "unit"), FIRST, ALL),
    "find": (lambda p, _: len(p.find("unit").rows), FIRST, ALL),
    "watch": (lambda p, _: len(next(p.watch("unit", timeout=0.05)).added), FIRST, ALL),
    "trace": (lambda p, _: known(p, HOT_UNIT), False, True),
    "bind": (lambda p, _: bound(p), {"temp"}, set(SIGNALS)),
    "cause": (lambda p, _: p.cause("length").subjects, FIRST, ALL),
    "evidence": (lambda p, _: share(p, lambda *a, **k: evidence(*a, **k)[1]), FIRST, ALL),
    "blast radius": (lambda p, _: share(p, lambda *a, **k: affected(*a, **k).num_rows), FIRST, ALL),
    "chart": (lambda p, _: p.chart("length").subjects, FIRST, ALL),
    "last values": (lambda p, _: last_values(p.workspace.lake, SIGNALS).num_rows, 1, 2),
    "window": (
        lambda p, _: (
            window(
                p.workspace.lake, SIGNALS, from_microseconds(START), from_microseconds(START + 3 * DAY)
            ).num_rows
        ),
        30,
        60,
    ),
    "suggestions": (lambda p, _: board.suggest_targets(p.workspace)[0].results, FIRST, ALL),
    "segments": (lambda p, _: dict(board.segments(p.workspace))["press"], FIRST, ALL),
    "page of targets": (lambda _, page: page.targets().targets[0].subjects, FIRST, ALL),
    "page of causes": (lambda _, page: page.causes("length", None, None).subjects, FIRST, ALL),
    "page of a unit": (lambda _, page: shown(page), 0, 1),
    "page of a genealogy": (lambda _, page: graph(page), 0, 2),
    "extract": (lambda p, _: sum(one.num_rows for one in p.extract("unit")), FIRST, ALL),
}
"""What is asked, and what it gives before and after. The last flushes what is hot."""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, Any]]:
    """What each question gave before rows became hot, and after."""
    with Workspace.create(tmp_path_factory.mktemp("hot") / "plant") as workspace:
        load(workspace, 1, rows=FIRST)
        with workspace.lake.stage("reading", load=key(1), recorded=RECORDED) as writer:
            writer.write(readings("temp"))
            workspace.lake.commit("reading", writer.finish(), load=key(1))
        plant, page = Plant(workspace), Questions(workspace)
        before = {name: ask(plant, page) for name, (ask, _, _) in ASKED.items()}
        append = partial(workspace.lake.hot.append, recorded=RECORDED)
        append("movement", movements(2, ALL - FIRST), key(2))
        append("measurement", measurements(2, ALL - FIRST), key(2))
        append("reading", readings("force"), key(2))
        versions = workspace.lake.versions()
        found = {}
        for name, (ask, _, _) in ASKED.items():
            assert workspace.lake.versions() == versions, f"before {name} was asked, the rows were flushed"
            found[name] = (before[name], ask(plant, page))
        return found


@pytest.mark.parametrize("name", ASKED)
def test_hot_rows_are_in_the_answer(answers: dict[str, tuple[Any, Any]], name: str) -> None:
    assert answers[name] == ASKED[name][1:]
