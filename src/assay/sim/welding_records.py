"""The simulated welding shop's way into a plant: its model, and files that are loaded by mappings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from assay.connect.load import load_file
from assay.sim.welding import Shop
from assay.sim.welding_shop import LOTS, decisions, masters, services
from assay.store.workspace import MODEL_FILE, Workspace

_FACTOR, _NUMBER = {"role": "factor"}, {"role": "ordered factor", "type": "number"}
_NOTE, _TIME = {"role": "annotation"}, {"role": "time"}
_SHEET: dict[str, dict[str, Any]] = {
    "process": _FACTOR,
    "joint_type": _FACTOR,
    "welding_position": _FACTOR,
    "material_group": _FACTOR,
    "drawing": _NOTE,
    "pass_number": {"role": "ordered factor", "type": "integer"},
    "repair": {"role": "design label", "type": "integer"},
    "thickness": _NUMBER | {"unit": "mm"},
    "weld_length": {"role": "annotation", "type": "number", "unit": "mm"},
    "preheat": _NUMBER | {"unit": "Cel"},
    "interpass": _NUMBER | {"unit": "Cel"},
    "exposure": _NUMBER | {"unit": "h"},
    "machine_hours": {"role": "annotation", "type": "number", "unit": "h"},
    "wind_force": {"role": "ordered factor", "type": "integer"},
}
_STEP = {
    "segment": "weld",
    "equipment": "$machine",
    "person": "$welder",
    "recipe": "$wps",
    "work_order": "$order",
}
_WHEN = {"started": "$start", "ended": "$end", "time": "$start"}


def load_shop(shop: Shop, workspace: Workspace, folder: Path) -> int:
    """Load the shop into a plant through the door that every plant has; returns how many records came of it.

    The plant gets the shop's model; ``folder`` is where the files are written that are then loaded.
    """
    model = {"master_data": masters()}
    (workspace.path / MODEL_FILE).write_text(yaml.safe_dump(model, sort_keys=False), "utf-8")
    workspace.apply_model()
    count = 0
    for name, (table, mapping) in _files(shop, workspace).items():
        path = folder / f"{name}.parquet"
        pq.write_table(table, path)
        count += load_file(workspace, path, mapping).accepted
    return count


def _files(shop: Shop, workspace: Workspace) -> dict[str, tuple[pa.Table, dict[str, Any]]]:
    signals = pa.table({name: pa.array(values) for name, values in shop.signals.items()})
    at = signals.schema.get_field_index("time")
    signals = signals.set_column(at, "time", signals.column("time").cast(pa.timestamp("us", "UTC")))
    fed = pc.is_finite(signals.column("wire_feed"))
    papers = []
    for lot, (material, _, since, certificate) in LOTS.items():
        if certificate != "none":
            text = f"EN 10204 - {certificate}\nInspection certificate of lot {lot}: {material}\n"
            kept = workspace.objects.put(text.encode(), media_type="text/plain")
            papers.append({"lot": lot, "content": kept.content, "time": since})
    return {
        "fits": (pa.Table.from_pylist(shop.fits), _fits()),
        "passes": (pa.Table.from_pylist(shop.passes).drop_columns("gas"), _passes()),
        "gas": (pa.Table.from_pylist([row for row in shop.passes if row["gas"]]), _gas()),
        "signals": (signals.drop_columns("wire_feed"), _signals("welding-monitors", _UNITS)),
        "feeds": (
            signals.filter(fed).select(["machine", "time", "wire_feed"]),
            _signals("wire-feeders", _FEED),
        ),
        "air": (pa.Table.from_pylist(shop.air), _air()),
        "results": (pa.Table.from_pylist(_same_keys(shop.results)), _results()),
        "decisions": (pa.Table.from_pylist(_same_keys(decisions())), _results("incoming")),
        "services": (pa.Table.from_pylist(services()), _services()),
        "papers": (pa.Table.from_pylist(papers), _papers()),
    }


def _same_keys(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = dict.fromkeys([*(name for row in rows for name in row), *_RESULT])
    return [{name: row.get(name) for name in names} for row in rows]


def _mapping(source: str, columns: Mapping[str, Any], records: list[dict[str, Any]]) -> dict[str, Any]:
    return {"version": 1, "source": source, "columns": dict(columns), "records": records}


def _fits() -> dict[str, Any]:
    step = {
        "kind": "movement",
        "execution": "$execution",
        "segment": "fit-up",
        "work_order": "$order",
        **_WHEN,
    }
    columns = {
        "joint": {"role": "subject", "is": "unit"},
        "lot": {"role": "subject", "is": "lot"},
        "execution": {"role": "subject", "is": "execution"},
        "order": _NOTE,
        "joint_material": _NOTE,
        "start": _TIME,
        "end": _TIME,
    }
    made = {"role": "produced", "subject": "$joint", "subject_kind": "unit", "material": "$joint_material"}
    took = {"role": "consumed", "subject": "$lot", "subject_kind": "lot", "material": "S355J2+N"}
    return _mapping("fit-up", columns, [step | made, step | took])


def _passes() -> dict[str, Any]:
    columns: dict[str, Any] = {
        "execution": {"role": "subject", "is": "execution"},
        "joint": {"role": "subject", "is": "unit"},
        "filler": {"role": "subject", "is": "lot"},
        **dict.fromkeys(("joint_material", "filler_material", "order"), _NOTE),
        **dict.fromkeys(("machine", "welder", "wps"), _FACTOR),
        "start": _TIME,
        "end": _TIME,
        **_SHEET,
    }
    step = {"kind": "movement", "execution": "$execution", **_STEP, **_WHEN}
    welded = {"role": "produced", "subject": "$joint", "subject_kind": "unit", "material": "$joint_material"}
    filler = {"role": "consumed", "subject": "$filler", "subject_kind": "lot", "material": "$filler_material"}
    return _mapping("pass-sheets", columns, [step | welded | {"attributes": list(_SHEET)}, step | filler])


def _gas() -> dict[str, Any]:
    columns = {
        "execution": {"role": "subject", "is": "execution"},
        "gas": {"role": "subject", "is": "lot"},
        **dict.fromkeys(("machine", "welder", "wps"), _FACTOR),
        "order": _NOTE,
        "start": _TIME,
        "end": _TIME,
    }
    took = {"role": "consumed", "subject": "$gas", "subject_kind": "lot", "material": "ISO 14175-M21"}
    return _mapping(
        "gas", columns, [{"kind": "movement", "execution": "$execution", **_STEP, **_WHEN, **took}]
    )


_UNITS = {"current": "A", "voltage": "V", "arc_power": "W"}
_FEED = {"wire_feed": "m/min"}
_AIR = {"air_temperature": "Cel", "humidity": "%", "wind": "m/s"}


def _signals(source: str, units: Mapping[str, str]) -> dict[str, Any]:
    columns = {
        "machine": _FACTOR,
        "time": _TIME,
        **{name: {"role": "outcome", "type": "number"} for name in units},
    }
    return _mapping(source, columns, _readings("$machine", units))


def _air() -> dict[str, Any]:
    columns = {
        "sensor": _FACTOR,
        "time": _TIME,
        **{name: {"role": "outcome", "type": "number"} for name in _AIR},
    }
    return _mapping("air", columns, _readings("$sensor", _AIR))


def _readings(equipment: str, units: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {"kind": "reading", "signal": name, "value": f"${name}", "unit": unit}
        | {"equipment": equipment, "time": "$time"}
        for name, unit in units.items()
    ]


_RESULT = (
    "subject",
    "subject_kind",
    "segment",
    "characteristic",
    "value",
    "text",
    "unit",
    "method",
    "gauge",
    "person",
    "time",
)


def _results(source: str = "ndt") -> dict[str, Any]:
    columns: dict[str, Any] = dict.fromkeys(_RESULT, _NOTE)
    columns |= {"subject": {"role": "subject"}, "value": {"role": "outcome", "type": "number"}, "time": _TIME}
    columns |= {"text": {"role": "outcome"}}
    return _mapping(source, columns, [{"kind": "measurement", **{name: f"${name}" for name in _RESULT}}])


def _papers() -> dict[str, Any]:
    columns = {"lot": {"role": "subject", "is": "lot"}, "content": _NOTE, "time": _TIME}
    record = {"kind": "artifact", "content": "$content", "media_type": "text/plain", "subject": "$lot"}
    return _mapping("papers", columns, [record | {"subject_kind": "lot", "time": "$time"}])


def _services() -> dict[str, Any]:
    columns = {
        "machine": _FACTOR,
        "time": _TIME,
        "due_hours": {"role": "annotation", "type": "number", "unit": "h"},
    }
    record = {"kind": "event", "event": "service", "equipment": "$machine", "time": "$time"}
    return _mapping("services", columns, [record | {"attributes": ["due_hours"]}])
