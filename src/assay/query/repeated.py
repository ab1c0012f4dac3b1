"""What several statements of a program read is stored, for engines that would work it out each time.

A relation that isn't stored is written into every statement that names it, and so are those that it names: a
question with five measures comes to two hundred scans of the same few tables. The embedded engine does that
in milliseconds; on a cluster each scan is a task.
"""

from __future__ import annotations

import re

from assay.query.program import Conversions, Define, Fetch, Program, Sensed, Step, Trail

_SOURCE = re.compile(r"\b(?:FROM|JOIN)\s+[\"`]?(\w+)")

_LEAST = 2
"""From how many scans on a relation that is read in several places is stored."""


def read_again(program: Program) -> frozenset[str]:
    """The relations that are read in several places, take several scans, and aren't stored anyway."""
    read = [program.result, *(name for step in program.steps for name in _read_by(step))]
    scans: dict[str, int] = {}
    again = set()
    for step in program.steps:
        if not isinstance(step, Define):
            scans[step.name] = 1
            continue
        # A name that no step has is a table of the plant.
        cost = sum(scans.get(name, 1) for name in _read_by(step))
        if not step.stored and read.count(step.name) > 1 and cost >= _LEAST:
            again.add(step.name)
        scans[step.name] = 1 if step.stored or step.name in again else cost
    return frozenset(again)


def _read_by(step: Step) -> list[str]:
    """The relations that a step reads, as often as it names them."""
    match step:
        case Define(sql=sql) | Conversions(pairs=sql):
            return _SOURCE.findall(sql)
        case Sensed(intervals=name) | Trail(origin=name) | Fetch(keys=(name, _)):
            return [name]
    return []
