"""``assay contract``: contracts made of templates: listed, made from a filled-in form, shown, called."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.options import AsJson, Plant
from assay.cli.output import show, table
from assay.cli.speech import say, spoken
from assay.cli.verbs.chain import opened

if TYPE_CHECKING:
    from rich.console import Console

    from assay.exchange.chain.templates import Template

_MOMENT = re.compile(r"(by|until|ends|at|deadline)$", re.IGNORECASE)
"""Names of values that are moments, as on the page Contracts."""

Address = Annotated[
    str, typer.Argument(metavar="ADDRESS", help="argument.contract_address", show_default=False)
]


def list_templates(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[TEMPLATE]", help="argument.contract_template", show_default=False),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """The installed templates, or the whole manifest of one; the exit code is 1 if one is not valid."""
    from assay.exchange.chain.templates import Template, found_templates, template

    if name:
        chosen = template(name)
        show(dict(chosen.document), lambda to: _form(to, chosen), as_json=as_json)
        return
    found = found_templates()
    rows = [
        {"name": one.name, "title": one.document["title"], "sha256": one.manifest_hash.hex(), "problem": None}
        if isinstance(one, Template)
        else {"name": one[0], "title": None, "sha256": None, "problem": one[1]}
        for one in found
    ]

    def human(to: Console) -> None:
        heads = (say("contract.template"), say("contract.title"), say("contract.problem"))
        table(to, heads, [(one["name"], _title(one), one["problem"] or "") for one in rows])

    show({"templates": rows}, human, as_json=as_json)
    if any(one["problem"] for one in rows):
        raise typer.Exit(1)


def new(
    directory: Plant,
    name: Annotated[
        str, typer.Argument(metavar="TEMPLATE", help="argument.contract_template", show_default=False)
    ],
    terms: Annotated[
        Path, typer.Argument(metavar="TERMS", help="argument.contract_terms", show_default=False)
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Make a contract of a template with the terms in a YAML or JSON file."""
    from assay.exchange.chain.instances import create
    from assay.exchange.chain.templates import template

    chosen, given = template(name), _mapping(terms)
    chosen.encode(given)
    with opened(directory, sending=True) as (_, link, deployment):
        address = create(link, deployment, chosen, given)

    def human(to: Console) -> None:
        to.print(say("contract.made", template=chosen.name, address=address))

    show({"address": address, "template": chosen.name}, human, as_json=as_json)


def show_contract(directory: Plant, address: Address, *, as_json: AsJson = False) -> None:
    """What a contract says about itself, and what can be done now."""
    from assay.exchange.chain.instances import show as look
    from assay.exchange.chain.templates import installed

    known = installed()
    with opened(directory) as (_, link, deployment):
        found = look(link, deployment, known, address)

    def human(to: Console) -> None:
        to.print(say("contract.is", template=found.template, state=found.state["title"][spoken()]))
        table(
            to, (say("contract.value"), ""), [(name, _told(name, one)) for name, one in found.values.items()]
        )
        for one in found.transitions:
            to.print(_step(known[found.template], one))

    show(found.to_dict(), human, as_json=as_json)


def call(
    directory: Plant,
    address: Address,
    function: Annotated[
        str, typer.Argument(metavar="FUNCTION", help="argument.contract_function", show_default=False)
    ],
    arguments: Annotated[
        Path | None,
        typer.Argument(metavar="[ARGUMENTS]", help="argument.contract_arguments", show_default=False),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Call a function of a contract, with its arguments by name in a YAML or JSON file."""
    from assay.exchange.chain.instances import call as send
    from assay.exchange.chain.templates import installed

    given = _mapping(arguments) if arguments else {}
    with opened(directory, sending=True) as (_, link, deployment):
        done = send(link, deployment, installed(), address, function, arguments=given)

    def human(to: Console) -> None:
        to.print(say("contract.called", function=function, hash=done))

    show({"transaction": done}, human, as_json=as_json)


def attest(
    directory: Plant,
    address: Address,
    proof: Annotated[Path, typer.Argument(metavar="PROOF", help="argument.attested", show_default=False)],
    *,
    key: Annotated[
        Path, typer.Option("--key", metavar="KEY", help="option.inspector_key", show_default=False)
    ],
    accepted: Annotated[
        int, typer.Option("--accepted", min=0, metavar="N", help="option.accepted", show_default=False)
    ],
    rejected: Annotated[int, typer.Option("--rejected", min=0, metavar="N", help="option.rejected")] = 0,
    deadline: Annotated[
        str, typer.Option("--deadline", metavar="MOMENT", help="option.attest_deadline", show_default=False)
    ],
    inclusion: Annotated[
        Path | None,
        typer.Option("--inclusion", metavar="FILE", help="option.inclusion", show_default=False),
    ] = None,
    policy: Annotated[
        Path | None, typer.Option("--policy", metavar="FILE", help="option.policy", show_default=False)
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="option.attest_out", show_default=False)
    ],
    as_json: AsJson = False,
) -> None:
    """Check a disposition and sign for it as an inspector, for one contract (EIP-712)."""
    import json

    from assay.exchange.chain.attesting import attest as attested
    from assay.exchange.chain.errors import ChainError
    from assay.exchange.chain.keys import read_key
    from assay.ledger.errors import VerificationError
    from assay.ledger.policy import Policy
    from assay.ledger.vouching import configured_policy

    believed = Policy.parse(policy.read_bytes()) if policy else configured_policy()
    if believed is None:
        raise VerificationError.of("no_policy")
    with opened(directory) as (_, link, deployment):
        inspector, counted = read_key(key), (accepted, rejected)
        found = attested(
            link, deployment, address, proof.read_bytes(), believed, inspector, counted, deadline
        )
    arguments: dict[str, Any] = {"verdict": found.verdict}
    if inclusion is not None:
        arguments = {"entry": _mapping(inclusion)} | arguments
        given, wanted = arguments["entry"].get("leaf"), "0x" + found.leaf.hex()
        if given != wanted:
            raise ChainError.of("other_inclusion", path=inclusion, given=given, wanted=wanted)
    out.write_text(json.dumps(arguments, indent=2), "utf-8")
    document = {
        "file": str(out),
        "index": found.index,
        "leaf": "0x" + found.leaf.hex(),
        "shown": found.shown,
        "verdict": found.verdict,
    }

    def human(to: Console) -> None:
        table(to, (say("contract.value"), ""), [(name, value) for name, value in found.shown.items()])
        to.print(
            say("contract.attested", index=found.index, accepted=accepted, rejected=rejected, file=out.name)
        )

    show(document, human, as_json=as_json)


def _mapping(file: Path) -> dict[str, Any]:
    """What a YAML file (JSON is YAML) maps; a moment, address or hash needs no quotes."""
    from datetime import date

    import yaml

    from assay.exchange.chain.errors import ChainError

    class Loader(yaml.SafeLoader):
        """Leaves what begins with 0x the text it is: YAML takes it for a number."""

    first = {letter: list(kinds) for letter, kinds in yaml.SafeLoader.yaml_implicit_resolvers.items()}
    first["0"].insert(0, ("tag:yaml.org,2002:str", re.compile(r"0x[0-9a-fA-F]*\Z")))
    Loader.yaml_implicit_resolvers = first
    try:
        read = yaml.load(file.read_text("utf-8"), Loader)  # noqa: S506
    except OSError as problem:
        raise ChainError.of("file_unreadable", path=file, said=problem.strerror) from None
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise ChainError.of("file_unreadable", path=file, said=problem) from None
    if not isinstance(read, dict):
        raise ChainError.of("file_unreadable", path=file, said=type(read).__name__)
    return {str(key): value.isoformat() if isinstance(value, date) else value for key, value in read.items()}


def _title(row: dict[str, Any]) -> str:
    return str(row["title"][spoken()]) if row["title"] else ""


def _form(to: Console, chosen: Template) -> None:
    document = chosen.document
    to.print(f"{document['id']}/{document['version']}: {document['description'][spoken()]}")
    fields = document["terms"]["properties"]
    table(
        to,
        (say("contract.term"), "", ""),
        [(name, one["title"], one["x-solidity"]) for name, one in fields.items()],
    )
    for one in document["transitions"]:
        to.print(_step(chosen, one))


def _step(chosen: Template, one: dict[str, Any]) -> str:
    """A function with its title, who may call it, and what its file of arguments holds."""
    roles = chosen.document["roles"]
    by = [roles[role]["title"][spoken()] if role in roles else say("contract.anyone") for role in one["by"]]
    wanted = chosen.wanted(one["function"])
    step = say("contract.step", function=one["function"], title=one["title"][spoken()], by=", ".join(by))
    return f"  {step}" + (f"\n      {wanted}" if wanted else "")


def _told(name: str, value: Any) -> Any:
    """A value; seconds since 1970 as the moment they are."""
    from datetime import UTC, datetime

    is_moment = isinstance(value, int) and value > 1_000_000_000 and _MOMENT.search(name)
    return datetime.fromtimestamp(value, UTC) if is_moment and value < 2**40 else value


VERBS: dict[str, Callable[..., None]] = {
    "templates": list_templates,
    "new": new,
    "show": show_contract,
    "call": call,
    "attest": attest,
}
