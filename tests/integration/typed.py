"""The command ``assay`` for tests that type many: processes of their own, forked from one that has imported.

A command spends a second on importing and much less on its work. Here a server imports once; ``assay`` on
the path is a few lines that hand it their arguments, folder, environment and open files, and end as its
child does.
"""

from __future__ import annotations

import array
import json
import os
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

IMPORTED = (
    "assay.analyse.cause",
    "assay.analyse.trace",
    "assay.cli.app",
    "assay.cli.statistics.command",
    "assay.connect.load",
    "assay.query.find",
    "assay.stats",
    "assay.store.workspace",
    "rich.table",
)
TYPED = """\
#!{python} -IS
import array, json, os, socket, sys
told = json.dumps([sys.argv, os.getcwd(), dict(os.environ)]).encode()
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
files = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))
server.sendmsg([len(told).to_bytes(8, "big")], [files])
server.sendall(told)
sys.exit(int(server.recv(16) or b"70"))
"""


@contextmanager
def typed_commands() -> Iterator[Path]:
    """A folder for the path, whose ``assay`` starts at once."""
    with tempfile.TemporaryDirectory(prefix="assay-typed-") as folder:
        address = f"{folder}/socket"
        command = Path(folder) / "assay"
        command.write_text(TYPED.format(python=sys.executable, address=address), "utf-8")
        command.chmod(0o755)
        words = [sys.executable, __file__, address]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n", "the server of commands does not start"
            try:
                yield Path(folder)
            finally:
                server.kill()


def serve(address: str) -> None:
    """Do each command in a child of its own, which a second child waits for."""
    for name in IMPORTED:
        __import__(name)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        print("ready", flush=True)
        while True:
            asked = listener.accept()[0]
            if os.fork() == 0:
                listener.close()
                told, files = received(asked)
                child = os.fork()
                if child == 0:
                    done(told, files)
                asked.sendall(b"%d" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
                os._exit(0)
            asked.close()
            while waiting() > 0:
                pass


def waiting() -> int:
    """Let go of a child that has ended; 0 or less when there is none."""
    try:
        return os.waitpid(-1, os.WNOHANG)[0]
    except ChildProcessError:
        return -1


def received(asked: socket.socket) -> tuple[Any, list[int]]:
    """What the command was given: its words, folder and environment; its input, output and errors."""
    files = array.array("i")
    head, more, *_ = asked.recvmsg(8, socket.CMSG_SPACE(3 * files.itemsize))
    files.frombytes(more[0][2])
    text, size = b"", int.from_bytes(head, "big")
    while len(text) < size:
        text += asked.recv(size - len(text))
    return json.loads(text), list(files)


def done(told: Any, files: list[int]) -> None:
    """The command, as if this process had been started for it; never returns."""
    code: Any = 1
    try:
        for number, file in enumerate(files):
            os.dup2(file, number)
        sys.argv, folder, environment = told
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115
        from assay.cli import main

        main()
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001 - the child must not go on in the parent's loop
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code or 0)


if __name__ == "__main__":
    serve(sys.argv[1])
