"""YAML with line numbers: every value's line by its path, and keys that occur twice are an error."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import yaml

from assay.model.errors import MappingError

Path = tuple[str | int, ...]


class _Loader(yaml.SafeLoader):
    """YAML with the truth values of version 1.2 only, and dates as text: a column may be called ``no``."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":bool", ":timestamp"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))


@dataclass(frozen=True)
class LinedDocument:
    """A YAML document and the 1-based line of everything in it."""

    value: Any
    lines: dict[Path, int]
    name: str

    def line(self, path: Path) -> int:
        """Line of ``path``, or of the nearest enclosing thing that has one."""
        for end in range(len(path), -1, -1):
            if (line := self.lines.get(path[:end])) is not None:
                return line
        return 1

    def where(self, path: Path) -> str:
        """``file:line: path`` for messages."""
        return f"{self.name}:{self.line(path)}: {dotted(path)}"


def dotted(path: Path) -> str:
    """The path as people write it, such as ``records[0].subject``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "(the whole file)"


def parse_yaml(text: str, name: str) -> LinedDocument:
    """Parse ``text``.

    Raises
    ------
    MappingError
        Not YAML, or a key occurs twice in one block; the message names the line.
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        lines: dict[Path, int] = {}
        value = None if node is None else _value(loader, node, (), lines, name)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark else name
        raise MappingError(
            f"{where}: not YAML: {getattr(error, 'problem', None) or error}",
            hint="Check the indentation, and put text that holds ':' or '#' in quotes.",
        ) from error
    finally:
        loader.dispose()
    return LinedDocument(value, lines, name)


def _value(loader: yaml.SafeLoader, node: yaml.Node, path: Path, lines: dict[Path, int], name: str) -> Any:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_value(loader, item, (*path, at), lines, name) for at, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return loader.construct_object(node, deep=True)
    loader.flatten_mapping(node)
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = _key(loader, key_node, name)
        line = key_node.start_mark.line + 1
        here = (*path, key)
        if key in found:
            raise MappingError(
                f"{name}:{line}: {dotted(path)} names {key!r} twice, first on line {lines[here]}",
                hint="Keep one of them.",
            )
        lines[here] = line
        found[key] = _value(loader, value_node, here, lines, name)
    return found


def _key(loader: yaml.SafeLoader, node: yaml.Node, name: str) -> str:
    """The key as written: a column may be called ``2024`` or ``no``."""
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    key: Hashable = loader.construct_object(node, deep=True)
    raise MappingError(f"{name}:{node.start_mark.line + 1}: {key!r} can't be a key", hint="Use plain text.")
