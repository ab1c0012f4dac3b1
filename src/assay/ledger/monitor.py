"""A monitor: watches logs from outside for forks, rollbacks, split views, gaps and silence.

What it saw last of each log is pinned, durably; the next look must continue it. Every entry that is new is
hashed, so that what was signed is what can be read, and statements of the log (new keys, keys not believed
any more) are followed. What contradicts is kept with both notes as they were signed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path

from assay.ledger.canonical import Plain
from assay.ledger.checkpoint import Checkpoint
from assay.ledger.derived import narrowed
from assay.ledger.disk import write_whole
from assay.ledger.entries import Entry, Statement
from assay.ledger.errors import LedgerError, LogError, VerificationError
from assay.ledger.keys import VerifierKey
from assay.ledger.merkle import Frontier, leaf_hash, verify_consistency
from assay.ledger.notes import Note
from assay.ledger.place import state_home
from assay.ledger.policy import Policy
from assay.ledger.sources import Source
from assay.ledger.standing import Standing, is_statement
from assay.ledger.tiles import ENTRIES, WIDTH, Tile, TileTree, read_bundle, tile_of

DAY = 86_400
_AHEAD_OF_TIME = 600

GRAVE = frozenset({"fork", "rollback", "split_view", "rewritten"})
"""Findings that mean that the log, or who serves it, has shown two histories."""

_OPEN = GRAVE | {"unreachable", "not_canonical", "wrong_log", "signature", "tiles", "gap"}
"""Findings after which nothing new is pinned."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing that is wrong with a log.

    Parameters
    ----------
    kind
        ``fork``, ``rollback``, ``split_view``, ``rewritten`` (other keys than those pinned), ``signature``,
        ``wrong_log``, ``not_canonical``, ``unreachable``, ``tiles``, ``gap``, ``quorum``, ``stale`` or
        ``clock``.
    where
        Where it was seen.
    said
        What was seen, with its values.
    evidence
        Folder with the notes that contradict each other, None where there are none.
    """

    kind: str
    where: str
    said: str
    evidence: str | None = None


@dataclass(slots=True)
class Watched:
    """What a look at a log found.

    Parameters
    ----------
    origin
        The log.
    size
        Entries pinned now.
    before
        Entries pinned before; None at the first look, which shows no rollback and no fork.
    cosigners
        Witnesses of the policy that cosigned what is pinned.
    observations
        What is wrong.
    """

    origin: str
    size: int = 0
    before: int | None = None
    cosigners: tuple[str, ...] = ()
    observations: list[Observation] = field(default_factory=list)


@dataclass(slots=True)
class _Pin:
    """What is kept of a log: its last note, its keys, since when it did not change."""

    note: Note
    standing: Standing
    changed: int

    @property
    def seen(self) -> Checkpoint:
        return Checkpoint.parse(self.note.text)


@dataclass(frozen=True, slots=True)
class _View:
    """What one source shows."""

    source: Source
    note: Note
    seen: Checkpoint

    @property
    def tree(self) -> TileTree:
        return TileTree(self.seen.size, self.source.read)

    def before(self, size: int) -> TileTree:
        """The tree of the first ``size`` entries; tiles that were unfinished then may be gone by now."""

        def read(tile: Tile) -> bytes:
            wide = tile_of(tile.level, tile.index, self.seen.size)
            data = self.source.read(wide)
            return data if wide == tile else narrowed(data, wide, tile)

        return TileTree(size, read)


class Monitor:
    """Watches logs, and remembers what it saw.

    Parameters
    ----------
    folder
        Pinned checkpoints and evidence.
    clock
        POSIX seconds.
    longest
        Seconds after which a log that shows nothing new is ``stale``.
    """

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time, longest: float = DAY) -> None:
        self.folder = folder
        self._clock = clock
        self._longest = longest

    def watch(
        self,
        key: VerifierKey,
        sources: Sequence[Source],
        *,
        policy: Policy | None = None,
        held: Sequence[Note] = (),
    ) -> Watched:
        """Look at a log everywhere it is shown, and pin what continues what was pinned.

        Parameters
        ----------
        key
            The log's founding key, or the one it signs with; of no use once the log is pinned.
        sources
            Where it is shown: all must show one history.
        policy
            Witnesses that must have cosigned.
        held
            Notes of the log that others hold, such as a witness of this machine.

        Raises
        ------
        LogError
            What was pinned can't be read: nothing is pinned over it.
        """
        pin = self._pinned(key)
        found = Watched(key.name, pin.seen.size if pin else 0, pin.seen.size if pin else None)
        standing = pin.standing if pin else Standing([key])
        views: list[tuple[_View, Standing]] = []
        for source in sources:
            view = self._viewed(found, source, standing.keys[0].name)
            if view is None:
                continue
            then = self._compared(found, view, pin, standing)
            if then is not None and self._signed(found, view, then, pin):
                views.append((view, then))
        views.sort(key=lambda one: one[0].seen.size)
        if views:
            newest, then = views[-1]
            if key not in then.keys:
                why = f"{key} is not among the keys of the log that was pinned"
                self._observe(found, "rewritten", newest.source.where, why)
            self._one_history(found, [one for one, _ in views], held)
            self._witnessed(found, newest, policy)
            if not any(one.kind in _OPEN for one in found.observations):
                self._pin(newest, then, pin)
                found.size = newest.seen.size
        self._fresh(found, views[-1][0].note if views else None, pin, policy)
        return found

    def _viewed(self, found: Watched, source: Source, origin: str) -> _View | None:
        try:
            note = Note.parse(source.checkpoint())
            seen = Checkpoint.parse(note.text)
        except LogError as problem:
            self._observe(found, "unreachable", source.where, problem.message)
        except VerificationError as problem:
            self._observe(found, "not_canonical", source.where, problem.message)
        else:
            if seen.origin == origin:
                return _View(source, note, seen)
            self._observe(found, "wrong_log", source.where, f"{seen.origin}, not {origin}")
        return None

    def _compared(self, found: Watched, view: _View, pin: _Pin | None, standing: Standing) -> Standing | None:
        """The log's standing under ``view``, when it continues what is pinned and can be read; else None."""
        seen, where = view.seen, view.source.where
        old = pin.seen if pin else Checkpoint(seen.origin, 0, Frontier().root())
        if seen.size < old.size:
            why = f"{seen.size} entries, {old.size} before"
            self._observe(found, "rollback", where, why, (pin.note, view.note) if pin else ())
            return None
        if seen.size == old.size:
            if seen.root != old.root:
                why = f"two roots of {seen.size} entries"
                self._observe(found, "fork", where, why, (pin.note, view.note) if pin else ())
                return None
            return standing
        try:
            edge = Frontier(old.size, view.before(old.size).peaks())
            if edge.root() != old.root:
                self._not_continued(found, view, pin, edge.root())
                return None
        except LedgerError as problem:
            self._observe(found, "tiles", where, problem.message)
            return None
        then = standing
        try:
            for index, entry in _entries(view.source, old.size, seen.size):
                edge.append(leaf_hash(entry))
                if is_statement(entry):
                    then = _after(then, index, entry)
        except LedgerError as problem:
            self._observe(found, "gap", where, problem.message)
            return None
        if edge.root() != seen.root:
            self._observe(found, "gap", where, f"entries {old.size} to {seen.size} are not those signed")
            return None
        return then

    def _not_continued(self, found: Watched, view: _View, pin: _Pin | None, root: bytes) -> None:
        """Tell a fork, which the signed checkpoint itself proves, from tiles that are wrong."""
        old, tree = pin.seen.size if pin else 0, view.tree
        try:
            verify_consistency(old, view.seen.size, root, view.seen.root, tree.consistency(old))
        except LedgerError:
            why = f"the tiles lead to no root that was signed at {old} entries"
            self._observe(found, "tiles", view.source.where, why)
            return
        why = f"{view.seen.size} entries that do not continue the {old} signed before"
        notes = (pin.note, view.note) if pin else ()
        self._observe(found, "fork", view.source.where, why, notes)

    def _signed(self, found: Watched, view: _View, standing: Standing, pin: _Pin | None) -> bool:
        try:
            signed = view.note.signers([*standing.keys, *standing.cosigners()])
            if any(key in signed for key in standing.signing):
                return True
            why = "no key of the log that is still believed has signed"
        except VerificationError as problem:
            why = problem.message
        notes = (pin.note, view.note) if pin else ()
        self._observe(found, "rewritten" if pin else "signature", view.source.where, why, notes)
        return False

    def _one_history(self, found: Watched, views: Sequence[_View], held: Sequence[Note]) -> None:
        """Compare what the sources show, and what others hold, with the largest of it."""
        newest = views[-1]
        others = [(one.source.where, one.note) for one in views[:-1]] + [("held", note) for note in held]
        for where, note in others:
            seen = Checkpoint.parse(note.text)
            if seen.size > newest.seen.size:
                why = f"{newest.seen.size} entries; {seen.size} were cosigned"
                self._observe(found, "rollback", newest.source.where, why, (note, newest.note))
                continue
            try:
                same = newest.tree.root(0, seen.size) == seen.root
            except LedgerError as problem:
                self._observe(found, "tiles", newest.source.where, problem.message)
                continue
            if not same:
                why = f"another history of {seen.size} entries than at {newest.source.where}"
                self._observe(found, "split_view", where, why, (note, newest.note))

    def _witnessed(self, found: Watched, view: _View, policy: Policy | None) -> None:
        if policy is None:
            return
        try:
            found.cosigners = policy.check(view.note).cosigners
        except VerificationError as problem:
            kind = "quorum" if problem.reason == "quorum" else "signature"
            self._observe(found, kind, view.source.where, problem.message)

    def _fresh(self, found: Watched, note: Note | None, pin: _Pin | None, policy: Policy | None) -> None:
        """Whether the log still shows something new, by its cosignatures or by what was seen of it."""
        now = int(self._clock())
        times = []
        if note and policy:
            with suppress(VerificationError):
                times = [line.timestamp for line in note.signers(policy.witnesses.values()).values()]
        if times and max(times) > now + _AHEAD_OF_TIME:
            why = f"a cosignature of {max(times)}, now is {now}"
            self._observe(found, "clock", found.origin, why)
        grown = pin is None or found.size > pin.seen.size
        last = max([*times, now if grown else pin.changed if pin else now])
        if now - last > self._longest:
            self._observe(found, "stale", found.origin, f"nothing new for {now - last} s")

    def _observe(self, found: Watched, kind: str, where: str, said: str, notes: Sequence[Note] = ()) -> None:
        """Note what is wrong; two notes that contradict each other are kept as they were signed."""
        kept: str | None = None
        if len(notes) > 1:
            data = [bytes(note) for note in notes]
            folder = self.folder / "evidence" / f"{kind}-{sha256(b''.join(data)).hexdigest()[:16]}"
            for name, one in zip(("held", "shown"), data, strict=True):
                write_whole(folder / f"{name}.note", one)
            about = {"origin": found.origin, "kind": kind, "where": where, "said": said}
            if not (folder / "finding.json").exists():
                about["at"] = str(int(self._clock()))
                write_whole(folder / "finding.json", json.dumps(about, indent=1).encode())
            kept = str(folder)
        found.observations.append(Observation(kind, where, said, kept))

    def _file(self, key: VerifierKey) -> Path:
        return self.folder / f"{sha256(key.name.encode()).hexdigest()[:32]}.json"

    def _pinned(self, key: VerifierKey) -> _Pin | None:
        path = self._file(key)
        if not path.exists():
            return None
        try:
            kept = json.loads(path.read_bytes())
            keys = [VerifierKey.parse(one) for one in kept["keys"]]
            believed = {bytes.fromhex(one): int(last) for one, last in kept["believed"].items()}
            cosigner = VerifierKey.parse(kept["cosigner"]) if kept["cosigner"] else None
            policy = Policy.parse(kept["policy"].encode()) if kept["policy"] else None
            standing = Standing(keys, cosigner, policy, believed)
            pin = _Pin(Note.parse(kept["note"].encode()), standing, int(kept["changed"]))
            if not pin.note.signers(keys) or pin.seen.origin != key.name:
                raise VerificationError.of("no_signature", origin=key.name)
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            raise LogError.of("bad_pins", path=path, why=problem) from None
        return pin

    def _pin(self, view: _View, standing: Standing, pin: _Pin | None) -> None:
        same = pin is not None and pin.note.text == view.note.text
        document: dict[str, Plain | dict[str, int]] = {
            "note": bytes(view.note).decode(),
            "keys": [str(key) for key in standing.keys],
            "cosigner": str(standing.cosigner) if standing.cosigner else None,
            "policy": bytes(standing.policy).decode() if standing.policy else None,
            "believed": {one.hex(): last for one, last in standing.believed.items()},
            "changed": pin.changed if pin and same else int(self._clock()),
        }
        write_whole(self._file(standing.keys[0]), json.dumps(document, indent=1).encode(), mode=0o600)


def monitor_home() -> Path:
    """The folder of this user's monitor."""
    return state_home() / "monitor"


def as_document(watched: Sequence[Watched]) -> dict[str, object]:
    """What ``assay ledger monitor --json`` prints."""
    return {
        "sound": not any(one.observations for one in watched),
        "logs": [asdict(one) for one in watched],
    }


def _entries(source: Source, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    for at in range(start // WIDTH, -(-end // WIDTH)):
        tile = tile_of(ENTRIES, at, end)
        for n, entry in enumerate(read_bundle(source.read(tile), tile.width)):
            if at * WIDTH + n >= start:
                yield at * WIDTH + n, entry


def _after(standing: Standing, index: int, entry: bytes) -> Standing:
    """The standing after an entry that may be a statement; what the log may not say changes nothing."""
    with suppress(LedgerError):
        body = Entry.parse(entry).signed.verify()
        if isinstance(body, Statement):
            return standing.after(body, index)
    return standing
