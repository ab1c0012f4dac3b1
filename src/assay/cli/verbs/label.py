"""``assay label``: labels of codes as SVG, PDF or ZPL, and codes read off images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from assay.cli.options import AsJson, Plant
from assay.cli.output import show, table
from assay.cli.speech import said, say
from assay.cli.verbs.codes import (
    Count,
    Day,
    Fields,
    Of,
    OfPlant,
    Product,
    RuleName,
    day_of,
    document_of,
    reader,
    split_fields,
)
from assay.model.errors import CodeError

if TYPE_CHECKING:
    from rich.console import Console

    from assay.exchange.labels import Label, ReadCode

Kind = Literal["gs1-datamatrix", "gs1-qr", "gs1-128", "digital-link", "datamatrix", "qr", "code128"]
_OF_GTIN = ("gs1-datamatrix", "gs1-qr", "gs1-128", "digital-link")
Out = Annotated[Path, typer.Option("--out", metavar="FILE", help="option.label_out", show_default=False)]
Line = Annotated[
    list[str] | None, typer.Option("--line", metavar="TEXT", help="option.label_line", show_default=False)
]
Captions = Annotated[Literal["none", "plain", "zh", "en"], typer.Option("--captions", help="option.captions")]
Width = Annotated[float, typer.Option("--width", metavar="MM", help="option.label_width")]
Height = Annotated[float, typer.Option("--height", metavar="MM", help="option.label_height")]
Resolution = Annotated[int, typer.Option("--resolution", metavar="DPI", help="option.resolution")]
OnSheet = Annotated[bool, typer.Option("--sheet", help="option.sheet")]


def make(
    kind: Annotated[Kind, typer.Argument(metavar="KIND", help="argument.symbol", show_default=False)],
    content: Annotated[
        list[str], typer.Argument(metavar="CONTENT", help="argument.content", show_default=False)
    ],
    *,
    out: Out,
    line: Line = None,
    captions: Captions = "plain",
    width: Width = 60.0,
    height: Height = 30.0,
    resolution: Resolution = 203,
    sheet: OnSheet = False,
    as_json: AsJson = False,
) -> None:
    """Labels of given contents."""
    labels = _labels(kind, content, line or [], captions, (width, height))
    _write(labels, out, resolution=resolution, sheet=sheet, as_json=as_json)


def following(
    directory: Plant,
    rule: RuleName = None,
    *,
    out: Out,
    kind: Annotated[Kind | None, typer.Option("--kind", help="option.label_kind", show_default=False)] = None,
    gtin: Annotated[str | None, typer.Option("--gtin", help="option.gtin", show_default=False)] = None,
    count: Count = 1,
    fields: Fields = None,
    of: Of = "unit",
    product: Product = None,
    day: Day = None,
    line: Line = None,
    width: Width = 60.0,
    height: Height = 30.0,
    resolution: Resolution = 203,
    sheet: OnSheet = False,
    as_json: AsJson = False,
) -> None:
    """Labels of the next codes of a rule; nobody else gets them."""
    from assay.model.codes.gs1 import ElementString, gtin14
    from assay.store.plant_codes import next_codes
    from assay.store.workspace import Workspace

    _form(out, sheet=sheet, count=count)
    chosen: Kind = kind or ("datamatrix" if gtin is None else "gs1-datamatrix")
    if (gtin is not None) != (chosen in _OF_GTIN):
        raise typer.BadParameter(say("label.gtin", kinds=", ".join(_OF_GTIN)))
    item = None if gtin is None else gtin14(gtin)
    with Workspace.open(directory) as workspace:
        issued = next_codes(
            workspace, rule, split_fields(fields), of=of, product=product, count=count, moment=day_of(day)
        )
        ai = next(
            "21" if one.of == "unit" else "10" for one in workspace.model.codes if one.name == issued.rule
        )
    contents = [
        code if item is None else ElementString.of(("01", item), (ai, code)).human() for code in issued.codes
    ]
    labels = _labels(chosen, contents, line or [], "plain", (width, height))
    _write(labels, out, resolution=resolution, sheet=sheet, as_json=as_json)


def read(
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE", help="argument.images", show_default=False)
    ],
    *,
    plant: OfPlant = None,
    as_json: AsJson = False,
) -> None:
    """Read the codes of images and say what they are; the exit code is 1 when one is not valid."""
    from assay.exchange.labels import read_codes

    with reader(plant) as recognise:
        found = [_read(image, code, recognise) for image in images for code in read_codes(image.read_bytes())]

    def human(to: Console) -> None:
        if not found:
            to.print(say("label.nothing"))
            return
        heads = [say(f"label.{head}") for head in ("image", "symbology", "text", "verdict")]
        rows = [
            [
                one["image"],
                one["symbology"],
                one["text"].replace("\x1d", "␝"),
                one.get("message") or _kind(one),
            ]
            for one in found
        ]
        table(to, heads, rows)

    show({"codes": found}, human, as_json=as_json)
    if not all(one["valid"] for one in found):
        raise typer.Exit(1)


def _read(image: Path, code: ReadCode, recognise: Callable[[str], Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "image": str(image),
        "symbology": code.symbology,
        "identifier": code.identifier,
        "text": code.text,
        "corners": code.corners,
    }
    try:
        return told | {"valid": True, "code": document_of(recognise(code.scanned))}
    except CodeError as error:
        return told | {"valid": False, "rule": error.rule, "message": said(error.said)}


def _kind(one: dict[str, Any]) -> str:
    return say(f"codes.kind_{one['code']['kind']}".replace("-", "_"))


def _labels(
    kind: Kind, contents: Sequence[str], lines: list[str], captions: str, size: tuple[float, float]
) -> list[Label]:
    from assay.exchange.labels import LabelFormat, lay_out, make_symbol
    from assay.exchange.labels import captions as said_below

    try:
        form = LabelFormat(width=size[0], height=size[1])
    except ValueError as error:
        raise typer.BadParameter(say("label.size", width=f"{size[0]:g}", height=f"{size[1]:g}")) from error
    labels = []
    for content in contents:
        symbol = make_symbol(kind, content)
        language: Literal["zh", "en"] | None = (
            "zh" if captions == "zh" else "en" if captions == "en" else None
        )
        text = [] if captions == "none" else said_below(symbol, language)
        labels.append(lay_out(symbol, [*lines, *text], form))
    return labels


def _form(out: Path, *, sheet: bool, count: int) -> str:
    """The form a file's name asks for, checked before a code is given for it."""
    form = out.suffix.lower().removeprefix(".")
    if form not in {"svg", "pdf", "zpl"}:
        raise typer.BadParameter(say("label.form", file=out))
    if form == "svg" and count != 1:
        raise typer.BadParameter(say("label.one_svg"))
    if sheet and form != "pdf":
        raise typer.BadParameter(say("label.sheet_pdf"))
    return form


def _write(labels: list[Label], out: Path, *, resolution: int, sheet: bool, as_json: bool) -> None:
    from assay.exchange.labels import Sheet, to_pdf, to_svg, to_zpl

    form = _form(out, sheet=sheet, count=len(labels))
    if form == "pdf":
        out.write_bytes(to_pdf(labels, Sheet() if sheet else None))
    else:
        out.write_text(to_svg(labels[0]) if form == "svg" else to_zpl(labels, resolution), encoding="utf-8")
    document = {"file": out, "form": form, "labels": [label.symbol.data for label in labels]}
    show(
        document,
        lambda to: to.print(say("label.done", count=len(labels), file=out), soft_wrap=True),
        as_json=as_json,
    )


VERBS: dict[str, Callable[..., None]] = {"make": make, "next": following, "read": read}
"""The verbs of the group by their names."""
