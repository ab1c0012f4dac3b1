"""What each column of a sampled file is taken for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from assay.connect.infer_columns import Look
from assay.connect.infer_names import suggests, unit_in
from assay.connect.mapping import ColumnSpec
from assay.connect.mapping_checks import attribute_name
from assay.model.attributes import Attribute, AttributeType, ColumnRole
from assay.model.errors import ModelError
from assay.model.units import parse_unit, suggest_unit

CORE = ("equipment", "person", "gauge", "material", "segment", "recipe", "work_order", "carrier")
"""Master data a column may name, as fields of a record."""

_LIKELY = 0.6
_FEW = 12
_ATTRIBUTES = (
    ColumnRole.FACTOR,
    ColumnRole.ORDERED_FACTOR,
    ColumnRole.DESIGN_LABEL,
    ColumnRole.ANNOTATION,
)

SubjectKind = Literal["unit", "lot", "execution"]
DoubtKey = tuple[str | None, str, dict[str, Any]]


@dataclass
class Guess:
    """What one column is taken for."""

    name: str
    role: ColumnRole = ColumnRole.FACTOR
    type: AttributeType = AttributeType.TEXT
    is_: SubjectKind | None = None
    core: str | None = None
    """The record field it fills, instead of becoming an attribute."""
    unit: str | None = None
    formats: list[str] | None = None
    samples: Sequence[str] = ()
    left_out: bool = False

    @property
    def attribute(self) -> bool:
        """True when the column becomes an attribute."""
        return self.core is None and self.role in _ATTRIBUTES and not self.left_out

    def written(self) -> dict[str, Any]:
        """The column as a mapping says it."""
        said: dict[str, Any] = {"role": self.role.value}
        if self.is_ is not None:
            said["is"] = self.is_
        if self.attribute:
            if self.type is not AttributeType.TEXT:
                said["type"] = self.type.value
            if self.unit is not None:
                said["unit"] = self.unit
        if self.formats is not None:
            said["formats"] = self.formats
        return said


@dataclass
class Layout:
    """What the file is taken for."""

    guesses: list[Guess]
    doubts: list[DoubtKey] = field(default_factory=list)
    formats: list[str] = field(default_factory=list)
    """Time formats all time columns share."""
    long: bool = False
    """One measurement per row, the characteristic named in a column."""
    rows_named: bool = True
    """True when a subject of some kind tells the rows apart."""

    def one(self, core: str) -> Guess | None:
        """The column that fills a record field."""
        return next((guess for guess in self.guesses if guess.core == core), None)

    def subject(self, kind: SubjectKind) -> Guess | None:
        """The column that names subjects of a kind."""
        return next((guess for guess in self.guesses if guess.is_ == kind), None)


class Guesser:
    """Looks at the columns of a file together."""

    def __init__(self, looks: Sequence[Look], known: Sequence[Attribute]) -> None:
        self._looks = {look.name: look for look in looks}
        self._guesses = {
            look.name: Guess(look.name, type=AttributeType.TEXT, samples=look.samples) for look in looks
        }
        self._open = dict.fromkeys(self._guesses)
        self._known = {attribute.name: attribute for attribute in known}
        self._layout = Layout(list(self._guesses.values()))

    def layout(self) -> Layout:
        """Guess every column; each step takes columns the earlier ones left open."""
        self._empty()
        self._times()
        self._measures()
        self._long()
        if not self._layout.long:
            self._outcomes()
        self._subjects()
        self._master_data()
        for name in list(self._open):
            self._rest(name)
        if not self._layout.long:
            self._measured_instead()
        for guess in self._guesses.values():
            if guess.type is AttributeType.NUMBER:
                self._misfits(guess.name, self._looks[guess.name].misfits)
        self._clashes()
        return self._layout

    # -- steps ------------------------------------------------------------------------------------

    def _take(self, name: str, role: ColumnRole, **more: Any) -> Guess:
        guess = self._guesses[name]
        guess.role = role
        for key, value in more.items():
            setattr(guess, key, value)
        self._open.pop(name, None)
        return guess

    def _doubt(self, column: str | None, key: str, **about: Any) -> None:
        self._layout.doubts.append((column, key, {"column": column, **about}))

    def _best(self, *meanings: str, fits: Any = None) -> str | None:
        """The open column whose name suggests a meaning most."""
        scored = [
            (max(suggests(name, one) for one in meanings), -at, name)
            for at, name in enumerate(self._open)
            if fits is None or fits(self._looks[name])
        ]
        score, _, name = max(scored, default=(0.0, 0, ""))
        return name if score >= _LIKELY else None

    def _empty(self) -> None:
        for name in [name for name in self._open if self._looks[name].empty]:
            self._take(name, ColumnRole.ANNOTATION, left_out=True)
            self._doubt(name, "empty-column")

    def _times(self) -> None:
        found: list[Guess] = []
        for name in list(self._open):
            look = self._looks[name]
            hinted = max(suggests(name, one) for one in ("time", "started", "ended"))
            plain_digits = look.integral and hinted < _LIKELY
            guessed = None if plain_digits else look.time
            if guessed is None:
                if hinted >= 1.0 and not look.numeric:
                    self._doubt(name, "time-not-understood", sample=look.samples[0])
                continue
            guess = self._take(name, ColumnRole.TIME, type=AttributeType.TIME)
            guess.formats = [guessed.format] if guessed.format else None
            found.append(guess)
            self._misfits(name, look.filled.filter(pa.array(look.not_times(guessed.format))))
            if guessed.also is not None:
                self._doubt(
                    name, "day-or-month", format=guessed.format, other=guessed.also, sample=look.samples[0]
                )
        for guess, field_name in self._in_order(found):
            guess.core = field_name
        if not found:
            self._doubt(None, "no-time")
        shared = {tuple(guess.formats or ()) for guess in found}
        if len(shared) == 1:
            self._layout.formats = list(next(iter(shared)))
            for guess in found:
                guess.formats = None
        elif shared:
            for guess in found:
                guess.formats = guess.formats or []

    def _misfits(self, name: str, misfits: pa.Array) -> None:
        if len(misfits):
            some = ", ".join(repr(one) for one in pc.unique(misfits)[:3].to_pylist())
            self._doubt(name, "some-unreadable", count=len(misfits), samples=some)

    def _in_order(self, times: list[Guess]) -> list[tuple[Guess, str]]:
        """Which time is the start and which the end; further ones become attributes."""
        start = max(times, key=lambda one: suggests(one.name, "started"), default=None)
        end = max(times, key=lambda one: suggests(one.name, "ended"), default=None)
        placed: list[tuple[Guess, str]] = []
        if start and end and start is not end and suggests(end.name, "ended") >= _LIKELY:
            placed = [(start, "started"), (end, "ended")]
        elif times:
            best = max(times, key=lambda one: max(suggests(one.name, "time"), suggests(one.name, "started")))
            placed = [(best, "started")]
        taken = [guess.name for guess, _ in placed]
        for guess in times:
            if guess.name not in taken:
                guess.role, guess.type = ColumnRole.ANNOTATION, AttributeType.TIME
                self._doubt(guess.name, "second-time", first=taken[0])
        return placed

    def _measures(self) -> None:
        """A column whose every value is a unit of measure."""
        name = self._best("measure", fits=lambda look: not look.numeric and look.levels <= 50)
        if name is not None and all(_is_unit(one) for one in self._looks[name].samples):
            self._take(name, ColumnRole.ANNOTATION, core="measure")

    def _long(self) -> None:
        rows = len(next(iter(self._looks.values())).cells)
        named = self._best(
            "characteristic",
            fits=lambda look: (
                not look.numeric and not look.verdicts and 1 <= look.levels <= max(2, rows // 2)
            ),
        )
        value = self._best("value", fits=lambda look: look.numeric) or self._only_number()
        if named is None or value is None or suggests(named, "characteristic") < _LIKELY:
            return
        self._layout.long = True
        self._take(named, ColumnRole.FACTOR, core="characteristic")
        self._take(value, ColumnRole.OUTCOME, core="value", type=AttributeType.NUMBER)
        self._doubt(named, "long-table", value=value)

    def _only_number(self) -> str | None:
        numbers = [
            name for name in self._open if self._looks[name].numeric and not self._looks[name].integral
        ]
        return numbers[0] if len(numbers) == 1 else None

    def _outcomes(self) -> None:
        for name in list(self._open):
            if self._looks[name].verdicts:
                self._take(name, ColumnRole.OUTCOME, core="text")
        if any(guess.role is ColumnRole.OUTCOME for guess in self._guesses.values()):
            return
        named = self._best(
            "outcome", fits=lambda look: 2 <= look.levels <= _FEW and (not look.numeric or look.integral)
        )
        if named is not None:
            self._take(named, ColumnRole.OUTCOME, core="text")
            self._doubt(named, "outcome-by-name", samples=", ".join(self._looks[named].samples))

    def _subjects(self) -> None:
        could = [name for name in self._open if self._could_name(self._looks[name])]
        for kind in ("execution", "lot", "unit"):
            scored = [
                (suggests(name, kind), self._looks[name].unique, self._looks[name].levels, name)
                for name in could
                if name in self._open
            ]
            score, _, _, name = max(scored, default=(0.0, False, 0, ""))
            if score >= _LIKELY and (kind != "execution" or self._looks[name].unique):
                self._take(name, ColumnRole.SUBJECT, is_=kind)
        if self._layout.subject("unit") is None and not self._layout.long:
            free = [name for name in could if name in self._open and self._looks[name].unique]
            free = [name for name in free if suggests(name, "note") < _LIKELY]
            if free:
                best = max(free, key=lambda name: suggests(name, "code"))
                self._take(best, ColumnRole.SUBJECT, is_="unit")
                self._doubt(best, "unit-by-uniqueness")
        self._check_subjects(could)

    def _check_subjects(self, could: list[str]) -> None:
        unit, execution = self._layout.subject("unit"), self._layout.subject("execution")
        if self._layout.long:
            if unit is None and execution is None and self._layout.subject("lot") is None:
                self._subject_of_long(could)
            return
        if unit is not None and execution is None and not self._looks[unit.name].unique:
            free = [name for name in could if name in self._open and self._looks[name].unique]
            free = [name for name in free if suggests(name, "note") < _LIKELY]
            if free:
                self._take(free[0], ColumnRole.SUBJECT, is_="execution")
                self._doubt(free[0], "execution-by-uniqueness", unit=unit.name)
            else:
                self._layout.rows_named = False
                self._doubt(unit.name, "unit-repeats")
        elif unit is None and execution is None:
            self._layout.rows_named = False
            self._doubt(None, "no-subject")

    def _subject_of_long(self, could: list[str]) -> None:
        free = [name for name in could if name in self._open]
        if not free:
            self._layout.rows_named = False
            self._doubt(None, "no-subject")
            return
        best = max(free, key=lambda name: self._looks[name].levels)
        self._take(best, ColumnRole.SUBJECT, is_="unit")
        self._doubt(best, "unit-by-levels")

    def _could_name(self, look: Look) -> bool:
        return not look.verdicts and (not look.numeric or look.integral) and look.levels > 1

    def _master_data(self) -> None:
        fields = CORE if not self._layout.long else ("equipment", "person", "gauge", "segment")
        for core in fields:
            name = self._best(core, fits=lambda look: look.levels <= max(50, len(look.cells) // 4))
            if name is None or (core in {"segment", "material"} and self._looks[name].numeric):
                continue
            if core == "gauge" and not self._layout.long and not self._has_outcome():
                continue
            self._take(name, ColumnRole.FACTOR, core=core)

    def _has_outcome(self) -> bool:
        return any(guess.role is ColumnRole.OUTCOME for guess in self._guesses.values())

    def _rest(self, name: str) -> None:
        look = self._looks[name]
        before = self._known.get(attribute_name(name, ColumnSpec(role=ColumnRole.FACTOR)))
        if before is not None and before.role in _ATTRIBUTES:
            self._take(name, before.role, type=before.type, unit=before.unit)
            return
        if suggests(name, "note") >= _LIKELY or (look.unique and not look.numeric):
            self._take(name, ColumnRole.ANNOTATION)
        elif suggests(name, "design") >= _LIKELY and not (look.numeric and not look.integral):
            self._take(name, ColumnRole.DESIGN_LABEL)
            self._doubt(name, "design-label")
        elif suggests(name, "flag") >= _LIKELY:
            self._take(name, ColumnRole.ANNOTATION, type=self._number_type(look))
            self._doubt(name, "flag")
        elif look.numeric and not look.leading_zeros:
            self._number(name, look)
        elif look.levels * 2 > len(look.filled) > 20:
            self._take(name, ColumnRole.ANNOTATION)
            self._doubt(name, "many-levels", levels=look.levels)
        else:
            self._take(name, ColumnRole.FACTOR)
        if look.levels == 1:
            self._doubt(name, "constant", value=look.samples[0])

    def _number(self, name: str, look: Look) -> None:
        unit = _unit_of(name)
        if look.integral and suggests(name, "code") >= _LIKELY:
            self._take(name, ColumnRole.FACTOR)
            if look.levels > 2:
                self._doubt(name, "code-or-quantity")
            return
        self._take(name, ColumnRole.ORDERED_FACTOR, type=self._number_type(look), unit=unit)
        if look.integral and 2 < look.levels <= _FEW:
            self._doubt(name, "quantity-or-code")
        if unit is None and unit_in(name):
            self._doubt(name, "unit-not-understood", unit=unit_in(name))

    @staticmethod
    def _number_type(look: Look) -> AttributeType:
        if not look.numeric:
            return AttributeType.TEXT
        return AttributeType.INTEGER if look.integral else AttributeType.NUMBER

    def _measured_instead(self) -> None:
        """Without a verdict the measured values are the outcome; with one they may be results too."""
        numbers = [
            guess
            for guess in self._guesses.values()
            if guess.role is ColumnRole.ORDERED_FACTOR and guess.type is AttributeType.NUMBER
        ]
        if self._has_outcome():
            for guess in numbers:
                self._doubt(guess.name, "setting-or-result")
            return
        if not numbers:
            numbers = [guess for guess in self._guesses.values() if guess.role is ColumnRole.ORDERED_FACTOR]
        for guess in numbers:
            guess.role, guess.core = ColumnRole.OUTCOME, "value"
            self._doubt(guess.name, "result-or-setting")
        if not numbers:
            self._doubt(None, "no-outcome")

    def _clashes(self) -> None:
        """Columns whose attribute name is taken or can't be made are left out, and said so."""
        from assay.connect.mapping_records import core_names
        from assay.model.kinds import RecordKind

        taken = core_names(RecordKind.MOVEMENT) | core_names(RecordKind.MEASUREMENT)
        for guess in self._guesses.values():
            if not guess.attribute:
                continue
            name = attribute_name(guess.name, ColumnSpec(role=ColumnRole.FACTOR))
            if not name or name in taken or not (name[0].isalpha()):
                guess.left_out = True
                self._doubt(guess.name, "no-attribute-name")
            taken.add(name)


def _is_unit(text: str) -> bool:
    try:
        parse_unit(text)
    except ModelError:
        return suggest_unit(text) is not None
    return True


def _unit_of(column: str) -> str | None:
    """The UCUM unit in a column's name, as far as it can be understood."""
    written = unit_in(column)
    if written is None:
        return None
    try:
        return parse_unit(written)
    except ModelError:
        return suggest_unit(written)
