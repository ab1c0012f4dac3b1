"""What is handed to the gate with an entry: an input (a fact), or what a record claims; each one field of it.

Both stand in the field ``gate`` of an individual entry, as canonical bytes, so that one opening of the
commitment shows the whole and nothing else of the entry. What follows are the arrays:

``(assay/fact@1, type, from, until, (name, value, …))`` and
``(assay/claims@1, step, (role, id, …), (name, value, …))``, names ascending, roles in the order of ``ROLES``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any, cast

import cbor2

from assay.ledger.canonical import Plain, decimal_of, decimal_text, encode
from assay.ledger.commitment import Commitment
from assay.ledger.entries import Individual
from assay.ledger.errors import VerificationError
from assay.ledger.gate.errors import GateError
from assay.ledger.gate.policy import ROLES, number_of
from assay.ledger.merkle import leaf_hash, verify_inclusion
from assay.ledger.text import as_moment

FIELD = "gate"
"""The field of an entry that holds an input or claims."""

FACT = "assay/fact@1"
CLAIMS = "assay/claims@1"

POLICY = "policy"
REVOCATION = "revocation"
OVERRIDE = "override"
REEVALUATION = "re-evaluation"
RESERVED = frozenset({POLICY, REVOCATION, OVERRIDE, REEVALUATION})
"""Types of input with a meaning of their own."""

MOST_VALUES = 256
_TYPE = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_MOST_TEXT = 512 * 1024
_LARGEST = 2**63 - 1
_PLACES = {role: at for at, role in enumerate(ROLES)}

FactValue = bool | int | str | tuple[bool | int | str, ...]
"""What an input or a record can say: a decimal is text with its digits."""


@dataclass(frozen=True, slots=True)
class Fact:
    """An input of the gate.

    Parameters
    ----------
    type
        Such as ``qualification``, ``calibration``, ``release``, ``approval``, ``environment``.
    start, until
        From when on and until when (not included) it holds, microseconds since 1970, UTC; None: always.
    values
        What it says, by name.
    """

    type: str
    start: int | None = None
    until: int | None = None
    values: Mapping[str, FactValue] = field(default_factory=dict)

    def __bytes__(self) -> bytes:
        return encode([FACT, self.type, self.start, self.until, _pairs(self.values)])


@dataclass(frozen=True, slots=True)
class Claims:
    """What a record says of itself to be judged.

    Parameters
    ----------
    step
        Name of the segment.
    took
        Ids by role (``ROLES``): persons, machines, lots, recipes, places.
    values
        What conditions compare, by name.
    """

    step: str
    took: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    values: Mapping[str, FactValue] = field(default_factory=dict)

    def __bytes__(self) -> bytes:
        return encode(self.parts())

    def parts(self) -> Plain:
        """What is encoded, the schema id first."""
        took = [part for role in ROLES for one in self.took.get(role, ()) for part in (role, one)]
        return [CLAIMS, self.step, cast("list[Plain]", took), _pairs(self.values)]


def fact_of(
    type_: str,
    *,
    start: int | None = None,
    until: int | None = None,
    values: Mapping[str, Any] | None = None,
) -> Fact:
    """An input from what people write: floats and decimals become the text of their digits, lists tuples.

    Raises
    ------
    GateError
        A value can't be said, or the input ends before it begins.
    """
    made = Fact(type_, start, until, _said(values or {}))
    return parse_fact(bytes(made))


def claims_of(
    step: str, took: Mapping[str, str | Sequence[str]], values: Mapping[str, Any] | None = None
) -> Claims:
    """Claims from what people write; ``took`` gives one id or several by role.

    Raises
    ------
    GateError
        A role is not known, or a value can't be said.
    """
    ids = {role: (one,) if isinstance(one, str) else tuple(one) for role, one in took.items()}
    for role in ids:
        if role not in ROLES:
            raise GateError.of("bad_opening", why=f"role {role!r}; known: {', '.join(ROLES)}")
    made = Claims(step, ids, _said(values or {}))
    return parse_claims(bytes(made))


def opening_of(commitment: Commitment) -> bytes:
    """What is handed in with an entry, so that the gate sees its field ``gate``.

    Raises
    ------
    EntryError
        The record has no such field.
    """
    return bytes(commitment.disclose(FIELD))


def opened(opening: bytes, body: Individual) -> Fact | Claims:
    """The input or claims of an entry, checked against its commitment.

    Raises
    ------
    GateError
        ``bad_opening`` or ``not_opened``: it is not valid, or the entry commits to something else.
    """
    match _decoded(opening):
        case [bytes() as salt, str() as name, bytes() as value, int() as at, int() as size, list() as hashes]:
            pass
        case _:
            raise GateError.of("bad_opening", why="not the disclosure of a field that holds bytes")
    if name != FIELD:
        raise GateError.of("bad_opening", why=f"the field {name!r} instead of {FIELD!r}")
    try:
        if size != body.fields:
            raise VerificationError.of("sizes", old=size, new=body.fields)
        leaf = leaf_hash(cbor2.dumps((salt, name, value)))
        verify_inclusion(at, size, leaf, cast("list[bytes]", hashes), body.root)
    except VerificationError as problem:
        raise GateError.of("not_opened", why=problem.message) from None
    return parsed(value)


def parsed(data: bytes) -> Fact | Claims:
    """The input or claims in ``data``.

    Raises
    ------
    GateError
        ``data`` is neither in its canonical form, or the input ends before it begins.
    """
    value = _decoded(data)
    match value:
        case [str() as schema, *_] if schema == FACT:
            return _fact(value)
        case [str() as schema, *_] if schema == CLAIMS:
            return read_claims(value)
    raise GateError.of("bad_opening", why=f"neither {FACT} nor {CLAIMS}")


def parse_fact(data: bytes) -> Fact:
    """The input in ``data``; raises like :func:`parsed`."""
    return _fact(_decoded(data))


def parse_claims(data: bytes) -> Claims:
    """The claims in ``data``; raises like :func:`parsed`."""
    return read_claims(_decoded(data))


def read_claims(value: Plain) -> Claims:
    """Claims from the array they are encoded as; raises like :func:`parsed`."""
    if not isinstance(value, list) or len(value) != 4 or value[0] != CLAIMS:
        raise GateError.of("bad_opening", why=f"not {CLAIMS}")
    _, step, took, values = value
    if type(step) is not str or not step or type(took) is not list or type(values) is not list:
        raise GateError.of("bad_opening", why="a step, roles and values must be there")
    found: dict[str, tuple[str, ...]] = {}
    last = 0
    for role, one in zip(took[::2], took[1::2], strict=False):
        at = _PLACES.get(role, -1) if type(role) is str else -1
        if at < last or type(one) is not str or not one:
            raise GateError.of("bad_opening", why=f"{str(role)[:80]} is no role with its id, in order")
        found[cast("str", role)] = (*found[role], one) if role in found else (one,)
        last = at
    if len(took) % 2:
        raise GateError.of("bad_opening", why="a role without its id")
    return Claims(step, found, _values(values))


def _fact(value: Plain) -> Fact:
    match value:
        case [str() as schema, str() as type_, start, until, list() as values] if schema == FACT:
            if not _TYPE.fullmatch(type_) or not (_time(start) and _time(until)):
                raise GateError.of("bad_opening", why=f"type {type_[:64]!r}, from {start!r} until {until!r}")
            if start is not None and until is not None and start >= until:  # type: ignore[operator]
                begins, ends = (as_moment(cast("int", one)) for one in (start, until))
                raise GateError.of("contradictory_validity", type=type_, start=begins, until=ends)
            return Fact(type_, cast("int | None", start), cast("int | None", until), _values(values))
    raise GateError.of("bad_opening", why=f"not {FACT}")


def _decoded(data: bytes) -> Plain:
    if len(data) > _MOST_TEXT:
        raise GateError.of("bad_opening", why=f"{len(data):,} bytes; at most {_MOST_TEXT:,}")
    try:
        value: Plain = cbor2.loads(data)
        if cbor2.dumps(value) == data:  # whoever reads the parts looks at their types
            return value
    except (cbor2.CBORDecodeError, cbor2.CBOREncodeError, ValueError, OverflowError, RecursionError):
        pass
    raise GateError.of("bad_opening", why="not in the one canonical form")


def _pairs(values: Mapping[str, FactValue]) -> list[Plain]:
    pairs: list[Plain] = []
    for name, one in sorted(values.items()):
        pairs += [name, list(one) if isinstance(one, tuple) else one]
    return pairs


def _values(pairs: list[Plain]) -> dict[str, FactValue]:
    found: dict[str, FactValue] = {}
    last = ""
    if len(pairs) > 2 * MOST_VALUES or len(pairs) % 2:
        raise GateError.of("bad_opening", why=f"more than {MOST_VALUES} values, or a name without one")
    for name, one in zip(pairs[::2], pairs[1::2], strict=True):
        if type(name) is not str or name <= last:
            raise GateError.of("bad_opening", why=f"{str(name)[:80]!r} is no name, or out of order")
        if type(one) is list and all(map(_is_scalar, one)):
            found[name] = tuple(cast("list[bool | int | str]", one))
        elif _is_scalar(one):
            found[name] = cast("bool | int | str", one)
        else:
            raise GateError.of("bad_opening", why=f"the value of {name[:80]!r}")
        last = name
    return found


def _is_scalar(value: Plain) -> bool:
    return (
        type(value) is str or type(value) is bool or (type(value) is int and -_LARGEST <= value <= _LARGEST)
    )


def _said(values: Mapping[str, Any]) -> dict[str, FactValue]:
    return {name: _one(name, value) for name, value in values.items() if value is not None}


def _one(name: str, value: Any) -> FactValue:
    if isinstance(value, list | tuple):
        return tuple(cast("bool | int | str", _one(name, one)) for one in value)
    if isinstance(value, float):
        return decimal_text(decimal_of(value))
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, bool | int | str):
        return value
    raise GateError.of("bad_opening", why=f"{name}: {value!r} is neither text, number, boolean nor a list")


def _time(value: Plain) -> bool:
    return value is None or (type(value) is int and -_LARGEST <= value <= _LARGEST)


def comparable(value: FactValue) -> object:
    """A value as conditions compare it: numbers as numbers, in lists too."""
    if isinstance(value, tuple):
        return tuple(map(_compared, value))
    return _compared(value)


@lru_cache(1 << 16, typed=True)
def _compared(value: bool | int | str) -> object:
    number = number_of(value)
    return value if number is None else number
