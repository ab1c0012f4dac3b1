"""Proofs to hand out, and the judgement on them: a proof of one entry, a bundle of all of a subject.

The entry travels with its proof, as the extra data: (``assay/proof@1``, entry, disclosed fields), or for a
row of a batch (``assay/row-proof@1``, entry of its tree, proof of the row). A bundle is the array
(``assay/bundle@1``, signed checkpoint, proofs), each proof (index, hashes, entry, disclosed fields or proofs
of rows); both are checked offline against a policy, and a key inside a file is never believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

from assay.ledger.canonical import Plain, decode, encode
from assay.ledger.checkpoint import Checkpoint
from assay.ledger.commitment import Disclosure
from assay.ledger.consistency import CONSISTENCY, Consistency
from assay.ledger.derived import Derived
from assay.ledger.entries import Entry, Individual, Rows
from assay.ledger.errors import LedgerError, LogError, VerificationError
from assay.ledger.index import last_entry_of
from assay.ledger.merkle import leaf_hash, verify_inclusion
from assay.ledger.notes import Note
from assay.ledger.place import Place
from assay.ledger.policy import Believed, Policy
from assay.ledger.rows import RowProof
from assay.ledger.segment import Record, read_segments
from assay.ledger.signing import provable
from assay.ledger.tlog_proof import HEADER, TlogProof

PROOF = "assay/proof@1"
ROW_PROOF = "assay/row-proof@1"
BUNDLE = "assay/bundle@1"


@dataclass(frozen=True, slots=True)
class Proved:
    """An entry, where it is, why, and which of its fields are shown."""

    index: int
    hashes: tuple[bytes, ...]
    entry: bytes
    shown: tuple[Disclosure, ...] = ()
    rows: tuple[RowProof, ...] = ()

    def check(self, size: int, root: bytes) -> None:
        """Check the entry, its issuer's signature, its place in the tree and the fields shown.

        Raises
        ------
        LedgerError
            One of them does not hold.
        """
        verify_inclusion(self.index, size, leaf_hash(self.entry), self.hashes, root)
        body = Entry.parse(self.entry).signed.verify()
        for one in self.shown:
            if not isinstance(body, Individual):
                raise VerificationError.of("bad_proof", why="fields of an entry that has none")
            one.verify(body.root, body.fields)
        for row in self.rows:
            if not isinstance(body, Rows):
                raise VerificationError.of("bad_proof", why="a row of an entry that has none")
            row.verify(body)

    def values(self) -> list[dict[str, Plain]]:
        """What is shown, by name: the fields of an individual entry, or of each row. Check it first."""
        body = Entry.parse(self.entry).signed.body_of(check=False)
        if isinstance(body, Rows):
            return [row.verify(body) for row in self.rows]
        return [{one.name: one.value for one in self.shown}] if self.shown else []


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a file proves.

    Parameters
    ----------
    valid
        Whether everything in it holds under the policy.
    reason
        Why not, one word; None when it is valid.
    index
        Index of the (first) entry, None where it could not be read.
    size
        Entries of the log under the checkpoint.
    cosigners
        Witnesses of the policy that cosigned it; without any, a split view would not show.
    entries
        Indexes of all entries proved.
    shown
        What is shown, by name: the fields of an entry, or of a row.
    problem
        Why not, in words, with what to do; None when it is valid.
    """

    valid: bool
    reason: str | None
    index: int | None
    size: int | None
    cosigners: tuple[str, ...]
    entries: tuple[int, ...] = ()
    shown: tuple[dict[str, Plain], ...] = ()
    problem: LedgerError | None = None


def prove(
    place: Place, index: int, shown: Sequence[Disclosure] = (), *, row: RowProof | None = None
) -> TlogProof:
    """The proof of entry ``index`` under the published checkpoint, with fields or a row of it.

    Raises
    ------
    LogError
        No checkpoint covers the entry yet.
    """
    note, proved = _proved(place, [(index, tuple(shown), () if row is None else (row,))])
    one = proved[0]
    extra = encode([PROOF, one.entry, [bytes(field) for field in one.shown]])
    if row is not None:
        extra = encode([ROW_PROOF, one.entry, *row.parts()])
    return TlogProof(one.index, one.hashes, note, extra)


def entries_about(place: Place, subject: str) -> list[int]:
    """Indexes of the individual entries about ``subject`` that the published checkpoint covers."""
    derived = Derived(place.folder)
    published = derived.published()
    size = published[1].size if published else 0
    at, indexes = last_entry_of(place.index, subject), []
    while at is not None:
        if at < size:
            indexes.append(at)
            at = Entry.parse(derived.entry(at, size)).previous
        else:
            found = next(read_segments(place.segments, at), None)
            at = Entry.parse(found.entry).previous if isinstance(found, Record) else None
    return indexes[::-1]


def bundle(
    place: Place,
    subject: str,
    shown: Mapping[int, Sequence[Disclosure]] = MappingProxyType({}),
    rows: Mapping[int, Sequence[RowProof]] = MappingProxyType({}),
) -> bytes:
    """All entries about ``subject`` under the published checkpoint, in one file.

    Parameters
    ----------
    place
        The log.
    subject
        A unit or lot.
    shown
        Fields to show of its individual entries, by entry.
    rows
        Its rows, by the entry of the tree they are in.

    Raises
    ------
    LogError
        No entry up to the checkpoint is about it.
    """
    indexes = entries_about(place, subject)
    if not indexes and not rows:
        published = Derived(place.folder).published()
        raise LogError.of("no_subject", subject=subject, size=published[1].size if published else 0)
    wanted = [(index, tuple(shown.get(index, ())), tuple(rows.get(index, ()))) for index in {*indexes, *rows}]
    note, proved = _proved(place, sorted(wanted, key=lambda one: one[0]))
    items: list[Plain] = [
        [
            one.index,
            b"".join(one.hashes),
            one.entry,
            [*map(bytes, one.shown), *(encode(row.parts()) for row in one.rows)],
        ]
        for one in proved
    ]
    return encode([BUNDLE, bytes(note), items])


def verify_file(
    data: bytes,
    policy: Policy | None,
    pinned: Checkpoint | None = None,
    *,
    known: dict[Note, Believed] | None = None,
) -> Verdict:
    """What the proof or bundle in ``data`` proves under ``policy``; nothing is raised.

    Parameters
    ----------
    data
        A proof, a bundle, or a proof that one checkpoint continues another.
    policy
        Whom to believe; without one nothing is valid.
    pinned
        A checkpoint kept from earlier: what a proof of consistency must lead from, and what no other file
        of the same size may contradict.
    known
        Checkpoints this policy was found to believe before, with their signatures; they are not verified
        again, and new ones are added. For whoever verifies many files.
    """
    index = size = None
    try:
        if CONSISTENCY.encode() in data[:32]:
            continued = Consistency.parse(data)
            if policy is None:
                raise VerificationError.of("no_policy")
            later = continued.check(policy, pinned)
            return Verdict(True, None, None, later.checkpoint.size, later.cosigners)
        note, proved = read_proofs(data)
        index = proved[0].index
        if policy is None:
            raise VerificationError.of("no_policy")
        believed = known.get(note) if known is not None else None
        if believed is None:
            believed = policy.check(note)
            if known is not None:
                known[note] = believed
        size = believed.checkpoint.size
        if pinned and size == pinned.size and believed.checkpoint != pinned:
            raise VerificationError.of("not_consistent", old=size, new=size)
        for one in proved:
            one.check(size, believed.checkpoint.root)
            body = Entry.parse(one.entry).signed.body_of(check=False)
            policy.check_issuer(body.issuer, one.index, body.record_time)
    except LedgerError as problem:
        return Verdict(False, problem.reason, index, size, (), problem=problem)
    values = tuple(one for each in proved for one in each.values())
    return Verdict(
        True, None, index, size, believed.cosigners, tuple(one.index for one in proved), shown=values
    )


def _proved(
    place: Place, wanted: Iterable[tuple[int, tuple[Disclosure, ...], tuple[RowProof, ...]]]
) -> tuple[Note, list[Proved]]:
    derived = Derived(place.folder)
    published = derived.published()
    if published is None:
        raise LogError.of("not_covered", index=0, size=0)
    wanted = list(wanted)
    note = provable(place, published[0], max((index for index, *_ in wanted), default=0))
    seen = Checkpoint.parse(note.text)
    tree, proved = derived.tree_kept(seen.size), []
    for index, shown, rows in wanted:
        if not 0 <= index < seen.size:
            raise LogError.of("not_covered", index=index, size=seen.size)
        entry = derived.entry(index, seen.size)
        proved.append(Proved(index, tuple(tree.inclusion(index)), entry, shown, rows))
    return note, proved


def read_proofs(data: bytes) -> tuple[Note, list[Proved]]:
    """The checkpoint and the proofs in a file, of which nothing is checked yet.

    Raises
    ------
    LedgerError
        It is neither a proof nor a bundle.
    """
    if data.startswith(f"{HEADER}\n".encode()):
        proof = TlogProof.parse(data)
        match decode(proof.extra or b"\xf6"):
            case [str() as schema, bytes() as entry, list() as shown] if schema == PROOF:
                return proof.note, [Proved(proof.index, proof.hashes, entry, _shown(shown))]
            case [str() as schema, bytes() as entry, *parts] if schema == ROW_PROOF:
                row = RowProof.of_parts(parts)
                return proof.note, [Proved(proof.index, proof.hashes, entry, rows=(row,))]
        raise VerificationError.of("bad_proof", why="it does not hold the entry")
    if BUNDLE.encode() not in data[: 2 * len(BUNDLE)]:
        raise VerificationError.of("not_a_proof")
    match decode(data):
        case [str() as schema, bytes() as note, list() as rows] if schema == BUNDLE and rows:
            return Note.parse(note), [_row(row) for row in rows]
    raise VerificationError.of("bad_proof", why="neither a proof nor a bundle")


def _row(row: Plain) -> Proved:
    match row:
        case [int() as index, bytes() as hashes, bytes() as entry, list() as shown] if len(hashes) % 32 == 0:
            path = tuple(hashes[at : at + 32] for at in range(0, len(hashes), 32))
            if isinstance(Entry.parse(entry).signed.body_of(check=False), Rows):
                return Proved(index, path, entry, rows=_rows(shown))
            return Proved(index, path, entry, _shown(shown))
    raise VerificationError.of("bad_proof", why="not the proof of an entry")


def _shown(shown: list[Plain]) -> tuple[Disclosure, ...]:
    if not all(isinstance(one, bytes) for one in shown):
        raise VerificationError.of("bad_proof", why="not fields")
    return tuple(Disclosure.parse(one) for one in cast("list[bytes]", shown))


def _rows(rows: list[Plain]) -> tuple[RowProof, ...]:
    if not all(isinstance(one, bytes) for one in rows):
        raise VerificationError.of("bad_proof", why="not rows")
    return tuple(RowProof.of_parts(decode(one)) for one in cast("list[bytes]", rows))
