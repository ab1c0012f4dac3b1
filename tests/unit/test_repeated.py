"""What an engine elsewhere stores of a program: what is read in several places and takes several scans."""

from __future__ import annotations

from assay.query.program import Define, Program, Sensed
from assay.query.repeated import read_again


def stored(*steps: Define | Sensed, result: str) -> list[str]:
    return sorted(read_again(Program(steps, result, ())))


def test_a_relation_of_several_scans_that_is_read_twice_is_stored() -> None:
    both = Define("q1", "SELECT a.x FROM movement AS a JOIN measurement AS b ON a.x = b.x")
    twice = Define("q2", "SELECT * FROM q1 WHERE x IN (SELECT x FROM q1)")
    assert stored(both, twice, result="q2") == ["q1"]


def test_one_scan_or_one_reader_is_not_worth_it() -> None:
    one = Define("q1", "SELECT x FROM movement")
    assert stored(one, Define("q2", "SELECT * FROM q1 JOIN q1 AS r ON q1.x = r.x"), result="q2") == []
    both = Define("q1", "SELECT x FROM movement UNION SELECT x FROM event JOIN movement AS m ON true")
    assert stored(both, Define("q2", "SELECT * FROM q1"), result="q2") == []


def test_scans_of_what_is_stored_count_once_and_other_readers_count() -> None:
    base = Define("q1", "SELECT x FROM movement JOIN event AS e ON true", stored=True)
    near = Define("q2", "SELECT x FROM q1")
    assert stored(base, near, Define("q3", "SELECT 1 FROM q2 JOIN q2 AS b ON true"), result="q3") == []
    spans = Define("q2", "SELECT x FROM q1 JOIN reading AS r ON true")
    felt = Sensed("s", "q2", ("temp",), ("mean",))
    assert stored(base, spans, felt, result="q2") == ["q2"]
