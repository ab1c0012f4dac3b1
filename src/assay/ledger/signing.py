"""Who signs the checkpoints of a log: its keys, its own cosigner, and the witnesses it asks."""

from __future__ import annotations

from assay.ledger.checkpoint import Checkpoint
from assay.ledger.cosigning import Cosigners, vouching
from assay.ledger.disk import write_whole
from assay.ledger.errors import LogError
from assay.ledger.keys import SigningKey, VerifierKey
from assay.ledger.notes import Note
from assay.ledger.place import LOG_KEY, Place, keys_text
from assay.ledger.policy import Policy
from assay.ledger.signer import SocketSigner
from assay.ledger.standing import Standing, published_standing
from assay.ledger.tiles import TileTree


class Signing:
    """The signatures of a log's checkpoints.

    Parameters
    ----------
    place
        The log.
    standing
        Its keys and witnesses.
    clock
        POSIX seconds.
    """

    def __init__(self, place: Place, standing: Standing) -> None:
        self._place = place
        self._standing: Standing | None = None
        self._policy: Policy | None = None
        self._cosigners: Cosigners | None = None
        self.follow(standing)

    def follow(self, standing: Standing) -> None:
        """Sign by ``standing`` from now on.

        Raises
        ------
        LogError
            ``no_key``: none of its private keys is here.
        """
        if standing is self._standing:
            return
        self._keys = [key for one in standing.signing if (key := self._signer(one))]
        if not self._keys:
            raise LogError.of("no_key", path=self._place.key_of(standing.signing[-1]))
        own = standing.cosigner
        self._own = SigningKey.read(self._place.cosigner) if own and self._place.cosigner.exists() else None
        if standing.keys != self._place.keys():
            write_whole(self._place.folder / LOG_KEY, keys_text(standing.keys))
        if standing.policy is not self._policy:
            self.close()
            self._policy = standing.policy
            if standing.policy and standing.policy.witnesses:
                self._cosigners = Cosigners(standing.policy, self._place.witnesses)
        self._standing = standing

    def sign(self, seen: Checkpoint, timestamp: int) -> Note:
        """The checkpoint with the signatures of the log itself; ``timestamp`` in POSIX seconds."""
        text = str(seen)
        note = Note(text, tuple(key.sign(text) for key in self._keys))
        return note.signed(self._own.sign(text, timestamp=timestamp)) if self._own else note

    def cosigned(self, note: Note, tree: TileTree) -> Note:
        """``note`` with the cosignatures the witnesses give now; kept where it has its quorum with them."""
        if self._cosigners is None:
            return note
        note = self._cosigners.cosign(note, tree)
        names = vouching(note, self._policy)
        if names and self._cosigners.policy.reached(names):
            write_whole(self._place.cosigned, bytes(note), mode=0o600)
        return note

    def missing(self, note: Note) -> bool:
        """Whether a witness that may be asked now has not cosigned ``note``."""
        return self._cosigners is not None and self._cosigners.missing(note)

    def compare(self, note: Note, tree: TileTree) -> list[str]:
        """Names of the witnesses that confirm a checkpoint signed before (:meth:`Cosigners.compare`)."""
        return self._cosigners.compare(note, tree) if self._cosigners else []

    def close(self) -> None:
        """Let go of the witnesses."""
        if self._cosigners is not None:
            self._cosigners.close()
            self._cosigners = None

    def _signer(self, key: VerifierKey) -> SigningKey | SocketSigner | None:
        path = self._place.key_of(key)
        if path.exists():
            found = SigningKey.read(path)
            if found.verifier != key:
                raise LogError.of("other_key", path=path, name=key.name)
            return found
        return SocketSigner(self._place.signer, key) if self._place.signer.exists() else None


def provable(place: Place, published: Note, index: int) -> Note:
    """The checkpoint to prove entry ``index`` under: the published one, or the last with a quorum.

    While too few witnesses answer, a proof under the published checkpoint convinces nobody who asks for them.

    Parameters
    ----------
    place
        The log.
    published
        The published checkpoint.
    index
        The last entry to be proved.
    """
    policy = published_standing(place).policy
    if policy is None or not policy.witnesses or not place.cosigned.exists():
        return published
    if policy.reached(names := vouching(published, policy)) and names:
        return published
    kept = Note.parse(place.cosigned.read_bytes())
    covers = index < Checkpoint.parse(kept.text).size <= Checkpoint.parse(published.text).size
    return kept if covers and policy.reached(vouching(kept, policy)) else published
