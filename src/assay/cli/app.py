"""The command tree, its language, and how it fails."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from assay.cli.speech import CATALOGUE, choose, said, say, speaking, spoken
from assay.cli.statistics import GROUPS
from assay.cli.verbs import (
    alarms,
    bench,
    bind,
    bridge,
    cause,
    chain,
    codes,
    contract,
    correct,
    demo,
    doubts,
    epcis,
    extract,
    find,
    gate,
    init,
    keep,
    label,
    lake,
    ledger,
    load,
    metre,
    mix,
    plugins,
    quarantine,
    recall,
    scans,
    serve,
    sources,
    sql,
    trace,
    unit_file,
    verify_statistics,
    welding,
)
from assay.model.errors import AssayError, SpokenError

_FRAME = re.compile(r"^(?:Usage|Arguments|Options|Commands)(?=:)|Show this message and exit\.", re.MULTILINE)
_OPTION = re.compile(r"^--[a-z0-9_]+(?=$|=)")
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""What the command-line parser raises; the parser keeps its class to itself."""


class _Help:
    """Help in the language in use: the frame's own words are translated too."""

    def get_help(self, ctx: Any) -> str:
        text: str = super().get_help(ctx)  # type: ignore[misc]
        return _FRAME.sub(lambda found: say(f"help.{found[0].split()[0].lower()}"), text)


class _Kinds(_Help, TyperGroup):
    """The kinds of a statistic; ``xbar-r`` is ``xbar_r``."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The kind of this name."""
        return super().get_command(ctx, cmd_name.replace("-", "_"))

    def list_commands(self, ctx: Any) -> list[str]:
        """The kinds in the order a person looks for them."""
        return list(self.commands)


class _Verb(_Help, TyperCommand):
    """One verb."""


class _Verbs(_Help, TyperGroup):
    """A group of verbs, in the order they are declared."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The verbs in the order of a day's work."""
        return list(self.commands)


def _version(asked: bool) -> None:
    if asked:
        from assay import __version__

        sys.stdout.write(f"assay {__version__}\n")
        raise typer.Exit


_SINGLE: dict[str, Callable[..., None]] = {
    "init": init.init,
    "load": load.load,
    "sql": sql.sql,
    "find": find.find,
    "extract": extract.extract,
    "trace": trace.trace,
    "recall": recall.recall,
    "common": recall.common,
    "doubts": doubts.doubts,
    "unit-file": unit_file.unit_file,
    "weld-file": welding.weld_file,
    "weld-log": welding.weld_log,
    "scans": scans.scans,
    "alarms": alarms.alarms,
    "bridge": bridge.bridge,
    "mix": mix.mix,
    "metre": metre.metre,
    "correct": correct.correct,
    "cause": cause.cause,
    "bind": bind.bind,
    "serve": serve.serve,
    "demo": demo.demo,
    "bench": bench.bench,
    "verify-statistics": verify_statistics.verify_statistics,
    "plugins": plugins.plugins,
    "verify": ledger.verify,
    "audit": ledger.audit,
    "backup": keep.backup,
    "restore": keep.restore,
}
_GROUPED: dict[str, Mapping[str, Callable[..., None] | Mapping[str, Callable[..., None]]]] = {
    "quarantine": {"list": quarantine.show_rows, "replay": quarantine.replay},
    "lake": lake.VERBS,
    "sources": sources.VERBS,
    "codes": codes.VERBS,
    "label": label.VERBS,
    "epcis": epcis.VERBS,
    "chain": chain.VERBS,
    "contract": contract.VERBS,
    "ledger": ledger.VERBS,
    "gate": gate.VERBS,
}


def build(wanted: str | None = None, below: str | None = None) -> typer.Typer:
    """The tree; helps are still keys of the catalogue.

    With the names of a verb and of what stands below it, only those, where there are such: each costs its
    parser's set-up. A group of statistics is filled only when it's the one ``wanted``, or when None wants
    everything: the libraries behind it take a second to load.
    """
    app = typer.Typer(
        cls=_Verbs,
        rich_markup_mode=None,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="assay.help",
    )

    @app.callback()
    def assay(
        version: Annotated[
            bool, typer.Option("--version", "-V", help="option.version", callback=_version, is_eager=True)
        ] = False,
        lang: Annotated[
            str | None, typer.Option("--lang", metavar="zh|en", help="option.lang", show_default=False)
        ] = None,
    ) -> None:
        pass

    every = wanted not in {*_SINGLE, *_GROUPED, *GROUPS}
    for name, verb in _SINGLE.items():
        if every or name == wanted:
            app.command(name, cls=_Verb, help=f"{name}.help")(verb)
    for name, verbs in _GROUPED.items():
        if every or name == wanted:
            grouped = typer.Typer(cls=_Verbs, rich_markup_mode=None, help=f"{name}.help")
            for of, action in verbs.items():
                if isinstance(action, Mapping):
                    inside = typer.Typer(cls=_Verbs, rich_markup_mode=None, help=f"{name}.{of}.help")
                    for last, verb in action.items():
                        inside.command(last, cls=_Verb, help=f"{name}.{of}.{last}.help")(verb)
                    grouped.add_typer(inside, name=of)
                elif below == of or below not in verbs:
                    grouped.command(of, cls=_Verb, help=f"{name}.{of}.help")(action)
            app.add_typer(grouped, name=name)
    for name, group in GROUPS.items():
        if every or name == wanted:
            kinds = typer.Typer(cls=_Kinds, rich_markup_mode=None, help=f"{name}.help")
            filled = {kind.id: kind for kind in group.commands()} if wanted in {None, name} else {}
            kind = below.replace("-", "_") if below else None
            for of, command in filled.items():
                if kind == of or kind not in filled:
                    kinds.command(of, cls=_Verb, help=said(command.title))(command.verb())
            app.add_typer(kinds, name=name)
    return app


def tree(wanted: str | None = None, below: str | None = None) -> Any:
    """The command tree with every help in the language in use; see :func:`build`."""
    root = get_command(build(wanted, below))
    _localise(root)
    return root


def _localise(command: Any) -> None:
    if command.help in CATALOGUE.keys("en"):
        command.help = say(command.help)
    for parameter in command.params:
        if getattr(parameter, "help", None):
            parameter.help = say(parameter.help)
    for below in getattr(command, "commands", {}).values():
        _localise(below)


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code: 0, 1 for a failure, 2 for wrong usage, 130 when stopped.

    Everything that goes wrong is said on stderr; stdout holds results only.
    """
    try:
        rest, language = choose(arguments)
    except AssayError as problem:
        _complain(problem.message, problem.hint)
        return 2
    with speaking(language):
        return _run(rest or ["--help"])


def _run(arguments: list[str]) -> int:
    arguments = _with_kind(arguments)
    root = tree(*arguments[:2])
    try:
        return int(root.main(args=arguments, prog_name="assay", standalone_mode=False) or 0)
    except _UsageError as problem:
        _complain(_usage(problem, root), say("error.see_help", command=_path(problem)))
        return 2
    except SpokenError as problem:
        _complain(said(problem.said), said(problem.advice) if problem.advice else None)
    except AssayError as problem:
        _complain(problem.message, problem.hint)
    except (KeyboardInterrupt, typer.Abort):
        _complain(say("error.stopped"), None)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as problem:
        where = f"{problem.filename}: " if problem.filename else ""
        _complain(f"{where}{problem.strerror or problem}", None)
    except Exception as problem:  # noqa: BLE001 - a defect is shown with its traceback, and said to be one
        traceback.print_exc()
        _complain(
            say("error.internal", message=f"{type(problem).__name__}: {problem}"), say("error.internal_hint")
        )
    return 1


def _with_kind(arguments: list[str]) -> list[str]:
    """The arguments with a left-out kind of statistic filled in, and options spelled as declared."""
    group = GROUPS.get(arguments[0])
    if group is None:
        return arguments
    verb, *rest = (_OPTION.sub(lambda found: found[0].replace("_", "-"), word) for word in arguments)
    if group.default and rest and not rest[0].startswith("--help"):
        known = {kind.id for kind in group.commands()}
        if rest[0].replace("-", "_") not in known:
            rest = [group.default, *rest]
    return [verb, *rest]


def _usage(problem: Any, root: Any) -> str:
    """One sentence on a wrong call, in the language in use."""
    told, detail = (
        str(text).replace("Value error, ", "") for text in (problem.format_message(), problem.message)
    )
    if verb := re.match(r"No such command '(.*?)'", told):
        here = getattr(getattr(problem, "ctx", None), "command", root)
        close = get_close_matches(verb[1], list(here.commands), n=1)
        return say("error.verb", value=verb[1]) + (say("error.close", value=close[0]) if close else "")
    parameter = getattr(problem, "param", None)
    if isinstance(problem, typer.BadParameter) and parameter is None:
        return detail
    if spoken() == "en":
        return told
    name = parameter.get_error_hint() if parameter is not None else getattr(problem, "option_name", None)
    key = {"MissingParameter": "missing", "NoSuchOption": "option", "BadParameter": "value"}
    return say(f"error.{key.get(type(problem).__name__, 'usage')}", name=name, detail=detail)


def _path(problem: Any) -> str:
    context = getattr(problem, "ctx", None)
    return f"{context.command_path if context else 'assay'} --help"


def _complain(message: str, hint: str | None) -> None:
    sys.stderr.write(say("error.line", message=message) + "\n")
    if hint:
        sys.stderr.write(hint + "\n")
