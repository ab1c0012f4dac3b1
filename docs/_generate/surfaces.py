"""Reference of plugins, mapping files, pages, REST and Python."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable

from writing import field_notes, model_sections, prose, schema_table, sections_of, signature, table


def mapping() -> str:
    """The mapping file."""
    from assay.connect.mapping import Mapping

    taken = "string or integer or number or boolean"
    return model_sections(Mapping).replace(taken, "a value or `$column`")


def schema_for_editors() -> str:
    """The JSON Schema of a mapping file."""
    from assay.connect.mapping import mapping_schema

    return json.dumps(mapping_schema(), ensure_ascii=False, indent=2) + "\n"


def gate_policy() -> str:
    """A policy of the gate."""
    from assay.ledger.gate.policy import policy_schema

    schema = policy_schema()
    return sections_of(schema | {"title": "GatePolicy"})


def gate_policy_for_editors() -> str:
    """The JSON Schema of a policy of the gate."""
    from assay.ledger.gate.policy import policy_schema

    return json.dumps(policy_schema(), ensure_ascii=False, indent=2) + "\n"


def reasons() -> str:
    """Every reason for which a row is set aside, in both languages."""
    from assay.connect.reasons import REASONS, reason_title

    titles = {reason: reason_title(reason) for reason in REASONS}
    rows = ([f"`{reason}`", title.en, title.zh] for reason, title in titles.items())
    return table(["reason", "", "中文"], rows)


def plugins() -> str:
    """Every plugin of this package, with what can be set."""
    from assay.plugins.registry import connectors, operators

    sections = []
    for registry in (connectors(), operators()):
        for state in registry.states():
            if not state.distribution.startswith("assay-quality ") or state.manifest is None:
                continue
            manifest = state.manifest
            schema = manifest.config_schema()
            said = manifest.description or manifest.title
            lines = [f"### {manifest.id} ({state.group.rpartition('.')[2]})", f"{said.en}\n\n{said.zh}"]
            if schema.get("properties"):
                lines.append(schema_table(schema, schema.get("$defs", {})))
            sections.append("\n\n".join(lines))
    return "\n\n".join(sections)


def manifests() -> str:
    """The fields of a manifest."""
    from assay.plugins.connector import ConnectorManifest
    from assay.plugins.operator import OperatorManifest

    sections = []
    for owner in (ConnectorManifest, OperatorManifest):
        rows = [[f"`{name}`", note] for name, note in field_notes(owner).items()]
        sections.append(
            f"### {owner.__name__}\n\n{prose(owner.__doc__)}\n\n{table(['field', 'meaning'], rows)}"
        )
    return "\n\n".join(sections)


def widgets() -> str:
    """Every widget with its fields."""
    from assay.apps.widgets import WIDGETS

    return "\n\n".join(
        f"### {name}\n\n{prose(model.__doc__)}\n\n"
        f"{schema_table(model.model_json_schema(), model.model_json_schema().get('$defs', {}))}"
        for name, model in WIDGETS.items()
    )


def page() -> str:
    """The page itself and what it is made of, without its widgets."""
    from assay.apps.page import Page
    from assay.apps.widgets import WIDGETS

    drawn = {model.__name__ for model in WIDGETS.values()}
    schema = Page.model_json_schema()
    schema["properties"]["widgets"]["items"] = {"$ref": "Widgets"}
    return sections_of(schema, skip=drawn)


def rest() -> str:
    """Every path of the REST interface."""
    from assay.api.openapi import document

    rows = []
    for path, methods in document()["paths"].items():
        for method, said in methods.items():
            rows.append([f"`{method.upper()} {path}`", said.get("description") or said.get("summary", "")])
    return table(["request", "answer"], rows)


def python() -> str:
    """The names of ``assay``, the methods of a plant, and what they return."""
    import assay
    from assay.analyse.cause import Cause, CauseReport
    from assay.analyse.common import Common
    from assay.analyse.recall import Recall
    from assay.analyse.statistics import (
        ChartPoint,
        FlaggedPoint,
        PlantCapability,
        PlantChart,
        PlantGaugeRR,
        PlantMonitor,
        Specification,
    )
    from assay.analyse.statistics.monitoring import Alarm
    from assay.analyse.through import Through
    from assay.analyse.trace import Trace
    from assay.connect.infer import Doubt, Inference
    from assay.connect.load import LoadReport

    sections = [f"## assay.open\n\n{signature('assay.open', assay.open)}\n\n{prose(assay.open.__doc__)}"]
    statistics = (
        PlantChart,
        ChartPoint,
        FlaggedPoint,
        PlantCapability,
        Specification,
        PlantGaugeRR,
        PlantMonitor,
        Alarm,
    )
    for owner in (
        assay.Plant,
        LoadReport,
        Inference,
        Doubt,
        Trace,
        Recall,
        Common,
        Through,
        CauseReport,
        Cause,
        *statistics,
    ):
        notes = field_notes(owner)
        rows = [
            [f"`{name}`", f"`{annotation}`", notes.get(name, "")]
            for name, annotation in inspect.get_annotations(owner).items()
            if not name.startswith("_")
        ]
        fields = table(["field", "type", "meaning"], rows) if rows else ""
        parts = [f"## {owner.__name__}", prose(owner.__doc__), fields, methods_of(owner)]
        sections.append("\n\n".join(part for part in parts if part))
    return "\n\n".join(sections)


def methods_of(owner: type) -> str:
    """The public methods and properties of a class, and of that part of a plant that has its own file."""
    from assay.analyse.plant_statistics import PlantStatistics

    members = dict(vars(owner))
    if issubclass(owner, PlantStatistics):
        members |= vars(PlantStatistics)
    found = []
    for name, member in members.items():
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            found.append(f"### {owner.__name__}.{name}\n\n{prose(member.__doc__)}")
        elif inspect.isfunction(function := getattr(member, "__func__", member)):
            found.append(
                f"### {owner.__name__}.{name}\n\n{signature(name, function)}\n\n{prose(function.__doc__)}"
            )
    return "\n\n".join(found)


PARTS: dict[str, Callable[[], str]] = {
    "mapping": mapping,
    "gate-policy": gate_policy,
    "reasons": reasons,
    "plugins": plugins,
    "manifests": manifests,
    "widgets": widgets,
    "page": page,
    "rest": rest,
    "python": python,
}
