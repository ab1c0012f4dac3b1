"""The names of a plant for those who build questions in Python or on a page: what may follow what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from assay.query.compile.meaning import (
    AGGREGATES,
    FEATURES,
    Ambiguous,
    ToKind,
    ToRecords,
    ToSegment,
    meaning_of,
    names_at,
)
from assay.query.domain.kinds import STEP, Domain

_VALUE = "value"


class PlantNames:
    """The vocabulary of one state of a plant, as the Python builder asks for it."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain

    def names(self, kind: str) -> Mapping[str, str | None]:
        """What may follow a thing of ``kind``, each with the kind it leads to.

        For the empty text: the kinds that a question may begin with. A value is followed by aggregates.
        """
        if kind == _VALUE:
            return dict.fromkeys((*AGGREGATES, *FEATURES))
        if not kind:
            return {word: found.name for word in self._domain.words() if (found := self._domain.kind(word))}
        return _Following(self._domain, kind)


class _Following(Mapping[str, str | None]):
    """Lists the names a person would look for; knows every name that has a meaning, signals among them."""

    def __init__(self, domain: Domain, kind: str) -> None:
        self._domain = domain
        self._kind = domain.kinds[kind]
        listed = names_at(domain, self._kind)
        self._listed: dict[str, str | None] = {name: leads or _VALUE for name, leads in listed.items()}
        if self._kind.record is not None:
            self._listed.update(dict.fromkeys(AGGREGATES))

    def __iter__(self) -> Iterator[str]:
        return iter(self._listed)

    def __len__(self) -> int:
        return len(self._listed)

    def __contains__(self, name: object) -> bool:
        try:
            self[str(name)]
        except KeyError:
            return False
        return True

    def __getitem__(self, name: str) -> str | None:
        if name in self._listed:
            return self._listed[name]
        try:
            meaning = meaning_of(self._domain, self._kind, name)
        except Ambiguous:
            return _VALUE
        match meaning:
            case None:
                raise KeyError(name)
            case ToKind():
                return meaning.target.name
            case ToRecords():
                return meaning.kind.name
            case ToSegment():
                return STEP
        return _VALUE
