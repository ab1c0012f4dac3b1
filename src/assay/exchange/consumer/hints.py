"""Hints that a code was copied or its product diverted, from the scans of the code. Values in, values out.

| hint | when | who sees it |
|---|---|---|
| ``unknown`` | the code was never issued, or names another product | everybody |
| ``often`` | it was scanned from more devices than a product passes through | everybody |
| ``far-apart`` | two scans are farther apart than anybody travels in the time between them | everybody |
| ``outside`` | it was scanned outside the region the product is meant for | the owner |

A hint is no proof: a shop may scan a package often, and a traveller be where a product is not sold.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import asin, cos, radians, sin, sqrt
from typing import Final

from assay.model.consumer import HintLimits, Shown
from assay.store.scans import Scan

UNKNOWN: Final = "unknown"
OFTEN: Final = "often"
FAR_APART: Final = "far-apart"
OUTSIDE: Final = "outside"

PUBLIC: Final = (UNKNOWN, OFTEN, FAR_APART)
"""What whoever scans a code is told."""

EARTH_RADIUS: Final = 6371.0088
"""Mean radius of the earth in kilometres (IUGG, Moritz 2000: Geodetic Reference System 1980, R1)."""
_COARSE: Final = 8.0
"""A position rounded to a tenth of a degree is at most this far off, in kilometres (half a diagonal)."""


def great_circle(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """The shortest way over the earth between two points in kilometres, by the haversine formula.

    Angles are degrees. The earth is taken as a sphere, which is up to 0.6 % off.

    Source: R. W. Sinnott, Virtues of the Haversine, Sky and Telescope 68 (2), 1984, p. 159.

    Examples
    --------
    >>> round(great_circle(0, 0, 0, 180) / great_circle(0, 0, 90, 0), 12)
    2.0
    """
    first, second = radians(latitude), radians(other_latitude)
    north, east = second - first, radians(other_longitude - longitude)
    haversine = sin(north / 2) ** 2 + cos(first) * cos(second) * sin(east / 2) ** 2
    return 2 * EARTH_RADIUS * asin(sqrt(min(1.0, haversine)))


def hints_of(
    scan: Scan, earlier: Sequence[Scan], product: Shown | None, limits: HintLimits
) -> tuple[str, ...]:
    """The hints of a scan, in the order of the table above.

    Parameters
    ----------
    scan
        The scan, with its coarse position.
    earlier
        Scans of the same code before it, within ``limits.days``. One that was far apart from another keeps
        the code suspicious.
    product
        What the code says it is; None: no product of the plant.
    limits
        When a code is suspicious.
    """
    found = [UNKNOWN] if scan.standing == UNKNOWN else []
    devices = {one.device for one in (scan, *earlier) if one.device is not None}
    if len(devices) > limits.devices:
        found.append(OFTEN)
    if any(FAR_APART in one.hints for one in earlier) or _far_apart(scan, earlier, limits):
        found.append(FAR_APART)
    if product is not None and _outside(scan, product):
        found.append(OUTSIDE)
    return tuple(found)


def _far_apart(scan: Scan, earlier: Iterable[Scan], limits: HintLimits) -> bool:
    here = scan.where
    if here.latitude is None or here.longitude is None:
        return False
    for one in earlier:
        there = one.where
        if there.latitude is None or there.longitude is None:
            continue
        hours = abs((scan.moment - one.moment).total_seconds()) / 3600
        way = great_circle(here.latitude, here.longitude, there.latitude, there.longitude)
        if way > limits.tolerance + limits.kilometres_per_hour * hours:
            return True
    return False


def _outside(scan: Scan, product: Shown) -> bool:
    """By the country where one is told, and by the position where one is."""
    where = scan.where
    if product.countries and where.country is not None and where.country not in product.countries:
        return True
    if not product.areas or where.latitude is None or where.longitude is None:
        return False
    return all(
        great_circle(where.latitude, where.longitude, area.latitude, area.longitude)
        > area.kilometres + _COARSE
        for area in product.areas
    )
