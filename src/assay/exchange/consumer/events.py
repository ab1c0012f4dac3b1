"""Scans as records of the plant: each scan of a thing of the plant is an event of it.

The event ``scan`` has the unit or lot as its subject, the severity ``warning`` where the scan has hints, and
as its message the hints and the country. Scans of unknown codes are of nothing that is in the plant: they
stay in the list of scans alone. A hint on a thing of the plant is an alarm besides, once for thing and hint.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from assay.analyse.alarms import Alarm, record_alarms
from assay.connect.hashing import field_hashes, joined, salt, signed
from assay.exchange.consumer.hints import UNKNOWN
from assay.model.kinds import TIME, RecordKind
from assay.store.hot import HotBufferFull
from assay.store.keys import LoadKey
from assay.store.locks import locked
from assay.store.scans import SOURCE, Scan, ScanLog

if TYPE_CHECKING:
    from assay.store.workspace import Workspace

EVENT: Final = "scan"
"""What such an event is called."""
LOAD: Final = LoadKey(SOURCE, "scans")
"""All events made of scans are of one load; the scan's number is their ``seq``."""

_CURSOR: Final = "scans.records"
_AT_A_TIME: Final = 2_000
_KEY: Final = ("event", "subject", "time")
_SCHEMA: Final = pa.schema(
    [
        ("seq", pa.int64()),
        ("event", pa.string()),
        ("subject", pa.string()),
        ("subject_kind", pa.string()),
        ("severity", pa.string()),
        ("message", pa.string()),
        ("time", TIME),
    ]
)


def bring_in(workspace: Workspace, log: ScanLog) -> int:
    """Add the events of scans that were kept since the last time, and delete scans that are too old.

    One process at a time does this; after a crash the rest is added. Returns how many events are new.
    """
    added = 0
    with locked(workspace.spool / "scans.lock"):
        cursor = int(workspace.registry.setting(_CURSOR) or 0)
        while scans := log.after(cursor, _AT_A_TIME):
            rows = [_row(one) for one in scans if one.standing != UNKNOWN]
            if rows and _append(workspace, _table(rows)):
                added += len(rows)
            record_alarms(workspace, (one for scan in scans for one in _alarms(scan)))
            cursor = scans[-1].position
            workspace.registry.set_setting(_CURSOR, cursor)
        log.prune(cursor)
    return added


def _alarms(scan: Scan) -> Iterator[Alarm]:
    """An alarm for each hint on a thing of the plant, once for the thing and the hint."""
    for hint in scan.hints if scan.subject is not None and scan.standing != UNKNOWN else ():
        detail = ", ".join(word for word in (scan.code, scan.where.country) if word)
        yield Alarm(
            by="scan",
            rule=hint,
            subject=scan.subject,
            subject_kind=scan.kind,
            time=scan.moment,
            severity="warning",
            detail=detail,
            key=f"{scan.kind} {scan.subject}",
        )


def _row(scan: Scan) -> dict[str, Any]:
    said = ", ".join(word for word in (*scan.hints, scan.where.country) if word)
    return {
        "seq": scan.position,
        "event": EVENT,
        "subject": scan.subject,
        "subject_kind": scan.kind,
        "severity": "warning" if scan.hints else None,
        "message": said or None,
        "time": scan.moment,
    }


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    table = pa.Table.from_pylist(rows, _SCHEMA)
    names = [name for name in table.column_names if name != "seq"]
    hashes = {name: field_hashes(name, table.column(name).combine_chunks()) for name in names}
    key = joined((hashes[name] for name in _KEY), len(rows), salt(f"event:{','.join(_KEY)}"))
    return table.append_column("key_hash", signed(key)).append_column(
        "content_hash", signed(joined(hashes.values(), len(rows)))
    )


def _append(workspace: Workspace, table: pa.Table) -> bool:
    buffer = workspace.lake.hot
    if buffer.due():
        buffer.flush()
    try:
        return buffer.append(RecordKind.EVENT, table, LOAD)
    except HotBufferFull:
        buffer.flush()
        return buffer.append(RecordKind.EVENT, table, LOAD)
