"""``assay doubts``: what the recorded movements say that can't be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli import walking
from assay.cli.doubting import print_sentences
from assay.cli.options import AsJson, Plant
from assay.cli.output import show
from assay.cli.speech import say

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN = 10
"""Doubts of each kind shown to a person."""


def doubts(
    directory: Plant,
    *,
    most: Annotated[int, typer.Option("--most", min=1, max=10_000, help="option.most_doubts")] = 100,
    share: Annotated[float, typer.Option("--share", min=0.0, max=1.0, help="option.amounts_off")] = 0.01,
    uncertainty: Annotated[float, typer.Option("--uncertainty", min=0.0, help="option.clocks_off")] = 0.0,
    as_of: walking.AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Check all movements against each other."""
    from assay.analyse.genealogy_checks import genealogy_checks
    from assay.genealogy.checks import Tolerances
    from assay.store.workspace import Workspace

    with Workspace.open(directory) as workspace:
        document = genealogy_checks(
            workspace,
            tolerances=Tolerances(share, uncertainty),
            most=most,
            as_of=walking.moment(as_of, workspace.config.time_zone),
        ).to_dict()
    show(document, lambda to: _print(to, document), as_json=as_json)


def _print(to: Console, document: dict[str, Any]) -> None:
    to.print(say("doubts.found", movements=document["movements"], found=sum(document["counts"].values())))
    for kind, count in document["counts"].items():
        if not count:
            continue
        to.print(f"\n{kind}: {count}")
        shown = [doubt for doubt in document["doubts"] if doubt["kind"] == kind][:_SHOWN]
        for doubt in shown:
            print_sentences(to, [doubt])
            said = ", ".join(f"{one['source']} {one['epoch']} {one['seq']}" for one in doubt["records"])
            to.print("  " + say("doubts.records", records=said), soft_wrap=True)
        if count > len(shown):
            to.print(say("doubts.more", more=count - len(shown)))
