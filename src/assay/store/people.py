"""Random ids of people: what is recorded says who did it by them only, and who is behind one can be deleted.

With ``pseudonyms = true`` under ``[ledger]`` in ``assay.toml`` a name or number of a person is replaced where
it comes in: ``person`` and ``corrected_by`` of rows, subjects of the kind ``person``, master data of people,
and what the gate is told. Which id stands for whom is kept outside the plant and every backup, beside the
salts. Rows whose person is erased stay as they are, and provable: nothing leads from the id to anybody.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from assay.model.kinds import RecordKind

if TYPE_CHECKING:
    from assay.store.config import LedgerSettings
    from assay.store.evidence_secrets import Secrets

PERSON = "person"
"""The kind of subject, of entity and of role that is somebody."""

_COLUMNS = ("person", "corrected_by")
_KINDS = {RecordKind.ENTITY.value: ("entity", "id")}
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
        return rows

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
