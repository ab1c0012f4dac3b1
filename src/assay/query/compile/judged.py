"""What is said of things by their records: whether they conform, and whether the gate refuses any."""

from __future__ import annotations

from assay.model.kinds import RecordKind
from assay.query.compile.follow import Follower
from assay.query.compile.relation import Build, Rel
from assay.query.domain.kinds import JUDGED, REFUSED, SUBJECTS, Field
from assay.query.domain.mounts import Mount
from assay.query.program import Condition

_MOST_NAMES = 200
"""Most characteristics that a source is told; beyond, it sends every result of the subjects."""


def judged(build: Build, follower: Follower, rel: Rel, field: Field) -> str:
    """The relation of a field of a thing: that it has, or one with the records of things in it.

    Results of mounted tables are judged like the plant's own. ``refused`` is known of each thing, also of
    those that only a source knows.

    Parameters
    ----------
    rel
        The things whose results are wanted from the sources.
    field
        A field of the kind of ``rel``.
    """
    subject = rel.kind.name
    if field.relation == f"f_{subject}_{REFUSED}":
        return build.define(
            f"SELECT t.key AS key, g.key IS NOT NULL AS {REFUSED}\n"
            f"FROM (SELECT DISTINCT key FROM {rel.name}) AS t\n"
            f"LEFT JOIN {field.relation} AS g ON g.key = t.key"
        )
    if field.name not in JUDGED or subject not in SUBJECTS:
        return field.relation
    mounts = build.domain.mounts.records(RecordKind.MEASUREMENT)
    parts = [part for mount in mounts for part in _results(build, follower, rel, mount)]
    if not parts:
        return field.relation
    results = build.define("\nUNION ALL ".join([f"SELECT * FROM f_{subject}_result", *parts]))
    units = build.once(f"units of {results}", lambda name: build.relations.conversions(name, results))
    return build.define(build.relations.conforming(subject, results, field.name, units))


def _results(build: Build, follower: Follower, rel: Rel, mount: Mount) -> list[str]:
    """SELECTs of the results in a mounted table that can be judged, as ``f_unit_result`` has them."""
    subject, always = rel.kind.name, mount.table.constants.get("subject_kind")
    if always not in {None, subject, "execution"}:
        return []
    conditions: tuple[Condition, ...] = ()
    if "text" not in mount.table.given():
        names = build.relations.limited()
        if not names:
            return []  # a number without limits says nothing
        conditions = (Condition("characteristic", "in", names),) if len(names) <= _MOST_NAMES else ()
    own, runs = f"SELECT r.key FROM {rel.name} AS r", f"f_{subject}_made"
    made = f"SELECT w.execution AS key FROM {rel.name} AS r JOIN {runs} AS w ON w.key = r.key"
    asked = {subject: own, "execution": made}.get(str(always), f"{own} UNION {made}")
    keys = None if rel.whole else (build.define(asked, stored=True), "key")
    kind = build.domain.kinds["measurement"]
    rows = follower.mounted_rows(kind, mount, conditions, "subject", keys, whole=rel.whole)
    same, time = "m.characteristic, m.value, m.text, m.unit", "coalesce(m.time, m.recorded) AS time"
    parts = []
    if always != "execution":
        parts.append(
            f"SELECT m.subject AS key, {same}, m.segment, {time} FROM {rows} AS m\n"
            f"WHERE m.subject_kind = '{subject}'"
        )
    if always != subject:
        parts.append(
            f"SELECT w.key, {same}, coalesce(m.segment, w.segment), {time} FROM {rows} AS m\n"
            f"JOIN {runs} AS w ON w.execution = m.subject WHERE m.subject_kind = 'execution'"
        )
    return parts
