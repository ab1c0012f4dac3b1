"""The statistics as commands: every option of a function is an option of its command."""

from assay.cli.statistics.groups import GROUPS, Group

__all__ = ["GROUPS", "Group"]
