"""Walks through the genealogy by an engine, edge by edge: where no adjacency is at hand, as on Spark.

Each round joins only what is new with the edges (semi-naive evaluation), so that a walk costs as many
statements as it is deep. Recursive CTEs are not used: engines stop them at depths of their own.
"""

from __future__ import annotations

import pyarrow as pa

from assay.genealogy.adjacency import INPUT_ROLES
from assay.genealogy.index import EXECUTION
from assay.model.errors import QueryError
from assay.query.program import Session, Trail
from assay.query.standing import standing

WALKED = pa.schema(
    [
        pa.field("anchor", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("id", pa.string()),
        pa.field("depth", pa.int64()),
    ]
)
"""The columns of a walk's result."""

_AHEAD, _BEHIND = ("subject", "execution"), ("execution", "subject")


def walk(session: Session, step: Trail, *, shared: bool) -> pa.Table:
    """Everything reached from the subjects of a relation, with the fewest movements to it.

    An execution is known by segment and id together; an actual without a segment belongs to the only
    execution of its id. Movements that a correction replaced or took back are not followed. A loop (rework)
    ends because a thing is entered once per anchor. What an anchor begins with is not among what it reaches.
    Packing is a movement like others here: it is not asked where things are packed into containers.

    Parameters
    ----------
    shared
        Whether ids of executions are used in several segments: they are then written ``SEGMENT/ID``, here
        and in the relation of the beginnings.

    Raises
    ------
    QueryError
        The direction is neither ``ancestors`` nor ``descendants``.
    """
    if step.direction not in {"ancestors", "descendants"}:
        raise QueryError(f"a walk goes to ancestors or descendants, not to {step.direction!r}")
    quoted = session.dialect.quoted
    edges, seen = quoted(f"{step.name}_edges"), quoted(f"{step.name}_seen")
    session.define(f"{step.name}_edges", _edges(step.direction, shared=shared), stored=True)
    session.define(
        f"{step.name}_0",
        "SELECT DISTINCT anchor, kind, id, CAST(0 AS BIGINT) AS depth "
        f"FROM {quoted(step.origin)} WHERE id IS NOT NULL",
        stored=True,
    )
    rounds = [f"{step.name}_0"]
    # From one subject to the next it is two edges: into an execution and out of it.
    while session.count(rounds[-1]) and (step.depth is None or len(rounds) <= 2 * step.depth):
        session.define(f"{step.name}_seen", _union(session, rounds))
        rounds.append(f"{step.name}_{len(rounds)}")
        session.define(
            rounds[-1],
            f"SELECT DISTINCT n.anchor, e.to_kind AS kind, e.to_id AS id,\n"
            f"CAST({len(rounds) // 2} AS BIGINT) AS depth\n"
            f"FROM {quoted(rounds[-2])} n JOIN {edges} e ON e.from_kind = n.kind AND e.from_id = n.id\n"
            f"LEFT JOIN {seen} s ON s.anchor = n.anchor AND s.kind = e.to_kind AND s.id = e.to_id\n"
            "WHERE s.id IS NULL",
            stored=True,
        )
    wanted = "" if step.kind is None else f" WHERE kind = {session.dialect.literal(step.kind)}"
    reached = _union(session, rounds[1:] or rounds)
    limit = " LIMIT 0" if len(rounds) == 1 else ""
    return session.arrow(f"SELECT anchor, kind, id, depth FROM ({reached}) r{wanted}{limit}").cast(WALKED)


def _union(session: Session, rounds: list[str]) -> str:
    return "\nUNION ALL ".join(f"SELECT * FROM {session.dialect.quoted(name)}" for name in rounds)


def _edges(direction: str, *, shared: bool) -> str:
    """Where one can go from each thing: one row per actual and direction, no row twice."""
    inputs = ", ".join(f"'{role}'" for role in sorted(INPUT_ROLES))
    into, out = (_AHEAD, _BEHIND) if direction == "descendants" else (_BEHIND, _AHEAD)
    pieces = [
        f"SELECT {tail}_kind AS from_kind, {tail} AS from_id, {head}_kind AS to_kind, {head} AS to_id "
        f"FROM standing WHERE role {compared} ({inputs})"
        for (tail, head), compared in ((into, "IN"), (out, "NOT IN"))
    ]
    known = standing("parts", ("execution", "role", "subject_kind", "subject"))
    return f"WITH parts AS (\n{_parts(shared=shared)}\n),\n{known}\n" + "\nUNION ".join(pieces)


def _parts(*, shared: bool) -> str:
    """The actuals with the names of their executions."""
    only = (
        "SELECT execution, min(segment) AS segment FROM movement WHERE segment IS NOT NULL\n"
        "GROUP BY execution HAVING min(segment) = max(segment)"
    )
    segment = "replace(replace(coalesce(m.segment, o.segment, ''), '%', '%25'), '/', '%2F')"
    of_execution, of_subject = (
        f"concat({segment}, '/', m.{what})" if shared else f"m.{what}" for what in ("execution", "subject")
    )
    return (
        f"SELECT m.role, '{EXECUTION}' AS execution_kind, {of_execution} AS execution,\n"
        f"m.subject_kind AS subject_kind, CASE WHEN m.subject_kind = '{EXECUTION}' THEN {of_subject} "
        "ELSE m.subject END AS subject,\n"
        "m.position, m.quantity, m.correction, m.recorded, m.source, m.epoch, m.seq\n"
        f"FROM movement m LEFT JOIN (\n{only}\n) o ON o.execution = m.execution"
    )
