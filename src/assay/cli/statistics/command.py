"""One statistic as a command: its columns read from a file, its options from its signature."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer

from assay.cli.options import AsJson
from assay.cli.speech import CATALOGUE, said, say
from assay.cli.statistics.parameters import Made, Spelling, given, help_of, option, options_for
from assay.cli.statistics.shown import draw_to, show_result
from assay.connect.frame import Frame, read_frame
from assay.model.errors import SpokenError
from assay.model.text import Text
from assay.stats.result import Result

Form = Literal[
    "numbers", "words", "matrix", "sizes", "subgroup", "stages", "low", "high", "profiles", "frame"
]
"""What is made of the columns named by an option:

- ``numbers``, ``words``: one column
- ``matrix``: several columns side by side, ``(N, P)``; one column is a vector
- ``sizes``: a column of numbers, or one number for all rows
- ``subgroup``: a column of labels, or the number of rows of each subgroup
- ``stages``: a column of labels, one taken for each plotted point
- ``low``, ``high``: a column of bounds; an empty cell is open below or above
- ``frame``: several columns with their names
- ``profiles``: a column for each profile, or one column with the profiles' names in another
"""


@dataclass(frozen=True)
class Input:
    """An option that names columns of the file."""

    option: str
    parameter: str
    form: Form
    required: bool = True
    several: bool = False
    """Whether a framed function takes several columns here: one for each trial."""


@dataclass(frozen=True)
class Command:
    """A statistic on the command line.

    ``framed`` functions take the frame and the names of its columns; others take the columns themselves. A
    command without ``inputs`` needs no file.
    """

    id: str
    title: Text
    function: Callable[..., Any]
    inputs: tuple[Input, ...] = ()
    options: tuple[str, ...] | None = None
    """Keyword options of the function to offer; None for all that can be written."""
    framed: bool = False
    added: Callable[..., Any] | None = None
    """A function to which the options are handed on, and whose options are offered too."""
    names: str = "value"
    """What the result is called in JSON, where it is a plain number."""

    def verb(self) -> Callable[..., None]:
        """The function that Typer makes a command of."""
        taken = {one.parameter for one in self.inputs} | ({"frame"} if self.framed else set())
        made = options_for(self.function, self.options, taken)
        if self.added is not None:
            more = options_for(self.added, None, {*taken, *made.read})
            made = Made((*made.parameters, *more.parameters), made.read | more.read)

        def run(**values: Any) -> None:
            self._run(made, values)

        parameters = [*self._data(), *made.parameters, *_ENDING]
        setattr(run, "__signature__", inspect.Signature(parameters))  # noqa: B010 - mypy knows no such attribute
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        run.__doc__ = self.title.en
        return run

    def _data(self) -> list[inspect.Parameter]:
        if not self.inputs:
            return []
        file = inspect.Parameter(
            "file",
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            annotation=Annotated[Path, typer.Argument(metavar="FILE", help="stat.file", show_default=False)],
        )
        return [file, *(_column(one) for one in self.inputs), _DROP]

    def _run(self, made: Made, values: dict[str, Any]) -> None:
        options = given(made, values)
        dropped: int | None = None
        if not self.inputs:
            result = self.function(**options)
        else:
            named = {one: list(values.get(_key(one)) or ()) for one in self.inputs}
            for one, names in named.items():
                if len(names) > 1 and not (one.several or one.form in _MANY):
                    raise typer.BadParameter(say("stat.once", option=f"--{one.option}"))
            frame = read_frame(
                values["file"],
                numbers=_wanted(named, {"numbers", "matrix", "sizes", "low", "high", "profiles", "frame"}),
                may_be_empty=_wanted(named, {"low", "high"}),
                words=_wanted(named, {"words", "subgroup", "stages"}),
                drop_empty=bool(values["drop_empty"]),
            )
            dropped = frame.dropped if values["drop_empty"] else None
            result = self._called(frame, named, options)
        if values["plot"] is not None:
            draw_to(result, values["plot"])
        told = result if isinstance(result, Result) else {self.names: result}
        show_result(said(self.title), told, dropped=dropped, as_json=bool(values["as_json"]))

    def _called(self, frame: Frame, named: Mapping[Input, list[str]], options: dict[str, Any]) -> Any:
        if self.framed:
            columns = {
                one.parameter: names if len(names) > 1 else names[0] for one, names in named.items() if names
            }
            return self.function(frame.columns, **columns, **options)
        subgroup: Any = None
        arguments: dict[str, Any] = {}
        for one, names in named.items():
            if names and one.form != "stages":
                arguments[one.parameter] = _taken(frame, one, names)
                subgroup = arguments[one.parameter] if one.form == "subgroup" else subgroup
        if "profile" in arguments:
            arguments["x"], arguments["profiles"] = profile_rows(
                arguments["x"], arguments["profiles"], arguments.pop("profile")
            )
        elif "profiles" in arguments:
            arguments["profiles"] = np.atleast_2d(arguments["profiles"].T)
        for one, names in named.items():
            if names and one.form == "stages":
                arguments[one.parameter] = per_point(frame[names[0]], subgroup)
        return self.function(**arguments, **options)


class UnequalProfiles(SpokenError, ValueError):
    """Profiles that are measured at different places."""

    def __init__(self, name: object, first: str) -> None:
        super().__init__(
            CATALOGUE.text("stat.unequal_profiles", name=name, first=first),
            CATALOGUE.text("stat.unequal_profiles_hint"),
        )


def _key(one: Input) -> str:
    return one.option.replace("-", "_")


def _column(one: Input) -> inspect.Parameter:
    metavar = {"sizes": "COLUMN|N", "subgroup": "COLUMN|N"}.get(one.form, "COLUMN")
    told = typer.Option(f"--{one.option}", metavar=metavar, help=help_of(one.option), show_default=False)
    return inspect.Parameter(
        _key(one),
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if one.required else None,
        annotation=Annotated[list[str] if one.required else list[str] | None, told],
    )


_MANY = {"matrix", "profiles", "frame"}
"""Forms that take any number of columns."""
_DROP = option("drop_empty", Spelling(bool))
_ENDING = (
    option("plot", Spelling(Path, metavar="FILE")),
    inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=AsJson),
)


def _wanted(named: Mapping[Input, list[str]], forms: set[str]) -> list[str]:
    return [
        name
        for one, names in named.items()
        for name in names
        if one.form in forms and not (one.form in {"sizes", "subgroup"} and name.isdecimal())
    ]


def _taken(frame: Frame, one: Input, names: list[str]) -> Any:
    if one.form in {"sizes", "subgroup"} and names[0].isdecimal():
        return int(names[0])
    if one.form == "frame":
        return {name: frame[name] for name in names}
    if one.form in {"low", "high"}:
        bound = -np.inf if one.form == "low" else np.inf
        return np.where(np.isnan(frame[names[0]]), bound, frame[names[0]])
    if one.form in {"matrix", "profiles"} and len(names) > 1:
        return np.column_stack([frame[name] for name in names])
    return frame[names[0]]


def profile_rows(
    x: np.ndarray[Any, Any], values: np.ndarray[Any, Any], names: np.ndarray[Any, Any]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Places ``(k,)`` and a profile in each row ``(m, k)``, from one long column.

    Raises
    ------
    UnequalProfiles
        A profile isn't measured at the places of the first one.
    """
    first = {name: index for index, name in reversed(list(enumerate(names)))}
    rows: list[np.ndarray[Any, Any]] = []
    places = x[:0]
    for name in sorted(first, key=first.__getitem__):
        mine = np.flatnonzero(names == name)
        order = mine[np.argsort(x[mine], kind="stable")]
        if not rows:
            places = x[order]
        elif not np.array_equal(x[order], places):
            raise UnequalProfiles(name, str(names[0]))
        rows.append(values[order])
    return places, np.array(rows)


def per_point(labels: np.ndarray[Any, Any], subgroup: Any) -> list[str]:
    """A label for each plotted point: the one of the first row of its subgroup."""
    if subgroup is None:
        return [str(label) for label in labels]
    if isinstance(subgroup, int):
        return [str(label) for label in labels[::subgroup]]
    begins = np.flatnonzero(np.r_[True, subgroup[1:] != subgroup[:-1]])
    return [str(label) for label in labels[begins]]
