"""Audit: read every file of a log, change none, and name each difference from what segments and keys say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from assay.ledger.checkpoint import Checkpoint
from assay.ledger.derived import CHECKPOINT, Edge, narrowed
from assay.ledger.entries import Entry, Individual, Origin, Statement
from assay.ledger.errors import LedgerError, VerificationError
from assay.ledger.keys import KeyKind, VerifierKey
from assay.ledger.merkle import EMPTY_ROOT, HASH_SIZE, leaf_hash
from assay.ledger.notes import Note
from assay.ledger.place import LOG_KEY, keys_text
from assay.ledger.segment import Break, epoch_of, read_runs, segments
from assay.ledger.standing import Standing, standing_of, statements_in
from assay.ledger.tiles import ENTRIES, WIDTH, Tile, tile_of, tiles_between


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference.

    Parameters
    ----------
    file
        Path below the audited folder.
    index
        Entry it is about, None where it is about none.
    offset
        Byte in the file, None where the whole file is meant.
    kind
        What is wrong, one word for programs, such as ``tile_differs``.
    rebuildable
        Whether ``assay ledger rebuild`` makes it good.
    """

    file: str
    index: int | None
    offset: int | None
    kind: str
    rebuildable: bool


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit saw.

    Parameters
    ----------
    valid
        Whether there is no finding.
    size, root
        How many entries the segments hold, and the root over them.
    findings
        Every difference.
    """

    valid: bool
    size: int
    root: bytes
    findings: tuple[Finding, ...]


def audit(folder: Path, *, quick: bool = False, pinned: Checkpoint | Note | None = None) -> Audit:
    """Audit the log in ``folder``; nothing is written, and nothing recovered.

    Parameters
    ----------
    folder
        Folder of the log, or a copy of it.
    quick
        Hash everything again, but look into no entry: neither at its form nor at its issuer's signature.
    pinned
        A checkpoint known from elsewhere, or the note it came in, which the log must have signed; without
        one, a log that was rolled back or signed anew as a whole looks like any other.
    """
    return _Auditor(folder, quick=quick, pinned=pinned).run()


class _Auditor:
    def __init__(self, folder: Path, *, quick: bool, pinned: Checkpoint | Note | None) -> None:
        self._folder = folder
        self._quick = quick
        self._note = pinned if isinstance(pinned, Note) else None
        self._pinned = Checkpoint.parse(pinned.text) if isinstance(pinned, Note) else pinned
        self._standing: Standing | None = None
        self._statements: list[tuple[int, Statement]] = []
        self._then: Standing | None = None
        self._findings: list[Finding] = []
        self._edge = Edge()
        self._roots: dict[int, bytes] = {0: EMPTY_ROOT}
        self._compared: set[str] = set()
        self._signed = 0
        self._last: dict[Tile, bytes] = {}
        self._last_of: dict[str, int] = {}
        self._origins: set[Origin] = set()

    def run(self) -> Audit:
        keys = self._keys()
        if keys:
            self._then = Standing(keys[:1])
            self._statements = list(statements_in(self._folder / "segment"))
            self._standing = standing_of(keys[0], self._statements)
            if keys != self._standing.keys:
                self._find(LOG_KEY, "key_differs", again=True)
        published = self._published()
        wanted = {seen.size for seen in (published, self._pinned) if seen}
        self._signed = published.size if published else 0
        self._entries(wanted)
        if published:
            self._same_root(published, CHECKPOINT, "checkpoint_differs")
            self._files(published)
        if self._pinned:
            self._same_root(self._pinned, CHECKPOINT, "pinned_differs")
            if self._note and not self._is_mine(self._note, self._pinned):
                self._find(CHECKPOINT, "pinned_key")
        found = tuple(self._findings)
        return Audit(not found, self._edge.size, self._edge.root(), found)

    def _find(
        self,
        file: str,
        kind: str,
        *,
        index: int | None = None,
        offset: int | None = None,
        again: bool = False,
    ) -> None:
        self._findings.append(Finding(file, index, offset, kind, again))

    def _keys(self) -> list[VerifierKey]:
        try:
            data = (self._folder / LOG_KEY).read_bytes()
            lines = data.decode("utf-8").removesuffix("\n").split("\n")
            keys = [VerifierKey.parse(line) for line in lines]
            if data != keys_text(keys) or any(key.kind is not KeyKind.ED25519 for key in keys):
                self._find(LOG_KEY, "key_not_canonical")
            return keys
        except FileNotFoundError:
            self._find(LOG_KEY, "missing")
        except (LedgerError, UnicodeDecodeError):
            self._find(LOG_KEY, "key_not_canonical")
        return []

    def _is_mine(self, note: Note, seen: Checkpoint) -> bool:
        """Whether the log's newest key of then that is still believed has signed, and no line is false."""
        standing = self._standing
        if standing is None or seen.origin != standing.keys[0].name:
            return False
        try:
            signed = note.signers([*standing.keys, *standing.cosigners()])
        except VerificationError:
            return False
        then = standing_of(standing.keys[0], [one for one in self._statements if one[0] < seen.size])
        wanted = [key for key in then.signing if key.public not in standing.believed]
        return bool(wanted) and wanted[-1] in signed

    def _published(self) -> Checkpoint | None:
        """The published checkpoint; every line under it must be one we can verify, or it is a finding."""
        try:
            note = Note.parse((self._folder / CHECKPOINT).read_bytes())
            seen = Checkpoint.parse(note.text)
        except FileNotFoundError:
            self._find(CHECKPOINT, "missing", again=True)
            return None
        except VerificationError:
            self._find(CHECKPOINT, "not_canonical", again=True)
            return None
        if not self._is_mine(note, seen) or seen.extensions:
            self._find(CHECKPOINT, "signature", again=True)
        elif standing := self._standing:
            known = [*standing.keys, *standing.cosigners()]
            if not all(any(key.matches(line) for key in known) for line in note.signatures):
                self._find(CHECKPOINT, "unknown_signature", again=True)
        return seen

    def _entries(self, wanted: set[int]) -> None:
        """Hash every entry again, compare what is full with its file, and keep the roots at sizes wanted."""
        folder = self._folder / "segment"
        epoch = 0
        for path in segments(folder):
            with path.open("rb") as file:
                mine = epoch_of(file.read(36))
            if mine < epoch:
                self._find(self._name(path), "epoch_goes_back", offset=24)
            epoch = mine
        for run in read_runs(folder):
            if isinstance(run, Break):
                self._find(self._name(run.path), "unreadable", index=run.index, offset=run.offset)
                break
            leaves = [leaf_hash(entry) for entry in run.entries]
            at = 0
            for size in sorted(one for one in wanted if run.first < one <= run.end):
                upto = size - run.first
                self._grow(run.entries[at:upto], leaves[at:upto])
                self._roots[size] = self._edge.root()
                at = upto
            self._grow(run.entries[at:], leaves[at:])
            if not self._quick:
                for index, entry in enumerate(run.entries, run.first):
                    if kind := self._entry(index, entry):
                        offset = run.offsets[index - run.first]
                        self._find(self._name(run.path), kind, index=index, offset=offset)

    def _grow(self, entries: list[bytes], leaves: list[bytes]) -> None:
        for tile, expected in self._edge.extend(entries, leaves):
            if tile.index == self._signed >> 8 * max(tile.level, 0) >> 8:
                self._last[tile] = expected
            path = self._folder / tile.path
            if path.is_file() and not path.is_symlink():
                self._compared.add(tile.path)
                self._same(tile, path, expected)

    def _entry(self, index: int, data: bytes) -> str | None:
        """What is wrong with entry ``index``, one word."""
        try:
            entry = Entry.parse(data)
            body = entry.signed.verify()
        except VerificationError:
            return "issuer_signature"
        except LedgerError:
            return "entry_not_canonical"
        previous = None
        if isinstance(body, Individual | Statement):
            previous = self._last_of.get(body.subject)
            self._last_of[body.subject] = index
        known = body.origin in self._origins
        self._origins.add(body.origin)
        if known:
            return "logged_twice"
        if entry.previous != previous:
            return "wrong_previous"
        if self._standing and self._standing.refuses(body.issuer, index):
            return "retired_issuer" if body.issuer in self._standing.replaced else "distrusted_issuer"
        try:
            if self._then:
                self._then.in_time(body)
        except LedgerError:
            return "expired_issuer"
        if isinstance(body, Statement) and not self._states(body, index):
            return "statement_refused"
        return None

    def _states(self, body: Statement, index: int) -> bool:
        """Whether the log might say this then."""
        if self._then is None:
            return False
        try:
            self._then = self._then.after(body, index)
        except LedgerError:
            return False
        return True

    def _same_root(self, seen: Checkpoint, file: str, kind: str) -> None:
        if self._roots.get(seen.size) != seen.root:
            self._find(file, kind, index=min(seen.size, self._edge.size))

    def _files(self, published: Checkpoint) -> None:
        """Name every file that is not one of the log's, and compare those that were not yet."""
        needed = {tile.path for tile in tiles_between(0, published.size)}
        self._last.update((Tile(tile.level, tile.index), data) for tile, data in self._edge.partial())
        for path in sorted(self._folder.rglob("*")):
            name = self._name(path)
            if name in self._compared:
                needed.discard(name)
                continue
            if path.is_dir() and not path.is_symlink():
                continue
            if path.is_symlink() or not self._known(name, path):
                self._find(name, "unknown_file", again=name.startswith("tile/") or name.endswith(".new"))
            elif name.startswith("tile/"):
                tile = Tile.parse(name)
                if name not in needed and tile.width < WIDTH:
                    self._find(name, "old_partial_tile", again=True)
                    continue
                needed.discard(name)
                self._same(tile, path, self._expected(tile))
        for name in sorted(needed):
            self._find(name, "missing", again=True)

    def _known(self, name: str, path: Path) -> bool:
        if name in {LOG_KEY, CHECKPOINT}:
            return True
        if name.startswith("segment/"):
            return path in segments(self._folder / "segment")
        try:
            return Tile.parse(name).path == name
        except VerificationError:
            return False

    def _expected(self, tile: Tile) -> bytes:
        """What the segments make of a tile that was not full at the published checkpoint."""
        wide = tile_of(tile.level, tile.index, self._edge.size)
        data = self._last.get(Tile(tile.level, tile.index), b"")
        return narrowed(data, wide, tile) if tile.width <= wide.width else b""

    def _same(self, tile: Tile, path: Path, expected: bytes) -> None:
        data = path.read_bytes()
        if data != expected:
            at = next((n for n, (a, b) in enumerate(zip(data, expected, strict=False)) if a != b), None)
            offset = min(len(data), len(expected)) if at is None else at
            span = 256 ** max(tile.level, 0)
            index = tile.index * WIDTH * span + (0 if tile.level == ENTRIES else offset // HASH_SIZE * span)
            self._find(tile.path, "tile_differs", index=index, offset=offset, again=True)

    def _name(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix()
