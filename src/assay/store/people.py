"""Random ids of people: what is recorded says who did it by them only, and who is behind one can be deleted.

With ``pseudonyms = true`` under ``[ledger]`` in ``assay.toml`` a name or number of a person is replaced where
it comes in: ``person`` and ``corrected_by`` of rows, subjects of the kind ``person``, master data of people
and of what they may do, and what the gate is told, with the names of those who may override it. Which id
stands for whom is kept outside the plant and every backup, beside the salts. Rows whose person is erased stay
as they are, and provable: nothing leads from the id to anybody.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from assay.model.kinds import RecordKind

if TYPE_CHECKING:
    from assay.ledger.gate.facts import Claims
    from assay.ledger.gate.policy import GatePolicy
    from assay.model.entities import Entity
    from assay.store.config import LedgerSettings
    from assay.store.evidence_secrets import Secrets

PERSON = "person"
"""The kind of subject, of entity and of role that is somebody."""

_COLUMNS = ("person", "corrected_by")
_KINDS = {RecordKind.ENTITY.value: ("entity", "id")}
_SAYS_WHO = f'"{PERSON}"'
_RANDOM = re.compile(r"p-[0-9a-f]{16}")


def is_random(id_: str) -> bool:
    """Whether an id is of the form that is given to people here."""
    return _RANDOM.fullmatch(id_) is not None


def people_of(settings: LedgerSettings, kept: Callable[[], Secrets]) -> People | None:
    """Who stands for which id in a plant with these settings; None where people are recorded as they are."""
    return People(kept) if settings.pseudonyms else None


class People:
    """Who stands for which id in one plant.

    Parameters
    ----------
    kept
        Gives the secrets of the plant's log, in which it is kept.
    """

    def __init__(self, kept: Callable[[], Secrets]) -> None:
        self._kept = kept
        self._known: dict[str, str] = {}

    def id_of(self, name: str) -> str:
        """The id of a person, made where there is none; an id stays what it is."""
        return self.ids([name])[name]

    def ids(self, names: Iterable[str]) -> Mapping[str, str]:
        """The ids of people by their names, durable when this returns."""
        wanted = set(names)
        new = {name for name in wanted - self._known.keys() if not is_random(name)}
        if new:
            self._known |= self._kept().new_ids(sorted(new), lambda: f"p-{secrets.token_hex(8)}")
        return {name: self._known.get(name, name) for name in wanted}

    def known(self, name: str) -> str:
        """The id of a person who has one; anything else stays what it is."""
        return self._kept().people().get(name, name)

    def everybody(self) -> Mapping[str, str]:
        """The id of each by the name."""
        return self._kept().people()

    def forget(self, id_: str) -> None:
        """Destroy what says who is behind an id."""
        self._kept().forget_person(id_)
        self._known = {name: one for name, one in self._known.items() if one != id_}

    def replaced(self, table: str, rows: pa.Table) -> pa.Table:
        """Rows of a table with ids in the place of people."""
        for name in _COLUMNS:
            if name in rows.column_names:
                rows = self._in(rows, name, None)
        kind, about = _KINDS.get(table, ("subject_kind", "subject"))
        if kind in rows.column_names and about in rows.column_names:
            of_people = pc.equal(rows.column(kind).cast(pa.string()), PERSON).fill_null(False)
            if pc.any(of_people).as_py():
                rows = self._in(rows, about, of_people)
        if table == RecordKind.ENTITY.value and "attributes" in rows.column_names:
            rows = self._in_attributes(rows)
        return rows

    def _in_attributes(self, rows: pa.Table) -> pa.Table:
        """Master data with ids in the place of who has a qualification; the rest of their JSON as it is."""
        at = rows.schema.get_field_index("attributes")
        texts: list[str | None] = rows.column(at).cast(pa.string()).to_pylist()
        said = {text: json.loads(text) for text in set(texts) if text and _SAYS_WHO in text}
        of = {text: who for text, one in said.items() if isinstance(who := one.get(PERSON), str)}
        if not of:
            return rows
        ids = self.ids(of.values())
        new = {
            text: json.dumps({**said[text], PERSON: ids[who]}, ensure_ascii=False) for text, who in of.items()
        }
        found = pa.array([new.get(text, text) if text else text for text in texts], pa.string())
        return rows.set_column(at, rows.schema.field(at), found)

    def in_entity(self, kind: str, entity: Entity) -> Entity:
        """Master data of a kind with ids in the place of whom they are about, or who has a qualification."""
        name = "id" if kind == PERSON else PERSON
        who = getattr(entity, name, None)
        return entity.model_copy(update={name: self.id_of(who)}) if isinstance(who, str) else entity

    def in_claims(self, claims: Claims) -> Claims:
        """What a record says of itself to the gate, with ids in the place of people."""
        who = claims.took.get(PERSON, ())
        return replace(claims, took={**claims.took, PERSON: tuple(map(self.id_of, who))}) if who else claims

    def in_policy(self, policy: GatePolicy) -> GatePolicy:
        """A gate policy with ids in the place of those who may override it; their keys stay."""
        if policy.override is None:
            return policy
        people = {self.id_of(name): key for name, key in policy.override.people.items()}
        return policy.model_copy(update={"override": policy.override.model_copy(update={"people": people})})

    def _in(self, rows: pa.Table, name: str, where: pa.ChunkedArray | None) -> pa.Table:
        at = rows.schema.get_field_index(name)
        field = rows.schema.field(at)
        column = rows.column(at).cast(pa.string())
        chosen = column if where is None else column.filter(where)
        names = [one for one in pc.unique(chosen).to_pylist() if one is not None]
        if not names:
            return rows
        ids = self.ids(names)
        places = pc.index_in(column, value_set=pa.array(names, pa.string()))
        found = pa.chunked_array([pa.array([ids[one] for one in names], pa.string())]).take(places)
        if where is not None:
            found = pc.if_else(where, found, column)
        changed = found.combine_chunks()
        if pa.types.is_dictionary(field.type):
            changed = changed.dictionary_encode()
        return rows.set_column(at, field, changed.cast(field.type))
