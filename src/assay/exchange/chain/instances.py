"""Instances of templates on a chain: made from terms, shown, and called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.exchange.chain.artifacts import Artifact
from assay.exchange.chain.deploying import check_code
from assay.exchange.chain.errors import ChainError
from assay.exchange.chain.keys import accounts, checked_address
from assay.exchange.chain.link import Link
from assay.exchange.chain.settings import Deployment
from assay.exchange.chain.templates import Template

_TOKEN = Artifact(
    "IERC20",
    "",
    (
        {
            "type": "function",
            "name": "balanceOf",
            "stateMutability": "view",
            "inputs": [{"name": "account", "type": "address"}],
            "outputs": [{"name": "", "type": "uint256"}],
        },
    ),
    b"",
    b"",
    (),
)
"""As much of an ERC-20 as is read here."""

_NOT_SHOWN = {"registry", "anchor", "state", "domainSeparator", "DISPOSITION_TYPE"}


@dataclass(frozen=True)
class Instance:
    """One contract as it stands.

    Parameters
    ----------
    address
        Where it is.
    template
        Name of its template.
    state
        The state's entry of the manifest.
    values
        What its readable variables say, by name; hashes and addresses hexadecimal.
    transitions
        Functions that the manifest allows from this state, each with who may call it.
    """

    address: str
    template: str
    state: dict[str, Any]
    values: dict[str, Any]
    transitions: tuple[dict[str, Any], ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "address": self.address,
            "template": self.template,
            "state": self.state,
            "values": self.values,
            "transitions": list(self.transitions),
        }


def create(link: Link, deployment: Deployment, template: Template, terms: Mapping[str, Any]) -> str:
    """Make and set up an instance in one transaction; its address.

    Raises
    ------
    ChainError
        ``terms_invalid`` before anything is sent; ``not_deployed``, ``template_differs``, ``foreign_code``
        when the published template isn't the installed one; ``refused`` with the contract's reason.
    """
    registry, params = _creation(link, deployment, template, terms)
    receipt = link.transact(registry, "create", _id(template.name), params)
    made = link.told(registry.events.Created, receipt)
    return str(made[0]["args"]["instance"])


def _creation(
    link: Link, deployment: Deployment, template: Template, terms: Mapping[str, Any]
) -> tuple[Any, bytes]:
    """The registry and the terms as it takes them, when the published template is the installed one."""
    params = template.encode(terms)
    registry = _registry(link, deployment)
    implementation, _, _, manifest_hash = link.read(registry.functions.templates(_id(template.name)))
    if not int(implementation, 16):
        raise ChainError.of("not_deployed", what=template.name, chain_id=deployment.chain_id)
    if bytes(manifest_hash) != template.manifest_hash:
        raise ChainError.of("template_differs", name=template.name)
    check_code(link, template.artifact, implementation)
    return registry, params


def prepare_creation(
    link: Link, deployment: Deployment, template: Template, terms: Mapping[str, Any]
) -> dict[str, Any]:
    """The transaction of :func:`create`, unsigned, to be signed and sent elsewhere; raises as it does."""
    registry, params = _creation(link, deployment, template, terms)
    return _unsigned(link, registry, "create", [_id(template.name), params])


def prepare_call(
    link: Link,
    deployment: Deployment,
    templates: Mapping[str, Template],
    address: str,
    function: str,
    *,
    arguments: Mapping[str, Any],
) -> dict[str, Any]:
    """The transaction of :func:`call`, unsigned, to be signed and sent elsewhere; raises as it does."""
    made = template_at(link, deployment, templates, address)
    values = made.arguments(function, arguments)
    return _unsigned(link, link.at(made.artifact, address), function, values)


@dataclass(frozen=True)
class Listed:
    """An instance that the registry made: where, of which template, in which state.

    ``template`` and ``state`` are None for one of a template that is not installed here.
    """

    address: str
    creator: str
    template: str | None
    state: dict[str, Any] | None


def listed(link: Link, deployment: Deployment, templates: Mapping[str, Template]) -> list[Listed]:
    """Every instance that the registry of this chain made, the latest first."""
    registry = _registry(link, deployment)
    known = {_id(name): one for name, one in templates.items()}
    found = []
    for told in link.logs(registry.events.Created, {}):
        address, creator = str(told["args"]["instance"]), str(told["args"]["creator"])
        made = known.get(bytes(told["args"]["templateId"]))
        if made is None:
            found.append(Listed(address, creator, None, None))
            continue
        state = made.state(link.read(link.at(made.artifact, address).functions.state()))
        found.append(Listed(address, creator, made.name, state))
    return found[::-1]


def template_at(
    link: Link, deployment: Deployment, templates: Mapping[str, Template], address: str
) -> Template:
    """The template of an instance; ``not_an_instance`` or ``template_unknown``."""
    registry = _registry(link, deployment)
    found = bytes(link.read(registry.functions.templateOf(checked_address(address))))
    if not any(found):
        raise ChainError.of("not_an_instance", address=address)
    for one in templates.values():
        if _id(one.name) == found:
            return one
    raise ChainError.of("template_unknown", name="0x" + found.hex(), known=", ".join(sorted(templates)))


def show(link: Link, deployment: Deployment, templates: Mapping[str, Template], address: str) -> Instance:
    """What an instance says about itself now."""
    made = template_at(link, deployment, templates, address)
    contract = link.at(made.artifact, address)
    state = made.state(link.read(contract.functions.state()))
    readable = [
        one["name"]
        for one in made.artifact.abi
        if one["type"] == "function"
        and one["stateMutability"] == "view"
        and not one["inputs"]
        and len(one["outputs"]) == 1
        and one["name"] not in _NOT_SHOWN
    ]
    values = {name: _plain(link.read(contract.get_function_by_name(name)())) for name in readable}
    able = tuple(dict(one) for one in made.document["transitions"] if state["name"] in one["from"])
    return Instance(address, made.name, state, values, able)


@dataclass(frozen=True)
class Funds:
    """What a contract holds of its token, and what of it is whose to withdraw, by account.

    Amounts are in the token's smallest unit.
    """

    token: str
    held: int
    due: dict[str, int]


def funds(link: Link, made: Template, found: Instance, accounts_of: Sequence[str]) -> Funds | None:
    """The funds of an instance; None for one of a template without a token."""
    if "token" not in found.values:
        return None
    token = str(found.values["token"])
    held = link.read(link.at(_TOKEN, token).functions.balanceOf(checked_address(found.address)))
    contract, due = link.at(made.artifact, found.address), {}
    if any(one.get("name") == "credit" for one in made.artifact.abi):
        due = {one: int(link.read(contract.functions.credit(one))) for one in accounts_of}
    return Funds(token, int(held), due)


def call(
    link: Link,
    deployment: Deployment,
    templates: Mapping[str, Template],
    address: str,
    function: str,
    *,
    arguments: Mapping[str, Any],
) -> str:
    """Call a transition as the sender; the transaction's hash once it is mined.

    Raises
    ------
    ChainError
        ``function_unknown``, ``arguments_invalid`` before anything is sent; ``refused`` with the contract's
        reason.
    """
    made = template_at(link, deployment, templates, address)
    values = made.arguments(function, arguments)
    receipt = link.transact(link.at(made.artifact, address), function, *values)
    return "0x" + bytes(receipt["transactionHash"]).hex()


def _unsigned(link: Link, contract: Any, function: str, arguments: list[Any]) -> dict[str, Any]:
    data = contract.encode_abi(function, arguments)
    return {"chainId": link.settings.chain_id, "to": contract.address, "value": "0x0", "data": str(data)}


def _registry(link: Link, deployment: Deployment) -> Any:
    if deployment.registry is None:
        raise ChainError.of("not_deployed", what="TemplateRegistry", chain_id=deployment.chain_id)
    return link.at("TemplateRegistry", deployment.registry)


def _id(name: str) -> bytes:
    accounts()
    from eth_utils.crypto import keccak

    return bytes(keccak(text=name))


def _plain(value: Any) -> Any:
    return "0x" + value.hex() if isinstance(value, bytes) else value
