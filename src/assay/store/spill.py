"""Rows of very many dates in no order, set aside on disk until each date can be written in one piece."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_DAYS_AT_A_TIME = 64


@dataclass(frozen=True, slots=True)
class _Run:
    """One file of rows sorted by day: row ``starts[i]`` is the first of ``days[i]``."""

    path: Path
    days: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]

    def bounds(self, day: int) -> tuple[int, int]:
        """First row of a day and the row after its last; equal when the run has none."""
        at = int(np.searchsorted(self.days, day))
        if at == len(self.days) or self.days[at] != day:
            return 0, 0
        return int(self.starts[at]), int(self.starts[at + 1])


class Spill:
    """Sorted runs in ``directory``, which is made with the first run and removed by :meth:`close`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._runs: list[_Run] = []

    def __len__(self) -> int:
        return len(self._runs)

    def add(self, batch: pa.RecordBatch, days: npt.NDArray[np.int64]) -> None:
        """Set aside a batch sorted by day; ``days`` has the day of each row."""
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / f"run-{len(self._runs):05d}.arrow"
        with pa.ipc.new_file(path, batch.schema) as writer:
            writer.write_batch(batch)
        found, starts = np.unique(days, return_index=True)
        self._runs.append(_Run(path, found, np.append(starts, len(days))))

    def by_day(self) -> Iterator[tuple[int, list[pa.RecordBatch]]]:
        """Each day with its rows from every run, earliest day first.

        The rows are views of mapped files: they hold until the next day is asked for.
        """
        if not self._runs:
            return
        every = iter(np.unique(np.concatenate([run.days for run in self._runs])).tolist())
        while days := list(islice(every, _DAYS_AT_A_TIME)):
            # Mapped anew now and then: pages that were read count as this process's memory until unmapped.
            batches = [pa.ipc.open_file(pa.memory_map(str(run.path))).get_batch(0) for run in self._runs]
            for day in days:
                pieces = []
                for run, batch in zip(self._runs, batches, strict=True):
                    start, end = run.bounds(day)
                    if end > start:
                        pieces.append(batch.slice(start, end - start))
                yield day, pieces

    def close(self) -> None:
        """Remove what was set aside."""
        self._runs.clear()
        shutil.rmtree(self._directory, ignore_errors=True)
