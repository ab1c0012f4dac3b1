"""Alarms: what was found to be wrong while records arrived, kept as events of the plant.

An alarm is recorded once, however often it is found, as the event ``alarm_chart``, ``alarm_monitor``,
``alarm_scan`` or ``alarm_log``; each is an entry of its own in the evidence log. What finds them is in
:mod:`assay.analyse.watching`, and where scans become records.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from assay.analyse.recording import record_rows
from assay.ledger.place import NOT_HERE
from assay.model.kinds import RecordKind
from assay.store.evidence_rows import source_of
from assay.store.evidence_statements import ALARMS
from assay.store.keys import LoadKey
from assay.store.locks import locked

if TYPE_CHECKING:
    from assay.store.workspace import Workspace

By = Literal["chart", "monitor", "scan", "log"]
Severity = Literal["warning", "critical"]

_PREFIX = "alarm_"


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that is wrong.

    Attributes
    ----------
    by
        What found it: a control ``chart``, a multivariate ``monitor``, ``scan`` (hints on a product's code),
        ``log`` (a monitor of evidence logs).
    rule
        The name of the rule; of a scan the hint, of a log what is wrong with it.
    subject, subject_kind
        What it is about, where that is one thing.
    time
        When it happened.
    severity
        ``critical`` where a log shows two histories, else ``warning``.
    detail
        Names and figures, in no language.
    key
        With ``by`` and ``rule``, what makes it the same alarm when it is found again.
    """

    by: By
    rule: str
    subject: str | None
    subject_kind: str | None
    time: datetime | None
    severity: Severity
    detail: str
    key: str

    @property
    def number(self) -> int:
        """64 bits of what makes it the same."""
        text = f"{self.by}\0{self.rule}\0{self.key}"
        digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big", signed=True)


@dataclass(frozen=True, slots=True)
class RecordedAlarm:
    """An alarm of the plant as it is listed.

    ``entry`` is the index of its entry in the evidence log, by which it is proved; None where the plant keeps
    no log on this machine, or the alarm is still to be logged.
    """

    time: datetime
    recorded: datetime
    by: str
    rule: str
    severity: str
    subject: str | None
    subject_kind: str | None
    detail: str
    entry: int | None

    def to_dict(self) -> dict[str, Any]:
        """The alarm as plain JSON values; times in ISO 8601 UTC."""
        return asdict(self) | {"time": self.time.isoformat(), "recorded": self.recorded.isoformat()}


def event_of(by: str) -> str:
    """What the event of such an alarm is called."""
    return f"{_PREFIX}{by}"


def record_alarms(workspace: Workspace, found: Iterable[Alarm]) -> list[Alarm]:
    """Record those alarms that are not recorded yet; which they were.

    Raises
    ------
    StoreError
        The lake can't be read or written.
    """
    wanted = {one.number: one for one in found}
    if not wanted:
        return []
    with locked(workspace.spool / "alarms.lock"):
        known = workspace.lake.query(
            "SELECT DISTINCT key_hash FROM event WHERE source = $source", {"source": ALARMS}
        )
        numbers = set(known["key_hash"].to_pylist())
        new = {number: one for number, one in wanted.items() if number not in numbers}
        by_rule: dict[tuple[str, str], dict[int, Alarm]] = {}
        for number, one in new.items():
            by_rule.setdefault((one.by, one.rule), {})[number] = one
        for (by, rule), alarms in by_rule.items():
            now = datetime.now(UTC)
            digest = hashlib.sha256(repr(sorted(alarms)).encode()).hexdigest()[:16]
            load = LoadKey(ALARMS, f"{by}/{rule}/{digest}")
            made = [_row(one, now) for one in alarms.values()]
            record_rows(workspace, RecordKind.EVENT, load, made, keys=list(alarms), recorded=now)
    return list(new.values())


def alarms(
    workspace: Workspace,
    *,
    by: str | None = None,
    subject: str | None = None,
    since: datetime | None = None,
    limit: int = 1_000,
) -> list[RecordedAlarm]:
    """Recorded alarms, the latest first.

    Parameters
    ----------
    by, subject
        Only those that were found so, or are about this.
    since
        Only those that happened at this time or later.
    limit
        How many at most.
    """
    rows = workspace.lake.query(
        "SELECT time, recorded, event, epoch, seq, severity, subject, subject_kind, message FROM event "
        "WHERE source = $source AND ($event IS NULL OR event = $event) "
        "AND ($subject IS NULL OR subject = $subject) AND ($since IS NULL OR time >= $since) "
        "ORDER BY time DESC, recorded DESC, epoch, seq LIMIT $limit",
        {
            "source": ALARMS,
            "event": by and event_of(by),
            "subject": subject,
            "since": since,
            "limit": limit,
        },
    )
    entry_of = _entries(workspace)
    return [
        RecordedAlarm(
            row["time"],
            row["recorded"],
            row["event"].removeprefix(_PREFIX),
            row["epoch"].split("/")[1],
            row["severity"],
            row["subject"],
            row["subject_kind"],
            row["message"],
            entry_of(row["epoch"], row["seq"]),
        )
        for row in rows.to_pylist()
    ]


def _entries(workspace: Workspace) -> Callable[[str, int], int | None]:
    """Which entry of the log an alarm is, by its load and its place there."""
    evidence = workspace.evidence
    if not evidence.on or (evidence.state.why is not None and evidence.state.why.reason in NOT_HERE):
        return lambda epoch, seq: None
    index = evidence.index

    def entry_of(epoch: str, seq: int) -> int | None:
        origin = (source_of(RecordKind.EVENT.value, LoadKey(ALARMS, epoch)), 0, seq)
        return next((one.entry for one in index.records(origin=origin)), None)

    return entry_of


def _row(one: Alarm, now: datetime) -> dict[str, Any]:
    return {
        "event": event_of(one.by),
        "subject": one.subject,
        "subject_kind": one.subject_kind,
        "severity": one.severity,
        "message": one.detail,
        "time": one.time or now,
    }
