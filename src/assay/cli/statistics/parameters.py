"""From a function's keyword options to options of a command.

A command is made from the function's own signature, so that the two can't say different things. What has no
form on a command line (arrays, mappings) is left out unless a :class:`Spelling` says how it is written.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict, Union, Unpack, get_args, get_origin, get_type_hints

import typer

from assay.cli.speech import CATALOGUE, say
from assay.stats.arrays import numbers

Parsed = Callable[[Any], Any]


@dataclass(frozen=True)
class Spelling:
    """How an option is written on the command line and read from it."""

    type: Any
    read: Parsed = lambda value: value
    metavar: str | None = None


def span(text: str) -> slice:
    """``A:B`` as the points from A up to before B, counted from 0; either end may be left out."""
    start, colon, stop = text.partition(":")
    try:
        if not colon:
            raise ValueError(text)
        return slice(int(start) if start.strip() else None, int(stop) if stop.strip() else None)
    except ValueError as error:
        raise typer.BadParameter(say("stat.bad_span", value=text)) from error


def names(text: str) -> str | tuple[str, ...]:
    """One name (of a rule or a set of rules), or several with commas; ``none`` for none at all."""
    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    if parts == ("none",):
        return ()
    return parts[0] if len(parts) == 1 else parts


def reasons(texts: Sequence[str]) -> dict[int, str]:
    """``INDEX=reason``, each for one point."""
    found = {}
    for text in texts:
        index, _, reason = text.partition("=")
        try:
            found[int(index)] = reason.strip()
        except ValueError as error:
            raise typer.BadParameter(say("stat.bad_exclusion", value=text)) from error
    return found


def listed(text: str) -> tuple[float, ...]:
    """Numbers with commas."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise typer.BadParameter(say("stat.bad_list", value=text)) from error


def by_name(texts: Sequence[str]) -> dict[str, float]:
    """``NAME=NUMBER``, one for each part."""
    found = {}
    for text in texts:
        name, _, value = text.rpartition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError as error:
            raise typer.BadParameter(say("stat.bad_pair", value=text)) from error
    return found


def number_or_word(text: str) -> float | str:
    """A number where it is one, else the word."""
    try:
        return float(numbers(float(text), text))
    except ValueError:
        return text


def words(text: str) -> tuple[str, ...]:
    """Words with commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def number_or_none(text: str) -> float | None:
    """A number, or ``none`` where leaving it out means something else."""
    if text.strip().lower() == "none":
        return None
    (found,) = listed(text)
    return found


SPELLINGS: dict[str, Spelling] = {
    "accept": Spelling(str, metavar="RATING"),
    "candidates": Spelling(str, words, "NAME,NAME,…"),
    "categories": Spelling(str, words, "RATING,RATING,…"),
    "watch": Spelling(str, words, "NAME,NAME,…"),
    "pooling_alpha": Spelling(str, number_or_none, "X|none"),
    "phase1": Spelling(str, span, "A:B"),
    "rules": Spelling(str, names, "SET"),
    "exclude": Spelling(list[str], reasons, "POINT=REASON"),
}
"""Options that are written in their own way."""


def types_of(function: Callable[..., Any]) -> dict[str, tuple[Any, Any]]:
    """Type and default of every keyword option, those of ``**options: Unpack[…]`` among them."""
    hints = get_type_hints(getattr(function, "func", function), include_extras=True)  # of a partial one
    found: dict[str, tuple[Any, Any]] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            found |= {key: (kind, None) for key, kind in _unpacked(hints.get(name)).items()}
        elif parameter.kind is not inspect.Parameter.VAR_POSITIONAL:
            found[name] = (hints.get(name, Any), parameter.default)
    return found


def _unpacked(hint: Any) -> Mapping[str, Any]:
    if get_origin(hint) is Unpack:
        return get_type_hints(get_args(hint)[0])
    return get_type_hints(hint) if isinstance(hint, type(TypedDict)) else {}


def spelling_of(name: str, hint: Any) -> Spelling | None:
    """How an option of a type is written; None when it can't be."""
    if name in SPELLINGS:
        return SPELLINGS[name]
    kinds = [kind for kind in _members(hint) if kind is not type(None)]
    if not kinds:
        return None
    if all(get_origin(kind) is Literal or kind is str for kind in kinds):
        choices = [str(choice) for kind in kinds if get_origin(kind) is Literal for choice in get_args(kind)]
        return Spelling(str, metavar="|".join(choices) or "TEXT")
    if kinds == [bool]:
        return Spelling(bool)
    if kinds == [int]:
        return Spelling(int, metavar="N")
    if all(kind in {int, float} for kind in kinds):
        return Spelling(float, metavar="X")
    if {str, float} & set(kinds) and any(kind is str or get_origin(kind) is Literal for kind in kinds):
        return Spelling(str, number_or_word, "X|TEXT")
    if float in kinds:
        return Spelling(float, metavar="X")
    if any(get_origin(kind) is Mapping and get_args(kind)[1] is float for kind in kinds):
        return Spelling(list[str], by_name, "NAME=X")
    if any(_is_numbers(kind) for kind in kinds):
        return Spelling(str, listed, "X,X,…")
    return None


def _members(hint: Any) -> tuple[Any, ...]:
    if get_origin(hint) in {Union, types.UnionType}:
        return tuple(kind for part in get_args(hint) for kind in _members(part))
    return (hint,)


def _is_numbers(kind: Any) -> bool:
    return get_origin(kind) in {tuple, list, Sequence} and set(get_args(kind)) <= {float, int, Ellipsis}


@dataclass(frozen=True)
class Made:
    """Options of one command: what Typer declares, and how each is read back."""

    parameters: tuple[inspect.Parameter, ...]
    read: dict[str, Parsed]


def options_for(function: Callable[..., Any], wanted: Iterable[str] | None, taken: Iterable[str]) -> Made:
    """Command options for the keyword options of ``function``, but for those ``taken`` otherwise.

    ``wanted`` None means every one that can be written.
    """
    kinds = types_of(function)
    parameters, read = [], {}
    for name in kinds if wanted is None else wanted:
        hint, default = kinds.get(name, (Any, None))
        if name in taken or (spelling := spelling_of(name, hint)) is None:
            continue
        required = default is inspect.Parameter.empty
        read[name] = spelling.read
        parameters.append(option(name, spelling, required=required, shown=_shown(default)))
    return Made(tuple(parameters), read)


def _shown(default: Any) -> str | None:
    """The default as help tells it."""
    if default is None or default is inspect.Parameter.empty or default in ((), ""):
        return None
    return str(default) if isinstance(default, (str, int, float)) else None


def option(
    name: str, spelling: Spelling, *, required: bool = False, shown: str | None = None
) -> inspect.Parameter:
    """One option; left out it is None, so that the function's own default holds."""
    flag = f"--{name.replace('_', '-')}"
    told = typer.Option(
        *((f"{flag}/--no-{flag[2:]}",) if spelling.type is bool else (flag,)),
        metavar=None if spelling.type is bool else spelling.metavar,
        help=help_of(name),
        show_default=shown if shown is not None and spelling.type is not bool else False,
    )
    kind = spelling.type if required else spelling.type | None
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if required else None,
        annotation=Annotated[kind, told],
    )


def help_of(name: str) -> str:
    """The key of an option's help."""
    key = f"stat.option.{name}"
    return key if key in CATALOGUE.keys("en") else "stat.option.other"


def given(made: Made, values: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given, as the function takes them."""
    return {
        name: read(values[name])
        for name, read in made.read.items()
        if values.get(name) is not None and values[name] != []
    }
