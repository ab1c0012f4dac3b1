"""Times in events: RFC 3339 with a zone, which is ``xsd:dateTimeStamp``."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_WRITTEN = re.compile(
    r"(?P<clock>\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:)(?P<second>\d\d)(?P<rest>(?:\.\d+)?)"
    r"(?P<zone>[Zz]|[+-]\d\d:\d\d)"
)
_FARTHEST = timedelta(hours=14)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_time(text: str) -> datetime:
    """The moment, with the offset it was written with; digits beyond the microsecond are cut.

    Raises
    ------
    ValueError
        ``text`` has no zone, no seconds, or is no moment of the calendar; an offset is beyond 14:00.
    """
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a time with a zone, such as 2026-01-31T08:15:00.000+01:00")
    leap = found["second"] == "60"
    if leap or found["zone"] == "z" or text[10] == "t":
        # A leap second is the second after it here: computers' calendars have no other place for it.
        second = "59" if leap else found["second"]
        moment = datetime.fromisoformat(f"{found['clock']}{second}{found['rest']}{found['zone']}".upper())
        moment += timedelta(seconds=leap)
    else:
        moment = datetime.fromisoformat(text)
    offset = moment.utcoffset()
    if offset is None or abs(offset) > _FARTHEST:
        raise ValueError(f"{text!r} has an offset beyond 14:00")
    return moment


def microseconds(text: str) -> int:
    """Whole microseconds since 1970-01-01 UTC of a written time."""
    return (parse_time(text) - _EPOCH) // timedelta(microseconds=1)
