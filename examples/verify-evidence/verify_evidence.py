"""Checks an Assay proof or bundle offline, with nothing of Assay: the standard library and `cryptography`.

    python verify_evidence.py FILE POLICY

FILE is a ``.tlog-proof`` or a bundle, POLICY a C2SP tlog-policy naming the logs and witnesses you believe.
Prints one JSON document and ends with 0 when everything holds. Ed25519 witnesses only. Written from the
specifications (RFC 6962, RFC 8949, C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof and
tlog-policy) and the formats in Assay's decision 0015, so that a mistake in Assay is not made twice.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Refused(Exception):
    """Something does not hold; the message says what."""


def need(condition: object, what: str) -> None:
    """Refuse ``what`` unless ``condition`` holds."""
    if not condition:
        raise Refused(what)


def b64(text: str) -> bytes:
    """The bytes of base64 in its one spelling."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Refused("base64") from None
    need(base64.b64encode(data).decode() == text, "base64 in another spelling")
    return data


def number(text: str) -> int:
    """The whole number without leading zeros."""
    need(text.isascii() and text.isdigit() and text == str(int(text)), "number")
    return int(text)


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
    if small >= 24:
        need(small <= 27, "CBOR length")
        width = 1 << small - 24
        count, rest = int.from_bytes(rest[:width], "big"), rest[width:]
        need(count >= (24 if width == 1 else 1 << 4 * width), "CBOR number in a longer form")
    else:
        count = small
    if major in (0, 1):
        return (count if major == 0 else -1 - count), rest
    if major in (2, 3):
        need(len(rest) >= count, "cut CBOR string")
        try:
            return (rest[:count] if major == 2 else rest[:count].decode()), rest[count:]
        except UnicodeDecodeError:
            raise Refused("CBOR text") from None
    need(major == 4, "CBOR map or tag")
    items = []
    for _ in range(count):
        item, rest = _cbor(rest)
        items.append(item)
    return items, rest


def leaf_hash(data: bytes) -> bytes:
    """RFC 6962 section 2.1."""
    return hashlib.sha256(b"\0" + data).digest()


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
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise Refused("signature") from None


class Key:
    """A vkey of a policy."""

    def __init__(self, text: str) -> None:
        self.name, key_id, data = text.split("+", 2)
        raw = b64(data)
        self.kind, self.public = raw[0], raw[1:]
        self.key_id = hashlib.sha256(self.name.encode() + b"\n" + raw).digest()[:4]
        need(
            self.key_id.hex() == key_id and self.kind in (1, 4) and len(self.public) == 32,
            "key of the policy",
        )


class Policy:
    """Logs, witnesses, groups and the quorum."""

    def __init__(self, text: str) -> None:
        self.logs: list[Key] = []
        self.witnesses: dict[str, Key] = {}
        self.groups: dict[str, tuple[int, list[str]]] = {}
        self.quorum = ""
        for words in (line.split() for line in text.split("\n")):
            need(words[:1] != ["#distrust"], "keys that are not trusted are not looked at here")
            if not words or words[0].startswith("#"):
                continue
            if words[0] == "log":
                self.logs.append(Key(words[1]))
            elif words[0] == "witness":
                self.witnesses[words[1]] = Key(words[2])
            elif words[0] == "group":
                name, count, *members = words[1:]
                self.groups[name] = ({"all": len(members), "any": 1}.get(count) or number(count), members)
            else:
                need(words[0] == "quorum" and not self.quorum, "policy")
                self.quorum = words[1]
        need(self.quorum and self.logs, "policy without a log or a quorum")

    def reached(self, name: str, signers: list[str]) -> bool:
        """Whether the witness or group ``name`` has cosigned."""
        if name == "none":
            return True
        if name in self.witnesses:
            return name in signers
        need(name in self.groups, "policy")
        count, members = self.groups[name]
        return sum(self.reached(member, signers) for member in members) >= count


def believed(note: bytes, policy: Policy) -> tuple[int, bytes, list[str]]:
    """Size and root of a signed checkpoint, and who cosigned it."""
    text, found, lines = note.decode().rpartition("\n\n")
    body = text + "\n"
    need(found and lines.endswith("\n"), "note")
    head = body.split("\n")
    need(len(head) >= 4 and all(head[:-1]), "checkpoint")
    origin, size, root = head[0], number(head[1]), b64(head[2])
    signatures: dict[tuple[str, bytes], bytes] = {}
    for line in lines[:-1].split("\n"):
        dash, name, data = line.split(" ")
        raw = b64(data)
        need(dash == "—" and (name, raw[:4]) not in signatures, "signature line")
        signatures[name, raw[:4]] = raw[4:]
    logs = [key for key in policy.logs if key.name == origin and (key.name, key.key_id) in signatures]
    need(logs, "not signed by a log of the policy")
    for key in logs:
        signed_by(key.public, signatures[key.name, key.key_id], body.encode())
    signers = []
    for name, key in policy.witnesses.items():
        if (raw := signatures.get((key.name, key.key_id))) is not None:
            when = int.from_bytes(raw[:8], "big")
            signed_by(key.public, raw[8:], f"cosignature/v1\ntime {when}\n{body}".encode())
            signers.append(name)
    need(policy.reached(policy.quorum, signers), "too few witnesses")
    return size, root, signers


def read(data: bytes) -> tuple[bytes, list[tuple[int, list[bytes], bytes, list[bytes]]]]:
    """The note of a file, and its proofs: index, path, entry, fields shown."""
    if not data.startswith(b"c2sp.org/tlog-proof@v1\n"):
        schema, note, rows = cbor(data)
        need(schema == "assay/bundle@1" and rows, "neither a proof nor a bundle")
        return note, [(i, [p[n : n + 32] for n in range(0, len(p), 32)], e, shown) for i, p, e, shown in rows]
    head, _, note = data.decode().partition("\n\n")
    _, extra, index, *path = head.split("\n")
    need(extra.startswith("extra ") and index.startswith("index "), "proof")
    schema, entry, *rest = cbor(b64(extra[6:]))
    need(schema in ("assay/proof@1", "assay/row-proof@1"), "proof of something else")
    shown = rest[0] if schema == "assay/proof@1" else [rest]
    return note.encode(), [(number(index[6:]), [b64(one) for one in path], entry, shown)]


def check_entry(entry: bytes, shown: list[bytes]) -> dict[str, object]:
    """Check the issuer's signature and the fields shown; what they say."""
    schema, body, signature, _previous, _gate = cbor(entry)
    need(schema == "assay/entry@1", "entry")
    parts = cbor(body)
    signed_by(parts[-1], signature, b"assay/body@1\0" + body)
    said: dict[str, object] = {"class": parts[0], "issuer": parts[-1].hex()}
    if parts[0] == "assay/individual@1":
        said |= {"kind": parts[1], "subject": parts[2], "fields": {}}
        root, count = parts[8], parts[9]
        said["fields"] = dict(check_field(one, root, count) for one in shown)
    elif parts[0] == "assay/rows@1":
        said["rows"] = [check_row(cbor(one) if isinstance(one, bytes) else one, parts) for one in shown]
    else:
        need(not shown, "fields of an entry that has none")
    return said


def check_row(proof: list, parts: list) -> dict[str, object]:
    """Check one row, or some of its fields, against the entry of its tree; what it says."""
    index, path, columns, row, salt, fields_root, shown = proof
    size, root, names = parts[6:9]
    need(bool(names) == (fields_root is not None), "disclosable fields")
    need(len(salt) == (16 if row is not None else 32) and (row is not None or names), "salt")
    values: dict[str, object] = {}
    if row is not None:
        pairs = [list(pair) for pair in zip(columns[::2], columns[1::2], strict=True)]
        head, *cells = cbor(row)
        need(head == "assay/row@1" and len(cells) == len(pairs), "row")
        values = {name: cell for (name, _), cell in zip(pairs, cells, strict=True)}
        salt += hashlib.sha256(encoded(["assay/chunk@1", pairs])).digest() + row
    if fields_root is not None:
        salt = (salt if row is None else hashlib.sha256(salt).digest()) + fields_root
    steps = [path[n : n + 32] for n in range(0, len(path), 32)]
    need(root_from(index, size, leaf_hash(salt), steps) == root, "row")
    for one in shown:
        need(fields_root is not None, "field that is not disclosable")
        name, value = check_field(one, fields_root, len(names))
        need(name in names and values.setdefault(name, value) == value, f"field {name}")
    return values


def check_field(one: bytes, root: bytes, count: int) -> tuple[str, object]:
    """Check one salted field; its name and value."""
    salt, name, value, index, size, path = cbor(one)
    need(size == count and len(salt) == 16, "field of another record")
    triple = b"\x83" + _front(one[1:], 3)  # the array (salt, name, value) out of one of six
    need(root_from(index, size, leaf_hash(triple), path) == root, f"field {name}")
    return name, value


def encoded(value: object) -> bytes:
    """Text and arrays in CBOR."""
    data = b"".join(map(encoded, value)) if isinstance(value, list) else str(value).encode()
    count = len(value) if isinstance(value, list) else len(data)
    need(count < 1 << 16, "CBOR length")
    major = 0x80 if isinstance(value, list) else 0x60
    if count < 24:
        return bytes([major | count]) + data
    width = 1 if count < 256 else 2
    return bytes([major | 23 + width]) + count.to_bytes(width, "big") + data


def _front(data: bytes, count: int) -> bytes:
    """The bytes of the first ``count`` values."""
    rest = data
    for _ in range(count):
        _, rest = _cbor(rest)
    return data[: len(data) - len(rest)]


def main(file: str, policy_file: str) -> int:
    """Check the file and print what it proves."""
    try:
        note, proofs = read(Path(file).read_bytes())
        size, root, signers = believed(note, Policy(Path(policy_file).read_text("utf-8")))
        entries = []
        for index, path, entry, shown in proofs:
            need(root_from(index, size, leaf_hash(entry), path) == root, "not in the log")
            entries.append({"index": index} | check_entry(entry, shown))
    except (Refused, TypeError, ValueError, IndexError, UnicodeDecodeError) as problem:
        sys.stdout.write(json.dumps({"valid": False, "reason": str(problem)}) + "\n")
        return 1
    said = {"valid": True, "size": size, "cosigners": signers, "entries": entries}
    sys.stdout.write(json.dumps(said, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    raise SystemExit(main(sys.argv[1], sys.argv[2]))
