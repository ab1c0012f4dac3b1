"""Scans of products' codes by whoever holds them: kept for a while, without saying who it was.

Kept of a device is a keyed hash, and of a place the country and a position rounded to about eleven
kilometres. The key is the plant's own and is thrown away with the scans it was used for.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import sqlalchemy as sa

from assay.model.consumer import ScanPolicy
from assay.store.registry import Registry
from assay.store.registry import now as utc_now
from assay.store.tables import SCAN, from_microseconds, to_microseconds

Standing = Literal["recorded", "issued", "unknown"]
"""What a code is in the plant: its thing is recorded, only its number was given, or neither."""

LOOKED_AT: Final = 2_000
"""Earlier scans of a code that a new one is held against at most, the latest."""
SOURCE: Final = "consumer page"
"""The source of the events that scans become."""
SAME: Final = timedelta(minutes=10)
"""A device that looks again within this time has not scanned again."""
DECIMALS: Final = 1
"""Of the degrees of a position: a tenth is at most 11.1 km."""

_KEY: Final = "scans.key"
_KEY_BYTES: Final = 32
_DEVICE_DIGITS: Final = 16
_HINT_SEPARATOR: Final = ","


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a scan was made, as far as it is known."""

    country: str | None = None
    """ISO 3166-1 alpha-2."""
    latitude: float | None = None
    """Degrees, north is positive."""
    longitude: float | None = None
    """Degrees, east is positive."""

    @property
    def coarse(self) -> Whereabouts:
        """The same with its position rounded to :data:`DECIMALS`."""
        if self.latitude is None or self.longitude is None:
            return Whereabouts(self.country)
        return Whereabouts(self.country, round(self.latitude, DECIMALS), round(self.longitude, DECIMALS))

    def within(self, other: Whereabouts) -> bool:
        """Whether ``other`` says all that this says."""
        mine = (self.country, self.latitude, self.longitude)
        theirs = (other.country, other.latitude, other.longitude)
        return all(one is None or one == two for one, two in zip(mine, theirs, strict=True))


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan of a code."""

    code: str
    """The canonical Digital Link of what was scanned."""
    moment: datetime
    """When, UTC."""
    standing: Standing
    """What the code was in the plant at that moment."""
    kind: str | None = None
    """``unit`` or ``lot``."""
    subject: str | None = None
    """The id of the unit or lot, or the number that was given for one."""
    device: str | None = None
    """A hash that tells devices apart; None once it was taken away."""
    where: Whereabouts = Whereabouts()
    """Where, coarsely."""
    hints: tuple[str, ...] = ()
    """What is odd about it: ``unknown``, ``often``, ``far-apart``, ``outside``."""
    position: int = 0
    """Its number; 0 for one that is not kept yet."""


Judge = Callable[[Sequence[Scan]], tuple[str, ...]]
"""The hints of a scan, by the earlier ones of its code, latest first."""


class ScanLog:
    """The scans of one plant, in its registry.

    Parameters
    ----------
    registry
        The plant's registry.
    policy
        How long scans are kept.
    clock
        The present time, with its zone.
    """

    def __init__(
        self, registry: Registry, policy: ScanPolicy, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._registry = registry
        self._engine = registry.engine
        self._reads = registry.engine.execution_options(assay_read_only=True)
        self._policy = policy
        self.clock = clock

    def device(self, address: str, agent: str) -> str:
        """The hash of a device: by its address and what its browser calls itself, under the plant's key."""
        said = f"{address}\0{agent}".encode()
        return hmac.new(self._key(), said, hashlib.sha256).hexdigest()[:_DEVICE_DIGITS]

    def add(self, scan: Scan, judge: Judge, *, since: datetime) -> Scan:
        """Keep a scan with its hints; returns it as it is kept.

        A device that looks again soon, from where it was, has not scanned again: nothing is kept then, and
        its earlier scan comes back with the hints of now.

        Parameters
        ----------
        scan
            The scan.
        judge
            Makes its hints of the earlier scans of its code.
        since
            Earlier scans before this are left aside.
        """
        scan = replace(scan, where=scan.where.coarse)
        with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                # One writer at a time: who has read up to a position has read everything before it.
                connection.execute(sa.text("LOCK TABLE scan IN SHARE ROW EXCLUSIVE MODE"))
            earlier = self._earlier(connection, scan.code, since)
            again = next((one for one in earlier if _same(one, scan)), None)
            hints = judge(earlier)
            if again is not None:
                return replace(again, hints=hints)
            last = connection.scalar(sa.select(sa.func.max(SCAN.c.position))) or 0
            kept = replace(scan, hints=hints, position=last + 1)
            connection.execute(SCAN.insert().values(_row(kept)))
        return kept

    def _earlier(self, connection: sa.Connection, code: str, since: datetime) -> list[Scan]:
        wanted = (
            sa.select(SCAN)
            .where(SCAN.c.code == code, SCAN.c.moment >= to_microseconds(since))
            .order_by(SCAN.c.moment.desc(), SCAN.c.position.desc())
            .limit(LOOKED_AT)
        )
        return [_scan(row) for row in connection.execute(wanted)]

    def after(self, position: int, limit: int) -> list[Scan]:
        """The scans behind a position, in their order."""
        wanted = sa.select(SCAN).where(SCAN.c.position > position).order_by(SCAN.c.position).limit(limit)
        with self._reads.connect() as connection:
            return [_scan(row) for row in connection.execute(wanted)]

    def latest(
        self,
        *,
        code: str | None = None,
        subject: str | None = None,
        hinted: bool = False,
        since: datetime | None = None,
        limit: int = 1_000,
    ) -> list[Scan]:
        """Scans, the latest first.

        Parameters
        ----------
        code, subject
            Only those of this canonical Digital Link, of this unit or lot.
        hinted
            Only those with a hint.
        since
            Only those from this moment on.
        limit
            How many at most.
        """
        wanted = sa.select(SCAN).order_by(SCAN.c.moment.desc(), SCAN.c.position.desc()).limit(limit)
        if code is not None:
            wanted = wanted.where(SCAN.c.code == code)
        if subject is not None:
            wanted = wanted.where(SCAN.c.subject == subject)
        if hinted:
            wanted = wanted.where(SCAN.c.hints != "")
        if since is not None:
            wanted = wanted.where(SCAN.c.moment >= to_microseconds(since))
        with self._reads.connect() as connection:
            return [_scan(row) for row in connection.execute(wanted)]

    def count(self) -> int:
        """How many scans are kept."""
        with self._reads.connect() as connection:
            return int(connection.scalar(sa.select(sa.func.count()).select_from(SCAN)) or 0)

    def prune(self, delivered: int) -> int:
        """Delete what the policy keeps no longer; returns how many.

        Parameters
        ----------
        delivered
            The position up to which scans have become records of the plant; later ones stay.
        """
        old = to_microseconds(self.clock() - self._policy.kept)
        with self._engine.begin() as connection:
            last = connection.scalar(sa.select(sa.func.max(SCAN.c.position))) or 0
            over = sa.or_(SCAN.c.moment < old, SCAN.c.position <= last - self._policy.most)
            # The last one stays, so that no number comes twice; it says no longer who and where.
            gone = connection.execute(
                SCAN.delete().where(over, SCAN.c.position <= delivered, SCAN.c.position < last)
            )
            connection.execute(
                SCAN.update()
                .where(SCAN.c.position == last, SCAN.c.moment < old)
                .values(device=None, country=None, latitude=None, longitude=None)
            )
        return int(gone.rowcount)

    def _key(self) -> bytes:
        """The plant's key; a new one where the scans it was used for are gone."""
        stored = self._registry.setting(_KEY)
        present = self.clock()
        if stored is None or from_microseconds(stored["since"]) < present - self._policy.kept:
            stored = {"key": secrets.token_hex(_KEY_BYTES), "since": to_microseconds(present)}
            self._registry.set_setting(_KEY, stored)
        return bytes.fromhex(stored["key"])


def _same(before: Scan, scan: Scan) -> bool:
    """Whether ``scan`` is a second look of one device, from where it was."""
    return (
        before.device is not None
        and before.device == scan.device
        and scan.moment - before.moment < SAME
        and scan.where.within(before.where)
    )


def _row(scan: Scan) -> dict[str, object]:
    return {
        "position": scan.position,
        "code": scan.code,
        "moment": to_microseconds(scan.moment),
        "standing": scan.standing,
        "kind": scan.kind,
        "subject": scan.subject,
        "device": scan.device,
        "country": scan.where.country,
        "latitude": scan.where.latitude,
        "longitude": scan.where.longitude,
        "hints": _HINT_SEPARATOR.join(scan.hints),
    }


def _scan(row: Any) -> Scan:
    return Scan(
        code=row.code,
        moment=from_microseconds(row.moment),
        standing=row.standing,
        kind=row.kind,
        subject=row.subject,
        device=row.device,
        where=Whereabouts(row.country, row.latitude, row.longitude),
        hints=tuple(one for one in row.hints.split(_HINT_SEPARATOR) if one),
        position=row.position,
    )
