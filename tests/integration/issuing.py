"""Gives codes in forked processes, so that each can be killed; each code is written down when it is there."""

from __future__ import annotations

import importlib.util
import os
import signal
import threading
from pathlib import Path

from forking import serve

from assay.model.codes.rules import CodeRule
from assay.store.codes import issue_codes
from assay.store.registry import Registry

if importlib.util.find_spec("psycopg"):
    import psycopg  # noqa: F401 - imported before the fork, not after

RULE = CodeRule.model_validate(
    {
        "name": "unit",
        "pattern": "K{line}{date}{serial}{check}",
        "date": "yymmdd",
        "serial": {"alphabet": "base36", "width": 4, "reset": "day", "per": ["line"]},
        "check": "iso7064-mod-37-2",
        "fields": {"line": {"width": 1}},
    }
)


def work(url: str, notes: str, calls: str, processes: str, kill_after: str) -> None:
    """Ask for codes of two lines in some processes at once, and note them.

    With a time the only process kills itself so many seconds after its first code.
    """
    others = [child for n in range(int(processes) - 1) if (child := _forked(url, f"{notes}.{n}", calls))]
    _ask(url, notes, int(calls), float(kill_after))
    if any(os.waitpid(child, 0)[1] for child in others):
        os._exit(1)


def _forked(url: str, notes: str, calls: str) -> int:
    child = os.fork()
    if child == 0:
        _ask(url, notes, int(calls), 0)
        os._exit(0)
    return child


def _ask(url: str, notes: str, calls: int, kill_after: float) -> None:
    with Registry.open(url) as registry, Path(notes).open("a", encoding="utf-8") as out:
        for call in range(calls):
            issued = issue_codes(registry, RULE, {"line": "12"[call % 2]}, zone="UTC", count=1 + call % 3)
            out.write("".join(f"{code}\n" for code in issued.codes))
            out.flush()
            if call == 0 and kill_after:
                threading.Timer(kill_after, os.kill, (os.getpid(), signal.SIGKILL)).start()


if __name__ == "__main__":
    serve(work)
