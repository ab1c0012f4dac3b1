"""The encoding of a text file that is not UTF-8 and has no mapping yet that says it."""

from __future__ import annotations

import re
from pathlib import Path

from assay.connect.files.detect import detect
from assay.connect.files.encoding import by_mark, fitting

_SAMPLE = 1 << 20
_HIGH = re.compile(rb"[\x80-\xff]+")
_PAIRED = 0.9
_CHINESE, _WESTERN = "gb18030", "windows-1252"


def other_encoding(path: Path) -> str | None:
    """The encoding in which a text file reads, when it is not UTF-8 and has no mark; None otherwise.

    Chinese text in GB 18030 has its bytes above 127 in pairs; Western text has them alone, between letters.
    """
    found = detect(path)
    if found.format != "csv" or found.gzipped:
        return None
    with path.open("rb") as file:
        sample = file.read(_SAMPLE)
    if len(sample) == _SAMPLE:
        sample = sample[: sample.rfind(b"\n") + 1]
    if by_mark(sample)[0] is not None or not sample:
        return None
    candidates = fitting(sample)
    if "utf-8" in candidates or not candidates:
        return None
    runs = _HIGH.findall(sample)
    paired = sum(len(run) % 2 == 0 for run in runs) >= _PAIRED * len(runs)
    likely = _CHINESE if paired else _WESTERN
    return likely if likely in candidates else candidates[0]
