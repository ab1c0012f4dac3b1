"""``assay cause``: ranked causes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.cli.options import AsJson, Plant, Scope, Target, Where
from assay.cli.output import show, table
from assay.cli.progress import bar
from assay.cli.speech import said, say

if TYPE_CHECKING:
    from rich.console import Console


def cause(
    directory: Plant, target: Target, where: Where = None, scope: Scope = None, as_json: AsJson = False
) -> None:
    """Rank what explains the target."""
    from assay.analyse.cause import cause as rank
    from assay.store.workspace import Workspace

    with Workspace.open(directory) as workspace, bar() as progress:
        document = rank(workspace, target, where=where, scope=scope, progress=progress).to_dict()
    show(document, lambda to: print_causes(to, document), as_json=as_json)


def print_causes(to: Console, document: dict[str, Any]) -> None:
    """The causes as a person reads them."""
    counts = {name: document[name] for name in ("target", "subjects", "bad")}
    if document["bad"] is None:
        to.print(say("cause.of_value", mean=f"{document['mean']:.4g}", **counts))
    else:
        to.print(say("cause.of", **counts))
    if document.get("refused"):
        to.print(said(document["refused"]["statement"]), soft_wrap=True)
    if not document["causes"]:
        to.print(said(document["note"]))
        return
    heads = ["rank", "cause", "effect", "interval", "q", "support", "blast", "confounded"]
    table(to, [say(f"cause.{head}") for head in heads], map(_row, document["causes"]), right=[0, 2, 4, 5, 6])
    for found in document["causes"]:
        if found.get("statement"):
            to.print(f"{found['rank']}. {said(found['statement'])}")


def _row(found: dict[str, Any]) -> list[object]:
    effect = found["effect"]
    size = f"×{effect['risk_ratio']:.2f}" if effect.get("risk_ratio") else ""
    if "mean_shift" in effect:
        size = f"{effect['mean_shift']:+.4g}"
    low, high = effect["ci"] or (None, None)
    with_others = (
        " ".join(str(part) for part in (other["factor"], other.get("value")) if part is not None)
        for other in found["confounded_with"]
        if other["relation"] == "same rows"
    )
    return [
        found["rank"],
        found["factor"] if found["value"] is None else f"{found['factor']} = {found['value']}",
        size,
        "" if low is None or high is None else f"{low:.3g} – {high:.3g}",
        f"{found['q_value']:.1e}",
        found["support"],
        found["blast_radius"],
        ", ".join(with_others),
    ]
