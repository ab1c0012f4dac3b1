"""Derives in forked processes, so that each can be killed: reads one ``PLANT`` a line.

Answers each line with the child's process id; the next line asks for its exit status.
"""

from __future__ import annotations

import os
import sys
import traceback

from assay.query import layers
from assay.query.bind import features, files, scanning  # noqa: F401 - imported before the fork, not after
from assay.store.workspace import Workspace


def main() -> None:
    while plant := sys.stdin.readline().strip():
        child = os.fork()
        if child == 0:
            try:
                with Workspace.open(plant) as workspace:
                    layers.derive(workspace)
            except BaseException:  # noqa: BLE001 - the child must not go on in the parent's loop
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        print(child, flush=True)
        sys.stdin.readline()  # until then the child's id is not free for another process
        print(os.waitpid(child, 0)[1], flush=True)


if __name__ == "__main__":
    main()
