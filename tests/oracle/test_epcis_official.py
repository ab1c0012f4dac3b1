"""GS1's own schema, JSON-LD context and examples of EPCIS 2.0, beside what is written from the standard."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from tests.epcis_documents import EVENTS, document, event, query_document
from tests.shared import data_set
from tests.unit import epcis_cases as rules

from assay.exchange.epcis import validate, validate_bytes
from assay.exchange.epcis.context import epcis_context
from assay.exchange.epcis.schema import validator

FOLDER = data_set("epcis")
EXAMPLES = sorted((FOLDER / "JSON").rglob("*.jsonld"))
OFFICIAL = jsonschema_rs.Draft7Validator(
    json.loads((FOLDER / "EPCIS-JSON-Schema.json").read_text("utf-8")), validate_formats=True
)


def test_the_examples_are_all_here() -> None:
    kinds = [json.loads(path.read_text("utf-8"))["type"] for path in EXAMPLES]
    assert (kinds.count("EPCISDocument"), kinds.count("EPCISQueryDocument")) == (46, 1)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_valid(path: Path) -> None:
    assert [one.to_dict() for one in validate_bytes(path.read_bytes()).faults] == []


def broken_in_tables() -> Iterator[Any]:
    """Every document of the tables of the rules."""
    for kind, path, value, _ in rules.BROKEN:
        made = event(kind)
        rules.put(made, path, value)
        yield document(made)
    for path, value, _ in rules.AROUND:
        made = document(event("object"))
        rules.put(made, path, value)
        yield made
    for path, value, _ in rules.QUERY:
        made = query_document(event("object"))
        rules.put(made, path, value)
        yield made
    for _, made, _ in rules.COMBINATIONS:
        yield document(made)


SPARE: list[Any] = [
    *(None, True, 0, -1, 1.5, "", "x", "a:b", "shipping", "active", "po", "location", "Temperature"),
    *("ADD", "DELETE", "2026-01-01T00:00:00Z", "2026-01-01", "+01:00", "KGM", "kg", "ff", [], {}),
    *(["a:b"], ["x"], [1], {"id": "a:b"}, {"id": "x"}, [{}], [{"epcClass": "a:b"}], {"set": ["active"]}),
    *({"ex:a": 1}, {"a": 1}, "urn:epcglobal:cbv:disp:x", "https://gs1.org/voc/Mass", "EPCISDocument"),
    *("ObjectEvent", "ex:Event"),
]
NAMES = ["foo", "ex:foo", "parentID", "epcList", "childEPCs", "ilmd", "action", "type", "id", "uom"]


def mutated(start: Any, dice: random.Random) -> Any:
    """A document in which one to three things are changed, left out or put in."""
    made = copy.deepcopy(start)
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        target = made
        while True:
            keys: list[Any] = list(target) if isinstance(target, dict) else list(range(len(target)))
            if not keys:
                break
            key = dice.choice(keys)
            below = target[key]
            if isinstance(below, dict | list) and below and dice.random() < 0.75:
                target = below
                continue
            turn = dice.random()
            if turn < 0.3:
                del target[key]
            elif turn < 0.8 or isinstance(target, list):
                target[key] = copy.deepcopy(dice.choice(SPARE))
            else:
                target[dice.choice(NAMES)] = copy.deepcopy(dice.choice(SPARE))
            break
    return made


def test_the_schema_agrees_with_the_official_one() -> None:
    dice = random.Random(2026)
    starts = [json.loads(path.read_text("utf-8")) for path in EXAMPLES]
    starts += [document(event(kind)) for kind in EVENTS]
    starts += [{"@context": "https://a.b/c", **event(kind)} for kind in EVENTS]
    documents = [*broken_in_tables(), *(mutated(start, dice) for start in starts for _ in range(120))]
    differing = [one for one in documents if OFFICIAL.is_valid(one) != validator().is_valid(one)]
    assert sum(map(OFFICIAL.is_valid, documents)) > 1000
    assert [json.dumps(one)[:2000] for one in differing[:3]] == []
    assert not [one for one in documents if validate(one).valid and not OFFICIAL.is_valid(one)]


def terms(context: dict[str, Any], where: str = "") -> Iterator[tuple[str, Any]]:
    """Every name a context defines, with what it means; names inside names too."""
    for name, value in context.items():
        if name == "@context":
            for part in value if isinstance(value, list) else [value]:
                inside = part if isinstance(part, dict) else official(part.rsplit("/", 1)[1])
                yield from terms(inside, where)
        elif isinstance(value, dict):
            meant = {key: one for key, one in value.items() if key != "@context"}
            yield f"{where}/{name}", meant.get("@id") if set(meant) == {"@id"} else meant
            yield from terms({key: one for key, one in value.items() if key == "@context"}, f"{where}/{name}")
        elif not name.startswith("@"):
            yield f"{where}/{name}", value


def official(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "JSON-LD-Context" / name).read_text("utf-8"))["@context"]
    return found


def test_the_context_means_what_the_official_one_means() -> None:
    assert dict(terms(epcis_context())) == dict(terms(official("epcis-context-root.jsonld")))
