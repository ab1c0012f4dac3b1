"""Whom to believe: the logs, the witnesses, and how many of them (C2SP tlog-policy).

Two things more than the specification has, comments for other readers: ``#distrust KEY after N`` says that a
key (a vkey, or the 64 hexadecimal digits of an issuer's) is not to be believed beyond entry N of the log, and
``#expire KEY at TIME`` that an issuer's is not to be believed for entries whose own time is TIME or later.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from assay.ledger.checkpoint import Checkpoint
from assay.ledger.errors import VerificationError
from assay.ledger.keys import KeyKind, VerifierKey, is_public_hex
from assay.ledger.notes import Note
from assay.ledger.text import as_moment, of_decimal, of_moment

_NONE = "none"
_COSIGNING = (KeyKind.COSIGNATURE_ED25519, KeyKind.COSIGNATURE_MLDSA44)
_DISTRUST = "#distrust"
_EXPIRE = "#expire"


@dataclass(frozen=True, slots=True)
class Group:
    """Counts as having cosigned when ``needed`` of its members have."""

    needed: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Believed:
    """A checkpoint a policy believes, and the names of the witnesses that cosigned it."""

    checkpoint: Checkpoint
    cosigners: tuple[str, ...]


@dataclass(slots=True)
class Policy:
    """What a checkpoint must be signed with.

    Parameters
    ----------
    logs
        Keys of the logs to believe, any of them.
    witnesses
        Keys of witnesses by the names the policy gives them.
    groups
        Groups by name.
    quorum
        The witness or group that must have cosigned; ``none`` for nobody.
    urls
        Where a log (by its vkey) or a witness (by its name) is reached, for those that say it.
    distrusted
        Keys (32 bytes for Ed25519) and the last entry each is believed for.
    expired
        Keys of issuers and the moment each is no longer believed from, microseconds since 1970.
    """

    logs: list[VerifierKey] = field(default_factory=list)
    witnesses: dict[str, VerifierKey] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    quorum: str | None = None
    urls: dict[str, str] = field(default_factory=dict)
    distrusted: dict[bytes, int] = field(default_factory=dict)
    expired: dict[bytes, int] = field(default_factory=dict)

    def __bytes__(self) -> bytes:
        """The policy in its canonical form: no comment, no blank line, one space between words."""
        at = self.urls.get
        counts = {name: str(group.needed) for name, group in self.groups.items()}
        lines = [
            *(f"log {key} {at(str(key), '')}".rstrip(" ") for key in self.logs),
            *(f"witness {name} {key} {at(name, '')}".rstrip(" ") for name, key in self.witnesses.items()),
            *(f"group {name} {counts[name]} {' '.join(one.members)}" for name, one in self.groups.items()),
            f"quorum {self.quorum or _NONE}",
            *(f"{_DISTRUST} {key.hex()} after {index}" for key, index in self.distrusted.items()),
            *(f"{_EXPIRE} {key.hex()} at {as_moment(when)}" for key, when in self.expired.items()),
        ]
        return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")

    @classmethod
    def parse(cls, data: bytes) -> Policy:
        """The policy in ``data``.

        Raises
        ------
        VerificationError
            A line is not valid; the message numbers it.
        """
        policy = cls()
        lines = {
            "log": policy._log,
            "witness": policy._witness,
            "group": policy._group,
            "quorum": policy._quorum,
            _DISTRUST: policy._distrust,
            _EXPIRE: policy._expire,
        }
        for number, raw in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), 1):
            if any(one < " " and one != "\t" for one in raw) or "\x7f" in raw:
                raise VerificationError.of("bad_policy", line=number, why="a control character")
            words = raw.replace("\t", " ").strip(" ").split(" ")
            words = [word for word in words if word]
            if not words or (words[0].startswith("#") and words[0] not in {_DISTRUST, _EXPIRE}):
                continue
            try:
                lines[words[0]](words[1:])
            except KeyError:
                raise VerificationError.of("bad_policy", line=number, why=f"{words[0]!r}") from None
            except VerificationError as problem:
                raise VerificationError.of("bad_policy", line=number, why=problem.message) from None
        if policy.quorum is None:
            raise VerificationError.of("bad_policy", line=number, why="no quorum up to the end")
        return policy

    def check(self, note: Note) -> Believed:
        """The checkpoint of ``note``, when a log of the policy signed it and the quorum cosigned it.

        Raises
        ------
        VerificationError
            A signature is wrong or missing, or too few witnesses have cosigned.
        """
        seen = Checkpoint.parse(note.text)
        if not any(key.name == seen.origin for key in self.logs):
            expected = ", ".join(key.name for key in self.logs)
            raise VerificationError.of("wrong_log", origin=seen.origin, expected=expected)
        signed_by = note.signers(key for key in self.logs if key.name == seen.origin)
        if not signed_by:
            raise VerificationError.of("no_signature", origin=seen.origin)
        signed = note.signers(self.witnesses.values())
        cosigners = tuple(name for name, key in self.witnesses.items() if key in signed)
        if not any(self._stands(key, seen, cosigners) for key in signed_by):
            raise VerificationError.of("distrusted_log", origin=seen.origin, size=seen.size)
        if not self._reached(self.quorum or _NONE, cosigners):
            raise VerificationError.of(
                "quorum", origin=seen.origin, cosigners=", ".join(cosigners) or "-", quorum=self.quorum
            )
        return Believed(seen, cosigners)

    def check_issuer(self, issuer: bytes, index: int, when: int) -> None:
        """Check that the issuer's key (32 bytes) is believed for entry ``index`` of its own time ``when``.

        Raises
        ------
        VerificationError
            ``distrusted_issuer``, ``expired_issuer``: the policy does not believe it so far.
        """
        until = self.expired.get(issuer)
        if until is not None and when >= until:
            said = {"until": as_moment(until), "when": as_moment(when)}
            raise VerificationError.of("expired_issuer", public=issuer.hex(), index=index, **said)
        last = self.distrusted.get(issuer)
        if last is not None and index > last:
            raise VerificationError.of("distrusted_issuer", public=issuer.hex(), index=index, last=last)

    def reached(self, cosigners: Iterable[str]) -> bool:
        """Whether these witnesses are the quorum."""
        return self._reached(self.quorum or _NONE, tuple(cosigners))

    def _stands(self, key: VerifierKey, seen: Checkpoint, cosigners: tuple[str, ...]) -> bool:
        """Whether a log's signature counts: who stole its key can sign old sizes, but not for witnesses."""
        last = self.distrusted.get(key.public)
        return last is None or (seen.size <= last + 1 and bool(cosigners))

    def _reached(self, name: str, cosigners: tuple[str, ...]) -> bool:
        if name == _NONE:
            return True
        if name in self.witnesses:
            return name in cosigners
        group = self.groups[name]
        return sum(self._reached(member, cosigners) for member in group.members) >= group.needed

    def _log(self, words: list[str]) -> None:
        if not 1 <= len(words) <= 2:
            raise VerificationError.of("bad_key", value=" ".join(words)[:80], why="log KEY [URL]")
        key = VerifierKey.parse(words[0])
        if any(key.public == known.public for known in self.logs):
            raise VerificationError.of("bad_key", value=key.name, why="listed twice")
        self.logs.append(key)
        if words[1:]:
            self.urls[str(key)] = words[1]

    def _witness(self, words: list[str]) -> None:
        if not 2 <= len(words) <= 3:
            raise VerificationError.of("bad_key", value=" ".join(words)[:80], why="witness NAME KEY [URL]")
        self._unused(words[0])
        key = VerifierKey.parse(words[1])
        if key.kind not in _COSIGNING:
            raise VerificationError.of("bad_key", value=key.name, why="not a key of a witness")
        if any(key.public == known.public for known in self.witnesses.values()):
            raise VerificationError.of("bad_key", value=key.name, why="listed twice")
        self.witnesses[words[0]] = key
        if words[2:]:
            self.urls[words[0]] = words[2]

    def _group(self, words: list[str]) -> None:
        if len(words) < 3:
            raise VerificationError.of("bad_key", value=" ".join(words)[:80], why="group NAME K MEMBER...")
        name, needed, *members = words
        self._unused(name)
        used = {member for group in self.groups.values() for member in group.members}
        for at, member in enumerate(members):
            if member not in self.witnesses and member not in self.groups:
                raise VerificationError.of("bad_key", value=member, why="not defined above")
            if member in used or member in members[:at]:
                raise VerificationError.of("bad_key", value=member, why="a member twice")
        count = {"all": len(members), "any": 1}.get(needed) or of_decimal(needed)
        if not 1 <= count <= len(members):
            raise VerificationError.of("bad_number", value=needed)
        self.groups[name] = Group(count, tuple(members))

    def _quorum(self, words: list[str]) -> None:
        if len(words) != 1 or self.quorum is not None:
            raise VerificationError.of("bad_key", value=" ".join(words)[:80], why="quorum NAME, once")
        if words[0] not in {_NONE, *self.witnesses, *self.groups}:
            raise VerificationError.of("bad_key", value=words[0], why="not defined above")
        self.quorum = words[0]

    def _distrust(self, words: list[str]) -> None:
        if len(words) != 3 or words[1] != "after":
            raise VerificationError.of("bad_key", value=" ".join(words)[:80], why=f"{_DISTRUST} KEY after N")
        key = bytes.fromhex(words[0]) if is_public_hex(words[0]) else VerifierKey.parse(words[0]).public
        if key in self.distrusted:
            raise VerificationError.of("bad_key", value=words[0][:80], why="listed twice")
        self.distrusted[key] = of_decimal(words[2])

    def _expire(self, words: list[str]) -> None:
        if len(words) != 3 or words[1] != "at" or not is_public_hex(words[0]):
            raise VerificationError.of("bad_key", value=" ".join(words)[:80], why=f"{_EXPIRE} KEY at TIME")
        key = bytes.fromhex(words[0])
        if key in self.expired:
            raise VerificationError.of("bad_key", value=words[0][:80], why="listed twice")
        self.expired[key] = of_moment(words[2])

    def _unused(self, name: str) -> None:
        if name == _NONE or name in self.witnesses or name in self.groups:
            raise VerificationError.of("bad_key", value=name, why="the name is taken")
