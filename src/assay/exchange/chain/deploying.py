"""Putting the contracts on a chain, step by step, each kept as soon as it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from assay.exchange.chain.anchoring import on_chain
from assay.exchange.chain.artifacts import Artifact, artifact
from assay.exchange.chain.errors import ChainError
from assay.exchange.chain.keys import checked_address, log_id_of
from assay.exchange.chain.link import Link
from assay.exchange.chain.settings import Deployment, LogAnchor


def deploy_anchor(link: Link, deployment: Deployment, keep: Callable[[Deployment], None]) -> None:
    """Put anchor and registry on the chain, unless they are there; ``foreign_code`` if something else is."""
    if deployment.anchor is None:
        deployment.anchor = link.deploy(artifact("EvidenceAnchor"))
        keep(deployment)
    if deployment.registry is None:
        deployment.registry = link.deploy(artifact("TemplateRegistry"))
        keep(deployment)
    check_code(link, artifact("EvidenceAnchor"), deployment.anchor)
    check_code(link, artifact("TemplateRegistry"), deployment.registry)


def publish(
    link: Link,
    deployment: Deployment,
    keep: Callable[[Deployment], None],
    templates: Mapping[str, tuple[Artifact, bytes]],
) -> None:
    """Put implementations on the chain and publish them, by name; each with its manifest's SHA-256.

    A template that is published already is left as it is.
    """
    registry_address, anchor = _there(deployment)
    registry = link.at("TemplateRegistry", registry_address)
    for name, (made, manifest_hash) in templates.items():
        if name in deployment.templates:
            check_code(link, made, deployment.templates[name])
            continue
        given: list[Any] = next((one["inputs"] for one in made.abi if one["type"] == "constructor"), [])
        implementation = link.deploy(made, *(registry_address, anchor)[: len(given)])
        link.transact(registry, "publish", name, implementation, manifest_hash)
        deployment.templates[name] = implementation
        keep(deployment)


def register_log(
    link: Link,
    deployment: Deployment,
    keep: Callable[[Deployment], None],
    origin: str,
    signers: Sequence[str],
    *,
    quorum: int,
) -> LogAnchor:
    """Register a log under the sender's account, unless it is; what it is called by."""
    _, anchor = _there(deployment)
    registrant = link.sender.address
    log_id = log_id_of(registrant, origin)
    if on_chain(link, anchor, log_id).generation == 0:
        ascending = sorted(map(checked_address, signers), key=lambda one: int(one, 16))
        link.transact(link.at("EvidenceAnchor", anchor), "register", origin, ascending, quorum)
    made = LogAnchor(registrant=registrant, origin=origin, log_id="0x" + log_id.hex())
    if made not in deployment.logs:
        deployment.logs.append(made)
        keep(deployment)
    return made


def allow_token(link: Link, deployment: Deployment, token: str) -> None:
    """Put a token on the registry's list, unless it is there: new contracts may hold it."""
    registry_address, _ = _there(deployment)
    registry, address = link.at("TemplateRegistry", registry_address), checked_address(token)
    if not link.read(registry.functions.tokenAllowed(address)):
        link.transact(registry, "allowToken", address, True)


def check_code(link: Link, made: Artifact, address: str) -> None:
    """``foreign_code`` unless the code at an address is the artifact's."""
    if not made.is_code(link.code(address)):
        raise ChainError.of("foreign_code", address=address, contract=made.contract)


def _there(deployment: Deployment) -> tuple[str, str]:
    if deployment.registry is None or deployment.anchor is None:
        raise ChainError.of("not_deployed", what="EvidenceAnchor", chain_id=deployment.chain_id)
    return deployment.registry, deployment.anchor
