"""Small plants with measured characteristics and a specification, for the tests of statistics."""

from __future__ import annotations

from pathlib import Path

from assay.connect.load import load_file
from assay.store.workspace import Workspace

SPECIFICATION = """
version: 1
source: drawing
columns: {spec: {role: annotation}, of: {role: annotation}, low: {role: annotation, type: number},
          high: {role: annotation, type: number}, target: {role: annotation, type: number}}
records:
  - kind: entity
    entity: specification
    id: $spec
    values: {characteristic: $of, lower_specification_limit: $low, upper_specification_limit: $high,
             target: $target}
"""


def measured_plant(
    directory: Path, table: str, mapping: str, specification: str, *, name: str | None = None
) -> Path:
    """A plant in ``directory``: the rows of ``table``, and one specification ``spec,of,low,high,target``.

    Its files are saved beside it.
    """
    files = {
        "measured": (table, mapping),
        "spec": (f"spec,of,low,high,target\n{specification}\n", SPECIFICATION),
    }
    with Workspace.create(directory, name=name, time_zone="Europe/Berlin") as workspace:
        for stem, (rows, meaning) in files.items():
            data, yaml = directory.parent / f"{stem}.csv", directory.parent / f"{stem}.yaml"
            data.write_text(rows, "utf-8")
            yaml.write_text(meaning, "utf-8")
            report = load_file(workspace, data, yaml)
            assert report.accepted == rows.count("\n") - 1, report
    return directory
