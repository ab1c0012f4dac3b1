"""Contracts of templates on the plant's chain: forms, instances, and what each role may do next.

Nobody gives a private key to a browser. A transaction is prepared here and signed and sent elsewhere; only
where the chain's settings say ``server_sends`` does the server send it, with the key it is configured with.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from assay.api.door import Guarded, Services, services
from assay.apps.errors import problem_of
from assay.apps.payloads import Problem
from assay.exchange.chain import instances
from assay.exchange.chain import templates as known
from assay.exchange.chain.errors import ChainError
from assay.exchange.chain.keys import read_key
from assay.exchange.chain.link import Link
from assay.exchange.chain.settings import ChainFolder, Deployment
from assay.exchange.chain.templates import Template
from assay.model.text import Text

router = APIRouter(prefix="/contracts", tags=["contracts"])
Rooms = Annotated[Services, Depends(services)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TemplateCard(_Body):
    """An installed template; what is wrong with one that is not valid."""

    name: str
    manifest: dict[str, JsonValue] | None = Field(
        description="Title, roles, states, transitions, and ``terms``: the JSON Schema of the form."
    )
    arguments: dict[str, list[dict[str, JsonValue]]] = Field(
        description="Of each transition, the ABI's inputs: name, type, and components of a tuple."
    )
    sha256: str | None
    problem: str | None


class TemplateCards(_Body):
    """Every installed template."""

    templates: list[TemplateCard]


class ListedContract(_Body):
    """An instance that the registry of the chain made."""

    address: str
    creator: str
    template: str | None = Field(description="Null for a template that is not installed here.")
    title: Text | None
    state: Text | None


class ContractList(_Body):
    """The chain, who this server is on it, and the instances, the latest first."""

    chain_id: int | None = Field(description="Null where the plant has no chain.")
    problem: Problem | None = Field(default=None, description="What the plant lacks to have contracts.")
    account: str | None = Field(
        description="The account that the server sends by; null where it only prepares."
    )
    contracts: list[ListedContract]


class NextStep(_Body):
    """A transition that the state allows."""

    function: str
    title: Text
    by: list[str] = Field(description="Roles that may call it; ``anyone`` for everybody.")
    accounts: list[str] = Field(description="The accounts of these roles, as far as the contract says them.")
    ours: bool = Field(description="Whether the server's account may call it.")


class FundsCard(_Body):
    """What a contract holds, in the token's smallest unit, as digits."""

    token: str
    held: str
    due: dict[str, str] = Field(description="What may be withdrawn now, by account.")


class ContractCard(_Body):
    """One contract as it stands: state, funds, its values (deadlines among them), what may be done next."""

    address: str
    template: str
    title: Text
    state: Text
    waits_for: str | None = Field(description="The role that has to act; null for none.")
    when_silent: str | None = Field(description="The state that it gets when nobody acts in time.")
    funds: FundsCard | None = Field(description="Null for a contract without a token.")
    values: dict[str, JsonValue]
    next: list[NextStep]


class Terms(_Body):
    """A filled-in form."""

    template: str = Field(max_length=200)
    terms: dict[str, JsonValue]


class Arguments(_Body):
    """The arguments of a call, by name."""

    arguments: dict[str, JsonValue] = Field(default_factory=dict)


class Outcome(_Body):
    """What became of it: sent by the server, or a transaction to be signed and sent elsewhere."""

    sent: bool
    address: str | None = Field(default=None, description="Of a contract that was made.")
    transaction: str | None = Field(default=None, description="Hash of the mined transaction.")
    unsigned: dict[str, str | int] | None = Field(
        default=None, description="chainId, to, value and data (EIP-1474) for a wallet or signer elsewhere."
    )


@router.get("/templates")
def templates(_: Guarded) -> TemplateCards:
    """The installed templates, each with the form that a company joins by."""
    return TemplateCards(templates=[_template(one) for one in known.found_templates()])


@router.get("")
def contracts(_: Guarded, rooms: Rooms) -> ContractList:
    """The contracts that the registry of the plant's chain made; none where the plant has no chain."""
    try:
        link, deployment = _opened(rooms)
    except ChainError as problem:
        if problem.reason not in {"settings_missing", "not_deployed"}:
            raise
        return ContractList(chain_id=None, account=None, contracts=[], problem=problem_of(problem))
    own = known.installed()
    return ContractList(
        chain_id=deployment.chain_id,
        account=link.sender.address if link.sender else None,
        contracts=[
            ListedContract(
                address=one.address,
                creator=one.creator,
                template=one.template,
                title=Text(**own[one.template].document["title"]) if one.template else None,
                state=Text(**one.state["title"]) if one.state else None,
            )
            for one in instances.listed(link, deployment, own)
        ],
    )


@router.get("/{address}")
def contract(address: str, _: Guarded, rooms: Rooms) -> ContractCard:
    """One contract, and what each role may do next."""
    link, deployment = _opened(rooms)
    own = known.installed()
    found = instances.show(link, deployment, own, address)
    document = own[found.template].document
    account = link.sender.address.lower() if link.sender else None
    steps = []
    for one in found.transitions:
        terms = [document["roles"][role]["term"] for role in one["by"] if role != "anyone"]
        accounts = [str(found.values[term]) for term in terms if term in found.values]
        ours = account is not None and (
            "anyone" in one["by"] or account in {each.lower() for each in accounts}
        )
        steps.append(
            NextStep(
                function=one["function"],
                title=Text(**one["title"]),
                by=one["by"],
                accounts=accounts,
                ours=ours,
            )
        )
    roles = [str(found.values.get(role["term"])) for role in document["roles"].values() if role["term"]]
    funds = instances.funds(link, own[found.template], found, [one for one in roles if one.startswith("0x")])
    return ContractCard(
        address=found.address,
        template=found.template,
        title=Text(**document["title"]),
        state=Text(**found.state["title"]),
        waits_for=found.state["waits_for"],
        when_silent=found.state["when_silent"],
        funds=FundsCard(
            token=funds.token,
            held=str(funds.held),
            due={one: str(amount) for one, amount in funds.due.items()},
        )
        if funds
        else None,
        values={name: _plain(value) for name, value in found.values.items()},
        next=steps,
    )


@router.post("")
def join(order: Terms, _: Guarded, rooms: Rooms) -> Outcome:
    """Make a contract of a template by its filled-in form, or prepare the transaction that does."""
    link, deployment = _opened(rooms)
    chosen = known.template(order.template)
    if link.sender is None:
        return Outcome(sent=False, unsigned=instances.prepare_creation(link, deployment, chosen, order.terms))
    return Outcome(sent=True, address=instances.create(link, deployment, chosen, order.terms))


@router.post("/{address}/{function}")
def call(address: str, function: str, order: Arguments, _: Guarded, rooms: Rooms) -> Outcome:
    """Call a transition of a contract, or prepare the transaction that does."""
    link, deployment = _opened(rooms)
    given = (link, deployment, known.installed(), address, function)
    if link.sender is None:
        return Outcome(sent=False, unsigned=instances.prepare_call(*given, arguments=order.arguments))
    return Outcome(sent=True, transaction=instances.call(*given, arguments=order.arguments))


def _opened(rooms: Services) -> tuple[Link, Deployment]:
    """The plant's chain; with the key it sends by only where the settings let the server send."""
    folder = ChainFolder(rooms.workspace.path)
    settings = folder.settings()
    deployment = folder.deployment(settings.chain_id)
    if deployment.registry is None:
        raise ChainError.of("not_deployed", what="TemplateRegistry", chain_id=settings.chain_id)
    return Link(settings, read_key(settings.sender_key) if settings.server_sends else None), deployment


def _template(one: Template | tuple[str, str]) -> TemplateCard:
    if not isinstance(one, Template):
        return TemplateCard(name=one[0], manifest=None, arguments={}, sha256=None, problem=one[1])
    inputs = {each["name"]: each["inputs"] for each in one.artifact.abi if each["type"] == "function"}
    acting = [each["function"] for each in one.document["transitions"]]
    return TemplateCard(
        name=one.name,
        manifest=dict(one.document),
        arguments={name: inputs[name] for name in acting},
        sha256=one.manifest_hash.hex(),
        problem=None,
    )


def _plain(value: Any) -> JsonValue:
    """A value as a browser's numbers have it."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53:
        return str(value)
    return value  # type: ignore[no-any-return]
