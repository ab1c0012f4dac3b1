"""What a log says about itself: its keys, its witnesses, and whom it no longer believes.

========== ============================ ======================= ================
kind       content                      the entry's issuer      the second key
========== ============================ ======================= ================
policy     a tlog-policy, canonical     any issuer              a key of the log
cosigner   vkey (ML-DSA-44)             any issuer              a key of the log
log-key    vkey (Ed25519), same origin  a key of the log        the new key
issuer-key nothing                      the old key             the new key
validity   CBOR (key, from, until, why) any issuer              a key of the log
distrust   CBOR (key, last entry, why)  any issuer              a key of the log
erasure    CBOR, see :class:`Erasure`   any issuer              a key of the log
========== ============================ ======================= ================

"A key of the log" is one that the log has and still believes. The new key of a rotation signs too, so that
nobody takes over what isn't his. After a rotation the old key of the log may sign beside the new one for as
long as somebody keeps its file; an issuer's old key may sign no entry any more.
"""

from __future__ import annotations

import mmap
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay.ledger.canonical import Plain, decode, encode
from assay.ledger.derived import Derived
from assay.ledger.entries import STATEMENT, Body, Entry, Origin, Signed, Statement, parse_body, sign
from assay.ledger.errors import EntryError, LedgerError, LogError
from assay.ledger.index import last_entry_of
from assay.ledger.keys import KeyKind, VerifierKey
from assay.ledger.place import Place, read_keys
from assay.ledger.policy import Policy
from assay.ledger.segment import Record, read_segment, read_segments, segments
from assay.ledger.validity import Validity, limit_of

_MARK = STATEMENT.encode()
_FRONT = 64
"""Bytes of an entry in which the schema of its body stands."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """That payloads and salts were destroyed, by whose decision the entry's two signatures say.

    Parameters
    ----------
    subject
        About whom or what; the fields of its own entries are erased.
    last
        The last entry it covers.
    why
        The reason, without anything personal: it stays.
    rows
        (entry of the batch, first row of the tree, row of the tree) of each row whose salt was destroyed.
    altered
        Those of them that stay in the lake, with another id in the place of the subject; the others are gone.
    events
        Positions of the captured EPCIS events that name the subject and are gone, in order.
    """

    subject: str
    last: int
    why: str
    rows: tuple[tuple[int, int, int], ...] = ()
    altered: tuple[tuple[int, int, int], ...] = ()
    events: tuple[int, ...] = ()

    def __bytes__(self) -> bytes:
        said: list[Plain] = [self.subject, self.last, self.why, _flat(self.rows)]
        if self.altered or self.events:
            said.append(_flat(self.altered))
        return encode([*said, list(self.events)] if self.events else said)

    @classmethod
    def parse(cls, data: bytes) -> Erasure:
        """The erasure in ``data``.

        Raises
        ------
        EntryError
            It is something else.
        """
        match decode(data):
            case [str() as subject, int() as last, str() as why, *more] if subject and last >= 0:
                found = [_triples(one) for one in more[:2]] + [_positions(one) for one in more[2:]]
                match found if why.strip() else []:
                    case [tuple() as rows]:
                        return cls(subject, last, why, rows)
                    case [tuple() as rows, tuple() as altered] if altered and {*altered} <= {*rows}:
                        return cls(subject, last, why, rows, altered)
                    case [tuple() as rows, tuple() as altered, tuple() as events] if {*altered} <= {*rows}:
                        return cls(subject, last, why, rows, altered, events)
        raise EntryError.of("no_entry", why="not (subject, last entry, why, rows, rows that stay, events)")


def _flat(rows: Iterable[tuple[int, int, int]]) -> list[Plain]:
    return [part for row in rows for part in row]


def _triples(flat: Plain) -> tuple[tuple[int, int, int], ...] | None:
    """Numbers by three; None where they are none."""
    if not isinstance(flat, list):
        return None
    numbers = [one for one in flat if type(one) is int and one >= 0]
    if len(numbers) != len(flat) or len(flat) % 3:
        return None
    return tuple(zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True))


def _positions(found: Plain) -> tuple[int, ...] | None:
    """Positions of events, at least one, each above the one before; None where they are none."""
    if not isinstance(found, list):
        return None
    numbers = [one for one in found if type(one) is int and one > 0]
    rising = all(one < other for one, other in pairwise(numbers))
    return tuple(numbers) if numbers and len(numbers) == len(found) and rising else None


@dataclass(slots=True)
class Standing:
    """What a log's statements amount to.

    Parameters
    ----------
    keys
        Keys the log has signed with, the founding one first; all have the log's origin as their name.
    cosigner
        The log's own ML-DSA-44 key, None where it has none.
    policy
        Its witnesses and their quorum, None where none were named.
    believed
        Keys that are no longer believed, and the last entry each is believed for.
    erasures
        What was erased on purpose.
    replaced
        Keys of issuers that were rotated, and the key that signs in the place of each.
    valid
        Keys of issuers that may sign for a time only.
    """

    keys: list[VerifierKey]
    cosigner: VerifierKey | None = None
    policy: Policy | None = None
    believed: dict[bytes, int] = field(default_factory=dict)
    erasures: list[Erasure] = field(default_factory=list)
    replaced: dict[bytes, bytes] = field(default_factory=dict)
    valid: dict[bytes, Validity] = field(default_factory=dict)

    @property
    def signing(self) -> list[VerifierKey]:
        """Keys of the log that are still believed, the newest last."""
        return [key for key in self.keys if key.public not in self.believed]

    def cosigners(self) -> list[VerifierKey]:
        """Every key whose cosignature the published checkpoint may bear."""
        own = [self.cosigner] if self.cosigner else []
        return [*own, *(self.policy.witnesses.values() if self.policy else ())]

    def refuses(self, issuer: bytes, index: int) -> bool:
        """Whether an entry of this issuer at ``index`` is beyond what its key is believed for."""
        last = self.believed.get(issuer)
        return last is not None and index > last

    def admit(self, issuer: bytes, index: int) -> None:
        """Check that this issuer may sign entry ``index``.

        Raises
        ------
        LogError
            ``retired_key``: its key was rotated; ``distrusted_key``: it is not believed any more;
            ``same_key``: it is the log's.
        """
        self._believe(issuer, index)
        if any(issuer == key.public for key in self.keys):
            raise LogError.of("same_key", name=self.keys[0].name)

    def in_time(self, body: Body, *now: int) -> None:
        """Check that its issuer's key may sign ``body`` at its own time, and ``now`` (microseconds).

        What a key of the log signs too is the log's own to say, so that it can prolong a validity.

        Raises
        ------
        LogError
            ``key_expired``, ``key_not_yet``.
        """
        validity = self.valid.get(body.issuer)
        if validity is None or (isinstance(body, Statement) and body.kind != "issuer-key"):
            return
        validity.check(body.issuer, body.record_time, *now)

    def after(self, one: Statement, index: int) -> Standing:
        """The standing once ``one`` is entry ``index``.

        Raises
        ------
        LedgerError
            The log may not say it, or its issuer is not believed any more.
        """
        self._believe(one.issuer, index)
        self.check(one, index)
        then = replace(
            self,
            keys=list(self.keys),
            believed=dict(self.believed),
            replaced=dict(self.replaced),
            valid=dict(self.valid),
        )
        then.take(one, index)
        return then

    def check(self, one: Statement, index: int) -> None:
        """Check that the log may say ``one`` as entry ``index``; signatures are looked at elsewhere.

        Raises
        ------
        EntryError
            ``statement_refused``: the keys that sign are not those that may, or the content is not valid.
        """
        try:
            _CHECKS[one.kind](self, one, index)
        except (LedgerError, UnicodeDecodeError) as problem:
            why = problem.message if isinstance(problem, LedgerError) else str(problem)
            raise EntryError.of("statement_refused", kind=one.kind, why=why) from None

    def take(self, one: Statement, index: int) -> None:
        """Let ``one``, entry ``index`` of the log, hold from now on; it was checked."""
        if one.kind == "policy":
            self.policy = Policy.parse(one.content)
        elif one.kind == "cosigner":
            self.cosigner = VerifierKey.parse(one.content.decode("utf-8"))
        elif one.kind == "log-key":
            self.keys = [*self.keys, VerifierKey.parse(one.content.decode("utf-8"))]
        elif one.kind == "issuer-key":
            self.believed[one.issuer] = index
            self.replaced[one.issuer] = one.second
        elif one.kind == "validity":
            key, validity = limit_of(one.content)
            self.valid[key] = validity
        elif one.kind == "erasure":
            self.erasures = [*self.erasures, Erasure.parse(one.content)]
        else:
            key, last, _ = _distrusted(one)
            self.believed[key] = min(last, self.believed.get(key, last))
            self.replaced.pop(key, None)

    def _policy(self, one: Statement, _: int) -> None:
        self._by_the_log(one)
        said = Policy.parse(one.content)
        if bytes(said) != one.content:
            raise EntryError.of("not_canonical", why="comments or blanks in a policy")
        mine = {key.public for key in self.keys} | ({self.cosigner.public} if self.cosigner else set())
        for name, key in said.witnesses.items():
            if key.public in mine:
                raise EntryError.of("same_key", name=name)

    def _cosigner(self, one: Statement, _: int) -> None:
        self._by_the_log(one)
        key = VerifierKey.parse(one.content.decode("utf-8"))
        if key.kind is not KeyKind.COSIGNATURE_MLDSA44:
            raise EntryError.of("no_entry", why=f"{key.name} is not an ML-DSA-44 key")

    def _log_key(self, one: Statement, _: int) -> None:
        key = VerifierKey.parse(one.content.decode("utf-8"))
        if key.kind is not KeyKind.ED25519 or key.name != self.keys[0].name or key.public != one.second:
            raise EntryError.of("no_entry", why=f"not another key of {self.keys[0].name}")
        if one.issuer not in {known.public for known in self.signing}:
            raise EntryError.of("not_by_the_log", public=one.issuer.hex())
        if key.public in {known.public for known in self.keys} or key.public in self.believed:
            raise EntryError.of("same_key", name=key.name)

    def _issuer_key(self, one: Statement, _: int) -> None:
        if one.content or one.issuer == one.second or one.second in self.believed:
            raise EntryError.of("same_key", name=one.second.hex())

    def _validity(self, one: Statement, _: int) -> None:
        self._by_the_log(one)
        key, _limits = limit_of(one.content)
        if key in {known.public for known in self.keys}:
            raise EntryError.of("same_key", name=self.keys[0].name)

    def _distrust(self, one: Statement, index: int) -> None:
        self._by_the_log(one)
        key, last, _ = _distrusted(one)
        if last >= index:
            raise EntryError.of("index_outside", index=last, size=index)
        if key in {one.issuer, one.second}:
            raise EntryError.of("no_entry", why="a key that is not believed can't say so itself")

    def _erasure(self, one: Statement, index: int) -> None:
        self._by_the_log(one)
        said = Erasure.parse(one.content)
        if said.last >= index:
            raise EntryError.of("index_outside", index=said.last, size=index)

    def _believe(self, issuer: bytes, index: int) -> None:
        if not self.refuses(issuer, index):
            return
        public, last, new = issuer.hex(), self.believed[issuer], self.replaced.get(issuer)
        if new is not None:
            raise LogError.of("retired_key", public=public, last=last, new=new.hex())
        raise LogError.of("distrusted_key", public=public, last=last)

    def _by_the_log(self, one: Statement) -> None:
        if one.second not in {key.public for key in self.signing}:
            raise EntryError.of("not_by_the_log", public=one.second.hex())


_CHECKS: dict[str, Callable[[Standing, Statement, int], None]] = {
    "policy": Standing._policy,  # noqa: SLF001
    "cosigner": Standing._cosigner,  # noqa: SLF001
    "log-key": Standing._log_key,  # noqa: SLF001
    "issuer-key": Standing._issuer_key,  # noqa: SLF001
    "validity": Standing._validity,  # noqa: SLF001
    "distrust": Standing._distrust,  # noqa: SLF001
    "erasure": Standing._erasure,  # noqa: SLF001
}


def stated(
    kind: str, content: bytes, issuer: Ed25519PrivateKey, second: bytes, countersign: Callable[[bytes], bytes]
) -> Signed:
    """A statement, signed by both keys.

    Parameters
    ----------
    kind, content
        What is said.
    issuer
        Whoever says it.
    second
        The other public key, 32 bytes.
    countersign
        Signs with the other key: ``countersign`` of a :class:`assay.ledger.keys.SigningKey` or of a signer.
    """
    now = time.time_ns() // 1_000
    key = issuer.public_key().public_bytes_raw()
    body = Statement(kind, Origin(f"statement-{key.hex()[:16]}", now, 0), now, content, key, second)
    return sign(replace(body, proof=countersign(body.countersigned)), issuer)


def distrust(key: bytes, last: int, why: str) -> bytes:
    """The content of a statement that ``key`` (32 bytes) is believed up to entry ``last`` only."""
    return encode([key, last, why])


def standing_of(founding: VerifierKey, statements: Iterable[tuple[int, Statement]]) -> Standing:
    """The standing after ``statements``; those the log may not say are passed over (an audit names them)."""
    found = Standing([founding])
    for index, one in statements:
        with suppress(LedgerError):
            found = found.after(one, index)
    return found


def linked(last: int | None, entry: Callable[[int], bytes]) -> list[tuple[int, Statement]]:
    """The statements of a log in order, by the links from each to the one before; ``last`` is the newest."""
    found: list[tuple[int, Statement]] = []
    while last is not None:
        one = Entry.parse(entry(last))
        body = parse_body(one.signed.body)
        if isinstance(body, Statement):
            found.append((last, body))
        last = one.previous
    return found[::-1]


def published_standing(place: Place) -> Standing:
    """The standing of a log as its index on the disk, or without one its segments, have it."""
    derived = Derived(place.folder)
    published = derived.published()
    founding = read_keys(place.folder, 1)[0]
    if published is None or not place.index.exists():
        return standing_of(founding, statements_in(place.segments))
    size = published[1].size

    def entry(index: int) -> bytes:
        if index < size:
            return derived.entry(index, size)
        found = next(read_segments(place.segments, index), None)
        if not isinstance(found, Record):
            raise LogError.of("not_covered", index=index, size=size)
        return found.entry

    return standing_of(founding, linked(last_entry_of(place.index, STATEMENT), entry))


def statements_in(folder: Path) -> Iterator[tuple[int, Statement]]:
    """The statements in the segments of ``folder``, found without parsing the other entries."""
    for path in segments(folder):
        if not path.stat().st_size:
            continue
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            if data.find(_MARK) < 0:
                continue
        first = int(path.stem) if path.stem.isdigit() else 0
        for found in read_segment(path, first):
            if isinstance(found, Record) and is_statement(found.entry):
                try:
                    body = Entry.parse(found.entry).signed.verify()
                except LedgerError:
                    continue
                if isinstance(body, Statement):
                    yield found.index, body


def is_statement(entry: bytes) -> bool:
    """Whether ``entry`` may be a statement; a quick look."""
    return entry.find(_MARK, 0, _FRONT) >= 0


def _distrusted(one: Statement) -> tuple[bytes, int, str]:
    match decode(one.content):
        case [bytes() as key, int() as last, str() as why] if len(key) == 32 and last >= 0:
            return key, last, why
    raise EntryError.of("no_entry", why="not (key, last entry, why)")
