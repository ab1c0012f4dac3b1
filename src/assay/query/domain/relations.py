"""The base relations that questions are compiled to, as SQL over the plant's record and master tables.

``d_…`` are things and records, ``e_…`` the links between them (columns ``src``, ``dst``, no pair twice),
``m_…`` and ``b_…`` master data with its links forth and back, ``f_…`` computed fields, ``the_…`` what results
are judged by, ``x_…`` what others are made of; a kind of the plant may have any name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from assay.model.judgement import BAD_WORDS
from assay.model.kinds import RecordKind, Role
from assay.query.dialect import Dialect
from assay.query.domain.kinds import GATE, PLACES, REFUSED, REFUSED_FOR, STEP, SUBJECTS
from assay.query.domain.vocabulary import Vocabulary
from assay.query.judging import conforming, limited, typed
from assay.query.masters import CHARACTERISTICS, CONVERSIONS, SCOPES, SPECIFICATIONS, specified
from assay.query.program import Conversions, Define, Given, Step
from assay.store.snapshot import Snapshot

NAMED = re.compile(r"\b(?:[debfmx]|the)_\w+")
"""How the name of a base relation looks in SQL."""

_STEP_COLUMNS = ("equipment", "person", "recipe", "work_order", "carrier")
_MEASURED = ("equipment", "person")
REFUSALS = "the_refusals"
"""The records that the gate refuses as evidence now, as the store tells them."""
_RECORDS = {kind.value for kind in RecordKind}


class Relations:
    """The SQL of each base relation, in one dialect, for one vocabulary and snapshot.

    ``refusals`` are the records that are refused, columns
    :data:`assay.store.refused_rows.STANDING_SCHEMA`; None where nobody asks.
    """

    def __init__(
        self, vocabulary: Vocabulary, dialect: Dialect, snapshot: Snapshot, refusals: pa.Table | None
    ) -> None:
        self._names = vocabulary
        self._dialect = dialect
        self._snapshot = snapshot
        self._refusals = refusals
        self._fixed: dict[str, Callable[[], str]] = {
            "x_named": self._named,
            "x_part": self._part,
            "x_run": self._run,
            "d_step": self._step,
            "x_interval": self._interval,
            "e_step_material": lambda: _edges("execution", "material", "x_part"),
            "e_step_environment_zone": lambda: self._zones("execution", "zone"),
            "e_environment_zone_step": lambda: self._zones("zone", "execution"),
            "e_material_step": lambda: _edges("material", "execution", "x_part"),
        }

    def step(self, name: str) -> Step | None:
        """What makes a base relation, or None for a name that is none."""
        if name in {CHARACTERISTICS, SPECIFICATIONS}:
            return Given(name, self._specified[name])
        if name == REFUSALS and self._refusals is not None:
            return Given(name, self._refusals)
        if name == CONVERSIONS:
            return self.conversions(name, "measurement")
        sql = self._sql(name)
        return None if sql is None else Define(name, sql)

    def conversions(self, name: str, results: str) -> Conversions:
        """How the units in a relation of results become those of their characteristics."""
        pairs = (
            f"SELECT DISTINCT m.unit, c.unit AS wanted FROM {results} AS m\n"
            f"JOIN {CHARACTERISTICS} AS c ON c.id = m.characteristic WHERE m.unit <> c.unit"
        )
        return Conversions(name, pairs)

    @cached_property
    def _specified(self) -> dict[str, pa.Table]:
        return specified(self._snapshot)

    def _sql(self, name: str) -> str | None:
        if (made := self._fixed.get(name)) is not None:
            return made()
        first, _, rest = name.partition("_")
        match first:
            case "d":
                return self._things(rest)
            case "e":
                return self._links(rest)
            case "f":
                return self._computed(rest)
            case "m":
                return self._master(rest)
            case "b":
                return self._back(rest)
        return None

    # -- executions ---------------------------------------------------------------------------------

    def key(self, segment: str, run: str) -> str:
        """What names an execution: its id, with the segment where ids are used in several segments."""
        if not self._names.shared_runs:
            return run
        escaped = f"replace(replace(coalesce({segment}, ''), '%', '%25'), '/', '%2F')"
        return f"concat({escaped}, '/', {run})"

    def _named(self) -> str:
        return (
            "SELECT execution AS run, min(segment) AS segment FROM movement\n"
            "WHERE segment IS NOT NULL GROUP BY execution HAVING min(segment) = max(segment)"
        )

    def _completed(self, table: str, run: str) -> tuple[str, str]:
        """A FROM clause for a table and the SQL of its segment, completed where an actual names none."""
        if not self._names.incomplete:
            return f"{table} AS r", "r.segment"
        join = f"{table} AS r LEFT JOIN x_named AS n ON r.segment IS NULL AND n.run = r.{run}"
        return join, "coalesce(r.segment, n.segment)"

    def _part(self) -> str:
        source, segment = self._completed("movement", "execution")
        own = "".join(f", r.{self._q(name)}" for name in self._names.attributes.get(RecordKind.MOVEMENT, {}))
        subject = (
            f"CASE WHEN r.subject_kind = 'execution' THEN {self.key(segment, 'r.subject')} ELSE r.subject END"
        )
        return (
            f"SELECT r.subject_kind AS kind, {subject} AS id,\n"
            f"{self.key(segment, 'r.execution')} AS execution,\n"
            f"r.execution AS run, {segment} AS segment, r.role, r.quantity, r.unit, r.position, r.material,\n"
            "r.equipment, r.person, r.recipe, r.work_order, r.carrier, r.clock_uncertainty,\n"
            f"coalesce(r.started, r.time) AS started, r.ended, r.time, r.source, r.epoch, r.seq{own}\n"
            f"FROM {source}"
        )

    def _run(self) -> str:
        """Every mention of an execution with what it says of it."""
        columns = ", ".join(_STEP_COLUMNS)
        parts = f"SELECT execution, run, segment, {columns}, started, ended, clock_uncertainty FROM x_part"
        if not self._names.execution_results:
            return parts
        source, segment = self._completed("measurement", "subject")
        measured = ", ".join(
            f"r.{name}" if name in _MEASURED else f"CAST(NULL AS {self._text}) AS {name}"
            for name in _STEP_COLUMNS
        )
        return (
            f"{parts}\nUNION ALL SELECT {self.key(segment, 'r.subject')}, r.subject, {segment}, {measured},\n"
            f"r.time, CAST(NULL AS TIMESTAMP), r.clock_uncertainty FROM {source}\n"
            "WHERE r.subject_kind = 'execution'"
        )

    def _step(self) -> str:
        duration = self._dialect.seconds("min(started)", "max(ended)")
        return (
            "SELECT execution AS key, min(run) AS id, segment,\n"
            "min(started) AS started, max(ended) AS ended,\n"
            f"{duration} AS duration FROM x_run GROUP BY execution, segment"
        )

    def _interval(self) -> str:
        return (
            "SELECT execution, segment, equipment, min(started) AS started, max(ended) AS ended FROM x_part\n"
            "WHERE equipment IS NOT NULL GROUP BY execution, segment, equipment"
        )

    # -- things -------------------------------------------------------------------------------------

    def _things(self, name: str) -> str | None:
        if name in SUBJECTS:
            mentions = [
                f"SELECT subject AS key FROM {table} WHERE subject_kind = '{name}'"
                for table in ("movement", "measurement", "event", "artifact")
            ]
            mentions.append(f"SELECT id FROM entity WHERE entity = '{name}'")
            return " UNION ".join(mentions)
        if name in _RECORDS:
            return self._record(name)
        mentions = []
        if name in self._names.master:
            mentions.append(f"SELECT key FROM m_{name}")
        if name in PLACES:
            mentions.append(f"SELECT {name} AS key FROM x_run WHERE {name} IS NOT NULL")
        if name == "material":
            mentions.append("SELECT material AS key FROM movement WHERE material IS NOT NULL")
        if name in {"gauge", "characteristic", "equipment", "person"}:
            mentions.append(f"SELECT {name} AS key FROM measurement WHERE {name} IS NOT NULL")
        if not mentions:
            return f"SELECT CAST(NULL AS {self._text}) AS key WHERE false"
        # A union has nothing twice; one part alone may.
        mentions[0] = mentions[0].replace("SELECT", "SELECT DISTINCT", 1)
        return " UNION ".join(mentions)

    def _record(self, name: str) -> str:
        run = "execution" if name == "movement" else "subject"
        gate, refusals = self._gate(name)
        if name in {"event", "artifact"}:
            return f"SELECT r.*, r.subject AS subject_key, {gate} FROM {name} AS r{refusals}"
        source, segment = self._completed(name, run)
        if name == "movement":
            step = self.key(segment, "r.execution")
            return f"SELECT r.*, r.subject AS subject_key, {step} AS step, {gate} FROM {source}{refusals}"
        key = self.key(segment, "r.subject")
        return (
            f"SELECT r.*, CASE WHEN r.subject_kind = 'execution' THEN {key} ELSE r.subject END\n"
            f"AS subject_key, {gate}\n"
            f"FROM {source}{refusals}"
        )

    def _gate(self, name: str) -> tuple[str, str]:
        """What the gate says of records, as columns, and the join behind FROM that brings it.

        A question that doesn't ask pays nothing, nor a plant in which no record of the kind is refused.
        """
        refused, reasons = GATE[REFUSED], GATE[REFUSED_FOR]
        if self._refusals is None or not pc.any(pc.equal(self._refusals["kind"], name)).as_py():
            return f"false AS {refused}, CAST(NULL AS {self._text}) AS {reasons}", ""
        same = " AND ".join(f"g.{column} = r.{column}" for column in ("source", "epoch", "seq"))
        join = f"\nLEFT JOIN {REFUSALS} AS g ON g.kind = '{name}' AND {same}"
        return f"g.seq IS NOT NULL AS {refused}, g.reasons AS {reasons}", join

    # -- links --------------------------------------------------------------------------------------

    def _links(self, name: str) -> str | None:
        for subject in SUBJECTS:
            other = "lot" if subject == "unit" else "unit"
            own = f"kind = '{subject}'"
            match name:
                case _ if name == f"{subject}_step":
                    return f"{_edges('id', 'execution', 'x_part')} AND {own}"
                case _ if name == f"step_{subject}":
                    return f"{_edges('execution', 'id', 'x_part')} AND {own}"
                case _ if name == f"{subject}_{other}":
                    return (
                        f"SELECT DISTINCT a.src AS src, b.dst AS dst FROM e_{subject}_step AS a\n"
                        f"JOIN e_step_{other} AS b ON b.src = a.dst"
                    )
                case _ if name == f"{subject}_material":
                    return f"{_edges('id', 'material', 'x_part')} AND {own}"
                case _ if name == f"material_{subject}":
                    return f"{_edges('material', 'id', 'x_part')} AND {own}"
        for place in PLACES:
            if name == f"step_{place}":
                return _edges("execution", place, "x_run")
            if name == f"{place}_step":
                return _edges(place, "execution", "x_run")
        return None

    def _zones(self, src: str, dst: str) -> str:
        """The steps and the zones in which their equipment stands."""
        columns = {"execution": "r.execution", "zone": "q.zone"}
        return (
            f"SELECT DISTINCT {columns[src]} AS src, {columns[dst]} AS dst FROM x_run AS r\n"
            "JOIN m_equipment AS q ON q.key = r.equipment WHERE q.zone IS NOT NULL"
        )

    # -- computed fields ----------------------------------------------------------------------------

    def _computed(self, name: str) -> str | None:
        subject, _, what = name.partition("_")
        if what == REFUSED:
            return self._refused(subject)
        if subject not in SUBJECTS:
            return None
        if what == "times":
            mentions = " UNION ALL ".join(
                f"SELECT subject AS key, time FROM {table} WHERE subject_kind = '{subject}'"
                for table in ("movement", "measurement", "event", "artifact")
            )
            return (
                "SELECT key, min(time) AS first_time, max(time) AS last_time\n"
                f"FROM ({mentions}) AS m GROUP BY key"
            )
        match what:
            case "made":
                return self._made(subject)
            case "result":
                return self._result(subject)
            case "conforming" | "conforming_today":
                return self.conforming(subject, f"f_{subject}_result", what)
        return None

    def _refused(self, kind: str) -> str | None:
        """Units, lots or steps with a refused record; what was said of an id alone may be of any kind."""
        if kind == STEP:
            return (
                f"SELECT step AS key FROM d_movement WHERE {GATE[REFUSED]}\n"
                f"UNION SELECT subject_key FROM d_measurement WHERE {GATE[REFUSED]}\n"
                "AND subject_kind = 'execution'"
            )
        if kind not in SUBJECTS:
            return None
        own = f"subject_kind IS NULL OR subject_kind = '{kind}'"
        return f"SELECT DISTINCT subject AS key FROM {REFUSALS} WHERE {own}"

    def _made(self, subject: str) -> str:
        """The subjects that results of an execution belong to: those made or worked on, else all."""
        roles = (Role.PRODUCED, Role.USED, Role.BY_PRODUCT, Role.RETURNED)
        listed = ", ".join(self._dialect.literal(role.value) for role in roles)
        worked = f"max(CASE WHEN role IN ({listed}) THEN 1 ELSE 0 END)"
        return (
            "SELECT execution, id AS key, segment FROM (\n"
            f"SELECT execution, id, min(segment) AS segment, {worked} AS worked,\n"
            f"max({worked}) OVER (PARTITION BY execution) AS most\n"
            f"FROM x_part WHERE kind = '{subject}' GROUP BY execution, id) AS p WHERE worked = most"
        )

    def _result(self, subject: str) -> str:
        """The results of subjects, those of the executions that made them or worked on them among them."""
        same = "m.characteristic, m.value, m.text, m.unit"
        time = "coalesce(m.time, m.recorded) AS time"
        own = (
            f"SELECT m.subject_key AS key, {same}, m.segment, {time} FROM d_measurement AS m\n"
            f"WHERE m.subject_kind = '{subject}'"
        )
        if not self._names.execution_results:
            return own
        return (
            f"{own}\nUNION ALL SELECT w.key, {same}, coalesce(m.segment, w.segment), {time}\n"
            f"FROM d_measurement AS m JOIN f_{subject}_made AS w ON w.execution = m.subject_key\n"
            "WHERE m.subject_kind = 'execution'"
        )

    def _units_differ(self) -> bool:
        """Whether some results of the lake may be in another unit than their characteristic."""
        measured = self._names.characteristics
        rows = self._specified[CHARACTERISTICS].to_pylist()
        return any(
            row["unit"] is not None and row["id"] in measured and measured[row["id"]].unit != row["unit"]
            for row in rows
        )

    def limited(self) -> tuple[str, ...]:
        """The characteristics that have a specification."""
        names = pc.unique(self._specified[SPECIFICATIONS].column("characteristic")).drop_null()
        return tuple(sorted(names.to_pylist()))

    def conforming(self, subject: str, results: str, what: str, conversions: str = CONVERSIONS) -> str:
        """Whether a subject's judged results are all good; nothing is known of one that was never judged.

        Parameters
        ----------
        subject
            ``unit`` or ``lot``.
        results
            The relation of their results, with the columns of ``f_unit_result``.
        what
            ``conforming``: by the limits in force when they were measured. ``conforming_today``: by those at
            the time of the snapshot.
        conversions
            The relation that converts their units.
        """
        d, specifications = self._dialect, self._specified[SPECIFICATIONS]
        time = "r.time" if what == "conforming" else d.literal(self._snapshot.moment)
        value, joins = "r.value", ""
        if conversions != CONVERSIONS or self._units_differ():
            in_unit = typed("r", time, conversions)
            value, joins = in_unit.value, in_unit.joins
        source = f"{results} AS r"
        scopes = {SCOPES[scope] for scope in specifications.column("scope").to_pylist()}
        if any("material" in scope for scope in scopes):
            source = (
                f"(SELECT a.*, g.material FROM {results} AS a LEFT JOIN (\n"
                "SELECT id, min(material) AS material FROM x_part\n"
                f"WHERE kind = '{subject}' GROUP BY id) AS g ON g.id = a.key) AS r"
            )
        limits = limited("r", specifications, time)
        good = conforming(d, "r.text", value, limits.low, limits.high)
        bad = ", ".join(d.literal(word) for word in sorted(BAD_WORDS))
        return (
            f"SELECT key, {d.all_of('good')} AS conforming FROM (\n"
            f"SELECT r.key, {good} AS good FROM {source}\n{joins}\n{limits.joins}\n"
            f"UNION ALL SELECT subject, false FROM event WHERE subject_kind = '{subject}'\n"
            f"AND lower(event) IN ({bad})) AS v WHERE good IS NOT NULL GROUP BY key"
        )

    # -- master data --------------------------------------------------------------------------------

    def _master(self, name: str) -> str | None:
        if name in self._names.master:
            rest = ", ".join(
                self._q(one) for one in self._names.master[name].names if one not in {"id", "is_current"}
            )
            return f"SELECT id AS key, {rest} FROM {self._q(name)} WHERE is_current"
        for kind in self._names.master:
            column = name.removeprefix(f"{kind}_")
            if column == name:
                continue
            if column == "children":
                return _edges("parent", "key", f"m_{kind}")
            if column in self._names.master[kind].names:
                return _edges("key", self._q(column), f"m_{kind}")
        return None

    def _back(self, name: str) -> str | None:
        for owner in self._names.master:
            kind = name.removesuffix(f"_{owner}")
            if kind != name and kind in self._names.master[owner].names:
                return _edges(self._q(kind), "key", f"m_{owner}")
        return None

    @property
    def _text(self) -> str:
        return "STRING"

    def _q(self, name: str) -> str:
        return self._dialect.quoted(name)


def _edges(src: str, dst: str, table: str) -> str:
    known = f"{src} IS NOT NULL AND {dst} IS NOT NULL"
    return f"SELECT DISTINCT {src} AS src, {dst} AS dst FROM {table} WHERE {known}"
