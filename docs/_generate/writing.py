"""Markdown from docstrings, fields and JSON Schemas."""

from __future__ import annotations

import ast
import inspect
import json
import re
import textwrap
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import pairwise
from typing import Any

from pydantic import BaseModel

_WIDEST = 100
PLAIN = {"Text": "`{zh, en}`", "JsonValue": "any value"}
"""How models that need no section of their own are shown."""


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; cells are kept on one line."""
    head = list(head)
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(cell(value) for value in row)} |" for row in rows]
    return "\n".join(lines)


def cell(text: str) -> str:
    """``text`` as it may stand in a table."""
    return re.sub(r"(?<!\\)\|", r"\\|", " ".join(text.split()))


def prose(docstring: str | None) -> str:
    """A docstring as Markdown: roles and double backticks become code, sections of numpydoc become lists."""
    text = inspect.cleandoc(docstring or "")
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text).replace("``", "`")
    text = re.sub(r"^(\w[\w ]*)\n-{3,}$", r"**\1**\n", text, flags=re.M)
    return re.sub(r"^(\S+(?:, \S+)*)\n {4}(.+(?:\n {4}.+)*)", _item, text, flags=re.M)


def _item(found: re.Match[str]) -> str:
    names = ", ".join(f"`{name}`" for name in found[1].split(", "))
    return f"- {names}: {' '.join(found[2].split())}"


def signature(name: str, function: Callable[..., object]) -> str:
    """The signature as Python source; a long one has a line for each parameter."""
    found = inspect.signature(function)
    shown = re.sub(r"^[(](self|cls)(, )?", "(", _unquoted(str(found)))
    if len(name + shown) > _WIDEST:
        parts, starred = [], False
        for parameter in found.parameters.values():
            if parameter.name in {"self", "cls"}:
                continue
            if parameter.kind is parameter.KEYWORD_ONLY and not starred:
                parts.append("*")
                starred = True
            starred = starred or parameter.kind is parameter.VAR_POSITIONAL
            parts.append(_unquoted(str(parameter)))
        given = "".join(f"    {part},\n" for part in parts)
        shown = f"(\n{given}){shown[shown.rindex(') ->') + 1 :]}" if ") ->" in shown else f"(\n{given})"
    return f"```py\n{name}{shown}\n```"


def _unquoted(text: str) -> str:
    """Annotations without the quotes that deferred evaluation puts around them."""
    return re.sub(r"(: |-> )'([^']*)'", r"\1\2", text)


def field_notes(owner: type) -> dict[str, str]:
    """The docstring under each field of a class, base classes included."""
    notes: dict[str, str] = {}
    for base in reversed(owner.__mro__[:-1]):
        try:
            body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
        except (OSError, TypeError, IndentationError):
            continue
        statements = body.body if isinstance(body, ast.ClassDef) else []
        for field, after in pairwise(statements):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(after, ast.Expr)
                and isinstance(after.value, ast.Constant)
                and isinstance(after.value.value, str)
            ):
                notes[field.target.id] = prose(after.value.value)
    return notes


def schema_type(schema: Mapping[str, Any], inside: Mapping[str, Any]) -> str:
    """The type that a JSON Schema describes, in words; ``inside`` holds the definitions it may refer to."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rsplit("/", 1)[-1]
        if name in PLAIN:
            return PLAIN[name]
        target = inside.get(name, {})
        return schema_type(target, inside) if "enum" in target else f"[{name}](#{name.lower()})"
    if "const" in schema:
        return f"`{json.dumps(schema['const'], ensure_ascii=False)}`"
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    for way in ("anyOf", "oneOf", "allOf"):
        if way in schema:
            parts = [part for part in schema[way] if part.get("type") != "null"]
            return " or ".join(dict.fromkeys(schema_type(part, inside) for part in parts))
    sort = schema.get("type", "any value")
    if sort == "array":
        items = schema.get("items") or schema.get("prefixItems", [{}])[0]
        return f"list of {schema_type(items, inside)}"
    if sort == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"mapping to {schema_type(schema['additionalProperties'], inside)}"
    return str(schema.get("format", sort))


def schema_table(schema: Mapping[str, Any], inside: Mapping[str, Any]) -> str:
    """The properties of an object schema as a table."""
    required = set(schema.get("required", ()))
    rows = []
    for name, field in schema.get("properties", {}).items():
        default = field.get("default")
        given = f"`{json.dumps(default, ensure_ascii=False)}`" if default not in (None, {}, []) else ""
        needed = "required" if name in required else given
        rows.append([f"`{name}`", schema_type(field, inside), needed, prose(field.get("description"))])
    return table(["field", "type", "default", "meaning"], rows)


def model_sections(model: type[BaseModel]) -> str:
    """A pydantic model and every model inside it, each with a heading, its docstring and its fields."""
    return sections_of(model.model_json_schema(by_alias=True))


def sections_of(schema: Mapping[str, Any], skip: Collection[str] = ()) -> str:
    """The object schema and every object it refers to, but those named in ``skip``."""
    inside = schema.get("$defs", {})
    sections = []
    for name, part in {str(schema["title"]): schema, **inside}.items():
        if "enum" in part or name in PLAIN or name in skip:
            continue
        lines = [f"### {name}", prose(part.get("description"))]
        if part.get("properties"):
            lines.append(schema_table(part, inside))
        sections.append("\n\n".join(line for line in lines if line))
    return "\n\n".join(sections)
