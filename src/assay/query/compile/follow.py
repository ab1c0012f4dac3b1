"""Following a path hop by hop: each gives the relation of what it leads to, without duplicates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from assay.model.text import Text
from assay.query.compile.formulas import formula
from assay.query.compile.meaning import (
    Ambiguous,
    Meaning,
    OfActual,
    OwnField,
    ToKind,
    ToRecords,
    ToSegment,
    ToSignal,
    built_in,
    meaning_of,
    unknown,
)
from assay.query.compile.pushing import of_records
from assay.query.compile.relation import Build, Rel, record_columns
from assay.query.compile.speech import said
from assay.query.domain.kinds import GATE, REFUSED, STEP, SUBJECTS, Kind, Link
from assay.query.domain.mounts import Mount
from assay.query.language.errors import Advice, write_instead
from assay.query.language.printer import write_value
from assay.query.language.tree import Expression, Hop, Name, Walk, Window
from assay.query.program import Condition, Trail

Narrow = Callable[[Rel, Expression], Rel]
"""Keeps of a relation what meets a condition; the compiler of expressions provides it."""


def _or_a_text(name: str, advice: Text | None) -> Advice:
    """The advice for a name in double quotes that means nothing: more often than not a text is meant."""
    text = write_value(name)
    single = said("hint.single-quotes", text=text)
    if not isinstance(advice, Advice):
        return write_instead(single, text)
    both = Text(zh=f"{single.zh} {advice.zh}", en=f"{single.en} {advice.en}")
    return write_instead(both, text, *advice.instead)


class Follower:
    """Follows names, walks and windows."""

    def __init__(self, build: Build, narrow: Narrow) -> None:
        self._build = build
        self._narrow = narrow

    def meaning(self, rel: Rel, hop: Name) -> Meaning:
        """What a name means after ``rel``.

        Raises
        ------
        QuestionError
            It means nothing here, or several things.
        """
        domain = self._build.domain
        try:
            found = meaning_of(domain, rel.kind, hop.name, spans=rel.spans)
        except Ambiguous as error:
            raise self._build.wrong(
                hop.place,
                said("ambiguous.name", name=hop.name),
                write_instead(said("hint.say-which", ways="   ".join(error.ways)), *error.ways),
            ) from None
        if found is None:
            what, advice = unknown(domain, rel.kind, hop.name, spans=rel.spans)
            if self._build.is_in_quotes(hop.place):
                advice = _or_a_text(hop.name, advice)
            raise self._build.wrong(hop.place, what, advice)
        return found

    def follow(self, rel: Rel, hop: Hop, *, also: tuple[Condition, ...] = ()) -> Rel:
        """What a hop leads to; ``also`` are conditions that sources of its records may evaluate."""
        if isinstance(hop, Name):
            meaning = self.meaning(rel, hop)
            if isinstance(meaning, OwnField) and rel.is_record:
                # The unit of a measurement is a word such as mm; followed, it's the unit that was measured.
                meaning = built_in(self._build.domain, rel.kind, hop.name) or meaning
            if isinstance(meaning, ToRecords):
                return self._narrowed(self._to_records(rel, meaning, hop, also), hop.condition)
            return self._narrowed(self.along(rel, meaning, hop), hop.condition)
        if isinstance(hop, Walk):
            return self._narrowed(self._walked(rel, hop), hop.condition)
        if isinstance(hop, Window):
            return self._windowed(rel, hop)
        raise self._build.wrong(hop.place, said("unknown.function", name=hop.function))

    def along(self, rel: Rel, meaning: Meaning, hop: Name) -> Rel:
        """What a meaning leads to, before its condition."""
        match meaning:
            case ToKind():
                return self._to_kind(rel, meaning)
            case ToSegment():
                return self._to_segment(rel, meaning.segment)
            case OfActual():
                return self._to_actuals(rel)
        if isinstance(meaning, ToSignal):
            raise self._build.wrong(
                hop.place, said("bare.signal", name=hop.name), said("hint.feature", name=hop.name)
            )
        raise self._build.wrong(hop.place, said("unknown.name", name=hop.name, kind=rel.kind.name))

    def _narrowed(self, rel: Rel, condition: Expression | None) -> Rel:
        return rel if condition is None else self._narrow(rel, condition)

    def _made(self, rel: Rel, sql: str, kind_name: str, *, via: str | None = None) -> Rel:
        # On the main path every hop is kept: it's read again, and its size is worth knowing.
        name = self._build.define(sql, stored=not rel.anchored)
        return Rel(name, self._build.domain.kinds[kind_name], rel.anchored, via)

    # -- links --------------------------------------------------------------------------------------

    def _to_kind(self, rel: Rel, meaning: ToKind) -> Rel:
        if rel.is_record:
            return self._from_record(rel, meaning)
        if meaning.through_steps:
            rel = self._to_kind(rel, ToKind(rel.kind.links[STEP], self._build.domain.kinds[STEP]))
        if meaning.link.mount is not None:
            return self._by_source(rel, meaning.link, meaning.link.mount)
        via = rel.kind.name if rel.kind.name in SUBJECTS and meaning.target.name == STEP else None
        carried = ", r.key AS via" if via else ""
        sql = (
            f"SELECT DISTINCT {rel.anchor}e.dst AS key{carried} FROM {rel.name} AS r\n"
            f"JOIN {meaning.link.edges} AS e ON e.src = r.key"
        )
        return self._made(rel, sql, meaning.target.name, via=via)

    def _by_source(self, rel: Rel, link: Link, mount: Mount) -> Rel:
        """What a link leads to whose way is in the table of a source."""
        begin, end = (link.edges, "id") if link.back else ("id", link.edges)
        keys = None if rel.whole else (rel.name, "key")
        rows = self._build.fetch(mount, (begin, end), key=None if rel.whole else begin, keys=keys)
        q = self._build.quoted
        sql = (
            f"SELECT DISTINCT {rel.anchor}f.{q(end)} AS key FROM {rel.name} AS r\n"
            f"JOIN {rows} AS f ON f.{q(begin)} = r.key WHERE f.{q(end)} IS NOT NULL"
        )
        return self._made(rel, sql, link.target)

    def _from_record(self, rel: Rel, meaning: ToKind) -> Rel:
        target = meaning.target.name
        if target in SUBJECTS:
            own = (
                f"SELECT {rel.anchor}r.subject_key AS key FROM {rel.name} AS r\n"
                f"WHERE r.subject_kind = '{target}'"
            )
            through = (
                f"SELECT {rel.anchor}e.dst AS key FROM {rel.name} AS r\n"
                f"JOIN e_step_{target} AS e ON e.src = r.subject_key WHERE r.subject_kind = 'execution'"
            )
            return self._made(rel, f"{own}\nUNION {through}", target)
        if target == STEP:
            if rel.kind.name == "movement":
                sql = f"SELECT DISTINCT {rel.anchor}r.step AS key FROM {rel.name} AS r"
            else:
                sql = (
                    f"SELECT DISTINCT {rel.anchor}r.subject_key AS key FROM {rel.name} AS r\n"
                    "WHERE r.subject_kind = 'execution'"
                )
            return self._made(rel, sql, STEP)
        column = self._build.quoted(meaning.link.edges)
        sql = (
            f"SELECT DISTINCT {rel.anchor}r.{column} AS key FROM {rel.name} AS r WHERE r.{column} IS NOT NULL"
        )
        return self._made(rel, sql, target)

    def _to_segment(self, rel: Rel, segment: str) -> Rel:
        subjects = self.subjects(rel)
        wanted = self._build.literal(segment)
        sql = (
            f"SELECT DISTINCT {rel.anchor}p.execution AS key, p.id AS via FROM {subjects} AS r\n"
            f"JOIN x_part AS p ON p.kind = r.kind AND p.id = r.key AND p.segment = {wanted}"
        )
        return self._made(rel, sql, STEP, via="unit")

    def subjects(self, rel: Rel) -> str:
        """The subjects a thing stands for: itself, the units of a lot, the units and lots of a product."""
        a = rel.anchor
        match rel.kind.name:
            case "unit":
                sql = f"SELECT {a}'unit' AS kind, r.key AS key FROM {rel.name} AS r"
            case "lot":
                sql = (
                    f"SELECT {a}'lot' AS kind, r.key AS key FROM {rel.name} AS r\n"
                    f"UNION SELECT {a}'unit', e.dst FROM {rel.name} AS r\n"
                    "JOIN e_lot_unit AS e ON e.src = r.key"
                )
            case "material":
                sql = "\nUNION ".join(
                    f"SELECT {a}'{kind}' AS kind, e.dst AS key FROM {rel.name} AS r\n"
                    f"JOIN e_material_{kind} AS e ON e.src = r.key"
                    for kind in SUBJECTS
                )
            case _:
                sql = "\nUNION ".join(
                    [f"SELECT {a}'execution' AS kind, r.key AS key FROM {rel.name} AS r"]
                    + [
                        f"SELECT {a}'{kind}', e.dst FROM {rel.name} AS r\n"
                        f"JOIN e_step_{kind} AS e ON e.src = r.key"
                        for kind in SUBJECTS
                    ]
                )
        return self._build.define(sql)

    # -- records ------------------------------------------------------------------------------------

    def _to_records(self, rel: Rel, meaning: ToRecords, hop: Name, also: tuple[Condition, ...]) -> Rel:
        kind = meaning.kind
        term = meaning.term
        also = (*also, *of_records(kind, hop.condition))
        if rel.kind.name in (*SUBJECTS, "material", STEP):
            sql = self._records_of_subjects(rel, meaning, also)
        elif rel.kind.name in kind.links:
            sql = self._records_by(rel, kind, also)
        else:
            steps = self._to_kind(rel, ToKind(rel.kind.links[STEP], self._build.domain.kinds[STEP]))
            sql = self._records_of_subjects(steps, meaning, also)
        found = self._made(rel, sql, kind.name)
        if term is not None and term.where:
            with formula(self._build, "term", term.name, term.where, hop.place) as condition:
                return self._narrow(found, condition)
        return found

    def _records_by(self, rel: Rel, kind: Kind, also: tuple[Condition, ...]) -> str:
        """The records whose column names the thing."""
        column = self._build.quoted(rel.kind.name)
        tables = [f"d_{kind.name}"]
        for mount in self._mounts(kind):
            keys = (rel.name, "key")
            tables.append(self.mounted_rows(kind, mount, also, rel.kind.name, keys, whole=rel.whole))
        return "\nUNION ALL ".join(
            f"SELECT {rel.anchor}{self._columns(kind, 't')} FROM {rel.name} AS r\n"
            f"JOIN {table} AS t ON t.{column} = r.key"
            for table in tables
        )

    def everything(self, kind: Kind, condition: Expression | None) -> Rel:
        """All records of a kind, those of sources as far as they may meet the condition."""
        parts = [f"SELECT {self._columns(kind, 't')} FROM d_{kind.name} AS t"]
        for mount in self._mounts(kind):
            rows = self.mounted_rows(kind, mount, of_records(kind, condition), None, None, whole=True)
            parts.append(f"SELECT {self._columns(kind, 't')} FROM {rows} AS t")
        return Rel(self._build.define("\nUNION ALL ".join(parts)), kind, anchored=False)

    def _mounts(self, kind: Kind, name: str | None = None) -> tuple[Mount, ...]:
        """The mounted tables that may have such records, told from their names where one is given."""
        mounts = self._build.domain.mounts
        if kind.record is None:
            return ()
        if name is None or not mounts.records(kind.record):
            return mounts.records(kind.record)
        return tuple(mounts.names(kind.record).get(name, ()))

    def _columns(self, kind: Kind, alias: str) -> str:
        return ", ".join(f"{alias}.{self._build.quoted(name)}" for name in record_columns(kind))

    def mounted_rows(
        self,
        kind: Kind,
        mount: Mount,
        conditions: tuple[Condition, ...],
        key: str | None,
        keys: tuple[str, str] | None,
        *,
        whole: bool,
    ) -> str:
        """Rows of a mounted table with every column that records of the lake have."""
        build = self._build
        made = {"source": build.literal(mount.source), "epoch": build.literal(mount.table.name)}
        gate = dict.fromkeys(GATE.values(), build.literal(None)) | {GATE[REFUSED]: build.literal(False)}
        own = [name for name in record_columns(kind) if name not in {"subject_key", "seq", *made, *gate}]
        rows = build.fetch(
            mount, own, conditions=conditions, key=None if whole else key, keys=None if whole else keys
        )
        order = ", ".join(f"f.{build.quoted(name)} ASC NULLS LAST" for name in own)
        columns = {name: f"f.{build.quoted(name)}" for name in own} | made | gate
        columns["seq"] = f"row_number() OVER (ORDER BY {order})"
        columns["subject_key"] = "f.subject"
        parts = ", ".join(f"{sql} AS {build.quoted(name)}" for name, sql in columns.items())
        return build.define(f"SELECT {parts} FROM {rows} AS f", stored=True)

    def _records_of_subjects(self, rel: Rel, meaning: ToRecords, also: tuple[Condition, ...]) -> str:
        names = self._build.domain.vocabulary
        kind = meaning.kind
        subjects = self.subjects(rel)
        has_steps = {
            "measurement": names.execution_results,
            "event": names.execution_events,
        }.get(kind.name, False)
        if has_steps and rel.kind.name != STEP:
            through = "\nUNION ".join(
                f"SELECT {rel.anchor}'execution', e.dst FROM {subjects} AS r\n"
                f"JOIN e_{one}_step AS e ON e.src = r.key WHERE r.kind = '{one}'"
                for one in SUBJECTS
            )
            subjects = self._build.define(
                f"SELECT {rel.anchor}r.kind AS kind, r.key AS key FROM {subjects} AS r\nUNION {through}"
            )
        conditions = ["t.subject_kind = s.kind", "t.subject_key = s.key"]
        if meaning.name is not None:
            column = "characteristic" if kind.name == "measurement" else "event"
            conditions.append(f"t.{column} = {self._build.literal(meaning.name)}")
            also = (*also, Condition(column, "=", meaning.name))
        anchor = "s.anchor AS anchor, " if rel.anchored else ""
        joined = " AND ".join(conditions)
        in_step = rel.kind.name == STEP and kind.name == "measurement"
        if in_step:
            # What was measured on a unit belongs to the step in whose segment it was measured.
            subjects = self._measured_in_step(rel)
            joined += " AND (s.segment IS NULL OR t.segment = s.segment)"
        tables = [f"d_{kind.name}"]
        for mount in self._mounts(kind, meaning.name):
            keys = (subjects, "key")
            tables.append(self.mounted_rows(kind, mount, also, "subject", keys, whole=rel.whole))
        return "\nUNION ALL ".join(
            f"SELECT {anchor}{self._columns(kind, 't')} FROM {subjects} AS s JOIN {table} AS t ON {joined}"
            for table in tables
        )

    def _measured_in_step(self, rel: Rel) -> str:
        """The subjects of steps, each with the segment in which what is measured belongs to the step."""
        a = rel.anchor
        own = (
            f"SELECT {a}'execution' AS kind, r.key AS key, CAST(NULL AS STRING) AS segment\n"
            f"FROM {rel.name} AS r"
        )
        others = [
            f"SELECT {a}'{kind}', e.dst, d.segment FROM {rel.name} AS r JOIN d_step AS d ON d.key = r.key\n"
            f"JOIN e_step_{kind} AS e ON e.src = r.key" + (" AND e.dst = r.via" if rel.via else "")
            for kind in SUBJECTS
        ]
        return self._build.define("\nUNION ".join([own, *others]))

    def _to_actuals(self, rel: Rel) -> Rel:
        """The actuals of a subject, or of the step that it was followed to."""
        if rel.kind.name == STEP:
            own = " AND t.subject = r.via" if rel.via else ""
            steps = f"SELECT DISTINCT {rel.anchor_name}key{', via' if rel.via else ''} FROM {rel.name}"
            sql = f"SELECT {rel.anchor}t.* FROM ({steps}) AS r\nJOIN d_movement AS t ON t.step = r.key{own}"
        else:
            sql = (
                f"SELECT {rel.anchor}{self._columns(self._build.domain.kinds['movement'], 't')}\n"
                f"FROM {rel.name} AS r\n"
                f"JOIN d_movement AS t ON t.subject = r.key AND t.subject_kind = '{rel.kind.name}'"
            )
        return self._made(rel, sql, "movement")

    # -- walks and windows --------------------------------------------------------------------------

    def _walked(self, rel: Rel, hop: Walk) -> Rel:
        build = self._build
        if rel.is_record or rel.kind.name not in (*SUBJECTS, STEP):
            raise build.wrong(hop.place, said("type.walk", direction=hop.direction, kind=rel.kind.name))
        target = None
        if hop.kind is not None:
            kind = build.domain.kind(hop.kind)
            if kind is None or kind.name not in (*SUBJECTS, STEP):
                raise build.wrong(
                    hop.place,
                    said("unknown.kind", name=hop.kind),
                    said("hint.kinds", names="unit, lot, step"),
                )
            target = kind.name
        origin = "execution" if rel.kind.name == STEP else rel.kind.name
        anchor = "r.anchor" if rel.anchored else "''"
        begun = build.define(
            f"SELECT DISTINCT {anchor} AS anchor, '{origin}' AS kind, r.key AS id FROM {rel.name} AS r"
        )
        trail = build.fresh()
        wanted = "execution" if target == STEP else target
        build.add(Trail(trail, begun, hop.direction, wanted, hop.depth))
        reached = target or rel.kind.name
        kept = "execution" if reached == STEP else reached
        sql = f"SELECT DISTINCT {rel.anchor}r.id AS key FROM {trail} AS r WHERE r.kind = '{kept}'"
        return self._made(rel, sql, reached)

    def _windowed(self, rel: Rel, hop: Window) -> Rel:
        spans = self.spans(rel, hop)
        moved = self._build.dialect.moved
        first = moved("ended" if hop.first == "end" else "started", repr(hop.first_offset.total_seconds()))
        last = moved("ended" if hop.last == "end" else "started", repr(hop.last_offset.total_seconds()))
        sql = f"SELECT {spans.anchor_name}equipment, {first} AS started, {last} AS ended FROM {spans.name}"
        return replace(spans, name=self._build.define(sql))

    def spans(self, rel: Rel, hop: Hop) -> Rel:
        """The time that things took and the equipment they took it on."""
        if rel.spans:
            return rel
        if rel.kind.name == STEP:
            sql = (
                f"SELECT DISTINCT {rel.anchor}i.equipment AS equipment,\n"
                "i.started AS started, i.ended AS ended\n"
                f"FROM {rel.name} AS r JOIN x_interval AS i ON i.execution = r.key"
            )
        elif rel.kind.name in {"event", "measurement"}:
            sql = (
                f"SELECT DISTINCT {rel.anchor}r.equipment AS equipment, r.time AS started, r.time AS ended\n"
                f"FROM {rel.name} AS r WHERE r.equipment IS NOT NULL AND r.time IS NOT NULL"
            )
        else:
            raise self._build.wrong(hop.place, said("type.window"))
        return replace(rel, name=self._build.define(sql), spans=True, via=None)
