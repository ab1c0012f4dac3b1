"""A gate policy: data that say which records are judged, and what people, machines, material, method and
environment must have for a record to become evidence.

A policy is YAML or JSON. What it asks for are *inputs* (:class:`assay.ledger.gate.facts.Fact`): a
qualification, a calibration, a release, an approval, a reading of the environment, each logged on its own.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from assay.ledger.canonical import decimal_of, decimal_text
from assay.ledger.gate.errors import GateError
from assay.model.errors import MappingError, did_you_mean
from assay.model.yaml_lines import LinedDocument, parse_yaml

FORMAT = "assay/gate-policy@1"
LARGEST_POLICY = 256 * 1024

ROLES = ("person", "machine", "material", "recipe", "environment")
"""What a requirement can be about: people, machine, material, method, environment."""

Role = Literal["person", "machine", "material", "recipe", "environment"]
NEVER_JUDGED = frozenset({"configuration", "log", "override"})
"""Kinds of entry that no policy can keep out: by them the gate itself is set."""

COMPARISONS = ("equals", "one_of", "contains", "at_least", "at_most", "above", "below")

_READY = files("assay.ledger.gate") / "policies"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")


def _scalar(value: Any) -> Any:
    """A float as the text of its digits; anything else as it is."""
    if isinstance(value, float):
        return decimal_text(decimal_of(value))
    return decimal_text(value) if isinstance(value, Decimal) else value


Scalar = Annotated[bool | int | str, BeforeValidator(_scalar)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Other(_Strict):
    """A value that stands in the record, or in the input itself, instead of in the policy."""

    record: str | None = Field(default=None, description="Name of one of the record's values.")
    fact: str | None = Field(default=None, description="Name of one of the input's values.")

    @model_validator(mode="after")
    def _one(self) -> Other:
        if (self.record is None) == (self.fact is None):
            raise ValueError("write either `record: NAME` or `fact: NAME`")
        return self


Operand = Scalar | Other


class Condition(_Strict):
    """One comparison that must hold: a value of the input (or of the record) on the left."""

    fact: str | None = Field(default=None, description="The input's value that is compared.")
    record: str | None = Field(default=None, description="The record's value that is compared.")
    equals: Operand | None = Field(default=None, description="Is the same; numbers as numbers.")
    one_of: list[Scalar] | Other | None = Field(default=None, description="Is one of these.")
    contains: Operand | None = Field(default=None, description="Is a list that has this.")
    at_least: Operand | None = Field(default=None, description="Is a number, not below this.")
    at_most: Operand | None = Field(default=None, description="Is a number, not above this.")
    above: Operand | None = Field(default=None, description="Is a number above this.")
    below: Operand | None = Field(default=None, description="Is a number below this.")

    @model_validator(mode="after")
    def _shape(self) -> Condition:
        if (self.fact is None) == (self.record is None):
            raise ValueError("a condition compares either `fact: NAME` or `record: NAME`")
        given = self.comparisons()
        if not given:
            raise ValueError(f"a condition needs a comparison: {', '.join(COMPARISONS)}")
        low = [given[name] for name in ("at_least", "above") if name in given]
        high = [given[name] for name in ("at_most", "below") if name in given]
        for one in (*low, *high):
            if not isinstance(one, Other) and number_of(one) is None:
                raise ValueError(f"{one!r} is not a number")
        strict = "above" in given or "below" in given
        for least in map(number_of, low):
            for most in map(number_of, high):
                if least is not None and most is not None and (least > most or (strict and least == most)):
                    raise ValueError(f"no number is from {least} to {most}")
        return self

    def comparisons(self) -> dict[str, Any]:
        """The comparisons that are given, by name, in the order of ``COMPARISONS``."""
        found = {name: getattr(self, name) for name in COMPARISONS}
        return {name: value for name, value in found.items() if value is not None}


class Requirement(_Strict):
    """What each person, machine, lot, recipe or place of a record must have."""

    about: Role = Field(description="Whose: person, machine, material, recipe or environment.")
    fact: str | None = Field(
        default=None, description="Type of input, such as qualification; none: the record's own values only."
    )
    take: Literal["any", "last", "every"] = Field(
        default="any",
        description="any: one that holds will do; last: the newest begun; every: all that hold must do.",
    )
    max_age_s: int | None = Field(
        default=None, ge=1, description="How many seconds before the event it may have begun."
    )
    by: list[str] = Field(
        default_factory=list,
        description="Public keys (64 hex digits) whose inputs count; none: every issuer's.",
    )
    must: list[Condition] = Field(default_factory=list, description="Comparisons that must all hold.")

    @field_validator("by")
    @classmethod
    def _keys(cls, by: list[str]) -> list[str]:
        return [_key(one) for one in by]

    @model_validator(mode="after")
    def _some(self) -> Requirement:
        if self.fact is None:
            if not self.must:
                raise ValueError("a requirement needs a `fact:`, or conditions on the record's values")
            if any(one.fact is not None or _asks_fact(one) for one in self.must):
                raise ValueError("without `fact:`, conditions can only compare the record's values")
            if self.by or self.max_age_s:
                raise ValueError("`by:` and `max_age_s:` are about an input; name it with `fact:`")
        elif not _NAME.fullmatch(self.fact):
            raise ValueError(f"{self.fact!r} is not a type of input; write a word like `qualification`")
        return self


class Application(_Strict):
    """Which records are judged, and by which requirements."""

    kinds: list[str] = Field(
        min_length=1,
        description="Kinds of entry (record, disposition, …), or tables of the lake for batches.",
    )
    steps: list[str] = Field(
        min_length=1, description="Steps, by the name of their segment; `*` for every step."
    )
    requires: list[str] = Field(min_length=1, description="Names of requirements; all must be met.")

    @field_validator("kinds")
    @classmethod
    def _may_be_judged(cls, kinds: list[str]) -> list[str]:
        for kind in kinds:
            if kind in NEVER_JUDGED:
                raise ValueError(f"entries of kind {kind!r} set the gate itself and are never kept out by it")
        return kinds


class Clock(_Strict):
    """How far the time of a record may be from when the log took it."""

    ahead_s: int = Field(default=300, ge=0, description="Seconds an event may lie in the future.")
    behind_s: int | None = Field(
        default=None, ge=1, description="Seconds an event may lie in the past; none: as long as you like."
    )


class Override(_Strict):
    """Who may say, two together, that a refused record counts after all."""

    people: dict[str, str] = Field(
        description="Public key (64 hex digits) by person; the log has their random ids."
    )

    @field_validator("people")
    @classmethod
    def _two(cls, people: dict[str, str]) -> dict[str, str]:
        keys = {name: _key(one) for name, one in people.items()}
        if len(set(keys.values())) < 2:
            raise ValueError("two people with keys of their own are needed at least")
        if len(set(keys.values())) < len(keys):
            raise ValueError("two people have the same key")
        return keys


class GatePolicy(_Strict):
    """A whole policy; setting one of the same name again takes its place."""

    format: Literal["assay/gate-policy@1"] = Field(description="Version of this format.")
    name: str = Field(description="Its name: a word in lower case.")
    version: str = Field(min_length=1, max_length=64, description="Which version of it this is.")
    valid_from: datetime | None = Field(
        default=None, description="Events before this are not judged by it; with time zone."
    )
    valid_until: datetime | None = Field(
        default=None, description="Events from then on are not judged by it; with time zone."
    )
    clock: Clock = Field(default_factory=Clock, description="How far clocks may be off.")
    requirements: dict[str, Requirement] = Field(
        default_factory=dict, description="What can be required, by name."
    )
    applies: list[Application] = Field(
        default_factory=list, description="What is judged by it; an empty list retires the policy."
    )
    override: Override | None = Field(default=None, description="Who may override a refusal; none: nobody.")
    owners: list[str] = Field(
        default_factory=list,
        description="Public keys (64 hex digits) that may set this policy from now on; none: every issuer.",
    )

    @field_validator("name")
    @classmethod
    def _word(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a word in lower case (letters, digits, - and _)")
        return name

    @field_validator("owners")
    @classmethod
    def _keys(cls, owners: list[str]) -> list[str]:
        return [_key(one) for one in owners]

    @field_validator("valid_from", "valid_until")
    @classmethod
    def _in_a_zone(cls, when: datetime | None) -> datetime | None:
        if when is not None and when.tzinfo is None:
            raise ValueError("a time needs its zone, such as 2026-01-01T00:00:00+08:00")
        return None if when is None else when.astimezone(UTC)

    @model_validator(mode="after")
    def _fits(self) -> GatePolicy:
        if self.valid_from and self.valid_until and self.valid_from >= self.valid_until:
            raise ValueError("valid_from is not before valid_until: the policy would never hold")
        known = list(self.requirements)
        for at, one in enumerate(self.applies):
            for name in one.requires:
                if name not in self.requirements:
                    hint = did_you_mean(name, known) or f"Known here: {', '.join(known) or 'none'}."
                    raise ValueError(f"applies[{at}].requires: there is no requirement {name!r}. {hint}")
        return self

    def canonical(self) -> str:
        """The one text of the policy, JSON with sorted keys: what is logged and hashed."""
        given = self.model_dump(mode="json", exclude_defaults=True)
        return json.dumps(given, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @property
    def digest(self) -> bytes:
        """SHA-256 of the canonical text."""
        return sha256(self.canonical().encode()).digest()


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """A checked policy and the text it was read from."""

    policy: GatePolicy
    text: str


def read_policy(path: Path) -> PolicyFile:
    """Read a policy from a YAML or JSON file.

    Raises
    ------
    GateError
        ``bad_policy``: not there, not YAML, or not valid; the message names file, line and place.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as problem:
        raise GateError.of("unreadable", path=path, why=problem.strerror or problem) from problem
    except UnicodeDecodeError as problem:
        raise GateError.of("unreadable", path=path, why=f"not UTF-8 at byte {problem.start}") from problem
    return PolicyFile(parse_policy(text, path.name), text)


def ready_policies() -> list[str]:
    """The names of the policies that come with Assay."""
    return sorted(one.name.removesuffix(".yaml") for one in _READY.iterdir() if one.name.endswith(".yaml"))


def ready_policy(name: str) -> PolicyFile:
    """A policy that comes with Assay.

    Raises
    ------
    GateError
        ``no_ready_policy``: there is none of this name.
    """
    if name not in ready_policies():
        raise GateError.of("no_ready_policy", name=name, known=", ".join(ready_policies()))
    text = _READY.joinpath(f"{name}.yaml").read_text("utf-8")
    return PolicyFile(parse_policy(text, f"{name}.yaml"), text)


def parse_policy(text: str, name: str = "policy") -> GatePolicy:
    """Check the text of a policy, YAML or JSON; ``name`` stands in messages.

    Raises
    ------
    GateError
        ``bad_policy``: the message names line and place of everything that is wrong.
    """
    if len(text) > LARGEST_POLICY:
        raise GateError.of("bad_policy", why=f"{name}: longer than {LARGEST_POLICY:,} characters")
    try:
        document = parse_yaml(text, name)
        return GatePolicy.model_validate(document.value)
    except MappingError as problem:
        raise GateError.of("bad_policy", why=problem.message) from None
    except ValidationError as problem:
        raise GateError.of("bad_policy", why=_told(problem, document)) from None


def policy_schema() -> dict[str, Any]:
    """JSON Schema of a policy, for editors."""
    schema = GatePolicy.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Assay gate policy"
    return schema


def number_of(value: object) -> Decimal | None:
    """The number a value stands for, None where it is none; text counts when it is spelt canonically."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, str) and len(value) <= 64 and _NUMBER.fullmatch(value):
        return Decimal(value)
    return None


_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")


def _asks_fact(condition: Condition) -> bool:
    return any(isinstance(one, Other) and one.fact is not None for one in condition.comparisons().values())


def _key(text: str) -> str:
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise ValueError(f"{text[:80]!r} is not a public key: 64 hex digits in lower case")
    return text


_PLAIN = {"missing": "is needed and not there", "extra_forbidden": "is not a key that is known here"}
"""What pydantic says of programs, said of policies."""


def _told(error: ValidationError, document: LinedDocument) -> str:
    said: dict[str, list[str]] = {}
    for problem in error.errors():
        path: tuple[str | int, ...] = ()
        for at, part in enumerate(problem["loc"]):  # pydantic puts the tags of unions in between
            last = at == len(problem["loc"]) - 1 and problem["type"] in _PLAIN
            if (*path, part) in document.lines or last:
                path = (*path, part)
        text = _PLAIN.get(problem["type"], problem["msg"]).removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            hint = did_you_mean(str(path[-1]), _known(document, path[:-1]))
            text = f"{text}. {hint}" if hint else text
        if found := re.match(r"applies\[(\d+)\]\.requires: ", text):
            path, text = ("applies", int(found[1]), "requires"), text[found.end() :]
        told = said.setdefault(document.where(path), [])
        if text not in told:
            told.append(text)
    return "\n".join(f"{where}: {' or '.join(texts)}" for where, texts in said.items())


def _known(document: LinedDocument, path: tuple[str | int, ...]) -> list[str]:
    """The keys that may stand at a place of the policy."""
    del document
    match path:
        case ():
            return list(GatePolicy.model_fields)
        case ("clock",):
            return list(Clock.model_fields)
        case ("override",):
            return list(Override.model_fields)
        case ("requirements", _):
            return list(Requirement.model_fields)
        case ("requirements", _, "must", int()):
            return list(Condition.model_fields)
        case ("applies", int()):
            return list(Application.model_fields)
    return list(Other.model_fields)
