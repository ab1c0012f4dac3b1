"""What is said of something, before it is an entry of the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assay.ledger.entries import Origin
from assay.ledger.gate.facts import Claims, Fact

CORRECTIONS = "correction"
"""The source of the loads of what people corrected."""

ALARMS = "assay:alarm"
"""The source of the loads of alarms."""

SAID = {CORRECTIONS: ("record", "recorded"), ALARMS: ("alarm", "time")}
"""Loads whose rows are entries of their own, by source: the kind of entry, and when what it says happened."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What :meth:`assay.store.evidence.Evidence.say` takes, to say many at once.

    With ``person`` the subject is somebody, of whom the log says the random id.
    """

    kind: str
    subject: str
    fields: Mapping[str, Any]
    moment: datetime | None = None
    origin: Origin | None = None
    gate: Fact | Claims | None = None
    person: bool = False
