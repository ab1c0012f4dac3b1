"""Where a log's things are: what may be copied under ``ledger/``, what must not be beside it elsewhere."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from assay.ledger.disk import write_whole
from assay.ledger.errors import LogError, VerificationError
from assay.ledger.keys import KeyKind, SigningKey, VerifierKey

LOG_KEY = "log.vkey"
MAIN = "main"
REFUSED = "refused"
"""Name of the log of what the gate refused; the writer of ``main`` writes it too."""

NOT_HERE = frozenset({"no_log", "no_log_key", "not_here"})
"""Reasons for which there is no log to read or write on this machine."""


def state_home() -> Path:
    """Where heads, keys and indexes are kept: ``ASSAY_STATE``, or ``assay`` in the user's state folder."""
    if named := os.environ.get("ASSAY_STATE"):
        return Path(named)
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "assay"


@dataclass(frozen=True, slots=True)
class Place:
    """A log and its outside.

    Parameters
    ----------
    folder
        Folder of the log, such as ``plant/ledger/main``.
    outside
        Folder outside the plant: key, last head, fencing epoch, index, what recovery cut off.
    """

    folder: Path
    outside: Path

    @classmethod
    def of(cls, plant: Path, name: str = MAIN) -> Place:
        """The log ``name`` of a plant; its outside is found by the log's public key.

        Raises
        ------
        LogError
            The plant has no such log.
        """
        folder = plant.resolve() / "ledger" / name
        founding = read_keys(folder, 1)[0]
        return cls(folder, state_home() / sha256(str(founding).encode()).hexdigest()[:32])

    @classmethod
    def make(cls, plant: Path, origin: str, name: str = MAIN) -> Place:
        """A new log of a plant, with a key of its own.

        Raises
        ------
        LogError
            There is one already.
        """
        folder = plant.resolve() / "ledger" / name
        if folder.exists():
            raise LogError.of("log_exists", path=folder)
        key = SigningKey.generate(origin, KeyKind.ED25519)
        place = cls(folder, state_home() / sha256(str(key.verifier).encode()).hexdigest()[:32])
        place.outside.mkdir(parents=True, mode=0o700)
        key.write(place.key)
        write_whole(folder / LOG_KEY, keys_text([key.verifier]))
        return place

    @property
    def name(self) -> str:
        """The log's name in its plant."""
        return self.folder.name

    @property
    def written_with(self) -> Place:
        """The log whose writer writes this one and whose issuer signs here: ``main`` for ``refused``."""
        return Place.of(self.folder.parent.parent) if self.name == REFUSED else self

    @property
    def key(self) -> Path:
        """The file of the log's founding private key."""
        return self.outside / "log.key"

    def key_of(self, key: VerifierKey) -> Path:
        """The file of the private key of ``key``; there may be none."""
        founding = self.keys()[0]
        return self.key if key == founding else self.outside / f"log-{key.key_id.hex()}.key"

    @property
    def cosigner(self) -> Path:
        """The file of the log's own ML-DSA-44 key; there may be none."""
        return self.outside / "cosigner.key"

    @property
    def signer(self) -> Path:
        """The socket of whoever holds the log's keys instead of files; there may be none."""
        return _sockets() / f"{sha256(str(self.outside).encode()).hexdigest()[:24]}.signer"

    @property
    def cosigned(self) -> Path:
        """The last checkpoint that had its quorum of witnesses; there may be none."""
        return self.outside / "cosigned"

    @property
    def trouble(self) -> Path:
        """What keeps checkpoints from being signed just now; there may be nothing."""
        return self.outside / "trouble.json"

    @property
    def witnesses(self) -> Path:
        """What the log's witnesses said last."""
        return self.outside / "witnesses.json"

    @property
    def late(self) -> Path:
        """Which sources handed in entries long after their own time; there may be none."""
        return self.outside / "late.json"

    @property
    def head(self) -> Path:
        """The last checkpoint signed, kept where restoring the plant does not reach."""
        return self.outside / "head"

    @property
    def epoch(self) -> Path:
        """The fencing epoch of the writer that may write."""
        return self.outside / "epoch"

    @property
    def index(self) -> Path:
        """The index of origins and subjects."""
        return self.outside / "index.db"

    @property
    def torn(self) -> Path:
        """Folder of what recovery cut off the end of a segment."""
        return self.outside / "torn"

    @property
    def segments(self) -> Path:
        """Folder of the segments."""
        return self.folder / "segment"

    @property
    def socket(self) -> Path:
        """The socket the sequencer listens on; its folder is this user's alone.

        It is of this log alone: a plant made anew in the folder of one that was deleted has another.
        """
        name = sha256(f"{self.folder}\n{self.outside}".encode()).hexdigest()[:24]
        return _sockets() / f"{name}.sock"

    def public_key(self) -> VerifierKey:
        """The newest key the log signs with."""
        return self.keys()[-1]

    def keys(self) -> list[VerifierKey]:
        """Every key the log has signed with, the founding one first."""
        return read_keys(self.folder)


def _sockets() -> Path:
    """Folder of this user's sockets; their paths must be short."""
    return Path(tempfile.gettempdir()) / f"assay-{os.getuid()}"


def read_keys(folder: Path, most: int = -1) -> list[VerifierKey]:
    """The keys of the log in ``folder``, the founding one first; no more than ``most`` where that is said.

    Raises
    ------
    LogError
        There is no log, or the file of its keys is gone.
    VerificationError
        A line is not a vkey.
    """
    try:
        text = (folder / LOG_KEY).read_text("utf-8")
    except FileNotFoundError:
        raise LogError.of("no_log_key" if folder.is_dir() else "no_log", path=folder, file=LOG_KEY) from None
    except UnicodeDecodeError as problem:
        why = f"byte {problem.start} of {LOG_KEY} is not UTF-8"
        raise VerificationError.of("bad_key", value=str(folder), why=why) from None
    lines = text.removesuffix("\n").split("\n")
    return [VerifierKey.parse(line) for line in (lines if most < 0 else lines[:most])]


def keys_text(keys: list[VerifierKey]) -> bytes:
    """The keys as they are kept in the log's folder."""
    return "".join(f"{key}\n" for key in keys).encode()
