"""What an entry of the log is: a signed body of one of two classes, and what the sequencer adds to it.

An entry is the array (``assay/entry@1``, body, signature, previous, gate). The body is made and signed by its
issuer and is never touched; ``previous`` (index of the subject's entry before, individual bodies only) and
``gate`` (the verdict, null where nothing judges) are the sequencer's, which never holds an issuer's key.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay.ledger import ed25519
from assay.ledger.canonical import Plain, decode, encode
from assay.ledger.errors import EntryError, VerificationError
from assay.ledger.keys import COUNTERSIGNED
from assay.ledger.tiles import LARGEST_ENTRY

ENTRY = "assay/entry@1"
INDIVIDUAL = "assay/individual@1"
BATCH = "assay/batch@1"
ROWS = "assay/rows@1"
STATEMENT = "assay/statement@1"

CHUNK_ROWS = 1_024
"""Rows of a full chunk of a batch."""

KINDS = frozenset(
    {"decision", "disposition", "override", "attestation", "configuration", "model", "alarm"}
    | {"record", "step", "log"}
)
"""What an individual entry can be; ``step`` is one step done, ``log`` what the log says about itself."""

STATEMENTS = frozenset({"policy", "cosigner", "log-key", "issuer-key", "validity", "distrust", "erasure"})
"""What a log says about itself: witnesses, cosigner, keys and their validity, what was erased on purpose."""

_SIGNED = b"assay/body@1\0"
"""In front of what is signed, so that the signature is good for nothing else."""

LARGEST_BODY = LARGEST_ENTRY - 1_024
"""Bytes of a body; what is left is for its signature and what the sequencer adds."""


class Origin(NamedTuple):
    """The idempotency key of a body: the same three are the same entry, however often it is sent."""

    source: str
    epoch: int
    seq: int


class Encoded(ABC):
    """What is logged as the array of its parts."""

    __slots__ = ()

    @abstractmethod
    def parts(self) -> list[Plain]:
        """What is encoded, the schema id first."""

    def __bytes__(self) -> bytes:
        return encode(self.parts())


@dataclass(frozen=True, slots=True)
class Individual(Encoded):
    """One record of its own: a decision, a disposition, an attestation, something a person entered.

    Parameters
    ----------
    kind
        One of ``KINDS``.
    subject
        What it is about; a person only by a random id.
    origin
        Source, epoch and sequence number.
    event_time, record_time
        Microseconds since 1970, UTC.
    root, fields
        The salted commitment, and how many fields it covers.
    payload
        SHA-256 of what is kept elsewhere, None where nothing is.
    issuer
        The Ed25519 key that signs, 32 bytes.
    """

    kind: str
    subject: str
    origin: Origin
    event_time: int
    record_time: int
    root: bytes
    fields: int
    payload: bytes | None
    issuer: bytes

    def parts(self) -> list[Plain]:
        """What is encoded, the schema id first."""
        who = self.origin
        return [INDIVIDUAL, self.kind, self.subject, who.source, who.epoch, who.seq, self.event_time,
                       self.record_time, self.root, self.fields, self.payload, self.issuer]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Batch(Encoded):
    """Rows that came together, committed to by the digests of their chunks.

    Parameters
    ----------
    kind
        Kind of record, such as ``reading``.
    schema
        SHA-256 of the names and types of the columns.
    origin
        Source, epoch and the first sequence number.
    last
        The last sequence number.
    rows
        How many rows.
    record_time
        Microseconds since 1970, UTC.
    chunks
        SHA-256 of each 1,024 rows.
    issuer
        The Ed25519 key that signs, 32 bytes.
    """

    kind: str
    schema: bytes
    origin: Origin
    last: int
    rows: int
    record_time: int
    chunks: tuple[bytes, ...]
    issuer: bytes

    def parts(self) -> list[Plain]:
        """What is encoded, the schema id first."""
        who = self.origin
        return [BATCH, self.kind, self.schema, who.source, who.epoch, who.seq, self.last, self.rows,
                       self.record_time, b"".join(self.chunks), self.issuer]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rows(Encoded):
    """The tree of salted rows of a batch, or of a part of it, committed to after it.

    Parameters
    ----------
    batch
        Index of the batch's entry.
    origin
        Source, epoch and sequence number of the notariser.
    first, rows
        Which row of the batch is the tree's first, and how many follow each other.
    root
        The root over them.
    fields
        Names of the columns of which single fields can be shown.
    record_time
        Microseconds since 1970, UTC.
    issuer
        The Ed25519 key that signs, 32 bytes.
    """

    batch: int
    origin: Origin
    first: int
    rows: int
    root: bytes
    fields: tuple[str, ...]
    record_time: int
    issuer: bytes

    def parts(self) -> list[Plain]:
        """What is encoded, the schema id first."""
        who = self.origin
        return [ROWS, self.batch, who.source, who.epoch, who.seq, self.first, self.rows, self.root,
                       list(self.fields), self.record_time, self.issuer]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Statement(Encoded):
    """What the log says about itself, in the open: nothing of it is committed to only by a hash.

    Parameters
    ----------
    kind
        One of ``STATEMENTS``.
    origin
        Source, epoch and sequence number.
    record_time
        Microseconds since 1970, UTC.
    content
        What is said, by the kind (:mod:`assay.ledger.standing`).
    issuer, second
        The two Ed25519 keys that sign, 32 bytes each: the issuer's signature is the entry's.
    proof
        The second key's signature, 64 bytes, over :attr:`countersigned`.
    """

    kind: str
    origin: Origin
    record_time: int
    content: bytes
    issuer: bytes
    second: bytes
    proof: bytes = bytes(64)

    @property
    def subject(self) -> str:
        """All statements of a log are about it: each links to the one before."""
        return STATEMENT

    @property
    def countersigned(self) -> bytes:
        """What the second key signs."""
        return COUNTERSIGNED + encode(self._parts())

    def parts(self) -> list[Plain]:
        """What is encoded, the schema id first."""
        return [*self._parts(), self.proof]

    def _parts(self) -> list[Plain]:
        who = self.origin
        return [STATEMENT, self.kind, who.source, who.epoch, who.seq, self.record_time, self.content,
                self.issuer, self.second]  # fmt: skip


Body: TypeAlias = Individual | Batch | Rows | Statement


def sign(body: Body, key: Ed25519PrivateKey) -> Signed:
    """``body`` with its issuer's signature.

    Raises
    ------
    EntryError
        The body is not valid, or too large.
    """
    parts = body.parts()
    _read(parts)
    data = encode(parts)
    _fits(data)
    return Signed(data, ed25519.sign(key, _SIGNED + data))


class Signed(NamedTuple):
    """What a submitter hands in: the bytes of a body, and the signature of its issuer.

    ``opening`` is for the gate only, and never logged (:mod:`assay.ledger.gate`).
    """

    body: bytes
    signature: bytes
    opening: bytes = b""

    def body_of(self, *, check: bool) -> Body:
        """The body; :meth:`verify` it first where ``check`` says so."""
        return self.verify() if check else parse_body(self.body)

    def verify(self) -> Body:
        """The body, when its issuer has signed it.

        Raises
        ------
        VerificationError
            The signature does not verify.
        EntryError
            The body is not valid.
        """
        body = parse_body(self.body)
        _verify(body.issuer, self.signature, _SIGNED + self.body)
        if isinstance(body, Statement):
            _verify(body.second, body.proof, body.countersigned)
        return body


@dataclass(frozen=True, slots=True)
class Entry:
    """A signed body as it is in the log.

    Parameters
    ----------
    signed
        What the submitter handed in.
    previous
        Index of the subject's entry before, None where there is none.
    gate
        The verdict, None where nothing judges.
    """

    signed: Signed
    previous: int | None = None
    gate: bytes | None = None

    def __bytes__(self) -> bytes:
        return encode([ENTRY, self.signed.body, self.signed.signature, self.previous, self.gate])

    @classmethod
    def parse(cls, data: bytes) -> Entry:
        """The entry in ``data``; its body is looked at by :meth:`Signed.verify`.

        Raises
        ------
        EntryError
            ``data`` is not an entry in its canonical form.
        """
        match decode(data):
            case [str() as schema, bytes() as body, bytes() as signature, previous, gate] if schema == ENTRY:
                if (
                    len(signature) == 64
                    and (previous is None or _whole(previous))
                    and isinstance(gate, bytes | None)
                ):
                    return cls(Signed(body, signature), previous, gate)  # type: ignore[arg-type]
        raise EntryError.of("no_entry", why=f"not {ENTRY}")


_BODY_AT = len(encode([ENTRY]))
"""Where the body begins: behind the head of the array and the schema."""
_WIDTHS = {0x58: 1, 0x59: 2, 0x5A: 4}
"""How many bytes tell the length of bytes in CBOR, by the first of their head."""
_UNJUDGED = 2 + 64 + 9 + 1
"""At most so many bytes are behind the body where there is no verdict: signature, index, null."""


def bears_verdict(data: bytes) -> bool:
    """Whether an entry bears a verdict, by its length alone: one without ends behind the index."""
    width = _WIDTHS.get(data[_BODY_AT], 0) if len(data) > _BODY_AT else 0
    start = _BODY_AT + 1 + width
    return len(data) > start + int.from_bytes(data[_BODY_AT + 1 : start], "big") + _UNJUDGED


def parse_body(data: bytes) -> Body:
    """The body in ``data``.

    Raises
    ------
    EntryError
        It is of an unknown schema, a part of it is not as it must be, or it is too large.
    """
    _fits(data)
    return _read(decode(data))


def _fits(data: bytes) -> None:
    if len(data) > LARGEST_BODY:
        raise EntryError.of("too_large", length=len(data), most=LARGEST_BODY)


def _read(value: Plain) -> Body:
    if isinstance(value, list) and value and isinstance(value[0], str) and value[0] in _READERS:
        try:
            return _READERS[value[0]](value[1:])
        except (TypeError, ValueError) as problem:
            if isinstance(problem, EntryError):
                raise
            raise EntryError.of("no_entry", why=f"{value[0]}: {problem}") from None
    raise EntryError.of("no_entry", why="unknown schema of a body")


def _individual(parts: list[Plain]) -> Individual:
    kind, subject, source, epoch, seq, event, record, root, fields, payload, issuer = parts
    if kind not in KINDS:
        raise EntryError.of("no_entry", why=f"kind {kind!r}")
    return Individual(
        _text(kind),
        _text(subject),
        _origin(source, epoch, seq),
        _number(event),
        _number(record),
        _bytes(root),
        _number(fields, least=1),
        None if payload is None else _bytes(payload),
        _bytes(issuer),
    )


def _batch(parts: list[Plain]) -> Batch:
    kind, schema, source, epoch, seq, last, rows, record, chunks, issuer = parts
    who, count = _origin(source, epoch, seq), _number(rows, least=1)
    if not isinstance(chunks, bytes) or len(chunks) != -(-count // CHUNK_ROWS) * 32:
        raise EntryError.of("no_entry", why=f"{count} rows have other chunks")
    digests = tuple(chunks[at : at + 32] for at in range(0, len(chunks), 32))
    until = _number(last, least=who.seq)
    return Batch(_text(kind), _bytes(schema), who, until, count, _number(record), digests, _bytes(issuer))


def _rows(parts: list[Plain]) -> Rows:
    batch, source, epoch, seq, first, rows, root, fields, record, issuer = parts
    who = _origin(source, epoch, seq)
    if not isinstance(fields, list) or sorted({_text(one) for one in fields}) != fields:
        raise EntryError.of("no_entry", why="names of fields that are not in order, or twice")
    names = tuple(_text(one) for one in fields)
    return Rows(
        _number(batch),
        who,
        _number(first),
        _number(rows, least=1),
        _bytes(root),
        names,
        _number(record),
        _bytes(issuer),
    )


def _statement(parts: list[Plain]) -> Statement:
    kind, source, epoch, seq, record, content, issuer, second, proof = parts
    if kind not in STATEMENTS or not isinstance(content, bytes):
        raise EntryError.of("no_entry", why=f"statement {kind!r}")
    if not isinstance(proof, bytes) or len(proof) != 64:
        raise EntryError.of("no_entry", why="a statement without its second signature")
    who = _origin(source, epoch, seq)
    return Statement(_text(kind), who, _number(record), content, _bytes(issuer), _bytes(second), proof)


_READERS: dict[str, Callable[[list[Plain]], Body]] = {
    INDIVIDUAL: _individual,
    BATCH: _batch,
    ROWS: _rows,
    STATEMENT: _statement,
}


def _verify(key: bytes, signature: bytes, message: bytes) -> None:
    if not ed25519.verified(key, signature, message):
        raise VerificationError.of("bad_signature", name=f"issuer {key.hex()[:16]}")


def _origin(source: Plain, epoch: Plain, seq: Plain) -> Origin:
    return Origin(_text(source), _number(epoch), _number(seq))


def _whole(value: Plain) -> bool:
    return type(value) is int and value >= 0


def _number(value: Plain, least: int = 0) -> int:
    if type(value) is not int or value < least:
        raise EntryError.of("no_entry", why=f"{value!r} is not a whole number from {least}")
    return value


def _text(value: Plain) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 1_024:
        raise EntryError.of("no_entry", why=f"{str(value)[:40]!r} is not text of 1 to 1,024 characters")
    return value


def _bytes(value: Plain) -> bytes:
    if not isinstance(value, bytes) or len(value) != 32:
        raise EntryError.of("no_entry", why="not 32 bytes where a hash or key must be")
    return value
