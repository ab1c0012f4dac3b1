"""What the log holds about one unit or lot: entries of their own, and rows by the record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assay.ledger.derived import Derived
from assay.ledger.entries import Batch, Individual
from assay.model.kinds import RecordKind
from assay.store.evidence import Evidence
from assay.store.evidence_index import LoggedBatch
from assay.store.evidence_rows import source_of
from assay.store.keys import LoadKey
from assay.store.lake import Lake
from assay.store.people import PERSON
from assay.store.striking import ABOUT
from assay.store.workspace import Workspace

MOST = 500
"""Records listed of one unit or lot; a bundle holds all of them."""


@dataclass(frozen=True, slots=True)
class LoggedAbout:
    """One entry about a unit or lot, or one record of a batch.

    Parameters
    ----------
    index
        Index of the entry: its own, or that of its batch.
    kind
        Kind of the entry, or the table.
    record
        Name by which it is proved; None where it is proved with the whole unit only.
    time
        Microseconds since 1970, UTC: when it happened; of a record in a batch, when it was logged.
    issuer
        The key that signed, 32 bytes.
    judged
        Whether a gate judged the entry.
    verdict
        What the gate said, in its bytes; None where none judged.
    signed
        Whether the published checkpoint covers it.
    by_itself
        Whether it can be proved by itself yet: an entry can, a record once the notariser committed to it.
    """

    index: int
    kind: str
    record: str | None
    time: int
    issuer: bytes
    verdict: bytes | None
    signed: bool
    by_itself: bool


def logged_about(evidence: Evidence, lake: Lake, subject: str) -> tuple[list[LoggedAbout], int]:
    """What is logged about ``subject``, by entry: at most :data:`MOST`, and how many there are.

    Raises
    ------
    LedgerError
        The log's files are not on this machine, or can't be read.
    """
    published = Derived(evidence.place.folder).published()
    size = published[1].size if published else 0
    found: list[LoggedAbout] = []
    for one in evidence.index.records(subject=subject):
        entry = evidence.entry(one.entry)
        body = entry.signed.body_of(check=False)
        if isinstance(body, Individual):
            found.append(
                LoggedAbout(
                    one.entry, one.kind, str(one.entry), body.event_time, body.issuer, entry.gate,
                    one.entry < size, True,
                )
            )  # fmt: skip
    rows = _rows_about(evidence, lake, subject)
    told: dict[int, tuple[int, bytes, bytes | None, bool]] = {}
    for batch, record in rows[: MOST - min(len(found), MOST)]:
        if batch.entry not in told:
            entry = evidence.entry(batch.entry)
            body = entry.signed.body_of(check=False)
            if not isinstance(body, Batch):
                continue
            whole = sum(tree.rows for tree in evidence.index.trees(batch.entry)) >= batch.rows
            told[batch.entry] = (body.record_time, body.issuer, entry.gate, whole)
        time, issuer, verdict, whole = told[batch.entry]
        found.append(
            LoggedAbout(batch.entry, batch.name, record, time, issuer, verdict, batch.entry < size, whole)
        )
    total = len(found) + max(0, len(rows) - sum(one.index in told for one in found))
    return sorted(found[:MOST], key=lambda one: (one.index, one.record or "")), total


def is_thing(workspace: Workspace, subject: str) -> bool:
    """Whether something that is nobody has this id: a unit, a lot, a machine."""
    for kind in workspace.registry.entity_kinds():
        if kind != PERSON and any(row["id"] == subject for row in workspace.registry.entities(kind)):
            return True
    for table, column in ABOUT.items():
        kind = "entity" if table == RecordKind.ENTITY else "subject_kind"
        found = workspace.lake.query(
            f"SELECT 1 FROM {table} WHERE {column} = $subject AND {kind} <> $person LIMIT 1",
            {"subject": subject, "person": PERSON},
        )
        if len(found):
            return True
    return False


def _rows_about(evidence: Evidence, lake: Lake, subject: str) -> list[tuple[LoggedBatch, str | None]]:
    """The batch and the name of each record about ``subject``; one that shares its number has none alone."""
    found: list[tuple[LoggedBatch, str | None]] = []
    for table, column in ABOUT.items():
        rows = lake.query(
            f"SELECT source, epoch, seq, count(*) AS many, count_if({column} = $subject) AS mine "
            f"FROM {table} WHERE (source, epoch, seq) IN "
            f"(SELECT DISTINCT source, epoch, seq FROM {table} WHERE {column} = $subject) "
            "GROUP BY source, epoch, seq ORDER BY source, epoch, seq",
            {"subject": subject},
        ).to_pylist()
        for row in rows:
            key = LoadKey(row["source"], row["epoch"])
            batch = evidence.index.batch_of(source_of(table, key), row["seq"])
            if batch is None:
                continue
            name = f"{table}:{_escaped(row)}/{row['seq']}"
            if row["many"] == 1:
                found.append((batch, name))
            elif row["many"] == row["mine"]:
                found += [(batch, f"{name}.{place}") for place in range(row["many"])]
            else:
                found += [(batch, None)] * row["mine"]
    return found


def _escaped(row: dict[str, Any]) -> str:
    source = row["source"].replace("%", "%25").replace("/", "%2F")
    return f"{source}/{row['epoch']}"
