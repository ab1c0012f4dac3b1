"""What is derived by plain SQL comes out alike on Spark: the typed tables, and features of readings."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from tests.contract.engine_plant import ODD, engine_plant
from tests.contract.test_questions_on_engines import alike
from tests.sinter_plant import DAY, store
from tests.unit.bind_oracle import Interval, Reading, assert_same, by_group, oracle, reading_table

from assay.model.kinds import RecordKind
from assay.query.bind.bound import bind
from assay.query.bind.bucket import INTERVALS, columns_of, interval_table, widths
from assay.query.bind.features import BUILT_IN, feature_set
from assay.query.bind.on_engine import features_on_engine
from assay.query.bind.spans import Spans
from assay.query.engines.registry import engine_of
from assay.query.layers import derive
from assay.query.layers.definition import WANTED, Definition, Making
from assay.query.layers.derive import DEFINITIONS, ground_of
from assay.query.masters import CONVERSIONS, conversions
from assay.query.program import Limits, Session
from assay.store import Workspace

pytestmark = pytest.mark.spark

BY_SQL = [one for one in DEFINITIONS if not one.features and one.layer != "ads"]
"""Tables of the lower layers that SQL alone makes."""

BANDS = ((999_999.0, 1_000_001.0, float("inf")), (-2.0, 2.0, 1.5))
FEATURES = [*BUILT_IN, "time_in_band(999999, 1000001)", "time_in_band(-2, 2, 1.5)"]


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A derived plant with other units, results of runs, a correction, and a step without times."""
    folder = tmp_path_factory.mktemp("derived") / "plant"
    engine_plant(folder)
    with Workspace.open(folder) as workspace:
        workspace.registry.upsert_entities("characteristic", [{"id": "pressure", "unit": "kPa"}])
        run = {"subject": "S-L3", "subject_kind": "execution", "characteristic": "pressure"}
        run |= {"segment": "sinter", "value": 2.0, "unit": "bar", "time": DAY}
        store(workspace, RecordKind.MEASUREMENT, [run], "run")
        said = {"subject": ODD, "subject_kind": "unit", "characteristic": "result", "time": DAY}
        store(workspace, RecordKind.MEASUREMENT, [said | {"text": "OK"}], "said")
        store(workspace, RecordKind.MEASUREMENT, [said | {"text": "\u3000NOK "}], "said again")
        timeless = {"execution": "X", "segment": "pack"}
        packed = [timeless | {"subject": "U-800", "subject_kind": "unit", "role": "produced"}]
        consumed = timeless | {"subject_kind": "lot", "role": "consumed"}
        packed += [consumed | {"subject": "L8"}, consumed | {"subject": "L9", "started": DAY, "time": DAY}]
        store(workspace, RecordKind.MOVEMENT, packed, "pack")
        warm = {"signal": "temp", "equipment": "F2", "value": 1400.0, "unit": "K"}
        store(workspace, RecordKind.READING, [warm | {"time": DAY + timedelta(hours=8.501)}], "kelvin")
        workspace.lake.hot.flush()
        derive(workspace)
        yield workspace


@pytest.fixture(scope="module")
def session(plant: Workspace, spark_url: str) -> Iterator[Session]:
    with closing(engine_of(plant, spark_url).open(plant.lake.snapshot(), Limits(seconds=600))) as opened:
        yield opened


@pytest.mark.parametrize("definition", BY_SQL, ids=lambda one: one.name)
def test_a_table_is_derived_alike(plant: Workspace, session: Session, definition: Definition) -> None:
    """All of it, and again the rows of half of its keys only."""
    ground = replace(ground_of(plant, session.snapshot), dialect=session.dialect)
    for name in definition.masters:
        session.register(name, ground.masters[name])
    session.register(CONVERSIONS, conversions([("K", "Cel"), ("bar", "kPa")]))
    names = [*definition.schema(ground).names, "date"]
    derived = plant.lake.query(f"SELECT * FROM {definition.name}").select(names)
    keys = derived.select(list(definition.key)).group_by(list(definition.key)).aggregate([])
    some = keys.slice(0, (len(keys) + 1) // 2)
    session.register(WANTED, some)
    wanted = {tuple(row.values()) for row in some.to_pylist()}
    for limited in (False, True):
        right = [
            row
            for row in derived.to_pylist()
            if not limited or tuple(row[name] for name in definition.key) in wanted
        ]
        made = session.arrow(definition.rows(Making(ground, limited=limited))).select(names).to_pylist()
        assert alike(sorted(made, key=repr), sorted(right, key=repr))


def test_features_by_buckets_are_those_of_a_slow_oracle(session: Session) -> None:
    dice = random.Random(7)
    step, start = 250_000, 20_000 * 86_400_000_000
    odd = [None, float("nan"), float("inf"), -float("inf"), 0.0, 1e-12, -1e100]
    readings: list[Reading] = [
        (dice.choice(["T", "p", "流量"]), dice.choice(["M1", "M2", "ofen-3", None]),
         start + step * dice.randrange(60),
         dice.choice([1e6 + dice.uniform(-3, 3), dice.uniform(-3, 3), dice.choice(odd)]),
         dice.choice([None, 0.0, 0.5, 2.0]), dice.randrange(3))
        for _ in range(400)
    ]  # fmt: skip
    lengths = [0, 1, 3, 7, 20, 60]
    intervals: list[Interval] = [
        (machine, begun, begun + step * dice.choice(lengths), dice.choice([0.0, 0.25, 3.0]))
        for machine in ("M1", "M2", "ofen-3")
        for begun in (start + step * dice.randrange(-5, 60) for _ in range(8))
    ]
    columns = list(zip(*intervals, strict=True))
    spans = Spans.of(list(columns[0]), *(np.array(column) for column in columns[1:]))
    asked = feature_set(FEATURES)
    session.register("some_readings", reading_table(readings))
    session.register(INTERVALS, interval_table(spans))
    features_on_engine(
        session,
        "features",
        asked,
        widths(spans),
        readings="some_readings",
        intervals=INTERVALS,
        signals=None,
        between=(start - 10 * step, start + 200 * step),
    )
    found = by_group(columns_of(session.arrow("SELECT * FROM features"), asked))
    right = oracle(readings, intervals, BANDS)
    assert len(right) > 30
    assert_same(found, right)


def test_steps_are_bound_alike_where_some_readings_came_late(plant: Workspace, spark_url: str) -> None:
    """Derived readings, those that were committed later, and one of them in place of another."""
    late = {"signal": "temp", "equipment": "F2", "unit": "Cel"}
    rows = [
        late | {"value": 1150.0, "time": DAY + timedelta(hours=8.502)},
        late | {"value": 1160.0, "time": DAY + timedelta(hours=8)},
    ]
    store(plant, RecordKind.READING, rows, "late")
    features = [*BUILT_IN, "time_in_band(1100, 1101)", "rise = last - first"]
    here = bind(plant, segment="sinter", features=features, method="kernel")
    there = bind(plant, segment="sinter", features=features, engine=spark_url)
    assert there.notes == here.notes
    assert there.to_arrow().schema == here.to_arrow().schema
    assert alike(there.to_arrow().to_pylist(), here.to_arrow().to_pylist())
    assert {row["max"] for row in here.to_arrow().to_pylist() if row["execution"] == "S-L2"} == {1160.0}
