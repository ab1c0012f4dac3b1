"""The kinds of things a question speaks of, their fields, and how one leads to another.

Kinds are those of the model (ISA-95 and 5M1E). A link is a SQL relation of two columns, ``src`` and
``dst``, over the base relations of :mod:`assay.query.domain.relations`; links between subjects and
records are kept by the compiler, because a record is reached by several ways.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa

from assay.model.entities import MASTER
from assay.model.kinds import SCHEMAS, RecordKind
from assay.query.domain.mounts import Mount, Mounts
from assay.query.domain.vocabulary import Characteristic, Vocabulary

Type = Literal["text", "number", "integer", "boolean", "time", "list", "either"]
"""``either``: a measured value that is a number or a text."""


@dataclass(frozen=True)
class Field:
    """A value of a thing: ``column`` of ``relation``, whose column ``key`` names the thing.

    ``mount`` is the table of a source that has it instead; its type is then told by the source.
    """

    name: str
    type: Type
    relation: str
    column: str
    unit: str | None = None
    mount: Mount | None = None


@dataclass(frozen=True)
class Link:
    """A way from one kind to another: ``edges`` names a base relation with columns ``src`` and ``dst``.

    With ``mount`` the way is in the table of a source: its field ``edges`` holds the id of the other thing;
    ``back`` goes from that other thing to the rows of the table. A name that several links could have leads
    nowhere: ``ways`` are the names that tell them apart.
    """

    name: str
    target: str
    edges: str
    mount: Mount | None = None
    back: bool = False
    ways: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """A kind of thing.

    ``universe`` is a base relation with column ``key``: all of them. ``record`` is the record kind for
    records, whose rows have their fields as columns and need no key.
    """

    name: str
    spoken: tuple[str, ...]
    universe: str
    fields: Mapping[str, Field] = field(default_factory=dict)
    links: Mapping[str, Link] = field(default_factory=dict)
    record: RecordKind | None = None


SUBJECTS = ("unit", "lot")
JUDGED = ("conforming", "conforming_today")
"""Whether a subject's results are good: by the limits in force when they were measured, and by today's."""

REFUSED, REFUSED_FOR = "refused", "refused_for"
"""Whether the gate refuses a record, or one about a thing, as evidence; and for which reasons."""
GATE = {REFUSED: "gate_refused", REFUSED_FOR: "gate_reasons"}
"""Their columns in the relations of records."""

STEP = "step"
"""What questions call an execution: one run of a segment."""

PLACES = ("equipment", "person", "recipe", "work_order", "carrier", "segment")
"""What an actual of a step names besides its subject."""

ZONE = "environment_zone"
"""The environment of a step is the zone that its equipment stands in."""

_SPOKEN: dict[str, tuple[str, ...]] = {
    "unit": ("units", "单元", "产品单元", "件"),
    "lot": ("lots", "material_lot", "批次", "批"),
    STEP: ("steps", "execution", "executions", "工步", "工序执行"),
    "material": ("product", "products", "materials", "物料", "产品", "料"),
    "equipment": ("machine", "machines", "设备", "机"),
    "person": ("people", "persons", "man", "operator", "operators", "人员", "人"),
    "recipe": ("recipes", "methods", "配方", "法"),
    "work_order": ("work_orders", "order", "orders", "工单"),
    "carrier": ("carriers", "载具"),
    "segment": ("segments", "工序"),
    "environment_zone": ("environment", "zone", "zones", "环境", "环"),
    "measurement": ("measurements", "测量", "测"),
    "event": ("events", "事件"),
    "movement": ("movements", "actuals", "移动"),
    "artifact": ("artifacts", "文件"),
    "characteristic": ("characteristics", "特性"),
    "gauge": ("gauges", "量具"),
    "partner": ("partners", "supplier", "suppliers", "合作方"),
}
"""Other words for a kind, the 5M1E ones (人机料法环测) among them; each names the link to it too."""

_TYPES: dict[pa.DataType, Type] = {
    pa.int64(): "integer",
    pa.int32(): "integer",
    pa.float64(): "number",
    pa.bool_(): "boolean",
    pa.timestamp("us", tz="UTC"): "time",
}


def type_of(arrow: pa.DataType) -> Type:
    """The language's type of a column."""
    return _TYPES.get(arrow, "text")


class Domain:
    """Every kind of one plant, with the names of its vocabulary."""

    def __init__(self, vocabulary: Vocabulary, mounts: Mounts) -> None:
        self.vocabulary = vocabulary
        self.mounts = mounts
        self.kinds: dict[str, Kind] = {}
        own = {subject: (_subject_fields(subject), self._subject_links(subject)) for subject in SUBJECTS}
        own[STEP] = (_step_fields(), self._step_links())
        for name, (fields, links) in own.items():
            self._add(
                name, f"d_{name}", self._mounted_fields(name) | fields, self._mounted_links(name) | links
            )
        for name in sorted({*MASTER, *vocabulary.master, *mounts.kinds()} - own.keys()):
            self._add(name, f"d_{name}", self._master_fields(name), self._master_links(name))
        for record in (RecordKind.MEASUREMENT, RecordKind.EVENT, RecordKind.MOVEMENT, RecordKind.ARTIFACT):
            self.kinds[record.value] = Kind(
                record.value,
                _SPOKEN[record.value],
                f"d_{record.value}",
                self._record_fields(record),
                _record_links(record),
                record,
            )
        self._spoken = {word: kind.name for kind in self.kinds.values() for word in kind.spoken}

    def characteristic(self, name: str) -> Characteristic | None:
        """How a characteristic is measured, here or in mounted tables; None where it's measured nowhere."""
        here = self.vocabulary.characteristics.get(name)
        if not self.mounts.records(RecordKind.MEASUREMENT):
            return here
        elsewhere = self.mounts.names(RecordKind.MEASUREMENT).get(name, [])
        given = {field for mount in elsewhere for field in mount.table.given()}
        if here is None and not given:
            return None
        number = "value" in given or (here is not None and here.number)
        text = "text" in given or (here is not None and here.text)
        return Characteristic(number, text, here.unit if here is not None else None)

    def is_event(self, name: str) -> bool:
        """Whether there are events of a kind, here or in mounted tables."""
        if name in self.vocabulary.events:
            return True
        return bool(self.mounts.records(RecordKind.EVENT)) and name in self.mounts.names(RecordKind.EVENT)

    def kind(self, word: str) -> Kind | None:
        """The kind that a word means, in the singular, the plural or Chinese."""
        return self.kinds.get(word) or self.kinds.get(self._spoken.get(word, ""))  # a kind's own name first

    def words(self) -> list[str]:
        """Every word for a kind."""
        return sorted({*self.kinds, *self._spoken})

    def _add(self, name: str, universe: str, fields: dict[str, Field], links: dict[str, Link]) -> None:
        self.kinds[name] = Kind(name, _SPOKEN.get(name, (f"{name}s",)), universe, fields, links)

    def _subject_links(self, subject: str) -> dict[str, Link]:
        other = "lot" if subject == "unit" else "unit"
        links = [
            Link(STEP, STEP, f"e_{subject}_step"),
            Link(other, other, f"e_{subject}_{other}"),
            Link("material", "material", f"e_{subject}_material"),
        ]
        return {link.name: link for link in links}

    def _step_links(self) -> dict[str, Link]:
        links = [Link(subject, subject, f"e_step_{subject}") for subject in SUBJECTS]
        links += [Link(place, place, f"e_step_{place}") for place in PLACES]
        links.append(Link("material", "material", "e_step_material"))
        links.append(Link(ZONE, ZONE, f"e_step_{ZONE}"))
        return {link.name: link for link in links}

    def _master_links(self, name: str) -> dict[str, Link]:
        links: list[Link] = []
        if name == "material":
            links += [Link(subject, subject, f"e_material_{subject}") for subject in SUBJECTS]
            links.append(Link(STEP, STEP, "e_material_step"))
        if name in (*PLACES, ZONE):
            links.append(Link(STEP, STEP, f"e_{name}_step"))
        for column in self.vocabulary.master.get(name, pa.schema([])).names:
            if column in MASTER:
                links.append(Link(column, column, f"m_{name}_{column}"))
            if column == "zone":
                links.append(Link(ZONE, ZONE, f"m_{name}_zone"))
            if column == "parent":
                links.append(Link("parent", name, f"m_{name}_parent"))
                links.append(Link("children", name, f"m_{name}_children"))
        links += self._mounted_links(name).values()
        for owner, schema in self.vocabulary.master.items():
            if name in schema.names and name != owner and owner not in {link.name for link in links}:
                links.append(Link(owner, owner, f"b_{name}_{owner}"))
        return {link.name: link for link in links}

    def _master_fields(self, name: str) -> dict[str, Field]:
        relation = f"d_{name}"
        fields = {"id": Field("id", "text", relation, "key")}
        for column in self.vocabulary.master.get(name, pa.schema([])):
            if column.name not in {"id", "is_current"}:
                fields[column.name] = Field(column.name, type_of(column.type), f"m_{name}", column.name)
        return fields | self._mounted_fields(name)

    def _mounted_fields(self, name: str) -> dict[str, Field]:
        """The fields of a kind that mounted tables have."""
        return {
            given: Field(given, "text", "", given, mount=mount)
            for mount in self.mounts.of_kind(name)
            for given in mount.table.given()
            if given != "id"
        }

    def _mounted_links(self, name: str) -> dict[str, Link]:
        """The links of a kind whose ways are in mounted tables, forth and back."""
        links = [
            Link(field if field != "id" else target, target, field, mount)
            for mount in self.mounts.of_kind(name)
            for field, target in mount.links.items()
        ]
        for owner in self.mounts.kinds():
            back = [
                (field, mount)
                for mount in self.mounts.of_kind(owner)
                for field, target in mount.links.items()
                if target == name
            ]
            if len(back) == 1:
                [(field, mount)] = back
                links.append(Link(owner, owner, field, mount, back=True))
            elif back:
                apart = [Link(f"{owner}_by_{field}", owner, field, mount, back=True) for field, mount in back]
                links += [*apart, Link(owner, owner, "", ways=tuple(link.name for link in apart))]
        return {link.name: link for link in links}

    def _record_fields(self, record: RecordKind) -> dict[str, Field]:
        relation = f"d_{record.value}"
        hidden = {"key_hash", "content_hash"}
        fields = {
            column.name: Field(column.name, type_of(column.type), relation, column.name)
            for column in SCHEMAS[record]
            if column.name not in hidden
        }
        for name, arrow in self.vocabulary.attributes.get(record, {}).items():
            fields[name] = Field(name, type_of(arrow), relation, name, self.vocabulary.units.get(name))
        if record is RecordKind.MEASUREMENT:
            fields.setdefault("code", Field("code", "text", relation, "text"))
        if record is RecordKind.EVENT:
            fields.setdefault("code", Field("code", "text", relation, "message"))
            fields.setdefault("kind", Field("kind", "text", relation, "event"))
        fields.setdefault(REFUSED, Field(REFUSED, "boolean", relation, GATE[REFUSED]))
        fields.setdefault(REFUSED_FOR, Field(REFUSED_FOR, "text", relation, GATE[REFUSED_FOR]))
        return fields


def _subject_fields(subject: str) -> dict[str, Field]:
    own = [
        Field("id", "text", f"d_{subject}", "key"),
        Field("first_time", "time", f"f_{subject}_times", "first_time"),
        Field("last_time", "time", f"f_{subject}_times", "last_time"),
        *(Field(name, "boolean", f"f_{subject}_{name}", "conforming") for name in JUDGED),
        Field(REFUSED, "boolean", f"f_{subject}_{REFUSED}", REFUSED),
    ]
    return {one.name: one for one in own}


def _step_fields() -> dict[str, Field]:
    fields = {"id": Field("id", "text", "d_step", "id")}
    for name in ("started", "ended"):
        fields[name] = Field(name, "time", "d_step", name)
    fields["duration"] = Field("duration", "number", "d_step", "duration", "s")
    fields[REFUSED] = Field(REFUSED, "boolean", f"f_step_{REFUSED}", REFUSED)
    return fields


def _record_links(record: RecordKind) -> dict[str, Link]:
    """Links along the columns of a record; the compiler reads ``edges`` as the column's name."""
    columns = {field.name for field in SCHEMAS[record]}
    return {
        name: Link(name, name, name)
        for name in (*PLACES, "material", "gauge", "characteristic")
        if name in columns
    }
