"""The ``assay`` command."""

from __future__ import annotations

import io
import sys


def main() -> None:
    """Entry point: run the command line and leave with its exit code."""
    from assay.cli.app import run

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")
    sys.exit(run(sys.argv[1:]))
