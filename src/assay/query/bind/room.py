"""Room for the numbers of a piece, used again for the next one: new memory costs more than the work in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Room:
    """Arrays by name, for one thread. What lies in one is gone when its name is asked for again."""

    def __init__(self) -> None:
        self._arrays: dict[str, NDArray[Any]] = {}

    def array(self, name: str, shape: int | tuple[int, int], kind: type[np.generic]) -> NDArray[Any]:
        """An array of this shape; its entries are whatever was there."""
        wanted = (shape,) if isinstance(shape, int) else shape
        size = int(np.prod(wanted))
        known = self._arrays.get(name)
        if known is None or len(known) < size:
            known = self._arrays[name] = np.empty(size + size // 8, kind)
        return known[:size].reshape(wanted)

    def joined(self, name: str, parts: Sequence[NDArray[Any]], kind: type[np.generic]) -> NDArray[Any]:
        """The parts after one another; a single one stays where it is."""
        if len(parts) == 1:
            return parts[0]
        whole = self.array(name, sum(map(len, parts)), kind)
        if parts:
            np.concatenate(parts, out=whole)
        return whole
