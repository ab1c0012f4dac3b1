"""The plant's own model: what ``model.yaml`` adds to record kinds and entity kinds.

The file is text here; reading it from the plant's directory is the store's business.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assay.model.alarms import AlarmName, AlarmRule
from assay.model.alarms import settings_at as alarm_settings_at
from assay.model.attributes import Attribute
from assay.model.codes.rules import CodeField, CodeRule, Serial, check_rules
from assay.model.consumer import ConsumerPage, settings_at
from assay.model.entities import MASTER
from assay.model.entity_attributes import EntityAttribute, check_entity
from assay.model.errors import ModelError, did_you_mean
from assay.model.lines import LineFile
from assay.model.lines import settings_at as line_settings_at
from assay.model.questions import Measure, Term, UserFeature
from assay.model.sources import MountedTable, Source, check_sources
from assay.model.units import parse_unit


class PlantModel(BaseModel):
    """Extra columns of records, extra attributes of entities, and master data to begin with."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    version: int = Field(default=1, ge=1, le=1, description="Version of this file's format.")
    attributes: list[Attribute] = Field(default_factory=list, description="Extra columns of record kinds.")
    entities: list[EntityAttribute] = Field(
        default_factory=list, description="Extra attributes of entity kinds."
    )
    master_data: dict[str, list[dict[str, Any]]] = Field(
        default_factory=dict, description="Entities by kind, such as the equipment hierarchy; each has an id."
    )
    terms: list[Term] = Field(default_factory=list, description="Names for some records, for questions.")
    measures: list[Measure] = Field(
        default_factory=list, description="Figures that can be asked for by name."
    )
    features: list[UserFeature] = Field(default_factory=list, description="Features made of built-in ones.")
    sources: list[Source] = Field(default_factory=list, description="Databases that are asked in place.")
    codes: list[CodeRule] = Field(
        default_factory=list, description="How the codes of units and lots are made up."
    )
    lines: dict[str, LineFile] = Field(
        default_factory=dict, description="Lines that positions are followed along, by their names."
    )
    alarms: dict[AlarmName, AlarmRule] = Field(
        default_factory=dict, description="What is watched while records arrive, by the names of the rules."
    )
    consumer_page: ConsumerPage | None = Field(
        default=None, description="What everybody may see who scans a product's code; none: nothing."
    )


_FIELDS = {
    "attributes": Attribute.model_fields,
    "entities": EntityAttribute.model_fields,
    "terms": Term.model_fields,
    "measures": Measure.model_fields,
    "features": UserFeature.model_fields,
    "sources": Source.model_fields,
    "codes": CodeRule.model_fields,
}


class _UniqueKeys(yaml.SafeLoader):
    """YAML in which a key that occurs twice in one block is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: dict[str, int] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                line = key.start_mark.line + 1
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None,
                        None,
                        f"{key.value!r} occurs twice, first on line {seen[key.value]}",
                        key.start_mark,
                    )
                seen[key.value] = line
        return super().construct_mapping(node, deep)


def plant_model_schema() -> dict[str, Any]:
    """The JSON Schema of ``model.yaml``, for editors."""
    schema = PlantModel.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Assay plant model"
    schema["properties"]["master_data"]["propertyNames"] = {"enum": sorted(MASTER)}
    schema["$defs"]["EntityAttribute"]["properties"]["kind"]["enum"] = sorted(MASTER)
    return schema


def parse_plant_model(text: str, name: str = "model.yaml") -> PlantModel:
    """Read and check the text of a ``model.yaml``.

    Raises
    ------
    ModelError
        It is not YAML, or a declaration is not valid; the message has the path of what is wrong, such as
        ``model.yaml: attributes[2].unit``.
    """
    try:
        # _UniqueKeys is a SafeLoader: it makes plain values only.
        document = yaml.load(text, Loader=_UniqueKeys)  # noqa: S506
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark else name
        raise ModelError(
            f"{where}: {getattr(error, 'problem', None) or error}",
            hint="Check the indentation, and put text that holds ':' or '#' in quotes.",
        ) from error
    try:
        model = PlantModel.model_validate({} if document is None else document)
    except ValidationError as error:
        raise _explained(error, name) from error
    _check_declarations(model, name)
    return model


def _check_declarations(model: PlantModel, name: str) -> None:
    sections: tuple[tuple[str, Sequence[Attribute | EntityAttribute]], ...] = (
        ("attributes", model.attributes),
        ("entities", model.entities),
    )
    for section, declared in sections:
        seen: dict[tuple[str, str], int] = {}
        for index, one in enumerate(declared):
            where = f"{name}: {section}[{index}]"
            key = (str(one.kind), one.name)
            if key in seen:
                raise ModelError(
                    f"{where}: {one.name!r} of {one.kind} is declared twice, first in {section}[{seen[key]}]",
                    hint="Keep one of them.",
                )
            seen[key] = index
            _at(f"{where}.name", one.check_against_core)
            if one.unit is not None:
                _at(f"{where}.unit", partial(parse_unit, one.unit))
    for kind, rows in model.master_data.items():
        where = f"{name}: master_data.{kind}"
        if kind not in MASTER:
            raise ModelError(
                f"{where}: {kind!r} is not a kind of master data",
                hint=did_you_mean(kind, list(MASTER)) or f"Known kinds: {', '.join(MASTER)}.",
            )
        extra = [one for one in model.entities if one.kind == kind]
        for index, row in enumerate(rows):
            _at(f"{where}[{index}]", partial(check_entity, kind, row, extra))
    check_sources(model.sources, model.attributes, name)
    try:
        check_rules(model.codes, f"{name}: codes")
    except ValueError as error:
        raise ModelError(str(error), hint="Change one of the two.") from error


def _at(where: str, check: Callable[[], object]) -> None:
    """Run a check; its error gets the path of what was checked."""
    try:
        check()
    except ModelError as error:
        raise ModelError(f"{where}: {error.message}", hint=error.hint) from error
    except ValueError as error:
        raise ModelError(f"{where}: {error}", hint="Give the attribute another name.") from error


def _settings(place: Sequence[int | str]) -> Iterable[str]:
    """What may stand at a place of the file."""
    if place[0] == "consumer_page":
        return settings_at(place[1:])
    if place[0] == "lines":
        return line_settings_at(place[2:])
    if place[0] == "alarms":
        return alarm_settings_at(place[2:])
    if len(place) > 3 and place[0] == "sources" and place[2] == "tables":
        return MountedTable.model_fields
    if place[0] == "codes" and len(place) > 3:
        return (Serial if place[2] == "serial" else CodeField).model_fields
    return _FIELDS.get(str(place[0]), PlantModel.model_fields)


def _explained(error: ValidationError, name: str) -> ModelError:
    first = error.errors()[0]
    if not first["loc"]:
        return ModelError(
            f"{name}: the file must be a mapping",
            hint=f"Begin with one of: {', '.join(PlantModel.model_fields)}.",
        )
    path = ""
    for part in first["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    hint = "Correct the value."
    if first["type"] == "extra_forbidden":
        options = list(_settings(first["loc"]))
        hint = did_you_mean(str(first["loc"][-1]), options) or f"Known: {', '.join(options)}."
        return ModelError(f"{name}: {path}: there is no such setting", hint=hint)
    if first["type"] == "missing":
        return ModelError(f"{name}: {path}: is missing", hint="Add it.")
    hide = first["type"] == "value_error" or "url" in first["loc"]
    value = "" if hide else f" (got {first['input']!r})"
    said = first["msg"].removeprefix("Value error, ")
    return ModelError(f"{name}: {path}: {said}{value}", hint=hint)
