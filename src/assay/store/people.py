"""Random ids of people: the evidence log says by them only who did something; who is behind can be deleted.

With ``pseudonyms = "log"`` under ``[ledger]`` in ``assay.toml``, as new plants have it, ids take the place of
names where something is logged: subjects that are people, and what the gate is told, with the names of those
who may override it. Records, master data and answers keep the names. With ``pseudonyms = true`` ids take
their place where they come in: ``person`` and ``corrected_by`` of rows, subjects of the kind ``person``,
master data of people and of what they may do; rows whose person is erased stay as they are then, and
provable. Which id stands for whom is kept outside the plant and every backup, beside the salts: nothing leads
from the id of somebody erased to anybody.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from assay.ledger.errors import LedgerError
from assay.model.kinds import RecordKind

if TYPE_CHECKING:
    from assay.ledger.gate.facts import Claims
    from assay.ledger.gate.policy import GatePolicy
    from assay.ledger.gate.verdict import Reason, Verdict
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
    """Who stands for which id in the log of a plant with these settings; None where it names people."""
    return People(kept, everywhere=settings.pseudonyms is True) if settings.pseudonyms else None


class People:
    """Who stands for which id in one plant.

    Parameters
    ----------
    kept
        Gives the secrets of the plant's log, in which it is kept.
    everywhere
        Whether ids stand in records and answers too.
    """

    def __init__(self, kept: Callable[[], Secrets], *, everywhere: bool) -> None:
        self._kept = kept
        self.everywhere = everywhere
        self._known: dict[str, str] = {}
        self._read: tuple[Secrets, int] | None = None

    @property
    def here(self) -> bool:
        """Whether who stands for which id is known on this machine."""
        try:
            self._kept()
        except LedgerError:
            return False
        return True

    def id_of(self, name: str) -> str:
        """The id of a person, made where there is none; an id stays what it is.

        Raises
        ------
        LogError
            The keys of the plant's log are not on this machine.
        """
        return self.ids([name])[name]

    def ids(self, names: Iterable[str]) -> Mapping[str, str]:
        """The ids of people by their names, durable when this returns; raises like :meth:`id_of`."""
        wanted = set(names)
        kept = self._kept()
        if self._read != (now := (kept, kept.changes())):  # another process made one, or somebody was erased
            self._known, self._read = {}, now
        new = {name for name in wanted - self._known.keys() if not is_random(name)}
        if new:
            self._known |= kept.new_ids(sorted(new), lambda: f"p-{secrets.token_hex(8)}")
        return {name: self._known.get(name, name) for name in wanted}

    def known(self, name: str) -> str:
        """The id of a person who has one; anything else stays what it is."""
        return self.everybody().get(name, name)

    def everybody(self) -> Mapping[str, str]:
        """The id of each by the name; empty where that is not kept on this machine."""
        with suppress(LedgerError):
            return self._kept().people()
        return {}

    def names(self) -> Mapping[str, str]:
        """The name of each by the id, for answers; empty where these show ids too."""
        return {} if self.everywhere else {id_: name for name, id_ in self.everybody().items()}

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

    def in_performers(self, rows: pa.Table) -> pa.Table:
        """Rows with ids in the place of those in their column ``person``, for the gate."""
        return self._in(rows, PERSON, None)

    def in_known_performers(self, rows: pa.Table) -> pa.Table:
        """The same of people who have an id; for others none is made."""
        ids = self.everybody()
        return _replaced(rows, PERSON, ids, None)

    def in_policy(self, policy: GatePolicy) -> GatePolicy:
        """A gate policy with ids in the place of those who may override it; their keys stay."""
        named = policy.override.people if policy.override else {}
        return _with_people(policy, self.ids(named))

    def named_in_policy(self, policy: GatePolicy) -> GatePolicy:
        """A gate policy as it is shown: with names in the place of ids."""
        return _with_people(policy, self.names())

    def _in(self, rows: pa.Table, name: str, where: pa.ChunkedArray | None) -> pa.Table:
        column = rows.column(name).cast(pa.string())
        chosen = column if where is None else column.filter(where)
        ids = self.ids(one for one in pc.unique(chosen).to_pylist() if one is not None)
        return _replaced(rows, name, ids, where)


def in_claims(claims: Claims, ids: Mapping[str, str]) -> Claims:
    """What a record says of itself to the gate, with ids in the place of people."""
    who = claims.took.get(PERSON, ())
    return replace(claims, took={**claims.took, PERSON: tuple(map(ids.__getitem__, who))}) if who else claims


def named_in(verdict: Verdict, names: Mapping[str, str]) -> Verdict:
    """What the gate said as it is shown: with names in the place of ids."""
    return verdict._replace(reasons=reasons_named(verdict.reasons, names))


def reasons_named(reasons: Sequence[Reason], names: Mapping[str, str]) -> tuple[Reason, ...]:
    """Reasons as they are shown: with names in the place of ids."""
    return tuple(
        one._replace(subject=names.get(one.subject, one.subject)) if one.subject else one for one in reasons
    )


def _with_people(policy: GatePolicy, called: Mapping[str, str]) -> GatePolicy:
    """A policy of which those who may override it are called otherwise."""
    if policy.override is None or not called:
        return policy
    people = {called.get(name, name): key for name, key in policy.override.people.items()}
    return policy.model_copy(update={"override": policy.override.model_copy(update={"people": people})})


def _replaced(rows: pa.Table, name: str, by: Mapping[str, str], where: pa.ChunkedArray | None) -> pa.Table:
    """Rows of which a column has other values, by what they were; only those of ``where``, if given."""
    if not by:
        return rows
    at = rows.schema.get_field_index(name)
    field = rows.schema.field(at)
    column = rows.column(at).cast(pa.string())
    places = pc.index_in(column, value_set=pa.array(by.keys(), pa.string()))
    found = pc.coalesce(pa.chunked_array([pa.array(by.values(), pa.string())]).take(places), column)
    if where is not None:
        found = pc.if_else(where, found, column)
    changed = found.combine_chunks()
    if pa.types.is_dictionary(field.type):
        changed = changed.dictionary_encode()
    return rows.set_column(at, field, changed.cast(field.type))
