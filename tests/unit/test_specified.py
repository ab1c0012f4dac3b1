"""Of specifications for the same results only one holds at any time: the one that began last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from assay.query.masters import SPECIFICATIONS, specified
from assay.store.snapshot import Snapshot
from assay.store.views import entity_table

_START = datetime(2026, 1, 1, tzinfo=UTC)


def day(number: int | None) -> datetime | None:
    return None if number is None else _START + timedelta(days=number)


_ROWS = st.lists(
    st.tuples(
        st.integers(0, 9).map("S{}".format),
        st.none() | st.integers(0, 9),
        st.none() | st.integers(1, 12),
        st.sampled_from([None, "M1"]),
    ),
    max_size=8,
    unique_by=lambda row: row[0],
)


def holds(row: dict[str, Any], moment: datetime) -> bool:
    since, until = row["since"], row["until"]
    return (since is None or since <= moment) and (until is None or moment < until)


def valid(row: dict[str, Any]) -> dict[str, Any]:
    return {"since": row["valid_from"], "until": row["valid_to"]}


@given(_ROWS)
def test_the_one_that_began_last_holds(drawn: list[tuple[str, int | None, int | None, str | None]]) -> None:
    rows: list[dict[str, Any]] = [
        {"id": name, "characteristic": "size", "material": material, "upper_specification_limit": 1.0}
        | {"valid_from": day(begin), "valid_to": day(end)}
        for name, begin, end, material in drawn
        if begin is None or end is None or begin < end
    ]
    table = entity_table("specification", rows, (), frozenset())
    made = specified(Snapshot({}, {}, {}, {"specification": table}, _START))[SPECIFICATIONS].to_pylist()
    for number in range(-1, 14):
        moment = _START + timedelta(days=number, hours=12)
        for material in (None, "M1"):
            own = [one for one in rows if one["material"] == material and holds(valid(one), moment)]
            own.sort(key=lambda one: one["id"])
            own.sort(key=lambda one: one["valid_from"] or datetime.min.replace(tzinfo=UTC), reverse=True)
            found = [one["id"] for one in made if one["material"] == material and holds(one, moment)]
            assert found == [one["id"] for one in own[:1]]
            assert {one["scope"] for one in made} <= {1, 3}
