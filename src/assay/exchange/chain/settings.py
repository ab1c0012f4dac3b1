"""Which chain, by which endpoints, and when what is on it counts as final."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from assay.exchange.chain.errors import ChainError

DEVELOPMENT_CHAINS = frozenset({1337, 1338, 2018, 5777, 31337})
"""Chain ids of geth --dev, Ganache, Besu --network=dev, Hardhat and anvil: their keys are public."""

Address = Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{40}$")]


class Finality(BaseModel):
    """When a block can't be taken back any more: a property of the chain, not of Assay.

    ``instant``: each block is final (QBFT, IBFT 2, FISCO BCOS PBFT). ``depth``: after ``blocks`` more
    (Clique, proof of work). ``tag``: the chain itself says so by its ``finalized`` tag (Ethereum's proof of
    stake).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["instant", "depth", "tag"]
    blocks: int = Field(default=12, ge=1, le=100)
    """For ``depth``; a node without an archive answers about some 100 blocks back."""


class ChainSettings(BaseModel):
    """``chain/settings.yaml`` of a plant."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    """JSON-RPC endpoint that transactions go to."""
    check_url: str | None = None
    """Endpoint that another company runs, to read back what was anchored. Needed unless ``development``."""
    chain_id: int = Field(ge=1)
    finality: Finality
    most_gas_price: int = Field(default=0, ge=0)
    """Most wei for a unit of gas; 0 for a chain that is free of charge."""
    sender_key: Path
    """File of the key that pays: 64 hexadecimal digits, mode 0600. It has no say over heads."""
    signer_keys: tuple[Path, ...] = ()
    """Files of the keys of those signers that are on this machine; ``assay chain anchor`` asks them first."""
    server_sends: bool = False
    """Whether the server sends by ``sender_key`` what somebody logged in asks for; else it only prepares."""
    development: bool = False
    """Whether this is a trial: only then a development chain, or a single endpoint, is taken."""
    replace_seconds: int = Field(default=120, ge=1)
    """After how long an unmined transaction is sent again at a higher price."""
    timeout_seconds: float = Field(default=10.0, gt=0)

    @field_validator("url", "check_url")
    @classmethod
    def _web(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("an endpoint begins with http:// or https://")
        return value


class LogAnchor(BaseModel):
    """A log that is registered with the anchor contract."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    registrant: Address
    origin: str
    log_id: str


class Deployment(BaseModel):
    """``chain/deployment.json``: what lies where; written after each step, so a broken-off run goes on."""

    model_config = ConfigDict(extra="forbid")

    chain_id: int
    anchor: Address | None = None
    registry: Address | None = None
    templates: dict[str, Address] = Field(default_factory=dict)
    """Implementation of each published template by its name, such as ``purchase-order/1``."""
    logs: list[LogAnchor] = Field(default_factory=list)


class ChainFolder:
    """The folder ``chain/`` of a plant: ``settings.yaml``, ``deployment.json``, ``anchors.db``.

    Parameters
    ----------
    plant
        Directory of the plant.
    """

    def __init__(self, plant: Path) -> None:
        self.path = plant / "chain"

    @property
    def queue(self) -> Path:
        """Where heads to anchor are kept."""
        return self.path / "anchors.db"

    def settings(self) -> ChainSettings:
        """The settings.

        Raises
        ------
        ChainError
            ``settings_missing``, ``settings_invalid``; ``development_chain`` and ``one_endpoint`` unless the
            settings say that this is a trial.
        """
        file = self.path / "settings.yaml"
        try:
            read = ChainSettings.model_validate(yaml.safe_load(file.read_text("utf-8")))
        except FileNotFoundError:
            raise ChainError.of("settings_missing", path=file) from None
        except ValidationError as problem:
            raise ChainError.of("settings_invalid", path=file, said=_listed(problem)) from None
        except (yaml.YAMLError, UnicodeDecodeError) as problem:
            raise ChainError.of("settings_invalid", path=file, said=problem) from None
        if not read.development:
            if read.chain_id in DEVELOPMENT_CHAINS:
                raise ChainError.of("development_chain", chain_id=read.chain_id)
            if read.check_url is None or read.check_url == read.url:
                raise ChainError.of("one_endpoint")
        return read

    def deployment(self, chain_id: int) -> Deployment:
        """What is deployed; empty where nothing is. ``settings_invalid`` when it is of another chain."""
        file = self.path / "deployment.json"
        if not file.is_file():
            return Deployment(chain_id=chain_id)
        try:
            read = Deployment.model_validate_json(file.read_bytes())
        except ValidationError as problem:
            raise ChainError.of("settings_invalid", path=file, said=_listed(problem)) from None
        if read.chain_id != chain_id:
            raise ChainError.of("settings_invalid", path=file, said=f"chain {read.chain_id}, not {chain_id}")
        return read

    def keep(self, deployment: Deployment) -> None:
        """Write what is deployed, whole or not at all."""
        file = self.path / "deployment.json"
        beside = file.with_suffix(".new")
        beside.write_text(json.dumps(deployment.model_dump(), indent=2) + "\n", "utf-8")
        beside.replace(file)


def _listed(problem: ValidationError) -> str:
    """Each key that is wrong, and how."""
    return "; ".join(
        ": ".join(filter(None, (".".join(map(str, one["loc"])), one["msg"]))) for one in problem.errors()
    )
