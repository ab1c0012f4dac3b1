"""Checks an Assay proof or bundle offline, with nothing of Assay: the standard library and `cryptography`.

    python verify_evidence.py FILE POLICY

FILE is a ``.tlog-proof`` or a bundle, POLICY a C2SP tlog-policy naming the logs and witnesses you believe.
Prints one JSON document and ends with 0 when everything holds. Keys of other types than Ed25519 sign nothing
that counts. Written from the specifications (RFC 6962, RFC 8949, C2SP signed-note, tlog-checkpoint,
tlog-cosignature, tlog-proof and tlog-policy) and the formats in Assay's decision 0015, so that a mistake in
Assay is not made twice.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PLACES = {"individual": (11, 7), "batch": (10, 8), "rows": (10, 9), "statement": (7, 5)}
"""Where the issuer and its time stand in the body of an entry of each class."""
LIMITS = {"#distrust": "after", "#expire": "at"}


def need(condition: object, what: str) -> None:
    """Refuse ``what`` unless ``condition`` holds."""
    if not condition:
        raise ValueError(what)


def b64(text: str) -> bytes:
    """The bytes of base64 in its one spelling."""
    data = base64.b64decode(text, validate=True)
    need(base64.b64encode(data).decode() == text, "base64 in another spelling")
    return data


def number(text: str) -> int:
    """The whole number without leading zeros."""
    need(text.isascii() and text.isdigit() and text == str(int(text)), "number")
    return int(text)


def micros(text: str) -> int:
    """Microseconds since 1970 of a time in UTC by the second."""
    return int(datetime.strptime(text + "+0000", "%Y-%m-%dT%H:%M:%SZ%z").timestamp()) * 1_000_000


def cbor(data: bytes) -> object:
    """One value in the shortest form: whole numbers, bytes, text, arrays, booleans, null."""
    value, rest = _cbor(data)
    need(not rest, "bytes after the value")
    return value


def _cbor(data: bytes) -> tuple[object, bytes]:
    need(data, "cut CBOR")
    major, small, rest = data[0] >> 5, data[0] & 31, data[1:]
    if major == 7:
        need(small in (20, 21, 22), "CBOR value of an unknown kind")
        return {20: False, 21: True, 22: None}[small], rest
    count, width = small, 0 if small < 24 else 1 << small - 24
    if width:
        count, rest = int.from_bytes(rest[:width], "big"), rest[width:]
        need(small <= 27 and count >= (24 if width == 1 else 1 << 4 * width), "CBOR number in a longer form")
    if major in (0, 1):
        return (count if major == 0 else -1 - count), rest
    if major in (2, 3):
        need(len(rest) >= count, "cut CBOR string")
        return (rest[:count] if major == 2 else rest[:count].decode()), rest[count:]
    need(major == 4, "CBOR map or tag")
    items = []
    for _ in range(count):
        item, rest = _cbor(rest)
        items.append(item)
    return items, rest


def leaf_hash(data: bytes) -> bytes:
    """RFC 6962 section 2.1."""
    return hashlib.sha256(b"\0" + data).digest()


def hashes(path: bytes) -> list[bytes]:
    """The hashes of a path."""
    need(len(path) % 32 == 0, "path")
    return [path[n : n + 32] for n in range(0, len(path), 32)]


def root_from(index: int, size: int, leaf: bytes, path: list[bytes]) -> bytes:
    """RFC 9162 section 2.1.3.2."""
    need(0 <= index < size, "index outside the tree")
    fn, sn, found = index, size - 1, leaf
    for one in path:
        need(sn and len(one) == 32, "path too long")
        if fn & 1 or fn == sn:
            found = hashlib.sha256(b"\1" + one + found).digest()
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            found = hashlib.sha256(b"\1" + found + one).digest()
        fn, sn = fn >> 1, sn >> 1
    need(sn == 0, "path too short")
    return found


def signed_by(public: bytes, signature: bytes, message: bytes) -> None:
    """Refuse unless the key has signed the message."""
    Ed25519PublicKey.from_public_bytes(public).verify(signature, message)


class Key:
    """A vkey of a policy."""

    def __init__(self, text: str) -> None:
        self.name, key_id, data = text.split("+", 2)
        raw = b64(data)
        self.kind, self.public = raw[0], raw[1:]
        self.key_id = hashlib.sha256(self.name.encode() + b"\n" + raw).digest()[:4]
        need(self.key_id.hex() == key_id, "key of the policy")


class Policy:
    """Logs, witnesses, groups and the quorum; keys not believed beyond an entry or from a time on."""

    def __init__(self, text: str) -> None:
        self.logs: list[Key] = []
        self.witnesses: dict[str, Key] = {}
        self.groups: dict[str, tuple[int, list[str]]] = {"none": (0, [])}
        self.limits: dict[tuple[str, bytes], int] = {}
        self.quorum = ""
        for words in (line.split() for line in text.split("\n")):
            if words and words[0] in LIMITS:
                kind, key, word, end = words
                about = kind, Key(key).public if "+" in key else bytes.fromhex(key)
                need(about not in self.limits and word == LIMITS[kind], "policy")
                self.limits[about] = number(end) if word == "after" else micros(end)
            elif not words or words[0].startswith("#"):
                continue
            elif words[0] == "log":
                self.logs.append(Key(words[1]))
            elif words[0] == "witness":
                self.witnesses[words[1]] = Key(words[2])
                need(self.witnesses[words[1]].kind != 1, "witness with the key of a log")
            elif words[0] == "group":
                name, count, *members = words[1:]
                self.groups[name] = ({"all": len(members), "any": 1}.get(count) or number(count), members)
            else:
                need(words[0] == "quorum" and not self.quorum, "policy")
                self.quorum = words[1]
        need(self.quorum and self.logs, "policy without a log or a quorum")

    def reached(self, name: str, signers: list[str]) -> bool:
        """Whether the witness or group ``name`` has cosigned."""
        if name in self.witnesses:
            return name in signers
        count, members = self.groups[name]
        return sum(self.reached(member, signers) for member in members) >= count

    def trusted(self, key: bytes, index: int, time: int = 0) -> bool:
        """Whether a key is believed for an entry of a time, in microseconds."""
        until = self.limits.get(("#expire", key), time + 1)
        return index <= self.limits.get(("#distrust", key), index) and time < until


def believed(note: bytes, policy: Policy) -> tuple[int, bytes, list[str]]:
    """Size and root of a signed checkpoint, and who cosigned it."""
    text, found, lines = note.decode().rpartition("\n\n")
    body = text + "\n"
    head = body.split("\n")
    need(found and lines.endswith("\n") and len(head) >= 4 and all(head[:-1]), "note")
    origin, size, root = head[0], number(head[1]), b64(head[2])
    signatures: dict[tuple[str, bytes], list[bytes]] = {}  # those of keys nobody knows are passed over
    for line in lines[:-1].split("\n"):
        dash, name, data = line.split(" ")
        raw = b64(data)
        need(dash == "—" and len(raw) > 4, "signature line")
        signatures.setdefault((name, raw[:4]), []).append(raw[4:])
    signers = []
    for name, key in policy.witnesses.items():
        for raw in signatures.get((key.name, key.key_id), []) if key.kind == 4 else []:
            when = int.from_bytes(raw[:8], "big")
            signed_by(key.public, raw[8:], f"cosignature/v1\ntime {when}\n{body}".encode())
            signers.append(name)
    need(len(signers) == len(set(signers)), "two cosignatures of one key")
    mine = [key for key in policy.logs if key.name == origin and key.kind == 1]
    logs = [(key, raw) for key in mine for raw in signatures.get((origin, key.key_id), [])]
    for key, raw in logs:
        signed_by(key.public, raw, body.encode())
    need(logs, "not signed by a log of the policy")
    # who stole a log's key can sign any old size, but not for the witnesses
    stand = [key.public for key, _ in logs if policy.trusted(key.public, size - 1)]
    need(any(signers or ("#distrust", one) not in policy.limits for one in stand), "log not trusted so far")
    need(policy.reached(policy.quorum, signers), "too few witnesses")
    return size, root, signers


def read(data: bytes) -> tuple[bytes, list[tuple[int, list[bytes], bytes, list[bytes]]]]:
    """The note of a file, and its proofs: index, path, entry, fields shown."""
    if not data.startswith(b"c2sp.org/tlog-proof@v1\n"):
        schema, note, rows = cbor(data)
        need(schema == "assay/bundle@1" and rows, "neither a proof nor a bundle")
        return note, [(index, hashes(path), entry, shown) for index, path, entry, shown in rows]
    head, _, note = data.decode().partition("\n\n")
    _, extra, index, *path = head.split("\n")
    need(extra.startswith("extra ") and index.startswith("index "), "proof")
    schema, entry, *rest = cbor(b64(extra[6:]))
    need(schema in ("assay/proof@1", "assay/row-proof@1"), "proof of something else")
    shown = rest[0] if schema == "assay/proof@1" else [rest]
    return note.encode(), [(number(index[6:]), [b64(one) for one in path], entry, shown)]


def check_entry(index: int, entry: bytes, shown: list[bytes], policy: Policy) -> dict[str, object]:
    """Check the issuer's signature and the fields shown; what they say."""
    schema, body, signature, _previous, _gate = cbor(entry)
    parts = cbor(body)
    front, kind, version = parts[0][:6], parts[0][6:-2], parts[0][-2:]
    need((schema, front, version) == ("assay/entry@1", "assay/", "@1"), "entry")
    issuer, when = (parts[at] for at in PLACES[kind])
    signed_by(issuer, signature, b"assay/body@1\0" + body)
    need(policy.trusted(issuer, index, when), "key of the issuer is not trusted so far")
    said: dict[str, object] = {"index": index, "class": parts[0], "issuer": issuer.hex()}
    if parts[0] == "assay/individual@1":
        fields = dict(check_field(one, parts[8], parts[9]) for one in shown)
        return said | {"kind": parts[1], "subject": parts[2], "fields": fields}
    if parts[0] == "assay/rows@1":
        rows = [cbor(one) if isinstance(one, bytes) else one for one in shown]
        return said | {"rows": [check_row(row, parts) for row in rows]}
    need(not shown, "fields of an entry that has none")
    if parts[0] == "assay/statement@1":  # the second key signs the array without its own signature
        signed_by(parts[8], parts[9], b"assay/countersigned@1\0\x89" + body[1:-66])
    return said


def check_row(proof: list, parts: list) -> dict[str, object]:
    """Check one row, or some of its fields, against the entry of its tree; what it says."""
    index, path, columns, row, salt, fields_root, shown = proof
    size, root, names = parts[6:9]
    need(bool(names) == (fields_root is not None), "disclosable fields")
    need(len(salt) == (16 if row is not None else 32) and (row is not None or not columns), "salt")
    values: dict[str, object] = {}
    if row is not None:
        pairs = [list(pair) for pair in zip(columns[::2], columns[1::2], strict=True)]
        head, *cells = cbor(row)
        need(head == "assay/row@1" and len(cells) == len(pairs), "row")
        values = {name: cell for (name, _), cell in zip(pairs, cells, strict=True)}
        salt += hashlib.sha256(encoded(["assay/chunk@1", pairs])).digest() + row
    if fields_root is not None:
        salt = (salt if row is None else hashlib.sha256(salt).digest()) + fields_root
    need(root_from(index, size, leaf_hash(salt), hashes(path)) == root, "row")
    for one in shown:
        need(fields_root is not None, "field that is not disclosable")
        name, value = check_field(one, fields_root, len(names))
        need(name in names and values.setdefault(name, value) == value, f"field {name}")
    return values


def check_field(one: bytes, root: bytes, count: int) -> tuple[str, object]:
    """Check one salted field; its name and value."""
    salt, name, value, index, size, path = cbor(one)
    need(size == count and len(salt) == 16, "field of another record")
    rest = one[1:]
    for _ in range(3):
        rest = _cbor(rest)[1]
    triple = b"\x83" + one[1 : len(one) - len(rest)]  # the array (salt, name, value) out of one of six
    need(root_from(index, size, leaf_hash(triple), path) == root, f"field {name}")
    return name, value


def encoded(value: object) -> bytes:
    """Text and arrays in CBOR."""
    data = b"".join(map(encoded, value)) if isinstance(value, list) else str(value).encode()
    count, major = (len(value), 0x80) if isinstance(value, list) else (len(data), 0x60)
    width = 0 if count < 24 else 1 if count < 256 else 2
    return bytes([major | (23 + width if width else count)]) + count.to_bytes(2, "big")[2 - width :] + data


def main(file: str, policy_file: str) -> int:
    """Check the file and print what it proves."""
    try:
        policy = Policy(Path(policy_file).read_text("utf-8"))
        note, proofs = read(Path(file).read_bytes())
        size, root, signers = believed(note, policy)
        for index, path, entry, _ in proofs:
            need(root_from(index, size, leaf_hash(entry), path) == root, "not in the log")
        entries = [check_entry(index, entry, shown, policy) for index, _, entry, shown in proofs]
        said = {"valid": True, "size": size, "cosigners": signers, "entries": entries}
    except (InvalidSignature, TypeError, ValueError, LookupError) as problem:
        said = {"valid": False, "reason": str(problem) or "signature"}
    sys.stdout.write(json.dumps(said, ensure_ascii=False) + "\n")
    return 0 if said["valid"] else 1


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]) if len(sys.argv) == 3 else __doc__)
