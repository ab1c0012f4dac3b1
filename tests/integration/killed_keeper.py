"""Keeps a plant in forked processes, so that each can be killed: reads ``PLANT JOURNAL SEED STEPS`` lines.

Answers each line with the child's process id; the next line asks for its exit status. A child loads, appends,
flushes and compacts in an order that follows from the seed, and writes down what was acknowledged. All that
is appended is one load, which goes on where it stopped.
"""

from __future__ import annotations

import random
from pathlib import Path

from forking import serve
from store_rows import STREAM, append, load

from assay.store import Workspace
from assay.store.compaction import compact

ROWS = 12


def numbers(journal: Path) -> set[int]:
    """The loads and appends that were acknowledged."""
    if not journal.exists():
        return set()
    lines = journal.read_text().splitlines(keepends=True)
    return {int(line) for line in lines if line.endswith("\n")}


def is_append(number: int) -> bool:
    """Whether the rows of a number come by the hot buffer."""
    return number % 3 != 0


def work(plant: str, journal: str, seed: str, steps: str) -> None:
    chance = random.Random(int(seed))
    done = numbers(Path(journal))
    with Workspace.open(plant) as workspace, Path(journal).open("a") as notes:
        for number in range(int(steps)):
            if number not in done:
                if is_append(number):
                    append(workspace, number, ROWS, load=STREAM)
                else:
                    load(workspace, number, rows=ROWS)
                notes.write(f"{number}\n")
                notes.flush()
            if chance.random() < 0.4:
                workspace.lake.hot.flush()
            if chance.random() < 0.4:
                compact(workspace.lake)


if __name__ == "__main__":
    serve(work)
