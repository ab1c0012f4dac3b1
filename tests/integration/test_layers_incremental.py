"""Whatever arrives in whatever order: deriving as it comes gives what deriving once at the end gives."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from layer_rows import at, everything, load

from assay.query.layers import derive
from assay.store import Workspace

UNITS, LOTS, RUNS = ["U1", "U2"], ["L1", "L2"], ["E1", "E2", "E3"]
PLACES = ["oven", "press"]
HOURS = st.integers(0, 60)


@st.composite
def movements(draw: st.DrawFn) -> dict[str, Any]:
    run = draw(st.sampled_from(RUNS))
    subject = draw(st.sampled_from([*UNITS, *LOTS]))
    started = draw(st.none() | HOURS)
    role = draw(st.sampled_from(["produced", "consumed", "used"]))
    return {
        # Without the subject: a later record of this key can say that it was another one.
        "key": (run, role, draw(st.integers(0, 1))),
        "execution": run,
        "role": role,
        "subject": subject,
        "subject_kind": "lot" if subject in LOTS else "unit",
        "segment": draw(st.sampled_from([None, "sinter", "sinter", "cut"])),
        "equipment": draw(st.sampled_from([None, *PLACES])),
        "material": draw(st.sampled_from([None, "M1", "M2"])),
        "quantity": draw(st.none() | st.integers(0, 5).map(float)),
        "confidence": draw(st.sampled_from([None, None, None, 0.5])),
        "correction": draw(st.sampled_from([None, None, "wrong"])),
        "started": None if started is None else at(started),
        "ended": None if started is None else draw(st.sampled_from([None, at(started + 3), at(started)])),
        "time": draw(st.none() | HOURS.map(at)),
    }


@st.composite
def measurements(draw: st.DrawFn) -> dict[str, Any]:
    kind, ids = draw(st.sampled_from([("unit", UNITS), ("execution", RUNS), ("lot", LOTS)]))
    subject = draw(st.sampled_from(ids))
    name = draw(st.sampled_from(["size", "result"]))
    return {
        "key": (kind, subject, name),
        "subject": subject,
        "subject_kind": kind,
        "characteristic": name,
        "value": float(draw(st.integers(0, 9))) if name == "size" else None,
        "text": draw(st.sampled_from(["OK", "NOK", "?"])) if name == "result" else None,
        "segment": draw(st.sampled_from([None, "sinter"])),
        "time": draw(st.none() | HOURS.map(at)),
    }


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    kind, ids = draw(st.sampled_from([("unit", UNITS), ("execution", RUNS), ("lot", LOTS), (None, [None])]))
    return {
        "key": draw(st.integers(0, 5)),
        "event": draw(st.sampled_from(["alarm", "scrap"])),
        "subject": draw(st.sampled_from(ids)),
        "subject_kind": kind,
        "equipment": draw(st.sampled_from([None, *PLACES])),
        "time": draw(st.none() | HOURS.map(at)),
    }


@st.composite
def readings(draw: st.DrawFn) -> dict[str, Any]:
    signal, hour = draw(st.sampled_from(["temp", "force"])), draw(HOURS)
    return {
        "key": (signal, hour),
        "signal": signal,
        "equipment": draw(st.sampled_from([None, *PLACES, *PLACES])),
        "time": draw(st.sampled_from([None, *[at(hour)] * 9])),
        "value": float(draw(st.integers(0, 20))),
    }


def some(rows: st.SearchStrategy[dict[str, Any]], most: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(rows, min_size=most // 2, max_size=most)


LOADS = st.fixed_dictionaries(
    {
        "movement": some(movements(), 6),
        "measurement": some(measurements(), 5),
        "event": some(events(), 2),
        "reading": some(readings(), 6),
    }
)


@given(
    steps=st.lists(
        st.tuples(LOADS, st.sampled_from(["derive", "derive", "dwd", "reopen"])), min_size=2, max_size=4
    ),
    zone=st.sampled_from(["UTC", "America/New_York"]),
)
@settings(deadline=None, max_examples=6)
def test_deriving_as_rows_arrive_gives_what_deriving_all_at_once_gives(
    steps: list[tuple[dict[str, Any], str]], zone: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.create(Path(folder) / "plant", time_zone=zone)
        for number, (rows, then) in enumerate(steps):
            load(workspace, number, rows)
            if then == "derive":
                derive(workspace)
            elif then == "dwd":
                derive(workspace, ["dwd_result"])
            elif then == "reopen":
                workspace.close()
                workspace = Workspace.open(Path(folder) / "plant")
        derive(workspace)
        grown = everything(workspace)
        assert not derive(workspace).changed
        derive(workspace, again=True)
        whole = everything(workspace)
        workspace.close()
        for name, rows in whole.items():
            assert grown[name] == rows, name
