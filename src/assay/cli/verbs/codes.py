"""``assay codes``: a plant's code rules, the next codes, and what a code says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.options import AsJson, Plant
from assay.cli.output import show, table
from assay.cli.speech import said, say
from assay.model.errors import CodeError

if TYPE_CHECKING:
    from rich.console import Console

    from assay.model.codes.recognise import Recognised

Codes = Annotated[list[str], typer.Argument(metavar="CODE", help="argument.codes", show_default=False)]
OfPlant = Annotated[
    Path | None, typer.Option("--plant", metavar="DIR", help="option.codes_plant", show_default=False)
]
RuleName = Annotated[
    str | None, typer.Argument(metavar="RULE", help="argument.code_rule", show_default=False)
]
Count = Annotated[int, typer.Option("--count", help="option.count")]
Fields = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="option.code_fields", show_default=False),
]
Product = Annotated[str | None, typer.Option("--product", help="option.product", show_default=False)]
Of = Annotated[str, typer.Option("--of", metavar="KIND", help="option.code_of")]
Day = Annotated[
    datetime | None,
    typer.Option("--date", formats=["%Y-%m-%d"], help="option.code_date", show_default=False),
]


def rules(directory: Plant, *, as_json: AsJson = False) -> None:
    """Every code rule of the plant, an example, and how far its series are."""
    from assay.store.plant_codes import code_rules
    from assay.store.workspace import Workspace

    with Workspace.open(directory) as workspace:
        states = code_rules(workspace)
    document = {
        "rules": [
            one.rule.model_dump(mode="json")
            | {"series": [{"series": s.series, "last": s.last, "given": s.given} for s in one.series]}
            for one in states
        ]
    }

    def human(to: Console) -> None:
        if not states:
            to.print(say("codes.none"))
            return
        heads = ("rule", "of", "products", "pattern", "check_scheme", "given")
        rows = [
            [
                one.rule.name,
                one.rule.of,
                ", ".join(one.rule.products) or "–",
                one.rule.pattern,
                one.rule.check or "–",
                sum(state.given for state in one.series),
            ]
            for one in states
        ]
        table(to, [say(f"codes.{head}") for head in heads], rows, right=[5])

    show(document, human, as_json=as_json)


def following(
    directory: Plant,
    rule: RuleName = None,
    *,
    count: Count = 1,
    fields: Fields = None,
    of: Of = "unit",
    product: Product = None,
    day: Day = None,
    as_json: AsJson = False,
) -> None:
    """Give the next codes of a rule; nobody else gets them."""
    from assay.store.plant_codes import next_codes
    from assay.store.workspace import Workspace

    with Workspace.open(directory) as workspace:
        issued = next_codes(
            workspace, rule, split_fields(fields), of=of, product=product, count=count, moment=day_of(day)
        )
    document = {
        "rule": issued.rule,
        "series": issued.series,
        "first": issued.first,
        "left": issued.left,
        "codes": list(issued.codes),
    }
    show(document, lambda to: to.out("\n".join(issued.codes)), as_json=as_json)


def parse(codes: Codes, *, plant: OfPlant = None, as_json: AsJson = False) -> None:
    """Take codes apart; the first that is not valid is an error."""
    with reader(plant) as read:
        recognised = [read(code) for code in codes]
    documents = [document_of(one) for one in recognised]

    def human(to: Console) -> None:
        for one in recognised:
            to.print(f"{one.text}  {say(f'codes.kind_{one.kind}'.replace('-', '_'))}")
            table(to, [say("codes.part"), say("codes.value")], _parts(one))

    show({"codes": documents}, human, as_json=as_json)


def check(codes: Codes, *, plant: OfPlant = None, as_json: AsJson = False) -> None:
    """Say of each code whether it is valid; the exit code is 1 when one is not."""
    with reader(plant) as read:
        verdicts = [_verdict(read, code) for code in codes]

    def human(to: Console) -> None:
        for one in verdicts:
            to.print(f"{one['code']}: {say('codes.valid') if one['valid'] else one['message']}")

    show({"codes": verdicts}, human, as_json=as_json)
    if not all(one["valid"] for one in verdicts):
        raise typer.Exit(1)


def _verdict(read: Callable[[str], Recognised], code: str) -> dict[str, Any]:
    try:
        found = read(code)
    except CodeError as error:
        return {"code": code, "valid": False, "rule": error.rule, "message": said(error.said)}
    return {"code": code, "valid": True, "kind": found.kind}


@contextmanager
def reader(plant: Path | None) -> Iterator[Callable[[str], Recognised]]:
    """What takes a code apart: by the rules of a plant too, where one is given."""
    if plant is None:
        from assay.model.codes.recognise import recognise

        yield partial(recognise, today=datetime.now(UTC).date())
        return
    from assay.store.plant_codes import parse_code
    from assay.store.workspace import Workspace

    with Workspace.open(plant) as workspace:
        yield partial(parse_code, workspace)


def document_of(one: Recognised) -> dict[str, Any]:
    """A recognised code as it goes out."""
    return {
        "kind": one.kind,
        "text": one.text,
        "symbology": one.symbology,
        "elements": [{"ai": ai, "value": value} for ai, value in one.elements or ()],
        "udi": None
        if one.udi is None
        else {"agency": one.udi.agency, "device": one.udi.device, "production": dict(one.udi.production)},
        "rule": one.rule,
        "fields": dict(one.fields),
        "serial": one.serial,
        "date": one.date.isoformat() if one.date else None,
    }


def split_fields(fields: list[str] | None) -> dict[str, str]:
    """``line=L1`` of the command line, by name."""
    pairs = [one.partition("=") for one in fields or ()]
    for name, equals, _ in pairs:
        if not equals or not name:
            raise typer.BadParameter(say("codes.no_field", text=name))
    return {name: value for name, _, value in pairs}


def day_of(day: datetime | None) -> date | None:
    """The day of an option."""
    return None if day is None else day.date()


def _parts(one: Recognised) -> list[list[object]]:
    from assay.model.codes.gs1.dictionary import table as identifiers

    titles = identifiers()
    rows: list[list[object]] = [[f"({ai}) {titles[ai].title}", value] for ai, value in one.elements or ()]
    if one.udi is not None and one.elements is None:
        rows.append(["UDI-DI", one.udi.device])
        rows += [[name, value] for name, value in one.udi.production.items()]
    rows += [[name, value] for name, value in one.fields.items()]
    if one.rule is not None:
        rows += [[say("codes.rule"), one.rule], [say("codes.serial"), one.serial]]
        rows += [[say("codes.date"), one.date.isoformat()]] if one.date else []
    return rows


VERBS: dict[str, Callable[..., None]] = {"rules": rules, "next": following, "parse": parse, "check": check}
"""The verbs of the group by their names."""
