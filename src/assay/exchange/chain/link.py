"""A connection to a chain by two endpoints: one takes transactions, the other is asked whether it is so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from assay.exchange.chain.artifacts import Artifact, artifact
from assay.exchange.chain.errors import ChainError
from assay.exchange.chain.refusals import refused
from assay.exchange.chain.settings import ChainSettings

POLL_SECONDS = 0.05
_BUMP = 9  # eighths: nodes ask for a tenth more before they replace a transaction


@dataclass(frozen=True)
class Signed:
    """A signed transaction that may or may not have been sent."""

    hash: str
    nonce: int
    gas_price: int
    raw: bytes


class Link:
    """An open connection; the chain id of each endpoint has been compared with the settings.

    Parameters
    ----------
    settings
        As :meth:`ChainFolder.settings` reads them.
    sender
        The account that pays; None to read only.

    Raises
    ------
    ChainError
        ``missing_extra``, ``chain_down``, ``wrong_chain``.
    """

    def __init__(self, settings: ChainSettings, sender: Any = None) -> None:
        self.settings = settings
        self.sender = sender
        self._main = _open(settings.url, settings)
        self._check = _open(settings.check_url, settings) if settings.check_url else self._main

    def at(self, contract: str | Artifact, address: str, *, second: bool = False) -> Any:
        """A contract to read by one of the endpoints."""
        from web3 import Web3

        web3 = self._check if second else self._main
        made = artifact(contract) if isinstance(contract, str) else contract
        return web3.eth.contract(address=Web3.to_checksum_address(address), abi=list(made.abi))

    def read(self, function: Any, *, block: int | str = "latest") -> Any:
        """The answer of a contract's function at a block; ``no_answer`` where the contract isn't there."""
        with speaking(function.w3.provider.endpoint_uri):
            return function.call(block_identifier=block)

    def logs(self, event: Any, filters: dict[str, Any]) -> list[Any]:
        """Every log of a contract's event with these indexed values."""
        with speaking(self.settings.url):
            return list(event.get_logs(argument_filters=filters, from_block=0))

    def told(self, event: Any, receipt: dict[str, Any]) -> list[Any]:
        """What a mined transaction told by a contract's event."""
        from web3.logs import DISCARD

        return list(event().process_receipt(receipt, errors=DISCARD))

    def code(self, address: str) -> bytes:
        """The code at an address; empty where there is none."""
        from web3 import Web3

        with speaking(self.settings.url):
            return bytes(self._main.eth.get_code(Web3.to_checksum_address(address)))

    def final_block(self, *, second: bool = False) -> int:
        """The newest block that can't be taken back, as one of the endpoints sees it; -1 for none."""
        web3, finality = (self._check if second else self._main), self.settings.finality
        with speaking(self.settings.check_url or self.settings.url if second else self.settings.url):
            if finality.kind == "tag":
                return int(web3.eth.get_block("finalized")["number"])
            head = int(web3.eth.block_number)
        return head if finality.kind == "instant" else max(-1, head - finality.blocks)

    def sign(self, transaction: dict[str, Any], *, replacing: Signed | None = None) -> Signed:
        """Sign ``transaction`` (``to`` and ``data``) at the chain's price, or to take the place of another.

        Raises
        ------
        ChainError
            ``gas_price`` above what the settings allow; ``refused`` with the contract's own reason.
        """
        with speaking(self.settings.url):
            price = int(self._main.eth.gas_price) if self.settings.most_gas_price else 0
            if replacing:
                price = max(price, replacing.gas_price * _BUMP // 8 + 1)
            if price > self.settings.most_gas_price:
                raise ChainError.of("gas_price", price=price, most=self.settings.most_gas_price)
            address = self.sender.address
            nonce = replacing.nonce if replacing else self._main.eth.get_transaction_count(address, "pending")
            gas = self._main.eth.estimate_gas({**transaction, "from": address, "gasPrice": price})
        whole = transaction | {
            "nonce": nonce,
            "gasPrice": price,
            "gas": gas * 5 // 4,
            "value": 0,
            "chainId": self.settings.chain_id,
        }
        signed = self.sender.sign_transaction(whole)
        return Signed("0x" + bytes(signed.hash).hex(), nonce, price, bytes(signed.raw_transaction))

    def send(self, signed: Signed) -> None:
        """Give a signed transaction to the chain; one that it knows already is fine."""
        from web3.exceptions import Web3RPCError

        with speaking(self.settings.url):
            try:
                self._main.eth.send_raw_transaction(signed.raw)
            except (Web3RPCError, ValueError) as problem:
                known = ("already known", "already imported", "known transaction", "nonce too low")
                if not any(word in str(problem).lower() for word in known):
                    raise ChainError.of("gas_estimate", said=_words(problem)) from None

    def receipt(self, signed_hash: str) -> dict[str, Any] | None:
        """The receipt of a transaction, or None while it isn't mined."""
        from web3.exceptions import TransactionNotFound

        with speaking(self.settings.url):
            try:
                return dict(self._main.eth.get_transaction_receipt(signed_hash))
            except TransactionNotFound:
                return None

    def nonce_used(self, nonce: int) -> bool:
        """Whether a mined transaction of the sender has this nonce."""
        with speaking(self.settings.url):
            return bool(self._main.eth.get_transaction_count(self.sender.address, "latest") > nonce)

    def transact(self, contract: Any, function: str, *arguments: Any) -> dict[str, Any]:
        """Call a contract's function by a transaction and wait for its receipt; ``reverted`` if it failed."""
        with speaking(self.settings.url):
            data = contract.encode_abi(function, list(arguments))
        return self._mined({"to": contract.address, "data": data})

    def deploy(self, made: Artifact, *arguments: Any) -> str:
        """Put a contract on the chain; its address."""
        built = self._main.eth.contract(abi=list(made.abi), bytecode=made.bytecode).constructor(*arguments)
        return str(self._mined({"data": built.data_in_transaction})["contractAddress"])

    def _mined(self, transaction: dict[str, Any]) -> dict[str, Any]:
        signed = self.sign(transaction)
        self.send(signed)
        with speaking(self.settings.url):
            receipt: dict[str, Any] = dict(
                self._main.eth.wait_for_transaction_receipt(
                    signed.hash, timeout=self.settings.replace_seconds, poll_latency=POLL_SECONDS
                )
            )
        if receipt["status"] != 1:
            raise ChainError.of("reverted", hash=signed.hash)
        return receipt


def _open(url: str, settings: ChainSettings) -> Any:
    try:
        from web3 import HTTPProvider, Web3
        from web3.middleware import ExtraDataToPOAMiddleware
    except ImportError as error:
        raise ChainError.of("missing_extra", library=error.name) from None
    provider = HTTPProvider(
        url, request_kwargs={"timeout": settings.timeout_seconds}, exception_retry_configuration=None
    )
    web3 = Web3(provider)
    web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)  # QBFT, IBFT 2 and Clique blocks
    with speaking(url):
        found = web3.eth.chain_id
    if found != settings.chain_id:
        raise ChainError.of("wrong_chain", url=url, found=found, wanted=settings.chain_id)
    return web3


@contextmanager
def speaking(url: str) -> Iterator[None]:
    """Turn what web3 and its transport raise into a :class:`ChainError`."""
    from requests import RequestException
    from web3.exceptions import BadFunctionCallOutput, ContractCustomError, ContractLogicError, Web3Exception

    try:
        yield
    except ContractCustomError as problem:
        raise refused(str(problem.data or problem.message)) from None
    except ContractLogicError as problem:
        raise ChainError.of("refused", what=problem.message or problem) from None
    except (RequestException, ConnectionError, TimeoutError) as problem:
        raise ChainError.of("chain_down", url=url, said=type(problem).__name__) from None
    except BadFunctionCallOutput:
        raise ChainError.of("no_answer", url=url) from None
    except Web3Exception as problem:
        raise ChainError.of("gas_estimate", said=_words(problem)) from None


def _words(problem: Exception) -> object:
    """What the node said, without the JSON around it."""
    answer = getattr(problem, "rpc_response", None)
    told = answer.get("error") if isinstance(answer, dict) else None
    return told["message"] if isinstance(told, dict) and "message" in told else problem
