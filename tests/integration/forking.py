"""Work in forked processes, so that each can be killed.

The parent answers each line with the child's process id; the next line asks for its exit status. Forking from
a process that has only imported makes a start cost milliseconds.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path


def serve(work: Callable[..., None]) -> None:
    """In the parent: each line's words are the arguments of ``work``, done by a child."""
    while line := sys.stdin.readline():
        child = os.fork()
        if child == 0:
            try:
                work(*line.split())
            except BaseException:  # noqa: BLE001 - the child must not go on in the parent's loop
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        print(child, flush=True)
        sys.stdin.readline()  # until then the child's id is not free for another process
        print(os.waitpid(child, 0)[1], flush=True)


class Server:
    """In the test: a parent that runs the script ``program``."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def do(self, *words: object, kill_after: float | None = None) -> int:
        """Let a child work, killed after some seconds; returns the exit status."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        child = int(self._process.stdout.readline())
        if kill_after is not None:
            time.sleep(kill_after)
            os.kill(child, signal.SIGKILL)  # it has not been waited for, so the id is still its own
        self._process.stdin.write("wait\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End the parent."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
