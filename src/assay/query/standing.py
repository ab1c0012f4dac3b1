"""Which movements stand: a correction replaces what it corrects, in SQL as in the graph in memory.

A correction names the same step, execution, role, subject and position. Of several, the one recorded last
counts (then the greater source, epoch and seq); with a quantity of 0 there was no such movement.
"""

from __future__ import annotations

LATEST = "recorded DESC, source DESC, epoch DESC, seq DESC"
"""The order in which the record that counts comes first."""


def standing(relation: str, fact: tuple[str, ...]) -> str:
    """Two common table expressions after ``relation``: ``corrections`` and ``standing``.

    Parameters
    ----------
    relation
        Movements with ``correction``, ``quantity``, ``position``, ``recorded``, ``source``, ``epoch``,
        ``seq`` and the columns of ``fact``.
    fact
        Columns, never null, that together with ``position`` say which movement it is.
    """
    keys = ", ".join(fact)
    same = " AND ".join(f"c.{name} = m.{name}" for name in fact)
    return (
        "corrections AS (SELECT * FROM (\n"
        f"SELECT {keys}, position, quantity, source, epoch, seq,\n"
        f"row_number() OVER (PARTITION BY {keys}, position ORDER BY {LATEST}) AS turn\n"
        f"FROM {relation} WHERE correction IS NOT NULL) AS q WHERE turn = 1),\n"
        f"standing AS (SELECT m.* FROM {relation} AS m LEFT JOIN corrections AS c\n"
        f"ON {same} AND c.position IS NOT DISTINCT FROM m.position\n"
        "WHERE c.seq IS NULL OR (c.source = m.source AND c.epoch = m.epoch AND c.seq = m.seq\n"
        "AND (c.quantity IS NULL OR c.quantity <> 0)))"
    )
