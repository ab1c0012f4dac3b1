"""The one writer of a log: takes signed bodies, makes them durable, signs checkpoints of them.

The order of things, so that a kill at any step loses nothing acknowledged and never signs a fork: entries are
synced before they are acknowledged; tiles are synced before the head is signed; the head goes outside the
plant before it is published in it. A start reads both back and compares them with the entries, then signs.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import Self

from assay.ledger.checkpoint import Checkpoint
from assay.ledger.clocks import Clocks
from assay.ledger.derived import Derived, Edge, narrowed
from assay.ledger.disk import sync_folder, write_whole
from assay.ledger.entries import STATEMENT, Body, Entry, Individual, Origin, Signed, Statement, parse_body
from assay.ledger.errors import LedgerError, LogError, VerificationError
from assay.ledger.index import Index
from assay.ledger.judging import Judging
from assay.ledger.merkle import leaf_hash
from assay.ledger.notes import Note
from assay.ledger.place import REFUSED, Place
from assay.ledger.segment import Break, Run, SegmentWriter, goes_on, read_runs
from assay.ledger.signing import Signing
from assay.ledger.standing import Standing, linked, standing_of
from assay.ledger.tiles import Tile, TileTree, tile_of


@dataclass(frozen=True, slots=True)
class Ack:
    """The entry is durable.

    Parameters
    ----------
    index
        Its index in the log.
    leaf
        Its leaf hash, 32 bytes.
    duplicate
        Whether it was there before; ``leaf`` is then that of what is there.
    gate
        The verdict of the gate (:class:`assay.ledger.gate.verdict.Verdict`), None where nothing judges.
    refused
        Whether it stands in the log of what was refused, and ``index`` is its index there.
    """

    index: int
    leaf: bytes
    duplicate: bool = False
    gate: bytes | None = None
    refused: bool = False


@dataclass(slots=True)
class _Group:
    """Entries that become durable together: those taken so far, and what holds for the next one."""

    first: int
    standing: Standing
    last_of: dict[str, int]
    judging: Judging | None
    now: int
    answers: list[Ack | LedgerError | int] = field(default_factory=list)
    new: list[bytes] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)
    bodies: list[Body] = field(default_factory=list)
    seen: dict[Origin, int] = field(default_factory=dict)
    admitted: set[bytes] = field(default_factory=set)


class Writer:
    """The writer of a log; holds its lock until it is closed.

    Parameters
    ----------
    place
        The log.
    accept
        A signed statement (kind ``log``) that the log may go on although nothing outside the plant says how
        far it was; it becomes the next entry.
    check
        Whether to verify the signatures of issuers before logging.
    pause
        Called with the name of each step, for tests that end the process there.

    The main log of a plant has a gate, and its writer writes the log of what is refused too.
    """

    def __init__(
        self,
        place: Place,
        accept: Signed | None = None,
        *,
        check: bool = True,
        pause: Callable[[str], None] = lambda step: None,
    ) -> None:
        self.place = place
        self._check = check
        self._pause = pause
        self._lock = _locked(place.folder)
        try:
            self._derived = Derived(place.folder)
            self._turn, self._signing = Lock(), Lock()
            self._clocks = Clocks(place.late)
            self._gate: Judging | None = None
            self._full: list[tuple[Tile, bytes]] = []
            self._recent: dict[int, bytes] = {}
            self._published, head = self._signed()
            published = Checkpoint.parse(self._published.text) if self._published else None
            signed = Checkpoint.parse(head.text) if head else None
            self._edge, self.torn = self._recover(published, signed)
            self._index = self._catch_up()
            self.signed_size = published.size if published else -1
            self.standing = self._stands()
            self._signers = Signing(place, self.standing)
            if accept is None:
                self._vouched(head)
            self.epoch = self._fence()
            self._segment = SegmentWriter(place.segments, self._edge.size, self.epoch)
            if head is None:
                self.checkpoint()
            self._gate = Judging.of(place, self.size, lambda other: Writer(other, check=False))
            if accept is not None:
                self.append([accept])
        except BaseException:
            os.close(self._lock)
            raise

    @property
    def size(self) -> int:
        """How many entries are durable."""
        return self._edge.size

    @property
    def behind(self) -> bool:
        """Whether there is something to sign, or a witness to ask again."""
        return (
            self.size != self.signed_size
            or (self._published is not None and self._signers.missing(self._published))
            or (self._gate is not None and self._gate.behind)
        )

    def append(self, submitted: Sequence[Signed], verdicts: Sequence[bytes] = ()) -> list[Ack | LedgerError]:
        """Log what was submitted, in this order; what comes back says so of each, and it is on the disk.

        What can't be logged is answered by its error and keeps nothing else back. ``verdicts`` are those of
        what the gate of another log refused, one for each.

        Raises
        ------
        LogError
            Nothing was logged: the disk is full or failed, or another writer has taken over.
        """
        looked = [self._looked(one) for one in submitted]
        with self._turn:
            about = {body.subject for body in looked if isinstance(body, Individual | Statement)}
            first = self._edge.size
            judging = self._gate.begin(first) if self._gate else None
            now = time.time_ns() // 1_000
            group = _Group(first, self.standing, self._index.last_of_each(about), judging, now)
            for at, (one, body) in enumerate(zip(submitted, looked, strict=True)):
                if isinstance(body, LedgerError):
                    group.answers.append(body)
                    continue
                try:
                    group.answers.append(self._taken(group, one, body, verdicts[at] if verdicts else None))
                except LedgerError as problem:
                    group.answers.append(problem)
            if judging:
                judging.write()
            new = group.new
            if new:
                self._durable(new)
                self.standing = group.standing
                self._full += self._edge.extend(new, group.leaves)
                self._recent.update(enumerate(new, first))
                self._index.add(first, group.bodies)
                self._clocks.keep()
            if judging:
                return judging.keep(group.answers, self._edge.size)
            return [one for one in group.answers if not isinstance(one, int)]

    def _taken(self, group: _Group, one: Signed, body: Body, gate: bytes | None) -> Ack | int:
        """What becomes of one entry of a group: its place among what is refused, or its acknowledgement.

        Raises
        ------
        LedgerError
            It can't be logged.
        """
        new, origin, judging = group.new, body.origin, group.judging
        index = group.first + len(new)
        known = group.seen.get(origin)
        known = self._index.find(origin) if known is None else known
        if known is not None:
            return self._known(known, origin, new)
        if judging and (refused := judging.known(origin)) is not None:
            return refused
        self._clocks.look(body, index, group.now)
        group.standing.in_time(body, group.now)
        if isinstance(body, Statement):
            one.verify()
            group.standing = group.standing.after(body, index)
            group.admitted.clear()
        elif body.issuer not in group.admitted:
            group.standing.admit(body.issuer, index)
            group.admitted.add(body.issuer)
        if judging:
            gate, refused = judging.judged(body, one, index)
            if refused is not None:
                return refused
        previous = None
        if isinstance(body, Individual | Statement):
            previous = group.last_of.get(body.subject)
            group.last_of[body.subject] = index
        entry = bytes(Entry(one, previous, gate))
        leaf = leaf_hash(entry)
        new.append(entry)
        group.leaves.append(leaf)
        group.bodies.append(body)
        group.seen[origin] = index
        return Ack(index, leaf, gate=gate)

    def state_refused(self, submitted: Sequence[Signed]) -> list[Ack | LedgerError]:
        """Log statements in the log of what is refused (:meth:`assay.ledger.judging.Judging.state`).

        Raises
        ------
        LedgerError
            This log has none, or one of them is no statement that was signed.
        """
        if self._gate is None:
            raise LogError.of("no_log", path=self.place.folder.parent / REFUSED)
        with self._turn:
            return self._gate.state(submitted)

    def checkpoint(self) -> Checkpoint:
        """Sign and publish a checkpoint of every entry that is durable now; none when there is nothing new.

        Raises
        ------
        LogError
            Another writer has taken over.
        """
        if self._gate is not None:
            self._gate.checkpoint()
        with self._signing:
            with self._turn:
                edge, full, self._full = self._edge.copy(), self._full, []
                standing = self.standing
            seen = Checkpoint(standing.keys[0].name, edge.size, edge.root())
            if edge.size == self.signed_size:
                self._cosigned_later()
                return seen
            try:
                self._fenced()
                self._signers.follow(standing)
                self._derived.write(chain(full, edge.partial()))
            except BaseException:
                with self._turn:
                    self._full = full + self._full
                raise
            self._pause("tiles")
            note = self._signers.sign(seen, int(time.time()))
            write_whole(self.place.head, bytes(note), mode=0o600)
            self._pause("head")
            note = self._signers.cosigned(note, self._derived.tree(edge.size))
            self._pause("cosigned")
            self._derived.publish(note)
            self._published = note
            self._pause("published")
            self._derived.sweep(edge.size)
            self.signed_size = edge.size
            self._index.store(edge.size)
            with self._turn:
                for index in [at for at in self._recent if at < edge.size]:
                    del self._recent[index]
            return seen

    def close(self) -> None:
        """Sign what is there, and let go of the log."""
        try:
            self.checkpoint()
        finally:
            self._segment.close()
            self._signers.close()
            self._index.close()
            if self._gate is not None:
                self._gate.close()
            os.close(self._lock)

    def known(self, origin: Origin) -> Ack | None:
        """The acknowledgement of what is logged already, None where nothing of this origin is."""
        with self._turn:
            index = self._index.find(origin)
            return None if index is None else self._known(index, origin, [])

    def entry(self, index: int) -> bytes:
        """The bytes of entry ``index``, which is logged."""
        with self._turn:
            return self._entry(index)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _durable(self, entries: list[bytes]) -> None:
        self._fenced()
        self._pause("before")
        self._segment.append(entries)
        self._pause("synced")

    def _looked(self, one: Signed) -> Body | LedgerError:
        """The body of what was submitted, its issuer's signature checked where that is asked for."""
        try:
            return one.body_of(check=self._check)
        except LedgerError as problem:
            return problem

    def _known(self, index: int, origin: Origin, new: list[bytes]) -> Ack:
        """The acknowledgement of what is logged already, after looking at it."""
        first = self._edge.size
        if index >= first:
            entry = new[index - first]
            return Ack(index, leaf_hash(entry), duplicate=True, gate=Entry.parse(entry).gate)
        entry = self._entry(index)
        if parse_body(Entry.parse(entry).signed.body).origin != origin:
            raise LogError.of("bad_index", path=self.place.index, why=f"entry {index} is of another origin")
        return Ack(index, leaf_hash(entry), duplicate=True, gate=Entry.parse(entry).gate)

    def _signed(self) -> tuple[Note | None, Note | None]:
        """What was signed before: the published checkpoint, and the head outside.

        Raises
        ------
        VerificationError
            One of them is not signed by this log.
        """
        published = self._derived.published()
        head = Note.parse(self.place.head.read_bytes()) if self.place.head.exists() else None
        keys = self.place.keys()
        for note in filter(None, (published and published[0], head)):
            origin = Checkpoint.parse(note.text).origin
            if origin != keys[0].name or not note.signers(keys):
                raise VerificationError.of("no_signature", origin=origin)
        return (published and published[0]), head

    def _stands(self) -> Standing:
        """What the log has said about itself up to now."""
        last = self._index.last_of(STATEMENT)
        return standing_of(self.place.keys()[0], linked(last, self._entry))

    def _vouched(self, head: Note | None) -> None:
        """Compare what was signed with the witnesses, before anything is signed.

        Raises
        ------
        LogError
            A witness has seen another log, or neither a head outside nor a witness says how far the log was.
        """
        note = head or self._published
        if head and self._published and _size(self._published) > _size(head):
            note = self._published
        confirmed = self._signers.compare(note, self._tree(_size(note))) if note else []
        if head is None and (self._edge.size or note):
            if not confirmed or note is None:
                raise LogError.of("no_head", path=self.place.head)
            write_whole(self.place.head, bytes(note), mode=0o600)

    def _cosigned_later(self) -> None:
        """Publish the checkpoint again with cosignatures that were missing, when there are any."""
        if self._published is None or not self._signers.missing(self._published):
            return
        self._fenced()
        note = self._signers.cosigned(self._published, self._derived.tree(self.signed_size))
        if note != self._published:
            self._derived.publish(note)
            self._published = note

    def _entry(self, index: int) -> bytes:
        return self._recent.get(index) or self._derived.entry(index, self.signed_size)

    def _tree(self, size: int) -> TileTree:
        """The tree of the first ``size`` entries, from what is on the disk and what is not yet."""
        edge = self._edge
        pending = dict(chain(self._full, edge.partial()))

        def read(tile: Tile) -> bytes:
            wide = tile_of(tile.level, tile.index, edge.size)
            data = pending.get(wide)
            return self._derived.read(tile) if data is None else narrowed(data, wide, tile)

        return TileTree(size, read)

    def _recover(self, published: Checkpoint | None, head: Checkpoint | None) -> tuple[Edge, Path | None]:
        """The edge of all entries, after comparing them with what was signed; where a torn end went.

        Raises
        ------
        LogError
            Entries that were signed are missing, or are others.
        """
        edge = self._published_edge(published, head)
        signed = max((seen.size for seen in (published, head) if seen), default=0)
        broken: Break | None = None
        for run in read_runs(self.place.segments, edge.size):
            if isinstance(run, Break):
                broken = run
                break
            leaves = [leaf_hash(entry) for entry in run.entries]
            upto = head.size - run.first if head and run.first < head.size <= run.end else 0
            self._full += edge.extend(run.entries[:upto], leaves[:upto])
            if upto and head and edge.root() != head.root:
                raise LogError.of("forked", size=head.size)
            self._full += edge.extend(run.entries[upto:], leaves[upto:])
            self._recent.update(enumerate(run.entries, run.first))
        have = min(edge.size, broken.index) if broken else edge.size
        if have < signed:
            raise LogError.of("lost_signed", size=have, signed=signed)
        for left in self.place.folder.rglob(".*.new"):
            left.unlink()
        self._derived.sweep(published.size if published else 0)
        return edge, self._cut(broken) if broken else None

    def _published_edge(self, published: Checkpoint | None, head: Checkpoint | None) -> Edge:
        """The edge of the published checkpoint; its tiles must lead to its root, and to the head's."""
        if published is None:
            if head is not None and head.size:
                raise LogError.of("derived_damaged", path=self.place.folder, size=head.size)
            return Edge()
        try:
            edge = self._derived.edge(published.size)
            same = edge.root() == published.root
            if same and head and head.size <= published.size:
                forked = self._derived.tree(published.size).root(0, head.size) != head.root
                if forked:
                    raise LogError.of("forked", size=head.size)
        except VerificationError:
            same = False
        if not same:
            raise LogError.of("derived_damaged", path=self.place.folder, size=published.size)
        return edge

    def _cut(self, broken: Break) -> Path:
        """Move the torn end of the last segment outside; nothing of it was acknowledged or signed."""
        if goes_on(broken):
            raise LogError.of("torn_inside", path=broken.path, offset=broken.offset)
        kept = self.place.torn / f"{broken.path.stem}-{broken.offset}"
        data = broken.path.read_bytes()
        write_whole(kept, data[broken.offset :], mode=0o600)
        if broken.offset == 0:
            broken.path.unlink()
        else:
            with broken.path.open("r+b") as segment:
                segment.truncate(broken.offset)
                os.fsync(segment.fileno())
        sync_folder(broken.path.parent)
        return kept

    def _catch_up(self) -> Index:
        index = Index(self.place.index)
        if index.stored > self._edge.size:
            index.close()
            self.place.index.unlink()
            index = Index(self.place.index)
        for run in read_runs(self.place.segments, index.stored):
            if isinstance(run, Run):
                index.catch_up(run.first, run.entries)
        return index

    def _fence(self) -> int:
        """Take the next fencing epoch; an earlier writer that still runs stops at its next append."""
        epoch = int(self.place.epoch.read_text()) + 1 if self.place.epoch.exists() else 1
        write_whole(self.place.epoch, str(epoch).encode(), mode=0o600)
        return epoch

    def _fenced(self) -> None:
        now = self.place.epoch.read_bytes()
        if now != str(self.epoch).encode():
            raise LogError.of("fenced", epoch=self.epoch, now=now.decode("ascii", "replace")[:20])


def _size(note: Note) -> int:
    return Checkpoint.parse(note.text).size


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a log, as its writer does.

    Raises
    ------
    LogError
        Another process holds it.
    """
    handle = _locked(folder)
    try:
        yield
    finally:
        os.close(handle)


def _locked(folder: Path) -> int:
    """A lock on the folder itself, so that no file of its own lies beside the log."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise LogError.of("log_busy", path=folder) from None
    return handle
