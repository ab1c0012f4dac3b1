"""What submitters and the sequencer say to each other: CBOR arrays behind their length in four bytes.

A request is (number, verb, arguments), its answer (number, result). A refusal is (reason, English, Chinese,
advice in English, advice in Chinese), so that the submitter raises what the writer raised.
"""

from __future__ import annotations

import struct

from assay.ledger.canonical import Plain, decode, encode
from assay.ledger.entries import Signed
from assay.ledger.errors import LedgerError, LogError
from assay.ledger.writer import Ack
from assay.model.text import Text

LENGTH = struct.Struct(">I")
LARGEST_FRAME = 64 * 1024 * 1024

READY = "ready"


def frame(value: Plain) -> bytes:
    """``value`` behind its length."""
    data = encode(value)
    return LENGTH.pack(len(data)) + data


def of_entries(entries: list[Signed]) -> Plain:
    """Entries as they are sent."""
    return [list(one) if one.opening else [one.body, one.signature] for one in entries]


def to_entries(value: Plain) -> list[Signed]:
    """Entries as they came.

    Raises
    ------
    LogError
        Something else came.
    """
    found = []
    for one in value if isinstance(value, list) else []:
        match one:
            case [bytes() as body, bytes() as signature]:
                found.append(Signed(body, signature))
            case [bytes() as body, bytes() as signature, bytes() as opening]:
                found.append(Signed(body, signature, opening))
            case _:
                raise LogError.of("bad_answer", value=str(one)[:80])
    return found


def of_answer(answer: Ack | LedgerError) -> Plain:
    """An acknowledgement or a refusal as it is sent."""
    if isinstance(answer, Ack):
        return [answer.index, answer.leaf, answer.duplicate, answer.gate, answer.refused]
    advice = answer.advice
    return [
        answer.reason,
        answer.said.en,
        answer.said.zh,
        advice.en if advice else "",
        advice.zh if advice else "",
    ]


def to_answer(value: Plain) -> Ack | LedgerError:
    """An acknowledgement or a refusal as it came.

    Raises
    ------
    LogError
        Something else came.
    """
    match value:
        case [int() as index, bytes() as leaf, bool() as duplicate, gate, bool() as refused]:
            return Ack(index, leaf, duplicate, gate if isinstance(gate, bytes) else None, refused)
        case [str() as reason, str() as en, str() as zh, str() as advice, str() as advice_zh]:
            hint = Text(en=advice, zh=advice_zh) if advice else None
            return LogError(Text(en=en, zh=zh), hint, reason=reason)
    raise LogError.of("bad_answer", value=str(value)[:80])


def received(data: bytes) -> list[Plain]:
    """The array in a frame.

    Raises
    ------
    LedgerError
        It holds something else.
    """
    value = decode(data)
    if not isinstance(value, list) or not value:
        raise LogError.of("bad_answer", value=str(value)[:80])
    return value
