"""Reference of the statistics library: every public name with its signature, docstring and fields."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import is_dataclass
from itertools import pairwise
from types import ModuleType
from typing import Any, get_args, get_origin, get_type_hints

from assay.stats.charts import ControlChart
from assay.stats.errors import Refusal
from assay.stats.result import Result
from writing import field_notes, prose, signature, table

FAMILIES = {
    "charts": "Control charts",
    "rules": "Run rules",
    "capability": "Capability",
    "distributions": "Distributions, normality and outliers",
    "msa": "Measurement system analysis",
    "sampling": "Acceptance sampling, tolerance intervals, sample sizes",
    "arl": "Run lengths and the design of charts",
    "monitor": "Multivariate monitoring",
    "verify": "Verification",
}
GROUND = ("plot", "result", "sigma", "constants")
"""Modules that all families use."""


def index() -> str:
    """Every public name of the families in one table each."""
    return "\n\n".join(_listed(name, said) for name, said in FAMILIES.items())


def _listed(family: str, said: str) -> str:
    rows = _rows(_module(family), family, f"statistics-{family}.md")
    return (
        f"## {said}\n\n`assay.stats.{family}`: {_first_line(_module(family))}\n\n{table(['name', ''], rows)}"
    )


def _rows(module: ModuleType, path: str, page: str) -> list[list[str]]:
    found: list[list[str]] = []
    for name, thing in _names(module):
        if isinstance(thing, ModuleType):
            found += _rows(thing, f"{path}.{name}", page)
        else:
            anchor = f"{path}.{name}".lower().replace(".", "")
            found.append([f"[`{path}.{name}`]({page}#{anchor})", _first_line(thing)])
    return found


def family(name: str) -> Callable[[], str]:
    """The section of one family, to be filled in."""
    return lambda: _family(_module(name), name)


def ground() -> str:
    """What all results share: their base, the picture's layers, sigma and the constants."""
    return "\n\n".join(_family(_module(name), name) for name in GROUND)


def refusals() -> str:
    """Every named refusal with what it is about, in the order of their modules."""
    package = importlib.import_module("assay.stats")
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(found.name)
    rows = [
        [f"`{kind.__name__}`", f"`{kind.__module__}`", prose(kind.__doc__)]
        for kind in sorted(_below(Refusal), key=lambda kind: (kind.__module__, kind.__name__))
        if kind.__module__.startswith("assay.stats.")
    ]
    return table(["error", "from", "raised for"], rows)


def kinds() -> str:
    """Every kind of chart by its id."""
    from assay.stats.charts.kinds import CHARTS

    rows = [
        [f"`{kind.id}`", kind.title.en, kind.title.zh, f"`{kind.takes}`", _coded(kind.options)]
        for kind in CHARTS.values()
    ]
    return table(["id", "", "中文", "takes", "options"], rows)


def json_keys() -> str:
    """The keys of the document that each command on a file prints, commands with the same result together."""
    from assay.cli.statistics import GROUPS

    commands: dict[str, list[str]] = {}
    keys: dict[str, str] = {}
    for verb, group in GROUPS.items():
        for command in group.commands():
            result = get_type_hints(getattr(command.function, "func", command.function)).get("return")
            kind = result if isinstance(result, type) and is_dataclass(result) else None
            name = command.names if kind is None else kind.__name__
            commands.setdefault(name, []).append(f"`{verb} {command.id}`")
            keys[name] = _coded([name]) if kind is None else _own_keys(kind)
    return table(["after `assay`", "keys"], ([", ".join(commands[name]), keys[name]] for name in commands))


def _own_keys(result: type) -> str:
    """The fields of a result; those of a control chart are named once."""
    if not issubclass(result, ControlChart) or result is ControlChart:
        return f"`{result.__name__}`: {_coded(_fields(result))}"
    own = [name for name in _fields(result) if name not in _fields(ControlChart)]
    return f"`{result.__name__}`: those of `ControlChart`, {_coded(own)}"


def _coded(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _below(kind: type) -> set[type]:
    children: list[type] = kind.__subclasses__()
    return {kind} | {one for child in children for one in _below(child)}


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"assay.stats.{name}")


def _names(module: ModuleType) -> list[tuple[str, Any]]:
    """Public names with what they stand for; where a module lists none, what is defined in it."""
    listed = getattr(module, "__all__", None) or [
        name
        for name, thing in vars(module).items()
        if not name.startswith("_") and getattr(thing, "__module__", None) == module.__name__
    ]
    return [
        (name, inspect.unwrap(getattr(module, name)))
        for name in sorted(listed, key=lambda name: (name.isupper(), name))
    ]


def _family(module: ModuleType, path: str) -> str:
    sections = [f"## {path}\n\n{prose(module.__doc__)}"] if path in GROUND or "." in path else []
    options: dict[str, type] = {}
    for name, thing in _names(module):
        if isinstance(thing, ModuleType):
            sections.append(_family(thing, f"{path}.{name}"))
            continue
        if inspect.isfunction(thing):
            options |= {kind.__name__: kind for kind in _unpacked(thing)}
        sections.append(f"### {path}.{name}\n\n{_described(module, name, thing)}")
    shared = [f"### Options `{name}`\n\n{prose(kind.__doc__)}" for name, kind in options.items()]
    return "\n\n".join([*shared, *sections])


def _described(module: ModuleType, name: str, thing: Any) -> str:
    if inspect.isfunction(thing):
        found = [signature(name, thing), *(_options(kind) for kind in _unpacked(thing)), prose(thing.__doc__)]
        return "\n\n".join(found)
    if inspect.isclass(thing):
        return _class(thing)
    note = _note(module, name)
    return "\n\n".join(part for part in (_value(thing), note) if part)


def _unpacked(function: Callable[..., Any]) -> list[type]:
    """The typed dictionaries whose keys a function takes as keyword options."""
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError:
        return []
    kinds = [
        parameter.name for parameter in inspect.signature(function).parameters.values() if parameter.kind == 4
    ]
    return [get_args(hints[name])[0] for name in kinds if name in hints and get_args(hints[name])]


def _options(kind: type) -> str:
    return f"Options `{kind.__name__}`: {_coded(kind.__annotations__)}."


def _class(owner: type) -> str:
    notes = field_notes(owner)
    parts = [prose(owner.__doc__)]
    if is_dataclass(owner):
        rows = [[f"`{name}`", f"`{kind}`", notes.get(name, "")] for name, kind in _fields(owner).items()]
        parts.append(table(["field", "type", "meaning"], rows) if rows else "")
    parts += [
        _method(owner, name, member) for name, member in vars(owner).items() if _told(owner, name, member)
    ]
    return "\n\n".join(part for part in parts if part)


def _fields(owner: type) -> dict[str, Any]:
    """Public fields, those of base classes first."""
    found: dict[str, Any] = {}
    for base in reversed(owner.__mro__[:-1]):
        found |= inspect.get_annotations(base)
    return {
        name: kind
        for name, kind in found.items()
        if not name.startswith("_") and not str(kind).startswith("ClassVar")
    }


def _told(owner: type, name: str, member: Any) -> bool:
    """Whether a member is public and not what every result has."""
    if name.startswith("_") or (owner is not Result and hasattr(Result, name)):
        return False
    return isinstance(member, (property, classmethod, staticmethod)) or inspect.isfunction(member)


def _method(owner: type, name: str, member: Any) -> str:
    said = f"**{owner.__name__}.{name}**"
    if isinstance(member, property):
        return f"{said}: {prose(member.__doc__)}"
    function = getattr(member, "__func__", member)
    return f"{said}\n\n{signature(name, function)}\n\n{prose(function.__doc__)}"


def _value(thing: Any) -> str:
    """A constant or an alias of a type, as short as it can be said."""
    if get_origin(thing) is not None:
        short = re.sub(r"\b(?:\w+\.)+(\w+)", r"\1", str(thing))
        return f"```py\n{short}\n```"
    if isinstance(thing, Mapping):
        return f"Keys: {_coded(map(str, thing))}."
    return f"```py\n{textwrap.fill(repr(thing), 110)}\n```"


def _note(module: ModuleType, name: str) -> str:
    """The text under a constant, in the module that defines it."""
    for source in _sources(module):
        body = ast.parse(inspect.getsource(source)).body
        for defined, after in pairwise(body):
            targets = [*getattr(defined, "targets", ()), getattr(defined, "target", None)]
            if name in {getattr(target, "id", None) for target in targets} and isinstance(after, ast.Expr):
                return prose(ast.literal_eval(after.value)) if isinstance(after.value, ast.Constant) else ""
    return ""


def _sources(module: ModuleType) -> list[ModuleType]:
    """The module and, for a package, its modules."""
    inside = pkgutil.iter_modules(getattr(module, "__path__", []))
    return [module, *(importlib.import_module(f"{module.__name__}.{one.name}") for one in inside)]


def _first_line(thing: Any) -> str:
    if not (inspect.isclass(thing) or inspect.isfunction(thing) or isinstance(thing, ModuleType)):
        return ""
    return prose(inspect.getdoc(thing)).split("\n\n", 1)[0]


PARTS: dict[str, Callable[[], str]] = {
    "statistics": index,
    "statistics-ground": ground,
    "statistics-refusals": refusals,
    "statistics-kinds": kinds,
    "statistics-json": json_keys,
    **{f"statistics-{name}": family(name) for name in FAMILIES},
}
