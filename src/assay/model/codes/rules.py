"""Code rules: how a plant's own codes are made up, as data in ``model.yaml``.

A rule is a pattern of fixed width: text, ``{date}``, ``{serial}``, ``{check}`` and fields such as
``{line}``. What it makes it can read back, and two rules can be asked whether they could ever give the same
code.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from assay.model.codes.check_schemes import ALPHANUMERIC, DIGITS, SCHEMES, CheckScheme
from assay.model.codes.dates import DateFormat
from assay.model.codes.refusal import refusal

ALPHABETS = {
    "decimal": DIGITS,
    "base36": ALPHANUMERIC,
    "letters": ALPHANUMERIC[10:],
    "unambiguous": "23456789ABCDEFGHJKLMNPQRSTUVWXYZ",
}
"""Alphabets that have a name; any other text of two characters or more is an alphabet of its own."""

_PIECE = re.compile(r"\{([^\W\d]\w*)\}|([^{}]+)")
_NAME = r"^[^\W\d][\w-]{0,62}$"
_WIDEST = 128
_LARGEST = 2**63 - 1  # what a database counts to
_OWN = ("date", "serial", "check")


def _alphabet(value: str) -> str:
    characters = ALPHABETS.get(value, value)
    if len(characters) < 2 or len(set(characters)) != len(characters) or not characters.isprintable():
        raise ValueError(f"{value!r} is neither {', '.join(ALPHABETS)} nor two or more different characters")
    return value


class CodeField(BaseModel):
    """A part of a code that is given when the code is made: plant, line, shift, product, lot …"""

    model_config = ConfigDict(extra="forbid", frozen=True)

    width: int | None = Field(default=None, ge=1, le=40, description="How many characters it has.")
    alphabet: str = Field(default="base36", description="Its characters: a name or the characters.")
    values: dict[str, str] = Field(
        default_factory=dict, description="What is said: what is written. Nothing else is allowed then."
    )
    default: str | None = Field(default=None, description="What is meant where nothing is given.")

    _checked_alphabet = field_validator("alphabet")(_alphabet)

    @model_validator(mode="after")
    def _one_width(self) -> Self:
        written = list(self.values.values())
        if self.width is None and not written:
            raise ValueError("a field needs a width, or values")
        if len(set(written)) != len(written):
            raise ValueError("two values are written alike, so they could not be told apart")
        if {len(one) for one in written} - {self.size}:
            raise ValueError(f"every value has to be written with {self.size} characters")
        if self.size == 0:
            raise ValueError("a value has to be written with one character at least")
        return self

    @property
    def size(self) -> int:
        """How many characters it has."""
        return self.width if self.width is not None else len(next(iter(self.values.values()), ""))

    @property
    def characters(self) -> tuple[str, ...]:
        """The characters that may stand at each place."""
        if self.values:
            return tuple("".join(sorted({one[n] for one in self.values.values()})) for n in range(self.size))
        return (ALPHABETS.get(self.alphabet, self.alphabet),) * self.size


class Serial(BaseModel):
    """The running number of a code."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    width: int = Field(ge=1, le=40, description="How many characters it has.")
    alphabet: str = Field(default="decimal", description="Its characters: a name or the characters.")
    start: int = Field(default=1, ge=0, description="The first number of a series.")
    end: int | None = Field(
        default=None, ge=0, le=_LARGEST, description="The last one; none: the largest that fits."
    )
    reset: Literal["never", "year", "month", "week", "day", "hour"] = Field(
        default="never", description="With what a new series begins; the date in the code has to show it."
    )
    per: list[str] = Field(
        default_factory=list, description="Fields that have a series for each of their values, such as lot."
    )

    _checked_alphabet = field_validator("alphabet")(_alphabet)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not self.start <= self.last < self.capacity:
            raise ValueError(
                f"the numbers {self.start} to {self.last} don't fit {self.width} characters, "
                f"which hold 0 to {self.capacity - 1}"
            )
        return self

    @property
    def characters(self) -> str:
        """Its alphabet."""
        return ALPHABETS.get(self.alphabet, self.alphabet)

    @property
    def capacity(self) -> int:
        """How many numbers its characters can write."""
        return int(len(self.characters) ** self.width)

    @property
    def last(self) -> int:
        """The last number of a series."""
        return min(self.capacity - 1, _LARGEST) if self.end is None else self.end

    def write(self, number: int) -> str:
        """The characters of ``number``."""
        text, radix = "", len(self.characters)
        for _ in range(self.width):
            number, digit = divmod(number, radix)
            text = self.characters[digit] + text
        return text

    def read(self, text: str) -> int:
        """The number that ``text`` writes."""
        number = 0
        for one in text:
            number = number * len(self.characters) + self.characters.index(one)
        return number


@dataclass(frozen=True, slots=True)
class ParsedCode:
    """A code taken apart by its rule."""

    rule: str
    """The name of the rule."""
    code: str
    """The code."""
    fields: Mapping[str, str]
    """What was said for each field, by its name."""
    serial: int
    """The running number."""
    date: dt.datetime | None
    """The first moment of the time the code says, in plant time; None: it says none."""


class CodeRule(BaseModel):
    """How the codes of units or lots are made up."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=_NAME, description="Its name.")
    of: Literal["unit", "lot", "carrier", "order"] = Field(default="unit", description="What has it.")
    products: list[str] = Field(
        default_factory=list, description="Whose things have it; none: every product."
    )
    pattern: str = Field(
        min_length=1,
        description="Text, {date}, {serial}, {check} and fields: SZ{line}{date}-{serial}{check}.",
    )
    date: str | None = Field(default=None, description="How {date} is written, such as yymmdd or yyjjj.")
    serial: Serial = Field(description="The running number.")
    check: str | None = Field(default=None, description=f"Scheme of {{check}}: {', '.join(SCHEMES)}.")
    fields: dict[str, CodeField] = Field(default_factory=dict, description="The other parts, by their name.")

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        named = [name for name, _ in self.pieces if name]
        if "".join(f"{{{name}}}" if name else text for name, text in self.pieces) != self.pattern:
            raise ValueError(f"the pattern {self.pattern!r} has a brace that belongs to no name")
        if len(set(named)) != len(named):
            raise ValueError(f"the pattern {self.pattern!r} names a part twice")
        if "serial" not in named:
            raise ValueError("the pattern has no {serial}, so that codes would repeat")
        for name, given in (("date", self.date), ("check", self.check)):
            if (name in named) != (given is not None):
                raise ValueError(f"{{{name}}} in the pattern and the setting {name} go together")
        if unknown := sorted(set(named) - {*_OWN, *self.fields}):
            raise ValueError(f"the pattern names {', '.join(unknown)}, which is not under fields")
        if set(self.fields) - set(named) or set(self.fields) & set(_OWN):
            raise ValueError("a field has to be in the pattern, and not be called date, serial or check")
        self._check_series(named)
        if self.check is not None:
            self._check_check(self.check)
        if len(self.shape) > _WIDEST:
            raise ValueError(f"a code of {len(self.shape)} characters is longer than {_WIDEST}")
        return self

    def _check_series(self, named: list[str]) -> None:
        reset = self.serial.reset
        if reset != "never" and not (self.date_format and self.date_format.allows(reset)):
            raise ValueError(f"serial.reset is {reset}, which the date in the code does not show")
        if set(self.serial.per) - (set(named) - set(_OWN)):
            raise ValueError("serial.per names what is no field of the pattern, so that codes would repeat")

    def _check_check(self, scheme_name: str) -> None:
        scheme = SCHEMES.get(scheme_name)
        if scheme is None:
            raise ValueError(f"{scheme_name!r} is no check scheme; known: {', '.join(SCHEMES)}")
        after = self.pieces[[name for name, _ in self.pieces].index("check") + 1 :]
        if any(name or set(text) & set(scheme.alphabet) for name, text in after):
            raise ValueError("{check} has to be the last part of the pattern")
        for name, _ in self.pieces:
            if name and name != "check":
                wrong = {one for place in self._places(name) if len(place) > 1 for one in place}
                if wrong - set(scheme.alphabet):
                    raise ValueError(f"{scheme_name} covers only {scheme.alphabet!r}, but {name} has more")

    @cached_property
    def pieces(self) -> list[tuple[str, str]]:
        """The parts of the pattern, in order: a name and "", or "" and text."""
        return [(found[1] or "", found[2] or "") for found in _PIECE.finditer(self.pattern)]

    @cached_property
    def date_format(self) -> DateFormat | None:
        """How the date is written."""
        return DateFormat(self.date) if self.date is not None else None

    @cached_property
    def scheme(self) -> CheckScheme | None:
        """How the check character is computed."""
        return SCHEMES[self.check] if self.check is not None else None

    @cached_property
    def shape(self) -> tuple[str, ...]:
        """The characters that may stand at each place of a code."""
        return tuple(place for name, text in self.pieces for place in (self._places(name) if name else text))

    @cached_property
    def fingerprint(self) -> str:
        """A hash of what decides the series; values and limits may be added without beginning them anew."""
        said = {
            "of": self.of,
            "pattern": self.pattern,
            "date": self.date,
            "serial": self.serial.model_dump(mode="json", exclude={"start", "end"}),
            "check": self.check,
            "fields": {name: field.size for name, field in self.fields.items()},
        }
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    def may_equal(self, other: CodeRule) -> bool:
        """Whether the two could give the same code to things of the same kind."""
        return self.of == other.of and meet(self.shape, other.shape)

    def series(self, fields: Mapping[str, str], moment: dt.datetime) -> str:
        """What tells the series of a code from the others of the rule, by what the code shows."""
        written = {name: self._field(name, fields) for name in self.serial.per}
        if self.serial.reset != "never" and self.date_format:
            written["date"] = self.date_format.period(moment, self.serial.reset)
        return json.dumps(written, sort_keys=True, ensure_ascii=False) if written else ""

    def write(self, serial: int, fields: Mapping[str, str], moment: dt.datetime) -> str:
        """The code with this running number.

        Parameters
        ----------
        serial
            From ``serial.start`` to ``serial.last``.
        fields
            What is said for each field, by its name.
        moment
            The time the code says, in plant time.

        Raises
        ------
        CodeError
            A field is missing, unknown or has a value that can't be written; the number is outside its range.
        """
        for name in fields:
            if name not in self.fields:
                known = ", ".join(self.fields) or "–"
                raise refusal("field-unknown", code_rule=self.name, field=name, known=known)
        if not self.serial.start <= serial <= self.serial.last:
            raise refusal(
                "serial-range", code_rule=self.name, serial=serial, start=self.serial.start,
                end=self.serial.last,
            )  # fmt: skip
        code = ""
        for name, text in self.pieces:
            if name == "check":
                code += self._check_of(code)
            elif name == "date":
                code += self.date_format.write(moment) if self.date_format else ""
            elif name == "serial":
                code += self.serial.write(serial)
            else:
                code += self._field(name, fields) if name else text
        return code

    def parse(self, code: str, today: dt.date) -> ParsedCode:
        """Take a code apart and check all of it.

        Parameters
        ----------
        code
            The code.
        today
            Decides the century or decade of a year that is not written in full.

        Raises
        ------
        CodeError
            ``code-length``, ``code-text``, ``code-value``, ``code-date``, ``code-serial`` or ``code-check``.
        """
        if len(code) != len(self.shape):
            raise refusal(
                "code-length", code_rule=self.name, code=code, length=len(code), wanted=len(self.shape)
            )
        parts = dict(self._cut(code))
        if self.scheme:
            before = code[: self._check_place]
            expected = self._check_of(before)
            if parts["check"] != expected:
                raise refusal(
                    "code-check", code_rule=self.name, code=code, found=parts["check"], expected=expected
                )
        fields = {name: self._said(name, parts[name], code) for name in self.fields}
        serial = self.serial.read(parts["serial"])
        if not self.serial.start <= serial <= self.serial.last:
            raise refusal(
                "code-serial", code_rule=self.name, code=code, part=parts["serial"], start=self.serial.start,
                end=self.serial.last,
            )  # fmt: skip
        moment = None
        if self.date_format:
            try:
                moment = self.date_format.read(parts["date"], today)
            except ValueError as error:
                raise refusal(
                    "code-date", code_rule=self.name, code=code, part=parts["date"], form=self.date
                ) from error
        return ParsedCode(self.name, code, fields, serial, moment)

    @cached_property
    def _check_place(self) -> int:
        names = [name for name, _ in self.pieces]
        before = self.pieces[: names.index("check")]
        return sum(len(self._places(name)) if name else len(text) for name, text in before)

    def _places(self, name: str) -> tuple[str, ...]:
        if name == "date":
            return self.date_format.characters if self.date_format else ()
        if name == "serial":
            return (self.serial.characters,) * self.serial.width
        if name == "check":
            return (self.scheme.results,) if self.scheme else ()
        return self.fields[name].characters if name in self.fields else ()

    def _cut(self, code: str) -> Iterator[tuple[str, str]]:
        place = 0
        for name, text in self.pieces:
            places = self._places(name) if name else tuple(text)
            part = code[place : place + len(places)]
            for offset, (found, allowed) in enumerate(zip(part, places, strict=True)):
                if found not in allowed:
                    raise refusal(
                        "code-text", code_rule=self.name, code=code, at=place + offset + 1, found=found,
                        part=f"{{{name}}}" if name else text,
                    )  # fmt: skip
            if name:
                yield name, part
            place += len(places)

    def _check_of(self, before: str) -> str:
        """The check character behind ``before``; text that the scheme does not cover is left out."""
        scheme = self.scheme
        if scheme is None:
            return ""
        return scheme.compute("".join(one for one in before if one in scheme.alphabet))

    def _field(self, name: str, fields: Mapping[str, str]) -> str:
        field = self.fields[name]
        said = fields.get(name, field.default)
        if said is None:
            raise refusal("field-missing", code_rule=self.name, field=name)
        if field.values:
            if said not in field.values:
                known = ", ".join(field.values)
                raise refusal("field-value", code_rule=self.name, field=name, value=said, known=known)
            return field.values[said]
        alphabet = ALPHABETS.get(field.alphabet, field.alphabet)
        if len(said) != field.size or set(said) - set(alphabet):
            raise refusal(
                "field-form", code_rule=self.name, field=name, value=said, width=field.size, alphabet=alphabet
            )
        return said

    def _said(self, name: str, written: str, code: str) -> str:
        field = self.fields[name]
        if not field.values:
            return written
        for said, one in field.values.items():
            if one == written:
                return said
        raise refusal("code-value", code_rule=self.name, code=code, field=name, part=written)


def meet(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether one code can be of both shapes."""
    return len(one) == len(other) and all(set(a) & set(b) for a, b in zip(one, other, strict=True))


def check_rules(rules: list[CodeRule], where: str) -> None:
    """Check that rules are told apart by name, product and by the codes they give.

    Raises
    ------
    ValueError
        Two have one name, two are for one product, or two could give one code to things of one kind.
    """
    for index, rule in enumerate(rules):
        for before in rules[:index]:
            if rule.name == before.name:
                raise ValueError(f"{where}[{index}].name: {rule.name!r} is declared twice")
            shared = set(rule.products) & set(before.products)
            if rule.of == before.of and (shared or not (rule.products or before.products)):
                whose = f"of product {sorted(shared)[0]!r}" if shared else "without a product"
                raise ValueError(
                    f"{where}[{index}].products: {before.name!r} is for every {rule.of} {whose} already"
                )
            if rule.may_equal(before):
                raise ValueError(
                    f"{where}[{index}].pattern: {rule.name!r} could give a code that {before.name!r} "
                    "gives too; put different text into one of them"
                )


def rule_for(rules: list[CodeRule], of: str, product: str | None) -> CodeRule:
    """The rule for things of a kind and product; that of every product where it has none of its own.

    Raises
    ------
    CodeError
        There is none.
    """
    fitting = [rule for rule in rules if rule.of == of]
    for rule in fitting:
        if product is not None and product in rule.products:
            return rule
    for rule in fitting:
        if not rule.products:
            return rule
    known = ", ".join(rule.name for rule in rules) or "–"
    raise refusal("no-rule", of=of, product=product or "–", known=known)
