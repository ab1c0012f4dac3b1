"""Wall time to UTC for whole arrays, with the hours that do not exist or occur twice told apart.

The offsets come from :mod:`zoneinfo` (so the same tzdata everywhere), laid out as breakpoints on the
wall-clock axis; an array is then placed by one binary search per value.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

Micros = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)
_STEP = timedelta(hours=6)  # closer than any two transitions of a zone
_YEAR = 31_556_952_000_000  # mean Gregorian year in microseconds

_PLAIN, _GAP, _FOLD = 0, 1, 2


@dataclass(frozen=True)
class UtcTimes:
    """Result of :func:`to_utc`; all arrays have the length of the input."""

    utc: Micros
    """Microseconds since 1970 UTC; for a fold as asked, for a gap moved forward by its length."""
    gap: Mask
    """Wall times that do not exist because clocks went forward over them."""
    fold: Mask
    """Wall times that occur twice because clocks went back."""


@dataclass(frozen=True)
class _Layout:
    starts: Micros  # wall time from which a stretch holds
    earlier: Micros  # offset of the first reading
    later: Micros  # offset of the second reading (equal outside folds)
    sort: npt.NDArray[np.int8]


def to_utc(wall: Micros, zone: ZoneInfo, *, later: bool = False) -> UtcTimes:
    """Turn wall times (microseconds as if they were UTC) of ``zone`` into UTC.

    Of a time that occurs twice the first is taken, with ``later`` the second (PEP 495 ``fold``).
    """
    nothing = np.zeros(len(wall), bool)
    if not len(wall) or zone.key in {"UTC", "Etc/UTC"}:
        return UtcTimes(wall, nothing, nothing)
    first = int(wall.min()) // _YEAR
    last = int(wall.max()) // _YEAR
    layout = _layout(zone.key, max(first, -1965), min(last, 8025))
    at = np.searchsorted(layout.starts, wall, side="right") - 1
    np.maximum(at, 0, out=at)
    offset = (layout.later if later else layout.earlier)[at]
    sort = layout.sort[at]
    return UtcTimes(wall - offset, sort == _GAP, sort == _FOLD)


@lru_cache(maxsize=64)
def _layout(key: str, first: int, last: int) -> _Layout:
    zone = ZoneInfo(key)
    moment = _EPOCH + timedelta(microseconds=(first - 1) * _YEAR)
    end = _EPOCH + timedelta(microseconds=(last + 2) * _YEAR)
    offset = _offset(zone, moment)
    stretches = [(-(2**62), offset, offset, _PLAIN)]
    while moment < end:
        following = moment + _STEP
        after = _offset(zone, following)
        if after != offset:
            change = (_transition(zone, moment, following) - _EPOCH) // _MICRO
            if after > offset:
                stretches.append((change + offset, offset, offset, _GAP))
                stretches.append((change + after, after, after, _PLAIN))
            else:
                stretches.append((change + after, offset, after, _FOLD))
                stretches.append((change + offset, after, after, _PLAIN))
            offset = after
        moment = following
    starts, earlier, later, sort = zip(*stretches, strict=True)
    return _Layout(
        np.array(starts, np.int64),
        np.array(earlier, np.int64),
        np.array(later, np.int64),
        np.array(sort, np.int8),
    )


def _offset(zone: ZoneInfo, moment: datetime) -> int:
    return (moment.astimezone(zone).utcoffset() or timedelta()) // _MICRO


def _transition(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The instant, to the second, from which the offset at ``high`` holds."""
    before = _offset(zone, low)
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if middle <= low:
            break
        if _offset(zone, middle) == before:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)
