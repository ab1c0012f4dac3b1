"""The grades of unit files, remembered for a while: making a file takes long, and codes are scanned often."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from assay.analyse.unit_file import unit_file
from assay.exchange.consumer.contents import Grade

if TYPE_CHECKING:
    from assay.store.workspace import Workspace

SECONDS: Final = 300.0
"""How old a grade may be."""
_MOST: Final = 1_000


class Grades:
    """The grades of one plant's units and lots; one file is made at a time.

    Parameters
    ----------
    workspace
        The plant.
    clock
        Seconds that only grow.
    """

    def __init__(self, workspace: Workspace, clock: Callable[[], float] = time.monotonic) -> None:
        self._workspace, self._clock = workspace, clock
        self._known: OrderedDict[str, tuple[float, Grade]] = OrderedDict()
        self._making = threading.Lock()

    def of(self, name: str) -> Grade:
        """The grade of ``unit:ID`` or ``lot:ID``, at most :data:`SECONDS` old.

        Raises
        ------
        AssayError
            Its file can't be made; see :func:`assay.analyse.unit_file.unit_file`.
        """
        with self._making:
            known = self._known.pop(name, None)
            if known is None or self._clock() - known[0] >= SECONDS:
                known = self._clock(), unit_file(self._workspace, name).grade
            self._known[name] = known
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
        return known[1]
