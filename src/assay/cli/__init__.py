"""The ``assay`` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point: run the command line and leave with its exit code."""
    from assay.cli.app import run

    sys.exit(run(sys.argv[1:]))
