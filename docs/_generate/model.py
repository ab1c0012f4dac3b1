"""Reference of record kinds, attributes and entities."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from assay.model import attributes, consumer, entities, entity_attributes, kinds, sources
from assay.model.plant_model import plant_model_schema
from writing import model_sections, prose, schema_table, table


def schema_for_editors() -> str:
    """The JSON Schema of a plant's model file."""
    return json.dumps(plant_model_schema(), ensure_ascii=False, indent=2) + "\n"


MEANING = {
    "source": "who recorded it; first part of the identity",
    "epoch": "which session or file; for files a fingerprint of content and mapping",
    "seq": "which row of the epoch, from 0",
    "time": "when it happened, UTC",
    "recorded": "when Assay took it, UTC; fixed at the first attempt to load",
    "clock_uncertainty": "of the clock that gave `time`, in seconds",
    "key_hash": "64-bit hash of what makes the record unique in the plant",
    "content_hash": "64-bit hash of everything the record says",
    "signal": "name of the signal",
    "value": "the number, in `unit`",
    "text": "the value where it is a word, such as `OK`",
    "unit": "UCUM code of the unit",
    "quality": "quality of the reading as the device states it",
    "equipment": "id of the machine, station or tool",
    "subject": "id of what the record is about",
    "subject_kind": "`unit`, `lot` or `execution`",
    "characteristic": "id of what was measured or judged",
    "segment": "id of the process step",
    "gauge": "id of the measuring device",
    "person": "id of the person",
    "method": "id of the method",
    "event": "what happened: alarm, maintenance, change…",
    "severity": "as the source states it",
    "message": "text of the event",
    "execution": "id of one run of a step",
    "role": "what the subject was to the execution: " + ", ".join(f"`{role.value}`" for role in kinds.Role),
    "quantity": "how much, in `unit`",
    "position": "where in the carrier or on the product",
    "carrier": "id of the tray, pallet or fixture",
    "recipe": "id of the recipe",
    "work_order": "id of the order",
    "material": "id of the material definition",
    "started": "start of the execution, UTC",
    "ended": "end of the execution, UTC",
    "confidence": "how sure an inferred movement is, 0 to 1; empty for a recorded one",
    "share": "the subject's part of what went into or came out of a mixing step, 0 to 1",
    "choice": "inferred movements with the same choice exclude each other",
    "basis": "what an inferred movement rests on, such as `queue`",
    "correction": "why it replaces the movement recorded before with the same segment, execution, role, "
    "subject and position; a quantity of 0 takes that back",
    "corrected_by": "id of the person who corrected it",
    "content": "hash of the content",
    "media_type": "such as `image/png`",
    "entity": "kind of the entity",
    "id": "id of the entity within its kind",
    "valid_from": "start of validity, UTC; empty: always",
    "valid_to": "end of validity (not included), UTC; empty: until further notice",
    "attributes": "the entity's fields as JSON",
}


def arrow_type(field: pa.Field) -> str:
    """The type of a column as one would say it."""
    if pa.types.is_dictionary(field.type):
        return "text, dictionary"
    names = {"string": "text", "double": "number", "int64": "integer", "bool": "boolean"}
    return names.get(
        str(field.type), "time, µs UTC" if pa.types.is_timestamp(field.type) else str(field.type)
    )


def columns(fields: tuple[pa.Field, ...]) -> str:
    """A table of columns."""
    return table(
        ["column", "type", "", "meaning"],
        (
            [f"`{field.name}`", arrow_type(field), "" if field.nullable else "required", MEANING[field.name]]
            for field in fields
        ),
    )


def records() -> str:
    """Each record kind with its own columns, then those all kinds share."""
    own = [f"## {kind.value}\n\n{columns(kinds.own_fields(kind))}" for kind in kinds.RecordKind]
    shared = columns((*kinds.IDENTITY, *kinds.STAMPS, *kinds.HASHES))
    return "\n\n".join([*own, f"## Columns of every kind\n\n{shared}"])


def entity_kinds() -> str:
    """Each entity kind with its fields."""
    sections = ["## Fields of every entity\n\n" + schema_table(entities.Entity.model_json_schema(), {})]
    shared = set(entities.Entity.model_fields)
    used: dict[str, dict[str, Any]] = {}
    for kind, model in entities.ENTITIES.items():
        schema = model.model_json_schema()
        inside = schema.get("$defs", {})
        own = {name: field for name, field in schema["properties"].items() if name not in shared}
        where = "registry" if kind in entities.MASTER else "derived from the lake"
        title = f"## {kind}\n\n{model.TITLE.en} ({model.TITLE.zh}); {where}. {prose(model.__doc__)}"
        sections.append(f"{title}\n\n{schema_table({**schema, 'properties': own}, inside)}")
        used |= inside
    parts = [
        f"## {name}\n\n{prose(part.get('description'))}\n\n{schema_table(part, used)}"
        for name, part in used.items()
        if "enum" not in part
    ]
    return "\n\n".join(sections + parts)


def attribute_models() -> str:
    """What can be declared for records and for entities."""
    return "\n\n".join(
        [model_sections(attributes.Attribute), model_sections(entity_attributes.EntityAttribute)]
    )


def source_models() -> str:
    """What can be said of databases that are asked in place."""
    return model_sections(sources.Source)


def consumer_page() -> str:
    """What a consumer page may show."""
    return model_sections(consumer.ConsumerPage)


PARTS: dict[str, Callable[[], str]] = {
    "records": records,
    "entities": entity_kinds,
    "attributes": attribute_models,
    "sources": source_models,
    "consumer-page": consumer_page,
}
