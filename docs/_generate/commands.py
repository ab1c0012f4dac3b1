"""Reference of the command line."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

from assay.cli.app import tree
from assay.cli.speech import speaking
from assay.cli.statistics import GROUPS
from writing import table


def commands() -> str:
    """Every verb on plants with its usage, arguments and options, as ``--help`` says them in English."""
    with speaking("en"):
        root = tree()
        context = root.make_context("assay", [], resilient_parsing=True)
        return "\n\n".join([options(root, context), *sections(root, "assay", context, without=set(GROUPS))])


def statistics() -> str:
    """The same for the verbs of statistics on files."""
    with speaking("en"):
        root = tree()
        context = root.make_context("assay", [], resilient_parsing=True)
        others = set(root.commands) - set(GROUPS)
        return "\n\n".join(sections(root, "assay", context, without=others))


def sections(group: Any, path: str, parent: Any, without: Collection[str] = ()) -> list[str]:
    """One section per verb of ``group`` but those ``without``, verbs of verbs included."""
    found: list[str] = []
    for name in group.list_commands(parent):
        if name in without:
            continue
        command = group.commands[name]
        context = command.context_class(command, info_name=name, parent=parent)
        usage = (
            " ".join([f"{path} {name}", *command.collect_usage_pieces(context)])
            .replace("{", "")
            .replace("}", "")
        )
        body = [f"## {path} {name}", command.help or "", f"```text\n{usage}\n```"]
        found.append("\n\n".join(part for part in [*body, options(command, context)] if part))
        if hasattr(command, "commands"):
            found += sections(command, f"{path} {name}", context)
    return found


def options(command: Any, context: Any) -> str:
    """A table of arguments and options."""
    records = [record for parameter in command.params if (record := parameter.get_help_record(context))]
    return table(["", "meaning"], ([f"`{plain(name)}`", said] for name, said in records)) if records else ""


def plain(name: str) -> str:
    """An option without the words that only a programmer needs."""
    return re.sub(r" <(path|str)>", "", name).replace("<int range>", "N").replace("<int>", "N")


PARTS: dict[str, Callable[[], str]] = {"commands": commands, "commands-statistics": statistics}
